/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_pg copy_in, ns_pg copy_out: COPY ... FROM STDIN and TO STDOUT.  The text of the first is brought to UTF-8, that of the second comes
 * from it; a file has the bytes as they are.
 */
#include <stdio.h>
#include <string.h>
#include "pg.h"

#define PIECE (64 * 1024)

/* Sends the statement, and takes its first answer, which must be `wanted`. */
static Ns_ReturnCode
Begin(Ns_DbHandle *handle, const char *sql, ExecStatusType wanted, int64_t deadline)
{
    PGconn     *conn = ((PgConnection *)handle->connection)->conn;
    Tcl_DString ds;
    const char *bytes;
    PGresult   *result = NULL;
    bool        late = false, sent;

    Tcl_DStringInit(&ds);
    bytes = Ns_TextOutString(&ds, sql);
    PgRunning(handle->connection, bytes != NULL);
    sent = bytes != NULL && PQsendQuery(conn, bytes) == 1 && PgFlush(conn, deadline);
    Tcl_DStringFree(&ds);
    if (bytes == NULL) {
        Ns_DbSetException(handle, "22021", "the statement has a NUL");
        return NS_ERROR;
    }
    if (sent) {
        result = PgResult(conn, deadline, &late);
    }
    if (result != NULL && PQresultStatus(result) == wanted) {
        PQclear(result);
        return NS_OK;
    }
    if (result != NULL && PQresultStatus(result) != PGRES_FATAL_ERROR) {
        /* Something else: what comes of it is not wanted. */
        PQclear(result);                       /* of a COPY PgFinish gets it once more */
        if (PgFinish(handle, true) != NS_ERROR) {
            (void)Ns_DbFlush(handle);
        }
        if (handle->connected) {
            Ns_DbSetException(handle, NS_SQLERRORCODE, wanted == PGRES_COPY_IN ? "the statement is not COPY ... FROM STDIN"
                              : "the statement is not COPY ... TO STDOUT");
        }
        return NS_ERROR;
    }
    (void)PgFailed(handle, result, late);
    PQclear(result);
    while (handle->connected && (result = PgResult(conn, deadline, &late)) != NULL) {
        PQclear(result);
    }
    return NS_ERROR;
}

/* However it went. */
static void
End(const Ns_DbHandle *handle)
{
    if (handle->connected) {
        PgRunning(handle->connection, false);
    }
}

static bool
Send(PGconn *conn, const char *bytes, size_t len, int64_t deadline)
{
    int done = 1;

    for (size_t at = 0u; done == 1 && at < len; at += PIECE) {
        done = PQputCopyData(conn, bytes + at, len - at < PIECE ? (int)(len - at) : PIECE);
        if (done >= 0 && !PgFlush(conn, deadline)) {
            done = -1;
        }
    }
    return done == 1;
}

/* `reason`: why the data do not go on; NULL: they are complete, if they were `sent`. */
static Ns_ReturnCode
EndIn(Ns_DbHandle *handle, bool sent, const char *reason)
{
    PGconn *conn = ((PgConnection *)handle->connection)->conn;

    if (!sent) {
        reason = "the data could not be sent within statementtimeout";
    }
    /* A server that refused is heard in either case. */
    return PgFinish(handle, PQputCopyEnd(conn, reason) == 1 || !sent) != NS_ERROR ? NS_OK : NS_ERROR;
}

static Ns_ReturnCode
CopyFile(Ns_DbHandle *handle, FILE *in, int64_t deadline)
{
    PGconn *conn = ((PgConnection *)handle->connection)->conn;
    char   *piece = ns_malloc(PIECE);
    bool    sent = true;
    size_t  n;

    while (sent && (n = fread(piece, 1u, PIECE, in)) > 0u) {
        sent = Send(conn, piece, n, deadline);
    }
    ns_free(piece);
    return EndIn(handle, sent, ferror(in) ? "the file cannot be read" : NULL);
}

static Ns_ReturnCode
CopyText(Ns_DbHandle *handle, const char *text, size_t len, int64_t deadline)
{
    Tcl_DString   ds;
    Ns_ReturnCode status;
    const char   *bytes;
    size_t        outLen;
    bool          sent;

    Tcl_DStringInit(&ds);
    bytes = Ns_TextOut(&ds, text, len, &outLen);
    sent = Send(((PgConnection *)handle->connection)->conn, bytes, outLen, deadline);
    status = EndIn(handle, sent, NULL);
    Tcl_DStringFree(&ds);
    return status;
}

static int
FileFailed(Tcl_Interp *interp, const char *file)
{
    Ns_TclPrintfResult(interp, "file \"%s\": %s", file, Tcl_PosixError(interp));
    return TCL_ERROR;
}

int
PgCopyInObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id, *sql, *text = NULL, *file = NULL;
    int           len = 0;
    int64_t       deadline;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    FILE         *in = NULL;
    Ns_ObjvSpec   opts[] = {{"-file", Ns_ObjvString, &file, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"sql", Ns_ObjvString, &sql, NULL}, {"?data", Ns_ObjvString, &text, &len},
                            {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if ((text == NULL) == (file == NULL)) {
        Ns_TclPrintfResult(interp, "ns_pg copy_in: either -file or data");
        return TCL_ERROR;
    }
    if (file != NULL && (in = PgOpenFile(file, "re")) == NULL) {
        return FileFailed(interp, file);
    }
    status = Ns_DbStatementBegin(handle, &began);
    deadline = status == NS_OK ? PgStatementDeadline(handle->connection) : 0;
    if (status == NS_OK && (status = Begin(handle, sql, PGRES_COPY_IN, deadline)) == NS_OK) {
        status = in != NULL ? CopyFile(handle, in, deadline) : CopyText(handle, text, (size_t)len, deadline);
    }
    End(handle);
    if (in != NULL) {
        (void)fclose(in);
    }
    Ns_DbStatementEnd(handle, "copy_in", sql, &began, status);
    if (status != NS_OK) {
        return PgFailure(interp, handle, "copy_in");
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(Ns_DbGetRowCount(handle)));
    return TCL_OK;
}

/* What comes goes to the file, or is appended to the text. */
static Ns_ReturnCode
Receive(Ns_DbHandle *handle, FILE *out, Tcl_DString *text, int64_t deadline)
{
    PGconn     *conn = ((PgConnection *)handle->connection)->conn;
    char       *data;
    int         n;
    const char *failed = NULL;

    while ((n = PQgetCopyData(conn, &data, 1)) >= 0) {
        if (n == 0) {                          /* not there yet */
            bool late = !PgAwait(conn, deadline);

            if (late || !PQconsumeInput(conn)) {
                return (Ns_ReturnCode)PgFailed(handle, NULL, late);
            }
            continue;
        }
        if (out != NULL && fwrite(data, 1u, (size_t)n, out) != (size_t)n) {
            failed = "the file cannot be written";
        } else if (out == NULL && Tcl_DStringLength(text) > INT32_MAX / 2 - n) {
            failed = "more than a value may be: -file writes it to a file";
        } else if (out == NULL && failed == NULL) {
            Tcl_DStringAppend(text, data, n);
        }
        PQfreemem(data);
    }
    if (PgFinish(handle, true) == NS_ERROR) {
        return NS_ERROR;
    }
    if (failed != NULL) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, failed);
    }
    return failed == NULL ? NS_OK : NS_ERROR;
}

int
PgCopyOutObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id, *sql, *file = NULL;
    int64_t       deadline;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    FILE         *out = NULL;
    Tcl_DString   bytes, text;
    Ns_ObjvSpec   opts[] = {{"-file", Ns_ObjvString, &file, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"sql", Ns_ObjvString, &sql, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    if (file != NULL && (out = PgOpenFile(file, "we")) == NULL) {
        return FileFailed(interp, file);
    }
    Tcl_DStringInit(&bytes);
    Tcl_DStringInit(&text);
    status = Ns_DbStatementBegin(handle, &began);
    deadline = status == NS_OK ? PgStatementDeadline(handle->connection) : 0;
    if (status == NS_OK && (status = Begin(handle, sql, PGRES_COPY_OUT, deadline)) == NS_OK) {
        status = Receive(handle, out, &bytes, deadline);
    }
    End(handle);
    if (out != NULL && fclose(out) != 0 && status == NS_OK) {
        Ns_DbSetException(handle, NS_SQLERRORCODE, "the file cannot be written");
        status = NS_ERROR;
    }
    Ns_DbStatementEnd(handle, "copy_out", sql, &began, status);
    if (status == NS_OK && file == NULL) {
        Ns_TextAppendIn(&text, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes));
        Tcl_DStringResult(interp, &text);
    } else if (status == NS_OK) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(Ns_DbGetRowCount(handle)));
    }
    Tcl_DStringFree(&bytes);
    Tcl_DStringFree(&text);
    return status == NS_OK ? TCL_OK : PgFailure(interp, handle, "copy_out");
}
