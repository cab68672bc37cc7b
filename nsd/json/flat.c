/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON as the fields of a set.
 */
#include <string.h>
#include "base/text.h"
#include "json/flat.h"

static const char typeSuffix[] = ".type";

/*
 * A name has the whole way to its leaf, twice: a long key that stands before many leaves would make gigabytes of one megabyte.
 */
#define NAME_BYTES          (1024 * 1024)      /* of all names, and ... */
#define NAME_BYTES_PER_BYTE 64                 /* ... so many for each byte of the text */

typedef struct Level {
    int    pathLen;                            /* of the way to this container */
    size_t next;                               /* index; SIZE_MAX: it is an object */
} Level;

typedef struct Flattener {
    Ns_Set      *set;
    const char  *null;
    size_t       leaves, maxFields;
    size_t       nameBytes;                    /* that names may have yet */
    bool         tooMany, tooLong;
    Tcl_DString  path;                         /* to the element that comes, in text of the outside form */
    Tcl_DString  name, value;                  /* of a field, converted */
    Level       *levels;
    size_t       depth, capacity;
} Flattener;

void
NsJsonEncodeKey(Tcl_DString *ds, const char *key, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i < len; i++) {
        const char *code = key[i] == '~' ? "~0" : key[i] == '/' ? "~1" : key[i] == '.' ? "~2" : NULL;

        if (code != NULL) {
            Tcl_DStringAppend(ds, key + from, (int)(i - from));
            Tcl_DStringAppend(ds, code, 2);
            from = i + 1;
        }
    }
    Tcl_DStringAppend(ds, key + from, (int)(len - from));
}

void
NsJsonDecodeKey(Tcl_DString *ds, const char *name, size_t len)
{
    size_t from = 0;

    for (size_t i = 0; i + 1 < len; i++) {
        if (name[i] == '~' && name[i + 1] >= '0' && name[i + 1] <= '2') {
            Tcl_DStringAppend(ds, name + from, (int)(i - from));
            Tcl_DStringAppend(ds, &"~/."[name[i + 1] - '0'], 1);
            from = ++i + 1;
        }
    }
    Tcl_DStringAppend(ds, name + from, (int)(len - from));
}

/* Before an element: its index on the way.  An object's keys are there already. */
static void
EnterElement(Flattener *flat)
{
    Level *level = flat->depth > 0 ? &flat->levels[flat->depth - 1] : NULL;
    char   index[24];

    if (level != NULL && level->next != SIZE_MAX) {
        int n = snprintf(index, sizeof(index), "%s%zu", level->pathLen > 0 ? "/" : "", level->next++);

        Tcl_DStringSetLength(&flat->path, level->pathLen);
        Tcl_DStringAppend(&flat->path, index, n);
    }
}

/* The fields of a leaf: its type, and with `text` its value (which is inside already when `isInside`). */
static bool
PutLeaf(Flattener *flat, NsJsonType type, const char *text, size_t len, bool isInside)
{
    int nameLen;

    if (Tcl_DStringLength(&flat->path) == 0) {
        return true;
    }
    if (flat->maxFields != 0 && flat->leaves++ >= flat->maxFields) {
        flat->tooMany = true;
        return false;
    }
    Tcl_DStringSetLength(&flat->name, 0);
    NsTextAppendIn(&flat->name, Tcl_DStringValue(&flat->path), (size_t)Tcl_DStringLength(&flat->path));
    nameLen = Tcl_DStringLength(&flat->name);
    Tcl_DStringAppend(&flat->name, typeSuffix, -1);
    if (2u * (size_t)Tcl_DStringLength(&flat->name) > flat->nameBytes) {
        flat->tooLong = true;
        return false;
    }
    flat->nameBytes -= 2u * (size_t)Tcl_DStringLength(&flat->name);
    (void)Ns_SetPutSz(flat->set, Tcl_DStringValue(&flat->name), Tcl_DStringLength(&flat->name), nsJsonTypeNames[type], -1);
    if (text != NULL) {
        if (!isInside) {
            Tcl_DStringSetLength(&flat->value, 0);
            text = NsTextIn(&flat->value, text, len, &len);
        }
        (void)Ns_SetPutSz(flat->set, Tcl_DStringValue(&flat->name), nameLen, text, (TCL_SIZE_T)len);
    }
    return true;
}

static bool
Begin(void *arg, NsJsonType type)
{
    Flattener *flat = arg;

    EnterElement(flat);
    if (flat->depth == flat->capacity) {
        flat->capacity = flat->capacity == 0 ? 16 : flat->capacity * 2;
        flat->levels = ns_realloc(flat->levels, flat->capacity * sizeof(Level));
    }
    flat->levels[flat->depth++] = (Level){Tcl_DStringLength(&flat->path), type == NS_JSON_OBJECT ? SIZE_MAX : 0};
    return true;
}

static bool
End(void *arg, NsJsonType type, size_t count)
{
    Flattener *flat = arg;

    Tcl_DStringSetLength(&flat->path, flat->levels[--flat->depth].pathLen);
    return count > 0 || PutLeaf(flat, type, NULL, 0, false);
}

static bool
Key(void *arg, const char *text, size_t len)
{
    Flattener *flat = arg;
    int        start = flat->levels[flat->depth - 1].pathLen;

    Tcl_DStringSetLength(&flat->path, start);
    if (start > 0) {
        Tcl_DStringAppend(&flat->path, "/", 1);
    }
    NsJsonEncodeKey(&flat->path, text, len);
    return true;
}

static bool
Scalar(void *arg, NsJsonType type, const char *text, size_t len)
{
    Flattener *flat = arg;

    EnterElement(flat);
    return type == NS_JSON_NULL ? PutLeaf(flat, type, flat->null, strlen(flat->null), true) : PutLeaf(flat, type, text, len, false);
}

bool
NsJsonToSet(Ns_Set *set, const char *bytes, size_t len, const NsJsonOptions *options, const char *null, size_t maxFields,
            size_t *used, NsJsonError *error)
{
    static const NsJsonHandler handler = {Begin, End, Key, Scalar};
    Flattener                  flat = {.set = set, .null = null, .maxFields = maxFields, .nameBytes = NAME_BYTES + NAME_BYTES_PER_BYTE * len};
    bool                       good;

    Tcl_DStringInit(&flat.path);
    Tcl_DStringInit(&flat.name);
    Tcl_DStringInit(&flat.value);
    good = NsJsonParse(bytes, len, options, &handler, &flat, used, error);
    if (flat.tooMany) {
        snprintf(error->text, sizeof(error->text), "more than %zu fields", maxFields);
    } else if (flat.tooLong) {
        snprintf(error->text, sizeof(error->text), "more than %zu bytes of names", NAME_BYTES + NAME_BYTES_PER_BYTE * len);
    }
    Tcl_DStringFree(&flat.value);
    Tcl_DStringFree(&flat.name);
    Tcl_DStringFree(&flat.path);
    ns_free(flat.levels);
    return good;
}
