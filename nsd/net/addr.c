/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Addresses: names and numbers to socket addresses and back.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "net/addr.h"

static bool
IsAny(const char *host)
{
    return host == NULL || strcmp(host, "*") == 0;
}

/* "unix:/path" and "/path"; NULL when it is something else. */
static const char *
UnixPath(const char *host)
{
    if (host == NULL) {
        return NULL;
    }
    if (strncmp(host, "unix:", 5) == 0) {
        return host + 5;
    }
    return host[0] == '/' ? host : NULL;
}

static int
ResolveUnix(const char *text, NsSockAddr *addr)
{
    Tcl_DString ds;
    const char *path;
    size_t      len = 0;
    int         result = -1;

    Tcl_DStringInit(&ds);
    path = NsTextOutString(&ds, text);
    if (path != NULL) {
        len = strlen(path);
    }
    if (len == 0) {
        errno = EINVAL;
    } else if (len >= sizeof(addr->u.un.sun_path)) {
        errno = ENAMETOOLONG;
    } else {
        memset(addr, 0, sizeof(*addr));
        addr->u.un.sun_family = AF_UNIX;
        memcpy(addr->u.un.sun_path, path, len + 1);
        addr->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
        result = 1;
    }
    Tcl_DStringFree(&ds);
    return result;
}

static int
ResolveAny(unsigned short port, NsSockAddr addrs[2])
{
    memset(addrs, 0, 2 * sizeof(addrs[0]));
    addrs[0].u.in6.sin6_family = AF_INET6;     /* with V6ONLY off: both; the second is for kernels without IPv6 */
    addrs[0].u.in6.sin6_addr = in6addr_any;
    addrs[0].u.in6.sin6_port = htons(port);
    addrs[0].len = sizeof(struct sockaddr_in6);
    addrs[1].u.in.sin_family = AF_INET;
    addrs[1].u.in.sin_addr.s_addr = htonl(INADDR_ANY);
    addrs[1].u.in.sin_port = htons(port);
    addrs[1].len = sizeof(struct sockaddr_in);
    return 2;
}

/* "[::1]" is written in URLs; the name service wants it without brackets. */
static bool
StripBrackets(const char *host, char *buffer, size_t size)
{
    size_t len = strlen(host);

    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    }
    if (len == 0 || len >= size) {
        return false;
    }
    memcpy(buffer, host, len);
    buffer[len] = '\0';
    return true;
}

static void
SetErrno(int gaiError)
{
    switch (gaiError) {
    case EAI_SYSTEM: break;                    /* is set */
    case EAI_MEMORY: errno = ENOMEM; break;
    case EAI_AGAIN:
    case EAI_FAIL:   errno = ENONET; break;
    default:         errno = EHOSTUNREACH; break;
    }
}

static int
CopyAddrs(const struct addrinfo *list, int family, NsSockAddr *addrs, int max)
{
    int n = 0;

    for (const struct addrinfo *ai = list; ai != NULL && n < max; ai = ai->ai_next) {
        bool ip = ai->ai_family == AF_INET || ai->ai_family == AF_INET6;

        if (ip && (family == AF_UNSPEC || ai->ai_family == family) && ai->ai_addrlen <= sizeof(addrs[n].u)) {
            memset(&addrs[n], 0, sizeof(addrs[n]));
            memcpy(&addrs[n].u, ai->ai_addr, ai->ai_addrlen);
            addrs[n].len = ai->ai_addrlen;
            n++;
        }
    }
    return n;
}

int
NsAddrResolve(const char *host, unsigned short port, bool passive, NsSockAddr addrs[NS_MAX_ADDRS])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    char            name[NI_MAXHOST], service[8];
    const char     *path = UnixPath(host);
    int             n, error;

    if (path != NULL) {
        return ResolveUnix(path, addrs);
    }
    if (IsAny(host)) {
        if (passive) {
            return ResolveAny(port, addrs);
        }
        errno = EHOSTUNREACH;
        return -1;
    }
    if (!StripBrackets(host, name, sizeof(name))) {
        errno = EHOSTUNREACH;
        return -1;
    }
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    error = getaddrinfo(name, service, &hints, &list);
    if (error != 0) {
        SetErrno(error);
        return -1;
    }
    if (passive) {
        n = CopyAddrs(list, AF_INET, addrs, NS_MAX_ADDRS);
        n += CopyAddrs(list, AF_INET6, addrs + n, NS_MAX_ADDRS - n);
    } else {
        n = CopyAddrs(list, AF_UNSPEC, addrs, NS_MAX_ADDRS);
    }
    freeaddrinfo(list);
    if (n == 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    return n;
}

bool
NsAddrIsNumeric(const char *host)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list = NULL;

    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return false;
    }
    freeaddrinfo(list);
    return true;
}

bool
NsAddrNeedsLookup(const char *host)
{
    char name[NI_MAXHOST];

    return UnixPath(host) == NULL && !IsAny(host) && StripBrackets(host, name, sizeof(name)) && !NsAddrIsNumeric(name);
}

Ns_ReturnCode
Ns_GetSockAddr(struct sockaddr *addr, const char *host, unsigned short port)
{
    NsSockAddr addrs[NS_MAX_ADDRS];

    if (IsAny(host)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY), .sin_port = htons(port)};

        memcpy(addr, &in, sizeof(in));
        return NS_OK;
    }
    if (UnixPath(host) != NULL) {
        errno = EAFNOSUPPORT;                  /* would not fit where the caller has room for an IP address */
        return NS_ERROR;
    }
    if (NsAddrResolve(host, port, false, addrs) < 0) {
        return NS_ERROR;
    }
    memcpy(addr, &addrs[0].u, addrs[0].len);
    return NS_OK;
}

const char *
ns_inet_ntop(const struct sockaddr *addr, char *buffer, size_t size)
{
    const struct sockaddr_in6 *in6;

    switch (addr->sa_family) {
    case AF_INET:
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, buffer, (socklen_t)size);
    case AF_INET6:
        in6 = (const struct sockaddr_in6 *)(const void *)addr;
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            /* An IPv4 peer at a socket for both: scripts compare with the IPv4 form. */
            return inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], buffer, (socklen_t)size);
        }
        return inet_ntop(AF_INET6, &in6->sin6_addr, buffer, (socklen_t)size);
    case AF_UNIX:
        if (size < sizeof("unix")) {
            errno = ENOSPC;
            return NULL;
        }
        return strcpy(buffer, "unix");
    default:
        errno = EAFNOSUPPORT;
        return NULL;
    }
}

bool
Ns_GetAddrByHost(Tcl_DString *ds, const char *host)
{
    NsSockAddr addrs[NS_MAX_ADDRS];
    char       text[INET6_ADDRSTRLEN];

    if (host == NULL || UnixPath(host) != NULL || NsAddrResolve(host, 0, false, addrs) < 1) {
        return false;
    }
    Tcl_DStringAppend(ds, ns_inet_ntop(&addrs[0].u.sa, text, sizeof(text)), -1);
    return true;
}
