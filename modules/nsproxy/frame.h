/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What goes between the server and a worker: frames, each a length of four bytes, big end first, a number of four bytes, and so many bytes.
 *
 * To the worker: a script, each with the next number.  From it, with the number of the script that it answers: a reply, that is the code of its end, the lengths of errorCode and errorInfo,
 * each four bytes as well, then those two and the result.  All texts are UTF-8 as outside of Tcl (Ns_TextAppendOut).
 *
 * Pure functions over memory, any thread; used on both sides.
 */
#ifndef NSPROXY_FRAME_H
#define NSPROXY_FRAME_H

#include "ns.h"

#define PROXY_FRAME_HEAD 8u
#define PROXY_REPLY_HEAD 12u
/*
 * A frame can have this many bytes; what is really taken is a parameter.  In Tcl's form a text has up to twice as many,
 * and its values end at 2GB.
 */
#define PROXY_MAX_MESSAGE (512 * 1024 * 1024)

typedef struct ProxyReply {
    int         code;                          /* TCL_OK, TCL_ERROR, ... */
    const char *errorCode, *errorInfo, *result;        /* inside of the payload; no NUL behind them */
    size_t      errorCodeLen, errorInfoLen, resultLen;
} ProxyReply;

void     ProxyFrameHead(unsigned char head[PROXY_FRAME_HEAD], size_t len, uint32_t number);
size_t   ProxyFrameLength(const unsigned char head[PROXY_FRAME_HEAD]);
uint32_t ProxyFrameNumber(const unsigned char head[PROXY_FRAME_HEAD]);

/* The bytes of the payload that a reply makes, without the frame's head. */
size_t ProxyReplyLength(const ProxyReply *reply);
/* Head and payload appended; the caller has seen to it that it is not longer than a frame can be. */
void   ProxyReplyAppend(Tcl_DString *ds, uint32_t number, const ProxyReply *reply);
/* False: that is no reply. */
bool   ProxyReplyParse(const char *payload, size_t len, ProxyReply *reply);

#endif
