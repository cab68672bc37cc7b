/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Passwords in the forms of crypt(3): DES, MD5, SHA, bcrypt, yescrypt, whatever the library knows.
 */
#include <crypt.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include "base/text.h"
#include "ns.h"

#define SALT_CHARS 16                          /* of 6 bits each */

bool
Ns_PasswordCrypt(Tcl_DString *ds, const char *password, const char *setting)
{
    struct crypt_data *data = ns_calloc(1, sizeof(*data));
    Tcl_DString        passwordDs, settingDs;
    const char        *passwordBytes, *settingBytes, *result = NULL;

    Tcl_DStringInit(&passwordDs);
    Tcl_DStringInit(&settingDs);
    passwordBytes = NsTextOutString(&passwordDs, password);
    settingBytes = NsTextOutString(&settingDs, setting);
    if (passwordBytes != NULL && settingBytes != NULL) {
        result = crypt_r(passwordBytes, settingBytes, data);
    }
    if (result != NULL && result[0] == '*') {
        result = NULL;
    }
    if (result != NULL) {
        Tcl_DStringAppend(ds, result, -1);     /* its characters are of ASCII */
    }
    OPENSSL_cleanse(Tcl_DStringValue(&passwordDs), (size_t)Tcl_DStringLength(&passwordDs));
    OPENSSL_cleanse(data, sizeof(*data));
    Tcl_DStringFree(&settingDs);
    Tcl_DStringFree(&passwordDs);
    ns_free(data);
    return result != NULL;
}

char *
Ns_Encrypt(const char *pw, const char *salt, char iobuf[])
{
    Tcl_DString ds;
    char       *result = NULL;

    Tcl_DStringInit(&ds);
    iobuf[0] = '\0';
    if (Ns_PasswordCrypt(&ds, pw, salt) && Tcl_DStringLength(&ds) < NS_ENCRYPT_BUFSIZE) {
        memcpy(iobuf, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds) + 1u);
        result = iobuf;
    }
    OPENSSL_cleanse(Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return result;
}

bool
Ns_SecretEqual(const char *secret, const char *other)
{
    size_t len = strlen(secret), otherLen = strlen(other), i;
    size_t different = len ^ otherLen;

    /* As long as `other` is, which the caller's peer has sent: how long the secret is shows as little as what it is. */
    for (i = 0; i < otherLen; i++) {
        different |= (unsigned char)secret[len > 0 ? i % len : 0] ^ (unsigned char)other[i];
    }
    return different == 0;
}

bool
Ns_PasswordCheck(const char *password, const char *encrypted)
{
    Tcl_DString ds;
    bool        right;

    Tcl_DStringInit(&ds);
    right = Ns_PasswordCrypt(&ds, password, encrypted) && Ns_SecretEqual(encrypted, Tcl_DStringValue(&ds));
    OPENSSL_cleanse(Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return right;
}

void
Ns_PasswordSetting(Tcl_DString *ds)
{
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    unsigned char     bytes[SALT_CHARS];
    int               i;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        Ns_Fatal("no random bytes");
    }
    Tcl_DStringAppend(ds, "$6$", 3);
    for (i = 0; i < SALT_CHARS; i++) {
        Tcl_DStringAppend(ds, &digits[bytes[i] & 63], 1);
    }
}
