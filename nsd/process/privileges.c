/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Options -u, -g and -r.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>

#include "ns.h"
#include "conf/options.h"
#include "process/privileges.h"

static uid_t user;
static gid_t group;
static bool  change;                           /* there is something to change to */

static bool
IsNumber(const char *string, unsigned long *number)
{
    char *end;

    errno = 0;
    *number = strtoul(string, &end, 10);
    return string[0] >= '0' && string[0] <= '9' && *end == '\0' && errno == 0 && *number <= UINT32_MAX - 1;
}

static void
FindUser(const char *name)
{
    unsigned long  number;
    struct passwd *entry;

    if (IsNumber(name, &number)) {
        entry = getpwuid((uid_t)number);
        user = (uid_t)number;
    } else {
        entry = getpwnam(name);
        if (entry == NULL) {
            Ns_Fatal("-u %s: there is no such user", name);
        }
        user = entry->pw_uid;
    }
    if (entry != NULL) {
        group = entry->pw_gid;
        if (getuid() == 0 && initgroups(entry->pw_name, group) != 0) {
            Ns_Fatal("-u %s: cannot take on the groups of the user: %s", name, strerror(errno));
        }
    } else if (getuid() == 0 && setgroups(0, NULL) != 0) {
        Ns_Fatal("-u %s: cannot give up groups: %s", name, strerror(errno));
    }
}

static void
FindGroup(const char *name)
{
    unsigned long number;
    struct group *entry = getgrnam(name);

    if (entry != NULL) {
        group = entry->gr_gid;
    } else if (IsNumber(name, &number)) {
        group = (gid_t)number;
    } else {
        Ns_Fatal("-g %s: there is no such group", name);
    }
}

/* Users are looked up while their lists can still be read. */
void
NsPrivilegesChroot(void)
{
    user = getuid();
    group = getgid();
    if (nsOptions.user != NULL) {
        FindUser(nsOptions.user);
    }
    if (nsOptions.group != NULL) {
        FindGroup(nsOptions.group);
    }
    change = user != getuid() || group != getgid();
    if (change && geteuid() != 0) {
        Ns_Fatal("options -u and -g: only root may become another user or group");
    }
    if (nsOptions.chroot != NULL && (chroot(nsOptions.chroot) != 0 || chdir("/") != 0)) {
        Ns_Fatal("-r %s: %s", nsOptions.chroot, strerror(errno));
    }
}

void
NsPrivilegesLower(void)
{
    if (change && (setegid(group) != 0 || seteuid(user) != 0)) {
        Ns_Fatal("cannot become user %u, group %u: %s", (unsigned)user, (unsigned)group, strerror(errno));
    }
}

void
NsPrivilegesRaise(void)
{
    if (change && (seteuid(0) != 0 || setegid(0) != 0)) {
        Ns_Fatal("cannot go back to the user who started the process: %s", strerror(errno));
    }
}

void
NsPrivilegesDrop(void)
{
    if (!change) {
        return;
    }
    if (setgid(group) != 0 || setuid(user) != 0) {
        Ns_Fatal("cannot become user %u, group %u: %s", (unsigned)user, (unsigned)group, strerror(errno));
    }
    if (user != 0 && setuid(0) == 0) {
        Ns_Fatal("could become root again after giving it up");
    }
    /* The change of user switched core dumps off. */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    Ns_Log(Notice, "process: running as user %u, group %u", (unsigned)user, (unsigned)group);
}

#define ENTRY_SIZE 16384

bool
NsPrivilegesSetUser(const char *name)
{
    unsigned long  number = 0;
    struct passwd  entry, *found = NULL;
    char          *buffer = ns_malloc(ENTRY_SIZE);
    bool           isNumber = IsNumber(name, &number), done = false;

    if (isNumber) {
        (void)getpwuid_r((uid_t)number, &entry, buffer, ENTRY_SIZE, &found);
    } else {
        (void)getpwnam_r(name, &entry, buffer, ENTRY_SIZE, &found);
    }
    if (found == NULL && !isNumber) {
        errno = ENOENT;
    } else if (geteuid() != 0) {               /* setuid to oneself is allowed: nothing changes then */
        done = setuid(found != NULL ? found->pw_uid : (uid_t)number) == 0;
    } else if (found != NULL) {
        done = initgroups(found->pw_name, found->pw_gid) == 0 && setgid(found->pw_gid) == 0 && setuid(found->pw_uid) == 0;
    } else {
        done = setgroups(0, NULL) == 0 && setuid((uid_t)number) == 0;
    }
    ns_free(buffer);
    return done;
}

bool
NsPrivilegesSetGroup(const char *name)
{
    unsigned long number = 0;
    struct group  entry, *found = NULL;
    char         *buffer = ns_malloc(ENTRY_SIZE);
    bool          isNumber = IsNumber(name, &number), done = false;

    (void)getgrnam_r(name, &entry, buffer, ENTRY_SIZE, &found);
    if (found == NULL && !isNumber) {
        errno = ENOENT;
    } else {
        done = setgid(found != NULL ? found->gr_gid : (gid_t)number) == 0;
    }
    ns_free(buffer);
    return done;
}

Ns_ReturnCode
Ns_SetUser(const char *name)
{
    bool done = NsPrivilegesSetUser(name);

    if (!done) {
        Ns_Log(Error, "cannot become user '%s': %s", name, errno == ENOENT ? "there is no such user" : strerror(errno));
    }
    return done ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_SetGroup(const char *name)
{
    bool done = NsPrivilegesSetGroup(name);

    if (!done) {
        Ns_Log(Error, "cannot become group '%s': %s", name, errno == ENOENT ? "there is no such group" : strerror(errno));
    }
    return done ? NS_OK : NS_ERROR;
}
