/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nsproxy: scripts in worker processes.  This is the module: what is configured, and when it begins and stops.
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
#include "module.h"
#include "wire.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;

/* ------------------------------------------------------------------------------------------------------------- text */

Tcl_Obj *
ProxyTextObj(const char *bytes, size_t len)
{
    Tcl_DString ds;
    Tcl_Obj    *obj;

    Tcl_DStringInit(&ds);
    Ns_TextAppendIn(&ds, bytes, len);
    obj = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return obj;
}

char *
ProxyTextOut(Tcl_Interp *interp, const char *what, const char *text)
{
    Tcl_DString ds;
    char       *bytes = NULL;

    Tcl_DStringInit(&ds);
    Ns_TextAppendOut(&ds, text, strlen(text));
    if (strlen(Tcl_DStringValue(&ds)) == (size_t)Tcl_DStringLength(&ds)) {
        bytes = ns_strdup(Tcl_DStringValue(&ds));
    } else if (interp != NULL) {
        Ns_TclPrintfResult(interp, "%s: \"%s\" has a NUL", what, text);
    }
    Tcl_DStringFree(&ds);
    return bytes;
}

char *
ProxyProgram(const char *bytes)
{
    Dl_info     info;
    const char *slash;
    Tcl_DString ds;
    char       *path;

    Tcl_DStringInit(&ds);
    if (*bytes != '/' && dladdr(&Ns_ModuleVersion, &info) != 0 && (slash = strrchr(info.dli_fname, '/')) != NULL) {
        Tcl_DStringAppend(&ds, info.dli_fname, (int)(slash + 1 - info.dli_fname));
    }
    Tcl_DStringAppend(&ds, bytes, -1);
    path = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
    return path;
}

/* ------------------------------------------------------------------------------------------------------- the module */

static void
AtShutdown(const Ns_Time *until, void *arg)
{
    Ns_Time now, left;

    if (until == NULL) {
        ProxyStopBegin();
        return;
    }
    Ns_GetTime(&now);
    (void)Ns_DiffTime(until, &now, &left);
    ProxyStopEnd(ProxyNow() + Ns_TimeToMilliseconds(&left));
}

static void
ConfTime(const char *section, const char *key, const char *def, Ns_Time *time)
{
    Ns_ConfigTimeUnitRange(section, key, def, 0, 0, 86400 * 365, 0, time);
}

/* maxworker, and the names that it has had. */
static int
ConfWorkers(const char *section)
{
    int workers = Ns_ConfigIntRange(section, "maxslaves", 8, 0, PROXY_MAX_WORKERS);

    workers = Ns_ConfigIntRange(section, "maxworkers", workers, 0, PROXY_MAX_WORKERS);
    return Ns_ConfigIntRange(section, "maxworker", workers, 0, PROXY_MAX_WORKERS);
}

static bool
ReadConf(const char *section, ProxyConf *conf)
{
    char *exec = ProxyTextOut(NULL, "exec", Ns_ConfigString(section, "exec", "nsproxy-helper"));

    if (exec == NULL || *exec == '\0') {
        Ns_Log(Error, "config: section %s: parameter exec: it is no path", section);
        ns_free(exec);
        return false;
    }
    memset(conf, 0, sizeof(*conf));
    conf->exec = ProxyProgram(exec);
    ns_free(exec);
    conf->init = ns_strdup("");
    conf->reinit = ns_strdup("");
    conf->maxWorkers = ConfWorkers(section);
    ConfTime(section, "gettimeout", "0ms", &conf->getTimeout);
    ConfTime(section, "evaltimeout", "0ms", &conf->evalTimeout);
    ConfTime(section, "sendtimeout", "5s", &conf->sendTimeout);
    ConfTime(section, "recvtimeout", "5s", &conf->recvTimeout);
    ConfTime(section, "waittimeout", "1s", &conf->waitTimeout);
    ConfTime(section, "idletimeout", "5m", &conf->idleTimeout);
    ConfTime(section, "logminduration", "1s", &conf->logMinDuration);
    return true;
}

/* The environment that workers get, as it is now: others may change it while a worker is started. */
static char **
Environment(void)
{
    static char **copy;
    size_t        n = 0, i;

    if (copy == NULL) {
        while (environ[n] != NULL) {
            n++;
        }
        copy = ns_calloc(n + 1, sizeof(*copy));
        for (i = 0; i < n; i++) {
            copy[i] = ns_strdup(environ[i]);
        }
        (void)Ns_RegisterAtShutdown(AtShutdown, NULL);
    }
    return copy;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const char  *section = Ns_ConfigSectionPath(NULL, server, module, (char *)NULL);
    ProxyServer *data;
    ProxyConf    conf;
    size_t       maxMessage;
    unsigned     maxPools;

    if (server == NULL) {
        Ns_Log(Error, "%s: to be loaded by a server: section ns/server/NAME/modules", module);
        return NS_ERROR;
    }
    if (!ReadConf(section, &conf)) {
        return NS_ERROR;
    }
    maxMessage = (size_t)Ns_ConfigMemUnitRange(section, "maxmessage", "64MB", 64 * 1024 * 1024, 1024,
                                               PROXY_MAX_MESSAGE);
    maxPools = (unsigned)Ns_ConfigIntRange(section, "maxpools", 100, 1, 10000);
    data = ns_calloc(1, sizeof(*data));
    data->store = ProxyStoreCreate(&conf, Environment(), maxMessage, maxPools);
    ProxyConfFree(&conf);
    return ProxyRegister(server, data);
}
