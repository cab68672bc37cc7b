/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_certctl: the certificates that the server presents.
 */
#include "cmd/crypto/input.h"
#include "crypto/cert.h"
#include "driver.h"
#include "net/tls.h"

static int
InfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *file;
    X509       *cert;
    NsCryptoWhy why;
    Ns_ObjvSpec args[] = {{"cert", Ns_ObjvString, &file, NULL}, OPT_END};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    cert = NsCertRead(file, &why);
    if (cert == NULL) {
        return CryptoError(interp, &why);
    }
    Tcl_SetObjResult(interp, NsCertInfo(cert));
    X509_free(cert);
    return TCL_OK;
}

static void
AppendCertificate(const char *file, const X509 *certificate, void *list)
{
    Tcl_Obj *words[3] = {
        Tcl_NewStringObj(file, -1), Tcl_NewStringObj("remaining_days", -1),
        Tcl_ObjPrintf("%.2f", certificate != NULL ? NsCertRemainingDays(certificate) : 0)
    };
    Tcl_Obj *element = Tcl_NewListObj(3, words);

    /* They come the newest first. */
    (void)Tcl_ListObjReplace(NULL, list, 0, 0, 1, &element);
}

static int
ListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj *list;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    NsTlsCertificateEach(AppendCertificate, list);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

static int
ReloadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int failed;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    failed = NsDriversReload();
    if (failed > 0) {
        Ns_TclPrintfResult(interp, "%d of the drivers could not reload, what was loaded before stays in use: see the log", failed);
    }
    return failed > 0 ? TCL_ERROR : TCL_OK;
}

static int
CertCtlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {{"info", InfoObjCmd}, {"list", ListObjCmd}, {"reload", ReloadObjCmd}, {NULL, NULL}};

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsCertCtlCmds[];
const NsCmd nsCertCtlCmds[] = {
    {"ns_certctl", CertCtlObjCmd, 0},
    {NULL, NULL, 0}
};
