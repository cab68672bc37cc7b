/* SPDX-License-Identifier: MPL-2.0 */
/*
 * permessage-deflate (RFC 7692): negotiation, and the compression of messages.  No I/O, no threads: a stream has one
 * user at a time.
 */
#ifndef NSD_WS_DEFLATE_H
#define NSD_WS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tcl.h>

/* What was agreed on.  Window bits 8 .. 15. */
typedef struct NsWsDeflateParams {
    bool    enabled;
    bool    serverNoTakeover, clientNoTakeover;
    uint8_t serverBits, clientBits;
} NsWsDeflateParams;

/* What this side wants: a server keeps no context unless asked, since then a published message is compressed once. */
typedef struct NsWsDeflateConfig {
    bool    enabled;
    bool    takeover;                          /* keep the context of our own compression, when the peer lets us */
    bool    peerTakeover;                      /* let the peer keep its own: an inflate window per connection */
    uint8_t bits;                              /* of our window: 8 .. 15 */
    uint8_t peerBits;                          /* of the peer's, if it can be asked for: 8 .. 15; 0 is 15 */
    int     level;                             /* of zlib: 1 .. 9 */
} NsWsDeflateConfig;

/*
 * A server: take the first offer of a Sec-WebSocket-Extensions header (several such headers joined by ", ") that can be
 * met; what is malformed or cannot be met is declined, never guessed.  In linear time.  `answer` gets the value of the
 * response header, or nothing when none is taken.  False: the header breaks the grammar (400).
 */
bool NsWsDeflateNegotiate(const char *offers, const NsWsDeflateConfig *config, NsWsDeflateParams *params,
                          Tcl_DString *answer);
/*
 * A client: the header value to send; and what the server made of it.  False: not what was offered (fail the
 * connection); `reason` (may be NULL) is static text.
 */
void NsWsDeflateOffer(const NsWsDeflateConfig *config, Tcl_DString *offer);
bool NsWsDeflateAccept(const char *answer, const NsWsDeflateConfig *config, NsWsDeflateParams *params,
                       const char **reason);

/*
 * Compressing.  `bits` 8 .. 15 (with 8 only repeated bytes are packed well: zlib has no such window).  Memory with
 * context takeover, per connection: 2^(bits+3) bytes and 6 kB: 268 kB with 15, 38 kB with 12, 14 kB with 10.  A
 * deflater without context takeover is for all connections of a thread: it is Reset before each message, from the
 * first one on, and has a smaller stream (30 kB more) for messages up to 4 kB, which costs less to begin with.
 */
typedef struct NsWsDeflater NsWsDeflater;
NsWsDeflater *NsWsDeflaterCreate(int bits, int level);
void          NsWsDeflaterFree(NsWsDeflater *deflater);               /* NULL is fine */
size_t        NsWsDeflaterMemory(const NsWsDeflater *deflater);       /* bytes that it has; NULL: 0 */
/* The next message refers to nothing before it. */
void          NsWsDeflaterReset(NsWsDeflater *deflater);
/*
 * Compress one whole message, without the trailing 00 00 ff ff; appended to `out` (ns_malloc'ed, grown as needed).
 * False: out of memory; the deflater must be freed then.  A caller that does not send the result must Reset.
 */
typedef struct NsWsBytes { uint8_t *data; size_t len, size; } NsWsBytes;     /* zeroed memory is empty */
void          NsWsBytesFree(NsWsBytes *bytes);
uint8_t      *NsWsBytesReserve(NsWsBytes *bytes, size_t more);        /* room behind len; never fails */
/* The same; doubling ends at `most` bytes in all, if those are enough. */
uint8_t      *NsWsBytesReserveUpTo(NsWsBytes *bytes, size_t more, size_t most);
bool          NsWsDeflate(NsWsDeflater *deflater, const uint8_t *data, size_t len, NsWsBytes *out);

/*
 * Inflating, as the payload arrives.  Output is appended to `out`; stops with TOO_BIG as soon as out->len would pass
 * `limit` (memory does not follow what is announced, and a bomb costs no more than the limit).  With BAD and TOO_BIG
 * the inflater is of no more use; `out` has what was decoded before that place.  Memory of an inflater: 8 kB and its
 * window of 2^bits bytes.
 */
typedef struct NsWsInflater NsWsInflater;
typedef enum { NS_WS_INFLATE_OK, NS_WS_INFLATE_BAD, NS_WS_INFLATE_TOO_BIG } NsWsInflateResult;
NsWsInflater     *NsWsInflaterCreate(int bits);                       /* 8 .. 15 */
void              NsWsInflaterFree(NsWsInflater *inflater);           /* NULL is fine */
size_t            NsWsInflaterMemory(const NsWsInflater *inflater);   /* bytes that it has; NULL: 0 */
NsWsInflateResult NsWsInflate(NsWsInflater *inflater, const uint8_t *data, size_t len, size_t limit, NsWsBytes *out);
/* The end of the message: feeds 00 00 ff ff; BAD when the data does not end there.  Resets without takeover. */
NsWsInflateResult NsWsInflateEnd(NsWsInflater *inflater, bool takeover, size_t limit, NsWsBytes *out);

#endif
