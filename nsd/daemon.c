/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Background, watchdog, pid file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "daemon.h"
#include "info.h"
#include "ns.h"
#include "options.h"

#define BACKOFF_MAX 64                         /* seconds between two starts */
#define STABLE      60                         /* who ran that long did not crash at start */

static int   readyPipe = -1;                   /* to the process that was started; -1: nobody waits */
static char *pidfile;
static int   pidfd = -1;

/* The starter: end when the server is ready, or as it ended. */
static void
WaitReady(int fd, pid_t child) __attribute__((noreturn));
static void
WaitReady(int fd, pid_t child)
{
    unsigned char code;
    int           status;
    ssize_t       n;

    do {
        n = read(fd, &code, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1) {
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

/* Returns in the child.  In the parent it ends with the exit code of a server that meant to end. */
static void
Watchdog(void)
{
    unsigned delay = 1;
    bool     stopping = false;

    for (;;) {
        time_t begun = time(NULL);
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
        if (time(NULL) - begun >= STABLE || WIFEXITED(status)) {
            delay = 1;
        }
        if (WIFSIGNALED(status)) {
            syslog(LOG_ERR, "server %d was ended by signal %d (%s), next start in %us", (int)child, WTERMSIG(status),
                   strsignal(WTERMSIG(status)), delay);
        } else {
            syslog(LOG_NOTICE, "server %d asked to be restarted", (int)child);
        }
        sleep(delay);
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

void
NsPidfileCreate(void)
{
    const char *name = nsOptions.pidfile;
    char        text[32];
    ssize_t     n;

    if (name == NULL) {
        name = Ns_ConfigGetValue("ns/parameters", "pidfile");
    }
    if (name == NULL) {
        return;
    }
    pidfile = NsInfoPath(Ns_InfoHomePath(), name);
    pidfd = open(pidfile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (pidfd < 0) {
        Ns_Fatal("pid file %s: %s", pidfile, strerror(errno));
    }
    if (flock(pidfd, LOCK_EX | LOCK_NB) != 0) {
        n = read(pidfd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = '\0';
        Ns_Fatal("pid file %s is held by a running server: pid %s", pidfile, text);
    }
    n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(pidfd, 0) != 0 || pwrite(pidfd, text, (size_t)n, 0) != n) {
        Ns_Fatal("pid file %s: %s", pidfile, strerror(errno));
    }
}

void
NsPidfileRemove(void)
{
    if (pidfile == NULL) {
        return;
    }
    /* In a folder that belongs to root it cannot be removed after -u: empty, it tells that nobody runs. */
    if (unlink(pidfile) != 0 && ftruncate(pidfd, 0) != 0) {
        Ns_Log(Warning, "pid file %s: %s", pidfile, strerror(errno));
    }
    close(pidfd);
    ns_free(pidfile);
    pidfile = NULL;
}
