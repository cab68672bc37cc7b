/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys from numbers and as numbers, in PEM and DER.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "base/file.h"
#include "crypto/key.h"

#define MAX_RSA_BYTES 2048                     /* 16384 bits: what OpenSSL works with at most */

/* -------------------------------------------------------------------------------------------------------- from numbers */

static EVP_PKEY *
FromParams(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY     *key = NULL;

    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1
        || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* By OpenSSL's own names alone: others come back under another name. */
static EC_GROUP *
GroupByName(const char *curve, const char *what, NsCryptoWhy *why)
{
    int       nid = OBJ_sn2nid(curve);
    EC_GROUP *group = nid != NID_undef ? EC_GROUP_new_by_curve_name(nid) : NULL;

    if (group == NULL) {
        (void)NsCryptoFail(why, "%s: invalid curve", what);
    }
    return group;
}

/* The uncompressed form of a point that is on the curve and not its neutral element. */
static bool
CheckPoint(const EC_GROUP *group, NsBytes point, NsSecret *out, const char *what, NsCryptoWhy *why)
{
    EC_POINT *p = EC_POINT_new(group);
    size_t    len;
    bool      good = false;

    if (p == NULL || EC_POINT_oct2point(group, p, point.data, point.len, NULL) != 1) {
        (void)NsCryptoFailOpenssl(why, what);
    } else if (EC_POINT_is_at_infinity(group, p) == 1) {
        (void)NsCryptoFail(why, "%s: invalid encoding", what);
    } else {
        len = EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, NULL, 0, NULL);
        good = NsSecretAlloc(out, len, why);
        out->len = good ? EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, out->data, len, NULL) : 0;
    }
    EC_POINT_free(p);
    return good;
}

EVP_PKEY *
NsKeyFromPoint(const char *curve, NsBytes point, const char *what, NsCryptoWhy *why)
{
    EC_GROUP *group = GroupByName(curve, what, why);
    NsSecret  checked = {NULL, 0, 0};
    EVP_PKEY *key = NULL;

    if (group != NULL && CheckPoint(group, point, &checked, what, why)) {
        OSSL_PARAM params[3] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, checked.data, checked.len),
            OSSL_PARAM_construct_end()
        };

        key = FromParams("EC", params);
        if (key == NULL) {
            (void)NsCryptoFailOpenssl(why, what);
        }
    }
    NsSecretFree(&checked);
    EC_GROUP_free(group);
    return key;
}

EVP_PKEY *
NsKeyFromCoordinates(const char *curve, NsBytes x, NsBytes y, const char *what, NsCryptoWhy *why)
{
    EC_GROUP     *group = GroupByName(curve, what, why);
    size_t        field = group != NULL ? (size_t)(EC_GROUP_get_degree(group) + 7) / 8 : 0;
    unsigned char point[1 + 2 * 72];
    EVP_PKEY     *key = NULL;

    EC_GROUP_free(group);
    if (field == 0 || 2 * field + 1 > sizeof(point)) {
        return NULL;
    }
    if (x.len != field || y.len != field) {
        (void)NsCryptoFail(why, "invalid coordinate length for %s (need %zu bytes each)", curve, field);
    } else {
        point[0] = POINT_CONVERSION_UNCOMPRESSED;
        memcpy(point + 1, x.data, field);
        memcpy(point + 1 + field, y.data, field);
        key = NsKeyFromPoint(curve, (NsBytes){point, 1 + 2 * field}, what, why);
    }
    return key;
}

EVP_PKEY *
NsKeyFromRsa(NsBytes n, NsBytes e, NsCryptoWhy *why)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM     *params = NULL;
    BIGNUM         *modulus = NULL, *exponent = NULL;
    EVP_PKEY       *key = NULL;

    if (n.len == 0 || e.len == 0) {
        (void)NsCryptoFail(why, "RSA public key parameters \"n\" and \"e\" must be non-empty");
    } else if (n.len > MAX_RSA_BYTES || e.len > MAX_RSA_BYTES) {
        (void)NsCryptoFail(why, "RSA public key parameters are too long");
    } else {
        modulus = BN_bin2bn(n.data, (int)n.len, NULL);
        exponent = BN_bin2bn(e.data, (int)e.len, NULL);
        if (build != NULL && modulus != NULL && exponent != NULL && BN_is_odd(modulus) && BN_is_odd(exponent)
            && !BN_is_one(exponent) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1
            && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
            params = OSSL_PARAM_BLD_to_param(build);
            key = FromParams("RSA", params);
        }
        if (key == NULL) {
            (void)NsCryptoFailOpenssl(why, "could not import key");
        }
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

EVP_PKEY *
NsKeyFromOkp(const char *curve, NsBytes x, NsCryptoWhy *why)
{
    static const struct { const char *name; size_t len; } curves[] = {
        {"Ed25519", 32}, {"Ed448", 57}, {"X25519", 32}, {"X448", 56}
    };
    EVP_PKEY *key = NULL;

    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcasecmp(curves[i].name, curve) != 0) {
            continue;
        }
        if (x.len != curves[i].len) {
            (void)NsCryptoFail(why, "invalid public key length for %s (need %zu bytes)", curves[i].name, curves[i].len);
        } else if ((key = EVP_PKEY_new_raw_public_key_ex(NULL, curves[i].name, NULL, x.data, x.len)) == NULL) {
            (void)NsCryptoFailOpenssl(why, "could not import key");
        }
        return key;
    }
    (void)NsCryptoFail(why, "unsupported OKP curve \"%.60s\"", curve);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- as numbers */

static bool
BnParameter(const EVP_PKEY *key, const char *name, size_t len, NsSecret *out)
{
    BIGNUM *number = NULL;
    bool    done = false;

    if (EVP_PKEY_get_bn_param(key, name, &number) == 1) {
        /* `e` is shown with a zero in front when its first byte would be a small one: 010001. */
        size_t size = len > 0 ? len : (size_t)BN_num_bytes(number);

        done = NsSecretAlloc(out, size, NULL) && BN_bn2binpad(number, out->data, (int)size) == (int)size;
        out->len = done ? size : 0;
    }
    BN_clear_free(number);
    ERR_clear_error();
    return done;
}

static bool
RawBytes(const EVP_PKEY *key, int (*get)(const EVP_PKEY *key, unsigned char *out, size_t *len), NsSecret *out)
{
    size_t len = 0;
    bool   done = get(key, NULL, &len) == 1 && NsSecretAlloc(out, len, NULL) && get(key, out->data, &len) == 1;

    out->len = done ? len : 0;
    ERR_clear_error();
    return done;
}

/* Of the field, which may have a byte more or less than the order of the points. */
static size_t
CoordinateSize(const EVP_PKEY *key)
{
    char      name[64];
    size_t    len;
    EC_GROUP *group = EVP_PKEY_get_group_name(key, name, sizeof(name), &len) == 1 ? GroupByName(name, "", NULL) : NULL;
    size_t    size = group != NULL ? (size_t)(EC_GROUP_get_degree(group) + 7) / 8 : NsKeyOrderSize(key);

    EC_GROUP_free(group);
    return size;
}

bool
NsKeyParameter(const EVP_PKEY *key, const char *name, NsSecret *out)
{
    bool given = false;

    if (NsKeyIs(key, "RSA") || NsKeyIs(key, "RSA-PSS")) {
        given = (strcmp(name, "n") == 0 && BnParameter(key, OSSL_PKEY_PARAM_RSA_N, 0, out))
            || (strcmp(name, "e") == 0 && BnParameter(key, OSSL_PKEY_PARAM_RSA_E, 0, out));
    } else if (NsKeyIs(key, "EC") || NsKeyIs(key, "SM2")) {
        given = (strcmp(name, "x") == 0 && BnParameter(key, OSSL_PKEY_PARAM_EC_PUB_X, CoordinateSize(key), out))
            || (strcmp(name, "y") == 0 && BnParameter(key, OSSL_PKEY_PARAM_EC_PUB_Y, CoordinateSize(key), out));
    } else if (strcmp(name, "x") == 0 && !NsKeyIs(key, "DH")) {
        given = RawBytes(key, EVP_PKEY_get_raw_public_key, out);
    }
    return given;
}

bool
NsKeyPublicRaw(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why)
{
    unsigned char *bytes = NULL;
    size_t         len = 0;
    bool           done = RawBytes(key, EVP_PKEY_get_raw_public_key, out);

    if (!done && (NsKeyIs(key, "EC") || NsKeyIs(key, "DH") || NsKeyIs(key, "SM2"))) {
        len = EVP_PKEY_get1_encoded_public_key((EVP_PKEY *)(uintptr_t)key, &bytes);
        if (len > 0 && NsSecretAlloc(out, len, why)) {
            memcpy(out->data, bytes, len);
            out->len = len;
            done = true;
        }
        OPENSSL_free(bytes);
    }
    return done || NsCryptoFail(why, "raw public key extraction is not supported for this key type");
}

bool
NsKeyPrivateRaw(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why)
{
    return RawBytes(key, EVP_PKEY_get_raw_private_key, out)
        || NsCryptoFail(why, "raw private key extraction is not supported for this key type");
}

bool
NsKeyPrivateEc(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why)
{
    return (NsKeyIs(key, "EC") && BnParameter(key, OSSL_PKEY_PARAM_PRIV_KEY, NsKeyOrderSize(key), out))
        || NsCryptoFail(why, "no valid EC key in specified pem file");
}

/* --------------------------------------------------------------------------------------------------------- PEM and DER */

/* What was written to `bio`, which is freed. */
static bool
TakeBio(BIO *bio, bool written, NsSecret *out, NsCryptoWhy *why)
{
    char *data = NULL;
    long  len = bio != NULL ? BIO_get_mem_data(bio, &data) : 0;
    bool  done = false;

    if (!written || len <= 0) {
        (void)NsCryptoFailOpenssl(why, "could not write the key");
    } else if (NsSecretAlloc(out, (size_t)len, why)) {
        memcpy(out->data, data, (size_t)len);
        out->len = (size_t)len;
        done = true;
    }
    if (data != NULL && len > 0) {
        OPENSSL_cleanse(data, (size_t)len);
    }
    BIO_free(bio);
    return done;
}

bool
NsKeyPrivatePem(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool written = bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

    return TakeBio(bio, written, out, why);
}

bool
NsKeyPublicPem(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1;

    return TakeBio(bio, written, out, why);
}

bool
NsKeyPublicDer(const EVP_PKEY *key, NsSecret *out, NsCryptoWhy *why)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL && i2d_PUBKEY_bio(bio, key) == 1;

    return TakeBio(bio, written, out, why);
}

bool
NsKeyWriteFile(const char *path, const NsSecret *pem, bool private, NsCryptoWhy *why)
{
    int     fd = NsFileOpen(path, O_WRONLY | O_CREAT | O_TRUNC, private ? 0600 : 0666);
    size_t  done = 0;
    ssize_t put = 1;

    if (fd < 0) {
        return NsCryptoFail(why, "could not open pem-file '%.150s' for writing", path);
    }
    if (private && fchmod(fd, 0600) != 0) {
        put = -1;                              /* it was there before, and others may read it */
    }
    while (put > 0 && done < pem->len) {
        put = write(fd, pem->data + done, pem->len - done);
        done += put > 0 ? (size_t)put : 0;
        put = put < 0 && errno == EINTR ? 1 : put;
    }
    if (close(fd) != 0) {
        put = -1;
    }
    return put > 0 || NsCryptoFail(why, "could not write pem-file '%.150s': %s", path, strerror(errno));
}
