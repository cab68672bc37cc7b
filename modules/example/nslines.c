/* SPDX-License-Identifier: MPL-2.0 */
/*
 * An example of a driver: lines over TCP, or over UDP, without HTTP.  Each line is answered with its length and itself: "5 hello";
 * the line "bye" ends the connection.  A datagram is answered as a whole, likewise.
 *
 *     ns_section ns/modules            { ns_param nslines nslines; ns_param nslinesudp nslines }
 *     ns_section ns/module/nslines     { ns_param address 127.0.0.1; ns_param port 7007; ns_param keepwait 10m }
 *     ns_section ns/module/nslinesudp  { ns_param address 127.0.0.1; ns_param port 7007; ns_param datagrams true }
 *
 * Parameters: `datagrams` (false), `maxline` (8KB), and those of every driver (nssock): `keepwait` is how long a connection may be
 * silent, `maxinput` and `bufsize` bound what is handed over at once.  Copy the file to begin a driver of your own; it needs nothing
 * but the installed headers (see Makefile).
 *
 * The server calls Receive on a driver thread, which must not wait, and then Serve on a thread of the pool, as it does with HTTP
 * requests: what Serve sends and the client does not take at once is kept and sent by the driver thread.  No two of these run at the
 * same time for the same connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ns.h"

NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;

typedef struct Config {
    size_t maxLine;
} Config;

/* sock->arg of a connection. */
typedef struct Session {
    char  *rest;                               /* the beginning of a line */
    size_t restLen;
    bool   over;
} Session;

/* ---- lines ---- */

static void
Answer(Ns_Conn *conn, const char *line, size_t len)
{
    char         number[32];
    struct iovec iov[3] = {{.iov_base = number, .iov_len = (size_t)snprintf(number, sizeof(number), "%zu ", len)},
                           {.iov_base = (void *)(uintptr_t)line, .iov_len = len}, {.iov_base = (void *)(uintptr_t)"\n", .iov_len = 1}};

    (void)Ns_ConnWriteVData(conn, iov, 3, NS_CONN_STREAM);
}

/* All complete lines of `text`, which has the rest of before; the number of bytes that they had. */
static size_t
AnswerLines(Ns_Conn *conn, Session *session, const char *text, size_t len)
{
    size_t done = 0;

    while (!session->over) {
        const char *end = memchr(text + done, '\n', len - done);
        size_t      lineLen = end != NULL ? (size_t)(end - text) - done : 0u;

        if (end == NULL) {
            break;
        }
        if (lineLen == 3 && memcmp(text + done, "bye", 3) == 0) {
            session->over = true;
        } else {
            Answer(conn, text + done, lineLen);
        }
        done += lineLen + 1u;
    }
    return done;
}

/* requestProc of connections: `content` is what has come, cut anywhere. */
static Ns_ReturnCode
ServeLines(void *arg, Ns_Conn *conn)
{
    const Config *config = arg;
    Ns_Sock      *sock = Ns_ConnSockPtr(conn);
    Session      *session = sock->arg != NULL ? sock->arg : (sock->arg = ns_calloc(1u, sizeof(Session)));
    size_t        more = Ns_ConnContentLength(conn), len = session->restLen + more, done;
    char         *text = ns_malloc(len + 1u);

    if (session->restLen > 0u) {
        memcpy(text, session->rest, session->restLen);
    }
    memcpy(text + session->restLen, Ns_ConnContent(conn), more);
    done = AnswerLines(conn, session, text, len);
    ns_free(session->rest);
    memmove(text, text + done, len - done);
    session->rest = text;
    session->restLen = len - done;
    if (session->restLen > config->maxLine) {
        Ns_Log(Notice, "%s: a line of more than %zu bytes: the connection is closed", sock->driver->moduleName, config->maxLine);
        return NS_ERROR;
    }
    return NS_OK;
}

/* keepProc: more may come, unless the client has said that it is over. */
static bool
Keep(Ns_Sock *sock)
{
    const Session *session = sock->arg;

    return session != NULL && !session->over;
}

/* closeProc of connections: the last call for it. */
static void
Close(Ns_Sock *sock)
{
    Session *session = sock->arg;

    if (session != NULL) {
        ns_free(session->rest);
        ns_free(session);
    }
    ns_sockclose(sock->sock);
}

/* ---- datagrams ---- */

/* acceptProc: the socket of all of them; recvProc takes one. */
static NS_DRIVER_ACCEPT_STATUS
AcceptDatagram(Ns_Sock *sock, NS_SOCKET listensock, struct sockaddr *sockaddrPtr, socklen_t *socklenPtr)
{
    sock->sock = listensock;
    return NS_DRIVER_ACCEPT_DATA;
}

static ssize_t
ReceiveDatagram(Ns_Sock *sock, struct iovec *bufs, int nbufs, Ns_Time *timeoutPtr, unsigned int flags)
{
    socklen_t len = sizeof(sock->sa);

    return recvfrom(sock->sock, bufs->iov_base, bufs->iov_len, MSG_DONTWAIT, (struct sockaddr *)&sock->sa, &len);
}

static ssize_t
SendDatagram(Ns_Sock *sock, const struct iovec *bufs, int nbufs, unsigned int flags)
{
    struct msghdr msg = {.msg_name = &sock->sa, .msg_namelen = Ns_SockaddrGetSockLen((struct sockaddr *)&sock->sa),
                         .msg_iov = (struct iovec *)(uintptr_t)bufs, .msg_iovlen = (size_t)nbufs};

    return sendmsg(sock->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static Ns_ReturnCode
ServeDatagram(void *arg, Ns_Conn *conn)
{
    Answer(conn, Ns_ConnContent(conn), Ns_ConnContentLength(conn));
    return NS_OK;
}

/* closeProc: the socket is the listener's, and stays open. */
static void
EndDatagram(Ns_Sock *sock)
{
    sock->sock = NS_INVALID_SOCKET;
}

Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    const char       *section = Ns_ConfigSectionPath(NULL, server, module, (char *)NULL);
    Config           *config = ns_calloc(1u, sizeof(Config));
    Ns_DriverInitData init = {.version = NS_DRIVER_VERSION_4, .name = "nslines", .arg = config, .path = section};

    config->maxLine = (size_t)Ns_ConfigMemUnitRange(section, "maxline", "8KB", 8192, 1, 1024 * 1024 * 1024);
    init.protocol = "lines";
    init.defaultPort = 7007;
    if (Ns_ConfigBool(section, "datagrams", false)) {
        init.opts = NS_DRIVER_ASYNC | NS_DRIVER_NOPARSE | NS_DRIVER_UDP;
        init.acceptProc = AcceptDatagram;
        init.recvProc = ReceiveDatagram;
        init.sendProc = SendDatagram;
        init.requestProc = ServeDatagram;
        init.closeProc = EndDatagram;
    } else {
        init.opts = NS_DRIVER_ASYNC | NS_DRIVER_NOPARSE;       /* the server accepts, receives and sends: plain TCP */
        init.requestProc = ServeLines;
        init.keepProc = Keep;
        init.closeProc = Close;
    }
    return Ns_DriverInit(server, module, &init);
}
