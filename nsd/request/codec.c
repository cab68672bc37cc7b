/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes as text and back.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "request/codec.h"

static const char standardDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlDigits[]      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const Ns_ObjvTable nsByteEncodings[] = {
    {"hex", NS_ENCODE_HEX}, {"base64url", NS_ENCODE_BASE64URL}, {"base64", NS_ENCODE_BASE64},
    {"binary", NS_ENCODE_BINARY}, {NULL, 0}
};

void
NsHexEncode(Tcl_DString *ds, const void *bytes, size_t len, bool upperCase)
{
    const char          *digits = upperCase ? "0123456789ABCDEF" : "0123456789abcdef";
    const unsigned char *in = bytes;
    int                  start = Tcl_DStringLength(ds);
    char                *out;

    Tcl_DStringSetLength(ds, start + (int)(2 * len));
    out = Tcl_DStringValue(ds) + start;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
}

void
NsBase64Encode(Tcl_DString *ds, const void *bytes, size_t len, bool url, size_t lineLength)
{
    const char          *digits = url ? urlDigits : standardDigits;
    const unsigned char *in = bytes;
    size_t               column = 0;

    for (size_t i = 0; i < len; i += 3) {
        size_t   left = len - i;
        unsigned group = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        char     four[4] = {digits[group >> 18], digits[group >> 12 & 63], '=', '='};
        int      used = 2;

        if (left > 1) {
            four[2] = digits[group >> 6 & 63];
            used = 3;
        }
        if (left > 2) {
            four[3] = digits[group & 63];
            used = 4;
        }
        if (lineLength > 0 && column > 0 && column + 4 > lineLength) {
            Tcl_DStringAppend(ds, "\n", 1);
            column = 0;
        }
        Tcl_DStringAppend(ds, four, url ? used : 4);
        column += 4;
    }
}

static int
DigitValue(char c, bool url)
{
    const char *at;

    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    at = c == '\0' ? NULL : strchr((url ? urlDigits : standardDigits) + 62, c);
    return at != NULL ? (int)(at - (url ? urlDigits : standardDigits)) : -1;
}

static char *
CharMessage(const char *what, char c, size_t position)
{
    char message[80];

    if (position > 0) {
        snprintf(message, sizeof(message), "%s '%c' at position %zu", what, c, position);
    } else {
        snprintf(message, sizeof(message), "%s '%c'", what, c);
    }
    return ns_strdup(message);
}

bool
NsBase64Decode(Tcl_DString *ds, const char *text, size_t len, bool url, bool strict, char **error)
{
    unsigned group = 0;
    int      digits = 0;
    char     last = '\0';

    for (size_t i = 0; i < len && text[i] != '='; i++) {
        int value = DigitValue(text[i], url);

        if (value < 0) {
            /* NaviServer lets the hyphen pass, too. */
            if (strict && !isspace((unsigned char)text[i]) && text[i] != '-') {
                *error = CharMessage("invalid character", text[i], i + 1);
                return false;
            }
            continue;
        }
        group = group << 6 | (unsigned)value;
        last = text[i];
        if (++digits == 4) {
            char three[3] = {(char)(group >> 16), (char)(group >> 8), (char)group};

            Tcl_DStringAppend(ds, three, 3);
            group = 0;
            digits = 0;
        }
    }
    if (digits == 1 && strict) {
        *error = CharMessage("invalid trailing character", last, 0);
        return false;
    }
    if (digits >= 2) {
        char rest[2] = {(char)(group >> (digits == 2 ? 4 : 10)), (char)(group >> 2)};

        Tcl_DStringAppend(ds, rest, digits - 1);
    }
    return true;
}

bool
NsObjIsBinary(const Tcl_Obj *obj)
{
    return obj->bytes == NULL && obj->typePtr != NULL && strcmp(obj->typePtr->name, "bytearray") == 0;
}

const char *
NsObjBytes(Tcl_Obj *obj, bool binary, Tcl_DString *ds, size_t *len)
{
    int         length;
    const char *text;

    if (binary || NsObjIsBinary(obj)) {
        text = (const char *)Tcl_GetByteArrayFromObj(obj, &length);
    } else {
        text = Tcl_GetStringFromObj(obj, &length);
        return NsTextOut(ds, text, (size_t)length, len);
    }
    *len = (size_t)length;
    return text;
}

Tcl_Obj *
NsBytesToObj(const char *bytes, size_t len, bool binary)
{
    if (binary || !NsTextIsUtf8(bytes, len)) {
        return Tcl_NewByteArrayObj((const unsigned char *)bytes, (int)len);
    }
    return NsTextObj(bytes, (ssize_t)len);
}

Tcl_Obj *
NsEncodedObj(const void *bytes, size_t len, NsByteEncoding encoding)
{
    Tcl_DString ds;
    Tcl_Obj    *obj;

    if (encoding == NS_ENCODE_BINARY) {
        return Tcl_NewByteArrayObj(bytes, (int)len);
    }
    Tcl_DStringInit(&ds);
    if (encoding == NS_ENCODE_HEX) {
        NsHexEncode(&ds, bytes, len, false);
    } else {
        NsBase64Encode(&ds, bytes, len, encoding == NS_ENCODE_BASE64URL, encoding == NS_ENCODE_BASE64 ? 60 : 0);
    }
    obj = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return obj;
}

/* --------------------------------------------------------------------------------------------- for modules (nsurl.h) */

size_t
Ns_Base64Encode(const unsigned char *input, size_t inputSize, char *buf, size_t maxLineLength, int encoding)
{
    Tcl_DString ds;
    size_t      len;

    Tcl_DStringInit(&ds);
    NsBase64Encode(&ds, input, inputSize, encoding == 1, maxLineLength);
    len = (size_t)Tcl_DStringLength(&ds);
    memcpy(buf, Tcl_DStringValue(&ds), len + 1u);
    Tcl_DStringFree(&ds);
    return len;
}

size_t
Ns_HtuuEncode2(const unsigned char *input, size_t inputSize, char *buf, int encoding)
{
    return Ns_Base64Encode(input, inputSize, buf, encoding == 1 ? 0 : 60, encoding);
}

size_t
Ns_HtuuEncode(const unsigned char *input, size_t inputSize, char *buf)
{
    return Ns_HtuuEncode2(input, inputSize, buf, 0);
}

int
Ns_HtuuDecode2(Tcl_Interp *interp, const char *input, unsigned char *buf, size_t bufSize, int encoding, bool strict,
               size_t *decodedLength)
{
    char       *error = NULL;
    Tcl_DString ds;
    bool        good;

    Tcl_DStringInit(&ds);
    good = NsBase64Decode(&ds, input, strlen(input), encoding == 1, strict, &error);
    if (good) {
        *decodedLength = MIN((size_t)Tcl_DStringLength(&ds), bufSize);
        memcpy(buf, Tcl_DStringValue(&ds), *decodedLength);
    } else if (interp != NULL) {
        Ns_TclPrintfResult(interp, "%s", error);
    }
    ns_free(error);
    Tcl_DStringFree(&ds);
    return good ? TCL_OK : TCL_ERROR;
}

size_t
Ns_HtuuDecode(const char *input, unsigned char *buf, size_t bufSize)
{
    size_t len = 0;

    (void)Ns_HtuuDecode2(NULL, input, buf, bufSize, 0, false, &len);
    return len;
}
