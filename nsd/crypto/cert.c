/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What stands in a certificate.
 */
#include <arpa/inet.h>
#include <string.h>
#include <time.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "base/dict.h"
#include "base/text.h"
#include "crypto/cert.h"

X509 *
NsCertRead(const char *file, NsCryptoWhy *why)
{
    NsSecret bytes = {NULL, 0, 0};
    BIO     *bio = NsSecretRead(&bytes, file) ? BIO_new_mem_buf(bytes.data, (int)bytes.len) : NULL;
    X509    *cert = NULL;

    if (bio == NULL) {
        (void)NsCryptoFail(why, "could not open certificate file '%.180s'", file);
    } else if ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) == NULL) {
        (void)NsCryptoFail(why, "certificate file '%.180s' contains no certificate", file);
    }
    BIO_free(bio);
    NsSecretFree(&bytes);                      /* the key is often there, too */
    return cert;
}

/* What was written to the BIO, which is freed; it came from outside. */
static Tcl_Obj *
TakeText(BIO *bio)
{
    char    *text = NULL;
    long     len = bio != NULL ? BIO_get_mem_data(bio, &text) : 0;
    Tcl_Obj *obj = NsTextObj(text != NULL ? text : "", len > 0 ? len : 0);

    BIO_free(bio);
    return obj;
}

static Tcl_Obj *
NameObj(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio != NULL) {
        (void)X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    }
    return TakeText(bio);
}

static Tcl_Obj *
SerialObj(const X509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio != NULL) {
        (void)i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(cert));
    }
    return TakeText(bio);
}

static Tcl_Obj *
TimeObj(const ASN1_TIME *when)
{
    struct tm tm;
    char      text[40] = "";

    if (ASN1_TIME_to_tm(when, &tm) == 1) {
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    return Tcl_NewStringObj(text, -1);
}

static Tcl_Obj *
FingerprintObj(const X509 *cert)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      len = 0;
    char          text[3 * EVP_MAX_MD_SIZE + 1] = "";

    if (X509_digest(cert, EVP_sha256(), digest, &len) == 1) {
        for (unsigned i = 0; i < len; i++) {
            snprintf(text + 3 * i, 4, "%02X%s", digest[i], i + 1 < len ? ":" : "");
        }
    }
    return Tcl_NewStringObj(text, -1);
}

static Tcl_Obj *
NameText(const char *kind, const ASN1_STRING *string)
{
    Tcl_Obj    *obj = Tcl_NewStringObj(kind, -1);
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    NsTextAppendIn(&ds, (const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
    Tcl_AppendToObj(obj, Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return obj;
}

static Tcl_Obj *
AddressText(const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    int  len = ASN1_STRING_length(address);

    if (len == 4 || len == 16) {
        (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof(text));
    }
    return Tcl_ObjPrintf("IP:%s", text);
}

/* Other kinds of names are left out. */
static Tcl_Obj *
AlternativesObj(const X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    Tcl_Obj       *list = Tcl_NewListObj(0, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        Tcl_Obj            *obj = NULL;

        switch (name->type) {
        case GEN_DNS:   obj = NameText("DNS:", name->d.dNSName); break;
        case GEN_EMAIL: obj = NameText("email:", name->d.rfc822Name); break;
        case GEN_URI:   obj = NameText("URI:", name->d.uniformResourceIdentifier); break;
        case GEN_IPADD: obj = AddressText(name->d.iPAddress); break;
        default:        break;
        }
        if (obj != NULL) {
            (void)Tcl_ListObjAppendElement(NULL, list, obj);
        }
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return list;
}

Tcl_Obj *
NsCertInfo(const X509 *cert)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    NsDictPut(dict, "subject", NameObj(X509_get_subject_name(cert)));
    NsDictPut(dict, "issuer", NameObj(X509_get_issuer_name(cert)));
    NsDictPut(dict, "serial", SerialObj(cert));
    NsDictPut(dict, "notbefore", TimeObj(X509_get0_notBefore(cert)));
    NsDictPut(dict, "notafter", TimeObj(X509_get0_notAfter(cert)));
    NsDictPut(dict, "fingerprint", FingerprintObj(cert));
    NsDictPut(dict, "san", AlternativesObj(cert));
    return dict;
}

double
NsCertRemainingDays(const X509 *cert)
{
    int days = 0, seconds = 0;

    (void)ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert));
    return days + seconds / 86400.0;
}
