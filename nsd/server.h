/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Virtual servers: one per entry of the section ns/servers (or of -s).  Made by the main thread before any other
 * starts, and never freed while threads run.  Each subsystem keeps its own part, opaque to the others.
 */
#ifndef NSD_SERVER_H
#define NSD_SERVER_H

#include "ns.h"

typedef struct Ns_Server NsServer;

struct Ns_Server {
    uint32_t    magic;
    const char *name;
    const char *section;                       /* "ns/server/NAME" */
    struct NsServerTcl   *tcl;                 /* interp.c: blueprint and its epoch */
    struct NsUrlSpaces   *urlspaces;           /* urlspace.c */
    struct NsOps         *ops;                 /* op.c */
    struct NsFilters     *filters;             /* filter.c */
    struct NsFastpath    *fastpath;            /* fastpath.c */
    struct NsPools       *pools;               /* queue.c */
    struct NsNsv         *nsv;                 /* cmd/nsv.c */
    struct NsChanTable   *chans;               /* connchan.c */
    struct NsWebSockets  *websockets;          /* websocket.c */
    struct {                                   /* server.c, read once */
        bool        checkModifiedSince, noticeDetail, stealthMode;
        int         compressLevel;             /* of the answers of scripts; 0: unless they ask for it */
        Tcl_WideInt compressMinSize;
        const char *realm;
        const char *urlCharset, *outputCharset;
        const Ns_Set *extraHeaders;            /* may be NULL */
        Tcl_WideInt errorMinSize;
    } opts;
};
#define NS_SERVER_MAGIC NS_MAGIC('S', 'e', 'r', 'v')

/* Main thread, at start: create from configuration and call every subsystem's NsXxxInitServer(server). */
NsServer *NsServerCreate(const char *name);
NsServer *NsServerGet(const char *name);                   /* any thread; NULL when there is none */
NsServer *NsServerDefault(void);                           /* the first, or that of -s */
/* Any thread: each in the order of the configuration, until proc returns false. */
void NsServerEach(bool (*proc)(NsServer *server, void *arg), void *arg);

/* What the subsystems offer to NsServerCreate; each fills its pointer. */
void NsTclInitServer(NsServer *server);
void NsUrlSpaceInitServer(NsServer *server);
void NsOpInitServer(NsServer *server);
void NsFilterInitServer(NsServer *server);
void NsFastpathInitServer(NsServer *server);
void NsQueueInitServer(NsServer *server);
void NsNsvInitServer(NsServer *server);
void NsChanInitServer(NsServer *server);
void NsWebSocketInitServer(NsServer *server);

#endif
