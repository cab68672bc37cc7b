/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Virtual servers: one per entry of the section ns/servers (or of -s).  Made by the main thread before any other
 * starts, and never freed while threads run.  Each subsystem has a part of its own in every server, which no other can see.
 */
#ifndef NSD_SERVER_H
#define NSD_SERVER_H

#include "ns.h"

typedef struct Ns_Server NsServer;

/*
 * A subsystem's part of every server: it defines one of these, main lists it, and its init proc fills the slot.
 */
typedef struct NsServerPart {
    void   (*init)(NsServer *server);          /* main thread, at start; those listed before have done theirs */
    unsigned slot;                             /* given by NsServersCreate */
} NsServerPart;
#define NS_SERVER_PARTS 20

struct Ns_Server {
    uint32_t    magic;
    const char *name;
    const char *section;                       /* "ns/server/NAME" */
    void       *parts[NS_SERVER_PARTS];        /* of the subsystems, by their slots */
    struct {                                   /* server.c, read once */
        bool        checkModifiedSince, noticeDetail, stealthMode;
        int         compressLevel;             /* of the answers of scripts; 0: unless they ask for it */
        Tcl_WideInt compressMinSize;
        const char *realm;
        const char *urlCharset, *outputCharset;
        const Ns_Set *extraHeaders;            /* may be NULL */
        Tcl_WideInt errorMinSize;
        int         maxFormFields, maxFormFiles;
    } opts;
};
#define NS_SERVER_MAGIC NS_MAGIC('S', 'e', 'r', 'v')

NsServer *NsServerGet(const char *name);                   /* any thread; NULL when there is none */
NsServer *NsServerDefault(void);                           /* the first, or that of -s */
/* Any thread: each in the order of the configuration, until proc returns false. */
void NsServerEach(bool (*proc)(NsServer *server, void *arg), void *arg);

/*
 * The server that is being made by this thread: its modules and its library are loaded.  NULL: none.  The main thread sets it, at start.
 */
NsServer *NsServerInMaking(void);
void      NsServerSetInMaking(NsServer *server);

/* Any thread, after the part's init proc. */
static inline void *
NsServerPartData(const NsServer *server, const NsServerPart *part)
{
    return server->parts[part->slot];
}
static inline void
NsServerSetPart(NsServer *server, const NsServerPart *part, void *data)
{
    server->parts[part->slot] = data;
}

#endif
