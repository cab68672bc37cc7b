/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_websocket accept and connect.
 */
#include <limits.h>
#include <string.h>
#include "cmd/channel/chanobj.h"
#include "cmd/channel/connchan_sub.h"
#include "cmd/channel/websocket_sub.h"
#include "cmd/channel/wshandler.h"
#include "request/connio.h"
#include "http/chars.h"
#include "interp/interp.h"

/* ---- the options that both have ---- */

/* As parsed; a time that was not given is NULL, the others begin with the server's defaults. */
typedef struct Options {
    char       *data, *protocols;
    Ns_Set     *headers;
    Ns_Time    *pingInterval, *pongTimeout, *idleTimeout, *closeTimeout;
    Tcl_WideInt maxMessage, maxSendBuffer, deflateMinSize;
    int         maxFragments, deflate, deflateLevel, deflateBits, takeover, peerTakeover, slow;
} Options;

static Ns_ObjvValueRange messageRange  = {1, (Tcl_WideInt)NS_WS_TCL_MAXMESSAGE};
static Ns_ObjvValueRange sizeRange     = {0, LLONG_MAX};
static Ns_ObjvValueRange positiveRange = {1, INT_MAX};
static Ns_ObjvValueRange countRange    = {0, INT_MAX};
static Ns_ObjvValueRange levelRange    = {1, 9};
static Ns_ObjvValueRange bitsRange   = {9, 15};
static Ns_ObjvTimeRange  timeRange     = {{0, 0}, {INT_MAX, 0}};
static Ns_ObjvTable      slowTable[]   = {
    {"close", NS_WEBSOCKET_SLOW_CLOSE}, {"drop", NS_WEBSOCKET_SLOW_DROP}, {"latest", NS_WEBSOCKET_SLOW_LATEST}, {NULL, 0u}
};

#define SESSION_OPTIONS(o)                                                                \
    {"-closetimeout", Ns_ObjvTime, &(o).closeTimeout, &timeRange},                        \
    {"-data", Ns_ObjvString, &(o).data, NULL},                                            \
    {"-deflate", Ns_ObjvBoolean, &(o).deflate, NULL},                                     \
    {"-deflatelevel", Ns_ObjvInt, &(o).deflateLevel, &levelRange},                        \
    {"-deflateminsize", Ns_ObjvMemUnit, &(o).deflateMinSize, &sizeRange},                 \
    {"-deflatebits", Ns_ObjvInt, &(o).deflateBits, &bitsRange},                     \
    {"-headers", Ns_ObjvSet, &(o).headers, NULL},                                         \
    {"-idletimeout", Ns_ObjvTime, &(o).idleTimeout, &timeRange},                          \
    {"-maxfragments", Ns_ObjvInt, &(o).maxFragments, &positiveRange},                     \
    {"-maxmessage", Ns_ObjvMemUnit, &(o).maxMessage, &messageRange},                      \
    {"-maxsendbuffer", Ns_ObjvMemUnit, &(o).maxSendBuffer, &sizeRange},                   \
    {"-peertakeover", Ns_ObjvBoolean, &(o).peerTakeover, NULL},                           \
    {"-pinginterval", Ns_ObjvTime, &(o).pingInterval, &timeRange},                        \
    {"-pongtimeout", Ns_ObjvTime, &(o).pongTimeout, &timeRange},                          \
    {"-protocols", Ns_ObjvString, &(o).protocols, NULL},                                  \
    {"-slow", Ns_ObjvIndex, &(o).slow, slowTable},                                        \
    {"-takeover", Ns_ObjvBoolean, &(o).takeover, NULL}

static void
OptionsFrom(const Ns_WebSocketParams *params, Options *options)
{
    memset(options, 0, sizeof(*options));
    options->maxMessage = (Tcl_WideInt)params->maxMessage;
    options->maxSendBuffer = (Tcl_WideInt)params->maxSendBuffer;
    options->deflateMinSize = (Tcl_WideInt)params->deflateMinSize;
    options->maxFragments = (int)params->maxFragments;
    options->deflate = params->deflate;
    options->deflateLevel = params->deflateLevel;
    options->deflateBits = params->deflateBits;
    options->takeover = params->takeover;
    options->peerTakeover = params->peerTakeover;
    options->slow = (int)params->slow;
    if (params->maxMessage > NS_WS_TCL_MAXMESSAGE) {
        options->maxMessage = (Tcl_WideInt)NS_WS_TCL_MAXMESSAGE;
    }
}

static void
SetTime(int64_t *to, const Ns_Time *time)
{
    if (time != NULL) {
        *to = Ns_TimeToMilliseconds(time);
    }
}

static bool
IsListOf(Tcl_Interp *interp, const char *value, const char *option, bool tokens)
{
    const char **words;
    int          count, i;

    if (value == NULL) {
        return true;
    }
    if (Tcl_SplitList(NULL, value, &count, &words) != TCL_OK) {
        Ns_TclPrintfResult(interp, "%s: \"%.100s\" is not a list", option, value);
        return false;
    }
    for (i = 0; tokens && i < count; i++) {
        size_t len = strlen(words[i]);

        if (len == 0u || NsCharSpan(words[i], len, NS_CHAR_TOKEN) != len) {
            Ns_TclPrintfResult(interp, "%s: \"%.100s\" cannot be the name of a protocol", option, words[i]);
            break;
        }
    }
    Tcl_Free((char *)words);
    return !tokens || i == count;
}

/* What was parsed becomes the parameters of the session.  False with an error in the interpreter. */
static bool
OptionsTo(Tcl_Interp *interp, const Options *options, Ns_WebSocketParams *params)
{
    if (!IsListOf(interp, options->protocols, "-protocols", true)) {
        return false;
    }
    if (options->protocols != NULL) {
        params->protocols = options->protocols;
    }
    if (options->data != NULL) {
        params->data = options->data;
    }
    params->headers = options->headers;
    params->maxMessage = (size_t)options->maxMessage;
    params->maxSendBuffer = (size_t)options->maxSendBuffer;
    params->deflateMinSize = (size_t)options->deflateMinSize;
    params->maxFragments = (unsigned)options->maxFragments;
    params->deflate = options->deflate != 0;
    params->deflateLevel = options->deflateLevel;
    params->deflateBits = options->deflateBits;
    params->takeover = options->takeover != 0;
    params->peerTakeover = options->peerTakeover != 0;
    params->slow = (Ns_WebSocketSlow)options->slow;
    SetTime(&params->pingInterval, options->pingInterval);
    SetTime(&params->pongTimeout, options->pongTimeout);
    SetTime(&params->idleTimeout, options->idleTimeout);
    SetTime(&params->closeTimeout, options->closeTimeout);
    return true;
}

/* ---- accept ---- */

/*
 * A handshake that is refused was answered, and is no error of the script, or every client that is no WebSocket would fill
 * the log.
 */
static int
Accept(Tcl_Interp *interp, NsConn *conn, const Ns_WebSocketParams *params, const Ns_WebSocketHandler *handler)
{
    const char *refusal = NsConnWriteRefusal(conn);
    Tcl_DString error;
    NsChan     *chan;
    int         status = TCL_OK;

    Tcl_DStringInit(&error);
    chan = Ns_WebSocketAccept(&conn->pub, params, handler, &error);
    if (chan != NULL) {
        Tcl_SetObjResult(interp, NsChanNewObj(chan));
        Ns_ConnChanRelease(chan);
    } else if (refusal != NULL) {
        Ns_TclPrintfResult(interp, "%s", refusal);
        status = TCL_ERROR;
    } else {
        Ns_Log(Debug, "ns_websocket accept: refused: %s", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    return status;
}

int
NsWsAcceptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp     *ip = clientData;
    Ns_WebSocketParams  params;
    Ns_WebSocketHandler handler;
    Options             options;
    Tcl_Obj            *command;
    char               *origins = NULL;
    int                 maxPerIp;
    Ns_ObjvSpec         opts[] = {
        SESSION_OPTIONS(options),
        {"-maxperip", Ns_ObjvInt, &maxPerIp, &countRange},
        {"-origins", Ns_ObjvString, &origins, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"handler", Ns_ObjvObj, &command, NULL}, {NULL, NULL, NULL, NULL}};

    Ns_WebSocketParamsInit(ip->server, &params);
    OptionsFrom(&params, &options);
    maxPerIp = (int)params.maxPerIp;
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || !OptionsTo(interp, &options, &params)
        || !IsListOf(interp, origins, "-origins", false)) {
        return TCL_ERROR;
    }
    params.maxPerIp = (unsigned)maxPerIp;
    if (origins != NULL) {
        params.origins = origins;
    }
    if (ip->conn == NULL) {
        Ns_TclPrintfResult(interp, "no current connection");
        return TCL_ERROR;
    }
    if (NsWsTclHandler(interp, command, &handler) != TCL_OK) {
        return TCL_ERROR;
    }
    return Accept(interp, ip->conn, &params, &handler);
}

/* ---- connect ---- */

static int
Connect(Tcl_Interp *interp, NsServer *server, const char *url, const Ns_ConnChanConnectParams *connect,
        const Ns_WebSocketParams *params, Tcl_Obj *command)
{
    Ns_WebSocketHandler handler;
    Tcl_DString         error;
    NsChan             *chan;

    if (NsWsTclHandler(interp, command, &handler) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&error);
    chan = Ns_WebSocketConnect(server, url, connect, params, &handler, &error);
    if (chan == NULL) {
        Tcl_DStringResult(interp, &error);
    } else {
        Tcl_SetObjResult(interp, NsChanNewObj(chan));
        Ns_ConnChanRelease(chan);
    }
    Tcl_DStringFree(&error);
    return chan != NULL ? TCL_OK : TCL_ERROR;
}

/* ---- connect -reconnect: the work is done by tcl/websocket.tcl, with sessions of ours ---- */

typedef struct Reconnect {
    int      wanted, tries;
    Ns_Time *first, *most;
} Reconnect;

static Tcl_Obj *
MillisecondsObj(const Ns_Time *time, int fallback)
{
    return Tcl_NewWideIntObj(time != NULL ? (Tcl_WideInt)Ns_TimeToMilliseconds(time) : fallback);
}

/* A session of such a link asks for the next one with the same words. */
static bool
IsLink(Tcl_Obj *command)
{
    Tcl_Obj *first = NULL;

    return Tcl_ListObjIndex(NULL, command, 0, &first) == TCL_OK && first != NULL
        && strcmp(Tcl_GetString(first), "::ws::link::Event") == 0;
}

/* `words` are those behind "connect", without handler.  The set of headers is the interpreter's: it goes as a list. */
static int
StartLink(Tcl_Interp *interp, const Reconnect *reconnect, const Ns_Set *headers, int objc, Tcl_Obj *const *words, Tcl_Obj *command)
{
    Tcl_Obj *options = Tcl_NewListObj(0, NULL), *pairs = Tcl_NewListObj(0, NULL), *objv[6];
    int      status, i;

    for (i = 0; i < objc - 1 && strcmp(Tcl_GetString(words[i]), "--") != 0; i++) {
        const char *name = Tcl_GetString(words[i]);
        bool        flag = strcmp(name, "-insecure") == 0 || strcmp(name, "-reconnect") == 0;

        if (strcmp(name, "-headers") != 0) {
            (void)Tcl_ListObjAppendElement(NULL, options, words[i]);
            if (!flag) {
                (void)Tcl_ListObjAppendElement(NULL, options, words[i + 1]);
            }
        }
        i += flag ? 0 : 1;
    }
    for (size_t n = 0; headers != NULL && n < Ns_SetSize(headers); n++) {
        (void)Tcl_ListObjAppendElement(NULL, pairs, Tcl_NewStringObj(Ns_SetKey(headers, n), -1));
        (void)Tcl_ListObjAppendElement(NULL, pairs, Tcl_NewStringObj(Ns_SetValue(headers, n), -1));
    }
    objv[0] = Tcl_NewStringObj("::ws::link::Start", -1);
    objv[1] = Tcl_NewListObj(0, NULL);
    (void)Tcl_ListObjAppendElement(NULL, objv[1], MillisecondsObj(reconnect->first, 500));
    (void)Tcl_ListObjAppendElement(NULL, objv[1], MillisecondsObj(reconnect->most, 30000));
    (void)Tcl_ListObjAppendElement(NULL, objv[1], Tcl_NewIntObj(reconnect->tries));
    objv[2] = options;
    objv[3] = pairs;
    objv[4] = words[objc - 1];
    objv[5] = command;
    for (i = 0; i < 6; i++) {
        Tcl_IncrRefCount(objv[i]);
    }
    status = Tcl_EvalObjv(interp, 6, objv, TCL_EVAL_GLOBAL);
    for (i = 0; i < 6; i++) {
        Tcl_DecrRefCount(objv[i]);
    }
    return status;
}

int
NsWsConnectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp          *ip = clientData;
    Ns_ConnChanConnectParams connect = {.timeout = {5, 0}};
    NsChanTlsOptions         tls = {0};
    Ns_WebSocketParams       params;
    Options                  options;
    Tcl_Obj                 *command;
    char                    *url, *origin = NULL;
    Ns_Time                 *timeout = NULL;
    Ns_Set                  *headers = NULL;
    Reconnect                reconnect = {0};
    int                      status;
    Ns_ObjvSpec              opts[] = {
        {"-cafile", Ns_ObjvString, &tls.caFile, NULL},
        {"-capath", Ns_ObjvString, &tls.caPath, NULL},
        {"-cert", Ns_ObjvString, &tls.cert, NULL},
        {"-key", Ns_ObjvString, &tls.key, NULL},
        {"-hostname", Ns_ObjvString, &tls.hostname, NULL},
        {"-insecure", Ns_ObjvBool, &tls.insecure, NULL},
        {"-timeout", Ns_ObjvTime, &timeout, &timeRange},
        SESSION_OPTIONS(options),
        {"-origin", Ns_ObjvString, &origin, NULL},
        {"-reconnect", Ns_ObjvBool, &reconnect.wanted, NULL},
        {"-mindelay", Ns_ObjvTime, &reconnect.first, &timeRange},
        {"-maxdelay", Ns_ObjvTime, &reconnect.most, &timeRange},
        {"-maxtries", Ns_ObjvInt, &reconnect.tries, &countRange},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"url", Ns_ObjvString, &url, NULL},
        {"handler", Ns_ObjvObj, &command, NULL},
        {NULL, NULL, NULL, NULL}
    };

    Ns_WebSocketParamsInit(ip->server, &params);
    OptionsFrom(&params, &options);
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || !NsChanFillTls(interp, ip->server, &tls, &connect)
        || !OptionsTo(interp, &options, &params)) {
        return TCL_ERROR;
    }
    if (reconnect.wanted != 0 && !IsLink(command)) {
        return StartLink(interp, &reconnect, params.headers, objc - 3, objv + 2, command);
    }
    /* What the server's sessions speak is not what we ask another server for. */
    params.protocols = options.protocols;
    if (timeout != NULL) {
        connect.timeout = *timeout;
    }
    if (origin != NULL) {
        headers = params.headers != NULL ? Ns_SetCopy(params.headers) : Ns_SetCreate(NULL);
        (void)Ns_SetIUpdate(headers, "Origin", origin);
        params.headers = headers;
    }
    status = Connect(interp, ip->server, url, &connect, &params, command);
    Ns_SetFree(headers);
    return status;
}
