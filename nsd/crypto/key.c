/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Keys: reading and generating them, what they can do, agreement.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include "base/text.h"
#include "crypto/key.h"

/* ------------------------------------------------------------------------------------------------------------ reading */

/* The text itself, or what is in the file of that name, which `file` keeps. */
static BIO *
OpenPem(const char *pem, NsSecret *file)
{
    BIO *bio = NULL;

    if (strstr(pem, "-----BEGIN ") != NULL) {
        bio = BIO_new_mem_buf(pem, -1);
    } else if (pem[0] != '\0' && NsSecretRead(file, pem)) {
        bio = BIO_new_mem_buf(file->data, (int)file->len);
    }
    return bio;
}

/* Without one OpenSSL would ask for it at the terminal. */
static int
GivePassphrase(char *buffer, int size, int writing, void *passphrase)
{
    size_t len = passphrase != NULL ? strlen(passphrase) : 0;

    if (passphrase == NULL || size < 0 || len > (size_t)size) {
        return -1;
    }
    memcpy(buffer, passphrase, len);
    return (int)len;
}

static EVP_PKEY *
ReadFrom(BIO *bio, const char *passphrase, NsKeyPart part)
{
    EVP_PKEY   *key = NULL;
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    /* One with a NUL opens nothing. */
    passphrase = passphrase != NULL ? NsTextOutString(&ds, passphrase) : NULL;
    if (part != NS_KEY_PUBLIC) {
        key = PEM_read_bio_PrivateKey(bio, NULL, GivePassphrase, (void *)(uintptr_t)passphrase);
    }
    if (key == NULL && part != NS_KEY_PRIVATE && BIO_reset(bio) >= 0) {
        key = PEM_read_bio_PUBKEY(bio, NULL, GivePassphrase, (void *)(uintptr_t)passphrase);
    }
    OPENSSL_cleanse(Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    ERR_clear_error();
    return key;
}

EVP_PKEY *
NsKeyRead(const char *pem, const char *passphrase, NsKeyPart part, NsCryptoWhy *why)
{
    NsSecret  file = {NULL, 0, 0};
    BIO      *bio = OpenPem(pem, &file);
    EVP_PKEY *key = NULL;

    if (bio == NULL) {
        (void)NsCryptoFail(why, "could not open pem file '%s' for reading", pem);
    } else if ((key = ReadFrom(bio, passphrase, part)) == NULL) {
        (void)NsCryptoFail(why, "pem file contains no %s key", part == NS_KEY_PUBLIC ? "public" : "private");
    }
    BIO_free(bio);
    NsSecretFree(&file);
    return key;
}

/* --------------------------------------------------------------------------------------------------- what keys can do */

bool
NsKeyIs(const EVP_PKEY *key, const char *type)
{
    return EVP_PKEY_is_a(key, type) == 1;
}

/* Does one of OpenSSL's operations begin with this key? */
static bool
Begins(EVP_PKEY *key, int (*begin)(EVP_PKEY_CTX *ctx))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    bool          does = ctx != NULL && begin(ctx) == 1;

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return does;
}

static int
BeginEncapsulate(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_encapsulate_init(ctx, NULL);
}

/* EVP_PKEY_sign_init does not begin for keys without a digest (Ed25519). */
static bool
HasSignature(EVP_PKEY *key)
{
    EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(NULL, EVP_PKEY_get0_type_name(key), NULL);
    bool           has = signature != NULL;

    EVP_SIGNATURE_free(signature);
    ERR_clear_error();
    return has;
}

bool
NsKeyCanSign(EVP_PKEY *key)
{
    return Begins(key, EVP_PKEY_sign_init) || HasSignature(key);
}

bool
NsKeyCanAgree(EVP_PKEY *key)
{
    return Begins(key, EVP_PKEY_derive_init);
}

bool
NsKeyCanEncapsulate(EVP_PKEY *key)
{
    return Begins(key, BeginEncapsulate);
}

bool
NsKeyHasDigest(EVP_PKEY *key)
{
    char name[64] = "";

    if (EVP_PKEY_get_default_digest_name(key, name, sizeof(name)) <= 0) {
        ERR_clear_error();
        return false;
    }
    return strcmp(name, "UNDEF") != 0 && name[0] != '\0';
}

size_t
NsKeyOrderSize(const EVP_PKEY *key)
{
    return (size_t)(EVP_PKEY_get_bits(key) + 7) / 8;
}

/* --------------------------------------------------------------------------------------------------------- generating */

/* Whose keys can be generated without further parameters. */
static const char *const algorithms[] = {
    "RSA", "RSA-PSS", "EC", "SM2", "Ed25519", "Ed448", "X25519", "X448", "DH", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87",
    "ML-KEM-512", "ML-KEM-768", "ML-KEM-1024", NULL
};
static const char *const purposeWords[] = {"key", "key agreement", "signature", "EC key", "KEM"};

static bool
Exists(const char *name)
{
    EVP_KEYMGMT *keymgmt = EVP_KEYMGMT_fetch(NULL, name, NULL);
    bool         exists = keymgmt != NULL;

    EVP_KEYMGMT_free(keymgmt);
    ERR_clear_error();
    return exists;
}

static const char *
FindAlgorithm(const char *name)
{
    for (int i = 0; algorithms[i] != NULL; i++) {
        if (strcasecmp(algorithms[i], name) == 0 && Exists(name)) {
            return algorithms[i];
        }
    }
    return NULL;
}

static bool
FailUnknown(const char *name, NsKeyPurpose purpose, NsCryptoWhy *why)
{
    char   list[200];
    size_t used = 0;

    list[0] = '\0';
    for (int i = 0; algorithms[i] != NULL; i++) {
        if (Exists(algorithms[i]) && used + strlen(algorithms[i]) + 2 < sizeof(list)) {
            used += (size_t)snprintf(list + used, sizeof(list) - used, " %s", algorithms[i]);
        }
    }
    return NsCryptoFail(why, "unknown or unsupported %s algorithm \"%.60s\", supported names:%s", purposeWords[purpose],
                        name, list);
}

/* Is the choice of a group right for the algorithm?  *group becomes that to be set, or NULL. */
static bool
ChooseGroup(const char *algorithm, const char *name, const char **group, NsKeyPurpose purpose, NsCryptoWhy *why)
{
    if (strcmp(algorithm, "EC") == 0) {
        *group = *group != NULL ? *group : "prime256v1";
    } else if (strcmp(algorithm, "DH") == 0) {
        if (*group == NULL) {
            return NsCryptoFail(why, "the option \"-group\" is required for %s algorithm \"%s\"", purposeWords[purpose], name);
        }
    } else if (*group != NULL && strcasecmp(*group, algorithm) != 0) {
        return NsCryptoFail(why, "the option \"-group\" is not supported for %s algorithm \"%s\"", purposeWords[purpose], name);
    } else {
        *group = NULL;
    }
    return true;
}

static bool
Fits(EVP_PKEY *key, const char *name, NsKeyPurpose purpose, NsCryptoWhy *why)
{
    if (purpose == NS_KEY_FOR_AGREEMENT && !NsKeyCanAgree(key)) {
        return NsCryptoFail(why, "generated key \"%s\" does not support key agreement operations", name);
    }
    if (purpose == NS_KEY_FOR_SIGNATURE && !NsKeyCanSign(key)) {
        return NsCryptoFail(why, "generated key \"%s\" does not support signature operations", name);
    }
    if (purpose == NS_KEY_FOR_KEM && !NsKeyCanEncapsulate(key)) {
        return NsCryptoFail(why, "generated key \"%s\" does not support key encapsulation operations", name);
    }
    return true;
}

EVP_PKEY *
NsKeyGenerate(const char *name, const char *group, NsKeyPurpose purpose, NsCryptoWhy *why)
{
    static const char *const fors[] = {"key generation", "key agreement generation", "signature generation",
                                       "EC key generation", "KEM generation"};
    const char   *algorithm = FindAlgorithm(name);
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY     *key = NULL;

    if (algorithm == NULL) {
        (void)FailUnknown(name, purpose, why);
    } else if (ChooseGroup(algorithm, name, &group, purpose, why)) {
        ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
        if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1
            || (group != NULL && EVP_PKEY_CTX_set_group_name(ctx, group) != 1) || EVP_PKEY_generate(ctx, &key) != 1) {
            (void)NsCryptoFail(why, "key type \"%s\" cannot be used for %s", name, fors[purpose]);
            key = NULL;
        } else if (!Fits(key, name, purpose, why)) {
            EVP_PKEY_free(key);
            key = NULL;
        }
    }
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

/* ---------------------------------------------------------------------------------------------------------- agreement */

static bool
AreCompatible(EVP_PKEY *own, EVP_PKEY *peer)
{
    bool same = NsKeyIs(peer, EVP_PKEY_get0_type_name(own))
        && (EVP_PKEY_parameters_eq(own, peer) == 1 || EVP_PKEY_missing_parameters(own) == 1
            || NsKeyIs(own, "X25519") || NsKeyIs(own, "X448"));

    ERR_clear_error();
    return same;
}

bool
NsKeyAgree(EVP_PKEY *own, EVP_PKEY *peer, NsSecret *out, NsCryptoWhy *why)
{
    EVP_PKEY_CTX *ctx = NULL;
    size_t        len = 0;
    bool          done = false;

    if (!AreCompatible(own, peer)) {
        return NsCryptoFail(why, "private and peer keys are not compatible for key agreement");
    }
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    /* The peer's key is validated; a point of small order gives no secret and is refused by OpenSSL. */
    if (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer_ex(ctx, peer, 1) != 1
        || EVP_PKEY_derive(ctx, NULL, &len) != 1) {
        (void)NsCryptoFailOpenssl(why, "could not derive the shared secret");
    } else if (NsSecretAlloc(out, len, why)) {
        out->len = len;
        done = EVP_PKEY_derive(ctx, out->data, &out->len) == 1
            || NsCryptoFailOpenssl(why, "could not derive the shared secret");
    }
    EVP_PKEY_CTX_free(ctx);
    return done;
}

/* ------------------------------------------------------------------------------------------------------- encapsulation */

bool
NsKeyHasMlKem(void)
{
    return Exists("ML-KEM-768");
}

/* RSA wants to be told how (SP 800-56B); ML-KEM knows only one way. */
static bool
SetKemWay(EVP_PKEY_CTX *ctx, const EVP_PKEY *key)
{
    return !NsKeyIs(key, "RSA") || EVP_PKEY_CTX_set_kem_op(ctx, OSSL_KEM_PARAM_OPERATION_RSASVE) == 1;
}

bool
NsKeyEncapsulate(EVP_PKEY *key, NsSecret *sent, NsSecret *secret, NsCryptoWhy *why)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t        sentLen = 0, secretLen = 0;
    bool          done = false;

    if (ctx != NULL && EVP_PKEY_encapsulate_init(ctx, NULL) == 1 && SetKemWay(ctx, key)
        && EVP_PKEY_encapsulate(ctx, NULL, &sentLen, NULL, &secretLen) == 1 && NsSecretAlloc(sent, sentLen, why)
        && NsSecretAlloc(secret, secretLen, why)) {
        done = EVP_PKEY_encapsulate(ctx, sent->data, &sentLen, secret->data, &secretLen) == 1;
        sent->len = sentLen;
        secret->len = secretLen;
    }
    EVP_PKEY_CTX_free(ctx);
    return done || NsCryptoFailOpenssl(why, "could not encapsulate a secret");
}

bool
NsKeyDecapsulate(EVP_PKEY *key, NsBytes sent, NsSecret *secret, NsCryptoWhy *why)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t        len = 0;
    bool          done = false;

    if (ctx != NULL && EVP_PKEY_decapsulate_init(ctx, NULL) == 1 && SetKemWay(ctx, key)
        && EVP_PKEY_decapsulate(ctx, NULL, &len, sent.data, sent.len) == 1 && NsSecretAlloc(secret, len, why)) {
        done = EVP_PKEY_decapsulate(ctx, secret->data, &len, sent.data, sent.len) == 1;
        secret->len = len;
    }
    EVP_PKEY_CTX_free(ctx);
    return done || NsCryptoFailOpenssl(why, "could not find the secret");
}
