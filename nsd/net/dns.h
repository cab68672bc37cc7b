/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Names and addresses for those who may wait: any thread but those of event loops.
 *
 * The threads of net/resolver do it; a look-up that takes longer than the time-out is left to them.
 */
#ifndef NSD_DNS_H
#define NSD_DNS_H

#include "ns.h"

/* At the start: the time-out of all of them. */
void NsDnsConfigure(const Ns_Time *timeout);
/*
 * Append the addresses of a host to the list, in the order of the name service, each once.  `host` may be an address.  NS_ERROR: it
 * is not known; NS_TIMEOUT.
 */
Ns_ReturnCode NsDnsAddresses(const char *host, Tcl_Obj *list);
/* Append the name of an address, which must be a numeric one. */
Ns_ReturnCode NsDnsName(const char *address, Tcl_DString *name);

#endif
