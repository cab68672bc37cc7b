/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The environment is one for all threads: the C library's own lock does not cover reading what was set.  Who reads or changes it holds
 * this lock.
 */
#ifndef NSD_ENV_H
#define NSD_ENV_H

#include "nsthread.h"

extern Ns_Mutex nsEnvLock;

#endif
