/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The border between text inside and bytes outside.
 *
 * Inside (in Tcl's values, and in every string that the core keeps or hands to others: sets, requests, parameters) text
 * has Tcl's own form: UTF-8, but with NUL as C0 80 and characters past U+FFFF as two surrogates of three bytes each.
 * Outside (on the wire, in the names of files, in the environment and in the log) it is UTF-8 (RFC 3629).  Tcl's string
 * functions read past the end of strings in the outside form, so what comes in goes through here first, once, where it
 * comes in; and what goes out goes through here last.  tests/border.py names the places.
 *
 *   in:   well-formed UTF-8 is the text that it says; each other byte is the Latin-1 character of that number, so a lone
 *         E9 is an e with acute, and neither overlong forms nor encoded surrogates smuggle anything in.
 *   out:  a surrogate without its other half is U+FFFD.  Bytes that are no text of the inside form (a module's own UTF-8)
 *         go out as they are.
 *
 * What comes in well-formed goes out as it came; text without lone surrogates comes back as it went.  Pure functions over
 * memory, any thread.  In this room, low, because the parsers of http/ and ws/ need it, who know base/ alone.
 */
#ifndef NSD_TEXT_H
#define NSD_TEXT_H

#include "ns.h"

/* Is this well-formed UTF-8 (RFC 3629)? */
bool NsTextIsUtf8(const char *bytes, size_t len);
/* How many bytes the well-formed character has that begins there; 0: there is none. */
size_t NsTextCharLength(const char *bytes, size_t len);

/*
 * The text that bytes from outside stand for: the bytes themselves where both forms are the same, which is the rule, else
 * what was appended to `ds`.  The caller has initialised `ds` and frees it.  *lenOut may be NULL: the text is
 * NUL-terminated then if the bytes were.
 */
const char *NsTextIn(Tcl_DString *ds, const char *bytes, size_t len, size_t *lenOut);
/* The same, always appended. */
void        NsTextAppendIn(Tcl_DString *ds, const char *bytes, size_t len);
/* As a value; len < 0: up to the NUL. */
Tcl_Obj    *NsTextObj(const char *bytes, ssize_t len);
/* As a field of a set; its name and value come from outside. */
void        NsTextPut(Ns_Set *set, const char *name, size_t nameLen, const char *value, size_t valueLen);

/* The bytes that text stands for outside: the text itself, or what was appended to `ds`.  They may have NULs. */
const char *NsTextOut(Tcl_DString *ds, const char *text, size_t len, size_t *lenOut);
void        NsTextAppendOut(Tcl_DString *ds, const char *text, size_t len);
/* Has every surrogate its other half?  Where text that is none is better refused than replaced. */
bool        NsTextIsWhole(const char *text, size_t len);
/*
 * For functions of the system, which end a string at its NUL: NULL when the text has one, with errno EINVAL; such a name
 * must not stand for what is before it.
 */
const char *NsTextOutString(Tcl_DString *ds, const char *text);

#endif
