/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The list of drivers: registering them, starting and stopping their threads, and what can be asked about them.
 */
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "base/dict.h"
#include "driver/int.h"

static struct {
    NsDriver *first, *last;                   /* grows before the threads start, never shrinks */
} drivers;

Ns_ReturnCode
NsDriverAdd(const char *server, const char *module, const Ns_TransportDriver *init, const struct NsModuleDriver *byModule)
{
    NsDriver *driver = NsDriverConfigure(server, module, init, byModule);

    if (driver == NULL) {
        return NS_ERROR;
    }
    if (drivers.last != NULL) {
        drivers.last->next = driver;
    } else {
        drivers.first = driver;
    }
    drivers.last = driver;
    return NS_OK;
}

Ns_ReturnCode
Ns_TransportDriverInit(const char *server, const char *module, const Ns_TransportDriver *init)
{
    return NsDriverAdd(server, module, init, NULL);
}

void
NsDriverEach(bool (*proc)(NsDriver *driver, void *arg), void *arg)
{
    NsDriver *driver;

    for (driver = drivers.first; driver != NULL && proc(driver, arg); driver = driver->next) {
        ;
    }
}

NsDriver *
NsDriverFind(const char *protocol, const char *module)
{
    NsDriver *driver;

    for (driver = drivers.first; driver != NULL; driver = driver->next) {
        if ((protocol == NULL || strcmp(driver->init.protocol, protocol) == 0)
            && (module == NULL || strcmp(driver->module, module) == 0)) {
            break;
        }
    }
    return driver;
}

const char *Ns_DriverName(const Ns_Driver *driver)     { return NsDriverOf(driver)->type; }
const char *Ns_DriverModule(const Ns_Driver *driver)   { return NsDriverOf(driver)->module; }
const char *Ns_DriverProtocol(const Ns_Driver *driver) { return NsDriverOf(driver)->init.protocol; }

/* ---- start and stop ---- */

void
NsDriversStart(void)
{
    NsDriver *driver;
    int        i;

    for (driver = drivers.first; driver != NULL; driver = driver->next) {
        driver->state->started = true;
        for (i = 0; i < driver->driverThreads; i++) {
            NsDriverThreadStart(&driver->state->threads[i]);
        }
    }
}

void
NsDriversStopAccepting(void)
{
    NsDriver *driver;
    int        i;

    NsDriversSetQuiet();
    for (driver = drivers.first; driver != NULL; driver = driver->next) {
        for (i = 0; driver->state->started && i < driver->driverThreads; i++) {
            NsDriverThreadQuiet(&driver->state->threads[i]);
        }
    }
}

/* Wait until a thread has ended; false: it did not in time. */
static bool
AwaitThread(NsDriverThread *thread, const Ns_Time *until)
{
    struct NsDriverState *state = thread->driver->state;
    Ns_ReturnCode         status = NS_OK;

    Ns_MutexLock(&state->lock);
    while (thread->running && status == NS_OK) {
        status = NsCondWaitUntil(&state->cond, &state->lock, until);
    }
    Ns_MutexUnlock(&state->lock);
    return status == NS_OK;
}

static void
StopDriver(NsDriver *driver, const Ns_Time *until)
{
    int i;

    for (i = 0; i < driver->driverThreads; i++) {
        NsDriverThread *thread = &driver->state->threads[i];

        if (!AwaitThread(thread, until)) {
            Ns_Log(Warning, "%s: answers were not taken in time, closing %llu connections", driver->module,
                   (unsigned long long)atomic_load_explicit(&thread->counters.connections, memory_order_relaxed));
            NsDriverThreadAbandon(thread);
        }
        Ns_ThreadJoin(&thread->thread, NULL);
    }
    if (driver->init.freeArg != NULL) {
        driver->init.freeArg(driver->init.arg);
    }
}

void
NsDriversStop(const Ns_Time *until)
{
    NsDriver *driver;
    int        i;

    NsDriversSetQuiet();
    for (driver = drivers.first; driver != NULL; driver = driver->next) {
        for (i = 0; driver->state->started && i < driver->driverThreads; i++) {
            NsDriverThreadStop(&driver->state->threads[i]);
        }
    }
    for (driver = drivers.first; driver != NULL; driver = driver->next) {
        if (driver->state->started) {
            StopDriver(driver, until);
        }
    }
}

/*
 * One reload at a time, so that what is in use afterwards is what the last one has read.  No lock is held meanwhile: modules
 * read files.  Who has waited for so long goes ahead.
 */
#define RELOAD_WAIT 30

static struct {
    Ns_Mutex lock;
    Ns_Cond  done;
    bool     busy;
} reloading;

static void
BeginReload(void)
{
    Ns_Time       until;
    Ns_ReturnCode status = NS_OK;

    Ns_GetTime(&until);
    Ns_IncrTime(&until, RELOAD_WAIT, 0);
    Ns_MutexLock(&reloading.lock);
    while (reloading.busy && status == NS_OK) {
        status = Ns_CondTimedWait(&reloading.done, &reloading.lock, &until);
    }
    reloading.busy = true;
    Ns_MutexUnlock(&reloading.lock);
}

static void
EndReload(void)
{
    Ns_MutexLock(&reloading.lock);
    reloading.busy = false;
    Ns_CondBroadcast(&reloading.done);
    Ns_MutexUnlock(&reloading.lock);
}

int
NsDriversReload(void)
{
    NsDriver *driver;
    int        failed = 0;

    BeginReload();
    for (driver = drivers.first; driver != NULL; driver = driver->next) {
        if (driver->init.reload == NULL) {
            continue;
        }
        if (driver->init.reload(driver->init.arg) == NS_OK) {
            Ns_Log(Notice, "%s: reloaded, new connections get what is in its files now", driver->module);
        } else {
            Ns_Log(Error, "%s: reload failed, what was loaded before stays in use", driver->module);
            failed++;
        }
    }
    EndReload();
    return failed;
}

/* ---- what scripts may know ---- */

void
NsDriverAppendInfo(const NsDriver *driver, Tcl_Obj *dict)
{
    const struct NsDriverState *state = driver->state;
    Tcl_Obj                    *addresses = Tcl_NewListObj(0, NULL), *ports = Tcl_NewListObj(0, NULL);
    Tcl_DString                 ds;
    Ns_Time                     recvWait = {driver->recvWait / 1000, (driver->recvWait % 1000) * 1000};
    Ns_Time                     sendWait = {driver->sendWait / 1000, (driver->sendWait % 1000) * 1000};
    int                         i;

    for (i = 0; i < state->addressCount; i++) {
        const char *address = state->addresses[i] != NULL ? state->addresses[i] : "*";

        Tcl_ListObjAppendElement(NULL, addresses, Tcl_NewStringObj(address, -1));
    }
    for (i = 0; i < state->portCount; i++) {
        Tcl_ListObjAppendElement(NULL, ports, Tcl_NewIntObj(state->ports[i]));
    }
    Tcl_DStringInit(&ds);
    NsDriverAppendLocation(driver, NULL, &ds);
    NsDictPutText(dict, "module", driver->module);
    NsDictPutText(dict, "type", driver->type);
    NsDictPutText(dict, "server", driver->server != NULL ? driver->server->name : "");
    NsDictPut(dict, "location", Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds)));
    NsDictPut(dict, "address", addresses);
    NsDictPutText(dict, "protocol", driver->init.protocol);
    NsDictPut(dict, "sendwait", Ns_TclNewTimeObj(&sendWait));
    NsDictPut(dict, "recvwait", Ns_TclNewTimeObj(&recvWait));
    NsDictPut(dict, "extraheaders", NsDriverExtraHeadersObj(driver));
    NsDictPut(dict, "port", ports);
    NsDictPut(dict, "defaultport", Tcl_NewIntObj(driver->init.defaultPort));
    NsDictPutText(dict, "libraryversion", driver->pub.libraryVersion != NULL ? driver->pub.libraryVersion : NS_VERSION);
    Tcl_DStringFree(&ds);
}

Tcl_Obj *
NsDriverExtraHeadersObj(const NsDriver *driver)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    size_t   i;

    for (i = 0; driver->extraHeaders != NULL && i < Ns_SetSize(driver->extraHeaders); i++) {
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_SetKey(driver->extraHeaders, i), -1));
        Tcl_ListObjAppendElement(NULL, list, Tcl_NewStringObj(Ns_SetValue(driver->extraHeaders, i), -1));
    }
    return list;
}

int
NsDriverThreadCount(const NsDriver *driver)
{
    return driver->driverThreads;
}

/* NaviServer's first; the others only for a driver as a whole. */
static const struct {
    const char *key;
    size_t      offset;
    bool        ours;
} counterNames[] = {
    {"received",     offsetof(DriverCounters, received),     false},
    {"spooled",      offsetof(DriverCounters, spooled),      false},
    {"partial",      offsetof(DriverCounters, partial),      false},
    {"errors",       offsetof(DriverCounters, errors),       false},
    {"reading",      offsetof(DriverCounters, reading),      false},
    {"waiting",      offsetof(DriverCounters, waiting),      false},
    {"closing",      offsetof(DriverCounters, closing),      false},
    {"accepted",     offsetof(DriverCounters, accepted),     true},
    {"connections",  offsetof(DriverCounters, connections),  true},
    {"sentbytes",    offsetof(DriverCounters, sentBytes),    true},
    {"spooledbytes", offsetof(DriverCounters, spooledBytes), true},
    {"timeouts",     offsetof(DriverCounters, timeouts),     true},
    {"overrun",      offsetof(DriverCounters, overrun),      true},
    {"inputlimits", offsetof(DriverCounters, inputLimits), true},
    {"inputspooled", offsetof(DriverCounters, inputSpooled), true},
    {"inputspooledbytes", offsetof(DriverCounters, inputSpooledBytes), true},
    {"inputspoolerrors", offsetof(DriverCounters, inputSpoolErrors), true},
    {"tooslow", offsetof(DriverCounters, tooSlow), true},
    {"nodescriptor", offsetof(DriverCounters, noDescriptor), true},
    {"perip",        offsetof(DriverCounters, perIp),        true},
    {"handshakewaits", offsetof(DriverCounters, shakeWaits), true},
    {"evicted",      offsetof(DriverCounters, evicted),      true},
    {"ratewaits",    offsetof(DriverCounters, rateWaits),    true}
};

static void
AppendStats(const NsDriver *driver, int from, int to, bool ours, Tcl_Obj *dict)
{
    size_t n;
    int    i;

    for (n = 0; n < sizeof(counterNames) / sizeof(counterNames[0]); n++) {
        Tcl_WideInt total = 0;

        for (i = from; i < to && (ours || !counterNames[n].ours); i++) {
            const char          *counters = (const char *)&driver->state->threads[i].counters;
            const atomic_ullong *counter = (const void *)(counters + counterNames[n].offset);

            total += (Tcl_WideInt)atomic_load_explicit(counter, memory_order_relaxed);
        }
        if (ours || !counterNames[n].ours) {
            NsDictPutNumber(dict, counterNames[n].key, total);
        }
    }
}

void
NsDriverAppendStats(const NsDriver *driver, Tcl_Obj *dict)
{
    AppendStats(driver, 0, driver->driverThreads, true, dict);
}

void
NsDriverAppendThreadStats(const NsDriver *driver, int index, bool all, Tcl_Obj *dict)
{
    NsDictPut(dict, "thread", Tcl_ObjPrintf("%s:%d", driver->module, index));
    NsDictPutText(dict, "module", driver->module);
    AppendStats(driver, index, index + 1, all, dict);
}
