/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Parameters as modules ask for them, beyond config.c: with a word on whether there is one, flags, names, files.
 */
#include "ns.h"
#include "conf/config.h"
#include "conf/info.h"
#include "http/url.h"

bool
Ns_ConfigGetInt(const char *section, const char *key, int *valuePtr)
{
    const char *value = Ns_ConfigGetValue(section, key);

    if (value == NULL) {
        return false;
    }
    if (Ns_StrToInt(value, valuePtr) != NS_OK) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is not an integer; it is left out", section, key, value);
        return false;
    }
    return true;
}

bool
Ns_ConfigGetInt64(const char *section, const char *key, int64_t *valuePtr)
{
    const char *value = Ns_ConfigGetValue(section, key);
    Tcl_WideInt number = 0;

    if (value == NULL) {
        return false;
    }
    if (Ns_StrToWideInt(value, &number) != NS_OK) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is not an integer; it is left out", section, key, value);
        return false;
    }
    *valuePtr = number;
    return true;
}

bool
Ns_ConfigGetBool(const char *section, const char *key, bool *valuePtr)
{
    const char *value = Ns_ConfigGetValue(section, key);

    if (value == NULL) {
        return false;
    }
    if (!NsConfigParseBool(value, valuePtr)) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is not a boolean; it is left out", section, key, value);
        return false;
    }
    return true;
}

Tcl_WideInt
Ns_ConfigWideInt(const char *section, const char *key, Tcl_WideInt def)
{
    return Ns_ConfigWideIntRange(section, key, def, LLONG_MIN, LLONG_MAX);
}

const char *
Ns_ConfigGetValueExact(const char *section, const char *key)
{
    return Ns_ConfigGetValue(section, key);
}

bool
Ns_ConfigParameterProvided(const char *section, const char *key)
{
    return Ns_ConfigGetValue(section, key) != NULL;
}

bool
Ns_ConfigFlag(const char *section, const char *key, unsigned int flag, int defaultValue, unsigned int *flagsPtr)
{
    bool on = Ns_ConfigBool(section, key, defaultValue != 0);

    if (on) {
        *flagsPtr |= flag;
    }
    return on;
}

unsigned int
Ns_ConfigGetEnum(const char *section, const char *param, const Ns_ObjvTable *table, unsigned int defaultValue)
{
    const Ns_ObjvTable *entry, *standard = table;
    const char         *value;

    while (standard->key != NULL && standard->value != defaultValue) {
        standard++;
    }
    value = Ns_ConfigString(section, param, standard->key);
    for (entry = table; value != NULL && entry->key != NULL; entry++) {
        if (strcasecmp(entry->key, value) == 0) {
            return entry->value;
        }
    }
    if (value != NULL) {
        Ns_Log(Warning, "config: section %s: parameter %s: '%s' is none of its words; taking %s", section, param, value,
               standard->key != NULL ? standard->key : "the default");
    }
    return defaultValue;
}

const Ns_Set *
Ns_ConfigSet(const char *section, const char *key, const char *name)
{
    const char  *value = Ns_ConfigGetValue(section, key);
    Ns_Set      *set = NULL;
    const char **words;
    int          count;
    bool         split;

    if (value == NULL) {
        return NULL;
    }
    split = Tcl_SplitList(NULL, value, &count, &words) == TCL_OK;
    if (split && count % 2 == 0) {
        set = Ns_SetCreate(name);
        for (int i = 0; i < count; i += 2) {
            (void)Ns_SetPut(set, words[i], words[i + 1]);
        }
    } else {
        Ns_Log(Error, "config: section %s: parameter %s: '%s' is not a list of names and values", section, key, value);
    }
    if (split) {
        Tcl_Free((char *)words);
    }
    return set;
}

Ns_Set *
Ns_ConfigCreateSection(const char *section)
{
    NsConfigDeclare(section);
    return Ns_ConfigGetSection(section);
}

const char *
Ns_ConfigFilename(const char *section, const char *key, TCL_SIZE_T keyLength, const char *directory, const char *defaultValue,
                  bool normalizePath, bool update)
{
    char       *name = ns_strncopy(key, keyLength);
    const char *value = Ns_ConfigString(section, name, defaultValue);
    char       *path = NULL;

    if (value != NULL) {
        char *base = NsInfoPath(Ns_InfoHomePath(), directory != NULL ? directory : "");

        path = NsInfoPath(base, value);
        ns_free(base);
        if (normalizePath) {
            Tcl_DString ds;

            Tcl_DStringInit(&ds);
            NsPathNormalize(&ds, path, strlen(path), false);
            ns_free(path);
            path = Ns_DStringExport(&ds);
        }
        if (update) {
            NsConfigPut(section, name, path, true);
        }
    }
    ns_free(name);
    return path;
}

void
Ns_GetVersion(int *majorV, int *minorV, int *patchLevelV, int *type)
{
    int *const      places[] = {majorV, minorV, patchLevelV, type};
    static const int values[] = {NS_MAJOR_VERSION, NS_MINOR_VERSION, NS_RELEASE_SERIAL, 0};

    for (size_t i = 0; i < 4; i++) {
        if (places[i] != NULL) {
            *places[i] = values[i];
        }
    }
}

/* ------------------------------------------------------------------------------------------------ what is deprecated */

void
Ns_LogDeprecated(Tcl_Obj *const *objv, TCL_SIZE_T objc, const char *alternative, const char *explanation)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    for (TCL_SIZE_T i = 0; i < objc; i++) {
        Ns_DStringVarAppend(&ds, i > 0 ? " " : "", Tcl_GetString(objv[i]), NS_SENTINEL);
    }
    Ns_Log(Deprecated, "'%s' is deprecated%s%s%s%s%s", Tcl_DStringValue(&ds), alternative != NULL ? ". Use '" : "",
           alternative != NULL ? alternative : "", alternative != NULL ? "' instead" : "", explanation != NULL ? ": " : "",
           explanation != NULL ? explanation : "");
    Tcl_DStringFree(&ds);
}

void
Ns_LogDeprecatedParameter(const char *oldSection, const char *oldParameter, const char *newSection, const char *newParameter,
                          const char *explanation)
{
    Ns_Log(Deprecated, "config: section %s: parameter %s is deprecated. Use %s of section %s instead%s%s", oldSection, oldParameter,
           newParameter, newSection, explanation != NULL ? ": " : "", explanation != NULL ? explanation : "");
}
