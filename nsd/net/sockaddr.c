/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Addresses as modules compare and mask them (nssock.h).
 */
#include "net/network.h"
#include "ns.h"

int
ns_inet_pton(struct sockaddr *sa, const char *addr)
{
    struct sockaddr_in  *in = (struct sockaddr_in *)sa;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
    struct in_addr       four;
    struct in6_addr      six;
    int                  result = inet_pton(AF_INET, addr, &four);

    if (result > 0) {
        in->sin_family = AF_INET;
        in->sin_addr = four;
    } else {
        result = inet_pton(AF_INET6, addr, &six);
        if (result > 0) {
            in6->sin6_family = AF_INET6;
            in6->sin6_addr = six;
            in6->sin6_flowinfo = in6->sin6_scope_id = 0;
        }
    }
    return result;
}

char *
ns_inet_ntoa(struct sockaddr *sa)
{
    static __thread char text[NS_IPADDR_SIZE];

    return ns_inet_ntop(sa, text, sizeof(text)) != NULL ? text : strcpy(text, "");
}

socklen_t
Ns_SockaddrGetSockLen(const struct sockaddr *sa)
{
    switch (sa->sa_family) {
    case AF_INET6: return sizeof(struct sockaddr_in6);
    case AF_UNIX:  return sizeof(struct sockaddr_un);
    default:       return sizeof(struct sockaddr_in);
    }
}

unsigned short
Ns_SockaddrGetPort(const struct sockaddr *sa)
{
    switch (sa->sa_family) {
    case AF_INET:  return ntohs(((const struct sockaddr_in *)sa)->sin_port);
    case AF_INET6: return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
    default:       return 0;
    }
}

void
Ns_SockaddrSetPort(struct sockaddr *sa, unsigned short port)
{
    if (sa->sa_family == AF_INET) {
        ((struct sockaddr_in *)sa)->sin_port = htons(port);
    } else if (sa->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
    }
}

/* The bytes of an address, and how many; NULL: it is of another family. */
static unsigned char *
BytesOf(const struct sockaddr *sa, size_t *len)
{
    uintptr_t at = (uintptr_t)sa;

    if (sa->sa_family == AF_INET) {
        *len = 4;
        return (unsigned char *)&((struct sockaddr_in *)at)->sin_addr;
    }
    *len = 16;
    return sa->sa_family == AF_INET6 ? (unsigned char *)&((struct sockaddr_in6 *)at)->sin6_addr : NULL;
}

/* The same; of an IPv4 address within IPv6 its four alone. */
static const unsigned char *
PlainBytesOf(const struct sockaddr *sa, size_t *len)
{
    const unsigned char *bytes = BytesOf(sa, len);

    if (bytes != NULL && *len == 16 && IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *)sa)->sin6_addr)) {
        *len = 4;
        bytes += 12;
    }
    return bytes;
}

bool
Ns_SockaddrSetLoopback(struct sockaddr *sa)
{
    size_t         len;
    unsigned char *bytes = BytesOf(sa, &len);

    if (bytes != NULL) {
        memset(bytes, 0, len);
        bytes[0] = len == 4 ? 127 : 0;
        bytes[len - 1] = 1;
    }
    return bytes != NULL;
}

bool
Ns_SockaddrInAny(const struct sockaddr *sa)
{
    size_t               len;
    const unsigned char *bytes = BytesOf(sa, &len);

    for (size_t i = 0; bytes != NULL && i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return bytes != NULL;
}

bool
Ns_SockaddrSameIP(const struct sockaddr *addr1, const struct sockaddr *addr2)
{
    size_t               len1, len2;
    const unsigned char *bytes1 = PlainBytesOf(addr1, &len1), *bytes2 = PlainBytesOf(addr2, &len2);

    return bytes1 != NULL && bytes2 != NULL && len1 == len2 && memcmp(bytes1, bytes2, len1) == 0;
}

bool
Ns_SockaddrMask(const struct sockaddr *addr, const struct sockaddr *mask, struct sockaddr *masked)
{
    size_t               len, maskLen, outLen;
    const unsigned char *bytes = PlainBytesOf(addr, &len), *maskBytes = PlainBytesOf(mask, &maskLen);
    unsigned char        result[16], *out;

    if (bytes == NULL || maskBytes == NULL || len != maskLen) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        result[i] = bytes[i] & maskBytes[i];
    }
    memset(masked, 0, len == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    masked->sa_family = len == 4 ? AF_INET : AF_INET6;
    out = BytesOf(masked, &outLen);
    memcpy(out, result, len);
    return true;
}

bool
Ns_SockaddrMaskedMatch(const struct sockaddr *addr, const struct sockaddr *mask, const struct sockaddr *masked)
{
    struct sockaddr_storage own;

    return Ns_SockaddrMask(addr, mask, (struct sockaddr *)&own) && Ns_SockaddrSameIP((struct sockaddr *)&own, masked);
}

bool
Ns_SockaddrMaskBits(struct sockaddr *mask, unsigned int nrBits)
{
    size_t         len;
    unsigned char *bytes = BytesOf(mask, &len);

    if (bytes == NULL || nrBits > len * 8u) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned here = nrBits > 8u ? 8u : nrBits;

        bytes[i] = (unsigned char)(0xff00u >> here);
        nrBits -= here;
    }
    return true;
}

/* An IPv4 address within IPv6 becomes the one alone. */
static void
Unmap(struct sockaddr_storage *address)
{
    size_t               len;
    const unsigned char *bytes = PlainBytesOf((struct sockaddr *)address, &len);

    if (address->ss_family == AF_INET6 && len == 4) {
        struct sockaddr_in in = {.sin_family = AF_INET};

        memcpy(&in.sin_addr, bytes, len);
        memset(address, 0, sizeof(*address));
        memcpy(address, &in, sizeof(in));
    }
}

Ns_ReturnCode
Ns_SockaddrParseIPMask(Tcl_Interp *interp, const char *ipString, struct sockaddr *ip, struct sockaddr *mask,
                       unsigned int *nrBits)
{
    const char              *slash = strchr(ipString, '/');
    char                    *address = ns_strncopy(ipString, slash != NULL ? slash - ipString : -1);
    struct sockaddr_storage  whole = {0}, bits = {0};
    unsigned long            count = 0;
    bool                     good = ns_inet_pton((struct sockaddr *)&whole, address) > 0;

    ns_free(address);
    if (good) {
        unsigned long all = whole.ss_family == AF_INET ? 32u : 128u;

        count = all;
        good = slash == NULL || Ns_StrToULongNStrict(slash + 1, strlen(slash + 1), 10, &count);
        Unmap(&whole);
        bits.ss_family = whole.ss_family;
        if (whole.ss_family == AF_INET && all == 128u) {
            good = good && count >= 96u;
            count -= 96u;                      /* of its last four bytes */
        }
        good = good && count <= 128u && Ns_SockaddrMaskBits((struct sockaddr *)&bits, (unsigned)count)
            && Ns_SockaddrMask((struct sockaddr *)&whole, (struct sockaddr *)&bits, ip);
    }
    if (!good) {
        if (interp != NULL) {
            Tcl_SetObjResult(interp, Tcl_ObjPrintf("invalid address or network: '%s'", ipString));
        }
        return NS_ERROR;
    }
    memcpy(mask, &bits, Ns_SockaddrGetSockLen((struct sockaddr *)&bits));
    if (nrBits != NULL) {
        *nrBits = (unsigned)count;
    }
    return NS_OK;
}

static const char *
FamilyName(int family)
{
    return family == AF_INET ? "AF_INET" : family == AF_INET6 ? "AF_INET6" : family == AF_UNIX ? "AF_UNIX" : "unknown";
}

void
Ns_LogSockaddr(Ns_LogSeverity severity, const char *prefix, const struct sockaddr *saPtr)
{
    char text[NS_IPADDR_SIZE];

    if (Ns_LogSeverityEnabled(severity)) {
        Ns_Log(severity, "%s: sockaddr: family %s, IP %s, port %hu", prefix, FamilyName(saPtr->sa_family),
               ns_inet_ntop(saPtr, text, sizeof(text)) != NULL ? text : "-", Ns_SockaddrGetPort(saPtr));
    }
}

bool
Ns_SockaddrPublicIpAddress(const struct sockaddr *saPtr)
{
    NsIp ip;

    return NsIpOfSockaddr(saPtr, &ip) && NsIpIsPublic(&ip);
}
