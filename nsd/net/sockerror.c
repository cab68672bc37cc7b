/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What modules ask of errors of sockets (nssock.h).
 */
#include <openssl/err.h>
#include "ns.h"

ns_sockerrno_t
Ns_GetSockErrno(void)
{
    return errno;
}

void
Ns_SetSockErrno(ns_sockerrno_t err)
{
    errno = err;
}

void
Ns_ClearSockErrno(void)
{
    errno = 0;
}

const char *
Ns_SockStrError(ns_sockerrno_t err)
{
    return strerror(err);
}

int
Ns_SockErrorCode(Tcl_Interp *interp, NS_SOCKET sock)
{
    int       error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error != 0) {
        errno = error;
        if (interp != NULL) {
            (void)Tcl_PosixError(interp);
        }
    }
    return error;
}

void
Ns_SockConnectError(Tcl_Interp *interp, const char *host, unsigned short portNr, Ns_ReturnCode status, const Ns_Time *timeoutPtr)
{
    const char *reason;
    Tcl_DString ds;

    if (status == NS_TIMEOUT) {
        Tcl_DStringInit(&ds);
        if (timeoutPtr != NULL) {
            Tcl_DStringAppend(&ds, " after ", -1);
            (void)Ns_DStringAppendTime(&ds, timeoutPtr);
            Tcl_DStringAppend(&ds, " seconds", -1);
        }
        Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("timeout while connecting to %s port %hu%s", host, portNr, Tcl_DStringValue(&ds)));
        Tcl_DStringFree(&ds);
    } else {
        reason = Tcl_PosixError(interp);
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("can't connect to %s port %hu: %s", host, portNr, reason));
    }
}

/* Those of OpenSSL have a library in their upper bits; an errno that it passes on has a bit of its own. */
const char *
NsSockErrorCodeString(unsigned long errorCode, char *buffer, size_t bufferSize)
{
    if (errorCode <= INT_MAX && ERR_GET_LIB(errorCode) == 0) {
        (void)snprintf(buffer, bufferSize, "%s", strerror((int)errorCode));
    } else if (ERR_SYSTEM_ERROR(errorCode)) {
        (void)snprintf(buffer, bufferSize, "%s", strerror(ERR_GET_REASON(errorCode)));
    } else {
        ERR_error_string_n(errorCode, buffer, bufferSize);
    }
    return buffer;
}
