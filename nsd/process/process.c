/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What ends the process.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/info.h"
#include "conf/options.h"
#include "process/command.h"
#include "process/daemon.h"
#include "process/process.h"
#include "process/sdnotify.h"
#include "process/signals.h"

/* All in milliseconds. */
#define MOMENT     500                         /* signals that follow the first one within it are the same one */
#define GRACE      1000                        /* in which a start that is to be ended may come to its end */
#define UNWIND     2000                        /* in which the script of command mode has to unwind */
#define OVERTIME   10000                       /* past `shutdowntimeout`: then it is ended by force */
#define LAST_LINES 1000                        /* for the log, at the end */

static NsProcessHooks hooks;
static Ns_Time        shutdownTimeout = {20, 0};
static pthread_t      mainThread;
static pid_t          serverPid;

/* Under the lock. */
static Ns_Mutex lock;
static Ns_Cond  changed;
static struct {
    bool    started, wanted, begun, ending;
    bool    hangup;                            /* HUP came before the start was over */
    bool    reloading, reloadAgain;
    bool    codeGiven;
    int     code;                              /* of Ns_RequestShutdown, or of a signal in command mode */
    int64_t signalled;                         /* the first signal that ends the process; 0: there was none */
    int64_t takeOverAt;                        /* the main thread has to have begun by then; 0: it will */
    int64_t forceAt;                           /* 0: it does not stop yet */
} state;

/* ---------------------------------------------------------------------------------------------------------- the end */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static void End(int exitCode, bool alone) __attribute__((noreturn));
static void
End(int exitCode, bool alone)
{
    (void)NsLogFlush(LAST_LINES);
    if (SANITIZED && alone) {
        exit(exitCode);                        /* they report at exit */
    }
    _exit(exitCode);
}

/* One thread may end the process: its exit code is what the log says.  The others wait for that end. */
static void
BecomeLast(void)
{
    bool first;

    Ns_MutexLock(&lock);
    first = !state.ending;
    state.ending = true;
    Ns_MutexUnlock(&lock);
    while (!first) {
        pause();
    }
}

/* The signals' thread: whatever hangs, the process ends. */
static void
Force(const char *why)
{
    bool first;

    Ns_MutexLock(&lock);
    first = !state.ending;
    state.ending = true;
    Ns_MutexUnlock(&lock);
    if (first) {
        Ns_Log(Warning, "nsd stopped by force (%s), exit code %d", why, NS_EXIT_FORCED);
        End(NS_EXIT_FORCED, false);
    }
}

void
NsProcessGiveUp(int exitCode)
{
    BecomeLast();
    NsPidfileRemove();
    End(exitCode, false);
}

/* Somebody has called exit(3): the handlers of libraries, behind this one, would run under living threads. */
static void
StrayExit(int exitCode, void *arg)
{
    if (getpid() != serverPid) {
        return;                                /* a child that somebody has forked */
    }
    Ns_Log(Warning, "nsd ends without a stop: exit(%d) was called in thread %s", exitCode, Ns_ThreadGetName());
    BecomeLast();
    NsPidfileRemove();
    fflush(NULL);
    End(exitCode, false);
}

/* ------------------------------------------------------------------------------------------------ who wants it to end */

/* With the lock held. */
static void
Want(int exitCode, bool cancel)
{
    int64_t now = NsClockMs();

    if (!state.codeGiven || state.code == NS_EXIT_OK) {
        state.codeGiven = true;
        state.code = exitCode;
    }
    NsInfoSetStopping();
    state.wanted = true;
    if (state.takeOverAt == 0 && !state.begun && (!state.started || cancel)) {
        state.takeOverAt = now + (state.started ? UNWIND : GRACE);
    }
    Ns_CondBroadcast(&changed);
}

void
Ns_RequestShutdown(int exitCode)
{
    bool command = nsOptions.mode == NS_MODE_COMMAND, inMain = NsProcessInMainThread();

    Ns_MutexLock(&lock);
    if (state.started) {
        Want(exitCode, command && !inMain);
    } else {
        /* It is no hanging start: it is stopped when it is over. */
        state.wanted = state.codeGiven = true;
        state.code = exitCode;
        NsInfoSetStopping();
    }
    Ns_MutexUnlock(&lock);
    if (command && inMain) {
        NsCommandEndWait();                    /* the script goes on; it is over at the latest when it waits for events */
    } else if (command) {
        NsCommandCancel();
    }
    NsSignalsWake();
}

static void
ReloadThread(void *arg)
{
    bool again = true;

    Ns_ThreadSetName("-reload-");
    while (again) {
        NsSdNotify("RELOADING=1");
        hooks.reload();
        NsSdNotify("READY=1");
        Ns_MutexLock(&lock);
        again = state.reloadAgain;
        state.reloadAgain = false;
        state.reloading = again;
        Ns_MutexUnlock(&lock);
    }
}

/* Scripts run then, which may hang: the signals' thread does not wait for them. */
static void
Reload(void)
{
    bool start = false;

    Ns_MutexLock(&lock);
    if (!state.started) {
        state.hangup = true;
    } else if (state.reloading) {
        state.reloadAgain = true;
    } else if (!state.begun) {
        start = state.reloading = true;
    }
    Ns_MutexUnlock(&lock);
    if (start) {
        Ns_ThreadCreate(ReloadThread, NULL, 0, NULL);
    }
}

/* The signals' thread. */
static void
GotSignal(int sig)
{
    bool    command = nsOptions.mode == NS_MODE_COMMAND, force = false;
    int64_t now = NsClockMs();

    if (sig == SIGHUP) {
        Reload();
        return;
    }
    Ns_MutexLock(&lock);
    if (state.signalled != 0) {
        force = now - state.signalled >= MOMENT;
    } else {
        state.signalled = now;
        Want(state.codeGiven ? state.code : command ? 128 + sig : NS_EXIT_OK, command);
    }
    Ns_MutexUnlock(&lock);
    if (force) {
        Force("a second signal");
    } else if (command) {
        NsCommandCancel();
    }
}

static void
StopThread(void *arg)
{
    Ns_ThreadSetName("-stop-");
    NsProcessStop(NS_EXIT_OK);
}

/* The main thread has not come to its end in time. */
static void
TakeOver(bool started, int code)
{
    if (started) {
        Ns_ThreadCreate(StopThread, NULL, 0, NULL);
    } else {
        Ns_Log(Warning, "nsd stopped before its start was over, exit code %d", code);
        NsProcessGiveUp(code);
    }
}

/* The signals' thread: what is to be done at its time. */
static int64_t
LookAtTimes(void)
{
    int64_t now = NsClockMs(), next;
    bool    takeOver, force, started;
    int     code;

    Ns_MutexLock(&lock);
    started = state.started;
    code = nsOptions.mode == NS_MODE_COMMAND ? state.code : NS_EXIT_FORCED;
    takeOver = state.takeOverAt != 0 && !state.begun && now >= state.takeOverAt;
    force = state.forceAt != 0 && now >= state.forceAt;
    if (takeOver || state.begun) {
        state.takeOverAt = 0;
    }
    next = state.takeOverAt != 0 ? state.takeOverAt - now : state.forceAt != 0 ? state.forceAt - now : -1;
    Ns_MutexUnlock(&lock);
    if (force) {
        Force("the time is up");
        next = -1;
    } else if (takeOver) {
        TakeOver(started, code);
    }
    return next;
}

/* ---------------------------------------------------------------------------------------------------- main's part */

/* Tcl's own `exit`, which child interpreters have: this thread does not go on. */
static void TclExit(ClientData code) __attribute__((noreturn));
static void
TclExit(ClientData code)
{
    int exitCode = (int)(intptr_t)code;

    if (NsProcessInMainThread()) {
        if (state.started) {
            NsProcessStop(exitCode);
        }
        fflush(NULL);
        NsProcessGiveUp(exitCode);
    }
    Ns_RequestShutdown(exitCode);
    for (;;) {
        pause();
    }
}

void
NsProcessInit(const NsProcessHooks *lent)
{
    static const NsSignalProcs procs = {GotSignal, LookAtTimes};

    hooks = *lent;
    mainThread = pthread_self();
    serverPid = getpid();
    Ns_MutexSetName(&lock, "ns:process");
    Ns_CondInit(&changed);
    NsSignalsStart(&procs);
    (void)Tcl_SetExitProc(TclExit);
}

void
NsProcessStarted(void)
{
    bool hangup;

    if (!SANITIZED) {
        /* Now: handlers run in the reverse order of their registration, and libraries register theirs at their first use. */
        (void)on_exit(StrayExit, NULL);
    }
    Ns_MutexLock(&lock);
    state.started = true;
    state.takeOverAt = state.takeOverAt != 0 && nsOptions.mode == NS_MODE_COMMAND ? NsClockMs() + UNWIND : 0;
    hangup = state.hangup;
    Ns_MutexUnlock(&lock);
    NsSignalsWake();
    if (hangup) {
        Reload();
    }
}

void
NsProcessWait(void)
{
    Ns_MutexLock(&lock);
    while (!state.wanted) {
        Ns_CondWait(&changed, &lock);
    }
    Ns_MutexUnlock(&lock);
}

void
NsProcessSetShutdownTimeout(const Ns_Time *timeout)
{
    Ns_MutexLock(&lock);
    shutdownTimeout = *timeout;
    Ns_MutexUnlock(&lock);
}

bool
NsProcessInMainThread(void)
{
    return pthread_equal(pthread_self(), mainThread) != 0;
}

/* -------------------------------------------------------------------------------------------------------------- stop */

static void
FlushStd(int which)
{
    Tcl_Channel chan = NsProcessInMainThread() ? Tcl_GetStdChannel(which) : NULL;

    if (chan != NULL) {
        (void)Tcl_Flush(chan);
    }
}

/* A part of what is left until the end: whoever hangs in one stage must not leave the next ones without time. */
static const Ns_Time *
Share(const Ns_Time *until, int percent, Ns_Time *deadline)
{
    Ns_Time left;

    NsGetMonotonicTime(deadline);
    if (Ns_DiffTime(until, deadline, &left) > 0) {
        int64_t ms = Ns_TimeToMilliseconds(&left) * percent / 100;

        Ns_IncrTime(deadline, (time_t)(ms / 1000), (long)(ms % 1000) * 1000);
    }
    return deadline;
}

static bool
RunStages(const Ns_Time *until)
{
    const NsStopStage *stage;
    Ns_Time            deadline;
    bool               ended = true;

    for (stage = hooks.stages; stage->stop != NULL; stage++) {
        ended = stage->stop(Share(until, stage->percent, &deadline)) && ended;
    }
    return ended && NsMsUntil(until) > 0;
}

/* Only one thread stops: false: another one does. */
static bool
Begin(int *exitCode, Ns_Time *timeout)
{
    bool first;

    Ns_MutexLock(&lock);
    first = !state.begun;
    state.begun = state.wanted = true;
    *timeout = shutdownTimeout;
    if (state.codeGiven && (state.code != NS_EXIT_OK || *exitCode == NS_EXIT_OK)) {
        *exitCode = state.code;
    }
    if (first) {
        state.forceAt = NsClockMs() + Ns_TimeToMilliseconds(timeout) + OVERTIME;
    }
    Ns_MutexUnlock(&lock);
    NsInfoSetStopping();
    NsSignalsWake();
    return first;
}

void
NsProcessStop(int exitCode)
{
    Ns_Time timeout, until;
    bool    inTime;

    while (!Begin(&exitCode, &timeout)) {
        pause();
    }
    Ns_Log(Notice, "nsd stopping");
    NsSdNotify("STOPPING=1");
    NsMonotonicAfter(&timeout, &until);
    inTime = RunStages(&until);
    if (!inTime) {
        Ns_Log(Warning, "nsd: not all has ended within its part of the shutdowntimeout of %lds; it is left", timeout.sec);
        exitCode = exitCode != 0 ? exitCode : NS_EXIT_FORCED;
    }
    FlushStd(TCL_STDOUT);
    FlushStd(TCL_STDERR);
    if (NsProcessInMainThread()) {
        NsCommandFlush();
        hooks.forgetThread();
    }
    fflush(NULL);
    NsPidfileRemove();

    BecomeLast();
    Ns_Log(Notice, "nsd stopped, exit code %d", exitCode);
    End(exitCode, inTime);
}
