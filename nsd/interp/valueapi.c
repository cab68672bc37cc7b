/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Tcl values as modules make them (nsvalue.h): addresses, pointers, times.
 */
#include <errno.h>
#include <string.h>
#include "ns.h"

static Tcl_FreeInternalRepProc FreeTime;
static Tcl_DupInternalRepProc  DupTime;
static Tcl_UpdateStringProc    AddrText;

/* Both carry the type's name and the pointer; both of them only point to what lives longer. */
static const Tcl_ObjType addrType = {"ns:addr", NULL, NULL, AddrText, Ns_TclSetFromAnyError};
static const Tcl_ObjType opaqueType = {"ns:opaque", NULL, NULL, AddrText, Ns_TclSetFromAnyError};
static const Tcl_ObjType timeType = {"ns:time", FreeTime, DupTime, NULL, Ns_TclSetFromAnyError};

/* ------------------------------------------------------------------------------------------------------ types of others */

void
Ns_TclResetObjType(Tcl_Obj *objPtr, CONST86 Tcl_ObjType *newTypePtr)
{
    const Tcl_ObjType *type = objPtr->typePtr;

    if (type != NULL && type->freeIntRepProc != NULL) {
        type->freeIntRepProc(objPtr);
    }
    objPtr->typePtr = newTypePtr;
}

void
Ns_TclSetTwoPtrValue(Tcl_Obj *objPtr, CONST86 Tcl_ObjType *newTypePtr, void *ptr1, void *ptr2)
{
    Ns_TclResetObjType(objPtr, newTypePtr);
    objPtr->internalRep.twoPtrValue.ptr1 = ptr1;
    objPtr->internalRep.twoPtrValue.ptr2 = ptr2;
}

void
Ns_TclSetOtherValuePtr(Tcl_Obj *objPtr, CONST86 Tcl_ObjType *newTypePtr, void *value)
{
    Ns_TclResetObjType(objPtr, newTypePtr);
    objPtr->internalRep.otherValuePtr = value;
}

void
Ns_TclSetStringRep(Tcl_Obj *objPtr, const char *bytes, TCL_SIZE_T length)
{
    size_t len = length < 0 ? strlen(bytes) : (size_t)length;
    char  *copy = ckalloc((unsigned)len + 1u);

    memcpy(copy, bytes, len);                  /* first: it may be a part of the text that goes */
    copy[len] = '\0';
    Tcl_InvalidateStringRep(objPtr);
    objPtr->bytes = copy;
    objPtr->length = (TCL_SIZE_T)len;
}

int
Ns_TclSetFromAnyError(Tcl_Interp *interp, Tcl_Obj *objPtr)
{
    if (interp != NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("a value of this type cannot be made of the text \"%s\"", Tcl_GetString(objPtr)));
    }
    return TCL_ERROR;
}

/* ------------------------------------------------------------------------------------------------------------ addresses */

/* "ADDRESS-TYPE", the address as 0x and hexadecimal digits. */
static void
AddrText(Tcl_Obj *objPtr)
{
    char start[32];
    const char *type = objPtr->internalRep.twoPtrValue.ptr1;
    int  len = snprintf(start, sizeof(start), "0x%" PRIxPTR "-", (uintptr_t)objPtr->internalRep.twoPtrValue.ptr2);
    size_t size = (size_t)len + strlen(type);

    objPtr->bytes = ckalloc((unsigned)size + 1u);
    objPtr->length = (TCL_SIZE_T)size;
    memcpy(objPtr->bytes, start, (size_t)len);
    memcpy(objPtr->bytes + len, type, size - (size_t)len + 1u);
}

/* A pointer that a text of AddrText tells, with this type and nothing behind it. */
static bool
ReadAddr(const char *text, const char *type, uintptr_t *address)
{
    char *end;

    if (strncmp(text, "0x", 2) != 0 || !isxdigit(UCHAR(text[2]))) {
        return false;
    }
    errno = 0;
    *address = (uintptr_t)strtoull(text + 2, &end, 16);
    return errno == 0 && *address != 0 && *end == '-' && STREQ(end + 1, type);
}

static bool
Carries(const Tcl_Obj *objPtr, const Tcl_ObjType *objType, const char *type)
{
    return objPtr->typePtr == objType && STREQ((const char *)objPtr->internalRep.twoPtrValue.ptr1, type);
}

void
Ns_TclSetAddrObj(Tcl_Obj *objPtr, const char *type, void *addr)
{
    Ns_TclSetTwoPtrValue(objPtr, &addrType, ns_const2voidp(type), addr);
    Tcl_InvalidateStringRep(objPtr);
}

int
Ns_TclGetAddrFromObj(Tcl_Interp *interp, Tcl_Obj *objPtr, const char *type, void **addrPtrPtr)
{
    uintptr_t address;

    if (!Carries(objPtr, &addrType, type)) {
        if (!ReadAddr(Tcl_GetString(objPtr), type, &address)) {
            if (interp != NULL) {
                Tcl_SetObjResult(interp, Tcl_ObjPrintf("invalid address \"%s\" for type \"%s\"", Tcl_GetString(objPtr), type));
            }
            return TCL_ERROR;
        }
        Ns_TclSetTwoPtrValue(objPtr, &addrType, ns_const2voidp(type), (void *)address);
    }
    *addrPtrPtr = objPtr->internalRep.twoPtrValue.ptr2;
    return TCL_OK;
}

/* The text stays what it was: it is a name, and the pointer is what was found by it. */
void
Ns_TclSetOpaqueObj(Tcl_Obj *objPtr, const char *type, void *addr)
{
    (void)Tcl_GetString(objPtr);               /* while the old type can still make it */
    Ns_TclSetTwoPtrValue(objPtr, &opaqueType, ns_const2voidp(type), addr);
}

int
Ns_TclGetOpaqueFromObj(Tcl_Obj *objPtr, const char *type, void **addrPtrPtr)
{
    if (!Carries(objPtr, &opaqueType, type)) {
        return TCL_ERROR;
    }
    *addrPtrPtr = objPtr->internalRep.twoPtrValue.ptr2;
    return TCL_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- times */

static void
FreeTime(Tcl_Obj *objPtr)
{
    ns_free(objPtr->internalRep.otherValuePtr);
}

static Ns_Time *
CopyTime(const Ns_Time *time)
{
    Ns_Time *copy = ns_malloc(sizeof(*copy));

    *copy = *time;
    return copy;
}

static void
DupTime(Tcl_Obj *srcPtr, Tcl_Obj *dupPtr)
{
    dupPtr->internalRep.otherValuePtr = CopyTime(srcPtr->internalRep.otherValuePtr);
    dupPtr->typePtr = &timeType;
}

/* A value of this type always has its text: the time is what was read of it. */
int
Ns_TclGetTimePtrFromObj(Tcl_Interp *interp, Tcl_Obj *objPtr, Ns_Time **timePtrPtr)
{
    Ns_Time time;

    if (objPtr->typePtr != &timeType) {
        if (Ns_TclGetTimeFromObj(interp, objPtr, &time) != TCL_OK) {
            return TCL_ERROR;
        }
        (void)Tcl_GetString(objPtr);
        Ns_TclSetOtherValuePtr(objPtr, &timeType, CopyTime(&time));
    }
    *timePtrPtr = objPtr->internalRep.otherValuePtr;
    return TCL_OK;
}

void
Ns_TclSetTimeObj(Tcl_Obj *objPtr, const Ns_Time *timePtr)
{
    Ns_Time  value = *timePtr;
    Tcl_Obj *text = Ns_TclNewTimeObj(&value);

    Ns_AdjTime(&value);
    Tcl_IncrRefCount(text);
    Ns_TclSetStringRep(objPtr, Tcl_GetString(text), -1);
    Tcl_DecrRefCount(text);
    Ns_TclSetOtherValuePtr(objPtr, &timeType, CopyTime(&value));
}

/* ------------------------------------------------------------------------------------------------- variables and bytes */

bool
Ns_SetNamedVar(Tcl_Interp *interp, Tcl_Obj *varPtr, Tcl_Obj *valPtr)
{
    return Tcl_ObjSetVar2(interp, varPtr, NULL, valPtr, TCL_LEAVE_ERR_MSG) != NULL;
}

const unsigned char *
Ns_GetBinaryString(Tcl_Obj *obj, bool forceBinary, TCL_SIZE_T *lengthPtr, Tcl_DString *dsPtr)
{
    const char *text;
    size_t      len;

    if (forceBinary || (obj->typePtr != NULL && obj->bytes == NULL && STREQ(obj->typePtr->name, "bytearray"))) {
        return Tcl_GetByteArrayFromObj(obj, lengthPtr);
    }
    text = Tcl_GetStringFromObj(obj, lengthPtr);
    text = Ns_TextOut(dsPtr, text, (size_t)*lengthPtr, &len);
    *lengthPtr = (TCL_SIZE_T)len;
    return (const unsigned char *)text;
}
