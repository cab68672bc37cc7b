/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The form of the request: ns_conn form, files, and what is known of the files in a multipart body; ns_getjson.
 */
#include <string.h>
#include "base/text.h"
#include "cmd/request/connparts.h"
#include "cmd/text/jsonerror.h"
#include "interp/interp.h"
#include "json/value.h"

int
NsConnSetResult(Tcl_Interp *interp, ClientData clientData, Ns_Set *set)
{
    NsInterp      *data = clientData;
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&data->sets, &search); entry != NULL;
         entry = Tcl_NextHashEntry(&search)) {
        if (Tcl_GetHashValue(entry) == set) {
            Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_GetHashKey(&data->sets, entry), -1));
            return TCL_OK;
        }
    }
    return Ns_TclEnterSet(interp, set, NS_TCL_SET_STATIC);
}

int
NsConnFormObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj      *fallback = NULL;
    NsConn       *conn;
    Ns_Set       *form;
    Ns_ReturnCode status;
    Ns_ObjvSpec   opts[] = {
        {"-fallbackcharset", Ns_ObjvObj, &fallback, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    form = Ns_ConnGetQuery(interp, &conn->pub, fallback, &status);
    if (form == NULL || status != NS_OK) {
        return TCL_ERROR;
    }
    return NsConnSetResult(interp, clientData, form);
}

int
NsConnFilesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj       *list;
    Tcl_HashSearch search;
    NsConn        *conn;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (Ns_ConnGetQuery(interp, &conn->pub, NULL, NULL) == NULL) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    if (conn->formFiles != NULL) {
        for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(conn->formFiles, &search); entry != NULL;
             entry = Tcl_NextHashEntry(&search)) {
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Tcl_GetHashKey(conn->formFiles, entry), -1));
        }
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* The files of a field, as a list of what `get` makes of each; an unknown field is an error. */
static int
FileResult(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv,
           Tcl_Obj *(*get)(Tcl_Interp *interp, ClientData clientData, const NsFormFile *file))
{
    char                *name;
    NsConn              *conn;
    Tcl_Obj             *list;
    const Tcl_HashEntry *entry = NULL;
    Ns_ObjvSpec          args[] = {
        {"file", Ns_ObjvString, &name, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (Ns_ConnGetQuery(interp, &conn->pub, NULL, NULL) == NULL) {
        return TCL_ERROR;
    }
    if (conn->formFiles != NULL) {
        entry = Tcl_FindHashEntry(conn->formFiles, name);
    }
    if (entry == NULL) {
        Ns_TclPrintfResult(interp, "no such file: %s", name);
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (const NsFormFile *file = Tcl_GetHashValue(entry); file != NULL; file = file->next) {
        Tcl_ListObjAppendElement(NULL, list, get(interp, clientData, file));
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static Tcl_Obj *
FileHeaders(Tcl_Interp *interp, ClientData clientData, const NsFormFile *file)
{
    /* A copy: the files are parsed anew when the script chooses another charset. */
    (void)Ns_TclEnterSet(interp, Ns_SetCopy(file->headers), NS_TCL_SET_DYNAMIC);
    return Tcl_DuplicateObj(Tcl_GetObjResult(interp));
}

static Tcl_Obj *
FileLength(Tcl_Interp *interp, ClientData clientData, const NsFormFile *file)
{
    return Tcl_NewWideIntObj((Tcl_WideInt)file->length);
}

static Tcl_Obj *
FileOffset(Tcl_Interp *interp, ClientData clientData, const NsFormFile *file)
{
    return Tcl_NewWideIntObj((Tcl_WideInt)file->offset);
}

int
NsConnFileHeadersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return FileResult(clientData, interp, objc, objv, FileHeaders);
}

int
NsConnFileLengthObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return FileResult(clientData, interp, objc, objv, FileLength);
}

int
NsConnFileOffsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return FileResult(clientData, interp, objc, objv, FileOffset);
}

/* The whole body, which is JSON: as text when it is sound, or as triples. */
static int
BodyJson(Tcl_Interp *interp, const NsConn *conn, bool triples)
{
    const NsJsonOptions options = {.maxDepth = NS_JSON_DEPTH, .container = true};
    const char         *body = Ns_ConnContent(&conn->pub);
    size_t              len = conn->http->bodyLen, used;
    NsJsonError         error;
    Tcl_Obj            *result = NULL;
    bool                good;
    int                 status = TCL_ERROR;

    if (triples) {
        result = NsJsonToObj(body, len, &options, NS_JSON_AS_TRIPLES, NULL, &used, &error);
        good = result != NULL;
    } else {
        good = NsJsonCheck(body, len, &options, &used, &error);
    }
    if (!good) {
        (void)NsJsonParseError(interp, &error);
    } else if ((used = NsJsonSkipBlanks(body, len, used)) < len) {
        (void)NsJsonTrailingData(interp, used);
        if (triples) {
            Tcl_DecrRefCount(result);
        }
    } else {
        Tcl_SetObjResult(interp, triples ? result : NsTextObj(body, (ssize_t)len));
        status = TCL_OK;
    }
    return status;
}

int
NsGetJsonObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *data = clientData;
    NsConn         *conn = data->conn;
    const char     *output = "json";
    Ns_ObjvSpec     opts[] = {{"-output", Ns_ObjvString, &output, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, NULL, NULL, 1, objc, objv) != NS_OK) {
        Tcl_WrongNumArgs(interp, 0, objv, "?-output /output/?");
        return TCL_ERROR;
    }
    if (strcmp(output, "json") != 0 && strcmp(output, "triples") != 0) {
        Ns_TclPrintfResult(interp, "invalid value \"%s\" for -output: should be json or triples", output);
        return TCL_ERROR;
    }
    if (conn == NULL || conn->pub.contentLength == 0 || !NsConnHasJson(conn)) {
        return TCL_OK;
    }
    return BodyJson(interp, conn, *output == 't');
}
