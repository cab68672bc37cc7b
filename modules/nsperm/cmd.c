/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_perm, ns_permpasswd, ns_permreload.
 */
#include <string.h>
#include "files.h"
#include "nsperm.h"

static PermStore *
Store(ClientData clientData)
{
    return ((PermModule *)clientData)->store;
}

/* The error is the interpreter's result; freed. */
static int
Outcome(Tcl_Interp *interp, bool done, Tcl_DString *error)
{
    if (!done) {
        Tcl_DStringResult(interp, error);
    }
    Tcl_DStringFree(error);
    return done ? TCL_OK : TCL_ERROR;
}

/* ------------------------------------------------------------------------------------------------------------- users */

/* NULL: one of them is none, and the interpreter says so. */
static PermHost *
ReadHosts(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    PermHost *hosts = ns_calloc((size_t)objc + 1u, sizeof *hosts);

    for (int i = 0; i < objc; i++) {
        if (!PermHostRead(Tcl_GetString(objv[i]), &hosts[i])) {
            Ns_TclPrintfResult(interp, "neither address, network nor name of a host: %s", Tcl_GetString(objv[i]));
            while (i > 0) {
                PermHostFree(&hosts[--i]);
            }
            ns_free(hosts);
            return NULL;
        }
    }
    return hosts;
}

static int
AddUserObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int          allow = 0, deny = 0, clear = 0, hostCount = 0;
    char        *salt = NULL, *name, *password, *field;
    PermUserSpec spec;
    Tcl_DString  error, crypted;
    bool         done = false;
    Ns_ObjvSpec  opts[] = {
        {"-allow", Ns_ObjvBool, &allow, NULL}, {"-deny", Ns_ObjvBool, &deny, NULL}, {"-clear", Ns_ObjvBool, &clear, NULL},
        {"-salt", Ns_ObjvString, &salt, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec  args[] = {
        {"name", Ns_ObjvString, &name, NULL}, {"encpass", Ns_ObjvString, &password, NULL},
        {"userfield", Ns_ObjvString, &field, NULL}, {"?host", Ns_ObjvArgs, &hostCount, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&error);
    Tcl_DStringInit(&crypted);
    memset(&spec, 0, sizeof spec);
    spec.name = name;
    spec.password = password;
    spec.field = field;
    spec.deny = deny != 0;
    spec.clear = clear != 0 && salt == NULL;
    spec.hostCount = (size_t)hostCount;
    if (salt != NULL && !Ns_PasswordCrypt(&crypted, password, salt)) {
        Tcl_DStringAppend(&error, "invalid salt: ", -1);
        Tcl_DStringAppend(&error, salt, -1);
    } else {
        spec.password = salt != NULL ? Tcl_DStringValue(&crypted) : password;
        spec.hosts = ReadHosts(interp, hostCount, objv + (objc - hostCount));
        if (spec.hosts == NULL) {
            Tcl_DStringAppend(&error, Tcl_GetStringResult(interp), -1);
        } else {
            done = PermAddUser(Store(clientData), &spec, false, &error);
        }
    }
    Tcl_DStringFree(&crypted);
    return Outcome(interp, done, &error);
}

/* The one argument of a subcommand. */
static int
DeleteNamed(Tcl_Interp *interp, ClientData clientData, int objc, Tcl_Obj *const *objv, bool (*work)(PermStore *store, const char *name))
{
    char       *name;
    Ns_ObjvSpec args[] = {{"name", Ns_ObjvString, &name, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    (void)work(Store(clientData), name);       /* who is not there is gone as well */
    return TCL_OK;
}

static int
DelUserObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DeleteNamed(interp, clientData, objc, objv, PermDeleteUser);
}

static int
DelGroupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return DeleteNamed(interp, clientData, objc, objv, PermDeleteGroup);
}

static int
CheckPassObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name, *password;
    PermVerdict verdict;
    Ns_ObjvSpec args[] = {{"user", Ns_ObjvString, &name, NULL}, {"passwd", Ns_ObjvString, &password, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    verdict = PermCheckPassword(Store(clientData), name, password);
    if (verdict != PERM_RIGHT) {
        Ns_TclPrintfResult(interp, "%s", verdict == PERM_WRONG ? "incorrect password" : "user not found");
    }
    return verdict == PERM_RIGHT ? TCL_OK : TCL_ERROR;
}

static int
SetPassObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *name, *password, *salt = NULL;
    Tcl_DString crypted;
    int         code = TCL_OK;
    Ns_ObjvSpec args[] = {
        {"user", Ns_ObjvString, &name, NULL}, {"encpass", Ns_ObjvString, &password, NULL}, {"?salt", Ns_ObjvString, &salt, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&crypted);
    if (salt != NULL && !Ns_PasswordCrypt(&crypted, password, salt)) {
        Ns_TclPrintfResult(interp, "invalid salt: %s", salt);
        code = TCL_ERROR;
    } else {
        password = salt != NULL ? Tcl_DStringValue(&crypted) : password;
        Tcl_SetObjResult(interp, Tcl_NewIntObj(PermSetPassword(Store(clientData), name, password) ? 1 : 0));
    }
    Tcl_DStringFree(&crypted);
    return code;
}

/* ------------------------------------------------------------------------------------------------------------ groups */

static int
AddGroupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char        *group, *first;
    const char **users;
    int          more = 0;
    Tcl_DString  error;
    bool         done;
    Ns_ObjvSpec  args[] = {
        {"group", Ns_ObjvString, &group, NULL}, {"user", Ns_ObjvString, &first, NULL}, {"?user", Ns_ObjvArgs, &more, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    users = ns_malloc(((size_t)more + 1u) * sizeof *users);
    for (int i = 0; i <= more; i++) {
        users[i] = Tcl_GetString(objv[objc - more - 1 + i]);
    }
    Tcl_DStringInit(&error);
    done = PermAddGroup(Store(clientData), group, more + 1, users, false, &error);
    ns_free(users);
    return Outcome(interp, done, &error);
}

/* ----------------------------------------------------------------------------------------------------------- records */

/* `url` begins with a slash. */
static int
CheckUrl(Tcl_Interp *interp, const char *url)
{
    if (url[0] != '/') {
        Ns_TclPrintfResult(interp, "a URL begins with '/': %s", url);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static int
Permit(Tcl_Interp *interp, ClientData clientData, int objc, Tcl_Obj *const *objv, PermKind kind, const char *what)
{
    char       *method, *url;
    int         noInherit = 0, count = 0;
    Ns_ObjvSpec opts[] = {{"-noinherit", Ns_ObjvBool, &noInherit, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {
        {"method", Ns_ObjvString, &method, NULL}, {"url", Ns_ObjvString, &url, NULL}, {what, Ns_ObjvArgs, &count, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || CheckUrl(interp, url) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = objc - count; i < objc; i++) {
        PermAdd(Store(clientData), kind, noInherit == 0, method, url, Tcl_GetString(objv[i]), false);
    }
    return TCL_OK;
}

static int
AllowUserObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Permit(interp, clientData, objc, objv, PERM_ALLOW_USER, "user");
}

static int
DenyUserObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Permit(interp, clientData, objc, objv, PERM_DENY_USER, "user");
}

static int
AllowGroupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Permit(interp, clientData, objc, objv, PERM_ALLOW_GROUP, "group");
}

static int
DenyGroupObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return Permit(interp, clientData, objc, objv, PERM_DENY_GROUP, "group");
}

static int
DelPermObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *method, *url;
    int         noInherit = 0;
    Ns_ObjvSpec opts[] = {{"-noinherit", Ns_ObjvBool, &noInherit, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {{"method", Ns_ObjvString, &method, NULL}, {"url", Ns_ObjvString, &url, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK || CheckUrl(interp, url) != TCL_OK) {
        return TCL_ERROR;
    }
    (void)PermDelete(Store(clientData), noInherit == 0, method, url);
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------------- lists */

static int
List(Tcl_Interp *interp, ClientData clientData, int objc, Tcl_Obj *const *objv, void (*list)(PermStore *store, Tcl_DString *ds))
{
    Tcl_DString ds;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    list(Store(clientData), &ds);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
ListUsersObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return List(interp, clientData, objc, objv, PermListUsers);
}

static int
ListGroupsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return List(interp, clientData, objc, objv, PermListGroups);
}

static int
ListPermsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return List(interp, clientData, objc, objv, PermListRecords);
}

static int
PermObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"adduser", AddUserObjCmd}, {"addgroup", AddGroupObjCmd}, {"listusers", ListUsersObjCmd}, {"listgroups", ListGroupsObjCmd},
        {"listperms", ListPermsObjCmd}, {"allowuser", AllowUserObjCmd}, {"allowgroup", AllowGroupObjCmd},
        {"denyuser", DenyUserObjCmd}, {"denygroup", DenyGroupObjCmd}, {"checkpass", CheckPassObjCmd}, {"setpass", SetPassObjCmd},
        {"deluser", DelUserObjCmd}, {"delgroup", DelGroupObjCmd}, {"delperm", DelPermObjCmd}, {NULL, NULL}
    };
    int index;

    /* Not Ns_SubcmdObjv: NaviServer's messages here are others. */
    if (objc < 2) {
        Ns_TclPrintfResult(interp, "wrong # args: should be \"%s /subcommand/ ?/arg .../?\"", Tcl_GetString(objv[0]));
        return TCL_ERROR;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, sizeof subcmds[0], "subcommand", 0, &index) != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}

/* ------------------------------------------------------------------------------------------------------------- files */

static int
PermReloadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_DString error;

    if (objc != 1) {
        Tcl_WrongNumArgs(interp, 1, objv, "");
        return TCL_ERROR;
    }
    Tcl_DStringInit(&error);
    return Outcome(interp, PermModuleLoad(clientData, &error), &error);
}

/* A new password, here and in the file, for who knows the old one, or that of nsadmin. */
static int
PermPasswdObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    PermModule *module = clientData;
    const char *user, *old;
    Tcl_DString setting, crypted, error;
    bool        done;

    if (objc != 4) {
        Tcl_WrongNumArgs(interp, 1, objv, "user oldpasswd newpasswd");
        return TCL_ERROR;
    }
    user = Tcl_GetString(objv[1]);
    old = Tcl_GetString(objv[2]);
    if (PermCheckPassword(module->store, user, old) != PERM_RIGHT && PermCheckPassword(module->store, PERM_ADMIN, old) != PERM_RIGHT) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("incorrect old password", -1));
        return TCL_OK;
    }
    Tcl_DStringInit(&setting);
    Tcl_DStringInit(&crypted);
    Tcl_DStringInit(&error);
    Ns_PasswordSetting(&setting);
    done = Ns_PasswordCrypt(&crypted, Tcl_GetString(objv[3]), Tcl_DStringValue(&setting));
    if (!done) {
        Tcl_DStringAppend(&error, "the new password has a NUL", -1);
    } else {
        done = PermModuleSetPassword(module, user, Tcl_DStringValue(&crypted), &error);
    }
    Tcl_DStringFree(&crypted);
    Tcl_DStringFree(&setting);
    return Outcome(interp, done, &error);
}

Ns_ReturnCode
PermCreateCommands(Tcl_Interp *interp, const void *module)
{
    (void)Tcl_CreateObjCommand(interp, "ns_perm", PermObjCmd, (ClientData)module, NULL);
    (void)Tcl_CreateObjCommand(interp, "ns_permpasswd", PermPasswdObjCmd, (ClientData)module, NULL);
    (void)Tcl_CreateObjCommand(interp, "ns_permreload", PermReloadObjCmd, (ClientData)module, NULL);
    return NS_OK;
}
