/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What is found by an interpreter alone: its data, its server, its request, its result.
 */
#include <stdio.h>
#include "base/check.h"
#include "interp/interp.h"

NsInterp *
NsGetInterpData(Tcl_Interp *interp)
{
    NsInterp *data = Tcl_GetAssocData(interp, NS_INTERP_DATA, NULL);

    NS_ASSERT(data != NULL);
    NS_CHECK(data, NS_INTERP_MAGIC);
    return data;
}

const char *
Ns_TclInterpServer(Tcl_Interp *interp)
{
    const NsInterp *data = NsGetInterpData(interp);

    return data->server != NULL ? data->server->name : NULL;
}

Ns_Conn *
Ns_TclGetConn(Tcl_Interp *interp)
{
    return (Ns_Conn *)NsGetInterpData(interp)->conn;
}

void
Ns_TclPrintfResult(Tcl_Interp *interp, const char *fmt, ...)
{
    char    buffer[512];
    char   *text = buffer;
    va_list ap;
    int     n;

    va_start(ap, fmt);
    n = vsnprintf(buffer, sizeof buffer, fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof buffer) {
        text = ns_malloc((size_t)n + 1);
        va_start(ap, fmt);
        vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text, n));
    if (text != buffer) {
        ns_free(text);
    }
}
