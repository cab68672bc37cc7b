/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One-time passwords (RFC 4226, RFC 6238).  Any thread.
 */
#ifndef NSD_CRYPTO_OTP_H
#define NSD_CRYPTO_OTP_H

#include <openssl/evp.h>
#include "crypto/crypto.h"

#define NS_OTP_MAX_DIGITS 10                   /* there are 31 bits */

/* The last `digits` decimal digits (0 to NS_OTP_MAX_DIGITS) of what RFC 4226, 5.3 takes out of an authentication code. */
bool NsOtpTruncate(NsBytes code, int digits, char out[NS_OTP_MAX_DIGITS + 1], NsCryptoWhy *why);
/* `moving` is what the password is of: eight bytes of a counter, or of a time. */
bool NsOtp(const EVP_MD *md, NsBytes key, NsBytes moving, int digits, char out[NS_OTP_MAX_DIGITS + 1], NsCryptoWhy *why);

#endif
