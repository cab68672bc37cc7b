/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tcl channels and the descriptors behind them, for commands that take a channel's name.
 */
#include "ns.h"

int
Ns_TclGetOpenChannel(Tcl_Interp *interp, const char *chanId, int write, bool check, Tcl_Channel *chan)
{
    int mode;

    *chan = Tcl_GetChannel(interp, chanId, &mode);
    if (*chan == NULL) {
        return TCL_ERROR;
    }
    if (check && (mode & (write != 0 ? TCL_WRITABLE : TCL_READABLE)) == 0) {
        Ns_TclPrintfResult(interp, "channel \"%s\" not open for %s", chanId, write != 0 ? "writing" : "reading");
        return TCL_ERROR;
    }
    return TCL_OK;
}

int
Ns_TclGetOpenFd(Tcl_Interp *interp, const char *chanId, int write, int *fd)
{
    Tcl_Channel chan;
    ClientData  handle;

    if (Ns_TclGetOpenChannel(interp, chanId, write, true, &chan) != TCL_OK) {
        return TCL_ERROR;
    }
    if (Tcl_GetChannelHandle(chan, write != 0 ? TCL_WRITABLE : TCL_READABLE, &handle) != TCL_OK) {
        Ns_TclPrintfResult(interp, "could not get handle for channel: %s", chanId);
        return TCL_ERROR;
    }
    *fd = (int)(intptr_t)handle;
    return TCL_OK;
}
