/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Running programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include "run.h"

#define POLL_MS 100                            /* how often is looked where the kernel cannot tell of an end */
#define EXIT_MS 100                            /* from the end of the output to that of the program, which says whether it is whole */

static Ns_Mutex          lock;                 /* of the places, and `count` */
static Ns_Cond           changed;
static int               count;                /* of all servers */
static int               stopFd = -1;
static _Atomic(int64_t)  stopAt;               /* when programs are ended; 0: the server does not stop */

bool
CgiRunsInit(void)
{
    if (stopFd < 0) {
        stopFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        Ns_MutexSetName(&lock, "nscgi:runs");
    }
    return stopFd >= 0;
}

int
CgiStopFd(void)
{
    return stopFd;
}

/* The server waits for its connection threads before it tells modules that it stops. */
bool
CgiStopping(void)
{
    if (atomic_load(&stopAt) == 0 && Ns_InfoShutdownPending()) {
        CgiRunsStop();
    }
    return atomic_load(&stopAt) != 0;
}

/* ---- places */

/* The lock is held.  Until one is given back, or for so many milliseconds. */
static void
WaitForChange(int64_t ms)
{
    Ns_Time until;

    Ns_GetTime(&until);
    Ns_IncrTime(&until, (time_t)(ms / 1000), (long)(ms % 1000) * 1000);
    (void)Ns_CondTimedWait(&changed, &lock, &until);
}

bool
CgiPlaceTake(CgiServer *server)
{
    int64_t left = server->maxWait, until = CgiNow() + left;
    bool    taken, stopping = CgiStopping();

    Ns_MutexLock(&lock);
    while (left > 0 && !stopping && server->limit > 0 && server->running >= server->limit) {
        WaitForChange(left < CGI_LOOK_MS ? left : CGI_LOOK_MS);
        left = until - CgiNow();
        stopping = Ns_InfoShutdownPending();
    }
    taken = !stopping && (server->limit == 0 || server->running < server->limit);
    if (taken) {
        server->running++;
        count++;
    }
    Ns_MutexUnlock(&lock);
    return taken;
}

void
CgiPlaceRelease(CgiServer *server)
{
    Ns_MutexLock(&lock);
    server->running--;
    count--;
    Ns_CondBroadcast(&changed);
    Ns_MutexUnlock(&lock);
}

int
CgiRunCount(void)
{
    int n;

    Ns_MutexLock(&lock);
    n = count;
    Ns_MutexUnlock(&lock);
    return n;
}

void
CgiRunsStop(void)
{
    uint64_t one = 1;

    Ns_MutexLock(&lock);
    if (atomic_load(&stopAt) == 0) {
        atomic_store(&stopAt, CgiNow());
    }
    Ns_CondBroadcast(&changed);
    Ns_MutexUnlock(&lock);
    (void)!write(stopFd, &one, sizeof(one));
}

bool
CgiRunsWait(int64_t deadline)
{
    int64_t left = deadline - CgiNow();
    bool    none;

    Ns_MutexLock(&lock);
    while (left > 0 && count > 0) {
        WaitForChange(left);
        left = deadline - CgiNow();
    }
    none = count == 0;
    Ns_MutexUnlock(&lock);
    return none;
}

/* ---- starting one */

/* Its standard channels and its folder, and no descriptor but those. */
static int
Spawn(const CgiLaunch *launch, int out, int err, pid_t *pid, int *pidfd)
{
    const int      fds[] = {launch->in, out, err};
    Ns_SpawnParams params = {.exec = launch->exec, .dir = launch->folder, .argv = launch->argv, .envp = launch->envp, .fds = fds, .nfds = 3};

    return Ns_Spawn(&params, pid, pidfd);
}

/* A pipe whose end here does not wait; the other one does, as programs expect. */
static int
Pipe(int fds[2])
{
    int error = pipe2(fds, O_CLOEXEC) == 0 ? 0 : errno;

    if (error == 0) {
        (void)fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK);
    }
    return error;
}

static void
ClosePair(const int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
}

CgiRun *
CgiRunStart(CgiServer *server, const CgiLaunch *launch)
{
    CgiRun *run = NULL;
    int     out[2] = {-1, -1}, err[2] = {-1, -1}, error = Pipe(out);
    pid_t   pid = -1;
    int     pidfd = -1;

    if (error == 0) {
        error = Pipe(err);
    }
    if (error == 0) {
        error = Spawn(launch, out[1], err[1], &pid, &pidfd);
    }
    if (launch->in >= 0) {
        (void)close(launch->in);
    }
    if (error == 0) {
        run = ns_calloc(1, sizeof(*run));
        run->server = server;
        run->name = ns_strdup(launch->name);
        run->pid = pid;
        run->pidfd = pidfd;
        run->out = out[0];
        run->err = err[0];
        run->started = run->lastOutput = CgiNow();
        run->left = -1;
        out[0] = err[0] = -1;
    }
    ClosePair(out);
    ClosePair(err);
    errno = error;
    return run;
}

/* ---- its standard error */

static void
LogLine(CgiRun *run, size_t len)
{
    Tcl_DString text;

    while (len > 0 && (run->line[len - 1] == '\r' || run->line[len - 1] == '\0')) {
        len--;
    }
    if (len == 0 || run->muted) {
        return;
    }
    if (run->logged + len > run->server->maxErrors) {
        run->muted = true;
        Ns_Log(Warning, "nscgi: %s: has written more than %zu bytes to its standard error: the rest is left out", run->name,
               run->server->maxErrors);
        return;
    }
    run->logged += len;
    Tcl_DStringInit(&text);
    Ns_TextAppendIn(&text, run->line, len);
    Ns_Log(Warning, "nscgi: %s: %s", run->name, Tcl_DStringValue(&text));
    Tcl_DStringFree(&text);
}

/* Log the lines that are complete, and what is as long as the buffer. */
static void
LogLines(CgiRun *run)
{
    char *newline;

    while ((newline = memchr(run->line, '\n', run->lineLen)) != NULL) {
        size_t len = (size_t)(newline - run->line);

        LogLine(run, len);
        run->lineLen -= len + 1;
        memmove(run->line, newline + 1, run->lineLen);
    }
    if (run->lineLen == sizeof(run->line)) {
        LogLine(run, run->lineLen);
        run->lineLen = 0;
    }
}

static void
CloseErrors(CgiRun *run)
{
    LogLine(run, run->lineLen);
    run->lineLen = 0;
    (void)close(run->err);
    run->err = -1;
}

/* At most so many pieces: who writes without end has his turn, and no more. */
static void
ReadErrors(CgiRun *run)
{
    ssize_t n = 1;

    for (int i = 0; i < 64 && n > 0; i++) {
        n = read(run->err, run->line + run->lineLen, sizeof(run->line) - run->lineLen);
        if (n > 0) {
            run->lineLen += (size_t)n;
            LogLines(run);
        }
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        CloseErrors(run);
    }
}

/* ---- its end */

void
CgiRunForce(CgiRun *run)
{
    if (!run->forced) {
        run->forced = true;
        (void)kill(-run->pid, SIGTERM);
        run->nextSignal = SIGKILL;
        run->signalAt = CgiNow() + run->server->killWait;
        if (run->ended) {                      /* it left others, who had their time */
            (void)kill(-run->pid, SIGKILL);
            run->nextSignal = 0;
        }
    }
}

/* Has it ended?  It stays a zombie: until it is waited for nobody else can have the number of its group. */
static void
LookForEnd(CgiRun *run)
{
    siginfo_t info = {.si_pid = 0};
    int       result = waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT);

    if ((result == 0 && info.si_pid == run->pid) || (result != 0 && errno == ECHILD)) {
        run->ended = true;
        run->endedAt = CgiNow();
        run->how = info;
        run->crashed = !run->forced && info.si_pid == run->pid && info.si_code != CLD_EXITED;
        if (run->forced && info.si_pid == run->pid) {
            (void)kill(-run->pid, SIGKILL);
            run->nextSignal = 0;
        }
    }
}

void
CgiRunPoll(const CgiRun *run, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = run->clogged ? -1 : run->out, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = run->err, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = run->ended ? -1 : run->pidfd, .events = POLLIN};
}

static void
Earlier(int64_t *when, int64_t other)
{
    *when = other < *when ? other : *when;
}

/* From when on it is quiet for too long, by the parameter that is told then. */
static int64_t
SilentAt(const CgiRun *run)
{
    int64_t since = run->ended && run->endedAt > run->lastOutput ? run->endedAt : run->lastOutput;

    return since + (run->ended ? run->server->linger : run->server->maxSilence);
}

static int64_t
StopAt(const CgiRun *run)
{
    return CgiStopping() ? atomic_load(&stopAt) + run->server->stopWait : INT64_MAX;
}

int64_t
CgiRunDue(const CgiRun *run)
{
    int64_t due = INT64_MAX;

    if (run->nextSignal != 0) {
        Earlier(&due, run->signalAt);
    }
    if (!run->forced) {
        Earlier(&due, run->started + run->server->maxRun);
        Earlier(&due, StopAt(run));
        if (run->out >= 0 && !run->clogged) {
            Earlier(&due, SilentAt(run));
        }
    }
    if (run->out < 0 && !run->ended && CgiNow() < run->closedAt + EXIT_MS) {
        Earlier(&due, run->closedAt + EXIT_MS);
    }
    if (run->pidfd < 0 && !run->ended) {
        Earlier(&due, CgiNow() + POLL_MS);
    }
    return due;
}

void
CgiRunAttend(CgiRun *run, const struct pollfd *fds)
{
    if (run->err >= 0 && fds[1].revents != 0) {
        ReadErrors(run);
    }
    if (!run->ended && (fds[2].revents != 0 || run->pidfd < 0)) {
        LookForEnd(run);
    }
    if (run->ended && run->out < 0 && run->err >= 0) {
        ReadErrors(run);
        if (run->err >= 0) {                   /* of who lives on, nobody reads it */
            CloseErrors(run);
        }
    }
}

const char *
CgiRunCheck(CgiRun *run, int64_t now)
{
    const char *fault = NULL;

    if (run->nextSignal != 0 && now >= run->signalAt) {
        Ns_Log(Warning, "nscgi: %s: process %d does not end: it is killed", run->name, (int)run->pid);
        (void)kill(-run->pid, SIGKILL);
        run->nextSignal = 0;
    }
    if (!run->forced) {
        if (now >= StopAt(run)) {
            fault = "the server stops";
        } else if (now >= run->started + run->server->maxRun) {
            fault = "it has run for longer than maxruntime";
        } else if (run->out >= 0 && !run->clogged && now >= SilentAt(run)) {
            fault = run->ended ? "what it has started keeps its output open for longer than lingertime"
                               : "it has written nothing for longer than maxsilence";
        }
        if (fault != NULL) {
            Ns_Log(Warning, "nscgi: %s: process %d is ended: %s", run->name, (int)run->pid, fault);
            CgiRunForce(run);
        }
    }
    return fault;
}

ssize_t
CgiRunRead(CgiRun *run, void *buffer, size_t size)
{
    ssize_t n = read(run->out, buffer, size);

    if (n > 0) {
        run->lastOutput = CgiNow();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(run->out);
        run->out = -1;
        run->closedAt = CgiNow();
        n = 0;
    }
    return n;
}

bool
CgiRunClosed(const CgiRun *run, int64_t now)
{
    return run->out < 0 && (run->ended || now >= run->closedAt + EXIT_MS);
}

bool
CgiRunCrashed(const CgiRun *run)
{
    return run->crashed;
}

bool
CgiRunOver(const CgiRun *run)
{
    return run->ended && run->out < 0 && run->err < 0;
}

static void
LogEnd(const CgiRun *run)
{
    if (run->how.si_pid == 0) {
        Ns_Log(Warning, "nscgi: %s: process %d has ended, and others have waited for it: nobody knows how", run->name,
               (int)run->pid);
    } else if (run->how.si_code == CLD_EXITED && run->how.si_status != 0) {
        Ns_Log(Warning, "nscgi: %s: process %d has ended with exit code %d", run->name, (int)run->pid, run->how.si_status);
    } else if (CgiRunCrashed(run)) {
        Ns_Log(Warning, "nscgi: %s: process %d was ended by signal %d (%s)", run->name, (int)run->pid, run->how.si_status,
               strsignal(run->how.si_status));
    }
}

void
CgiRunFree(CgiRun *run)
{
    LogEnd(run);
    if (run->how.si_pid != 0) {
        (void)waitpid(run->pid, NULL, 0);
    }
    if (run->pidfd >= 0) {
        (void)close(run->pidfd);
    }
    CgiPlaceRelease(run->server);
    ns_free(run->name);
    ns_free(run);
}
