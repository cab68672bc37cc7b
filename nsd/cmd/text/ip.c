/* SPDX-License-Identifier: MPL-2.0 */
/*
 * IP addresses for scripts: ns_ip, ns_subnetmatch.
 */
#include <string.h>
#include "cmd/cmds.h"
#include "cmd/text/text.h"
#include "net/network.h"
#include "request/proxy.h"

static int
GetAddress(Tcl_Interp *interp, const char *string, NsIp *address)
{
    if (!NsIpRead(string, address)) {
        Ns_TclPrintfResult(interp, "'%s' is not a valid IPv4 or IPv6 address", string);
        return TCL_ERROR;
    }
    return TCL_OK;
}

static bool
IsInAny(const NsIp *ip)
{
    NsNetwork any4, any6;

    return (NsNetworkRead("0.0.0.0", &any4) && NsNetworkHas(&any4, ip)) || (NsNetworkRead("::", &any6) && NsNetworkHas(&any6, ip));
}

/* The one argument of a subcommand. */
static int
AddressArgument(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, NsIp *address)
{
    char       *string;
    Ns_ObjvSpec args[] = {{"ipaddr", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}};

    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv) == NS_OK ? GetAddress(interp, string, address) : TCL_ERROR;
}

static int
InAnyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsIp        address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(IsInAny(&address)));
    return TCL_OK;
}

static int
PublicObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsIp        address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsIpIsPublic(&address)));
    return TCL_OK;
}

static int
TrustedObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsIp        address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsProxyIsTrusted(&address)));
    return TCL_OK;
}

static int
PropertiesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsIp        address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Ns_TclPrintfResult(interp, "public %d trusted %d inany %d type %s", NsIpIsPublic(&address), NsProxyIsTrusted(&address),
                       IsInAny(&address), address.v4 ? "IPv4" : "IPv6");
    return TCL_OK;
}

static int
ValidObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable types[] = {{"ipv4", 4}, {"ipv6", 6}, {NULL, 0}};
    int         type = 0;
    char       *string;
    NsIp        address;
    Ns_ObjvSpec opts[] = {
        {"-type", Ns_ObjvIndex, &type, (void *)types}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"ipaddr", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsIpRead(string, &address)
                                               && (type == 0 || type == (address.v4 ? 4 : 6))));
    return TCL_OK;
}

static int
MatchNetwork(Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv)
{
    char       *cidr, *string;
    NsNetwork   network;
    NsIp        address;
    Ns_ObjvSpec args[] = {
        {"cidr", Ns_ObjvString, &cidr, NULL}, {"ipaddr", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, offset, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!NsNetworkRead(cidr, &network)) {
        Ns_TclPrintfResult(interp, "'%s' is not a valid CIDR string for IPv4 or IPv6", cidr);
        return TCL_ERROR;
    }
    if (GetAddress(interp, string, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(NsNetworkHas(&network, &address)));
    return TCL_OK;
}

static int
MatchObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return MatchNetwork(interp, 2, objc, objv);
}

int
NsSubnetMatchObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return MatchNetwork(interp, 1, objc, objv);
}

int
NsIpObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"inany", InAnyObjCmd}, {"match", MatchObjCmd}, {"properties", PropertiesObjCmd}, {"public", PublicObjCmd},
        {"trusted", TrustedObjCmd}, {"valid", ValidObjCmd}, {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}
