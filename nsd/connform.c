/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The form of a request: the fields of its query or its body, and where the files of a multipart body are.
 *
 * A body counts when its type is one of the two for forms; without it the query does.
 */
#include <string.h>
#include <strings.h>
#include "charset.h"
#include "conn.h"
#include "http/form.h"
#include "http/header.h"
#include "http/url.h"

typedef struct Decoder {
    NsConn      *conn;
    Ns_Set      *set;
    Tcl_Encoding encoding;
    bool         strict;                       /* bytes that are no UTF-8 are an error */
    bool         failed;
} Decoder;

/* Bytes of the net to Tcl's form. */
static void
Decode(Decoder *decoder, const char *bytes, size_t len, Tcl_DString *ds)
{
    if (decoder->strict && !NsTextIsUtf8(bytes, len)) {
        decoder->failed = true;
    }
    (void)Tcl_ExternalToUtfDString(decoder->encoding, bytes, (int)len, ds);
}

static bool
AddField(void *arg, const char *name, size_t nameLen, const char *value, size_t valueLen)
{
    Decoder    *decoder = arg;
    Tcl_DString key, text;

    Decode(decoder, name, nameLen, &key);
    Decode(decoder, value, valueLen, &text);
    if (!decoder->failed) {
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
    NsFormFile    *file = ns_calloc(1u, sizeof(NsFormFile)), *last;
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
    } else {
        for (last = Tcl_GetHashValue(entry); last->next != NULL; last = last->next) {
            ;
        }
        last->next = file;
    }
}

static bool
AddPart(void *arg, NsFormPart *part)
{
    Decoder *decoder = arg;
    NsConn  *conn = decoder->conn;

    if (part->filename == NULL) {
        return AddField(arg, part->name, strlen(part->name), conn->http->body + part->offset, part->length);
    }
    if (!AddField(arg, part->name, strlen(part->name), part->filename, strlen(part->filename))) {
        return false;
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

/* NS_OK, or NS_ERROR: the bytes are none of that encoding. */
static Ns_ReturnCode
Parse(NsConn *conn, Tcl_Encoding encoding, bool strict)
{
    const char *type = Ns_SetIGet(conn->pub.headers, "content-type");
    Decoder     decoder = {.conn = conn, .set = conn->query, .encoding = encoding, .strict = strict};
    NsSpan      main = {NULL, 0};

    Ns_SetTrunc(conn->query, 0);
    FreeFiles(conn);
    if (type != NULL && conn->pub.contentLength > 0) {
        main = NsHeaderMain(type);
    }
    if (main.len == 33 && strncasecmp(main.start, "application/x-www-form-urlencoded", main.len) == 0) {
        (void)NsFormParseQuery(conn->http->body, conn->http->bodyLen, AddField, &decoder);
    } else if (main.len == 19 && strncasecmp(main.start, "multipart/form-data", main.len) == 0) {
        Tcl_DString boundary;
        const char *error = NULL;

        Tcl_DStringInit(&boundary);
        if (!NsHeaderParam(type, "boundary", &boundary)) {
            Ns_Log(Warning, "%s: multipart form without a boundary", conn->pub.request->rawUrl);
        } else if (NsFormParseMultipart(conn->http->body, conn->http->bodyLen, Tcl_DStringValue(&boundary), AddPart,
                                        &decoder, &error) == NS_ERROR) {
            Ns_Log(Warning, "%s: multipart form: %s", conn->pub.request->rawUrl, error != NULL ? error : "malformed");
        }
        Tcl_DStringFree(&boundary);
    } else if (conn->pub.contentLength == 0 && conn->pub.request->query != NULL) {
        (void)NsFormParseQuery(conn->pub.request->query, strlen(conn->pub.request->query), AddField, &decoder);
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
    if (status != NULL) {
        *status = result;
    }
    return result == NS_OK ? self->query : NULL;
}
