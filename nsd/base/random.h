/* SPDX-License-Identifier: MPL-2.0 */
/* Random numbers of the operating system, taken many at a time. */
#ifndef NSD_RANDOM_H
#define NSD_RANDOM_H

#include <stddef.h>

#define NS_RANDOM_MAX 1024u

/* Any thread.  What nobody can guess: masks of frames (RFC 6455, 10.3), seeds of hash tables.  At most NS_RANDOM_MAX bytes. */
void NsRandomBytes(void *bytes, size_t len);

#endif
