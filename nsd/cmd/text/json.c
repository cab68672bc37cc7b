/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_json: the room json/ for scripts.
 */
#include <limits.h>
#include <string.h>
#include "base/text.h"
#include "cmd/cmds.h"
#include "cmd/text/jsonerror.h"
#include "interp/objv.h"
#include "json/flat.h"
#include "json/schema.h"
#include "json/triples.h"
#include "json/write.h"

enum { AS_TCLVALUE, AS_TRIPLES, AS_SET };
static Ns_ObjvTable outputs[] = {{"tclvalue", AS_TCLVALUE}, {"triples", AS_TRIPLES}, {"set", AS_SET}, {NULL, 0}};
static Ns_ObjvTable tops[] = {{"any", 0}, {"container", 1}, {NULL, 0}};

#define GUESS NS_JSON_TYPES
static Ns_ObjvTable types[] = {
    {"auto", GUESS}, {"string", NS_JSON_STRING}, {"number", NS_JSON_NUMBER}, {"boolean", NS_JSON_BOOLEAN}, {"null", NS_JSON_NULL},
    {"object", NS_JSON_OBJECT}, {"array", NS_JSON_ARRAY}, {NULL, 0}
};

static Ns_ObjvValueRange atLeastOne = {1, INT_MAX}, notNegative = {0, INT_MAX};

/* ------------------------------------------------------------------------------------------------------------ parse */

typedef struct ParseArgs {
    NsJsonOptions options;
    int           output, scan;
    Tcl_Obj      *null, *value;
} ParseArgs;

static int
ReadParseArgs(ParseArgs *parse, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         top = 0, finite = 0, maxDepth = NS_JSON_DEPTH, maxString = 0, maxContainer = 0, status = TCL_ERROR;
    Tcl_Obj   **words = ns_malloc((size_t)objc * sizeof(Tcl_Obj *)), *former = Tcl_NewStringObj("tclvalue", -1);
    Ns_ObjvSpec opts[] = {
        {"-output", Ns_ObjvIndex, &parse->output, outputs}, {"-scan", Ns_ObjvBool, &parse->scan, NULL},
        {"-top", Ns_ObjvIndex, &top, tops}, {"-nullvalue", Ns_ObjvObj, &parse->null, NULL},
        {"-validatenumbers", Ns_ObjvBool, &finite, NULL}, {"-maxdepth", Ns_ObjvInt, &maxDepth, &atLeastOne},
        {"-maxstring", Ns_ObjvInt, &maxString, &notNegative}, {"-maxcontainer", Ns_ObjvInt, &maxContainer, &notNegative},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvObj, &parse->value, NULL}, {NULL, NULL, NULL, NULL}};

    /* "-output dict" is what "-output tclvalue" was called before. */
    Tcl_IncrRefCount(former);
    memcpy(words, objv, (size_t)objc * sizeof(Tcl_Obj *));
    for (int i = 3; i < objc - 1; i++) {
        if (strcmp(Tcl_GetString(words[i]), "dict") == 0 && strcmp(Tcl_GetString(words[i - 1]), "-output") == 0) {
            words[i] = former;
        }
    }
    if (Ns_ParseObjv(opts, args, interp, 2, objc, words) == NS_OK) {
        parse->options = (NsJsonOptions){
            .maxDepth = (size_t)maxDepth, .maxString = (size_t)maxString, .maxContainer = (size_t)maxContainer,
            .container = top != 0, .finite = finite != 0
        };
        status = TCL_OK;
    }
    Tcl_DecrRefCount(former);
    ns_free(words);
    return status;
}

static int
Fault(Tcl_Interp *interp, Tcl_Obj *message, size_t at)
{
    char byte[24];

    Tcl_SetObjResult(interp, message);
    snprintf(byte, sizeof(byte), "%zu", at);
    Tcl_SetErrorCode(interp, "NS_JSON", "PARSE", byte, (char *)NULL);
    return TCL_ERROR;
}

int
NsJsonParseError(Tcl_Interp *interp, const NsJsonError *error)
{
    Tcl_DString ds;
    int         status;

    /* A character of the text that it has is in UTF-8. */
    Tcl_DStringInit(&ds);
    NsTextAppendIn(&ds, error->text, strlen(error->text));
    status = Fault(interp, Tcl_ObjPrintf("ns_json: parse error at byte %d: %s", (int)error->at, Tcl_DStringValue(&ds)), error->at);
    Tcl_DStringFree(&ds);
    return status;
}

int
NsJsonTrailingData(Tcl_Interp *interp, size_t at)
{
    return Fault(interp, Tcl_ObjPrintf("ns_json parse: trailing data at byte %d", (int)at), at);
}

/* The bytes of a text; a text with half a pair of surrogates has none. */
static const char *
TextBytes(Tcl_Interp *interp, Tcl_Obj *obj, Tcl_DString *ds, size_t *len)
{
    int         textLen;
    const char *text = Tcl_GetStringFromObj(obj, &textLen), *bytes = NsTextOut(ds, text, (size_t)textLen, len);

    if (bytes != text && !NsTextIsWhole(text, (size_t)textLen)) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("ns_json: the text has a lone surrogate", -1));
        bytes = NULL;
    }
    return bytes;
}

/* What the bytes are, as the options say; without a reference.  A set gets a handle. */
static Tcl_Obj *
Parsed(Tcl_Interp *interp, const ParseArgs *parse, const char *bytes, size_t len, size_t *used)
{
    Tcl_Obj    *result = NULL;
    NsJsonError error;

    if (parse->output != AS_SET) {
        result = NsJsonToObj(bytes, len, &parse->options, parse->output == AS_TRIPLES ? NS_JSON_AS_TRIPLES : NS_JSON_AS_VALUE,
                             NsJsonNull(parse->null), used, &error);
    } else {
        Ns_Set *set = Ns_SetCreate("ns_json");

        if (!NsJsonToSet(set, bytes, len, &parse->options, parse->null != NULL ? Tcl_GetString(parse->null) : "", 0, used, &error)) {
            Ns_SetFree(set);
        } else if (Ns_TclEnterSet(interp, set, NS_TCL_SET_DYNAMIC) == TCL_OK) {
            return Tcl_DuplicateObj(Tcl_GetObjResult(interp));
        }
    }
    if (result == NULL) {
        (void)NsJsonParseError(interp, &error);
    }
    return result;
}

static int
ParseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    ParseArgs   parse = {.output = AS_TCLVALUE};
    Tcl_DString ds;
    const char *bytes;
    size_t      len, used = 0;
    Tcl_Obj    *result = NULL, *pair[2];

    if (ReadParseArgs(&parse, interp, objc, objv) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    bytes = TextBytes(interp, parse.value, &ds, &len);
    if (bytes != NULL) {
        result = Parsed(interp, &parse, bytes, len, &used);
    }
    if (result != NULL) {
        Tcl_IncrRefCount(result);
        if (parse.scan) {
            pair[0] = result;
            pair[1] = Tcl_NewWideIntObj((Tcl_WideInt)used);
            Tcl_SetObjResult(interp, Tcl_NewListObj(2, pair));
        } else if ((used = NsJsonSkipBlanks(bytes, len, used)) == len) {
            Tcl_SetObjResult(interp, result);
        } else {
            (void)NsJsonTrailingData(interp, used);
            Tcl_DecrRefCount(result);
            result = NULL;
        }
    }
    if (result != NULL) {
        Tcl_DecrRefCount(result);
    }
    Tcl_DStringFree(&ds);
    return result != NULL ? TCL_OK : TCL_ERROR;
}

/* ------------------------------------------------------------------------------------------------------------ value */

/* JSON without blanks as the result, or laid out. */
static void
SetJsonResult(Tcl_Interp *interp, Tcl_DString *json, bool pretty)
{
    Tcl_DString laidOut;

    if (pretty) {
        Tcl_DStringInit(&laidOut);
        NsJsonAppendPretty(&laidOut, Tcl_DStringValue(json), (size_t)Tcl_DStringLength(json));
        Tcl_DStringResult(interp, &laidOut);
    } else {
        Tcl_DStringResult(interp, json);
    }
}

static int
AppendAs(Tcl_Interp *interp, Tcl_DString *ds, int type, Tcl_Obj *value)
{
    NsJsonType documentType;
    Tcl_Obj   *inner, *number;
    int        status = TCL_ERROR;

    if (type == GUESS) {
        return NsJsonAppendGuessed(interp, "ns_json value", ds, value);
    }
    if (NsJsonIsDocument(value, &documentType, &inner)) {
        value = inner;
    }
    if (type == NS_JSON_NUMBER) {
        number = NsJsonNumber(interp, value);
        if (number != NULL) {
            status = NsJsonAppendTyped(interp, "ns_json value", ds, NS_JSON_NUMBER, number);
            Tcl_DecrRefCount(number);
        }
    } else {
        status = NsJsonAppendTyped(interp, "ns_json value", ds, (NsJsonType)type, value);
    }
    return status;
}

static int
ValueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         type = GUESS, pretty = 0, status;
    Tcl_Obj    *value;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-type", Ns_ObjvIndex, &type, types}, {"-pretty", Ns_ObjvBool, &pretty, NULL}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvObj, &value, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    status = AppendAs(interp, &ds, type, value);
    if (status == TCL_OK) {
        SetJsonResult(interp, &ds, pretty != 0);
    }
    Tcl_DStringFree(&ds);
    return status;
}

static int
NullObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsJsonNull(NULL));
    return TCL_OK;
}

static int
IsNullObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *value;
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvObj, &value, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsJsonIsNull(value)));
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------------------- keys */

static int
KeyCommand(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *name,
           void (*convert)(Tcl_DString *ds, const char *text, size_t len))
{
    char       *text;
    int         len;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {{name, Ns_ObjvString, &text, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    convert(&ds, text, (size_t)len);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
KeyEncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return KeyCommand(interp, objc, objv, "string", NsJsonEncodeKey);
}

static int
KeyDecodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return KeyCommand(interp, objc, objv, "string", NsJsonDecodeKey);
}

static int
KeyInfoObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const char suffix[] = ".type";
    const int         suffixLen = (int)sizeof(suffix) - 1;
    char             *name;
    int               len;
    bool              isType;
    Tcl_DString       key;
    Tcl_Obj          *words[4];
    Ns_ObjvSpec       args[] = {{"key", Ns_ObjvString, &name, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    isType = len >= suffixLen && strcmp(name + len - suffixLen, suffix) == 0;
    Tcl_DStringInit(&key);
    NsJsonDecodeKey(&key, name, (size_t)(len - (isType ? suffixLen : 0)));
    words[0] = Tcl_NewStringObj("key", -1);
    words[1] = Tcl_NewStringObj(Tcl_DStringValue(&key), Tcl_DStringLength(&key));
    words[2] = Tcl_NewStringObj("field", -1);
    words[3] = Tcl_NewStringObj(isType ? "type" : "", -1);
    Tcl_SetObjResult(interp, Tcl_NewListObj(4, words));
    Tcl_DStringFree(&key);
    return TCL_OK;
}

/* ---------------------------------------------------------------------------------------------------------- triples */

/* The keys that -path or -pointer give, with a reference; NULL: neither, or a bad pointer. */
static Tcl_Obj *
PathKeys(Tcl_Interp *interp, Tcl_Obj *path, Tcl_Obj *pointer)
{
    Tcl_Obj *keys = path;

    if (keys == NULL && pointer != NULL) {
        keys = NsJsonPointerKeys(interp, "ns_json triples", Tcl_GetString(pointer));
    } else if (keys == NULL) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("ns_json triples: missing -path or -pointer", -1));
    }
    if (keys != NULL) {
        Tcl_IncrRefCount(keys);
    }
    return keys;
}

static int
FindElement(Tcl_Interp *interp, Tcl_Obj *triples, Tcl_Obj *path, Tcl_Obj *pointer, NsJsonFound *found)
{
    Tcl_Obj *keys = PathKeys(interp, path, pointer);
    int      status = TCL_ERROR;

    if (keys != NULL) {
        status = NsJsonFind(interp, "ns_json triples", triples, keys, found);
        Tcl_DecrRefCount(keys);
    }
    return status;
}

/* The indices of the element, `back` words before the value; none for the document itself. */
static void
SetIndicesResult(Tcl_Interp *interp, const NsJsonFound *found, int back)
{
    Tcl_Obj *indices = Tcl_DuplicateObj(found->indices), *last;
    int      count, index = 0;

    Tcl_ListObjLength(NULL, indices, &count);
    Tcl_ListObjIndex(NULL, indices, count - 1, &last);
    (void)Tcl_GetIntFromObj(NULL, last, &index);
    last = Tcl_NewIntObj(index - back);
    Tcl_ListObjReplace(NULL, indices, count - 1, 1, back == 0 && count == 1 && index == 2 ? 0 : 1, &last);
    Tcl_SetObjResult(interp, indices);
}

static int
GetValueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    enum { JSON, TRIPLES };
    static Ns_ObjvTable forms[] = {{"json", JSON}, {"triples", TRIPLES}, {NULL, 0}};
    int                 indices = 0, form = JSON, pretty = 0, status = TCL_OK;
    Tcl_Obj            *path = NULL, *pointer = NULL, *triples;
    NsJsonFound         found;
    Tcl_DString         ds;
    Ns_ObjvSpec         opts[] = {
        {"-path", Ns_ObjvObj, &path, NULL}, {"-pointer", Ns_ObjvObj, &pointer, NULL}, {"-indices", Ns_ObjvBool, &indices, NULL},
        {"-output", Ns_ObjvIndex, &form, forms}, {"-pretty", Ns_ObjvBool, &pretty, NULL}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec         args[] = {{"triples", Ns_ObjvObj, &triples, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 3, objc, objv) != NS_OK || FindElement(interp, triples, path, pointer, &found) != TCL_OK) {
        return TCL_ERROR;
    }
    if (indices) {
        SetIndicesResult(interp, &found, 0);
    } else if (form == TRIPLES) {
        Tcl_SetObjResult(interp, found.value);
    } else {
        Tcl_DStringInit(&ds);
        status = NsJsonAppendTyped(interp, "ns_json triples", &ds, found.type, found.value);
        if (status == TCL_OK) {
            SetJsonResult(interp, &ds, pretty != 0);
        }
        Tcl_DStringFree(&ds);
    }
    Tcl_DecrRefCount(found.indices);
    return status;
}

static int
GetTypeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         indices = 0;
    Tcl_Obj    *path = NULL, *pointer = NULL, *triples;
    NsJsonFound found;
    Ns_ObjvSpec opts[] = {
        {"-path", Ns_ObjvObj, &path, NULL}, {"-pointer", Ns_ObjvObj, &pointer, NULL}, {"-indices", Ns_ObjvBool, &indices, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"triples", Ns_ObjvObj, &triples, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 3, objc, objv) != NS_OK || FindElement(interp, triples, path, pointer, &found) != TCL_OK) {
        return TCL_ERROR;
    }
    if (indices) {
        SetIndicesResult(interp, &found, 1);
    } else {
        Tcl_SetObjResult(interp, NsJsonTypeObj(found.type));
    }
    Tcl_DecrRefCount(found.indices);
    return TCL_OK;
}

static int
SetValueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         choice = GUESS, count;
    Tcl_Obj    *path = NULL, *pointer = NULL, *triples, *value, *keys, *result = NULL;
    NsJsonType  type;
    Ns_ObjvSpec opts[] = {
        {"-path", Ns_ObjvObj, &path, NULL}, {"-pointer", Ns_ObjvObj, &pointer, NULL}, {"-type", Ns_ObjvIndex, &choice, types},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"triples", Ns_ObjvObj, &triples, NULL}, {"value", Ns_ObjvObj, &value, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 3, objc, objv) != NS_OK || (keys = PathKeys(interp, path, pointer)) == NULL) {
        return TCL_ERROR;
    }
    if (Tcl_ListObjLength(interp, keys, &count) == TCL_OK && count == 0) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("ns_json triples setvalue: empty path", -1));
    } else if (Tcl_ListObjLength(NULL, keys, &count) == TCL_OK) {
        type = (NsJsonType)choice;
        result = NsJsonReplace(interp, "ns_json triples setvalue", triples, keys, choice == GUESS ? NULL : &type, value);
    }
    Tcl_DecrRefCount(keys);
    if (result == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static int
SchemaObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         pretty = 0, required = 0, count, status;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-pretty", Ns_ObjvBool, &pretty, NULL}, {"-required", Ns_ObjvBool, &required, NULL}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"triples", Ns_ObjvArgs, &count, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 3, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    status = NsJsonAppendSchema(interp, "ns_json triples schema", &ds, count, objv + objc - count, required != 0);
    if (status == TCL_OK) {
        SetJsonResult(interp, &ds, pretty != 0);
    }
    Tcl_DStringFree(&ds);
    return status;
}

/* The schema is JSON, nothing behind it. */
static Tcl_Obj *
ParsedSchema(Tcl_Interp *interp, Tcl_Obj *text)
{
    ParseArgs   parse = {.output = AS_TRIPLES, .options = {.maxDepth = NS_JSON_DEPTH, .container = true}};
    Tcl_DString ds;
    const char *bytes;
    size_t      len, used = 0;
    Tcl_Obj    *schema = NULL;

    Tcl_DStringInit(&ds);
    bytes = TextBytes(interp, text, &ds, &len);
    if (bytes != NULL) {
        schema = Parsed(interp, &parse, bytes, len, &used);
    }
    if (schema != NULL && (used = NsJsonSkipBlanks(bytes, len, used)) < len) {
        (void)NsJsonTrailingData(interp, used);
        Tcl_DecrRefCount(schema);
        schema = NULL;
    }
    Tcl_DStringFree(&ds);
    return schema;
}

static int
MatchObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         ignore = 0, status;
    Tcl_Obj    *schemaText = NULL, *triples, *schema;
    Ns_ObjvSpec opts[] = {
        {"-schema", Ns_ObjvObj, &schemaText, NULL}, {"-ignoreunsupported", Ns_ObjvBool, &ignore, NULL}, {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"triples", Ns_ObjvObj, &triples, NULL}, {NULL, NULL, NULL, NULL}};

    /* The schema is no option, however it is given. */
    if (Ns_ParseObjv(opts, args, NULL, 3, objc, objv) != NS_OK || schemaText == NULL) {
        Tcl_WrongNumArgs(interp, 3, objv, "-schema /value/ ?-ignoreunsupported? ?--? /triples/");
        return TCL_ERROR;
    }
    schema = ParsedSchema(interp, schemaText);
    if (schema == NULL) {
        return TCL_ERROR;
    }
    Tcl_IncrRefCount(schema);
    status = NsJsonMatch(interp, schema, triples, ignore != 0);
    if (status == TCL_OK) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(1));
    }
    Tcl_DecrRefCount(schema);
    return status;
}

static int
TriplesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"getvalue", GetValueObjCmd}, {"setvalue", SetValueObjCmd}, {"gettype", GetTypeObjCmd}, {"schema", SchemaObjCmd},
        {"match", MatchObjCmd}, {NULL, NULL}
    };
    Tcl_Obj *words[2] = {Tcl_NewStringObj("ns_json triples", -1), objc > 2 ? objv[2] : NULL};
    int      index;

    Tcl_IncrRefCount(words[0]);
    index = NsSubcmdIndex(subcmds, sizeof(*subcmds), interp, objc > 2 ? 2 : 1, words);
    Tcl_DecrRefCount(words[0]);
    return index >= 0 ? subcmds[index].proc(clientData, interp, objc, objv) : TCL_ERROR;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static int
JsonObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"isnull", IsNullObjCmd}, {"null", NullObjCmd}, {"keydecode", KeyDecodeObjCmd}, {"keyencode", KeyEncodeObjCmd},
        {"keyinfo", KeyInfoObjCmd}, {"parse", ParseObjCmd}, {"triples", TriplesObjCmd}, {"value", ValueObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

extern const NsCmd nsJsonCmds[];
const NsCmd nsJsonCmds[] = {
    {"ns_json", JsonObjCmd, NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
