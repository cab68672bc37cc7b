/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of sockets and TLS, beyond sock.c.
 */
#include <openssl/ssl.h>
#include "nscapi.h"

static unsigned short
PortOf(NS_SOCKET sock)
{
    struct sockaddr_storage storage;
    socklen_t               len = sizeof(storage);

    return getsockname(sock, (struct sockaddr *)&storage, &len) == 0 ? Ns_SockaddrGetPort((struct sockaddr *)&storage) : 0;
}

/* The errorCode that a command would leave. */
static void
PutErrorCode(Tcl_Interp *interp, Tcl_DString *ds)
{
    Tcl_Obj *options = Tcl_GetReturnOptions(interp, TCL_ERROR), *key = Tcl_NewStringObj("-errorcode", -1), *code = NULL;

    Tcl_IncrRefCount(options);
    Tcl_IncrRefCount(key);
    (void)Tcl_DictObjGet(NULL, options, key, &code);
    Put(ds, "%s", Tcl_GetString(code));
    Tcl_DecrRefCount(key);
    Tcl_DecrRefCount(options);
}

static Ns_ReturnCode
Connects(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    struct sockaddr_storage storage = {0};
    struct sockaddr        *sa = (struct sockaddr *)&storage;
    NS_SOCKET               listener = Ns_SockListen(NS_IP_LOOPBACK, 0), client, server, bound;
    unsigned short          port = PortOf(listener);
    Ns_Time                 limit = {10, 0};
    Ns_ReturnCode           status = NS_OK;
    char                    buffer[8] = "";

    client = Ns_SockConnect2(NS_IP_LOOPBACK, port, NS_IP_LOOPBACK, 0);
    server = Ns_SockAccept(listener, NULL, NULL);
    Put(ds, "%d %d", Ns_SockErrorCode(interp, client), Ns_SockPortBound(port));
    Put(ds, "%d", Ns_SockCloseLater(client));
    Put(ds, "%d", (int)Ns_SockRecv(server, buffer, 1, &limit));
    (void)ns_sockclose(server);
    client = Ns_SockAsyncConnect2(NS_IP_LOOPBACK, port, NULL, 0);
    Put(ds, "%d", Ns_SockTimedWait(client, NS_SOCK_WRITE, &limit));
    (void)ns_sockclose(client);
    (void)ns_sockclose(listener);
    (void)ns_inet_pton(sa, NS_IP_LOOPBACK);
    bound = Ns_BindSock(sa);
    Put(ds, "%d", PortOf(bound) > 0);
    client = Ns_SockConnect2(NS_IP_LOOPBACK, PortOf(bound), NULL, 0);          /* nobody listens */
    Put(ds, "%d %d", client, Ns_GetSockErrno() == ECONNREFUSED);
    Ns_SockConnectError(interp, "somewhere", 81, NS_ERROR, NULL);
    Put(ds, "%s", Tcl_GetStringResult(interp));
    Ns_SockConnectError(interp, "somewhere", 81, NS_TIMEOUT, &limit);
    Put(ds, "%s", Tcl_GetStringResult(interp));
    PutErrorCode(interp, ds);
    (void)ns_sockclose(bound);
    bound = Ns_SockBindUnix(argv[0], SOCK_STREAM, 0600);
    (void)listen(bound, 5);
    client = Ns_SockConnectUnix(argv[0], SOCK_STREAM, &status);
    Put(ds, "%d %d %d", bound >= 0, client >= 0, status);
    (void)ns_sockclose(client);
    (void)ns_sockclose(bound);
    client = Ns_SockConnectUnix(argv[0], SOCK_STREAM, &status);
    Put(ds, "%d %d", client, status);
    (void)unlink(argv[0]);
    bound = Ns_SockBindRaw(IPPROTO_ICMP);
    Put(ds, "%d", bound >= 0 || errno == EPERM || errno == EACCES);
    (void)ns_sockclose(bound);
    bound = Ns_SockListenRaw(IPPROTO_ICMP);
    Put(ds, "%d", bound >= 0 || errno == EPERM || errno == EACCES);
    (void)ns_sockclose(bound);
    return NS_OK;
}

static Ns_ReturnCode
Errors(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    char buffer[200];

    Ns_SetSockErrno(EPIPE);
    Put(ds, "%d", Ns_GetSockErrno() == EPIPE);
    Ns_ClearSockErrno();
    Put(ds, "%d", Ns_GetSockErrno());
    Put(ds, "%s", Ns_SockStrError(EPIPE));
    Put(ds, "%s", NsSockErrorCodeString(EPIPE, buffer, sizeof(buffer)));
    Put(ds, "%s", NsSockErrorCodeString((20ul << 23) | 156ul, buffer, sizeof(buffer)));
    Put(ds, "%s", Ns_SSLSetErrorCode(interp, EPIPE));
    PutErrorCode(interp, ds);
    return NS_OK;
}

/* ---- a listener on a callback worker: it answers each connection with a byte ---- */

static bool
Answer(NS_SOCKET sock, void *arg, unsigned why)
{
    if (why == NS_SOCK_READ) {
        (void)ns_send(sock, arg, 1, 0);
        (void)ns_sockclose(sock);
    }
    return true;
}

static Ns_ReturnCode
Listens(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static char byte[] = "L";
    NS_SOCKET   listener = Ns_SockListenCallback(NS_IP_LOOPBACK, 0, Answer, NS_TRUE, byte), client;
    Ns_Time     limit = {10, 0};
    char        buffer[2] = "";

    for (int i = 0; i < 2; i++) {
        client = Ns_SockTimedConnect(NS_IP_LOOPBACK, PortOf(listener), &limit);
        Put(ds, "%d %s", (int)Ns_SockRecv(client, buffer, 1, &limit), buffer);
        (void)ns_sockclose(client);
    }
    Ns_SockCancelCallback(listener);
    listener = Ns_SockListenCallback(NS_IP_LOOPBACK, 1, Answer, NS_FALSE, byte);
    Put(ds, "%d %d", listener, errno == EADDRNOTAVAIL);
    return NS_OK;
}

/* ---- TLS ---- */

typedef struct Server {
    NS_SOCKET listener;
    SSL_CTX  *ctx;
    SSL      *ssl;
    int       code;
} Server;

/* Accepts one, gives back what it gets, until the end. */
static void
ServeOne(void *arg)
{
    Server       *self = arg;
    NS_SOCKET     sock = Ns_SockAccept(self->listener, NULL, NULL);
    Ns_SockState  state = NS_SOCK_AGAIN;
    char          buffer[64];
    struct iovec  piece = {buffer, sizeof(buffer)};
    unsigned long error;

    self->code = Ns_TLS_SSLAccept(NULL, sock, self->ctx, &self->ssl);
    while (self->code == TCL_OK && (state == NS_SOCK_READ || state == NS_SOCK_AGAIN)) {
        struct iovec  back = {buffer, 0};
        ssize_t       got = Ns_SSLRecvBufs2(self->ssl, &piece, 1, &state, &error);

        if (got > 0) {
            back.iov_len = (size_t)got;
            (void)Ns_SSLSendBufs2(self->ssl, &back, 1);
        }
    }
    SSL_free(self->ssl);
    (void)ns_sockclose(sock);
}

static Ns_ReturnCode
Tls(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Server        server = {Ns_SockListen(NS_IP_LOOPBACK, 0), NULL, NULL, TCL_ERROR};
    SSL_CTX      *client = NULL, *strict = NULL;
    SSL          *ssl = NULL;
    NS_SOCKET     sock;
    Ns_Thread     thread;
    Ns_Time       limit = {20, 0}, little = {0, 50000};
    Ns_SockState  state = NS_SOCK_AGAIN;
    unsigned long error = 0;
    char          buffer[64] = "";
    struct iovec  pieces[2] = {{ns_const2voidp("ab"), 2}, {ns_const2voidp("cd"), 2}}, in = {buffer, sizeof(buffer) - 1u};
    ssize_t       sent, got = 0;
    int           code = Ns_TLS_CtxServerCreate(interp, argv[0], NULL, NULL, NS_FALSE, NULL, NULL, NULL, &server.ctx);

    Put(ds, "%d", code);
    code = Ns_TLS_CtxClientCreateCfg(interp, NULL, NULL, NULL, NULL, NS_FALSE, NULL, NULL, "TLSv1.3", "http/1.1", &server, 0, &client);
    Put(ds, "%d %d", code, SSL_CTX_get_app_data(client) == &server);
    Ns_ThreadCreate(ServeOne, &server, 0, &thread);
    sock = Ns_SockTimedConnect(NS_IP_LOOPBACK, PortOf(server.listener), &limit);
    code = Ns_TLS_SSLConnect(interp, sock, client, "localhost", NULL, NULL, &limit, &ssl);
    Put(ds, "%d %s", code, code == NS_OK ? SSL_get_version(ssl) : Tcl_GetStringResult(interp));
    sent = Ns_SSLSendBufs2(ssl, pieces, 2);
    while (got < sent && (state == NS_SOCK_AGAIN || state == NS_SOCK_READ)) {
        ssize_t now;

        in.iov_base = buffer + got;
        now = Ns_SSLRecvBufs2(ssl, &in, 1, &state, &error);
        got += MAX(0, now);
    }
    Put(ds, "%d %s %d", (int)sent, buffer, (int)error);
    (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    (void)ns_sockclose(sock);
    Ns_ThreadJoin(&thread, NULL);
    Put(ds, "%d", server.code);
    /* A client that verifies does not trust it; one whose server says nothing waits no longer than it wants to. */
    code = Ns_TLS_CtxClientCreate(interp, NULL, NULL, NULL, NS_TRUE, &strict);
    Ns_ThreadCreate(ServeOne, &server, 0, &thread);
    sock = Ns_SockTimedConnect(NS_IP_LOOPBACK, PortOf(server.listener), &limit);
    Put(ds, "%d %d", code, Ns_TLS_SSLConnect(interp, sock, strict, "localhost", NULL, NULL, &limit, &ssl));
    Put(ds, "%d %s", ssl == NULL, Tcl_GetStringResult(interp));
    (void)ns_sockclose(sock);
    Ns_ThreadJoin(&thread, NULL);
    Put(ds, "%d", server.code);
    sock = Ns_SockTimedConnect(NS_IP_LOOPBACK, PortOf(server.listener), &limit);
    Put(ds, "%d", Ns_TLS_SSLConnect(interp, sock, client, NULL, NULL, NULL, &little, &ssl));
    (void)ns_sockclose(sock);
    (void)ns_sockclose(server.listener);
    Ns_TLS_CtxFree(client);
    Ns_TLS_CtxFree(strict);
    Ns_TLS_CtxFree(server.ctx);
    return NS_OK;
}

static Ns_ReturnCode
TlsContexts(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    SSL_CTX *ctx = NULL;
    Tcl_Obj *details = Ns_InfoSSLDetailsObj();
    int      code, size;

    (void)Ns_SetPut(Ns_ConfigCreateSection("ns/nscapi/tls"), "clientcertmode", "sometimes");
    for (int i = 0; i < argc; i++) {
        code = Ns_TLS_CtxServerInit(argv[i], interp, 0, NULL, &ctx);
        Put(ds, "%d %s", code, code == TCL_OK ? "" : Tcl_GetStringResult(interp));
        Ns_TLS_CtxFree(ctx);
    }
    code = Ns_TLS_CtxServerCreateCfg(interp, "/no/such", NULL, NULL, NULL, NS_TLS_CLIENT_CERT_NONE, NULL, NULL, NULL, "a", NULL, 0, &ctx);
    Put(ds, "%d %s %d", code, Tcl_GetStringResult(interp), ctx == NULL);
    code = Ns_TLS_CtxClientCreateCfg(interp, NULL, NULL, NULL, NULL, NS_FALSE, "none", NULL, NULL, NULL, NULL, 0, &ctx);
    Put(ds, "%d %d", code, strncmp(Tcl_GetStringResult(interp), "ciphers \"none\": ", 16));
    code = Ns_TLS_CtxClientCreateCfg(interp, NULL, NULL, NULL, NULL, NS_FALSE, NULL, NULL, NULL, ",x", NULL, 0, &ctx);
    Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
    Tcl_IncrRefCount(details);
    (void)Tcl_DictObjSize(NULL, details, &size);
    Put(ds, "%d", size);
    Tcl_DecrRefCount(details);
    return NS_OK;
}

static Ns_ReturnCode
FileVecs(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    NS_SOCKET  listener = Ns_SockListen(NS_IP_LOOPBACK, 0), server;
    Ns_Sock    sock = {.sock = Ns_SockConnect(NS_IP_LOOPBACK, PortOf(listener))};
    Ns_Time    limit = {10, 0};
    Ns_FileVec parts[3];
    char       buffer[16] = "";
    ssize_t    got = 0, more;
    int        fd = Ns_GetTemp();

    server = Ns_SockAccept(listener, NULL, NULL);
    (void)ns_write(fd, "0123456789", 10);
    Put(ds, "%d", (int)Ns_SetFileVec(parts, 0, NS_INVALID_FD, "abc", 0, 3));
    (void)Ns_SetFileVec(parts, 1, fd, NULL, 2, 4);
    (void)Ns_SetFileVec(parts, 2, NS_INVALID_FD, "xyz", 1, 2);
    Put(ds, "%d", Ns_ResetFileVec(parts, 3, 1));
    Put(ds, "%d %d", Ns_SockCork(&sock, NS_TRUE), Ns_SockCork(&sock, NS_FALSE));
    Put(ds, "%d", (int)Ns_SockSendFileBufs(&sock, parts, 3, 0u));
    while (got < 8 && (more = Ns_SockRecv(server, buffer + got, 8u - (size_t)got, &limit)) > 0) {
        got += more;
    }
    Put(ds, "%s", buffer);
    Put(ds, "%d", Ns_ResetFileVec(parts, 3, 4));
    Put(ds, "%d", (int)parts[1].offset);
    (void)Ns_SetFileVec(parts, 0, fd, NULL, 50, 4);
    more = Ns_SockSendFileBufs(&sock, parts, 1, 0u);               /* there are no such bytes */
    Put(ds, "%d %d", (int)more, errno == EIO);
    (void)ns_sockclose(sock.sock);
    (void)ns_sockclose(server);
    (void)ns_sockclose(listener);
    Ns_ReleaseTemp(fd);
    return NS_OK;
}

const Check wireChecks[] = {
    {"filevecs", FileVecs},
    {"connects", Connects}, {"errors", Errors}, {"listens", Listens}, {"tls", Tls}, {"tlscontexts", TlsContexts}, {NULL, NULL}
};
