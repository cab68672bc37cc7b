/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_proxy: the commands about pools, for any interpreter of the server.
 */
#include <limits.h>
#include <string.h>
#include "module.h"

static void
Put(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* A list that notes of proxies go into. */
typedef struct Notes {
    Tcl_Obj    *list;
    const char *name;                          /* of the only one wanted, or NULL: all */
    bool        found;
} Notes;
typedef void (Note)(const ProxyInfo *info, void *arg);

static bool
Wanted(Notes *notes, const ProxyInfo *info)
{
    bool wanted = notes->name == NULL || strcmp(notes->name, info->name) == 0;

    notes->found = notes->found || wanted;
    return wanted;
}

static Tcl_Obj *
StateObj(ProxyState state)
{
    return Tcl_NewStringObj(state == PROXY_IDLE ? "idle" : state == PROXY_BUSY ? "busy" : "done", -1);
}

/* "SUB /pool/": notes of all proxies; the pool is made if need be. */
static int
ListPool(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Note *note)
{
    char       *name;
    ProxyPool  *pool;
    Notes       notes = {.list = NULL};
    Ns_ObjvSpec args[] = {{"pool", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || (pool = ProxyPoolOf(interp, clientData, name)) == NULL) {
        return TCL_ERROR;
    }
    notes.list = Tcl_NewListObj(0, NULL);
    ProxyPoolInfo(pool, note, &notes);
    Tcl_SetObjResult(interp, notes.list);
    return TCL_OK;
}

/* "SUB /pool/ ?/proxyId/?" of a pool that may not be there; a proxy that is named is. */
static int
OfPool(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Note *note,
       void (*act)(ProxyPool *pool, const char *name))
{
    const ProxyServer *server = clientData;
    char              *name, *id = NULL;
    ProxyPool         *pool;
    Notes              notes = {.list = NULL};
    int                status = TCL_OK;
    Ns_ObjvSpec        args[] = {
        {"pool", Ns_ObjvString, &name, NULL}, {"?proxyId", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    notes.list = Tcl_NewListObj(0, NULL);
    Tcl_IncrRefCount(notes.list);
    notes.name = id;
    pool = ProxyPoolFind(server->store, name, false);
    if (pool != NULL) {
        ProxyPoolInfo(pool, note, &notes);
    }
    if (id != NULL && !notes.found) {
        Ns_TclPrintfResult(interp, "no such proxyId: %s", id);
        status = TCL_ERROR;
    } else {
        if (pool != NULL && act != NULL) {
            act(pool, id);
        }
        Tcl_SetObjResult(interp, notes.list);
    }
    Tcl_DecrRefCount(notes.list);
    return status;
}

/* ------------------------------------------------------------------------------------------------------------ lists */

/* A script that is being evaluated. */
static void
NoteActive(const ProxyInfo *info, void *arg)
{
    Notes   *notes = arg;
    Tcl_Obj *dict;

    if (Wanted(notes, info) && info->state != PROXY_IDLE) {
        dict = Tcl_NewDictObj();
        Put(dict, "handle", Tcl_NewStringObj(info->name, -1));
        Put(dict, "slave", Tcl_NewWideIntObj(info->pid));
        Put(dict, "start", Ns_TclNewTimeObj(&info->started));
        Put(dict, "script", ProxyTextObj(info->script, info->scriptLen));
        Tcl_ListObjAppendElement(NULL, notes->list, dict);
    }
}

int
ProxyActiveObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OfPool(clientData, interp, objc, objv, NoteActive, NULL);
}

/* Is it there? */
static void
NoteNothing(const ProxyInfo *info, void *arg)
{
    (void)Wanted(arg, info);
}

int
ProxyClearObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OfPool(clientData, interp, objc, objv, NoteNothing, ProxyPoolClear);
}

int
ProxyStopObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return OfPool(clientData, interp, objc, objv, NoteNothing, ProxyPoolStop);
}

static void
NoteFree(const ProxyInfo *info, void *arg)
{
    if (!info->used) {
        Tcl_ListObjAppendElement(NULL, ((Notes *)arg)->list, Tcl_NewStringObj(info->name, -1));
    }
}

int
ProxyFreeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListPool(clientData, interp, objc, objv, NoteFree);
}

static void
NoteWorker(const ProxyInfo *info, void *arg)
{
    Tcl_Obj *dict;

    if (!info->used) {
        dict = Tcl_NewDictObj();
        Put(dict, "id", Tcl_NewStringObj(info->name, -1));
        Put(dict, "pid", Tcl_NewWideIntObj(info->pid));
        Put(dict, "created", info->pid != 0 ? Ns_TclNewTimeObj(&info->created) : Tcl_NewIntObj(0));
        Put(dict, "runs", Tcl_NewIntObj(info->runs));
        Put(dict, "state", StateObj(info->state));
        Tcl_ListObjAppendElement(NULL, ((Notes *)arg)->list, dict);
    }
}

int
ProxyWorkersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ListPool(clientData, interp, objc, objv, NoteWorker);
}

static void
NotePid(const ProxyInfo *info, void *arg)
{
    if (info->pid != 0) {
        Tcl_ListObjAppendElement(NULL, ((Notes *)arg)->list, Tcl_NewWideIntObj(info->pid));
    }
}

static void
NotePidDetails(const ProxyInfo *info, void *arg)
{
    Tcl_Obj *dict;

    if (info->pid != 0) {
        dict = Tcl_NewDictObj();
        Put(dict, "pid", Tcl_NewWideIntObj(info->pid));
        Put(dict, "handle", Tcl_NewStringObj(info->name, -1));
        Put(dict, "used", Tcl_NewBooleanObj(info->used));
        Put(dict, "created", Ns_TclNewTimeObj(&info->created));
        Put(dict, "runs", Tcl_NewIntObj(info->runs));
        Put(dict, "state", StateObj(info->state));
        Tcl_ListObjAppendElement(NULL, ((Notes *)arg)->list, dict);
    }
}

int
ProxyPidsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const ProxyServer *server = clientData;
    char              *name;
    int                details = 0;
    ProxyPool         *pool;
    Notes              notes = {.list = NULL};
    Ns_ObjvSpec        opts[] = {{"-details", Ns_ObjvBool, &details, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec        args[] = {{"pool", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    notes.list = Tcl_NewListObj(0, NULL);
    pool = ProxyPoolFind(server->store, name, false);
    if (pool != NULL) {
        ProxyPoolInfo(pool, details ? NotePidDetails : NotePid, &notes);
    }
    Tcl_SetObjResult(interp, notes.list);
    return TCL_OK;
}

static void
NotePool(ProxyPool *pool, void *arg)
{
    Tcl_ListObjAppendElement(NULL, arg, Tcl_NewStringObj(ProxyPoolName(pool), -1));
}

int
ProxyPoolsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const ProxyServer *server = clientData;
    Tcl_Obj           *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    ProxyPoolEach(server->store, NotePool, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

int
ProxyStatsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name;
    ProxyPool  *pool;
    ProxyStats  stats;
    Ns_Time     runtime;
    Tcl_Obj    *dict;
    Ns_ObjvSpec args[] = {{"pool", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || (pool = ProxyPoolOf(interp, clientData, name)) == NULL) {
        return TCL_ERROR;
    }
    ProxyPoolStats(pool, &stats);
    runtime = (Ns_Time){(long)(stats.runtime / 1000), (long)(stats.runtime % 1000) * 1000};
    dict = Tcl_NewDictObj();
    Put(dict, "proxies", Tcl_NewIntObj(stats.made));
    Put(dict, "waiting", Tcl_NewIntObj(stats.waiting));
    Put(dict, "maxworkers", Tcl_NewIntObj(stats.maxWorkers));
    Put(dict, "free", Tcl_NewIntObj(stats.free));
    Put(dict, "used", Tcl_NewIntObj(stats.used));
    Put(dict, "requests", Tcl_NewWideIntObj((Tcl_WideInt)stats.requests));
    Put(dict, "processes", Tcl_NewIntObj(stats.processes));
    Put(dict, "runtime", Ns_TclNewTimeObj(&runtime));
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

/* -------------------------------------------------------------------------------------------------------- configure */

/* As a list of names and values. */
static Tcl_Obj *
EnvironmentObj(char *const *env)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);

    for (; env != NULL && *env != NULL; env++) {
        const char *value = strchr(*env, '=');

        Tcl_ListObjAppendElement(NULL, list, ProxyTextObj(*env, (size_t)(value - *env)));
        Tcl_ListObjAppendElement(NULL, list, ProxyTextObj(value + 1, strlen(value + 1)));
    }
    return list;
}

static Tcl_Obj *
ConfObj(const ProxyConf *conf)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    Put(dict, "-env", EnvironmentObj(conf->env));
    Put(dict, "-exec", ProxyTextObj(conf->exec, strlen(conf->exec)));
    Put(dict, "-init", ProxyTextObj(conf->init, strlen(conf->init)));
    Put(dict, "-reinit", ProxyTextObj(conf->reinit, strlen(conf->reinit)));
    Put(dict, "-maxworkers", Tcl_NewIntObj(conf->maxWorkers));
    Put(dict, "-maxruns", Tcl_NewIntObj(conf->maxRuns));
    Put(dict, "-gettimeout", Ns_TclNewTimeObj(&conf->getTimeout));
    Put(dict, "-evaltimeout", Ns_TclNewTimeObj(&conf->evalTimeout));
    Put(dict, "-sendtimeout", Ns_TclNewTimeObj(&conf->sendTimeout));
    Put(dict, "-recvtimeout", Ns_TclNewTimeObj(&conf->recvTimeout));
    Put(dict, "-waittimeout", Ns_TclNewTimeObj(&conf->waitTimeout));
    Put(dict, "-idletimeout", Ns_TclNewTimeObj(&conf->idleTimeout));
    Put(dict, "-logminduration", Ns_TclNewTimeObj(&conf->logMinDuration));
    return dict;
}

/* The set `id` as an environment; "" is the server's.  False with a message. */
static bool
TakeEnvironment(Tcl_Interp *interp, const char *id, ProxyConf *conf)
{
    Ns_Set *set = NULL;
    char  **env = NULL, **entry;
    bool    good = true;
    size_t  n, i;

    if (*id != '\0') {
        if (Ns_TclGetSet2(interp, id, &set) != TCL_OK) {
            return false;
        }
        n = Ns_SetSize(set);
        env = ns_calloc(n + 1, sizeof(*env));
        for (i = 0; i < n && good; i++) {
            const char *name = Ns_SetKey(set, i), *value = Ns_SetValue(set, i);
            Tcl_Obj    *pair = Tcl_ObjPrintf("%s=%s", name, value != NULL ? value : "");

            if (*name == '\0' || strchr(name, '=') != NULL) {
                Ns_TclPrintfResult(interp, "-env: \"%s\" is no name of a variable", name);
                good = false;
            } else {
                env[i] = ProxyTextOut(interp, "-env", Tcl_GetString(pair));
                good = env[i] != NULL;
            }
            Tcl_DecrRefCount(pair);
        }
    }
    if (!good) {
        for (entry = env; *entry != NULL; entry++) {
            ns_free(*entry);
        }
        ns_free(env);
        return false;
    }
    for (entry = conf->env; entry != NULL && *entry != NULL; entry++) {
        ns_free(*entry);
    }
    ns_free(conf->env);
    conf->env = env;
    return true;
}

/* `text`, if given, takes the place of *dest.  False with a message. */
static bool
TakeText(Tcl_Interp *interp, const char *option, const char *text, bool program, char **dest)
{
    char *bytes;

    if (text == NULL) {
        return true;
    }
    bytes = ProxyTextOut(interp, option, text);
    if (bytes == NULL) {
        return false;
    }
    if (program && *bytes == '\0') {
        ns_free(bytes);
        Ns_TclPrintfResult(interp, "%s: \"\" is no program", option);
        return false;
    }
    ns_free(*dest);
    *dest = program ? ProxyProgram(bytes) : ns_strdup(bytes);
    ns_free(bytes);
    return true;
}

static void
TakeTime(const Ns_Time *time, Ns_Time *dest)
{
    if (time != NULL) {
        *dest = *time;
    }
}

/* The options behind the pool, into `conf`. */
static int
ConfigureParse(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, ProxyConf *conf)
{
    static Ns_ObjvValueRange workers = {0, PROXY_MAX_WORKERS}, runs = {0, INT_MAX};
    char       *env = NULL, *exec = NULL, *init = NULL, *reinit = NULL;
    Ns_Time    *eval = NULL, *get = NULL, *idle = NULL, *log = NULL, *recv = NULL, *send = NULL, *wait = NULL;
    Tcl_Obj    *envObj = NULL;
    Ns_ObjvSpec opts[] = {
        {"-env", Ns_ObjvObj, &envObj, "setId"}, {"-evaltimeout", Ns_ObjvTime, &eval, NULL},
        {"-exec", Ns_ObjvString, &exec, NULL}, {"-gettimeout", Ns_ObjvTime, &get, NULL},
        {"-idletimeout", Ns_ObjvTime, &idle, NULL}, {"-init", Ns_ObjvString, &init, NULL},
        {"-logminduration", Ns_ObjvTime, &log, NULL}, {"-maxruns", Ns_ObjvInt, &conf->maxRuns, &runs},
        {"-maxslaves", Ns_ObjvInt, &conf->maxWorkers, &workers},
        {"-maxworkers", Ns_ObjvInt, &conf->maxWorkers, &workers},
        {"-recvtimeout", Ns_ObjvTime, &recv, NULL}, {"-reinit", Ns_ObjvString, &reinit, NULL},
        {"-sendtimeout", Ns_ObjvTime, &send, NULL}, {"-waittimeout", Ns_ObjvTime, &wait, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (objc < 3) {
        Tcl_WrongNumArgs(interp, 2, objv,
                         "/pool/ ?-env /setId/? ?-evaltimeout /time/? ?-exec /value/? ?-gettimeout /time/? "
                         "?-idletimeout /time/? ?-init /value/? ?-logminduration /time/? ?-maxruns /integer/? "
                         "?-maxslaves /integer/? ?-maxworkers /integer/? ?-recvtimeout /time/? ?-reinit /value/? "
                         "?-sendtimeout /time/? ?-waittimeout /time/?");
        return TCL_ERROR;
    }
    if (Ns_ParseObjv(opts, NULL, interp, 3, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    env = envObj != NULL ? Tcl_GetString(envObj) : NULL;
    TakeTime(eval, &conf->evalTimeout);
    TakeTime(get, &conf->getTimeout);
    TakeTime(idle, &conf->idleTimeout);
    TakeTime(log, &conf->logMinDuration);
    TakeTime(recv, &conf->recvTimeout);
    TakeTime(send, &conf->sendTimeout);
    TakeTime(wait, &conf->waitTimeout);
    return (env == NULL || TakeEnvironment(interp, env, conf)) && TakeText(interp, "-exec", exec, true, &conf->exec)
        && TakeText(interp, "-init", init, false, &conf->init)
        && TakeText(interp, "-reinit", reinit, false, &conf->reinit) ? TCL_OK : TCL_ERROR;
}

/* What is set is shown: all of it, or the value of the last option in objv. */
static Tcl_Obj *
ConfResult(const ProxyConf *conf, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *dict = ConfObj(conf), *key, *value = NULL;
    const char *last;

    if (objc <= 3) {
        return dict;
    }
    last = Tcl_GetString(objv[objc - 2]);
    key = Tcl_NewStringObj(strcmp(last, "-maxslaves") == 0 ? "-maxworkers" : last, -1);
    Tcl_DictObjGet(NULL, dict, key, &value);
    value = value != NULL ? Tcl_DuplicateObj(value) : Tcl_NewObj();
    Tcl_DecrRefCount(key);
    Tcl_DecrRefCount(dict);
    return value;
}

/* ns_proxy configure pool ?-opt value ...? */
int
ProxyConfigureObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const ProxyServer *server = clientData;
    ProxyConf          conf;
    ProxyPool         *pool = objc > 2 ? ProxyPoolFind(server->store, Tcl_GetString(objv[2]), false) : NULL;
    Tcl_Obj           *result;

    for (;;) {
        if (pool != NULL) {
            ProxyPoolGetConf(pool, &conf);
        } else {
            ProxyConfCopy(&conf, ProxyStoreDefaults(server->store));
        }
        /* Parsed before the pool is made: a mistake makes none. */
        if (ConfigureParse(interp, objc, objv, &conf) != TCL_OK
            || (pool == NULL && (pool = ProxyPoolOf(interp, server, Tcl_GetString(objv[2]))) == NULL)) {
            ProxyConfFree(&conf);
            return TCL_ERROR;
        }
        result = ConfResult(&conf, objc, objv);
        if (objc > 3 && ProxyPoolSetConf(pool, &conf)) {
            break;
        }
        ProxyConfFree(&conf);
        if (objc <= 3) {
            break;
        }
        Tcl_DecrRefCount(result);              /* another thread was faster: again, on top of what it has set */
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}
