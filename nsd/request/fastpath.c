/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Static files.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/check.h"
#include "request/auth.h"
#include "request/connio.h"
#include "request/fastpath.h"
#include "request/filecache.h"
#include "request/hostproc.h"
#include "http/header.h"
#include "http/url.h"
#include "interp/interp.h"
#include "request/op.h"
#include "request/return.h"
#include "request/tclrequest.h"
#include "request/urlspace.h"

struct NsFastpath {                            /* read once */
    char        *serverDir, *pageDir;          /* absolute, without a slash at the end */
    const char  *ownPages;                     /* `pagedir` as configured */
    int          indexCount;
    const char **indexes;
    const char  *listingProc;                  /* NULL: folders are not listed */
    NsUrlSpace  *files;                        /* ns_register_url2file */
    bool         gzipStatic, brotliStatic;
};

static inline struct NsFastpath *
FastpathOf(const NsServer *server)
{
    return NsServerPartData(server, &nsFastpathPart);
}

/* ------------------------------------------------------------------------------------------------------------- folders */

/* `path` below `base` unless it is absolute; no slash at the end. */
static char *
PathBelow(const char *base, const char *path)
{
    Tcl_DString ds;
    char       *result;
    int         len;

    Tcl_DStringInit(&ds);
    if (*path != '/') {
        Tcl_DStringAppend(&ds, base, -1);
        if (*path != '\0') {
            Tcl_DStringAppend(&ds, "/", 1);
        }
    }
    Tcl_DStringAppend(&ds, path, -1);
    len = Tcl_DStringLength(&ds);
    while (len > 1 && Tcl_DStringValue(&ds)[len - 1] == '/') {
        len--;
    }
    Tcl_DStringSetLength(&ds, len);
    result = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

const char *
NsPagePathBelow(Tcl_DString *ds, const NsServer *server, const char *root)
{
    if (root != NULL) {
        char *pages = PathBelow(root, FastpathOf(server)->ownPages);

        Tcl_DStringAppend(ds, pages, -1);
        ns_free(pages);
    } else {
        Tcl_DStringAppend(ds, FastpathOf(server)->pageDir, -1);
    }
    return Tcl_DStringValue(ds);
}

const char *
NsPagePath(Tcl_DString *ds, const NsServer *server)
{
    return NsPagePathBelow(ds, server, NsHostRoot(server));
}

const char *
NsPageDir(const NsServer *server)
{
    return FastpathOf(server)->pageDir;
}

const char *
NsServerPathBelow(Tcl_DString *ds, const NsServer *server, const char *root)
{
    return Tcl_DStringAppend(ds, root != NULL ? root : FastpathOf(server)->serverDir, -1);
}

const char *
NsServerPath(Tcl_DString *ds, const NsServer *server)
{
    return NsServerPathBelow(ds, server, NsHostRoot(server));
}

/* -------------------------------------------------------------------------------------------------------- URLs to files */

typedef struct Mapping {
    uint32_t        magic;
    _Atomic int     refs;
    NsUrl2FileProc *proc;
    Ns_Callback    *deleteProc;
    void           *arg;
    char           *name;
} Mapping;
#define MAPPING_MAGIC NS_MAGIC('U', '2', 'F', 'm')
#define MAPPING_KEY "x"

static void
MappingRetain(void *data)
{
    Mapping *mapping = data;

    NS_CHECK(mapping, MAPPING_MAGIC);
    mapping->refs++;
}

static void
MappingRelease(void *data)
{
    Mapping *mapping = data;

    NS_CHECK(mapping, MAPPING_MAGIC);
    if (--mapping->refs == 0) {
        if (mapping->deleteProc != NULL) {
            mapping->deleteProc(mapping->arg);
        }
        mapping->magic = NS_SPOILED;
        ns_free(mapping->name);
        ns_free(mapping);
    }
}

void
NsUrl2FileRegister(NsServer *server, const char *url, NsUrl2FileProc *proc, Ns_Callback *deleteProc, void *arg,
                   unsigned flags, const char *name)
{
    Mapping *mapping = ns_calloc(1, sizeof *mapping);

    mapping->magic = MAPPING_MAGIC;
    mapping->refs = 1;
    mapping->proc = proc;
    mapping->deleteProc = deleteProc;
    mapping->arg = arg;
    mapping->name = ns_strdup(name);
    NsUrlSpaceSet(FastpathOf(server)->files, MAPPING_KEY, url, mapping, flags, NULL);
}

void
NsUrl2FileUnregister(NsServer *server, const char *url, unsigned flags)
{
    (void)NsUrlSpaceUnset(FastpathOf(server)->files, MAPPING_KEY, url, flags);
}

static void
ListMapping(const NsUrlEntry *entry, void *arg)
{
    Tcl_DString   *ds = arg;
    const Mapping *mapping = entry->data;

    Tcl_DStringStartSublist(ds);
    Tcl_DStringAppendElement(ds, entry->key);
    Tcl_DStringAppendElement(ds, entry->path);
    Tcl_DStringAppendElement(ds, entry->pattern);
    Tcl_DStringAppendElement(ds, entry->inherit ? "inherit" : "noinherit");
    Tcl_DStringAppend(ds, " ", 1);
    Tcl_DStringAppend(ds, mapping->name, -1);
    Tcl_DStringEndSublist(ds);
}

void
NsUrl2FileList(NsServer *server, Tcl_DString *ds)
{
    NsUrlSpaceWalk(FastpathOf(server)->files, ListMapping, ds);
}

/* The default mapping: below the pages. */
static Ns_ReturnCode
PagesUrl2File(Tcl_DString *ds, const char *url, const void *arg)
{
    const NsServer *server = arg;

    (void)NsPagePath(ds, server);
    if (*url != '/') {
        Tcl_DStringAppend(ds, "/", 1);
    }
    Tcl_DStringAppend(ds, url, -1);
    return NS_OK;
}

Ns_ReturnCode
NsUrlToFile(Tcl_DString *ds, NsServer *server, const char *url)
{
    Mapping      *mapping = NsUrlSpaceFind(FastpathOf(server)->files, MAPPING_KEY, url, 0, NULL);
    Ns_ReturnCode status = NS_ERROR;

    if (mapping != NULL) {
        int start = Tcl_DStringLength(ds), len;

        status = mapping->proc(ds, url, mapping->arg);
        MappingRelease(mapping);
        len = Tcl_DStringLength(ds);
        while (len > start + 1 && Tcl_DStringValue(ds)[len - 1] == '/') {
            len--;
        }
        Tcl_DStringSetLength(ds, len);
    }
    return status;
}

static void
InitServer(NsServer *server)
{
    const char        *section = Ns_ConfigSectionPath(NULL, server->name, NULL, "fastpath", (char *)NULL), *listing;
    struct NsFastpath *fastpath = ns_calloc(1, sizeof *fastpath);
    Tcl_DString        name;

    NsFileCacheInit();
    (void)Ns_GetMimeType("");                  /* reads the configuration of types */
    NsServerSetPart(server, &nsFastpathPart, fastpath);
    fastpath->serverDir = PathBelow(Ns_InfoHomePath(), Ns_ConfigString(server->section, "serverdir", ""));
    fastpath->ownPages = Ns_ConfigString(section, "pagedir", "pages");
    fastpath->pageDir = PathBelow(fastpath->serverDir, fastpath->ownPages);
    if (NsFileAccess(fastpath->pageDir, R_OK | X_OK) != 0) {
        Ns_Log(Ns_ConfigGetValue(section, "pagedir") != NULL ? Warning : Notice,
               "fastpath: server %s: there is no folder %s for pages (parameter pagedir of section %s)", server->name,
               fastpath->pageDir, section);
    }
    if (Tcl_SplitList(NULL, Ns_ConfigString(section, "directoryfile", "index.adp index.tcl index.html index.htm"),
                      &fastpath->indexCount, &fastpath->indexes) != TCL_OK) {
        Ns_Log(Error, "config: section %s: directoryfile is not a list", section);
    }
    listing = Ns_ConfigString(section, "directorylisting", "none");
    if (strcmp(listing, "simple") == 0 || strcmp(listing, "fancy") == 0) {
        fastpath->listingProc = ns_strdup(Ns_ConfigString(section, "directoryproc", "_ns_dirlist"));
    } else if (strcmp(listing, "none") != 0 && *listing != '\0') {
        Ns_Log(Error, "config: section %s: directorylisting is '%s', must be none, simple or fancy", section, listing);
    }
    fastpath->gzipStatic = Ns_ConfigBool("ns/fastpath", "gzip_static", false);
    fastpath->brotliStatic = Ns_ConfigBool("ns/fastpath", "brotli_static", false);

    fastpath->files = NsUrlSpaceCreate(MappingRetain, MappingRelease);
    Tcl_DStringInit(&name);
    Tcl_DStringAppendElement(&name, "ns:fasturl2file");
    Tcl_DStringAppendElement(&name, server->name);
    NsUrl2FileRegister(server, "/", PagesUrl2File, NULL, server, 0, Tcl_DStringValue(&name));
    Tcl_DStringFree(&name);
}

NsServerPart nsFastpathPart = {.init = InitServer};

/* --------------------------------------------------------------------------------------------------------------- files */

/*
 * A prepared compressed copy beside the file: the client takes it, it is not older, and no part of the file is asked for.
 */
static bool
FindCompressed(NsConn *conn, const char *file, struct stat *st, Tcl_DString *found, const char **encoding)
{
    const struct { bool enabled; const char *suffix, *name, *token; } kinds[] = {
        {FastpathOf(conn->server)->brotliStatic, ".br", "br", "br"},
        {FastpathOf(conn->server)->gzipStatic,   ".gz", "gzip", "gzip"},
    };
    const char *accept = Ns_SetIGet(conn->pub.headers, "accept-encoding");
    struct stat other;

    if (accept == NULL || Ns_SetIFind(conn->pub.headers, "range") >= 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i].enabled || NsHeaderQuality(accept, kinds[i].token) <= 0) {
            continue;
        }
        Tcl_DStringSetLength(found, 0);
        Tcl_DStringAppend(found, file, -1);
        Tcl_DStringAppend(found, kinds[i].suffix, -1);
        if (NsFileStat(Tcl_DStringValue(found), &other) == 0 && S_ISREG(other.st_mode) && other.st_mtime >= st->st_mtime) {
            *st = other;
            *encoding = kinds[i].name;
            return true;
        }
    }
    return false;
}

/* An open regular file as the answer; a cached copy if there is one. */
static Ns_ReturnCode
SendFile(NsConn *conn, int status, const char *type, const char *file, const struct stat *st, time_t mtime)
{
    Ns_Buf        *cached = NsFileCacheGet(file, st);
    Ns_ReturnCode result;
    struct stat   now;
    int           fd;

    if (cached != NULL) {
        result = NsReturnMemory(conn, status, type, cached->data, cached->len, &mtime);
        Ns_BufRelease(cached);
        return result;
    }
    fd = NsFileOpen(file, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0 || fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) {
        Ns_Log(Warning, "cannot open '%s': %s", file, fd < 0 ? strerror(errno) : "not a file any more");
        if (fd >= 0) {
            close(fd);
        }
        return Ns_ConnReturnNotFound(&conn->pub);
    }
    return NsReturnFd(conn, status, type, fd, 0, (size_t)now.st_size, &mtime);
}

/* `st` is the file's. */
static Ns_ReturnCode
ReturnFile(NsConn *conn, int status, const char *type, const char *file, struct stat *st)
{
    const char   *encoding = NULL;
    time_t        mtime = st->st_mtime;
    Tcl_DString   other;
    Ns_ReturnCode result;

    Tcl_DStringInit(&other);
    if (type == NULL) {
        type = Ns_GetMimeType(file);
    }
    Ns_ConnSetLastModifiedHeader(&conn->pub, &mtime);
    if (FindCompressed(conn, file, st, &other, &encoding) && NsConnCheckConditions(conn, mtime) == 0) {
        file = Tcl_DStringValue(&other);
        (void)Ns_SetIUpdate(conn->pub.outputheaders, "vary", "accept-encoding");
        (void)Ns_SetIUpdate(conn->pub.outputheaders, "content-encoding", encoding);
    }
    result = SendFile(conn, status, type, file, st, mtime);
    Tcl_DStringFree(&other);
    return result;
}

/* What is there to be run is not to be read, whoever sends it. */
static bool
RefuseCode(const NsConn *conn, const char *url, const char *file)
{
    bool refused = NsOpRunsFile(conn->server, url, file);

    if (refused) {
        Ns_Log(Warning, "%s %s: '%s' is a page that is run, its source is not sent", conn->pub.request.method,
               conn->pub.request.url, file);
    }
    return refused;
}

Ns_ReturnCode
Ns_ConnReturnFile(Ns_Conn *conn, int status, const char *type, const char *file)
{
    struct stat st;

    /* Neither folders nor devices, pipes and sockets, opening which may wait or do something. */
    if (NsFileStat(file, &st) != 0 || !S_ISREG(st.st_mode) || RefuseCode(NsConnOf(conn), NULL, file)) {
        return Ns_ConnReturnNotFound(conn);
    }
    return ReturnFile(NsConnOf(conn), status, type, file, &st);
}

/* ------------------------------------------------------------------------------------------------------------- folders */

static Ns_ReturnCode
RedirectToFolder(NsConn *conn)
{
    const Ns_Request *request = &conn->pub.request;
    Tcl_DString       ds;
    Ns_ReturnCode     status;

    /* From the decoded path, not as it was sent: //host/ would be another server's. */
    Tcl_DStringInit(&ds);
    NsUrlEncode(&ds, request->url, strlen(request->url), NS_URL_FULLPATH, true);
    Tcl_DStringAppend(&ds, "/", 1);
    if (request->query != NULL) {
        Tcl_DStringAppend(&ds, "?", 1);
        Tcl_DStringAppend(&ds, request->query, -1);
    }
    status = Ns_ConnReturnRedirect(&conn->pub, Tcl_DStringValue(&ds));
    if (status != NS_OK && NsConnWriteRefusal(conn) == NULL) {
        status = Ns_ConnReturnBadRequest(&conn->pub, NULL);
    }
    Tcl_DStringFree(&ds);
    return status;
}

static bool (*folderProc)(NsConn *conn, Ns_ReturnCode *status);                /* not changed after the start */

void
NsFastpathFoldersBy(bool (*proc)(NsConn *conn, Ns_ReturnCode *status))
{
    folderProc = proc;
}

static Ns_ReturnCode
ListFolder(NsConn *conn, const char *folder)
{
    Tcl_Interp   *interp = NsConnInterp(conn);
    Tcl_Obj      *words[2] = {Tcl_NewStringObj(FastpathOf(conn->server)->listingProc, -1), Tcl_NewStringObj(folder, -1)};
    Tcl_Obj      *command = Tcl_NewListObj(2, words);
    Ns_ReturnCode status = NS_OK;

    Tcl_IncrRefCount(command);
    if (Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL) == TCL_ERROR) {
        (void)Ns_TclLogErrorInfo(interp, "\n    while listing a folder");
        status = Ns_ConnReturnInternalError(&conn->pub);
    }
    Tcl_DecrRefCount(command);
    Tcl_ResetResult(interp);
    return status;
}

/*
 * May this index be the answer?  Pages with code stand in the default of `directoryfile` before it is known whether anybody runs
 * them: where nobody does, they would be sent as they are.
 */
static bool
IsIndex(const NsConn *conn, const char *name, const char *file)
{
    const char *extension = strrchr(file, '.');
    struct stat st;
    bool        found = NsFileStat(file, &st) == 0 && S_ISREG(st.st_mode);
    Tcl_DString url;

    if (found && extension != NULL && (strcasecmp(extension, ".tcl") == 0 || strcasecmp(extension, ".adp") == 0)) {
        Tcl_DStringInit(&url);
        Tcl_DStringAppend(&url, conn->pub.request.url, -1);
        Tcl_DStringAppend(&url, name, -1);
        found = NsOpRunsFile(conn->server, Tcl_DStringValue(&url), file);
        Tcl_DStringFree(&url);
        if (!found) {
            Ns_Log(Warning, "%s %s: '%s' is not run by this server, and no index then", conn->pub.request.method,
                   conn->pub.request.url, file);
        }
    }
    return found;
}

static Ns_ReturnCode
ReturnFolder(NsConn *conn, const char *folder)
{
    const struct NsFastpath *fastpath = FastpathOf(conn->server);
    const char              *url = conn->pub.request.url;
    size_t                   len = strlen(url);
    Tcl_DString              ds;
    Ns_ReturnCode            status;

    if (len == 0 || url[len - 1] != '/') {
        return RedirectToFolder(conn);
    }
    Tcl_DStringInit(&ds);
    for (int i = 0; i < fastpath->indexCount; i++) {
        Tcl_DStringSetLength(&ds, 0);
        Tcl_DStringAppend(&ds, folder, -1);
        Tcl_DStringAppend(&ds, "/", 1);
        Tcl_DStringAppend(&ds, fastpath->indexes[i], -1);
        if (IsIndex(conn, fastpath->indexes[i], Tcl_DStringValue(&ds))) {
            /* Served as that URL: it may belong to somebody else, as pages with code do. */
            Tcl_DStringSetLength(&ds, 0);
            NsUrlEncode(&ds, url, len, NS_URL_FULLPATH, true);
            NsUrlEncode(&ds, fastpath->indexes[i], strlen(fastpath->indexes[i]), NS_URL_FULLPATH, true);
            if (conn->pub.request.query != NULL) {
                Tcl_DStringAppend(&ds, "?", 1);
                Tcl_DStringAppend(&ds, conn->pub.request.query, -1);
            }
            status = NsOpRedirect(conn, Tcl_DStringValue(&ds));
            Tcl_DStringFree(&ds);
            return status;
        }
    }
    Tcl_DStringFree(&ds);
    if (folderProc != NULL && folderProc(conn, &status)) {
        return status;
    }
    if (fastpath->listingProc != NULL) {
        return ListFolder(conn, folder);
    }
    return Ns_ConnReturnNotFound(&conn->pub);
}

/* The parser resolves dots; whatever brings such a path here all the same gets nothing. */
static bool
HasDotDot(const char *url)
{
    for (const char *at = strstr(url, ".."); at != NULL; at = strstr(at + 1, "..")) {
        if ((at == url || at[-1] == '/') && (at[2] == '/' || at[2] == '\0')) {
            return true;
        }
    }
    return false;
}

/*
 * What a file says is what GET would give: that takes GET's permission as well, whichever method asks for it.  Not NS_OK: it may not, and
 * that is answered.
 */
static Ns_ReturnCode
AuthorizeRead(NsConn *conn)
{
    const char   *method = conn->targetMethod;
    Ns_ReturnCode status = NS_OK;

    if (strcmp(method != NULL ? method : conn->pub.request.method, "GET") != 0) {
        conn->targetMethod = "GET";
        status = NsAuthorizeConn(conn);
        conn->targetMethod = method;
    }
    return status;
}

Ns_ReturnCode
NsFastpathProc(const void *arg, Ns_Conn *conn)
{
    NsConn       *self = NsConnOf(conn);
    const char   *url = conn->request.url;
    struct stat   st;
    Tcl_DString   file;
    Ns_ReturnCode status;

    Tcl_DStringInit(&file);
    if (HasDotDot(url) || NsUrlToFile(&file, self->server, url) != NS_OK
        || Tcl_DStringLength(&file) >= PATH_MAX || NsFileStat(Tcl_DStringValue(&file), &st) != 0) {
        status = Ns_ConnReturnNotFound(conn);
    } else if (AuthorizeRead(self) != NS_OK) {
        status = NS_FILTER_RETURN;
    } else if (S_ISREG(st.st_mode) && RefuseCode(self, url, Tcl_DStringValue(&file))) {
        status = Ns_ConnReturnNotFound(conn);
    } else if (S_ISREG(st.st_mode)) {
        status = ReturnFile(self, 200, NULL, Tcl_DStringValue(&file), &st);
    } else if (S_ISDIR(st.st_mode)) {
        status = ReturnFolder(self, Tcl_DStringValue(&file));
    } else {
        status = Ns_ConnReturnNotFound(conn);
    }
    Tcl_DStringFree(&file);
    return status;
}
