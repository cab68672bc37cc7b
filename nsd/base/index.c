/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sorted arrays of pointers (nslist.h).
 */
#include <string.h>
#include "nslist.h"

/* The first place whose element is not below the key. */
static size_t
PlaceOfKey(const Ns_Index *indexPtr, const void *key)
{
    size_t low = 0, high = indexPtr->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2u;

        if (indexPtr->CmpKeyWithEl(key, &indexPtr->el[middle]) > 0) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The same by an element's address. */
static size_t
PlaceOfElement(const Ns_Index *indexPtr, const void *const *el)
{
    size_t low = 0, high = indexPtr->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2u;

        if (indexPtr->CmpEls(&indexPtr->el[middle], el) < 0) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
IsKeyAt(const Ns_Index *indexPtr, const void *key, size_t i)
{
    return i < indexPtr->n && indexPtr->CmpKeyWithEl(key, &indexPtr->el[i]) == 0;
}

void
Ns_IndexInit(Ns_Index *indexPtr, size_t inc, int (*CmpEls)(const void *left, const void *right),
             int (*CmpKeyWithEl)(const void *left, const void *right))
{
    memset(indexPtr, 0, sizeof(*indexPtr));
    indexPtr->inc = inc > 0 ? inc : 1u;
    indexPtr->CmpEls = CmpEls;
    indexPtr->CmpKeyWithEl = CmpKeyWithEl;
}

void
Ns_IndexAdd(Ns_Index *indexPtr, void *el)
{
    const void *element = el;
    size_t      place = PlaceOfElement(indexPtr, &element);

    if (indexPtr->n == indexPtr->max) {
        indexPtr->max += indexPtr->inc;
        indexPtr->el = ns_realloc(indexPtr->el, indexPtr->max * sizeof(*indexPtr->el));
    }
    memmove(indexPtr->el + place + 1, indexPtr->el + place, (indexPtr->n - place) * sizeof(*indexPtr->el));
    indexPtr->el[place] = el;
    indexPtr->n++;
}

/* Among those that are equal. */
void
Ns_IndexDel(Ns_Index *indexPtr, const void *el)
{
    size_t i = PlaceOfElement(indexPtr, &el);

    while (i < indexPtr->n && indexPtr->el[i] != el && indexPtr->CmpEls(&indexPtr->el[i], &el) == 0) {
        i++;
    }
    if (i < indexPtr->n && indexPtr->el[i] == el) {
        indexPtr->n--;
        memmove(indexPtr->el + i, indexPtr->el + i + 1, (indexPtr->n - i) * sizeof(*indexPtr->el));
    }
}

void *
Ns_IndexEl(const Ns_Index *indexPtr, size_t i)
{
    return i < indexPtr->n ? indexPtr->el[i] : NULL;
}

void *
Ns_IndexFind(const Ns_Index *indexPtr, const void *key)
{
    size_t i = PlaceOfKey(indexPtr, key);

    return IsKeyAt(indexPtr, key, i) ? indexPtr->el[i] : NULL;
}

void *
Ns_IndexFindInf(const Ns_Index *indexPtr, const void *key)
{
    return Ns_IndexEl(indexPtr, PlaceOfKey(indexPtr, key));
}

void **
Ns_IndexFindMultiple(const Ns_Index *indexPtr, const void *key)
{
    size_t first = PlaceOfKey(indexPtr, key), end = first;
    void **found = NULL;

    while (IsKeyAt(indexPtr, key, end)) {
        end++;
    }
    if (end > first) {
        found = ns_calloc(end - first + 1u, sizeof(*found));
        memcpy(found, indexPtr->el + first, (end - first) * sizeof(*found));
    }
    return found;
}

Ns_Index *
Ns_IndexDup(const Ns_Index *indexPtr)
{
    Ns_Index *copy = ns_malloc(sizeof(*copy));

    *copy = *indexPtr;
    if (copy->max > 0) {
        copy->el = ns_malloc(copy->max * sizeof(*copy->el));
        memcpy(copy->el, indexPtr->el, copy->n * sizeof(*copy->el));
    }
    return copy;
}

void
Ns_IndexTrunc(Ns_Index *indexPtr)
{
    indexPtr->n = 0;
}

void
Ns_IndexDestroy(Ns_Index *indexPtr)
{
    ns_free(indexPtr->el);
    indexPtr->el = NULL;
    indexPtr->CmpEls = indexPtr->CmpKeyWithEl = NULL;
    indexPtr->n = indexPtr->max = 0;
}

/* ------------------------------------------------------------------------------------------------- strings and numbers */

static int
CompareStrings(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int
CompareKeyWithString(const void *key, const void *el)
{
    return strcmp(key, *(const char *const *)el);
}

void
Ns_IndexStringInit(Ns_Index *indexPtr, size_t inc)
{
    Ns_IndexInit(indexPtr, inc, CompareStrings, CompareKeyWithString);
}

Ns_Index *
Ns_IndexStringDup(const Ns_Index *indexPtr)
{
    Ns_Index *copy = Ns_IndexDup(indexPtr);

    for (size_t i = 0; i < copy->n; i++) {
        copy->el[i] = ns_strdup(copy->el[i]);
    }
    return copy;
}

void
Ns_IndexStringAppend(Ns_Index *addtoPtr, const Ns_Index *addfromPtr)
{
    size_t count = addfromPtr->n;              /* it may be the same */

    for (size_t i = 0; i < count; i++) {
        char *copy = ns_strdup(addfromPtr->el[addtoPtr == addfromPtr ? 2u * i : i]);

        Ns_IndexAdd(addtoPtr, copy);
    }
}

void
Ns_IndexStringTrunc(Ns_Index *indexPtr)
{
    for (size_t i = 0; i < indexPtr->n; i++) {
        ns_free(indexPtr->el[i]);
    }
    Ns_IndexTrunc(indexPtr);
}

void
Ns_IndexStringDestroy(Ns_Index *indexPtr)
{
    Ns_IndexStringTrunc(indexPtr);
    Ns_IndexDestroy(indexPtr);
}

static int
CompareNumbers(int left, int right)
{
    return left < right ? -1 : left > right;
}

static int
CompareInts(const void *left, const void *right)
{
    return CompareNumbers(PTR2INT(*(void *const *)left), PTR2INT(*(void *const *)right));
}

static int
CompareKeyWithInt(const void *key, const void *el)
{
    return CompareNumbers(PTR2INT(key), PTR2INT(*(void *const *)el));
}

void
Ns_IndexIntInit(Ns_Index *indexPtr, size_t inc)
{
    Ns_IndexInit(indexPtr, inc, CompareInts, CompareKeyWithInt);
}
