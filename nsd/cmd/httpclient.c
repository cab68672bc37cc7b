/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_http: requests to other servers.
 */
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "charset.h"
#include "cmds.h"
#include "httpbody.h"
#include "interp.h"
#include "http/chars.h"
#include "http/url.h"
#include "net/tls.h"

/* The options, as given. */
typedef struct HttpOptions {
    int         binary, bodySize, decompress, insecure, keepHostHeader, partialResults, raw, verify;
    Tcl_Obj    *body;
    char       *bodyChan, *bodyFile, *caFile, *caPath, *cert, *key, *doneCallback, *hostname, *method, *outputChan,
               *outputFile, *unixSocket, *url;
    Tcl_Obj    *proxy, *dataCallback, *headCallback;
    Ns_Set     *headers;
    Ns_Time    *connectTimeout, *expire, *keepAlive, *timeout;
    Tcl_WideInt maxResponse, spoolSize;
} HttpOptions;

/* One command in progress. */
typedef struct HttpTask {
    Tcl_Interp  *interp;
    NsInterp    *context;
    HttpOptions  opt;
    NsUrl        url;
    bool         https;
    char         section[256];                 /* of the configuration: ns/server/S/httpclient; or empty */
    NsHttpCall   call;
    NsHttpSource source;
    NsHttpSink   sink;
    NsHttpOutcome outcome;
    Tcl_DString  head, host, rules, tunnel;    /* what `call` points to */
    Tcl_DString  proxyHost;
    unsigned short proxyPort;
    bool         proxyTunnel;
    Tcl_Obj     *tlsInfo;
} HttpTask;

/* ----------------------------------------------------------------------------------------------------- configuration */

static Ns_Time
ConfiguredTime(const HttpTask *task, const char *key, const char *fallback)
{
    Ns_Time result = {0, 0};

    if (task->section[0] != '\0') {
        Ns_ConfigTimeUnitRange(task->section, key, fallback, 0, 0, INT_MAX, 0, &result);
    } else {
        (void)Ns_GetTimeFromString(NULL, fallback, &result);
    }
    return result;
}

static void
SetTimes(HttpTask *task)
{
    const HttpOptions *o = &task->opt;
    NsHttpCall        *call = &task->call;

    call->timeout = o->timeout != NULL ? *o->timeout : ConfiguredTime(task, "defaulttimeout", "5s");
    call->connectTimeout = o->connectTimeout != NULL ? *o->connectTimeout : call->timeout;
    call->expire = o->expire != NULL ? *o->expire : (Ns_Time){0, 0};
    call->keepAlive = o->keepAlive != NULL ? *o->keepAlive : ConfiguredTime(task, "keepalive", "0s");
}

/* ---------------------------------------------------------------------------------------------------------- arguments */

static int
ParseOptions(HttpTask *task, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange sizeRange = {0, INT_MAX};
    HttpOptions *o = &task->opt;
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
        {"-response_data_callback", Ns_ObjvObj, &o->dataCallback, NULL},
        {"-response_header_callback", Ns_ObjvObj, &o->headCallback, NULL},
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

static int
Complain(HttpTask *task, const char *message)
{
    Tcl_SetObjResult(task->interp, Tcl_NewStringObj(message, -1));
    return TCL_ERROR;
}

/* What cannot go together, or onto the wire. */
static int
CheckOptions(HttpTask *task)
{
    const HttpOptions *o = &task->opt;

    if (o->doneCallback != NULL) {
        return Complain(task, "option -done_callback allowed only with [ns_http queue]");
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
            || NsCharHasControl(value, strlen(value))) {
            Ns_TclPrintfResult(task->interp, "invalid header \"%s\"", name);
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int
ParseTarget(HttpTask *task)
{
    const char *url = task->opt.url, *error = NULL;
    size_t      len = strlen(url);
    NsUrl      *parts = &task->url;

    if (!NsUrlParse(url, len, false, parts, &error) || parts->proto.start == NULL || parts->host.start == NULL
        || parts->host.len == 0) {
        Ns_TclPrintfResult(task->interp, "invalid URL \"%s\": %s", url, error != NULL ? error : "(null)");
        return TCL_ERROR;
    }
    task->https = NsSpanIsNoCase(parts->proto, "https");
    if (!task->https && !NsSpanIsNoCase(parts->proto, "http")) {
        Ns_TclPrintfResult(task->interp, "invalid URL \"%.*s\": invalid scheme", (int)parts->proto.len,
                           parts->proto.start);
        return TCL_ERROR;
    }
    if (NsCharHasControl(url, len) || strpbrk(url, " \t") != NULL
        || (parts->port.start != NULL && NsPortNumber(parts->port) < 0)) {
        Ns_TclPrintfResult(task->interp, "invalid URL \"%s\": contains invalid character", url);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* -proxy {host h port p ?tunnel bool?}; tunnels are used for https in any case. */
static int
ParseProxy(HttpTask *task)
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
 * Contexts are kept by the rules that they were made from, since reading the system's certificates takes a while.  The
 * times of the files are part of the rules: a changed one makes a new context.
 */
#define MAX_CONTEXTS 64
static Ns_Mutex      contextLock;
static Tcl_HashTable contexts;
static bool          contextsReady;

static void
AppendRule(Tcl_DString *rules, const char *path)
{
    struct stat st;
    char        stamp[64] = "";

    Tcl_DStringAppendElement(rules, path != NULL ? path : "");
    if (path != NULL && stat(path, &st) == 0) {
        snprintf(stamp, sizeof(stamp), "%lld.%ld %lld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                 (long long)st.st_size);
    }
    Tcl_DStringAppendElement(rules, stamp);
}

static void
ForgetContexts(void)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&contexts, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Ns_TlsCtxRelease(Tcl_GetHashValue(entry));
    }
    Tcl_DeleteHashTable(&contexts);
    Tcl_InitHashTable(&contexts, TCL_STRING_KEYS);
}

/*
 * The context for these rules; its one reference is the table's, and the call's session takes another when it is attached.
 * The lock is held while one is made: whoever needs it too would make it as well.
 */
static Ns_TlsCtx *
ContextFor(const char *rules, const Ns_TlsClientParams *params, Tcl_DString *error)
{
    Tcl_HashEntry *entry;
    Ns_TlsCtx     *ctx;
    int            isNew;

    Ns_MutexLock(&contextLock);
    if (!contextsReady) {
        Tcl_InitHashTable(&contexts, TCL_STRING_KEYS);
        contextsReady = true;
    }
    entry = Tcl_FindHashEntry(&contexts, rules);
    ctx = entry != NULL ? Tcl_GetHashValue(entry) : Ns_TlsCtxClientCreate(params, error);
    if (ctx != NULL && entry == NULL) {
        if (contexts.numEntries >= MAX_CONTEXTS) {
            ForgetContexts();
        }
        Tcl_SetHashValue(Tcl_CreateHashEntry(&contexts, rules, &isNew), ctx);
    }
    if (ctx != NULL) {
        NsTlsCtxRetain(ctx);
    }
    Ns_MutexUnlock(&contextLock);
    return ctx;
}

static int
SetTls(HttpTask *task)
{
    const HttpOptions *o = &task->opt;
    Ns_TlsClientParams params = {o->caFile, o->caPath, o->cert, o->key, o->insecure != 0};
    Tcl_DString        error;

    if (!task->https) {
        return TCL_OK;
    }
    if (task->section[0] != '\0') {
        if (params.caFile == NULL) {
            params.caFile = Ns_ConfigGetValue(task->section, "cafile");
        }
        if (params.caPath == NULL) {
            params.caPath = Ns_ConfigGetValue(task->section, "capath");
        }
        if (!o->insecure && !o->verify) {
            params.insecure = !Ns_ConfigBool(task->section, "validatecertificates", true);
        }
    }
    AppendRule(&task->rules, params.caFile);
    AppendRule(&task->rules, params.caPath);
    AppendRule(&task->rules, params.certificate);
    AppendRule(&task->rules, params.key);
    Tcl_DStringAppendElement(&task->rules, params.insecure ? "insecure" : "verified");
    Tcl_DStringInit(&error);
    task->call.tls = ContextFor(Tcl_DStringValue(&task->rules), &params, &error);
    if (task->call.tls == NULL) {
        Ns_TclPrintfResult(task->interp, "%s", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
    task->call.tlsRules = Tcl_DStringValue(&task->rules);
    return task->call.tls != NULL ? TCL_OK : TCL_ERROR;
}

static void
NoteTls(void *arg, const Ns_Sock *sock)
{
    HttpTask *task = arg;

    if (task->tlsInfo == NULL) {
        task->tlsInfo = Tcl_NewDictObj();
        Tcl_IncrRefCount(task->tlsInfo);
    }
    if (sock->transport->info != NULL) {
        sock->transport->info(sock, task->interp, task->tlsInfo);
    }
}

/* ------------------------------------------------------------------------------------------------------------ request */

static void
AppendHostPort(Tcl_DString *ds, const HttpTask *task, bool always)
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
SetPeer(HttpTask *task)
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
AppendTarget(Tcl_DString *ds, const HttpTask *task)
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
IsOurs(const HttpTask *task, const char *name)
{
    return strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0
        || strcasecmp(name, "connection") == 0 || (strcasecmp(name, "host") == 0 && !task->opt.keepHostHeader);
}

static void
AppendBodyHeaders(Tcl_DString *ds, const HttpTask *task)
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
ComposeHead(HttpTask *task)
{
    Tcl_DString  *ds = &task->head;
    const Ns_Set *headers = task->opt.headers;
    Tcl_DString   host;

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
    task->call.head = Tcl_DStringValue(ds);
    task->call.headLen = (size_t)Tcl_DStringLength(ds);
}

static int
OpenSource(HttpTask *task)
{
    const HttpOptions *o = &task->opt;
    int                status = TCL_OK;

    if (o->body != NULL) {
        NsHttpSourceMemory(&task->source, o->body, o->binary != 0,
                           o->headers != NULL ? Ns_SetIGet(o->headers, "content-type") : NULL,
                           o->dataCallback != NULL || o->headCallback != NULL);
    } else if (o->bodyFile != NULL) {
        status = NsHttpSourceFile(&task->source, task->interp, o->bodyFile, o->bodySize);
    } else if (o->bodyChan != NULL) {
        status = NsHttpSourceChannel(&task->source, task->interp, o->bodyChan, o->bodySize);
    }
    return status;
}

/* The procs of the call, with their real arguments. */
static ssize_t
ReadBody(void *arg, char *buffer, size_t size)
{
    return NsHttpSourceRead(&((HttpTask *)arg)->source, buffer, size);
}

static bool
TakeHead(void *arg, const NsResponseHead *head)
{
    return NsHttpSinkHead(&((HttpTask *)arg)->sink, head);
}

static bool
TakeBody(void *arg, const char *bytes, size_t len)
{
    return NsHttpSinkBody(&((HttpTask *)arg)->sink, bytes, len);
}

static void
SetCall(HttpTask *task)
{
    NsHttpCall *call = &task->call;

    call->noBody = strcasecmp(task->opt.method, "HEAD") == 0;
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

static void
Put(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

static Tcl_Obj *
FlagsObj(const HttpTask *task)
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
ResultDict(HttpTask *task)
{
    NsHttpOutcome *outcome = &task->outcome;
    NsHttpSink    *sink = &task->sink;
    Tcl_Obj       *dict = Tcl_NewDictObj(), *body = NULL;
    const char    *charset = task->context != NULL && task->context->server != NULL
        ? task->context->server->opts.outputCharset : NULL;
    Ns_Set        *headers = outcome->headers != NULL ? outcome->headers : Ns_SetCreate("responseheaders");

    outcome->headers = NULL;
    if (outcome->chunked) {
        Ns_SetDeleteKey(headers, "transfer-encoding");         /* the body is not any more */
    }
    if (!sink->spooled) {
        body = NsHttpSinkObj(sink, Ns_SetGet(headers, "content-type"), task->opt.binary != 0,
                             charset != NULL ? charset : "utf-8");
    }
    Put(dict, "status", Tcl_NewIntObj(outcome->status));
    Put(dict, "time", Ns_TclNewTimeObj(&outcome->elapsed));
    Put(dict, "flags", FlagsObj(task));
    if (Ns_TclEnterSet(task->interp, headers, NS_TCL_SET_DYNAMIC) == TCL_OK) {
        Put(dict, "headers", Tcl_GetObjResult(task->interp));
    }
    if (body != NULL) {
        Put(dict, "body", body);
    } else if (sink->outputChan != NULL) {
        Put(dict, "outputchan", Tcl_NewStringObj(sink->outputChan, -1));
    } else {
        Put(dict, "file", Tcl_NewStringObj(sink->file, -1));
    }
    if (task->tlsInfo != NULL) {
        Put(dict, "https", task->tlsInfo);
    }
    return dict;
}

static int
SetResult(HttpTask *task, Ns_ReturnCode status)
{
    const char *sinkError = Tcl_DStringValue(&task->sink.error);
    const char *error = *sinkError != '\0' ? sinkError : Tcl_DStringValue(&task->outcome.error);
    const char *state = status == NS_TIMEOUT ? "NS_TIMEOUT" : "NS_ERROR";
    Tcl_Obj    *dict;

    if (status == NS_OK) {
        Tcl_SetObjResult(task->interp, ResultDict(task));
        return TCL_OK;
    }
    if (task->opt.partialResults && task->outcome.status != 0) {
        dict = ResultDict(task);
        Put(dict, "error", Tcl_NewStringObj(error, -1));
        Put(dict, "state", Tcl_NewStringObj(state, -1));
        Tcl_SetObjResult(task->interp, dict);
    } else {
        Tcl_SetObjResult(task->interp, Tcl_NewStringObj(error, -1));
    }
    if (status == NS_TIMEOUT) {
        Tcl_SetErrorCode(task->interp, state, NULL);
    }
    return TCL_ERROR;
}

/* ----------------------------------------------------------------------------------------------------------- command */

static int
Perform(HttpTask *task)
{
    Ns_ReturnCode status;
    int           result;

    task->sink.interp = task->interp;
    task->sink.decompress = !task->opt.raw || task->opt.decompress;
    task->sink.spoolSize = task->opt.spoolSize;
    task->sink.maxResponse = task->opt.maxResponse;
    task->sink.outputFile = task->opt.outputFile;
    task->sink.outputChan = task->opt.outputChan;
    task->sink.headCallback = task->opt.headCallback;
    task->sink.dataCallback = task->opt.dataCallback;
    if (NsHttpSinkOpen(&task->sink) != TCL_OK) {
        NsHttpSinkClose(&task->sink, true);
        return TCL_ERROR;
    }
    status = NsHttpRun(&task->call, &task->outcome);
    if (status == NS_OK && !NsHttpSinkEnd(&task->sink)) {
        status = NS_ERROR;
    }
    result = SetResult(task, status);
    NsHttpSinkClose(&task->sink, status != NS_OK && !task->opt.partialResults);
    return result;
}

static void
FreeTask(HttpTask *task)
{
    NsHttpSourceClose(&task->source);
    Ns_SetFree(task->outcome.headers);
    if (task->call.tls != NULL) {
        Ns_TlsCtxRelease(task->call.tls);
    }
    if (task->tlsInfo != NULL) {
        Tcl_DecrRefCount(task->tlsInfo);
    }
    Tcl_DStringFree(&task->outcome.error);
    Tcl_DStringFree(&task->head);
    Tcl_DStringFree(&task->host);
    Tcl_DStringFree(&task->rules);
    Tcl_DStringFree(&task->tunnel);
    Tcl_DStringFree(&task->proxyHost);
    ns_free(task);
}

static int
RunObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    HttpTask *task = ns_calloc(1, sizeof(*task));
    int       status = TCL_ERROR;

    task->interp = interp;
    task->context = clientData;
    if (task->context != NULL && task->context->server != NULL) {
        snprintf(task->section, sizeof(task->section), "%s/httpclient", task->context->server->section);
    }
    Tcl_DStringInit(&task->outcome.error);
    Tcl_DStringInit(&task->head);
    Tcl_DStringInit(&task->host);
    Tcl_DStringInit(&task->rules);
    Tcl_DStringInit(&task->tunnel);
    Tcl_DStringInit(&task->proxyHost);
    if (ParseOptions(task, objc, objv) == TCL_OK && CheckOptions(task) == TCL_OK && ParseTarget(task) == TCL_OK
        && ParseProxy(task) == TCL_OK && SetTls(task) == TCL_OK && OpenSource(task) == TCL_OK) {
        SetPeer(task);
        ComposeHead(task);
        SetCall(task);
        status = Perform(task);
    }
    FreeTask(task);
    return status;
}

static int
HttpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {{"run", RunObjCmd}, {NULL, NULL}};

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsHttpClientCmds[];
const NsCmd nsHttpClientCmds[] = {
    {"ns_http", HttpObjCmd, 0},
    {NULL, NULL, 0}
};
