/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Requests as modules for NaviServer use them: beyond nsconn.h, what needs the types of ns.h, which includes this at its end.
 *
 * Unless a comment says otherwise the connection thread that serves the request calls these functions, and no other.
 */
#ifndef NSREQUEST_H
#define NSREQUEST_H

#include "nsconn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------ scripts as procs (interp/tclcallback.c) */

/* A script with arguments, for a server.  Made by Ns_TclNewCallback alone; the fields are only to be read.  Any thread. */
typedef struct Ns_TclCallback {
    ns_funcptr_t cbProc;                       /* who evaluates it: the caller's, to be recognised */
    const char  *server;                       /* NULL: none */
    const char  *script;
    TCL_SIZE_T   argc;
    char       **argv;
} Ns_TclCallback;
NS_EXTERN Ns_TclCallback *Ns_TclNewCallback(Tcl_Interp *interp, ns_funcptr_t cbProc, Tcl_Obj *scriptObjPtr, TCL_SIZE_T objc,
                                            Tcl_Obj *const *objv);
/*
 * Evaluate the script, with the strings up to NULL and then its own arguments behind it, in `interp`, or (NULL) in one of this thread
 * for the callback's server.  The result is appended to resultDString (may be NULL).  Not TCL_OK: the error is in the log.
 */
NS_EXTERN int Ns_TclEvalCallback(Tcl_Interp *interp, const Ns_TclCallback *cbPtr, Tcl_DString *resultDString, ...) NS_GNUC_SENTINEL;
NS_EXTERN Ns_Callback Ns_TclCallbackProc;      /* evaluate the callback that is the argument */
NS_EXTERN Ns_Callback Ns_TclFreeCallback;      /* free it */
NS_EXTERN Ns_ArgProc  Ns_TclCallbackArgProc;   /* append script and arguments, for Ns_RegisterProcInfo */

/* --------------------------------------------------------------------- folders and locations (request/hostproc.c) */

/*
 * Who says where the folder of a host is, and what the URL of a request begins with.  They append to `dest` and give its value; NULL: as
 * if they were not there.  The thread of the request calls them, once for a request, when it is first asked for; whatever they ask
 * themselves meanwhile is as configured.
 *
 * Set proc: by the module's init function or a script of the server's library, for the server that is being made.  NS_ERROR: none is,
 * which is logged.  `host`: the Host header, which is a name or address, and a port if it has one.
 */
typedef char *(Ns_ServerRootProc)(Tcl_DString *dest, const char *host, const void *arg);
typedef char *(Ns_ConnLocationProc)(Ns_Conn *conn, Tcl_DString *dest, const Ns_TclCallback *cbPtr);
typedef char *(Ns_LocationProc)(Ns_Conn *conn);                    /* the string is copied */
NS_EXTERN Ns_ReturnCode Ns_SetServerRootProc(Ns_ServerRootProc *proc, void *arg);
NS_EXTERN Ns_ReturnCode Ns_SetConnLocationProc(Ns_ConnLocationProc *proc, Ns_TclCallback *cbPtr);      /* goes before the next */
NS_EXTERN void          Ns_SetLocationProc(const char *server, Ns_LocationProc *proc);                 /* at the start; no such server: logged */

/* ---------------------------------------------------------------------- the request and its connection (request/conndata.c) */

/* Dates; {0, 0}: not come to yet.  They are the request's. */
NS_EXTERN Ns_Time     *Ns_ConnAcceptTime(Ns_Conn *conn);           /* its first byte */
NS_EXTERN Ns_Time     *Ns_ConnQueueTime(Ns_Conn *conn);
NS_EXTERN Ns_Time     *Ns_ConnDequeueTime(Ns_Conn *conn);
NS_EXTERN Ns_Time     *Ns_ConnFilterTime(Ns_Conn *conn);           /* the filters before it were over */
NS_EXTERN Ns_Time     *Ns_ConnTimeout(Ns_Conn *conn);              /* nobody should wait longer for it: as its limits say, or 60 s from accept */
/* Of the answer's text, and of query and form; an encoding of no charset: logged, all stays as it is. */
NS_EXTERN Tcl_Encoding Ns_ConnGetEncoding(const Ns_Conn *conn);
NS_EXTERN void         Ns_ConnSetEncoding(Ns_Conn *conn, Tcl_Encoding encoding);
NS_EXTERN Tcl_Encoding Ns_ConnGetUrlEncoding(const Ns_Conn *conn);
NS_EXTERN void         Ns_ConnSetUrlEncoding(Ns_Conn *conn, Tcl_Encoding encoding);
NS_EXTERN int          Ns_ConnGetCompression(const Ns_Conn *conn);             /* level of gzip, 0: none */
NS_EXTERN void         Ns_ConnSetCompression(Ns_Conn *conn, int level);
/* Which part of the URL a pattern within that of the registered proc has matched; offset -1: none has. */
NS_EXTERN const Ns_UrlSpaceMatchInfo *Ns_ConnGetUrlSpaceMatchInfo(const Ns_Conn *conn);
NS_EXTERN const char  *Ns_ConnLocation(Ns_Conn *conn);             /* as Ns_ConnLocationAppend */
NS_EXTERN const char  *Ns_ConnPeer(const Ns_Conn *conn);           /* Ns_ConnPeerAddr */
/* It comes from there, and (clientsaPtr, both may be NULL) is forwarded for that client.  The peer's address. */
NS_EXTERN const char  *Ns_ConnSetPeer(Ns_Conn *conn, const struct sockaddr *saPtr, const struct sockaddr *clientsaPtr);
NS_EXTERN void         Ns_ConnSetContentSent(Ns_Conn *conn, size_t length);    /* what Ns_ConnContentSent and logs say of an answer sent by other ways */

/* --------------------------------------------------------------------------- the body, piece by piece (request/connread.c) */

/* From where the last one ended.  NS_ERROR: there is less, or it could not be written: what was taken is gone. */
NS_EXTERN size_t        Ns_ConnRead(const Ns_Conn *conn, void *vbuf, size_t toRead);           /* fewer: there are no more */
NS_EXTERN char         *Ns_ConnGets(char *buf, size_t bufsize, const Ns_Conn *conn);           /* as fgets */
NS_EXTERN Ns_ReturnCode Ns_ConnReadLine(const Ns_Conn *conn, Tcl_DString *dsPtr, size_t *nreadPtr);    /* without its end, 64 KB at most */
NS_EXTERN Ns_ReturnCode Ns_ConnReadHeaders(const Ns_Conn *conn, Ns_Set *set, size_t *nreadPtr);        /* up to the empty line, 1000 at most */
NS_EXTERN Ns_ReturnCode Ns_ConnFlushContent(const Ns_Conn *conn);                              /* the rest is as if it were read */
NS_EXTERN Ns_ReturnCode Ns_ConnCopyToDString(const Ns_Conn *conn, size_t toCopy, Tcl_DString *dsPtr);
NS_EXTERN Ns_ReturnCode Ns_ConnCopyToChannel(const Ns_Conn *conn, size_t ncopy, Tcl_Channel chan);
NS_EXTERN Ns_ReturnCode Ns_ConnCopyToFile(const Ns_Conn *conn, size_t ncopy, FILE *fp);
NS_EXTERN Ns_ReturnCode Ns_ConnCopyToFd(const Ns_Conn *conn, size_t ncopy, int fd);

/* ------------------------------------------------------------------------------- answers, as they were (request/connwrite.c) */

/* Pieces of a stream, in bytes but for Ns_WriteCharConn, behind the head if that is not out yet.  Ns_ConnWrite: how many, or -1. */
NS_EXTERN Ns_ReturnCode Ns_WriteConn(Ns_Conn *conn, const char *buf, size_t toWrite);
NS_EXTERN Ns_ReturnCode Ns_WriteCharConn(Ns_Conn *conn, const char *buf, size_t toWrite);
NS_EXTERN int           Ns_ConnWrite(Ns_Conn *conn, const void *buf, size_t toWrite);
NS_EXTERN Ns_ReturnCode Ns_ConnPuts(Ns_Conn *conn, const char *s);
NS_EXTERN Ns_ReturnCode Ns_ConnSendDString(Ns_Conn *conn, const Tcl_DString *dsPtr);
/* So many bytes from where it is, which is moved on; negative: all.  NS_ERROR: there are fewer. */
NS_EXTERN Ns_ReturnCode Ns_ConnSendFd(Ns_Conn *conn, int fd, ssize_t nsend);
NS_EXTERN Ns_ReturnCode Ns_ConnSendFp(Ns_Conn *conn, FILE *fp, ssize_t nsend);
NS_EXTERN Ns_ReturnCode Ns_ConnSendChannel(Ns_Conn *conn, Tcl_Channel chan, ssize_t nsend);
/* As they are, without head and framing: the answer is the caller's, and ends with the connection.  How many, or -1. */
NS_EXTERN ssize_t Ns_ConnSend(Ns_Conn *conn, struct iovec *bufs, int nbufs);
/* Append the head for a body of that length, or (NS_CONN_STREAM) for a stream.  Complete: who calls it sends it; false: it is sent. */
NS_EXTERN bool   Ns_CompleteHeaders(Ns_Conn *conn, size_t dataLength, unsigned int flags, Tcl_DString *dsPtr);
NS_EXTERN void   Ns_ConnConstructHeaders(const Ns_Conn *conn, Tcl_DString *dsPtr);             /* to be looked at */
NS_EXTERN void   Ns_ConnQueueHeaders(Ns_Conn *conn, int status);                               /* go with what is written first */
NS_EXTERN size_t Ns_ConnFlushHeaders(Ns_Conn *conn, int status);                               /* go now; their bytes */
NS_EXTERN void   Ns_ConnCondSetHeadersSz(const Ns_Conn *conn, const char *field, TCL_SIZE_T fieldLength, const char *value,
                                         TCL_SIZE_T valueLength);
NS_EXTERN void   Ns_ConnSetExpiresHeader(const Ns_Conn *conn, const char *expires);            /* a date of HTTP */
NS_EXTERN void   Ns_ConnSetRequiredHeaders(Ns_Conn *conn, const char *mimeType, size_t length);
NS_EXTERN Ns_ReturnCode Ns_ConnReturnAdminNotice(Ns_Conn *conn, int status, const char *title, const char *notice);
/* 500, and the cause in the log; an answer that has begun stays, and `status` is returned. */
NS_EXTERN Ns_ReturnCode Ns_ConnTryReturnInternalError(Ns_Conn *conn, Ns_ReturnCode status, const char *causeString);

/* ------------------------------------------------------------------------------- messages (http/requestapi.c, http/message.c) */

/*
 * Any thread.  Bytes in, text out.  A request line taken apart: all strings are of `request`, which is zeroed by its owner before.
 * Reset: frees them and zeroes it; Free: that, and ns_free it.  NS_ERROR: it is none, nothing is set.
 */
NS_EXTERN Ns_ReturnCode Ns_ParseRequest(Ns_Request *request, const char *line, size_t len);
NS_EXTERN void          Ns_ResetRequest(Ns_Request *request);
NS_EXTERN void          Ns_FreeRequest(Ns_Request *request);                   /* NULL is fine */
/* Another URL, of one that was parsed here, or of the request that this thread serves.  NS_ERROR: it does not begin with a slash. */
NS_EXTERN Ns_ReturnCode Ns_SetRequestUrl(Ns_Request *request, const char *url);
NS_EXTERN const char   *Ns_SkipUrl(const Ns_Request *request, int n);          /* behind n parts of the path, and a slash; NULL: it has not so many */
/* `name: value`, or what goes on with the last field.  prefix and fieldNumberPtr (its index) may be NULL.  NS_ERROR: it is neither. */
NS_EXTERN Ns_ReturnCode Ns_ParseHeader(Ns_Set *set, const char *line, const char *prefix, size_t *fieldNumberPtr);
/* A first line, headers, and what is behind the empty line (*payloadPtr NULL: there is no such line).  The message stays as it is. */
NS_EXTERN Ns_ReturnCode Ns_HttpMessageParse(char *messageString, size_t messageLength, size_t *firstLineLengthPtr, Ns_Set *hdrPtr,
                                            char **payloadPtr);
NS_EXTERN Ns_ReturnCode Ns_HttpResponseMessageParse(char *messageString, size_t messageLength, Ns_Set *hdrPtr, int *majorPtr,
                                                    int *minorPtr, int *statusPtr, char **payloadPtr);

/* ------------------------------------------------------------------------------------- variables of a server (data/nsvapi.c) */

/* What nsv_* has.  Any thread.  NS_ERROR, false, -1: there is no such server, array or key.  Lengths of -1: up to the NUL. */
NS_EXTERN bool          Ns_VarExists(const char *server, const char *array, const char *keyString);
NS_EXTERN Ns_ReturnCode Ns_VarGet(const char *server, const char *array, const char *keyString, Tcl_DString *dsPtr);   /* appends */
NS_EXTERN Ns_ReturnCode Ns_VarSet(const char *server, const char *array, const char *keyString, const char *value, ssize_t len);
NS_EXTERN Ns_ReturnCode Ns_VarAppend(const char *server, const char *array, const char *keyString, const char *value, ssize_t len);
NS_EXTERN Tcl_WideInt   Ns_VarIncr(const char *server, const char *array, const char *keyString, int incr);            /* -1 also: no integer */
NS_EXTERN Ns_ReturnCode Ns_VarUnset(const char *server, const char *array, const char *keyString);     /* NULL: the array */

/* --------------------------------------------------------------------------------------- who answers (request/op.c, mount.c ...) */

/* What answers that method and URL where it has no constraints; NULL: nothing.  It may be replaced meanwhile.  Any thread. */
NS_EXTERN void Ns_GetRequest(const char *server, const char *method, const char *url, Ns_OpProc **procPtr, Ns_Callback **deletePtr,
                             void **argPtr, unsigned int *flagsPtr);
NS_EXTERN void Ns_UnRegisterRequest(const char *server, const char *method, const char *url, bool inherit);    /* any thread */
NS_EXTERN Ns_ReturnCode Ns_ConnRunRequest(Ns_Conn *conn);          /* answer it by what is registered */
/* Answer by a script, at global level in the request's interpreter; an error is logged, and answered with 500. */
NS_EXTERN Ns_ReturnCode Ns_TclRequest(Ns_Conn *conn, const char *name);
NS_EXTERN void Ns_ConnClearQuery(Ns_Conn *conn);                   /* query and form are parsed again when they are asked for */
/*
 * Which file belongs to a URL and those below it: what follows it in a folder (below the server's unless absolute; NULL: the whole URL
 * below the pages), or as a proc appends to `ds`; NS_ERROR: none.  Any thread.  No such server: logged.
 */
typedef Ns_ReturnCode (Ns_Url2FileProc)(Tcl_DString *ds, const char *url, const void *arg);
NS_EXTERN void Ns_RegisterFastUrl2File(const char *server, const char *url, const char *basePath, unsigned int flags);
NS_EXTERN void Ns_RegisterUrl2FileProc(const char *server, const char *url, Ns_Url2FileProc *proc, Ns_Callback *deleteCallback,
                                       void *arg, unsigned int flags);
NS_EXTERN void Ns_UnRegisterUrl2FileProc(const char *server, const char *url, unsigned int flags);
/* As crypt(3), into NS_ENCRYPT_BUFSIZE bytes, which are given; NULL, and "": such a salt does not exist.  Any thread. */
NS_EXTERN char *Ns_Encrypt(const char *pw, const char *salt, char iobuf[]);

#ifdef __cplusplus
}
#endif
#endif /* NSREQUEST_H */
