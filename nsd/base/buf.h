/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Byte buffers that are shared by reference, from the inside: what may be done with them is in ns.h.
 */
#ifndef NSD_BUF_H
#define NSD_BUF_H

#include <stdatomic.h>
#include "ns.h"

struct Ns_Buf {
    atomic_int  refs;
    size_t      len;
    const char *data;
    void      (*freeProc)(void *arg);          /* of wrapped memory; NULL when the bytes follow the struct */
    void       *arg;
};

#endif
