/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTML for scripts: quoting, taking tags out, taking a text apart into tags.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "text.h"

/* --------------------------------------------------------------------------------------------------------- entities */

/* Of HTML 4.01, and &apos;; in the order of strcmp: searched by halves. */
static const struct Entity { const char *name; unsigned code; } entities[] = {
    {"AElig", 198}, {"Aacute", 193}, {"Acirc", 194}, {"Agrave", 192}, {"Alpha", 913}, {"Aring", 197}, {"Atilde", 195},
    {"Auml", 196}, {"Beta", 914}, {"Ccedil", 199}, {"Chi", 935}, {"Dagger", 8225}, {"Delta", 916}, {"ETH", 208},
    {"Eacute", 201}, {"Ecirc", 202}, {"Egrave", 200}, {"Epsilon", 917}, {"Eta", 919}, {"Euml", 203}, {"Gamma", 915},
    {"Iacute", 205}, {"Icirc", 206}, {"Igrave", 204}, {"Iota", 921}, {"Iuml", 207}, {"Kappa", 922}, {"Lambda", 923},
    {"Mu", 924}, {"Ntilde", 209}, {"Nu", 925}, {"OElig", 338}, {"Oacute", 211}, {"Ocirc", 212}, {"Ograve", 210},
    {"Omega", 937}, {"Omicron", 927}, {"Oslash", 216}, {"Otilde", 213}, {"Ouml", 214}, {"Phi", 934}, {"Pi", 928},
    {"Prime", 8243}, {"Psi", 936}, {"Rho", 929}, {"Scaron", 352}, {"Sigma", 931}, {"THORN", 222}, {"Tau", 932},
    {"Theta", 920}, {"Uacute", 218}, {"Ucirc", 219}, {"Ugrave", 217}, {"Upsilon", 933}, {"Uuml", 220}, {"Xi", 926},
    {"Yacute", 221}, {"Yuml", 376}, {"Zeta", 918}, {"aacute", 225}, {"acirc", 226}, {"acute", 180}, {"aelig", 230},
    {"agrave", 224}, {"alefsym", 8501}, {"alpha", 945}, {"amp", 38}, {"and", 8743}, {"ang", 8736}, {"apos", 39},
    {"aring", 229}, {"asymp", 8776}, {"atilde", 227}, {"auml", 228}, {"bdquo", 8222}, {"beta", 946}, {"brvbar", 166},
    {"bull", 8226}, {"cap", 8745}, {"ccedil", 231}, {"cedil", 184}, {"cent", 162}, {"chi", 967}, {"circ", 710},
    {"clubs", 9827}, {"cong", 8773}, {"copy", 169}, {"crarr", 8629}, {"cup", 8746}, {"curren", 164}, {"dArr", 8659},
    {"dagger", 8224}, {"darr", 8595}, {"deg", 176}, {"delta", 948}, {"diams", 9830}, {"divide", 247}, {"eacute", 233},
    {"ecirc", 234}, {"egrave", 232}, {"empty", 8709}, {"emsp", 8195}, {"ensp", 8194}, {"epsilon", 949},
    {"equiv", 8801}, {"eta", 951}, {"eth", 240}, {"euml", 235}, {"euro", 8364}, {"exist", 8707}, {"fnof", 402},
    {"forall", 8704}, {"frac12", 189}, {"frac14", 188}, {"frac34", 190}, {"frasl", 8260}, {"gamma", 947},
    {"ge", 8805}, {"gt", 62}, {"hArr", 8660}, {"harr", 8596}, {"hearts", 9829}, {"hellip", 8230}, {"iacute", 237},
    {"icirc", 238}, {"iexcl", 161}, {"igrave", 236}, {"image", 8465}, {"infin", 8734}, {"int", 8747}, {"iota", 953},
    {"iquest", 191}, {"isin", 8712}, {"iuml", 239}, {"kappa", 954}, {"lArr", 8656}, {"lambda", 955}, {"lang", 9001},
    {"laquo", 171}, {"larr", 8592}, {"lceil", 8968}, {"ldquo", 8220}, {"le", 8804}, {"lfloor", 8970},
    {"lowast", 8727}, {"loz", 9674}, {"lrm", 8206}, {"lsaquo", 8249}, {"lsquo", 8216}, {"lt", 60}, {"macr", 175},
    {"mdash", 8212}, {"micro", 181}, {"middot", 183}, {"minus", 8722}, {"mu", 956}, {"nabla", 8711}, {"nbsp", 160},
    {"ndash", 8211}, {"ne", 8800}, {"ni", 8715}, {"not", 172}, {"notin", 8713}, {"nsub", 8836}, {"ntilde", 241},
    {"nu", 957}, {"oacute", 243}, {"ocirc", 244}, {"oelig", 339}, {"ograve", 242}, {"oline", 8254}, {"omega", 969},
    {"omicron", 959}, {"oplus", 8853}, {"or", 8744}, {"ordf", 170}, {"ordm", 186}, {"oslash", 248}, {"otilde", 245},
    {"otimes", 8855}, {"ouml", 246}, {"para", 182}, {"part", 8706}, {"permil", 8240}, {"perp", 8869}, {"phi", 966},
    {"pi", 960}, {"piv", 982}, {"plusmn", 177}, {"pound", 163}, {"prime", 8242}, {"prod", 8719}, {"prop", 8733},
    {"psi", 968}, {"quot", 34}, {"rArr", 8658}, {"radic", 8730}, {"rang", 9002}, {"raquo", 187}, {"rarr", 8594},
    {"rceil", 8969}, {"rdquo", 8221}, {"real", 8476}, {"reg", 174}, {"rfloor", 8971}, {"rho", 961}, {"rlm", 8207},
    {"rsaquo", 8250}, {"rsquo", 8217}, {"sbquo", 8218}, {"scaron", 353}, {"sdot", 8901}, {"sect", 167}, {"shy", 173},
    {"sigma", 963}, {"sigmaf", 962}, {"sim", 8764}, {"spades", 9824}, {"sub", 8834}, {"sube", 8838}, {"sum", 8721},
    {"sup", 8835}, {"sup1", 185}, {"sup2", 178}, {"sup3", 179}, {"supe", 8839}, {"szlig", 223}, {"tau", 964},
    {"there4", 8756}, {"theta", 952}, {"thetasym", 977}, {"thinsp", 8201}, {"thorn", 254}, {"tilde", 732},
    {"times", 215}, {"trade", 8482}, {"uArr", 8657}, {"uacute", 250}, {"uarr", 8593}, {"ucirc", 251}, {"ugrave", 249},
    {"uml", 168}, {"upsih", 978}, {"upsilon", 965}, {"uuml", 252}, {"weierp", 8472}, {"xi", 958}, {"yacute", 253},
    {"yen", 165}, {"yuml", 255}, {"zeta", 950}, {"zwj", 8205}, {"zwnj", 8204}
};
#define NENTITIES (sizeof(entities) / sizeof(entities[0]))

static unsigned
NamedEntity(const char *name, size_t len)
{
    size_t low = 0, high = NENTITIES;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int    order = strncmp(name, entities[middle].name, len);

        if (order == 0 && entities[middle].name[len] != '\0') {
            order = -1;
        }
        if (order == 0) {
            return entities[middle].code;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return 0;
}

/* The character that the text after a '&' stands for, 0: none; *len is what it takes, without a semicolon. */
static unsigned
EntityCode(const char *s, size_t *len)
{
    unsigned long code;

    if (s[0] == '#') {
        int   hex = s[1] == 'x' || s[1] == 'X';
        char *end;

        if (!(hex ? isxdigit((unsigned char)s[2]) : isdigit((unsigned char)s[1]))) {
            return 0;
        }
        code = strtoul(s + 1 + hex, &end, hex ? 16 : 10);
        *len = (size_t)(end - s);
        return code <= 0x10FFFF ? (unsigned)code : 0xFFFD;
    }
    for (*len = 0; isalnum((unsigned char)s[*len]); (*len)++) {
        ;
    }
    return NamedEntity(s, *len);
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
    size_t   len;
    unsigned code = EntityCode(s + 1, &len);

    if (code == 0) {
        Tcl_DStringAppend(ds, s, 1);
        return s + 1;
    }
    AppendCodePoint(ds, code);
    s += 1 + len;
    return *s == ';' ? s + 1 : s;
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

int
NsUnquoteHtmlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
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
        size_t plain = strcspn(s, "&");

        Tcl_DStringAppend(&ds, s, (int)plain);
        s += plain;
        if (*s == '&') {
            s = AppendEntity(&ds, s);
        }
    }
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* A tag ends at the next '>', wherever it is; so does a '<' that begins none.  Comments end with -->. */
int
NsStripHtmlObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
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
        size_t plain = strcspn(s, "<&");

        Tcl_DStringAppend(&ds, s, (int)plain);
        s += plain;
        if (*s == '&') {
            s = AppendEntity(&ds, s);
        } else if (*s == '<') {
            bool        comment = strncmp(s, "<!--", 4) == 0;
            const char *end = comment ? strstr(s + 4, "-->") : strchr(s, '>');

            s = end == NULL ? s + strlen(s) : end + (comment ? 3 : 1);
        }
    }
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
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
LowerObj(const char *s, const char *end)
{
    Tcl_Obj *obj = Tcl_NewStringObj(s, (int)(end - s));

    Tcl_SetObjLength(obj, Tcl_UtfToLower(Tcl_GetString(obj)));
    return obj;
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
    if (s == attribute->name) {                /* a lone '=': part of the name, as browsers have it */
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
    Tcl_Obj    *name = LowerObj(s, nameEnd), *pair[2];
    Attribute   attribute;

    if (*s == '/') {
        return name;
    }
    pair[0] = name;
    pair[1] = Tcl_NewListObj(0, NULL);
    for (s = nameEnd; NextAttribute(&s, end, &attribute);) {
        Tcl_ListObjAppendElement(NULL, pair[1], LowerObj(attribute.name, attribute.nameEnd));
        Tcl_ListObjAppendElement(NULL, pair[1], attribute.value == NULL ? Tcl_NewObj()
                                 : Tcl_NewStringObj(attribute.value, (int)(attribute.valueEnd - attribute.value)));
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
    if (isalpha((unsigned char)s[1]) || s[1] == '!' || (s[1] == '/' && isalpha((unsigned char)s[2]))) {
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
