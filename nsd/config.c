/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The configuration: sections of keys and values, made by a Tcl script at start and read by everybody else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "interp.h"
#include "options.h"
#include "process.h"
#include "cmd/cmds.h"

typedef struct Section {
    const char   *name;                        /* key of the table */
    Ns_Set       *set;
    bool          declared;                    /* by ns_section; false: only asked for */
    bool          whole;                       /* was read as a whole */
    Tcl_HashTable asked;                       /* key in lower case: default as text (ns_strdup'ed) or NULL */
} Section;

static Tcl_HashTable sections;                 /* name in lower case: Section *; sections are never freed */
static bool          initialized;
static Section     **order;                    /* as they were declared */
static size_t        orderCount;
static Section      *current;                  /* of ns_param, while the configuration is read */
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
        section->set = Ns_SetCreate(section->name);
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
static const char *
Lookup(const char *sectionName, const char *key, const char *def, bool mark)
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
    if (mark && !Ns_InfoStarted()) {
        MarkAsked(section, Tcl_DStringValue(&ds), def);
    }
    value = Ns_SetGet(section->set, Tcl_DStringValue(&ds));
    Ns_MutexUnlock(&lock);
    Tcl_DStringFree(&ds);
    return value;
}

const char *
NsConfigPeek(const char *section, const char *key)
{
    return Lookup(section, key, NULL, false);
}

void
NsConfigNoteDefault(const char *section, const char *key, const char *value)
{
    (void)Lookup(section, key, value, true);
}

const char *
Ns_ConfigGetValue(const char *section, const char *key)
{
    return Lookup(section, key, NULL, true);
}

const char *
Ns_ConfigString(const char *section, const char *key, const char *def)
{
    const char *value = Lookup(section, key, def, true);

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
    const char *value = Lookup(section, key, def ? "true" : "false", true);
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
    value = Lookup(section, key, text, true);
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
Ns_ConfigMemUnitRange(const char *section, const char *key, const char *def, Tcl_WideInt min, Tcl_WideInt max)
{
    const char *value = Lookup(section, key, def, true);
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
    const char *value = Lookup(section, key, def, true);
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

const Ns_Set *
Ns_ConfigGetSection(const char *section)
{
    return Ns_ConfigGetSection2(section, true);
}

const Ns_Set *
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

static void
CopyDefaults(Ns_Set *copy, Section *section, bool onlyUnset)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    for (entry = Tcl_FirstHashEntry(&section->asked, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        const char *key = Tcl_GetHashKey(&section->asked, entry);
        const char *value = Tcl_GetHashValue(entry);

        if (value != NULL && (!onlyUnset || Ns_SetGet(section->set, key) == NULL)) {
            (void)Ns_SetPut(copy, key, value);
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
    copy = Ns_SetCreate(section->name);
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

void
NsConfigReportUnused(void)
{
    size_t i, j;

    for (i = 0; i < orderCount; i++) {
        Section *section = order[i];
        Ns_Set  *unread;

        if (strncmp(section->name, "ns/", 3) != 0) {
            continue;
        }
        unread = NsConfigCopySection(section->name, NS_CONFIG_UNREAD);
        for (j = 0; j < Ns_SetSize(unread); j++) {
            Ns_Log(Warning, "config: section %s: parameter %s is not known here: its value '%s' has no effect",
                   section->name, Ns_SetKey(unread, j), Ns_SetValue(unread, j));
        }
        Ns_SetFree(unread);
    }
}

/* ------------------------------------------------------------------------------------------- reading the configuration */

/* ns_section name ?body? */
static int
SectionObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Section *before = current;
    int      result = TCL_OK;

    if (objc < 2 || objc > 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "/sectionname/ ?/body/?");
        return TCL_ERROR;
    }
    Ns_MutexLock(&lock);
    current = GetSection(Tcl_GetString(objv[1]));
    Declare(current);
    Ns_MutexUnlock(&lock);
    if (objc == 3) {
        result = Tcl_EvalObjEx(interp, objv[2], 0);
        if (result == TCL_ERROR) {
            Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (ns_section %s, line %d of its body)",
                                                           Tcl_GetString(objv[1]), Tcl_GetErrorLine(interp)));
        }
        current = before;
    }
    return result;
}

/* ns_param key value */
static int
ParamObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_DString ds;

    if (objc != 3) {
        Tcl_WrongNumArgs(interp, 1, objv, "/key/ /value/");
        return TCL_ERROR;
    }
    if (current == NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("ns_param %s: not within an ns_section command", Tcl_GetString(objv[1])));
        return TCL_ERROR;
    }
    Ns_MutexLock(&lock);
    (void)Ns_SetPut(current->set, LowerCase(&ds, Tcl_GetString(objv[1])), Tcl_GetString(objv[2]));
    Ns_MutexUnlock(&lock);
    Tcl_DStringFree(&ds);
    return TCL_OK;
}

/* Why the script could not be run, to stderr: the log is not open yet, and a person is watching. */
static void
ConfigFailed(Tcl_Interp *interp, const char *file) __attribute__((noreturn));
static void
ConfigFailed(Tcl_Interp *interp, const char *file)
{
    /* Reading errorInfo runs a trace of Tcl's, which replaces the result. */
    const char *message = ns_strdup(Tcl_GetStringResult(interp));
    const char *info = Tcl_GetVar(interp, "errorInfo", TCL_GLOBAL_ONLY);

    fprintf(stderr, "nsd: %s, line %d: %s\n", file, Tcl_GetErrorLine(interp), message);
    if (info != NULL && strcmp(info, message) != 0) {
        fprintf(stderr, "%s\n", info);
    }
    exit(NS_EXIT_CONFIG);
}

static void
EvalConfig(const char *file, const char *script, int argc, char *const *argv, int optind)
{
    Tcl_Interp *interp = NsInterpCreatePlain();
    Tcl_Obj    *args = Tcl_NewListObj(0, NULL);
    int         i, result;

    NsAddCommands(interp, NsGetInterpData(interp), false, true);
    Tcl_CreateObjCommand(interp, "ns_section", SectionObjCmd, NULL, NULL);
    Tcl_CreateObjCommand(interp, "ns_param", ParamObjCmd, NULL, NULL);
    for (i = 0; i < argc; i++) {
        Tcl_ListObjAppendElement(NULL, args, Tcl_NewStringObj(argv[i], -1));
    }
    Tcl_SetVar2Ex(interp, "argv", NULL, args, TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "argc", NULL, Tcl_NewIntObj(argc), TCL_GLOBAL_ONLY);
    Tcl_SetVar2Ex(interp, "optind", NULL, Tcl_NewIntObj(optind), TCL_GLOBAL_ONLY);

    result = Tcl_EvalEx(interp, script, -1, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
    if (result != TCL_OK && result != TCL_RETURN) {
        ConfigFailed(interp, file);
    }
    current = NULL;
    Tcl_DeleteInterp(interp);
}

void
NsConfigEval(const char *script, int argc, char *const *argv, int optind)
{
    EvalConfig("configuration", script, argc, argv, optind);
}

void
NsConfigEvalFile(const char *file, int argc, char *const *argv, int optind)
{
    Tcl_DString ds;
    char        buffer[8192];
    size_t      n;
    FILE       *stream = fopen(file, "r");
    bool        failed = stream == NULL;

    Tcl_DStringInit(&ds);
    if (!failed) {
        while ((n = fread(buffer, 1, sizeof buffer, stream)) > 0) {
            Tcl_DStringAppend(&ds, buffer, (int)n);
        }
        failed = ferror(stream) != 0;
    }
    if (failed) {
        fprintf(stderr, "nsd: could not read the configuration %s: %s\n", file, strerror(errno));
        exit(NS_EXIT_CONFIG);
    }
    fclose(stream);
    EvalConfig(file, Tcl_DStringValue(&ds), argc, argv, optind);
    Tcl_DStringFree(&ds);
}
