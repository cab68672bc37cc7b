/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the configuration says of an address, for modules (nssock.h).
 */
#include "base/dict.h"
#include "request/proxy.h"

bool
Ns_SockaddrTrustedReverseProxy(const struct sockaddr *saPtr)
{
    NsIp ip;

    return NsIpOfSockaddr(saPtr, &ip) && NsProxyIsTrusted(&ip);
}

int
Ns_SockaddrAddToDictIpProperties(const struct sockaddr *ipPtr, Tcl_Obj *dictObj)
{
    NsIp ip;

    if (!NsIpOfSockaddr(ipPtr, &ip)) {
        return TCL_ERROR;
    }
    NsDictPutText(dictObj, "public", NsIpIsPublic(&ip) ? "1" : "0");
    NsDictPutText(dictObj, "trusted", NsProxyIsTrusted(&ip) ? "1" : "0");
    NsDictPutText(dictObj, "inany", Ns_SockaddrInAny(ipPtr) ? "1" : "0");
    NsDictPutText(dictObj, "type", ip.v4 ? "IPv4" : "IPv6");
    return TCL_OK;
}
