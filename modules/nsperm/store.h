/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Users, groups, and who may do what with which URL.
 *
 * One store per server.  Any thread may call these functions; a lock orders them, which is not held while a password is checked or
 * a name is looked up.  The user "" is the one who gives no name.
 *
 * What files say and what scripts say is told apart, so that files can be read again: `filed`.
 */
#ifndef NSPERM_STORE_H
#define NSPERM_STORE_H

#include "host.h"

#define PERM_ADMIN "nsadmin"                   /* who may do all, from where his hosts say */

typedef struct PermStore PermStore;

PermStore *PermStoreNew(const char *server);
void       PermStoreFree(PermStore *store);    /* nobody uses it any more */

/*
 * What is to be done; all functions that can fail append a message to `error` (initialised by the caller) and return false.
 * The same name twice is an error.
 */
typedef struct PermUserSpec {
    const char *name, *password, *field;
    bool        clear;                         /* `password` is the password itself, not what crypt(3) makes of it */
    bool        deny;                          /* `hosts` are those where the user may not come from, not those where he must */
    PermHost   *hosts;                         /* taken over, also when it fails; ns_malloc; NULL: from anywhere */
    size_t      hostCount;
} PermUserSpec;
bool PermAddUser(PermStore *store, const PermUserSpec *spec, bool filed, Tcl_DString *error);
/* More hosts for a user, who has none of the other kind; false: there is no such user, or he has.  The hosts are taken over. */
bool PermAddHosts(PermStore *store, const char *name, bool deny, PermHost *hosts, size_t hostCount, Tcl_DString *error);
bool PermDeleteUser(PermStore *store, const char *name);               /* false: there was none */
bool PermSetPassword(PermStore *store, const char *name, const char *encrypted);       /* false: no such user */
bool PermAddGroup(PermStore *store, const char *name, int userc, const char *const *users, bool filed, Tcl_DString *error);
bool PermDeleteGroup(PermStore *store, const char *name);

/*
 * A record says who may (allow) or may not (deny) use a method for a URL, and with `inherit` all below it.  The last part of the URL
 * may be a pattern.  Who is named nowhere in a record may if it began with a deny, and may not if it began with an allow.
 * Within a record what is said of a user comes before what is said of groups, and deny before allow.
 */
typedef enum { PERM_ALLOW_USER, PERM_DENY_USER, PERM_ALLOW_GROUP, PERM_DENY_GROUP } PermKind;
void PermAdd(PermStore *store, PermKind kind, bool inherit, const char *method, const char *url, const char *name, bool filed);
/* True: there was a record for just this URL, and for `inherit`. */
bool PermDelete(PermStore *store, bool inherit, const char *method, const char *url);

/* What is `filed` in the store gives way to what is in `loaded`, at once for others; `loaded` is freed. */
void PermReplaceFiled(PermStore *store, PermStore *loaded);

typedef enum { PERM_RIGHT, PERM_WRONG, PERM_UNKNOWN } PermVerdict;
/* A user without a password has any; "" is nobody whose password could be right. */
PermVerdict PermCheckPassword(PermStore *store, const char *name, const char *password);
/* NS_CONTINUE: there is no record for it; NS_OK, NS_UNAUTHORIZED, NS_FORBIDDEN. */
Ns_ReturnCode PermCheck(PermStore *store, const Ns_AuthQuestion *question);

/* Append a Tcl list, in the order of names. */
void PermListUsers(PermStore *store, Tcl_DString *ds);
void PermListGroups(PermStore *store, Tcl_DString *ds);
void PermListRecords(PermStore *store, Tcl_DString *ds);

#endif
