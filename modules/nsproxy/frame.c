/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Frames of bytes, and the reply in one.
 */
#include <string.h>
#include "frame.h"

static void
PutNumber(unsigned char *to, size_t number)
{
    to[0] = (unsigned char)(number >> 24);
    to[1] = (unsigned char)(number >> 16);
    to[2] = (unsigned char)(number >> 8);
    to[3] = (unsigned char)number;
}

static uint32_t
GetNumber(const void *from)
{
    const unsigned char *p = from;

    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

void
ProxyFrameHead(unsigned char head[PROXY_FRAME_HEAD], size_t len, uint32_t number)
{
    PutNumber(head, len);
    PutNumber(head + 4, number);
}

size_t
ProxyFrameLength(const unsigned char head[PROXY_FRAME_HEAD])
{
    return GetNumber(head);
}

uint32_t
ProxyFrameNumber(const unsigned char head[PROXY_FRAME_HEAD])
{
    return GetNumber(head + 4);
}

size_t
ProxyReplyLength(const ProxyReply *reply)
{
    return PROXY_REPLY_HEAD + reply->errorCodeLen + reply->errorInfoLen + reply->resultLen;
}

void
ProxyReplyAppend(Tcl_DString *ds, uint32_t number, const ProxyReply *reply)
{
    unsigned char head[PROXY_FRAME_HEAD + PROXY_REPLY_HEAD];

    ProxyFrameHead(head, ProxyReplyLength(reply), number);
    PutNumber(head + PROXY_FRAME_HEAD, (uint32_t)reply->code);
    PutNumber(head + PROXY_FRAME_HEAD + 4, reply->errorCodeLen);
    PutNumber(head + PROXY_FRAME_HEAD + 8, reply->errorInfoLen);
    Tcl_DStringAppend(ds, (const char *)head, (int)sizeof(head));
    Tcl_DStringAppend(ds, reply->errorCode, (int)reply->errorCodeLen);
    Tcl_DStringAppend(ds, reply->errorInfo, (int)reply->errorInfoLen);
    Tcl_DStringAppend(ds, reply->result, (int)reply->resultLen);
}

bool
ProxyReplyParse(const char *payload, size_t len, ProxyReply *reply)
{
    size_t left;

    if (len < PROXY_REPLY_HEAD) {
        return false;
    }
    left = len - PROXY_REPLY_HEAD;
    reply->code = (int)(int32_t)GetNumber(payload);
    reply->errorCodeLen = GetNumber(payload + 4);
    reply->errorInfoLen = GetNumber(payload + 8);
    if (reply->errorCodeLen > left || reply->errorInfoLen > left - reply->errorCodeLen) {
        return false;
    }
    reply->errorCode = payload + PROXY_REPLY_HEAD;
    reply->errorInfo = reply->errorCode + reply->errorCodeLen;
    reply->result = reply->errorInfo + reply->errorInfoLen;
    reply->resultLen = left - reply->errorCodeLen - reply->errorInfoLen;
    return true;
}
