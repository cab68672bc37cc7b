/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Pages as an interpreter runs them: the shared code, and an object for each script, which keeps its byte code.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "conf/charset.h"
#include "page/adp.h"

#define MAX_FILE (64 * 1024 * 1024)            /* bytes of a page's file */

/* ---------------------------------------------------------------------------------------------------------- references */

NsAdpPrepared *
NsAdpPreparePage(NsAdpPage *page)
{
    size_t         size = sizeof(NsAdpPrepared) + (size_t)page->code.count * sizeof(Tcl_Obj *);
    NsAdpPrepared *prepared = ns_calloc(1, size);

    prepared->refs = 1;
    prepared->page = page;
    prepared->bytes = size + 2 * page->bytes;  /* the scripts once more, with their byte code */
    return prepared;
}

void
NsAdpPreparedRelease(NsAdpPrepared *prepared)
{
    if (prepared != NULL && --prepared->refs == 0) {
        for (int i = 0; i < prepared->page->code.count; i++) {
            if (prepared->scripts[i] != NULL) {
                Tcl_DecrRefCount(prepared->scripts[i]);
            }
        }
        NsAdpPageRelease(prepared->page);
        ns_free(prepared);
    }
}

static NsAdpPrepared *
Retain(NsAdpPrepared *prepared)
{
    prepared->refs++;
    return prepared;
}

/* ---------------------------------------------------------------------------------------------- the interpreter's table */

static void
Remove(NsAdp *adp, NsAdpPrepared *prepared)
{
    NsLruUnlink(&adp->lru, &prepared->use);
    Tcl_DeleteHashEntry(prepared->hash);
    prepared->hash = NULL;
    adp->bytes -= prepared->bytes;
    NsAdpPreparedRelease(prepared);
}

static void
Keep(NsAdp *adp, const char *key, NsAdpPrepared *prepared)
{
    int isNew;

    if (prepared->bytes > adp->server->cacheSize) {
        return;
    }
    prepared->hash = Tcl_CreateHashEntry(&adp->pages, key, &isNew);
    Tcl_SetHashValue(prepared->hash, Retain(prepared));
    NsLruAdd(&adp->lru, &prepared->use);
    adp->bytes += prepared->bytes;
    while (adp->bytes > adp->server->cacheSize) {
        Remove(adp, (NsAdpPrepared *)adp->lru.oldest);
    }
}

void
NsAdpPreparedClear(NsAdp *adp)
{
    while (adp->lru.oldest != NULL) {
        Remove(adp, (NsAdpPrepared *)adp->lru.oldest);
    }
}

/* ------------------------------------------------------------------------------------------------------------- reading */

static unsigned
ParseFlags(unsigned flags)
{
    return ((flags & NS_ADP_SAFE) != 0 ? NS_ADP_PARSE_SAFE : 0) | ((flags & NS_ADP_SINGLE) != 0 ? NS_ADP_PARSE_SINGLE : 0)
        | ((flags & NS_ADP_TCL) != 0 ? NS_ADP_PARSE_TCL : 0);
}

/* False with an error: there is no such set of tags, or the page is too large. */
static bool
Parse(NsAdp *adp, NsAdpCode *code, const char *text, size_t len, unsigned flags, const char *tagset)
{
    NsAdpTagTable *table = NsAdpTagTableGet(adp->server->tags, tagset);
    NsAdpTags      tags;
    bool           good;

    if (table == NULL) {
        Ns_TclPrintfResult(adp->interp, "ADP tagset \"%s\" does not exist", tagset);
        return false;
    }
    NsAdpTagTableFill(table, tagset, &tags);
    good = NsAdpParse(code, text, len, ParseFlags(flags), &tags);
    NsAdpTagTableRelease(table);
    if (!good) {
        Tcl_SetObjResult(adp->interp, Tcl_NewStringObj("the ADP page is too large", -1));
    }
    return good;
}

static NsAdpPrepared *
FileError(NsAdp *adp, const char *what, const char *path)
{
    const char *reason = Tcl_PosixError(adp->interp);

    Ns_TclPrintfResult(adp->interp, "could not %s \"%s\": %s", what, path, reason);
    return NULL;
}

/* The contents, which are to be freed; NULL: see errno. */
static char *
ReadFile(const char *path, struct stat *st)
{
    int     fd = NsFileOpen(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    char   *data = NULL;
    size_t  done = 0, size;

    if (fd < 0) {
        return NULL;
    }
    if (fstat(fd, st) == 0) {
        if (!S_ISREG(st->st_mode)) {
            errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
        } else if (st->st_size > MAX_FILE) {
            errno = EFBIG;
        } else {
            size = (size_t)st->st_size;
            data = ns_malloc(size + 1);
            while (done < size) {
                ssize_t n = read(fd, data + done, size - done);

                if (n < 0 && errno != EINTR) {
                    ns_free(data);
                    data = NULL;
                    break;
                }
                if (n == 0) {
                    break;                     /* it has become shorter meanwhile */
                }
                done += n > 0 ? (size_t)n : 0;
            }
            st->st_size = (off_t)done;
        }
    }
    close(fd);
    return data;
}

/* Read and parse a file.  NULL with an error. */
static NsAdpPage *
LoadFile(NsAdp *adp, const char *path, unsigned flags, const char *tagset, struct stat *st)
{
    long         epoch = NsAdpTagsEpoch(adp->server->tags);
    char        *bytes = ReadFile(path, st);
    bool         binary;
    Tcl_Encoding encoding = NsTypeEncoding(Ns_GetMimeType(path), "utf-8", &binary);
    Tcl_DString  text;
    NsAdpCode    code;
    NsAdpPage   *page = NULL;

    if (bytes == NULL) {
        (void)FileError(adp, "read", path);
        return NULL;
    }
    Tcl_DStringInit(&text);
    NsCharsetDecode(&text, encoding != NULL ? encoding : NsCharsetEncoding("utf-8"), bytes, (size_t)st->st_size);
    ns_free(bytes);
    if (Parse(adp, &code, Tcl_DStringValue(&text), (size_t)Tcl_DStringLength(&text), flags, tagset)) {
        page = NsAdpPageNew(&code, st, epoch);
    }
    Tcl_DStringFree(&text);
    return page;
}

/* From the server's cache, or from the file. */
static NsAdpPage *
GetPage(NsAdp *adp, const char *key, const char *path, unsigned flags, const char *tagset, struct stat *st)
{
    NsAdpPage *page = NsAdpCacheGet(adp->server->cache, key);

    if (page != NULL && !NsAdpPageIsOf(page, st, NsAdpTagsEpoch(adp->server->tags))) {
        NsAdpPageRelease(page);
        page = NULL;
    }
    if (page == NULL) {
        page = LoadFile(adp, path, flags, tagset, st);
        if (page != NULL && NsAdpFileSettled(st)) {
            NsAdpCachePut(adp->server->cache, key, page);
        }
    }
    return page;
}

NsAdpPrepared *
NsAdpPrepareFile(NsAdp *adp, const char *path, unsigned flags, const char *tagset, struct stat *st)
{
    char           kind[2] = {(char)('0' + ParseFlags(flags)), '\0'};
    NsAdpPrepared *prepared = NULL;
    Tcl_HashEntry *entry;
    Tcl_DString    key;
    NsAdpPage     *page;

    if (NsFileStat(path, st) != 0) {
        return FileError(adp, "stat", path);
    }
    Tcl_DStringInit(&key);
    Tcl_DStringAppend(&key, path, -1);
    Tcl_DStringAppend(&key, "\n", 1);
    Tcl_DStringAppend(&key, kind, 1);
    Tcl_DStringAppend(&key, tagset, -1);
    entry = Tcl_FindHashEntry(&adp->pages, Tcl_DStringValue(&key));
    if (entry != NULL) {
        prepared = Tcl_GetHashValue(entry);
        if (NsAdpPageIsOf(prepared->page, st, NsAdpTagsEpoch(adp->server->tags))) {
            NsLruUse(&adp->lru, &prepared->use);
            prepared = Retain(prepared);
        } else {
            Remove(adp, prepared);
            prepared = NULL;
        }
    }
    if (prepared == NULL) {
        page = GetPage(adp, Tcl_DStringValue(&key), path, flags, tagset, st);
        if (page != NULL) {
            prepared = NsAdpPreparePage(page);
            if (NsAdpFileSettled(st)) {
                Keep(adp, Tcl_DStringValue(&key), prepared);
            }
        }
    }
    Tcl_DStringFree(&key);
    return prepared;
}

/* ------------------------------------------------------------------------------------------------- strings in an object */

static void FreePage(Tcl_Obj *obj);
static void CopyPage(Tcl_Obj *from, Tcl_Obj *to);

/* ptr1: an NsAdpStringPage. */
static const Tcl_ObjType pageType = {"ns:adp", FreePage, CopyPage, NULL, NULL};

typedef struct NsAdpStringPage {
    int                refs;
    const NsAdpServer *server;
    NsAdpPrepared     *prepared;
    unsigned           flags;
    char               tagset[];
} NsAdpStringPage;

static void
FreePage(Tcl_Obj *obj)
{
    NsAdpStringPage *self = obj->internalRep.twoPtrValue.ptr1;

    if (--self->refs == 0) {
        NsAdpPreparedRelease(self->prepared);
        ns_free(self);
    }
    obj->typePtr = NULL;
}

static void
CopyPage(Tcl_Obj *from, Tcl_Obj *to)
{
    NsAdpStringPage *self = from->internalRep.twoPtrValue.ptr1;

    self->refs++;
    to->internalRep.twoPtrValue.ptr1 = self;
    to->typePtr = &pageType;
}

static bool
Fits(const NsAdp *adp, const NsAdpStringPage *self, unsigned flags, const char *tagset)
{
    return self->server == adp->server && self->flags == ParseFlags(flags) && strcmp(self->tagset, tagset) == 0
        && self->prepared->page->epoch == NsAdpTagsEpoch(adp->server->tags);
}

NsAdpPrepared *
NsAdpPrepareString(NsAdp *adp, Tcl_Obj *obj, unsigned flags, const char *tagset)
{
    long             epoch = NsAdpTagsEpoch(adp->server->tags);
    NsAdpStringPage *self;
    NsAdpCode        code;
    const char      *text;
    int              len;

    if (obj->typePtr == &pageType && Fits(adp, obj->internalRep.twoPtrValue.ptr1, flags, tagset)) {
        self = obj->internalRep.twoPtrValue.ptr1;
        return Retain(self->prepared);
    }
    text = Tcl_GetStringFromObj(obj, &len);
    if (!Parse(adp, &code, text, (size_t)len, flags, tagset)) {
        return NULL;
    }
    self = ns_malloc(sizeof *self + strlen(tagset) + 1);
    self->refs = 1;
    self->server = adp->server;
    self->flags = ParseFlags(flags);
    strcpy(self->tagset, tagset);
    self->prepared = NsAdpPreparePage(NsAdpPageNew(&code, NULL, epoch));
    if (obj->typePtr != NULL && obj->typePtr->freeIntRepProc != NULL) {
        obj->typePtr->freeIntRepProc(obj);
    }
    obj->internalRep.twoPtrValue.ptr1 = self;
    obj->typePtr = &pageType;
    return Retain(self->prepared);
}
