/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One-time passwords.
 */
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include "crypto/digest.h"
#include "crypto/otp.h"

bool
NsOtpTruncate(NsBytes code, int digits, char out[NS_OTP_MAX_DIGITS + 1], NsCryptoWhy *why)
{
    size_t   offset;
    uint32_t number;
    char     text[NS_OTP_MAX_DIGITS + 1];

    /* The offset is at most 15: codes of SHA-1 and longer always reach, shorter ones where it is small enough. */
    offset = code.len > 0 ? code.data[code.len - 1] & 15u : 0;
    if (offset + 4 > code.len) {
        return NsCryptoFail(why, "authentication code of %zu bytes is too short", code.len);
    }
    number = (uint32_t)(code.data[offset] & 0x7f) << 24 | (uint32_t)code.data[offset + 1] << 16
        | (uint32_t)code.data[offset + 2] << 8 | code.data[offset + 3];
    (void)snprintf(text, sizeof(text), "%010u", (unsigned)number);
    memcpy(out, text + NS_OTP_MAX_DIGITS - digits, (size_t)digits + 1);
    OPENSSL_cleanse(text, sizeof(text));
    return true;
}

bool
NsOtp(const EVP_MD *md, NsBytes key, NsBytes moving, int digits, char out[NS_OTP_MAX_DIGITS + 1], NsCryptoWhy *why)
{
    unsigned char code[EVP_MAX_MD_SIZE];
    size_t        len;
    bool          done = NsHmac(md, key, moving, code, &len, why) && NsOtpTruncate((NsBytes){code, len}, digits, out, why);

    OPENSSL_cleanse(code, sizeof(code));
    return done;
}
