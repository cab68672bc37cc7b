/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bytes as text: hex, base64 and its URL-safe form; and the bytes that a Tcl value stands for.
 */
#ifndef NSD_CODEC_H
#define NSD_CODEC_H

#include "ns.h"

/* Append to `ds`, which the caller has initialised. */
void NsHexEncode(Tcl_DString *ds, const void *bytes, size_t len, bool upperCase);
/* A line break after each `lineLength` characters, 0: none.  The URL-safe form has no padding. */
void NsBase64Encode(Tcl_DString *ds, const void *bytes, size_t len, bool url, size_t lineLength);
/*
 * Decode; what is not of the alphabet is skipped, unless `strict` (blanks and line ends are never wrong).
 * False: *error is a message that the caller frees with ns_free.
 */
bool NsBase64Decode(Tcl_DString *ds, const char *text, size_t len, bool url, bool strict, char **error);

/*
 * The bytes of a Tcl value: of binary data (or with `binary`) a byte per character, else its text in UTF-8.
 * They stay valid until `ds` is freed or the object changes; the caller has initialised `ds` and frees it.
 */
const char *NsObjBytes(Tcl_Obj *obj, bool binary, Tcl_DString *ds, size_t *len);
/* Is it binary data that never had a string form? */
bool NsObjIsBinary(const Tcl_Obj *obj);
/* A text when the bytes are UTF-8, else binary data. */
Tcl_Obj *NsBytesToObj(const char *bytes, size_t len, bool binary);

/* How results of digests and random bytes are to be given; base64 has lines of 60 characters. */
typedef enum { NS_ENCODE_HEX, NS_ENCODE_BASE64URL, NS_ENCODE_BASE64, NS_ENCODE_BINARY } NsByteEncoding;
extern const Ns_ObjvTable nsByteEncodings[];
Tcl_Obj *NsEncodedObj(const void *bytes, size_t len, NsByteEncoding encoding);

#endif
