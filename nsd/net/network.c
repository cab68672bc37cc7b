/* SPDX-License-Identifier: MPL-2.0 */
/*
 * IP addresses and networks.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "net/network.h"

static const unsigned char mappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool
NsIpRead(const char *string, NsIp *ip)
{
    memcpy(ip->bytes, mappedPrefix, sizeof(mappedPrefix));
    ip->v4 = inet_pton(AF_INET, string, ip->bytes + sizeof(mappedPrefix)) == 1;
    return ip->v4 || inet_pton(AF_INET6, string, ip->bytes) == 1;
}

/* Nothing, or a colon and a port. */
static bool
IsPortOrNothing(const char *p, const char *end)
{
    long port = 0;

    if (p == end) {
        return true;
    }
    if (*p != ':' || end - p < 2 || end - p > 6) {
        return false;
    }
    for (p++; p < end; p++) {
        if (*p < '0' || *p > '9') {
            return false;
        }
        port = port * 10 + (*p - '0');
    }
    return port <= 65535;
}

bool
NsIpReadHop(const char *string, size_t len, NsIp *ip)
{
    const char *end = string + len, *start = string, *stop = end;
    char        text[INET6_ADDRSTRLEN];

    if (len > 0 && *string == '[') {
        start++;
        stop = memchr(string, ']', len);
        if (stop == NULL || !IsPortOrNothing(stop + 1, end)) {
            return false;
        }
    } else {
        const char *colon = memchr(string, ':', len);

        /* One colon is a port's, more are an address of IPv6. */
        if (colon != NULL && memchr(colon + 1, ':', (size_t)(end - colon - 1)) == NULL) {
            stop = colon;
            if (!IsPortOrNothing(stop, end)) {
                return false;
            }
        }
    }
    if ((size_t)(stop - start) >= sizeof text || memchr(start, '\0', (size_t)(stop - start)) != NULL) {
        return false;
    }
    memcpy(text, start, (size_t)(stop - start));
    text[stop - start] = '\0';
    return NsIpRead(text, ip) && !(ip->v4 && start > string);
}

bool
NsIpOfSockaddr(const struct sockaddr *addr, NsIp *ip)
{
    if (addr->sa_family == AF_INET) {
        memcpy(ip->bytes, mappedPrefix, sizeof(mappedPrefix));
        memcpy(ip->bytes + sizeof(mappedPrefix), &((const struct sockaddr_in *)addr)->sin_addr, 4);
        ip->v4 = true;
        return true;
    }
    if (addr->sa_family == AF_INET6) {
        memcpy(ip->bytes, &((const struct sockaddr_in6 *)addr)->sin6_addr, 16);
        ip->v4 = false;
        return true;
    }
    return false;
}

const char *
NsIpText(const NsIp *ip, char *buffer)
{
    if (memcmp(ip->bytes, mappedPrefix, sizeof(mappedPrefix)) == 0) {
        return inet_ntop(AF_INET, ip->bytes + sizeof(mappedPrefix), buffer, INET6_ADDRSTRLEN);
    }
    return inet_ntop(AF_INET6, ip->bytes, buffer, INET6_ADDRSTRLEN);
}

bool
NsNetworkRead(const char *string, NsNetwork *network)
{
    const char *slash = strchr(string, '/');
    char        host[INET6_ADDRSTRLEN], *end;
    size_t      len = slash != NULL ? (size_t)(slash - string) : strlen(string);
    long        length;

    if (len >= sizeof(host)) {
        return false;
    }
    memcpy(host, string, len);
    host[len] = '\0';
    if (!NsIpRead(host, &network->ip)) {
        return false;
    }
    network->bits = 128;
    if (slash != NULL) {
        length = strtol(slash + 1, &end, 10);
        if (end == slash + 1 || *end != '\0' || length < 0 || length > (network->ip.v4 ? 32 : 128)) {
            return false;
        }
        network->bits = (int)length + (network->ip.v4 ? 96 : 0);
    }
    return true;
}

bool
NsNetworkHas(const NsNetwork *network, const NsIp *ip)
{
    int whole = network->bits / 8, rest = network->bits % 8;

    return memcmp(ip->bytes, network->ip.bytes, (size_t)whole) == 0
        && (rest == 0 || ((ip->bytes[whole] ^ network->ip.bytes[whole]) >> (8 - rest)) == 0);
}

static bool
IsInOneOf(const NsIp *ip, const char *const *names)
{
    NsNetwork network;

    for (; *names != NULL; names++) {
        if (NsNetworkRead(*names, &network) && NsNetworkHas(&network, ip)) {
            return true;
        }
    }
    return false;
}

bool
NsIpIsLoopback(const NsIp *ip)
{
    static const char *const names[] = {"127.0.0.0/8", "::1", NULL};

    return IsInOneOf(ip, names);
}

bool
NsIpIsPublic(const NsIp *ip)
{
    static const char *const names[] = {
        "0.0.0.0", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::", "::1", "fe80::/10", "fc00::/7", NULL
    };

    return !IsInOneOf(ip, names);
}
