/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Byte buffers that are shared by reference: built once, sent to many, freed by the last.
 */
#ifndef NSD_BUF_H
#define NSD_BUF_H

#include <stdatomic.h>
#include "nsthread.h"

typedef struct NsBuf {
    atomic_int  refs;
    size_t      len;
    const char *data;                          /* not changed after the buffer was given to somebody */
    void      (*freeProc)(void *arg);          /* of wrapped memory; NULL when the bytes follow the struct */
    void       *arg;
} NsBuf;

/* Any thread.  The caller owns one reference. */
NsBuf *NsBufCopy(const void *data, size_t len);
NsBuf *NsBufAlloc(size_t len, char **data);            /* `data`: to be filled before the buffer is given away */
NsBuf *NsBufWrap(const void *data, size_t len, void (*freeProc)(void *arg), void *arg);
NsBuf *NsBufRetain(NsBuf *buf);
void   NsBufRelease(NsBuf *buf);                       /* NULL is fine */

#endif
