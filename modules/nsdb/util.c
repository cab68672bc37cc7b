/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is made of statements: single rows, files of statements, quoted values.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "int.h"

#define MAX_FILE (64u * 1024u * 1024u)

Ns_Set *
Ns_Db0or1Row(Ns_DbHandle *handle, const char *sql, int *nrows)
{
    return NsDbOnlyRow(handle, Ns_DbSelect(handle, sql), nrows);
}

Ns_Set *
NsDbOnlyRow(Ns_DbHandle *handle, Ns_Set *row, int *nrows)
{
    Ns_Set *copy = NULL;
    int     status;

    if (row == NULL) {
        return NULL;
    }
    status = Ns_DbGetRow(handle, row);
    if (status == NS_END_DATA || status == NS_OK) {
        *nrows = status == NS_OK;
        copy = Ns_SetCopy(row);
        status = status == NS_OK ? Ns_DbGetRow(handle, row) : status;
    }
    if (status == NS_OK) {
        (void)Ns_DbFlush(handle);
        Ns_DbSetException(handle, NS_SQLERRORCODE, "Query returned more than one row.");
    }
    if (status != NS_END_DATA) {
        Ns_SetFree(copy);
        copy = NULL;
    }
    return copy;
}

Ns_Set *
Ns_Db1Row(Ns_DbHandle *handle, const char *sql)
{
    int     nrows = 0;
    Ns_Set *row = Ns_Db0or1Row(handle, sql, &nrows);

    if (row != NULL && nrows == 0) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, "Query did not return a row.");
        Ns_SetFree(row);
        row = NULL;
    }
    return row;
}

void
Ns_DbQuoteValue(Tcl_DString *ds, const char *chars)
{
    const char *quote;

    while ((quote = strchr(chars, '\'')) != NULL) {
        Tcl_DStringAppend(ds, chars, (int)(quote + 1 - chars));
        Tcl_DStringAppend(ds, "'", 1);
        chars = quote + 1;
    }
    Tcl_DStringAppend(ds, chars, -1);
}

/* ---- files */

/* Of an unquoted name: bytes of characters past ASCII are letters. */
static bool
InName(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80u;
}

/* Where what begins with a $ ends: behind $tag$...$tag$, or behind the $ if it begins no quoted text. */
static const char *
DollarEnd(const char *at)
{
    size_t      len = 1u;
    const char *end;

    while (InName(at[len])) {
        len++;
    }
    if (at[len] != '$' || isdigit((unsigned char)at[1])) {
        return at + 1;
    }
    len++;
    for (end = at + len; *end != '\0' && strncmp(end, at, len) != 0; end++) {
    }
    return *end == '\0' ? end : end + len;
}

/* The next part of a text that goes on after a line break; NULL: it does not. */
static const char *
NextPart(const char *at)
{
    bool line = false;

    while (isspace((unsigned char)*at) || (at[0] == '-' && at[1] == '-')) {
        line = line || *at == '\n' || *at == '\r';
        at += *at == '-' ? strcspn(at, "\r\n") : 1u;
    }
    return line && *at == '\'' ? at : NULL;
}

/* Where PostgreSQL's E'...' ends, from its first quote: a backslash takes the next character along, be it a quote. */
static const char *
EscapedEnd(const char *at)
{
    const char *next = at;

    while (next != NULL) {
        for (at = next + 1; *at != '\0' && *at != '\''; at++) {
            at += *at == '\\' && at[1] != '\0';
        }
        at += *at != '\0';
        next = *at == '\'' ? at : NextPart(at);
    }
    return at;
}

/* Comments stand in comments. */
static const char *
CommentEnd(const char *at)
{
    int depth = 0;

    do {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth > 0 && *at != '\0');
    return at;
}

/* A name may have a $ that begins nothing. */
static const char *
NameEnd(const char *at)
{
    if ((*at == 'e' || *at == 'E') && at[1] == '\'') {
        return EscapedEnd(at + 1);
    }
    do {
        at++;
    } while (InName(*at) || *at == '$');
    return at;
}

const char *
NsDbPieceEnd(const char *at)
{
    const char *end;

    switch (*at) {
    case '\'':
    case '"':
        end = strchr(at + 1, *at);
        return end != NULL ? end + 1 : at + strlen(at);
    case '$':
        return DollarEnd(at);
    case '-':
        return at[1] == '-' ? at + strcspn(at, "\r\n") : at + 1;
    case '/':
        return at[1] == '*' ? CommentEnd(at) : at + 1;
    default:
        return InName(*at) && !isdigit((unsigned char)*at) ? NameEnd(at) : at + 1;
    }
}

static bool
IsComment(const char *at)
{
    return (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
}

/* Each statement of a text; what is left behind the last semicolon is one, if it is more than space and comments. */
static Ns_ReturnCode
RunStatements(Ns_DbHandle *handle, char *text)
{
    Ns_ReturnCode status = NS_OK;
    char         *begin = text, *at = text;
    bool          some = false;

    while (status == NS_OK && (*at != '\0' || some)) {
        if (*at == ';' || *at == '\0') {
            char *next = *at == '\0' ? at : at + 1;

            *at = '\0';
            if (some) {
                status = Ns_DbExec(handle, begin) != NS_ERROR ? NS_OK : NS_ERROR;
            }
            begin = at = next;
            some = false;
        } else {
            char *end = (char *)NsDbPieceEnd(at);

            if (!some && (isspace((unsigned char)*at) || IsComment(at))) {
                begin = end;                   /* space and comments before a statement are not part of it */
            } else {
                some = true;
            }
            at = end;
        }
    }
    if (status == NS_OK && handle->fetchingRows) {
        status = Ns_DbFlush(handle);
    }
    return status;
}

/* The bytes of a file, NUL-terminated; NULL: it cannot be read, is too large or has a NUL. */
static char *
ReadFile(const char *name, size_t *len)
{
    Tcl_DString ds;
    const char *path;
    FILE       *file;
    char       *bytes = NULL;
    size_t      size = 0u, got = 0u;

    Tcl_DStringInit(&ds);
    path = Ns_TextOutString(&ds, name);
    file = path != NULL ? fopen(path, "re") : NULL;
    Tcl_DStringFree(&ds);
    if (file == NULL) {
        return NULL;
    }
    do {
        size = size == 0u ? 65536u : size * 2u;
        bytes = ns_realloc(bytes, size + 1u);
        got += fread(bytes + got, 1u, size - got, file);
    } while (got == size && size < MAX_FILE);
    if (ferror(file) || !feof(file) || memchr(bytes, '\0', got) != NULL) {
        ns_free(bytes);
        bytes = NULL;
    } else {
        bytes[got] = '\0';
        *len = got;
    }
    (void)fclose(file);
    return bytes;
}

Ns_ReturnCode
Ns_DbInterpretSqlFile(Ns_DbHandle *handle, const char *filename)
{
    Ns_ReturnCode status;
    Tcl_DString   text;
    size_t        len = 0u;
    char         *bytes = ReadFile(filename, &len);

    if (bytes == NULL) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, "Could not read file");
        Ns_Log(Error, "nsdb: pool %s: file \"%s\" of statements cannot be read, has a NUL, or is larger than 64 MB", handle->poolname, filename);
        return NS_ERROR;
    }
    Tcl_DStringInit(&text);
    if (Ns_TextIn(&text, bytes, len, NULL) == bytes) {
        status = RunStatements(handle, bytes);
    } else {
        status = RunStatements(handle, Tcl_DStringValue(&text));
    }
    Tcl_DStringFree(&text);
    ns_free(bytes);
    return status;
}
