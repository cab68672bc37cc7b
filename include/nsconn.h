/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request being served, beyond the block "a request" of ns.h, which includes this.
 *
 * The connection thread that serves the request calls these functions, and no other, but for Ns_GetConn, which any thread may call.
 * What they give is the request's.
 */
#ifndef NSCONN_H
#define NSCONN_H

#include "nsbase.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Ns_Conn   Ns_Conn;
typedef struct Ns_Server Ns_Server;

/* ------------------------------------------------------------------------------------ the request (request/connapi.c) */

NS_EXTERN Ns_Conn    *Ns_GetConn(void);                            /* that this thread serves, or NULL */
NS_EXTERN Tcl_Interp *Ns_GetConnInterp(Ns_Conn *conn);             /* the request's, until its end */
NS_EXTERN void        Ns_FreeConnInterp(Ns_Conn *conn);            /* nothing: it is given back at the request's end */
NS_EXTERN Ns_Server  *Ns_ConnServPtr(const Ns_Conn *conn);
NS_EXTERN Ns_Set     *Ns_ConnHeaders(const Ns_Conn *conn);
NS_EXTERN Ns_Set     *Ns_ConnOutputHeaders(const Ns_Conn *conn);
NS_EXTERN size_t      Ns_ConnContentLength(const Ns_Conn *conn);
NS_EXTERN size_t      Ns_ConnContentSize(const Ns_Conn *conn);
NS_EXTERN const char *Ns_ConnContentFile(const Ns_Conn *conn);     /* a body that is in a file; NULL: in memory */
NS_EXTERN int         Ns_ConnContentFd(const Ns_Conn *conn);       /* the same, -1 */
NS_EXTERN Ns_Set     *Ns_ConnAuth(const Ns_Conn *conn);            /* the Authorization header taken apart; NULL: none */
NS_EXTERN const char *Ns_ConnAuthUser(const Ns_Conn *conn);        /* NULL: none */
NS_EXTERN const char *Ns_ConnAuthPasswd(const Ns_Conn *conn);
NS_EXTERN unsigned short Ns_ConnPort(const Ns_Conn *conn);         /* of the Host header, or the driver's */
NS_EXTERN const char *Ns_ConnTarget(Ns_Conn *conn, Tcl_DString *ds);       /* of the request line, as it was sent; appended */
NS_EXTERN ssize_t     Ns_ConnResponseLength(const Ns_Conn *conn);  /* -1: not known */
NS_EXTERN bool        Ns_ConnModifiedSince(const Ns_Conn *conn, time_t since);     /* false: the client has what is that old (If-Modified-Since) */
NS_EXTERN bool        Ns_ConnUnmodifiedSince(const Ns_Conn *conn, time_t since);   /* false: it wants an older one (If-Unmodified-Since) */
/* How long it waited to be queued, in the queue, in filters, and has run; for what is not over until now. */
NS_EXTERN void        Ns_ConnTimeSpans(const Ns_Conn *conn, Ns_Time *acceptTimeSpan, Ns_Time *queueTimeSpan,
                                       Ns_Time *filterTimeSpan, Ns_Time *runTimeSpan);

/* ---------------------------------------------------------------------------------------- answers (request/connapi.c) */

/* As Ns_ConnSetHeaders and UpdateHeaders: length -1: up to the NUL. */
NS_EXTERN void Ns_ConnSetHeadersSz(const Ns_Conn *conn, const char *field, TCL_SIZE_T fieldLength, const char *value,
                                   TCL_SIZE_T valueLength);
NS_EXTERN void Ns_ConnUpdateHeadersSz(const Ns_Conn *conn, const char *field, TCL_SIZE_T fieldLength, const char *value,
                                      TCL_SIZE_T valueLength);
NS_EXTERN void Ns_ConnCondSetHeaders(const Ns_Conn *conn, const char *field, const char *value);   /* unless there is one of that name */
NS_EXTERN void Ns_ConnPrintfHeaders(const Ns_Conn *conn, const char *field, const char *fmt, ...) NS_PRINTF(3, 4);
NS_EXTERN void Ns_ConnReplaceHeaders(Ns_Conn *conn, const Ns_Set *newheaders);     /* what cannot be a header is left out, and logged */
NS_EXTERN void Ns_ConnSetEncodedTypeHeader(Ns_Conn *conn, const char *mimeType);   /* with the charset that text will have */
/* Bytes, or text in the answer's charset; as Ns_ConnWriteVData and WriteVChars. */
NS_EXTERN Ns_ReturnCode Ns_ConnWriteData(Ns_Conn *conn, const void *buf, size_t toWrite, unsigned int flags);
NS_EXTERN Ns_ReturnCode Ns_ConnWriteChars(Ns_Conn *conn, const char *buf, size_t toWrite, unsigned int flags);
/* From the channel's descriptor: what Tcl has read of it already is not in it. */
NS_EXTERN Ns_ReturnCode Ns_ConnReturnOpenChannel(Ns_Conn *conn, int status, const char *mimeType, Tcl_Channel chan, size_t len);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnOpenFile(Ns_Conn *conn, int status, const char *mimeType, FILE *fp, size_t len);
NS_EXTERN Ns_ReturnCode Ns_ConnRedirect(Ns_Conn *conn, const char *url);           /* within the server: answer as for that URL */
NS_EXTERN Ns_ReturnCode Ns_ConnReturnOk(Ns_Conn *conn);                            /* 200, 413, 431, 501, 414 with the server's page */
NS_EXTERN Ns_ReturnCode Ns_ConnReturnEntityTooLarge(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnHeaderLineTooLong(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnNotImplemented(Ns_Conn *conn);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnRequestURITooLong(Ns_Conn *conn);

/* --------------------------------------------------------------- data of URLs, and traces (request/urlspecific.c) */

/*
 * What belongs to a key (a method) and a URL of a server: set for /a it holds for all below it, unless with NS_OP_NOINHERIT; the deepest
 * wins, patterns at the end of the URL come first.  Any thread.  What was there is freed when it is replaced or destroyed: who gets data
 * knows that nobody does that meanwhile.
 */
typedef enum { NS_URLSPACE_DEFAULT, NS_URLSPACE_EXACT, NS_URLSPACE_FAST } Ns_UrlSpaceOp;
typedef struct Ns_UrlSpaceMatchInfo {
    ssize_t offset;                            /* -1: what was found is no pattern within the path */
    size_t  segmentLength;
    bool    isSegmentMatch;
} Ns_UrlSpaceMatchInfo;
typedef bool (*Ns_UrlSpaceContextFilterEvalProc)(void *contextSpec, void *context);
typedef void (Ns_WalkProc)(Tcl_DString *ds, const void *arg);
NS_EXTERN int   Ns_UrlSpecificAlloc(void);                         /* a kind of data, of 64; -1, logged: all are taken */
/* No such server or kind: logged. */
NS_EXTERN void  Ns_UrlSpecificSet(const char *server, const char *key, const char *url, int id, void *data, unsigned int flags,
                                  Ns_Callback freeProc);
/* NULL: there is none.  matchInfo may be NULL; proc and context are NULL: data have no contexts here (logged, NULL). */
NS_EXTERN void *Ns_UrlSpecificGet(Ns_Server *server, const char *key, const char *url, int id, unsigned int flags, Ns_UrlSpaceOp op,
                                  Ns_UrlSpaceMatchInfo *matchInfo, Ns_UrlSpaceContextFilterEvalProc proc, void *context);
NS_EXTERN void *Ns_UrlSpecificGetExact(const char *server, const char *key, const char *url, int id, unsigned int flags);
NS_EXTERN void *Ns_UrlSpecificGetFast(const char *server, const char *key, const char *url, int id);
/* What was set for this very URL; freed by its freeProc if it has one, unless with NS_OP_NODELETE.  With NS_OP_RECURSE all below it, too. */
NS_EXTERN void *Ns_UrlSpecificDestroy(const char *server, const char *key, const char *url, int id, unsigned int flags);
/* Appends {key path pattern inherit|noinherit ...} for each; func appends the rest, under a lock. */
NS_EXTERN void  Ns_UrlSpecificWalk(int id, const char *server, Ns_WalkProc func, Tcl_DString *ds);

/* Called after each request of the server that was answered, and after each that was not; the connection thread.  As Ns_RegisterFilter. */
typedef void (Ns_TraceProc)(void *arg, Ns_Conn *conn);
NS_EXTERN void *Ns_RegisterServerTrace(const char *server, Ns_TraceProc *proc, void *arg);
NS_EXTERN void *Ns_RegisterConnCleanup(const char *server, Ns_TraceProc *proc, void *arg);

#ifdef __cplusplus
}
#endif
#endif /* NSCONN_H */
