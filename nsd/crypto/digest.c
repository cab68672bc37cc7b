/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Digests and authentication codes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include "base/file.h"
#include "crypto/digest.h"

/* -------------------------------------------------------------------------------------------------------------- names */

/*
 * What OpenSSL's providers have is fetched once: a fetch for each digest costs more than the digest of a short text.
 */
#define MAX_DIGESTS 100
#define MAX_NAMES   500

static EVP_MD     *digests[MAX_DIGESTS];
static const char *shownNames[MAX_DIGESTS + 1];
static struct { const char *name; EVP_MD *md; } names[MAX_NAMES];
static int ndigests, nnames;

static void
CollectName(const char *name, void *md)
{
    if (nnames < MAX_NAMES) {
        names[nnames].name = name;
        names[nnames++].md = md;
    }
}

static void
CollectDigest(EVP_MD *md, void *arg)
{
    for (int i = 0; i < ndigests; i++) {
        if (strcasecmp(EVP_MD_get0_name(digests[i]), EVP_MD_get0_name(md)) == 0) {
            return;                            /* of another provider */
        }
    }
    if (ndigests < MAX_DIGESTS && EVP_MD_get_size(md) > 0 && EVP_MD_up_ref(md) == 1) {
        digests[ndigests] = md;
        shownNames[ndigests++] = EVP_MD_get0_name(md);
        (void)EVP_MD_names_do_all(md, CollectName, md);
    }
}

static int
CompareNames(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

static void
CollectDigests(void)
{
    EVP_MD_do_all_provided(NULL, CollectDigest, NULL);
    qsort(shownNames, (size_t)ndigests, sizeof(shownNames[0]), CompareNames);
}

static void
NeedDigests(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, CollectDigests);
}

const char *const *
NsDigestNames(void)
{
    NeedDigests();
    return shownNames;
}

static bool
IsExtendable(const EVP_MD *md)
{
    return (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0;
}

const EVP_MD *
NsDigestByName(const char *name, bool fixed, Tcl_DString *message)
{
    NeedDigests();
    for (int i = 0; i < nnames; i++) {
        if (strcasecmp(names[i].name, name) == 0 && !(fixed && IsExtendable(names[i].md))) {
            return names[i].md;
        }
    }
    Tcl_DStringAppend(message, "Unknown value for digest \"", -1);
    Tcl_DStringAppend(message, name, -1);
    Tcl_DStringAppend(message, "\", valid:", -1);
    for (int i = 0; i < ndigests; i++) {
        Tcl_DStringAppend(message, " ", 1);
        Tcl_DStringAppend(message, shownNames[i], -1);
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------------ at once */

bool
NsDigest(const EVP_MD *md, NsBytes message, unsigned char *out, size_t *len, NsCryptoWhy *why)
{
    unsigned size = 0;
    bool     done = EVP_Digest(message.data, message.len, out, &size, md, NULL) == 1;

    *len = size;
    return done || NsCryptoFailOpenssl(why, "could not compute the digest");
}

bool
NsHmac(const EVP_MD *md, NsBytes key, NsBytes message, unsigned char *out, size_t *len, NsCryptoWhy *why)
{
    unsigned size = 0;
    bool     done = key.len <= INT_MAX && HMAC(md, key.data, (int)key.len, message.data, message.len, out, &size) != NULL;

    *len = size;
    return done || NsCryptoFailOpenssl(why, "could not compute the authentication code");
}

/* ---------------------------------------------------------------------------------------------------------- in pieces */

/* One of the two is set. */
struct NsHash {
    EVP_MD_CTX  *md;
    EVP_MAC_CTX *mac;
};

static EVP_MAC_CTX *
NewMac(const EVP_MD *md, NsBytes key)
{
    EVP_MAC     *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM   params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
        OSSL_PARAM_construct_end()
    };

    /* An empty key is one, NULL would be none. */
    if (ctx != NULL && EVP_MAC_init(ctx, key.len > 0 ? key.data : (const unsigned char *)"", key.len, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac);
    return ctx;
}

NsHash *
NsHashNew(const EVP_MD *md, const NsBytes *key, NsCryptoWhy *why)
{
    NsHash *hash = ns_calloc(1, sizeof *hash);

    if (key != NULL) {
        hash->mac = NewMac(md, *key);
    } else {
        hash->md = EVP_MD_CTX_new();
        if (hash->md != NULL && EVP_DigestInit_ex(hash->md, md, NULL) != 1) {
            EVP_MD_CTX_free(hash->md);
            hash->md = NULL;
        }
    }
    if (hash->md == NULL && hash->mac == NULL) {
        (void)NsCryptoFailOpenssl(why, "could not start the digest");
        ns_free(hash);
        hash = NULL;
    }
    return hash;
}

void
NsHashFree(NsHash *hash)
{
    if (hash != NULL) {
        EVP_MD_CTX_free(hash->md);
        EVP_MAC_CTX_free(hash->mac);
        ns_free(hash);
    }
}

bool
NsHashAdd(NsHash *hash, NsBytes bytes, NsCryptoWhy *why)
{
    int done = hash->mac != NULL ? EVP_MAC_update(hash->mac, bytes.data, bytes.len)
                                 : EVP_DigestUpdate(hash->md, bytes.data, bytes.len);

    return done == 1 || NsCryptoFailOpenssl(why, "could not continue the digest");
}

bool
NsHashGet(const NsHash *hash, unsigned char *out, size_t *len, NsCryptoWhy *why)
{
    bool done = false;

    if (hash->mac != NULL) {
        EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(hash->mac);

        done = copy != NULL && EVP_MAC_final(copy, out, len, EVP_MAX_MD_SIZE) == 1;
        EVP_MAC_CTX_free(copy);
    } else {
        EVP_MD_CTX *copy = EVP_MD_CTX_new();
        unsigned    size = 0;

        done = copy != NULL && EVP_MD_CTX_copy_ex(copy, hash->md) == 1 && EVP_DigestFinal_ex(copy, out, &size) == 1;
        *len = size;
        EVP_MD_CTX_free(copy);
    }
    return done || NsCryptoFailOpenssl(why, "could not compute the digest");
}

bool
NsHashAddFile(NsHash *hash, const char *path, NsCryptoWhy *why)
{
    enum { CHUNK = 64 * 1024 };
    int            fd = NsFileOpen(path, O_RDONLY | O_NONBLOCK, 0);
    struct stat    st;
    unsigned char *buffer;
    ssize_t        got;
    bool           done = true;

    why->text[0] = '\0';
    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);                       /* a pipe or a device gives bytes when and for as long as it likes */
        return false;
    }
    buffer = ns_malloc(CHUNK);
    do {
        got = read(fd, buffer, CHUNK);
        if (got > 0) {
            done = NsHashAdd(hash, (NsBytes){buffer, (size_t)got}, why);
        } else if (got < 0 && errno != EINTR) {
            done = false;
        }
    } while (done && got != 0);
    ns_free(buffer);
    (void)close(fd);
    return done;
}
