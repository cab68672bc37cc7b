/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Locks for scripts: ns_mutex, ns_cond (ns_event), ns_rwlock, ns_sema and ns_critsec.
 *
 * Handles are names, each for the interpreters of one server; "create" makes new ones.  A mutex, read-write lock or
 * critical section also comes into being with the first use of a name; conditions and semaphores do not.  What a script
 * could do wrong with them - unlock what is not locked, lock twice, destroy what others wait for - must not harm the
 * process: each object counts its users, and knows who holds it.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "cmd/cmds.h"
#include "interp/interp.h"
#include "interp/objv.h"

typedef enum { MUTEX, COND, RWLOCK, SEMA, CRITSEC, NKINDS } Kind;

typedef struct Sync {
    Kind             kind;
    atomic_int       refs;                     /* the table's, and of each call that uses it */
    atomic_uintptr_t owner;                    /* of a mutex, critical section, or for writing; 0: nobody */
    atomic_int       count;                    /* readers; entries into a critical section */
    union {
        Ns_Mutex  mutex;
        Ns_Cond   cond;
        Ns_RWLock rwlock;
        Ns_Sema   sema;
        Ns_Cs     cs;
    } u;
} Sync;

/* What a subcommand is given besides its object, on which it holds a reference. */
typedef struct Call {
    const NsInterp  *data;
    Tcl_Interp      *interp;
    Tcl_Obj *const  *objv;
    Tcl_Obj         *extra;                    /* the word behind the handle, or NULL */
} Call;

static const struct {
    const char *command, *name, *object, *usage;
    bool        byName;                        /* made at the first use */
} kinds[NKINDS] = {
    [MUTEX]   = {"ns_mutex",   "mutex",   "mutex",            "mutexId",  true},
    [COND]    = {"ns_cond",    "cond",    "condition",        "condId",   false},
    [RWLOCK]  = {"ns_rwlock",  "rwlock",  "read-write lock",  "rwlockid", true},
    [SEMA]    = {"ns_sema",    "sema",    "semaphore",        "handle",   false},
    [CRITSEC] = {"ns_critsec", "critsec", "critical section", "csid",     true},
};

static Ns_Mutex      tableLock;
static Tcl_HashTable tables[NKINDS];           /* "server name\001handle": Sync * */
static bool          tablesReady;
static unsigned      serial[NKINDS];

/*
 * Objects and their names
 */
static Sync *
SyncNew(Kind kind, int semaCount, const char *name)
{
    Sync *sync = ns_calloc(1, sizeof(*sync));

    sync->kind = kind;
    atomic_init(&sync->refs, 1);
    switch (kind) {
    case MUTEX:   Ns_MutexInit(&sync->u.mutex); Ns_MutexSetName2(&sync->u.mutex, "tcl", name); break;
    case COND:    Ns_CondInit(&sync->u.cond); break;
    case RWLOCK:  Ns_RWLockInit(&sync->u.rwlock); Ns_RWLockSetName2(&sync->u.rwlock, "tcl", name); break;
    case SEMA:    Ns_SemaInit(&sync->u.sema, semaCount); break;
    case CRITSEC: Ns_CsInit(&sync->u.cs); break;
    case NKINDS:  break;
    }
    return sync;
}

static void
SyncRelease(Sync *sync)
{
    if (atomic_fetch_sub(&sync->refs, 1) != 1) {
        return;
    }
    /* Locked in the very moment when it was destroyed: nobody can unlock it any more, and it must not be freed. */
    if (atomic_load(&sync->owner) != 0 || atomic_load(&sync->count) != 0) {
        Ns_Log(Warning, "%s: destroyed while it was locked", kinds[sync->kind].command);
        return;
    }
    switch (sync->kind) {
    case MUTEX:   Ns_MutexDestroy(&sync->u.mutex); break;
    case COND:    Ns_CondDestroy(&sync->u.cond); break;
    case RWLOCK:  Ns_RWLockDestroy(&sync->u.rwlock); break;
    case SEMA:    Ns_SemaDestroy(&sync->u.sema); break;
    case CRITSEC: Ns_CsDestroy(&sync->u.cs); break;
    case NKINDS:  break;
    }
    ns_free(sync);
}

static const char *
MakeKey(Tcl_DString *ds, const NsInterp *data, const char *name)
{
    Tcl_DStringInit(ds);
    if (data->server != NULL) {
        Tcl_DStringAppend(ds, data->server->name, -1);
    }
    Tcl_DStringAppend(ds, "\001", 1);
    return Tcl_DStringAppend(ds, name, -1);
}

/* Under tableLock. */
static Tcl_HashTable *
TableOf(Kind kind)
{
    if (!tablesReady) {
        for (int i = 0; i < NKINDS; i++) {
            Tcl_InitHashTable(&tables[i], TCL_STRING_KEYS);
        }
        Ns_MutexSetName(&tableLock, "ns:tclsync");
        tablesReady = true;
    }
    return &tables[kind];
}

/* The object of that name with a reference for the caller; NULL: there is none, and it was not to be made. */
static Sync *
SyncFind(const NsInterp *data, Kind kind, const char *name, bool create, int semaCount)
{
    Tcl_DString    key;
    Tcl_HashEntry *entry;
    Sync          *sync = NULL;
    int            isNew = 0;

    MakeKey(&key, data, name);
    Ns_MutexLock(&tableLock);
    entry = create ? Tcl_CreateHashEntry(TableOf(kind), Tcl_DStringValue(&key), &isNew)
                   : Tcl_FindHashEntry(TableOf(kind), Tcl_DStringValue(&key));
    if (isNew) {
        Tcl_SetHashValue(entry, SyncNew(kind, semaCount, name));
    }
    if (entry != NULL) {
        sync = Tcl_GetHashValue(entry);
        atomic_fetch_add(&sync->refs, 1);
    }
    Ns_MutexUnlock(&tableLock);
    Tcl_DStringFree(&key);
    return sync;
}

/* The object for a handle that a script has given, with a reference. */
static Sync *
SyncGet(const NsInterp *data, Tcl_Interp *interp, Kind kind, Tcl_Obj *handle)
{
    Sync *sync = SyncFind(data, kind, Tcl_GetString(handle), kinds[kind].byName, 0);

    if (sync == NULL) {
        Ns_TclPrintfResult(interp, "%s: could not convert '%s' to %s object", kinds[kind].command,
                           Tcl_GetString(handle), kinds[kind].object);
    }
    return sync;
}

/*
 * create: always a new object.  A mutex or read-write lock may be given a name, by which it is listed: ?name?.  A semaphore
 * starts with ?count?.
 */
static int
Create(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {0, INT_MAX};
    const char *label = NULL;
    char        handle[64];
    int         count = 0;
    Sync       *sync;
    Ns_ObjvSpec nameArgs[] = {{"?name", Ns_ObjvString, &label, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec countArgs[] = {{"?count", Ns_ObjvInt, &count, &range}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec *args = kind == SEMA ? countArgs : kind == MUTEX || kind == RWLOCK ? nameArgs : NULL;

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&tableLock);
    snprintf(handle, sizeof(handle), "ns:%s:tcl:%u", kinds[kind].name, serial[kind]++);
    Ns_MutexUnlock(&tableLock);
    sync = SyncFind(data, kind, handle, true, count);
    if (label != NULL && kind == MUTEX) {
        Ns_MutexSetName2(&sync->u.mutex, "tcl", label);
    } else if (label != NULL) {
        Ns_RWLockSetName2(&sync->u.rwlock, "tcl", label);
    }
    SyncRelease(sync);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(handle, -1));
    return TCL_OK;
}

static int
Misused(const Call *call, const Sync *sync, const char *what)
{
    Ns_TclPrintfResult(call->interp, "%s %s: %s '%s' %s", kinds[sync->kind].command, Tcl_GetString(call->objv[1]),
                       kinds[sync->kind].object, Tcl_GetString(call->objv[2]), what);
    return TCL_ERROR;
}

static int
Destroy(const Call *call, Sync *sync)
{
    Tcl_DString    key;
    Tcl_HashEntry *entry;
    Sync          *removed = NULL;

    /* Who has it could not give it back any more, and who waits for it would wait for ever. */
    if (atomic_load(&sync->owner) != 0 || atomic_load(&sync->count) != 0) {
        return Misused(call, sync, "is locked");
    }
    MakeKey(&key, call->data, Tcl_GetString(call->objv[2]));
    Ns_MutexLock(&tableLock);
    entry = Tcl_FindHashEntry(TableOf(sync->kind), Tcl_DStringValue(&key));
    if (entry != NULL) {
        removed = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
    }
    Ns_MutexUnlock(&tableLock);
    Tcl_DStringFree(&key);
    if (removed != NULL) {
        SyncRelease(removed);
    }
    return TCL_OK;
}

/* Run a script between taking and giving back; the result is the script's. */
static int
EvalWith(const Call *call, Sync *sync, bool (*leave)(Sync *sync))
{
    int status = Tcl_EvalObjEx(call->interp, call->extra, 0);

    /* It may have been given back by the script: then there is nothing to do. */
    (void)leave(sync);
    return status;
}

static bool
IsOurs(const Sync *sync)
{
    return atomic_load(&sync->owner) == Ns_ThreadId();
}

/* Who would wait for himself. */
static bool
IsTwice(const Call *call, const Sync *sync)
{
    bool twice = IsOurs(sync);

    if (twice) {
        (void)Misused(call, sync, "is locked by this thread already");
    }
    return twice;
}

/*
 * ns_mutex
 */
static int
MutexLock(const Call *call, Sync *sync)
{
    if (IsTwice(call, sync)) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&sync->u.mutex);
    atomic_store(&sync->owner, Ns_ThreadId());
    return TCL_OK;
}

static int
MutexTryLock(const Call *call, Sync *sync)
{
    bool locked = Ns_MutexTryLock(&sync->u.mutex) == NS_OK;

    if (locked) {
        atomic_store(&sync->owner, Ns_ThreadId());
    }
    Tcl_SetObjResult(call->interp, Tcl_NewIntObj(locked ? 0 : -1));
    return TCL_OK;
}

/* By whoever holds it or, as in NaviServer, by another thread. */
static bool
MutexLeave(Sync *sync)
{
    bool locked = atomic_exchange(&sync->owner, 0) != 0;

    if (locked) {
        Ns_MutexUnlock(&sync->u.mutex);
    }
    return locked;
}

static int
MutexUnlock(const Call *call, Sync *sync)
{
    return MutexLeave(sync) ? TCL_OK : Misused(call, sync, "is not locked");
}

static int
MutexEval(const Call *call, Sync *sync)
{
    return MutexLock(call, sync) == TCL_OK ? EvalWith(call, sync, MutexLeave) : TCL_ERROR;
}

/*
 * ns_critsec
 */
static int
CritSecEnter(const Call *call, Sync *sync)
{
    Ns_CsEnter(&sync->u.cs);
    atomic_store(&sync->owner, Ns_ThreadId());
    atomic_fetch_add(&sync->count, 1);
    return TCL_OK;
}

static bool
LeaveCritSec(Sync *sync)
{
    if (!IsOurs(sync)) {
        return false;
    }
    if (atomic_fetch_sub(&sync->count, 1) == 1) {
        atomic_store(&sync->owner, 0);
    }
    Ns_CsLeave(&sync->u.cs);
    return true;
}

static int
CritSecLeave(const Call *call, Sync *sync)
{
    return LeaveCritSec(sync) ? TCL_OK : Misused(call, sync, "is not entered by this thread");
}

static int
CritSecEval(const Call *call, Sync *sync)
{
    (void)CritSecEnter(call, sync);
    return EvalWith(call, sync, LeaveCritSec);
}

/*
 * ns_sema
 */
static int
SemaRelease(const Call *call, Sync *sync)
{
    int count = 1;

    if (call->extra != NULL && Tcl_GetIntFromObj(call->interp, call->extra, &count) != TCL_OK) {
        return TCL_ERROR;
    }
    if (count < 0) {
        Ns_TclPrintfResult(call->interp, "expected integer in range [0,MAX] for 'count', but got %d", count);
        return TCL_ERROR;
    }
    Ns_SemaPost(&sync->u.sema, count);
    return TCL_OK;
}

static int
SemaWait(const Call *call, Sync *sync)
{
    Ns_SemaWait(&sync->u.sema);
    return TCL_OK;
}

/*
 * ns_rwlock
 */
static int
ReadLock(const Call *call, Sync *sync)
{
    if (IsTwice(call, sync)) {
        return TCL_ERROR;
    }
    Ns_RWLockRdLock(&sync->u.rwlock);
    atomic_fetch_add(&sync->count, 1);
    return TCL_OK;
}

static int
WriteLock(const Call *call, Sync *sync)
{
    if (IsTwice(call, sync)) {
        return TCL_ERROR;
    }
    Ns_RWLockWrLock(&sync->u.rwlock);
    atomic_store(&sync->owner, Ns_ThreadId());
    return TCL_OK;
}

static bool
RWLockLeave(Sync *sync)
{
    int count = atomic_load(&sync->count);

    if (atomic_exchange(&sync->owner, 0) == 0) {
        /* Not a writer's: take one of the readers. */
        while (count > 0 && !atomic_compare_exchange_weak(&sync->count, &count, count - 1)) {
            ;
        }
        if (count <= 0) {
            return false;
        }
    }
    Ns_RWLockUnlock(&sync->u.rwlock);
    return true;
}

static int
RWUnlock(const Call *call, Sync *sync)
{
    return RWLockLeave(sync) ? TCL_OK : Misused(call, sync, "is not locked");
}

static int
ReadEval(const Call *call, Sync *sync)
{
    return ReadLock(call, sync) == TCL_OK ? EvalWith(call, sync, RWLockLeave) : TCL_ERROR;
}

static int
WriteEval(const Call *call, Sync *sync)
{
    return WriteLock(call, sync) == TCL_OK ? EvalWith(call, sync, RWLockLeave) : TCL_ERROR;
}

/*
 * ns_cond
 */
static int
CondSignal(const Call *call, Sync *sync)
{
    Ns_CondSignal(&sync->u.cond);
    return TCL_OK;
}

static int
CondBroadcast(const Call *call, Sync *sync)
{
    Ns_CondBroadcast(&sync->u.cond);
    return TCL_OK;
}

/* 1: signalled, 0: the time was up.  A time of 0, or none, is no limit. */
static int
Wait(const NsInterp *data, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool absolute)
{
    Tcl_Obj      *condObj, *mutexObj;
    Ns_Time      *time = NULL, now, left, until = {0, 0};
    Sync         *cond, *mutex;
    int           status = TCL_ERROR;
    Ns_ObjvSpec   args[] = {
        {"condId", Ns_ObjvObj, &condObj, NULL}, {"mutexId", Ns_ObjvObj, &mutexObj, NULL},
        {absolute ? "?epoch" : "?timeout", Ns_ObjvTime, &time, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (time != NULL && (time->sec > 0 || (time->sec == 0 && time->usec > 0))) {
        if (absolute) {
            Ns_GetTime(&now);
            (void)Ns_DiffTime(time, &now, &left);
        } else {
            left = *time;
        }
        NsMonotonicAfter(&left, &until);
    }
    cond = SyncGet(data, interp, COND, condObj);
    if (cond == NULL) {
        return TCL_ERROR;
    }
    mutex = SyncGet(data, interp, MUTEX, mutexObj);
    if (!IsOurs(mutex)) {
        Ns_TclPrintfResult(interp, "ns_cond %s: mutex '%s' is not locked by this thread", Tcl_GetString(objv[1]),
                           Tcl_GetString(mutexObj));
    } else {
        Ns_ReturnCode result;

        /* While it waits others have the mutex. */
        atomic_store(&mutex->owner, 0);
        result = NsCondWaitUntil(&cond->u.cond, &mutex->u.mutex, until.sec == 0 ? NULL : &until);
        atomic_store(&mutex->owner, Ns_ThreadId());
        Tcl_SetObjResult(interp, Tcl_NewIntObj(result == NS_OK));
        status = TCL_OK;
    }
    SyncRelease(mutex);
    SyncRelease(cond);
    return status;
}

static int
CondWait(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
{
    return Wait(data, interp, objc, objv, false);
}

static int
CondAbsWait(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
{
    return Wait(data, interp, objc, objv, true);
}

/*
 * The commands
 */
typedef struct SubCmd {
    const char *name;                          /* must be first */
    int       (*run)(const Call *call, Sync *sync);
    const char *extra;                         /* the word behind the handle: script, ?count */
    int       (*whole)(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv);   /* instead */
} SubCmd;

static const SubCmd mutexCmds[] = {
    {"create", NULL, NULL, Create},
    {"destroy", Destroy, NULL, NULL},
    {"eval", MutexEval, "script", NULL},
    {"lock", MutexLock, NULL, NULL},
    {"trylock", MutexTryLock, NULL, NULL},
    {"unlock", MutexUnlock, NULL, NULL},
    {NULL, NULL, NULL, NULL}
};
static const SubCmd critSecCmds[] = {
    {"create", NULL, NULL, Create},
    {"destroy", Destroy, NULL, NULL},
    {"enter", CritSecEnter, NULL, NULL},
    {"eval", CritSecEval, "script", NULL},
    {"leave", CritSecLeave, NULL, NULL},
    {NULL, NULL, NULL, NULL}
};
static const SubCmd semaCmds[] = {
    {"create", NULL, NULL, Create},
    {"destroy", Destroy, NULL, NULL},
    {"release", SemaRelease, "?count", NULL},
    {"wait", SemaWait, NULL, NULL},
    {NULL, NULL, NULL, NULL}
};
static const SubCmd rwlockCmds[] = {
    {"create", NULL, NULL, Create},
    {"destroy", Destroy, NULL, NULL},
    {"readeval", ReadEval, "script", NULL},
    {"readlock", ReadLock, NULL, NULL},
    {"readunlock", RWUnlock, NULL, NULL},
    {"unlock", RWUnlock, NULL, NULL},
    {"writeeval", WriteEval, "script", NULL},
    {"writelock", WriteLock, NULL, NULL},
    {"writeunlock", RWUnlock, NULL, NULL},
    {NULL, NULL, NULL, NULL}
};
static const SubCmd condCmds[] = {
    {"abswait", NULL, NULL, CondAbsWait},
    {"broadcast", CondBroadcast, NULL, NULL},
    {"create", NULL, NULL, Create},
    {"destroy", Destroy, NULL, NULL},
    {"set", CondSignal, NULL, NULL},
    {"signal", CondSignal, NULL, NULL},
    {"wait", NULL, NULL, CondWait},
    {NULL, NULL, NULL, NULL}
};

/* The object is looked up, kept alive while the subcommand is at work, and let go. */
static int
RunWithSync(const SubCmd *cmd, const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
{
    Call        call = {.data = data, .interp = interp, .objv = objv};
    Tcl_Obj    *handle;
    Sync       *sync;
    int         status;
    Ns_ObjvSpec args[] = {
        {kinds[kind].usage, Ns_ObjvObj, &handle, NULL}, {cmd->extra, Ns_ObjvObj, &call.extra, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    sync = SyncGet(data, interp, kind, handle);
    if (sync == NULL) {
        return TCL_ERROR;
    }
    status = cmd->run(&call, sync);
    SyncRelease(sync);
    return status;
}

static int
Run(const SubCmd *cmds, const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
{
    int           index = NsSubcmdIndex(cmds, sizeof *cmds, interp, objc, objv);
    const SubCmd *cmd = &cmds[index < 0 ? 0 : index];

    if (index < 0) {
        return TCL_ERROR;
    }
    return cmd->whole != NULL ? cmd->whole(data, interp, kind, objc, objv) : RunWithSync(cmd, data, interp, kind, objc, objv);
}

static int
MutexObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Run(mutexCmds, clientData, interp, MUTEX, objc, objv);
}

static int
CritSecObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Run(critSecCmds, clientData, interp, CRITSEC, objc, objv);
}

static int
SemaObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Run(semaCmds, clientData, interp, SEMA, objc, objv);
}

static int
RWLockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Run(rwlockCmds, clientData, interp, RWLOCK, objc, objv);
}

static int
CondObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Run(condCmds, clientData, interp, COND, objc, objv);
}

extern const NsCmd nsSyncCmds[];
extern Tcl_ObjCmdProc NsTclThreadObjCmd;       /* cmd/sync/thread.c */
const NsCmd nsSyncCmds[] = {
    {"ns_cond",    CondObjCmd,        0},
    {"ns_critsec", CritSecObjCmd,     0},
    {"ns_event",   CondObjCmd,        0},
    {"ns_mutex",   MutexObjCmd,       0},
    {"ns_rwlock",  RWLockObjCmd,      0},
    {"ns_sema",    SemaObjCmd,        0},
    {"ns_thread",  NsTclThreadObjCmd, 0},
    {NULL, NULL, 0}
};
