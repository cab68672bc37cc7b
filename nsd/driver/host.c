/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which server a request is for: the table of host names of a driver, and the locations made of them.
 *
 * Made before the driver's threads start and only read from then on.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver/int.h"

#define MAX_HOST 300                           /* a name has at most 253 bytes */

typedef struct HostEntry {
    NsServer   *server;
    const char *location;                      /* http://name:port */
} HostEntry;

static void
AppendHostPort(const NsDriver *driver, const char *host, int port, Tcl_DString *ds)
{
    char number[16];

    if (strchr(host, ':') != NULL && *host != '[') {
        Tcl_DStringAppend(ds, "[", 1);
        Tcl_DStringAppend(ds, host, -1);
        Tcl_DStringAppend(ds, "]", 1);
    } else {
        Tcl_DStringAppend(ds, host, -1);
    }
    if (driver == NULL || port != driver->init.defaultPort) {
        snprintf(number, sizeof(number), ":%d", port);
        Tcl_DStringAppend(ds, number, -1);
    }
}

static void
AddEntry(NsDriver *driver, NsServer *server, const char *host, int port, const char *key)
{
    HostEntry     *entry;
    Tcl_HashEntry *hPtr;
    Tcl_DString    ds;
    int            isNew;

    hPtr = Tcl_CreateHashEntry(&driver->state->hosts, key, &isNew);
    if (!isNew) {
        const HostEntry *other = Tcl_GetHashValue(hPtr);

        if (other->server != server) {
            Ns_Log(Error, "[%s/servers] %s belongs to %s already, not to %s", driver->section, key, other->server->name,
                   server->name);
        }
        return;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, driver->init.protocol, -1);
    Tcl_DStringAppend(&ds, "://", 3);
    AppendHostPort(driver, host, port, &ds);
    entry = ns_calloc(1u, sizeof(HostEntry));
    entry->server = server;
    entry->location = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_SetHashValue(hPtr, entry);
    Tcl_DStringFree(&ds);
}

/* "Name", or "name:port" for one port only. */
static void
AddHost(NsDriver *driver, NsServer *server, const char *text)
{
    char        host[MAX_HOST];
    const char *colon = strrchr(text, ':');
    Tcl_DString ds;
    size_t      len, n;
    int         i, only = 0;

    if (colon != NULL && strchr(text, ':') == colon && colon[1] != '\0'
        && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
        only = (int)strtol(colon + 1, NULL, 10);
        len = (size_t)(colon - text);
    } else {
        len = strlen(text);
    }
    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    if (len == 0 || len >= sizeof(host)) {
        Ns_Log(Error, "[%s/servers] not a host name: \"%s\"", driver->section, text);
        return;
    }
    for (n = 0; n < len; n++) {
        host[n] = (char)tolower((unsigned char)text[n]);
    }
    host[len] = '\0';

    for (i = 0; i < driver->state->portCount; i++) {
        int port = driver->state->ports[i];

        if (only != 0 && only != port) {
            continue;
        }
        Tcl_DStringInit(&ds);
        AppendHostPort(NULL, host, port, &ds);
        AddEntry(driver, server, host, port, Tcl_DStringValue(&ds));
        /* Without a port it is that of the connection, which a table cannot know: the first stands for all. */
        if (i == 0 || only != 0) {
            AddEntry(driver, server, host, port, host);
        }
        Tcl_DStringFree(&ds);
    }
    if (only != 0 && Tcl_FindHashEntry(&driver->state->hosts, host) == NULL) {
        Ns_Log(Warning, "[%s/servers] %s: the driver does not listen on this port", driver->section, text);
    }
}

void
NsDriverLoadHosts(NsDriver *driver, const char *section)
{
    const Ns_Set *set = Ns_ConfigGetSection(section);
    size_t        i;

    for (i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *name = Ns_SetKey(set, i);
        const char *value = Ns_SetValue(set, i);
        NsServer   *server = NsServerGet(name);
        int         count, n;
        const char **words;

        if (server == NULL) {
            Ns_Log(Error, "[%s] there is no server %s", section, name);
            continue;
        }
        if (Tcl_SplitList(NULL, value, &count, &words) != TCL_OK) {
            Ns_Log(Error, "[%s] %s: not a list: %s", section, name, value);
            continue;
        }
        for (n = 0; n < count; n++) {
            AddHost(driver, server, words[n]);
        }
        Tcl_Free((char *)words);
    }
}

/* Lower case, no dot behind the name, and no colon without a port. */
static const HostEntry *
FindHost(const NsDriver *driver, const char *host)
{
    char           key[MAX_HOST + 8];
    size_t         len = 0;
    const char    *p;
    Tcl_HashEntry *hPtr;

    if (host == NULL || driver->state->hosts.numEntries == 0) {
        return NULL;
    }
    for (p = host; *p != '\0'; p++) {
        if ((*p == '.' && (p[1] == '\0' || p[1] == ':')) || (*p == ':' && p[1] == '\0')) {
            continue;
        }
        if (len + 1 >= sizeof(key)) {
            return NULL;
        }
        key[len++] = (char)tolower((unsigned char)*p);
    }
    key[len] = '\0';
    hPtr = Tcl_FindHashEntry(&driver->state->hosts, key);
    return hPtr != NULL ? Tcl_GetHashValue(hPtr) : NULL;
}

bool
NsDriverKnowsHost(const NsDriver *driver, const char *host)
{
    return FindHost(driver, host) != NULL;
}

NsServer *
NsDriverHostServer(NsDriver *driver, const char *host)
{
    const HostEntry *entry;

    if (driver->server != NULL) {
        return driver->server;
    }
    entry = FindHost(driver, host);
    return entry != NULL ? entry->server : driver->defaultServer;
}

void
NsDriverAppendLocation(const NsDriver *driver, const char *host, Tcl_DString *ds)
{
    const HostEntry *entry = FindHost(driver, host);

    if (entry != NULL) {
        Tcl_DStringAppend(ds, entry->location, -1);
    } else if (driver->location != NULL) {
        Tcl_DStringAppend(ds, driver->location, -1);
    } else {
        Tcl_DStringAppend(ds, driver->init.protocol, -1);
        Tcl_DStringAppend(ds, "://", 3);
        AppendHostPort(driver, driver->hostname, driver->state->ports[0], ds);
    }
}

void
NsDriverAppendHosts(const NsDriver *driver, const NsServer *server, Tcl_Obj *list)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *hPtr = Tcl_FirstHashEntry((Tcl_HashTable *)(uintptr_t)&driver->state->hosts, &search);

    for (; hPtr != NULL; hPtr = Tcl_NextHashEntry(&search)) {
        const HostEntry *entry = Tcl_GetHashValue(hPtr);
        const char      *key = Tcl_GetHashKey(&driver->state->hosts, hPtr);
        const char      *colon = strrchr(key, ':');

        /* The keys without a port are for look-ups only. */
        if (entry->server == server && colon != NULL && strchr(colon, ']') == NULL) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(key, -1));
        }
    }
}
