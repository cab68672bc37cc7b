/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ADP pages in an interpreter: what is being run, its frames, its output.  The thread of the interpreter; what belongs to
 * the server says so.
 *
 * A page is looked up in the interpreter's own table (one stat of its file), then in the server's cache, then read and parsed.
 * Each of its scripts is an object of the interpreter, compiled to byte code once.
 */
#ifndef NSD_PAGE_ADP_H
#define NSD_PAGE_ADP_H

#include "base/lru.h"
#include "interp/interp.h"
#include "page/cache.h"
#include "page/tags.h"
#include "request/conn.h"
#include "request/connzip.h"

/* Options: `ns_adp_ctl`, the section ns/server/S/adp, `ns_register_adp -options`. */
#define NS_ADP_AUTOABORT    0x0001u
#define NS_ADP_CACHE        0x0002u
#define NS_ADP_DETAILERROR  0x0004u
#define NS_ADP_DISPLAYERROR 0x0008u
#define NS_ADP_EXPIRE       0x0010u
#define NS_ADP_SAFE         0x0020u
#define NS_ADP_SINGLE       0x0040u
#define NS_ADP_STREAM       0x0080u
#define NS_ADP_STRICTERROR  0x0100u
#define NS_ADP_TRACE        0x0200u
#define NS_ADP_TRIMSPACE    0x0400u
#define NS_ADP_TCL          0x1000u            /* of one page: it is a Tcl script */
#define NS_ADP_LASTING      0x0fffu            /* not of one page only */

#define NS_ADP_MAX_DEPTH    64                 /* pages within pages */

/* A server's part; not changed after the start, but for what has locks of its own. */
typedef struct NsAdpServer {
    NsServer     *server;
    unsigned      flags;
    size_t        bufSize, cacheSize;
    int           traceSize;
    bool          enableDebug;
    char         *errorPage, *startPage, *folderPage, *debugInit, *defaultExtension;      /* NULL: none */
    NsAdpTagSets *tags;
    NsAdpCache   *cache;
} NsAdpServer;

/* A page that runs: a file's, or a string's. */
typedef struct NsAdpFrame {
    struct NsAdpFrame *prev;
    const char        *file;                   /* NULL: a string */
    const char        *dir;                    /* of the page: relative names are below it; "": none */
    Tcl_DString       *output;
    int                objc;                   /* its arguments */
    Tcl_Obj *const    *objv;
    off_t              size;                   /* of the file */
    time_t             mtime;
    int                line;                   /* of the block that runs */
} NsAdpFrame;

/* What `ns_adp_include -cache` keeps: the output of the page, and the includes in it that are not to be kept. */
typedef struct NsAdpRecording {
    struct NsAdpRecording *outer;
    NsAdpCode              code;
    Tcl_DString            output;
} NsAdpRecording;

typedef enum { NS_ADP_OK, NS_ADP_BREAK, NS_ADP_ABORT, NS_ADP_RETURN, NS_ADP_TIMEOUT } NsAdpException;

/* What belongs to one answer: one within another (an internal redirect) has its own. */
typedef struct NsAdpContext {
    NsAdpFrame    *frame;
    int            depth;
    NsAdpException exception;
    unsigned       flags;
    size_t         bufSize;
    Tcl_DString    output;
    Tcl_Channel    chan;                       /* ns_adp_ctl channel; NULL: the request */
    bool           begun;                      /* something of it was sent */
    bool           compress;                   /* ns_adp_compress: parts are compressed, too */
    NsConnZip     *zip;                        /* then; NULL: they are not */
    bool           answering;                  /* a request with a page: it looks at the exception at the end */
    bool           inErrorPage;
    NsAdpRecording *recording;                 /* NULL: none */
    Tcl_Obj       *fault;                      /* the message that was logged last: it is not logged again on its way up */
} NsAdpContext;

typedef struct NsAdp {
    NsInterp     *data;
    Tcl_Interp   *interp;
    NsAdpServer  *server;
    NsAdpContext  ctx;
    Tcl_HashTable pages;                       /* prepared pages, by key; see prepared.c */
    NsLru         lru;                         /* of them */
    size_t        bytes;                       /* of the prepared pages */
    Tcl_Obj      *applyWords[2];               /* what gives an included page its variables; NULL: not yet made */
    int           debugLevel;                  /* ns_adp_debug */
    bool          willReset;                   /* at the next cleanup of the interpreter */
} NsAdp;

/* Never NULL in an interpreter of a server: made at the first call. */
NsAdp       *NsAdpOf(NsInterp *data);
/* A context of its own for an answer; the one before is to be put back by End. */
void         NsAdpContextBegin(NsAdp *adp, NsAdpContext *before);
void         NsAdpContextEnd(NsAdp *adp, const NsAdpContext *before);
/* Outside of an answer: what is changed in the context is undone at the next cleanup of the interpreter. */
void         NsAdpContextTouch(NsAdp *adp);
NsAdpServer *NsAdpServerOf(const NsServer *server);
extern NsServerPart nsAdpPart;
extern NsServerPart nsAdpPagesPart;             /* request.c: what the configuration maps to pages */

/* Output goes to a channel, which is held open meanwhile, or to the request (NULL). */
void         NsAdpSetChannel(NsAdp *adp, Tcl_Channel chan);
/*
 * Start the debugger, once in an interpreter: by the proc of the parameter `debuginit`, called with names of procs, host
 * and port (NULL: "").  TCL_ERROR: it says why.
 */
int          NsAdpDebug(NsAdp *adp, const char *host, const char *port, const char *procs);

/* Set an exception and the result; the TCL_ERROR that unwinds. */
int          NsAdpRaise(NsAdp *adp, NsAdpException exception, Tcl_Obj *result);

/* ---- output.c */

/* The output of the page that runs, or of the request.  NULL with an error: there is neither a request nor a channel. */
Tcl_DString *NsAdpOutput(NsAdp *adp);
/* TCL_ERROR: no output (see above), or what was written could not be sent (then an exception, with autoabort). */
int          NsAdpAppend(NsAdp *adp, const char *text, size_t len);
/*
 * Send what is in the buffer: with `more` as a part of the answer, else it is all or the rest.  Within ns_adp_parse nothing is
 * done.  TCL_ERROR: as above.
 */
int          NsAdpFlush(NsAdp *adp, bool more);
/* Text of a buffer that may be cut there: at the start of a character. */
size_t       NsAdpCutPoint(const char *text, size_t len, size_t at);

/* ---- run.c */

#define NS_ADP_RUN_STRING 0x1u                 /* the page is a string, else the name of a file */
#define NS_ADP_RUN_NOCACHE 0x2u                /* is not kept with the page that includes it */
/*
 * Run a page in the frame of the variables of now.  Its output goes to that of the page around it, or is the interpreter's result
 * (`result`).  `dir` NULL: that of the page around it.  `keep` NULL: the result is not kept for later, else for so long.  The names
 * are as they were given, and the arguments as the page sees them.
 */
typedef struct NsAdpRun {
    unsigned       what, flags;                /* NS_ADP_RUN_*, NS_ADP_TCL, NS_ADP_SAFE */
    Tcl_Obj       *page;
    const char    *tagset, *dir;
    const Ns_Time *keep;
    int            objc;
    Tcl_Obj *const*objv;
} NsAdpRun;
int  NsAdpInclude(NsAdp *adp, const NsAdpRun *run);
int  NsAdpParseResult(NsAdp *adp, const NsAdpRun *run);
/* Names that are relative are below the running page, or the server's pages. */
const char *NsAdpPath(const NsAdp *adp, const char *name, Tcl_DString *ds);

/* ---- prepared.c: pages as objects of an interpreter */

typedef struct NsAdpPrepared {
    NsLruLink      use;                        /* first */
    Tcl_HashEntry *hash;
    int            refs;
    NsAdpPage     *page;
    size_t         bytes;
    Tcl_Obj       *scripts[];                  /* in the order of the blocks; NULL: not yet run */
} NsAdpPrepared;

/* The page of a file, retained; NULL with an error.  *st is the file's. */
NsAdpPrepared *NsAdpPrepareFile(NsAdp *adp, const char *path, unsigned flags, const char *tagset, struct stat *st);
/* The page of a string, kept in the object. */
NsAdpPrepared *NsAdpPrepareString(NsAdp *adp, Tcl_Obj *text, unsigned flags, const char *tagset);
NsAdpPrepared *NsAdpPreparePage(NsAdpPage *page);          /* takes the reference over */
void           NsAdpPreparedRelease(NsAdpPrepared *prepared);
void           NsAdpPreparedClear(NsAdp *adp);

/* ---- fault.c */

/* The script of the running block has failed: log it.  A new object with what was logged; NULL: this error was before. */
Tcl_Obj *NsAdpFault(NsAdp *adp, const NsAdpPrepared *prepared, const NsAdpBlock *block);
/* Put that into the page. */
void     NsAdpShow(NsAdp *adp, const char *info);

/* ---- request.c */

/*
 * The connection thread: answer with the page of a file.  `flags` are added to the server's.  NS_ERROR was answered.
 */
Ns_ReturnCode NsAdpAnswer(NsConn *conn, const char *file, unsigned flags, const Ns_Time *expires);
/* Registered procs: their argument is an NsAdpTarget. */
typedef struct NsAdpTarget {
    unsigned flags;
    bool     expires;
    Ns_Time  expiresIn;
    char     file[];                           /* "": the URL's */
} NsAdpTarget;
NsAdpTarget  *NsAdpTargetNew(const char *file, unsigned flags, const Ns_Time *expires);    /* file may be NULL; ns_free it */
Ns_ReturnCode NsAdpPageProc(const void *arg, Ns_Conn *conn);
Ns_ReturnCode NsTclPageProc(const void *arg, Ns_Conn *conn);

#endif
