/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON as Tcl values.
 *
 * Elements are put on a stack and taken off at the end of their container, which is then made with the right size.  Words that
 * come again and again (keys, types, truth) are one object each.
 */
#include <string.h>
#include "base/text.h"
#include "json/value.h"

#define KEYS      256                          /* remembered at a time */
#define KEY_BYTES 32                           /* the longest that is */
#define CHAIN     200                          /* names of one object in one bucket of its dict */
#define MANY      1000                         /* names below which nothing of that matters */

typedef struct Shared {                        /* of a thread */
    bool     ready;
    Tcl_Obj *types[NS_JSON_TYPES];
    Tcl_Obj *null;
    Tcl_Obj *otherNull;                        /* with the text that was last asked for; NULL: none yet */
} Shared;

static __thread Shared shared;

/* ------------------------------------------------------------------------------------------------------------- null */

static void DupNull(Tcl_Obj *from, Tcl_Obj *to);

/* Copies are null as well.  There is no other internal form, and the text is always there. */
static const Tcl_ObjType nullType = {"ns:jsonnull", NULL, DupNull, NULL, NULL};

static void
DupNull(Tcl_Obj *from, Tcl_Obj *to)
{
    to->typePtr = &nullType;
}

static Tcl_Obj *
NewNull(const char *text, int len)
{
    Tcl_Obj *obj = Tcl_NewStringObj(text, len);

    obj->typePtr = &nullType;
    Tcl_IncrRefCount(obj);
    return obj;
}

static void
FreeShared(ClientData arg)
{
    Shared *mine = arg;

    for (int i = 0; mine->ready && i < NS_JSON_TYPES; i++) {
        Tcl_DecrRefCount(mine->types[i]);
    }
    if (mine->ready) {
        Tcl_DecrRefCount(mine->null);
    }
    if (mine->otherNull != NULL) {
        Tcl_DecrRefCount(mine->otherNull);
    }
    memset(mine, 0, sizeof(*mine));
}

static Shared *
GetShared(void)
{
    if (!shared.ready) {
        for (int i = 0; i < NS_JSON_TYPES; i++) {
            shared.types[i] = Tcl_NewStringObj(nsJsonTypeNames[i], -1);
            Tcl_IncrRefCount(shared.types[i]);
        }
        shared.null = NewNull("", 0);
        shared.ready = true;
        Tcl_CreateThreadExitHandler(FreeShared, &shared);
    }
    return &shared;
}

/* A list or a number was made of it meanwhile: its copies are to be null again. */
static Tcl_Obj *
Renewed(Tcl_Obj *null)
{
    if (null->typePtr != &nullType) {
        if (null->typePtr != NULL && null->typePtr->freeIntRepProc != NULL) {
            null->typePtr->freeIntRepProc(null);
        }
        null->typePtr = &nullType;
    }
    return null;
}

Tcl_Obj *
NsJsonNull(Tcl_Obj *text)
{
    Shared     *mine = GetShared();
    int         len = 0, otherLen = -1;
    const char *bytes = text == NULL ? "" : Tcl_GetStringFromObj(text, &len), *other;

    if (len == 0) {
        return Renewed(mine->null);
    }
    if (mine->otherNull != NULL) {
        other = Tcl_GetStringFromObj(mine->otherNull, &otherLen);
        if (otherLen == len && memcmp(other, bytes, (size_t)len) == 0) {
            return Renewed(mine->otherNull);
        }
        Tcl_DecrRefCount(mine->otherNull);
    }
    mine->otherNull = NewNull(bytes, len);
    return mine->otherNull;
}

bool
NsJsonIsNull(Tcl_Obj *obj)
{
    return obj->typePtr == &nullType || (shared.ready && (obj == shared.null || obj == shared.otherNull));
}

/* ------------------------------------------------------------------------------------------------------------ types */

Tcl_Obj *
NsJsonTypeObj(NsJsonType type)
{
    return GetShared()->types[type];
}

bool
NsJsonTypeOf(Tcl_Obj *name, NsJsonType *type)
{
    const Shared *mine = GetShared();
    const char   *text;

    for (int i = 0; i < NS_JSON_TYPES; i++) {
        if (name == mine->types[i]) {
            *type = (NsJsonType)i;
            return true;
        }
    }
    text = Tcl_GetString(name);
    for (int i = 0; i < NS_JSON_TYPES; i++) {
        if (strcmp(text, nsJsonTypeNames[i]) == 0) {
            *type = (NsJsonType)i;
            return true;
        }
    }
    return false;
}

/* --------------------------------------------------------------------------------------------------------- building */

typedef struct Builder {
    NsJsonForm   form;
    Tcl_Obj    **stack;                        /* finished elements of open containers; of those with a reference none is ours */
    size_t       used, size;
    size_t      *indices;                      /* of the next element of each open array; SIZE_MAX: it is an object */
    size_t       depth, depths;
    Tcl_Obj     *true_, *false_, *null, *empty;
    Tcl_Obj     *keys[KEYS];                   /* each with a reference */
    bool         crafted;                      /* names of an object would fill few buckets of a dict */
} Builder;

static inline void
Put(Builder *builder, Tcl_Obj *obj)
{
    if (builder->used == builder->size) {
        builder->size = builder->size == 0 ? 64 : builder->size * 2;
        builder->stack = ns_realloc(builder->stack, builder->size * sizeof(Tcl_Obj *));
    }
    builder->stack[builder->used++] = obj;
}

static Tcl_Obj *
KeyObj(Builder *builder, const char *text, size_t len)
{
    unsigned  hash = (unsigned)len;
    Tcl_Obj **slot, *obj;

    if (len > KEY_BYTES) {
        return NsTextObj(text, (ssize_t)len);
    }
    for (size_t i = 0; i < len; i++) {
        hash = hash * 31u + (unsigned char)text[i];
    }
    slot = &builder->keys[(hash ^ hash >> 8) % KEYS];
    obj = *slot;
    if (obj == NULL) {
        *slot = obj = NsTextObj(text, (ssize_t)len);
        Tcl_IncrRefCount(obj);
    } else if (obj->length != (int)len || memcmp(obj->bytes, text, len) != 0) {
        /* The one that is there may be on the stack. */
        obj = NsTextObj(text, (ssize_t)len);
    }
    return obj;
}

/* Triples: the index and the type that stand before an element. */
static void
PutLabels(Builder *builder, NsJsonType type)
{
    if (builder->form == NS_JSON_AS_TRIPLES) {
        if (builder->depth == 0) {
            Put(builder, builder->empty);
        } else if (builder->indices[builder->depth - 1] != SIZE_MAX) {
            Put(builder, Tcl_NewWideIntObj((Tcl_WideInt)builder->indices[builder->depth - 1]++));
        }
        Put(builder, NsJsonTypeObj(type));
    }
}

static bool
Begin(void *arg, NsJsonType type)
{
    Builder *builder = arg;

    PutLabels(builder, type);
    if (builder->depth == builder->depths) {
        builder->depths = builder->depths == 0 ? 32 : builder->depths * 2;
        builder->indices = ns_realloc(builder->indices, builder->depths * sizeof(size_t));
    }
    builder->indices[builder->depth++] = type == NS_JSON_OBJECT ? SIZE_MAX : 0;
    return true;
}

/* What Tcl's tables compute for a string.  It has no secret in it, so that a client can find many strings with one result. */
static uint32_t
TclHash(Tcl_Obj *key)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(key, &len);
    uint32_t    hash = 0;

    for (int i = 0; i < len; i++) {
        hash = hash * 9u + (unsigned char)text[i];
    }
    return hash;
}

/*
 * Would a dict of these pairs have a long chain in one of its buckets, at any size that it has on the way?  100,000 names in one
 * take a minute, and such an object is made for nothing else.
 */
static bool
IsCrafted(Tcl_Obj *const *pairs, size_t count)
{
    uint32_t *hashes, *chains;
    size_t    buckets = 256, filled;
    bool      crafted = false;

    if (count < MANY) {
        return false;
    }
    hashes = ns_malloc(count * sizeof(*hashes));
    for (size_t i = 0; i < count; i++) {
        hashes[i] = TclHash(pairs[2 * i]);
    }
    do {                                       /* three for each bucket, then there are four times as many */
        filled = count < 3 * buckets ? count : 3 * buckets;
        chains = ns_calloc(buckets, sizeof(*chains));
        for (size_t i = 0; i < filled && !crafted; i++) {
            crafted = ++chains[hashes[i] & (buckets - 1)] > CHAIN;
        }
        ns_free(chains);
        buckets *= 4;
    } while (filled < count && !crafted);
    ns_free(hashes);
    return crafted;
}

/* Of two equal keys the last value counts; the second key is nobody's then. */
Tcl_Obj *
NsJsonNewDict(Tcl_Obj *const *pairs, size_t count)
{
    Tcl_Obj *dict;

    if (IsCrafted(pairs, count)) {
        return NULL;
    }
    dict = Tcl_NewDictObj();
    for (size_t i = 0; i < count; i++) {
        Tcl_IncrRefCount(pairs[2 * i]);
        Tcl_DictObjPut(NULL, dict, pairs[2 * i], pairs[2 * i + 1]);
        Tcl_DecrRefCount(pairs[2 * i]);
    }
    return dict;
}

static bool
End(void *arg, NsJsonType type, size_t count)
{
    Builder  *builder = arg;
    size_t    words = count * (builder->form == NS_JSON_AS_TRIPLES ? 3 : type == NS_JSON_OBJECT ? 2 : 1);
    Tcl_Obj **elements = builder->stack + builder->used - words, *container;

    if (builder->form == NS_JSON_AS_VALUE && type == NS_JSON_OBJECT) {
        container = NsJsonNewDict(elements, count);
        builder->crafted = container == NULL;
        if (builder->crafted) {
            return false;
        }
    } else {
        container = Tcl_NewListObj((int)words, elements);
    }
    builder->used -= words;
    builder->depth--;
    Put(builder, container);
    return true;
}

static bool
Key(void *arg, const char *text, size_t len)
{
    Builder *builder = arg;

    Put(builder, KeyObj(builder, text, len));
    return true;
}

static bool
Scalar(void *arg, NsJsonType type, const char *text, size_t len)
{
    Builder *builder = arg;
    Tcl_Obj *obj;

    PutLabels(builder, type);
    switch (type) {
    case NS_JSON_BOOLEAN: obj = *text == 't' ? builder->true_ : builder->false_; break;
    case NS_JSON_NULL:    obj = builder->null; break;
    case NS_JSON_NUMBER:  obj = Tcl_NewStringObj(text, (int)len); break;
    default:              obj = NsTextObj(text, (ssize_t)len); break;
    }
    Put(builder, obj);
    return true;
}

static void
FreeBuilder(Builder *builder)
{
    /* What is left of a text that was no JSON. */
    for (size_t i = 0; i < builder->used; i++) {
        Tcl_IncrRefCount(builder->stack[i]);
        Tcl_DecrRefCount(builder->stack[i]);
    }
    for (int i = 0; i < KEYS; i++) {
        if (builder->keys[i] != NULL) {
            Tcl_DecrRefCount(builder->keys[i]);
        }
    }
    Tcl_DecrRefCount(builder->true_);
    Tcl_DecrRefCount(builder->false_);
    Tcl_DecrRefCount(builder->null);
    Tcl_DecrRefCount(builder->empty);
    ns_free(builder->stack);
    ns_free(builder->indices);
}

static Tcl_Obj *
Referenced(Tcl_Obj *obj)
{
    Tcl_IncrRefCount(obj);
    return obj;
}

Tcl_Obj *
NsJsonToObj(const char *bytes, size_t len, const NsJsonOptions *options, NsJsonForm form, Tcl_Obj *null, size_t *used,
            NsJsonError *error)
{
    static const NsJsonHandler handler = {Begin, End, Key, Scalar};
    Builder                    builder = {.form = form};
    Tcl_Obj                   *result = NULL;

    builder.true_ = Referenced(Tcl_NewStringObj("true", 4));
    builder.false_ = Referenced(Tcl_NewStringObj("false", 5));
    builder.empty = Referenced(Tcl_NewObj());
    builder.null = Referenced(null != NULL ? null : NsJsonNull(NULL));
    if (NsJsonParse(bytes, len, options, &handler, &builder, used, error)) {
        if (form == NS_JSON_AS_TRIPLES) {
            result = Tcl_NewListObj((int)builder.used, builder.stack);
        } else {
            result = builder.stack[0];
        }
        /* What is only held by the builder must outlive it. */
        Tcl_IncrRefCount(result);
        builder.used = 0;
        FreeBuilder(&builder);
        result->refCount--;
    } else {
        if (builder.crafted) {
            snprintf(error->text, sizeof(error->text), "names of an object collide");
        }
        FreeBuilder(&builder);
    }
    return result;
}
