/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsperm: users, groups and permissions from files, as an authority for the requests of a server.
 */
#include <string.h>
#include "files.h"
#include "nsperm.h"

NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT const int Ns_ModuleVersion = 1;

/* Who reads or writes the files, of all servers: they may have the same ones. */
static Ns_Mutex files;

static Ns_ReturnCode
CheckRequest(void *arg, const Ns_AuthQuestion *question)
{
    return PermCheck(((PermModule *)arg)->store, question);
}

static Ns_ReturnCode
CheckUser(void *arg, const Ns_AuthQuestion *question)
{
    return PermCheckPassword(((PermModule *)arg)->store, question->user, question->password) == PERM_RIGHT ? NS_OK : NS_UNAUTHORIZED;
}

bool
PermModuleLoad(PermModule *module, Tcl_DString *error)
{
    bool done;

    Ns_MutexLock(&files);
    done = PermFilesLoad(module->store, module->passwdFile, module->folder, error);
    Ns_MutexUnlock(&files);
    return done;
}

bool
PermModuleSetPassword(PermModule *module, const char *user, const char *encrypted, Tcl_DString *error)
{
    bool done;

    /* Both under the lock: who reads the files meanwhile would bring the old one back. */
    Ns_MutexLock(&files);
    done = PermFilesSetPassword(module->passwdFile, user, encrypted, error);
    if (done) {
        (void)PermSetPassword(module->store, user, encrypted);
    }
    Ns_MutexUnlock(&files);
    return done;
}

/* A path below the server's home, unless it is absolute; to be kept. */
static char *
HomePath(const char *path)
{
    Tcl_DString ds;
    char       *result;

    Tcl_DStringInit(&ds);
    if (path[0] != '/') {
        Tcl_DStringAppend(&ds, Ns_InfoHomePath(), -1);
        Tcl_DStringAppend(&ds, "/", 1);
    }
    Tcl_DStringAppend(&ds, path, -1);
    result = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const char   *section;
    PermModule   *perm;
    Tcl_DString   error;
    Ns_ReturnCode status = NS_ERROR;

    if (server == NULL) {
        Ns_Log(Error, "nsperm: module %s belongs to a server: ns/server/NAME/modules", module);
        return NS_ERROR;
    }
    section = Ns_ConfigSectionPath(NULL, server, module, NULL);
    perm = ns_calloc(1, sizeof *perm);
    perm->store = PermStoreNew(server);
    perm->passwdFile = HomePath(Ns_ConfigString(section, "passwdfile", "modules/nsperm/passwd"));
    perm->folder = HomePath("modules/nsperm");

    /* A line that is not understood might be one that forbids something: the server does not start without it. */
    Tcl_DStringInit(&error);
    if (!PermModuleLoad(perm, &error)) {
        Ns_Log(Error, "nsperm: %s", Tcl_DStringValue(&error));
    } else if (Ns_RegisterAuthority(server, NS_AUTH_REQUEST, "nsperm", false, CheckRequest, perm) == NS_OK
               && Ns_RegisterAuthority(server, NS_AUTH_USER, "nsperm", false, CheckUser, perm) == NS_OK) {
        status = Ns_TclRegisterTrace(server, PermCreateCommands, perm, NS_TCL_TRACE_CREATE);
    }
    Tcl_DStringFree(&error);
    return status;
}
