/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Thread-local values: keys are numbers of slots in the thread's structure.
 *
 * A key is never given back: there is one per subsystem, made at its first use.
 */
#include <stdatomic.h>
#include "base/check.h"
#include "base/thread.h"

#define MAX_ROUNDS 5

static atomic_int  nkeys;
static _Atomic(Ns_TlsCleanup *) cleanups[NS_MAX_TLS];

/* Keys are stored with 1 added: NULL is a key that was not allocated. */
static uintptr_t
KeyIndex(const Ns_Tls *tls)
{
    uintptr_t key = (uintptr_t)__atomic_load_n(tls, __ATOMIC_ACQUIRE);

    NS_ASSERT(key >= 1 && key <= NS_MAX_TLS);
    return key - 1;
}

/* Until no cleanup sets another value. */
static void
CleanupThread(void **slots)
{
    bool again = true;

    /* A cleanup may use, and so set, what another has already cleaned. */
    for (int round = 0; again && round < MAX_ROUNDS; round++) {
        again = false;
        for (int key = NS_MAX_TLS - 1; key >= 0; key--) {
            void          *value = slots[key];
            Ns_TlsCleanup *cleanup = atomic_load(&cleanups[key]);

            slots[key] = NULL;
            if (value != NULL && cleanup != NULL) {
                cleanup(value);
                again = true;
            }
        }
    }
}

void
Ns_TlsAlloc(Ns_Tls *tls, Ns_TlsCleanup *cleanup)
{
    int key = atomic_fetch_add(&nkeys, 1);

    if (key >= NS_MAX_TLS) {
        NsDie("tls: all %d keys are taken", NS_MAX_TLS);
    }
    atomic_store(&cleanups[key], cleanup);
    NsThreadLendCleanup(CleanupThread);
    __atomic_store_n(tls, (Ns_Tls)(uintptr_t)(key + 1), __ATOMIC_RELEASE);
}

void
Ns_TlsSet(const Ns_Tls *tls, void *value)
{
    NsThreadSlots()[KeyIndex(tls)] = value;
}

void *
Ns_TlsGet(const Ns_Tls *tls)
{
    return NsThreadSlots()[KeyIndex(tls)];
}
