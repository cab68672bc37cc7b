/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Variables that all threads of a server share, for modules (Ns_Var* of nsrequest.h): what nsv_* has.
 */
#include <string.h>
#include "conf/server.h"
#include "data/nsv.h"

/* What a look-up needs, for a server by its name. */
typedef struct Place {
    NsInterp     data;                         /* of which the store is taken, and nothing else */
    Tcl_Obj     *array, *key;
    NsNsvBucket *bucket;
} Place;

/* False: there is no such server. */
static bool
PlaceOf(Place *place, const char *server, const char *array, const char *key)
{
    memset(place, 0, sizeof(*place));
    place->data.server = NsServerGet(server);
    if (place->data.server == NULL) {
        return false;
    }
    place->array = Tcl_NewStringObj(array, -1);
    place->key = Tcl_NewStringObj(key != NULL ? key : "", -1);
    Tcl_IncrRefCount(place->array);
    Tcl_IncrRefCount(place->key);
    return true;
}

static void
Leave(Place *place)
{
    Tcl_DecrRefCount(place->array);
    Tcl_DecrRefCount(place->key);
}

/* The value of a variable as an object with a reference, or NULL. */
static Tcl_Obj *
Get(const char *server, const char *array, const char *key)
{
    Place       place;
    NsNsvArray *found;
    NsNsvValue *value;
    Tcl_Obj    *obj = NULL;

    if (!PlaceOf(&place, server, array, key)) {
        return NULL;
    }
    found = NsNsvLock(&place.data, place.array, false, NULL, &place.bucket);
    if (found != NULL) {
        value = NsNsvFind(found, place.key, NULL);
        if (value != NULL) {
            obj = NsNsvValueObj(value);
            Tcl_IncrRefCount(obj);
        }
        NsNsvUnlock(place.bucket);
    }
    Leave(&place);
    return obj;
}

bool
Ns_VarExists(const char *server, const char *array, const char *keyString)
{
    Tcl_Obj *obj = Get(server, array, keyString);

    if (obj != NULL) {
        Tcl_DecrRefCount(obj);
    }
    return obj != NULL;
}

Ns_ReturnCode
Ns_VarGet(const char *server, const char *array, const char *keyString, Tcl_DString *dsPtr)
{
    Tcl_Obj    *obj = Get(server, array, keyString);
    const char *text;
    int         len;

    if (obj == NULL) {
        return NS_ERROR;
    }
    text = Tcl_GetStringFromObj(obj, &len);
    Tcl_DStringAppend(dsPtr, text, len);
    Tcl_DecrRefCount(obj);
    return NS_OK;
}

Ns_ReturnCode
Ns_VarSet(const char *server, const char *array, const char *keyString, const char *value, ssize_t len)
{
    Place    place;
    Tcl_Obj *obj;

    if (len > INT_MAX || !PlaceOf(&place, server, array, keyString)) {
        return NS_ERROR;
    }
    obj = Tcl_NewStringObj(value, (int)len);
    Tcl_IncrRefCount(obj);
    NsNsvPrepare(obj);
    NsNsvValueSet(NsNsvCreate(NsNsvLockCreate(&place.data, place.array, &place.bucket), place.key, NULL), obj);
    NsNsvUnlock(place.bucket);
    Tcl_DecrRefCount(obj);
    Leave(&place);
    return NS_OK;
}

Ns_ReturnCode
Ns_VarAppend(const char *server, const char *array, const char *keyString, const char *value, ssize_t len)
{
    Place place;
    bool  fits;

    if (!PlaceOf(&place, server, array, keyString)) {
        return NS_ERROR;
    }
    fits = NsNsvValueAppend(NsNsvCreate(NsNsvLockCreate(&place.data, place.array, &place.bucket), place.key, NULL), value,
                            len < 0 ? strlen(value) : (size_t)len);
    NsNsvUnlock(place.bucket);
    Leave(&place);
    return fits ? NS_OK : NS_ERROR;
}

Tcl_WideInt
Ns_VarIncr(const char *server, const char *array, const char *keyString, int incr)
{
    Place       place;
    NsNsvValue *value;
    Tcl_WideInt wide = 0, sum = 0;
    bool        isNew, valid;

    if (!PlaceOf(&place, server, array, keyString)) {
        return -1;
    }
    value = NsNsvCreate(NsNsvLockCreate(&place.data, place.array, &place.bucket), place.key, &isNew);
    valid = (isNew || NsNsvValueGetWide(value, &wide)) && !__builtin_add_overflow(wide, (Tcl_WideInt)incr, &sum);
    if (valid) {
        NsNsvValueSetWide(value, sum);
    }
    NsNsvUnlock(place.bucket);
    Leave(&place);
    return valid ? sum : -1;
}

Ns_ReturnCode
Ns_VarUnset(const char *server, const char *array, const char *keyString)
{
    Place       place;
    NsNsvArray *found;
    bool        gone = false;

    if (!PlaceOf(&place, server, array, keyString)) {
        return NS_ERROR;
    }
    if (keyString == NULL) {
        gone = NsNsvDeleteArray(&place.data, place.array);
    } else if ((found = NsNsvLock(&place.data, place.array, true, NULL, &place.bucket)) != NULL) {
        gone = NsNsvDelete(found, place.key);
        NsNsvUnlock(place.bucket);
    }
    Leave(&place);
    return gone ? NS_OK : NS_ERROR;
}
