/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Values of nsv_* and ns_cache_*.
 *
 * They belong to no thread: what goes in and comes out is copied.  Any thread may call these, with whatever guards the value locked.
 */
#ifndef NSD_VALUE_H
#define NSD_VALUE_H

#include <limits.h>
#include "ns.h"

#define NS_NSV_MAX ((size_t)INT_MAX)           /* bytes of a text, as Tcl has it */

/* Numbers and binary data are kept as what they are: making text of them at every call would be most of the work. */
typedef enum { NS_NSV_TEXT, NS_NSV_BYTES, NS_NSV_WIDE } NsNsvKind;

typedef struct NsNsvValue {
    NsNsvKind   kind;
    uint32_t    len, max;                      /* of data; text is NUL-terminated, which is not counted */
    char       *data;
    Tcl_WideInt wide;
} NsNsvValue;

/* Before the first value is made, for all of them. */
void        NsNsvValueInit(void);

/*
 * Before the bucket, or whatever else guards a value, is locked: it may take long to make a text, and it may be foreign code that does.
 * MakeTexts for keys and what is appended, Prepare for what NsNsvValueSet gets.
 */
static inline void
NsNsvMakeTexts(int objc, Tcl_Obj *const *objv)
{
    for (int i = 0; i < objc; i++) {
        (void)Tcl_GetString(objv[i]);
    }
}
void        NsNsvPrepare(Tcl_Obj *value);

Tcl_Obj    *NsNsvValueObj(const NsNsvValue *value);
/* Into memory of the caller's, to be made an object of without the lock; false: it does not fit. */
bool        NsNsvValueCopy(const NsNsvValue *value, NsNsvValue *copy, char *data, size_t size);
void        NsNsvValueSet(NsNsvValue *value, Tcl_Obj *obj);
void        NsNsvValueSetWide(NsNsvValue *value, Tcl_WideInt wide);
bool        NsNsvValueGetWide(const NsNsvValue *value, Tcl_WideInt *wide);
/*
 * At its end, as text or as elements of a list.  False: the text would be longer than NS_NSV_MAX, or the element than half of that, and
 * the value is as it was (binary data and numbers may have become text).
 */
bool        NsNsvValueAppend(NsNsvValue *value, const char *text, size_t len);
bool        NsNsvValueAppendElement(NsNsvValue *value, const char *text, size_t len);
bool        NsNsvValueAppendAll(NsNsvValue *value, bool elements, int objc, Tcl_Obj *const *objv);    /* all or none */
void        NsNsvValueFree(NsNsvValue *value);

#endif
