/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsssl: the HTTPS driver.  It reads what the configuration says about certificates and protocols, and gives each accepted
 * socket a TLS session.  On reload the certificates are read anew: connections keep the context they began with.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "ns.h"

NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT const int Ns_ModuleVersion = 1;

typedef struct Module {
    Ns_Mutex    lock;                          /* around ctx */
    Ns_TlsCtx  *ctx;
    const char *section;                       /* lives as long as the configuration */
} Module;

static int
ClientCertMode(const char *section)
{
    static const char *const modes[] = {"none", "optional", "require", "required"};
    const char              *value = Ns_ConfigString(section, "clientcertmode", "none");

    for (int i = 0; i < 4; i++) {
        if (strcasecmp(value, modes[i]) == 0) {
            return i < 2 ? i : 2;
        }
    }
    Ns_Log(Error, "nsssl: section %s, parameter clientcertmode: \"%s\" is not none, optional or require", section, value);
    return -1;
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

static Ns_ReturnCode
AddHost(Ns_TlsCtx *ctx, const char *section, const Ns_TlsServerParams *params, const char *dir, const char *name)
{
    Ns_TlsServerParams hostParams = *params;
    char               file[PATH_MAX], host[NAME_MAX + 1];
    Ns_TlsCtx         *hostCtx;
    Ns_ReturnCode      status;

    if (snprintf(file, sizeof(file), "%s/%s", dir, name) >= (int)sizeof(file)) {
        Ns_Log(Error, "nsssl: section %s, parameter vhostcertificates: path is too long: %s/%s", section, dir, name);
        return NS_ERROR;
    }
    snprintf(host, sizeof(host), "%.*s", (int)(strlen(name) - strlen(".pem")), name);
    hostParams.certificate = file;
    hostParams.key = NULL;
    hostCtx = CreateContext(section, &hostParams);
    if (hostCtx == NULL) {
        return NS_ERROR;
    }
    status = Ns_TlsCtxAddHost(ctx, host, hostCtx);
    if (status == NS_OK) {
        Ns_Log(Notice, "nsssl: certificate of host %s: %s", host, file);
    } else {
        Ns_Log(Error, "nsssl: section %s, parameter vhostcertificates: not a host name: %s", section, host);
    }
    Ns_TlsCtxRelease(hostCtx);                 /* the context has its own reference */
    return status;
}

/* Every HOST.pem in the folder: certificate, chain and key. */
static Ns_ReturnCode
AddHosts(Ns_TlsCtx *ctx, const char *section, const Ns_TlsServerParams *params)
{
    const char          *path = Ns_ConfigString(section, "vhostcertificates", NULL);
    DIR                 *dir;
    const struct dirent *entry;
    Ns_ReturnCode        status = NS_OK;

    if (path == NULL || *path == '\0') {
        return NS_OK;
    }
    dir = opendir(path);
    if (dir == NULL) {
        Ns_Log(Error, "nsssl: section %s, parameter vhostcertificates: %s: %s", section, path, strerror(errno));
        return NS_ERROR;
    }
    while (status == NS_OK && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".pem") == 0) {
            status = AddHost(ctx, section, params, path, entry->d_name);
        }
    }
    closedir(dir);
    return status;
}

/* A context as the configuration has it; NULL when something is wrong with it, which is in the log then. */
static Ns_TlsCtx *
ContextFromConfig(const char *section)
{
    Ns_TlsServerParams params = {
        .certificate = Ns_ConfigString(section, "certificate", NULL),
        .key = Ns_ConfigString(section, "key", NULL),
        .caFile = Ns_ConfigString(section, "clientcafile", NULL),
        .caPath = Ns_ConfigString(section, "clientcapath", NULL),
        .protocols = Ns_ConfigString(section, "protocols", NULL),
        .ciphers = Ns_ConfigString(section, "ciphers", NULL),
        .cipherSuites = Ns_ConfigString(section, "ciphersuites", NULL),
        .keyLogFile = Ns_ConfigString(section, "tlskeylogfile", NULL),
        .verifyClient = ClientCertMode(section),
    };
    Ns_TlsCtx *ctx;

    if (params.verifyClient == -1) {
        return NULL;
    }
    if (params.certificate == NULL || *params.certificate == '\0') {
        Ns_Log(Error, "nsssl: section %s, parameter certificate: must name a PEM file", section);
        return NULL;
    }
    ctx = CreateContext(section, &params);
    if (ctx != NULL && AddHosts(ctx, section, &params) != NS_OK) {
        Ns_TlsCtxRelease(ctx);
        ctx = NULL;
    }
    return ctx;
}

static Ns_ReturnCode
Accept(Ns_Sock *sock, void *arg)
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
    Ns_DriverInitData init = {
        .version = NS_DRIVER_VERSION,
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
    if (Ns_DriverInit(server, module, &init) != NS_OK) {
        Free(self);
        return NS_ERROR;
    }
    return NS_OK;
}
