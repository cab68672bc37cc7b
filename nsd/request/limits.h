/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Limits for URLs: how many requests may run at the same time, how many wait for that and how long, how large bodies are.
 *
 * A set of limits has a name, is known to the whole process and lives as long; servers register it for methods and URLs.  "default" is
 * for what has no other, once it was set.  Any thread, unless something else is said.
 */
#ifndef NSD_LIMITS_H
#define NSD_LIMITS_H

#include <stdatomic.h>
#include "request/conn.h"

typedef struct NsLimits NsLimits;
typedef struct NsLimitsInfo {
    int      maxRun, maxWait, maxUpload, timeout;              /* requests, requests, bytes, seconds */
    unsigned running, waiting;
    uint64_t timeouts, dropped, overflows;     /* waited too long; too large; too many waited */
} NsLimitsInfo;

NsLimits *NsLimitsFind(const char *name);                      /* NULL: there is none */
NsLimits *NsLimitsMake(const char *name);                      /* found or made */
void      NsLimitsGet(NsLimits *limits, NsLimitsInfo *info);
/* Those of its first four that are not negative; what has to do with them follows at once. */
void      NsLimitsSet(NsLimits *limits, const NsLimitsInfo *change);
void      NsLimitsEach(void (*proc)(const char *name, void *arg), void *arg);
void      NsLimitsRegister(NsServer *server, NsLimits *limits, const char *method, const char *url, bool noInherit);

/*
 * Of queue.c.  Admit: RUN, the request may be given to a thread; WAIT, it is kept here, and comes back by `resume`; REFUSE: too many
 * wait.  Whoever has a request that was admitted or resumed calls Done when it is over, before it is freed.
 */
typedef enum { NS_LIMITS_RUN, NS_LIMITS_WAIT, NS_LIMITS_REFUSE } NsLimitsAnswer;
extern atomic_bool nsLimitsInUse;
NsLimitsAnswer NsLimitsAdmitSlow(NsConn *conn);
void           NsLimitsDoneSlow(NsConn *conn);
static inline NsLimitsAnswer
NsLimitsAdmit(NsConn *conn)
{
    return atomic_load_explicit(&nsLimitsInUse, memory_order_relaxed) ? NsLimitsAdmitSlow(conn) : NS_LIMITS_RUN;
}
static inline void
NsLimitsDone(NsConn *conn)
{
    if (conn->limits != NULL) {
        NsLimitsDoneSlow(conn);
    }
}
/* The connection thread that is about to run it: it has waited too long for that, and is to be answered with 503. */
bool NsLimitsLate(NsConn *conn);

/* Main thread, at start: who takes a request that has waited; it is refused if conn->refused says so. */
void NsLimitsInit(void (*resume)(NsConn *conn));
/* Main thread: nothing waits here any more; what does is refused. */
void NsLimitsStop(void);
extern NsServerPart nsLimitsPart;

#endif
