/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The threads of name look-ups (net/resolver.h), by the section ns/parameters: for the HTTP client and for client channels;
 * and how long scripts wait for one (net/dns.h).
 */
#ifndef NSD_RESOLVERCONF_H
#define NSD_RESOLVERCONF_H

#include "nsthread.h"

/* At the start, once the configuration is known. */
void NsResolverConf(void);
/* At the stop, when nobody asks any more: end the threads, but wait for no look-up. */
void NsResolverEnd(const Ns_Time *until);

#endif
