/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Buffers of TLS records.  An idle session gives its buffers back (SSL_MODE_RELEASE_BUFFERS), so each record that comes or goes
 * costs an allocation of some 17 kB, which is beyond what malloc has ready for a thread.  Here each thread keeps a few.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include "net/tls.h"

#define MIN_BLOCK (16u * 1024u)                /* OpenSSL's buffers for a record are between these */
#define MAX_BLOCK (20u * 1024u)
#define KEPT      4

typedef struct Kept {
    int   count;
    void *blocks[KEPT];
} Kept;

static __thread Kept *kept;
static __thread bool  over;                    /* the thread ends: nothing more is kept */
static pthread_key_t  key;

static void
FreeKept(void *arg)
{
    Kept *mine = arg;

    kept = NULL;
    over = true;
    while (mine->count > 0) {
        free(mine->blocks[--mine->count]);
    }
    free(mine);
}

static void *
Allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size >= MIN_BLOCK && size <= MAX_BLOCK) {
        if (kept != NULL && kept->count > 0) {
            return kept->blocks[--kept->count];
        }
        size = MAX_BLOCK;                      /* fit for all of them */
    }
    return malloc(size);
}

static void *
Reallocate(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(block, size);
}

static bool
Keep(void *block)
{
    if (kept == NULL && !over) {
        kept = calloc(1, sizeof(Kept));
        if (kept != NULL && pthread_setspecific(key, kept) != 0) {
            free(kept);
            kept = NULL;
        }
    }
    if (kept == NULL || kept->count == KEPT) {
        return false;
    }
    kept->blocks[kept->count++] = block;
    return true;
}

static void
Free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (block != NULL) {
        size_t size = malloc_usable_size(block);

        if (size < MAX_BLOCK || size > MAX_BLOCK + 4096u || !Keep(block)) {
            free(block);
        }
    }
}

/* A sanitizer is to see every block come and go. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS false
#else
#define KEEPS true
#endif

void
NsTlsMemoryInit(void)
{
    if (KEEPS && pthread_key_create(&key, FreeKept) == 0 && CRYPTO_set_mem_functions(Allocate, Reallocate, Free) != 1) {
        Ns_Log(Warning, "tls: OpenSSL was used before its buffers could be taken care of");
    }
    /* What it would tear down at exit(3) is in use until the process is gone. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* -- which of our contexts an SSL_CTX is -- */

static int            ctxIndex = -1;
static pthread_once_t ctxIndexOnce = PTHREAD_ONCE_INIT;

static void
MakeCtxIndex(void)
{
    ctxIndex = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

int
NsTlsCtxIndex(void)
{
    (void)pthread_once(&ctxIndexOnce, MakeCtxIndex);
    return ctxIndex;
}
