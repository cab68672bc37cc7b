/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the files of ns_websocket share: errors, and messages of scripts on their way out.
 */
#include <errno.h>
#include "base/text.h"
#include "cmd/channel/websocket_sub.h"
#include "cmd/channel/wshandler.h"

int
NsWsSessionError(Tcl_Interp *interp, const NsChan *chan, const char *what, const char *message)
{
    Ns_TclPrintfResult(interp, "channel \"%s\" %s", Ns_ConnChanName(chan), message);
    Tcl_SetErrorCode(interp, "NS", "WEBSOCKET", what, Ns_ConnChanName(chan), (char *)NULL);
    return TCL_ERROR;
}

int
NsWsFailed(Tcl_Interp *interp, NsChan *chan, const char *what)
{
    int code = errno;

    if (!Ns_WebSocketIs(chan)) {
        return NsWsSessionError(interp, chan, "NONE", "is no WebSocket");
    }
    switch (code) {
    case EPIPE:
        return NsWsSessionError(interp, chan, "CLOSED", "is closed");
    case ENOBUFS:
        return NsWsSessionError(interp, chan, "SLOW", "is closed: its peer is slow, maxsendbuffer was reached");
    case EILSEQ:
        Ns_TclPrintfResult(interp, "%s: %s failed: half of a surrogate pair is no text", Ns_ConnChanName(chan), what);
        return TCL_ERROR;
    default:
        errno = code;
        Ns_TclPrintfResult(interp, "%s: %s failed: %s", Ns_ConnChanName(chan), what, Tcl_PosixError(interp));
        return TCL_ERROR;
    }
}

int
NsWsWaiting(Tcl_Interp *interp, ssize_t bytes)
{
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)bytes));
    return TCL_OK;
}

/*
 * A text goes out as Tcl has it, if that is UTF-8, which is looked at anyway; only one with NUL or characters past the BMP
 * has to be converted.
 */
static ssize_t
DeliverText(const NsWsTarget *target, Tcl_Obj *message)
{
    int         length;
    const char *string = Tcl_GetStringFromObj(message, &length);
    ssize_t     n = target->deliver(target, NS_WEBSOCKET_TEXT, string, (size_t)length);

    if (n < 0 && errno == EILSEQ && NsTextIsWhole(string, (size_t)length)) {
        Tcl_DString ds;
        int         code;

        Tcl_DStringInit(&ds);
        NsTextAppendOut(&ds, string, (size_t)length);
        n = target->deliver(target, NS_WEBSOCKET_TEXT, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
        code = errno;
        Tcl_DStringFree(&ds);
        errno = code;
    }
    return n;
}

int
NsWsDeliverObj(Tcl_Interp *interp, const NsWsTarget *target, Tcl_Obj *message, bool binary, ssize_t *n)
{
    if (binary) {
        int                  length;
        const unsigned char *bytes = NsWsBytesFromObj(interp, message, &length);

        if (bytes == NULL) {
            return TCL_ERROR;
        }
        *n = target->deliver(target, NS_WEBSOCKET_BINARY, bytes, (size_t)length);
    } else {
        *n = DeliverText(target, message);
    }
    return TCL_OK;
}
