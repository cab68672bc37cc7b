/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_smtpsend: a message to a mail server.
 */
#include <string.h>
#include <openssl/crypto.h>
#include "base/text.h"
#include "client/http.h"
#include "client/smtp.h"
#include "cmd/cmds.h"
#include "interp/interp.h"
#include "request/codec.h"

typedef struct SmtpOptions {
    int      insecure, log, port, security;
    char    *caFile, *caPath, *hello, *mechanism, *user, *password, *host, *from;
    Tcl_Obj *recipients, *message;
    Ns_Time *timeout;
} SmtpOptions;

static int
Parse(Tcl_Interp *interp, SmtpOptions *o, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvTable securities[] = {
        {"auto", NS_SMTP_TLS_AUTO}, {"off", NS_SMTP_TLS_OFF}, {"starttls", NS_SMTP_TLS_STARTTLS}, {"tls", NS_SMTP_TLS_ON}, {NULL, 0}
    };
    static Ns_ObjvTable mechanisms[] = {{"PLAIN", 0}, {"LOGIN", 1}, {NULL, 0}};
    static Ns_ObjvValueRange ports = {1, 65535};
    int         login = 0;
    Ns_ObjvSpec opts[] = {
        {"-cafile", Ns_ObjvString, &o->caFile, NULL},
        {"-capath", Ns_ObjvString, &o->caPath, NULL},
        {"-hello", Ns_ObjvString, &o->hello, NULL},
        {"-insecure", Ns_ObjvBool, &o->insecure, NULL},
        {"-log", Ns_ObjvBool, &o->log, NULL},
        {"-mechanism", Ns_ObjvIndex, &login, mechanisms},
        {"-password", Ns_ObjvString, &o->password, NULL},
        {"-security", Ns_ObjvIndex, &o->security, securities},
        {"-timeout", Ns_ObjvTime, &o->timeout, NULL},
        {"-user", Ns_ObjvString, &o->user, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"host", Ns_ObjvString, &o->host, NULL},
        {"port", Ns_ObjvInt, &o->port, &ports},
        {"from", Ns_ObjvString, &o->from, NULL},
        {"recipients", Ns_ObjvObj, &o->recipients, NULL},
        {"message", Ns_ObjvObj, &o->message, NULL},
        {NULL, NULL, NULL, NULL}
    };

    o->security = NS_SMTP_TLS_AUTO;
    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    o->mechanism = login ? "LOGIN" : "PLAIN";
    return TCL_OK;
}

static Ns_TlsCtx *
MakeTls(const SmtpOptions *o, const NsServer *server, Tcl_DString *error)
{
    Ns_TlsClientParams params = {.caFile = o->caFile, .caPath = o->caPath, .insecure = o->insecure != 0};

    NsHttpTlsConfigured(server, o->insecure != 0, &params);
    return Ns_TlsCtxClientCreate(&params, error);
}

/* The bytes of a word, kept in `ds`. */
static const char *
Out(Tcl_DString *ds, const char *text)
{
    Tcl_DStringInit(ds);
    return text != NULL ? NsTextOutString(ds, text) : NULL;
}

/* Addresses as they go out, one after the other in `ds`, each with its NUL. */
static int
Recipients(Tcl_Interp *interp, Tcl_Obj *list, Tcl_DString *ds, const char ***addresses)
{
    int       count;
    Tcl_Obj **words;
    char     *at;

    if (Tcl_ListObjGetElements(interp, list, &count, &words) != TCL_OK) {
        return -1;
    }
    if (count == 0) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("a mail needs a recipient", -1));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        int         len;
        const char *text = Tcl_GetStringFromObj(words[i], &len);

        NsTextAppendOut(ds, text, (size_t)len);
        Tcl_DStringAppend(ds, "\0", 1);
    }
    *addresses = ns_malloc((size_t)count * sizeof(**addresses));
    at = Tcl_DStringValue(ds);
    for (int i = 0; i < count; i++) {
        (*addresses)[i] = at;
        at += strlen(at) + 1;
    }
    return count;
}

static int
Send(Tcl_Interp *interp, const SmtpOptions *o, NsSmtpMessage *message)
{
    Tcl_DString  error, from, hello, user, password, host, data, recipients;
    const char **addresses = NULL;
    int          status = TCL_ERROR;

    Tcl_DStringInit(&error);
    Tcl_DStringInit(&data);
    Tcl_DStringInit(&recipients);
    message->from = Out(&from, o->from);
    message->hello = Out(&hello, o->hello != NULL ? o->hello : Ns_InfoHostname());
    message->user = Out(&user, o->user);
    message->password = Out(&password, o->password != NULL ? o->password : "");
    message->host = Out(&host, o->host);
    message->data = NsObjBytes(o->message, false, &data, &message->len);
    message->recipientCount = Recipients(interp, o->recipients, &recipients, &addresses);
    message->recipients = addresses;
    if (message->recipientCount > 0) {
        if (NsSmtpSend(message, &error)) {
            status = TCL_OK;
        } else {
            Tcl_DStringResult(interp, &error);
        }
    }
    OPENSSL_cleanse(Tcl_DStringValue(&password), (size_t)Tcl_DStringLength(&password));
    Tcl_DStringFree(&error);
    Tcl_DStringFree(&from);
    Tcl_DStringFree(&hello);
    Tcl_DStringFree(&user);
    Tcl_DStringFree(&password);
    Tcl_DStringFree(&host);
    Tcl_DStringFree(&data);
    Tcl_DStringFree(&recipients);
    ns_free(addresses);
    return status;
}

static int
SmtpSendObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *context = clientData;
    SmtpOptions     o = {0};
    NsSmtpMessage   message = {.timeout = {60, 0}};
    Tcl_DString     error;
    int             status = TCL_ERROR;

    if (Parse(interp, &o, objc, objv) != TCL_OK) {
        return TCL_ERROR;
    }
    message.port = (unsigned short)o.port;
    message.security = (NsSmtpTls)o.security;
    message.mechanism = o.mechanism;
    message.log = o.log != 0;
    if (o.timeout != NULL) {
        message.timeout = *o.timeout;
    }
    Tcl_DStringInit(&error);
    if (message.security != NS_SMTP_TLS_OFF) {
        message.tls = MakeTls(&o, context->server, &error);
    }
    if (message.security == NS_SMTP_TLS_OFF || message.tls != NULL) {
        status = Send(interp, &o, &message);
    } else {
        Tcl_DStringResult(interp, &error);
    }
    Tcl_DStringFree(&error);
    if (message.tls != NULL) {
        Ns_TlsCtxRelease(message.tls);
    }
    return status;
}

extern const NsCmd nsSmtpCmds[];
const NsCmd nsSmtpCmds[] = {
    {"ns_smtpsend", SmtpSendObjCmd, 0},
    {NULL, NULL, 0}
};
