/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_urlspace: URL spaces for scripts, whose data are strings.
 */
#include "cmd/request/register.h"
#include "interp/interp.h"
#include "request/urlspace.h"

#define DEFAULT_KEY "."

static Ns_ObjvValueRange idRange = {-1, NS_URLSPACE_MAX};

static NsUrlSpace *
SpaceOf(Tcl_Interp *interp, ClientData clientData, int id)
{
    NsUrlSpace *space = NsUrlSpaceOfId(((NsInterp *)clientData)->server, id);

    if (space == NULL) {
        Ns_TclPrintfResult(interp, "provided urlspace id %d is not allocated", id);
    }
    return space;
}

static int
SpaceGetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsUrlSpace *space;
    Ns_Set     *context = NULL;
    char       *key = DEFAULT_KEY, *url;
    void       *string;
    int         exact = 0, noinherit = 0, id = -1;
    Ns_ObjvSpec opts[] = {
        {"-context",   Ns_ObjvSet, &context, NULL},
        {"-exact",     Ns_ObjvBool, &exact, NULL},
        {"-id",        Ns_ObjvInt, &id, &idRange},
        {"-key",       Ns_ObjvString, &key, NULL},
        {"-noinherit", Ns_ObjvBool, &noinherit, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"URL", Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK
        || (space = SpaceOf(interp, clientData, id)) == NULL) {
        return TCL_ERROR;
    }
    string = NsUrlSpaceFind(space, key, url, (exact ? NS_URL_EXACT : 0) | (noinherit ? NS_URL_NOINHERIT : 0), context);
    if (string != NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj(NsUrlStringText(string), -1));
        NsUrlStringRelease(string);
    }
    return TCL_OK;
}

static void
ListEntry(const NsUrlEntry *entry, void *arg)
{
    Tcl_Obj *list = arg, *words[6];
    int      count = 0;

    words[count++] = Tcl_NewStringObj(entry->key, -1);
    words[count++] = Tcl_NewStringObj(entry->path, -1);
    words[count++] = Tcl_NewStringObj(entry->pattern, -1);
    words[count++] = Tcl_NewStringObj(entry->inherit ? "inherit" : "noinherit", -1);
    if (*entry->constraints != '\0') {
        words[count++] = Tcl_NewStringObj(entry->constraints, -1);
    }
    words[count++] = Tcl_NewStringObj(NsUrlStringText(entry->data), -1);
    Tcl_ListObjAppendElement(NULL, list, Tcl_NewListObj(count, words));
}

static int
SpaceListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsUrlSpace *space;
    Tcl_Obj    *list;
    int         id = -1;
    Ns_ObjvSpec opts[] = {
        {"-id", Ns_ObjvInt, &id, &idRange},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK || (space = SpaceOf(interp, clientData, id)) == NULL) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    NsUrlSpaceWalk(space, ListEntry, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
SpaceNewObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int id;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    id = NsUrlSpaceNewId(((NsInterp *)clientData)->server);
    if (id < 0) {
        Ns_TclPrintfResult(interp, "no more URL spaces: a server has at most %d", NS_URLSPACE_MAX);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(id));
    return TCL_OK;
}

static int
SpaceSetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsUrlSpace    *space;
    NsConstraints *constraints;
    char          *key = DEFAULT_KEY, *url, *data;
    Tcl_Obj       *constraintsObj = NULL;
    int            noinherit = 0, id = -1;
    Ns_ObjvSpec    opts[] = {
        {"-constraints", Ns_ObjvObj, &constraintsObj, "constraints"},
        {"-id",          Ns_ObjvInt, &id, &idRange},
        {"-key",         Ns_ObjvString, &key, NULL},
        {"-noinherit",   Ns_ObjvBool, &noinherit, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"URL",  Ns_ObjvString, &url, NULL},
        {"data", Ns_ObjvString, &data, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (space = SpaceOf(interp, clientData, id)) == NULL
        || NsConstraintsParse(interp, constraintsObj != NULL ? Tcl_GetString(constraintsObj) : NULL, &constraints) != NS_OK) {
        return TCL_ERROR;
    }
    NsUrlSpaceSet(space, key, url, NsUrlStringNew(data), noinherit ? NS_URL_NOINHERIT : 0, constraints);
    return TCL_OK;
}

static int
SpaceUnsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsUrlSpace *space;
    char       *key = DEFAULT_KEY, *url;
    int         allConstraints = 0, allFilters = 0, noinherit = 0, recurse = 0, id = -1;
    unsigned    flags;
    Ns_ObjvSpec opts[] = {
        {"-allconstraints", Ns_ObjvBool, &allConstraints, NULL},
        {"-allfilters",     Ns_ObjvBool, &allFilters, NULL},
        {"-id",             Ns_ObjvInt, &id, &idRange},
        {"-key",            Ns_ObjvString, &key, NULL},
        {"-noinherit",      Ns_ObjvBool, &noinherit, NULL},
        {"-recurse",        Ns_ObjvBool, &recurse, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"URL", Ns_ObjvString, &url, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || (space = SpaceOf(interp, clientData, id)) == NULL) {
        return TCL_ERROR;
    }
    flags = (allConstraints ? NS_URL_ALLCONSTRAINTS : 0) | (allFilters ? NS_URL_ALLFILTERS : 0)
        | (noinherit ? NS_URL_NOINHERIT : 0) | (recurse ? NS_URL_RECURSE : 0);
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsUrlSpaceUnset(space, key, url, flags)));
    return TCL_OK;
}

int
NsUrlSpaceObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"get",   SpaceGetObjCmd},
        {"list",  SpaceListObjCmd},
        {"new",   SpaceNewObjCmd},
        {"set",   SpaceSetObjCmd},
        {"unset", SpaceUnsetObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
