/* SPDX-License-Identifier: MPL-2.0 */
/*
 * A list in the order of last use, for what makes room by throwing out what was not used for longest.  The link is the first member of
 * what is listed, so that a pointer to one is a pointer to the other.  No lock: that of its owner.
 */
#ifndef NSD_LRU_H
#define NSD_LRU_H

#include <stddef.h>

typedef struct NsLruLink { struct NsLruLink *newer, *older; } NsLruLink;
typedef struct NsLru { NsLruLink *newest, *oldest; } NsLru;

static inline void
NsLruUnlink(NsLru *lru, NsLruLink *link)
{
    *(link->newer != NULL ? &link->newer->older : &lru->newest) = link->older;
    *(link->older != NULL ? &link->older->newer : &lru->oldest) = link->newer;
}

/* It is in no list. */
static inline void
NsLruAdd(NsLru *lru, NsLruLink *link)
{
    link->newer = NULL;
    link->older = lru->newest;
    *(lru->newest != NULL ? &lru->newest->newer : &lru->oldest) = link;
    lru->newest = link;
}

/* One of the list is used. */
static inline void
NsLruUse(NsLru *lru, NsLruLink *link)
{
    if (lru->newest != link) {
        NsLruUnlink(lru, link);
        NsLruAdd(lru, link);
    }
}

#endif
