/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Charset names of the net (IANA) and Tcl's encodings.
 *
 * Any thread.  Names are compared without regard to case and surrounding blanks.  The encodings returned are kept for
 * the life of the process: do not free them.
 */
#ifndef NSD_CHARSET_H
#define NSD_CHARSET_H

#include "ns.h"

/* Main thread, at start, when Tcl is there. */
void         NsCharsetInit(void);
/* NULL: the name is not known. */
Tcl_Encoding NsCharsetEncoding(const char *charset);
Tcl_Encoding NsCharsetEncodingSz(const char *charset, size_t len);
/* The name Tcl has for it ("iso8859-1"), whether or not its table is installed; NULL: not known. */
const char  *NsCharsetTclName(const char *charset, size_t len);
/* The name of the net for one of Tcl's encodings; the name itself when there is no other. */
const char  *NsEncodingCharset(const char *tclName);
/* Then base/text.h is the conversion. */
bool         NsEncodingIsUtf8(Tcl_Encoding encoding);
/*
 * Bytes from outside in that encoding, as text inside, and back: appended to `ds`, which the caller has initialised.  For
 * UTF-8 this is what base/text.h says, for others what Tcl makes of what cannot be converted.
 */
void         NsCharsetDecode(Tcl_DString *ds, Tcl_Encoding encoding, const char *bytes, size_t len);
void         NsCharsetEncode(Tcl_DString *ds, Tcl_Encoding encoding, const char *text, size_t len);
Tcl_Obj     *NsCharsetDecodeObj(Tcl_Encoding encoding, const char *bytes, size_t len);
/* All names, in alphabetical order. */
Tcl_Obj     *NsCharsetNames(void);

/* Where the charset parameter of a Content-Type is: NULL: there is none.  Without quotes; *len is its length. */
const char  *NsTypeCharset(const char *type, size_t *len);
/*
 * The encoding that the text of this content type is in.  Without a charset: `defaultCharset` for text, else NULL with
 * *binary true.  A charset that is not known: NULL with *binary false.
 */
Tcl_Encoding NsTypeEncoding(const char *type, const char *defaultCharset, bool *binary);

#endif
