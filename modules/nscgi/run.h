/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A running program: its process and its pipes.
 *
 * A run has one owner: the connection thread that started it, then the keeper.  Only the owner calls functions with it.
 * The process has a group of its own; what it has started goes with it when it is ended by force.
 */
#ifndef NSCGI_RUN_H
#define NSCGI_RUN_H

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>
#include "nscgi.h"

/* What the channel's callback tells the keeper. */
typedef struct CgiLink {
    atomic_int  refs;
    atomic_bool drained, gone;
} CgiLink;

typedef struct CgiRun {
    struct CgiRun *next;
    CgiServer     *server;
    char          *name;                       /* the URL of the program, for the log */
    pid_t          pid;
    int            pidfd;                      /* readable when it has ended; -1: the kernel has no such thing */
    int            out, err;                   /* what it writes; -1: closed */
    bool           ended;                      /* it is a zombie still, so its number is its own */
    bool           forced;
    bool           crashed;                    /* ended by a signal that is not the server's */
    siginfo_t      how;                        /* it has ended */
    int            nextSignal;                 /* 0: none; sent at signalAt */
    int64_t        signalAt;
    int64_t        started, lastOutput, closedAt, endedAt;
    char           line[1024];                 /* of its standard error, not yet complete */
    size_t         lineLen, logged;
    bool           muted;                      /* it has written too much there */
    /* The keeper's. */
    Ns_ConnChan   *chan;                       /* NULL: nobody wants what it writes */
    CgiLink       *link;
    bool           raw, chunked, clogged, wrote;
    int64_t        left;                       /* of the length that was announced; -1: none was */
} CgiRun;

typedef struct CgiLaunch {
    const char  *name;
    const char  *exec, *folder;                /* as the system has them */
    char *const *argv;
    char *const *envp;
    int          in;                           /* its standard input; -1: empty.  Closed in any case */
} CgiLaunch;

#define CGI_LOOK_MS 500                        /* how often who waits looks whether the server stops */

/* Main thread: before all else.  False and errno. */
bool    CgiRunsInit(void);
/* A descriptor that is readable once the server stops. */
int     CgiStopFd(void);
bool    CgiStopping(void);

/*
 * A place among the `limit` of the server; waits at most maxwait.  False: there is none.  It is given back by CgiRunFree, or by
 * CgiPlaceRelease if there is no run.
 */
bool    CgiPlaceTake(CgiServer *server);
void    CgiPlaceRelease(CgiServer *server);
/* NULL and errno.  Nothing of the server's memory is copied, and of its descriptors the program gets none. */
CgiRun *CgiRunStart(CgiServer *server, const CgiLaunch *launch);

#define CGI_RUN_FDS 3
/* What to poll for it: output, errors, end. */
void    CgiRunPoll(const CgiRun *run, struct pollfd *fds);
/* The monotonic time at which CgiRunCheck has something to do. */
int64_t CgiRunDue(const CgiRun *run);
/* Behind poll: errors go to the log, the end is noted.  Output is the caller's. */
void    CgiRunAttend(CgiRun *run, const struct pollfd *fds);
/* What its time limits ask for; NULL, or which of them ended it just now. */
const char *CgiRunCheck(CgiRun *run, int64_t now);
/* TERM to its group now, then KILL. */
void    CgiRunForce(CgiRun *run);
/* Read what there is: bytes, 0 at the end (it is closed then), or -1: nothing at the moment. */
ssize_t CgiRunRead(CgiRun *run, void *buffer, size_t size);
/* Its output has ended, and it as well, or at least it had the time to. */
bool    CgiRunClosed(const CgiRun *run, int64_t now);
/* A signal that is not the server's has ended it: what it has written may lack its end. */
bool    CgiRunCrashed(const CgiRun *run);
/* It has ended and nothing more comes. */
bool    CgiRunOver(const CgiRun *run);
/* It is over: how it ended is logged where that is worth a line. */
void    CgiRunFree(CgiRun *run);

/* Any thread: how many there are in all servers. */
int     CgiRunCount(void);
/* The stop. */
void    CgiRunsStop(void);
/* Until there is none, or so late. */
bool    CgiRunsWait(int64_t deadline);

#endif
