/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A script of a page that fails: the log, what the browser sees of it.
 */
#include <stdio.h>
#include <string.h>
#include "page/adp.h"
#include "request/return.h"

#define SCRIPT_SHOWN 150                       /* bytes of the script, in the log */

/* Where: the line of the page, and of those that have included it. */
static void
AppendPlaces(const NsAdp *adp, int errorLine, Tcl_DString *ds)
{
    char text[64];

    for (const NsAdpFrame *frame = adp->ctx.frame; frame != NULL; frame = frame->prev) {
        bool first = frame == adp->ctx.frame;

        snprintf(text, sizeof text, "\n    %s line %d of ", first ? "at" : "included from", frame->line + (first ? errorLine - 1 : 0));
        Tcl_DStringAppend(ds, text, -1);
        Tcl_DStringAppend(ds, frame->file != NULL ? "adp:" : "an ADP string", -1);
        Tcl_DStringAppend(ds, frame->file != NULL ? frame->file : "", -1);
    }
}

static void
AppendScript(const NsAdpPrepared *prepared, const NsAdpBlock *block, Tcl_DString *ds)
{
    const char *text = prepared->page->code.text + block->start;
    size_t      n = NsAdpCutPoint(text, block->len, SCRIPT_SHOWN);

    Tcl_DStringAppend(ds, "\n    in the script\n", -1);
    Tcl_DStringAppend(ds, text, (int)n);
    Tcl_DStringAppend(ds, n < block->len ? "..." : "", -1);
}

Tcl_Obj *
NsAdpFault(NsAdp *adp, const NsAdpPrepared *prepared, const NsAdpBlock *block)
{
    Tcl_Interp  *interp = adp->interp;
    Tcl_Obj     *message = Tcl_GetObjResult(interp), *info;
    Tcl_DString  ds;

    if (adp->ctx.fault == message) {
        return NULL;                           /* said where it happened, further down */
    }
    if (adp->ctx.fault != NULL) {
        Tcl_DecrRefCount(adp->ctx.fault);
    }
    adp->ctx.fault = message;
    Tcl_IncrRefCount(message);
    Tcl_DStringInit(&ds);
    AppendPlaces(adp, Tcl_GetErrorLine(interp), &ds);
    if ((adp->ctx.flags & NS_ADP_DETAILERROR) != 0) {
        AppendScript(prepared, block, &ds);
    }
    info = Tcl_NewStringObj(Ns_TclLogErrorInfo(interp, Tcl_DStringValue(&ds)), -1);
    Tcl_DStringFree(&ds);
    return info;
}

void
NsAdpShow(NsAdp *adp, const char *info)
{
    Tcl_DString html;

    Tcl_DStringInit(&html);
    Tcl_DStringAppend(&html, "<br>\n<pre>\n", -1);
    NsAppendHtml(&html, info);
    Tcl_DStringAppend(&html, "\n</pre>\n<br>\n", -1);
    (void)NsAdpAppend(adp, Tcl_DStringValue(&html), (size_t)Tcl_DStringLength(&html));
    Tcl_DStringFree(&html);
}
