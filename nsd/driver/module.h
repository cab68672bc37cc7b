/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Drivers of modules, by callbacks (nsdriver.h): what makes them transports of ours.
 *
 * Each connection, or datagram, has an NsModuleSock, which is `arg` of its Ns_Wire.  Its Ns_Sock, which the module sees, keeps its
 * address as long as it lives, also when a channel takes the connection over.
 */
#ifndef NSD_DRIVER_MODULE_H
#define NSD_DRIVER_MODULE_H

#include "driver.h"

/* Of a driver by callbacks; never changed after the start. */
struct NsModuleDriver {
    Ns_DriverInitData init;
    Ns_Transport      transport;
    const char       *method;                  /* of requests without HTTP: its protocol in upper case */
};

typedef struct NsModuleSock NsModuleSock;

/*
 * A driver's thread.  Have the module accept what waits: NULL if it did not, and errno (0: the module has not told); else *accepted
 * says what it has answered, and the caller has the object.  `peer` is set if it is known.
 */
NsModuleSock *NsModuleAccept(NsDriver *driver, int listener, NsAddr *peer, NS_DRIVER_ACCEPT_STATUS *accepted);
int           NsModuleSockFd(const NsModuleSock *sock);
Ns_Sock      *NsModulePub(NsModuleSock *sock);
/* Whom a datagram is of, after it was received; AF_UNSPEC: not told. */
void          NsModulePeer(const NsModuleSock *sock, NsAddr *peer);
/* Who owns it: does its driver keep it for more? */
bool          NsModuleKeep(NsModuleSock *sock);
/* The main thread, from Ns_DriverInit: `init` is set. */
void          NsModuleMakeTransport(struct NsModuleDriver *own);

#endif
