/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The JSON parser: a loop over values, with the open containers on a stack of its own.
 */
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "json/parse.h"

#define LEVELS_AT_HAND 32                      /* more of them are allocated */
#define NUMBER_AT_HAND 64

const char *const nsJsonTypeNames[NS_JSON_TYPES] = {"string", "number", "boolean", "null", "object", "array"};

typedef struct Level {
    NsJsonType type;
    size_t     count;                          /* of complete elements */
} Level;

typedef struct Parser {
    const char          *start, *p, *end;
    const NsJsonOptions *options;
    const NsJsonHandler *handler;
    void                *arg;
    Level               *levels;
    size_t               depth, capacity, maxDepth;
    Tcl_DString          scratch;              /* a string that has escapes */
    NsJsonError         *error;
    Level                atHand[LEVELS_AT_HAND];
} Parser;

static bool __attribute__((format(printf, 3, 4), cold))
Fail(Parser *parser, const char *where, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(parser->error->text, sizeof(parser->error->text), format, args);
    va_end(args);
    parser->error->at = (size_t)(where - parser->start);
    return false;
}

/* The handler has had enough. */
static bool
Ended(Parser *parser)
{
    return Fail(parser, parser->p, "%s", "");
}

static inline bool
IsBlank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline bool
IsDigit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

static inline void
SkipBlanks(Parser *parser)
{
    while (parser->p < parser->end && IsBlank(*parser->p)) {
        parser->p++;
    }
}

static bool
Unexpected(Parser *parser)
{
    size_t left = (size_t)(parser->end - parser->p), n;

    if (left == 0) {
        return Fail(parser, parser->p, "unexpected end of input");
    }
    n = NsTextCharLength(parser->p, left);
    if (n == 0) {
        return Fail(parser, parser->p, "unexpected byte 0x%02x", (unsigned char)*parser->p);
    }
    return Fail(parser, parser->p, "unexpected character '%.*s'", (int)n, parser->p);
}

/* ---------------------------------------------------------------------------------------------------------- strings */

/* Has one of these eight bytes a meaning in a string: a quote, a backslash, a control character, or is it no ASCII? */
static inline bool
IsSpecialIn(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t       quote = word ^ ones * '"', backslash = word ^ ones * '\\';

    return (((quote - ones) | (backslash - ones) | (word - ones * 0x20u) | word) & highs) != 0;
}

/* The first byte from `p` on that has a meaning in a string; the end is found by the caller. */
static const char *
PlainEnd(const char *p, const char *end)
{
    uint64_t word;

    for (; end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        if (IsSpecialIn(word)) {
            break;
        }
    }
    while (p < end && *p != '"' && *p != '\\' && (signed char)*p >= 0x20) {
        p++;
    }
    return p;
}

/* Four hex digits at parser->p, which moves behind them. */
static bool
HexUnit(Parser *parser, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, parser->p++) {
        unsigned char c;

        if (parser->p == parser->end) {
            return Fail(parser, parser->p, "unterminated string");
        }
        c = (unsigned char)*parser->p;
        if (c >= '0' && c <= '9') {
            *unit = *unit << 4 | (unsigned)(c - '0');
        } else if ((c | 0x20u) >= 'a' && (c | 0x20u) <= 'f') {
            *unit = *unit << 4 | ((c | 0x20u) - 'a' + 10u);
        } else {
            return Fail(parser, parser->p, "invalid unicode escape");
        }
    }
    return true;
}

static void
PutChar(Tcl_DString *ds, unsigned c)
{
    char bytes[4];
    int  n;

    if (c < 0x80u) {
        bytes[0] = (char)c;
        n = 1;
    } else if (c < 0x800u) {
        bytes[0] = (char)(0xc0u | c >> 6);
        n = 2;
    } else if (c < 0x10000u) {
        bytes[0] = (char)(0xe0u | c >> 12);
        n = 3;
    } else {
        bytes[0] = (char)(0xf0u | c >> 18);
        n = 4;
    }
    for (int i = n - 1; i > 0; i--, c >>= 6) {
        bytes[i] = (char)(0x80u | (c & 0x3fu));
    }
    Tcl_DStringAppend(ds, bytes, n);
}

/* Behind "\u": the character, which past U+FFFF has a second escape. */
static bool
UnicodeEscape(Parser *parser)
{
    unsigned c, low;

    if (!HexUnit(parser, &c)) {
        return false;
    }
    if (c >= 0xdc00u && c <= 0xdfffu) {
        return Fail(parser, parser->p - 1, "unexpected low surrogate");
    }
    if (c >= 0xd800u && c <= 0xdbffu) {
        if (parser->end - parser->p < 2) {
            return Fail(parser, parser->p, "missing low surrogate");
        }
        if (parser->p[0] != '\\' || parser->p[1] != 'u') {
            return Fail(parser, parser->p + 1, "missing low surrogate");
        }
        parser->p += 2;
        if (!HexUnit(parser, &low)) {
            return false;
        }
        if (low < 0xdc00u || low > 0xdfffu) {
            return Fail(parser, parser->p - 1, "invalid low surrogate");
        }
        c = 0x10000u + ((c & 0x3ffu) << 10 | (low & 0x3ffu));
    }
    PutChar(&parser->scratch, c);
    return true;
}

/* At a backslash. */
static bool
Escape(Parser *parser)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char       *letter;

    parser->p++;
    if (parser->p == parser->end) {
        return Fail(parser, parser->p, "unterminated string");
    }
    if (*parser->p == 'u') {
        parser->p++;
        return UnicodeEscape(parser);
    }
    letter = *parser->p == '\0' ? NULL : strchr(letters, *parser->p);
    if (letter == NULL) {
        size_t n = NsTextCharLength(parser->p, (size_t)(parser->end - parser->p));

        return n == 0 ? Unexpected(parser) : Fail(parser, parser->p, "invalid escape '\\%.*s'", (int)n, parser->p);
    }
    Tcl_DStringAppend(&parser->scratch, meanings + (letter - letters), 1);
    parser->p++;
    return true;
}

/* What is no plain character: at parser->p, which moves on unless it is the closing quote. */
static bool
SpecialChar(Parser *parser, bool *hasEscapes, const char **run)
{
    bool   good = true;
    size_t n;

    if (parser->p == parser->end) {
        good = Fail(parser, parser->p, "unterminated string");
    } else if (*parser->p == '\\') {
        if (!*hasEscapes) {
            *hasEscapes = true;
            Tcl_DStringSetLength(&parser->scratch, 0);
        }
        Tcl_DStringAppend(&parser->scratch, *run, (int)(parser->p - *run));
        good = Escape(parser);
        *run = parser->p;
    } else if ((unsigned char)*parser->p < 0x20u) {
        good = Fail(parser, parser->p, "unescaped control character in string");
    } else {
        n = NsTextCharLength(parser->p, (size_t)(parser->end - parser->p));
        if (n == 0) {
            good = Fail(parser, parser->p, "invalid UTF-8 in string");
        }
        parser->p += n;
    }
    return good;
}

/* Behind the opening quote; parser->p moves behind the closing one. */
static bool
String(Parser *parser, const char **text, size_t *len)
{
    const char *first = parser->p, *run = first;
    size_t      max = parser->options->maxString;
    bool        hasEscapes = false;

    for (;;) {
        parser->p = PlainEnd(parser->p, parser->end);
        if (parser->p < parser->end && *parser->p == '"') {
            break;
        }
        if (!SpecialChar(parser, &hasEscapes, &run)) {
            return false;
        }
    }
    if (hasEscapes) {
        Tcl_DStringAppend(&parser->scratch, run, (int)(parser->p - run));
        *text = Tcl_DStringValue(&parser->scratch);
        *len = (size_t)Tcl_DStringLength(&parser->scratch);
    } else {
        *text = first;
        *len = (size_t)(parser->p - first);
    }
    parser->p++;
    return max == 0 || *len <= max || Fail(parser, first, "string too long (max %zu)", max);
}

/* ---------------------------------------------------------------------------------------------------------- numbers */

/* Where the number ends that begins at `p`; NULL: there is none, and *bad is where that was seen. */
static const char *
NumberEnd(const char *p, const char *end, const char **bad)
{
    const char *part;

    if (p < end && *p == '-') {
        p++;
    }
    part = p;
    while (IsDigit(p, end)) {
        p++;
    }
    if (p == part || (*part == '0' && p - part > 1)) {
        *bad = p == part ? p : part + 1;
        return NULL;
    }
    if (p < end && *p == '.') {
        *bad = p++;
        if (!IsDigit(p, end)) {
            return NULL;
        }
        while (IsDigit(p, end)) {
            p++;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *bad = p++;
        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }
        if (!IsDigit(p, end)) {
            return NULL;
        }
        while (IsDigit(p, end)) {
            p++;
        }
    }
    return p;
}

bool
NsJsonIsNumber(const char *bytes, size_t len)
{
    const char *bad;

    return len > 0 && NumberEnd(bytes, bytes + len, &bad) == bytes + len;
}

static bool
CheckFinite(Parser *parser, const char *number, size_t len)
{
    char   atHand[NUMBER_AT_HAND], *copy = len < sizeof(atHand) ? atHand : ns_malloc(len + 1u);
    double value;

    /* What follows the number may look like more of it. */
    memcpy(copy, number, len);
    copy[len] = '\0';
    value = strtod(copy, NULL);
    if (copy != atHand) {
        ns_free(copy);
    }
    return isfinite(value)
           || Fail(parser, number, "number is not a finite Tcl double (%sInf)", *number == '-' ? "-" : "");
}

static bool
Number(Parser *parser)
{
    const char *first = parser->p, *bad, *end = NumberEnd(first, parser->end, &bad);
    size_t      len;

    if (end == NULL) {
        if (bad == first + 1 && *first == '-') {
            return Fail(parser, bad, bad == parser->end ? "unexpected end in number" : "expected digit after '-'");
        }
        return Fail(parser, bad, "invalid number");
    }
    len = (size_t)(end - first);
    if (parser->options->finite && !CheckFinite(parser, first, len)) {
        return false;
    }
    parser->p = end;
    return parser->handler->scalar(parser->arg, NS_JSON_NUMBER, first, len) || Ended(parser);
}

/* ------------------------------------------------------------------------------------------------ values, containers */

static bool
Literal(Parser *parser, const char *word, size_t len, NsJsonType type)
{
    if ((size_t)(parser->end - parser->p) < len || memcmp(parser->p, word, len) != 0) {
        return Fail(parser, parser->p, "invalid literal");
    }
    parser->p += len;
    return parser->handler->scalar(parser->arg, type, word, len) || Ended(parser);
}

static bool
Key(Parser *parser)
{
    const char *text;
    size_t      len;

    SkipBlanks(parser);
    if (parser->p == parser->end || *parser->p != '"') {
        return Fail(parser, parser->p - (parser->p == parser->end), "expected \"");
    }
    parser->p++;
    if (!String(parser, &text, &len)) {
        return false;
    }
    if (!parser->handler->key(parser->arg, text, len)) {
        return Ended(parser);
    }
    SkipBlanks(parser);
    if (parser->p == parser->end || *parser->p != ':') {
        return Fail(parser, parser->p, "expected ':'");
    }
    parser->p++;
    return true;
}

static bool
Push(Parser *parser, NsJsonType type)
{
    if (parser->depth == parser->maxDepth) {
        return Fail(parser, parser->p, "max depth exceeded");
    }
    if (parser->depth == parser->capacity) {
        size_t size = parser->capacity * sizeof(Level);

        parser->capacity *= 2;
        if (parser->levels == parser->atHand) {
            parser->levels = ns_malloc(2 * size);
            memcpy(parser->levels, parser->atHand, size);
        } else {
            parser->levels = ns_realloc(parser->levels, 2 * size);
        }
    }
    parser->levels[parser->depth++] = (Level){type, 0};
    parser->p++;
    return parser->handler->begin(parser->arg, type) || Ended(parser);
}

static bool
Pop(Parser *parser)
{
    Level *level = &parser->levels[--parser->depth];

    parser->p++;
    return parser->handler->end(parser->arg, level->type, level->count) || Ended(parser);
}

/* At a bracket.  *open: the first value is to follow. */
static bool
Container(Parser *parser, NsJsonType type, char close, bool *open)
{
    if (!Push(parser, type)) {
        return false;
    }
    SkipBlanks(parser);
    if (parser->p < parser->end && *parser->p == close) {
        return Pop(parser);
    }
    *open = true;
    return type == NS_JSON_ARRAY || Key(parser);
}

static bool
Value(Parser *parser, bool *open)
{
    const char *text;
    size_t      len;

    SkipBlanks(parser);
    *open = false;
    if (parser->p == parser->end) {
        return Unexpected(parser);
    }
    switch (*parser->p) {
    case '"':
        parser->p++;
        return String(parser, &text, &len)
               && (parser->handler->scalar(parser->arg, NS_JSON_STRING, text, len) || Ended(parser));
    case '{':
        return Container(parser, NS_JSON_OBJECT, '}', open);
    case '[':
        return Container(parser, NS_JSON_ARRAY, ']', open);
    case 't':
        return Literal(parser, "true", 4, NS_JSON_BOOLEAN);
    case 'f':
        return Literal(parser, "false", 5, NS_JSON_BOOLEAN);
    case 'n':
        return Literal(parser, "null", 4, NS_JSON_NULL);
    default:
        return *parser->p == '-' || IsDigit(parser->p, parser->end) ? Number(parser) : Unexpected(parser);
    }
}

/* Behind an element of a container.  *more: another one follows, else the container is complete as well. */
static bool
Next(Parser *parser, bool *more)
{
    Level *level = &parser->levels[parser->depth - 1];
    char   close = level->type == NS_JSON_OBJECT ? '}' : ']';

    level->count++;
    if (parser->options->maxContainer != 0 && level->count > parser->options->maxContainer) {
        return Fail(parser, parser->p, "max container size exceeded");
    }
    SkipBlanks(parser);
    *more = parser->p < parser->end && *parser->p == ',';
    if (*more) {
        parser->p++;
        return level->type == NS_JSON_ARRAY || Key(parser);
    }
    if (parser->p == parser->end || *parser->p != close) {
        return Fail(parser, parser->p, "expected ',' or '%c'", close);
    }
    return Pop(parser);
}

static bool
Document(Parser *parser)
{
    bool open;

    SkipBlanks(parser);
    if (parser->options->container && parser->p < parser->end && *parser->p != '{' && *parser->p != '[') {
        return Fail(parser, parser->p, "top-level value must be object or array (-top container)");
    }
    do {
        if (!Value(parser, &open)) {
            return false;
        }
        while (!open && parser->depth > 0) {
            if (!Next(parser, &open)) {
                return false;
            }
        }
    } while (open);
    return true;
}

bool
NsJsonParse(const char *bytes, size_t len, const NsJsonOptions *options, const NsJsonHandler *handler, void *arg, size_t *used,
            NsJsonError *error)
{
    Parser parser = {.start = bytes, .p = bytes, .end = bytes + len, .options = options, .handler = handler, .arg = arg,
                     .capacity = LEVELS_AT_HAND, .error = error};
    bool   good;

    parser.levels = parser.atHand;
    parser.maxDepth = options->maxDepth == 0 || options->maxDepth > NS_JSON_MAX_DEPTH ? NS_JSON_MAX_DEPTH : options->maxDepth;
    Tcl_DStringInit(&parser.scratch);
    /* Lengths of Tcl's texts are ints. */
    good = len <= INT_MAX / 2 ? Document(&parser) : Fail(&parser, bytes, "more than %d bytes", INT_MAX / 2);
    *used = (size_t)(parser.p - bytes);
    Tcl_DStringFree(&parser.scratch);
    if (parser.levels != parser.atHand) {
        ns_free(parser.levels);
    }
    return good;
}

static bool IgnoreBegin(void *arg, NsJsonType type)                                      { return true; }
static bool IgnoreEnd(void *arg, NsJsonType type, size_t count)                          { return true; }
static bool IgnoreKey(void *arg, const char *text, size_t len)                           { return true; }
static bool IgnoreScalar(void *arg, NsJsonType type, const char *text, size_t len)       { return true; }

bool
NsJsonCheck(const char *bytes, size_t len, const NsJsonOptions *options, size_t *used, NsJsonError *error)
{
    static const NsJsonHandler handler = {IgnoreBegin, IgnoreEnd, IgnoreKey, IgnoreScalar};

    return NsJsonParse(bytes, len, options, &handler, NULL, used, error);
}

size_t
NsJsonSkipBlanks(const char *bytes, size_t len, size_t at)
{
    while (at < len && IsBlank(bytes[at])) {
        at++;
    }
    return at;
}
