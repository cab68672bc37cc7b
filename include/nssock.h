/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Sockets and addresses, beyond the block "Sockets" of ns.h.  Included by ns.h.
 *
 * Any thread may call these functions; a socket has one user at a time.  -1 is a failure, and errno says which.
 */
#ifndef NSSOCK_H
#define NSSOCK_H

#include "nsbase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------- sockets (net/sockapi.c) */

NS_EXTERN NS_SOCKET Ns_SockListen(const char *address, unsigned short port);
/* Bound, blocking, close-on-exec.  A port of 0: one that is free. */
NS_EXTERN NS_SOCKET Ns_SockListenUdp(const char *address, unsigned short port, bool reuseport);
NS_EXTERN NS_SOCKET Ns_SockBindUdp(const struct sockaddr *sa, bool reusePort);
NS_EXTERN NS_SOCKET Ns_SockBind(const struct sockaddr *sa, bool reusePort);                        /* TCP, not listening yet */
/* A file in the place of one that nobody listens at; mode 0: as it is made.  backlog 0: a datagram socket. */
NS_EXTERN NS_SOCKET Ns_SockListenUnix(const char *path, int backlog, unsigned short mode);
NS_EXTERN NS_SOCKET Ns_SockTimedConnect(const char *host, unsigned short port, const Ns_Time *timeout);
/*
 * Some bytes, at least one, of a socket that blocks or does not, within the interval (NULL: no limit).  Recv 0: the end.  -1 and
 * errno ETIMEDOUT: it took longer.
 */
NS_EXTERN ssize_t Ns_SockRecv(NS_SOCKET sock, void *buffer, size_t length, const Ns_Time *timeout);
NS_EXTERN ssize_t Ns_SockSend(NS_SOCKET sock, const void *buffer, size_t length, const Ns_Time *timeout);
/* What the socket takes now of several pieces; EAGAIN: nothing.  No SIGPIPE.  *errorCode (may be NULL): errno, 0: none. */
NS_EXTERN ssize_t Ns_SockSendBufs2(NS_SOCKET sock, const struct iovec *bufs, int nbufs, unsigned int flags);
NS_EXTERN ssize_t Ns_SockSendBufsEx(NS_SOCKET sock, const struct iovec *bufs, int nbufs, unsigned int flags,
                                    unsigned long *errorCode);
/* `timeout` seconds; NS_TIMEOUT, NS_ERROR. */
NS_EXTERN Ns_ReturnCode Ns_SockWait(NS_SOCKET sock, unsigned int what, int timeout);
NS_EXTERN void Ns_SockSetNodelay(NS_SOCKET sock);
NS_EXTERN void Ns_SockSetKeepalive(NS_SOCKET sock, int optval);
NS_EXTERN void Ns_SockSetDeferAccept(NS_SOCKET sock, long secs);   /* of a listener: 0 ends it */
NS_EXTERN NS_SOCKET ns_sockdup(NS_SOCKET sock);                    /* close-on-exec */
NS_EXTERN int ns_socknbclose(NS_SOCKET sock);                      /* without waiting */

/* As those without 2 (Ns_SockAsyncConnect: not blocking, on its way), from this own end; NULL, 0: any. */
NS_EXTERN NS_SOCKET Ns_SockConnect2(const char *host, unsigned short port, const char *lhost, unsigned short lport);
NS_EXTERN NS_SOCKET Ns_SockAsyncConnect2(const char *host, unsigned short port, const char *lhost, unsigned short lport);
/* To the file of a socket of that type (SOCK_STREAM, SOCK_DGRAM); *statusPtr, which may be NULL: NS_OK or NS_ERROR. */
NS_EXTERN NS_SOCKET Ns_SockConnectUnix(const char *path, int socktype, Ns_ReturnCode *statusPtr);
NS_EXTERN NS_SOCKET Ns_BindSock(const struct sockaddr *saPtr);     /* Ns_SockBind without sharing */
NS_EXTERN NS_SOCKET Ns_SockBindUnix(const char *path, int socktype, unsigned short mode);  /* as Ns_SockListenUnix, not listening yet */
NS_EXTERN NS_SOCKET Ns_SockBindRaw(int proto);                     /* of IPv4: who may (EPERM) */
NS_EXTERN NS_SOCKET Ns_SockListenRaw(int proto);                   /* the same */
NS_EXTERN bool Ns_SockPortBound(unsigned short port);              /* bound at the start (nsd -b, systemd), and not taken yet */
/*
 * Listen, and call `proc` with each connection, which is its own then and does not block, on a callback worker; what it returns does not
 * matter.  When the server stops it is called once more, with NS_INVALID_SOCKET and NS_SOCK_EXIT.  The listening socket, which is the server's:
 * Ns_SockCancelCallback ends it.  bind: at the start's sockets (nsd -b), or anew; else only at those.  NS_INVALID_SOCKET and errno.
 */
typedef bool (Ns_SockProc)(NS_SOCKET sock, void *arg, unsigned why);
NS_EXTERN NS_SOCKET Ns_SockListenCallback(const char *addr, unsigned short port, Ns_SockProc *proc, bool bind, void *arg);
/*
 * The peer is told the end, and a callback worker closes the socket when the peer has closed its side or sends what nobody reads, after two
 * seconds at most.  NS_ERROR: it stays open, and the caller's.
 */
NS_EXTERN Ns_ReturnCode Ns_SockCloseLater(NS_SOCKET sock);

/* Errors.  They are errno, of the calling thread. */
NS_EXTERN ns_sockerrno_t Ns_GetSockErrno(void);
NS_EXTERN void           Ns_SetSockErrno(ns_sockerrno_t err);
NS_EXTERN void           Ns_ClearSockErrno(void);
NS_EXTERN const char    *Ns_SockStrError(ns_sockerrno_t err);
/* What has gone wrong with a socket (SO_ERROR, which is taken); 0: nothing.  errno and errorCode of `interp` (may be NULL) are set then. */
NS_EXTERN int            Ns_SockErrorCode(Tcl_Interp *interp, NS_SOCKET sock);
/* Message and errorCode of a connect that failed with `status` and errno; `timeoutPtr` may be NULL. */
NS_EXTERN void           Ns_SockConnectError(Tcl_Interp *interp, const char *host, unsigned short portNr, Ns_ReturnCode status,
                                             const Ns_Time *timeoutPtr);
/* An errno, or an error of OpenSSL, in words, in the buffer. */
NS_EXTERN const char    *NsSockErrorCodeString(unsigned long errorCode, char *buffer, size_t bufferSize);

/* Pieces of memory: set one, giving its length; the sum; what is left after `sent` bytes, giving the number of those that are empty then. */
NS_EXTERN size_t Ns_SetVec(struct iovec *bufs, int i, const void *data, size_t len);
NS_EXTERN size_t Ns_SumVec(const struct iovec *bufs, int nbufs);
NS_EXTERN int    Ns_ResetVec(struct iovec *bufs, int nbufs, size_t sent);

/* ------------------------------------------------------------------------------------------ addresses (net/sockaddr.c) */

/* IPv4 and IPv6; an IPv4 address within IPv6 (::ffff:1.2.3.4) is the same as the one alone, where two are compared. */
NS_EXTERN int       ns_inet_pton(struct sockaddr *sa, const char *addr);       /* 1: set, with its family; 0: it is no address */
NS_EXTERN char     *ns_inet_ntoa(struct sockaddr *sa);                         /* in storage of the thread, until its next call */
NS_EXTERN socklen_t Ns_SockaddrGetSockLen(const struct sockaddr *sa);
NS_EXTERN unsigned short Ns_SockaddrGetPort(const struct sockaddr *sa);
NS_EXTERN void      Ns_SockaddrSetPort(struct sockaddr *sa, unsigned short port);
NS_EXTERN bool      Ns_SockaddrSetLoopback(struct sockaddr *sa);               /* of its family; false: it has none */
NS_EXTERN bool      Ns_SockaddrInAny(const struct sockaddr *sa);
NS_EXTERN bool      Ns_SockaddrSameIP(const struct sockaddr *addr1, const struct sockaddr *addr2);
/* The address with the bits of the mask alone; false: they are of two families. */
NS_EXTERN bool      Ns_SockaddrMask(const struct sockaddr *addr, const struct sockaddr *mask, struct sockaddr *masked);
NS_EXTERN bool      Ns_SockaddrMaskedMatch(const struct sockaddr *addr, const struct sockaddr *mask, const struct sockaddr *masked);
NS_EXTERN bool      Ns_SockaddrMaskBits(struct sockaddr *mask, unsigned int nrBits);       /* false: too many for its family */
/* "10.0.0.0/8", "fe80::/10", or an address: with its mask.  NS_ERROR, with a message in `interp` (may be NULL).  nrBits may be NULL. */
NS_EXTERN Ns_ReturnCode Ns_SockaddrParseIPMask(Tcl_Interp *interp, const char *ipString, struct sockaddr *ip,
                                               struct sockaddr *mask, unsigned int *nrBits);
NS_EXTERN bool      Ns_SockaddrPublicIpAddress(const struct sockaddr *saPtr);          /* no loopback, link-local, private, unspecified one */
NS_EXTERN bool      Ns_SockaddrTrustedReverseProxy(const struct sockaddr *saPtr);      /* as section ns/parameters/reverseproxymode has it */
/* What `ns_ip properties` gives: public, trusted, inany, type; 0 (TCL_OK), or TCL_ERROR: it is no IP address, nothing was set. */
NS_EXTERN int       Ns_SockaddrAddToDictIpProperties(const struct sockaddr *ipPtr, Tcl_Obj *dictObj);

#ifdef __cplusplus
}
#endif
#endif /* NSSOCK_H */
