/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Running pages: frames, blocks, exceptions, and what is kept of a page's output.
 */
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "page/adp.h"
#include "request/fastpath.h"

const char *
NsAdpPath(const NsAdp *adp, const char *name, Tcl_DString *ds)
{
    const NsAdpFrame *frame = adp->ctx.frame;

    if (*name == '/') {
        return name;
    }
    if (frame != NULL && *frame->dir != '\0') {
        Tcl_DStringAppend(ds, frame->dir, -1);
    } else {
        (void)NsPagePath(ds, adp->server->server);
    }
    Tcl_DStringAppend(ds, "/", 1);
    return Tcl_DStringAppend(ds, name, -1);
}

/* -------------------------------------------------------------------------------------------------------------- blocks */

static void
Trace(const NsAdp *adp, const char *text, size_t len, bool script)
{
    size_t      max = (size_t)adp->server->traceSize, n = NsAdpCutPoint(text, len, max);
    const char *file = adp->ctx.frame->file;

    Ns_Log(Notice, "adp[%d%s]: %s: %.*s%s", adp->ctx.depth, script ? "s" : "t", file != NULL ? file : "(string)", (int)n, text,
           n < len ? "..." : "");
}

/* With its own name and what was logged as arguments. */
static void
RunErrorPage(NsAdp *adp, Tcl_Obj *info)
{
    Tcl_Obj  *words[2] = {Tcl_NewStringObj(adp->server->errorPage, -1), info};
    NsAdpRun  run = {.page = words[0], .objc = 2, .objv = words};

    Tcl_IncrRefCount(words[0]);
    adp->ctx.inErrorPage = true;
    if (NsAdpInclude(adp, &run) != TCL_OK && adp->ctx.exception == NS_ADP_OK) {
        Ns_Log(Error, "adp: the page for errors %s: %s", adp->server->errorPage, Tcl_GetStringResult(adp->interp));
    }
    adp->ctx.inErrorPage = false;
    Tcl_DecrRefCount(words[0]);
}

/* A script has failed: it is logged, shown if that is wanted, and the page for errors runs.  The interpreter's result stays. */
static void
Fault(NsAdp *adp, const NsAdpPrepared *prepared, const NsAdpBlock *block)
{
    Tcl_Obj        *info = NsAdpFault(adp, prepared, block);
    Tcl_InterpState state;

    if (info != NULL) {
        Tcl_IncrRefCount(info);
        state = Tcl_SaveInterpState(adp->interp, TCL_ERROR);
        if ((adp->ctx.flags & NS_ADP_DISPLAYERROR) != 0) {
            NsAdpShow(adp, Tcl_GetString(info));
        }
        if (adp->server->errorPage != NULL && !adp->ctx.inErrorPage) {
            RunErrorPage(adp, info);
        }
        (void)Tcl_RestoreInterpState(adp->interp, state);
        Tcl_DecrRefCount(info);
    }
}

static bool
HasCode(Tcl_Interp *interp, const char *word)
{
    const char *code = Tcl_GetVar(interp, "errorCode", TCL_GLOBAL_ONLY);
    size_t      len = strlen(word);

    return code != NULL && strncmp(code, word, len) == 0 && (code[len] == '\0' || code[len] == ' ');
}

/* A script of the page.  TCL_ERROR with *stop: what follows does not run. */
static int
RunScript(NsAdp *adp, NsAdpPrepared *prepared, int i, unsigned flags, bool *stop)
{
    const NsAdpBlock *block = &prepared->page->code.blocks[i];
    Tcl_Interp       *interp = adp->interp;
    Tcl_Obj          *script = prepared->scripts[i];
    int               code;

    if (script == NULL) {
        script = Tcl_NewStringObj(prepared->page->code.text + block->start, (int)block->len);
        Tcl_IncrRefCount(script);
        prepared->scripts[i] = script;
    }
    adp->ctx.frame->line = block->line;
    if (adp->ctx.fault != NULL) {              /* of a script before this one, whose message may be the same object */
        Tcl_DecrRefCount(adp->ctx.fault);
        adp->ctx.fault = NULL;
    }
    code = Tcl_EvalObjEx(interp, script, 0);
    if (code == TCL_BREAK || code == TCL_CONTINUE) {
        Ns_TclPrintfResult(interp, "invoked \"%s\" outside of a loop", code == TCL_BREAK ? "break" : "continue");
        code = TCL_ERROR;
    }
    if (code != TCL_ERROR) {
        return TCL_OK;
    }
    if (adp->ctx.exception == NS_ADP_OK) {
        if (HasCode(interp, "NS_TCL_ABORT")) {
            adp->ctx.exception = NS_ADP_ABORT; /* not worth logging, and nothing after it is to run */
        } else if ((flags & NS_ADP_TCL) != 0 && adp->ctx.frame->prev == NULL && adp->ctx.answering) {
            *stop = true;                      /* whoever serves the page says it */
        } else {
            Fault(adp, prepared, block);
            if (HasCode(interp, "NS_TIMEOUT")) {
                adp->ctx.exception = NS_ADP_TIMEOUT;
            }
            *stop = (adp->ctx.flags & NS_ADP_STRICTERROR) != 0 || Tcl_Canceled(interp, 0) != TCL_OK || Tcl_LimitExceeded(interp);
        }
    }
    return TCL_ERROR;
}

/* The code is that of the last block. */
static int
RunBlocks(NsAdp *adp, NsAdpPrepared *prepared, unsigned flags)
{
    const NsAdpCode *code = &prepared->page->code;
    bool             stop = false, trace = (adp->ctx.flags & NS_ADP_TRACE) != 0;
    int              result = TCL_OK;

    for (int i = 0; i < code->count && !stop && adp->ctx.exception == NS_ADP_OK; i++) {
        const NsAdpBlock *block = &code->blocks[i];
        const char       *text = code->text + block->start;

        if (trace) {
            Trace(adp, text, block->len, block->script);
        }
        if (block->script) {
            result = RunScript(adp, prepared, i, flags, &stop);
        } else {
            if (result != TCL_OK) {
                Tcl_ResetResult(adp->interp);
            }
            result = NsAdpAppend(adp, text, block->len);
            stop = result != TCL_OK;
        }
    }
    atomic_fetch_add_explicit(&prepared->page->evals, 1, memory_order_relaxed);
    return result;
}

/* -------------------------------------------------------------------------------------------------------------- frames */

/* How a page ends: `return` has done its work, and so has everything where nobody is around. */
static int
EndFrame(NsAdp *adp, NsAdpFrame *frame, int code)
{
    NsAdpContext *ctx = &adp->ctx;

    ctx->frame = frame->prev;
    ctx->depth--;
    if (ctx->exception != NS_ADP_OK) {
        code = TCL_ERROR;
        if (ctx->exception == NS_ADP_RETURN || (ctx->frame == NULL && !ctx->answering)) {
            if (ctx->exception == NS_ADP_ABORT) {
                Tcl_DStringSetLength(frame->output, 0);
            }
            ctx->exception = NS_ADP_OK;
            code = TCL_OK;
        }
    }
    return code;
}

static int
RunFrame(NsAdp *adp, NsAdpFrame *frame, NsAdpPrepared *prepared, unsigned flags)
{
    frame->prev = adp->ctx.frame;
    adp->ctx.frame = frame;
    adp->ctx.depth++;
    return EndFrame(adp, frame, RunBlocks(adp, prepared, flags));
}

/* The folder of a file. */
static const char *
FolderOf(const char *path, Tcl_DString *ds)
{
    const char *slash = strrchr(path, '/');

    return Tcl_DStringAppend(ds, path, slash != NULL ? (int)(slash - path) : 0);
}

/* The page and what its frame says of it; NULL with an error. */
static NsAdpPrepared *
Prepare(NsAdp *adp, const NsAdpRun *run, NsAdpFrame *frame, Tcl_DString *path, Tcl_DString *dir)
{
    unsigned       flags = (adp->ctx.flags & (NS_ADP_SAFE | NS_ADP_SINGLE)) | run->flags;
    const char    *tagset = run->tagset != NULL ? run->tagset : NS_ADP_TAGSET_DEFAULT;
    NsAdpPrepared *prepared;
    struct stat    st;

    frame->objc = run->objc;
    frame->objv = run->objv;
    if (adp->ctx.depth >= NS_ADP_MAX_DEPTH) {
        Tcl_SetObjResult(adp->interp, Tcl_NewStringObj("ADP pages within ADP pages are too deep", -1));
        return NULL;
    }
    if ((run->what & NS_ADP_RUN_STRING) != 0) {
        frame->dir = run->dir != NULL ? run->dir : adp->ctx.frame != NULL ? adp->ctx.frame->dir : "";
        return NsAdpPrepareString(adp, run->page, flags, tagset);
    }
    frame->file = NsAdpPath(adp, Tcl_GetString(run->page), path);
    frame->dir = run->dir != NULL ? run->dir : FolderOf(frame->file, dir);
    prepared = NsAdpPrepareFile(adp, frame->file, flags, tagset, &st);
    if (prepared != NULL) {
        frame->size = st.st_size;
        frame->mtime = st.st_mtime;
    }
    return prepared;
}

/* ------------------------------------------------------------------------------------------------- what is kept of pages */

static int64_t
Now(void)
{
    Ns_Time now;

    NsGetMonotonicTime(&now);
    return (int64_t)now.sec * 1000000 + now.usec;
}

/* Run it with an output of its own, and make a page of that. */
static int
Record(NsAdp *adp, NsAdpFrame *frame, NsAdpPrepared *prepared, const NsAdpRun *run, NsAdpPage **page)
{
    NsAdpContext   *ctx = &adp->ctx;
    NsAdpRecording  recording = {.outer = ctx->recording};
    int             code;

    NsAdpCodeInit(&recording.code);
    Tcl_DStringInit(&recording.output);
    ctx->recording = &recording;
    frame->output = &recording.output;
    code = RunFrame(adp, frame, prepared, run->flags);
    ctx->recording = recording.outer;
    NsAdpCodeAdd(&recording.code, false, Tcl_DStringValue(&recording.output), (size_t)Tcl_DStringLength(&recording.output), 1);
    Tcl_DStringFree(&recording.output);
    *page = NsAdpPageNew(&recording.code, NULL, prepared->page->epoch);
    (*page)->dev = prepared->page->dev;
    (*page)->ino = prepared->page->ino;
    (*page)->size = prepared->page->size;
    (*page)->mtime = prepared->page->mtime;
    (*page)->ctime = prepared->page->ctime;
    (*page)->until = Now() + (int64_t)run->keep->sec * 1000000 + run->keep->usec;
    return code;
}

static bool
IsFresh(const NsAdpPage *kept, const NsAdpPage *page)
{
    return kept->until > Now() && kept->dev == page->dev && kept->ino == page->ino && kept->size == page->size
        && kept->epoch == page->epoch && memcmp(&kept->mtime, &page->mtime, sizeof page->mtime) == 0
        && memcmp(&kept->ctime, &page->ctime, sizeof page->ctime) == 0;
}

/* The page, its kind and its arguments. */
static void
KeyOfResult(Tcl_DString *key, const NsAdpFrame *frame, const NsAdpRun *run, unsigned flags)
{
    Tcl_DStringAppend(key, frame->file, -1);
    Tcl_DStringAppend(key, (run->flags & NS_ADP_TCL) != 0 ? "\nresult-tcl" : "\nresult", -1);
    Tcl_DStringAppend(key, (flags & NS_ADP_SAFE) != 0 ? "-safe" : "", -1);
    Tcl_DStringAppend(key, (flags & NS_ADP_SINGLE) != 0 ? "-single" : "", -1);
    Tcl_DStringAppendElement(key, run->tagset != NULL ? run->tagset : "");
    for (int i = 0; i < run->objc; i++) {
        Tcl_DStringAppendElement(key, Tcl_GetString(run->objv[i]));
    }
}

/* What was kept, or is made now, put into the page around it. */
static int
RunKept(NsAdp *adp, NsAdpFrame *frame, NsAdpPrepared *prepared, const NsAdpRun *run)
{
    NsAdpFrame     again = *frame;
    NsAdpException exception = NS_ADP_OK;
    NsAdpPage     *page;
    NsAdpPrepared *kept;
    Tcl_DString    key;
    int            code = TCL_OK, after;

    Tcl_DStringInit(&key);
    KeyOfResult(&key, frame, run, adp->ctx.flags);
    page = NsAdpCacheGet(adp->server->cache, Tcl_DStringValue(&key));
    if (page != NULL && !IsFresh(page, prepared->page)) {
        NsAdpPageRelease(page);
        page = NULL;
    }
    if (page == NULL) {
        code = Record(adp, frame, prepared, run, &page);
        exception = adp->ctx.exception;
        if (code == TCL_OK && exception == NS_ADP_OK) {
            NsAdpCachePut(adp->server->cache, Tcl_DStringValue(&key), page);
        }
    }
    Tcl_DStringFree(&key);
    adp->ctx.exception = NS_ADP_OK;
    kept = NsAdpPreparePage(page);
    after = RunFrame(adp, &again, kept, 0);
    NsAdpPreparedRelease(kept);
    if (exception != NS_ADP_OK) {
        adp->ctx.exception = exception;
        after = TCL_ERROR;
    }
    return code != TCL_OK ? code : after;
}

/* In a page that is kept, an include that is not to be: it runs each time the page is used. */
static void
RecordInclude(NsAdp *adp, const NsAdpRun *run)
{
    NsAdpRecording *recording = adp->ctx.recording;
    Tcl_DString     script, path;

    Tcl_DStringInit(&script);
    Tcl_DStringInit(&path);
    Tcl_DStringAppend(&script, "ns_adp_include -nocache", -1);
    if ((run->flags & NS_ADP_TCL) != 0) {
        Tcl_DStringAppendElement(&script, "-tcl");
    }
    if (run->tagset != NULL) {
        Tcl_DStringAppendElement(&script, "-tagset");
        Tcl_DStringAppendElement(&script, run->tagset);
    }
    Tcl_DStringAppendElement(&script, "--");
    Tcl_DStringAppendElement(&script, NsAdpPath(adp, Tcl_GetString(run->page), &path));
    for (int i = 0; i < run->objc; i++) {
        Tcl_DStringAppendElement(&script, Tcl_GetString(run->objv[i]));
    }
    NsAdpCodeAdd(&recording->code, false, Tcl_DStringValue(&recording->output), (size_t)Tcl_DStringLength(&recording->output), 1);
    Tcl_DStringSetLength(&recording->output, 0);
    NsAdpCodeAdd(&recording->code, true, Tcl_DStringValue(&script), (size_t)Tcl_DStringLength(&script), adp->ctx.frame->line);
    Tcl_DStringFree(&script);
    Tcl_DStringFree(&path);
}

/* -------------------------------------------------------------------------------------------------------------- running */

static int
Run(NsAdp *adp, const NsAdpRun *run, Tcl_DString *output)
{
    NsAdpFrame     frame = {.output = output};
    NsAdpPrepared *prepared;
    Tcl_DString    path, dir;
    int            code = TCL_ERROR;

    Tcl_DStringInit(&path);
    Tcl_DStringInit(&dir);
    prepared = Prepare(adp, run, &frame, &path, &dir);
    if (prepared != NULL) {
        Tcl_IncrRefCount(run->page);
        code = run->keep != NULL && (adp->ctx.flags & NS_ADP_CACHE) != 0 && frame.file != NULL
            ? RunKept(adp, &frame, prepared, run) : RunFrame(adp, &frame, prepared, run->flags);
        Tcl_DecrRefCount(run->page);
        NsAdpPreparedRelease(prepared);
    }
    Tcl_DStringFree(&path);
    Tcl_DStringFree(&dir);
    return code;
}

int
NsAdpInclude(NsAdp *adp, const NsAdpRun *run)
{
    Tcl_DString *output = NsAdpOutput(adp);

    if (output == NULL) {
        return TCL_ERROR;
    }
    if ((run->what & NS_ADP_RUN_NOCACHE) != 0 && adp->ctx.recording != NULL && output == &adp->ctx.recording->output) {
        RecordInclude(adp, run);
        return TCL_OK;
    }
    return Run(adp, run, output);
}

int
NsAdpParseResult(NsAdp *adp, const NsAdpRun *run)
{
    Tcl_DString output;
    int         code;

    Tcl_DStringInit(&output);
    code = Run(adp, run, &output);
    if (code == TCL_OK) {
        Tcl_SetObjResult(adp->interp, Tcl_NewStringObj(Tcl_DStringValue(&output), Tcl_DStringLength(&output)));
    }
    Tcl_DStringFree(&output);
    return code;
}
