/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An example module: lines on channels, and a WebSocket echo, in C alone.
 *
 * GET PATH (parameter `path`, /line/c) answers 101 and leaves the HTTP request: from then on each line that the client
 * sends comes back.  `nsexample announce TEXT` sends a line to all of them, `nsexample mute CHANNEL` makes one deaf.
 * `nsexample put TEXT` puts text into an ADP page, and GET PAGE (parameter `page`, none) answers with the page of parameter `file`.
 * `nsexample link URL` keeps a WebSocket client to URL, over all ends of its peer, until that says "bye";
 * `nsexample events` are the changes of links so far.
 * GET ECHO (parameter `echo`, /echo/c) becomes a WebSocket whose messages come back; its limits are those of the section
 * ns/server/NAME/websocket.  Copy the file to begin a module of your own; it needs nothing but the installed headers (see
 * Makefile).
 *
 *     ns_section ns/server/NAME/modules        { ns_param nsexample nsexample }
 *     ns_section ns/server/NAME/module/nsexample { ns_param path /line/c; ns_param maxline 8KB; ns_param timeout 10m; ns_param echo /echo/c }
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ns.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;

/* What was configured, one per server that loads the module; it lives as long as the process. */
typedef struct Config {
    size_t  maxLine;
    int64_t timeout;                           /* ms */
} Config;

/*
 * One session.  It keeps memory only while a line is unfinished.
 */
typedef struct Session {
    const Config *config;
    char         *rest;                        /* the beginning of a line */
    size_t        restLen;
} Session;

/* Called once, when no callback runs or will run: by the channel's worker. */
static void
FreeSession(void *arg)
{
    Session *session = arg;

    ns_free(session->rest);
    ns_free(session);
}

/* Send what is complete and keep the rest.  False: the line is too long, or the peer takes nothing any more. */
static bool
EchoLines(Ns_ConnChan *chan, Session *session, const char *data, size_t len)
{
    const char  *last = memrchr(data, '\n', len);
    size_t       whole = last != NULL ? (size_t)(last + 1 - data) : 0u, left = len - whole;
    struct iovec iov[2];
    int          n = 0;

    if (whole > 0u) {
        if (session->restLen > 0u) {
            iov[n++] = (struct iovec){session->rest, session->restLen};
        }
        iov[n++] = (struct iovec){(void *)data, whole};
        /* All lines of this event go out in one system call; what the socket does not take, the worker sends later. */
        if (Ns_ConnChanWritev(chan, iov, n, 0u) < 0) {
            return false;
        }
        ns_free(session->rest);
        session->rest = NULL;
        session->restLen = 0u;
    }
    if (left > 0u) {
        if (session->restLen + left > session->config->maxLine) {
            Ns_Log(Notice, "nsexample: %s: a line of more than %zu bytes", Ns_ConnChanName(chan), session->config->maxLine);
            return false;
        }
        session->rest = ns_realloc(session->rest, session->restLen + left);
        memcpy(session->rest + session->restLen, data + whole, left);
        session->restLen += left;
    }
    return true;
}

/* Something happened on the channel.  Runs on its worker, and never twice at the same time for one channel. */
static Ns_ConnChanVerdict
Event(Ns_ConnChan *chan, void *arg, unsigned why)
{
    static __thread char buffer[64 * 1024];    /* of the worker's thread, not of the channel */
    ssize_t              n;

    if (why != NS_SOCK_READ) {                 /* too quiet for too long, or the server stops */
        return NS_CONNCHAN_CLOSE;
    }
    n = Ns_ConnChanRead(chan, buffer, sizeof(buffer));
    if (n < 0 && errno == EAGAIN) {
        return NS_CONNCHAN_KEEP;
    }
    return n > 0 && EchoLines(chan, arg, buffer, (size_t)n) ? NS_CONNCHAN_KEEP : NS_CONNCHAN_CLOSE;
}

/* The request: runs in a connection thread, which is free for others as soon as this returns. */
static Ns_ReturnCode
Detach(const void *arg, Ns_Conn *conn)
{
    static const char   answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: line\r\nConnection: Upgrade\r\n\r\n";
    struct iovec        iov = {(void *)answer, sizeof(answer) - 1u};
    Ns_ConnChan        *chan = Ns_ConnChanDetach(conn);
    Session            *session;
    Ns_ConnChanCallback callback;

    if (chan == NULL) {
        return NS_ERROR;
    }
    session = ns_calloc(1u, sizeof(Session));
    session->config = arg;
    memset(&callback, 0, sizeof(callback));
    callback.proc = Event;
    callback.freeProc = FreeSession;
    callback.arg = session;
    callback.command = "nsexample";
    callback.when = NS_SOCK_READ | NS_SOCK_EXIT;
    callback.timeout = session->config->timeout;
    Ns_ConnChanSetClientData(chan, "line");    /* how Announce knows its own */
    /* First the answer: what the client sends in return waits for the callback. */
    if (Ns_ConnChanWritev(chan, &iov, 1, 0u) < 0 || !Ns_ConnChanSetCallback(chan, &callback)) {
        FreeSession(session);
        Ns_ConnChanClose(chan);
    }
    Ns_ConnChanRelease(chan);                  /* the server has a reference until the channel is closed */
    return NS_OK;
}

/* ---- the WebSocket */

/*
 * A whole message, on the worker of its channel.  It goes out when this returns; if the peer does not take it, it waits up to
 * `maxsendbuffer`, and what happens then is the session's policy: there is nothing to do about an error here.
 */
static void
EchoMessage(Ns_ConnChan *chan, void *arg, int type, const char *data, size_t len)
{
    (void)arg;
    (void)Ns_WebSocketSend(chan, type, data, len, NS_WEBSOCKET_TRUSTED);       /* text came in checked */
}

/* The request: the handshake is answered here, also when it is refused. */
static Ns_ReturnCode
Upgrade(const void *arg, Ns_Conn *conn)
{
    Ns_WebSocketHandler handler = {.message = EchoMessage, .command = "nsexample"};
    Ns_WebSocketParams  params;
    Tcl_DString         error;

    Tcl_DStringInit(&error);
    Ns_WebSocketParamsInit((Ns_Server *)arg, &params);
    Ns_ConnChanRelease(Ns_WebSocketAccept(conn, &params, &handler, &error));        /* NULL is fine */
    if (Tcl_DStringLength(&error) > 0) {
        Ns_Log(Debug, "nsexample: %s", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    return NS_OK;
}

/* ---- a link: a client that comes back */

static Tcl_DString events;                     /* a list: what became of links */
static Ns_Mutex    eventsLock;

static void
Note(const char *event)
{
    Ns_MutexLock(&eventsLock);
    Tcl_DStringAppendElement(&events, event);
    Ns_MutexUnlock(&eventsLock);
}

static void
LinkOpen(Ns_ConnChan *chan, void *arg)
{
    (void)arg;
    Note("open");
    (void)Ns_WebSocketSend(chan, NS_WEBSOCKET_TEXT, "link", 4u, 0u);
}

static void
LinkMessage(Ns_ConnChan *chan, void *arg, int type, const char *data, size_t len)
{
    (void)arg;
    (void)type;
    Note("message");
    if (len == 3u && memcmp(data, "bye", 3u) == 0) {
        (void)Ns_WebSocketClose(chan, 1000, NULL);     /* which is the end of the link, too */
    }
}

static void
LinkClose(Ns_ConnChan *chan, void *arg, int code, const char *reason)
{
    (void)chan;
    (void)arg;
    (void)reason;
    Note(code == 1000 ? "closed" : "lost");
}

static bool
LinkWaiting(const char *channel, void *arg, int64_t delay, unsigned tries)
{
    (void)channel;
    (void)arg;
    (void)delay;
    Note(tries > 1u ? "waiting longer" : "waiting");
    return true;
}

static void
LinkOver(const char *channel, void *arg, const char *reason)
{
    (void)channel;
    (void)arg;
    Note(reason);
}

static void
LinkFree(void *arg)
{
    Note(arg);                                 /* "freed" */
}

static int
Link(Ns_Server *server, Tcl_Interp *interp, const char *url)
{
    Ns_WebSocketHandler    handler = {.open = LinkOpen, .message = LinkMessage, .close = LinkClose, .freeProc = LinkFree, .arg = "freed",
                                      .command = "nsexample link"};
    Ns_WebSocketLinkParams options = {.minDelay = 20, .maxDelay = 100, .maxTries = 3, .waiting = LinkWaiting, .over = LinkOver};
    Ns_WebSocketParams     params;
    Ns_ConnChan           *chan;
    Tcl_DString            error;

    Tcl_DStringInit(&error);
    Ns_WebSocketParamsInit(server, &params);
    params.protocols = NULL;
    chan = Ns_WebSocketConnectLink(server, url, NULL, &params, &handler, &options, &error);
    if (chan == NULL) {
        Tcl_DStringResult(interp, &error);
        return TCL_ERROR;
    }
    Ns_ConnChanRelease(chan);
    Tcl_DStringFree(&error);
    return TCL_OK;
}

static int
Events(Tcl_Interp *interp)
{
    Ns_MutexLock(&eventsLock);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_DStringValue(&events), -1));
    Tcl_DStringSetLength(&events, 0);
    Ns_MutexUnlock(&eventsLock);
    return TCL_OK;
}

/* ---- the Tcl command: any thread */

static bool
IsLine(Ns_ConnChan *chan)
{
    char *data = Ns_ConnChanGetClientData(chan);
    bool  is = data != NULL && strcmp(data, "line") == 0;

    ns_free(data);
    return is;
}

/* One buffer for all: each channel keeps a reference for as long as its client has not taken it.  Returns how many. */
static int
Announce(Ns_Server *server, const char *text)
{
    Ns_ConnChan **chans;
    char         *data;
    size_t        len = strlen(text), count = Ns_ConnChanList(server, &chans), i;
    Ns_Buf       *line = Ns_BufAlloc(len + 1u, &data);
    int           told = 0;

    memcpy(data, text, len);
    data[len] = '\n';
    for (i = 0u; i < count; i++) {
        if (IsLine(chans[i]) && Ns_ConnChanWriteBuf(chans[i], line, NS_CONNCHAN_BUFFERED) >= 0) {
            told++;
        }
        Ns_ConnChanRelease(chans[i]);
    }
    ns_free(chans);
    Ns_BufRelease(line);
    return told;
}

/* On the channel's worker, where none of its callbacks can be running. */
static void
Mute(Ns_ConnChan *chan, void *arg)
{
    struct iovec iov = {"muted\n", 6u};

    (void)arg;
    if (Ns_ConnChanCancelCallback(chan)) {
        (void)Ns_ConnChanWritev(chan, &iov, 1, 0u);
    }
}

/* Into the buffer itself, and by the function that looks after its size. */
static int
Put(Tcl_Interp *interp, const char *text)
{
    Tcl_DString *output;
    int          streaming;
    size_t       max;

    if (Ns_AdpGetOutput(interp, &output, &streaming, &max) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringAppend(output, "<", 1);
    if (Ns_AdpAppend(interp, text, -1) != TCL_OK || Ns_AdpAppend(interp, ">>", 1) != TCL_OK) {
        return TCL_ERROR;
    }
    return streaming || (size_t)Tcl_DStringLength(output) > max ? Ns_AdpFlush(interp, true) : TCL_OK;
}

/* A request proc. */
static Ns_ReturnCode
ServePage(const void *arg, Ns_Conn *conn)
{
    return Ns_AdpRequest(conn, arg);
}

static int
ExampleObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Server   *server = clientData;
    char        *what, *value = NULL;
    Ns_ConnChan *chan;
    Ns_ObjvSpec  args[] = {{"announce|events|link|mute|put", Ns_ObjvString, &what, NULL}, {"?value", Ns_ObjvString, &value, NULL},
                           {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (strcmp(what, "events") == 0) {
        return Events(interp);
    }
    if (value == NULL) {
        Ns_TclPrintfResult(interp, "nsexample %s: no value", what);
        return TCL_ERROR;
    }
    if (strcmp(what, "link") == 0) {
        return Link(server, interp, value);
    }
    if (strcmp(what, "announce") == 0) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(Announce(server, value)));
        return TCL_OK;
    }
    if (strcmp(what, "put") == 0) {
        return Put(interp, value);
    }
    chan = strcmp(what, "mute") == 0 ? Ns_ConnChanFind(server, value) : NULL;
    if (chan == NULL) {
        Ns_TclPrintfResult(interp, "nsexample %s: no such thing: \"%s\"", what, value);
        return TCL_ERROR;
    }
    Ns_ConnChanRun(chan, Mute, NULL);
    Ns_ConnChanRelease(chan);
    return TCL_OK;
}

/* Called for each interpreter of the server when it is made. */
static Ns_ReturnCode
AddCommand(Tcl_Interp *interp, const void *arg)
{
    Tcl_CreateObjCommand(interp, "nsexample", ExampleObjCmd, (ClientData)arg, NULL);
    return NS_OK;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const char *section = Ns_ConfigSectionPath(NULL, server, module, (char *)NULL);
    Config     *config;
    Ns_Time     timeout;

    if (server == NULL) {
        Ns_Log(Error, "%s: to be loaded by a server: section ns/server/NAME/modules", module);
        return NS_ERROR;
    }
    config = ns_calloc(1u, sizeof(Config));
    config->maxLine = (size_t)Ns_ConfigMemUnitRange(section, "maxline", "8KB", 8192, 1, 1024 * 1024 * 1024);
    Ns_ConfigTimeUnitRange(section, "timeout", "10m", 0, 0, 86400 * 365, 0, &timeout);
    config->timeout = Ns_TimeToMilliseconds(&timeout);
    Ns_MutexSetName(&eventsLock, "nsexample:events");
    if (Ns_TclRegisterTrace(server, AddCommand, Ns_GetServer(server), NS_TCL_TRACE_CREATE) != NS_OK) {
        return NS_ERROR;
    }
    Ns_RegisterRequest(server, "GET", Ns_ConfigString(section, "echo", "/echo/c"), Upgrade, NULL, Ns_GetServer(server), 0u);
    if (Ns_ConfigGetValue(section, "page") != NULL) {
        Ns_RegisterRequest(server, "GET", Ns_ConfigGetValue(section, "page"), ServePage, ns_free,
                           ns_strdup(Ns_ConfigString(section, "file", "index.adp")), 0u);
    }
    Ns_RegisterRequest(server, "GET", Ns_ConfigString(section, "path", "/line/c"), Detach, ns_free, config, 0u);
    return NS_OK;
}
