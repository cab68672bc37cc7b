/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Request procs, and internal redirects.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "request/auth.h"
#include "nsrun.h"
#include "base/check.h"
#include "base/text.h"
#include "request/connio.h"
#include "request/fastpath.h"
#include "http/chars.h"
#include "http/requestline.h"
#include "http/url.h"
#include "request/op.h"
#include "request/return.h"
#include "request/runfile.h"
#include "request/tclrequest.h"

#define MAX_REDIRECTS 3

/* A registered proc; whoever runs it holds a reference, so that it can be replaced meanwhile. */
typedef struct Op {
    uint32_t     magic;
    _Atomic int  refs;
    Ns_OpProc   *proc;
    Ns_Callback *deleteProc;
    void        *arg;
    char        *runs;                         /* the file that it runs (runfile.h); NULL: the URL's, or none */
    unsigned     flags;
} Op;
#define OP_MAGIC NS_MAGIC('O', 'p', 'r', 'c')

struct NsOps {
    NsUrlSpace   *space;
    Tcl_HashTable redirects;                   /* status -> URL (char *); not changed after the start */
    const char   *runExtension;                /* may be left out of names of files that are run; the same; NULL: none */
};

static inline struct NsOps *
OpsOf(const NsServer *server)
{
    return NsServerPartData(server, &nsOpPart);
}

typedef struct ProcName {
    struct ProcName *next;
    Ns_OpProc       *proc;
    const char      *name;
    NsOpDescribe    *describe;
    NsOpFile        *file;                     /* NULL: it runs no files */
} ProcName;
static _Atomic(ProcName *) procNames;
static atomic_int runners;                     /* registered procs that run files */
static atomic_bool followLinks;                /* modules do: then links that lead to such files are none to their source, either */

static const ProcName *
NameOf(Ns_OpProc *proc)
{
    const ProcName *name = atomic_load(&procNames);

    while (name != NULL && name->proc != proc) {
        name = name->next;
    }
    return name;
}

static bool
RunsFiles(const void *data)
{
    const ProcName *name = NameOf(((const Op *)data)->proc);

    return name != NULL && name->file != NULL;
}

static void
OpRetain(void *data)
{
    Op *op = data;

    NS_CHECK(op, OP_MAGIC);
    op->refs++;
}

static void
OpRelease(void *data)
{
    Op *op = data;

    NS_CHECK(op, OP_MAGIC);
    if (--op->refs == 0) {
        if (RunsFiles(op)) {
            NsRunFileDrop(op->runs);
            atomic_fetch_sub(&runners, 1);
        }
        if (op->deleteProc != NULL && (op->flags & NS_OP_NODELETE) == 0) {
            op->deleteProc(op->arg);
        }
        op->magic = NS_SPOILED;
        ns_free(op);
    }
}

/* The section ns/server/S/redirects: status = URL. */
static void
ReadRedirects(NsServer *server, struct NsOps *ops)
{
    const char   *path = Ns_ConfigGetPath(server->name, NULL, "redirects", (char *)NULL);
    const Ns_Set *set = path != NULL ? Ns_ConfigGetSection(path) : NULL;

    Tcl_InitHashTable(&ops->redirects, TCL_ONE_WORD_KEYS);
    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *key = Ns_SetKey(set, i), *url = Ns_SetValue(set, i);
        char       *end;
        long        status = strtol(key, &end, 10);
        int         isNew;

        (void)Ns_ConfigGetValue(path, key);
        if (*end != '\0' || status < 400 || status > 599 || url == NULL || *url != '/') {
            Ns_Log(Error, "config: section %s: '%s' = '%s' is not a status (400 .. 599) and a path", path, key, url);
            continue;
        }
        Tcl_SetHashValue(Tcl_CreateHashEntry(&ops->redirects, (char *)(intptr_t)status, &isNew), ns_strdup(url));
    }
}

/* For the methods that files are served for. */
static void
RegisterFiles(NsServer *server)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        NsOpRegister(server, methods[i], "/", NsFastpathProc, NULL, NULL, 0, NULL);
    }
}

static void
InitServer(NsServer *server)
{
    struct NsOps *ops = ns_calloc(1, sizeof *ops);

    ops->space = NsUrlSpaceCreate(OpRetain, OpRelease);
    ReadRedirects(server, ops);
    NsServerSetPart(server, &nsOpPart, ops);
    RegisterFiles(server);
}

NsServerPart nsOpPart = {.init = InitServer};

/* --------------------------------------------------------------------------------------------------------- registering */

void
NsOpRegister(NsServer *server, const char *method, const char *url, Ns_OpProc *proc, Ns_Callback *deleteProc, void *arg,
             unsigned flags, NsConstraints *constraints)
{
    Op *op = ns_calloc(1, sizeof *op);

    op->magic = OP_MAGIC;
    op->refs = 1;
    op->proc = proc;
    op->deleteProc = deleteProc;
    op->arg = arg;
    op->flags = flags;
    if (RunsFiles(op)) {
        op->runs = NsRunFileHold(server, NameOf(proc)->file(arg));
        atomic_fetch_add(&runners, 1);
    }
    NsUrlSpaceSet(OpsOf(server)->space, method, url, op, flags & (NS_OP_NOINHERIT | NS_OP_SEGMATCH), constraints);
}

void
NsOpUnregister(NsServer *server, const char *method, const char *url, unsigned flags)
{
    (void)NsUrlSpaceUnset(OpsOf(server)->space, method, url,
                          flags & (NS_OP_NOINHERIT | NS_OP_RECURSE | NS_OP_ALLCONSTRAINTS));
}

int
Ns_RegisterRequest2(Tcl_Interp *interp, const char *server, const char *method, const char *url, Ns_OpProc *proc,
                    Ns_Callback *deleteProc, void *arg, unsigned flags, void *constraints)
{
    NsServer *self = server != NULL ? NsServerGet(server) : NsServerDefault();

    if (self == NULL) {
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "invalid server: '%s'", server != NULL ? server : "");
        }
        NsConstraintsFree(constraints);
        return TCL_ERROR;
    }
    NsOpRegister(self, method, url, proc, deleteProc, arg, flags, constraints);
    return TCL_OK;
}

int
Ns_ObjvUrlspaceSpec(Ns_ObjvSpec *spec, Tcl_Interp *interp, int *objcPtr, Tcl_Obj *const *objv)
{
    if (NsConstraintsParse(interp, Tcl_GetString(objv[0]), spec->dest) != NS_OK) {
        return TCL_ERROR;
    }
    (*objcPtr)--;
    return TCL_OK;
}

void
Ns_RegisterRequest(const char *server, const char *method, const char *url, Ns_OpProc *proc, Ns_Callback *deleteProc,
                   void *arg, unsigned flags)
{
    if (Ns_RegisterRequest2(NULL, server, method, url, proc, deleteProc, arg, flags, NULL) != TCL_OK) {
        Ns_Log(Error, "no proc for %s %s: there is no server '%s'", method, url, server != NULL ? server : "");
    }
}

void
Ns_UnRegisterRequestEx(const char *server, const char *method, const char *url, unsigned flags)
{
    NsServer *self = server != NULL ? NsServerGet(server) : NsServerDefault();

    if (self != NULL) {
        NsOpUnregister(self, method, url, flags);
    }
}

void
Ns_UnRegisterRequest(const char *server, const char *method, const char *url, bool inherit)
{
    Ns_UnRegisterRequestEx(server, method, url, inherit ? 0u : NS_OP_NOINHERIT);
}

void
Ns_GetRequest(const char *server, const char *method, const char *url, Ns_OpProc **procPtr, Ns_Callback **deletePtr,
              void **argPtr, unsigned int *flagsPtr)
{
    NsServer *self = server != NULL ? NsServerGet(server) : NsServerDefault();
    Op       *op = self != NULL ? NsUrlSpaceFind(OpsOf(self)->space, method, url, 0, NULL) : NULL;

    *procPtr = op != NULL ? op->proc : NULL;
    *deletePtr = op != NULL ? op->deleteProc : NULL;
    *argPtr = op != NULL ? op->arg : NULL;
    *flagsPtr = op != NULL ? op->flags : 0u;
    if (op != NULL) {
        OpRelease(op);
    }
}

Ns_ReturnCode
Ns_ConnRunRequest(Ns_Conn *conn)
{
    return NsOpRun(NsConnOf(conn));
}

/* ------------------------------------------------------------------------------------------------------------- running */

/* What a proc of C says is answered, unless it has answered itself. */
static Ns_ReturnCode
AnswerStatus(NsConn *conn, Ns_ReturnCode status)
{
    if (status == NS_OK || conn->finished || NsConnWriteRefusal(conn) != NULL) {
        return status;
    }
    switch (status) {
    case NS_FORBIDDEN:    (void)Ns_ConnReturnForbidden(&conn->pub); break;
    case NS_UNAUTHORIZED: (void)Ns_ConnReturnUnauthorized(&conn->pub); break;
    case NS_TIMEOUT:      (void)Ns_ConnReturnUnavailable(&conn->pub); break;
    case NS_ERROR:        (void)Ns_ConnReturnInternalError(&conn->pub); break;
    default:              break;
    }
    return status;
}

/* Load balancers ask so whether there is a server; and others, what a URL can be asked for. */
static Ns_ReturnCode
AnswerOptions(NsConn *conn)
{
    Tcl_DString   ds;
    Ns_ReturnCode status;

    Tcl_DStringInit(&ds);
    NsOpAppendAllowed(conn, &ds);
    Tcl_DStringAppend(&ds, Tcl_DStringLength(&ds) > 0 ? ", OPTIONS" : "OPTIONS", -1);
    Ns_ConnUpdateHeaders(&conn->pub, "allow", Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    status = Ns_ConnReturnStatus(&conn->pub, 200);
    return status;
}

void
NsOpServeHead(NsConn *conn)
{
    const Ns_Request *request = &conn->pub.request;
    NsUrlSpace       *space = OpsOf(conn->server)->space;
    Op               *own, *get;

    if (strcmp(request->method, "HEAD") == 0) {
        own = NsUrlSpaceFind(space, "HEAD", request->url, 0, conn->pub.headers);
        get = NsUrlSpaceFind(space, "GET", request->url, 0, conn->pub.headers);
        if (get != NULL && get->proc != NsFastpathProc && (own == NULL || own->proc == NsFastpathProc)) {
            conn->targetMethod = "GET";
        }
        if (own != NULL) {
            OpRelease(own);
        }
        if (get != NULL) {
            OpRelease(get);
        }
    }
}

Ns_ReturnCode
NsOpRun(NsConn *conn)
{
    const Ns_Request *request = &conn->pub.request;
    const char       *method = conn->targetMethod != NULL ? conn->targetMethod : request->method;
    Op               *op;
    Ns_ReturnCode     status;

    conn->match = (Ns_UrlSpaceMatchInfo){-1, 0, false};
    op = NsUrlSpaceFindMatch(OpsOf(conn->server)->space, method, request->url, 0, conn->pub.headers, &conn->match);

    if (op == NULL) {
        return strcmp(method, "OPTIONS") == 0 ? AnswerOptions(conn) : Ns_ConnReturnInvalidMethod(&conn->pub);
    }
    status = AnswerStatus(conn, op->proc(op->arg, &conn->pub));
    OpRelease(op);
    return status;
}

static void
CollectMethod(const NsUrlEntry *entry, void *arg)
{
    Tcl_HashTable *methods = arg;
    int            isNew;

    (void)Tcl_CreateHashEntry(methods, entry->key, &isNew);
}

static int
CompareNames(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Does a proc take this method, other than the one that refuses it just now? */
static bool
IsAllowed(const NsConn *conn, const char *method)
{
    const char *own = conn->targetMethod != NULL ? conn->targetMethod : conn->pub.request.method;
    Op         *op = NULL;

    if (strcmp(method, own) != 0) {
        op = NsUrlSpaceFind(OpsOf(conn->server)->space, method, conn->pub.request.url, 0, conn->pub.headers);
    }
    if (op != NULL) {
        OpRelease(op);
    }
    return op != NULL;
}

void
NsOpAppendAllowed(NsConn *conn, Tcl_DString *ds)
{
    Tcl_HashTable  methods;
    Tcl_HashEntry *entry;
    Tcl_HashSearch search;
    const char   **names;
    size_t         count = 0;

    Tcl_InitHashTable(&methods, TCL_STRING_KEYS);
    NsUrlSpaceWalk(OpsOf(conn->server)->space, CollectMethod, &methods);
    names = ns_calloc((size_t)methods.numEntries + 1u, sizeof *names);
    for (entry = Tcl_FirstHashEntry(&methods, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        names[count++] = Tcl_GetHashKey(&methods, entry);
    }
    qsort(names, count, sizeof *names, CompareNames);
    for (size_t i = 0; i < count; i++) {
        if (IsAllowed(conn, names[i])) {
            if (Tcl_DStringLength(ds) > 0) {
                Tcl_DStringAppend(ds, ", ", 2);
            }
            Tcl_DStringAppend(ds, names[i], -1);
        }
    }
    ns_free(names);
    Tcl_DeleteHashTable(&methods);
}

/* A request for another URL of the server. */
static void
RequestFor(Ns_Request *request, const Ns_Request *old, const char *url, Tcl_DString *path, Tcl_DString *parts)
{
    *request = *old;
    request->rawUrl = url;
    Tcl_DStringInit(path);
    Tcl_DStringInit(parts);
    NsRequestTakeUrl(request, url, path, parts);
}

Ns_ReturnCode
NsOpRedirect(NsConn *conn, const char *url)
{
    Ns_Request    old = conn->pub.request;
    Tcl_DString   path, parts;
    Ns_ReturnCode status;

    if (conn->redirects >= MAX_REDIRECTS) {
        Ns_Log(Error, "%s %s: redirected more than %d times, last to '%s'", old.method, old.url, MAX_REDIRECTS, url);
        (void)Ns_ConnReturnInternalError(&conn->pub);
        return NS_ERROR;
    }
    conn->redirects++;
    RequestFor(&conn->pub.request, &old, url, &path, &parts);
    status = NsAuthorizeConn(conn);
    if (status == NS_OK) {
        status = NsOpRun(conn);
    }
    conn->pub.request = old;                   /* traces and logs see what was asked for */
    conn->pub.request.serverRoot = conn->serverRoot;
    Tcl_DStringFree(&path);
    Tcl_DStringFree(&parts);
    return status;
}

bool
NsOpStatusRedirect(NsConn *conn, int status)
{
    const char          *method = conn->targetMethod;
    const Tcl_HashEntry *entry = Tcl_FindHashEntry(&OpsOf(conn->server)->redirects, (char *)(intptr_t)status);

    /* An error of an error page gets the standard one. */
    if (entry == NULL || conn->redirects > 0) {
        return false;
    }
    Ns_ConnSetResponseStatus(&conn->pub, status);
    conn->statusSet = true;
    conn->targetMethod = "GET";
    (void)NsOpRedirect(conn, Tcl_GetHashValue(entry));
    conn->targetMethod = method;
    return conn->finished || NsConnWriteRefusal(conn) != NULL;
}

/* --------------------------------------------------------------------------------------------------- files that are run */

/*
 * A name in capitals is another file here, but not everywhere; and whoever put it there did not mean its code to be read.
 */
static bool
RunsUrl(NsServer *server, const char *url)
{
    Tcl_DString lower;
    bool        runs = NsUrlSpaceAny(OpsOf(server)->space, url, RunsFiles);

    if (!runs) {
        Tcl_DStringInit(&lower);
        Tcl_DStringAppend(&lower, url, -1);
        for (char *at = Tcl_DStringValue(&lower); *at != '\0'; at++) {
            *at = NsCharLower(*at);
        }
        runs = strcmp(Tcl_DStringValue(&lower), url) != 0
            && NsUrlSpaceAny(OpsOf(server)->space, Tcl_DStringValue(&lower), RunsFiles);
        Tcl_DStringFree(&lower);
    }
    return runs;
}

/* `path` is a file's in the form in which they are compared. */
static bool
RunsPath(NsServer *server, const char *url, const char *path)
{
    Tcl_DString pages;
    size_t      len;
    bool        runs;

    Tcl_DStringInit(&pages);
    (void)NsPagePath(&pages, server);
    len = (size_t)Tcl_DStringLength(&pages);
    runs = NsRunFileIs(path) || (url != NULL && RunsUrl(server, url))
        || (strncmp(path, Tcl_DStringValue(&pages), len) == 0 && path[len] == '/' && RunsUrl(server, path + len));
    Tcl_DStringFree(&pages);
    return runs;
}

/* Cut the extension that need not be given; false: it is not there. */
static bool
CutExtension(Tcl_DString *name, const char *extension)
{
    int  len = (int)strlen(extension), start = Tcl_DStringLength(name) - len;
    bool has = start > 0 && strcasecmp(Tcl_DStringValue(name) + start, extension) == 0;

    if (has) {
        Tcl_DStringSetLength(name, start);
    }
    return has;
}

/* The same for what it is when all links are followed. */
static bool
RunsTarget(NsServer *server, const char *path)
{
    Tcl_DString out, target;
    char       *real = NULL;
    const char *bytes;
    bool        runs = false;

    Tcl_DStringInit(&out);
    bytes = NsTextOutString(&out, path);
    if (bytes != NULL) {
        real = realpath(bytes, NULL);
    }
    if (real != NULL && strcmp(real, bytes) != 0) {
        Tcl_DStringInit(&target);
        NsTextAppendIn(&target, real, strlen(real));
        runs = RunsPath(server, NULL, Tcl_DStringValue(&target));
        Tcl_DStringFree(&target);
    }
    free(real);
    Tcl_DStringFree(&out);
    return runs;
}

bool
NsOpRunsFile(NsServer *server, const char *url, const char *file)
{
    const char *extension = OpsOf(server)->runExtension;
    Tcl_DString path, bareUrl;
    bool        runs;

    if (atomic_load_explicit(&runners, memory_order_relaxed) == 0) {
        return false;
    }
    Tcl_DStringInit(&path);
    NsRunFilePath(&path, file);
    runs = RunsPath(server, url, Tcl_DStringValue(&path));
    if (!runs && extension != NULL && CutExtension(&path, extension)) {
        Tcl_DStringInit(&bareUrl);
        Tcl_DStringAppend(&bareUrl, url != NULL ? url : "", -1);
        runs = RunsPath(server, CutExtension(&bareUrl, extension) ? Tcl_DStringValue(&bareUrl) : NULL, Tcl_DStringValue(&path));
        Tcl_DStringFree(&bareUrl);
    }
    if (!runs && atomic_load_explicit(&followLinks, memory_order_relaxed)) {
        runs = RunsTarget(server, Tcl_DStringValue(&path));
    }
    Tcl_DStringFree(&path);
    return runs;
}

void
Ns_RegisterRunner(Ns_OpProc *proc, const char *name, const char *(*file)(const void *arg))
{
    NsOpName(proc, name, NULL, file);
    atomic_store(&followLinks, true);
}

char *
NsOpHoldFile(NsServer *server, const char *file)
{
    atomic_fetch_add(&runners, 1);
    return NsRunFileHold(server, file);
}

void
NsOpRunExtension(NsServer *server, const char *extension)
{
    OpsOf(server)->runExtension = extension;
}

/* ------------------------------------------------------------------------------------------------------------- listing */

void
NsOpName(Ns_OpProc *proc, const char *name, NsOpDescribe *describe, NsOpFile *file)
{
    ProcName *entry = ns_malloc(sizeof *entry);

    entry->proc = proc;
    entry->name = name;
    entry->describe = describe;
    entry->file = file;
    entry->next = atomic_load(&procNames);
    while (!atomic_compare_exchange_weak(&procNames, &entry->next, entry)) {
        ;
    }
}

static void
ListEntry(const NsUrlEntry *entry, void *arg)
{
    Tcl_DString    *ds = arg;
    const Op       *op = entry->data;
    const ProcName *name = NameOf(op->proc);

    Tcl_DStringStartSublist(ds);
    Tcl_DStringAppendElement(ds, entry->key);
    Tcl_DStringAppendElement(ds, entry->path);
    Tcl_DStringAppendElement(ds, entry->pattern);
    Tcl_DStringAppendElement(ds, entry->inherit ? "inherit" : "noinherit");
    if (*entry->constraints != '\0') {
        Tcl_DStringAppendElement(ds, entry->constraints);
    }
    if (name != NULL) {
        Tcl_DStringAppendElement(ds, name->name);
        if (name->describe != NULL) {
            name->describe(ds, op->arg);
        }
    } else {
        char buffer[48];

        snprintf(buffer, sizeof buffer, "p:%p", (void *)(uintptr_t)op->proc);
        Tcl_DStringAppendElement(ds, buffer);
        snprintf(buffer, sizeof buffer, "a:%p", op->arg);
        Tcl_DStringAppendElement(ds, buffer);
    }
    Tcl_DStringEndSublist(ds);
}

void
NsOpList(NsServer *server, Tcl_DString *ds)
{
    NsUrlSpaceWalk(OpsOf(server)->space, ListEntry, ds);
}
