/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of sockets and addresses.
 */
#include "nscapi.h"

typedef struct NS_SOCKADDR_STORAGE Storage;
#define SA(storage) ((struct sockaddr *)&(storage))

static Ns_ReturnCode
Addresses(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Storage  a, b, mask, masked;
    unsigned bits = 0;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    Put(ds, "%d %d", ns_inet_pton(SA(a), "192.0.2.7"), ns_inet_pton(SA(b), "no address"));
    Put(ds, "%s %d", ns_inet_ntoa(SA(a)), (int)Ns_SockaddrGetSockLen(SA(a)) == (int)sizeof(struct sockaddr_in));
    Ns_SockaddrSetPort(SA(a), 81);
    Put(ds, "%d", Ns_SockaddrGetPort(SA(a)));
    (void)ns_inet_pton(SA(b), "::ffff:192.0.2.7");
    Put(ds, "%d %d", Ns_SockaddrSameIP(SA(a), SA(b)), (int)Ns_SockaddrGetSockLen(SA(b)) == (int)sizeof(struct sockaddr_in6));
    for (const char *const *network = (const char *const[]){"192.0.0.0/16", "192.0.2.0/29", "192.0.2.8/29", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32",
                                                            "192.0.2.0/33", "x/8", "::ffff:192.0.2.0/120", "::ffff:192.0.2.7",
                                                            "::ffff:192.0.2.0/95", NULL}; *network != NULL; network++) {
        Ns_ReturnCode status = Ns_SockaddrParseIPMask(interp, *network, SA(masked), SA(mask), &bits);

        if (status != NS_OK) {
            Put(ds, "%s", Tcl_GetStringResult(interp));
        } else {
            Put(ds, "%u %d %d", bits, Ns_SockaddrMaskedMatch(SA(a), SA(mask), SA(masked)), Ns_SockaddrMaskedMatch(SA(b), SA(mask), SA(masked)));
        }
    }
    Put(ds, "%d", Ns_SockaddrInAny(SA(a)));
    (void)Ns_SockaddrSetLoopback(SA(a));
    Put(ds, "%s", ns_inet_ntoa(SA(a)));
    (void)ns_inet_pton(SA(b), "::");
    Put(ds, "%d", Ns_SockaddrInAny(SA(b)));
    (void)Ns_SockaddrSetLoopback(SA(b));
    Put(ds, "%s %d", ns_inet_ntoa(SA(b)), Ns_SockaddrMaskBits(SA(b), 129));
    return NS_OK;
}

static unsigned short
PortOf(NS_SOCKET sock)
{
    Storage   sa;
    socklen_t len = sizeof(sa);

    return getsockname(sock, SA(sa), &len) == 0 ? Ns_SockaddrGetPort(SA(sa)) : 0;
}

static Ns_ReturnCode
Streams(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Time      limit = {10, 0}, little = {0, 1000};
    NS_SOCKET    listener = Ns_SockListen(NS_IP_LOOPBACK, 0), client, server;
    char         buffer[16] = "";
    struct iovec bufs[3];
    unsigned long error = 9;
    ssize_t      got;

    Ns_SockSetDeferAccept(listener, 0);
    client = Ns_SockTimedConnect(NS_IP_LOOPBACK, PortOf(listener), &limit);
    server = Ns_SockAccept(listener, NULL, NULL);
    Put(ds, "%d %d %d", listener >= 0, client >= 0, server >= 0);
    Ns_SockSetNodelay(client);
    Ns_SockSetKeepalive(client, 1);
    got = Ns_SockRecv(server, buffer, 1, &little);
    Put(ds, "%d %d", (int)got, errno == ETIMEDOUT);
    Put(ds, "%d", Ns_SockWait(server, NS_SOCK_READ, 0) == NS_TIMEOUT);
    Put(ds, "%d", (int)Ns_SockSend(client, "ab", 2, &limit));
    (void)Ns_SetVec(bufs, 0, "c", 1);
    (void)Ns_SetVec(bufs, 1, "de", 2);
    (void)Ns_SetVec(bufs, 2, "f", 1);
    Put(ds, "%d", (int)Ns_SumVec(bufs, 3));
    got = Ns_SockSendBufsEx(client, bufs, 3, 0u, &error);
    Put(ds, "%d %d", (int)got, (int)error);
    Put(ds, "%d", Ns_ResetVec(bufs, 3, 2));
    Put(ds, "%d %.1s", (int)bufs[1].iov_len, (char *)bufs[1].iov_base);
    Put(ds, "%d", Ns_ResetVec(bufs, 3, 2));
    Put(ds, "%d", Ns_SockWait(server, NS_SOCK_READ, 10) == NS_OK);
    for (got = 0; got < 6;) {
        ssize_t more = Ns_SockRecv(server, buffer + got, sizeof(buffer) - (size_t)got - 1u, &limit);

        if (more <= 0) {
            break;
        }
        got += more;
    }
    Put(ds, "%s", buffer);
    (void)ns_socknbclose(client);
    Put(ds, "%d", (int)Ns_SockRecv(server, buffer, 1, &limit));
    (void)ns_sockclose(server);
    (void)ns_sockclose(listener);
    return NS_OK;
}

static Ns_ReturnCode
Datagrams(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Time            limit = {10, 0};
    NS_SOCKET          udp = Ns_SockListenUdp(NS_IP_LOOPBACK, 0, NS_FALSE), file = Ns_SockListenUnix(argv[0], 0, 0666), again;
    NS_SOCKET          sender = socket(AF_INET, SOCK_DGRAM, 0), unixSender = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat        st;
    Storage            sa;
    char               buffer[8] = "";

    memset(&sa, 0, sizeof(sa));
    (void)ns_inet_pton(SA(sa), NS_IP_LOOPBACK);
    Ns_SockaddrSetPort(SA(sa), PortOf(udp));
    Put(ds, "%d", (int)sendto(sender, "u", 1, 0, SA(sa), Ns_SockaddrGetSockLen(SA(sa))));
    Put(ds, "%d", (int)Ns_SockRecv(udp, buffer, 8, &limit));
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", argv[0]);
    Put(ds, "%d", (int)sendto(unixSender, "xy", 2, 0, (struct sockaddr *)&un, sizeof(un)));
    Put(ds, "%d", (int)Ns_SockRecv(file, buffer, 8, &limit));
    Put(ds, "%d", stat(argv[0], &st) == 0 && (st.st_mode & 0777u) == 0666u);
    again = Ns_SockListenUnix(argv[0], 0, 0);
    Put(ds, "%d %d", again, errno == EADDRINUSE);
    (void)ns_sockclose(file);
    again = Ns_SockListenUnix(argv[0], 0, 0);                      /* its server is gone */
    Put(ds, "%d", again >= 0);
    (void)ns_sockclose(again);
    (void)unlink(argv[0]);
    again = Ns_SockListenUnix(argv[0], 5, 0);
    Put(ds, "%d", again >= 0);
    (void)ns_sockclose(again);
    (void)unlink(argv[0]);
    (void)ns_close(ns_open(argv[0], O_WRONLY | O_CREAT, 0600));        /* no socket: it is not removed */
    again = Ns_SockListenUnix(argv[0], 0, 0);
    Put(ds, "%d %d %d", again, errno == EADDRINUSE, stat(argv[0], &st));
    (void)ns_sockclose(udp);
    (void)ns_sockclose(sender);
    (void)ns_sockclose(unixSender);
    return NS_OK;
}

const Check sockChecks[] = {{"addresses", Addresses}, {"streams", Streams}, {"datagrams", Datagrams}, {NULL, NULL}};
