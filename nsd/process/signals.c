/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The thread that waits for signals.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "conf/options.h"
#include "process/sdnotify.h"
#include "process/signals.h"

static NsSignalProcs procs;
static int           signalFd = -1, wakeFd = -1;

static void
SignalSet(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGTERM);
    if (!nsOptions.debug) {
        sigaddset(set, SIGINT);
    }
}

void
NsSignalsBlock(void)
{
    sigset_t set;

    SignalSet(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* Who writes hears of it: from write(2). */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (nsOptions.debug) {
        (void)signal(SIGINT, SIG_DFL);         /* a shell starts background jobs with it ignored */
    }
}

/* What scripts start with exec shall be ended by signals as usual. */
static void
UnblockInChild(void)
{
    sigset_t set;

    SignalSet(&set);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
}

/* Wait for one of them, for being woken, or for so long; 0: it was no signal. */
static int
NextSignal(int64_t ms)
{
    struct pollfd           fds[2] = {{.fd = signalFd, .events = POLLIN}, {.fd = wakeFd, .events = POLLIN}};
    struct signalfd_siginfo info;
    uint64_t                count;

    (void)poll(fds, 2, ms < 0 || ms > INT32_MAX ? -1 : (int)ms);
    if ((fds[1].revents & POLLIN) != 0) {
        (void)!read(wakeFd, &count, sizeof count);
    }
    if ((fds[0].revents & POLLIN) != 0 && read(signalFd, &info, sizeof info) == (ssize_t)sizeof info) {
        return (int)info.ssi_signo;
    }
    return 0;
}

static void
SignalThread(void *arg)
{
    int64_t alive = NsSdWatchdogMs();

    Ns_ThreadSetName("-signal-");
    for (;;) {
        int64_t ms = procs.look();
        int     sig;

        if (alive > 0) {
            NsSdNotify("WATCHDOG=1");
            ms = ms < 0 || ms > alive ? alive : ms;
        }
        sig = NextSignal(ms);
        if (sig != 0) {
            procs.got(sig);
        }
    }
}

void
NsSignalsStart(const NsSignalProcs *lent)
{
    sigset_t set;

    procs = *lent;
    SignalSet(&set);
    signalFd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signalFd < 0 || wakeFd < 0) {
        Ns_Fatal("process: cannot wait for signals: %s", strerror(errno));
    }
    (void)pthread_atfork(NULL, NULL, UnblockInChild);
    Ns_ThreadCreate(SignalThread, NULL, 0, NULL);
}

void
NsSignalsWake(void)
{
    uint64_t one = 1;

    (void)!write(wakeFd, &one, sizeof one);
}
