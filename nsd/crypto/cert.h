/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What stands in a certificate.  Any thread.
 */
#ifndef NSD_CRYPTO_CERT_H
#define NSD_CRYPTO_CERT_H

#include <openssl/x509.h>
#include "crypto/crypto.h"

/* The first certificate of a PEM file (text inside, base/text.h), freed with X509_free; NULL with why. */
X509 *NsCertRead(const char *file, NsCryptoWhy *why);
/*
 * A dict: subject, issuer ("CN = localhost"), serial (hex), notbefore, notafter (ISO 8601), fingerprint (of SHA-256, hex with
 * colons), san (a list: "DNS:name", "IP:address" ...).  Without a reference.
 */
Tcl_Obj *NsCertInfo(const X509 *cert);
/* Days until it ends, less than 0 when it has. */
double NsCertRemainingDays(const X509 *cert);

#endif
