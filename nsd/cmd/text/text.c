/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Texts for scripts: trimming, wrapping, comparing, checking; charsets and types; units, hashes, random numbers.
 */
#include <ctype.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>
#include "base/text.h"
#include "conf/charset.h"
#include "cmd/cmds.h"
#include "request/codec.h"
#include "interp/interp.h"
#include "cmd/text/text.h"

/* ------------------------------------------------------------------------------------------------ trimming, wrapping */

typedef struct TrimRules {
    const char *delimiter;                     /* one character, or NULL */
    const char *prefix;                        /* or NULL */
} TrimRules;

/* Blanks at the start of the line go, with the delimiter behind them; or the prefix goes. */
static const char *
TrimmedLine(const char *line, const TrimRules *rules)
{
    if (rules->prefix != NULL) {
        size_t len = strlen(rules->prefix);

        return strncmp(line, rules->prefix, len) == 0 ? line + len : line;
    }
    line += strspn(line, " ");
    if (rules->delimiter != NULL) {
        size_t len = strlen(rules->delimiter);

        if (strncmp(line, rules->delimiter, len) == 0) {
            line += len;
        }
    }
    return line;
}

static void
AppendTrimmed(Tcl_DString *ds, const char *text, size_t len, const TrimRules *rules)
{
    const char *end;

    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    for (end = text + len; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *lineEnd = newline != NULL ? newline + 1 : end;
        const char *start = TrimmedLine(text, rules);

        if (start < lineEnd) {
            Tcl_DStringAppend(ds, start, (int)(lineEnd - start));
        }
        text = lineEnd;
    }
}

static int
TrimObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         subst = 0, len;
    TrimRules   rules = {NULL, NULL};
    Tcl_Obj    *textObj;
    const char *text;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-subst", Ns_ObjvBool, &subst, NULL}, {"-delimiter", Ns_ObjvString, &rules.delimiter, NULL},
        {"-prefix", Ns_ObjvString, &rules.prefix, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"text", Ns_ObjvObj, &textObj, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (rules.delimiter != NULL && Tcl_NumUtfChars(rules.delimiter, -1) != 1) {
        Ns_TclPrintfResult(interp, "invalid arguments: -delimiter must be a single character");
        return TCL_ERROR;
    }
    if (subst) {
        textObj = Tcl_SubstObj(interp, textObj, TCL_SUBST_ALL);
        if (textObj == NULL) {
            return TCL_ERROR;
        }
    }
    Tcl_IncrRefCount(textObj);
    text = Tcl_GetStringFromObj(textObj, &len);
    Tcl_DStringInit(&ds);
    AppendTrimmed(&ds, text, (size_t)len, &rules);
    Tcl_DecrRefCount(textObj);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/*
 * Greedy line breaking.  Each word comes with the blanks before it; where a line is too long for them both, the blanks
 * become a line end.  Line ends in the text stay.
 */
static void
AppendReflown(Tcl_DString *ds, const char *text, int width, int offset, const char *prefix)
{
    int  column = offset;
    bool lineStart = true;

    if (offset == 0) {
        Tcl_DStringAppend(ds, prefix, -1);
    }
    while (*text != '\0') {
        size_t blanks = strspn(text, " \t"), word = strcspn(text + blanks, " \t\n");
        int    columns = (int)blanks + Tcl_NumUtfChars(text + blanks, (int)word);

        if (!lineStart && word > 0 && column + columns > width) {
            Tcl_DStringAppend(ds, "\n", 1);
            Tcl_DStringAppend(ds, prefix, -1);
            text += blanks;
            columns -= (int)blanks;
            blanks = 0;
            column = 0;
        }
        Tcl_DStringAppend(ds, text, (int)(blanks + word));
        text += blanks + word;
        column += columns;
        lineStart = lineStart && word == 0;
        if (*text == '\n') {
            Tcl_DStringAppend(ds, text++, 1);
            Tcl_DStringAppend(ds, prefix, *text != '\0' ? -1 : 0);
            column = 0;
            lineStart = true;
        }
    }
}

static int
ReflowTextObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvValueRange widthRange = {5, INT_MAX}, offsetRange = {0, INT_MAX};
    int         width = 80, offset = 0;
    char       *prefix = "", *text;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-width", Ns_ObjvInt, &width, &widthRange}, {"-offset", Ns_ObjvInt, &offset, &offsetRange},
        {"-prefix", Ns_ObjvString, &prefix, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"text", Ns_ObjvString, &text, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    AppendReflown(&ds, text, width, offset, prefix);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------------------ comparing, checking */

static int
StrcollObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *localeName = "C", *string1, *string2;
    locale_t    locale;
    int         order;
    Ns_ObjvSpec opts[] = {
        {"-locale", Ns_ObjvString, &localeName, NULL}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"string1", Ns_ObjvString, &string1, NULL}, {"string2", Ns_ObjvString, &string2, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    locale = newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, localeName, (locale_t)0);
    if (locale == (locale_t)0) {
        Ns_TclPrintfResult(interp, "specified locale '%s' is not available", localeName);
        return TCL_ERROR;
    }
    order = strcoll_l(string1, string2, locale);
    freelocale(locale);
    Tcl_SetObjResult(interp, Tcl_NewIntObj(order));
    return TCL_OK;
}

#define MAX_SHOWN 40                           /* of what is fine */

/* How many bytes the character that starts with this one should have. */
static size_t
SequenceLength(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static void
AppendPrintable(Tcl_DString *ds, const char *bytes, size_t len)
{
    char escaped[8];

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c < 0x80 && c != '\0') {
            Tcl_DStringAppend(ds, bytes + i, 1);
        } else {
            Tcl_DStringAppend(ds, escaped, snprintf(escaped, sizeof(escaped), "\\x%02x", c));
        }
    }
}

/* What is before the first wrong character, the wrong one between bars, and dots if it was not merely cut off. */
static void
DescribeInvalid(Tcl_DString *ds, const char *bytes, size_t len)
{
    size_t at = 0, size, shown;

    for (;;) {
        size = SequenceLength((unsigned char)bytes[at]);
        if (at + size > len || !NsTextIsUtf8(bytes + at, size)) {
            break;
        }
        at += size;
    }
    shown = at + size <= len ? size : len - at;
    AppendPrintable(ds, bytes, at);
    if (Tcl_DStringLength(ds) > MAX_SHOWN) {
        Tcl_DStringSetLength(ds, MAX_SHOWN);
        Tcl_DStringAppend(ds, "...", 3);
    }
    Tcl_DStringAppend(ds, "|", 1);
    AppendPrintable(ds, bytes + at, shown);
    Tcl_DStringAppend(ds, "|", 1);
    if (shown == size && (size > 1 || at + size < len)) {
        Tcl_DStringAppend(ds, "...", 3);
    }
}

static int
ValidUtf8ObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *string, *variable = NULL;
    Tcl_DString bytes, message;
    size_t      len;
    const char *data;
    bool        valid;
    int         status = TCL_OK;
    Ns_ObjvSpec args[] = {
        {"string", Ns_ObjvObj, &string, NULL}, {"?varname", Ns_ObjvObj, &variable, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&bytes);
    Tcl_DStringInit(&message);
    data = NsObjBytes(string, true, &bytes, &len);         /* a byte per character */
    valid = NsTextIsUtf8(data, len);
    if (!valid && variable != NULL) {
        DescribeInvalid(&message, data, len);
        if (Tcl_ObjSetVar2(interp, variable, NULL, Tcl_NewStringObj(Tcl_DStringValue(&message), -1),
                           TCL_LEAVE_ERR_MSG) == NULL) {
            status = TCL_ERROR;
        }
    }
    if (status == TCL_OK) {
        Tcl_SetObjResult(interp, Tcl_NewBooleanObj(valid));
    }
    Tcl_DStringFree(&bytes);
    Tcl_DStringFree(&message);
    return status;
}

/* A number of 16 bits? */
static int
IsSmallIntObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int value;

    if (objc != 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "value");
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(Tcl_GetIntFromObj(NULL, objv[1], &value) == TCL_OK && value >= SHRT_MIN
                                               && value <= SHRT_MAX));
    return TCL_OK;
}

/* --------------------------------------------------------------------------------------------- charsets and file types */

static int
CharsetsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsCharsetNames());
    return TCL_OK;
}

static int
EncodingForCharsetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *charset;
    int         len;
    const char *name;
    Ns_ObjvSpec args[] = {{"charset", Ns_ObjvString, &charset, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    name = NsCharsetTclName(charset, (size_t)len);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(name != NULL ? name : "", -1));
    return TCL_OK;
}

static int
EncodingForTypeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *context = clientData;
    const char     *charset = NULL, *name;
    bool            binary;
    Tcl_Encoding    encoding;

    if (objc != 2) {
        Tcl_WrongNumArgs(interp, 1, objv, "mimetype");
        return TCL_ERROR;
    }
    if (context != NULL && context->server != NULL) {
        charset = context->server->opts.outputCharset;
    }
    encoding = NsTypeEncoding(Tcl_GetString(objv[1]), charset != NULL ? charset : "utf-8", &binary);
    name = encoding != NULL ? Tcl_GetEncodingName(encoding) : binary ? "binary" : "";
    Tcl_SetObjResult(interp, Tcl_NewStringObj(name, -1));
    return TCL_OK;
}

static int
GuessTypeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *file;
    Ns_ObjvSpec args[] = {{"filename", Ns_ObjvString, &file, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Ns_GetMimeType(file), -1));
    return TCL_OK;
}

/* ------------------------------------------------------------------------------------- units, hashes, random numbers */

static int
BaseUnitObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *sizeObj = NULL;
    Ns_Time    *duration = NULL;
    Tcl_WideInt size;
    Tcl_DString ds;
    Ns_ObjvSpec opts[] = {
        {"-size", Ns_ObjvObj, &sizeObj, NULL}, {"-time", Ns_ObjvTime, &duration, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if ((sizeObj != NULL) == (duration != NULL)) {
        Ns_TclPrintfResult(interp, "either -size or -time must be specified");
        return TCL_ERROR;
    }
    if (duration != NULL) {
        Tcl_DStringInit(&ds);
        Ns_DStringAppendTime(&ds, duration);
        Tcl_DStringResult(interp, &ds);
        return TCL_OK;
    }
    if (Ns_TclGetMemUnitFromObj(interp, sizeObj, &size) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(size));
    return TCL_OK;
}

static int
HashObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *value;
    int         len;
    unsigned    hash = 0;
    Ns_ObjvSpec args[] = {{"value", Ns_ObjvString, &value, &len}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < len; i++) {
        hash = hash * 9 + (unsigned char)value[i];
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj((int)hash));
    return TCL_OK;
}

static int
CryptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char       *key, *salt;
    int         code = TCL_ERROR;
    Tcl_DString ds;
    Ns_ObjvSpec args[] = {
        {"key", Ns_ObjvString, &key, NULL}, {"salt", Ns_ObjvString, &salt, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (strstr(key, "\xC0\x80") != NULL) {
        Ns_TclPrintfResult(interp, "the key has a NUL");           /* what is behind it would not count */
    } else if (!Ns_PasswordCrypt(&ds, key, salt)) {
        Ns_TclPrintfResult(interp, "invalid salt \"%s\"", salt);
    } else {
        Tcl_DStringResult(interp, &ds);
        code = TCL_OK;
    }
    Tcl_DStringFree(&ds);
    return code;
}

/* 0 <= number < 1; 53 random bits. */
static double
RandomFraction(void)
{
    uint64_t bits;

    if (RAND_bytes((unsigned char *)&bits, sizeof(bits)) != 1) {
        Ns_Fatal("no random bytes");
    }
    return (double)(bits >> 11) / 9007199254740992.0;
}

/* A fraction, or an integer (or a fraction, if the bound is one) below `maximum`. */
static int
RandObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *maximum = NULL;
    Tcl_WideInt limit;
    double      bound = 1.0;
    Ns_ObjvSpec args[] = {{"?maximum", Ns_ObjvObj, &maximum, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (maximum != NULL && Tcl_GetWideIntFromObj(NULL, maximum, &limit) == TCL_OK && limit > 0) {
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)(RandomFraction() * (double)limit)));
        return TCL_OK;
    }
    if (maximum != NULL && Tcl_GetDoubleFromObj(interp, maximum, &bound) != TCL_OK) {
        return TCL_ERROR;
    }
    if (bound <= 0) {
        Ns_TclPrintfResult(interp, "invalid max \"%s\": must be > 0", Tcl_GetString(maximum));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewDoubleObj(RandomFraction() * bound));
    return TCL_OK;
}

extern const NsCmd nsTextCmds[];
const NsCmd nsTextCmds[] = {
    {"ns_baseunit",           BaseUnitObjCmd,           NS_CMD_CONFIG},
    {"ns_charsets",           CharsetsObjCmd,           NS_CMD_CONFIG},
    {"ns_crypt",              CryptObjCmd,              NS_CMD_CONFIG},
    {"ns_encodingforcharset", EncodingForCharsetObjCmd, NS_CMD_CONFIG},
    {"ns_encodingfortype",    EncodingForTypeObjCmd,    NS_CMD_CONFIG},
    {"ns_guesstype",          GuessTypeObjCmd,          0},
    {"ns_hash",               HashObjCmd,               NS_CMD_CONFIG},
    {"ns_ip",                 NsIpObjCmd,               NS_CMD_CONFIG},
    {"ns_issmallint",         IsSmallIntObjCmd,         NS_CMD_CONFIG},
    {"ns_rand",               RandObjCmd,               NS_CMD_CONFIG},
    {"ns_reflow_text",        ReflowTextObjCmd,         NS_CMD_CONFIG},
    {"ns_strcoll",            StrcollObjCmd,            NS_CMD_CONFIG},
    {"ns_subnetmatch",        NsSubnetMatchObjCmd,      NS_CMD_CONFIG},
    {"ns_trim",               TrimObjCmd,               NS_CMD_CONFIG},
    {"ns_valid_utf8",         ValidUtf8ObjCmd,          NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
