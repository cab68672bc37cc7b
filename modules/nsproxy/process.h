/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Worker processes: how they are started, ended and waited for.
 *
 * One thread of the process, the reaper, waits for all of them, so that none stays a zombie, and sees to it that
 * those that are to end do: their connection is closed, which is what they should end by, then come SIGTERM and
 * SIGKILL.  It is also the clock of who wants to be called at times.  A process has a group of its own; what it has
 * started goes with it when it is ended by force.
 *
 * Any thread may call these functions.  References are counted: the one of Start is the caller's, who gives it back
 * with End.
 */
#ifndef NSPROXY_PROCESS_H
#define NSPROXY_PROCESS_H

#include "ns.h"

typedef struct ProxyProcess ProxyProcess;

typedef struct ProxyLaunch {
    const char  *name;                         /* for the log */
    const char  *exec;                         /* path of the program, as the system has it */
    char *const *argv;                         /* its arguments, NULL-terminated */
    char *const *envp;
} ProxyLaunch;

/*
 * In the new process the connection has this number; 0 is /dev/null, 1 and 2 are the server's 2, and there is no
 * other.
 */
#define PROXY_WORKER_FD 3

/*
 * Start a worker.  *fd is this side's end of its connection, close-on-exec, for the caller as long as it has its
 * reference; when the process ends, whoever still has the other side, nothing more comes there but what was sent
 * before.  Costs the same however much memory the server has: nothing of it is copied.  NULL: errno says why (ESHUTDOWN: after ProxyProcessesStop).
 */
ProxyProcess *ProxyProcessStart(const ProxyLaunch *launch, int *fd);
pid_t         ProxyProcessPid(const ProxyProcess *process);
bool          ProxyProcessLives(ProxyProcess *process);
/*
 * The connection is shut, and the caller has no reference from now on.  It has `grace` ms to end by itself, so many again after SIGTERM, then it is killed.
 */
typedef enum {
    PROXY_END_GENTLY,
    PROXY_END_BY_FORCE,                        /* SIGTERM, to its group, comes at once */
    PROXY_END_LOST                             /* the caller found it closed: the log says how it has ended */
} ProxyEnding;
void          ProxyProcessEnd(ProxyProcess *process, int64_t grace, ProxyEnding how);
/* Ask it to end though somebody still talks to it, who finds the connection closed. */
void          ProxyProcessTerminate(ProxyProcess *process, int64_t grace);

/* How many there are that have not ended yet. */
size_t        ProxyProcessCount(void);
/*
 * Called by the reaper, without a lock, when it is due: returns the monotonic time (ms) of the next call, or -1:
 * never.
 */
void          ProxyReaperTick(int64_t (*tick)(void));
/* The next call should come earlier than was said. */
void          ProxyReaperWake(void);
/*
 * All that still live are ended by force, killed at `deadline` (monotonic ms), and waited for; the reaper is gone
 * then.  False: one that was killed is still there a second later.
 */
bool          ProxyProcessesStop(int64_t deadline);

#endif
