/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets that callback workers take care of, for modules (nssock.h).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "net/prebind.h"
#include "net/sock.h"
#include "sockcallback.h"

typedef struct Listening {
    Ns_SockProc *proc;
    void        *arg;
} Listening;

/* Cancelled, or over: nobody else knows of it. */
static bool
FreeListening(NS_SOCKET sock, void *arg, unsigned why)
{
    (void)why;
    (void)close(sock);
    ns_free(arg);
    return false;
}

static bool
Accept(NS_SOCKET sock, void *arg, unsigned why)
{
    Listening *listening = arg;
    NS_SOCKET  accepted;

    if (why != NS_SOCK_READ) {
        (void)listening->proc(NS_INVALID_SOCKET, listening->arg, NS_SOCK_EXIT);
        return false;
    }
    accepted = Ns_SockAccept(sock, NULL, NULL);
    if (accepted != NS_INVALID_SOCKET) {
        (void)Ns_SockSetNonBlocking(accepted);
        (void)listening->proc(accepted, listening->arg, NS_SOCK_READ);
    } else if (NsSockOutOfDescriptors(errno)) {
        NsSockRefuse(sock, "Ns_SockListenCallback");
    } else if (errno != EAGAIN) {
        Ns_Log(Error, "Ns_SockListenCallback: accept failed: %s", strerror(errno));
    }
    return true;
}

NS_SOCKET
Ns_SockListenCallback(const char *addr, unsigned short port, Ns_SockProc *proc, bool bind, void *arg)
{
    Listening *listening;
    NS_SOCKET  sock = NS_INVALID_SOCKET;

    errno = EADDRNOTAVAIL;
    if (bind || Ns_SockPortBound(port)) {
        sock = Ns_SockListenEx(addr, port, 0, false);
    }
    if (sock != NS_INVALID_SOCKET) {
        listening = ns_calloc(1, sizeof(*listening));
        listening->proc = proc;
        listening->arg = arg;
        (void)Ns_SockSetNonBlocking(sock);
        if (NsSockCallback(sock, Accept, listening, NS_SOCK_READ | NS_SOCK_EXIT, NULL, FreeListening, NULL) != NS_OK) {
            (void)FreeListening(sock, listening, 0u);
            errno = ESHUTDOWN;
            sock = NS_INVALID_SOCKET;
        }
    }
    return sock;
}

/* The peer has closed, or sends what nobody reads any more; or the server stops. */
static bool
CloseIt(NS_SOCKET sock, void *arg, unsigned why)
{
    (void)arg;
    (void)why;
    return sock == NS_INVALID_SOCKET;
}

static bool
Closed(NS_SOCKET sock, void *arg, unsigned why)
{
    (void)arg;
    (void)why;
    (void)close(sock);
    return false;
}

Ns_ReturnCode
Ns_SockCloseLater(NS_SOCKET sock)
{
    Ns_Time longest = {2, 0};

    (void)Ns_SockSetNonBlocking(sock);
    (void)shutdown(sock, SHUT_WR);
    return NsSockCallback(sock, CloseIt, NULL, NS_SOCK_READ | NS_SOCK_EXIT, &longest, Closed, NULL);
}
