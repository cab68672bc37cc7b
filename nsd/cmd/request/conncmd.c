/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the commands about the current request share.
 */
#include <string.h>
#include "cmd/request/conncmd.h"
#include "request/connio.h"
#include "http/head.h"

NsConn *
NsCmdConn(Tcl_Interp *interp, ClientData clientData)
{
    NsConn *conn = ((NsInterp *)clientData)->conn;

    if (conn == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("no connection", -1));
    } else {
        NS_CHECK(conn, NS_CONN_MAGIC);
    }
    return conn;
}

NsConn *
NsCmdOpenConn(Tcl_Interp *interp, ClientData clientData)
{
    NsConn     *conn = NsCmdConn(interp, clientData);
    const char *refusal = conn != NULL ? NsConnWriteRefusal(conn) : NULL;

    if (refusal != NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(refusal, -1));
        conn = NULL;
    }
    return conn;
}

int
NsCmdStatusResult(Tcl_Interp *interp, Ns_ReturnCode status)
{
    NsAtCloseCheck(interp, NsGetInterpData(interp));
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(status == NS_OK));
    return TCL_OK;
}

bool
NsCmdHeaderValueOk(Tcl_Interp *interp, const char *header, Tcl_Obj *value)
{
    int         length;
    const char *text = Tcl_GetStringFromObj(value, &length);

    /* Tcl's NUL is two bytes. */
    if (NsHttpValueValid(text, (size_t)length) && memmem(text, (size_t)length, "\300\200", 2) == NULL) {
        return true;
    }
    Ns_TclPrintfResult(interp, "invalid value for header '%s': it has a line end, NUL or another control character", header);
    return false;
}
