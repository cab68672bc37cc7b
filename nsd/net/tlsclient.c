/* SPDX-License-Identifier: MPL-2.0 */
/*
 * TLS contexts of clients, kept by the rules that they were made from: reading a bundle of authorities takes tens of milliseconds.
 *
 * A context is good for as long as its files are what they were.  Who may wait looks at them each time; who may not, a loop's thread,
 * takes one that was looked at a moment ago, or has it made elsewhere (net/connector.c).
 */
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/check.h"
#include "net/eventloop.h"
#include "net/tls.h"

#define MAX_KEPT 64
#define FRESH    1000                          /* ms for which the files need not be looked at again */

typedef struct Kept {
    Ns_TlsCtx *ctx;
    char      *stamp;                          /* what its files were like */
    int64_t    checked;                        /* the clock */
} Kept;

static Ns_Mutex      lock;                     /* around the table: held for moments */
static Ns_Mutex      making;                   /* one is being made: who needs the same would make it as well */
static Tcl_HashTable kept;
static bool          ready;

static void
AppendStamp(Tcl_DString *stamp, const char *path)
{
    struct stat st;
    char        text[100] = "";

    if (path != NULL && *path != '\0' && NsFileStat(path, &st) == 0) {
        snprintf(text, sizeof(text), "%lld.%09ld %lld %llu", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long long)st.st_size,
                 (unsigned long long)st.st_ino);
    }
    Tcl_DStringAppendElement(stamp, text);
}

static void
AppendStamps(const Ns_TlsClientParams *params, Tcl_DString *stamp)
{
    AppendStamp(stamp, params->caFile);
    AppendStamp(stamp, params->caPath);
    AppendStamp(stamp, params->certificate);
    AppendStamp(stamp, params->key);
    if (!params->insecure && params->caFile == NULL && params->caPath == NULL) {
        AppendStamp(stamp, NsTlsSystemFile());
        AppendStamp(stamp, NsTlsSystemFolders());      /* more than one: a name that is not there */
    }
}

static void
AppendRules(const Ns_TlsClientParams *params, Tcl_DString *rules)
{
    const char *const words[] = {params->caFile, params->caPath, params->certificate, params->key};
    char              depth[20];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        Tcl_DStringAppendElement(rules, words[i] != NULL ? words[i] : "");
    }
    Tcl_DStringAppendElement(rules, params->insecure ? "insecure" : "verified");
    snprintf(depth, sizeof depth, "%d", params->verifyDepth);
    Tcl_DStringAppendElement(rules, depth);
}

void
NsTlsClientRules(const Ns_TlsClientParams *params, Tcl_DString *rules)
{
    AppendRules(params, rules);
    AppendStamps(params, rules);
}

static void
Forget(Tcl_HashEntry *entry)
{
    Kept *old = Tcl_GetHashValue(entry);

    Ns_TlsCtxRelease(old->ctx);
    ns_free(old->stamp);
    ns_free(old);
    Tcl_DeleteHashEntry(entry);
}

/* Lock held: room for one more, in the place of the one that was not used for the longest time. */
static void
MakeRoom(void)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *oldest = NULL;

    if (kept.numEntries < MAX_KEPT) {
        return;
    }
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&kept, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        if (oldest == NULL || ((Kept *)Tcl_GetHashValue(entry))->checked < ((Kept *)Tcl_GetHashValue(oldest))->checked) {
            oldest = entry;
        }
    }
    Forget(oldest);
}

/* `stamp` NULL: one that is fresh.  The caller gets a reference. */
static Ns_TlsCtx *
Find(const char *rules, const char *stamp)
{
    int64_t        now = NsLoopClock();
    Ns_TlsCtx     *ctx = NULL;
    Tcl_HashEntry *entry;

    Ns_MutexLock(&lock);
    entry = ready ? Tcl_FindHashEntry(&kept, rules) : NULL;
    if (entry != NULL) {
        Kept *found = Tcl_GetHashValue(entry);

        if (stamp == NULL ? now - found->checked < FRESH : strcmp(stamp, found->stamp) == 0) {
            found->checked = stamp != NULL ? now : found->checked;
            ctx = NsTlsCtxRetain(found->ctx);
        }
    }
    Ns_MutexUnlock(&lock);
    return ctx;
}

static void
Keep(const char *rules, const char *stamp, Ns_TlsCtx *ctx)
{
    Kept          *made = ns_calloc(1u, sizeof(Kept));
    Tcl_HashEntry *entry;
    int            isNew;

    made->ctx = NsTlsCtxRetain(ctx);
    made->stamp = ns_strdup(stamp);
    made->checked = NsLoopClock();
    Ns_MutexLock(&lock);
    if (!ready) {
        Tcl_InitHashTable(&kept, TCL_STRING_KEYS);
        ready = true;
    }
    entry = Tcl_FindHashEntry(&kept, rules);
    if (entry != NULL) {
        Forget(entry);
    }
    MakeRoom();
    entry = Tcl_CreateHashEntry(&kept, rules, &isNew);
    Tcl_SetHashValue(entry, made);
    Ns_MutexUnlock(&lock);
}

Ns_TlsCtx *
Ns_TlsCtxClientCreate(const Ns_TlsClientParams *params, Tcl_DString *error)
{
    Tcl_DString rules, stamp;
    Ns_TlsCtx  *ctx;

    Tcl_DStringInit(&rules);
    Tcl_DStringInit(&stamp);
    AppendRules(params, &rules);
    AppendStamps(params, &stamp);
    ctx = Find(Tcl_DStringValue(&rules), Tcl_DStringValue(&stamp));
    if (ctx == NULL) {
        Ns_MutexLock(&making);
        ctx = Find(Tcl_DStringValue(&rules), Tcl_DStringValue(&stamp));
        if (ctx == NULL && (ctx = NsTlsClientMake(params, error)) != NULL) {
            Keep(Tcl_DStringValue(&rules), Tcl_DStringValue(&stamp), ctx);
        }
        Ns_MutexUnlock(&making);
    }
    Tcl_DStringFree(&rules);
    Tcl_DStringFree(&stamp);
    return ctx;
}

Ns_TlsCtx *
NsTlsClientKept(const Ns_TlsClientParams *params)
{
    Tcl_DString rules;
    Ns_TlsCtx  *ctx;

    Tcl_DStringInit(&rules);
    AppendRules(params, &rules);
    ctx = Find(Tcl_DStringValue(&rules), NULL);
    Tcl_DStringFree(&rules);
    return ctx;
}

static char *
Copy(const char *string)
{
    return string != NULL ? ns_strdup(string) : NULL;
}

Ns_TlsClientParams *
NsTlsClientParamsCopy(const Ns_TlsClientParams *params)
{
    Ns_TlsClientParams *copy = ns_calloc(1u, sizeof(*copy));

    *copy = (Ns_TlsClientParams){Copy(params->caFile), Copy(params->caPath), Copy(params->certificate), Copy(params->key),
                                 params->insecure, params->verifyDepth};
    return copy;
}

void
NsTlsClientParamsFree(Ns_TlsClientParams *params)
{
    if (params != NULL) {
        ns_free((char *)(uintptr_t)params->caFile);
        ns_free((char *)(uintptr_t)params->caPath);
        ns_free((char *)(uintptr_t)params->certificate);
        ns_free((char *)(uintptr_t)params->key);
        ns_free(params);
    }
}
