/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Charsets: a table of names, and for each the encoding once somebody needed it.
 */
#include <ctype.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "conf/charset.h"

/* Sorted by charset: it is searched by halves.  Several names may have one encoding; the first of them is the usual one. */
typedef struct Charset {
    const char *charset, *tclName;
    bool        alias;                         /* another name stands for the encoding when it is to be named */
} Charset;

static const Charset charsets[] = {
    {"ansi_x3.4-1968", "ascii", true},         {"ascii", "ascii", true},
    {"big5", "big5", false},                   {"cp1250", "cp1250", true},
    {"cp1251", "cp1251", true},                {"cp1252", "cp1252", true},
    {"cp1253", "cp1253", true},                {"cp1254", "cp1254", true},
    {"cp1255", "cp1255", true},                {"cp1256", "cp1256", true},
    {"cp1257", "cp1257", true},                {"cp1258", "cp1258", true},
    {"cp437", "cp437", true},                  {"cp850", "cp850", true},
    {"cp852", "cp852", true},                  {"cp855", "cp855", true},
    {"cp857", "cp857", true},                  {"cp860", "cp860", true},
    {"cp861", "cp861", true},                  {"cp862", "cp862", true},
    {"cp863", "cp863", true},                  {"cp864", "cp864", true},
    {"cp865", "cp865", true},                  {"cp866", "cp866", true},
    {"cp869", "cp869", true},                  {"cp936", "cp936", true},
    {"csbig5", "big5", true},                  {"euc-cn", "euc-cn", false},
    {"euc-jp", "euc-jp", false},               {"euc-kr", "euc-kr", false},
    {"gb12345", "gb12345", false},             {"gb2312", "gb2312", false},
    {"gb_1988-80", "gb1988", false},           {"gb_2312-80", "gb2312", true},
    {"gbk", "cp936", false},                   {"ibm437", "cp437", false},
    {"ibm737", "cp737", false},                {"ibm775", "cp775", false},
    {"ibm850", "cp850", false},                {"ibm852", "cp852", false},
    {"ibm855", "cp855", false},                {"ibm857", "cp857", false},
    {"ibm860", "cp860", false},                {"ibm861", "cp861", false},
    {"ibm862", "cp862", false},                {"ibm863", "cp863", false},
    {"ibm864", "cp864", false},                {"ibm865", "cp865", false},
    {"ibm866", "cp866", false},                {"ibm869", "cp869", false},
    {"iso-2022-jp", "iso2022-jp", false},      {"iso-2022-kr", "iso2022-kr", false},
    {"iso-8859-1", "iso8859-1", false},        {"iso-8859-10", "iso8859-10", false},
    {"iso-8859-11", "iso8859-11", false},      {"iso-8859-13", "iso8859-13", false},
    {"iso-8859-14", "iso8859-14", false},      {"iso-8859-15", "iso8859-15", false},
    {"iso-8859-16", "iso8859-16", false},      {"iso-8859-2", "iso8859-2", false},
    {"iso-8859-3", "iso8859-3", false},        {"iso-8859-4", "iso8859-4", false},
    {"iso-8859-5", "iso8859-5", false},        {"iso-8859-6", "iso8859-6", false},
    {"iso-8859-7", "iso8859-7", false},        {"iso-8859-8", "iso8859-8", false},
    {"iso-8859-9", "iso8859-9", false},        {"iso2022-jp", "iso2022-jp", true},
    {"iso2022-kr", "iso2022-kr", true},        {"iso8859-1", "iso8859-1", true},
    {"iso8859-10", "iso8859-10", true},        {"iso8859-11", "iso8859-11", true},
    {"iso8859-13", "iso8859-13", true},        {"iso8859-14", "iso8859-14", true},
    {"iso8859-15", "iso8859-15", true},        {"iso8859-16", "iso8859-16", true},
    {"iso8859-2", "iso8859-2", true},          {"iso8859-3", "iso8859-3", true},
    {"iso8859-4", "iso8859-4", true},          {"iso8859-5", "iso8859-5", true},
    {"iso8859-6", "iso8859-6", true},          {"iso8859-7", "iso8859-7", true},
    {"iso8859-8", "iso8859-8", true},          {"iso8859-9", "iso8859-9", true},
    {"jis_c6226-1983", "jis0208", false},      {"jis_x0201", "jis0201", false},
    {"jis_x0212-1990", "jis0212", false},      {"koi8-r", "koi8-r", false},
    {"koi8-u", "koi8-u", false},               {"ks_c_5601-1987", "ksc5601", false},
    {"ksc5601", "ksc5601", true},              {"macintosh", "macRoman", false},
    {"macroman", "macRoman", true},            {"ms936", "cp936", true},
    {"shift_jis", "shiftjis", false},          {"shiftjis", "shiftjis", true},
    {"tis-620", "tis-620", false},             {"us-ascii", "ascii", false},
    {"utf-8", "utf-8", false},                 {"windows-1250", "cp1250", false},
    {"windows-1251", "cp1251", false},         {"windows-1252", "cp1252", false},
    {"windows-1253", "cp1253", false},         {"windows-1254", "cp1254", false},
    {"windows-1255", "cp1255", false},         {"windows-1256", "cp1256", false},
    {"windows-1257", "cp1257", false},         {"windows-1258", "cp1258", false},
    {"windows-31j", "cp932", false},           {"windows-874", "cp874", false},
    {"windows-949", "cp949", false}
};
#define NCHARSETS (sizeof(charsets) / sizeof(charsets[0]))

static _Atomic(Tcl_Encoding) encodings[NCHARSETS];         /* of the charset at the same place */

static void
TrimBlanks(const char **text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && isspace((unsigned char)(*text)[*len - 1])) {
        (*len)--;
    }
}

static const Charset *
Find(const char *name, size_t len)
{
    size_t low = 0, high = NCHARSETS;

    TrimBlanks(&name, &len);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int    order = strncasecmp(name, charsets[middle].charset, len);

        if (order == 0 && charsets[middle].charset[len] != '\0') {
            order = -1;
        }
        if (order == 0) {
            return &charsets[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

Tcl_Encoding
NsCharsetEncodingSz(const char *charset, size_t len)
{
    const Charset        *entry = Find(charset, len);
    _Atomic(Tcl_Encoding) *kept;
    Tcl_Encoding          encoding, expected = NULL;

    if (entry == NULL) {
        return NULL;
    }
    kept = &encodings[entry - charsets];
    encoding = atomic_load(kept);
    if (encoding == NULL) {
        encoding = Tcl_GetEncoding(NULL, entry->tclName);
        if (encoding != NULL && !atomic_compare_exchange_strong(kept, &expected, encoding)) {
            Tcl_FreeEncoding(encoding);        /* another thread was first */
            encoding = expected;
        }
    }
    return encoding;
}

Tcl_Encoding
NsCharsetEncoding(const char *charset)
{
    return NsCharsetEncodingSz(charset, strlen(charset));
}

const char *
NsCharsetTclName(const char *charset, size_t len)
{
    const Charset *entry = Find(charset, len);

    return entry != NULL ? entry->tclName : NULL;
}

const char *
NsEncodingCharset(const char *tclName)
{
    for (size_t i = 0; i < NCHARSETS; i++) {
        if (!charsets[i].alias && strcmp(charsets[i].tclName, tclName) == 0) {
            return charsets[i].charset;
        }
    }
    return tclName;
}

bool
NsEncodingIsUtf8(Tcl_Encoding encoding)
{
    return encoding != NULL && encoding == NsCharsetEncodingSz("utf-8", 5);
}

void
NsCharsetDecode(Tcl_DString *ds, Tcl_Encoding encoding, const char *bytes, size_t len)
{
    if (NsEncodingIsUtf8(encoding)) {
        NsTextAppendIn(ds, bytes, len);
    } else {
        Tcl_DString text;

        (void)Tcl_ExternalToUtfDString(encoding, bytes, (int)len, &text);
        Tcl_DStringAppend(ds, Tcl_DStringValue(&text), Tcl_DStringLength(&text));
        Tcl_DStringFree(&text);
    }
}

void
NsCharsetEncode(Tcl_DString *ds, Tcl_Encoding encoding, const char *text, size_t len)
{
    if (NsEncodingIsUtf8(encoding)) {
        NsTextAppendOut(ds, text, len);
    } else {
        Tcl_DString bytes;

        (void)Tcl_UtfToExternalDString(encoding, text, (int)len, &bytes);
        Tcl_DStringAppend(ds, Tcl_DStringValue(&bytes), Tcl_DStringLength(&bytes));
        Tcl_DStringFree(&bytes);
    }
}

Tcl_Obj *
NsCharsetDecodeObj(Tcl_Encoding encoding, const char *bytes, size_t len)
{
    Tcl_DString ds;
    Tcl_Obj    *obj;

    Tcl_DStringInit(&ds);
    NsCharsetDecode(&ds, encoding, bytes, len);
    obj = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return obj;
}

Tcl_Obj *
NsCharsetNames(void)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);

    for (size_t i = 0; i < NCHARSETS; i++) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(charsets[i].charset, -1));
    }
    return list;
}

const char *
NsTypeCharset(const char *type, size_t *len)
{
    const char *s = type;

    while ((s = strchr(s, ';')) != NULL) {
        s++;
        s += strspn(s, " \t");
        if (strncasecmp(s, "charset", 7) == 0) {
            const char *value = s + 7 + strspn(s + 7, " \t");

            if (*value == '=') {
                value++;
                value += strspn(value, " \t");
                if (*value == '"' || *value == '\'') {
                    *len = strcspn(value + 1, "\"'");
                    return value + 1;
                }
                *len = strcspn(value, "; \t\r\n");
                return value;
            }
        }
    }
    return NULL;
}

Tcl_Encoding
NsTypeEncoding(const char *type, const char *defaultCharset, bool *binary)
{
    size_t      len;
    const char *charset = NsTypeCharset(type, &len);

    *binary = false;
    if (charset != NULL) {
        return NsCharsetEncodingSz(charset, len);
    }
    if (strncasecmp(type, "text/", 5) == 0) {
        return NsCharsetEncoding(defaultCharset);
    }
    *binary = true;
    return NULL;
}
