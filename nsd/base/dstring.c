/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ns_DString*: what modules do with Tcl's dynamic strings.
 */
#include "ns.h"

void
Ns_DStringInit(Tcl_DString *ds)
{
    Tcl_DStringInit(ds);
}

void
Ns_DStringFree(Tcl_DString *ds)
{
    Tcl_DStringFree(ds);
}

char *
Ns_DStringValue(const Tcl_DString *ds)
{
    return Tcl_DStringValue(ds);
}

TCL_SIZE_T
Ns_DStringLength(const Tcl_DString *ds)
{
    return Tcl_DStringLength(ds);
}

void
Ns_DStringSetLength(Tcl_DString *ds, TCL_SIZE_T length)
{
    Tcl_DStringSetLength(ds, length);
}

void
Ns_DStringTrunc(Tcl_DString *ds, TCL_SIZE_T length)
{
    if (length < Tcl_DStringLength(ds)) {
        Tcl_DStringSetLength(ds, length);
    }
}

char *
Ns_DStringAppend(Tcl_DString *ds, const char *bytes)
{
    return Tcl_DStringAppend(ds, bytes, -1);
}

char *
Ns_DStringNAppend(Tcl_DString *ds, const char *bytes, TCL_SIZE_T length)
{
    return Tcl_DStringAppend(ds, bytes, length);
}

char *
Ns_DStringAppendElement(Tcl_DString *ds, const char *bytes)
{
    return Tcl_DStringAppendElement(ds, bytes);
}

char *
Ns_DStringVarAppend(Tcl_DString *ds, ...)
{
    const char *string;
    va_list     ap;

    va_start(ap, ds);
    while ((string = va_arg(ap, const char *)) != NULL) {
        Tcl_DStringAppend(ds, string, -1);
    }
    va_end(ap);
    return Tcl_DStringValue(ds);
}

/* Twice at most: the first attempt says how much room is needed. */
char *
Ns_DStringVPrintf(Tcl_DString *ds, const char *fmt, va_list ap)
{
    TCL_SIZE_T old = Tcl_DStringLength(ds);
    char       first[256];
    va_list    again;
    int        len;

    va_copy(again, ap);
    len = vsnprintf(first, sizeof(first), fmt, ap);
    if (len >= 0 && (size_t)len < sizeof(first)) {
        Tcl_DStringAppend(ds, first, len);
    } else if (len > 0) {
        Tcl_DStringSetLength(ds, old + len);
        (void)vsnprintf(Tcl_DStringValue(ds) + old, (size_t)len + 1u, fmt, again);
    }
    va_end(again);
    return Tcl_DStringValue(ds);
}

char *
Ns_DStringPrintf(Tcl_DString *ds, const char *fmt, ...)
{
    va_list ap;
    char   *result;

    va_start(ap, fmt);
    result = Ns_DStringVPrintf(ds, fmt, ap);
    va_end(ap);
    return result;
}

char *
Ns_DStringAppendArg(Tcl_DString *ds, const char *bytes)
{
    return Tcl_DStringAppend(ds, bytes, (TCL_SIZE_T)strlen(bytes) + 1);
}

/*
 * The array lies behind the strings, at an address that fits pointers; it is made after the buffer has grown, which may move it.
 */
char **
Ns_DStringAppendArgv(Tcl_DString *ds)
{
    size_t len = (size_t)Tcl_DStringLength(ds), start, count = 0;
    char **argv, *at, *end;

    for (size_t i = 0; i < len; i++) {
        count += Tcl_DStringValue(ds)[i] == '\0' ? 1u : 0u;
    }
    start = (len + 2u * sizeof(char *)) / sizeof(char *) * sizeof(char *);
    Tcl_DStringSetLength(ds, (TCL_SIZE_T)(start + (count + 1u) * sizeof(char *)));
    argv = ns_align_up(Tcl_DStringValue(ds) + start - sizeof(char *), sizeof(char *));
    at = Tcl_DStringValue(ds);
    end = at + len;
    for (size_t i = 0; i < count; i++) {
        argv[i] = at;
        at = (char *)memchr(at, '\0', (size_t)(end - at)) + 1;
    }
    argv[count] = NULL;
    return argv;
}

static void
AppendHex(Tcl_DString *ds, unsigned char byte)
{
    char hex[8];

    Tcl_DStringAppend(ds, hex, snprintf(hex, sizeof(hex), "\\x%02x", byte));
}

char *
Ns_DStringAppendEscaped(Tcl_DString *ds, const char *string)
{
    static const char plain[] = "\"\\\n\r\t\b\f\v", names[] = "\"\\nrtbfv";

    for (const char *at = string; *at != '\0'; at++) {
        const char *special = strchr(plain, *at);

        if (special != NULL) {
            char pair[2] = {'\\', names[special - plain]};

            Tcl_DStringAppend(ds, pair, 2);
        } else if (UCHAR(*at) < 0x20u || *at == 0x7f) {
            AppendHex(ds, UCHAR(*at));
        } else {
            Tcl_DStringAppend(ds, at, 1);
        }
    }
    return Tcl_DStringValue(ds);
}

char *
Ns_DStringAppendPrintable(Tcl_DString *ds, bool indentMode, bool tabExpandMode, const char *buffer, size_t len)
{
    size_t column = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = UCHAR(buffer[i]);

        if (byte == '\n') {
            Tcl_DStringAppend(ds, "\n", 1);
            if (indentMode && i + 1u < len) {
                Tcl_DStringAppend(ds, ":    ", 5);
            }
            column = 0;
        } else if (byte == '\t' && tabExpandMode) {
            size_t blanks = 8u - column % 8u;

            Tcl_DStringAppend(ds, "        ", (TCL_SIZE_T)blanks);
            column += blanks;
        } else if (byte >= 0x20u && byte < 0x7fu) {
            Tcl_DStringAppend(ds, &buffer[i], 1);
            column++;
        } else {
            AppendHex(ds, byte);
            column += 4u;
        }
    }
    return Tcl_DStringValue(ds);
}

char *
Ns_DStringExport(Tcl_DString *ds)
{
    char *copy = ns_malloc((size_t)Tcl_DStringLength(ds) + 1u);

    memcpy(copy, Tcl_DStringValue(ds), (size_t)Tcl_DStringLength(ds) + 1u);
    Tcl_DStringFree(ds);
    return copy;
}

Tcl_Obj *
Ns_DStringToObj(Tcl_DString *ds)
{
    Tcl_Obj *obj = Tcl_NewStringObj(Tcl_DStringValue(ds), Tcl_DStringLength(ds));

    Tcl_DStringFree(ds);
    return obj;
}

Tcl_DString *
Ns_DStringPop(void)
{
    Tcl_DString *ds = ns_malloc(sizeof(*ds));

    Tcl_DStringInit(ds);
    return ds;
}

void
Ns_DStringPush(Tcl_DString *ds)
{
    Tcl_DStringFree(ds);
    ns_free(ds);
}
