/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Background, watchdog, pid file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/clock.h"
#include "base/log.h"
#include "process/daemon.h"
#include "conf/info.h"
#include "ns.h"
#include "conf/options.h"

#define BACKOFF_MAX 64                         /* seconds between two starts */
#define STABLE      60                         /* who ran that long did not crash at start */

static int   readyPipe = -1;                   /* to the process that was started; -1: nobody waits */
static char *pidfile;
static int   pidfd = -1;

static volatile sig_atomic_t starterSignal;

static void
NoteSignal(int sig)
{
    starterSignal = sig;
}

/* What would end the server ends the starter, too: until it is ready somebody waits for both. */
static void
HearSignals(void)
{
    struct sigaction action;
    sigset_t         set;

    memset(&action, 0, sizeof action);
    action.sa_handler = NoteSignal;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* The starter: end when the server is ready, or as it ended. */
static void WaitReady(int fd, pid_t child) __attribute__((noreturn));
static void
WaitReady(int fd, pid_t child)
{
    unsigned char code;
    int           status;
    struct pollfd poller = {.fd = fd, .events = POLLIN};

    HearSignals();
    /* A signal between the look at it and poll waits for the next look. */
    while (poll(&poller, 1, 200) <= 0) {
        if (starterSignal != 0) {
            (void)kill(child, starterSignal);
            starterSignal = 0;
        }
    }
    if (read(fd, &code, 1) == 1) {
        _exit(code);
    }
    /* Closed without a word: the server is gone, and it said why on stderr. */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        ;
    }
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : NS_EXIT_FATAL);
}

static void
LeaveTerminal(void)
{
    int   fds[2];
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) != 0 || (child = fork()) < 0) {
        Ns_Fatal("cannot go to the background: %s", strerror(errno));
    }
    if (child > 0) {
        close(fds[1]);
        WaitReady(fds[0], child);
    }
    close(fds[0]);
    readyPipe = fds[1];
    (void)setsid();
}

/* Let go of stdin, stdout and stderr; with `onlyTerminals` of those that are one: what somebody made a log file stays. */
static void
ReleaseStdio(bool onlyTerminals)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

    for (fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++) {
        if (fd == STDIN_FILENO || !onlyTerminals || isatty(fd)) {
            (void)dup2(null, fd);
        }
    }
    if (null > STDERR_FILENO) {
        close(null);
    }
}

void
NsDaemonReady(void)
{
    unsigned char code = NS_EXIT_OK;

    if (readyPipe < 0) {
        return;
    }
    (void)NsLogFlush(1000);                    /* the starter may look into it */
    if (write(readyPipe, &code, 1) != 1) {
        Ns_Log(Warning, "process: could not tell the starter that the server is ready: %s", strerror(errno));
    }
    close(readyPipe);
    readyPipe = -1;
    ReleaseStdio(true);
}

/* ---------------------------------------------------------------------------------------------------------- watchdog */

/* Wait for the end of the child; signals for us go on to it.  `*stopping`: one of them was to end it. */
static int
Supervise(pid_t child, bool *stopping)
{
    sigset_t set;
    int      sig, status;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (;;) {
        if (waitpid(child, &status, WNOHANG) == child) {
            return status;
        }
        if (sigwait(&set, &sig) != 0 || sig == SIGCHLD) {
            continue;
        }
        *stopping |= sig != SIGHUP;
        (void)kill(child, sig);
    }
}

/* Between two starts; who wants to stop it now gets what he wants: nothing runs. */
static void
Pause(unsigned seconds)
{
    const struct timespec wait = {(time_t)seconds, 0};
    sigset_t              set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigtimedwait(&set, NULL, &wait) > 0) {
        _exit(NS_EXIT_OK);
    }
}

/* Returns in the child.  In the parent it ends with the exit code of a server that meant to end. */
static void
Watchdog(void)
{
    unsigned delay = 1;
    bool     stopping = false;

    for (;;) {
        int64_t begun = NsClockMs();
        pid_t  child = fork();
        int    status;

        if (child == 0) {
            sigset_t set;

            sigemptyset(&set);
            sigaddset(&set, SIGCHLD);
            (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
            return;
        }
        if (child < 0) {
            Ns_Fatal("watchdog: cannot start the server: %s", strerror(errno));
        }
        /* From now on the starter hears from the child alone, and the log is the child's: this process has syslog. */
        if (readyPipe >= 0) {
            close(readyPipe);
            readyPipe = -1;
            ReleaseStdio(false);
            openlog("nsd", LOG_PID, LOG_DAEMON);
        }
        status = Supervise(child, &stopping);
        if (stopping || (WIFEXITED(status) && WEXITSTATUS(status) != NS_EXIT_RESTART)) {
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
        if (NsClockMs() - begun >= STABLE * 1000 || WIFEXITED(status)) {
            delay = 1;
        }
        if (WIFSIGNALED(status)) {
            syslog(LOG_ERR, "server %d was ended by signal %d (%s), next start in %us", (int)child, WTERMSIG(status),
                   strsignal(WTERMSIG(status)), delay);
        } else {
            syslog(LOG_NOTICE, "server %d asked to be restarted", (int)child);
        }
        Pause(delay);
        delay = delay * 2 < BACKOFF_MAX ? delay * 2 : BACKOFF_MAX;
    }
}

void
NsDaemonize(void)
{
    if (nsOptions.mode == NS_MODE_BACKGROUND || nsOptions.mode == NS_MODE_WATCHDOG) {
        LeaveTerminal();
    }
    if (nsOptions.mode == NS_MODE_WATCHDOG) {
        Watchdog();
    }
}

/* ---------------------------------------------------------------------------------------------------------- pid file */

/* What somebody asked for has to be possible; where nobody did the server goes on without. */
static void PidfileFailed(bool asked, const char *fmt, ...) NS_PRINTF(2, 3);
static void
PidfileFailed(bool asked, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    Ns_VALog(asked ? Fatal : Warning, fmt, ap);
    va_end(ap);
    if (asked) {
        (void)NsLogFlush(1000);
        _exit(NS_EXIT_FATAL);
    }
    if (pidfd >= 0) {
        close(pidfd);
        pidfd = -1;
    }
    ns_free(pidfile);
    pidfile = NULL;
}

void
NsPidfileCreate(void)
{
    const char *name = nsOptions.pidfile != NULL ? nsOptions.pidfile : Ns_ConfigGetValue("ns/parameters", "pidfile");
    bool        asked = name != NULL;
    char        text[32];
    ssize_t     n;

    name = asked ? name : "nsd.pid";
    if (*name == '\0' || nsOptions.mode == NS_MODE_COMMAND) {
        return;
    }
    pidfile = NsInfoPath(Ns_InfoHomePath(), name);
    pidfd = NsFileOpen(pidfile, O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
    if (pidfd < 0) {
        PidfileFailed(asked, "pid file %s: %s", pidfile, strerror(errno));
        return;
    }
    if (flock(pidfd, LOCK_EX | LOCK_NB) != 0) {
        n = read(pidfd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = '\0';
        PidfileFailed(asked, "pid file %s is held by a running server: pid %s", pidfile, text);
        return;
    }
    n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(pidfd, 0) != 0 || pwrite(pidfd, text, (size_t)n, 0) != n) {
        PidfileFailed(asked, "pid file %s: %s", pidfile, strerror(errno));
    }
}

void
NsPidfileRemove(void)
{
    if (pidfile == NULL) {
        return;
    }
    /* In a folder that belongs to root it cannot be removed after -u: empty, it tells that nobody runs. */
    if (NsFileUnlink(pidfile) != 0 && ftruncate(pidfd, 0) != 0) {
        Ns_Log(Warning, "pid file %s: %s", pidfile, strerror(errno));
    }
    close(pidfd);
    ns_free(pidfile);
    pidfile = NULL;
}
