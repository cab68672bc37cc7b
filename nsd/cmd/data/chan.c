/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_chan: Tcl channels that wander between the threads of a server under a name.
 *
 * A shared channel is either in the server's table, belonging to no thread, or taken by one interpreter.  One that is
 * taken is a channel of that interpreter as any other: closing it, also by the cleanup at the end of a request, ends it.
 */
#include <string.h>
#include "cmd/cmds.h"
#include "interp/interp.h"

#define ASSOC "ns:chan"

static struct {
    Ns_Mutex      lock;
    bool          ready;
    Tcl_HashTable byServerAndName;             /* "SERVER/NAME" -> Tcl_Channel */
} shared;

/* The key of a name in this server; ns_free it. */
static char *
SharedKey(const NsServer *server, const char *name)
{
    size_t len = strlen(server->name) + strlen(name) + 2u;
    char  *key = ns_malloc(len);

    snprintf(key, len, "%s/%s", server->name, name);
    return key;
}

/* A channel that an interpreter has taken: the value of an entry of its table. */
typedef struct TakenChan {
    Tcl_HashEntry *entry;
    Tcl_Channel    chan;
} TakenChan;

/* The channel is being closed, by whomever. */
static void
ForgetClosed(ClientData clientData)
{
    TakenChan *taken = clientData;

    Tcl_DeleteHashEntry(taken->entry);
    ns_free(taken);
}

static void
Forget(TakenChan *taken)
{
    Tcl_DeleteCloseHandler(taken->chan, ForgetClosed, taken);
    ForgetClosed(taken);
}

static void
CloseTaken(ClientData clientData, Tcl_Interp *interp)
{
    Tcl_HashTable *table = clientData;
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    while ((entry = Tcl_FirstHashEntry(table, &search)) != NULL) {
        TakenChan  *taken = Tcl_GetHashValue(entry);
        Tcl_Channel chan = taken->chan;

        Forget(taken);
        Tcl_UnregisterChannel(interp, chan);
    }
    Tcl_DeleteHashTable(table);
    ns_free(table);
}

/* The interpreter's own: name -> TakenChan. */
static Tcl_HashTable *
TakenTable(Tcl_Interp *interp)
{
    Tcl_HashTable *table = Tcl_GetAssocData(interp, ASSOC, NULL);

    if (table == NULL) {
        table = ns_malloc(sizeof(Tcl_HashTable));
        Tcl_InitHashTable(table, TCL_STRING_KEYS);
        Tcl_SetAssocData(interp, ASSOC, CloseTaken, table);
    }
    return table;
}

/* A name that is taken a second time, its channel having been shared anew by another thread, is the newer one's. */
static void
Remember(Tcl_Interp *interp, const char *name, Tcl_Channel chan)
{
    TakenChan     *taken = ns_malloc(sizeof *taken);
    Tcl_HashTable *table = TakenTable(interp);
    Tcl_HashEntry *entry = Tcl_FindHashEntry(table, name);
    int            isNew;

    if (entry != NULL) {
        Forget(Tcl_GetHashValue(entry));
    }
    taken->chan = chan;
    taken->entry = Tcl_CreateHashEntry(table, name, &isNew);
    Tcl_SetHashValue(taken->entry, taken);
    Tcl_CreateCloseHandler(chan, ForgetClosed, taken);
}

/* Take a channel out of its interpreter and thread, keeping it open; under whatever name it was taken, it is not any more. */
static void
CutLoose(Tcl_Interp *interp, Tcl_Channel chan)
{
    Tcl_DriverWatchProc *watch = Tcl_ChannelWatchProc(Tcl_GetChannelType(chan));
    Tcl_HashSearch       search;
    Tcl_HashEntry       *entry = Tcl_FirstHashEntry(TakenTable(interp), &search);

    for (; entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        TakenChan *taken = Tcl_GetHashValue(entry);

        if (taken->chan == chan) {
            Forget(taken);
        }
    }
    Tcl_ClearChannelHandlers(chan);            /* events of this thread */
    if (watch != NULL) {
        watch(Tcl_GetChannelInstanceData(chan), 0);
    }
    Tcl_RegisterChannel(NULL, chan);
    Tcl_UnregisterChannel(interp, chan);
    Tcl_CutChannel(chan);
}

/* Lock held. */
static bool
PutShared(const NsServer *server, const char *name, Tcl_Channel chan)
{
    char          *key = SharedKey(server, name);
    Tcl_HashEntry *entry;
    int            isNew;

    if (!shared.ready) {
        Tcl_InitHashTable(&shared.byServerAndName, TCL_STRING_KEYS);
        shared.ready = true;
    }
    entry = Tcl_CreateHashEntry(&shared.byServerAndName, key, &isNew);
    if (isNew) {
        Tcl_SetHashValue(entry, chan);
    }
    ns_free(key);
    return isNew != 0;
}

static int
CreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    char           *id, *name;
    Tcl_Channel     chan;
    bool            added;
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvString, &id, NULL}, {"name", Ns_ObjvString, &name, NULL},
                              {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK
        || Ns_TclGetOpenChannel(interp, id, 0, false, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&shared.lock);
    added = PutShared(ip->server, name, chan);
    if (added) {
        CutLoose(interp, chan);
    }
    Ns_MutexUnlock(&shared.lock);
    if (!added) {
        Ns_TclPrintfResult(interp, "channel \"%s\" already exists", name);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
NotFound(Tcl_Interp *interp, const char *name)
{
    Ns_TclPrintfResult(interp, "channel \"%s\" not found", name);
    return TCL_ERROR;
}

static int
GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    char           *name, *key;
    Tcl_Channel     chan = NULL;
    Tcl_HashEntry  *entry;
    Ns_ObjvSpec     args[] = {{"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    key = SharedKey(ip->server, name);
    Ns_MutexLock(&shared.lock);
    entry = shared.ready ? Tcl_FindHashEntry(&shared.byServerAndName, key) : NULL;
    if (entry != NULL) {
        chan = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
    }
    Ns_MutexUnlock(&shared.lock);
    ns_free(key);
    if (chan == NULL) {
        return NotFound(interp, name);
    }
    Tcl_SpliceChannel(chan);
    Tcl_RegisterChannel(interp, chan);
    Tcl_UnregisterChannel(NULL, chan);
    Remember(interp, name, chan);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_GetChannelName(chan), -1));
    return TCL_OK;
}

static int
PutObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    char           *name;
    Tcl_HashEntry  *entry;
    Tcl_Channel     chan;
    bool            added;
    Ns_ObjvSpec     args[] = {{"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    entry = Tcl_FindHashEntry(TakenTable(interp), name);
    if (entry == NULL) {
        return NotFound(interp, name);
    }
    chan = ((const TakenChan *)Tcl_GetHashValue(entry))->chan;
    Ns_MutexLock(&shared.lock);
    added = PutShared(ip->server, name, chan);
    if (added) {
        CutLoose(interp, chan);
    }
    Ns_MutexUnlock(&shared.lock);
    if (!added) {
        Ns_TclPrintfResult(interp, "channel \"%s\" already exists", name);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* Of the server's entries: the name behind the key's prefix, or NULL. */
static const char *
NameOf(const NsServer *server, Tcl_HashEntry *entry)
{
    const char *key = Tcl_GetHashKey(&shared.byServerAndName, entry);
    size_t      len = strlen(server->name);

    return strncmp(key, server->name, len) == 0 && key[len] == '/' ? key + len + 1 : NULL;
}

static int
ListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    int             wantShared = 0;
    Tcl_Obj        *list;
    Tcl_HashSearch  search;
    Tcl_HashEntry  *entry;
    Ns_ObjvSpec     opts[] = {{"-shared", Ns_ObjvBool, &wantShared, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    if (wantShared == 0) {
        Tcl_HashTable *taken = TakenTable(interp);

        for (entry = Tcl_FirstHashEntry(taken, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Tcl_GetHashKey(taken, entry), -1));
        }
    } else {
        Ns_MutexLock(&shared.lock);
        entry = shared.ready ? Tcl_FirstHashEntry(&shared.byServerAndName, &search) : NULL;
        for (; entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            const char *name = NameOf(ip->server, entry);

            if (name != NULL) {
                Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(name, -1));
            }
        }
        Ns_MutexUnlock(&shared.lock);
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* Take one of the server's out of the table, or NULL. */
static Tcl_Channel
TakeAnyShared(const NsServer *server)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;
    Tcl_Channel    chan = NULL;

    Ns_MutexLock(&shared.lock);
    entry = shared.ready ? Tcl_FirstHashEntry(&shared.byServerAndName, &search) : NULL;
    while (entry != NULL && NameOf(server, entry) == NULL) {
        entry = Tcl_NextHashEntry(&search);
    }
    if (entry != NULL) {
        chan = Tcl_GetHashValue(entry);
        Tcl_DeleteHashEntry(entry);
    }
    Ns_MutexUnlock(&shared.lock);
    return chan;
}

/* Close those of the table, without its lock, since closing may wait.  Each has to belong to this thread for that. */
static void
CleanupShared(const NsServer *server)
{
    Tcl_Channel chan;

    while ((chan = TakeAnyShared(server)) != NULL) {
        Tcl_SpliceChannel(chan);
        Tcl_UnregisterChannel(NULL, chan);
    }
}

static int
CleanupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    int             wantShared = 0;
    Ns_ObjvSpec     opts[] = {{"-shared", Ns_ObjvBool, &wantShared, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (wantShared != 0) {
        CleanupShared(ip->server);
    } else {
        Tcl_DeleteAssocData(interp, ASSOC);    /* closes them */
    }
    return TCL_OK;
}

static int
ChanObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"cleanup", CleanupObjCmd},
        {"list", ListObjCmd},
        {"create", CreateObjCmd},
        {"put", PutObjCmd},
        {"get", GetObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

const NsCmd nsChanCmds[] = {
    {"ns_chan", ChanObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0u}
};
