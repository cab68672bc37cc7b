/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels: connections that left the thread which accepted them.
 *
 * A channel owns its socket.  Any thread may read, write, query or close it (its lock orders them); its callbacks run on
 * one worker, one at a time.  Handles are reference counted: whoever got one from a function here releases it.
 */
#ifndef NSD_CONNCHAN_H
#define NSD_CONNCHAN_H

#include "conn.h"
#include "sockcallback.h"

typedef struct NsChan NsChan;                  /* opaque outside of connchan.c */

#endif
