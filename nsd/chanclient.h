/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels that this side makes (Ns_ConnChanConnect, Ns_ConnChanListen): what only the core knows of them.
 */
#ifndef NSD_CHANCLIENT_H
#define NSD_CHANCLIENT_H

#include "connchan.h"

/* Any thread.  A channel's driver: the module that serves such a protocol, as NaviServer has it. */
const char *NsChanDriverNameFor(bool tls);
/* Any thread.  The descriptor of a listening channel, and the port that was chosen for port 0. */
NS_SOCKET NsChanListenSock(NsChan *listener, unsigned short *port);

#endif
