/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The configuration: sections of keys and values, put in at start and read by everybody else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "conf/defaults.h"

#define ENVIRONMENTS "ns/environment"            /* sections whose keys are names of variables, which have a case */

typedef struct Section {
    const char   *name;                        /* key of the table */
    Ns_Set       *set;
    bool          declared;                    /* by ns_section; false: only asked for */
    bool          keepsCase;                   /* its keys are kept as they are given */
    bool          whole;                       /* was read as a whole */
    bool          core;                        /* C code asked for something in it: unknown keys are mistakes */
    Tcl_HashTable asked;                       /* key in lower case: default as text (ns_strdup'ed) or NULL */
} Section;

static Tcl_HashTable sections;                 /* name in lower case: Section *; sections are never freed */
static bool          initialized;
static bool          complete;                 /* the start is over: what is asked from now on is no sign of an effect */
static Section     **order;                    /* as they were declared */
static size_t        orderCount;
static Ns_Mutex      lock;                     /* of the table and the marks */

static char *
LowerCase(Tcl_DString *ds, const char *string)
{
    Tcl_DStringInit(ds);
    Tcl_DStringAppend(ds, string, -1);
    Tcl_DStringSetLength(ds, Tcl_UtfToLower(Tcl_DStringValue(ds)));
    return Tcl_DStringValue(ds);
}

/* The section of that name, made if need be.  Called with the lock held. */
static Section *
GetSection(const char *name)
{
    Tcl_DString    ds;
    Tcl_HashEntry *entry;
    Section       *section;
    int            isNew;

    if (!initialized) {
        Tcl_InitHashTable(&sections, TCL_STRING_KEYS);
        Ns_MutexSetName(&lock, "ns:config");
        initialized = true;
    }
    entry = Tcl_CreateHashEntry(&sections, LowerCase(&ds, name), &isNew);
    if (isNew) {
        section = ns_calloc(1, sizeof *section);
        section->name = Tcl_GetHashKey(&sections, entry);
        section->keepsCase = strncmp(section->name, ENVIRONMENTS, sizeof(ENVIRONMENTS) - 1u) == 0;
        section->set = section->keepsCase ? Ns_SetCreate(section->name) : Ns_SetCreateNoCase(section->name);
        Tcl_InitHashTable(&section->asked, TCL_STRING_KEYS);
        Tcl_SetHashValue(entry, section);
    }
    section = Tcl_GetHashValue(entry);
    Tcl_DStringFree(&ds);
    return section;
}

static void
Declare(Section *section)
{
    if (!section->declared) {
        section->declared = true;
        order = ns_realloc(order, (orderCount + 1) * sizeof *order);
        order[orderCount++] = section;
    }
}

void
NsConfigDeclare(const char *section)
{
    Ns_MutexLock(&lock);
    Declare(GetSection(section));
    Ns_MutexUnlock(&lock);
}

void
NsConfigPut(const char *section, const char *key, const char *value, bool update)
{
    Tcl_DString ds;
    Section    *to;

    Ns_MutexLock(&lock);
    to = GetSection(section);
    if (!to->keepsCase) {
        key = LowerCase(&ds, key);
    } else {
        Tcl_DStringInit(&ds);
    }
    if (update) {
        (void)Ns_SetUpdate(to->set, key, value);
    } else {
        (void)Ns_SetPut(to->set, key, value);
    }
    Ns_MutexUnlock(&lock);
    Tcl_DStringFree(&ds);
}

/* Called with the lock held. */
static void
MarkAsked(Section *section, const char *key, const char *def)
{
    Tcl_HashEntry *entry;
    int            isNew;

    entry = Tcl_CreateHashEntry(&section->asked, key, &isNew);
    if (def != NULL && Tcl_GetHashValue(entry) == NULL) {
        Tcl_SetHashValue(entry, ns_strdup(def));
    }
}

/* The value of a key, which is known from now on.  `def` is only remembered, not returned. */
typedef enum { BY_NOBODY, BY_SCRIPT, BY_CODE } Asker;
static const char *
Lookup(const char *sectionName, const char *key, const char *def, Asker asker)
{
    Tcl_DString ds;
    const char *value = NULL;
    Section    *section;

    if (sectionName == NULL) {
        return NULL;
    }
    LowerCase(&ds, key);
    Ns_MutexLock(&lock);
    section = GetSection(sectionName);
    /* The marks tell what the start took notice of; what a script looks up later is no sign that a parameter has an effect. */
    if (asker != BY_NOBODY && !complete) {
        MarkAsked(section, Tcl_DStringValue(&ds), def);
        section->core |= asker == BY_CODE;
    }
    value = section->keepsCase ? Ns_SetIGet(section->set, Tcl_DStringValue(&ds)) : Ns_SetGet(section->set, Tcl_DStringValue(&ds));
    Ns_MutexUnlock(&lock);
    Tcl_DStringFree(&ds);
    return value;
}

const char *
NsConfigPeek(const char *section, const char *key)
{
    return Lookup(section, key, NULL, BY_NOBODY);
}

/* The default that code noted when it asked; called with the lock held. */
static const char *
NotedDefault(Section *section, const char *key)
{
    Tcl_DString    ds;
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&section->asked, LowerCase(&ds, key));

    Tcl_DStringFree(&ds);
    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

Tcl_Obj *
NsConfigEffective(const char *sectionName, const char *key)
{
    const char *value = Lookup(sectionName, key, NULL, BY_SCRIPT);
    Tcl_DString ds;
    Tcl_Obj    *result = NULL;

    Tcl_DStringInit(&ds);
    if (value != NULL) {
        result = Tcl_NewStringObj(value, -1);
    } else if (NsConfigDefault(&ds, sectionName, key)) {
        result = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    } else {
        Ns_MutexLock(&lock);
        value = NotedDefault(GetSection(sectionName), key);
        if (value != NULL) {
            result = Tcl_NewStringObj(value, -1);
        }
        Ns_MutexUnlock(&lock);
    }
    Tcl_DStringFree(&ds);
    return result;
}

void
NsConfigNoteDefault(const char *section, const char *key, const char *value)
{
    (void)Lookup(section, key, value, BY_SCRIPT);
}

const char *
Ns_ConfigGetValue(const char *section, const char *key)
{
    return Lookup(section, key, NULL, BY_CODE);
}

const char *
Ns_ConfigString(const char *section, const char *key, const char *def)
{
    const char *value = Lookup(section, key, def, BY_CODE);

    return value != NULL ? value : def;
}

static void
BadValue(const char *section, const char *key, const char *value, const char *expected, const char *taken)
{
    Ns_Log(Error, "config: section %s: parameter %s: '%s' is not %s; taking %s", section, key, value, expected, taken);
}

bool
NsConfigParseBool(const char *string, bool *value)
{
    int  flag = 0;
    bool ok;

    /* Tcl takes any number for a boolean; a mistyped parameter should rather be noticed. */
    if (strchr("0123456789+-.", string[0]) != NULL && string[0] != '\0') {
        ok = strcmp(string, "0") == 0 || strcmp(string, "1") == 0;
        flag = string[0] == '1';
    } else {
        ok = Tcl_GetBoolean(NULL, string, &flag) == TCL_OK;
    }
    if (ok) {
        *value = flag != 0;
    }
    return ok;
}

bool
Ns_ConfigBool(const char *section, const char *key, bool def)
{
    const char *value = Lookup(section, key, def ? "true" : "false", BY_CODE);
    bool        result = def;

    if (value != NULL && !NsConfigParseBool(value, &result)) {
        BadValue(section, key, value, "a boolean", def ? "true" : "false");
    }
    return result;
}

int
Ns_ConfigInt(const char *section, const char *key, int def)
{
    return (int)Ns_ConfigWideIntRange(section, key, def, INT32_MIN, INT32_MAX);
}

int
Ns_ConfigIntRange(const char *section, const char *key, int def, int min, int max)
{
    return (int)Ns_ConfigWideIntRange(section, key, def, min, max);
}

/* Bring a number into its range; what is outside is reported and becomes the nearest bound. */
static Tcl_WideInt
Bounded(const char *section, const char *key, const char *value, Tcl_WideInt number, Tcl_WideInt min, Tcl_WideInt max)
{
    Tcl_WideInt bounded = number < min ? min : number > max ? max : number;

    if (bounded != number) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is out of range [%" TCL_LL_MODIFIER "d, %" TCL_LL_MODIFIER
               "d]; taking %" TCL_LL_MODIFIER "d", section, key, value, min, max, bounded);
    }
    return bounded;
}

Tcl_WideInt
Ns_ConfigWideIntRange(const char *section, const char *key, Tcl_WideInt def, Tcl_WideInt min, Tcl_WideInt max)
{
    Tcl_WideInt number;
    char        text[32];
    char       *end;
    const char *value;

    snprintf(text, sizeof text, "%" TCL_LL_MODIFIER "d", def);
    value = Lookup(section, key, text, BY_CODE);
    if (value == NULL) {
        return def;
    }
    errno = 0;
    number = strtoll(value, &end, 0);
    while (*end == ' ' || *end == '\t') {
        end++;
    }
    if (end == value || *end != '\0') {
        BadValue(section, key, value, "an integer", text);
        return def;
    }
    /* Past 64 bits strtoll gives its own bound, which the range then shows. */
    return Bounded(section, key, value, number, min, max);
}

Tcl_WideInt
Ns_ConfigMemUnitRange(const char *section, const char *key, const char *defaultString, Tcl_WideInt defaultValue,
                      Tcl_WideInt min, Tcl_WideInt max)
{
    char text[TCL_INTEGER_SPACE * 2];

    snprintf(text, sizeof(text), "%" TCL_LL_MODIFIER "d", defaultValue);
    return NsConfigMemSize(section, key, defaultString != NULL ? defaultString : text, min, max);
}

Tcl_WideInt
NsConfigMemSize(const char *section, const char *key, const char *def, Tcl_WideInt min, Tcl_WideInt max)
{
    const char *value = Lookup(section, key, def, BY_CODE);
    Tcl_WideInt number = 0;

    if (value == NULL || Ns_GetMemUnitFromString(NULL, value, &number) != NS_OK) {
        if (value != NULL) {
            BadValue(section, key, value, "a size", def != NULL ? def : "0");
        }
        if (def == NULL || Ns_GetMemUnitFromString(NULL, def, &number) != NS_OK) {
            number = 0;
        }
        return number;
    }
    return Bounded(section, key, value, number, min, max);
}

void
Ns_ConfigTimeUnitRange(const char *section, const char *key, const char *def, long minSec, long minUsec, long maxSec,
                       long maxUsec, Ns_Time *result)
{
    const char *value = Lookup(section, key, def, BY_CODE);
    Ns_Time     min = {minSec, minUsec}, max = {maxSec, maxUsec};

    if (value != NULL && Ns_GetTimeFromString(NULL, value, result) != NS_OK) {
        BadValue(section, key, value, "a time", def != NULL ? def : "0");
        value = NULL;
    }
    if (value == NULL) {
        if (def == NULL || Ns_GetTimeFromString(NULL, def, result) != NS_OK) {
            *result = (Ns_Time){0, 0};
        }
    } else if (Ns_DiffTime(result, &min, NULL) < 0) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is below %ld.%06lds; taking that", section, key, value,
               min.sec, min.usec);
        *result = min;
    } else if (Ns_DiffTime(result, &max, NULL) > 0) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is above %ld.%06lds; taking that", section, key, value,
               max.sec, max.usec);
        *result = max;
    }
}

Ns_Set *
Ns_ConfigGetSection(const char *section)
{
    return Ns_ConfigGetSection2(section, true);
}

Ns_Set *
Ns_ConfigGetSection2(const char *section, bool markAsRead)
{
    Ns_Set  *set = NULL;
    Section *found;

    if (section != NULL) {
        Ns_MutexLock(&lock);
        found = GetSection(section);
        if (found->declared) {
            set = found->set;
            found->whole |= markAsRead;
        }
        Ns_MutexUnlock(&lock);
    }
    return set;
}

Ns_Set **
Ns_ConfigGetSections(void)
{
    Ns_Set **sets;
    size_t   i;

    Ns_MutexLock(&lock);
    sets = ns_calloc(orderCount + 1, sizeof *sets);
    for (i = 0; i < orderCount; i++) {
        sets[i] = order[i]->set;
    }
    Ns_MutexUnlock(&lock);
    return sets;
}

static Section *
SectionByPath(const char *server, const char *module, va_list ap)
{
    Tcl_DString ds;
    const char *part;
    Section    *section;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "ns", 2);
    if (server != NULL) {
        Tcl_DStringAppend(&ds, "/server/", -1);
        Tcl_DStringAppend(&ds, server, -1);
    }
    if (module != NULL) {
        Tcl_DStringAppend(&ds, "/module/", -1);
        Tcl_DStringAppend(&ds, module, -1);
    }
    while ((part = va_arg(ap, const char *)) != NULL) {
        while (*part == '/') {
            part++;
        }
        Tcl_DStringAppend(&ds, "/", 1);
        Tcl_DStringAppend(&ds, part, -1);
    }
    Ns_MutexLock(&lock);
    section = GetSection(Tcl_DStringValue(&ds));
    Ns_MutexUnlock(&lock);
    Tcl_DStringFree(&ds);
    return section;
}

const char *
Ns_ConfigSectionPath(Ns_Set **set, const char *server, const char *module, ...)
{
    Section *section;
    va_list  ap;

    va_start(ap, module);
    section = SectionByPath(server, module, ap);
    va_end(ap);
    if (set != NULL) {
        *set = section->declared ? section->set : NULL;
    }
    return section->name;
}

const char *
Ns_ConfigGetPath(const char *server, const char *module, ...)
{
    Section *section;
    va_list  ap;

    va_start(ap, module);
    section = SectionByPath(server, module, ap);
    va_end(ap);
    return section->declared ? section->name : NULL;
}

typedef struct DefaultsCopy {
    Ns_Set  *copy;
    Section *section;
    bool     onlyUnset;
} DefaultsCopy;

static void
CopyDefault(void *arg, const char *key, const char *value)
{
    const DefaultsCopy *to = arg;

    if (Ns_SetGet(to->copy, key) == NULL && (!to->onlyUnset || Ns_SetGet(to->section->set, key) == NULL)) {
        (void)Ns_SetPut(to->copy, key, value);
    }
}

static void
CopyDefaults(Ns_Set *copy, Section *section, bool onlyUnset)
{
    DefaultsCopy   to = {copy, section, onlyUnset};
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    NsConfigDefaultEach(section->name, CopyDefault, &to);
    for (entry = Tcl_FirstHashEntry(&section->asked, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const char *value = Tcl_GetHashValue(entry);

        if (value != NULL) {
            CopyDefault(&to, Tcl_GetHashKey(&section->asked, entry), value);
        }
    }
}

Ns_Set *
NsConfigCopySection(const char *name, NsConfigFilter filter)
{
    Section *section;
    Ns_Set  *copy = NULL;
    size_t   i;

    Ns_MutexLock(&lock);
    section = GetSection(name);
    if (!section->declared) {
        goto done;
    }
    copy = Ns_SetCreateNoCase(section->name);
    if (filter == NS_CONFIG_DEFAULTS || filter == NS_CONFIG_DEFAULTED) {
        CopyDefaults(copy, section, filter == NS_CONFIG_DEFAULTED);
        goto done;
    }
    for (i = 0; i < Ns_SetSize(section->set); i++) {
        const char *key = Ns_SetKey(section->set, i);

        if (filter == NS_CONFIG_ALL
            || (!section->whole && Tcl_FindHashEntry(&section->asked, key) == NULL)) {
            (void)Ns_SetPut(copy, key, Ns_SetValue(section->set, i));
        }
    }

 done:
    Ns_MutexUnlock(&lock);
    return copy;
}

/* Log what was given several times, where one value counts.  `map` and what is read as a whole may be repeated. */
static void
ReportRepeated(Section *section)
{
    size_t i, j;

    for (i = 0; i < Ns_SetSize(section->set); i++) {
        const char *key = Ns_SetKey(section->set, i);
        size_t      count = 0, before = 0;

        for (j = 0; j < Ns_SetSize(section->set); j++) {
            if (strcmp(Ns_SetKey(section->set, j), key) == 0) {
                count++;
                before += j < i ? 1 : 0;
            }
        }
        if (count > 1 && before == 0 && strcmp(key, "map") != 0 && Tcl_FindHashEntry(&section->asked, key) != NULL) {
            Ns_Log(Warning, "config: section %s: parameter %s is given %zu times: the first value '%s' counts", section->name,
                   key, count, Ns_SetValue(section->set, i));
        }
    }
}

static void
NoteKnown(void *arg, const char *key, const char *value)
{
    *(bool *)arg = true;
}

/* Code asked for something in it, or it is in the table of defaults.  An application keeps its own parameters where it likes. */
static bool
IsCores(const Section *section)
{
    bool core = section->core;

    if (!core) {
        NsConfigDefaultEach(section->name, NoteKnown, &core);
    }
    return core;
}

/* Do two values say the same? */
static bool
SameValue(const char *a, const char *b)
{
    int first, second;

    return strcasecmp(a, b) == 0
        || (Tcl_GetBoolean(NULL, a, &first) == TCL_OK && Tcl_GetBoolean(NULL, b, &second) == TCL_OK && first == second);
}

/* One that has no effect, if it says anything but what is so anyway. */
static void
ReportIdle(const char *section, const char *key, const char *value, const char *why)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    (void)NsConfigDefault(&ds, section, key);
    if (!SameValue(Tcl_DStringValue(&ds), value)) {
        /* Pages from another folder than the one meant are worse than a cache that is not there. */
        Ns_Log(strcasecmp(key, "enabled") == 0 ? Warning : Notice, "config: section %s: parameter %s: its value '%s' has no effect: %s", section, key, value, why);
    }
    Tcl_DStringFree(&ds);
}

void
NsConfigReportUnused(void)
{
    size_t i, j;

    Ns_MutexLock(&lock);
    complete = true;
    Ns_MutexUnlock(&lock);
    for (i = 0; i < orderCount; i++) {
        Section *section = order[i];
        Ns_Set  *unread;

        if (!IsCores(section)) {
            continue;
        }
        ReportRepeated(section);
        unread = NsConfigCopySection(section->name, NS_CONFIG_UNREAD);
        for (j = 0; j < Ns_SetSize(unread); j++) {
            const char *key = Ns_SetKey(unread, j), *why = NsConfigIdle(section->name, key);

            if (why != NULL) {
                ReportIdle(section->name, key, Ns_SetValue(unread, j), why);
            } else {
                Ns_Log(Warning, "config: section %s: parameter %s is not known here: its value '%s' has no effect",
                       section->name, key, Ns_SetValue(unread, j));
            }
        }
        Ns_SetFree(unread);
    }
}
