/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A schema from samples.  Each sample is learned by the same tree: its nodes count what they saw.
 */
#include <stdlib.h>
#include <string.h>
#include "json/schema.h"
#include "json/write.h"

#define CHAIN 200                              /* names of one node in one bucket of its table */
#define DRAFT "https://json-schema.org/draft/2020-12/schema"

enum { SCALARS, OBJECTS, ARRAYS, KINDS };

typedef struct Node {
    int           order[KINDS], kinds;         /* in the order in which they were seen */
    unsigned      scalars;                     /* types, as bits */
    Tcl_HashTable properties;                  /* of the objects: Property, by name */
    unsigned      objects;                     /* how many */
    struct Node  *items;                       /* of the arrays; NULL: they were empty */
} Node;

typedef struct Property {
    Node    *node;
    unsigned seen, last;                       /* in how many objects, and in which last */
} Property;

static Node *
NewNode(void)
{
    Node *node = ns_calloc(1u, sizeof(Node));

    Tcl_InitHashTable(&node->properties, TCL_STRING_KEYS);
    return node;
}

static void
FreeNode(Node *node)
{
    Tcl_HashSearch search;

    if (node == NULL) {
        return;
    }
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&node->properties, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Property *property = Tcl_GetHashValue(entry);

        FreeNode(property->node);
        ns_free(property);
    }
    Tcl_DeleteHashTable(&node->properties);
    FreeNode(node->items);
    ns_free(node);
}

/* -------------------------------------------------------------------------------------------------------- learning */

static int Learn(Tcl_Interp *interp, const char *who, Node *node, NsJsonType type, Tcl_Obj *value, int depth);

static void
SawKind(Node *node, int kind)
{
    for (int i = 0; i < node->kinds; i++) {
        if (node->order[i] == kind) {
            return;
        }
    }
    node->order[node->kinds++] = kind;
}

/* Is the chain long that a new entry begins?  Tcl's hash has no secret: such names were made for it, and cost a minute each 100,000. */
static bool
IsCrafted(const Tcl_HashEntry *entry)
{
    int length = 0;

    for (; entry != NULL && length <= CHAIN; entry = entry->nextPtr) {
        length++;
    }
    return length > CHAIN;
}

/* NULL: its names collide. */
static Node *
PropertyNode(Node *node, Tcl_Obj *key)
{
    int            isNew;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&node->properties, Tcl_GetString(key), &isNew);
    Property      *property;

    if (isNew) {
        property = ns_calloc(1u, sizeof(Property));
        property->node = NewNode();
        Tcl_SetHashValue(entry, property);
        if (IsCrafted(entry)) {
            return NULL;
        }
    } else {
        property = Tcl_GetHashValue(entry);
    }
    if (property->last != node->objects) {
        property->last = node->objects;
        property->seen++;
    }
    return property->node;
}

static int
LearnElements(Tcl_Interp *interp, const char *who, Node *node, NsJsonType type, Tcl_Obj *value, int depth)
{
    int       count, status;
    Tcl_Obj **words;

    if (depth > NS_JSON_MAX_DEPTH) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s: max depth exceeded", who));
        return TCL_ERROR;
    }
    node->objects += type == NS_JSON_OBJECT;
    status = NsJsonTriples(interp, who, value, &count, &words);
    for (int i = 0; status == TCL_OK && i < count; i += 3) {
        NsJsonType element;

        if (!NsJsonTypeOf(words[i + 1], &element)) {
            Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s: invalid triple type: %s", who, Tcl_GetString(words[i + 1])));
            status = TCL_ERROR;
        } else if (type == NS_JSON_OBJECT) {
            Node *property = PropertyNode(node, words[i]);

            if (property != NULL) {
                status = Learn(interp, who, property, element, words[i + 2], depth + 1);
            } else {
                Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s: names of an object collide", who));
                status = TCL_ERROR;
            }
        } else {
            if (node->items == NULL) {
                node->items = NewNode();
            }
            status = Learn(interp, who, node->items, element, words[i + 2], depth + 1);
        }
    }
    return status;
}

static int
Learn(Tcl_Interp *interp, const char *who, Node *node, NsJsonType type, Tcl_Obj *value, int depth)
{
    int status = TCL_OK;

    if (type == NS_JSON_OBJECT || type == NS_JSON_ARRAY) {
        SawKind(node, type == NS_JSON_OBJECT ? OBJECTS : ARRAYS);
        status = LearnElements(interp, who, node, type, value, depth);
    } else {
        SawKind(node, SCALARS);
        node->scalars |= 1u << type;
    }
    return status;
}

/* --------------------------------------------------------------------------------------------------------- writing */

static void AppendNode(Tcl_DString *ds, Node *node, bool required);

static void
AppendScalars(Tcl_DString *ds, unsigned scalars)
{
    static const NsJsonType sorted[] = {NS_JSON_BOOLEAN, NS_JSON_NULL, NS_JSON_NUMBER, NS_JSON_STRING};
    bool                    several = (scalars & (scalars - 1u)) != 0;
    const char             *before = "";

    Tcl_DStringAppend(ds, several ? "\"type\":[" : "\"type\":", -1);
    for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        if ((scalars & 1u << sorted[i]) != 0) {
            Tcl_DStringAppend(ds, before, -1);
            NsJsonAppendString(ds, nsJsonTypeNames[sorted[i]], strlen(nsJsonTypeNames[sorted[i]]));
            before = ",";
        }
    }
    if (several) {
        Tcl_DStringAppend(ds, "]", 1);
    }
}

static int
CompareKeys(const void *one, const void *other)
{
    const char *const *key = one, *const *otherKey = other;

    return strcmp(*key, *otherKey);
}

static void
AppendRequired(Tcl_DString *ds, Node *node, const char *const *keys, size_t count)
{
    const char *before = ",\"required\":[";

    for (size_t i = 0; i < count; i++) {
        const Property *property = Tcl_GetHashValue(Tcl_FindHashEntry(&node->properties, keys[i]));

        if (property->seen == node->objects) {
            Tcl_DStringAppend(ds, before, -1);
            NsJsonAppendString(ds, keys[i], strlen(keys[i]));
            before = ",";
        }
    }
    if (before[1] == '\0') {
        Tcl_DStringAppend(ds, "]", 1);
    }
}

static void
AppendObjects(Tcl_DString *ds, Node *node, bool required)
{
    size_t         count = 0;
    const char   **keys = ns_malloc(((size_t)node->properties.numEntries + 1u) * sizeof(char *));
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&node->properties, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        keys[count++] = Tcl_GetHashKey(&node->properties, entry);
    }
    qsort(keys, count, sizeof(char *), CompareKeys);
    Tcl_DStringAppend(ds, "\"type\":\"object\",\"properties\":{", -1);
    for (size_t i = 0; i < count; i++) {
        const Property *property = Tcl_GetHashValue(Tcl_FindHashEntry(&node->properties, keys[i]));

        if (i > 0) {
            Tcl_DStringAppend(ds, ",", 1);
        }
        NsJsonAppendString(ds, keys[i], strlen(keys[i]));
        Tcl_DStringAppend(ds, ":", 1);
        AppendNode(ds, property->node, required);
    }
    Tcl_DStringAppend(ds, "}", 1);
    if (required) {
        AppendRequired(ds, node, keys, count);
    }
    ns_free(keys);
}

/* The words of a schema for one kind, without its braces. */
static void
AppendKind(Tcl_DString *ds, Node *node, int kind, bool required)
{
    if (kind == SCALARS) {
        AppendScalars(ds, node->scalars);
    } else if (kind == OBJECTS) {
        AppendObjects(ds, node, required);
    } else {
        Tcl_DStringAppend(ds, "\"type\":\"array\",\"items\":", -1);
        if (node->items != NULL) {
            AppendNode(ds, node->items, required);
        } else {
            Tcl_DStringAppend(ds, "{}", 2);
        }
    }
}

/* The words of the first `kinds` of the node: of several, what there was before and the last. */
static void
AppendWords(Tcl_DString *ds, Node *node, int kinds, bool required)
{
    if (kinds == 1) {
        AppendKind(ds, node, node->order[0], required);
    } else {
        Tcl_DStringAppend(ds, "\"anyOf\":[{", -1);
        AppendWords(ds, node, kinds - 1, required);
        Tcl_DStringAppend(ds, "},{", 3);
        AppendKind(ds, node, node->order[kinds - 1], required);
        Tcl_DStringAppend(ds, "}]", 2);
    }
}

static void
AppendNode(Tcl_DString *ds, Node *node, bool required)
{
    Tcl_DStringAppend(ds, "{", 1);
    AppendWords(ds, node, node->kinds, required);
    Tcl_DStringAppend(ds, "}", 1);
}

int
NsJsonAppendSchema(Tcl_Interp *interp, const char *who, Tcl_DString *ds, int count, Tcl_Obj *const *documents, bool required)
{
    Node *root = NewNode();
    int   status = TCL_OK;

    for (int i = 0; status == TCL_OK && i < count; i++) {
        NsJsonType type;
        Tcl_Obj   *value;

        if (NsJsonIsDocument(documents[i], &type, &value)) {
            status = Learn(interp, who, root, type, value, 1);
        } else {
            Tcl_SetObjResult(interp, Tcl_ObjPrintf("%s: triples document requires canonical root wrapper", who));
            status = TCL_ERROR;
        }
    }
    if (status == TCL_OK) {
        Tcl_DStringAppend(ds, "{\"$schema\":\"" DRAFT "\"", -1);
        if (root->kinds > 0) {
            Tcl_DStringAppend(ds, ",", 1);
            AppendWords(ds, root, root->kinds, required);
        }
        Tcl_DStringAppend(ds, "}", 1);
    }
    FreeNode(root);
    return status;
}
