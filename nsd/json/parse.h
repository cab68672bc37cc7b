/* SPDX-License-Identifier: MPL-2.0 */
/*
 * JSON (RFC 8259) in: bytes become events.
 *
 * Strict: the grammar of the RFC and nothing else, texts are UTF-8, and an escaped surrogate has its other half.  Nothing is
 * kept of the input but what is open: a level of a few bytes for each container, and the text of one string that has escapes.
 * Pure functions over memory, any thread.
 */
#ifndef NSD_JSON_PARSE_H
#define NSD_JSON_PARSE_H

#include "ns.h"

typedef enum { NS_JSON_STRING, NS_JSON_NUMBER, NS_JSON_BOOLEAN, NS_JSON_NULL, NS_JSON_OBJECT, NS_JSON_ARRAY } NsJsonType;

#define NS_JSON_TYPES 6
extern const char *const nsJsonTypeNames[NS_JSON_TYPES];

#define NS_JSON_DEPTH     1000                 /* what callers who say nothing else take */
/* Whatever the caller says: text, lists and schemas of Tcl values are made by functions that call themselves for each level. */
#define NS_JSON_MAX_DEPTH 4000

typedef struct NsJsonOptions {
    size_t maxDepth;                           /* containers in containers; 0 and more than the maximum: the maximum */
    size_t maxString;                          /* bytes of a key or string without its escapes; 0: any */
    size_t maxContainer;                       /* elements of one container; 0: any */
    bool   container;                          /* at the top there must be an object or an array */
    bool   finite;                             /* a number that no double can hold is an error */
} NsJsonOptions;

/*
 * Called in the order of the text.  Strings and keys come decoded, in UTF-8, and may have NULs; numbers as they were written.
 * `text` is valid during the call, and not NUL-terminated.  Returning false ends the parse.
 */
typedef struct NsJsonHandler {
    bool (*begin)(void *arg, NsJsonType type);
    bool (*end)(void *arg, NsJsonType type, size_t count);
    bool (*key)(void *arg, const char *text, size_t len);
    bool (*scalar)(void *arg, NsJsonType type, const char *text, size_t len);
} NsJsonHandler;

typedef struct NsJsonError {
    size_t at;                                 /* which byte, from 0 */
    char   text[80];                           /* what is wrong there, in UTF-8; "" when the handler ended the parse */
} NsJsonError;

/*
 * Parse one value and the blanks before it.  True: *used is where it ends.  False: *error says why; the handler has got
 * what was before.
 */
bool NsJsonParse(const char *bytes, size_t len, const NsJsonOptions *options, const NsJsonHandler *handler, void *arg, size_t *used,
                 NsJsonError *error);
/* Only whether it is one: the same with nobody to hear of it. */
bool NsJsonCheck(const char *bytes, size_t len, const NsJsonOptions *options, size_t *used, NsJsonError *error);
/* Where the blanks end that begin at `at`. */
size_t NsJsonSkipBlanks(const char *bytes, size_t len, size_t at);
/* Is it a number as RFC 8259 writes them, and nothing else? */
bool NsJsonIsNumber(const char *bytes, size_t len);

#endif
