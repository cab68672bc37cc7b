/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Drivers of modules by callbacks, as modules for NaviServer have them: connections or datagrams that the module accepts, receives and
 * sends by itself, behind the server's driver threads, limits and request queue.  Ns_ModuleDriver(3).  Included by ns.h.
 *
 * A driver that needs a transport alone is made by Ns_TransportDriverInit.
 */
#ifndef NSDRIVER_H
#define NSDRIVER_H

#include "nssock.h"
#include "nsconn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a driver was configured to do.  The server's, made by Ns_DriverInit and never freed; modules read it. */
typedef struct Ns_Driver {
    void           *arg;                       /* of the init data */
    const char     *server;                    /* that has loaded the module; NULL: it is for all */
    const char     *type;                      /* name of the init data */
    const char     *moduleName;                /* it was loaded under */
    const char     *threadName;                /* "-driver:MODULE" */
    const char     *location;                  /* as configured; NULL: not */
    const char     *address;                   /* the first one; NULL: any */
    const char     *protocol;
    const char     *path;                      /* section of its parameters */
    const char     *libraryVersion;            /* NULL: not told */
    unsigned int    opts;                      /* NS_DRIVER_* */
    unsigned short  port;                      /* the first one */
    Ns_Time         sendwait, recvwait, keepwait;
    size_t          bufsize, maxinput;
    const struct Ns_Set *extraHeaders;         /* NULL: none */
} Ns_Driver;

/* A connection, or a datagram, of such a driver.  It stays at its address until closeProc was called, also when a channel has it. */
typedef struct Ns_Sock {
    NS_SOCKET                  sock;           /* set by acceptProc */
    Ns_Driver                 *driver;
    struct NS_SOCKADDR_STORAGE sa;             /* the peer; of a datagram: recvProc sets it */
    void                      *arg;            /* the module's */
} Ns_Sock;

#define NS_DRIVER_ASYNC            0x01u       /* read as bytes come: all drivers are */
#define NS_DRIVER_SSL              0x02u       /* it encrypts: https, and recvProc may have bytes that the socket does not show */
#define NS_DRIVER_NOPARSE          0x04u       /* no HTTP: what recvProc gives goes to requestProc */
#define NS_DRIVER_UDP              0x08u       /* datagrams */
#define NS_DRIVER_CAN_USE_SENDFILE 0x10u       /* bytes of files may go to the socket as they are */
#define NS_DRIVER_SNI              0x20u       /* it chooses certificates by name itself: for who asks */

#define NS_DRIVER_VERSION_1        1           /* the members up to `path` */
#define NS_DRIVER_VERSION_2        2
#define NS_DRIVER_VERSION_3        3           /* and clientInitProc */
#define NS_DRIVER_VERSION_4        4           /* and protocol, defaultPort */
#define NS_DRIVER_VERSION_5        5           /* and libraryVersion, connInfoProc */
#define NS_DRIVER_VERSION_6        6

typedef enum {
    NS_DRIVER_ACCEPT,                          /* read when bytes come */
    NS_DRIVER_ACCEPT_DATA,                     /* there are bytes */
    NS_DRIVER_ACCEPT_QUEUE,                    /* to requestProc, without reading; not of datagrams */
    NS_DRIVER_ACCEPT_ERROR                     /* there is no connection: errno */
} NS_DRIVER_ACCEPT_STATUS;

/* Of Ns_SockSetReceiveState, beside the events that ns.h has as NS_SOCK_READ and so on. */
typedef unsigned int Ns_SockState;
#define NS_SOCK_NONE  0u
#define NS_SOCK_DONE  0x100u                   /* the end */
#define NS_SOCK_AGAIN 0x200u                   /* nothing now */

/* Of Ns_SockFlagAdd: recvProc has nothing before the socket can be written to (TLS). */
#define NS_CONN_SSL_WANT_WRITE 0x01u

/* A part of memory (fd NS_INVALID_FD) or of a file. */
typedef struct Ns_FileVec {
    int     fd;
    void   *buffer;
    off_t   offset;
    size_t  length;
} Ns_FileVec;

/* The main thread: a socket to listen on, NS_INVALID_SOCKET and errno. */
typedef NS_SOCKET (Ns_DriverListenProc)(Ns_Driver *driver, const char *address, unsigned short port, int backlog, bool reuseport);
/* A driver thread; none of these may wait.  accept: sets sock->sock, and *sockaddrPtr, *socklenPtr if it knows the peer. */
typedef NS_DRIVER_ACCEPT_STATUS (Ns_DriverAcceptProc)(Ns_Sock *sock, NS_SOCKET listensock, struct sockaddr *sockaddrPtr, socklen_t *socklenPtr);
/* Bytes; 0: the end, or nothing now by NS_SOCK_AGAIN; -1: errno, EAGAIN being nothing now.  *timeoutPtr is 0. */
typedef ssize_t (Ns_DriverRecvProc)(Ns_Sock *sock, struct iovec *bufs, int nbufs, Ns_Time *timeoutPtr, unsigned int flags);
/* Bytes taken, 0: none now; -1: errno, EAGAIN being none now.  A driver thread or the thread that serves the connection. */
typedef ssize_t (Ns_DriverSendProc)(Ns_Sock *sock, const struct iovec *bufs, int nbufs, unsigned int flags);
typedef ssize_t (Ns_DriverSendFileProc)(Ns_Sock *sock, Ns_FileVec *bufs, int nbufs, unsigned int flags);
/* A connection thread, also while a driver thread sends: is the connection to be kept for more? */
typedef bool (Ns_DriverKeepProc)(Ns_Sock *sock);
/* A connection thread.  Not NS_OK: the connection is closed. */
typedef Ns_ReturnCode (Ns_DriverRequestProc)(void *arg, Ns_Conn *conn);
/* The last call for a Sock: closes sock->sock and frees sock->arg.  A driver thread, or the worker of a channel. */
typedef void (Ns_DriverCloseProc)(Ns_Sock *sock);
/* TLS for connections to others: nsd has its own, and never calls it. */
typedef struct Ns_DriverClientInitArg {
    void       *ctx;
    const char *sniHostname, *caFile, *caPath;
} Ns_DriverClientInitArg;
typedef Ns_ReturnCode (Ns_DriverClientInitProc)(Tcl_Interp *interp, Ns_Sock *sock, void *arg);
/* What `ns_conn details` shows: a dict.  The connection thread, also while a driver thread sends. */
typedef Tcl_Obj *(Ns_DriverConnInfoProc)(Ns_Sock *sock);

typedef struct Ns_DriverInitData {
    int                      version;          /* NS_DRIVER_VERSION_* */
    const char              *name;             /* as in `ns_driver info` */
    Ns_DriverListenProc     *listenProc;       /* NULL: Ns_SockListenEx, or Ns_SockListenUdp */
    Ns_DriverAcceptProc     *acceptProc;       /* NULL: accept(2); of datagrams: the socket itself */
    Ns_DriverRecvProc       *recvProc;
    Ns_DriverSendProc       *sendProc;
    Ns_DriverSendFileProc   *sendFileProc;     /* NULL: by sendProc, or sendfile(2) by NS_DRIVER_CAN_USE_SENDFILE */
    Ns_DriverKeepProc       *keepProc;         /* NULL: not kept if NS_DRIVER_NOPARSE, else as HTTP has it */
    Ns_DriverRequestProc    *requestProc;      /* NULL: as all requests are served */
    Ns_DriverCloseProc      *closeProc;        /* NULL: the socket is closed */
    unsigned int             opts;             /* NS_DRIVER_* */
    void                    *arg;              /* of requestProc, and driver->arg */
    const char              *path;             /* section of its parameters; NULL: the module's */
    Ns_DriverClientInitProc *clientInitProc;
    const char              *protocol;         /* NULL: http, https */
    unsigned short           defaultPort;
    const char              *libraryVersion;
    Ns_DriverConnInfoProc   *connInfoProc;
} Ns_DriverInitData;

/* From Ns_ModuleInit.  The data are copied.  NS_ERROR, logged; what is wrong with addresses and ports ends the process. */
NS_EXTERN Ns_ReturnCode Ns_DriverInit(const char *server, const char *module, const Ns_DriverInitData *init);

/* In recvProc, or who owns the Sock: what it has come to. */
NS_EXTERN void          Ns_SockSetReceiveState(Ns_Sock *sock, Ns_SockState sockState, unsigned long recvErrno);
NS_EXTERN void          Ns_SockSetSendErrno(Ns_Sock *sock, unsigned long sendErrno);
NS_EXTERN unsigned long Ns_SockGetSendErrno(Ns_Sock *sock);
NS_EXTERN bool          Ns_SockInErrorState(const Ns_Sock *sock);  /* an error was told by one of those */
NS_EXTERN unsigned int  Ns_SockFlagAdd(Ns_Sock *sock, unsigned int flag);          /* the flags now */
NS_EXTERN unsigned int  Ns_SockFlagClear(Ns_Sock *sock, unsigned int flag);
/* For a recvProc of plain sockets: what there is, waiting at most *timeoutPtr (NULL: not at all); the state is told to the Sock. */
NS_EXTERN ssize_t       Ns_SockRecvBufs(Ns_Sock *sock, struct iovec *bufs, int nbufs, const Ns_Time *timeoutPtr, unsigned int flags);
/* The same of a descriptor, without waiting.  *errnoPtr may be NULL. */
NS_EXTERN ssize_t       Ns_SockRecvBufs2(NS_SOCKET sock, struct iovec *bufs, int nbufs, unsigned int flags,
                                         Ns_SockState *sockStatePtr, unsigned long *errnoPtr);

/* Set a part, giving its length: of a file, or of memory (fd NS_INVALID_FD, `data`).  What is left after `sent` bytes: the first part that has some. */
NS_EXTERN size_t        Ns_SetFileVec(Ns_FileVec *bufs, int i, int fd, const void *data, off_t offset, size_t length);
NS_EXTERN int           Ns_ResetFileVec(Ns_FileVec *bufs, int nbufs, size_t sent);
/* For a sendFileProc of plain sockets: what the socket takes now of these parts, 0: nothing.  -1: errno (EIO: the file has become shorter). */
NS_EXTERN ssize_t       Ns_SockSendFileBufs(Ns_Sock *sock, const Ns_FileVec *bufs, int nbufs, unsigned int flags);
/* Hold what is sent back until records are full (TCP_CORK), or no more.  False: such a socket has none. */
NS_EXTERN bool          Ns_SockCork(Ns_Sock *sock, bool cork);

/* The connection thread.  Ns_ConnSockPtr is never NULL as long as the request has its connection. */
NS_EXTERN Ns_Sock      *Ns_ConnSockPtr(const Ns_Conn *conn);
NS_EXTERN NS_SOCKET     Ns_ConnSock(const Ns_Conn *conn);          /* NS_INVALID_SOCKET: detached, or closed */
NS_EXTERN Tcl_DString  *Ns_ConnSockContent(const Ns_Conn *conn);   /* the bytes that came: the request's body in memory */

#ifdef __cplusplus
}
#endif
#endif
