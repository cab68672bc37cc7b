/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Taking things apart for scripts: arguments of procs, header lines and their values, messages, CSV, HTML.
 */
#include <ctype.h>
#include <string.h>
#include "base/dict.h"
#include "cmd/cmds.h"
#include "cmd/text/text.h"
#include "http/header.h"

/* ------------------------------------------------------------------------------------------------------ ns_parseargs */

/* One word of an argument specification: -name, {-name default}, name, {name default}, --, args. */
typedef struct ArgSpec {
    const char *name;                          /* with its hyphen */
    Tcl_Obj    *fallback;                      /* NULL: none */
    Tcl_Obj    *value;                         /* given; NULL: not yet */
} ArgSpec;

static bool
IsOptionSpec(const ArgSpec *spec)
{
    return spec->name[0] == '-';
}

static int
ReadArgSpecs(Tcl_Interp *interp, Tcl_Obj *list, ArgSpec **out, int *count)
{
    Tcl_Obj **words;
    ArgSpec  *specs;

    if (Tcl_ListObjGetElements(interp, list, count, &words) != TCL_OK) {
        return TCL_ERROR;
    }
    specs = ns_calloc((size_t)*count + 1, sizeof(*specs));
    for (int i = 0; i < *count; i++) {
        int       fields;
        Tcl_Obj **parts;

        if (Tcl_ListObjGetElements(interp, words[i], &fields, &parts) != TCL_OK || fields < 1 || fields > 2) {
            Ns_TclPrintfResult(interp, "wrong # fields in argument specifier \"%s\"", Tcl_GetString(words[i]));
            ns_free(specs);
            return TCL_ERROR;
        }
        specs[i].name = Tcl_GetString(parts[0]);
        specs[i].fallback = fields == 2 ? parts[1] : NULL;
    }
    *out = specs;
    return TCL_OK;
}

static int
WrongArgs(Tcl_Interp *interp, const ArgSpec *specs, int count)
{
    Tcl_Obj *message = Tcl_NewStringObj("wrong # args: should be \"", -1);

    for (int i = 0; i < count; i++) {
        const char *name = specs[i].name;
        bool        optional = IsOptionSpec(&specs[i]) || specs[i].fallback != NULL || strcmp(name, "args") == 0;

        Tcl_AppendStringsToObj(message, i > 0 ? " " : "", optional ? "?" : "", NULL);
        if (strcmp(name, "--") == 0) {
            Tcl_AppendStringsToObj(message, name, NULL);
        } else if (IsOptionSpec(&specs[i])) {
            Tcl_AppendStringsToObj(message, name, " /", name + 1, "/", NULL);
        } else {
            Tcl_AppendStringsToObj(message, "/", name, "/", NULL);
        }
        Tcl_AppendStringsToObj(message, optional ? "?" : "", NULL);
    }
    Tcl_AppendToObj(message, "\"", 1);
    Tcl_SetObjResult(interp, message);
    return TCL_ERROR;
}

/* The number of arguments that were options and their values, or -1 with a message. */
static int
TakeOptions(Tcl_Interp *interp, ArgSpec *specs, int count, int argc, Tcl_Obj **argv)
{
    int used = 0;

    while (used < argc) {
        const char *word = Tcl_GetString(argv[used]);
        int         i;

        for (i = 0; i < count && !(IsOptionSpec(&specs[i]) && strcmp(specs[i].name, word) == 0); i++) {
            ;
        }
        if (i == count) {
            return used;
        }
        used++;
        if (strcmp(word, "--") == 0) {
            return used;
        }
        if (used == argc) {
            Ns_TclPrintfResult(interp, "missing argument to %s", word);
            return -1;
        }
        specs[i].value = argv[used++];
    }
    return used;
}

/* Values for the names in their order; the rest for a last "args". */
static bool
TakePositional(ArgSpec *specs, int count, int argc, Tcl_Obj **argv, Tcl_Obj **rest)
{
    int used = 0;

    for (int i = 0; i < count; i++) {
        if (IsOptionSpec(&specs[i])) {
            continue;
        }
        if (i == count - 1 && strcmp(specs[i].name, "args") == 0) {
            *rest = Tcl_NewListObj(argc - used, argv + used);
            return true;
        }
        if (used < argc) {
            specs[i].value = argv[used++];
        } else if (specs[i].fallback == NULL) {
            return false;
        }
    }
    return used == argc;
}

static int
SetArgVariables(Tcl_Interp *interp, const ArgSpec *specs, int count, Tcl_Obj *rest)
{
    for (int i = 0; i < count; i++) {
        const char *name = specs[i].name + (IsOptionSpec(&specs[i]) ? 1 : 0);
        Tcl_Obj    *value = specs[i].value != NULL ? specs[i].value : specs[i].fallback;

        if (rest != NULL && i == count - 1) {
            value = rest;
        }
        if (value != NULL && strcmp(specs[i].name, "--") != 0
            && Tcl_SetVar2Ex(interp, name, NULL, value, TCL_LEAVE_ERR_MSG) == NULL) {
            return TCL_ERROR;
        }
    }
    return TCL_OK;
}

static int
ParseArgsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj  *list, *arguments, **argv, *rest = NULL;
    ArgSpec  *specs;
    int       argc, count, used, status = TCL_ERROR;

    if (objc != 3) {
        /* "arg" is one list: the name comes from NaviServer's message. */
        Ns_TclPrintfResult(interp, "wrong # args: should be \"ns_parseargs /argspec/ /arg .../\"");
        return TCL_ERROR;
    }
    /* Setting variables may run traces: keep what is pointed into.  (The lists themselves are shared, not parsed anew.) */
    if (Tcl_ListObjLength(interp, objv[1], &count) != TCL_OK || Tcl_ListObjLength(interp, objv[2], &argc) != TCL_OK) {
        return TCL_ERROR;
    }
    list = Tcl_DuplicateObj(objv[1]);
    Tcl_IncrRefCount(list);
    arguments = Tcl_DuplicateObj(objv[2]);
    Tcl_IncrRefCount(arguments);
    if (ReadArgSpecs(interp, list, &specs, &count) != TCL_OK) {
        goto released;
    }
    if (Tcl_ListObjGetElements(interp, arguments, &argc, &argv) != TCL_OK) {
        goto done;
    }
    used = TakeOptions(interp, specs, count, argc, argv);
    if (used < 0) {
        goto done;
    }
    if (!TakePositional(specs, count, argc - used, argv + used, &rest)) {
        status = WrongArgs(interp, specs, count);
        goto done;
    }
    if (rest != NULL) {
        Tcl_IncrRefCount(rest);
    }
    status = SetArgVariables(interp, specs, count, rest);
    if (rest != NULL) {
        Tcl_DecrRefCount(rest);
    }

 done:
    ns_free(specs);
 released:
    Tcl_DecrRefCount(list);
    Tcl_DecrRefCount(arguments);
    return status;
}

/* ----------------------------------------------------------------------------------------------- header field values */

static Tcl_Obj *
FieldName(NsSpan name, bool lower)
{
    Tcl_Obj *obj = Tcl_NewStringObj(name.start, (int)name.len);

    if (lower) {
        Tcl_SetObjLength(obj, Tcl_UtfToLower(Tcl_GetString(obj)));
    }
    return obj;
}

static Tcl_Obj *
FieldValue(const NsField *field)
{
    Tcl_DString ds;
    Tcl_Obj    *obj;

    if (field->value.start == NULL) {
        return Tcl_NewObj();
    }
    if (!field->escaped) {
        return Tcl_NewStringObj(field->value.start, (int)field->value.len);
    }
    Tcl_DStringInit(&ds);
    NsFieldUnescape(&ds, field->value);
    obj = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return obj;
}

static int
ParseFieldValueObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         lower = 0, single = 0, strict = 0, len, elements = 0;
    char       *value;
    NsFieldScan scan;
    NsField     field;
    Tcl_Obj    *list, *element = NULL, *result;
    Ns_ObjvSpec opts[] = {
        {"-lower", Ns_ObjvBool, &lower, NULL}, {"-single", Ns_ObjvBool, &single, NULL},
        {"-strict", Ns_ObjvBool, &strict, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"fieldvalue", Ns_ObjvString, &value, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    NsFieldStart(&scan, value, (size_t)len);
    while (NsFieldNext(&scan, &field)) {
        if (field.first) {
            element = Tcl_NewListObj(0, NULL);
            Tcl_ListObjAppendElement(NULL, list, element);
            elements++;
        }
        if (element != NULL) {
            Tcl_ListObjAppendElement(NULL, element, FieldName(field.name, lower != 0));
            Tcl_ListObjAppendElement(NULL, element, FieldValue(&field));
        }
    }
    if (strict && scan.pos < scan.end) {
        Ns_TclPrintfResult(interp, "unparsed content '%.*s'", (int)(scan.end - scan.pos), scan.pos);
        Tcl_DecrRefCount(list);
        return TCL_ERROR;
    }
    result = list;
    if (single) {
        result = Tcl_NewObj();
        if (elements > 0) {
            Tcl_ListObjIndex(NULL, list, 0, &result);
        }
    }
    Tcl_SetObjResult(interp, result);
    if (single) {
        Tcl_DecrRefCount(list);
    }
    return TCL_OK;
}

/*
 * Put "name: value" into a set, or append a folded line to the value before; the index, or -1 when it is neither.
 */
static int
PutHeaderLine(Ns_Set *set, const char *line, size_t len, const char *prefix)
{
    const char *colon = memchr(line, ':', len), *end = line + len;
    Tcl_DString ds;
    int         index = -1;

    Tcl_DStringInit(&ds);
    if (len > 0 && isspace((unsigned char)line[0])) {
        if (Ns_SetSize(set) > 0) {
            index = (int)Ns_SetSize(set) - 1;
            while (line < end && isspace((unsigned char)*line)) {
                line++;
            }
            Tcl_DStringAppend(&ds, Ns_SetValue(set, (size_t)index), -1);
            Tcl_DStringAppend(&ds, " ", 1);
            Tcl_DStringAppend(&ds, line, (int)(end - line));
            Ns_SetPutValue(set, (size_t)index, Tcl_DStringValue(&ds));
        }
    } else if (colon != NULL && colon > line) {
        const char *value = colon + 1;

        while (value < end && isspace((unsigned char)*value)) {
            value++;
        }
        Tcl_DStringAppend(&ds, prefix != NULL ? prefix : "", -1);
        Tcl_DStringAppend(&ds, line, (int)(colon - line));
        index = (int)Ns_SetPutSz(set, Tcl_DStringValue(&ds), Tcl_DStringLength(&ds), value, end - value);
    }
    Tcl_DStringFree(&ds);
    return index;
}

static int
ParseHeaderObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *prefix = NULL, *line;
    Tcl_Obj    *setObj;
    Ns_Set     *set;
    int         len, index;
    Ns_ObjvSpec opts[] = {{"-prefix", Ns_ObjvString, &prefix, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec args[] = {
        {"set", Ns_ObjvObj, &setObj, NULL}, {"headerline", Ns_ObjvString, &line, &len}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK
        || Ns_TclGetSet2(interp, Tcl_GetString(setObj), &set) != TCL_OK) {
        return TCL_ERROR;
    }
    index = PutHeaderLine(set, line, (size_t)len, prefix);
    if (index < 0) {
        Ns_TclPrintfResult(interp, "invalid header: %s", line);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(index));
    return TCL_OK;
}

/* The end of a line, with *next behind its CR LF or LF. */
static const char *
LineEnd(const char *line, const char *end, const char **next)
{
    const char *newline = memchr(line, '\n', (size_t)(end - line));

    if (newline == NULL) {
        *next = end;
        return end;
    }
    *next = newline + 1;
    return newline > line && newline[-1] == '\r' ? newline - 1 : newline;
}

/* A first line, headers, an empty line, a body. */
static int
ParseMessageObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *message;
    int         len;
    const char *end, *line, *lineEnd, *next;
    Tcl_Obj    *dict;
    Ns_Set     *headers;
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvString, &message, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    end = message + len;
    lineEnd = LineEnd(message, end, &next);
    dict = Tcl_NewDictObj();
    Tcl_IncrRefCount(dict);
    NsDictPut(dict, "firstline", Tcl_NewStringObj(message, (int)(lineEnd - message)));
    headers = Ns_SetCreateNoCase("headers");
    for (line = next; line < end; line = next) {
        lineEnd = LineEnd(line, end, &next);
        if (lineEnd == line) {
            line = next;
            break;
        }
        if (PutHeaderLine(headers, line, (size_t)(lineEnd - line), NULL) < 0) {
            Ns_TclPrintfResult(interp, "invalid header: %.*s", (int)(lineEnd - line), line);
            Ns_SetFree(headers);
            Tcl_DecrRefCount(dict);
            return TCL_ERROR;
        }
    }
    if (Ns_TclEnterSet(interp, headers, NS_TCL_SET_DYNAMIC) == TCL_OK) {
        NsDictPut(dict, "headers", Tcl_GetObjResult(interp));
    }
    NsDictPut(dict, "body", Tcl_NewStringObj(line, (int)(end - line)));
    Tcl_SetObjResult(interp, dict);
    Tcl_DecrRefCount(dict);
    return TCL_OK;
}

/* -------------------------------------------------------------------------------------------------------------- CSV */

typedef struct Csv {
    char     delimiter, quote;
    bool     trim;
    bool     quoted;                           /* within quotes: the record goes on in the next line */
    bool     wasQuoted;                        /* the field had quotes: its blanks count */
    bool     any;                              /* the record has a field */
    Tcl_Obj *fields;
    Tcl_DString field;
} Csv;

static void
EndCsvField(Csv *csv)
{
    const char *text = Tcl_DStringValue(&csv->field);
    int         len = Tcl_DStringLength(&csv->field);

    if (csv->trim && !csv->wasQuoted) {
        while (len > 0 && isspace((unsigned char)*text)) {
            text++;
            len--;
        }
        while (len > 0 && isspace((unsigned char)text[len - 1])) {
            len--;
        }
    }
    Tcl_ListObjAppendElement(NULL, csv->fields, Tcl_NewStringObj(text, len));
    Tcl_DStringSetLength(&csv->field, 0);
    csv->wasQuoted = false;
}

/* A quote counts where a field begins (RFC 4180); within one it is a character: 5" disks. */
static bool
MayOpen(const Csv *csv)
{
    const char *text = Tcl_DStringValue(&csv->field);

    return !csv->wasQuoted && (*text == '\0' || (csv->trim && text[strspn(text, " \t")] == '\0'));
}

static void
AddCsvLine(Csv *csv, const char *line, int len)
{
    for (const char *c = line; c < line + len; c++) {
        if (csv->quoted) {
            if (*c != csv->quote) {
                Tcl_DStringAppend(&csv->field, c, 1);
            } else if (c + 1 < line + len && c[1] == csv->quote) {
                Tcl_DStringAppend(&csv->field, c++, 1);
            } else {
                csv->quoted = false;
            }
        } else if (*c == csv->quote && MayOpen(csv)) {
            Tcl_DStringSetLength(&csv->field, 0);
            csv->quoted = csv->wasQuoted = true;
        } else if (*c == csv->delimiter) {
            EndCsvField(csv);
            csv->any = true;
        } else if (!csv->wasQuoted) {          /* what follows the closing quote up to the delimiter is dropped */
            Tcl_DStringAppend(&csv->field, c, 1);
        }
    }
}

/* The record that starts at the channel's position; false: there is none any more, or its last quote stays open. */
static bool
ReadCsvRecord(Csv *csv, Tcl_Channel channel)
{
    bool     found = false;
    Tcl_Obj *line = Tcl_NewObj();

    Tcl_IncrRefCount(line);
    do {
        int         len;
        const char *text;

        Tcl_SetObjLength(line, 0);
        if (Tcl_GetsObj(channel, line) < 0) {
            break;
        }
        if (found) {
            Tcl_DStringAppend(&csv->field, "\n", 1);
        }
        found = true;
        text = Tcl_GetStringFromObj(line, &len);
        AddCsvLine(csv, text, len);
    } while (csv->quoted);
    Tcl_DecrRefCount(line);
    if (found && (csv->any || csv->wasQuoted || Tcl_DStringLength(&csv->field) > 0)) {
        EndCsvField(csv);
    }
    return found && !csv->quoted;
}

static int
GetCsvObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         trim = 0, count, status = TCL_ERROR;
    char       *delimiter = ",", *quote = "\"", *channelId;
    Tcl_Obj    *variable;
    Tcl_Channel channel;
    Csv         csv = {.fields = NULL};
    Ns_ObjvSpec opts[] = {
        {"-delimiter", Ns_ObjvString, &delimiter, NULL}, {"-quotechar", Ns_ObjvString, &quote, NULL},
        {"-trim", Ns_ObjvBool, &trim, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"channelId", Ns_ObjvString, &channelId, NULL}, {"varname", Ns_ObjvObj, &variable, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK
        || Ns_TclGetOpenChannel(interp, channelId, 0, true, &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    csv.delimiter = delimiter[0];
    csv.quote = quote[0];
    csv.trim = trim != 0;
    csv.fields = Tcl_NewListObj(0, NULL);
    Tcl_IncrRefCount(csv.fields);
    Tcl_DStringInit(&csv.field);
    if (!ReadCsvRecord(&csv, channel)) {
        if (Tcl_Eof(channel)) {
            Tcl_SetObjResult(interp, Tcl_NewIntObj(-1));
            status = TCL_OK;
        } else {
            Ns_TclPrintfResult(interp, "could not read from %s: %s", channelId, Tcl_PosixError(interp));
        }
    } else if (Tcl_ObjSetVar2(interp, variable, NULL, csv.fields, TCL_LEAVE_ERR_MSG) != NULL) {
        Tcl_ListObjLength(NULL, csv.fields, &count);
        Tcl_SetObjResult(interp, Tcl_NewIntObj(count));
        status = TCL_OK;
    }
    Tcl_DStringFree(&csv.field);
    Tcl_DecrRefCount(csv.fields);
    return status;
}

/* Words that may be in single quotes; '' within them is a quote. */
static int
QuoteListToListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *s;
    Tcl_Obj    *list;
    Tcl_DString word;
    Ns_ObjvSpec args[] = {{"quotelist", Ns_ObjvString, &s, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    Tcl_DStringInit(&word);
    while (*(s += strspn(s, " \t\r\n")) != '\0') {
        Tcl_DStringSetLength(&word, 0);
        if (*s == '\'') {
            for (s++; *s != '\0' && (*s != '\'' || s[1] == '\''); s++) {
                s += *s == '\'' ? 1 : 0;
                Tcl_DStringAppend(&word, s, 1);
            }
            s += *s == '\'' ? 1 : 0;
        } else {
            size_t len = strcspn(s, " \t\r\n");

            Tcl_DStringAppend(&word, s, (int)len);
            s += len;
        }
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Tcl_DStringValue(&word), Tcl_DStringLength(&word)));
    }
    Tcl_DStringFree(&word);
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

extern const NsCmd nsParseCmds[];
const NsCmd nsParseCmds[] = {
    {"ns_getcsv",          GetCsvObjCmd,          NS_CMD_CONFIG},
    {"ns_hrefs",           NsHrefsObjCmd,         NS_CMD_CONFIG},
    {"ns_parseargs",       ParseArgsObjCmd,       NS_CMD_CONFIG},
    {"ns_parsefieldvalue", ParseFieldValueObjCmd, NS_CMD_CONFIG},
    {"ns_parseheader",     ParseHeaderObjCmd,     0},
    {"ns_parsehtml",       NsParseHtmlObjCmd,     NS_CMD_CONFIG},
    {"ns_parsemessage",    ParseMessageObjCmd,    0},
    {"ns_quotehtml",       NsQuoteHtmlObjCmd,     NS_CMD_CONFIG},
    {"ns_quotelisttolist", QuoteListToListObjCmd, NS_CMD_CONFIG},
    {"ns_striphtml",       NsStripHtmlObjCmd,     NS_CMD_CONFIG},
    {"ns_unquotehtml",     NsUnquoteHtmlObjCmd,   NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
