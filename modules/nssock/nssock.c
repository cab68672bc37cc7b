/* SPDX-License-Identifier: MPL-2.0 */
/*
 * nssock: the HTTP driver on plain sockets.  All that it needs is in the core; this says which transport.
 */
#include "ns.h"

NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
NS_EXPORT const int Ns_ModuleVersion = 1;

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const Ns_TransportDriver init = {
        .name = "nssock",
        .protocol = "http",
        .defaultPort = 80,
        .transport = &Ns_TransportTcp,
    };

    return Ns_TransportDriverInit(server, module, &init);
}
