/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Does a document fit a schema?  Both are triples, walked together.
 */
#include <string.h>
#include "json/schema.h"

typedef struct Matcher {
    Tcl_Interp *interp;
    bool        ignoreUnsupported;
    Tcl_DString path;                          /* to the element that is looked at */
    int         depth;
} Matcher;

typedef struct Words {                         /* of one schema; NULL where it has none of them */
    Tcl_Obj   *type, *properties, *required, *items, *anyOf;
    NsJsonType typeType;
    int        count;                          /* of all words */
} Words;

static int Match(Matcher *matcher, Tcl_Obj *schema, NsJsonType type, Tcl_Obj *value);

/* The document does not fit, and where. */
static int
Mismatch(Matcher *matcher, Tcl_Obj *why)
{
    const char *path = Tcl_DStringValue(&matcher->path);

    Tcl_IncrRefCount(why);
    Tcl_SetObjResult(matcher->interp, Tcl_ObjPrintf("ns_json: schema mismatch at %s: %s", *path == '\0' ? "/" : path, Tcl_GetString(why)));
    Tcl_DecrRefCount(why);
    return TCL_ERROR;
}

static int
Malformed(Matcher *matcher, const char *what)
{
    Tcl_SetObjResult(matcher->interp, Tcl_ObjPrintf("ns_json: malformed schema: %s", what));
    return TCL_ERROR;
}

/* The triples of a container. */
static int
Elements(Matcher *matcher, Tcl_Obj *container, int *count, Tcl_Obj ***words)
{
    return NsJsonTriples(matcher->interp, "ns_json", container, count, words);
}

/* The value of a key in triples, NULL: there is none. */
static Tcl_Obj *
Lookup(Tcl_Obj *const *words, int count, Tcl_Obj *key, NsJsonType *type)
{
    int         len, keyLen;
    const char *keyText = Tcl_GetStringFromObj(key, &keyLen);

    for (int i = 0; i < count; i += 3) {
        const char *text = Tcl_GetStringFromObj(words[i], &len);

        if (len == keyLen && memcmp(text, keyText, (size_t)len) == 0 && NsJsonTypeOf(words[i + 1], type)) {
            return words[i + 2];
        }
    }
    return NULL;
}

static int
ReadWords(Matcher *matcher, Tcl_Obj *schema, Words *found)
{
    int       count, status;
    Tcl_Obj **words;

    memset(found, 0, sizeof(*found));
    status = Elements(matcher, schema, &count, &words);
    for (int i = 0; status == TCL_OK && i < count; i += 3) {
        const char *name = Tcl_GetString(words[i]);
        NsJsonType  type = NS_JSON_NULL;

        (void)NsJsonTypeOf(words[i + 1], &type);
        found->count++;
        if (strcmp(name, "type") == 0) {
            found->type = words[i + 2];
            found->typeType = type;
        } else if (strcmp(name, "properties") == 0 && type == NS_JSON_OBJECT) {
            found->properties = words[i + 2];
        } else if (strcmp(name, "required") == 0) {
            found->required = type == NS_JSON_ARRAY ? words[i + 2] : NULL;
        } else if (strcmp(name, "items") == 0 && type == NS_JSON_OBJECT) {
            found->items = words[i + 2];
        } else if (strcmp(name, "anyOf") == 0 && type == NS_JSON_ARRAY) {
            found->anyOf = words[i + 2];
        } else if (strcmp(name, "properties") == 0 || strcmp(name, "items") == 0) {
            status = Malformed(matcher, "schema node must be an object");
        } else if (strcmp(name, "anyOf") == 0) {
            status = Malformed(matcher, "anyOf must be an array");
        } else if (strcmp(name, "$schema") != 0 && !matcher->ignoreUnsupported) {
            Tcl_SetObjResult(matcher->interp, Tcl_ObjPrintf("ns_json: unsupported schema keyword \"%s\"", name));
            status = TCL_ERROR;
        }
    }
    return status;
}

static int
MatchType(Matcher *matcher, const Words *schema, NsJsonType type)
{
    int         count, status;
    Tcl_Obj   **words, *expected;
    const char *name = nsJsonTypeNames[type];

    if (schema->type == NULL) {
        return TCL_OK;
    }
    if (schema->typeType != NS_JSON_ARRAY) {
        return strcmp(Tcl_GetString(schema->type), name) == 0 ? TCL_OK
               : Mismatch(matcher, Tcl_ObjPrintf("expected %s, got %s", Tcl_GetString(schema->type), name));
    }
    status = Elements(matcher, schema->type, &count, &words);
    if (status == TCL_OK) {
        expected = Tcl_NewStringObj("expected one of [", -1);
        status = TCL_ERROR;
        for (int i = 0; i < count; i += 3) {
            if (strcmp(Tcl_GetString(words[i + 2]), name) == 0) {
                status = TCL_OK;
            }
            Tcl_AppendStringsToObj(expected, i > 0 ? "," : "", Tcl_GetString(words[i + 2]), NULL);
        }
        Tcl_AppendStringsToObj(expected, "], got ", name, NULL);
        Tcl_IncrRefCount(expected);
        if (status != TCL_OK) {
            status = Mismatch(matcher, expected);
        }
        Tcl_DecrRefCount(expected);
    }
    return status;
}

static int
MatchAnyOf(Matcher *matcher, Tcl_Obj *alternatives, NsJsonType type, Tcl_Obj *value)
{
    int       count, status, pathLen = Tcl_DStringLength(&matcher->path);
    Tcl_Obj **words;

    status = Elements(matcher, alternatives, &count, &words);
    if (status != TCL_OK) {
        return status;
    }
    for (int i = 0; i < count; i += 3) {
        NsJsonType alternative;

        if (!NsJsonTypeOf(words[i + 1], &alternative) || alternative != NS_JSON_OBJECT) {
            return Malformed(matcher, "schema node must be an object");
        }
        if (Match(matcher, words[i + 2], type, value) == TCL_OK) {
            return TCL_OK;
        }
        Tcl_DStringSetLength(&matcher->path, pathLen);
        if (strncmp(Tcl_GetStringResult(matcher->interp), "ns_json: schema mismatch", 24) != 0) {
            return TCL_ERROR;                  /* no fault of the document */
        }
        Tcl_ResetResult(matcher->interp);
    }
    return Mismatch(matcher, Tcl_ObjPrintf("no anyOf alternative matched (got %s)", nsJsonTypeNames[type]));
}

static void
AppendKey(Matcher *matcher, NsJsonType container, Tcl_Obj *key)
{
    int         len;
    const char *text = Tcl_GetStringFromObj(key, &len);

    if (container == NS_JSON_OBJECT || Tcl_DStringLength(&matcher->path) > 0) {
        Tcl_DStringAppend(&matcher->path, "/", 1);
    }
    for (int i = 0; i < len; i++) {            /* as in a JSON pointer */
        if (text[i] == '~' || text[i] == '/') {
            Tcl_DStringAppend(&matcher->path, text[i] == '~' ? "~0" : "~1", 2);
        } else {
            Tcl_DStringAppend(&matcher->path, text + i, 1);
        }
    }
}

static int
MatchRequired(Matcher *matcher, Tcl_Obj *required, Tcl_Obj *const *members, int count)
{
    int        requiredCount, status;
    Tcl_Obj  **words;
    NsJsonType type;

    status = Elements(matcher, required, &requiredCount, &words);
    for (int i = 0; status == TCL_OK && i < requiredCount; i += 3) {
        if (Lookup(members, count, words[i + 2], &type) == NULL) {
            status = Mismatch(matcher, Tcl_ObjPrintf("missing required property \"%s\"", Tcl_GetString(words[i + 2])));
        }
    }
    return status;
}

/* The schema for one property; NULL: it may not be there. */
static Tcl_Obj *
PropertySchema(Matcher *matcher, const Words *schema, Tcl_Obj *key)
{
    int        count;
    Tcl_Obj  **words, *found = NULL;
    NsJsonType type;

    if (schema->properties != NULL && Elements(matcher, schema->properties, &count, &words) == TCL_OK) {
        found = Lookup(words, count, key, &type);
        if (found != NULL && type != NS_JSON_OBJECT) {
            found = NULL;
        }
    }
    return found;
}

static int
MatchMembers(Matcher *matcher, const Words *schema, NsJsonType container, Tcl_Obj *value)
{
    int       count, status, pathLen = Tcl_DStringLength(&matcher->path);
    Tcl_Obj **words;

    status = Elements(matcher, value, &count, &words);
    if (status == TCL_OK && container == NS_JSON_OBJECT && schema->required != NULL) {
        status = MatchRequired(matcher, schema->required, words, count);
    }
    for (int i = 0; status == TCL_OK && i < count; i += 3) {
        Tcl_Obj   *member = container == NS_JSON_OBJECT ? PropertySchema(matcher, schema, words[i]) : schema->items;
        NsJsonType type;

        AppendKey(matcher, container, words[i]);
        if (!NsJsonTypeOf(words[i + 1], &type)) {
            status = Mismatch(matcher, Tcl_ObjPrintf("invalid triple type: %s", Tcl_GetString(words[i + 1])));
        } else if (member != NULL) {
            status = Match(matcher, member, type, words[i + 2]);
        } else if (container == NS_JSON_OBJECT) {
            status = Mismatch(matcher, Tcl_NewStringObj("property not allowed by schema", -1));
        }
        if (status == TCL_OK) {
            Tcl_DStringSetLength(&matcher->path, pathLen);
        }
    }
    return status;
}

static int
Match(Matcher *matcher, Tcl_Obj *schema, NsJsonType type, Tcl_Obj *value)
{
    Words words;
    int   status;

    if (++matcher->depth > NS_JSON_MAX_DEPTH) {
        status = Mismatch(matcher, Tcl_NewStringObj("max depth exceeded", -1));
    } else {
        status = ReadWords(matcher, schema, &words);
    }
    if (status == TCL_OK && words.anyOf != NULL) {
        status = MatchAnyOf(matcher, words.anyOf, type, value);
    }
    if (status == TCL_OK) {
        status = MatchType(matcher, &words, type);
    }
    if (status == TCL_OK && words.count > 0 && words.anyOf == NULL
        && ((type == NS_JSON_OBJECT) || (type == NS_JSON_ARRAY && words.items != NULL))) {
        status = MatchMembers(matcher, &words, type, value);
    }
    matcher->depth--;
    return status;
}

int
NsJsonMatch(Tcl_Interp *interp, Tcl_Obj *schema, Tcl_Obj *document, bool ignoreUnsupported)
{
    Matcher    matcher = {.interp = interp, .ignoreUnsupported = ignoreUnsupported};
    NsJsonType schemaType, type;
    Tcl_Obj   *schemaValue, *value;
    int        status;

    Tcl_DStringInit(&matcher.path);
    if (!NsJsonIsDocument(schema, &schemaType, &schemaValue) || schemaType != NS_JSON_OBJECT) {
        status = Malformed(&matcher, "schema node must be an object");
    } else if (!NsJsonIsDocument(document, &type, &value)) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("ns_json triples match: triples document requires canonical root wrapper", -1));
        status = TCL_ERROR;
    } else {
        status = Match(&matcher, schemaValue, type, value);
    }
    Tcl_DStringFree(&matcher.path);
    return status;
}
