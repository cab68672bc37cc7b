/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Drivers of modules, by callbacks: an Ns_Transport whose procs call those of the module, and what those procs may call.
 *
 * The module is not trusted to answer well: a count beyond what it was asked for, or an error without errno, is an error of that
 * connection, and logged.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "driver/int.h"
#include "driver/module.h"

struct NsModuleSock {
    Ns_Sock       pub;                         /* first: modules have a pointer to it */
    uint32_t      magic;
    Ns_SockState  state;                       /* as recvProc has told it */
    unsigned      flags;
    unsigned long recvErrno, sendErrno;
    bool          mayHaveMore;                 /* in the module's memory: it encrypts, and the last recvProc gave bytes */
};
#define MODULE_SOCK_MAGIC NS_MAGIC('M', 'S', 'c', 'k')

static NsModuleSock *
Of(const Ns_Sock *sock)
{
    NsModuleSock *own = (NsModuleSock *)(uintptr_t)sock;

    NS_CHECK(own, MODULE_SOCK_MAGIC);
    return own;
}

static inline const Ns_DriverInitData *
ProcsOf(const NsModuleSock *sock)
{
    return &NsDriverOf(sock->pub.driver)->byModule->init;
}

static bool
IsDatagram(const NsModuleSock *sock)
{
    return (ProcsOf(sock)->opts & NS_DRIVER_UDP) != 0u;
}

/* ---- what procs may call ---- */

void
Ns_SockSetReceiveState(Ns_Sock *sock, Ns_SockState sockState, unsigned long recvErrno)
{
    NsModuleSock *own = Of(sock);

    own->state = sockState;
    own->recvErrno = recvErrno;
}

void
Ns_SockSetSendErrno(Ns_Sock *sock, unsigned long sendErrno)
{
    Of(sock)->sendErrno = sendErrno;
}

unsigned long
Ns_SockGetSendErrno(Ns_Sock *sock)
{
    return Of(sock)->sendErrno;
}

bool
Ns_SockInErrorState(const Ns_Sock *sock)
{
    const NsModuleSock *own = Of(sock);

    return (own->state & NS_SOCK_EXCEPTION) != 0u || own->recvErrno != 0u || own->sendErrno != 0u;
}

unsigned int
Ns_SockFlagAdd(Ns_Sock *sock, unsigned int flag)
{
    return Of(sock)->flags |= flag;
}

unsigned int
Ns_SockFlagClear(Ns_Sock *sock, unsigned int flag)
{
    return Of(sock)->flags &= ~flag;
}

ssize_t
Ns_SockRecvBufs(Ns_Sock *sock, struct iovec *bufs, int nbufs, const Ns_Time *timeoutPtr, unsigned int flags)
{
    Ns_SockState  state;
    unsigned long error;
    ssize_t       n = Ns_SockRecvBufs2(sock->sock, bufs, nbufs, flags, &state, &error);

    if (state == NS_SOCK_AGAIN && timeoutPtr != NULL && (timeoutPtr->sec > 0 || timeoutPtr->usec > 0)
        && Ns_SockTimedWait(sock->sock, NS_SOCK_READ, timeoutPtr) == NS_OK) {
        n = Ns_SockRecvBufs2(sock->sock, bufs, nbufs, flags, &state, &error);
    }
    Ns_SockSetReceiveState(sock, state, error);
    return n;
}

/* ---- its calls ---- */

/* Once a second is enough to learn that a module is wrong. */
static void
Blame(const NsModuleSock *sock, const char *proc, ssize_t answer, size_t asked)
{
    static atomic_llong last;
    int64_t             now = NsLoopClock();

    if (now - atomic_load_explicit(&last, memory_order_relaxed) >= 1000) {
        atomic_store_explicit(&last, now, memory_order_relaxed);
        Ns_Log(Error, "%s: %s of the module has answered %zd for %zu bytes: the connection is closed",
               sock->pub.driver->moduleName, proc, answer, asked);
    }
}

/* -1 and errno, in our transports' words. */
static ssize_t
Refusal(bool again, unsigned long told)
{
    if (again) {
        errno = EAGAIN;
    } else if (told != 0u) {
        errno = (int)told;
    } else if (errno == 0 || NS_ERRNO_WOULDBLOCK(errno)) {
        errno = EIO;
    }
    return -1;
}

static ssize_t
Recv(Ns_Wire *wire, void *buffer, size_t size)
{
    NsModuleSock            *sock = wire->arg;
    const Ns_DriverInitData *procs = ProcsOf(sock);
    struct iovec             iov = {.iov_base = buffer, .iov_len = size};
    Ns_Time                  none = {0, 0};
    ssize_t                  n;

    sock->state = NS_SOCK_NONE;
    sock->recvErrno = 0u;
    errno = 0;
    n = procs->recvProc != NULL ? procs->recvProc(&sock->pub, &iov, 1, &none, 0u) : Ns_SockRecvBufs(&sock->pub, &iov, 1, NULL, 0u);
    if (n > (ssize_t)size) {
        Blame(sock, "recvProc", n, size);
        errno = EIO;
        n = -1;
    } else if (n <= 0 && (n < 0 || (sock->state & (NS_SOCK_AGAIN | NS_SOCK_EXCEPTION)) != 0u)) {
        n = Refusal((sock->state & NS_SOCK_AGAIN) != 0u || (n < 0 && sock->state == NS_SOCK_NONE && NS_ERRNO_WOULDBLOCK(errno)),
                    sock->recvErrno);
    }
    sock->mayHaveMore = n > 0 && (procs->opts & NS_DRIVER_SSL) != 0u;
    wire->waitRecv = (sock->flags & NS_CONN_SSL_WANT_WRITE) != 0u ? NS_SOCK_WRITE : NS_SOCK_READ;
    return n;
}

/* Bytes, or -1 and errno: what sendProc or sendFileProc has answered for so many. */
static ssize_t
Sent(NsModuleSock *sock, Ns_Wire *wire, ssize_t n, size_t asked, const char *proc)
{
    wire->waitSend = NS_SOCK_WRITE;
    if (n > (ssize_t)asked) {
        Blame(sock, proc, n, asked);
        errno = EIO;
        return -1;
    }
    if (n < 0 || (n == 0 && asked > 0u)) {
        bool again = sock->sendErrno == 0u ? n == 0 || NS_ERRNO_WOULDBLOCK(errno) : NS_ERRNO_WOULDBLOCK((int)sock->sendErrno);

        if (again && IsDatagram(sock)) {
            return (ssize_t)asked;             /* lost, as datagrams are: nobody waits for their socket */
        }
        return Refusal(again, sock->sendErrno);
    }
    return n;
}

static ssize_t
Send(Ns_Wire *wire, const struct iovec *iov, int iovcnt)
{
    NsModuleSock            *sock = wire->arg;
    const Ns_DriverInitData *procs = ProcsOf(sock);
    ssize_t                  n;

    sock->sendErrno = 0u;
    errno = 0;
    if (procs->sendProc == NULL) {
        return Ns_TransportTcp.send(wire, iov, iovcnt);
    }
    n = procs->sendProc(&sock->pub, iov, iovcnt, 0u);
    return Sent(sock, wire, n, Ns_SumVec(iov, iovcnt), "sendProc");
}

static ssize_t
SendFile(Ns_Wire *wire, int fd, off_t offset, size_t size)
{
    NsModuleSock *sock = wire->arg;
    Ns_FileVec    part = {.fd = fd, .buffer = NULL, .offset = offset, .length = size};
    ssize_t       n;

    sock->sendErrno = 0u;
    errno = 0;
    n = ProcsOf(sock)->sendFileProc(&sock->pub, &part, 1, 0u);
    return Sent(sock, wire, n, size, "sendFileProc");
}

static bool
Pending(const Ns_Wire *wire)
{
    return ((const NsModuleSock *)wire->arg)->mayHaveMore;
}

/* closeProc is the last that the module sees of it, and closes; the socket of datagrams is the listener's. */
static void
Release(Ns_Wire *wire)
{
    NsModuleSock *sock = wire->arg;

    NS_CHECK(sock, MODULE_SOCK_MAGIC);
    if (ProcsOf(sock)->closeProc != NULL) {
        ProcsOf(sock)->closeProc(&sock->pub);
    } else if (!IsDatagram(sock) && sock->pub.sock != NS_INVALID_SOCKET) {
        (void)close(sock->pub.sock);
    }
    wire->sock = NS_INVALID_SOCKET;
    wire->arg = NULL;
    sock->magic = NS_SPOILED;
    ns_free(sock);
}

static void
Info(const Ns_Wire *wire, Tcl_Interp *interp, Tcl_Obj *dict)
{
    NsModuleSock   *sock = wire->arg;
    Tcl_Obj        *details = ProcsOf(sock)->connInfoProc(&sock->pub), *key, *value;
    Tcl_DictSearch  search;
    int             done;

    if (details == NULL) {
        return;
    }
    Tcl_IncrRefCount(details);
    if (Tcl_DictObjFirst(interp, details, &search, &key, &value, &done) == TCL_OK) {
        for (; !done; Tcl_DictObjNext(&search, &key, &value, &done)) {
            (void)Tcl_DictObjPut(NULL, dict, key, value);
        }
        Tcl_DictObjDone(&search);
    } else {
        Ns_Log(Error, "%s: connInfoProc of the module has answered what is no dict", sock->pub.driver->moduleName);
    }
    Tcl_DecrRefCount(details);
}

/* ---- accepting ---- */

static NS_DRIVER_ACCEPT_STATUS
AcceptPlain(Ns_Sock *sock, int listener, bool datagram, struct sockaddr *sa, socklen_t *len)
{
    if (datagram) {
        sock->sock = listener;
        return NS_DRIVER_ACCEPT_DATA;
    }
    sock->sock = accept4(listener, sa, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return sock->sock == NS_INVALID_SOCKET ? NS_DRIVER_ACCEPT_ERROR : NS_DRIVER_ACCEPT;
}

/* The module need not have told: limits by address are for its clients all the same. */
static void
AskPeer(NsModuleSock *sock)
{
    struct sockaddr *sa = (struct sockaddr *)&sock->pub.sa;
    socklen_t        len = sizeof(sock->pub.sa);

    if (sa->sa_family == AF_UNSPEC) {
        (void)getpeername(sock->pub.sock, sa, &len);
    }
}

NsModuleSock *
NsModuleAccept(NsDriver *driver, int listener, NsAddr *peer, NS_DRIVER_ACCEPT_STATUS *accepted)
{
    const Ns_DriverInitData *procs = &driver->byModule->init;
    NsModuleSock            *sock = ns_calloc(1u, sizeof(NsModuleSock));
    socklen_t                len = sizeof(sock->pub.sa);

    sock->magic = MODULE_SOCK_MAGIC;
    sock->pub.sock = NS_INVALID_SOCKET;
    sock->pub.driver = &driver->pub;
    errno = 0;
    if (procs->acceptProc != NULL) {
        *accepted = procs->acceptProc(&sock->pub, listener, (struct sockaddr *)&sock->pub.sa, &len);
    } else {
        *accepted = AcceptPlain(&sock->pub, listener, (procs->opts & NS_DRIVER_UDP) != 0u, (struct sockaddr *)&sock->pub.sa, &len);
    }
    if (*accepted != NS_DRIVER_ACCEPT_ERROR && sock->pub.sock == NS_INVALID_SOCKET) {
        Blame(sock, "acceptProc", (ssize_t)*accepted, 0u);     /* without a socket */
        *accepted = NS_DRIVER_ACCEPT_ERROR;
        errno = 0;
    }
    if (*accepted == NS_DRIVER_ACCEPT_ERROR) {
        int error = errno;

        sock->magic = NS_SPOILED;
        ns_free(sock);
        errno = error;
        return NULL;
    }
    if ((procs->opts & NS_DRIVER_UDP) == 0u) {
        (void)Ns_SockSetNonBlocking(sock->pub.sock);
        AskPeer(sock);
    }
    if (*accepted == NS_DRIVER_ACCEPT_QUEUE && procs->requestProc == NULL) {
        *accepted = NS_DRIVER_ACCEPT;          /* it is the server that serves, and it reads first */
    }
    NsModulePeer(sock, peer);
    return sock;
}

int
NsModuleSockFd(const NsModuleSock *sock)
{
    return sock->pub.sock;
}

Ns_Sock *
NsModulePub(NsModuleSock *sock)
{
    NS_CHECK(sock, MODULE_SOCK_MAGIC);
    return &sock->pub;
}

/* Of one of a Unix-domain socket its family is all that the rest of the server shows. */
void
NsModulePeer(const NsModuleSock *sock, NsAddr *peer)
{
    const struct sockaddr *sa = (const struct sockaddr *)&sock->pub.sa;

    memset(peer, 0, sizeof(*peer));
    peer->sa.sa_family = sa->sa_family == AF_UNIX ? AF_UNIX : AF_UNSPEC;
    if (sa->sa_family == AF_INET) {
        memcpy(&peer->in, sa, sizeof(peer->in));
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&peer->in6, sa, sizeof(peer->in6));
    }
}

bool
NsModuleKeep(NsModuleSock *sock)
{
    const Ns_DriverInitData *procs = ProcsOf(sock);

    return procs->keepProc != NULL && !IsDatagram(sock) && procs->keepProc(&sock->pub);
}

/* ---- the transport ---- */

static Ns_ReturnCode
ShutDown(Ns_Wire *wire)
{
    return Ns_TransportTcp.shutdown(wire);
}

void
NsModuleMakeTransport(struct NsModuleDriver *own)
{
    const Ns_DriverInitData *init = &own->init;
    bool                     stream = (init->opts & (NS_DRIVER_UDP | NS_DRIVER_SSL)) == 0u;

    own->transport = (Ns_Transport){.name = init->name, .recv = Recv, .send = Send, .release = Release};
    own->transport.info = init->connInfoProc != NULL ? Info : NULL;
    own->transport.pending = (init->opts & NS_DRIVER_SSL) != 0u ? Pending : NULL;
    own->transport.shutdown = stream ? ShutDown : NULL;
    if (init->sendFileProc != NULL) {
        own->transport.sendFile = SendFile;
    } else if (stream && (init->opts & NS_DRIVER_CAN_USE_SENDFILE) != 0u) {
        own->transport.sendFile = Ns_TransportTcp.sendFile;
    }
}
