/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ns_Set: an ordered list of names and values.
 *
 * All names and values of a set are in one buffer that grows, and fields hold offsets into it: putting a field costs no
 * memory of its own, and a set of request headers is three allocations.  What is deleted or outgrown stays behind as
 * waste until half of the buffer is waste and it would have to grow: then it is written anew.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/die.h"
#include "base/check.h"
#include "base/set.h"

#define NO_VALUE     UINT32_MAX                /* as offset: the value is NULL */
#define FIRST_FIELDS 12
#define FIRST_BYTES  500
#define MAX_BYTES    ((size_t)1 << 31)

typedef struct Field {
    uint32_t key, keyLen;
    uint32_t value, valueLen;
} Field;

struct Ns_Set {
    uint32_t magic;
    bool     noCase;
    char    *name;
    Field   *fields;
    char    *bytes;
    size_t   size, maxSize;                    /* fields */
    size_t   used, max, wasted;                /* bytes */
};
#define SET_MAGIC NS_MAGIC('N', 's', 'e', 't')

static inline char
Lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline const char *
KeyOf(const Ns_Set *set, const Field *field)
{
    return set->bytes + field->key;
}

static inline const char *
ValueOf(const Ns_Set *set, const Field *field)
{
    return field->value == NO_VALUE ? NULL : set->bytes + field->value;
}

/*
 * Memory
 */
static uint32_t
CopyBytes(char *to, size_t *used, const char *from, size_t len)
{
    uint32_t offset = (uint32_t)*used;

    memcpy(to + offset, from, len + 1);
    *used += len + 1;
    return offset;
}

static void
Rewrite(Ns_Set *set, size_t max)
{
    char  *bytes = ns_malloc(max);
    size_t used = 0;

    for (size_t i = 0; i < set->size; i++) {
        Field *field = &set->fields[i];

        field->key = CopyBytes(bytes, &used, KeyOf(set, field), field->keyLen);
        if (field->value != NO_VALUE) {
            field->value = CopyBytes(bytes, &used, ValueOf(set, field), (TCL_SIZE_T)field->valueLen);
        }
    }
    ns_free(set->bytes);
    set->bytes = bytes;
    set->used = used;
    set->max = max;
    set->wasted = 0;
}

/* Make room for `need` more bytes. */
static void
GrowBytes(Ns_Set *set, size_t need)
{
    size_t live = set->used - set->wasted;
    size_t max = set->max == 0 ? FIRST_BYTES : set->max;

    if (set->used + need <= set->max) {
        return;
    }
    if (live + need > MAX_BYTES) {
        NsDie("set: '%s' outgrows %zu bytes", set->name == NULL ? "" : set->name, MAX_BYTES);
    }
    if (set->wasted > set->used / 2) {
        while (max < (live + need) * 3 / 2) {
            max *= 2;
        }
        Rewrite(set, max);
    } else {
        while (max < set->used + need) {
            max *= 2;
        }
        /* Offsets are of 32 bits. */
        if (max >= NO_VALUE) {
            max = NO_VALUE;
            Rewrite(set, max);
        } else {
            set->bytes = ns_realloc(set->bytes, max);
            set->max = max;
        }
    }
}

static void
GrowFields(Ns_Set *set, size_t need)
{
    if (set->size + need > set->maxSize) {
        size_t max = set->maxSize == 0 ? FIRST_FIELDS : set->maxSize;

        while (max < set->size + need) {
            max *= 2;
        }
        set->fields = ns_realloc(set->fields, max * sizeof(Field));
        set->maxSize = max;
    }
}

/* Append a string that may be of this very set, which has room for it. */
static uint32_t
AppendBytes(Ns_Set *set, const char *string, size_t len)
{
    uint32_t offset = (uint32_t)set->used;

    memcpy(set->bytes + offset, string, len);
    set->bytes[offset + len] = '\0';
    set->used += len + 1;
    return offset;
}

static void
Waste(Ns_Set *set, const Field *field, bool withKey)
{
    if (withKey) {
        set->wasted += field->keyLen + 1u;
    }
    if (field->value != NO_VALUE) {
        set->wasted += field->valueLen + 1u;
    }
}

/* A string of this set's own would move away while the buffer grows: then a copy is made, to be freed. */
static char *
OwnCopy(const Ns_Set *set, const char *string, size_t len)
{
    uintptr_t at = (uintptr_t)string, start = (uintptr_t)set->bytes;

    return string != NULL && at >= start && at < start + set->used ? ns_strncopy(string, (ssize_t)len) : NULL;
}

/*
 * Life
 */
Ns_Set *
Ns_SetCreateSz(const char *name, size_t size)
{
    Ns_Set *set = ns_calloc(1, sizeof(*set));

    set->magic = SET_MAGIC;
    set->name = ns_strdup(name);
    if (size > 0) {
        GrowFields(set, size);
    }
    return set;
}

Ns_Set *
Ns_SetCreate(const char *name)
{
    return Ns_SetCreateSz(name, 0);
}

Ns_Set *
Ns_SetCreateNoCase(const char *name)
{
    Ns_Set *set = Ns_SetCreateSz(name, 0);

    set->noCase = true;
    return set;
}

void
Ns_SetFree(Ns_Set *set)
{
    if (set != NULL) {
        NS_CHECK(set, SET_MAGIC);
        set->magic = NS_SPOILED;
        ns_free(set->name);
        ns_free(set->fields);
        ns_free(set->bytes);
        ns_free(set);
    }
}

void
NsSetReserve(Ns_Set *set, size_t fields, size_t bytes)
{
    if (fields > set->size) {
        GrowFields(set, fields - set->size);
    }
    if (bytes > set->used) {
        GrowBytes(set, bytes - set->used);
    }
}

const char *
Ns_SetName(const Ns_Set *set)
{
    return set->name;
}

void
Ns_SetSetName(Ns_Set *set, const char *name)
{
    char *old = set->name;

    set->name = ns_strdup(name);
    ns_free(old);
}

size_t
Ns_SetSize(const Ns_Set *set)
{
    return set->size;
}

bool
NsSetIsNoCase(const Ns_Set *set)
{
    return set->noCase;
}

void
NsSetGetMemory(const Ns_Set *set, size_t *used, size_t *held)
{
    *used = set->used - set->wasted;
    *held = set->max;
}

const char *
Ns_SetKey(const Ns_Set *set, size_t index)
{
    return index < set->size ? KeyOf(set, &set->fields[index]) : NULL;
}

const char *
Ns_SetValue(const Ns_Set *set, size_t index)
{
    return index < set->size ? ValueOf(set, &set->fields[index]) : NULL;
}

NsSetField
NsSetGetField(const Ns_Set *set, size_t index)
{
    const Field *field = &set->fields[index];

    NS_CHECK(set, SET_MAGIC);
    return (NsSetField){KeyOf(set, field), ValueOf(set, field), field->keyLen, field->valueLen};
}

/*
 * Finding: most names differ in length or first character, and those that are the same are in small letters on both sides.
 */
static bool
SameIgnoringCase(const char *a, const char *b, size_t len)
{
    if (memcmp(a, b, len) == 0) {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (Lower(a[i]) != Lower(b[i])) {
            return false;
        }
    }
    return true;
}

int
NsSetFindFrom(const Ns_Set *set, size_t start, const char *key, bool ignoreCase)
{
    size_t len = strlen(key);
    char   c = key[0], lower = Lower(c);

    NS_CHECK(set, SET_MAGIC);
    ignoreCase = ignoreCase || set->noCase;
    for (size_t i = start; i < set->size; i++) {
        const Field *field = &set->fields[i];
        const char  *name;

        if (field->keyLen != len) {
            continue;
        }
        name = KeyOf(set, field);
        if (ignoreCase ? Lower(name[0]) == lower && SameIgnoringCase(name, key, len)
                       : name[0] == c && memcmp(name, key, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int
Ns_SetFind(const Ns_Set *set, const char *key)
{
    return NsSetFindFrom(set, 0, key, false);
}

int
Ns_SetIFind(const Ns_Set *set, const char *key)
{
    return NsSetFindFrom(set, 0, key, true);
}

static const char *
Get(const Ns_Set *set, const char *key, bool ignoreCase, const char *def)
{
    int         i = NsSetFindFrom(set, 0, key, ignoreCase);
    const char *value = i < 0 ? NULL : ValueOf(set, &set->fields[i]);

    return value == NULL ? def : value;
}

const char *
Ns_SetGet(const Ns_Set *set, const char *key)
{
    return Get(set, key, false, NULL);
}

const char *
Ns_SetIGet(const Ns_Set *set, const char *key)
{
    return Get(set, key, true, NULL);
}

const char *
Ns_SetGetValue(const Ns_Set *set, const char *key, const char *def)
{
    return Get(set, key, false, def);
}

const char *
Ns_SetIGetValue(const Ns_Set *set, const char *key, const char *def)
{
    return Get(set, key, true, def);
}

static bool
Unique(const Ns_Set *set, const char *key, bool ignoreCase)
{
    int i = NsSetFindFrom(set, 0, key, ignoreCase);

    return i < 0 || NsSetFindFrom(set, (size_t)i + 1, key, ignoreCase) < 0;
}

bool
Ns_SetUnique(const Ns_Set *set, const char *key)
{
    return Unique(set, key, false);
}

bool
Ns_SetIUnique(const Ns_Set *set, const char *key)
{
    return Unique(set, key, true);
}

/*
 * Changing
 */
/* Eight bytes at a time: the bit that tells small letters is set in each byte that is a capital. */
static void
MakeLower(char *bytes, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t         i = 0;
    uint64_t       word, low, capital;

    for (; i + sizeof(word) <= len; i += sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        low = word & ~highs;
        capital = ~word & highs & ((low + ones * (0x80 - 'A')) ^ (low + ones * (0x7f - 'Z')));
        word |= capital >> 2;
        memcpy(bytes + i, &word, sizeof(word));
    }
    for (; i < len; i++) {
        bytes[i] = Lower(bytes[i]);
    }
}

size_t
Ns_SetPutSz(Ns_Set *set, const char *key, TCL_SIZE_T keyLen, const char *value, TCL_SIZE_T valueLen)
{
    size_t keySize = keyLen < 0 ? strlen(key) : (size_t)keyLen;
    size_t valueSize = value == NULL ? 0 : valueLen < 0 ? strlen(value) : (size_t)valueLen;
    char  *keyCopy = OwnCopy(set, key, keySize), *valueCopy = OwnCopy(set, value, valueSize);
    Field *field;

    NS_CHECK(set, SET_MAGIC);
    GrowFields(set, 1);
    GrowBytes(set, keySize + valueSize + 2);
    field = &set->fields[set->size];
    field->keyLen = (uint32_t)keySize;
    field->key = AppendBytes(set, keyCopy == NULL ? key : keyCopy, keySize);
    field->valueLen = (uint32_t)valueSize;
    field->value = value == NULL ? NO_VALUE : AppendBytes(set, valueCopy == NULL ? value : valueCopy, valueSize);
    if (set->noCase) {
        MakeLower(set->bytes + field->key, keySize);
    }
    ns_free(keyCopy);
    ns_free(valueCopy);
    return set->size++;
}

size_t
Ns_SetPut(Ns_Set *set, const char *key, const char *value)
{
    return Ns_SetPutSz(set, key, -1, value, -1);
}

void
Ns_SetPutValue(Ns_Set *set, size_t index, const char *value)
{
    Ns_SetPutValueSz(set, index, value, -1);
}

/* A value that does not fit in the place of the one before, or is NULL. */
static void __attribute__((noinline))
ReplaceValue(Ns_Set *set, Field *field, const char *value, size_t len)
{
    char *copy = value != NULL ? OwnCopy(set, value, len) : NULL;

    Waste(set, field, false);
    field->value = NO_VALUE;
    if (value != NULL) {
        GrowBytes(set, len + 1);
        field->value = AppendBytes(set, copy == NULL ? value : copy, len);
        ns_free(copy);
    }
    field->valueLen = (uint32_t)len;
}

void
Ns_SetPutValueSz(Ns_Set *set, size_t index, const char *value, TCL_SIZE_T size)
{
    size_t len = value == NULL ? 0 : size < 0 ? strlen(value) : (size_t)size;

    NS_CHECK(set, SET_MAGIC);
    if (index < set->size) {
        Field *field = &set->fields[index];

        if (value == NULL || field->value == NO_VALUE || len > field->valueLen) {
            ReplaceValue(set, field, value, len);
        } else {
            set->wasted += field->valueLen - len;
            field->valueLen = (uint32_t)len;
            memmove(set->bytes + field->value, value, len);        /* it may be a part of itself */
            set->bytes[field->value + len] = '\0';
        }
    }
}

static size_t
Update(Ns_Set *set, const char *key, const char *value, bool ignoreCase)
{
    int index = NsSetFindFrom(set, 0, key, ignoreCase);

    if (index < 0) {
        return Ns_SetPut(set, key, value);
    }
    Ns_SetPutValue(set, (size_t)index, value);
    return (size_t)index;
}

size_t
Ns_SetUpdate(Ns_Set *set, const char *key, const char *value)
{
    return Update(set, key, value, false);
}

size_t
Ns_SetIUpdate(Ns_Set *set, const char *key, const char *value)
{
    return Update(set, key, value, true);
}

bool
Ns_SetDelete(Ns_Set *set, ssize_t index)
{
    bool found = index >= 0 && (size_t)index < set->size;

    NS_CHECK(set, SET_MAGIC);
    if (found) {
        Field *field = &set->fields[index];

        Waste(set, field, true);
        memmove(field, field + 1, (set->size - (size_t)index - 1) * sizeof(Field));
        set->size--;
        if (set->size == 0) {
            set->used = set->wasted = 0;
        }
    }
    return found;
}

bool
Ns_SetDeleteKey(Ns_Set *set, const char *key)
{
    return Ns_SetDelete(set, Ns_SetFind(set, key));
}

bool
Ns_SetIDeleteKey(Ns_Set *set, const char *key)
{
    return Ns_SetDelete(set, Ns_SetIFind(set, key));
}

void
NsSetIDeleteFrom(Ns_Set *set, size_t start, const char *key)
{
    for (int i = NsSetFindFrom(set, start, key, true); i >= 0; i = NsSetFindFrom(set, (size_t)i, key, true)) {
        Ns_SetDelete(set, i);
    }
}

void
Ns_SetTrunc(Ns_Set *set, size_t size)
{
    NS_CHECK(set, SET_MAGIC);
    while (set->size > size) {
        set->size--;
        Waste(set, &set->fields[set->size], true);
    }
    if (set->size == 0) {
        set->used = set->wasted = 0;
    }
}

/*
 * Several sets
 */
static void
AppendField(Ns_Set *to, const Ns_Set *from, size_t index)
{
    const Field *field = &from->fields[index];

    Ns_SetPutSz(to, KeyOf(from, field), (TCL_SIZE_T)field->keyLen, ValueOf(from, field), (TCL_SIZE_T)field->valueLen);
}

Ns_Set *
Ns_SetCopy(const Ns_Set *set)
{
    Ns_Set *copy;

    if (set == NULL) {
        return NULL;
    }
    NS_CHECK(set, SET_MAGIC);
    copy = Ns_SetCreateSz(set->name, set->size);
    copy->noCase = set->noCase;
    GrowBytes(copy, set->used - set->wasted + 1);
    for (size_t i = 0; i < set->size; i++) {
        AppendField(copy, set, i);
    }
    return copy;
}

void
NsSetMerge(Ns_Set *high, const Ns_Set *low, bool ignoreCase)
{
    size_t size = low->size;                   /* it may be the same set */

    for (size_t i = 0; i < size; i++) {
        if (NsSetFindFrom(high, 0, KeyOf(low, &low->fields[i]), ignoreCase) < 0) {
            AppendField(high, low, i);
        }
    }
}

void
Ns_SetMerge(Ns_Set *high, const Ns_Set *low)
{
    NsSetMerge(high, low, false);
}

void
Ns_SetMove(Ns_Set *to, Ns_Set *from)
{
    if (to != from) {
        for (size_t i = 0; i < from->size; i++) {
            AppendField(to, from, i);
        }
        Ns_SetTrunc(from, 0);
    }
}

Ns_Set **
Ns_SetSplit(const Ns_Set *set, char sep)
{
    size_t   count = 0;
    Ns_Set **sets = ns_calloc(set->size + 1, sizeof(*sets));

    for (size_t i = 0; i < set->size; i++) {
        const Field *field = &set->fields[i];
        const char  *key = KeyOf(set, field), *end = strchr(key, sep);
        size_t       len = end == NULL ? 0 : (size_t)(end - key), found;
        const char  *rest = end == NULL ? key : end + 1;

        for (found = 0; found < count; found++) {
            const char *name = sets[found]->name;

            if (end == NULL ? name == NULL : name != NULL && strlen(name) == len && memcmp(name, key, len) == 0) {
                break;
            }
        }
        if (found == count) {
            char *name = end == NULL ? NULL : ns_strncopy(key, (ssize_t)len);

            sets[count] = Ns_SetCreate(name);
            sets[count]->noCase = set->noCase;
            count++;
            ns_free(name);
        }
        Ns_SetPutSz(sets[found], rest, -1, ValueOf(set, field), (TCL_SIZE_T)field->valueLen);
    }
    return sets;
}
