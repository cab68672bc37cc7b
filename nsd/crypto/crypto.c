/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes that are wiped, comparisons in constant time, and reasons.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include "base/file.h"
#include "crypto/crypto.h"

bool
NsSecretAlloc(NsSecret *secret, size_t size, NsCryptoWhy *why)
{
    NsSecretFree(secret);
    secret->data = OPENSSL_malloc(size > 0 ? size : 1);
    if (secret->data == NULL) {
        return NsCryptoFail(why, "no memory for %zu bytes", size);
    }
    secret->size = size;
    return true;
}

void
NsSecretFree(NsSecret *secret)
{
    OPENSSL_clear_free(secret->data, secret->size);
    *secret = (NsSecret){NULL, 0, 0};
}

bool
NsSecretRead(NsSecret *secret, const char *path)
{
    enum { MAX_FILE = 4 * 1024 * 1024 };
    int         fd = NsFileOpen(path, O_RDONLY | O_NONBLOCK, 0);
    struct stat st;
    ssize_t     got = -1;

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_FILE && NsSecretAlloc(secret, (size_t)st.st_size, NULL)) {
        do {
            got = read(fd, secret->data + secret->len, secret->size - secret->len);
            secret->len += got > 0 ? (size_t)got : 0;
        } while ((got > 0 && secret->len < secret->size) || (got < 0 && errno == EINTR));
    }
    (void)close(fd);
    return got >= 0;
}

bool
NsBytesEqual(NsBytes a, NsBytes b)
{
    return a.len == b.len && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}

bool
NsCryptoFail(NsCryptoWhy *why, const char *fmt, ...)
{
    va_list ap;

    ERR_clear_error();
    if (why != NULL) {
        va_start(ap, fmt);
        (void)vsnprintf(why->text, sizeof(why->text), fmt, ap);
        va_end(ap);
    }
    return false;
}

bool
NsCryptoFailOpenssl(NsCryptoWhy *why, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char   *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    return NsCryptoFail(why, "%s: %s", what, reason != NULL ? reason : "no reason given");
}
