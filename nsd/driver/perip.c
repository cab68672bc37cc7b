/* SPDX-License-Identifier: MPL-2.0 */
/*
 * How many connections one address may have at a driver.  Nothing is counted unless there is a limit.
 */
#include <limits.h>
#include <string.h>
#include "driver/int.h"
#include "net/network.h"

struct NsPerIp {
    int           max, exceptionCount;
    NsNetwork    *exceptions;
    Ns_Mutex      lock;
    Tcl_HashTable counts;                      /* address -> number */
};

void
NsPerIpConfigure(NsDriver *driver)
{
    int          max = Ns_ConfigIntRange(driver->section, "maxperip", 0, 0, INT_MAX);
    const char  *list = Ns_ConfigString(driver->section, "maxperipexcept", "");
    const char **words = NULL;
    NsPerIp     *perIp;

    if (max == 0) {
        return;
    }
    perIp = ns_calloc(1u, sizeof(NsPerIp));
    perIp->max = max;
    Ns_MutexSetName2(&perIp->lock, "driver:perip", driver->module);
    Tcl_InitHashTable(&perIp->counts, 4);
    if (Tcl_SplitList(NULL, list, &perIp->exceptionCount, &words) != TCL_OK) {
        Ns_Fatal("[%s] maxperipexcept: not a list: %s", driver->section, list);
    }
    perIp->exceptions = ns_calloc((size_t)perIp->exceptionCount + 1u, sizeof(NsNetwork));
    for (int i = 0; i < perIp->exceptionCount; i++) {
        if (!NsNetworkRead(words[i], &perIp->exceptions[i])) {
            Ns_Fatal("[%s] maxperipexcept: '%s' is neither an address nor a network", driver->section, words[i]);
        }
    }
    Tcl_Free((char *)words);
    driver->state->perIp = perIp;
}

/* What is counted together: an address, of IPv6 its /64, which one subscriber has.  False: there is no limit for it. */
static bool
KeyOf(const NsPerIp *perIp, const NsAddr *addr, int key[4])
{
    NsIp ip;

    if (!NsIpOfSockaddr(&addr->sa, &ip)) {
        return false;
    }
    for (int i = 0; i < perIp->exceptionCount; i++) {
        if (NsNetworkHas(&perIp->exceptions[i], &ip)) {
            return false;
        }
    }
    memcpy(key, ip.bytes, sizeof(ip.bytes));
    if (memcmp(ip.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0) {
        key[2] = key[3] = 0;
    }
    return true;
}

bool
NsPerIpEnter(NsPerIp *perIp, const NsAddr *addr)
{
    int            key[4], isNew;
    intptr_t       count = 0;
    Tcl_HashEntry *entry;

    if (perIp == NULL || !KeyOf(perIp, addr, key)) {
        return true;
    }
    Ns_MutexLock(&perIp->lock);
    entry = Tcl_CreateHashEntry(&perIp->counts, (char *)key, &isNew);
    count = isNew ? 0 : (intptr_t)Tcl_GetHashValue(entry);
    if (count < perIp->max) {
        Tcl_SetHashValue(entry, (void *)(count + 1));
    }
    Ns_MutexUnlock(&perIp->lock);
    return count < perIp->max;
}

void
NsPerIpLeave(NsPerIp *perIp, const NsAddr *addr)
{
    int            key[4];
    intptr_t       count;
    Tcl_HashEntry *entry;

    if (perIp == NULL || !KeyOf(perIp, addr, key)) {
        return;
    }
    Ns_MutexLock(&perIp->lock);
    entry = Tcl_FindHashEntry(&perIp->counts, (char *)key);
    NS_ASSERT(entry != NULL);
    count = (intptr_t)Tcl_GetHashValue(entry) - 1;
    if (count > 0) {
        Tcl_SetHashValue(entry, (void *)count);
    } else {
        Tcl_DeleteHashEntry(entry);
    }
    Ns_MutexUnlock(&perIp->lock);
}
