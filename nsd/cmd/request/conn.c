/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_conn and ns_atclose.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/dict.h"
#include "request/auth.h"
#include "conf/charset.h"
#include "cmd/cmds.h"
#include "cmd/request/connparts.h"
#include "request/connio.h"
#include "request/connzip.h"
#include "http/header.h"
#include "driver/pacing.h"
#include "driver/spool.h"
#include "request/return.h"

/* ---------------------------------------------------------------------------------------- what takes no argument */

static Tcl_Obj *
StringObj(const char *string)
{
    return Tcl_NewStringObj(string != NULL ? string : "", -1);
}

static Tcl_Obj *
AcceptedCompressionObj(NsConn *conn)
{
    const char *accept = Ns_SetIGet(conn->pub.headers, "accept-encoding");
    Tcl_Obj    *list = Tcl_NewListObj(0, NULL);

    if (NsHeaderQuality(accept, "br") > 0) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj("brotli", -1));
    }
    if (NsHeaderQuality(accept, "gzip") > 0) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj("gzip", -1));
    }
    return list;
}

static Tcl_Obj *
AuthFieldObj(NsConn *conn, const char *field)
{
    Ns_Set *auth = NsConnAuth(conn);

    return StringObj(auth != NULL ? Ns_SetGet(auth, field) : NULL);
}
static Tcl_Obj *AuthPasswordObj(NsConn *conn) { return AuthFieldObj(conn, "password"); }
static Tcl_Obj *AuthUserObj(NsConn *conn)     { return AuthFieldObj(conn, "username"); }

static Tcl_Obj *EmptyObj(NsConn *conn)         { return Tcl_NewObj(); }
static Tcl_Obj *ZeroObj(NsConn *conn)          { return Tcl_NewIntObj(0); }
/* By the process's number, so that other programs may read it as well. */
static Tcl_Obj *
ContentFileObj(NsConn *conn)
{
    return conn->http->spool == NULL ? Tcl_NewObj() : Tcl_ObjPrintf("/proc/%d/fd/%d", (int)getpid(), NsSpoolFd(conn->http->spool));
}

static Tcl_Obj *ContentLengthObj(NsConn *conn) { return Tcl_NewWideIntObj((Tcl_WideInt)conn->pub.contentLength); }
static Tcl_Obj *ContentSentObj(NsConn *conn)   { return Tcl_NewWideIntObj((Tcl_WideInt)conn->contentSent); }
static Tcl_Obj *CurrentAddrObj(NsConn *conn)   { return StringObj(Ns_ConnCurrentAddr(&conn->pub)); }
static Tcl_Obj *CurrentPortObj(NsConn *conn)   { return Tcl_NewIntObj(Ns_ConnCurrentPort(&conn->pub)); }
static Tcl_Obj *DriverObj(NsConn *conn)        { return StringObj(Ns_ConnDriverName(&conn->pub)); }
static Tcl_Obj *FlagsObj(NsConn *conn)         { return Tcl_NewWideIntObj(conn->pub.flags); }
static Tcl_Obj *HeaderLengthObj(NsConn *conn)  { return Tcl_NewWideIntObj((Tcl_WideInt)conn->http->headSize); }
static Tcl_Obj *IdObj(NsConn *conn)            { return Tcl_NewWideIntObj((Tcl_WideInt)conn->id); }
static Tcl_Obj *MethodObj(NsConn *conn)        { return StringObj(conn->pub.request.method); }
static Tcl_Obj *PeerPortObj(NsConn *conn)      { return Tcl_NewIntObj(Ns_ConnPeerPort(&conn->pub)); }
static Tcl_Obj *PoolObj(NsConn *conn)          { return StringObj(NsPoolName(conn->pool)); }
static Tcl_Obj *PortObj(NsConn *conn)          { return Tcl_NewIntObj(NsConnPort(conn)); }
static Tcl_Obj *ProtocolObj(NsConn *conn)      { return StringObj(Ns_DriverProtocol(&conn->driver->pub)); }
static Tcl_Obj *QueryObj(NsConn *conn)         { return StringObj(conn->pub.request.query); }
static Tcl_Obj *RequestObj(NsConn *conn)       { return StringObj(conn->pub.request.line); }
static Tcl_Obj *ServerObj(NsConn *conn)        { return StringObj(conn->server->name); }
static Tcl_Obj *StartObj(NsConn *conn)         { return Ns_TclNewTimeObj(Ns_ConnStartTime(&conn->pub)); }
static Tcl_Obj *TargetObj(NsConn *conn)        { return StringObj(conn->pub.request.rawUrl); }
static Tcl_Obj *UrlObj(NsConn *conn)           { return StringObj(conn->pub.request.url); }
static Tcl_Obj *UrlcObj(NsConn *conn)          { return Tcl_NewIntObj(conn->pub.request.urlc); }
static Tcl_Obj *VersionObj(NsConn *conn)       { return StringObj(conn->pub.request.version >= 1.1 ? "1.1" : "1.0"); }
static Tcl_Obj *ZipAcceptedObj(NsConn *conn)   { return Tcl_NewBooleanObj(NsConnAcceptsGzip(conn)); }

static Tcl_Obj *
LocationObj(NsConn *conn)
{
    Tcl_DString ds;
    Tcl_Obj    *obj;

    Tcl_DStringInit(&ds);
    obj = StringObj(Ns_ConnLocationAppend(&conn->pub, &ds));
    Tcl_DStringFree(&ds);
    return obj;
}

static Tcl_Obj *
SockObj(NsConn *conn)
{
    return Tcl_NewIntObj(conn->sock != NULL ? NsSockIo(conn->sock)->sock : NS_INVALID_SOCKET);
}

static void
PutTime(Tcl_Obj *dict, const char *key, const Ns_Time *from, const Ns_Time *to)
{
    Ns_Time diff = {0, 0};

    if (to->sec != 0 && from->sec != 0) {
        (void)Ns_DiffTime(to, from, &diff);
    }
    NsDictPut(dict, key, Ns_TclNewTimeObj(&diff));
}

static Tcl_Obj *
PartialTimesObj(NsConn *conn)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    Ns_Time  now;

    NsGetMonotonicTime(&now);
    PutTime(dict, "accepttime", &conn->acceptTime, &conn->queueTime);
    PutTime(dict, "queuetime", &conn->queueTime, &conn->dequeueTime);
    PutTime(dict, "filtertime", &conn->dequeueTime, conn->filterDoneTime.sec != 0 ? &conn->filterDoneTime : &now);
    PutTime(dict, "runtime", &conn->filterDoneTime, &now);
    return dict;
}

/* The URL in its parts: the last one is the tail. */
static Tcl_Obj *
UrlDictObj(NsConn *conn)
{
    const char *url = conn->pub.request.url, *tail = strrchr(url, '/');
    Tcl_Obj    *dict = Tcl_NewDictObj();
    const char *path = *url == '/' ? url + 1 : url;

    tail = tail != NULL ? tail + 1 : url;
    NsDictPut(dict, "path", tail > path ? Tcl_NewStringObj(path, (int)(tail - 1 - path)) : Tcl_NewObj());
    NsDictPut(dict, "tail", StringObj(tail));
    if (conn->pub.request.query != NULL) {
        NsDictPut(dict, "query", StringObj(conn->pub.request.query));
    }
    return dict;
}

/* ------------------------------------------------------------------------------------------- what can be set, and others */

/* What most subcommands begin with: the request, after the one argument that they may have.  NULL with an error. */
static NsConn *
ParseConn(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_ObjvSpec *args)
{
    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv) == NS_OK ? NsCmdConn(interp, clientData) : NULL;
}

static NsConn *
ConnAlone(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ParseConn(clientData, interp, objc, objv, NULL);
}
static NsConn *
ConnAndWord(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *name, char **word)
{
    Ns_ObjvSpec args[] = {{name, Ns_ObjvString, word, NULL}, {NULL, NULL, NULL, NULL}};

    return ParseConn(clientData, interp, objc, objv, args);
}

static NsConn *
ConnAndInt(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *name, Ns_ObjvValueRange *range,
           int *value)
{
    Ns_ObjvSpec args[] = {{name, Ns_ObjvInt, value, range}, {NULL, NULL, NULL, NULL}};

    return ParseConn(clientData, interp, objc, objv, args);
}

static int
AuthObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn *conn = ConnAlone(clientData, interp, objc, objv);

    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (NsConnAuth(conn) == NULL) {
        conn->auth = Ns_SetCreateNoCase(NULL);
    }
    return NsConnSetResult(interp, clientData, conn->auth);
}

static int
HeadersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn *conn = ConnAlone(clientData, interp, objc, objv);

    if (conn == NULL) {
        return TCL_ERROR;
    }
    return NsConnSetResult(interp, clientData, conn->pub.headers);
}

static int
OutputHeadersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn *conn = ConnAlone(clientData, interp, objc, objv);

    if (conn == NULL) {
        return TCL_ERROR;
    }
    return NsConnSetResult(interp, clientData, conn->pub.outputheaders);
}

static int
ClientDataObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *value = NULL;
    NsConn     *conn;

    conn = ConnAndWord(clientData, interp, objc, objv, "?value", &value);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (value != NULL) {
        Ns_ConnSetClientData(&conn->pub, value);
    }
    Tcl_SetObjResult(interp, StringObj(Ns_ConnClientData(&conn->pub)));
    return TCL_OK;
}

static int
CloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn *conn = ConnAlone(clientData, interp, objc, objv);

    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (Ns_ConnClose(&conn->pub) != NS_OK) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("connection already closed", -1));
        return TCL_ERROR;
    }
    NsAtCloseCheck(interp, clientData);
    return TCL_OK;
}

static int
CompressObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         level = -1;
    NsConn     *conn;
    static Ns_ObjvValueRange range = {0, 9};

    conn = ConnAndInt(clientData, interp, objc, objv, "?level", &range, &level);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (level >= 0) {
        conn->compress = level;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(conn->compress));
    return TCL_OK;
}

/* The name of the net for an encoding given by any of its names; NULL with an error. */
static const char *
CharsetOf(Tcl_Interp *interp, const char *name)
{
    const char *tclName = NsCharsetTclName(name, strlen(name));

    if (tclName == NULL || NsCharsetEncoding(name) == NULL) {
        Ns_TclPrintfResult(interp, "no such encoding: %s", name);
        return NULL;
    }
    return NsEncodingCharset(tclName);
}

/* The connection, and by what name of the net the encoding goes that the command is given; NULL: none.  NULL with an error. */
static NsConn *
ConnAndCharset(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char **charset)
{
    char   *name = NULL;
    NsConn *conn = ConnAndWord(clientData, interp, objc, objv, "?encoding", &name);

    *charset = conn != NULL && name != NULL ? CharsetOf(interp, name) : NULL;
    return name != NULL && *charset == NULL ? NULL : conn;
}

static int
EncodingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *charset;
    NsConn     *conn = ConnAndCharset(clientData, interp, objc, objv, &charset);

    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (charset != NULL) {
        conn->outputEncoding = charset;
        conn->encoding = NsCharsetEncoding(charset);
    }
    Tcl_SetObjResult(interp, StringObj(conn->outputEncoding != NULL ? conn->outputEncoding
                                       : conn->server->opts.outputCharset));
    return TCL_OK;
}

static int
UrlEncodingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *charset;
    NsConn     *conn = ConnAndCharset(clientData, interp, objc, objv, &charset);

    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (charset != NULL) {
        conn->urlEncoding = charset;
    }
    Tcl_SetObjResult(interp, StringObj(conn->urlEncoding != NULL ? conn->urlEncoding : conn->server->opts.urlCharset));
    return TCL_OK;
}

static int
HostObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *def = NULL;
    const char *host;
    NsConn     *conn;

    conn = ConnAndWord(clientData, interp, objc, objv, "?default", &def);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    host = Ns_ConnHost(&conn->pub);
    Tcl_SetObjResult(interp, StringObj(host != NULL && *host != '\0' ? host : def));
    return TCL_OK;
}

static int
IsConnectedObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsConn *conn = ((NsInterp *)clientData)->conn;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(conn != NULL && conn->sock != NULL));
    return TCL_OK;
}

static int
KeepAliveObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         value = -1;
    NsConn     *conn;

    conn = ConnAndInt(clientData, interp, objc, objv, "?value", NULL, &value);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (objc > 2) {
        conn->keepAliveWish = value;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(conn->keepAliveWish));
    return TCL_OK;
}

/* Kilobytes per second that the answer may have; 0: no limit of its own. */
static int
RateLimitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {0, INT_MAX};
    int         value = -1;
    NsConn     *conn;
    int64_t     rate = 0;

    conn = ConnAndInt(clientData, interp, objc, objv, "?rate", &range, &value);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (conn->sock != NULL) {                  /* else it was given back, or detached */
        if (value >= 0) {
            rate = (int64_t)value * 1024;
            NsSockSetRate(conn->sock, rate < NS_MAX_RATE ? rate : NS_MAX_RATE);
        }
        rate = NsSockGetRate(conn->sock);
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)NsRateKilobytes(rate)));
    return TCL_OK;
}

static int
StatusObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange range = {100, 599};
    int         status = 0;
    NsConn     *conn;

    conn = ConnAndInt(clientData, interp, objc, objv, "?status-code", &range, &status);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    if (status != 0) {
        Ns_ConnSetResponseStatus(&conn->pub, status);
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(Ns_ConnResponseStatus(&conn->pub)));
    return TCL_OK;
}

static int
UrlvObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         index = 0, count = 0;
    NsConn     *conn;
    Tcl_Obj    *list, *part = NULL;

    conn = ConnAndInt(clientData, interp, objc, objv, "?index", NULL, &index);
    if (conn == NULL) {
        return TCL_ERROR;
    }
    list = StringObj(conn->pub.request.urlv);
    if (objc == 2) {
        Tcl_SetObjResult(interp, list);
        return TCL_OK;
    }
    Tcl_IncrRefCount(list);
    if (Tcl_ListObjLength(interp, list, &count) == TCL_OK && index >= 0 && index < count) {
        (void)Tcl_ListObjIndex(interp, list, index, &part);
        Tcl_SetObjResult(interp, part);
    } else {
        Ns_TclPrintfResult(interp, "provided index %d exceeds length of urlv", index);
    }
    Tcl_DecrRefCount(list);
    return part != NULL ? TCL_OK : TCL_ERROR;
}

/* ------------------------------------------------------------------------------------------------------ the table */

typedef struct ConnSub {
    const char     *name;
    Tcl_Obj      *(*get)(NsConn *conn);        /* takes no argument, or */
    Tcl_ObjCmdProc *proc;
} ConnSub;

static const ConnSub connSubs[] = {
    {"acceptedcompression", AcceptedCompressionObj, NULL},
    {"auth",              NULL, AuthObjCmd},
    {"authpassword",      AuthPasswordObj, NULL},
    {"authuser",          AuthUserObj, NULL},
    {"channel",           NULL, NsConnChannelObjCmd},
    {"clientcert",        NULL, NsConnClientCertObjCmd},
    {"clientdata",        NULL, ClientDataObjCmd},
    {"close",             NULL, CloseObjCmd},
    {"compress",          NULL, CompressObjCmd},
    {"content",           NULL, NsConnContentObjCmd},
    {"contentfile",       ContentFileObj, NULL},
    {"contentlength",     ContentLengthObj, NULL},
    {"contentsentlength", ContentSentObj, NULL},
    {"contenttype",       NsConnContentTypeObj, NULL},
    {"copy",              NULL, NsConnCopyObjCmd},
    {"currentaddr",       CurrentAddrObj, NULL},
    {"currentport",       CurrentPortObj, NULL},
    {"details",           NULL, NsConnDetailsObjCmd},
    {"driver",            DriverObj, NULL},
    {"encoding",          NULL, EncodingObjCmd},
    {"fileheaders",       NULL, NsConnFileHeadersObjCmd},
    {"filelength",        NULL, NsConnFileLengthObjCmd},
    {"fileoffset",        NULL, NsConnFileOffsetObjCmd},
    {"files",             NULL, NsConnFilesObjCmd},
    {"flags",             FlagsObj, NULL},
    {"form",              NULL, NsConnFormObjCmd},
    {"fragment",          EmptyObj, NULL},     /* clients do not send it */
    {"headerlength",      HeaderLengthObj, NULL},
    {"headers",           NULL, HeadersObjCmd},
    {"host",              NULL, HostObjCmd},
    {"id",                IdObj, NULL},
    {"isconnected",       NULL, IsConnectedObjCmd},
    {"keepalive",         NULL, KeepAliveObjCmd},
    {"location",          LocationObj, NULL},
    {"method",            MethodObj, NULL},
    {"outputheaders",     NULL, OutputHeadersObjCmd},
    {"partialtimes",      PartialTimesObj, NULL},
    {"peeraddr",          NULL, NsConnPeerAddrObjCmd},
    {"peerport",          PeerPortObj, NULL},
    {"pool",              PoolObj, NULL},
    {"port",              PortObj, NULL},
    {"privacy",           NsConnPrivacyObj, NULL},
    {"protocol",          ProtocolObj, NULL},
    {"query",             QueryObj, NULL},
    {"ratelimit",         NULL, RateLimitObjCmd},
    {"request",           RequestObj, NULL},
    {"server",            ServerObj, NULL},
    {"sock",              SockObj, NULL},
    {"start",             StartObj, NULL},
    {"status",            NULL, StatusObjCmd},
    {"target",            TargetObj, NULL},
    {"timeout",           ZeroObj, NULL},
    {"url",               UrlObj, NULL},
    {"urlc",              UrlcObj, NULL},
    {"urldict",           UrlDictObj, NULL},
    {"urlencoding",       NULL, UrlEncodingObjCmd},
    {"urlv",              NULL, UrlvObjCmd},
    {"version",           VersionObj, NULL},
    {"zipaccepted",       ZipAcceptedObj, NULL},
    {NULL, NULL, NULL}
};

static int
ConnObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn *conn;
    int     index;

    if (objc < 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "/subcommand/");
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], connSubs, sizeof(ConnSub), "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    if (connSubs[index].proc != NULL) {
        return connSubs[index].proc(clientData, interp, objc, objv);
    }
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, connSubs[index].get(conn));
    return TCL_OK;
}

const NsCmd nsConnCmds[] = {
    {"ns_conn",         ConnObjCmd,           0},
    {"ns_deletecookie", NsDeleteCookieObjCmd, NS_CMD_SERVER},
    {"ns_getcookie",    NsGetCookieObjCmd,    NS_CMD_SERVER},
    {"ns_getjson",      NsGetJsonObjCmd,      NS_CMD_SERVER},
    {"ns_setcookie",    NsSetCookieObjCmd,    NS_CMD_SERVER},
    {NULL, NULL, 0}
};
