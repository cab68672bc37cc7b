/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Form data: urlencoded and multipart.
 */
#include <string.h>

#include "base/text.h"
#include "http/chars.h"
#include "http/form.h"
#include "http/header.h"
#include "http/url.h"

bool
NsFormParseQuery(const char *query, size_t len, NsFormFieldProc *proc, void *arg)
{
    const char *p = query, *end = query + len;
    bool        more = true;
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    for (;;) {
        const char *stop = memchr(p, '&', (size_t)(end - p)), *equal;
        size_t      nameLen;

        if (stop == NULL) {
            stop = end;
        }
        equal = memchr(p, '=', (size_t)(stop - p));
        /* The name, a NUL, the value, in one buffer. */
        Tcl_DStringSetLength(&ds, 0);
        NsUrlDecode(&ds, p, (size_t)((equal != NULL ? equal : stop) - p), NS_URL_QUERY);
        nameLen = (size_t)Tcl_DStringLength(&ds);
        Tcl_DStringAppend(&ds, "\0", 1);
        if (equal != NULL) {
            NsUrlDecode(&ds, equal + 1, (size_t)(stop - equal - 1), NS_URL_QUERY);
        }
        more = proc(arg, Tcl_DStringValue(&ds), nameLen, Tcl_DStringValue(&ds) + nameLen + 1,
                    (size_t)Tcl_DStringLength(&ds) - nameLen - 1);
        if (!more || stop == end) {
            break;
        }
        p = stop + 1;
    }
    Tcl_DStringFree(&ds);
    return more;
}

/* ------------------------------------------------------------------------------------------------------ multipart */

typedef struct Scan {
    const char *data, *end;
    const char *delimiter;                     /* CR LF -- boundary */
    size_t      delimiterLen;
    const char *error;
    bool        bareLf;                        /* behind a boundary */
} Scan;

/* A parameter's value ends here: at the end, or before the next parameter. */
static bool
IsParamEnd(const char *p)
{
    p += strspn(p, " \t");
    if (*p == '\0') {
        return true;
    }
    if (*p != ';') {
        return false;
    }
    p += 1 + strspn(p + 1, " \t");
    p += NsCharSpan(p, strlen(p), NS_CHAR_TOKEN);
    return *p == '=' || *p == '\0';
}

/*
 * What is between the quotes, from behind the first one.  Of all characters only the quote is escaped in the names that clients send, and not by
 * all of them: a backslash may also be the last character of a name, of a path for instance.
 */
static const char *
AppendQuoted(Tcl_DString *ds, const char *p)
{
    while (*p != '\0' && *p != '"') {
        if (p[0] == '\\' && p[1] == '"' && !IsParamEnd(p + 2)) {
            p++;
        }
        Tcl_DStringAppend(ds, p, 1);
        p++;
    }
    return *p == '"' ? p + 1 : p;
}

/* A parameter of content-disposition.  False: there is none. */
static bool
DispositionParam(const char *value, const char *name, Tcl_DString *ds)
{
    const char *p = value + strcspn(value, ";");

    while (*p == ';') {
        size_t len;
        bool   found;

        p += 1 + strspn(p + 1, " \t");
        len = NsCharSpan(p, strlen(p), NS_CHAR_TOKEN);
        found = NsSpanIsNoCase((NsSpan){p, len}, name);
        p += len;
        p += strspn(p, " \t");
        Tcl_DStringSetLength(ds, 0);
        if (*p == '=') {
            p += 1 + strspn(p + 1, " \t");
            if (*p == '"') {
                p = AppendQuoted(ds, p + 1);
            } else {
                len = strcspn(p, ";");
                Tcl_DStringAppend(ds, p, (int)len);
                p += len;
                for (len = (size_t)Tcl_DStringLength(ds); len > 0 && NsCharIsBlank(Tcl_DStringValue(ds)[len - 1]); len--) {
                    Tcl_DStringSetLength(ds, (int)len - 1);
                }
            }
            if (found) {
                return true;
            }
        }
        p += strcspn(p, ";");
    }
    return false;
}

/* charset'language'percent-encoded, of UTF-8 or ISO-8859-1 (RFC 8187); in UTF-8 then.  False: it is none. */
static bool
ExtendedParam(const char *value, const char *name, Tcl_DString *ds)
{
    Tcl_DString given;
    const char *charset, *language = NULL, *text = NULL;
    bool        utf8 = false, latin = false;

    Tcl_DStringInit(&given);
    if (DispositionParam(value, name, &given)) {
        charset = Tcl_DStringValue(&given);
        language = strchr(charset, '\'');
        text = language != NULL ? strchr(language + 1, '\'') : NULL;
        utf8 = text != NULL && NsSpanIsNoCase(NsSpanOf(charset, language), "utf-8");
        latin = text != NULL && NsSpanIsNoCase(NsSpanOf(charset, language), "iso-8859-1");
    }
    for (text = utf8 || latin ? text + 1 : ""; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char          two[2];

        if (c == '%' && NsHexValue(text[1]) >= 0 && NsHexValue(text[2]) >= 0) {
            c = (unsigned char)(NsHexValue(text[1]) << 4 | NsHexValue(text[2]));
            text += 2;
        }
        two[0] = (char)c;
        if (latin && c >= 0x80) {
            two[0] = (char)(0xc0 | c >> 6);
            two[1] = (char)(0x80 | (c & 0x3f));
        }
        if (c != '\0') {
            Tcl_DStringAppend(ds, two, latin && c >= 0x80 ? 2 : 1);
        }
    }
    Tcl_DStringFree(&given);
    return utf8 || latin;
}

/* One line `name: value` of a part's head; what is none is passed over. */
static void
PutHeader(Ns_Set *set, const char *line, const char *end)
{
    size_t nameLen = NsCharSpan(line, (size_t)(end - line), NS_CHAR_TOKEN);
    char   name[64];

    if (nameLen == 0 || nameLen >= sizeof(name) || line + nameLen == end || line[nameLen] != ':') {
        return;
    }
    for (size_t i = 0; i < nameLen; i++) {
        name[i] = NsCharLower(line[i]);
    }
    line += nameLen + 1;
    while (line < end && NsCharIsBlank(*line)) {
        line++;
    }
    while (end > line && NsCharIsBlank(end[-1])) {
        end--;
    }
    if (!NsCharHasControl(line, (size_t)(end - line))) {
        Ns_SetPutSz(set, name, (TCL_SIZE_T)nameLen, line, end - line);
    }
}

/* The head of a part, up to and with its blank line; the start of the content, or NULL. */
static const char *
ReadHead(Scan *scan, const char *p, Ns_Set *set)
{
    const char *limit = scan->end - p > NS_FORM_MAX_HEAD ? p + NS_FORM_MAX_HEAD : scan->end;

    while (p < limit) {
        const char *newline = memchr(p, '\n', (size_t)(limit - p)), *lineEnd = newline;

        if (newline == NULL) {
            break;
        }
        if (lineEnd > p && lineEnd[-1] == '\r') {
            lineEnd--;
        }
        if (lineEnd == p) {
            return newline + 1;
        }
        PutHeader(set, p, lineEnd);
        p = newline + 1;
    }
    scan->error = limit < scan->end ? "headers of a part exceed the limit" : "part ends within its headers";
    return NULL;
}

/* The name and the file's name are taken from the bytes first: their charset is the caller's to know. */
static void
HeadersIn(Ns_Set *headers)
{
    for (size_t i = 0; i < Ns_SetSize(headers); i++) {
        const char *value = Ns_SetValue(headers, i), *text;
        Tcl_DString ds;

        Tcl_DStringInit(&ds);
        text = NsTextIn(&ds, value, strlen(value), NULL);
        if (text != value) {
            Ns_SetPutValue(headers, i, text);
        }
        Tcl_DStringFree(&ds);
    }
}

/* Hand one part over.  Parts that are no form-data with a name are passed over. */
static bool
GivePart(Scan *scan, Ns_Set *headers, const char *content, const char *end, NsFormPartProc *proc, void *arg)
{
    const char *disposition = Ns_SetIGet(headers, "content-disposition");
    NsFormPart  part = {.headers = headers, .offset = (size_t)(content - scan->data),
                        .length = (size_t)(end - content)};
    Tcl_DString name, filename;
    bool        more = true;

    Tcl_DStringInit(&name);
    Tcl_DStringInit(&filename);
    if (disposition != NULL && NsSpanIsNoCase(NsHeaderMain(disposition), "form-data")
        && DispositionParam(disposition, "name", &name)) {
        part.name = Tcl_DStringValue(&name);
        part.filenameIsUtf8 = ExtendedParam(disposition, "filename*", &filename);
        if (part.filenameIsUtf8 || DispositionParam(disposition, "filename", &filename)) {
            part.filename = Tcl_DStringValue(&filename);
        }
        HeadersIn(headers);
        part.contentType = Ns_SetIGet(headers, "content-type");
        more = proc(arg, &part);
    }
    Tcl_DStringFree(&filename);
    Tcl_DStringFree(&name);
    Ns_SetFree(part.headers);
    return more;
}

typedef enum { DELIMITER_PART, DELIMITER_END, DELIMITER_NONE } Delimiter;

/* What stands behind "--boundary": a line end and a part, two dashes and the end, or the boundary was not one. */
static Delimiter
AfterDelimiter(Scan *scan, const char **at)
{
    const char *p = *at;

    if (scan->end - p >= 2 && p[0] == '-' && p[1] == '-') {
        return DELIMITER_END;
    }
    while (p < scan->end && NsCharIsBlank(*p)) {
        p++;
    }
    if (scan->end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
        *at = p + 2;
        return DELIMITER_PART;
    }
    if (p < scan->end && *p == '\n') {
        scan->bareLf = true;
    }
    return DELIMITER_NONE;
}

/* The next delimiter from `p` on: *start is where it starts, *behind what follows the line. */
static Delimiter
FindDelimiter(Scan *scan, const char *p, const char **start, const char **behind)
{
    Delimiter found = DELIMITER_NONE;

    while (found == DELIMITER_NONE) {
        p = memmem(p, (size_t)(scan->end - p), scan->delimiter, scan->delimiterLen);
        if (p == NULL) {
            break;
        }
        *start = p;
        *behind = p += scan->delimiterLen;
        found = AfterDelimiter(scan, behind);
    }
    return found;
}

/* Does a line with the boundary follow one that ends in LF alone? */
static bool
HasBareBoundary(const Scan *scan)
{
    const char *p = memmem(scan->data, (size_t)(scan->end - scan->data), scan->delimiter + 1, scan->delimiterLen - 1);

    return p != NULL && (p == scan->data || p[-1] != '\r');
}

static Ns_ReturnCode
ParseParts(Scan *scan, NsFormPartProc *proc, void *arg)
{
    const char *p = scan->data, *start = p;
    size_t      count = 0;
    Delimiter   delimiter = DELIMITER_NONE;

    /* The first one has no line end before it, unless there is a preamble. */
    if ((size_t)(scan->end - p) >= scan->delimiterLen - 2
        && memcmp(p, scan->delimiter + 2, scan->delimiterLen - 2) == 0) {
        p += scan->delimiterLen - 2;
        delimiter = AfterDelimiter(scan, &p);
    }
    if (delimiter == DELIMITER_NONE && !scan->bareLf) {
        delimiter = FindDelimiter(scan, p, &start, &p);
    }
    if (delimiter == DELIMITER_NONE && (scan->bareLf || HasBareBoundary(scan))) {
        scan->error = "lines do not end in CR LF";
        return NS_FORBIDDEN;
    }
    while (delimiter == DELIMITER_PART) {
        Ns_Set     *headers;
        const char *content;

        if (++count > NS_FORM_MAX_PARTS) {
            scan->error = "too many parts";
            return NS_ERROR;
        }
        headers = Ns_SetCreateNoCase(NULL);
        content = ReadHead(scan, p, headers);
        /* The line end of the blank line may be the one before the delimiter: a part with no content at all. */
        delimiter = content == NULL ? DELIMITER_NONE : FindDelimiter(scan, content - 2, &start, &p);
        if (delimiter == DELIMITER_NONE) {
            Ns_SetFree(headers);
            break;
        }
        if (!GivePart(scan, headers, content, start < content ? content : start, proc, arg)) {
            return NS_FILTER_BREAK;
        }
    }
    if (delimiter == DELIMITER_NONE && scan->error == NULL) {
        scan->error = "no closing boundary";
    }
    return delimiter == DELIMITER_END ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
NsFormParseMultipart(const char *data, size_t len, const char *boundary, NsFormPartProc *proc, void *arg,
                     const char **error)
{
    Scan          scan = {.data = data, .end = data + len};
    Ns_ReturnCode status = NS_ERROR;
    size_t        boundaryLen = strlen(boundary);
    char          delimiter[4 + 70];

    if (boundaryLen == 0 || boundaryLen > 70) {            /* RFC 2046 */
        scan.error = "invalid boundary";
    } else {
        memcpy(delimiter, "\r\n--", 4);
        memcpy(delimiter + 4, boundary, boundaryLen);
        scan.delimiter = delimiter;
        scan.delimiterLen = boundaryLen + 4;
        status = ParseParts(&scan, proc, arg);
    }
    if (error != NULL) {
        *error = scan.error;
    }
    return status;
}
