/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One request of `ns_http`: its options, what is sent, and the result.
 */
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "conf/config.h"
#include "base/dict.h"
#include "base/text.h"
#include "conf/charset.h"
#include "client/log.h"
#include "cmd/client/httptask.h"
#include "interp/interp.h"
#include "http/chars.h"
#include "http/head.h"
#include "http/url.h"
#include "net/tls.h"

/* ----------------------------------------------------------------------------------------------------- configuration */

static Ns_Time
ConfiguredTime(const NsHttpTask *task, const char *key, const char *fallback)
{
    Ns_Time result = {0, 0};

    if (task->section[0] != '\0') {
        Ns_ConfigTimeUnitRange(task->section, key, fallback, 0, 0, INT_MAX, 0, &result);
    } else {
        (void)Ns_GetTimeFromString(NULL, fallback, &result);
    }
    return result;
}

/* A few bytes may become many when they are decompressed: so much is taken when the caller has set no limit. */
static Tcl_WideInt
MaxInflated(const NsHttpTask *task)
{
    return task->section[0] != '\0' ? NsConfigMemSize(task->section, "maxdecompress", "100MB", 0, LLONG_MAX)
                                    : (Tcl_WideInt)100 * 1024 * 1024;
}

static void
SetTimes(NsHttpTask *task)
{
    const NsHttpOptions *o = &task->opt;
    NsHttpCall        *call = &task->call;

    call->timeout = o->timeout != NULL ? *o->timeout : ConfiguredTime(task, "defaulttimeout", "5s");
    call->connectTimeout = o->connectTimeout != NULL ? *o->connectTimeout : call->timeout;
    call->expire = o->expire != NULL ? *o->expire : (Ns_Time){0, 0};
    call->keepAlive = o->keepAlive != NULL ? *o->keepAlive : ConfiguredTime(task, "keepalive", "0s");
}

/* ---------------------------------------------------------------------------------------------------------- arguments */

static int
ParseOptions(NsHttpTask *task, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange sizeRange = {0, INT_MAX};
    NsHttpOptions *o = &task->opt;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &o->binary, NULL},
        {"-body", Ns_ObjvObj, &o->body, NULL},
        {"-body_chan", Ns_ObjvString, &o->bodyChan, NULL},
        {"-body_file", Ns_ObjvString, &o->bodyFile, NULL},
        {"-body_size", Ns_ObjvInt, &o->bodySize, &sizeRange},
        {"-cafile", Ns_ObjvString, &o->caFile, NULL},
        {"-capath", Ns_ObjvString, &o->caPath, NULL},
        {"-cert", Ns_ObjvString, &o->cert, NULL},
        {"-key", Ns_ObjvString, &o->key, NULL},
        {"-connecttimeout", Ns_ObjvTime, &o->connectTimeout, NULL},
        {"-decompress", Ns_ObjvBool, &o->decompress, NULL},
        {"-donecallback", Ns_ObjvString, &o->doneCallback, NULL},
        {"-done_callback", Ns_ObjvString, &o->doneCallback, NULL},
        {"-expire", Ns_ObjvTime, &o->expire, NULL},
        {"-headers", Ns_ObjvSet, &o->headers, NULL},
        {"-hostname", Ns_ObjvString, &o->hostname, NULL},
        {"-insecure", Ns_ObjvBool, &o->insecure, NULL},
        {"-keep_host_header", Ns_ObjvBool, &o->keepHostHeader, NULL},
        {"-keepalive", Ns_ObjvTime, &o->keepAlive, NULL},
        {"-maxresponse", Ns_ObjvMemUnit, &o->maxResponse, NULL},
        {"-method", Ns_ObjvString, &o->method, NULL},
        {"-outputchan", Ns_ObjvString, &o->outputChan, NULL},
        {"-outputfile", Ns_ObjvString, &o->outputFile, NULL},
        {"-partialresults", Ns_ObjvBool, &o->partialResults, NULL},
        {"-proxy", Ns_ObjvObj, &o->proxy, NULL},
        {"-raw", Ns_ObjvBool, &o->raw, NULL},
        {"-response_data_callback", Ns_ObjvString, &o->dataCallback, NULL},
        {"-response_header_callback", Ns_ObjvString, &o->headCallback, NULL},
        {"-spoolsize", Ns_ObjvMemUnit, &o->spoolSize, NULL},
        {"-timeout", Ns_ObjvTime, &o->timeout, NULL},
        {"-unix_socket", Ns_ObjvString, &o->unixSocket, NULL},
        {"-verify", Ns_ObjvBool, &o->verify, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"url", Ns_ObjvString, &o->url, NULL}, {NULL, NULL, NULL, NULL}};

    o->bodySize = -1;
    o->method = "GET";
    o->maxResponse = o->spoolSize = -1;
    if (Ns_ParseObjv(opts, args, task->interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    SetTimes(task);                            /* before any script runs: the times are good until then */
    return TCL_OK;
}

/* The names of methods tell upper from lower case (RFC 9110, 9.1), but nobody means another method by "post". */
static void
RaiseMethod(NsHttpTask *task)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcasecmp(task->opt.method, methods[i]) == 0) {
            strcpy(task->opt.method, methods[i]);
        }
    }
}

static int
Complain(NsHttpTask *task, const char *message)
{
    Tcl_SetObjResult(task->interp, Tcl_NewStringObj(message, -1));
    return TCL_ERROR;
}

/* What cannot go together, or onto the wire. */
static int
CheckOptions(NsHttpTask *task)
{
    const NsHttpOptions *o = &task->opt;

    if (o->doneCallback != NULL && !task->queued) {
        return Complain(task, "option -done_callback allowed only for [ns_http_queue]");
    }
    if ((o->body != NULL) + (o->bodyChan != NULL) + (o->bodyFile != NULL) > 1) {
        return Complain(task, "only one of -body, -body_chan or -body_file options are allowed");
    }
    if (o->bodySize >= 0 && o->bodyChan == NULL && o->bodyFile == NULL) {
        return Complain(task, "option -body_size requires -body_chan or -body_file");
    }
    if (o->outputChan != NULL && o->outputFile != NULL) {
        return Complain(task, "only one of -outputchan or -outputfile options are allowed");
    }
    if (o->insecure && o->verify) {
        return Complain(task, "only one of -insecure or -verify options are allowed");
    }
    if (*o->method == '\0' || NsCharSpan(o->method, strlen(o->method), NS_CHAR_TOKEN) != strlen(o->method)) {
        Ns_TclPrintfResult(task->interp, "invalid method \"%s\"", o->method);
        return TCL_ERROR;
    }
    for (size_t i = 0; o->headers != NULL && i < Ns_SetSize(o->headers); i++) {
        const char *name = Ns_SetKey(o->headers, i), *value = Ns_SetValue(o->headers, i);

        if (*name == '\0' || NsCharSpan(name, strlen(name), NS_CHAR_TOKEN) != strlen(name)
            || !NsHttpValueValid(value, strlen(value))) {
            Ns_TclPrintfResult(task->interp, "invalid header \"%s\"", name);
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int
ParseTarget(NsHttpTask *task)
{
    const char *url = task->opt.url, *error = NULL;
    size_t      len = strlen(url);
    NsUrl      *parts = &task->url;

    if (!NsUrlParse(url, len, false, parts, &error) || parts->proto.start == NULL || parts->host.start == NULL
        || parts->host.len == 0) {
        if (error == NULL) {
            error = parts->proto.start == NULL ? "no scheme" : "no host";
        }
        Ns_TclPrintfResult(task->interp, "invalid URL \"%s\": %s", url, error);
        return TCL_ERROR;
    }
    task->https = NsSpanIsNoCase(parts->proto, "https");
    if (!task->https && !NsSpanIsNoCase(parts->proto, "http")) {
        Ns_TclPrintfResult(task->interp, "invalid URL \"%.*s\": invalid scheme", (int)parts->proto.len,
                           parts->proto.start);
        return TCL_ERROR;
    }
    if (!NsHttpValueValid(url, len) || strpbrk(url, " \t") != NULL
        || (parts->port.start != NULL && NsPortNumber(parts->port) < 0)) {
        Ns_TclPrintfResult(task->interp, "invalid URL \"%s\": contains invalid character", url);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* -proxy {host h port p ?tunnel bool?}; tunnels are used for https in any case. */
static int
ParseProxy(NsHttpTask *task)
{
    int      count, port, tunnel = 0;
    Tcl_Obj **words, *host = NULL, *portObj = NULL;

    if (task->opt.proxy == NULL) {
        return TCL_OK;
    }
    if (Tcl_ListObjGetElements(task->interp, task->opt.proxy, &count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i + 1 < count; i += 2) {
        const char *key = Tcl_GetString(words[i]);

        if (strcmp(key, "host") == 0) {
            host = words[i + 1];
        } else if (strcmp(key, "port") == 0) {
            portObj = words[i + 1];
        } else if (strcmp(key, "tunnel") == 0) {
            if (Tcl_GetBooleanFromObj(task->interp, words[i + 1], &tunnel) != TCL_OK) {
                return TCL_ERROR;
            }
        } else {
            Ns_TclPrintfResult(task->interp, "unknown key \"%s\" of a proxy", key);
            return TCL_ERROR;
        }
    }
    if (count == 0) {
        return TCL_OK;
    }
    if (host == NULL || portObj == NULL) {
        return Complain(task, host == NULL ? "missing proxy host" : "missing proxy port");
    }
    if (Tcl_GetIntFromObj(task->interp, portObj, &port) != TCL_OK) {
        return TCL_ERROR;
    }
    if (port < 1 || port > USHRT_MAX) {
        return Complain(task, "invalid proxy port");
    }
    Tcl_DStringAppend(&task->proxyHost, Tcl_GetString(host), -1);
    task->proxyPort = (unsigned short)port;
    task->proxyTunnel = tunnel || task->https;
    return TCL_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- TLS */

/*
 * A request in the queue waits for nothing: where no context of these rules is kept, the files are looked for only, and read on the
 * task thread.
 */
static bool
SetQueuedTls(NsHttpTask *task, const Ns_TlsClientParams *params, Tcl_DString *error)
{
    task->call.tls = NsTlsClientKept(params);
    if (task->call.tls != NULL) {
        return true;
    }
    task->tlsParams = NsTlsClientParamsCopy(params);
    return NsTlsClientCheck(params, error);
}

static int
SetTls(NsHttpTask *task)
{
    const NsHttpOptions *o = &task->opt;
    Ns_TlsClientParams   params = {.caFile = o->caFile, .caPath = o->caPath, .certificate = o->cert, .key = o->key,
                                   .insecure = o->insecure != 0};
    Tcl_DString          error;
    bool                 fine;

    if (!task->https) {
        return TCL_OK;
    }
    NsHttpTlsConfigured(task->context != NULL ? task->context->server : NULL, o->insecure || o->verify, &params);
    NsTlsClientRules(&params, &task->rules);
    task->call.tlsRules = Tcl_DStringValue(&task->rules);
    Tcl_DStringInit(&error);
    if (task->queued) {
        fine = SetQueuedTls(task, &params, &error);
    } else {
        task->call.tls = Ns_TlsCtxClientCreate(&params, &error);
        fine = task->call.tls != NULL;
    }
    if (!fine) {
        Ns_TclPrintfResult(task->interp, "%s", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    return fine ? TCL_OK : TCL_ERROR;
}

bool
NsHttpTaskReady(NsHttpTask *task)
{
    if (task->tlsParams != NULL && task->call.tls == NULL) {
        task->call.tls = Ns_TlsCtxClientCreate(task->tlsParams, &task->outcome.error);
    }
    return task->tlsParams == NULL || task->call.tls != NULL;
}

/* As text: a request in the queue is made on another thread than its result. */
static void
NoteTls(void *arg, const Ns_Wire *sock)
{
    NsHttpTask *task = arg;
    Tcl_Obj    *dict = Tcl_NewDictObj();

    Tcl_IncrRefCount(dict);
    if (sock->transport->info != NULL) {
        sock->transport->info(sock, NULL, dict);
    }
    ns_free(task->tlsInfo);
    task->tlsInfo = ns_strdup(Tcl_GetString(dict));
    Tcl_DecrRefCount(dict);
}

/* ------------------------------------------------------------------------------------------------------------ request */

static void
AppendHostPort(Tcl_DString *ds, const NsHttpTask *task, bool always)
{
    const NsUrl *url = &task->url;
    bool         brackets = memchr(url->host.start, ':', url->host.len) != NULL;

    Tcl_DStringAppend(ds, "[", brackets ? 1 : 0);
    Tcl_DStringAppend(ds, url->host.start, (int)url->host.len);
    Tcl_DStringAppend(ds, "]", brackets ? 1 : 0);
    if (url->port.start != NULL) {
        Tcl_DStringAppend(ds, ":", 1);
        Tcl_DStringAppend(ds, url->port.start, (int)url->port.len);
    } else if (always) {
        Tcl_DStringAppend(ds, task->https ? ":443" : ":80", -1);
    }
}

static void
SetPeer(NsHttpTask *task)
{
    NsHttpCall *call = &task->call;
    const NsUrl *url = &task->url;

    Tcl_DStringAppend(&task->host, url->host.start, (int)url->host.len);
    call->tlsHostname = task->opt.hostname != NULL ? task->opt.hostname : Tcl_DStringValue(&task->host);
    call->host = Tcl_DStringValue(&task->host);
    call->port = (unsigned short)(url->port.start != NULL ? NsPortNumber(url->port) : task->https ? 443 : 80);
    if (task->opt.unixSocket != NULL) {
        Tcl_DStringAppend(&task->tunnel, "unix:", -1);
        Tcl_DStringAppend(&task->tunnel, task->opt.unixSocket, -1);
        call->host = Tcl_DStringValue(&task->tunnel);
    } else if (Tcl_DStringLength(&task->proxyHost) > 0) {
        call->host = Tcl_DStringValue(&task->proxyHost);
        call->port = task->proxyPort;
        if (task->proxyTunnel) {
            AppendHostPort(&task->tunnel, task, true);
            call->tunnelTo = Tcl_DStringValue(&task->tunnel);
        }
    }
}

static void
AppendHeader(Tcl_DString *ds, const char *name, const char *value)
{
    Tcl_DStringAppend(ds, name, -1);
    Tcl_DStringAppend(ds, ": ", 2);
    Tcl_DStringAppend(ds, value, -1);
    Tcl_DStringAppend(ds, "\r\n", 2);
}

/* The request target: path and query as they are in the URL; all of it for a proxy. */
static void
AppendTarget(Tcl_DString *ds, const NsHttpTask *task)
{
    const char *url = task->opt.url, *slashes = strstr(url, "://");
    const char *target = slashes + 3 + strcspn(slashes + 3, "/?#");
    bool        toProxy = Tcl_DStringLength(&task->proxyHost) > 0 && !task->proxyTunnel && task->opt.unixSocket == NULL;

    if (toProxy) {
        Tcl_DStringAppend(ds, "http://", -1);
        AppendHostPort(ds, task, false);
    }
    if (*target != '/') {
        Tcl_DStringAppend(ds, "/", 1);
    }
    Tcl_DStringAppend(ds, target, (int)strcspn(target, "#"));
}

/* Headers of the framing are ours. */
static bool
IsOurs(const NsHttpTask *task, const char *name)
{
    return strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0
        || strcasecmp(name, "connection") == 0 || (strcasecmp(name, "host") == 0 && !task->opt.keepHostHeader);
}

static void
AppendBodyHeaders(Tcl_DString *ds, const NsHttpTask *task)
{
    char length[32];

    if (task->source.present && task->source.size < 0) {
        AppendHeader(ds, "transfer-encoding", "chunked");
    } else if (task->source.present || strcasecmp(task->opt.method, "POST") == 0
               || strcasecmp(task->opt.method, "PUT") == 0 || strcasecmp(task->opt.method, "PATCH") == 0) {
        snprintf(length, sizeof(length), "%lld", (long long)task->source.size);
        AppendHeader(ds, "content-length", length);
    }
    if (task->opt.bodyFile != NULL && (task->opt.headers == NULL || Ns_SetIGet(task->opt.headers, "content-type") == NULL)) {
        AppendHeader(ds, "content-type", Ns_GetMimeType(task->opt.bodyFile));
    }
}

static void
ComposeHead(NsHttpTask *task)
{
    const Ns_Set *headers = task->opt.headers;
    Tcl_DString   text, *ds = &text, host;

    Tcl_DStringInit(ds);
    Tcl_DStringAppend(ds, task->opt.method, -1);
    Tcl_DStringAppend(ds, " ", 1);
    AppendTarget(ds, task);
    Tcl_DStringAppend(ds, " HTTP/1.1\r\n", -1);
    for (size_t i = 0; headers != NULL && i < Ns_SetSize(headers); i++) {
        if (!IsOurs(task, Ns_SetKey(headers, i))) {
            AppendHeader(ds, Ns_SetKey(headers, i), Ns_SetValue(headers, i));
        }
    }
    AppendBodyHeaders(ds, task);
    if (headers == NULL || Ns_SetIGet(headers, "user-agent") == NULL) {
        Tcl_DString agent;

        Tcl_DStringInit(&agent);
        Tcl_DStringAppend(&agent, Ns_InfoServerName(), -1);
        Tcl_DStringAppend(&agent, "/", 1);
        Tcl_DStringAppend(&agent, Ns_InfoServerVersion(), -1);
        AppendHeader(ds, "user-agent", Tcl_DStringValue(&agent));
        Tcl_DStringFree(&agent);
    }
    if (task->call.keepAlive.sec == 0 && task->call.keepAlive.usec == 0) {
        AppendHeader(ds, "connection", "close");
    }
    if (!task->opt.keepHostHeader || headers == NULL || Ns_SetIGet(headers, "host") == NULL) {
        Tcl_DStringInit(&host);
        AppendHostPort(&host, task, false);
        AppendHeader(ds, "host", Tcl_DStringValue(&host));
        Tcl_DStringFree(&host);
    }
    Tcl_DStringAppend(ds, "\r\n", 2);
    NsTextAppendOut(&task->head, Tcl_DStringValue(ds), (size_t)Tcl_DStringLength(ds));
    Tcl_DStringFree(ds);
    task->call.head = Tcl_DStringValue(&task->head);
    task->call.headLen = (size_t)Tcl_DStringLength(&task->head);
}

static int
OpenSource(NsHttpTask *task)
{
    const NsHttpOptions *o = &task->opt;
    int                  status = TCL_OK;

    if (o->body != NULL) {
        NsHttpSourceMemory(&task->source, o->body, o->binary != 0,
                           o->headers != NULL ? Ns_SetIGet(o->headers, "content-type") : NULL,
                           task->queued || o->dataCallback != NULL || o->headCallback != NULL);
    } else if (o->bodyFile != NULL) {
        status = NsHttpSourceFile(&task->source, task->interp, o->bodyFile, o->bodySize);
    } else if (o->bodyChan != NULL) {
        status = NsHttpSourceChannel(&task->source, task->interp, o->bodyChan, o->bodySize, task->queued);
    }
    return status;
}

/* The procs of the call, with their real arguments. */
static ssize_t
ReadBody(void *arg, char *buffer, size_t size)
{
    return NsHttpSourceRead(&((NsHttpTask *)arg)->source, buffer, size);
}

static bool
TakeHead(void *arg, const NsResponseHead *head)
{
    return NsHttpSinkHead(&((NsHttpTask *)arg)->sink, head);
}

static bool
TakeBody(void *arg, const char *bytes, size_t len)
{
    NsHttpTask *task = arg;
    bool        taken = NsHttpSinkBody(&task->sink, bytes, len);

    atomic_fetch_add_explicit(&task->bodyReceived, (long long)len, memory_order_relaxed);
    atomic_store_explicit(&task->bodyTaken, task->sink.received, memory_order_relaxed);
    return taken;
}

/* RFC 9110, 9.2.2. */
static bool
IsIdempotent(const char *method)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    bool found = false;

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && !found; i++) {
        found = strcasecmp(method, methods[i]) == 0;
    }
    return found;
}

static void
SetCall(NsHttpTask *task)
{
    NsHttpCall *call = &task->call;

    call->progress = &task->progress;
    call->noBody = strcasecmp(task->opt.method, "HEAD") == 0;
    call->idempotent = IsIdempotent(task->opt.method);
    call->body = task->source.bytes;
    call->bodyLen = task->source.len;
    if (task->source.present && task->source.bytes == NULL) {
        call->readBody = ReadBody;
        call->sendChunked = task->source.size < 0;
    }
    call->onHead = TakeHead;
    call->onBody = TakeBody;
    call->onTls = NoteTls;
    call->arg = task;
}

/* ------------------------------------------------------------------------------------------------------------- result */

static Tcl_Obj *
FlagsObj(const NsHttpTask *task)
{
    const NsHttpOutcome *outcome = &task->outcome;
    const struct { bool set; const char *name; } flags[] = {
        {task->sink.decompress, "DECOMPRESS"}, {task->sink.inflated, "GZIP"}, {outcome->chunked, "CHUNKED"},
        {outcome->lastChunk, "CHUNKED_END"}, {outcome->empty, "EMPTY"}, {outcome->untilClose, "STREAMING"},
        {outcome->version > 1.05, "1.1"}
    };
    Tcl_Obj *obj = Tcl_NewObj();

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (flags[i].set) {
            Tcl_AppendStringsToObj(obj, Tcl_GetString(obj)[0] != '\0' ? "|" : "", flags[i].name, NULL);
        }
    }
    return obj;
}

/* The dict that the command returns; the headers pass to the interpreter. */
static Tcl_Obj *
ResultDict(NsHttpTask *task, Tcl_Interp *interp)
{
    NsHttpOutcome *outcome = &task->outcome;
    NsHttpSink    *sink = &task->sink;
    Tcl_Obj       *dict = Tcl_NewDictObj(), *body = NULL;
    const char    *charset = task->context != NULL && task->context->server != NULL
        ? task->context->server->opts.outputCharset : NULL;
    Ns_Set        *headers = outcome->headers != NULL ? outcome->headers : Ns_SetCreateNoCase("client-response");

    outcome->headers = NULL;
    if (outcome->chunked) {
        Ns_SetDeleteKey(headers, "transfer-encoding");         /* the body is not any more */
    }
    if (!sink->spooled) {
        body = NsHttpSinkObj(sink, Ns_SetGet(headers, "content-type"), task->opt.binary != 0,
                             charset != NULL ? charset : "utf-8");
    }
    NsDictPut(dict, "status", Tcl_NewIntObj(outcome->status));
    NsDictPut(dict, "time", Ns_TclNewTimeObj(&outcome->elapsed));
    NsDictPut(dict, "flags", FlagsObj(task));
    if (Ns_TclEnterSet(interp, headers, NS_TCL_SET_DYNAMIC) == TCL_OK) {
        NsDictPut(dict, "headers", Tcl_GetObjResult(interp));
    }
    if (body != NULL) {
        NsDictPut(dict, "body", body);
    } else if (sink->outputChan != NULL) {
        NsDictPutText(dict, "outputchan", sink->outputChan);
    } else {
        NsDictPutText(dict, "file", sink->file);
    }
    if (task->tlsInfo != NULL) {
        NsDictPutText(dict, "https", task->tlsInfo);
    }
    return dict;
}

static const char *
ErrorText(const NsHttpTask *task)
{
    const char *sinkError = Tcl_DStringValue(&task->sink.error);

    return *sinkError != '\0' ? sinkError : Tcl_DStringValue(&task->outcome.error);
}

int
NsHttpTaskResult(NsHttpTask *task, Tcl_Interp *interp, Ns_ReturnCode status)
{
    const char *error = ErrorText(task), *state = status == NS_TIMEOUT ? "NS_TIMEOUT" : "NS_ERROR";
    Tcl_Obj    *dict;

    if (status == NS_OK) {
        Tcl_SetObjResult(interp, ResultDict(task, interp));
        return TCL_OK;
    }
    if (task->opt.partialResults && task->outcome.status != 0) {
        dict = ResultDict(task, interp);
        NsDictPutText(dict, "error", error);
        NsDictPutText(dict, "state", state);
        Tcl_SetObjResult(interp, dict);
    } else {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(error, -1));
    }
    if (status == NS_TIMEOUT) {
        Tcl_SetErrorCode(interp, state, NULL);
    } else if (task->outcome.code != 0) {
        const char *id = (Tcl_SetErrno(task->outcome.code), Tcl_ErrnoId());

        Tcl_SetErrorCode(interp, "POSIX", id, Tcl_ErrnoMsg(task->outcome.code), NULL);
    }
    return TCL_ERROR;
}

/* ---------------------------------------------------------------------------------------------------------- the task */

static void
SetSink(NsHttpTask *task)
{
    const NsHttpOptions *o = &task->opt;
    NsHttpSink          *sink = &task->sink;

    sink->interp = task->queued ? NULL : task->interp;
    sink->server = task->context != NULL && task->context->server != NULL ? task->context->server->name : NULL;
    sink->decompress = !o->raw || o->decompress;
    sink->spoolSize = o->spoolSize;
    sink->maxResponse = o->maxResponse;
    sink->maxInflated = MaxInflated(task);
    sink->outputFile = o->outputFile;
    sink->outputChan = o->outputChan;
    sink->headCallback = o->headCallback;
    sink->dataCallback = o->dataCallback;
}

/* What is used after the command has returned must not be an argument's. */
static void
KeepOptions(NsHttpTask *task)
{
    char **kept[] = {&task->opt.url, &task->opt.method, &task->opt.outputFile, &task->opt.outputChan, &task->opt.headCallback,
                     &task->opt.dataCallback, &task->opt.doneCallback, &task->opt.hostname};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        task->kept[i] = *kept[i] = *kept[i] != NULL ? ns_strdup(*kept[i]) : NULL;
    }
}

static int
Prepare(NsHttpTask *task, int objc, Tcl_Obj *const *objv)
{
    if (ParseOptions(task, objc, objv) != TCL_OK) {
        return TCL_ERROR;
    }
    KeepOptions(task);
    RaiseMethod(task);
    if (CheckOptions(task) != TCL_OK || ParseTarget(task) != TCL_OK || ParseProxy(task) != TCL_OK || SetTls(task) != TCL_OK
        || OpenSource(task) != TCL_OK) {
        return TCL_ERROR;
    }
    SetPeer(task);
    ComposeHead(task);
    SetCall(task);
    SetSink(task);
    return NsHttpSinkOpen(&task->sink, task->interp, task->queued);
}

NsHttpTask *
NsHttpTaskCreate(NsInterp *context, Tcl_Interp *interp, bool queued, int objc, Tcl_Obj *const *objv)
{
    NsHttpTask *task = ns_calloc(1, sizeof(*task));

    task->interp = interp;
    task->context = context;
    task->queued = queued;
    if (context != NULL && context->server != NULL) {
        task->server = context->server;
        snprintf(task->section, sizeof(task->section), "%s/httpclient", context->server->section);
    }
    task->sink.fd = -1;
    Tcl_DStringInit(&task->sink.memory);
    Tcl_DStringInit(&task->sink.error);
    Tcl_DStringInit(&task->outcome.error);
    Tcl_DStringInit(&task->head);
    Tcl_DStringInit(&task->host);
    Tcl_DStringInit(&task->rules);
    Tcl_DStringInit(&task->tunnel);
    Tcl_DStringInit(&task->proxyHost);
    if (Prepare(task, objc, objv) != TCL_OK) {
        NsHttpTaskFree(task, true);
        task = NULL;
    }
    return task;
}

void
NsHttpTaskLog(const NsHttpTask *task, Ns_ReturnCode status)
{
    if (NsHttpLogWanted(task->server)) {
        NsHttpLog(task->server, &(NsHttpLogEntry){
            .method = task->opt.method, .url = task->opt.url, .outcome = &task->outcome, .progress = &task->progress,
            .end = status == NS_OK ? "ok" : status == NS_TIMEOUT ? "timeout" : status == NS_FILTER_BREAK ? "cancelled" : "error"
        });
    }
}

void
NsHttpTaskFree(NsHttpTask *task, bool discard)
{
    NsHttpSinkClose(&task->sink, discard);
    NsHttpSourceClose(&task->source);
    Ns_SetFree(task->outcome.headers);
    if (task->call.tls != NULL) {
        Ns_TlsCtxRelease(task->call.tls);
    }
    NsTlsClientParamsFree(task->tlsParams);
    ns_free(task->tlsInfo);
    for (size_t i = 0; i < sizeof(task->kept) / sizeof(task->kept[0]); i++) {
        ns_free(task->kept[i]);
    }
    Tcl_DStringFree(&task->outcome.error);
    Tcl_DStringFree(&task->head);
    Tcl_DStringFree(&task->host);
    Tcl_DStringFree(&task->rules);
    Tcl_DStringFree(&task->tunnel);
    Tcl_DStringFree(&task->proxyHost);
    ns_free(task);
}
