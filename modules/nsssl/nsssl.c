/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsssl: the HTTPS driver.  It reads what the configuration says about certificates and protocols, and gives each accepted
 * socket a TLS session.  On reload the certificates are read anew: connections keep the context they began with.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "ns.h"

NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT const int Ns_ModuleVersion = 1;

typedef struct Module {
    Ns_Mutex    lock;                          /* around ctx */
    Ns_TlsCtx  *ctx;
    const char *section;                       /* lives as long as the configuration */
} Module;

static const char *
NonEmpty(const char *section, const char *key, const char *def)
{
    const char *value = Ns_ConfigString(section, key, NULL);

    return value != NULL && *value != '\0' ? value : def;
}

/*
 * `clientcertmode`, and `verify`, which is the older word for none and require: when both are set they must agree.  `inherited` is
 * the mode of a section that says nothing.
 */
static bool
ReadMode(const char *section, int inherited, int *mode)
{
    static const struct { const char *name; int mode; } modes[] = {
        {"none", 0}, {"request", 1}, {"optional", 1}, {"require", 2}, {"required", 2}, {"demand", 2}
    };
    const char *value = Ns_ConfigString(section, "clientcertmode", NULL), *verify = Ns_ConfigGetValue(section, "verify");
    int         wanted = -1, flag = 0;
    bool        fine = true;

    for (size_t i = 0; value != NULL && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcasecmp(value, modes[i].name) == 0) {
            wanted = modes[i].mode;
        }
    }
    if (value != NULL && wanted == -1) {
        Ns_Log(Error, "nsssl: section %s, parameter clientcertmode: \"%s\" is not none, request or require", section, value);
        fine = false;
    } else if (verify != NULL && Tcl_GetBoolean(NULL, verify, &flag) != TCL_OK) {
        Ns_Log(Error, "nsssl: section %s, parameter verify: \"%s\" is not a boolean", section, verify);
        fine = false;
    } else if (verify != NULL && value != NULL && (flag != 0) != (wanted != 0)) {
        Ns_Log(Error, "nsssl: section %s: verify %s and clientcertmode %s contradict each other", section, verify, value);
        fine = false;
    }
    *mode = value != NULL ? wanted : verify == NULL ? inherited : flag != 0 ? 2 : 0;
    return fine;
}

/* What is about clients' certificates.  `params` has what a host inherits; what is not set stays. */
static bool
ReadClientRules(const char *section, Ns_TlsServerParams *params)
{
    params->caFile = NonEmpty(section, "clientcafile", NonEmpty(section, "cafile", params->caFile));
    params->caPath = NonEmpty(section, "clientcapath", NonEmpty(section, "capath", params->caPath));
    return ReadMode(section, params->verifyClient, &params->verifyClient);
}

/*
 * A misspelt rule would leave the door open: what looks like one and is none is an error.  In the section of a host nothing else is
 * known (`all`).
 */
static bool
OnlyKnown(const char *section, bool all)
{
    static const char *const known[] = {"certificate", "key", "verify", "clientcertmode", "clientcafile", "clientcapath", "cafile", "capath"};
    static const char *const suspect[] = {"client", "verify", "cafile", "capath", "cadir", "peer", "require"};
    const Ns_Set            *set = Ns_ConfigGetSection2(section, false);
    bool                     fine = true;

    for (size_t n = 0; set != NULL && n < Ns_SetSize(set); n++) {
        const char *key = Ns_SetKey(set, n);
        bool        isKnown = false, isSuspect = all;

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            isKnown = isKnown || strcasecmp(key, known[i]) == 0;
        }
        for (size_t i = 0; i < sizeof(suspect) / sizeof(suspect[0]); i++) {
            isSuspect = isSuspect || strncasecmp(key, suspect[i], strlen(suspect[i])) == 0;
        }
        if (!isKnown && isSuspect) {
            Ns_Log(Error, "nsssl: section %s: there is no parameter %s", section, key);
            fine = false;
        }
    }
    return fine;
}

static Ns_TlsCtx *
CreateContext(const char *section, const Ns_TlsServerParams *params)
{
    Tcl_DString error;
    Ns_TlsCtx  *ctx;

    Tcl_DStringInit(&error);
    ctx = Ns_TlsCtxServerCreate(params, &error);
    if (ctx == NULL) {
        Ns_Log(Error, "nsssl: section %s: %s", section, Tcl_DStringValue(&error));     /* names the file or parameter */
    }
    Tcl_DStringFree(&error);
    return ctx;
}

/* The section of a host, which need not exist: SECTION/host/HOST. */
static bool
AddHost(Ns_TlsCtx *ctx, const char *section, const Ns_TlsServerParams *params, const char *file, const char *host)
{
    Ns_TlsServerParams hostParams = *params;
    Tcl_DString        own;
    Ns_TlsCtx         *hostCtx = NULL;
    const char        *name;
    bool               fine;

    Tcl_DStringInit(&own);
    Tcl_DStringAppend(&own, section, -1);
    Tcl_DStringAppend(&own, "/host/", -1);
    Tcl_DStringAppend(&own, host, -1);
    name = Tcl_DStringValue(&own);
    hostParams.certificate = NonEmpty(name, "certificate", file != NULL ? file : params->certificate);
    hostParams.key = NonEmpty(name, "key", hostParams.certificate == params->certificate ? params->key : NULL);
    fine = OnlyKnown(name, true) && ReadClientRules(name, &hostParams) && (hostCtx = CreateContext(name, &hostParams)) != NULL;
    if (fine && Ns_TlsCtxAddHost(ctx, host, hostCtx) != NS_OK) {
        Ns_Log(Error, "nsssl: section %s: not a host name: %s", section, host);
        fine = false;
    } else if (fine) {
        static const char *const words[] = {"not asked for", "asked for", "required"};

        Ns_Log(Notice, "nsssl: host %s: certificate %s, certificates of clients are %s", host, hostParams.certificate,
               words[hostParams.verifyClient]);
    }
    Ns_TlsCtxRelease(hostCtx);                 /* the context has its own reference */
    Tcl_DStringFree(&own);
    return fine;
}

typedef struct Hosts {                         /* of a folder */
    Ns_TlsCtx                *ctx;
    const char               *section, *folder;
    const Ns_TlsServerParams *params;
    bool                      fine;
} Hosts;

/* HOST.pem: certificate, chain and key. */
static bool
AddHostOfFile(const char *name, void *arg)
{
    Hosts      *hosts = arg;
    size_t      len = strlen(name);
    Tcl_DString file, host;

    if (name[0] != '.' && len > 4 && strcmp(name + len - 4, ".pem") == 0) {
        Tcl_DStringInit(&file);
        Tcl_DStringInit(&host);
        Tcl_DStringAppend(&file, hosts->folder, -1);
        Tcl_DStringAppend(&file, "/", 1);
        Tcl_DStringAppend(&file, name, -1);
        Tcl_DStringAppend(&host, name, (int)(len - 4));
        hosts->fine = AddHost(hosts->ctx, hosts->section, hosts->params, Tcl_DStringValue(&file), Tcl_DStringValue(&host));
        Tcl_DStringFree(&host);
        Tcl_DStringFree(&file);
    }
    return hosts->fine;
}

static bool
AddHostsOfFolder(Ns_TlsCtx *ctx, const char *section, const Ns_TlsServerParams *params)
{
    Hosts hosts = {ctx, section, NonEmpty(section, "vhostcertificates", NULL), params, true};

    if (hosts.folder != NULL && Ns_FolderEach(hosts.folder, AddHostOfFile, &hosts) != NS_OK) {
        Ns_Log(Error, "nsssl: section %s, parameter vhostcertificates: %s: %s", section, hosts.folder, strerror(errno));
        hosts.fine = false;
    }
    return hosts.fine;
}

/* Every section SECTION/host/HOST, with the driver's certificate when it names none. */
static bool
AddHostsOfSections(Ns_TlsCtx *ctx, const char *section, const Ns_TlsServerParams *params)
{
    Ns_Set **sections = Ns_ConfigGetSections();
    size_t   len = strlen(section);
    bool     fine = true;

    for (int i = 0; fine && sections[i] != NULL; i++) {
        const char *name = Ns_SetName(sections[i]);

        if (strncasecmp(name, section, len) == 0 && strncasecmp(name + len, "/host/", 6u) == 0) {
            fine = AddHost(ctx, section, params, NULL, name + len + 6);
        }
    }
    ns_free(sections);
    return fine;
}

/* A context as the configuration has it; NULL when something is wrong with it, which is in the log then. */
static Ns_TlsCtx *
ContextFromConfig(const char *section)
{
    Ns_TlsServerParams params = {
        .certificate = Ns_ConfigString(section, "certificate", NULL),
        .key = Ns_ConfigString(section, "key", NULL),
        .protocols = Ns_ConfigString(section, "protocols", NULL),
        .ciphers = Ns_ConfigString(section, "ciphers", NULL),
        .cipherSuites = Ns_ConfigString(section, "ciphersuites", NULL),
        .keyLogFile = Ns_ConfigString(section, "tlskeylogfile", NULL),
    };
    Ns_TlsCtx *ctx;

    if (!OnlyKnown(section, false) || !ReadClientRules(section, &params)) {
        return NULL;
    }
    if (params.certificate == NULL || *params.certificate == '\0') {
        Ns_Log(Error, "nsssl: section %s, parameter certificate: must name a PEM file", section);
        return NULL;
    }
    ctx = CreateContext(section, &params);
    /* A host that has a section and a file gets both: the file's replaces. */
    if (ctx != NULL && (!AddHostsOfSections(ctx, section, &params) || !AddHostsOfFolder(ctx, section, &params))) {
        Ns_TlsCtxRelease(ctx);
        ctx = NULL;
    }
    return ctx;
}

static Ns_ReturnCode
Accept(Ns_Wire *sock, void *arg)
{
    Module       *self = arg;
    Ns_ReturnCode status;

    Ns_MutexLock(&self->lock);
    status = Ns_TlsAttachServer(sock, self->ctx);
    Ns_MutexUnlock(&self->lock);
    return status;
}

static Ns_ReturnCode
Reload(void *arg)
{
    Module    *self = arg;
    Ns_TlsCtx *ctx = ContextFromConfig(self->section), *old;

    if (ctx == NULL) {
        return NS_ERROR;                       /* the log says why; the driver adds that the old ones stay in use */
    }
    Ns_MutexLock(&self->lock);
    old = self->ctx;
    self->ctx = ctx;
    Ns_MutexUnlock(&self->lock);
    Ns_TlsCtxRelease(old);
    return NS_OK;
}

static void
Free(void *arg)
{
    Module *self = arg;

    Ns_TlsCtxRelease(self->ctx);
    Ns_MutexDestroy(&self->lock);
    ns_free(self);
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    Ns_TransportDriver init = {
        .name = "nsssl",
        .protocol = "https",
        .defaultPort = 443,
        .secure = true,
        .transport = &Ns_TransportTls,
        .accept = Accept,
        .reload = Reload,
        .freeArg = Free,
    };
    const char *section = Ns_ConfigSectionPath(NULL, server, module, (char *)NULL);
    Ns_TlsCtx  *ctx = ContextFromConfig(section);
    Module     *self;

    if (ctx == NULL) {
        return NS_ERROR;
    }
    self = ns_calloc(1, sizeof(*self));
    self->ctx = ctx;
    self->section = section;
    Ns_MutexSetName2(&self->lock, "nsssl", module);
    init.arg = self;
    if (Ns_TransportDriverInit(server, module, &init) != NS_OK) {
        Free(self);
        return NS_ERROR;
    }
    return NS_OK;
}
