/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets as Tcl channels: ns_sockopen, ns_socklisten, ns_sockaccept, ns_sockselect, ns_socknread, ns_sockblocking,
 * ns_socknonblocking, ns_sockcheck, ns_socketpair.  (ns_sockcallback and ns_socklistencallback: sockcallback.c here.)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "base/clock.h"
#include "cmd/cmds.h"
#include "cmd/channel/sock.h"
#include "interp/interp.h"

Tcl_Channel
NsSockMakeChannel(Tcl_Interp *interp, NS_SOCKET fd)
{
    Tcl_Channel chan = Tcl_MakeTcpClientChannel((ClientData)(intptr_t)fd);

    Tcl_RegisterChannel(interp, chan);
    return chan;
}

int
NsSockMakePair(Tcl_Interp *interp, NS_SOCKET fd, Tcl_Channel *readChan, Tcl_Channel *writeChan)
{
    NS_SOCKET copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (copy < 0) {
        Ns_TclPrintfResult(interp, "cannot duplicate socket: %s", Tcl_PosixError(interp));
        (void)close(fd);
        return TCL_ERROR;
    }
    *readChan = NsSockMakeChannel(interp, fd);
    *writeChan = NsSockMakeChannel(interp, copy);
    return TCL_OK;
}

/* Two channels for one socket, as the result. */
static int
PairResult(Tcl_Interp *interp, NS_SOCKET fd)
{
    Tcl_Channel channels[2];
    Tcl_Obj    *names[2];
    int         i;

    if (NsSockMakePair(interp, fd, &channels[0], &channels[1]) != TCL_OK) {
        return TCL_ERROR;
    }
    for (i = 0; i < 2; i++) {
        names[i] = Tcl_NewStringObj(Tcl_GetChannelName(channels[i]), -1);
    }
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, names));
    return TCL_OK;
}

/* The one argument of most commands here: a channel with a socket. */
static int
SockArg(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Tcl_Channel *chan, int *fd)
{
    char       *id;
    int         mode;
    ClientData  handle;
    Ns_ObjvSpec args[] = {{"sockId", Ns_ObjvString, &id, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    *chan = Tcl_GetChannel(interp, id, &mode);
    if (*chan == NULL) {
        return TCL_ERROR;
    }
    if (Tcl_GetChannelHandle(*chan, (mode & TCL_READABLE) != 0 ? TCL_READABLE : TCL_WRITABLE, &handle) != TCL_OK) {
        Ns_TclPrintfResult(interp, "channel \"%s\" has no descriptor", id);
        return TCL_ERROR;
    }
    *fd = (int)(intptr_t)handle;
    return TCL_OK;
}

static int
SockOpenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int            async = 0, nonblock = 0;
    char          *host, *localHost = NULL;
    Ns_Time       *timeout = NULL;
    unsigned short port, localPort = 0u;
    NS_SOCKET      fd;
    Ns_ReturnCode  status = NS_ERROR;
    Ns_ObjvSpec    opts[] = {
        {"-async", Ns_ObjvBool, &async, NULL},
        {"-localhost", Ns_ObjvString, &localHost, NULL},
        {"-localport", Ns_ObjvUShort, &localPort, NULL},
        {"-nonblock", Ns_ObjvBool, &nonblock, NULL},
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"host", Ns_ObjvString, &host, NULL},
        {"port", Ns_ObjvUShort, &port, NULL},
        {NULL, NULL, NULL, NULL}
    };

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (async != 0 && timeout != NULL) {
        Ns_TclPrintfResult(interp, "-timeout can't be specified when -async is used");
        return TCL_ERROR;
    }
    if (async != 0) {
        fd = Ns_SockAsyncConnect(host, port);
    } else {
        fd = Ns_SockTimedConnect2(host, port, localHost, localPort, timeout, &status);
    }
    if (fd == NS_INVALID_SOCKET) {
        if (status == NS_TIMEOUT) {
            Ns_TclPrintfResult(interp, "timeout while connecting to %s port %hu", host, port);
            Tcl_SetErrorCode(interp, "NS_TIMEOUT", (char *)NULL);
        } else {
            Ns_TclPrintfResult(interp, "can't connect to %s port %hu: socket is not connected", host, port);
        }
        return TCL_ERROR;
    }
    (void)(async != 0 || nonblock != 0 ? Ns_SockSetNonBlocking(fd) : Ns_SockSetBlocking(fd));
    return PairResult(interp, fd);
}

static int
SockListenObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    char          *address;
    unsigned short port;
    NS_SOCKET      fd;
    Ns_ObjvSpec    args[] = {
        {"address", Ns_ObjvString, &address, NULL},
        {"port", Ns_ObjvUShort, &port, NULL},
        {NULL, NULL, NULL, NULL}
    };

    (void)clientData;
    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    fd = Ns_SockListenEx(strcmp(address, "*") == 0 ? NULL : address, port, SOMAXCONN, false);
    if (fd == NS_INVALID_SOCKET) {
        (void)Tcl_PosixError(interp);          /* errorCode */
        Ns_TclPrintfResult(interp, "could not listen on [%s]:%hu", address, port);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj(Tcl_GetChannelName(NsSockMakeChannel(interp, fd)), -1));
    return TCL_OK;
}

static int
SockAcceptObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Channel chan;
    int         fd;
    NS_SOCKET   accepted;

    (void)clientData;
    if (SockArg(interp, objc, objv, &chan, &fd) != TCL_OK) {
        return TCL_ERROR;
    }
    accepted = Ns_SockAccept(fd, NULL, NULL);
    if (accepted == NS_INVALID_SOCKET) {
        Ns_TclPrintfResult(interp, "accept failed: %s", Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    (void)Ns_SockSetBlocking(accepted);
    return PairResult(interp, accepted);
}

static int
SockPairObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NS_SOCKET socks[2];
    Tcl_Obj  *names[2];
    int       i;

    (void)clientData;
    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (Ns_SockPipe(socks) != NS_OK) {
        Ns_TclPrintfResult(interp, "ns_sockpair failed: %s", Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    for (i = 0; i < 2; i++) {
        names[i] = Tcl_NewStringObj(Tcl_GetChannelName(NsSockMakeChannel(interp, socks[i])), -1);
    }
    Tcl_SetObjResult(interp, Tcl_NewListObj(2, names));
    return TCL_OK;
}

static int
SockNReadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Channel chan;
    int         fd, n = 0;

    (void)clientData;
    if (SockArg(interp, objc, objv, &chan, &fd) != TCL_OK) {
        return TCL_ERROR;
    }
    if (ioctl(fd, FIONREAD, &n) != 0) {
        Ns_TclPrintfResult(interp, "ns_socknread: %s", Tcl_PosixError(interp));
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(n + Tcl_InputBuffered(chan)));
    return TCL_OK;
}

static int
SetBlocking(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, const char *value)
{
    Tcl_Channel chan;
    int         fd;

    if (SockArg(interp, objc, objv, &chan, &fd) != TCL_OK) {
        return TCL_ERROR;
    }
    return Tcl_SetChannelOption(interp, chan, "-blocking", value);
}

static int
SockBlockingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return SetBlocking(interp, objc, objv, "1");
}

static int
SockNonBlockingObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    (void)clientData;
    return SetBlocking(interp, objc, objv, "0");
}

static int
SockCheckObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Channel chan;
    int         fd;

    (void)clientData;
    if (SockArg(interp, objc, objv, &chan, &fd) != TCL_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(send(fd, "", 0u, MSG_NOSIGNAL) == 0));
    return TCL_OK;
}

/* ---- ns_sockselect ---- */

typedef struct Selection {
    Tcl_Obj      **objs;
    struct pollfd *fds;
    int            count;
    bool          *buffered;                   /* readable by what Tcl has already read */
} Selection;

static int
AddToSelection(Tcl_Interp *interp, Tcl_Obj *list, short events, Selection *selection, bool *anyBuffered)
{
    Tcl_Obj **objs;
    int       count, i;

    if (Tcl_ListObjGetElements(interp, list, &count, &objs) != TCL_OK) {
        return TCL_ERROR;
    }
    selection->objs = ns_calloc((size_t)count + 1u, sizeof(Tcl_Obj *));
    selection->fds = ns_calloc((size_t)count + 1u, sizeof(struct pollfd));
    selection->buffered = ns_calloc((size_t)count + 1u, sizeof(bool));
    selection->count = count;
    for (i = 0; i < count; i++) {
        int         mode;
        Tcl_Channel chan = Tcl_GetChannel(interp, Tcl_GetString(objs[i]), &mode);
        ClientData  handle;

        if (chan == NULL) {
            return TCL_ERROR;
        }
        if (Tcl_GetChannelHandle(chan, events == POLLOUT ? TCL_WRITABLE : TCL_READABLE, &handle) != TCL_OK) {
            Ns_TclPrintfResult(interp, "channel \"%s\" not opened for %s", Tcl_GetString(objs[i]),
                               events == POLLOUT ? "writing" : "reading");
            return TCL_ERROR;
        }
        selection->objs[i] = objs[i];
        selection->fds[i].fd = (int)(intptr_t)handle;
        selection->fds[i].events = events;
        if (events == POLLIN && Tcl_InputBuffered(chan) > 0) {
            selection->buffered[i] = *anyBuffered = true;
        }
    }
    return TCL_OK;
}

static Tcl_Obj *
Selected(const Selection *selection, const struct pollfd *fds, short events)
{
    Tcl_Obj *list = Tcl_NewListObj(0, NULL);
    int      i;

    for (i = 0; i < selection->count; i++) {
        if (selection->buffered[i] || (fds[i].revents & events) != 0) {
            Tcl_ListObjAppendElement(NULL, list, selection->objs[i]);
        }
    }
    return list;
}

static int
PollUntil(struct pollfd *fds, nfds_t count, const Ns_Time *timeout)
{
    Ns_Time deadline, now, left;
    int     n;

    NsGetMonotonicTime(&deadline);
    if (timeout != NULL) {
        Ns_IncrTime(&deadline, timeout->sec, timeout->usec);
    }
    do {
        int ms = -1;

        if (timeout != NULL) {
            NsGetMonotonicTime(&now);
            ms = Ns_DiffTime(&deadline, &now, &left) > 0 ? (int)(left.sec * 1000 + (left.usec + 999) / 1000) : 0;
        }
        n = poll(fds, count, ms);
    } while (n < 0 && errno == EINTR);
    return n;
}

static int
SockSelectObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const short wanted[3] = {POLLIN, POLLOUT, POLLPRI};
    static const short found[3] = {POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR | POLLHUP, POLLPRI};
    static const Ns_Time now = {0, 0};
    Tcl_Obj           *lists[3], *results[3];
    Ns_Time           *timeout = NULL;
    Selection          selections[3];
    struct pollfd     *all = NULL;
    int                i, total = 0, status = TCL_OK;
    bool               buffered = false;
    Ns_ObjvSpec        opts[] = {{"-timeout", Ns_ObjvTime, &timeout, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec        args[] = {
        {"rfds", Ns_ObjvObj, &lists[0], NULL},
        {"wfds", Ns_ObjvObj, &lists[1], NULL},
        {"efds", Ns_ObjvObj, &lists[2], NULL},
        {NULL, NULL, NULL, NULL}
    };

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    memset(selections, 0, sizeof(selections));
    for (i = 0; i < 3 && status == TCL_OK; i++) {
        status = AddToSelection(interp, lists[i], wanted[i], &selections[i], &buffered);
        total += selections[i].count;
    }
    if (status == TCL_OK) {
        int offset = 0;

        all = ns_calloc((size_t)total + 1u, sizeof(struct pollfd));
        for (i = 0; i < 3; i++) {
            memcpy(all + offset, selections[i].fds, (size_t)selections[i].count * sizeof(struct pollfd));
            offset += selections[i].count;
        }
        if (PollUntil(all, (nfds_t)total, buffered ? &now : timeout) < 0) {
            Ns_TclPrintfResult(interp, "ns_sockselect: %s", Tcl_PosixError(interp));
            status = TCL_ERROR;
        }
    }
    if (status == TCL_OK) {
        int offset = 0;

        for (i = 0; i < 3; i++) {
            results[i] = Selected(&selections[i], all + offset, found[i]);
            offset += selections[i].count;
        }
        Tcl_SetObjResult(interp, Tcl_NewListObj(3, results));
    }
    for (i = 0; i < 3; i++) {
        ns_free(selections[i].objs);
        ns_free(selections[i].fds);
        ns_free(selections[i].buffered);
    }
    ns_free(all);
    return status;
}

const NsCmd nsSockCmds[] = {
    {"ns_sockopen", SockOpenObjCmd, 0u},
    {"ns_socklisten", SockListenObjCmd, NS_CMD_CONFIG},
    {"ns_sockaccept", SockAcceptObjCmd, 0u},
    {"ns_socketpair", SockPairObjCmd, 0u},
    {"ns_socknread", SockNReadObjCmd, 0u},
    {"ns_sockblocking", SockBlockingObjCmd, 0u},
    {"ns_socknonblocking", SockNonBlockingObjCmd, 0u},
    {"ns_sockcheck", SockCheckObjCmd, 0u},
    {"ns_sockselect", SockSelectObjCmd, 0u},
    {NULL, NULL, 0u}
};
