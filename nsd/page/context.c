/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What an interpreter has for pages, and what its server has.
 */
#include <limits.h>
#include <string.h>
#include "conf/config.h"
#include "page/adp.h"
#include "request/op.h"

NsAdpServer *
NsAdpServerOf(const NsServer *server)
{
    return NsServerPartData(server, &nsAdpPart);
}

/* ------------------------------------------------------------------------------------------------------------- contexts */

void
NsAdpSetChannel(NsAdp *adp, Tcl_Channel chan)
{
    Tcl_Channel before = adp->ctx.chan;

    if (chan != NULL) {
        Tcl_RegisterChannel(NULL, chan);
    }
    adp->ctx.chan = chan;
    if (before != NULL) {
        (void)Tcl_UnregisterChannel(NULL, before);
    }
}

int
NsAdpDebug(NsAdp *adp, const char *host, const char *port, const char *procs)
{
    Tcl_Obj *words[4];
    int      code = TCL_OK;

    if (adp->debugLevel == 0) {
        words[0] = Tcl_NewStringObj(adp->server->debugInit, -1);
        words[1] = Tcl_NewStringObj(procs != NULL ? procs : "", -1);
        words[2] = Tcl_NewStringObj(host != NULL ? host : "", -1);
        words[3] = Tcl_NewStringObj(port != NULL ? port : "", -1);
        for (int i = 0; i < 4; i++) {
            Tcl_IncrRefCount(words[i]);
        }
        code = Tcl_EvalObjv(adp->interp, 4, words, TCL_EVAL_GLOBAL);
        for (int i = 0; i < 4; i++) {
            Tcl_DecrRefCount(words[i]);
        }
    }
    if (code == TCL_OK) {
        adp->debugLevel++;
    }
    return code;
}

static void
InitContext(NsAdp *adp)
{
    NsAdpContext *ctx = &adp->ctx;

    memset(ctx, 0, sizeof *ctx);
    ctx->flags = adp->server->flags;
    ctx->bufSize = adp->server->bufSize;
    Tcl_DStringInit(&ctx->output);
}

static void
FreeContext(NsAdp *adp)
{
    NsAdpContext *ctx = &adp->ctx;

    Tcl_DStringFree(&ctx->output);
    NsConnZipEnd(ctx->zip);
    ctx->zip = NULL;
    NsAdpSetChannel(adp, NULL);
    if (ctx->fault != NULL) {
        Tcl_DecrRefCount(ctx->fault);
        ctx->fault = NULL;
    }
}

void
NsAdpContextBegin(NsAdp *adp, NsAdpContext *before)
{
    /* Buffers within the struct move with it: only an empty one has nothing there. */
    *before = adp->ctx;
    if (before->output.string == adp->ctx.output.staticSpace) {
        before->output.string = before->output.staticSpace;
    }
    InitContext(adp);
}

void
NsAdpContextEnd(NsAdp *adp, const NsAdpContext *before)
{
    FreeContext(adp);
    adp->ctx = *before;
    if (before->output.string == before->output.staticSpace) {
        adp->ctx.output.string = adp->ctx.output.staticSpace;
    }
}

int
NsAdpRaise(NsAdp *adp, NsAdpException exception, Tcl_Obj *result)
{
    adp->ctx.exception = exception;
    if (result != NULL) {
        Tcl_SetObjResult(adp->interp, result);
    }
    return TCL_ERROR;
}

static void
Reset(Tcl_Interp *interp, void *arg)
{
    NsAdp *adp = arg;

    FreeContext(adp);
    InitContext(adp);
    adp->willReset = false;
}

void
NsAdpContextTouch(NsAdp *adp)
{
    if (!adp->willReset && !adp->ctx.answering) {
        adp->willReset = true;
        NsInterpDefer(adp->interp, Reset, adp);
    }
}

/* ---------------------------------------------------------------------------------------------------------- interpreters */

static void
DeleteAdp(ClientData clientData, Tcl_Interp *interp)
{
    NsAdp *adp = clientData;

    FreeContext(adp);
    NsAdpPreparedClear(adp);
    for (int i = 0; i < 2; i++) {
        if (adp->applyWords[i] != NULL) {
            Tcl_DecrRefCount(adp->applyWords[i]);
        }
    }
    Tcl_DeleteHashTable(&adp->pages);
    ns_free(adp);
}

static NsAdp *
CreateAdp(NsInterp *data)
{
    NsAdp *adp = ns_calloc(1, sizeof *adp);

    adp->data = data;
    adp->interp = data->interp;
    adp->server = NsAdpServerOf(data->server);
    Tcl_InitHashTable(&adp->pages, TCL_STRING_KEYS);
    InitContext(adp);
    data->adp = adp;
    Tcl_SetAssocData(data->interp, "nsd:adp", DeleteAdp, adp);
    return adp;
}

NsAdp *
NsAdpOf(NsInterp *data)
{
    return data->adp != NULL ? data->adp : CreateAdp(data);
}

/* --------------------------------------------------------------------------------------------------------------- servers */

static unsigned
ReadFlags(const char *section)
{
    static const struct { const char *name; bool def; unsigned flag; } params[] = {
        {"autoabort", true, NS_ADP_AUTOABORT}, {"cache", false, NS_ADP_CACHE}, {"detailerror", true, NS_ADP_DETAILERROR},
        {"displayerror", false, NS_ADP_DISPLAYERROR}, {"enableexpire", false, NS_ADP_EXPIRE}, {"safeeval", false, NS_ADP_SAFE},
        {"singlescript", false, NS_ADP_SINGLE}, {"stream", false, NS_ADP_STREAM}, {"stricterror", false, NS_ADP_STRICTERROR},
        {"trace", false, NS_ADP_TRACE}, {"trimspace", false, NS_ADP_TRIMSPACE}
    };
    unsigned flags = 0;

    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        flags |= Ns_ConfigBool(section, params[i].name, params[i].def) ? params[i].flag : 0;
    }
    return flags;
}

/* NULL: none was given. */
static char *
ReadName(const char *section, const char *name)
{
    const char *value = Ns_ConfigString(section, name, "");

    return *value != '\0' ? ns_strdup(value) : NULL;
}

/* A page; what it says is never sent. */
static char *
ReadPage(NsServer *server, const char *section, const char *name)
{
    const char *value = Ns_ConfigString(section, name, "");

    return *value != '\0' ? NsOpHoldFile(server, value) : NULL;
}

static void
InitServer(NsServer *server)
{
    const char  *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "adp", (char *)NULL);
    NsAdpServer *self = ns_calloc(1, sizeof *self);

    self->server = server;
    self->flags = ReadFlags(section);
    self->bufSize = (size_t)NsConfigMemSize(section, "bufsize", "1MB", 100, INT_MAX / 2);
    self->cacheSize = (size_t)NsConfigMemSize(section, "cachesize", "5MB", 1000, INT_MAX);
    self->traceSize = Ns_ConfigIntRange(section, "tracesize", 40, 1, 100000);
    self->enableDebug = Ns_ConfigBool(section, "enabledebug", false);
    self->errorPage = ReadPage(server, section, "errorpage");
    self->startPage = ReadPage(server, section, "startpage");
    self->folderPage = ReadPage(server, Ns_ConfigSectionPath(NULL, server->name, NULL, "fastpath", (char *)NULL), "directoryadp");
    self->debugInit = ns_strdup(Ns_ConfigString(section, "debuginit", "ns_adp_debuginit"));
    self->defaultExtension = ReadName(section, "defaultextension");
    self->tags = NsAdpTagSetsCreate(server->name);
    self->cache = NsAdpCacheCreate(self->cacheSize, server->name);
    NsServerSetPart(server, &nsAdpPart, self);
}

NsServerPart nsAdpPart = {.init = InitServer};
