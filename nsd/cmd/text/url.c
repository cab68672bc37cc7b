/* SPDX-License-Identifier: MPL-2.0 */
/*
 * URLs for scripts: ns_urlencode and its kin, ns_parseurl, ns_joinurl, ns_absoluteurl, ns_parsehostport, ns_parsequery.
 */
#include <string.h>
#include "base/dict.h"
#include "base/text.h"
#include "conf/charset.h"
#include "cmd/cmds.h"
#include "request/codec.h"
#include "http/form.h"
#include "http/url.h"
#include "interp/interp.h"

static const Ns_ObjvTable urlParts[] = {
    {"query", NS_URL_QUERY}, {"path", NS_URL_PATH}, {"fullpath", NS_URL_FULLPATH}, {"fragment", NS_URL_FRAGMENT},
    {"cookie", NS_URL_COOKIE}, {"oauth1", NS_URL_OAUTH1}, {NULL, 0}
};
static const Ns_ObjvTable percentSchemes[] = {
    {"query", NS_URL_QUERY}, {"path", NS_URL_PATH}, {"cookie", NS_URL_COOKIE}, {"oauth1", NS_URL_OAUTH1}, {NULL, 0}
};

/* ------------------------------------------------------------------------------------------------ charsets of URLs */

/* The encoding for a charset, or that of the server's URLs; a name that is not known counts as UTF-8. */
static Tcl_Encoding
UrlEncoding(const NsInterp *context, const char *charset)
{
    Tcl_Encoding encoding;

    if (charset == NULL && context != NULL && context->server != NULL) {
        charset = context->server->opts.urlCharset;
    }
    encoding = charset != NULL ? NsCharsetEncoding(charset) : NULL;
    return encoding != NULL ? encoding : NsCharsetEncoding("utf-8");
}

/* What the configuration says for bytes that are no UTF-8; NULL: nothing. */
static const char *
ConfiguredFallback(const NsInterp *context)
{
    const char *charset = NULL;

    if (context != NULL && context->server != NULL) {
        charset = Ns_ConfigGetValue(context->server->section, "formfallbackcharset");
    }
    return charset != NULL ? charset : Ns_ConfigGetValue("ns/parameters", "formfallbackcharset");
}

/* NULL: the bytes are not of that charset, and there is no other to try. */
static Tcl_Obj *
DecodeBytes(const NsInterp *context, const char *bytes, size_t len, const char *charset, const char *fallback)
{
    Tcl_Encoding encoding = UrlEncoding(context, charset);

    if (NsEncodingIsUtf8(encoding)) {
        if (NsTextIsUtf8(bytes, len)) {
            return NsBytesToObj(bytes, len, false);
        }
        fallback = fallback != NULL ? fallback : ConfiguredFallback(context);
        encoding = fallback != NULL ? NsCharsetEncoding(fallback) : NULL;
        if (encoding == NULL || NsEncodingIsUtf8(encoding)) {
            return NULL;
        }
    }
    return NsCharsetDecodeObj(encoding, bytes, len);
}

static void
EncodeObj(Tcl_DString *out, Tcl_Obj *obj, Tcl_Encoding encoding, NsUrlPart part, bool upperCase)
{
    Tcl_DString bytes;
    int         length;
    size_t      len;
    const char *text;

    Tcl_DStringInit(&bytes);
    if (NsEncodingIsUtf8(encoding)) {
        text = NsObjBytes(obj, false, &bytes, &len);
    } else {
        text = Tcl_GetStringFromObj(obj, &length);
        NsCharsetEncode(&bytes, encoding, text, (size_t)length);
        text = Tcl_DStringValue(&bytes);
        len = (size_t)Tcl_DStringLength(&bytes);
    }
    NsUrlEncode(out, text, len, part, upperCase);
    Tcl_DStringFree(&bytes);
}

/* --------------------------------------------------------------------------------------------- encoding and decoding */

/* Several components: names and values of a query, or segments of a path. */
static int
UrlEncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *charset = NULL;
    int         part = NS_URL_QUERY, upperCase = 0, count;
    Tcl_DString out;
    Ns_ObjvSpec opts[] = {
        {"-charset", Ns_ObjvString, &charset, NULL}, {"-part", Ns_ObjvIndex, &part, (void *)urlParts},
        {"-uppercase", Ns_ObjvBool, &upperCase, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"component", Ns_ObjvArgs, &count, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (part == NS_URL_QUERY && count > 1 && count % 2 != 0) {
        Ns_TclPrintfResult(interp, "query encoding with multiple arguments requires name/value pairs");
        return TCL_ERROR;
    }
    Tcl_DStringInit(&out);
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            Tcl_DStringAppend(&out, part != NS_URL_QUERY ? "/" : i % 2 == 1 ? "=" : "&", 1);
        }
        EncodeObj(&out, objv[objc - count + i], UrlEncoding(clientData, charset), (NsUrlPart)part, upperCase != 0);
    }
    Tcl_DStringResult(interp, &out);
    return TCL_OK;
}

static int
PercentEncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *charset = NULL;
    int         part = NS_URL_QUERY, upperCase = 0;
    Tcl_Obj    *string;
    Tcl_DString out;
    Ns_ObjvSpec opts[] = {
        {"-charset", Ns_ObjvString, &charset, NULL}, {"-scheme", Ns_ObjvIndex, &part, (void *)percentSchemes},
        {"-uppercase", Ns_ObjvBool, &upperCase, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvObj, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&out);
    EncodeObj(&out, string, UrlEncoding(clientData, charset), (NsUrlPart)part, upperCase != 0);
    Tcl_DStringResult(interp, &out);
    return TCL_OK;
}

static int
Decode(const NsInterp *context, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *partOption,
       const Ns_ObjvTable *parts)
{
    char       *charset = NULL, *fallback = NULL, *string;
    const char *encoded;
    int         part = NS_URL_QUERY, length;
    size_t      len;
    Tcl_DString given, bytes;
    Tcl_Obj    *result;
    Ns_ObjvSpec opts[] = {
        {"-charset", Ns_ObjvString, &charset, NULL}, {"-fallbackcharset", Ns_ObjvString, &fallback, NULL},
        {partOption, Ns_ObjvIndex, &part, (void *)parts}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"string", Ns_ObjvString, &string, &length}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&given);
    Tcl_DStringInit(&bytes);
    encoded = NsTextOut(&given, string, (size_t)length, &len);
    NsUrlDecode(&bytes, encoded, len, (NsUrlPart)part);
    result = DecodeBytes(context, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), charset, fallback);
    Tcl_DStringFree(&bytes);
    Tcl_DStringFree(&given);
    if (result == NULL) {
        Ns_TclPrintfResult(interp, "input string '%s' cannot be converted to UTF-8", string);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
UrlDecodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Decode(clientData, interp, objc, objv, "-part", urlParts);
}

static int
PercentDecodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Decode(clientData, interp, objc, objv, "-scheme", percentSchemes);
}

/* --------------------------------------------------------------------------------------------- taking URLs apart */

static void
PutSpan(Tcl_Obj *dict, const char *key, NsSpan span)
{
    if (span.start != NULL) {
        NsDictPut(dict, key, Tcl_NewStringObj(span.start, (int)span.len));
    }
}

static int
ParseUrlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         strict = 0, len;
    char       *url;
    const char *error;
    NsUrl       parts;
    Tcl_Obj    *dict;
    Ns_ObjvSpec opts[] = {
        {"-strict", Ns_ObjvBool, &strict, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"url", Ns_ObjvString, &url, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!NsUrlParse(url, (size_t)len, strict != 0, &parts, &error)) {
        Ns_TclPrintfResult(interp, "Could not parse URL \"%s\": %s", url, error);
        return TCL_ERROR;
    }
    dict = Tcl_NewDictObj();
    PutSpan(dict, "proto", parts.proto);
    PutSpan(dict, "userinfo", parts.userinfo);
    PutSpan(dict, "host", parts.host);
    PutSpan(dict, "port", parts.port);
    PutSpan(dict, "path", parts.path);
    PutSpan(dict, "tail", parts.tail);
    PutSpan(dict, "query", parts.query);
    PutSpan(dict, "fragment", parts.fragment);
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

static int
ParseHostPortObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         strict = 0, len;
    char       *hostport;
    NsSpan      host, port;
    Tcl_Obj    *dict;
    Ns_ObjvSpec opts[] = {
        {"-strict", Ns_ObjvBool, &strict, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"hostport", Ns_ObjvString, &hostport, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!NsHostPortParse(hostport, (size_t)len, strict != 0, &host, &port)) {
        Ns_TclPrintfResult(interp, "Could not parse host and port \"%s\"", hostport);
        return TCL_ERROR;
    }
    dict = Tcl_NewDictObj();
    PutSpan(dict, "host", host);
    PutSpan(dict, "port", port);
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------- putting them together */

static void
AppendSpan(Tcl_DString *ds, NsSpan span)
{
    Tcl_DStringAppend(ds, span.start, (int)span.len);
}

static void
AppendAuthority(Tcl_DString *ds, const NsUrl *url)
{
    bool brackets = memchr(url->host.start, ':', url->host.len) != NULL;

    Tcl_DStringAppend(ds, "//", 2);
    if (url->userinfo.start != NULL) {
        AppendSpan(ds, url->userinfo);
        Tcl_DStringAppend(ds, "@", 1);
    }
    Tcl_DStringAppend(ds, "[", brackets ? 1 : 0);
    AppendSpan(ds, url->host);
    Tcl_DStringAppend(ds, "]", brackets ? 1 : 0);
    if (url->port.start != NULL) {
        Tcl_DStringAppend(ds, ":", 1);
        AppendSpan(ds, url->port);
    }
}

/* The reverse of NsUrlParse. */
static void
AppendUrl(Tcl_DString *ds, const NsUrl *url)
{
    if (url->proto.start != NULL) {
        AppendSpan(ds, url->proto);
        Tcl_DStringAppend(ds, ":", 1);
    }
    if (url->host.start != NULL) {
        AppendAuthority(ds, url);
    }
    if (url->path.start != NULL && url->path.len > 0) {
        Tcl_DStringAppend(ds, "/", 1);
        AppendSpan(ds, url->path);
    }
    if (url->tail.start != NULL) {
        if (url->host.start != NULL || url->path.start != NULL) {
            Tcl_DStringAppend(ds, "/", 1);
        }
        AppendSpan(ds, url->tail);
    }
    if (url->query.start != NULL) {
        Tcl_DStringAppend(ds, "?", 1);
        AppendSpan(ds, url->query);
    }
    if (url->fragment.start != NULL) {
        Tcl_DStringAppend(ds, "#", 1);
        AppendSpan(ds, url->fragment);
    }
}

static NsSpan
DictSpan(Tcl_Obj *dict, const char *key)
{
    Tcl_Obj *name = Tcl_NewStringObj(key, -1), *value = NULL;
    NsSpan   span = {NULL, 0};
    int      len;

    Tcl_IncrRefCount(name);
    if (Tcl_DictObjGet(NULL, dict, name, &value) == TCL_OK && value != NULL) {
        span.start = Tcl_GetStringFromObj(value, &len);
        span.len = (size_t)len;
    }
    Tcl_DecrRefCount(name);
    return span;
}

/* An empty part is none, but for path, tail and port, which leave their separator. */
static void
DropIfEmpty(NsSpan *span)
{
    if (span->len == 0) {
        span->start = NULL;
    }
}

/* Only the parts of a URL are known; a scheme says how to reach a host. */
static int
CheckParts(Tcl_Interp *interp, Tcl_Obj *dict)
{
    static const char *const names[] = {"proto", "userinfo", "host", "port", "path", "tail", "query", "fragment"};
    Tcl_DictSearch search;
    Tcl_Obj       *key, *value;
    int            done, status = TCL_OK;

    for ((void)Tcl_DictObjFirst(NULL, dict, &search, &key, &value, &done); !done && status == TCL_OK;
         Tcl_DictObjNext(&search, &key, &value, &done)) {
        bool known = false;

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !known; i++) {
            known = strcmp(Tcl_GetString(key), names[i]) == 0;
        }
        if (!known) {
            Ns_TclPrintfResult(interp, "the provided dict contains invalid key: %s", Tcl_GetString(key));
            status = TCL_ERROR;
        }
    }
    Tcl_DictObjDone(&search);
    return status;
}

static int
JoinUrlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         size;
    NsUrl       url;
    Tcl_DString ds;

    if (objc != 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "dict");
        return TCL_ERROR;
    }
    if (Tcl_DictObjSize(NULL, objv[1], &size) != TCL_OK) {
        Ns_TclPrintfResult(interp, "the provided argument is not a dict: %s", Tcl_GetString(objv[1]));
        return TCL_ERROR;
    }
    if (CheckParts(interp, objv[1]) != TCL_OK) {
        return TCL_ERROR;
    }
    url = (NsUrl){
        .proto = DictSpan(objv[1], "proto"), .userinfo = DictSpan(objv[1], "userinfo"),
        .host = DictSpan(objv[1], "host"), .port = DictSpan(objv[1], "port"), .path = DictSpan(objv[1], "path"),
        .tail = DictSpan(objv[1], "tail"), .query = DictSpan(objv[1], "query"),
        .fragment = DictSpan(objv[1], "fragment")
    };
    if (url.proto.len > 0 && url.host.start == NULL) {
        Ns_TclPrintfResult(interp, "key 'proto' (value %s) was provided without a key 'host'", url.proto.start);
        return TCL_ERROR;
    }
    if (url.path.len > 0 && url.tail.start == NULL) {
        url.tail = (NsSpan){"", 0};
    }
    DropIfEmpty(&url.proto);
    DropIfEmpty(&url.userinfo);
    DropIfEmpty(&url.query);
    DropIfEmpty(&url.fragment);
    Tcl_DStringInit(&ds);
    AppendUrl(&ds, &url);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* What a reference of a page leaves out comes from the page's own URL; "." and ".." stay. */
static void
ResolveUrl(NsUrl *url, const NsUrl *base)
{
    static const NsSpan empty = {"", 0};

    if (url->proto.start != NULL && url->host.start == NULL) {
        return;                                /* mailto:x and the like are complete */
    }
    if (url->proto.start == NULL) {
        url->proto = base->proto;
    }
    if (url->host.start == NULL) {
        url->userinfo = base->userinfo;
        url->host = base->host;
        url->port = base->port;
        if (url->path.start == NULL && url->tail.start != NULL) {
            url->path = base->path;
        } else if (url->path.start == NULL && (url->query.start != NULL || url->fragment.start != NULL)) {
            url->path = base->path;
            url->tail = base->tail;
            url->query = url->query.start != NULL ? url->query : base->query;
        }
    }
    if (url->path.start == NULL) {
        url->path = empty;
    }
    if (url->tail.start == NULL) {
        url->tail = empty;
    }
}

static int
AbsoluteUrlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *partial, *base;
    int         partialLen, baseLen;
    const char *error;
    NsUrl       url, baseUrl;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {
        {"partialurl", Ns_ObjvString, &partial, &partialLen}, {"baseurl", Ns_ObjvString, &base, &baseLen},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!NsUrlParse(base, (size_t)baseLen, false, &baseUrl, &error) || baseUrl.proto.start == NULL
        || baseUrl.host.start == NULL || baseUrl.path.start == NULL) {
        Ns_TclPrintfResult(interp, "Could not parse base URL into protocol, host and path");
        return TCL_ERROR;
    }
    if (!NsUrlParse(partial, (size_t)partialLen, false, &url, &error)) {
        Ns_TclPrintfResult(interp, "Could not parse URL \"%s\": %s", partial, error);
        return TCL_ERROR;
    }
    ResolveUrl(&url, &baseUrl);
    DropIfEmpty(&url.port);
    Tcl_DStringInit(&ds);
    AppendUrl(&ds, &url);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------------ queries */

typedef struct QueryParse {
    const NsInterp *context;
    const char     *charset, *fallback;
    Ns_Set         *set;
} QueryParse;

static bool
AddQueryField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    QueryParse *parse = arg;
    Tcl_Obj    *nameObj = DecodeBytes(parse->context, name, nameLen, parse->charset, parse->fallback);
    Tcl_Obj    *valueObj = DecodeBytes(parse->context, value, valueLen, parse->charset, parse->fallback);
    bool        valid = nameObj != NULL && valueObj != NULL;

    if (valid) {
        Ns_SetPut(parse->set, Tcl_GetString(nameObj), Tcl_GetString(valueObj));
    }
    if (nameObj != NULL) {
        Tcl_DecrRefCount(nameObj);
    }
    if (valueObj != NULL) {
        Tcl_DecrRefCount(valueObj);
    }
    return valid;
}

static int
ParseQueryObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *charset = NULL, *fallback = NULL, *query;
    const char *encoded;
    int         len;
    size_t      size;
    bool        valid;
    Tcl_DString given;
    QueryParse  parse;
    Ns_ObjvSpec opts[] = {
        {"-charset", Ns_ObjvString, &charset, NULL}, {"-fallbackcharset", Ns_ObjvString, &fallback, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"querystring", Ns_ObjvString, &query, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    parse = (QueryParse){clientData, charset, fallback, Ns_SetCreate("parseq")};
    Tcl_DStringInit(&given);
    encoded = NsTextOut(&given, query, (size_t)len, &size);
    valid = NsFormParseQuery(encoded, size, AddQueryField, &parse);
    Tcl_DStringFree(&given);
    if (!valid) {
        Ns_TclPrintfResult(interp, "could not parse query: \"%s\"", query);
        Ns_SetFree(parse.set);
        return TCL_ERROR;
    }
    return Ns_TclEnterSet(interp, parse.set, NS_TCL_SET_DYNAMIC);
}

extern const NsCmd nsUrlCmds[];
const NsCmd nsUrlCmds[] = {
    {"ns_absoluteurl",   AbsoluteUrlObjCmd,   NS_CMD_CONFIG},
    {"ns_joinurl",       JoinUrlObjCmd,       NS_CMD_CONFIG},
    {"ns_parsehostport", ParseHostPortObjCmd, NS_CMD_CONFIG},
    {"ns_parsequery",    ParseQueryObjCmd,    0},
    {"ns_parseurl",      ParseUrlObjCmd,      NS_CMD_CONFIG},
    {"ns_percentdecode", PercentDecodeObjCmd, NS_CMD_CONFIG},
    {"ns_percentencode", PercentEncodeObjCmd, NS_CMD_CONFIG},
    {"ns_urldecode",     UrlDecodeObjCmd,     NS_CMD_CONFIG},
    {"ns_urlencode",     UrlEncodeObjCmd,     NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
