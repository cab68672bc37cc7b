/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes of Tcl values in, encoded bytes out.
 */
#include <string.h>
#include <openssl/crypto.h>
#include "cmd/crypto/input.h"
#include "crypto/digest.h"

/* What hex digits of it still fit into a Tcl value. */
#define MAX_RESULT ((size_t)512 << 20)

void
CryptoInputTake(CryptoInput *input, Tcl_Obj *obj, bool binary)
{
    Tcl_DStringInit(&input->copy);
    input->bytes = (NsBytes){(const unsigned char *)"", 0};
    if (obj != NULL) {
        input->bytes.data = (const unsigned char *)NsObjBytes(obj, binary, &input->copy, &input->bytes.len);
    }
}

int
CryptoInputTakeBytes(Tcl_Interp *interp, CryptoInput *input, Tcl_Obj *obj, const char *what)
{
    int result = TCL_OK;

    Tcl_DStringInit(&input->copy);
    input->bytes = (NsBytes){(const unsigned char *)"", 0};
    if (obj != NULL && !NsObjIsBinary(obj)) {
        int         len;
        const char *text = Tcl_GetStringFromObj(obj, &len);

        /* In Tcl's own form (base/text.h) the characters up to FF are those whose first byte is C3 at most. */
        for (int i = 0; i < len && result == TCL_OK; i++) {
            if ((unsigned char)text[i] > 0xC3) {
                Ns_TclPrintfResult(interp, "%s has a character that is not a byte", what);
                result = TCL_ERROR;
            }
        }
    }
    if (obj != NULL && result == TCL_OK) {
        input->bytes.data = (const unsigned char *)NsObjBytes(obj, true, &input->copy, &input->bytes.len);
    }
    return result;
}

void
CryptoInputDrop(CryptoInput *input)
{
    OPENSSL_cleanse(Tcl_DStringValue(&input->copy), (size_t)Tcl_DStringLength(&input->copy));
    Tcl_DStringFree(&input->copy);
}

int
CryptoCheckLength(Tcl_Interp *interp, size_t len)
{
    if (len > MAX_RESULT) {
        Ns_TclPrintfResult(interp, "%zu bytes are more than a result can have", len);
        return TCL_ERROR;
    }
    return TCL_OK;
}

int
CryptoResult(Tcl_Interp *interp, const void *bytes, size_t len, int encoding)
{
    if (CryptoCheckLength(interp, len) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsEncodedObj(bytes, len, (NsByteEncoding)encoding));
    return TCL_OK;
}

int
CryptoSecretResult(Tcl_Interp *interp, NsSecret *secret, int encoding)
{
    int result = CryptoResult(interp, secret->data, secret->len, encoding);

    NsSecretFree(secret);
    return result;
}

int
CryptoError(Tcl_Interp *interp, const NsCryptoWhy *why)
{
    Tcl_SetObjResult(interp, Tcl_NewStringObj(why->text, -1));
    return TCL_ERROR;
}

const EVP_MD *
CryptoDigest(Tcl_Interp *interp, const char *name, bool fixed)
{
    Tcl_DString   message;
    const EVP_MD *md;

    Tcl_DStringInit(&message);
    md = NsDigestByName(name, fixed, &message);
    if (md == NULL) {
        Tcl_DStringResult(interp, &message);
    }
    Tcl_DStringFree(&message);
    return md;
}
