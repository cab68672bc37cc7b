/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Paths for scripts: ns_url2file, ns_pagepath, ns_serverpath, ns_modulepath, ns_normalizepath, ns_hashpath; and
 * ns_fastpath_cache_stats.
 */
#include <limits.h>
#include <string.h>
#include "cmd/cmds.h"
#include "conf/config.h"
#include "request/fastpath.h"
#include "request/filecache.h"
#include "request/hostproc.h"
#include "http/url.h"
#include "interp/interp.h"

static int
Url2FileObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *url;
    Tcl_DString ds;
    int         code = TCL_OK;
    Ns_ObjvSpec args[] = {
        {"url", Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (NsUrlToFile(&ds, ((NsInterp *)clientData)->server, url) == NS_OK) {
        Tcl_DStringResult(interp, &ds);
    } else {
        Ns_TclPrintfResult(interp, "url2file lookup failed for %s", url);
        code = TCL_ERROR;
    }
    Tcl_DStringFree(&ds);
    return code;
}

/* The words are parts of a path. */
static void
AppendParts(Tcl_DString *ds, int count, Tcl_Obj *const *objv)
{
    for (int i = 0; i < count; i++) {
        const char *part = Tcl_GetString(objv[i]);

        part += strspn(part, "/");
        Tcl_DStringAppend(ds, "/", 1);
        Tcl_DStringAppend(ds, part, -1);
    }
}

/*
 * All hosts of a server have the same folders, which is what a script gets for any host; unless the configuration wants
 * it otherwise, which the start has reported to have no effect.
 */
static bool
WantsFoldersByHost(const NsServer *server)
{
    const char *value = NsConfigPeek(Ns_ConfigSectionPath(NULL, server->name, NULL, "vhost", NULL), "enabled");
    int         wanted = 0;

    return value != NULL && Tcl_GetBoolean(NULL, value, &wanted) == TCL_OK && wanted != 0;
}

static int
ServerPath(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv,
           const char *(*proc)(Tcl_DString *ds, const NsServer *server, const char *root))
{
    const NsServer *server = ((NsInterp *)clientData)->server;
    char       *host = NULL, *root;
    int         argCount = 0;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-host", Ns_ObjvString, &host, NULL},
        {"--",    Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"?path", Ns_ObjvArgs, &argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (host != NULL && WantsFoldersByHost(server)) {
        Ns_TclPrintfResult(interp, "folders by host (section ns/server/%s/vhost) are not supported", server->name);
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (host != NULL) {
        root = NsHostRootOf(server, host);
        (void)proc(&ds, server, root);
        ns_free(root);
    } else {
        (void)proc(&ds, server, NsHostRoot(server));
    }
    AppendParts(&ds, argCount, objv + (objc - argCount));
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
PagePathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ServerPath(clientData, interp, objc, objv, NsPagePathBelow);
}

static int
ServerPathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ServerPath(clientData, interp, objc, objv, NsServerPathBelow);
}

static int
ModulePathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *server, *module = NULL;
    int         argCount = 0;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {
        {"server",  Ns_ObjvString, &server, NULL},
        {"?module", Ns_ObjvString, &module, NULL},
        {"?path",   Ns_ObjvArgs, &argCount, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, Ns_InfoHomePath(), -1);
    if (*server != '\0') {
        Tcl_DStringAppend(&ds, "/servers/", -1);
        Tcl_DStringAppend(&ds, server, -1);
    }
    if (module != NULL) {
        Tcl_DStringAppend(&ds, "/modules/", -1);
        Tcl_DStringAppend(&ds, module, -1);
    }
    AppendParts(&ds, argCount, objv + (objc - argCount));
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
NormalizePathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *path;
    Tcl_DString slashed, ds;
    Ns_ObjvSpec args[] = {
        {"path", Ns_ObjvString, &path, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&slashed);
    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&slashed, path, -1);
    for (char *at = Tcl_DStringValue(&slashed); *at != '\0'; at++) {
        if (*at == '\\') {
            *at = '/';
        }
    }
    NsPathNormalize(&ds, Tcl_DStringValue(&slashed), (size_t)Tcl_DStringLength(&slashed), false);
    Tcl_DStringFree(&slashed);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

#define MAX_LEVELS 2048                        /* half of PATH_MAX */

/* A folder for each of the first characters: "abc" in two levels is /a/b. */
static int
HashPathObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {1, INT_MAX};
    char       *string;
    int         levels;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {
        {"string", Ns_ObjvString, &string, NULL},
        {"levels", Ns_ObjvInt, &levels, &range},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (levels > MAX_LEVELS) {
        Ns_TclPrintfResult(interp, "ns_hashpath: %d levels are more than a path can have (%d)", levels, MAX_LEVELS);
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    for (; levels > 0; levels--) {
        while (*string == '.' || *string == '/') {
            string++;
        }
        Tcl_DStringAppend(&ds, "/", 1);
        Tcl_DStringAppend(&ds, *string != '\0' ? string : "_", 1);
        string += *string != '\0';
    }
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
CacheStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *dict;

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    dict = Tcl_NewDictObj();
    (void)NsFileCacheStats(dict);
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

const NsCmd nsFastpathCmds[] = {
    {"ns_fastpath_cache_stats", CacheStatsObjCmd,     0},
    {"ns_hashpath",             HashPathObjCmd,       0},
    {"ns_modulepath",           ModulePathObjCmd,     0},
    {"ns_normalizepath",        NormalizePathObjCmd,  0},
    {"ns_pagepath",             PagePathObjCmd,       NS_CMD_SERVER},
    {"ns_serverpath",           ServerPathObjCmd,     NS_CMD_SERVER},
    {"ns_url2file",             Url2FileObjCmd,       NS_CMD_SERVER},
    {NULL, NULL, 0}
};
