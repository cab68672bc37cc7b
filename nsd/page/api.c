/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages for modules: ns.h.
 */
#include <string.h>
#include "base/file.h"
#include "page/adp.h"

int
Ns_AdpAppend(Tcl_Interp *interp, const char *text, int len)
{
    return NsAdpAppend(NsAdpOf(NsGetInterpData(interp)), text, len >= 0 ? (size_t)len : strlen(text));
}

int
Ns_AdpGetOutput(Tcl_Interp *interp, Tcl_DString **output, int *doStream, size_t *maxBuffer)
{
    NsAdp       *adp = NsAdpOf(NsGetInterpData(interp));
    Tcl_DString *found = NsAdpOutput(adp);

    if (found == NULL) {
        return TCL_ERROR;
    }
    *output = found;
    if (doStream != NULL) {
        *doStream = (adp->ctx.flags & NS_ADP_STREAM) != 0;
    }
    if (maxBuffer != NULL) {
        *maxBuffer = adp->ctx.bufSize;
    }
    return TCL_OK;
}

int
Ns_AdpFlush(Tcl_Interp *interp, bool doStream)
{
    return NsAdpFlush(NsAdpOf(NsGetInterpData(interp)), doStream);
}

Ns_ReturnCode
Ns_AdpRequestEx(Ns_Conn *conn, const char *file, const Ns_Time *expires)
{
    NsAdpTarget  *target = NsAdpTargetNew(file, 0, expires);
    Ns_ReturnCode status = NsAdpPageProc(target, conn);

    ns_free(target);
    return status;
}

Ns_ReturnCode
Ns_AdpRequest(Ns_Conn *conn, const char *file)
{
    return Ns_AdpRequestEx(conn, file, NULL);
}
