/* SPDX-License-Identifier: MPL-2.0 */
/*
 * IP addresses for scripts: ns_ip, ns_subnetmatch.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "cmds.h"
#include "text.h"

/* Both families in the form of IPv6 (::ffff:a.b.c.d), so that one comparison does for both. */
typedef struct Address {
    unsigned char bytes[16];
    bool          v4;                          /* written as IPv4 */
} Address;

static const unsigned char mappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

static bool
ReadAddress(const char *string, Address *address)
{
    memcpy(address->bytes, mappedPrefix, sizeof(mappedPrefix));
    address->v4 = inet_pton(AF_INET, string, address->bytes + sizeof(mappedPrefix)) == 1;
    return address->v4 || inet_pton(AF_INET6, string, address->bytes) == 1;
}

static int
GetAddress(Tcl_Interp *interp, const char *string, Address *address)
{
    if (!ReadAddress(string, address)) {
        Ns_TclPrintfResult(interp, "'%s' is not a valid IPv4 or IPv6 address", string);
        return TCL_ERROR;
    }
    return TCL_OK;
}

/* A network, "10.0.0.0/8"; without a length, one address. */
static bool
ReadNetwork(const char *string, Address *network, int *bits)
{
    const char *slash = strchr(string, '/');
    char        host[INET6_ADDRSTRLEN], *end;
    size_t      len = slash != NULL ? (size_t)(slash - string) : strlen(string);
    long        length;

    if (len >= sizeof(host)) {
        return false;
    }
    memcpy(host, string, len);
    host[len] = '\0';
    if (!ReadAddress(host, network)) {
        return false;
    }
    *bits = 128;
    if (slash != NULL) {
        length = strtol(slash + 1, &end, 10);
        if (end == slash + 1 || *end != '\0' || length < 0 || length > (network->v4 ? 32 : 128)) {
            return false;
        }
        *bits = (int)length + (network->v4 ? 96 : 0);
    }
    return true;
}

static bool
IsWithin(const Address *address, const Address *network, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    return memcmp(address->bytes, network->bytes, (size_t)whole) == 0
        && (rest == 0 || ((address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest)) == 0);
}

static bool
IsWithinNamed(const Address *address, const char *network)
{
    Address prefix;
    int     bits;

    return ReadNetwork(network, &prefix, &bits) && IsWithin(address, &prefix, bits);
}

static bool
IsInAny(const Address *address)
{
    return IsWithinNamed(address, "0.0.0.0") || IsWithinNamed(address, "::");
}

/* Neither the any-address nor loopback, link-local or private. */
static bool
IsPublic(const Address *address)
{
    static const char *const networks[] = {
        "0.0.0.0", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "::", "::1", "fe80::/10", "fc00::/7", NULL
    };

    for (const char *const *network = networks; *network != NULL; network++) {
        if (IsWithinNamed(address, *network)) {
            return false;
        }
    }
    return true;
}

/* Is it one of the reverse proxies that the configuration trusts? */
static bool
IsTrusted(const Address *address)
{
    const char  *list = Ns_ConfigGetValue("ns/parameters/reverseproxymode", "trustedservers");
    const char **networks;
    int          count;
    bool         found = false;

    if (list == NULL) {
        list = Ns_ConfigGetValue("ns/reverseproxymode", "trustedservers");
    }
    if (list != NULL && Tcl_SplitList(NULL, list, &count, &networks) == TCL_OK) {
        for (int i = 0; i < count && !found; i++) {
            found = IsWithinNamed(address, networks[i]);
        }
        Tcl_Free((char *)networks);
    }
    return found;
}

/* The one argument of a subcommand. */
static int
AddressArgument(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Address *address)
{
    char       *string;
    Ns_ObjvSpec args[] = {{"ipaddr", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}};

    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv) == NS_OK ? GetAddress(interp, string, address) : TCL_ERROR;
}

static int
InAnyObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Address address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(IsInAny(&address)));
    return TCL_OK;
}

static int
PublicObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Address address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(IsPublic(&address)));
    return TCL_OK;
}

static int
TrustedObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Address address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(IsTrusted(&address)));
    return TCL_OK;
}

static int
PropertiesObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Address address;

    if (AddressArgument(interp, objc, objv, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Ns_TclPrintfResult(interp, "public %d trusted %d inany %d type %s", IsPublic(&address), IsTrusted(&address),
                       IsInAny(&address), address.v4 ? "IPv4" : "IPv6");
    return TCL_OK;
}

static int
ValidObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_ObjvTable types[] = {{"ipv4", 4}, {"ipv6", 6}, {NULL, 0}};
    int         type = 0;
    char       *string;
    Address     address;
    Ns_ObjvSpec opts[] = {
        {"-type", Ns_ObjvIndex, &type, (void *)types}, {"--", Ns_ObjvBreak, NULL, NULL}, {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"ipaddr", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(ReadAddress(string, &address)
                                               && (type == 0 || type == (address.v4 ? 4 : 6))));
    return TCL_OK;
}

static int
MatchNetwork(Tcl_Interp *interp, int offset, int objc, Tcl_Obj *const *objv)
{
    char       *cidr, *string;
    Address     network, address;
    int         bits;
    Ns_ObjvSpec args[] = {
        {"cidr", Ns_ObjvString, &cidr, NULL}, {"ipaddr", Ns_ObjvString, &string, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, offset, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!ReadNetwork(cidr, &network, &bits)) {
        Ns_TclPrintfResult(interp, "'%s' is not a valid CIDR string for IPv4 or IPv6", cidr);
        return TCL_ERROR;
    }
    if (GetAddress(interp, string, &address) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(IsWithin(&address, &network, bits)));
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
