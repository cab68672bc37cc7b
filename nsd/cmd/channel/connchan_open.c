/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_connchan connect, open, listen.
 */
#include <arpa/inet.h>
#include <string.h>
#include "base/dict.h"
#include "channel/client.h"
#include "client/http.h"
#include "cmd/channel/chanobj.h"
#include "cmd/channel/connchan_sub.h"
#include "http/url.h"
#include "interp/interp.h"

static const Ns_Time defaultTimeout = {5, 0};

bool
NsChanFillTls(Tcl_Interp *interp, const NsServer *server, const NsChanTlsOptions *options, Ns_ConnChanConnectParams *params)
{
    if (options->key != NULL && options->cert == NULL) {
        Ns_TclPrintfResult(interp, "private key specified without certificate");
        return false;
    }
    params->tlsParams.caFile = options->caFile;
    params->tlsParams.caPath = options->caPath;
    params->tlsParams.certificate = options->cert;
    params->tlsParams.key = options->key;
    params->tlsParams.insecure = options->insecure != 0;
    params->hostname = options->hostname;
    NsHttpTlsConfigured(server, options->insecure != 0, &params->tlsParams);
    return true;
}

/* Connect; leaves an error in the interpreter. */
static NsChan *
Connect(Tcl_Interp *interp, NsServer *server, const Ns_ConnChanConnectParams *params)
{
    Tcl_DString error;
    NsChan     *chan;

    Tcl_DStringInit(&error);
    chan = Ns_ConnChanConnect(server, params, &error);
    if (chan == NULL) {
        Tcl_DStringResult(interp, &error);
    }
    Tcl_DStringFree(&error);
    return chan;
}

int
NsChanConnectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp     *ip = clientData;
    Ns_ConnChanConnectParams params = {.timeout = defaultTimeout};
    NsChanTlsOptions    tls = {0};
    Ns_Time            *timeout = NULL;
    char               *host;
    int                 useTls = 0;
    NsChan             *chan;
    Ns_ObjvSpec         opts[] = {
        {"-cafile", Ns_ObjvString, &tls.caFile, NULL},
        {"-capath", Ns_ObjvString, &tls.caPath, NULL},
        {"-cert", Ns_ObjvString, &tls.cert, NULL},
        {"-key", Ns_ObjvString, &tls.key, NULL},
        {"-hostname", Ns_ObjvString, &tls.hostname, NULL},
        {"-insecure", Ns_ObjvBool, &tls.insecure, NULL},
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {"-tls", Ns_ObjvBool, &useTls, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"host", Ns_ObjvString, &host, NULL},
        {"port", Ns_ObjvUShort, &params.port, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || !NsChanFillTls(interp, ip->server, &tls, &params)) {
        return TCL_ERROR;
    }
    params.host = host;
    params.tls = useTls != 0;
    if (timeout != NULL) {
        params.timeout = *timeout;
    }
    chan = Connect(interp, ip->server, &params);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsChanNewObj(chan));
    Ns_ConnChanRelease(chan);
    return TCL_OK;
}

/* ---- open ---- */

static bool
HasBreak(const char *string)
{
    return strpbrk(string, "\r\n") != NULL;
}

/* The request line and headers.  False: a value would break out of its line. */
static bool
ComposeRequest(Tcl_DString *ds, const char *method, const char *target, const char *version, const Ns_Set *headers,
               const char *host)
{
    size_t i;

    if (HasBreak(method) || HasBreak(target) || HasBreak(version)) {
        return false;
    }
    Tcl_DStringAppend(ds, method, -1);
    Tcl_DStringAppend(ds, " ", 1);
    Tcl_DStringAppend(ds, target, -1);
    Tcl_DStringAppend(ds, " HTTP/", 6);
    Tcl_DStringAppend(ds, version, -1);
    Tcl_DStringAppend(ds, "\r\n", 2);
    if (strcmp(version, "1.0") != 0 && (headers == NULL || Ns_SetIFind(headers, "host") < 0)) {
        Tcl_DStringAppend(ds, "Host: ", -1);
        Tcl_DStringAppend(ds, host, -1);
        Tcl_DStringAppend(ds, "\r\n", 2);
    }
    for (i = 0u; headers != NULL && i < Ns_SetSize(headers); i++) {
        const char *name = Ns_SetKey(headers, i), *value = Ns_SetValue(headers, i);

        if (HasBreak(name) || HasBreak(value)) {
            return false;
        }
        Tcl_DStringAppend(ds, name, -1);
        Tcl_DStringAppend(ds, ": ", 2);
        Tcl_DStringAppend(ds, value, -1);
        Tcl_DStringAppend(ds, "\r\n", 2);
    }
    Tcl_DStringAppend(ds, "\r\n", 2);
    return true;
}

/* Where a URL leads: NUL-terminated copies. */
typedef struct Target { Tcl_DString proto, host, path, authority; unsigned short port; } Target;

/* What the Host field says: RFC 9112, 3.2. */
static void
AppendAuthority(Target *target)
{
    const char *host = Tcl_DStringValue(&target->host);
    bool        address6 = strchr(host, ':') != NULL, secure = strcmp(Tcl_DStringValue(&target->proto), "https") == 0;
    char        port[16];

    Tcl_DStringAppend(&target->authority, address6 ? "[" : "", -1);
    Tcl_DStringAppend(&target->authority, host, -1);
    Tcl_DStringAppend(&target->authority, address6 ? "]" : "", -1);
    if (target->port != (secure ? 443 : 80)) {
        snprintf(port, sizeof(port), ":%hu", target->port);
        Tcl_DStringAppend(&target->authority, port, -1);
    }
}

static void
InitTarget(Target *target)
{
    Tcl_DStringInit(&target->proto);
    Tcl_DStringInit(&target->host);
    Tcl_DStringInit(&target->path);
    Tcl_DStringInit(&target->authority);
}

static void
FreeTarget(Target *target)
{
    Tcl_DStringFree(&target->proto);
    Tcl_DStringFree(&target->host);
    Tcl_DStringFree(&target->path);
    Tcl_DStringFree(&target->authority);
}

static bool
ParseTarget(Tcl_Interp *interp, const char *url, Target *target)
{
    NsUrl       parts;
    const char *reason = NULL, *rest;
    int         port;

    if (!NsUrlParse(url, strlen(url), false, &parts, &reason) || parts.proto.start == NULL || parts.host.start == NULL) {
        Ns_TclPrintfResult(interp, "invalid URL '%s'%s%s", url, reason != NULL ? ": " : "", reason != NULL ? reason : "");
        return false;
    }
    Tcl_DStringAppend(&target->proto, parts.proto.start, (int)parts.proto.len);
    Tcl_DStringAppend(&target->host, parts.host.start, (int)parts.host.len);
    if (strcmp(Tcl_DStringValue(&target->proto), "http") != 0 && strcmp(Tcl_DStringValue(&target->proto), "https") != 0) {
        Ns_TclPrintfResult(interp, "no driver for protocol '%s' found.", Tcl_DStringValue(&target->proto));
        return false;
    }
    port = parts.port.start != NULL ? NsPortNumber(parts.port) : strcmp(Tcl_DStringValue(&target->proto), "https") == 0 ? 443 : 80;
    if (port < 0) {
        Ns_TclPrintfResult(interp, "invalid port in URL '%s'", url);
        return false;
    }
    target->port = (unsigned short)port;
    AppendAuthority(target);
    /* Everything from the path on goes out as it is, without the fragment. */
    rest = strstr(url, "://");
    rest = rest != NULL ? rest + 3 + strcspn(rest + 3, "/?#") : "";
    if (*rest != '/') {
        Tcl_DStringAppend(&target->path, "/", 1);
    }
    Tcl_DStringAppend(&target->path, rest, (int)strcspn(rest, "#"));
    return true;
}

static int
Open(Tcl_Interp *interp, NsServer *server, const Ns_ConnChanConnectParams *params, const Tcl_DString *request)
{
    struct iovec iov = {Tcl_DStringValue(request), (size_t)Tcl_DStringLength(request)};
    NsChan      *chan;
    int          status = TCL_OK;

    chan = Connect(interp, server, params);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (Ns_ConnChanWritev(chan, &iov, 1, 0u) < 0) {
        Ns_TclPrintfResult(interp, "%s: cannot send the request: %s", Ns_ConnChanName(chan), Tcl_PosixError(interp));
        (void)Ns_ConnChanAbort(chan);
        status = TCL_ERROR;
    } else {
        Tcl_SetObjResult(interp, NsChanNewObj(chan));
    }
    Ns_ConnChanRelease(chan);
    return status;
}

int
NsChanOpenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp     *ip = clientData;
    Ns_ConnChanConnectParams params = {.timeout = defaultTimeout};
    NsChanTlsOptions    tls = {0};
    Ns_Time            *timeout = NULL;
    Ns_Set             *headers = NULL;
    char               *url, *driver = NULL, *method = "GET", *version = "1.0", *unixSocket = NULL;
    Target              target = {0};
    Tcl_DString         request;
    int                 status = TCL_ERROR;
    Ns_ObjvSpec         opts[] = {
        {"-cafile", Ns_ObjvString, &tls.caFile, NULL},
        {"-capath", Ns_ObjvString, &tls.caPath, NULL},
        {"-cert", Ns_ObjvString, &tls.cert, NULL},
        {"-key", Ns_ObjvString, &tls.key, NULL},
        {"-driver", Ns_ObjvString, &driver, NULL},
        {"-headers", Ns_ObjvSet, &headers, NULL},
        {"-hostname", Ns_ObjvString, &tls.hostname, NULL},
        {"-insecure", Ns_ObjvBool, &tls.insecure, NULL},
        {"-method", Ns_ObjvString, &method, NULL},
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {"-unix_socket", Ns_ObjvString, &unixSocket, NULL},
        {"-version", Ns_ObjvString, &version, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"url", Ns_ObjvString, &url, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || !NsChanFillTls(interp, ip->server, &tls, &params)) {
        return TCL_ERROR;
    }
    InitTarget(&target);
    Tcl_DStringInit(&request);
    if (!ParseTarget(interp, url, &target)) {
        goto done;
    }
    if (driver != NULL && NsDriverFind(Tcl_DStringValue(&target.proto), driver) == NULL) {
        Ns_TclPrintfResult(interp, "no driver for protocol '%s' & driver name '%s' found.", Tcl_DStringValue(&target.proto), driver);
        goto done;
    }
    if (!ComposeRequest(&request, method, Tcl_DStringValue(&target.path), version, headers, Tcl_DStringValue(&target.authority))) {
        Ns_TclPrintfResult(interp, "ns_connchan open: line break in method, URL, version or a header");
        goto done;
    }
    params.host = unixSocket != NULL ? unixSocket : Tcl_DStringValue(&target.host);
    params.port = unixSocket != NULL ? 0u : target.port;
    if (params.hostname == NULL) {
        params.hostname = Tcl_DStringValue(&target.host);
    }
    params.tls = strcmp(Tcl_DStringValue(&target.proto), "https") == 0;
    if (timeout != NULL) {
        params.timeout = *timeout;
    }
    status = Open(interp, ip->server, &params, &request);

 done:
    FreeTarget(&target);
    Tcl_DStringFree(&request);
    return status;
}

/* ---- listen ---- */

/* `script channel` for a new connection: a list of words, and on the worker their objects. */
static void
RunAcceptScript(NsChan *chan, void *arg)
{
    const char *script = arg;
    Tcl_Interp *interp = NsWorkerInterp(NsWorkerCurrent(), Ns_ConnChanServer(chan));
    Tcl_Obj    *command = Tcl_NewStringObj(script, -1), *handle = NsChanNewObj(chan);
    int         keep = 0, code;

    Tcl_IncrRefCount(command);
    Tcl_ListObjAppendElement(NULL, command, handle);
    code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
    if (code == TCL_ERROR) {
        Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (listen script for %s)", Ns_ConnChanName(chan)));
        (void)Ns_TclLogErrorInfo(interp, NULL);
    } else if (Tcl_GetBooleanFromObj(NULL, Tcl_GetObjResult(interp), &keep) != TCL_OK) {
        Ns_Log(Error, "%s: listen script \"%.100s\" returned \"%.100s\", must be a boolean: closed", Ns_ConnChanName(chan), script,
               Tcl_GetStringResult(interp));
        keep = 0;
    }
    Tcl_ResetResult(interp);
    Tcl_DecrRefCount(command);
    if (keep == 0) {
        (void)Ns_ConnChanClose(chan);
    }
    Ns_ConnChanRelease(chan);
}

/* With TLS, and CA certificates: the client must show one of theirs.  `script` is taken over.  NULL: an error in the interpreter. */
static NsChan *
Listen(Tcl_Interp *interp, NsServer *server, const NsChanTlsOptions *tls, NsChanListenParams *how)
{
    Tcl_DString error;
    NsChan     *chan;

    Tcl_DStringInit(&error);
    how->accept = RunAcceptScript;
    how->freeProc = ns_free;
    if (tls != NULL) {
        how->tls = (Ns_TlsServerParams){.certificate = tls->cert, .key = tls->key, .caFile = tls->caFile, .caPath = tls->caPath,
                                        .verifyClient = tls->caFile != NULL || tls->caPath != NULL ? 2 : 0};
        chan = NsChanListenFiles(server, how, &error);
    } else if ((chan = Ns_ConnChanListen(server, how->address, how->port, how->bindNew, how->accept, how->arg, how->freeProc)) == NULL) {
        how->freeProc(how->arg);
    }
    if (chan == NULL) {
        Ns_TclPrintfResult(interp, "%s", Tcl_DStringLength(&error) > 0 ? Tcl_DStringValue(&error) : "could not register callback");
    }
    Tcl_DStringFree(&error);
    return chan;
}

static Tcl_Obj *
DescribeListener(NsChan *listener, const char *address)
{
    Tcl_Obj       *dict = Tcl_NewDictObj();
    unsigned short port;
    NS_SOCKET      fd = NsChanListenSock(listener, &port);

    NsDictPut(dict, "channel", NsChanNewObj(listener));
    NsDictPut(dict, "port", Tcl_NewIntObj(port));
    NsDictPut(dict, "sock", Tcl_NewIntObj(fd));
    NsDictPutText(dict, "address", address);
    return dict;
}

int
NsChanListenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp    *ip = clientData;
    NsServer          *server = NULL;
    NsChanListenParams how = {.handshakeTimeout = defaultTimeout};
    NsChanTlsOptions   tls = {0};
    char              *driverName = NULL, *address;
    int                bind = 0, useTls = 0, length;
    Ns_Time           *timeout = NULL;
    Tcl_Obj           *script;
    NsChan            *listener;
    Ns_ObjvSpec        opts[] = {
        {"-driver", Ns_ObjvString, &driverName, NULL},
        {"-server", Ns_ObjvServer, &server, NULL},
        {"-bind", Ns_ObjvBool, &bind, NULL},
        {"-cafile", Ns_ObjvString, &tls.caFile, NULL},
        {"-capath", Ns_ObjvString, &tls.caPath, NULL},
        {"-cert", Ns_ObjvString, &tls.cert, NULL},
        {"-key", Ns_ObjvString, &tls.key, NULL},
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {"-tls", Ns_ObjvBool, &useTls, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"address", Ns_ObjvString, &address, NULL},
        {"port", Ns_ObjvUShort, &how.port, NULL},
        {"script", Ns_ObjvObj, &script, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || Tcl_ListObjLength(interp, script, &length) != TCL_OK) {
        return TCL_ERROR;
    }
    if (driverName != NULL && NsDriverFind(useTls != 0 ? "https" : "http", driverName) == NULL) {
        Ns_TclPrintfResult(interp, "no driver for protocol '%s' & driver name '%s' found.", useTls != 0 ? "https" : "http", driverName);
        return TCL_ERROR;
    }
    if (useTls == 0 && (tls.cert != NULL || tls.key != NULL || tls.caFile != NULL || tls.caPath != NULL || timeout != NULL)) {
        Ns_TclPrintfResult(interp, "-cafile, -capath, -cert, -key and -timeout are for -tls");
        return TCL_ERROR;
    }
    how.address = address;
    how.bindNew = bind != 0;
    how.handshakeTimeout = timeout != NULL ? *timeout : how.handshakeTimeout;
    how.arg = ns_strdup(Tcl_GetString(script));
    listener = Listen(interp, server != NULL ? server : ip->server, useTls != 0 ? &tls : NULL, &how);
    if (listener == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, DescribeListener(listener, address));
    Ns_ConnChanRelease(listener);
    return TCL_OK;
}
