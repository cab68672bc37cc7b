/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Virtual servers: made at start, in the order of the configuration.
 */
#include <limits.h>
#include <string.h>

#include "conf/config.h"
#include "base/check.h"
#include "conf/options.h"
#include "conf/server.h"
#include "conf/serverlist.h"

static NsServer **servers;                     /* not changed after the start */
static size_t     serverCount;
static NsServerPart *const *serverParts;

static __thread NsServer *inMaking;

NsServer *
NsServerInMaking(void)
{
    return inMaking;
}

void
NsServerSetInMaking(NsServer *server)
{
    inMaking = server;
}

/* Parameters that are looked up when they are needed: that they have an effect is known from the start. */
static void
AskForLaterOnes(const NsServer *server)
{
    static const struct { const char *section, *key; } global[] = {
        {"ns/parameters", "bindir"}, {"ns/parameters", "formfallbackcharset"},
    };
    static const char *const httpClient[] = {"cafile", "capath", "defaulttimeout", "keepalive", "validatecertificates",
                                              "validationdepth"};
    const char              *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "httpclient", NULL);

    for (size_t i = 0; i < sizeof global / sizeof *global; i++) {
        (void)Ns_ConfigGetValue(global[i].section, global[i].key);
    }
    (void)Ns_ConfigGetValue(server->section, "formfallbackcharset");
    (void)Ns_ConfigGetValue(server->section, "logdir");
    (void)Ns_ConfigGetValue(Ns_ConfigSectionPath(NULL, server->name, NULL, "fastpath", NULL), "hidedotfiles");
    for (size_t i = 0; i < sizeof httpClient / sizeof *httpClient; i++) {
        (void)Ns_ConfigGetValue(section, httpClient[i]);
    }
}

static void
ReadOptions(NsServer *server)
{
    const char *section = server->section;
    const char *extra;
    int         compressLevel;

    server->opts.checkModifiedSince = Ns_ConfigBool(section, "checkmodifiedsince", true);
    server->opts.noticeDetail = Ns_ConfigBool(section, "noticedetail", true);
    server->opts.stealthMode = Ns_ConfigBool(section, "stealthmode", false);
    compressLevel = Ns_ConfigIntRange(section, "compresslevel", 4, 1, 9);
    server->opts.compressLevel = Ns_ConfigBool(section, "compressenable", false) ? compressLevel : 0;
    server->opts.compressMinSize = NsConfigMemSize(section, "compressminsize", "512", 1, LLONG_MAX);
    server->opts.realm = Ns_ConfigString(section, "realm", server->name);
    server->opts.urlCharset = Ns_ConfigString(section, "urlcharset",
                                              Ns_ConfigString("ns/parameters", "urlcharset", "utf-8"));
    server->opts.outputCharset = Ns_ConfigString(section, "outputcharset",
                                                 Ns_ConfigString("ns/parameters", "outputcharset", "utf-8"));
    server->opts.maxFormFields = Ns_ConfigIntRange(section, "maxformfields", 10000, 1, INT_MAX);
    server->opts.maxFormFiles = Ns_ConfigIntRange(section, "maxformfiles", 100, 0, INT_MAX);
    server->opts.errorMinSize = NsConfigMemSize(section, "errorminsize", "514", 0, 1024 * 1024);

    /* Either the name of a section, or a list of names and values. */
    extra = Ns_ConfigGetValue(section, "extraheaders");
    if (extra != NULL && *extra != '\0') {
        const char **elems = NULL;
        int          i, n;

        if (Tcl_SplitList(NULL, extra, &n, &elems) != TCL_OK || n % 2 != 0) {
            Ns_Log(Error, "config: section %s: parameter extraheaders: '%s' is not a list of names and values", section,
                   extra);
        } else {
            Ns_Set *set = Ns_SetCreateNoCase("extraheaders");

            for (i = 0; i < n; i += 2) {
                (void)Ns_SetPut(set, elems[i], elems[i + 1]);
            }
            server->opts.extraHeaders = set;
        }
        if (elems != NULL) {
            Tcl_Free((char *)elems);
        }
    }
}

static void
Create(const char *name)
{
    NsServer *server = ns_calloc(1, sizeof *server);
    size_t    i;

    server->magic = NS_SERVER_MAGIC;
    server->name = ns_strdup(name);
    server->section = Ns_ConfigSectionPath(NULL, name, NULL, NULL);
    ReadOptions(server);
    AskForLaterOnes(server);

    servers = ns_realloc(servers, (serverCount + 1) * sizeof *servers);
    servers[serverCount++] = server;

    for (i = 0; serverParts[i] != NULL; i++) {
        serverParts[i]->init(server);
    }
}

/* The number of a part is its slot. */
static void
GiveSlots(NsServerPart *const *parts)
{
    unsigned i;

    for (i = 0; parts[i] != NULL; i++) {
        NS_ASSERT(i < NS_SERVER_PARTS);
        parts[i]->slot = i;
    }
    serverParts = parts;
}

/* A name is part of section names and of folders. */
static void
CheckName(const char *name)
{
    if (*name == '\0' || strpbrk(name, "/ \t\n") != NULL) {
        Ns_Fatal("config: section ns/servers: '%s' cannot be the name of a server", name);
    }
}

void
NsServersCreate(NsServerPart *const *parts, const char *only)
{
    const Ns_Set *set = Ns_ConfigGetSection("ns/servers");
    size_t        i;
    bool          found = false;

    GiveSlots(parts);
    for (i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *name = Ns_SetKey(set, i);

        CheckName(name);
        if (only == NULL || strcmp(only, name) == 0) {
            if (NsServerGet(name) != NULL) {
                Ns_Fatal("config: section ns/servers: server '%s' is listed twice", name);
            }
            Create(name);
            found = true;
        }
    }
    if (!found && set != NULL && Ns_SetSize(set) > 0) {
        Ns_Fatal("-s %s: there is no such server in section ns/servers of the configuration", only);
    }
    if (!found) {
        Create(only != NULL ? only : "default");
    }
}

NsServer *
NsServerGet(const char *name)
{
    size_t i;

    for (i = 0; name != NULL && i < serverCount; i++) {
        if (strcmp(servers[i]->name, name) == 0) {
            return servers[i];
        }
    }
    return NULL;
}

NsServer *
NsServerDefault(void)
{
    return serverCount > 0 ? servers[0] : NULL;
}

void
NsServerEach(bool (*proc)(NsServer *server, void *arg), void *arg)
{
    size_t i;

    for (i = 0; i < serverCount && proc(servers[i], arg); i++) {
        ;
    }
}

Ns_Server *
Ns_GetServer(const char *name)
{
    return NsServerGet(name);
}

const char *
Ns_ServerName(const Ns_Server *server)
{
    NS_CHECK(server, NS_SERVER_MAGIC);
    return server->name;
}
