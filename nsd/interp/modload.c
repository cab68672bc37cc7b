/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Loading modules.
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "base/dict.h"
#include "base/file.h"
#include "base/text.h"
#include "interp/blueprint.h"
#include "conf/info.h"
#include "interp/modload.h"
#include "conf/options.h"

typedef struct Loaded {
    struct Loaded *next;
    NsServer      *server;                     /* NULL: of the section ns/modules */
    char          *name, *file;
    const char    *type;                       /* "C", "Tcl", "static" */
    int            abi;
    Ns_ModuleInfo  info;                       /* what it says of itself; infoVersion 0: nothing */
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
Ns_ModuleInfoInit(Ns_ModuleInfo *info, unsigned int infoVersion, const char *name, const char *version, const char *tag,
                  const char *type, unsigned int moduleVersion)
{
    *info = (Ns_ModuleInfo){.infoVersion = infoVersion, .moduleVersion = moduleVersion, .name = name, .version = version,
                            .tag = tag, .type = type};
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

static Loaded *
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
    return loaded;
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

/* The names of the files *.so of a folder. */
static bool
AppendModule(const char *name, void *arg)
{
    Tcl_DString *ds = arg;
    size_t       len = strlen(name);

    if (len > 3 && strncmp(name, "ns", 2) == 0 && strcmp(name + len - 3, ".so") == 0 && strstr(Tcl_DStringValue(ds), name) == NULL) {
        Tcl_DStringAppend(ds, " ", 1);
        Tcl_DStringAppend(ds, name, -1);
    }
    return true;
}

static void
AppendModules(Tcl_DString *ds, const char *dir)
{
    (void)Ns_FolderEach(dir, AppendModule, ds);
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

/* NULL: *reason says why, to be freed. */
static void *
OpenLibrary(const char *path, char **reason)
{
    Tcl_DString ds, text;
    const char *name, *error;
    void       *handle;

    Tcl_DStringInit(&ds);
    Tcl_DStringInit(&text);
    name = NsTextOutString(&ds, path);
    handle = name != NULL ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (handle == NULL) {
        error = name != NULL ? dlerror() : "its name has a NUL";
        *reason = ns_strdup(NsTextIn(&text, error, strlen(error), NULL));
    }
    Tcl_DStringFree(&text);
    Tcl_DStringFree(&ds);
    return handle;
}

/* A hint: where was looked, and what is there. */
static Ns_ReturnCode
NotFound(Tcl_Interp *interp, const char *module, const char *file)
{
    char         *exeDir = NsInfoExeDir();
    const char   *dirs[] = {NsModulesBinDir(), exeDir, NSD_PREFIX "/bin"};
    Tcl_DString   ds;
    Ns_ReturnCode status;
    size_t        i;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, "there is no such file in bindir (", -1);
    Tcl_DStringAppend(&ds, dirs[0], -1);
    Tcl_DStringAppend(&ds, "), home, the folder of nsd or its prefix; modules here:", -1);
    for (i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
        AppendModules(&ds, dirs[i]);
    }
    Tcl_DStringAppend(&ds, ". Leave it out of the configuration if nothing needs it", -1);
    status = Fail(interp, module, file, Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    ns_free(exeDir);
    return status;
}

/* What a module says of itself, if it does. */
static Ns_ModuleInfo
InfoOf(void *handle)
{
    Ns_ModuleInfo      info = {0};
    Ns_ModuleInfoProc *proc;

    *(void **)&proc = dlsym(handle, "Ns_ModuleGetInfo");
    if (proc != NULL) {
        proc(&info);
    }
    return info;
}

static const char *
Said(const char *word, const char *otherwise)
{
    return word != NULL ? word : otherwise;
}

static Ns_ReturnCode
LoadFile(Tcl_Interp *interp, const char *server, const char *module, const char *file, const char *init)
{
    char              *path = FindFile(file);
    Ns_ModuleInitProc *proc;
    const int         *version;
    void              *handle;
    char              *reason;
    Ns_ReturnCode      status = NS_ERROR;

    if (path == NULL) {
        return NotFound(interp, module, file);
    }
    handle = OpenLibrary(path, &reason);
    if (handle == NULL) {
        (void)Fail(interp, module, path, reason);
        ns_free(reason);
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
    Remember(NsServerGet(server), module, path, "C", *version)->info = InfoOf(handle);

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
            (void)Remember(NsServerGet(server), module, "", "static", 1);
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
            (void)Remember(server, module, "", "Tcl", 1);
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
        NsDictPutText(dict, "name", loaded->name);
        NsDictPutText(dict, "type", Said(loaded->info.type, loaded->type));
        NsDictPutText(dict, "version", Said(loaded->info.version, NS_VERSION));
        NsDictPutText(dict, "tag", Said(loaded->info.tag, Ns_InfoTag()));
        NsDictPutText(dict, "scope", loaded->server != NULL ? "server" : "global");
        NsDictPutText(dict, "file", loaded->file);
        NsDictPutText(dict, "infoversion", "1");
        NsDictPut(dict, "abi", Tcl_NewIntObj(loaded->abi));
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(loaded->name, -1));
        Tcl_ListObjAppendElement(NULL, list, dict);
    }
}
