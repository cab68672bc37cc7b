/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Worker processes and their reaper.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "process.h"
#include "wire.h"

#define POLL_MS 100                            /* how often is looked where the kernel cannot tell of an end */
#define KILL_MS 1000                           /* from SIGTERM to SIGKILL when the server stops */
#define LAST_MS 1000                           /* from there to giving up */

struct ProxyProcess {
    ProxyProcess *next;                        /* of those that have not ended */
    char         *name;
    pid_t         pid;
    int           fd;                          /* of its connection, this side's end; closed with the last reference */
    int           pidfd;                       /* readable when it has ended; -1: the kernel has no such thing */
    int           refs;                        /* the list's and the user's */
    bool          lives;
    bool          unwanted;                    /* its end is no surprise */
    bool          forced;                      /* what it started goes with it */
    int           nextSignal;                  /* 0: none; sent at `signalAt` */
    int64_t       signalAt, grace;
};

/* All under the lock. */
static Ns_Mutex      lock;
static Ns_Cond       changed;                  /* one has ended */
static ProxyProcess *first;
static size_t        count;
static Ns_Thread     reaper;
static int           wakeFd = -1;
static bool          running, stopping;        /* the reaper runs; no more processes */
static bool          woken;                    /* the tick is due */
static int64_t     (*tickProc)(void);

/* ----------------------------------------------------------------------------------------------------- starting one */

/* What the new process finds: see process.h. */
static int
Spawn(const ProxyLaunch *launch, int fd, pid_t *pid, int *pidfd)
{
    const int      fds[] = {-1, 2, 2, fd};
    Ns_SpawnParams params = {.exec = launch->exec, .argv = launch->argv, .envp = launch->envp, .fds = fds, .nfds = PROXY_WORKER_FD + 1};

    return Ns_Spawn(&params, pid, pidfd);
}

/* ------------------------------------------------------------------------------------------------------- the reaper */

/* The lock is held. */
static void
Wake(void)
{
    uint64_t one = 1;

    if (wakeFd >= 0) {
        (void)!write(wakeFd, &one, sizeof(one));
    }
}

/* The lock is held; it is not waited for yet, so the number is its own. */
static void
Signal(ProxyProcess *process, int sig)
{
    if (process->lives && process->forced) {
        (void)kill(-process->pid, sig);
    }
    if (process->lives && (!process->forced || getpgid(process->pid) != process->pid)) {
        (void)kill(process->pid, sig);         /* of a group that it has left it hears nothing */
    }
}

/* The lock is held. */
static void
Release(ProxyProcess *process)
{
    if (--process->refs == 0) {
        (void)close(process->fd);
        ns_free(process->name);
        ns_free(process);
    }
}

static void
LogEnd(const ProxyProcess *process, const siginfo_t *info)
{
    if (process->unwanted) {
        Ns_Log(Debug, "nsproxy: worker %d of %s has ended", (int)process->pid, process->name);
    } else if (info->si_pid == 0) {
        Ns_Log(Warning, "nsproxy: worker %d of %s has ended, and others have waited for it: nobody knows how",
               (int)process->pid, process->name);
    } else if (info->si_code == CLD_EXITED) {
        Ns_Log(Warning, "nsproxy: worker %d of %s has ended by itself, exit code %d", (int)process->pid, process->name,
               info->si_status);
    } else {
        Ns_Log(Warning, "nsproxy: worker %d of %s was ended by signal %d (%s)", (int)process->pid, process->name,
               info->si_status, strsignal(info->si_status));
    }
}

/*
 * The lock is held.  Has it ended?  It stays a zombie.  si_pid is 0 when it is none: code of others in the server has
 * waited for whatever child it was.
 */
static bool
HasEnded(const ProxyProcess *process, siginfo_t *info)
{
    *info = (siginfo_t){.si_pid = 0};
    return waitid(P_PID, (id_t)process->pid, info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info->si_pid == process->pid
        : errno == ECHILD;
}

/* The lock is held.  Has it ended?  Then it is taken off the list. */
static bool
Reap(ProxyProcess **link)
{
    ProxyProcess *process = *link;
    siginfo_t     info;
    pid_t         pid = process->pid;

    if (!HasEnded(process, &info)) {
        return false;
    }
    /* While it is a zombie nobody else can have the number of its group. */
    if (info.si_pid != 0 && (process->forced || info.si_code != CLD_EXITED)) {
        (void)kill(-pid, SIGKILL);
    }
    process->lives = false;
    /* Who waits for an answer sees the end also when a child of the worker still has the other side. */
    (void)shutdown(process->fd, SHUT_RDWR);
    if (process->pidfd >= 0) {
        (void)close(process->pidfd);
    }
    LogEnd(process, &info);
    *link = process->next;
    count--;
    Release(process);
    if (info.si_pid != 0) {
        (void)waitpid(pid, NULL, 0);
    }
    Ns_CondBroadcast(&changed);
    return true;
}

/* The lock is held.  TERM, then KILL: the deadline of the next one, -1 when there is none. */
static int64_t
Press(ProxyProcess *process, int64_t now)
{
    if (process->nextSignal != 0 && now >= process->signalAt) {
        if (process->nextSignal == SIGKILL) {
            Ns_Log(Warning, "nsproxy: worker %d of %s does not end: it is killed", (int)process->pid, process->name);
        }
        process->forced = true;
        Signal(process, process->nextSignal);
        /* Nothing survives the second one, but it may take the kernel a while. */
        process->nextSignal = process->nextSignal == SIGTERM ? SIGKILL : 0;
        process->signalAt = now + process->grace;
    }
    return process->nextSignal != 0 ? process->signalAt : -1;
}

static void
Earlier(int64_t *when, int64_t other)
{
    if (other >= 0 && (*when < 0 || other < *when)) {
        *when = other;
    }
}

/*
 * The lock is held.  Look after all; what to wait for goes into `fds`, which has room for all.  Returns until when
 * to wait.
 */
static int64_t
LookAfter(struct pollfd *fds, nfds_t *nfds)
{
    ProxyProcess **link = &first;
    int64_t        now = ProxyNow(), until = -1;

    fds[0] = (struct pollfd){.fd = wakeFd, .events = POLLIN};
    *nfds = 1;
    while (*link != NULL) {
        ProxyProcess *process = *link;

        if (Reap(link)) {
            continue;
        }
        Earlier(&until, Press(process, now));
        if (process->pidfd >= 0) {
            fds[(*nfds)++] = (struct pollfd){.fd = process->pidfd, .events = POLLIN};
        } else {
            Earlier(&until, now + POLL_MS);
        }
        link = &process->next;
    }
    return until;
}

static void
ReaperThread(void *arg)
{
    struct pollfd *fds = NULL;
    int64_t        tickAt = -1;

    Ns_ThreadSetName("-nsproxy:reaper-");
    Ns_MutexLock(&lock);
    while (!stopping || first != NULL) {
        int64_t  until;
        nfds_t   nfds;
        uint64_t ignored;

        fds = ns_realloc(fds, (count + 1) * sizeof(*fds));
        until = LookAfter(fds, &nfds);
        if (woken || (tickAt >= 0 && ProxyNow() >= tickAt)) {
            int64_t (*tick)(void) = tickProc;

            woken = false;
            Ns_MutexUnlock(&lock);
            tickAt = tick != NULL ? tick() : -1;
            Ns_MutexLock(&lock);
            continue;                          /* meanwhile others may have come */
        }
        Earlier(&until, tickAt);
        if (stopping && first == NULL) {
            break;
        }
        Ns_MutexUnlock(&lock);
        (void)poll(fds, nfds, ProxyTimeLeft(until));
        if ((fds[0].revents & POLLIN) != 0) {
            (void)!read(fds[0].fd, &ignored, sizeof(ignored));
        }
        Ns_MutexLock(&lock);
    }
    Ns_MutexUnlock(&lock);
    ns_free(fds);
}

/* The lock is held. */
static bool
StartReaper(void)
{
    if (!running) {
        wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wakeFd < 0) {
            return false;
        }
        Ns_ThreadCreate(ReaperThread, NULL, 0, &reaper);
        running = true;
        woken = true;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------ what others call */

ProxyProcess *
ProxyProcessStart(const ProxyLaunch *launch, int *fd)
{
    ProxyProcess *process = NULL;
    int           fds[2], error;
    pid_t         pid = -1;
    int           pidfd = -1;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        return NULL;
    }
    error = Spawn(launch, fds[1], &pid, &pidfd);
    (void)close(fds[1]);
    if (error != 0) {
        (void)close(fds[0]);
        errno = error;
        return NULL;
    }
    process = ns_calloc(1, sizeof(*process));
    process->name = ns_strdup(launch->name);
    process->pid = pid;
    process->fd = fds[0];
    process->pidfd = pidfd;
    process->lives = true;
    process->refs = 2;
    *fd = fds[0];

    Ns_MutexLock(&lock);
    /* The stop may have come meanwhile, or there is no descriptor for the reaper: then it goes as it came. */
    error = stopping ? ESHUTDOWN : StartReaper() ? 0 : errno;
    if (error != 0) {
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        if (process->pidfd >= 0) {
            (void)close(process->pidfd);
        }
        process->refs = 1;
        Release(process);
        process = NULL;
    } else {
        process->next = first;
        first = process;
        count++;
        Wake();
    }
    Ns_MutexUnlock(&lock);
    errno = error;
    return process;
}

pid_t
ProxyProcessPid(const ProxyProcess *process)
{
    return process->pid;
}

bool
ProxyProcessLives(ProxyProcess *process)
{
    bool lives;

    Ns_MutexLock(&lock);
    lives = process->lives;
    Ns_MutexUnlock(&lock);
    return lives;
}

/* The lock is held. */
static void
BeginEnd(ProxyProcess *process, int64_t grace, ProxyEnding how)
{
    process->unwanted = process->unwanted || how != PROXY_END_LOST;
    process->grace = grace;
    if (how == PROXY_END_BY_FORCE && !process->forced) {
        process->forced = true;
        Signal(process, SIGTERM);
        process->nextSignal = SIGKILL;
        process->signalAt = ProxyNow() + grace;
    } else if (process->nextSignal == 0 && !process->forced) {
        process->nextSignal = SIGTERM;
        process->signalAt = ProxyNow() + grace;
    }
    Wake();
}

void
ProxyProcessTerminate(ProxyProcess *process, int64_t grace)
{
    Ns_MutexLock(&lock);
    BeginEnd(process, grace, PROXY_END_BY_FORCE);
    Ns_MutexUnlock(&lock);
}

void
ProxyProcessEnd(ProxyProcess *process, int64_t grace, ProxyEnding how)
{
    Ns_MutexLock(&lock);
    BeginEnd(process, grace, how);
    (void)shutdown(process->fd, SHUT_RDWR);
    Release(process);
    Ns_MutexUnlock(&lock);
}

size_t
ProxyProcessCount(void)
{
    size_t n;

    Ns_MutexLock(&lock);
    n = count;
    Ns_MutexUnlock(&lock);
    return n;
}

void
ProxyReaperTick(int64_t (*tick)(void))
{
    Ns_MutexLock(&lock);
    tickProc = tick;
    Ns_MutexUnlock(&lock);
}

void
ProxyReaperWake(void)
{
    Ns_MutexLock(&lock);
    woken = true;
    Wake();
    Ns_MutexUnlock(&lock);
}

/* The lock is held.  Until all have ended, or so much later than `deadline`. */
static void
WaitForAll(int64_t deadline)
{
    Ns_Time until;
    int64_t left = deadline - ProxyNow() + LAST_MS;

    Ns_GetTime(&until);
    Ns_IncrTime(&until, (time_t)(left / 1000), (long)(left % 1000) * 1000);
    while (left > 0 && first != NULL && Ns_CondTimedWait(&changed, &lock, &until) == NS_OK) {
        continue;
    }
}

bool
ProxyProcessesStop(int64_t deadline)
{
    ProxyProcess *process;
    int64_t       now = ProxyNow(), left = deadline - now;
    Ns_Thread     thread = NULL;
    bool          gone;

    left = left < 0 ? 0 : left > KILL_MS ? KILL_MS : left;
    Ns_MutexLock(&lock);
    stopping = true;
    for (process = first; process != NULL; process = process->next) {
        BeginEnd(process, left, PROXY_END_BY_FORCE);
        process->signalAt = now + left;        /* of those that were ending already, too */
    }
    Wake();
    WaitForAll(now + left);
    gone = first == NULL;
    if (running && gone) {
        thread = reaper;
        running = false;
    }
    Ns_MutexUnlock(&lock);
    if (thread != NULL) {
        Ns_ThreadJoin(&thread, NULL);
        Ns_MutexLock(&lock);
        (void)close(wakeFd);
        wakeFd = -1;
        Ns_MutexUnlock(&lock);
    }
    return gone;
}
