/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_pg lo_...: large objects, read and written by the server's functions in pieces, so that the limits of statements hold and memory
 * is that of a piece.  Outside of a transaction each command is one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "pg.h"

#define PIECE (256 * 1024)
#define OIDOID  26
#define INT8OID 20
#define INT4OID 23
#define BYTEAOID 17

/* A statement with an oid, and perhaps a place, a length (-1: none) and bytes; its result is binary, and PgExec's. */
static int
Call(Ns_DbHandle *handle, const char *sql, Oid lo, int64_t at, int length, const void *bytes, int nbytes)
{
    PGconn        *conn = ((PgConnection *)handle->connection)->conn;
    const uint32_t netLo = htonl(lo), netLength = htonl((uint32_t)length);
    const uint32_t netAt[2] = {htonl((uint32_t)((uint64_t)at >> 32)), htonl((uint32_t)at)};
    const char    *values[] = {(const char *)&netLo, (const char *)netAt, bytes != NULL ? bytes : (const char *)&netLength};
    const Oid      types[] = {OIDOID, INT8OID, bytes != NULL ? BYTEAOID : INT4OID};
    const int      lengths[] = {4, 8, bytes != NULL ? nbytes : 4}, formats[] = {1, 1, 1};
    int            n = bytes == NULL && length < 0 ? 1 : 3;

    (void)Ns_DbFlush(handle);
    return PgFinish(handle, PQsendQueryParams(conn, sql, n, types, values, lengths, formats, 1) == 1);
}

/* The value of the only row, which stays until the next statement. */
static const char *
Value(Ns_DbHandle *handle, int *len)
{
    const PgConnection *connection = handle->connection;

    if (connection->result == NULL || PQntuples(connection->result) != 1) {
        return NULL;
    }
    *len = PQgetlength(connection->result, 0, 0);
    return PQgetvalue(connection->result, 0, 0);
}

/* 0: one that the server chooses. */
static Ns_ReturnCode
Create(Ns_DbHandle *handle, Oid *lo)
{
    const char *value;
    int         len;
    uint32_t    net;

    if (Call(handle, "SELECT lo_create($1)", *lo, 0, -1, NULL, 0) != NS_ROWS || (value = Value(handle, &len)) == NULL || len != 4) {
        return NS_ERROR;
    }
    memcpy(&net, value, sizeof(net));
    *lo = ntohl(net);
    return NS_OK;
}

static Ns_ReturnCode
Put(Ns_DbHandle *handle, Oid lo, int64_t at, const void *bytes, int len)
{
    return Call(handle, "SELECT lo_put($1, $2, $3)", lo, at, 0, bytes, len) == NS_ROWS ? NS_OK : NS_ERROR;
}

/* *len 0: the end. */
static const char *
Get(Ns_DbHandle *handle, Oid lo, int64_t at, int *len)
{
    return Call(handle, "SELECT lo_get($1, $2, $3)", lo, at, PIECE, NULL, 0) == NS_ROWS ? Value(handle, len) : NULL;
}

static Ns_ReturnCode
FileFailed(Ns_DbHandle *handle, const char *file)
{
    Tcl_Obj *message = Tcl_ObjPrintf("file \"%s\": %s", file, Tcl_ErrnoMsg(errno));

    Tcl_IncrRefCount(message);
    Ns_DbSetException(handle, NS_SQLERRORCODE, Tcl_GetString(message));
    Tcl_DecrRefCount(message);
    return NS_ERROR;
}

/* ---- files */

static Ns_ReturnCode
ImportFrom(Ns_DbHandle *handle, FILE *in, const char *file, Oid *lo)
{
    char         *piece = ns_malloc(PIECE);
    Ns_ReturnCode status = Create(handle, lo);
    int64_t       at = 0;
    size_t        n;

    while (status == NS_OK && (n = fread(piece, 1u, PIECE, in)) > 0u) {
        status = Put(handle, *lo, at, piece, (int)n);
        at += (int64_t)n;
    }
    if (status == NS_OK && ferror(in)) {
        status = FileFailed(handle, file);
    }
    ns_free(piece);
    return status;
}

static Ns_ReturnCode
ExportTo(Ns_DbHandle *handle, Oid lo, FILE *out, const char *file)
{
    Ns_ReturnCode status = NS_OK;
    int64_t       at = 0;
    int           len = 0;
    const char   *piece;

    while (status == NS_OK) {
        piece = Get(handle, lo, at, &len);
        if (piece == NULL) {
            status = NS_ERROR;
        } else if (len == 0) {
            break;
        } else if (fwrite(piece, 1u, (size_t)len, out) != (size_t)len) {
            status = FileFailed(handle, file);
        }
        at += len;
    }
    return status;
}

/* ---- commands */

static int
ObjvOid(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    Tcl_WideInt value;

    if (Tcl_GetWideIntFromObj(interp, objv[0], &value) != TCL_OK) {
        return TCL_ERROR;
    }
    if (value < 1 || value > (Tcl_WideInt)UINT32_MAX) {
        Ns_TclPrintfResult(interp, "\"%s\" is not the number of a large object", Tcl_GetString(objv[0]));
        return TCL_ERROR;
    }
    *(Oid *)spec->dest = (Oid)value;
    (*objcPtr)--;
    return TCL_OK;
}

static int
Done(Tcl_Interp *interp, Ns_DbHandle *handle, const char *what, Ns_ReturnCode status, const Oid *lo)
{
    if (status != NS_OK) {
        return PgFailure(interp, handle, what);
    }
    if (handle->connected) {
        (void)Ns_DbFlush(handle);
    }
    if (lo != NULL) {
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)*lo));
    }
    return TCL_OK;
}

/* All of these are a statement, for the counts and the log. */
static Ns_ReturnCode
Start(Ns_DbHandle *handle, Ns_Time *began, bool *mine)
{
    Ns_ReturnCode status = Ns_DbStatementBegin(handle, began);

    *mine = false;
    return status == NS_OK ? PgBegin(handle, mine) : status;
}

static Ns_ReturnCode
End(Ns_DbHandle *handle, const char *what, const Ns_Time *began, bool mine, Ns_ReturnCode status)
{
    status = PgEnd(handle, mine, status);
    Ns_DbStatementEnd(handle, what, what, began, status);
    return status;
}

int
PgLoImportObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id, *file;
    Oid           lo = 0;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    FILE         *in;
    bool          mine;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"file", Ns_ObjvString, &file, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    in = PgOpenFile(file, "re");
    if (in == NULL) {
        (void)FileFailed(handle, file);
        return PgFailure(interp, handle, "lo_import");
    }
    status = Start(handle, &began, &mine);
    if (status == NS_OK) {
        status = ImportFrom(handle, in, file, &lo);
    }
    (void)fclose(in);
    return Done(interp, handle, "lo_import", End(handle, "lo_import", &began, mine, status), &lo);
}

int
PgLoExportObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id, *file;
    Oid           lo = 0;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    FILE         *out;
    bool          mine;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"oid", ObjvOid, &lo, NULL}, {"file", Ns_ObjvString, &file, NULL},
                            {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    out = PgOpenFile(file, "we");
    if (out == NULL) {
        (void)FileFailed(handle, file);
        return PgFailure(interp, handle, "lo_export");
    }
    status = Start(handle, &began, &mine);
    if (status == NS_OK) {
        status = ExportTo(handle, lo, out, file);
    }
    if (fclose(out) != 0 && status == NS_OK) {
        status = FileFailed(handle, file);
    }
    return Done(interp, handle, "lo_export", End(handle, "lo_export", &began, mine, status), NULL);
}

int
PgLoReadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id;
    Oid           lo = 0;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    Tcl_Obj      *bytes;
    bool          mine;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"oid", ObjvOid, &lo, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    bytes = Tcl_NewByteArrayObj(NULL, 0);
    Tcl_IncrRefCount(bytes);
    status = Start(handle, &began, &mine);
    for (int64_t at = 0, len = 1; status == NS_OK && len > 0; at += len) {
        int         got = 0;
        const char *piece = Get(handle, lo, at, &got);

        len = got;
        if (piece == NULL) {
            status = NS_ERROR;
        } else if (at + got > INT32_MAX / 2) {
            Ns_DbSetException(handle, NS_SQLERRORCODE, "the large object is larger than a value may be: lo_export writes it to a file");
            status = NS_ERROR;
        } else if (got > 0) {
            memcpy(Tcl_SetByteArrayLength(bytes, (int)at + got) + at, piece, (size_t)got);
        }
    }
    status = End(handle, "lo_read", &began, mine, status);
    if (status == NS_OK) {
        Tcl_SetObjResult(interp, bytes);
    }
    Tcl_DecrRefCount(bytes);
    return Done(interp, handle, "lo_read", status, NULL);
}

int
PgLoWriteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id;
    void         *data;
    int           len;
    Oid           lo = 0;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    bool          mine;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"data", Ns_ObjvByteArray, &data, &len}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    status = Start(handle, &began, &mine);
    if (status == NS_OK) {
        status = Create(handle, &lo);
    }
    for (int at = 0; status == NS_OK && at < len; at += PIECE) {
        status = Put(handle, lo, at, (char *)data + at, len - at < PIECE ? len - at : PIECE);
    }
    return Done(interp, handle, "lo_write", End(handle, "lo_write", &began, mine, status), &lo);
}

int
PgLoUnlinkObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char         *id;
    Oid           lo = 0;
    Ns_DbHandle  *handle;
    Ns_ReturnCode status;
    Ns_Time       began;
    Ns_ObjvSpec   args[] = {{"handle", Ns_ObjvString, &id, NULL}, {"oid", ObjvOid, &lo, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || PgGetHandle(interp, id, &handle) != TCL_OK) {
        return TCL_ERROR;
    }
    status = Ns_DbStatementBegin(handle, &began);
    if (status == NS_OK && Call(handle, "SELECT lo_unlink($1)", lo, 0, -1, NULL, 0) != NS_ROWS) {
        status = NS_ERROR;
    }
    return Done(interp, handle, "lo_unlink", End(handle, "lo_unlink", &began, false, status), NULL);
}
