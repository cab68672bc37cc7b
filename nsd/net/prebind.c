/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets bound before they are asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "net/prebind.h"
#include "net/sock.h"

#define FIRST_PASSED 3                         /* SD_LISTEN_FDS_START */

typedef struct Prebound Prebound;
struct Prebound {
    Prebound      *next;
    char          *text;                       /* for messages: as it was given, or as it is bound */
    char          *host;                       /* of -b; NULL: any address */
    unsigned short port;
    NS_SOCKET      fd;                         /* -1: not bound yet */
    NsSockAddr     addr;
    bool           v6only;
};

static Ns_Mutex  lock;
static Prebound *first;                        /* of those that nobody has taken; as they were given */
static bool      reported;

static void
Append(Prebound *prebound)
{
    Prebound **end = &first;

    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = prebound;
}

static void
Free(Prebound *prebound)
{
    ns_free(prebound->text);
    ns_free(prebound->host);
    ns_free(prebound);
}

/* What it is bound to, as the kernel tells.  False: errno. */
static bool
LearnAddress(Prebound *prebound)
{
    int       on = 0;
    socklen_t len = sizeof(on);

    memset(&prebound->addr, 0, sizeof(prebound->addr));
    prebound->addr.len = sizeof(prebound->addr.u);
    if (getsockname(prebound->fd, &prebound->addr.u.sa, &prebound->addr.len) != 0) {
        return false;
    }
    prebound->v6only = prebound->addr.u.sa.sa_family == AF_INET6
        && getsockopt(prebound->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len) == 0 && on != 0;
    return true;
}

static bool
SameAddress(const NsSockAddr *a, const NsSockAddr *b)
{
    if (a->u.sa.sa_family != b->u.sa.sa_family) {
        return false;
    }
    switch (a->u.sa.sa_family) {
    case AF_INET:
        return a->u.in.sin_port == b->u.in.sin_port && a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
    case AF_INET6:
        return a->u.in6.sin6_port == b->u.in6.sin6_port && a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id
            && memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof(a->u.in6.sin6_addr)) == 0;
    case AF_UNIX:
        return a->u.un.sun_path[0] != '\0' && strcmp(a->u.un.sun_path, b->u.un.sun_path) == 0;
    default:
        return false;
    }
}

/* The link to the first that fits, as the header says; NULL: none. */
static Prebound **
Find(const NsSockAddr *addrs, int count, bool any)
{
    for (int i = 0; i < count; i++) {
        for (Prebound **link = &first; *link != NULL; link = &(*link)->next) {
            const Prebound *prebound = *link;

            if (prebound->fd != NS_INVALID_SOCKET && SameAddress(&prebound->addr, &addrs[i])
                && !(any && prebound->v6only)) {
                return link;
            }
        }
    }
    return NULL;
}

/* -------------------------------------------------------------------------------------------------------------- -b */

static bool
ParsePort(const char *text, unsigned short *port)
{
    size_t digits = strspn(text, "0123456789");
    long   number = digits > 0 && digits <= 5 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;

    *port = (unsigned short)number;
    return number >= 1 && number <= 65535;
}

/* "[::1]" becomes "::1"; false: that is no address in brackets. */
static bool
StripBrackets(char **host)
{
    size_t len = strlen(*host);

    if (len < 2 || (*host)[len - 1] != ']') {
        return false;
    }
    (*host)[len - 1] = '\0';
    (*host)++;
    return strchr(*host, ':') != NULL && NsAddrIsNumeric(*host);
}

/* One of the list, taken apart in place.  Returns what is wrong with it, or NULL. */
static const char *
ParseOne(char *text, char **host, unsigned short *port)
{
    char *colon = strrchr(text, ':');

    *host = NULL;
    if (!ParsePort(colon != NULL ? colon + 1 : text, port)) {
        return "a port is a number from 1 to 65535";
    }
    if (colon == NULL) {
        return NULL;
    }
    *colon = '\0';
    if (*text == '\0') {
        return "the address is missing";
    }
    if (text[0] == '[' ? !StripBrackets(&text) : strchr(text, ':') != NULL) {
        return "an IPv6 address is written [::1]:port";
    }
    if (strpbrk(text, "[]/ \t") != NULL) {
        return "this is no address";
    }
    *host = strcmp(text, "*") != 0 ? text : NULL;
    return NULL;
}

static bool
WantOne(const char *text, size_t len, Tcl_DString *error)
{
    Prebound   *prebound = ns_calloc(1u, sizeof(Prebound));
    char       *copy = ns_malloc(len + 1u), *host;
    const char *wrong;

    memcpy(copy, text, len);
    copy[len] = '\0';
    prebound->text = ns_strdup(copy);
    prebound->fd = NS_INVALID_SOCKET;
    wrong = ParseOne(copy, &host, &prebound->port);
    if (wrong == NULL) {
        prebound->host = ns_strdup(host);
        Append(prebound);
    } else {
        Tcl_DStringAppend(error, "'", 1);
        Tcl_DStringAppend(error, prebound->text, -1);
        Tcl_DStringAppend(error, "': ", 3);
        Tcl_DStringAppend(error, wrong, -1);
        Free(prebound);
    }
    ns_free(copy);
    return wrong == NULL;
}

bool
NsPrebindWant(const char *list, Tcl_DString *error)
{
    for (;;) {
        size_t len = strcspn(list, ",");

        if (!WantOne(list, len, error)) {
            return false;
        }
        if (list[len] == '\0') {
            return true;
        }
        list += len + 1;
    }
}

/* Bind one.  False: errno. */
static bool
OpenOne(Prebound *prebound)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    bool       any = prebound->host == NULL;
    int        count = NsAddrResolve(prebound->host, prebound->port, true, addrs);

    if (count > 0 && Find(addrs, count, any) != NULL) {
        return true;                           /* passed by systemd, or given twice */
    }
    for (int i = 0; i < count && prebound->fd == NS_INVALID_SOCKET; i++) {
        prebound->fd = NsSockBind(&addrs[i], false, any);
        if (prebound->fd == NS_INVALID_SOCKET && any && errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) {
            break;
        }
    }
    return prebound->fd != NS_INVALID_SOCKET && LearnAddress(prebound);
}

bool
NsPrebindOpen(Tcl_DString *error)
{
    bool ok = true;

    Ns_MutexLock(&lock);
    for (Prebound **link = &first; ok && *link != NULL;) {
        Prebound *prebound = *link;

        ok = prebound->fd != NS_INVALID_SOCKET || OpenOne(prebound);
        if (!ok) {
            int failed = errno;

            Tcl_DStringAppend(error, "cannot bind ", -1);
            Tcl_DStringAppend(error, prebound->text, -1);
            Tcl_DStringAppend(error, ": ", 2);
            Tcl_DStringAppend(error, failed == EHOSTUNREACH ? "the host is not known" : strerror(failed), -1);
        }
        if (prebound->fd != NS_INVALID_SOCKET) {
            link = &prebound->next;
        } else {
            *link = prebound->next;
            Free(prebound);
        }
    }
    Ns_MutexUnlock(&lock);
    return ok;
}

/* --------------------------------------------------------------------------------------------------------- systemd */

/* How many descriptors were passed to this process. */
static int
CountPassed(void)
{
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    char       *end;
    long        number;

    if (count == NULL || pid == NULL || strtol(pid, &end, 10) != (long)getpid() || *end != '\0') {
        return 0;                              /* meant for the one who started us */
    }
    number = strtol(count, &end, 10);
    if (*count == '\0' || *end != '\0' || number < 0 || number > sysconf(_SC_OPEN_MAX)) {
        Ns_Log(Warning, "process: LISTEN_FDS is no number of sockets: %s", count);
        return 0;
    }
    return (int)number;
}

/* The part at `*names` up to the next colon, which is moved on; ns_malloc'ed. */
static char *
NextName(const char **names)
{
    size_t len = strcspn(*names, ":");
    char  *name = ns_malloc(len + 1u);

    memcpy(name, *names, len);
    name[len] = '\0';
    *names += len + ((*names)[len] == ':' ? 1u : 0u);
    return name;
}

/* "web (127.0.0.1:80)" */
static char *
DescribePassed(const char *name, const NsSockAddr *addr)
{
    char host[INET6_ADDRSTRLEN] = "", text[512];
    bool v6 = addr->u.sa.sa_family == AF_INET6;

    if (addr->u.sa.sa_family == AF_UNIX) {
        const char *path = addr->u.un.sun_path;

        snprintf(text, sizeof(text), "%s (%s)", name, *path != '\0' ? path : "abstract name");
    } else {
        (void)ns_inet_ntop(&addr->u.sa, host, sizeof(host));
        snprintf(text, sizeof(text), "%s (%s%s%s:%u)", name, v6 ? "[" : "", host, v6 ? "]" : "",
                 (unsigned)ntohs(v6 ? addr->u.in6.sin6_port : addr->u.in.sin_port));
    }
    return ns_strdup(text);
}

/* Is it a stream socket that can listen, in a family that we know?  NULL: yes; else what is wrong. */
static const char *
CheckPassed(Prebound *prebound)
{
    int                     type = 0;
    socklen_t               len = sizeof(type);
    struct sockaddr_storage peer;
    socklen_t               peerLen = sizeof(peer);

    if (getsockopt(prebound->fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0) {
        return strerror(errno);
    }
    if (type != SOCK_STREAM || getpeername(prebound->fd, (struct sockaddr *)&peer, &peerLen) == 0
        || !LearnAddress(prebound)) {
        return "not a listening stream socket";
    }
    switch (prebound->addr.u.sa.sa_family) {
    case AF_INET: case AF_INET6: case AF_UNIX:
        return NULL;
    default:
        return "neither IP nor Unix-domain";
    }
}

static void
InheritOne(int fd, const char *name)
{
    Prebound   *prebound = ns_calloc(1u, sizeof(Prebound));
    const char *wrong;

    prebound->fd = fd;
    wrong = fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? CheckPassed(prebound) : strerror(errno);
    if (wrong == NULL) {
        prebound->text = DescribePassed(name, &prebound->addr);
        Append(prebound);
        return;
    }
    Ns_Log(Warning, "process: descriptor %d (%s), passed in LISTEN_FDS, is not used: %s", fd, name, wrong);
    (void)close(fd);
    Free(prebound);
}

void
NsPrebindInherit(void)
{
    int         count = CountPassed();
    const char *names = getenv("LISTEN_FDNAMES");

    names = names != NULL ? names : "";
    Ns_MutexLock(&lock);
    for (int i = 0; i < count; i++) {
        char *name = NextName(&names);

        InheritOne(FIRST_PASSED + i, *name != '\0' ? name : "unknown");
        ns_free(name);
    }
    Ns_MutexUnlock(&lock);
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDNAMES");
}

/* ----------------------------------------------------------------------------------------------------- giving away */

static bool
Listen(NS_SOCKET fd, bool ip, int backlog, bool reuseport)
{
    int on = 1;

    return (!ip || !reuseport || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0)
        && Ns_SockSetBlocking(fd) == NS_OK && listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0;
}

bool
NsPrebindTake(const NsSockAddr *addrs, int count, bool any, int backlog, bool reuseport, NS_SOCKET *fd)
{
    Prebound **link, *prebound;

    Ns_MutexLock(&lock);
    link = Find(addrs, count, any);
    prebound = link != NULL ? *link : NULL;
    if (prebound != NULL) {
        if (Listen(prebound->fd, prebound->addr.u.sa.sa_family != AF_UNIX, backlog, reuseport)) {
            *fd = prebound->fd;
            *link = prebound->next;
            Free(prebound);
        } else {
            *fd = NS_INVALID_SOCKET;
        }
    }
    Ns_MutexUnlock(&lock);
    return prebound != NULL;
}

static void
Report(void)
{
    for (const Prebound *prebound = first; prebound != NULL && !reported; prebound = prebound->next) {
        if (prebound->fd != NS_INVALID_SOCKET) {
            Ns_Log(Warning, "process: %s was bound at the start, but nothing listens on it", prebound->text);
        }
    }
    reported = true;
}

void
NsPrebindReport(void)
{
    Ns_MutexLock(&lock);
    Report();
    Ns_MutexUnlock(&lock);
}

void
NsPrebindClose(void)
{
    Ns_MutexLock(&lock);
    Report();
    while (first != NULL) {
        Prebound *prebound = first;

        first = prebound->next;
        if (prebound->fd != NS_INVALID_SOCKET) {
            (void)close(prebound->fd);
        }
        Free(prebound);
    }
    Ns_MutexUnlock(&lock);
}

bool
NsPrebindHasPort(unsigned short port)
{
    bool found = false;

    Ns_MutexLock(&lock);
    for (const Prebound *prebound = first; prebound != NULL && !found; prebound = prebound->next) {
        found = prebound->fd != NS_INVALID_SOCKET && Ns_SockaddrGetPort(&prebound->addr.u.sa) == port;
    }
    Ns_MutexUnlock(&lock);
    return found;
}

bool
Ns_SockPortBound(unsigned short port)
{
    return port != 0 && NsPrebindHasPort(port);
}
