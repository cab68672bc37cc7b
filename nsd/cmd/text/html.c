/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTML for scripts: quoting, taking tags out, taking a text apart into tags.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "cmd/text/entities.h"
#include "cmd/text/text.h"

#define MAX_LOOSE 6                            /* the longest name that may lack its semicolon */

/* --------------------------------------------------------------------------------------------------------- entities */

static const NsEntity *
NamedEntity(const char *name, size_t len)
{
    size_t low = 0, high = nsEntityCount;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int    order = strncmp(name, nsEntities[middle].name, len);

        if (order == 0 && nsEntities[middle].name[len] != '\0') {
            order = -1;
        }
        if (order == 0) {
            return &nsEntities[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* With its semicolon, or the longest name that does without; *len is what it takes.  NULL: none. */
static const NsEntity *
EntityAt(const char *s, size_t *len)
{
    const NsEntity *found = NULL;
    size_t          n = 0;

    while (isalnum((unsigned char)s[n])) {
        n++;
    }
    if (s[n] == ';') {
        found = NamedEntity(s, n);
        *len = n + 1;
    }
    for (n = n < MAX_LOOSE ? n : MAX_LOOSE; found == NULL && n > 0; n--) {
        found = NamedEntity(s, n);
        found = found != NULL && found->loose ? found : NULL;
        *len = n;
    }
    return found;
}

/* The character of "#65;" or "#x41;"; 0: it is none.  HTML5 has U+FFFD for what is no character. */
static unsigned
NumberedCharacter(const char *s, size_t *len)
{
    int           hex = s[1] == 'x' || s[1] == 'X';
    unsigned long code;
    char         *end;

    if (!(hex ? isxdigit((unsigned char)s[2]) : isdigit((unsigned char)s[1]))) {
        return 0;
    }
    code = strtoul(s + 1 + hex, &end, hex ? 16 : 10);
    *len = (size_t)(end - s) + (*end == ';');
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        code = 0xFFFD;
    }
    return (unsigned)code;
}

static void
AppendCodePoint(Tcl_DString *ds, unsigned code)
{
    char buffer[2 * TCL_UTF_MAX + 2];
    int  len;

    if (code > 0xFFFF) {                       /* Tcl 8.6 has two surrogates for it */
        code -= 0x10000;
        len = Tcl_UniCharToUtf((int)(0xD800 + (code >> 10)), buffer);
        len += Tcl_UniCharToUtf((int)(0xDC00 + (code & 0x3FF)), buffer + len);
    } else {
        len = Tcl_UniCharToUtf((int)code, buffer);
    }
    Tcl_DStringAppend(ds, buffer, len);
}

/* Append what `s`, at a '&', stands for; the place behind it. */
static const char *
AppendEntity(Tcl_DString *ds, const char *s)
{
    const NsEntity *entity;
    size_t          len = 0;
    unsigned        code;

    if (s[1] == '#' && (code = NumberedCharacter(s + 1, &len)) != 0) {
        AppendCodePoint(ds, code);
    } else if ((entity = EntityAt(s + 1, &len)) != NULL) {
        AppendCodePoint(ds, entity->code);
        if (entity->second != 0) {
            AppendCodePoint(ds, entity->second);
        }
    } else {
        Tcl_DStringAppend(ds, s, 1);
        len = 0;
    }
    return s + 1 + len;
}

int
NsQuoteHtmlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *htmlObj;
    int         len;
    size_t      plain;
    const char *s;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {{"html", Ns_ObjvObj, &htmlObj, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    s = Tcl_GetStringFromObj(htmlObj, &len);
    plain = strcspn(s, "<>&'\"");
    if (plain == (size_t)len) {
        Tcl_SetObjResult(interp, htmlObj);     /* most texts need no change, and no copy */
        return TCL_OK;
    }
    Tcl_DStringInit(&ds);
    for (;; s++) {
        plain = strcspn(s, "<>&'\"");
        Tcl_DStringAppend(&ds, s, (int)plain);
        s += plain;
        if (*s == '\0') {
            break;
        }
        switch (*s) {
        case '<':  Tcl_DStringAppend(&ds, "&lt;", 4); break;
        case '>':  Tcl_DStringAppend(&ds, "&gt;", 4); break;
        case '&':  Tcl_DStringAppend(&ds, "&amp;", 5); break;
        case '\'': Tcl_DStringAppend(&ds, "&#39;", 5); break;
        default:   Tcl_DStringAppend(&ds, "&#34;", 5); break;
        }
    }
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* Behind the tag that begins at `s`: it ends at the next '>', wherever it is; so does a '<' that begins none.  Comments end with -->. */
static const char *
SkipTag(const char *s)
{
    bool        comment = strncmp(s, "<!--", 4) == 0;
    const char *end = comment ? strstr(s + 4, "-->") : strchr(s, '>');

    return end == NULL ? s + strlen(s) : end + (comment ? 3 : 1);
}

/* The text that HTML stands for, with its tags or without. */
static int
TextOfHtml(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, bool withTags)
{
    char       *html;
    const char *s;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {{"html", Ns_ObjvString, &html, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    for (s = html; *s != '\0';) {
        size_t plain = strcspn(s, withTags ? "&" : "<&");

        Tcl_DStringAppend(&ds, s, (int)plain);
        s += plain;
        if (*s == '&') {
            s = AppendEntity(&ds, s);
        } else if (*s == '<') {
            s = SkipTag(s);
        }
    }
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

int
NsUnquoteHtmlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return TextOfHtml(interp, objc, objv, true);
}

int
NsStripHtmlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return TextOfHtml(interp, objc, objv, false);
}

/* ------------------------------------------------------------------------------------------------------ ns_parsehtml */

/* The end of the tag at `s` ('>'), quoted values skipped; NULL: there is none. */
static const char *
TagEnd(const char *s)
{
    char quote = '\0';

    for (s++; *s != '\0'; s++) {
        if (quote != '\0') {
            quote = *s == quote ? '\0' : quote;
        } else if (*s == '>') {
            return s;
        } else if (*s == '"' || *s == '\'') {
            quote = *s;
        }
    }
    return NULL;
}

static bool
IsBlank(char c)
{
    return isspace((unsigned char)c) != 0;
}

static Tcl_Obj *
PieceObj(const char *s, const char *end)
{
    return Tcl_NewStringObj(s, (int)(end - s));
}

/*
 * The next attribute of a tag that ends at `end`: false when there is none.  *value is NULL when none is given.
 */
typedef struct Attribute { const char *name, *nameEnd, *value, *valueEnd; } Attribute;

static bool
NextAttribute(const char **pos, const char *end, Attribute *attribute)
{
    const char *s = *pos;

    while (s < end && (IsBlank(*s) || *s == '/')) {
        s++;
    }
    if (s >= end) {
        return false;
    }
    *attribute = (Attribute){s, s, NULL, NULL};
    while (s < end && !IsBlank(*s) && *s != '=' && (*s != '/' || s == attribute->name)) {
        s++;
    }
    attribute->nameEnd = s;
    while (s < end && IsBlank(*s)) {
        s++;
    }
    if (s < end && *s == '=') {
        for (s++; s < end && IsBlank(*s); s++) {
            ;
        }
        if (s < end && (*s == '"' || *s == '\'')) {
            const char *close = memchr(s + 1, *s, (size_t)(end - s - 1));

            attribute->value = s + 1;
            attribute->valueEnd = close != NULL ? close : end;
            s = close != NULL ? close + 1 : end;
        } else {
            attribute->value = s;
            while (s < end && !IsBlank(*s)) {
                s++;
            }
            attribute->valueEnd = s;
        }
    }
    *pos = s;
    return true;
}

static const char *
TagNameEnd(const char *s, const char *end)
{
    while (s < end && !IsBlank(*s) && *s != '/' && *s != '>') {
        s++;
    }
    return s;
}

/* {a {href x id y}}, or /a for an end tag; `s` is behind the '<'. */
static Tcl_Obj *
TagObj(const char *s, const char *end)
{
    const char *nameEnd = TagNameEnd(s + (*s == '/'), end);
    Tcl_Obj    *name = PieceObj(s, nameEnd), *pair[2];
    Attribute   attribute;

    if (*s == '/') {
        return name;
    }
    pair[0] = name;
    pair[1] = Tcl_NewDictObj();                /* of an attribute that comes twice, the last value */
    for (s = nameEnd; NextAttribute(&s, end, &attribute);) {
        Tcl_DictObjPut(NULL, pair[1], PieceObj(attribute.name, attribute.nameEnd),
                       attribute.value == NULL ? Tcl_NewObj() : PieceObj(attribute.value, attribute.valueEnd));
    }
    return Tcl_NewListObj(2, pair);
}

typedef enum { HTML_TEXT, HTML_TAG, HTML_COMMENT, HTML_PI } HtmlKind;

/* What begins at a '<', and where it ends ('>' is the last character of it). */
static HtmlKind
MarkupAt(const char *s, const char **end)
{
    if (strncmp(s, "<!--", 4) == 0) {
        *end = strstr(s + 4, "-->");
        *end = *end != NULL ? *end + 2 : NULL;
        return *end != NULL ? HTML_COMMENT : HTML_TEXT;
    }
    if (s[1] == '?') {
        *end = strstr(s + 2, "?>");
        *end = *end != NULL ? *end + 1 : NULL;
        return *end != NULL ? HTML_PI : HTML_TEXT;
    }
    if (isalpha((unsigned char)s[1]) || (s[1] == '/' && (isalpha((unsigned char)s[2]) || s[2] == '>'))) {
        *end = TagEnd(s);
        return *end != NULL ? HTML_TAG : HTML_TEXT;
    }
    return HTML_TEXT;
}

static void
AppendPiece(Tcl_Obj *list, const char *kind, const char *s, const char *end, Tcl_Obj *detail)
{
    Tcl_Obj *words[3] = {Tcl_NewStringObj(kind, -1), Tcl_NewStringObj(s, (int)(end - s)), detail};

    Tcl_ListObjAppendElement(NULL, list, Tcl_NewListObj(detail != NULL ? 3 : 2, words));
}

int
NsParseHtmlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const char *const kinds[] = {"text", "tag", "comment", "pi"};
    int         noAngle = 0, onlyTags = 0;
    char       *html;
    const char *s, *text, *end;
    Tcl_Obj    *list;
    Ns_ObjvSpec opts[] = {
        {"-noangle", Ns_ObjvBool, &noAngle, NULL}, {"-onlytags", Ns_ObjvBool, &onlyTags, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"html", Ns_ObjvString, &html, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (noAngle && onlyTags) {
        Ns_TclPrintfResult(interp, "the options '-noangle' and '-onlytags' are mutually exclusive");
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (s = text = html; *s != '\0';) {
        HtmlKind kind = *s == '<' ? MarkupAt(s, &end) : HTML_TEXT;

        if (kind == HTML_TEXT) {
            s++;
            continue;
        }
        if (!onlyTags && text < s) {
            AppendPiece(list, "text", text, s, NULL);
        }
        if (!onlyTags) {
            AppendPiece(list, kinds[kind], s + noAngle, end + 1 - noAngle,
                        kind == HTML_TAG ? TagObj(s + 1, end) : NULL);
        } else if (kind == HTML_TAG) {
            Tcl_ListObjAppendElement(NULL, list, TagObj(s + 1, end));
        }
        s = text = end + 1;
    }
    if (!onlyTags && text < s) {
        AppendPiece(list, "text", text, s, NULL);
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}

/* The href values of all <a> tags. */
int
NsHrefsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *html;
    const char *end;
    Tcl_Obj    *list;
    Attribute   attribute;
    Ns_ObjvSpec args[] = {{"html", Ns_ObjvString, &html, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    list = Tcl_NewListObj(0, NULL);
    for (const char *s = html; (s = strchr(s, '<')) != NULL; s++) {
        const char *pos = s + 2;

        if (MarkupAt(s, &end) == HTML_TEXT) {
            continue;
        }
        if ((s[1] == 'a' || s[1] == 'A') && IsBlank(s[2])) {
            while (NextAttribute(&pos, end, &attribute)) {
                if (attribute.value != NULL && attribute.nameEnd - attribute.name == 4
                    && strncasecmp(attribute.name, "href", 4) == 0) {
                    Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(attribute.value,
                                             (int)(attribute.valueEnd - attribute.value)));
                    break;
                }
            }
        }
        s = end;
    }
    Tcl_SetObjResult(interp, list);
    return TCL_OK;
}
