/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Loading modules.
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "blueprint.h"
#include "info.h"
#include "modload.h"
#include "options.h"

typedef struct Loaded {
    struct Loaded *next;
    NsServer      *server;                     /* NULL: of the section ns/modules */
    char          *name, *file;
    const char    *type;                       /* "C", "Tcl", "static" */
    int            abi;
} Loaded;

typedef struct Builtin {
    struct Builtin     *next;
    char               *name;
    Ns_ModuleInitProc  *proc;
} Builtin;

static Loaded  *firstLoaded, **lastLoaded = &firstLoaded;
static Builtin *builtins;
static char    *binDir;

const char *
NsModulesBinDir(void)
{
    if (binDir == NULL) {
        binDir = NsInfoPath(Ns_InfoHomePath(), Ns_ConfigString("ns/parameters", "bindir", "bin"));
    }
    return binDir;
}

void
Ns_RegisterModule(const char *name, Ns_ModuleInitProc *proc)
{
    Builtin *builtin = ns_calloc(1, sizeof *builtin);

    builtin->name = ns_strdup(name);
    builtin->proc = proc;
    builtin->next = builtins;
    builtins = builtin;
}

static Ns_ModuleInitProc *
FindBuiltin(const char *name)
{
    const Builtin *builtin = builtins;

    while (builtin != NULL && strcmp(builtin->name, name) != 0) {
        builtin = builtin->next;
    }
    return builtin != NULL ? builtin->proc : NULL;
}

static void
Remember(NsServer *server, const char *name, const char *file, const char *type, int abi)
{
    Loaded *loaded = ns_calloc(1, sizeof *loaded);

    loaded->server = server;
    loaded->name = ns_strdup(name);
    loaded->file = ns_strdup(file);
    loaded->type = type;
    loaded->abi = abi;
    *lastLoaded = loaded;
    lastLoaded = &loaded->next;
}

/* `dir`/`file`, as it is or with .so: the path (ns_free it) if it can be read. */
static char *
Probe(const char *dir, const char *file)
{
    static const char *const suffixes[] = {"", ".so"};
    char  *base = NsInfoPath(dir, file);
    char  *found = NULL;
    size_t i;

    for (i = 0; found == NULL && i < 2; i++) {
        Tcl_DString ds;
        Tcl_StatBuf stat;
        Tcl_Obj    *path;

        Tcl_DStringInit(&ds);
        Tcl_DStringAppend(&ds, base, -1);
        Tcl_DStringAppend(&ds, suffixes[i], -1);
        path = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
        Tcl_IncrRefCount(path);
        /* A folder may have the name of a module, as in the build tree. */
        if (Tcl_FSStat(path, &stat) == 0 && S_ISREG(stat.st_mode)) {
            found = ns_strdup(Tcl_DStringValue(&ds));
        }
        Tcl_DecrRefCount(path);
        Tcl_DStringFree(&ds);
    }
    ns_free(base);
    return found;
}

/* bindir, home, the folder of the program (where modules are in the build tree), and the prefix. */
static char *
FindFile(const char *file)
{
    char       *exeDir = NsInfoExeDir();
    const char *dirs[] = {NsModulesBinDir(), Ns_InfoHomePath(), exeDir, NSD_PREFIX "/bin", NSD_PREFIX "/lib"};
    char       *found = NULL;
    size_t      i;

    for (i = 0; found == NULL && i < sizeof dirs / sizeof dirs[0]; i++) {
        found = Probe(dirs[i], file);
    }
    ns_free(exeDir);
    return found;
}

static Ns_ReturnCode Fail(Tcl_Interp *interp, const char *module, const char *file, const char *reason);
static Ns_ReturnCode
Fail(Tcl_Interp *interp, const char *module, const char *file, const char *reason)
{
    if (interp != NULL) {
        Ns_TclPrintfResult(interp, "could not load module %s from '%s': %s", module, file, reason);
    }
    Ns_Log(Error, "modload: could not load module %s from '%s': %s", module, file, reason);
    return NS_ERROR;
}

static Ns_ReturnCode
LoadFile(Tcl_Interp *interp, const char *server, const char *module, const char *file, const char *init)
{
    char              *path = FindFile(file);
    Ns_ModuleInitProc *proc;
    const int         *version;
    void              *handle;
    Ns_ReturnCode      status = NS_ERROR;

    if (path == NULL) {
        return Fail(interp, module, file, "there is no such file in bindir, home, the folder of nsd or its prefix");
    }
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        (void)Fail(interp, module, path, dlerror());
        goto done;
    }
    version = dlsym(handle, "Ns_ModuleVersion");
    *(void **)&proc = dlsym(handle, init);
    if (version == NULL || proc == NULL) {
        (void)Fail(interp, module, path, version == NULL ? "it has no Ns_ModuleVersion" : "it has no such init function");
        goto done;
    }
    if (*version != 1) {
        (void)Fail(interp, module, path, "its Ns_ModuleVersion is not 1");
        goto done;
    }
    Ns_Log(Notice, "modload: %s from %s", module, path);
    status = proc(server, module);
    if (status != NS_OK) {
        (void)Fail(interp, module, path, "its init function failed");
        goto done;
    }
    Remember(NsServerGet(server), module, path, "C", *version);

 done:
    ns_free(path);
    return status;
}

/* `file` may end with the name of the init function: nsfoo.so(Ns_FooInit). */
Ns_ReturnCode
Ns_ModuleLoad(Tcl_Interp *interp, const char *server, const char *module, const char *file, const char *init)
{
    const char        *open = strchr(file, '(');
    const char        *close = open != NULL ? strchr(open, ')') : NULL;
    char              *name, *initName;
    Ns_ModuleInitProc *builtin = FindBuiltin(module);
    Ns_ReturnCode      status;

    if (close != NULL && close[1] == '\0') {
        name = ns_strncopy(file, open - file);
        initName = ns_strncopy(open + 1, close - open - 1);
    } else {
        name = ns_strdup(file);
        initName = ns_strdup(init != NULL ? init : "Ns_ModuleInit");
    }
    if (builtin != NULL) {
        status = builtin(server, module);
        if (status == NS_OK) {
            Remember(NsServerGet(server), module, "", "static", 1);
        } else {
            (void)Fail(interp, module, "nsd itself", "its init function failed");
        }
    } else {
        status = LoadFile(interp, server, module, name, initName);
    }
    ns_free(name);
    ns_free(initName);
    return status;
}

static void
LoadSection(NsServer *server, const char *section)
{
    const Ns_Set *set = Ns_ConfigGetSection(section);
    size_t        i;

    for (i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *module = Ns_SetKey(set, i), *file = Ns_SetValue(set, i);

        if (server != NULL) {
            NsTclAddModule(server, module);
        }
        if (strcasecmp(file, "tcl") == 0) {
            if (server == NULL) {
                Ns_Fatal("config: section %s: parameter %s: a Tcl module belongs to a server", section, module);
            }
            Remember(server, module, "", "Tcl", 1);
        } else if (Ns_ModuleLoad(NULL, server != NULL ? server->name : NULL, module, file, NULL) != NS_OK) {
            Ns_Fatal("config: section %s: module %s (%s) could not be loaded, see above", section, module, file);
        }
    }
}

void
NsModulesLoadGlobal(void)
{
    LoadSection(NULL, "ns/modules");
}

void
NsModulesLoadServer(NsServer *server)
{
    LoadSection(server, Ns_ConfigSectionPath(NULL, server->name, NULL, "modules", NULL));
}

static void
PutString(Tcl_Obj *dict, const char *key, const char *value)
{
    (void)Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), Tcl_NewStringObj(value, -1));
}

void
NsModulesList(NsServer *server, Tcl_Obj *list)
{
    const Loaded *loaded;

    for (loaded = firstLoaded; loaded != NULL; loaded = loaded->next) {
        Tcl_Obj *dict;

        if (loaded->server != NULL && loaded->server != server) {
            continue;
        }
        dict = Tcl_NewDictObj();
        PutString(dict, "name", loaded->name);
        PutString(dict, "type", loaded->type);
        PutString(dict, "version", NS_VERSION);
        PutString(dict, "tag", Ns_InfoTag());
        PutString(dict, "scope", loaded->server != NULL ? "server" : "global");
        PutString(dict, "file", loaded->file);
        PutString(dict, "infoversion", "1");
        Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("abi", -1), Tcl_NewIntObj(loaded->abi));
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(loaded->name, -1));
        Tcl_ListObjAppendElement(NULL, list, dict);
    }
}
