/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Who is at the other end, and the socket itself: ns_conn peeraddr, details, clientcert, privacy, channel.
 */
#include <string.h>
#include <unistd.h>
#include "base/dict.h"
#include "cmd/request/connparts.h"
#include "request/connio.h"
#include "request/proxy.h"
#include "http/header.h"

int
NsConnPeerAddrObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    enum { CONFIGURED, DIRECT, FORWARDED };
    static const Ns_ObjvTable sources[] = {
        {"configured", CONFIGURED}, {"direct", DIRECT}, {"forwarded", FORWARDED}, {NULL, 0}
    };
    int         source = CONFIGURED;
    NsConn     *conn;
    const char *address;
    Ns_ObjvSpec opts[] = {
        {"-source", Ns_ObjvIndex, &source, (void *)(uintptr_t)sources},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (source == CONFIGURED) {
        address = Ns_ConnConfiguredPeerAddr(&conn->pub);
    } else {
        address = source == FORWARDED ? Ns_ConnForwardedPeerAddr(&conn->pub) : Ns_ConnPeerAddr(&conn->pub);
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(address, -1));
    return TCL_OK;
}

static Tcl_Obj *
TransportDict(Tcl_Interp *interp, const NsConn *conn)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    if (conn->sock != NULL) {
        const Ns_Wire *sock = NsSockIo(conn->sock);

        if (sock->transport->info != NULL) {
            sock->transport->info(sock, interp, dict);
        }
    }
    return dict;
}

/* The names of what is set, as in SENTHDRS|CHUNK. */
static Tcl_Obj *
FlagNames(unsigned flags)
{
    static const struct {
        const char *name;
        unsigned    flag;
    } names[] = {
        {"CLOSED", NS_CONN_CLOSED}, {"SKIPHDRS", NS_CONN_SKIPHDRS}, {"SKIPBODY", NS_CONN_SKIPBODY}, {"SENTHDRS", NS_CONN_SENTHDRS},
        {"CHUNK", NS_CONN_CHUNK}, {"STREAM", NS_CONN_STREAM}, {"DETACHED", NS_CONN_DETACHED}, {"JSONPARSED", NS_CONN_JSONPARSED},
    };
    Tcl_Obj *text = Tcl_NewObj();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((flags & names[i].flag) != 0u) {
            Tcl_AppendStringsToObj(text, *Tcl_GetString(text) != '\0' ? "|" : "", names[i].name, NULL);
        }
    }
    return text;
}

int
NsConnDetailsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn  *conn;
    Tcl_Obj *words[3], *command, *dict;
    int      code;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    words[0] = Tcl_NewStringObj("ns_ip", -1);
    words[1] = Tcl_NewStringObj("properties", -1);
    words[2] = Tcl_NewStringObj(Ns_ConnConfiguredPeerAddr(&conn->pub), -1);
    command = Tcl_NewListObj(3, words);
    Tcl_IncrRefCount(command);
    code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL | TCL_EVAL_DIRECT);
    Tcl_DecrRefCount(command);
    if (code != TCL_OK) {
        return code;
    }
    dict = Tcl_DuplicateObj(Tcl_GetObjResult(interp));
    NsDictPut(dict, "proxied",
                   Tcl_NewBooleanObj(NsProxyHandled(conn) && Ns_SetIFind(conn->pub.headers, "x-forwarded-for") >= 0));
    NsDictPut(dict, "currentaddr", Tcl_NewStringObj(Ns_ConnCurrentAddr(&conn->pub), -1));
    NsDictPut(dict, "flags", FlagNames(conn->pub.flags));
    Tcl_SetObjResult(interp, dict);
    {
        Tcl_Obj       *transport = TransportDict(interp, conn), *key, *value;
        Tcl_DictSearch search;
        int            done;

        Tcl_IncrRefCount(transport);
        if (Tcl_DictObjFirst(interp, transport, &search, &key, &value, &done) == TCL_OK) {
            for (; !done; Tcl_DictObjNext(&search, &key, &value, &done)) {
                Tcl_DictObjPut(NULL, dict, key, value);
            }
            Tcl_DictObjDone(&search);
        }
        Tcl_DecrRefCount(transport);
    }
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

int
NsConnClientCertObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn     *conn;
    Tcl_Obj    *transport, *key, *cert = NULL, *result;
    int         size = 0;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK || (conn = NsCmdConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (!conn->driver->init.secure) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("connection is not TLS", -1));
        return TCL_ERROR;
    }
    transport = TransportDict(interp, conn);
    key = Tcl_NewStringObj("clientcert", -1);
    Tcl_IncrRefCount(transport);
    Tcl_IncrRefCount(key);
    result = Tcl_NewDictObj();
    if (Tcl_DictObjGet(NULL, transport, key, &cert) == TCL_OK && cert != NULL) {
        (void)Tcl_DictObjSize(NULL, cert, &size);
    }
    Tcl_DecrRefCount(key);
    /* One that does not verify is refused in the handshake. */
    NsDictPut(result, "present", Tcl_NewBooleanObj(size > 0));
    NsDictPut(result, "verified", Tcl_NewBooleanObj(size > 0));
    NsDictPutText(result, "verifyresult", size > 0 ? "ok" : "absent");
    if (size > 0) {
        Tcl_DictSearch search;
        Tcl_Obj       *value;
        int            done;

        (void)Tcl_DictObjFirst(NULL, cert, &search, &key, &value, &done);
        for (; !done; Tcl_DictObjNext(&search, &key, &value, &done)) {
            Tcl_DictObjPut(NULL, result, key, value);
        }
        Tcl_DictObjDone(&search);
    }
    Tcl_SetObjResult(interp, result);
    Tcl_DecrRefCount(transport);
    return TCL_OK;
}

static bool
HeaderIsOne(const NsConn *conn, const char *name)
{
    const char *value = Ns_SetIGet(conn->pub.headers, name);

    return value != NULL && strcmp(value, "1") == 0;
}

Tcl_Obj *
NsConnPrivacyObj(NsConn *conn)
{
    Tcl_Obj    *dict = Tcl_NewDictObj(), *adpc = Tcl_NewDictObj();
    const char *value = Ns_SetIGet(conn->pub.headers, "adpc");

    NsDictPut(adpc, "present", Tcl_NewBooleanObj(value != NULL));
    if (value != NULL) {
        NsDictPutText(adpc, "raw", value);
    }
    NsDictPut(dict, "gpc", Tcl_NewBooleanObj(HeaderIsOne(conn, "sec-gpc")));
    NsDictPut(dict, "dnt", Tcl_NewBooleanObj(HeaderIsOne(conn, "dnt")));
    NsDictPut(dict, "adpc", adpc);
    return dict;
}

/* The answer bytes that the driver still had; the channel is the script's, which may wait for its client. */
static bool
FlushPending(NsDetached *detached)
{
    char        scratch[16384];
    NsOutResult result = NS_OUT_MORE;
    size_t      sent;

    (void)Ns_SockSetBlocking(detached->io.sock);
    while (!NsOutEmpty(&detached->pending) && result != NS_OUT_ERROR) {
        result = NsOutSend(&detached->pending, &detached->io, 0, scratch, sizeof scratch, &sent);
    }
    return result != NS_OUT_ERROR;
}

/* Hand the socket to the script as a Tcl channel. */
int
NsConnChannelObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsConn     *conn;
    NsDetached  detached;
    Tcl_Channel chan;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK
        || (conn = NsCmdOpenConn(interp, clientData)) == NULL) {
        return TCL_ERROR;
    }
    if (conn->driver->init.secure) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("a TLS connection cannot be a Tcl channel: use ns_connchan", -1));
        return TCL_ERROR;
    }
    if (conn->driver->byModule != NULL) {
        Ns_TclPrintfResult(interp, "a connection of the driver %s cannot be a Tcl channel: use ns_connchan", conn->driver->module);
        return TCL_ERROR;
    }
    if (conn->headersGiven && (conn->pub.flags & NS_CONN_SENTHDRS) == 0) {
        conn->plainBody = true;                /* what the script writes there has no chunks */
        (void)NsConnSend(conn, NULL, 0, NS_CONN_STREAM);
    }
    if (NsConnDetach(conn, &detached) != NS_OK) {
        Tcl_SetObjResult(interp, Tcl_NewStringObj("no socket", -1));
        return TCL_ERROR;
    }
    if (!FlushPending(&detached)) {
        Ns_TclPrintfResult(interp, "the client is gone: %s", Tcl_PosixError(interp));
        NsOutClear(&detached.pending);
        ns_free(detached.rest);
        close(detached.io.sock);
        return TCL_ERROR;
    }
    chan = Tcl_MakeTcpClientChannel((ClientData)(intptr_t)detached.io.sock);
    if (detached.rest != NULL) {
        (void)Tcl_Ungets(chan, detached.rest, (int)detached.restLen, 1);
        ns_free(detached.rest);
    }
    Tcl_RegisterChannel(interp, chan);
    NsAtCloseCheck(interp, clientData);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_GetChannelName(chan), -1));
    return TCL_OK;
}
