/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Statements are cancelled: libpq makes a connection for that and waits for its end, which nobody who has other work can do.  One thread
 * does it, and is there as long as there is something to cancel.
 */
#include "pg.h"

struct PgCancelKey {
    unsigned            refs;                  /* atomic */
    PGcancel           *cancel;                /* usable by any thread */
};

typedef struct Job {
    struct Job  *next;
    PgCancelKey *key;
} Job;

static Ns_Mutex lock;                          /* around what follows */
static Job     *first, **last = &first;
static bool     running;                       /* there is the thread */

PgCancelKey *
PgCancelKeyNew(PGconn *conn)
{
    PGcancel    *cancel = PQgetCancel(conn);
    PgCancelKey *key = NULL;

    if (cancel != NULL) {
        key = ns_malloc(sizeof(PgCancelKey));
        key->refs = 1u;
        key->cancel = cancel;
    }
    return key;
}

PgCancelKey *
PgCancelKeyHold(PgCancelKey *key)
{
    (void)__atomic_add_fetch(&key->refs, 1u, __ATOMIC_RELAXED);
    return key;
}

void
PgCancelKeyRelease(PgCancelKey *key)
{
    if (key != NULL && __atomic_sub_fetch(&key->refs, 1u, __ATOMIC_ACQ_REL) == 0u) {
        PQfreeCancel(key->cancel);
        ns_free(key);
    }
}

/* NULL: there is none, and the thread ends. */
static Job *
Next(void)
{
    Job *job;

    Ns_MutexLock(&lock);
    job = first;
    if (job == NULL) {
        running = false;
    } else {
        first = job->next;
        if (first == NULL) {
            last = &first;
        }
    }
    Ns_MutexUnlock(&lock);
    return job;
}

static void
Run(void *arg)
{
    char error[256];
    Job *job;

    (void)arg;
    Ns_ThreadSetName("-nsdbpg:cancel-");
    while ((job = Next()) != NULL) {
        if (!PQcancel(job->key->cancel, error, (int)sizeof(error))) {
            Tcl_DString text;

            Tcl_DStringInit(&text);
            PgAppendText(&text, error);
            Ns_Log(Warning, "nsdbpg: a statement could not be cancelled: %s", Tcl_DStringValue(&text));
            Tcl_DStringFree(&text);
        }
        PgCancelKeyRelease(job->key);
        ns_free(job);
    }
}

void
PgCancel(PgCancelKey *key)
{
    Job *job = ns_calloc(1u, sizeof(Job));
    bool start;

    job->key = PgCancelKeyHold(key);
    Ns_MutexLock(&lock);
    *last = job;
    last = &job->next;
    start = !running;
    running = true;
    Ns_MutexUnlock(&lock);
    if (start) {
        Ns_ThreadCreate(Run, NULL, 0, NULL);
    }
}
