/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Addresses, networks and names of hosts.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "host.h"

#define V4_PREFIX 12                           /* bytes before the four of IPv4 in ::ffff:a.b.c.d */

/* False: it is no numeric address.  *v4: it was written as one of IPv4. */
static bool
ReadAddress(const char *text, unsigned char ip[16], bool *v4)
{
    memset(ip, 0, 16);
    *v4 = inet_pton(AF_INET, text, ip + V4_PREFIX) == 1;
    if (*v4) {
        ip[10] = ip[11] = 0xff;
        return true;
    }
    return inet_pton(AF_INET6, text, ip) == 1;
}

/* What is behind the slash: a number of bits, or a mask of IPv4 without gaps. */
static bool
ReadMask(const char *text, bool v4, unsigned char mask[16])
{
    unsigned char address[16];
    bool          maskV4;
    long          bits;
    char         *end;

    if (strchr(text, '.') != NULL) {
        uint32_t value;

        if (!v4 || !ReadAddress(text, address, &maskV4) || !maskV4) {
            return false;
        }
        memset(mask, 0xff, V4_PREFIX);
        memcpy(mask + V4_PREFIX, address + V4_PREFIX, 4);
        memcpy(&value, address + V4_PREFIX, 4);
        value = ~ntohl(value);
        return (value & (value + 1u)) == 0u;
    }
    bits = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : -1;
    if (bits < 0 || *end != '\0' || bits > (v4 ? 32 : 128)) {
        return false;
    }
    bits += v4 ? 96 : 0;
    for (int i = 0; i < 16; i++, bits -= 8) {
        mask[i] = bits >= 8 ? 0xff : bits <= 0 ? 0 : (unsigned char)(0xff << (8 - bits));
    }
    return true;
}

/* A name of DNS, with a letter in it; a wrong address is no name. */
static bool
IsName(const char *text)
{
    bool letter = false;

    for (const char *p = text; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr(".-_", *p) == NULL) {
            return false;
        }
        letter = letter || isalpha((unsigned char)*p);
    }
    return letter && strstr(text, "..") == NULL && strlen(text) < 256;
}

bool
PermHostRead(const char *text, PermHost *host)
{
    const char *slash = strchr(text, '/');
    PermHost    read = {.name = NULL};
    char       *address = slash != NULL ? ns_strncopy(text, slash - text) : ns_strdup(text);
    bool        v4, good;

    good = ReadAddress(address, read.ip, &v4);
    if (good && slash != NULL) {
        good = ReadMask(slash + 1, v4, read.mask);
    } else if (good) {
        memset(read.mask, 0xff, 16);
    } else if (slash == NULL && IsName(text)) {
        read.name = ns_strdup(text);
        good = true;
    }
    ns_free(address);
    if (good) {
        read.text = ns_strdup(text);
        *host = read;
    }
    return good;
}

void
PermHostFree(PermHost *host)
{
    ns_free(host->name);
    ns_free(host->text);
}

static bool
InNetwork(const PermHost *host, const unsigned char ip[16])
{
    for (int i = 0; i < 16; i++) {
        if (((host->ip[i] ^ ip[i]) & host->mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Does the name lead to this address? */
static bool
LeadsTo(const char *name, const unsigned char ip[16])
{
    Tcl_DString   ds;
    unsigned char address[16];
    bool          v4, found = false;
    char         *word, *state = NULL;

    Tcl_DStringInit(&ds);
    if (Ns_GetAllAddrByHost(&ds, name)) {
        for (word = strtok_r(Tcl_DStringValue(&ds), " ", &state); word != NULL && !found; word = strtok_r(NULL, " ", &state)) {
            found = ReadAddress(word, address, &v4) && memcmp(address, ip, 16) == 0;
        }
    }
    Tcl_DStringFree(&ds);
    return found;
}

/* The peer's own name is said by whoever has its address; what that name leads to is not. */
static bool
BelowDomain(const char *domain, const char *peer, const unsigned char ip[16])
{
    Tcl_DString ds;
    size_t      len = strlen(domain);
    bool        found = false;

    Tcl_DStringInit(&ds);
    if (Ns_GetHostByAddr(&ds, peer) && (size_t)Tcl_DStringLength(&ds) > len) {
        const char *name = Tcl_DStringValue(&ds);

        found = strcasecmp(name + strlen(name) - len, domain) == 0 && LeadsTo(name, ip);
    }
    Tcl_DStringFree(&ds);
    return found;
}

bool
PermHostMatches(const PermHost *hosts, size_t count, const char *peer, bool unknown)
{
    unsigned char ip[16];
    bool          v4, found = false;
    size_t        i;

    if (!ReadAddress(peer, ip, &v4)) {
        return unknown;
    }
    /* First those that cost nothing. */
    for (i = 0; i < count && !found; i++) {
        found = hosts[i].name == NULL && InNetwork(&hosts[i], ip);
    }
    for (i = 0; i < count && !found; i++) {
        if (hosts[i].name != NULL) {
            found = hosts[i].name[0] == '.' ? BelowDomain(hosts[i].name, peer, ip) : LeadsTo(hosts[i].name, ip);
        }
    }
    return found;
}
