/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The Ns_RegisterAt* lists.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "interp/callbacks.h"

typedef enum { AT_PRESTARTUP, AT_STARTUP, AT_SIGNAL, AT_READY, AT_STOP, AT_SHUTDOWN, AT_EXIT, AT_COUNT } When;

typedef struct Callback {
    struct Callback *next;
    union {
        Ns_Callback     *plain;
        Ns_ShutdownProc *shutdown;
        void           (*any)(void);
    } proc;
    void            *arg;
} Callback;

typedef struct Description {
    struct Description *next;
    void              (*proc)(void);
    const char         *name;
    Ns_ArgProc          *append;
} Description;

static const char *const names[AT_COUNT] = {"prestartup", "startup", "signal", "ready", "stop", "shutdown", "exit"};

static Ns_Mutex     lock;
static Callback    *lists[AT_COUNT];           /* never removed from */
static _Atomic(Description *) descriptions;

/* Start-up procs run in the order of their registration, those of the end the other way round. */
static void *
Register(When when, Callback callback)
{
    Callback *entry = ns_malloc(sizeof *entry), **link = &lists[when];

    *entry = callback;
    Ns_MutexLock(&lock);
    if (when == AT_SHUTDOWN || when == AT_EXIT) {
        entry->next = *link;
    } else {
        while (*link != NULL) {
            link = &(*link)->next;
        }
        entry->next = NULL;
    }
    *link = entry;
    Ns_MutexUnlock(&lock);
    return entry;
}

static void *
RegisterPlain(When when, Ns_Callback *proc, void *arg)
{
    return Register(when, (Callback){.proc.plain = proc, .arg = arg});
}

void *
Ns_RegisterAtStartup(Ns_Callback *proc, void *arg)
{
    return RegisterPlain(AT_STARTUP, proc, arg);
}

void *
Ns_RegisterAtPreStartup(Ns_Callback *proc, void *arg)
{
    return RegisterPlain(AT_PRESTARTUP, proc, arg);
}

void *
Ns_RegisterAtSignal(Ns_Callback *proc, void *arg)
{
    return RegisterPlain(AT_SIGNAL, proc, arg);
}

void *
Ns_RegisterAtReady(Ns_Callback *proc, void *arg)
{
    return RegisterPlain(AT_READY, proc, arg);
}

void *
Ns_RegisterAtStop(Ns_Callback *proc, void *arg)
{
    return RegisterPlain(AT_STOP, proc, arg);
}

void *
Ns_RegisterAtShutdown(Ns_ShutdownProc *proc, void *arg)
{
    return Register(AT_SHUTDOWN, (Callback){.proc.shutdown = proc, .arg = arg});
}

void *
Ns_RegisterAtExit(Ns_Callback *proc, void *arg)
{
    return RegisterPlain(AT_EXIT, proc, arg);
}

/* Entries stay, so that the list can be walked while more are added to it: what a proc registers runs too. */
static const Callback *
Next(When when, const Callback *callback)
{
    Ns_MutexLock(&lock);
    callback = callback == NULL ? lists[when] : callback->next;
    Ns_MutexUnlock(&lock);
    return callback;
}

static void
Run(When when)
{
    const Callback *callback = NULL;

    while ((callback = Next(when, callback)) != NULL) {
        callback->proc.plain(callback->arg);
    }
}

void NsRunAtPreStartup(void) { Run(AT_PRESTARTUP); }
void NsRunAtStartup(void)    { Run(AT_STARTUP); }
void NsRunAtSignal(void)     { Run(AT_SIGNAL); }
void NsRunAtReady(void)      { Run(AT_READY); }
void NsRunAtStop(void)       { Run(AT_STOP); }
void NsRunAtExit(void)       { Run(AT_EXIT); }

void
NsStartAtShutdown(void)
{
    const Callback *callback = NULL;

    while ((callback = Next(AT_SHUTDOWN, callback)) != NULL) {
        callback->proc.shutdown(NULL, callback->arg);
    }
}

void
NsWaitAtShutdown(const Ns_Time *until)
{
    const Callback *callback = NULL;
    Ns_Time         date;

    NsMonotonicToDate(until, &date);
    while ((callback = Next(AT_SHUTDOWN, callback)) != NULL) {
        callback->proc.shutdown(&date, callback->arg);
    }
}

void
NsCallbacksAppend(Tcl_DString *ds)
{
    When when;

    Ns_MutexLock(&lock);
    for (when = 0; when < AT_COUNT; when++) {
        const Callback *callback;

        for (callback = lists[when]; callback != NULL; callback = callback->next) {
            char id[32];

            snprintf(id, sizeof id, "%p", (const void *)callback);
            Tcl_DStringStartSublist(ds);
            Tcl_DStringAppendElement(ds, names[when]);
            Tcl_DStringAppendElement(ds, id);
            NsProcAppend(ds, callback->proc.any, callback->arg);
            Tcl_DStringEndSublist(ds);
        }
    }
    Ns_MutexUnlock(&lock);
}

/* ------------------------------------------------------------------------------------------------- names of C procs */

void
NsProcDescribe(void (*proc)(void), const char *name, Ns_ArgProc *append)
{
    Description *description = ns_calloc(1, sizeof *description);

    description->proc = proc;
    description->name = name;
    description->append = append;
    description->next = atomic_load(&descriptions);
    while (!atomic_compare_exchange_weak(&descriptions, &description->next, description)) {
    }
}

void
Ns_RegisterProcInfo(ns_funcptr_t proc, const char *desc, Ns_ArgProc *argProc)
{
    NsProcDescribe(proc, ns_strdup(desc), argProc);
}

void
Ns_GetProcInfo(Tcl_DString *ds, ns_funcptr_t proc, const void *arg)
{
    NsProcAppend(ds, proc, arg);
}

void
Ns_StringArgProc(Tcl_DString *ds, const void *arg)
{
    Tcl_DStringAppendElement(ds, arg != NULL ? arg : "");
}

void
NsProcAppend(Tcl_DString *ds, void (*proc)(void), const void *arg)
{
    const Description *description = atomic_load(&descriptions);
    char               text[48];

    while (description != NULL && description->proc != proc) {
        description = description->next;
    }
    if (description != NULL) {
        Tcl_DStringAppendElement(ds, description->name);
        if (description->append != NULL) {
            description->append(ds, arg);
            return;
        }
    } else {
        snprintf(text, sizeof text, "p:%p", *(void **)&proc);
        Tcl_DStringAppendElement(ds, text);
    }
    snprintf(text, sizeof text, "a:%p", arg);
    Tcl_DStringAppendElement(ds, text);
}
