/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Drivers for driver.test: parameter `kind` says which.
 *
 * raw    no HTTP; words say what its procs do: see Serve
 * httpown  HTTP, and its requestProc answers
 * http   HTTP by procs of its own, which give and take little at once
 * tls    HTTPS by a TLS of its own: it reads more than it was asked for, and keeps that
 * udp    no HTTP, datagrams
 * udphttp  HTTP in datagrams
 * queue  no HTTP, and its requestProc reads
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <openssl/ssl.h>
#include "ns.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;

typedef struct Driver {
    SSL_CTX *ctx;
} Driver;

/* sock->arg */
typedef struct Session {
    SSL *ssl;
    int  badRecv;                              /* what its recvProc is to answer from now on; 0: what there is */
    int  badSend;
    bool keep;
} Session;

static atomic_int refuse;                      /* so many accepts are refused, by `how` */
static atomic_int refuseHow;
static atomic_int opened, closed, refused;
static atomic_int datagramHow;                 /* recvProc of datagrams: 1: it fails, and takes none; 2: it does not tell the peer */
static atomic_int datagramCalls;               /* of that which fails */

/* ---- accept and close ---- */

static NS_DRIVER_ACCEPT_STATUS
Accept(Ns_Sock *sock, NS_SOCKET listensock, struct sockaddr *sockaddrPtr, socklen_t *socklenPtr)
{
    const Driver           *driver = sock->driver->arg;
    Session                *session;
    NS_DRIVER_ACCEPT_STATUS status = NS_DRIVER_ACCEPT;

    if (atomic_load(&refuse) > 0 && atomic_load(&refuseHow) >= 3) {
        atomic_fetch_sub(&refuse, 1);
        sockaddrPtr = NULL;                    /* 3, 4: it does not tell the peer; 4: it would have it served without reading */
        socklenPtr = NULL;
        status = atomic_load(&refuseHow) == 4 ? NS_DRIVER_ACCEPT_QUEUE : status;
    } else if (atomic_load(&refuse) > 0) {
        int how = atomic_load(&refuseHow);

        if (how == 2) {
            int got = accept(listensock, NULL, NULL);
            if (got == -1) {
                return NS_DRIVER_ACCEPT_ERROR;         /* errno */
            }
            (void)close(got);
        }
        atomic_fetch_sub(&refuse, 1);
        atomic_fetch_add(&refused, 1);
        if (how == 0) {                        /* it takes nothing from the queue, and does not say why */
            return NS_DRIVER_ACCEPT_ERROR;
        }
        if (how == 1) {                        /* it lies */
            return NS_DRIVER_ACCEPT;
        }
        errno = 0;
        return NS_DRIVER_ACCEPT_ERROR;
    }
    sock->sock = Ns_SockAccept(listensock, sockaddrPtr, socklenPtr);
    if (sock->sock == NS_INVALID_SOCKET) {
        return NS_DRIVER_ACCEPT_ERROR;
    }
    (void)Ns_SockSetNonBlocking(sock->sock);
    sock->arg = session = ns_calloc(1u, sizeof(Session));
    session->keep = true;
    if (driver->ctx != NULL) {
        session->ssl = SSL_new(driver->ctx);
        SSL_set_fd(session->ssl, sock->sock);
        SSL_set_accept_state(session->ssl);
    }
    atomic_fetch_add(&opened, 1);
    return status;
}

static NS_DRIVER_ACCEPT_STATUS
AcceptQueue(Ns_Sock *sock, NS_SOCKET listensock, struct sockaddr *sockaddrPtr, socklen_t *socklenPtr)
{
    return Accept(sock, listensock, sockaddrPtr, socklenPtr) == NS_DRIVER_ACCEPT ? NS_DRIVER_ACCEPT_QUEUE : NS_DRIVER_ACCEPT_ERROR;
}

static void
Close(Ns_Sock *sock)
{
    Session *session = sock->arg;

    if (session != NULL && session->ssl != NULL) {
        (void)SSL_shutdown(session->ssl);
        SSL_free(session->ssl);
    }
    ns_free(session);
    (void)ns_sockclose(sock->sock);
    sock->sock = NS_INVALID_SOCKET;
    atomic_fetch_add(&closed, 1);
}

/* ---- receive and send ---- */

static ssize_t
Recv(Ns_Sock *sock, struct iovec *bufs, int nbufs, Ns_Time *timeoutPtr, unsigned int flags)
{
    const Session *session = sock->arg;

    switch (session->badRecv) {
    case 1:                                    /* more than there was room for */
        return (ssize_t)bufs->iov_len + 1;
    case 2:                                    /* an error without a reason */
        errno = 0;
        return -1;
    case 3:
        Ns_SockSetReceiveState(sock, NS_SOCK_EXCEPTION, ECONNRESET);
        return 0;
    case 4:                                    /* nothing, for ever */
        Ns_SockSetReceiveState(sock, NS_SOCK_AGAIN, 0);
        return 0;
    default:
        return Ns_SockRecvBufs(sock, bufs, nbufs, timeoutPtr, flags);
    }
}

static ssize_t
RecvLittle(Ns_Sock *sock, struct iovec *bufs, int nbufs, Ns_Time *timeoutPtr, unsigned int flags)
{
    struct iovec little = {.iov_base = bufs->iov_base, .iov_len = bufs->iov_len < 7 ? bufs->iov_len : 7};

    return Ns_SockRecvBufs(sock, &little, 1, timeoutPtr, flags);
}

static ssize_t
Send(Ns_Sock *sock, const struct iovec *bufs, int nbufs, unsigned int flags)
{
    const Session *session = sock->arg;

    if (session->badSend == 1) {
        return (ssize_t)Ns_SumVec(bufs, nbufs) + 1;
    }
    if (session->badSend == 2) {
        Ns_SockSetSendErrno(sock, EPIPE);
        return -1;
    }
    return Ns_SockSendBufs2(sock->sock, bufs, nbufs, flags);
}

static ssize_t
SendLittle(Ns_Sock *sock, const struct iovec *bufs, int nbufs, unsigned int flags)
{
    size_t len = bufs->iov_len < 1000 ? bufs->iov_len : 1000;

    return ns_send(sock->sock, bufs->iov_base, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t
SendFile(Ns_Sock *sock, Ns_FileVec *bufs, int nbufs, unsigned int flags)
{
    char    buffer[500];
    ssize_t n = pread(bufs->fd, buffer, bufs->length < sizeof(buffer) ? bufs->length : sizeof(buffer), bufs->offset);

    return n > 0 ? ns_send(sock->sock, buffer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) : n;
}

/* What TLS has answered, in a driver's words. */
static ssize_t
TlsResult(Ns_Sock *sock, SSL *ssl, int n, bool receive)
{
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, n);

    (void)Ns_SockFlagClear(sock, NS_CONN_SSL_WANT_WRITE);
    if (error == SSL_ERROR_WANT_WRITE && receive) {
        (void)Ns_SockFlagAdd(sock, NS_CONN_SSL_WANT_WRITE);
    }
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return -1;
    }
    if (n <= 0 && receive) {
        Ns_SockSetReceiveState(sock, error == SSL_ERROR_ZERO_RETURN ? NS_SOCK_DONE : NS_SOCK_EXCEPTION,
                               error == SSL_ERROR_ZERO_RETURN ? 0 : EIO);
        return 0;
    }
    if (n <= 0) {
        errno = EIO;
    }
    return n > 0 ? n : -1;
}

static ssize_t
RecvTls(Ns_Sock *sock, struct iovec *bufs, int nbufs, Ns_Time *timeoutPtr, unsigned int flags)
{
    Session *session = sock->arg;

    /* A few bytes of a record: the rest stays here, and the socket shows nothing of it. */
    return TlsResult(sock, session->ssl, SSL_read(session->ssl, bufs->iov_base, bufs->iov_len < 50 ? (int)bufs->iov_len : 50), true);
}

static ssize_t
SendTls(Ns_Sock *sock, const struct iovec *bufs, int nbufs, unsigned int flags)
{
    Session *session = sock->arg;

    return TlsResult(sock, session->ssl, SSL_write(session->ssl, bufs->iov_base, (int)bufs->iov_len), false);
}

static ssize_t
RecvUdp(Ns_Sock *sock, struct iovec *bufs, int nbufs, Ns_Time *timeoutPtr, unsigned int flags)
{
    socklen_t len = sizeof(sock->sa);

    if (atomic_load(&datagramHow) == 1) {
        atomic_fetch_add(&datagramCalls, 1);
        errno = EIO;
        return -1;
    }
    if (atomic_load(&datagramHow) == 2) {
        return recv(sock->sock, bufs->iov_base, bufs->iov_len, MSG_DONTWAIT);
    }
    return recvfrom(sock->sock, bufs->iov_base, bufs->iov_len, MSG_DONTWAIT, (struct sockaddr *)&sock->sa, &len);
}

static ssize_t
SendUdp(Ns_Sock *sock, const struct iovec *bufs, int nbufs, unsigned int flags)
{
    struct msghdr msg = {.msg_name = &sock->sa, .msg_namelen = Ns_SockaddrGetSockLen((struct sockaddr *)&sock->sa),
                         .msg_iov = (struct iovec *)(uintptr_t)bufs, .msg_iovlen = (size_t)nbufs};

    return sendmsg(sock->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* ---- requests ---- */

static bool
Keep(Ns_Sock *sock)
{
    return ((const Session *)sock->arg)->keep;
}

static bool
Tell(Ns_ConnChan *chan, const void *bytes, size_t len)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};

    return Ns_ConnChanWritev(chan, &iov, 1, 0u) >= 0;
}

static Ns_ConnChanVerdict
OnChannel(Ns_ConnChan *chan, void *arg, unsigned why)
{
    char    buffer[100];
    ssize_t n = Ns_ConnChanRead(chan, buffer, sizeof(buffer));

    if (n == -1 && errno == EAGAIN) {
        return NS_CONNCHAN_KEEP;
    }
    return n > 0 && Tell(chan, buffer, (size_t)n) ? NS_CONNCHAN_KEEP : NS_CONNCHAN_CLOSE;
}

static Ns_ReturnCode
Say(Ns_Conn *conn, const char *text)
{
    return Ns_ConnWriteData(conn, text, strlen(text), 0u);
}

/* The answer to `big N`: N bytes, in pieces. */
static void
Much(Ns_Conn *conn, long count)
{
    char piece[1000];

    memset(piece, 'x', sizeof(piece));
    for (; count > 0; count -= (long)sizeof(piece)) {
        (void)Ns_ConnWriteData(conn, piece, (size_t)(count < (long)sizeof(piece) ? count : (long)sizeof(piece)), NS_CONN_STREAM);
    }
}

static Ns_ReturnCode
Serve(void *arg, Ns_Conn *conn)
{
    const char    *word = Tcl_DStringValue(Ns_ConnSockContent(conn));
    Ns_Sock       *sock = Ns_ConnSockPtr(conn);
    Session       *session = sock->arg;
    Ns_ReturnCode  status = NS_OK;

    (void)arg;
    if (strcmp(word, "error") == 0) {
        (void)Say(conn, "failed");
        status = NS_ERROR;
    } else if (strcmp(word, "last") == 0) {
        session->keep = false;
        (void)Say(conn, "done");
    } else if (strcmp(word, "close") == 0) {
        (void)Say(conn, "closed");
        (void)Ns_ConnClose(conn);
    } else if (strncmp(word, "recv", 4) == 0) {
        session->badRecv = atoi(word + 4);
        (void)Say(conn, "ok");
    } else if (strncmp(word, "send", 4) == 0) {
        session->badSend = atoi(word + 4);
        (void)Say(conn, "ok");
    } else if (strncmp(word, "big", 3) == 0) {
        Much(conn, atol(word + 3));
    } else if (strcmp(word, "state") == 0) {
        char          text[100];
        bool          before = Ns_SockInErrorState(sock), after;
        unsigned int  added = Ns_SockFlagAdd(sock, NS_CONN_SSL_WANT_WRITE), left = Ns_SockFlagClear(sock, NS_CONN_SSL_WANT_WRITE);
        unsigned long error;

        Ns_SockSetSendErrno(sock, EPIPE);
        after = Ns_SockInErrorState(sock);
        error = Ns_SockGetSendErrno(sock);
        Ns_SockSetSendErrno(sock, 0);
        snprintf(text, sizeof(text), "%d %d %d %u %u", before, after, error == EPIPE, added, left);
        (void)Say(conn, text);
    } else if (strcmp(word, "peer") == 0) {
        char address[64] = "";

        (void)ns_inet_ntop((struct sockaddr *)&sock->sa, address, sizeof(address));
        (void)Say(conn, address);
    } else if (strcmp(word, "active") == 0) {
        Tcl_Interp *interp = Ns_GetConnInterp(conn);

        if (Tcl_Eval(interp, "ns_server active") == TCL_OK) {
            Ns_Log(Notice, "drvtest active: %s", Tcl_GetStringResult(interp));
        }
    } else if (strcmp(word, "channel") == 0) {
        Ns_ConnChan        *chan = Ns_ConnChanDetach(conn);
        Ns_ConnChanCallback callback = {.proc = OnChannel, .when = NS_SOCK_READ};

        if (chan == NULL) {
            status = Say(conn, "no channel");
        } else {
            (void)Tell(chan, "channel", 7);
            (void)Ns_ConnChanSetCallback(chan, &callback);
            Ns_ConnChanRelease(chan);
        }
    } else {
        (void)Ns_ConnWriteData(conn, word, (size_t)Tcl_DStringLength(Ns_ConnSockContent(conn)), 0u);
    }
    return status;
}

static Ns_ReturnCode
ServeQueued(void *arg, Ns_Conn *conn)
{
    char    buffer[100];
    Ns_Time wait = {5, 0};
    ssize_t n = Ns_SockRecv(Ns_ConnSock(conn), buffer, sizeof(buffer), &wait);

    (void)arg;
    return n > 0 ? Ns_ConnWriteData(conn, buffer, (size_t)n, 0u) : NS_ERROR;
}

static Ns_ReturnCode
ServeHttp(void *arg, Ns_Conn *conn)
{
    (void)arg;
    return Ns_ConnReturnCharData(conn, 200, "own", -1, "text/plain");
}

static Tcl_Obj *
Details(Ns_Sock *sock)
{
    const Session *session = sock->arg;
    Tcl_Obj       *dict = Tcl_NewDictObj();

    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj("own", -1),
                   Tcl_NewStringObj(session != NULL && session->ssl != NULL ? SSL_get_version(session->ssl) : "plain", -1));
    return dict;
}

/* ---- commands of the tests ---- */

/* A datagram, and the answer to it; none is awaited for long to an empty one, which has none. */
static int
Ask(Tcl_Interp *interp, Tcl_Obj *portObj, Tcl_Obj *bytesObj, int wait)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static __thread char answer[70000];
    int                port, len, sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unsigned char     *bytes = Tcl_GetByteArrayFromObj(bytesObj, &len);
    struct pollfd      pfd = {.fd = sock, .events = POLLIN};
    ssize_t            n = 0;

    if (Tcl_GetIntFromObj(interp, portObj, &port) != TCL_OK) {
        return TCL_ERROR;
    }
    to.sin_port = htons((unsigned short)port);
    if (sendto(sock, bytes, (size_t)len, 0, (struct sockaddr *)&to, sizeof(to)) == len && wait > 0 && poll(&pfd, 1, len == 0 ? 100 : wait) == 1) {
        n = recv(sock, answer, sizeof(answer), 0);
    }
    (void)close(sock);
    Tcl_SetObjResult(interp, Tcl_NewByteArrayObj((unsigned char *)answer, n > 0 ? (int)n : 0));
    return TCL_OK;
}

/* drvtest ask PORT BYTES, drop (no answer is expected), throw (nor waited for) | refuse HOW COUNT | datagrams HOW | calls | counts | init: what Ns_DriverInit says to what is no driver */
static int
DrvtestObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *what = objc > 1 ? Tcl_GetString(objv[1]) : "";
    int         how, count;

    (void)clientData;
    if (objc == 4 && (strcmp(what, "ask") == 0 || strcmp(what, "drop") == 0 || strcmp(what, "throw") == 0)) {
        return Ask(interp, objv[2], objv[3], *what == 'a' ? 20000 : *what == 'd' ? 100 : 0);
    }
    if (strcmp(what, "refuse") == 0 && objc == 4 && Tcl_GetIntFromObj(interp, objv[2], &how) == TCL_OK
        && Tcl_GetIntFromObj(interp, objv[3], &count) == TCL_OK) {
        atomic_store(&refuseHow, how);
        atomic_store(&refused, 0);
        atomic_store(&refuse, count);
        return TCL_OK;
    }
    if (strcmp(what, "datagrams") == 0 && objc == 3 && Tcl_GetIntFromObj(interp, objv[2], &how) == TCL_OK) {
        atomic_store(&datagramCalls, 0);
        atomic_store(&datagramHow, how);
        return TCL_OK;
    }
    if (strcmp(what, "calls") == 0) {
        Tcl_SetObjResult(interp, Tcl_NewIntObj(atomic_load(&datagramCalls)));
        return TCL_OK;
    }
    if (strcmp(what, "counts") == 0) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("%d %d", atomic_load(&opened) - atomic_load(&closed), atomic_load(&refused)));
        return TCL_OK;
    }
    if (strcmp(what, "init") == 0) {
        Ns_DriverInitData init = {.version = 99, .name = "none"};
        Tcl_Obj          *list = Tcl_NewListObj(0, NULL);
        const unsigned    opts[] = {0u, NS_DRIVER_NOPARSE, NS_DRIVER_UDP, NS_DRIVER_SSL};

        for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++) {
            init.opts = opts[i];
            Tcl_ListObjAppendElement(NULL, list, Tcl_NewIntObj(Ns_DriverInit(NULL, "drvtest", &init)));
            init.version = NS_DRIVER_VERSION_6;
        }
        Tcl_SetObjResult(interp, list);
        return TCL_OK;
    }
    Tcl_SetObjResult(interp, Tcl_NewStringObj("drvtest ask port bytes | refuse how count | datagrams how | calls | counts | init", -1));
    return TCL_ERROR;
}

static Ns_ReturnCode
AddCommand(Tcl_Interp *interp, const void *arg)
{
    (void)arg;
    Tcl_CreateObjCommand(interp, "drvtest", DrvtestObjCmd, NULL, NULL);
    return NS_OK;
}

/* ---- the drivers ---- */

static void
SetDatagrams(Ns_DriverInitData *init)
{
    init->opts |= NS_DRIVER_UDP;
    init->acceptProc = NULL;
    init->recvProc = RecvUdp;
    init->sendProc = SendUdp;
    init->keepProc = NULL;
    init->closeProc = NULL;
}

static bool
SetTls(Ns_DriverInitData *init, Driver *driver, const char *certificate)
{
    driver->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(driver->ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
    init->opts |= NS_DRIVER_SSL | NS_DRIVER_SNI;
    init->protocol = NULL;
    init->recvProc = RecvTls;
    init->sendProc = SendTls;
    return SSL_CTX_use_certificate_file(driver->ctx, certificate, SSL_FILETYPE_PEM) == 1
        && SSL_CTX_use_PrivateKey_file(driver->ctx, certificate, SSL_FILETYPE_PEM) == 1;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const char       *section = Ns_ConfigSectionPath(NULL, server, module, (char *)NULL);
    const char       *kind = Ns_ConfigString(section, "kind", "raw");
    Driver           *driver = ns_calloc(1u, sizeof(Driver));
    Ns_DriverInitData init;

    memset(&init, 0, sizeof(init));
    init.version = NS_DRIVER_VERSION_6;
    init.name = "nsdrvtest";
    init.acceptProc = Accept;
    init.recvProc = Recv;
    init.sendProc = Send;
    init.keepProc = Keep;
    init.closeProc = Close;
    init.connInfoProc = Details;
    init.opts = NS_DRIVER_ASYNC;
    init.arg = driver;
    init.path = section;
    init.protocol = "http";
    init.libraryVersion = "a library 1.0";
    if (strcmp(kind, "raw") == 0 || strcmp(kind, "udp") == 0 || strcmp(kind, "queue") == 0) {
        init.opts |= NS_DRIVER_NOPARSE;
        init.requestProc = Serve;
        init.protocol = kind;
    }
    if (strncmp(kind, "udp", 3) == 0) {
        SetDatagrams(&init);
    } else if (strcmp(kind, "http") == 0) {
        init.recvProc = RecvLittle;
        init.sendProc = SendLittle;
        init.sendFileProc = SendFile;
    } else if (strcmp(kind, "tls") == 0 && !SetTls(&init, driver, Ns_ConfigString(section, "certificate", ""))) {
        Ns_Log(Error, "%s: no certificate", module);
        return NS_ERROR;
    } else if (strcmp(kind, "httpown") == 0) {
        init.requestProc = ServeHttp;
    } else if (strcmp(kind, "queue") == 0) {
        init.acceptProc = AcceptQueue;
        init.requestProc = ServeQueued;
    }
    if (strcmp(kind, "raw") == 0 && server != NULL && Ns_TclRegisterTrace(server, AddCommand, NULL, NS_TCL_TRACE_CREATE) != NS_OK) {
        return NS_ERROR;
    }
    return Ns_DriverInit(server, module, &init);
}
