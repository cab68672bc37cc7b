/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sets as modules use them, beyond set.c: with lengths, other comparisons, lists of sets, and as text.
 */
#include "ns.h"

/* A string of that length that ends with a NUL: the one given, or a copy for ns_free.  What is behind its length is not ours to read. */
static const char *
Ended(const char *string, TCL_SIZE_T length, char **copy)
{
    *copy = string != NULL && length >= 0 ? ns_strncopy(string, length) : NULL;
    return *copy != NULL ? *copy : string;
}

static size_t
UpdateSz(Ns_Set *set, const char *key, TCL_SIZE_T keyLength, const char *value, TCL_SIZE_T valueLength, bool ignoreCase)
{
    char       *keyCopy;
    const char *name = Ended(key, keyLength, &keyCopy);
    int         found = ignoreCase ? Ns_SetIFind(set, name) : Ns_SetFind(set, name);
    size_t      index = (size_t)found;

    if (found < 0) {
        index = Ns_SetPutSz(set, name, -1, value, valueLength);
    } else {
        Ns_SetPutValueSz(set, index, value, valueLength);
    }
    ns_free(keyCopy);
    return index;
}

size_t
Ns_SetUpdateSz(Ns_Set *set, const char *keyString, TCL_SIZE_T keyLength, const char *valueString, TCL_SIZE_T valueLength)
{
    return UpdateSz(set, keyString, keyLength, valueString, valueLength, false);
}

size_t
Ns_SetIUpdateSz(Ns_Set *set, const char *keyString, TCL_SIZE_T keyLength, const char *valueString, TCL_SIZE_T valueLength)
{
    return UpdateSz(set, keyString, keyLength, valueString, valueLength, true);
}

void
Ns_SetClearValues(Ns_Set *set, TCL_SIZE_T maxAlloc)
{
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        Ns_SetPutValue(set, i, "");
    }
}

int
Ns_SetFindCmp(const Ns_Set *set, const char *key, int (*cmp)(const char *s1, const char *s2))
{
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *name = Ns_SetKey(set, i);

        if (key == NULL ? name == NULL : name != NULL && cmp(key, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *
Ns_SetGetCmp(const Ns_Set *set, const char *key, int (*cmp)(const char *s1, const char *s2))
{
    int index = Ns_SetFindCmp(set, key, cmp);

    return index >= 0 ? Ns_SetValue(set, (size_t)index) : NULL;
}

bool
Ns_SetUniqueCmp(const Ns_Set *set, const char *key, int (*cmp)(const char *s1, const char *s2))
{
    size_t count = 0;

    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *name = Ns_SetKey(set, i);

        count += name != NULL && cmp(key, name) == 0 ? 1u : 0u;
    }
    return count <= 1u;
}

void
Ns_SetIMerge(Ns_Set *high, const Ns_Set *low)
{
    for (size_t i = 0; i < Ns_SetSize(low); i++) {
        if (Ns_SetIFind(high, Ns_SetKey(low, i)) < 0) {
            (void)Ns_SetPut(high, Ns_SetKey(low, i), Ns_SetValue(low, i));
        }
    }
}

Ns_Set *
Ns_SetListFind(Ns_Set *const *sets, const char *name)
{
    for (; *sets != NULL; sets++) {
        const char *own = Ns_SetName(*sets);

        if (name == NULL ? own == NULL : own != NULL && strcmp(own, name) == 0) {
            return *sets;
        }
    }
    return NULL;
}

void
Ns_SetListFree(Ns_Set **sets)
{
    for (Ns_Set **at = sets; *at != NULL; at++) {
        Ns_SetFree(*at);
    }
    ns_free(sets);
}

Ns_Set *
Ns_SetRecreate(Ns_Set *set)
{
    Ns_Set *copy = Ns_SetCopy(set);

    Ns_SetTrunc(set, 0);
    return copy;
}

Ns_Set *
Ns_SetRecreate2(Ns_Set **toPtr, Ns_Set *from)
{
    if (*toPtr == NULL) {
        *toPtr = Ns_SetRecreate(from);
    } else {
        Ns_SetTrunc(*toPtr, 0);
        Ns_SetMove(*toPtr, from);
    }
    return *toPtr;
}

const char *
Ns_SetFormat(Tcl_DString *ds, const Ns_Set *set, bool withName, const char *leadString, const char *separatorString)
{
    if (withName) {
        Ns_DStringVarAppend(ds, Ns_SetName(set) != NULL ? Ns_SetName(set) : "", ":\n", NS_SENTINEL);
    }
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *key = Ns_SetKey(set, i), *value = Ns_SetValue(set, i);

        Ns_DStringVarAppend(ds, leadString, key != NULL ? key : "", separatorString, value != NULL ? value : "", "\n", NS_SENTINEL);
    }
    return Tcl_DStringValue(ds);
}

void
Ns_SetPrint(Tcl_DString *outputDs, const Ns_Set *set)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    Ns_SetFormat(&ds, set, true, "\t", ": ");
    if (outputDs != NULL) {
        Tcl_DStringAppend(outputDs, Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    } else {
        (void)fwrite(Tcl_DStringValue(&ds), 1, (size_t)Tcl_DStringLength(&ds), stderr);
    }
    Tcl_DStringFree(&ds);
}

void
Ns_DStringAppendSet(Tcl_DString *ds, const Ns_Set *set)
{
    for (size_t i = 0; i < Ns_SetSize(set); i++) {
        const char *value = Ns_SetValue(set, i);

        Tcl_DStringAppendElement(ds, Ns_SetKey(set, i));
        Tcl_DStringAppendElement(ds, value != NULL ? value : "");
    }
}
