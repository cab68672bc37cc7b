/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tcl values that modules make, and digests in pieces.  Included by ns.h.
 *
 * Values belong to the thread of their interpreter.  What changes a value is for one that is not shared, as everywhere in Tcl.
 */
#ifndef NSVALUE_H
#define NSVALUE_H

#include "nsbase.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifndef CONST86
#define CONST86 const
#endif

/* --------------------------------------------------------------------------------------- values (interp/valueapi.c) */

/*
 * Addresses as values.  Addr: the text tells the address and its type, so that it may be kept in lists and variables and come back; scripts are
 * trusted not to make one up.  Opaque: the value carries the pointer within, whatever its text is, and only as long as it has no other type.
 * `type` is compared by what it says, and must live as long as the process.
 */
NS_EXTERN void Ns_TclSetAddrObj(Tcl_Obj *objPtr, const char *type, void *addr);
NS_EXTERN int  Ns_TclGetAddrFromObj(Tcl_Interp *interp, Tcl_Obj *objPtr, const char *type, void **addrPtrPtr);     /* interp may be NULL */
NS_EXTERN void Ns_TclSetOpaqueObj(Tcl_Obj *objPtr, const char *type, void *addr);
NS_EXTERN int  Ns_TclGetOpaqueFromObj(Tcl_Obj *objPtr, const char *type, void **addrPtrPtr);      /* TCL_ERROR: it carries none of this type */

/* For those who have a Tcl_ObjType of their own: what was within is freed, the text stays; then the type with one or two pointers. */
NS_EXTERN void Ns_TclResetObjType(Tcl_Obj *objPtr, CONST86 Tcl_ObjType *newTypePtr);
NS_EXTERN void Ns_TclSetOtherValuePtr(Tcl_Obj *objPtr, CONST86 Tcl_ObjType *newTypePtr, void *value);
NS_EXTERN void Ns_TclSetTwoPtrValue(Tcl_Obj *objPtr, CONST86 Tcl_ObjType *newTypePtr, void *ptr1, void *ptr2);
NS_EXTERN void Ns_TclSetStringRep(Tcl_Obj *objPtr, const char *bytes, TCL_SIZE_T length);         /* a copy; length < 0: up to the NUL */
NS_EXTERN int  Ns_TclSetFromAnyError(Tcl_Interp *interp, Tcl_Obj *objPtr);                         /* a Tcl_SetFromAnyProc: TCL_ERROR, always */

/* The pointer holds until the value gets another type; the same value again gives the same pointer. */
NS_EXTERN int  Ns_TclGetTimePtrFromObj(Tcl_Interp *interp, Tcl_Obj *objPtr, Ns_Time **timePtrPtr);
NS_EXTERN void Ns_TclSetTimeObj(Tcl_Obj *objPtr, const Ns_Time *timePtr);

/* Set a variable of the frame that runs, by its name (a(b): an element).  False, with a message: it cannot be set. */
NS_EXTERN bool Ns_SetNamedVar(Tcl_Interp *interp, Tcl_Obj *varPtr, Tcl_Obj *valPtr);

/*
 * The bytes that a value stands for: of a byte array, or of any with forceBinary, those; of others their text in UTF-8.  *lengthPtr: how many;
 * `dsPtr` is initialised by the caller, who frees it after the bytes' use.
 */
NS_EXTERN const unsigned char *Ns_GetBinaryString(Tcl_Obj *obj, bool forceBinary, TCL_SIZE_T *lengthPtr, Tcl_DString *dsPtr);

/* --------------------------------------------------------------------------------------- digests (crypto/digestapi.c) */

/*
 * In pieces; not for what is to be kept from an adversary: both are broken.  A context is for one thread at a time, holds no memory of others and
 * may be copied; Final wipes it.
 */
typedef struct Ns_CtxMD5 {
    uint64_t state[16];
} Ns_CtxMD5;
typedef struct Ns_CtxSHA1 {
    uint64_t state[16];
} Ns_CtxSHA1;
NS_EXTERN void Ns_CtxMD5Init(Ns_CtxMD5 *ctx);
NS_EXTERN void Ns_CtxMD5Update(Ns_CtxMD5 *ctx, unsigned const char *buf, size_t len);
NS_EXTERN void Ns_CtxMD5Final(Ns_CtxMD5 *ctx, unsigned char digest[16]);
NS_EXTERN void Ns_CtxSHAInit(Ns_CtxSHA1 *ctx);
NS_EXTERN void Ns_CtxSHAUpdate(Ns_CtxSHA1 *ctx, const unsigned char *buf, size_t len);
NS_EXTERN void Ns_CtxSHAFinal(Ns_CtxSHA1 *ctx, unsigned char digest[20]);

#ifdef __cplusplus
}
#endif
#endif /* NSVALUE_H */
