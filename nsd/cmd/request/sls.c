/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_sls: names and values that stay with a connection, over all of its requests.
 */
#include <string.h>
#include "cmd/cmds.h"
#include "cmd/request/conncmd.h"

#define MAX_BYTES 65536u                       /* of names and values of one connection, which may stay for long */

/* The set of the connection, or NULL with an error: there is no request, or its connection is gone. */
static Ns_Set *
Storage(Tcl_Interp *interp, ClientData clientData)
{
    NsConn *conn = NsCmdConn(interp, clientData);

    if (conn != NULL && conn->sock == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("connection is closed", -1));
        conn = NULL;
    }
    return conn != NULL ? NsSockStorage(conn->sock) : NULL;
}

static size_t
Bytes(const Ns_Set *set)
{
    size_t sum = 0;

    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        sum += strlen(Ns_SetKey(set, i)) + strlen(Ns_SetValue(set, i));
    }
    return sum;
}

static int
ArrayObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Set  *set;
    Tcl_Obj *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK || (set = Storage(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_SetKey(set, i), -1));
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_SetValue(set, i), -1));
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *key;
    const char *value;
    Tcl_Obj    *def = NULL;
    Ns_Set     *set;
    Ns_ObjvSpec args[] = {{"key", Ns_ObjvString, &key, NULL}, {"?default", Ns_ObjvObj, &def, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (set = Storage(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    value = Ns_SetGet(set, key);
    if (value == NULL && def == NULL) {
        Ns_TclPrintfResult(interp, "the connection has no key \"%s\"", key);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, value != NULL ? Tcl_NewStringObj(value, -1) : def);
    return TCL_OK;
}

static int
SetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *key, *value;
    const char *old;
    Ns_Set     *set;
    size_t      bytes;
    Ns_ObjvSpec args[] = {{"key", Ns_ObjvString, &key, NULL}, {"value", Ns_ObjvString, &value, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (set = Storage(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    old = Ns_SetGet(set, key);
    bytes = Bytes(set) + strlen(value);
    bytes = old != NULL ? bytes - strlen(old) : bytes + strlen(key);
    if (bytes > MAX_BYTES) {
        Ns_TclPrintfResult(interp, "key \"%.100s\": more than %u bytes in all for one connection", key, MAX_BYTES);
        return TCL_ERROR;
    }
    (void)Ns_SetUpdate(set, key, value);
    return TCL_OK;
}

static int
UnsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *key;
    Ns_Set     *set;
    Ns_ObjvSpec args[] = {{"key", Ns_ObjvString, &key, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK || (set = Storage(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    Ns_SetDeleteKey(set, key);
    return TCL_OK;
}

static int
SlsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"array", ArrayObjCmd}, {"get", GetObjCmd}, {"set", SetObjCmd}, {"unset", UnsetObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsSlsCmds[];
const NsCmd nsSlsCmds[] = {
    {"ns_sls", SlsObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0}
};
