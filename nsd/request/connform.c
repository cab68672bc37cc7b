/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The form of a request: the fields of its query or its body, and where the files of a multipart body are.
 *
 * A body counts when its type is one of the two for forms, or JSON; without it the query does.
 */
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "conf/charset.h"
#include "request/conn.h"
#include "http/form.h"
#include "http/header.h"
#include "http/url.h"
#include "json/flat.h"

typedef struct Decoder {
    NsConn      *conn;
    Ns_Set      *set;
    Tcl_Encoding encoding;
    bool         strict;                       /* bytes that are no UTF-8 are an error */
    bool         failed;
    bool         skipped;                      /* the last field */
    int          files;
    int          status;                       /* 0, or what the request is to be answered with, and why */
    const char  *why;
} Decoder;

static bool
Refuse(Decoder *decoder, int status, const char *why)
{
    decoder->status = status;
    decoder->why = why;
    return false;
}

static void
Decode(Decoder *decoder, const char *bytes, size_t len, Tcl_DString *ds)
{
    if (decoder->strict && !NsTextIsUtf8(bytes, len)) {
        decoder->failed = true;
    }
    Tcl_DStringInit(ds);
    NsCharsetDecode(ds, decoder->encoding, bytes, len);
}

/* FIELD.tmpfile is where ns_getform says which file an upload was written to: a client must not name one. */
static bool
IsReserved(const char *name, int len)
{
    return len >= 8 && strcasecmp(name + len - 8, ".tmpfile") == 0;
}

static bool
AddField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    Decoder    *decoder = arg;
    Tcl_DString key, text;

    if (Ns_SetSize(decoder->set) >= (size_t)decoder->conn->server->opts.maxFormFields) {
        return Refuse(decoder, 413, "the form has too many fields");
    }
    Decode(decoder, name, nameLen, &key);
    Decode(decoder, value, valueLen, &text);
    decoder->skipped = IsReserved(Tcl_DStringValue(&key), Tcl_DStringLength(&key));
    if (decoder->skipped) {
        Ns_Log(Warning, "%s: a form field with a reserved name is left out: %.40s", decoder->conn->pub.request.url,
               Tcl_DStringValue(&key));
    } else if (!decoder->failed) {
        (void)Ns_SetPutSz(decoder->set, Tcl_DStringValue(&key), Tcl_DStringLength(&key), Tcl_DStringValue(&text),
                          Tcl_DStringLength(&text));
    }
    Tcl_DStringFree(&key);
    Tcl_DStringFree(&text);
    return !decoder->failed;
}

static void
AddFile(NsConn *conn, const char *name, NsFormPart *part)
{
    NsFormFile    *file = ns_calloc(1u, sizeof(NsFormFile)), *first;
    Tcl_HashEntry *entry;
    int            isNew;

    if (conn->formFiles == NULL) {
        conn->formFiles = ns_malloc(sizeof(Tcl_HashTable));
        Tcl_InitHashTable(conn->formFiles, TCL_STRING_KEYS);
    }
    file->offset = part->offset;
    file->length = part->length;
    file->headers = part->headers;
    part->headers = NULL;
    entry = Tcl_CreateHashEntry(conn->formFiles, name, &isNew);
    if (isNew) {
        Tcl_SetHashValue(entry, file);
        first = file;
    } else {
        first = Tcl_GetHashValue(entry);
        first->last->next = file;
    }
    first->last = file;
}

/* The name of a file may be in a charset of its own. */
static bool
AddFileField(Decoder *decoder, const NsFormPart *part)
{
    Tcl_Encoding encoding = decoder->encoding;
    bool         more;

    if (!part->filenameIsUtf8) {
        return AddField(decoder, part->name, strlen(part->name), part->filename, strlen(part->filename));
    }
    more = AddField(decoder, part->name, strlen(part->name), "", 0);
    if (more && !decoder->skipped) {
        Tcl_DString text;

        decoder->encoding = NsCharsetEncoding("utf-8");
        Decode(decoder, part->filename, strlen(part->filename), &text);
        decoder->encoding = encoding;
        Ns_SetPutValue(decoder->set, Ns_SetSize(decoder->set) - 1u, Tcl_DStringValue(&text));
        Tcl_DStringFree(&text);
    }
    return more && !decoder->failed;
}

static bool
AddPart(void *arg, NsFormPart *part)
{
    Decoder *decoder = arg;
    NsConn  *conn = decoder->conn;

    if (part->filename == NULL) {
        return AddField(arg, part->name, strlen(part->name), Ns_ConnContent(&conn->pub) + part->offset, part->length);
    }
    if (decoder->files++ >= conn->server->opts.maxFormFiles) {
        return Refuse(decoder, 413, "the form has too many files");
    }
    if (!AddFileField(decoder, part)) {
        return false;
    }
    if (decoder->skipped) {
        return true;
    }
    AddFile(conn, Ns_SetKey(decoder->set, Ns_SetSize(decoder->set) - 1u), part);
    return true;
}

static void
FreeFiles(NsConn *conn)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    if (conn->formFiles == NULL) {
        return;
    }
    for (entry = Tcl_FirstHashEntry(conn->formFiles, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        NsFormFile *file = Tcl_GetHashValue(entry);

        while (file != NULL) {
            NsFormFile *next = file->next;

            Ns_SetFree(file->headers);
            ns_free(file);
            file = next;
        }
    }
    Tcl_DeleteHashTable(conn->formFiles);
    ns_free(conn->formFiles);
    conn->formFiles = NULL;
}

void
NsConnFormFree(NsConn *conn)
{
    FreeFiles(conn);
    Ns_SetFree(conn->query);
    conn->query = NULL;
}

void
Ns_ConnClearQuery(Ns_Conn *conn)
{
    NsConnFormFree(NsConnOf(conn));
}

static void
ParseMultipart(NsConn *conn, const char *type, Decoder *decoder)
{
    Tcl_DString   boundary;
    const char   *error = NULL;
    Ns_ReturnCode status;

    Tcl_DStringInit(&boundary);
    if (!NsHeaderParam(type, "boundary", &boundary)) {
        Ns_Log(Warning, "%s: multipart form without a boundary", conn->pub.request.rawUrl);
    } else {
        status = NsFormParseMultipart(Ns_ConnContent(&conn->pub), conn->http->bodyLen, Tcl_DStringValue(&boundary), AddPart, decoder, &error);
        if (status == NS_FORBIDDEN) {
            (void)Refuse(decoder, 400, error);
        } else if (status == NS_ERROR) {
            Ns_Log(Warning, "%s: multipart form: %s", conn->pub.request.rawUrl, error != NULL ? error : "malformed");
        }
    }
    Tcl_DStringFree(&boundary);
}

static bool
IsBodiless(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "DELETE") == 0;
}

static bool
IsFormType(NsSpan type)
{
    return NsSpanIsNoCase(type, "application/x-www-form-urlencoded") || NsSpanIsNoCase(type, "multipart/form-data");
}

bool
NsConnHasJson(const NsConn *conn)
{
    const char *type = Ns_SetIGet(conn->pub.headers, "content-type");
    NsSpan      main = type != NULL ? NsHeaderMain(type) : (NsSpan){NULL, 0};

    return NsSpanIsNoCase(main, "application/json")
           || (main.len > 5 && strncasecmp(main.start + main.len - 5, "+json", 5) == 0);
}

/* A leaf of it is a field.  RFC 8259, 8.1: it is in UTF-8, whatever else is said. */
static void
ParseJson(NsConn *conn, Decoder *decoder)
{
    const NsJsonOptions options = {.maxDepth = NS_JSON_DEPTH};
    const char         *body = Ns_ConnContent(&conn->pub);
    size_t              len = conn->http->bodyLen, used;
    NsJsonError         error;

    if (!NsJsonToSet(conn->query, body, len, &options, "", (size_t)conn->server->opts.maxFormFields, &used, &error)) {
        bool tooMany = strncmp(error.text, "more than", 9) == 0;       /* fields, or bytes of their names */

        Ns_Log(Warning, "%s: JSON, byte %zu: %s", conn->pub.request.url, error.at, error.text);
        (void)Refuse(decoder, tooMany ? 413 : 400, tooMany ? "the form has too many fields" : "the JSON is malformed");
    } else if (NsJsonSkipBlanks(body, len, used) < len) {
        (void)Refuse(decoder, 400, "the JSON is malformed");
    } else {
        conn->pub.flags |= NS_CONN_JSONPARSED;
    }
}

/* NS_OK, or NS_ERROR: the bytes are none of that encoding. */
static Ns_ReturnCode
Parse(NsConn *conn, Tcl_Encoding encoding, bool strict)
{
    const char *type = Ns_SetIGet(conn->pub.headers, "content-type");
    Decoder     decoder = {.conn = conn, .set = conn->query, .encoding = encoding, .strict = strict};
    NsSpan      main = {NULL, 0};

    Ns_SetTrunc(conn->query, 0);
    FreeFiles(conn);
    conn->pub.flags &= ~NS_CONN_JSONPARSED;
    /* An empty body of that type is an empty form, but not where there would be none. */
    if (type != NULL && (conn->pub.contentLength > 0 || !IsBodiless(conn->pub.request.method))) {
        main = NsHeaderMain(type);
    }
    if (conn->pub.contentLength == 0 && IsFormType(main)) {
        ;
    } else if (main.len == 33 && strncasecmp(main.start, "application/x-www-form-urlencoded", main.len) == 0) {
        (void)NsFormParseQuery(Ns_ConnContent(&conn->pub), conn->http->bodyLen, AddField, &decoder);
    } else if (main.len == 19 && strncasecmp(main.start, "multipart/form-data", main.len) == 0) {
        ParseMultipart(conn, type, &decoder);
    } else if (conn->pub.contentLength > 0 && NsConnHasJson(conn)) {
        ParseJson(conn, &decoder);
    } else if (conn->pub.contentLength == 0 && conn->pub.request.query != NULL && *conn->pub.request.query != '\0') {
        const char *query = conn->pub.request.query;
        Tcl_DString bytes;

        /* What was not percent-encoded is text by now. */
        Tcl_DStringInit(&bytes);
        NsCharsetEncode(&bytes, encoding, query, strlen(query));
        (void)NsFormParseQuery(Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), AddField, &decoder);
        Tcl_DStringFree(&bytes);
    }
    conn->formStatus = decoder.status;
    conn->formFault = decoder.why;
    if (decoder.status != 0) {
        Ns_Log(Warning, "%s %s: %s", conn->pub.request.method, conn->pub.request.url, decoder.why);
        Ns_SetTrunc(conn->query, 0);
        FreeFiles(conn);
    }
    return decoder.failed ? NS_ERROR : NS_OK;
}

/* As set for the request, as the body's type says, or the server's. */
static Tcl_Encoding
FormEncoding(const NsConn *conn)
{
    const char  *type = Ns_SetIGet(conn->pub.headers, "content-type"), *charset;
    size_t       len = 0;
    Tcl_Encoding encoding = NULL;

    if (conn->urlEncoding != NULL) {
        encoding = NsCharsetEncoding(conn->urlEncoding);
    }
    if (encoding == NULL && type != NULL && (charset = NsTypeCharset(type, &len)) != NULL) {
        encoding = NsCharsetEncodingSz(charset, len);
    }
    if (encoding == NULL && conn->server->opts.urlCharset != NULL) {
        encoding = NsCharsetEncoding(conn->server->opts.urlCharset);
    }
    return encoding != NULL ? encoding : NsCharsetEncoding("utf-8");
}

static const char *
FallbackName(const NsConn *conn, Tcl_Obj *given)
{
    const char *name = Ns_ConfigString("ns/parameters", "formfallbackcharset", NULL);

    return given != NULL ? Tcl_GetString(given) : Ns_ConfigString(conn->server->section, "formfallbackcharset", name);
}

Ns_Set *
Ns_ConnGetQuery(Tcl_Interp *interp, Ns_Conn *conn, Tcl_Obj *fallbackCharset, Ns_ReturnCode *status)
{
    NsConn       *self = NsConnOf(conn);
    Tcl_Encoding  encoding = FormEncoding(self), fallback = NULL;
    const char   *name = FallbackName(self, fallbackCharset);
    Ns_ReturnCode result = NS_OK;

    if (name != NULL && *name != '\0') {
        fallback = NsCharsetEncoding(name);
        if (fallback == NULL) {
            if (interp != NULL) {
                Ns_TclPrintfResult(interp, "invalid encoding: '%s'", name);
            }
            result = NS_ERROR;
        }
    }
    if (result == NS_OK && (self->query == NULL || self->queryEncoding != encoding)) {
        if (self->query == NULL) {
            self->query = Ns_SetCreate("form");
        }
        self->queryEncoding = encoding;
        /* Without a fallback, bytes that are no UTF-8 are read as Tcl reads them: one character each. */
        if (Parse(self, encoding, fallback != NULL && NsEncodingIsUtf8(encoding)) != NS_OK) {
            (void)Parse(self, fallback, false);
        }
    }
    if (result == NS_OK && self->formStatus != 0) {
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "invalid form: %s", self->formFault);
            Tcl_SetErrorCode(interp, "NS_FORM", self->formStatus == 413 ? "413" : "400", (char *)NULL);
        }
        result = NS_ERROR;
    }
    if (status != NULL) {
        *status = result;
    }
    return result == NS_OK ? self->query : NULL;
}
