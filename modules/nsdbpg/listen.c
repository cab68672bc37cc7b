/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who listens for NOTIFY: a connection of its own, whose socket a callback worker watches.  What arrives becomes a call of a script there, or a
 * message to a topic.
 *
 * A listener is connected by a thread that may wait, then watched by the worker; when the connection is lost it goes back to such a thread,
 * after a delay that doubles with each try.  Its state says who has the connection: CONNECTING the thread, WATCHED and CANCELLED the worker.
 * What the worker watches is a descriptor of our own, closed when the loop has let go of it, so that its number is nobody else's by then.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "pg.h"

#define MIN_DELAY 100                          /* ms */
#define MAX_DELAY 10000

typedef enum { CONNECTING, WATCHED, CANCELLED, GONE } State;

typedef struct Listener {
    struct Listener *next;                     /* in the table */
    unsigned         refs;                     /* of the table, and of who has the connection; under `lock`, as are the next four */
    State            state;
    bool             stop;
    uint64_t         connects, notified;
    PGconn          *conn;                     /* his who has it */
    int              sock;                     /* what the worker watches; -1: none */
    int64_t          delay;                    /* ms before the next try */
    /* set at the beginning */
    unsigned         number;
    Ns_Server       *server;
    char            *pool, *datasource, *user, *password, *channel;
    char            *script, *connectScript;   /* NULL: none */
    char            *topic;                    /* NULL: none */
    const PgConfig  *config;
} Listener;

static Ns_Mutex  lock;                         /* around the table and what is named above; no code of others runs under it */
static Listener *listeners;
static unsigned  numbers;

static void TryAgain(Listener *self);

void
PgListenStart(void)
{
    Ns_MutexSetName(&lock, "nsdbpg:listeners");
}

/* Under the lock or not: nobody else has it when the count falls to 0. */
static void
Free(Listener *self)
{
    ns_free(self->pool);
    ns_free(self->datasource);
    ns_free(self->user);
    ns_free(self->password);
    ns_free(self->channel);
    ns_free(self->script);
    ns_free(self->connectScript);
    ns_free(self->topic);
    ns_free(self);
}

static void
Release(Listener *self)
{
    bool last;

    Ns_MutexLock(&lock);
    last = --self->refs == 0u;
    Ns_MutexUnlock(&lock);
    if (last) {
        Free(self);
    }
}

/* Out of the table, once. */
static void
Remove(Listener *self)
{
    Listener **link = &listeners;

    Ns_MutexLock(&lock);
    while (*link != NULL && *link != self) {
        link = &(*link)->next;
    }
    if (*link == self) {
        *link = self->next;
        self->refs--;                          /* the caller has one more */
    }
    Ns_MutexUnlock(&lock);
}

/* ---- what happens is told */

/* `words` are appended to the script as elements; ended by NULL. */
static void
Call(const Listener *self, const char *script, const char *const *words)
{
    Tcl_Interp *interp = Ns_TclAllocateInterp(Ns_ServerName(self->server));
    Tcl_DString command;

    Tcl_DStringInit(&command);
    Tcl_DStringAppend(&command, script, -1);
    for (; *words != NULL; words++) {
        (void)Tcl_DStringAppendElement(&command, *words);
    }
    if (Tcl_EvalEx(interp, Tcl_DStringValue(&command), Tcl_DStringLength(&command), TCL_EVAL_GLOBAL) == TCL_ERROR) {
        (void)Ns_TclLogErrorInfo(interp, "\n(callback of ns_pg listen)");
    }
    Tcl_DStringFree(&command);
    Ns_TclDeAllocateInterp(interp);
}

static void
Tell(const Listener *self, const PGnotify *notify)
{
    Tcl_DString channel, payload;
    char        pid[16];
    const char *words[] = {NULL, NULL, pid, NULL};

    if (self->topic != NULL && Ns_WebSocketPublish(self->server, self->topic, NS_WEBSOCKET_TEXT, notify->extra, strlen(notify->extra), NULL, 0u) < 0) {
        Ns_Log(Warning, "nsdbpg: listener pg%u: a message for topic %s cannot be published", self->number, self->topic);
    }
    if (self->script != NULL) {
        Tcl_DStringInit(&channel);
        Tcl_DStringInit(&payload);
        words[0] = Ns_TextIn(&channel, notify->relname, strlen(notify->relname), NULL);
        words[1] = Ns_TextIn(&payload, notify->extra, strlen(notify->extra), NULL);
        (void)snprintf(pid, sizeof(pid), "%d", notify->be_pid);
        Call(self, self->script, words);
        Tcl_DStringFree(&channel);
        Tcl_DStringFree(&payload);
    }
}

/* ---- on the worker */

/* Gives the connection up.  Returns what becomes of the listener: to be tried again (true), or over. */
static bool
Leave(Listener *self)
{
    bool again;

    Ns_MutexLock(&lock);
    again = !self->stop && !Ns_InfoShutdownPending();
    self->state = again ? CONNECTING : GONE;
    Ns_MutexUnlock(&lock);
    PQfinish(self->conn);
    self->conn = NULL;
    if (self->sock >= 0) {
        (void)close(self->sock);
        self->sock = -1;
    }
    return again;
}

/* False: the connection is lost. */
static bool
Deliver(Listener *self)
{
    PGnotify *notify;
    bool      fine = PQconsumeInput(self->conn) && PQstatus(self->conn) == CONNECTION_OK, stop = false;

    while (!stop && (notify = PQnotifies(self->conn)) != NULL) {
        Ns_MutexLock(&lock);
        stop = self->stop;
        self->notified += !stop;
        Ns_MutexUnlock(&lock);
        if (!stop) {
            Tell(self, notify);
        }
        PQfreemem(notify);
    }
    return fine;
}

/* The connection is closed when the loop has let go of its socket. */
static bool
Event(NS_SOCKET sock, void *arg, unsigned why)
{
    Listener *self = arg;

    if (why == NS_SOCK_EXIT) {
        return false;                          /* the process ends, and the connection with it */
    }
    if (why == NS_SOCK_READ) {
        if (!Deliver(self)) {
            Ns_MutexLock(&lock);
            if (self->state == WATCHED) {
                Ns_Log(Warning, "nsdbpg: listener pg%u for %s: the connection was lost, it will be made again", self->number, self->channel);
                self->state = CANCELLED;
                (void)Ns_SockCancelCallbackEx(sock, Event, self, NULL);
            }
            Ns_MutexUnlock(&lock);
        }
        return true;
    }
    if (Leave(self)) {
        TryAgain(self);
    } else {
        Remove(self);
        Release(self);
    }
    return false;
}

/* ---- on a thread that may wait */

/* LISTEN, with the name in quotes: as it was given. */
static Ns_ReturnCode
SendListen(Listener *self, Tcl_DString *error)
{
    Tcl_DString   ds, sql;
    const char   *bytes;
    char         *name;
    Ns_ReturnCode status = NS_ERROR;

    Tcl_DStringInit(&ds);
    Tcl_DStringInit(&sql);
    bytes = Ns_TextOutString(&ds, self->channel);
    name = bytes != NULL ? PQescapeIdentifier(self->conn, bytes, strlen(bytes)) : NULL;
    if (name != NULL) {
        Tcl_DStringAppend(&sql, "LISTEN ", -1);
        Tcl_DStringAppend(&sql, name, -1);
        PQfreemem(name);
        status = PgCommand(self->conn, Tcl_DStringValue(&sql), self->config->connectTimeout, error);
    } else {
        Tcl_DStringAppend(error, "the channel's name is none", -1);
    }
    Tcl_DStringFree(&sql);
    Tcl_DStringFree(&ds);
    return status;
}

static Ns_ReturnCode
Connect(Listener *self, Tcl_DString *error)
{
    Ns_ReturnCode status = NS_ERROR;

    self->conn = PgConnect(self->datasource, self->user, self->password, self->config, error);
    if (self->conn != NULL) {
        status = SendListen(self, error);
    }
    return status;
}

/* Connected: to the worker.  What has come with the answer to LISTEN is there already, and would wait for the next. */
static bool
Watch(Listener *self)
{
    bool stop;

    if (self->connectScript != NULL) {
        const char *words[] = {NULL};

        Call(self, self->connectScript, words);
    }
    if (!Deliver(self)) {
        Ns_Log(Warning, "nsdbpg: listener pg%u for %s: the connection was lost at once", self->number, self->channel);
        return false;
    }
    self->sock = PgDupSocket(self->conn);
    if (self->sock < 0) {
        Ns_Log(Warning, "nsdbpg: listener pg%u for %s: no descriptor is left", self->number, self->channel);
        return false;
    }
    Ns_MutexLock(&lock);
    stop = self->stop;
    if (!stop) {
        self->state = WATCHED;
        self->connects++;
        self->delay = MIN_DELAY;
        /* Registers in the worker's inbox: nothing of others runs here. */
        if (Ns_SockCallback(self->sock, Event, self, NS_SOCK_READ | NS_SOCK_EXIT) != NS_OK) {
            self->state = CONNECTING;
            stop = self->stop = true;
        }
    }
    Ns_MutexUnlock(&lock);
    return !stop;
}

static void
Try(void *arg, int id)
{
    Listener   *self = arg;
    Tcl_DString error;

    (void)id;
    Tcl_DStringInit(&error);
    if (Connect(self, &error) != NS_OK || !Watch(self)) {
        if (Tcl_DStringLength(&error) > 0) {
            Ns_Log(Warning, "nsdbpg: listener pg%u for %s: %s", self->number, self->channel, Tcl_DStringValue(&error));
        }
        if (Leave(self)) {
            TryAgain(self);
        } else {
            Remove(self);
            Release(self);
        }
    }
    Tcl_DStringFree(&error);
}

static void
TryAgain(Listener *self)
{
    Ns_Time wait = {(long)(self->delay / 1000), (long)(self->delay % 1000 * 1000)};

    self->delay = self->delay == 0 ? MIN_DELAY : self->delay * 2 > MAX_DELAY ? MAX_DELAY : self->delay * 2;
    if (Ns_ScheduleProcEx(Try, self, NS_SCHED_ONCE | NS_SCHED_THREAD, &wait, NULL) < 0) {
        Ns_Log(Error, "nsdbpg: listener pg%u for %s ends: it cannot be connected again", self->number, self->channel);
        Remove(self);
        Release(self);
    }
}

/* ---- commands: any thread with an interpreter */

static Listener *
New(Tcl_Interp *interp, const char *pool, const char *channel)
{
    const char     *section = Ns_ConfigSectionPath(NULL, NULL, NULL, "db", "pool", pool, (char *)NULL);
    const char     *server = Ns_TclInterpServer(interp), *driver = Ns_ConfigGetValue(section, "driver");
    const PgConfig *config = driver != NULL ? PgConfigOf(driver) : NULL;
    Listener       *self;

    if (!Ns_DbPoolAllowable(server, pool) || config == NULL) {
        Ns_TclPrintfResult(interp, config == NULL && Ns_DbPoolAllowable(server, pool) ? "pool \"%s\" is not one of nsdbpg"
                           : "no access to pool: \"%s\"", pool);
        return NULL;
    }
    self = ns_calloc(1u, sizeof(Listener));
    self->config = config;
    self->server = Ns_GetServer(server);
    self->pool = ns_strdup(pool);
    self->datasource = ns_strdup(Ns_ConfigString(section, "datasource", ""));
    self->user = ns_strdup(Ns_ConfigGetValue(section, "user"));
    self->password = ns_strdup(Ns_ConfigGetValue(section, "password"));
    self->channel = ns_strdup(channel);
    self->delay = MIN_DELAY;
    self->sock = -1;
    self->refs = 2u;
    return self;
}

/* False: there are as many as there may be. */
static bool
Enter(Listener *self)
{
    int  n = 0;
    bool fine;

    Ns_MutexLock(&lock);
    for (const Listener *each = listeners; each != NULL; each = each->next) {
        n += each->config == self->config;
    }
    fine = n < self->config->maxListeners;
    if (fine) {
        self->number = numbers++;
        self->next = listeners;
        listeners = self;
    }
    Ns_MutexUnlock(&lock);
    return fine;
}

int
PgListenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *pool, *channel, *script = NULL, *topic = NULL, *connect = NULL;
    Listener   *self;
    Ns_ObjvSpec opts[] = {{"-connect", Ns_ObjvString, &connect, NULL}, {"-topic", Ns_ObjvString, &topic, NULL}, {"--", Ns_ObjvBreak, NULL, NULL},
                          {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {{"pool", Ns_ObjvString, &pool, NULL}, {"channel", Ns_ObjvString, &channel, NULL}, {"?script", Ns_ObjvString, &script, NULL},
                          {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (script == NULL && topic == NULL) {
        Ns_TclPrintfResult(interp, "ns_pg listen: a script, -topic or both");
        return TCL_ERROR;
    }
    if (*channel == '\0' || strlen(channel) > 63u) {
        Ns_TclPrintfResult(interp, "channel \"%s\": a name has 1 to 63 bytes", channel);
        return TCL_ERROR;
    }
    self = New(interp, pool, channel);
    if (self == NULL) {
        return TCL_ERROR;
    }
    self->script = ns_strdup(script);
    self->topic = ns_strdup(topic);
    self->connectScript = ns_strdup(connect);
    if (!Enter(self)) {
        Ns_TclPrintfResult(interp, "there are %d listeners already (maxlisteners)", self->config->maxListeners);
        Free(self);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_ObjPrintf("pg%u", self->number));
    self->delay = 0;
    TryAgain(self);
    return TCL_OK;
}

int
PgUnlistenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *id;
    const char *server = Ns_TclInterpServer(interp);
    Listener   *self;
    Ns_ObjvSpec args[] = {{"listener", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_MutexLock(&lock);
    for (self = listeners; self != NULL; self = self->next) {
        char name[16];

        (void)snprintf(name, sizeof(name), "pg%u", self->number);
        if (strcmp(name, id) == 0 && strcmp(Ns_ServerName(self->server), server) == 0 && !self->stop) {
            break;
        }
    }
    if (self != NULL) {
        self->stop = true;                     /* a thread that connects it sees that */
        if (self->state == WATCHED) {
            self->state = CANCELLED;
            (void)Ns_SockCancelCallbackEx(self->sock, Event, self, NULL);
        }
    }
    Ns_MutexUnlock(&lock);
    if (self == NULL) {
        Ns_TclPrintfResult(interp, "no such listener: \"%s\"", id);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static void
Put(Tcl_Obj *dict, const char *name, Tcl_Obj *value)
{
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(name, -1), value);
}

int
PgListenersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *server = Ns_TclInterpServer(interp);
    Tcl_Obj    *list;

    (void)clientData;
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewDictObj();
    Ns_MutexLock(&lock);
    for (const Listener *self = listeners; self != NULL; self = self->next) {
        Tcl_Obj *dict;

        if (strcmp(Ns_ServerName(self->server), server) != 0) {
            continue;
        }
        dict = Tcl_NewDictObj();
        Put(dict, "pool", Tcl_NewStringObj(self->pool, -1));
        Put(dict, "channel", Tcl_NewStringObj(self->channel, -1));
        Put(dict, "connected", Tcl_NewIntObj(self->state == WATCHED));
        Put(dict, "ending", Tcl_NewIntObj(self->stop));
        Put(dict, "connects", Tcl_NewWideIntObj((Tcl_WideInt)self->connects));
        Put(dict, "notified", Tcl_NewWideIntObj((Tcl_WideInt)self->notified));
        Put(dict, "topic", Tcl_NewStringObj(self->topic != NULL ? self->topic : "", -1));
        Put(dict, "script", Tcl_NewStringObj(self->script != NULL ? self->script : "", -1));
        (void)Tcl_DictObjPut(NULL, list, Tcl_ObjPrintf("pg%u", self->number), dict);
    }
    Ns_MutexUnlock(&lock);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}
