/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Channels that this side makes (Ns_ConnChanConnect, Ns_ConnChanListen): what only the core knows of them.
 */
#ifndef NSD_CHANCLIENT_H
#define NSD_CHANCLIENT_H

#include "connchan.h"

/* At the start: what the configuration says of name look-ups. */
void NsChanClientInit(void);
/* At the stop, when the workers have ended: end the threads of the name look-ups, but wait for no look-up. */
void NsChanClientStop(const Ns_Time *until);
/* Any thread.  A channel's driver: the module that serves such a protocol, as NaviServer has it. */
const char *NsChanDriverNameFor(bool tls);
/* Any thread.  The descriptor of a listening channel, and the port that was chosen for port 0. */
NS_SOCKET NsChanListenSock(NsChan *listener, unsigned short *port);

#endif
