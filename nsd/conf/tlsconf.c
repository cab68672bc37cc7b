/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A TLS context of a module by the parameters of its section (nstls.h), which are those of nsssl.
 */
#include <string.h>
#include <strings.h>
#include "ns.h"

static const char *
Given(const char *section, const char *key, const char *otherwise)
{
    const char *value = Ns_ConfigString(section, key, NULL);

    return value != NULL && *value != '\0' ? value : otherwise;
}

/* False: the words are none, and nobody is to be let in by that. */
static bool
ReadMode(Tcl_Interp *interp, const char *section, Ns_TLSClientCertMode *mode)
{
    static const struct { const char *name; Ns_TLSClientCertMode mode; } modes[] = {
        {"none", NS_TLS_CLIENT_CERT_NONE}, {"request", NS_TLS_CLIENT_CERT_OPTIONAL}, {"optional", NS_TLS_CLIENT_CERT_OPTIONAL},
        {"require", NS_TLS_CLIENT_CERT_REQUIRE}, {"required", NS_TLS_CLIENT_CERT_REQUIRE}, {"demand", NS_TLS_CLIENT_CERT_REQUIRE}
    };
    const char *value = Given(section, "clientcertmode", NULL), *verify = Given(section, "verify", NULL);
    int         flag = 0;

    for (size_t i = 0; value != NULL && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcasecmp(value, modes[i].name) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    if (value == NULL && (verify == NULL || Tcl_GetBoolean(NULL, verify, &flag) == TCL_OK)) {
        *mode = flag != 0 ? NS_TLS_CLIENT_CERT_REQUIRE : NS_TLS_CLIENT_CERT_NONE;
        return true;
    }
    if (interp != NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("section %s: parameter %s: \"%s\" is not %s", section,
                                               value != NULL ? "clientcertmode" : "verify", value != NULL ? value : verify,
                                               value != NULL ? "none, request or require" : "a boolean"));
    } else {
        Ns_Log(Error, "tls: section %s: clientcertmode or verify is none: \"%s\"", section, value != NULL ? value : verify);
    }
    return false;
}

int
Ns_TLS_CtxServerInit(const char *section, Tcl_Interp *interp, unsigned int flags, void *app_data, NS_TLS_SSL_CTX **ctxPtr)
{
    Ns_TLSClientCertMode mode;

    *ctxPtr = NULL;
    if (!ReadMode(interp, section, &mode)) {
        return TCL_ERROR;
    }
    return Ns_TLS_CtxServerCreateCfg(interp, Given(section, "certificate", NULL), Given(section, "key", NULL),
                                     Given(section, "clientcafile", Given(section, "cafile", NULL)),
                                     Given(section, "clientcapath", Given(section, "capath", NULL)), mode,
                                     Given(section, "ciphers", NULL), Given(section, "ciphersuites", NULL),
                                     Given(section, "protocols", NULL), NULL, app_data, flags, ctxPtr);
}
