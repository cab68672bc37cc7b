/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ns_Str* and others: what modules do with strings in C.
 */
#include "ns.h"
#include "base/random.h"
#include "base/text.h"

static bool
IsBlank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char *
Ns_StrTrimLeft(char *chars)
{
    while (IsBlank(*chars)) {
        chars++;
    }
    return chars;
}

char *
Ns_StrTrimRight(char *chars)
{
    size_t len = strlen(chars);

    while (len > 0 && IsBlank(chars[len - 1])) {
        chars[--len] = '\0';
    }
    return chars;
}

char *
Ns_StrTrim(char *chars)
{
    return Ns_StrTrimLeft(Ns_StrTrimRight(chars));
}

char *
Ns_StrToLower(char *chars)
{
    for (char *at = chars; *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 'a' - 'A' : *at);
    }
    return chars;
}

char *
Ns_StrToUpper(char *chars)
{
    for (char *at = chars; *at != '\0'; at++) {
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at + 'A' - 'a' : *at);
    }
    return chars;
}

/* Decimal, or hexadecimal after 0x; blanks around it are fine. */
Ns_ReturnCode
Ns_StrToWideInt(const char *chars, Tcl_WideInt *intPtr)
{
    const char *at = chars;
    char       *end;
    long long   value;

    while (IsBlank(*at)) {
        at++;
    }
    errno = 0;
    value = strtoll(at, &end, (*at == '0' && (at[1] == 'x' || at[1] == 'X')) ? 16 : 10);
    if (end == at || errno != 0) {
        return NS_ERROR;
    }
    while (IsBlank(*end)) {
        end++;
    }
    if (*end != '\0') {
        return NS_ERROR;
    }
    *intPtr = value;
    return NS_OK;
}

Ns_ReturnCode
Ns_StrToInt(const char *chars, int *intPtr)
{
    Tcl_WideInt value = 0;

    if (Ns_StrToWideInt(chars, &value) != NS_OK || value < INT_MIN || value > INT_MAX) {
        return NS_ERROR;
    }
    *intPtr = (int)value;
    return NS_OK;
}

Ns_ReturnCode
Ns_StrToMemUnit(const char *chars, Tcl_WideInt *intPtr)
{
    return Ns_GetMemUnitFromString(NULL, chars, intPtr);
}

bool
Ns_StrToULongNStrict(const char *s, size_t len, int base, unsigned long *value)
{
    unsigned long sum = 0;

    if (len == 0 || (base != 10 && base != 16)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = s[i] >= '0' && s[i] <= '9' ? s[i] - '0'
                  : s[i] >= 'a' && s[i] <= 'f' ? s[i] - 'a' + 10
                  : s[i] >= 'A' && s[i] <= 'F' ? s[i] - 'A' + 10 : 99;

        if (digit >= base || __builtin_mul_overflow(sum, (unsigned long)base, &sum)
            || __builtin_add_overflow(sum, (unsigned long)digit, &sum)) {
            return false;
        }
    }
    *value = sum;
    return true;
}

const char *
Ns_StrCaseFind(const char *chars, const char *subString)
{
    return strcasestr(chars, subString);
}

const char *
Ns_StrNStr(const char *chars, const char *subString)
{
    return strcasestr(chars, subString);
}

const char *
Ns_Match(const char *a, const char *b)
{
    size_t len;

    if (a == NULL || b == NULL) {
        return NULL;
    }
    len = strlen(a);
    return strncasecmp(a, b, len) == 0 ? b + len : NULL;
}

const char *
Ns_NextWord(const char *line)
{
    while (*line != '\0' && !IsBlank(*line)) {
        line++;
    }
    while (IsBlank(*line)) {
        line++;
    }
    return line;
}

const char *
Ns_NullIfEmpty(const char *string)
{
    return string != NULL && *string != '\0' ? string : NULL;
}

bool
Ns_Is7bit(const char *bytes, size_t nrBytes)
{
    for (size_t i = 0; i < nrBytes; i++) {
        if (UCHAR(bytes[i]) > 0x7fu) {
            return false;
        }
    }
    return true;
}

ssize_t
Ns_UpperCharPos(const char *bytes, size_t nrBytes)
{
    for (size_t i = 0; i < nrBytes; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z') {
            return (ssize_t)i;
        }
    }
    return -1;
}

bool
Ns_Valid_UTF8(const unsigned char *bytes, size_t nrBytes, Tcl_DString *ds)
{
    const char *string = (const char *)bytes;
    size_t      at = 0, len;

    while (at < nrBytes && (len = NsTextCharLength(string + at, nrBytes - at)) > 0) {
        at += len;
    }
    if (at < nrBytes && ds != NULL) {
        Ns_DStringPrintf(ds, "byte %zu: 0x%02x begins no character of UTF-8", at, bytes[at]);
    }
    return at >= nrBytes;
}

size_t
Ns_Utf8FromCodePoint(uint32_t codePoint, char *dst)
{
    size_t len = codePoint < 0x80u ? 1u : codePoint < 0x800u ? 2u : codePoint < 0x10000u ? 3u : 4u;

    if (codePoint > 0x10ffffu || (codePoint >= 0xd800u && codePoint <= 0xdfffu)) {
        return 0;
    }
    if (len == 1u) {
        dst[0] = (char)codePoint;
        return 1;
    }
    for (size_t i = len - 1u; i > 0; i--, codePoint >>= 6) {
        dst[i] = (char)(0x80u | (codePoint & 0x3fu));
    }
    dst[0] = (char)((0xf00u >> len & 0xffu) | codePoint);
    return len;
}

const char *
Ns_ReturnCodeString(Ns_ReturnCode code)
{
    static const char *const names[] = {
        "NS_OK", "NS_ERROR", "NS_TIMEOUT", "NS_UNAUTHORIZED", "NS_FORBIDDEN", "NS_FILTER_BREAK", "NS_FILTER_RETURN", "NS_CONTINUE",
        "NS_FATAL"
    };
    int index = -(int)code;

    return index >= 0 && index < (int)(sizeof(names) / sizeof(names[0])) ? names[index] : "NS_UNKNOWN";
}

const char *
Ns_TclReturnCodeString(int code)
{
    static const char *const names[] = {"TCL_OK", "TCL_ERROR", "TCL_RETURN", "TCL_BREAK", "TCL_CONTINUE"};

    return code >= 0 && code <= TCL_CONTINUE ? names[code] : "TCL_UNKNOWN";
}

char *
Ns_HexString(const unsigned char *octets, char *output, TCL_SIZE_T size, bool isUpper)
{
    const char *digits = isUpper ? "0123456789ABCDEF" : "0123456789abcdef";

    for (TCL_SIZE_T i = 0; i < size; i++) {
        output[2 * i] = digits[octets[i] >> 4];
        output[2 * i + 1] = digits[octets[i] & 0x0fu];
    }
    output[2 * size] = '\0';
    return output;
}

/* 53 bits are what a double has room for. */
double
Ns_DRand(void)
{
    uint64_t bits;

    NsRandomBytes(&bits, sizeof(bits));
    return (double)(bits >> 11) * 0x1p-53;
}

const char *
Ns_FilterTypeString(Ns_FilterType when)
{
    switch (when) {
    case NS_FILTER_PRE_AUTH:   return "preauth";
    case NS_FILTER_POST_AUTH:  return "postauth";
    case NS_FILTER_TRACE:      return "trace";
    case NS_FILTER_VOID_TRACE: return "voidtrace";
    default:                   return "unknown";
    }
}
