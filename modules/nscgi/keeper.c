/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The keeper.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include "keeper.h"

#define PIECE        65536                     /* that is read of a program in its turn */
#define SEND_BUFFER  (4 * PIECE)
#define LAST_MS      1000                      /* for those that were killed */

static Ns_Mutex   lock;                        /* of these */
static CgiRun    *incoming;
static Ns_Thread  thread;
static bool       running, stopping;
static int        wakeFd = -1;

static CgiRun    *first;                       /* the keeper's own */
static size_t     runCount;

static void
Wake(void)
{
    uint64_t one = 1;

    (void)!write(wakeFd, &one, sizeof(one));
}

/* ---- the client's side; on the channel's worker */

static void
LinkRelease(CgiLink *link)
{
    if (atomic_fetch_sub(&link->refs, 1) == 1) {
        ns_free(link);
    }
}

/* No call of ChannelEvent will come: the channel is closed, or was aborted by whoever may. */
static void
ChannelEnd(void *arg)
{
    CgiLink *link = arg;

    atomic_store(&link->gone, true);
    Wake();
    LinkRelease(link);
}

/* Who sends more though he was told that the connection ends is heard to his end, so that this is noticed. */
static bool
ReadOn(Ns_ConnChan *chan)
{
    char    buffer[4096];
    ssize_t n = Ns_ConnChanRead(chan, buffer, sizeof(buffer));

    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static Ns_ConnChanVerdict
ChannelEvent(Ns_ConnChan *chan, void *arg, unsigned why)
{
    CgiLink           *link = arg;
    Ns_ConnChanVerdict verdict = NS_CONNCHAN_KEEP;

    if (why == NS_SOCK_WRITE) {
        atomic_store(&link->drained, true);
        Wake();
    } else if (why != NS_SOCK_READ || !ReadOn(chan)) {
        atomic_store(&link->gone, true);
        Wake();
        verdict = NS_CONNCHAN_SUSPEND;
    }
    return verdict;
}

/* The channel of a run that the keeper gets; false: the client is gone. */
static bool
WatchClient(CgiRun *run)
{
    Ns_ConnChanSettings settings = {.maxSendBuffer = SEND_BUFFER, .policy = NS_CONNCHAN_LIMIT_ERROR};
    CgiLink            *link = ns_calloc(1, sizeof(*link));
    Ns_ConnChanCallback callback = {
        .proc = ChannelEvent, .freeProc = ChannelEnd, .arg = link, .command = "nscgi",
        .when = NS_SOCK_READ | NS_SOCK_WRITE | NS_SOCK_EXCEPTION, .sendTimeout = run->server->maxSilence
    };

    atomic_init(&link->refs, 2);
    run->link = link;
    (void)Ns_ConnChanConfigure(run->chan, NS_CONNCHAN_SET_MAXSENDBUFFER | NS_CONNCHAN_SET_POLICY, &settings);
    if (!Ns_ConnChanSetCallback(run->chan, &callback)) {
        LinkRelease(link);
        return false;
    }
    return true;
}

/* ---- what goes to the client; the keeper */

/* The answer is over: what was accepted is delivered.  `whole`: the client sees that nothing is missing. */
static void
EndAnswer(CgiRun *run, bool whole)
{
    static const char none[] = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    struct iovec      iov = {.iov_base = (void *)(uintptr_t)"0\r\n\r\n", .iov_len = 5};

    if (run->chan == NULL) {
        return;
    }
    if (run->raw && !run->wrote) {
        iov = (struct iovec){.iov_base = (void *)(uintptr_t)none, .iov_len = sizeof(none) - 1u};
        (void)Ns_ConnChanWritev(run->chan, &iov, 1, 0);
    } else if (whole && run->chunked) {
        (void)Ns_ConnChanWritev(run->chan, &iov, 1, 0);
    }
    (void)Ns_ConnChanClose(run->chan);
    Ns_ConnChanRelease(run->chan);
    LinkRelease(run->link);
    run->chan = NULL;
    run->link = NULL;
    run->clogged = false;
}

static void
LoseClient(CgiRun *run)
{
    Ns_Log(Debug, "nscgi: %s: the client is gone, process %d is ended", run->name, (int)run->pid);
    (void)Ns_ConnChanAbort(run->chan);
    EndAnswer(run, false);
    CgiRunForce(run);
}

static void
Send(CgiRun *run, char *bytes, size_t len)
{
    char         head[24];
    struct iovec iov[3];
    ssize_t      sent;

    if (run->left >= 0 && (int64_t)len > run->left) {
        len = (size_t)run->left;
    }
    run->left -= run->left >= 0 ? (int64_t)len : 0;
    if (len == 0) {
        return;
    }
    iov[0] = (struct iovec){.iov_base = head, .iov_len = run->chunked ? (size_t)snprintf(head, sizeof(head), "%zx\r\n", len) : 0u};
    iov[1] = (struct iovec){.iov_base = bytes, .iov_len = len};
    iov[2] = (struct iovec){.iov_base = (void *)(uintptr_t)"\r\n", .iov_len = run->chunked ? 2u : 0u};
    len = iov[0].iov_len + iov[1].iov_len + iov[2].iov_len;
    atomic_store(&run->link->drained, false);
    sent = Ns_ConnChanWritev(run->chan, iov, 3, 0);
    run->wrote = true;
    if (sent < 0) {
        LoseClient(run);
    } else {
        run->clogged = (size_t)sent < len;
    }
}

/* A turn for what a program has written. */
static void
Pump(CgiRun *run)
{
    static char buffer[PIECE];                 /* of the one thread */
    ssize_t     n = CgiRunRead(run, buffer, sizeof(buffer));

    if (n > 0 && run->chan != NULL) {
        Send(run, buffer, (size_t)n);
    }
}

/* ---- the loop */

/* Those that came, and are to be looked after from now on. */
static void
TakeIncoming(void)
{
    CgiRun *run, *next;

    Ns_MutexLock(&lock);
    run = incoming;
    incoming = NULL;
    Ns_MutexUnlock(&lock);
    for (; run != NULL; run = next) {
        next = run->next;
        run->next = first;
        first = run;
        runCount++;
        if (run->chan != NULL && !WatchClient(run)) {
            run->link = ns_calloc(1, sizeof(*run->link));
            atomic_init(&run->link->refs, 1);
            LoseClient(run);
        }
    }
}

/* Its client, its time. */
static void
LookAfter(CgiRun *run, int64_t now)
{
    if (run->link != NULL && atomic_load(&run->link->gone)) {
        LoseClient(run);
    }
    if (run->clogged && atomic_load(&run->link->drained)) {
        run->clogged = false;
        run->lastOutput = now;                 /* it had to wait */
    }
    if (run->chan != NULL && CgiRunClosed(run, now)) {
        EndAnswer(run, !run->forced && run->left <= 0 && !CgiRunCrashed(run));
    }
    if (CgiRunCheck(run, now) != NULL || (run->forced && run->nextSignal == 0 && run->out >= 0)) {
        EndAnswer(run, false);
    }
    if (run->forced && run->ended && run->out >= 0) {
        (void)close(run->out);                 /* whoever has it still, nobody reads it */
        run->out = -1;
        EndAnswer(run, false);
    }
}

/* What to wait for, into `fds`, and until when. */
static int64_t
Collect(struct pollfd *fds, int64_t now)
{
    CgiRun **link = &first;
    int64_t  until = INT64_MAX;
    size_t   n = 2;

    while (*link != NULL) {
        CgiRun *run = *link;
        int64_t due;

        LookAfter(run, now);
        if (run->ended && run->out < 0) {
            struct pollfd none[CGI_RUN_FDS] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};

            CgiRunAttend(run, none);
        }
        if (CgiRunOver(run)) {
            *link = run->next;
            runCount--;
            EndAnswer(run, false);
            CgiRunFree(run);
            continue;
        }
        CgiRunPoll(run, fds + n);
        due = CgiRunDue(run);
        until = due < until ? due : until;
        n += CGI_RUN_FDS;
        link = &run->next;
    }
    return until;
}

static void
Attend(const struct pollfd *fds)
{
    CgiRun *run;

    fds += 2;
    for (run = first; run != NULL; run = run->next, fds += CGI_RUN_FDS) {
        if (fds[0].revents != 0) {
            Pump(run);
        }
        CgiRunAttend(run, fds);
    }
}

static int
TimeLeft(int64_t until)
{
    int64_t left = until == INT64_MAX ? -1 : until - CgiNow();

    return until == INT64_MAX ? -1 : left < 0 ? 0 : left > CGI_LOOK_MS ? CGI_LOOK_MS : (int)left;
}

static bool
MayEnd(void)
{
    bool may;

    Ns_MutexLock(&lock);
    may = stopping && incoming == NULL && first == NULL;
    Ns_MutexUnlock(&lock);
    return may;
}

static void
KeeperThread(void *arg)
{
    struct pollfd *fds = NULL;
    uint64_t       ignored;

    Ns_ThreadSetName("-nscgi-");
    while (!MayEnd()) {
        int64_t until;

        TakeIncoming();
        fds = ns_realloc(fds, (runCount * CGI_RUN_FDS + 2u) * sizeof(*fds));
        until = Collect(fds, CgiNow());
        fds[0] = (struct pollfd){.fd = wakeFd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = CgiStopping() ? -1 : CgiStopFd(), .events = POLLIN};
        if (MayEnd() || poll(fds, runCount * CGI_RUN_FDS + 2u, TimeLeft(until)) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            (void)!read(wakeFd, &ignored, sizeof(ignored));
        }
        Attend(fds);
    }
    ns_free(fds);
}

void
CgiKeep(CgiRun *run)
{
    Ns_MutexLock(&lock);
    if (!running) {
        running = true;
        Ns_MutexSetName(&lock, "nscgi:keeper");
        wakeFd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wakeFd < 0) {
            Ns_Fatal("nscgi: no descriptor for the keeper: %s", strerror(errno));
        }
        Ns_ThreadCreate(KeeperThread, NULL, 0, &thread);
    }
    run->next = incoming;
    incoming = run;
    Wake();
    Ns_MutexUnlock(&lock);
}

void
CgiStopBegin(void)
{
    CgiRunsStop();
}

void
CgiStopEnd(int64_t deadline)
{
    Ns_Thread ended = NULL;

    if (!CgiRunsWait(deadline)) {
        Ns_Log(Warning, "nscgi: %d programs have not ended in time", CgiRunCount());
        return;
    }
    Ns_MutexLock(&lock);
    stopping = true;
    if (running) {
        ended = thread;
        running = false;
        Wake();
    }
    Ns_MutexUnlock(&lock);
    if (ended != NULL) {
        Ns_ThreadJoin(&ended, NULL);
    }
}
