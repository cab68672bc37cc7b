/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is configured: all pools once, and which of them a server has.
 */
#include <string.h>
#include "int.h"

/* Made at the start, not changed afterwards. */
typedef struct ServerPools {
    struct ServerPools *next;
    const char         *server;
    Pool              **pools;                 /* NULL-terminated */
    Pool               *def;
    Tcl_DString         list;                  /* as Ns_DbPoolList gives it */
} ServerPools;

static ServerPools *servers;

static ServerPools *
FindServer(const char *server)
{
    ServerPools *found = server != NULL ? servers : NULL;

    while (found != NULL && strcmp(found->server, server) != 0) {
        found = found->next;
    }
    return found;
}

static bool
Has(const ServerPools *server, const Pool *pool)
{
    Pool *const *each = server->pools;

    while (*each != NULL && *each != pool) {
        each++;
    }
    return *each != NULL;
}

static void
Check(void *arg, int id)
{
    (void)id;
    NsDbPoolCheck(arg);
}

static void
Exit(void *arg)
{
    (void)arg;
    NsDbStopEnd();
    for (Pool *pool = NsDbPoolFirst(); pool != NULL; pool = pool->next) {
        NsDbPoolStop(pool);
    }
}

/* All of the section ns/db/pools, whoever uses them. */
static void
CreatePools(void)
{
    const Ns_Set *set = Ns_ConfigGetSection("ns/db/pools");

    Ns_LogSqlDebug = (Ns_LogSeverity)Ns_CreateLogSeverity("Debug(sql)");
    for (size_t i = 0u; set != NULL && i < Ns_SetSize(set); i++) {
        Pool   *pool = NsDbPoolCreate(Ns_SetKey(set, i), Ns_SetValue(set, i));
        Ns_Time interval;

        if (pool == NULL) {
            continue;
        }
        Ns_ConfigTimeUnitRange(pool->section, "checkinterval", "5m", 0, 0, 86400L * 3650, 0, &interval);
        if ((interval.sec > 0 || interval.usec > 0) && Ns_ScheduleProcEx(Check, pool, NS_SCHED_THREAD, &interval, NULL) < 0) {
            Ns_Log(Error, "nsdb: pool %s: idle connections cannot be looked at", pool->name);
        }
    }
    NsDbStopInit();
    (void)Ns_RegisterAtExit(Exit, NULL);
}

static void
Add(ServerPools *server, Pool *pool, size_t *n)
{
    if (!Has(server, pool)) {
        server->pools[(*n)++] = pool;
        Tcl_DStringAppend(&server->list, pool->name, (int)strlen(pool->name) + 1);
    }
}

/* `names`: "*" or a list with spaces or commas. */
static void
AddPools(ServerPools *server, const char *names)
{
    size_t n = 0u, len;

    for (const char *name = names; *(name += strspn(name, " ,\t\n")) != '\0'; name += len) {
        char *copy;
        Pool *pool;

        len = strcspn(name, " ,\t\n");
        copy = ns_strncopy(name, (ssize_t)len);
        pool = NsDbPoolFind(copy);
        if (strcmp(copy, "*") == 0) {
            for (pool = NsDbPoolFirst(); pool != NULL; pool = pool->next) {
                Add(server, pool, &n);
            }
        } else if (pool != NULL) {
            Add(server, pool, &n);
        } else {
            Ns_Log(Error, "nsdb: server %s: there is no pool %s (section ns/db/pools), or it could not be made", server->server, copy);
        }
        ns_free(copy);
    }
}

static void
InitDrivers(const ServerPools *server, const char *module)
{
    for (Pool **pool = server->pools; *pool != NULL; pool++) {
        Pool **before = server->pools;

        while ((*before)->driver != (*pool)->driver) {
            before++;
        }
        if (before == pool) {
            NsDbDriverServerInit((*pool)->driver, server->server, module);
        }
    }
}

Ns_ReturnCode
NsDbServerInit(const char *name, const char *module)
{
    static bool  created;
    const char  *section = Ns_ConfigSectionPath(NULL, name, NULL, "db", (char *)NULL), *def;
    ServerPools *server;
    size_t       n = 0u;

    if (FindServer(name) != NULL) {
        Ns_Log(Error, "nsdb: server %s has it already", name);
        return NS_ERROR;
    }
    if (!created) {
        CreatePools();
        created = true;
    }
    for (const Pool *pool = NsDbPoolFirst(); pool != NULL; pool = pool->next) {
        n++;
    }
    server = ns_calloc(1u, sizeof(ServerPools));
    server->server = ns_strdup(name);
    server->pools = ns_calloc(n + 1u, sizeof(Pool *));
    Tcl_DStringInit(&server->list);
    AddPools(server, Ns_ConfigString(section, "pools", ""));
    def = Ns_ConfigGetValue(section, "defaultpool");
    if (def != NULL && *def != '\0') {
        server->def = NsDbPoolFind(def);
        if (server->def == NULL || !Has(server, server->def)) {
            Ns_Log(Error, "nsdb: section %s, parameter defaultpool: \"%s\" is none of this server's pools", section, def);
            server->def = NULL;
        }
    }
    server->next = servers;
    servers = server;
    InitDrivers(server, module);
    if (Ns_TclRegisterTrace(name, NsDbInterpFreeConn, NULL, NS_TCL_TRACE_FREECONN) != NS_OK
        || Ns_TclRegisterTrace(name, NsDbInterpCleanup, NULL, NS_TCL_TRACE_DEALLOCATE) != NS_OK) {
        return NS_ERROR;
    }
    return Ns_TclRegisterTrace(name, NsDbInterpBegin, NULL, NS_TCL_TRACE_ALLOCATE);
}

/* ---- about pools */

const char *
Ns_DbPoolDescription(const char *pool)
{
    const Pool *found = NsDbPoolFind(pool);

    return found != NULL ? found->description : NULL;
}

const char *
Ns_DbPoolDefault(const char *server)
{
    const ServerPools *found = FindServer(server);

    return found != NULL && found->def != NULL ? found->def->name : NULL;
}

const char *
Ns_DbPoolList(const char *server)
{
    const ServerPools *found = FindServer(server);

    return found != NULL ? Tcl_DStringValue(&found->list) : NULL;
}

bool
Ns_DbPoolAllowable(const char *server, const char *pool)
{
    const ServerPools *found = FindServer(server);
    const Pool        *wanted = NsDbPoolFind(pool);

    return found != NULL && wanted != NULL && Has(found, wanted);
}

Pool *
NsDbPoolOfServer(Tcl_Interp *interp, const char *pool)
{
    const char *server = Ns_TclInterpServer(interp);

    if (pool == NULL) {
        pool = Ns_DbPoolDefault(server);
        if (pool == NULL) {
            Ns_TclPrintfResult(interp, "no pool named, and section ns/server/%s/db has no defaultpool", server != NULL ? server : "");
            return NULL;
        }
    }
    if (!Ns_DbPoolAllowable(server, pool)) {
        Ns_TclPrintfResult(interp, "no access to pool: \"%s\"", pool);
        return NULL;
    }
    return NsDbPoolFind(pool);
}

static Tcl_Obj *
SecondsObj(const Ns_Time *time)
{
    return Tcl_ObjPrintf("%ld.%06ld", time->sec, time->usec);
}

static Ns_Time
MinDuration(const Pool *pool)
{
    int64_t usec = __atomic_load_n(&pool->minDuration, __ATOMIC_RELAXED);

    return (Ns_Time){(long)(usec / 1000000), (long)(usec % 1000000)};
}

int
Ns_DbPoolStats(Tcl_Interp *interp)
{
    const ServerPools *server = FindServer(Ns_TclInterpServer(interp));
    Tcl_Obj           *all = Tcl_NewListObj(0, NULL);

    for (Pool *const *pool = server != NULL ? server->pools : NULL; pool != NULL && *pool != NULL; pool++) {
        PoolStats stats;
        Tcl_Obj  *one[14];

        NsDbPoolGetStats(*pool, &stats);
        one[0] = Tcl_NewStringObj("statements", -1);
        one[1] = Tcl_NewWideIntObj((Tcl_WideInt)stats.statements);
        one[2] = Tcl_NewStringObj("gethandles", -1);
        one[3] = Tcl_NewWideIntObj((Tcl_WideInt)stats.gets);
        one[4] = Tcl_NewStringObj("handles", -1);
        one[5] = Tcl_NewIntObj(stats.handles);
        one[6] = Tcl_NewStringObj("connected", -1);
        one[7] = Tcl_NewIntObj(stats.connected);
        one[8] = Tcl_NewStringObj("used", -1);
        one[9] = Tcl_NewIntObj(stats.used);
        one[10] = Tcl_NewStringObj("waittime", -1);
        one[11] = SecondsObj(&stats.waitTime);
        one[12] = Tcl_NewStringObj("sqltime", -1);
        one[13] = SecondsObj(&stats.sqlTime);
        (void)Tcl_ListObjAppendElement(NULL, all, Tcl_NewStringObj((*pool)->name, -1));
        (void)Tcl_ListObjAppendElement(NULL, all, Tcl_NewListObj(14, one));
    }
    Tcl_SetObjResult(interp, all);
    return TCL_OK;
}

static Pool *
ValidPool(Tcl_Interp *interp, const char *pool)
{
    if (!Ns_DbPoolAllowable(Ns_TclInterpServer(interp), pool)) {
        Ns_TclPrintfResult(interp, "Invalid pool '%s'", pool);
        return NULL;
    }
    return NsDbPoolFind(pool);
}

int
Ns_DbGetMinDuration(Tcl_Interp *interp, const char *pool, Ns_Time **minDuration)
{
    static __thread Ns_Time value;
    const Pool             *found = ValidPool(interp, pool);

    if (found == NULL) {
        return TCL_ERROR;
    }
    value = MinDuration(found);
    *minDuration = &value;
    return TCL_OK;
}

int
Ns_DbSetMinDuration(Tcl_Interp *interp, const char *pool, const Ns_Time *minDuration)
{
    Pool *found = ValidPool(interp, pool);

    if (found == NULL) {
        return TCL_ERROR;
    }
    __atomic_store_n(&found->minDuration, NsDbMicroseconds(minDuration), __ATOMIC_RELAXED);
    return TCL_OK;
}

Tcl_Obj *
Ns_DbListMinDurations(Tcl_Interp *interp, const char *server)
{
    const ServerPools *found = FindServer(server);
    Tcl_Obj           *list = Tcl_NewListObj(0, NULL);

    for (Pool *const *pool = found != NULL ? found->pools : NULL; pool != NULL && *pool != NULL; pool++) {
        Ns_Time value = MinDuration(*pool);

        (void)Tcl_ListObjAppendElement(interp, list, Tcl_NewStringObj((*pool)->name, -1));
        (void)Tcl_ListObjAppendElement(interp, list, SecondsObj(&value));
    }
    return list;
}
