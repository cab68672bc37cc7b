/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Request procs, and internal redirects.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "auth.h"
#include "base/check.h"
#include "connio.h"
#include "fastpath.h"
#include "http/url.h"
#include "op.h"
#include "return.h"
#include "tclrequest.h"

#define MAX_REDIRECTS 3

/* A registered proc; whoever runs it holds a reference, so that it can be replaced meanwhile. */
typedef struct Op {
    uint32_t     magic;
    _Atomic int  refs;
    Ns_OpProc   *proc;
    Ns_Callback *deleteProc;
    void        *arg;
    unsigned     flags;
} Op;
#define OP_MAGIC NS_MAGIC('O', 'p', 'r', 'c')

struct NsOps {
    NsUrlSpace   *space;
    Tcl_HashTable redirects;                   /* status -> URL (char *); not changed after the start */
};

typedef struct ProcName {
    struct ProcName *next;
    Ns_OpProc       *proc;
    const char      *name;
    NsOpDescribe    *describe;
} ProcName;
static _Atomic(ProcName *) procNames;

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
RegisterPages(NsServer *server, const char *url, Ns_OpProc *proc)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        NsOpRegister(server, methods[i], url, proc, NULL, NULL, 0, NULL);
    }
}

/* There are no ADP pages: what is configured to be one must not be sent as it is, with its code. */
static Ns_ReturnCode
RefuseAdp(const void *arg, Ns_Conn *conn)
{
    return Ns_ConnReturnNotice(conn, 501, "Not Implemented", "This server does not run ADP pages.");
}

static void
RefuseAdpPages(NsServer *server)
{
    const char   *path = Ns_ConfigGetPath(server->name, NULL, "adp", (char *)NULL);
    const Ns_Set *set = path != NULL ? Ns_ConfigGetSection(path) : NULL;

    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *url = Ns_SetValue(set, i);
        Tcl_DString ds;

        if (strcasecmp(Ns_SetKey(set, i), "map") != 0 || url == NULL) {
            continue;
        }
        (void)Ns_ConfigGetValue(path, "map");
        Ns_Log(Warning, "config: section %s: ADP pages are not supported, '%s' is answered with 501", path, url);
        Tcl_DStringInit(&ds);
        if (*url != '/') {
            Tcl_DStringAppend(&ds, "/", 1);
        }
        Tcl_DStringAppend(&ds, url, -1);
        RegisterPages(server, Tcl_DStringValue(&ds), RefuseAdp);
        Tcl_DStringFree(&ds);
    }
}

void
NsOpInitServer(NsServer *server)
{
    NsTclRequestInit();
    NsOpName(RefuseAdp, "ns:adprefused", NULL);
    server->ops = ns_calloc(1, sizeof *server->ops);
    server->ops->space = NsUrlSpaceCreate(OpRetain, OpRelease);
    ReadRedirects(server, server->ops);
    RegisterPages(server, "/", NsFastpathProc);
    if (Ns_ConfigBool(server->section, "enabletclpages", false)) {
        RegisterPages(server, "/*.tcl", NsTclPageProc);
    }
    RefuseAdpPages(server);
}

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
    NsUrlSpaceSet(server->ops->space, method, url, op, flags & (NS_OP_NOINHERIT | NS_OP_SEGMATCH), constraints);
}

void
NsOpUnregister(NsServer *server, const char *method, const char *url, unsigned flags)
{
    (void)NsUrlSpaceUnset(server->ops->space, method, url,
                          flags & (NS_OP_NOINHERIT | NS_OP_RECURSE | NS_OP_ALLCONSTRAINTS));
}

Ns_ReturnCode
Ns_RegisterRequest2(Tcl_Interp *interp, const char *server, const char *method, const char *url, Ns_OpProc *proc,
                    Ns_Callback *deleteProc, void *arg, unsigned flags)
{
    NsServer *self = server != NULL ? NsServerGet(server) : NsServerDefault();

    if (self == NULL) {
        if (interp != NULL) {
            Ns_TclPrintfResult(interp, "invalid server: '%s'", server != NULL ? server : "");
        }
        return NS_ERROR;
    }
    NsOpRegister(self, method, url, proc, deleteProc, arg, flags, NULL);
    return NS_OK;
}

Ns_ReturnCode
Ns_RegisterRequest(const char *server, const char *method, const char *url, Ns_OpProc *proc, Ns_Callback *deleteProc,
                   void *arg, unsigned flags)
{
    return Ns_RegisterRequest2(NULL, server, method, url, proc, deleteProc, arg, flags);
}

void
Ns_UnRegisterRequestEx(const char *server, const char *method, const char *url, unsigned flags)
{
    NsServer *self = server != NULL ? NsServerGet(server) : NsServerDefault();

    if (self != NULL) {
        NsOpUnregister(self, method, url, flags);
    }
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

Ns_ReturnCode
NsOpRun(NsConn *conn)
{
    const Ns_Request *request = conn->pub.request;
    const char       *method = conn->targetMethod != NULL ? conn->targetMethod : request->method;
    Op               *op = NsUrlSpaceFind(conn->server->ops->space, method, request->url, 0, conn->pub.headers);
    Ns_ReturnCode     status;

    if (op == NULL) {
        return Ns_ConnReturnInvalidMethod(&conn->pub);
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
    const char *own = conn->targetMethod != NULL ? conn->targetMethod : conn->pub.request->method;
    Op         *op = NULL;

    if (strcmp(method, own) != 0) {
        op = NsUrlSpaceFind(conn->server->ops->space, method, conn->pub.request->url, 0, conn->pub.headers);
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
    NsUrlSpaceWalk(conn->server->ops->space, CollectMethod, &methods);
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

/* A request for another URL of the server: the path decoded and without dots, as the parser makes it. */
static void
RequestFor(Ns_Request *request, const Ns_Request *old, const char *url, Tcl_DString *path, Tcl_DString *parts)
{
    size_t      len = strcspn(url, "?#");
    Tcl_DString decoded;

    *request = *old;
    request->rawUrl = url;
    request->query = url[len] == '?' ? url + len + 1 : NULL;

    Tcl_DStringInit(&decoded);
    NsUrlDecode(&decoded, url, len, NS_URL_PATH);
    Tcl_DStringInit(path);
    NsPathNormalize(path, Tcl_DStringValue(&decoded), strlen(Tcl_DStringValue(&decoded)), true);
    Tcl_DStringFree(&decoded);
    request->url = Tcl_DStringValue(path);

    Tcl_DStringInit(parts);
    request->urlc = 0;
    for (const char *at = request->url; *at != '\0';) {
        size_t partLen;

        at += strspn(at, "/");
        partLen = strcspn(at, "/");
        if (partLen > 0) {
            char *part = ns_strncopy(at, (ssize_t)partLen);

            Tcl_DStringAppendElement(parts, part);
            ns_free(part);
            request->urlc++;
        }
        at += partLen;
    }
    request->urlv = Tcl_DStringValue(parts);
}

Ns_ReturnCode
NsOpRedirect(NsConn *conn, const char *url)
{
    const Ns_Request *old = conn->pub.request;
    Ns_Request        request;
    Tcl_DString       path, parts;
    Ns_ReturnCode     status;

    if (conn->redirects >= MAX_REDIRECTS) {
        Ns_Log(Error, "%s %s: redirected more than %d times, last to '%s'", old->method, old->url, MAX_REDIRECTS, url);
        (void)Ns_ConnReturnInternalError(&conn->pub);
        return NS_ERROR;
    }
    conn->redirects++;
    RequestFor(&request, old, url, &path, &parts);
    conn->pub.request = &request;
    status = NsAuthorizeConn(conn);
    if (status == NS_OK) {
        status = NsOpRun(conn);
    }
    conn->pub.request = old;                   /* traces and logs see what was asked for */
    Tcl_DStringFree(&path);
    Tcl_DStringFree(&parts);
    return status;
}

bool
NsOpStatusRedirect(NsConn *conn, int status)
{
    const char          *method = conn->targetMethod;
    const Tcl_HashEntry *entry = Tcl_FindHashEntry(&conn->server->ops->redirects, (char *)(intptr_t)status);

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

/* ------------------------------------------------------------------------------------------------------------- listing */

void
NsOpName(Ns_OpProc *proc, const char *name, NsOpDescribe *describe)
{
    ProcName *entry = ns_malloc(sizeof *entry);

    entry->proc = proc;
    entry->name = name;
    entry->describe = describe;
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
    const ProcName *name = atomic_load(&procNames);

    while (name != NULL && name->proc != op->proc) {
        name = name->next;
    }
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
    NsUrlSpaceWalk(server->ops->space, ListEntry, ds);
}
