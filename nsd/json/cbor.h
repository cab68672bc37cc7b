/* SPDX-License-Identifier: MPL-2.0 */
/*
 * CBOR (RFC 8949) as Tcl values, with libcbor.
 *
 * What credentials and tokens are made of (COSE, WebAuthn): integers that fit 64 bits with a sign, bytes, texts, arrays, maps
 * (as dicts; of equal keys the last counts), truth (1 and 0), null and undefined (empty).  Floats, other simple values, tags and
 * items of indefinite length are errors.  Pure but for the values: the thread that uses them.
 */
#ifndef NSD_JSON_CBOR_H
#define NSD_JSON_CBOR_H

#include "ns.h"

#define NS_CBOR_DEPTH 128                      /* containers in containers */

/* What stands for a string of bytes; without a reference. */
typedef Tcl_Obj *(NsCborBytesProc)(const void *arg, const unsigned char *bytes, size_t len);

/*
 * The first item of the bytes, without a reference, and in *used how many bytes it has.  NULL: *error (static) says why.
 */
Tcl_Obj *NsCborToObj(const unsigned char *bytes, size_t len, NsCborBytesProc *bytesProc, const void *arg, size_t *used,
                     const char **error);

#endif
