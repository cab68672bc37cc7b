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
#include "cmd/cmds.h"
#include "interp.h"

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

/* Parse the handle and, when `second` is not NULL, one more word. */
static Sync *
SyncParse(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv, const char *secondName,
          Tcl_Obj **second)
{
    Tcl_Obj    *handle;
    Ns_ObjvSpec args[] = {
        {kinds[kind].usage, Ns_ObjvObj, &handle, NULL}, {secondName, Ns_ObjvObj, second, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return NULL;
    }
    return SyncGet(data, interp, kind, handle);
}

/*
 * create: always a new object.  A mutex or read-write lock may be given a name, by which it is listed: ?name?.  A semaphore
 * starts with ?count?.
 */
static int
CreateSync(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
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
Misused(Tcl_Interp *interp, Kind kind, Tcl_Obj *const *objv, const char *what)
{
    Ns_TclPrintfResult(interp, "%s %s: %s '%s' %s", kinds[kind].command, Tcl_GetString(objv[1]), kinds[kind].object,
                       Tcl_GetString(objv[2]), what);
    return TCL_ERROR;
}

static int
DestroySync(const NsInterp *data, Tcl_Interp *interp, Kind kind, int objc, Tcl_Obj *const *objv)
{
    Sync          *sync = SyncParse(data, interp, kind, objc, objv, NULL, NULL);
    Tcl_DString    key;
    Tcl_HashEntry *entry;
    Sync          *removed = NULL;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    /* Who has it could not give it back any more, and who waits for it would wait for ever. */
    if (atomic_load(&sync->owner) != 0 || atomic_load(&sync->count) != 0) {
        SyncRelease(sync);
        return Misused(interp, kind, objv, "is locked");
    }
    MakeKey(&key, data, Tcl_GetString(objv[2]));
    Ns_MutexLock(&tableLock);
    entry = Tcl_FindHashEntry(TableOf(kind), Tcl_DStringValue(&key));
    if (entry != NULL) {
        removed = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
    }
    Ns_MutexUnlock(&tableLock);
    Tcl_DStringFree(&key);
    if (removed != NULL) {
        SyncRelease(removed);
    }
    SyncRelease(sync);
    return TCL_OK;
}

/* Run a script between taking and giving back; the result is the script's. */
static int
EvalWith(Tcl_Interp *interp, Sync *sync, Tcl_Obj *script, int (*leave)(Tcl_Interp *interp, Sync *sync))
{
    int status = Tcl_EvalObjEx(interp, script, 0);

    /* It may have been given back by the script: then there is nothing to do. */
    (void)leave(NULL, sync);
    return status;
}

/*
 * ns_mutex
 */
static bool
IsOurs(const Sync *sync)
{
    return atomic_load(&sync->owner) == Ns_ThreadId();
}

static void
MutexEnter(Sync *sync)
{
    Ns_MutexLock(&sync->u.mutex);
    atomic_store(&sync->owner, Ns_ThreadId());
}

/* By whoever holds it or, as in NaviServer, by another thread. */
static int
MutexLeave(Tcl_Interp *interp, Sync *sync)
{
    if (atomic_exchange(&sync->owner, 0) == 0) {
        return TCL_ERROR;
    }
    Ns_MutexUnlock(&sync->u.mutex);
    return TCL_OK;
}

static int
MutexCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CreateSync(clientData, interp, MUTEX, objc, objv);
}

static int
MutexDestroyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DestroySync(clientData, interp, MUTEX, objc, objv);
}

static int
MutexLockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, MUTEX, objc, objv, NULL, NULL);
    int   status = TCL_OK;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    if (IsOurs(sync)) {
        status = Misused(interp, MUTEX, objv, "is locked by this thread already");
    } else {
        MutexEnter(sync);
    }
    SyncRelease(sync);
    return status;
}

static int
MutexTryLockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, MUTEX, objc, objv, NULL, NULL);
    int   result = -1;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    if (Ns_MutexTryLock(&sync->u.mutex) == NS_OK) {
        atomic_store(&sync->owner, Ns_ThreadId());
        result = 0;
    }
    SyncRelease(sync);
    Tcl_SetObjResult(interp, Tcl_NewIntObj(result));
    return TCL_OK;
}

static int
MutexUnlockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, MUTEX, objc, objv, NULL, NULL);
    int   status;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    status = MutexLeave(interp, sync);
    if (status != TCL_OK) {
        Misused(interp, MUTEX, objv, "is not locked");
    }
    SyncRelease(sync);
    return status;
}

static int
MutexEvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *script;
    Sync    *sync = SyncParse(clientData, interp, MUTEX, objc, objv, "script", &script);
    int      status;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    if (IsOurs(sync)) {
        status = Misused(interp, MUTEX, objv, "is locked by this thread already");
    } else {
        MutexEnter(sync);
        status = EvalWith(interp, sync, script, MutexLeave);
    }
    SyncRelease(sync);
    return status;
}

static int
MutexObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"create", MutexCreateObjCmd}, {"destroy", MutexDestroyObjCmd}, {"eval", MutexEvalObjCmd},
        {"lock", MutexLockObjCmd}, {"trylock", MutexTryLockObjCmd}, {"unlock", MutexUnlockObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/*
 * ns_critsec
 */
static void
CritSecEnter(Sync *sync)
{
    Ns_CsEnter(&sync->u.cs);
    atomic_store(&sync->owner, Ns_ThreadId());
    atomic_fetch_add(&sync->count, 1);
}

static int
CritSecLeave(Tcl_Interp *interp, Sync *sync)
{
    if (!IsOurs(sync)) {
        return TCL_ERROR;
    }
    if (atomic_fetch_sub(&sync->count, 1) == 1) {
        atomic_store(&sync->owner, 0);
    }
    Ns_CsLeave(&sync->u.cs);
    return TCL_OK;
}

static int
CritSecCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CreateSync(clientData, interp, CRITSEC, objc, objv);
}

static int
CritSecDestroyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DestroySync(clientData, interp, CRITSEC, objc, objv);
}

static int
CritSecEnterObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, CRITSEC, objc, objv, NULL, NULL);

    if (sync == NULL) {
        return TCL_ERROR;
    }
    CritSecEnter(sync);
    SyncRelease(sync);
    return TCL_OK;
}

static int
CritSecLeaveObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, CRITSEC, objc, objv, NULL, NULL);
    int   status;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    status = CritSecLeave(interp, sync);
    if (status != TCL_OK) {
        Misused(interp, CRITSEC, objv, "is not entered by this thread");
    }
    SyncRelease(sync);
    return status;
}

static int
CritSecEvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *script;
    Sync    *sync = SyncParse(clientData, interp, CRITSEC, objc, objv, "script", &script);
    int      status;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    CritSecEnter(sync);
    status = EvalWith(interp, sync, script, CritSecLeave);
    SyncRelease(sync);
    return status;
}

static int
CritSecObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"create", CritSecCreateObjCmd}, {"destroy", CritSecDestroyObjCmd}, {"enter", CritSecEnterObjCmd},
        {"eval", CritSecEvalObjCmd}, {"leave", CritSecLeaveObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/*
 * ns_sema
 */
static int
SemaCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CreateSync(clientData, interp, SEMA, objc, objv);
}

static int
SemaDestroyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DestroySync(clientData, interp, SEMA, objc, objv);
}

static int
SemaReleaseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *countObj = NULL;
    Sync    *sync = SyncParse(clientData, interp, SEMA, objc, objv, "?count", &countObj);
    int      count = 1, status = TCL_OK;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    if (countObj != NULL) {
        status = Tcl_GetIntFromObj(interp, countObj, &count);
        if (status == TCL_OK && count < 0) {
            Ns_TclPrintfResult(interp, "expected integer in range [0,MAX] for 'count', but got %d", count);
            status = TCL_ERROR;
        }
    }
    if (status == TCL_OK) {
        Ns_SemaPost(&sync->u.sema, count);
    }
    SyncRelease(sync);
    return status;
}

static int
SemaWaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, SEMA, objc, objv, NULL, NULL);

    if (sync == NULL) {
        return TCL_ERROR;
    }
    Ns_SemaWait(&sync->u.sema);
    SyncRelease(sync);
    return TCL_OK;
}

static int
SemaObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"create", SemaCreateObjCmd}, {"destroy", SemaDestroyObjCmd}, {"release", SemaReleaseObjCmd},
        {"wait", SemaWaitObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/*
 * ns_rwlock
 */
static void
RWLockEnter(Sync *sync, bool write)
{
    if (write) {
        Ns_RWLockWrLock(&sync->u.rwlock);
        atomic_store(&sync->owner, Ns_ThreadId());
    } else {
        Ns_RWLockRdLock(&sync->u.rwlock);
        atomic_fetch_add(&sync->count, 1);
    }
}

static int
RWLockLeave(Tcl_Interp *interp, Sync *sync)
{
    int count = atomic_load(&sync->count);

    if (atomic_exchange(&sync->owner, 0) == 0) {
        /* Not a writer's: take one of the readers. */
        while (count > 0 && !atomic_compare_exchange_weak(&sync->count, &count, count - 1)) {
            ;
        }
        if (count <= 0) {
            return TCL_ERROR;
        }
    }
    Ns_RWLockUnlock(&sync->u.rwlock);
    return TCL_OK;
}

static int
RWLockCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CreateSync(clientData, interp, RWLOCK, objc, objv);
}

static int
RWLockDestroyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DestroySync(clientData, interp, RWLOCK, objc, objv);
}

static int
LockRW(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool write)
{
    Sync *sync = SyncParse(clientData, interp, RWLOCK, objc, objv, NULL, NULL);
    int   status = TCL_OK;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    if (IsOurs(sync)) {
        status = Misused(interp, RWLOCK, objv, "is locked by this thread already");
    } else {
        RWLockEnter(sync, write);
    }
    SyncRelease(sync);
    return status;
}

static int
EvalRW(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool write)
{
    Tcl_Obj *script;
    Sync    *sync = SyncParse(clientData, interp, RWLOCK, objc, objv, "script", &script);
    int      status;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    if (IsOurs(sync)) {
        status = Misused(interp, RWLOCK, objv, "is locked by this thread already");
    } else {
        RWLockEnter(sync, write);
        status = EvalWith(interp, sync, script, RWLockLeave);
    }
    SyncRelease(sync);
    return status;
}

static int
RWLockReadLockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return LockRW(clientData, interp, objc, objv, false);
}

static int
RWLockWriteLockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return LockRW(clientData, interp, objc, objv, true);
}

static int
RWLockReadEvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return EvalRW(clientData, interp, objc, objv, false);
}

static int
RWLockWriteEvalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return EvalRW(clientData, interp, objc, objv, true);
}

/* unlock, readunlock, writeunlock */
static int
RWLockUnlockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Sync *sync = SyncParse(clientData, interp, RWLOCK, objc, objv, NULL, NULL);
    int   status;

    if (sync == NULL) {
        return TCL_ERROR;
    }
    status = RWLockLeave(interp, sync);
    if (status != TCL_OK) {
        Misused(interp, RWLOCK, objv, "is not locked");
    }
    SyncRelease(sync);
    return status;
}

static int
RWLockObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"create", RWLockCreateObjCmd}, {"destroy", RWLockDestroyObjCmd}, {"readeval", RWLockReadEvalObjCmd},
        {"readlock", RWLockReadLockObjCmd}, {"readunlock", RWLockUnlockObjCmd}, {"unlock", RWLockUnlockObjCmd},
        {"writeeval", RWLockWriteEvalObjCmd}, {"writelock", RWLockWriteLockObjCmd},
        {"writeunlock", RWLockUnlockObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

/*
 * ns_cond
 */
static int
CondCreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CreateSync(clientData, interp, COND, objc, objv);
}

static int
CondDestroyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DestroySync(clientData, interp, COND, objc, objv);
}

static int
CondWake(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, void (*wake)(Ns_Cond *cond))
{
    Sync *sync = SyncParse(clientData, interp, COND, objc, objv, NULL, NULL);

    if (sync == NULL) {
        return TCL_ERROR;
    }
    wake(&sync->u.cond);
    SyncRelease(sync);
    return TCL_OK;
}

/* signal, set */
static int
CondSignalObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CondWake(clientData, interp, objc, objv, Ns_CondSignal);
}

static int
CondBroadcastObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CondWake(clientData, interp, objc, objv, Ns_CondBroadcast);
}

/* 1: signalled, 0: the time was up.  A time of 0, or none, is no limit. */
static int
CondWait(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool absolute)
{
    Tcl_Obj      *condObj, *mutexObj;
    Ns_Time      *time = NULL, until = {0, 0};
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
        if (!absolute) {
            Ns_GetTime(&until);
        }
        Ns_IncrTime(&until, time->sec, time->usec);
    }
    cond = SyncGet(clientData, interp, COND, condObj);
    if (cond == NULL) {
        return TCL_ERROR;
    }
    mutex = SyncGet(clientData, interp, MUTEX, mutexObj);
    if (!IsOurs(mutex)) {
        Ns_TclPrintfResult(interp, "ns_cond %s: mutex '%s' is not locked by this thread", Tcl_GetString(objv[1]),
                           Tcl_GetString(mutexObj));
    } else {
        Ns_ReturnCode result;

        /* While it waits others have the mutex. */
        atomic_store(&mutex->owner, 0);
        result = Ns_CondTimedWait(&cond->u.cond, &mutex->u.mutex, until.sec == 0 ? NULL : &until);
        atomic_store(&mutex->owner, Ns_ThreadId());
        Tcl_SetObjResult(interp, Tcl_NewIntObj(result == NS_OK));
        status = TCL_OK;
    }
    SyncRelease(mutex);
    SyncRelease(cond);
    return status;
}

static int
CondWaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CondWait(clientData, interp, objc, objv, false);
}

static int
CondAbsWaitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return CondWait(clientData, interp, objc, objv, true);
}

static int
CondObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"abswait", CondAbsWaitObjCmd}, {"broadcast", CondBroadcastObjCmd}, {"create", CondCreateObjCmd},
        {"destroy", CondDestroyObjCmd}, {"set", CondSignalObjCmd}, {"signal", CondSignalObjCmd},
        {"wait", CondWaitObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsSyncCmds[];
extern Tcl_ObjCmdProc NsTclThreadObjCmd;       /* cmd/thread.c */
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
