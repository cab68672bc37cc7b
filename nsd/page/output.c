/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The output of ADP pages: a buffer that is the whole answer at the end, or is sent in parts.
 */
#include <limits.h>
#include <string.h>
#include "page/adp.h"
#include "request/connio.h"
#include "request/return.h"

#define MAX_OUTPUT (INT_MAX / 2)               /* bytes in a buffer; Tcl reckons with twice as many, in an int */
#define KEEP_BUFFER 65536                      /* allocated by a buffer that is emptied in the middle of an answer */

Tcl_DString *
NsAdpOutput(NsAdp *adp)
{
    NsAdpContext *ctx = &adp->ctx;
    Tcl_DString  *output;

    if (adp->data->conn == NULL && ctx->chan == NULL) {
        Tcl_SetObjResult(adp->interp, Tcl_NewStringObj("no ADP output context", -1));
        return NULL;
    }
    output = ctx->frame != NULL ? ctx->frame->output : &ctx->output;
    if (output == &ctx->output && !ctx->answering) {           /* whoever asks for it is going to put something into it */
        NsAdpContextTouch(adp);
        if (adp->data->conn != NULL) {
            adp->data->conn->leftOutput = true;
        }
    }
    return output;
}

int
NsAdpAppend(NsAdp *adp, const char *text, size_t len)
{
    Tcl_DString *output = NsAdpOutput(adp);

    if (output == NULL) {
        return TCL_ERROR;
    }
    if (len > MAX_OUTPUT || (size_t)Tcl_DStringLength(output) > MAX_OUTPUT - len) {
        Tcl_SetObjResult(adp->interp, Tcl_NewStringObj("the output of the ADP page is too large", -1));
        return TCL_ERROR;
    }
    Tcl_DStringAppend(output, text, (int)len);
    if (output == &adp->ctx.output
        && ((size_t)Tcl_DStringLength(output) > adp->ctx.bufSize || (adp->ctx.flags & NS_ADP_STREAM) != 0)) {
        return NsAdpFlush(adp, true);
    }
    return TCL_OK;
}

size_t
NsAdpCutPoint(const char *text, size_t len, size_t at)
{
    if (at > len) {
        at = len;
    }
    while (at > 0 && at < len && ((unsigned char)text[at] & 0xC0u) == 0x80u) {
        at--;
    }
    return at;
}

static void
Empty(Tcl_DString *buffer)
{
    if (buffer->spaceAvl > KEEP_BUFFER) {
        Tcl_DStringFree(buffer);
    } else {
        Tcl_DStringSetLength(buffer, 0);
    }
}

/* A channel may be a script, which puts something into the buffer or ends this: the buffer is empty meanwhile. */
static Ns_ReturnCode
WriteChannel(NsAdpContext *ctx, const char *text, size_t len)
{
    Tcl_Channel   chan = ctx->chan;
    Tcl_Obj      *copy = Tcl_NewStringObj(text, (int)len);
    Ns_ReturnCode status;

    Tcl_IncrRefCount(copy);
    Empty(&ctx->output);
    Tcl_RegisterChannel(NULL, chan);
    status = Tcl_WriteObj(chan, copy) >= 0 && Tcl_Flush(chan) == TCL_OK ? NS_OK : NS_ERROR;
    (void)Tcl_UnregisterChannel(NULL, chan);
    Tcl_DecrRefCount(copy);
    return status;
}

/* The type that the page has set, or that of pages. */
static void
SetType(NsConn *conn)
{
    const char *type = Ns_SetIGet(conn->pub.outputheaders, "content-type");
    char       *copy = ns_strdup(type != NULL ? type : "text/html");

    NsConnSetTextType(conn, copy);
    ns_free(copy);
}

static Ns_ReturnCode
WriteZipped(NsAdpContext *ctx, NsConn *conn, const char *text, size_t len, bool more)
{
    Tcl_DString   ds;
    Ns_ReturnCode status;

    if (NsConnEncode(conn, text, len, &ds)) {
        text = Tcl_DStringValue(&ds);
        len = (size_t)Tcl_DStringLength(&ds);
    }
    status = NsConnZipWrite(ctx->zip, conn, text, len, !more);
    Tcl_DStringFree(&ds);
    return status;
}

/* To the client.  What the page has already answered by itself stands: then there is nothing more to be said. */
static Ns_ReturnCode
WriteConn(NsAdpContext *ctx, NsConn *conn, const char *text, size_t len, bool more)
{
    bool         sentHead = (conn->pub.flags & (NS_CONN_SENTHDRS | NS_CONN_SKIPHDRS)) != 0;
    struct iovec iov = {(void *)(uintptr_t)text, len};

    if (conn->finished || NsConnWriteRefusal(conn) != NULL) {
        return ctx->begun ? NS_ERROR : NS_OK;
    }
    if (!more && !sentHead) {
        char         *type;
        Ns_ReturnCode status;

        SetType(conn);
        type = ns_strdup(Ns_SetIGet(conn->pub.outputheaders, "content-type"));
        status = Ns_ConnReturnCharData(&conn->pub, conn->status, text, (ssize_t)len, type);
        ns_free(type);
        return status;
    }
    if (!sentHead) {
        SetType(conn);
        ctx->zip = ctx->compress ? NsConnZipBegin(conn) : NULL;
    }
    if (more && len == 0 && sentHead) {
        return NS_OK;
    }
    return ctx->zip != NULL ? WriteZipped(ctx, conn, text, len, more)
        : Ns_ConnWriteVChars(&conn->pub, &iov, 1, more ? NS_CONN_STREAM : 0);
}

int
NsAdpFlush(NsAdp *adp, bool more)
{
    NsAdpContext *ctx = &adp->ctx;
    Tcl_DString  *output = NsAdpOutput(adp);
    const char   *text;
    size_t        len;
    Ns_ReturnCode status = NS_OK;

    if (output == NULL) {
        return TCL_ERROR;
    }
    if (output != &ctx->output) {
        return TCL_OK;
    }
    text = Tcl_DStringValue(output);
    len = (size_t)Tcl_DStringLength(output);
    if ((ctx->flags & NS_ADP_TRIMSPACE) != 0 && !ctx->begun) {
        size_t blanks = strspn(text, " \t\r\n\f\v");

        text += blanks;
        len -= blanks;
    }
    if (ctx->exception != NS_ADP_ABORT && ctx->chan != NULL) {
        status = WriteChannel(ctx, text, len);
    } else {
        if (ctx->exception != NS_ADP_ABORT) {  /* else it is thrown away */
            status = WriteConn(ctx, adp->data->conn, text, len, more);
        }
        Empty(output);
    }
    ctx->begun = true;
    if (status != NS_OK && (ctx->flags & NS_ADP_AUTOABORT) != 0) {
        return NsAdpRaise(adp, NS_ADP_ABORT, Tcl_NewStringObj("adp flush failed: connection is closed", -1));
    }
    return TCL_OK;
}
