/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nscgi: programs that answer requests (CGI/1.1, RFC 3875).
 */
#include <string.h>
#include <time.h>
#include "keeper.h"
#include "nsrun.h"
#include "nscgi.h"
#include "run.h"

NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT const int Ns_ModuleVersion = 1;

int64_t
CgiNow(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- maps */

static CgiMap *
MapNew(CgiServer *server, const char *url, const char *path)
{
    CgiMap     *map = ns_calloc(1, sizeof *map);
    const char *last = strrchr(url, '/');
    Tcl_DString ds;

    map->server = server;
    map->url = ns_strdup(url);
    if (last != NULL && strpbrk(last, "*?[") != NULL) {
        map->url[last - url] = '\0';
        map->pattern = strcmp(last + 1, "*") != 0 ? ns_strdup(last + 1) : NULL;
    }
    for (size_t len = strlen(map->url); len > 0 && map->url[len - 1] == '/'; len--) {
        map->url[len - 1] = '\0';
    }
    if (path != NULL && *path != '\0') {
        Tcl_DStringInit(&ds);
        map->path = ns_strdup(*path == '/' ? Ns_NormalizePath(&ds, path) : Ns_HomePath(&ds, path, (char *)NULL));
        Tcl_DStringFree(&ds);
    }
    return map;
}

static void
MapFree(void *arg)
{
    CgiMap *map = arg;

    ns_free(map->url);
    ns_free(map->pattern);
    ns_free(map->path);
    ns_free(map);
}

/* For who asks for such a file otherwise. */
static const char *
MapPath(const void *arg)
{
    return ((const CgiMap *)arg)->path;
}

static int
Register(Tcl_Interp *interp, CgiMap *map, const char *method, const char *url, unsigned flags, Tcl_Obj *constraintsObj)
{
    void       *constraints = NULL;
    int         count = 1;
    Ns_ObjvSpec spec = {"-constraints", Ns_ObjvUrlspaceSpec, &constraints, NULL};

    if (constraintsObj != NULL && Ns_ObjvUrlspaceSpec(&spec, interp, &count, &constraintsObj) != TCL_OK) {
        MapFree(map);
        return TCL_ERROR;
    }
    return Ns_RegisterRequest2(interp, map->server->name, method, url, CgiRequest, MapFree, map, flags, constraints);
}

int
CgiRegister(Tcl_Interp *interp, CgiServer *server, const char *method, const char *url, const char *path, unsigned flags,
            Tcl_Obj *constraints, bool infoToo)
{
    CgiMap     *map = MapNew(server, url, path);
    bool        isPattern = map->pattern != NULL;
    int         result = Register(interp, map, method, url, flags, constraints);
    Tcl_DString below;

    if (result == TCL_OK && infoToo && isPattern) {
        Tcl_DStringInit(&below);
        Ns_DStringVarAppend(&below, url, "/*", NS_SENTINEL);
        result = Register(interp, MapNew(server, url, path), method, Tcl_DStringValue(&below), flags | NS_OP_SEGMATCH, constraints);
        Tcl_DStringFree(&below);
    }
    return result;
}

/* METHOD URL ?PATH? */
static bool
ReadMap(CgiServer *server, const char *value)
{
    const char **words = NULL;
    int          count = 0;
    bool         ok = Tcl_SplitList(NULL, value, &count, &words) == TCL_OK && (count == 2 || count == 3) && words[1][0] == '/';

    if (!ok) {
        Ns_Log(Error, "config: section %s: parameter map: '%s' is not METHOD URL ?PATH?", server->section, value);
    } else {
        ok = CgiRegister(NULL, server, words[0], words[1], count == 3 ? words[2] : NULL, 0, NULL, true) == TCL_OK;
    }
    if (words != NULL) {
        Tcl_Free((char *)words);
    }
    return ok;
}

static bool
ReadMaps(CgiServer *server, const Ns_Set *section)
{
    bool ok = true;

    (void)Ns_ConfigGetValue(server->section, "map");
    for (size_t i = 0; ok && section != NULL && i < Ns_SetSize(section); i++) {
        if (strcasecmp(Ns_SetKey(section, i), "map") == 0) {
            ok = ReadMap(server, Ns_SetValue(section, i));
        }
    }
    return ok;
}

/* ---- environments and interpreters */

/* The section of that name below ns/`kind`; false: there is none. */
static bool
NamedSection(const CgiServer *server, const char *kind, const char *name, const Ns_Set **set)
{
    Tcl_DString path;

    Tcl_DStringInit(&path);
    Ns_DStringVarAppend(&path, "ns/", kind, "/", name, NS_SENTINEL);
    *set = Ns_ConfigGetSection2(Tcl_DStringValue(&path), true);
    if (*set == NULL) {
        Ns_Log(Error, "config: section %s names %s, but there is no section %s", server->section, name, Tcl_DStringValue(&path));
    }
    Tcl_DStringFree(&path);
    return *set != NULL;
}

static void
AddSystemEnvironment(Ns_Set *to)
{
    Tcl_DString copy, text;

    Tcl_DStringInit(&copy);
    for (char **entry = Ns_CopyEnviron(&copy); *entry != NULL; entry++) {
        char *value = strchr(*entry, '=');

        if (value != NULL) {
            *value = '\0';
            Tcl_DStringInit(&text);
            Ns_TextAppendIn(&text, value + 1, strlen(value + 1));
            (void)Ns_SetUpdate(to, *entry, Tcl_DStringValue(&text));
            Tcl_DStringFree(&text);
        }
    }
    Tcl_DStringFree(&copy);
}

static bool
ReadEnvironment(CgiServer *server)
{
    const char   *name = Ns_NullIfEmpty(Ns_ConfigString(server->section, "environment", ""));
    const Ns_Set *set = NULL;
    bool          ok = true;

    server->environment = Ns_SetCreate("environment");
    if (Ns_ConfigBool(server->section, "systemenvironment", false)) {
        AddSystemEnvironment(server->environment);
    }
    if (name != NULL) {
        ok = NamedSection(server, "environment", name, &set);
    }
    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        (void)Ns_SetUpdate(server->environment, Ns_SetKey(set, i), Ns_SetValue(set, i));
    }
    return ok;
}

/* ".pl" = "/usr/bin/perl", "{/usr/bin/perl -T}", "/usr/bin/perl(ENVIRONMENT)". */
static bool
ReadInterp(CgiServer *server, const char *extension, const char *value)
{
    CgiInterp  *interp = ns_calloc(1, sizeof *interp);
    char       *command = ns_strdup(value), *open = strrchr(command, '(');
    size_t      len = strlen(command);
    bool        ok = true;

    if (open != NULL && command[len - 1] == ')') {
        command[len - 1] = '\0';
        *open = '\0';
        ok = NamedSection(server, "environment", open + 1, &interp->environment);
    }
    if (*extension != '.' || Tcl_SplitList(NULL, command, &interp->count, &interp->words) != TCL_OK || interp->count < 1
        || interp->words[0][0] != '/') {
        Ns_Log(Error, "config: interpreters of section %s: '%s' = '%s' is not an extension (.pl) and the path of a program",
               server->section, extension, value);
        ok = false;
    }
    interp->extension = ns_strdup(extension);
    interp->next = server->interps;
    server->interps = interp;
    ns_free(command);
    return ok;
}

static bool
ReadInterps(CgiServer *server)
{
    const char   *name = Ns_NullIfEmpty(Ns_ConfigString(server->section, "interps", ""));
    const Ns_Set *set = NULL;
    bool          ok = name == NULL || NamedSection(server, "interps", name, &set);

    for (size_t i = 0; ok && set != NULL && i < Ns_SetSize(set); i++) {
        ok = ReadInterp(server, Ns_SetKey(set, i), Ns_SetValue(set, i));
    }
    return ok;
}

/* ---- the start */

static int64_t
ReadTime(const CgiServer *server, const char *key, const char *def, long minMs)
{
    Ns_Time time;

    Ns_ConfigTimeUnitRange(server->section, key, def, 0, minMs * 1000, 86400L * 365, 0, &time);
    return (int64_t)Ns_TimeToMilliseconds(&time);
}

static size_t
ReadSize(const CgiServer *server, const char *key, const char *def, Tcl_WideInt value, Tcl_WideInt min)
{
    return (size_t)Ns_ConfigMemUnitRange(server->section, key, def, value, min, INT64_MAX);
}

static void
ReadLimits(CgiServer *server)
{
    const char *section = server->section;

    server->lookUpNames = Ns_ConfigBool(section, "gethostbyaddr", false);
    server->allowStatic = Ns_ConfigBool(section, "allowstaticresources", false);
    server->searchWords = Ns_ConfigBool(section, "searchwords", true);
    server->passAuthorization = Ns_ConfigBool(section, "passauthorization", false);
    /* NaviServer has 0, since a program holds a connection thread there, of which there are so many: here slow answers hold none. */
    server->limit = Ns_ConfigIntRange(section, "limit", 100, 0, 1000000);
    server->maxWait = ReadTime(server, "maxwait", "30s", 0);
    server->maxInput = ReadSize(server, "maxinput", "1MB", 1024 * 1024, 0);
    server->maxHead = ReadSize(server, "maxhead", "64kB", 65536, 256);
    server->maxErrors = ReadSize(server, "maxstderr", "64kB", 65536, 0);
    server->holdSize = ReadSize(server, "holdsize", "64kB", 65536, 0);
    server->holdTime = ReadTime(server, "holdtime", "100ms", 0);
    server->maxRun = ReadTime(server, "maxruntime", "5m", 1);
    server->maxSilence = ReadTime(server, "maxsilence", "1m", 1);
    server->linger = ReadTime(server, "lingertime", "1s", 0);
    server->killWait = ReadTime(server, "killwait", "2s", 0);
    server->stopWait = ReadTime(server, "stopwait", "2s", 0);
}

static void
AtShutdown(const Ns_Time *until, void *arg)
{
    Ns_Time now, left;

    if (until == NULL) {
        CgiStopBegin();
        return;
    }
    Ns_GetTime(&now);
    (void)Ns_DiffTime(until, &now, &left);
    CgiStopEnd(CgiNow() + (int64_t)Ns_TimeToMilliseconds(&left));
}

/* Once for all servers; the main thread. */
static void
Prepare(void)
{
    static bool done;

    if (!done) {
        done = true;
        Ns_RegisterRunner(CgiRequest, "ns:cgi", MapPath);
        (void)Ns_RegisterAtShutdown(AtShutdown, NULL);
    }
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    CgiServer *data;
    Ns_Set    *section = NULL;

    if (server == NULL) {
        Ns_Log(Error, "nscgi: module %s belongs to a server: ns/server/NAME/modules", module);
        return NS_ERROR;
    }
    if (!CgiRunsInit()) {
        Ns_Log(Error, "nscgi: no descriptors for it: %s", strerror(errno));
        return NS_ERROR;
    }
    Prepare();
    data = ns_calloc(1, sizeof *data);
    data->name = ns_strdup(server);
    data->section = Ns_ConfigSectionPath(&section, server, module, (char *)NULL);
    ReadLimits(data);
    if (!ReadEnvironment(data) || !ReadInterps(data) || !ReadMaps(data, section)) {
        return NS_ERROR;
    }
    return Ns_TclRegisterTrace(server, CgiCreateCommands, data, NS_TCL_TRACE_CREATE);
}
