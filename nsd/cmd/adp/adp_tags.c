/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages: registered tags and their sets.
 */
#include <string.h>
#include "cmd/adp/adpcmd.h"

/* ?-tagset set? tag ?endtag? code, which is called as the command calls it. */
static int
Register(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, NsAdpTagKind kind, const char *what)
{
    char       *tagset = NULL, *tag, *end = NULL, *code;
    int         first = objc > 1 && strcmp(Tcl_GetString(objv[1]), "-tagset") == 0 ? 3 : 1;
    Ns_ObjvSpec opts[] = {
        {"-tagset", Ns_ObjvString, &tagset, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"tag",     Ns_ObjvString, &tag, NULL},
        {"?endtag", Ns_ObjvString, &end, NULL},
        {what,      Ns_ObjvString, &code, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (objc - first == 2) {                   /* no end: what comes next is the code */
        args[1] = args[2];
        args[2] = args[3];
    }
    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (tagset == NULL) {
        tagset = (char *)(uintptr_t)NS_ADP_TAGSET_DEFAULT;
    }
    if (!NsAdpTagRegister(NsCmdAdp(clientData)->server->tags, tagset, kind, tag, end, code)) {
        Ns_TclPrintfResult(interp, "ADP tagset \"%s\" does not exist", tagset);
        return TCL_ERROR;
    }
    return TCL_OK;
}

int
NsAdpRegisterProcObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Register(clientData, interp, objc, objv, NS_ADP_TAG_PROC, "proc");
}

int
NsAdpRegisterScriptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Register(clientData, interp, objc, objv, NS_ADP_TAG_SCRIPT, "proc");
}

int
NsAdpRegisterAdpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Register(clientData, interp, objc, objv, NS_ADP_TAG_PAGE, "adpstring");
}

/* ---------------------------------------------------------------------------------------------------------------- sets */

static int
ParseName(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, char **name)
{
    Ns_ObjvSpec args[] = {
        {"tagset", Ns_ObjvString, name, NULL},
        {NULL, NULL, NULL, NULL}
    };

    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv) == NS_OK ? TCL_OK : TCL_ERROR;
}

static int
CreateObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char *name;

    if (ParseName(interp, objc, objv, &name) != TCL_OK) {
        return TCL_ERROR;
    }
    if (!NsAdpTagSetCreate(NsCmdAdp(clientData)->server->tags, name)) {
        Ns_TclPrintfResult(interp, "ADP tagset \"%s\" already exists", name);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
ExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char *name;

    if (ParseName(interp, objc, objv, &name) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsAdpTagSetExists(NsCmdAdp(clientData)->server->tags, name)));
    return TCL_OK;
}

static int
NamesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsAdpTagSetNames(NsCmdAdp(clientData)->server->tags));
    return TCL_OK;
}

static int
TagsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char    *name;
    Tcl_Obj *list;

    if (ParseName(interp, objc, objv, &name) != TCL_OK) {
        return TCL_ERROR;
    }
    list = NsAdpTagSetInfo(NsCmdAdp(clientData)->server->tags, name);
    if (list == NULL) {
        Ns_TclPrintfResult(interp, "ADP tagset \"%s\" does not exist", name);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

int
NsAdpTagSetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"create", CreateObjCmd}, {"exists", ExistsObjCmd}, {"names", NamesObjCmd}, {"info", TagsObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
