/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How fast JSON is parsed, beside cJSON and jansson: the same documents in turns, in one process (make bench-json).
 *
 *   json ?--seconds N?                              each parser and document, best of the turns, and ratios
 *   json --only PARSER --document NAME --times N    for callgrind: see bench/json/instructions
 *
 * Parsers: events (json/parse alone, events thrown away), values (Tcl's lists and dicts), triples; cjson and jansson build a
 * tree.  All but `events` make and free what a program would use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef HAVE_CJSON
#include <cjson/cJSON.h>
#endif
#ifdef HAVE_JANSSON
#include <jansson.h>
#endif
#include "json/value.h"

#define TURNS 7

typedef struct Document {
    const char *name;
    void      (*make)(Tcl_DString *ds);
    Tcl_DString text;
} Document;

/* -------------------------------------------------------------------------------------------------------- documents */

static void
MakeMessage(Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, "{\"type\":\"message\",\"id\":184467,\"room\":\"lobby\",\"from\":{\"name\":\"Ann\",\"id\":17},\"text\":\"How is the weather up"
                      " there?\",\"sent\":\"2024-05-06T07:08:09Z\",\"tags\":[\"a\",\"b\"],\"reply\":null,\"urgent\":false}", -1);
}

static void
MakeRecords(Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, "[", 1);
    for (int i = 0; i < 2000; i++) {
        char record[400];
        int  n = snprintf(record, sizeof(record), "%s{\"id\":%d,\"name\":\"user number %d\",\"email\":\"user%d@example.com\",\"active\":%s,\"score\":%d.%02d,"
                          "\"tags\":[\"red\",\"green\",\"blue\"],\"address\":{\"street\":\"Long Street %d\",\"city\":\"Vienna\",\"zip\":\"%05d\"}}",
                          i > 0 ? "," : "", i * 7, i, i, i % 3 ? "true" : "false", i % 100, i % 97, i % 200, i * 13 % 100000);

        Tcl_DStringAppend(ds, record, n);
    }
    Tcl_DStringAppend(ds, "]", 1);
}

static void
MakeNumbers(Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, "[", 1);
    for (int i = 0; i < 30000; i++) {
        char number[60];

        Tcl_DStringAppend(ds, number, snprintf(number, sizeof(number), "%s%d.%d", i > 0 ? "," : "", i * 7919 % 100000 - 50000, i * 7 % 1000000));
    }
    Tcl_DStringAppend(ds, "]", 1);
}

static void
MakeTexts(Tcl_DString *ds)
{
    Tcl_DStringAppend(ds, "[", 1);
    for (int i = 0; i < 3000; i++) {
        Tcl_DStringAppend(ds, i > 0 ? "," : "", -1);
        Tcl_DStringAppend(ds, i % 4 == 0 ? "\"A line with \\\"quotes\\\" and an end\\nof it, and \\u00e9 \\ud83d\\ude00 more\""
                          : i % 4 == 1 ? "\"Stra\xc3\x9f" "e und \xe2\x82\xac und \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e und so weiter bis zum Ende\""
                          : "\"A longer line of plain text as there are so many in the documents that people send each other every day\"", -1);
    }
    Tcl_DStringAppend(ds, "]", 1);
}

static Document documents[] = {
    {.name = "message", .make = MakeMessage}, {.name = "records", .make = MakeRecords}, {.name = "numbers", .make = MakeNumbers},
    {.name = "texts", .make = MakeTexts}
};

/* ---------------------------------------------------------------------------------------------------------- parsers */

static bool OnContainer(void *arg, NsJsonType type) { ++*(size_t *)arg; return true; }
static bool OnEnd(void *arg, NsJsonType type, size_t count) { *(size_t *)arg += count; return true; }
static bool OnKey(void *arg, const char *text, size_t len) { *(size_t *)arg += len; return true; }
static bool OnScalar(void *arg, NsJsonType type, const char *text, size_t len) { *(size_t *)arg += len; return true; }

static const NsJsonOptions options = {.maxDepth = NS_JSON_DEPTH};

static bool
ParseEvents(const char *text, size_t len)
{
    static const NsJsonHandler handler = {OnContainer, OnEnd, OnKey, OnScalar};
    NsJsonError                error;
    size_t                     used, sum = 0;

    return NsJsonParse(text, len, &options, &handler, &sum, &used, &error) && sum > 0;
}

static bool
ParseObj(const char *text, size_t len, NsJsonForm form)
{
    NsJsonError error;
    size_t      used;
    Tcl_Obj    *obj = NsJsonToObj(text, len, &options, form, NULL, &used, &error);

    if (obj != NULL) {
        Tcl_IncrRefCount(obj);
        Tcl_DecrRefCount(obj);
    }
    return obj != NULL;
}

static bool ParseValues(const char *text, size_t len) { return ParseObj(text, len, NS_JSON_AS_VALUE); }
static bool ParseTriples(const char *text, size_t len) { return ParseObj(text, len, NS_JSON_AS_TRIPLES); }

#ifdef HAVE_CJSON
static bool
ParseCjson(const char *text, size_t len)
{
    cJSON *tree = cJSON_ParseWithLength(text, len);

    cJSON_Delete(tree);
    return tree != NULL;
}
#endif

#ifdef HAVE_JANSSON
static bool
ParseJansson(const char *text, size_t len)
{
    json_error_t error;
    json_t      *tree = json_loadb(text, len, 0, &error);

    if (tree != NULL) {
        json_decref(tree);
    }
    return tree != NULL;
}
#endif

typedef struct Parser {
    const char *name;
    bool      (*parse)(const char *text, size_t len);
    double      best;                          /* bytes per second */
} Parser;

static Parser parsers[] = {
    {"events", ParseEvents, 0}, {"values", ParseValues, 0}, {"triples", ParseTriples, 0},
#ifdef HAVE_CJSON
    {"cjson", ParseCjson, 0},
#endif
#ifdef HAVE_JANSSON
    {"jansson", ParseJansson, 0},
#endif
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* -------------------------------------------------------------------------------------------------------- measuring */

static double
CpuSeconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
Run(const Parser *parser, const Document *document, long times)
{
    for (long i = 0; i < times; i++) {
        if (!parser->parse(Tcl_DStringValue(&document->text), (size_t)Tcl_DStringLength(&document->text))) {
            fprintf(stderr, "%s does not take %s\n", parser->name, document->name);
            exit(1);
        }
    }
}

static void
Measure(Parser *parser, const Document *document, double seconds)
{
    double began = CpuSeconds(), used;
    size_t bytes = 0;
    long   times = 1 + 200000 / Tcl_DStringLength(&document->text);

    do {
        Run(parser, document, times);
        bytes += (size_t)times * (size_t)Tcl_DStringLength(&document->text);
        used = CpuSeconds() - began;
    } while (used < seconds);
    if ((double)bytes / used > parser->best) {
        parser->best = (double)bytes / used;
    }
}

static void
Compare(const Document *document, double seconds)
{
    for (size_t i = 0; i < COUNT(parsers); i++) {
        parsers[i].best = 0;
    }
    for (int turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < COUNT(parsers); i++) {
            Measure(&parsers[i], document, seconds / TURNS);
        }
    }
    printf("%s (%d bytes):", document->name, Tcl_DStringLength(&document->text));
    for (size_t i = 0; i < COUNT(parsers); i++) {
        printf(" %s %.0f MB/s", parsers[i].name, parsers[i].best / 1e6);
    }
    printf("\n");
    for (size_t own = 0; own < 3; own++) {
        for (size_t other = 3; other < COUNT(parsers); other++) {
            printf("  %-8s %5.2f x %s\n", parsers[own].name, parsers[own].best / parsers[other].best, parsers[other].name);
        }
    }
}

int
main(int argc, char **argv)
{
    const char *only = NULL, *name = NULL;
    double      seconds = 1;
    long        times = 0;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--only") == 0) {
            only = argv[i + 1];
        } else if (strcmp(argv[i], "--document") == 0) {
            name = argv[i + 1];
        } else if (strcmp(argv[i], "--times") == 0) {
            times = atol(argv[i + 1]);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            seconds = atof(argv[i + 1]);
        }
    }
    Tcl_FindExecutable(NULL);
    for (size_t i = 0; i < COUNT(documents); i++) {
        Document *document = &documents[i];

        if (name != NULL && strcmp(name, document->name) != 0) {
            continue;
        }
        Tcl_DStringInit(&document->text);
        document->make(&document->text);
        if (only == NULL) {
            Compare(document, seconds);
        }
        for (size_t p = 0; only != NULL && p < COUNT(parsers); p++) {
            if (strcmp(only, parsers[p].name) == 0) {
                Run(&parsers[p], document, times);
            }
        }
        Tcl_DStringFree(&document->text);
    }
    return 0;
}
