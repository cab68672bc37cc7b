/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Turns of TLS handshakes: fair queueing by peer address, in the manner of RFC 8290, 4.2: addresses of which nothing else waits come before
 * those that have a queue, which get every fourth step all the same.
 */
#include <string.h>
#include "base/random.h"
#include "net/network.h"
#include "net/shakes.h"

#define STEPS_PER_TURN 4
#define LOOKS_PER_TURN 64                      /* at those on which nothing is spent */
#define PLACES         4096                    /* addresses that fall onto the same one share its turn */
#define OLD_SHARE      4                       /* each so many-th step is for those with a queue */
#define STEPS_TIME     4000                    /* us for all steps of a turn but the first */
#define TOO_LONG       1000                    /* ms: now the last that came is served */

typedef struct Place {                         /* of an address */
    NsShake *first, *last;
    uint16_t next;                             /* in its row, plus 1 */
    bool     inRow;
} Place;

typedef struct Row { uint16_t first, last; } Row;              /* of places, each plus 1 */

typedef struct Kind {                          /* handshakes that have not begun; those that have */
    Place *places;                             /* made when one has to wait for the first time */
    Row    fresh, old;                         /* what became one that waits; what had more of them when it was served */
    size_t waiting;
    unsigned taken;
} Kind;

struct NsShakes {
    NsLoop  *loop;
    NsTask   endTask, againTask;
    bool     ends, again;                      /* they are on their way */
    bool     freed;
    bool     turnOfBegun;
    int      steps;                            /* in this turn */
    uint64_t salt[2];                          /* nobody can choose addresses that share a place with another one */
    Kind     kinds[2];
};

/* ---- rows ---- */

static void
Append(Kind *kind, Row *row, uint16_t place)
{
    *(row->last != 0 ? &kind->places[row->last - 1].next : &row->first) = (uint16_t)(place + 1);
    row->last = (uint16_t)(place + 1);
    kind->places[place].next = 0;
    kind->places[place].inRow = true;
}

static void
RemoveFirst(Kind *kind, Row *row)
{
    Place *place = &kind->places[row->first - 1];

    row->first = place->next;
    if (row->first == 0) {
        row->last = 0;
    }
    place->inRow = false;
}

/* Each bit of the one has a say in each of the other (the finalizer of SplitMix64). */
static uint64_t
Mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* IPv6: its /64, which one subscriber has. */
static uint16_t
PlaceOf(const NsShakes *shakes, const struct sockaddr *peer)
{
    NsIp     ip;
    uint64_t words[2], hash;

    if (!NsIpOfSockaddr(peer, &ip)) {
        return 0;
    }
    memcpy(words, ip.bytes, sizeof(words));
    if (memcmp(ip.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0) {
        words[1] = 0;
    }
    hash = Mix(Mix(words[0] ^ shakes->salt[0]) ^ words[1] ^ shakes->salt[1]);
    return (uint16_t)(hash % PLACES);
}

static void
Enqueue(NsShakes *shakes, NsShake *shake, const struct sockaddr *peer)
{
    Kind  *kind = &shakes->kinds[shake->begun];
    Place *place;

    if (kind->places == NULL) {
        kind->places = ns_calloc(PLACES, sizeof(Place));
    }
    shake->place = PlaceOf(shakes, peer);
    shake->since = NsLoopNow(shakes->loop);
    shake->waits = true;
    place = &kind->places[shake->place];
    shake->before = place->last;
    shake->next = NULL;
    *(place->last != NULL ? &place->last->next : &place->first) = shake;
    place->last = shake;
    kind->waiting++;
    if (!place->inRow) {
        Append(kind, &kind->fresh, shake->place);
    }
}

void
NsShakesLeave(NsShakes *shakes, NsShake *shake)
{
    if (shake->waits) {
        Kind  *kind = &shakes->kinds[shake->begun];
        Place *place = &kind->places[shake->place];

        *(shake->before != NULL ? &shake->before->next : &place->first) = shake->next;
        *(shake->next != NULL ? &shake->next->before : &place->last) = shake->before;
        kind->waiting--;
        shake->waits = false;
    }
}

/* Something waits: whose turn is it?  It does not wait any more. */
static NsShake *
Take(NsShakes *shakes, Kind *kind)
{
    kind->taken++;
    for (;;) {
        bool     old = kind->fresh.first == 0 || (kind->old.first != 0 && kind->taken % OLD_SHARE == 0);
        Row     *row = old ? &kind->old : &kind->fresh;
        uint16_t number = (uint16_t)(row->first - 1);
        Place   *place = &kind->places[number];
        NsShake *shake = place->first;

        RemoveFirst(kind, row);
        if (shake != NULL) {
            if (NsLoopNow(shakes->loop) - shake->since > TOO_LONG) {
                shake = place->last;
            }
            NsShakesLeave(shakes, shake);
            if (place->first != NULL) {
                Append(kind, &kind->old, number);
            }
            return shake;
        }
    }
}

/* ---- turns ---- */

size_t
NsShakesWaiting(const NsShakes *shakes)
{
    return shakes->kinds[0].waiting + shakes->kinds[1].waiting;
}

static void
FreeIfLast(NsShakes *shakes)
{
    if (shakes->freed && !shakes->ends && !shakes->again) {
        ns_free(shakes->kinds[0].places);
        ns_free(shakes->kinds[1].places);
        ns_free(shakes);
    }
}

static void
Count(NsShakes *shakes)
{
    shakes->steps++;
    if (!shakes->ends) {
        shakes->ends = true;
        NsLoopDefer(shakes->loop, &shakes->endTask);
    }
}

static void
Serve(NsLoop *loop, NsTask *task)
{
    NsShakes *shakes = (NsShakes *)(void *)((char *)task - offsetof(NsShakes, againTask));
    int64_t   end = NsLoopClockUsec() + STEPS_TIME;
    int       looks;

    /* `again` until the end: who frees it meanwhile, in a proc, frees it here. */
    for (looks = 0; looks < LOOKS_PER_TURN && shakes->steps < STEPS_PER_TURN && NsShakesWaiting(shakes) > 0
                    && (shakes->steps == 0 || NsLoopClockUsec() < end); looks++) {
        Kind    *kind = &shakes->kinds[shakes->turnOfBegun];
        NsShake *shake;

        kind = kind->waiting > 0 ? kind : &shakes->kinds[!shakes->turnOfBegun];
        shake = Take(shakes, kind);
        if (shake->proc(shake)) {
            shakes->turnOfBegun = !shakes->turnOfBegun;
            Count(shakes);
        }
    }
    shakes->again = false;
    if (!shakes->freed && !shakes->ends && NsShakesWaiting(shakes) > 0) {
        shakes->ends = true;
        NsLoopDefer(loop, &shakes->endTask);
    }
    FreeIfLast(shakes);
}

static void
TurnEnds(NsLoop *loop, NsTask *task)
{
    NsShakes *shakes = (NsShakes *)(void *)((char *)task - offsetof(NsShakes, endTask));

    shakes->ends = false;
    shakes->steps = 0;
    if (NsShakesWaiting(shakes) > 0 && !shakes->again && !shakes->freed) {
        shakes->again = true;
        NsLoopPost(loop, &shakes->againTask);  /* by the inbox: sockets that became ready in the meantime come first */
    }
    FreeIfLast(shakes);
}

bool
NsShakesMay(NsShakes *shakes, NsShake *shake, const struct sockaddr *peer, NsShakeProc *proc)
{
    bool may = !shake->waits && NsShakesWaiting(shakes) == 0
        && (shakes->steps == 0 || (shakes->steps < STEPS_PER_TURN && !NsLoopTurnOver(shakes->loop)));

    if (may) {
        Count(shakes);
    } else if (!shake->waits) {
        shake->proc = proc;
        Enqueue(shakes, shake, peer);
        if (!shakes->ends && !shakes->again) {
            shakes->ends = true;
            NsLoopDefer(shakes->loop, &shakes->endTask);
        }
    }
    return may;
}

NsShakes *
NsShakesCreate(NsLoop *loop)
{
    NsShakes *shakes = ns_calloc(1u, sizeof(NsShakes));

    shakes->loop = loop;
    shakes->endTask.proc = TurnEnds;
    shakes->againTask.proc = Serve;
    NsRandomBytes(shakes->salt, sizeof(shakes->salt));
    return shakes;
}

void
NsShakesFree(NsShakes *shakes)
{
    if (shakes != NULL) {
        shakes->freed = true;
        FreeIfLast(shakes);
    }
}
