/* SPDX-License-Identifier: MPL-2.0 */
/*
 * One request of `ns_http`, `run` or in the queue: made of the command's arguments, run by client/, and made into a result.
 */
#ifndef NSD_CMD_HTTPTASK_H
#define NSD_CMD_HTTPTASK_H

#include "cmd/client/httpbody.h"
#include "http/url.h"
#include "interp/interp.h"

#define NS_HTTP_KEPT 8                         /* options that are copied */

/* The options.  Objects and sets are the caller's, and of use while the command runs only. */
typedef struct NsHttpOptions {
    int         binary, bodySize, decompress, insecure, keepHostHeader, partialResults, raw, verify;
    Tcl_Obj    *body;
    char       *bodyChan, *bodyFile, *caFile, *caPath, *cert, *key, *doneCallback, *hostname, *method, *outputChan,
               *outputFile, *unixSocket, *url, *dataCallback, *headCallback;
    Tcl_Obj    *proxy;
    Ns_Set     *headers;
    Ns_Time    *connectTimeout, *expire, *keepAlive, *timeout;
    Tcl_WideInt maxResponse, spoolSize;
} NsHttpOptions;

typedef struct NsHttpTask {
    Tcl_Interp    *interp;                     /* the command's */
    NsInterp      *context;                    /* the command's */
    const NsServer *server;                    /* NULL: none */
    bool           queued;                     /* runs behind the command's back, on another thread */
    NsHttpOptions  opt;
    char          *kept[NS_HTTP_KEPT];         /* copies that `opt` points to */
    NsUrl          url;
    bool           https;
    char           section[256];               /* of the configuration: ns/server/S/httpclient; or empty */
    NsHttpCall     call;
    NsHttpProgress progress;
    atomic_llong   bodyReceived, bodyTaken;    /* bytes of the response's body, as they came and as they are in the end */
    NsHttpSource   source;
    NsHttpSink     sink;
    NsHttpOutcome  outcome;
    Tcl_DString    head, host, rules, tunnel;  /* what `call` points to */
    Tcl_DString    proxyHost;
    unsigned short proxyPort;
    bool           proxyTunnel;
    Ns_TlsClientParams *tlsParams;             /* what call.tls is to be made of; NULL: it is there, or not needed */
    char          *tlsInfo;                    /* a dict */
} NsHttpTask;

/* The interpreter's thread.  NULL with a message: it cannot be.  `queued`: the call will run on another thread. */
NsHttpTask *NsHttpTaskCreate(NsInterp *context, Tcl_Interp *interp, bool queued, int objc, Tcl_Obj *const *objv);
/* The task thread, first of all: what reads files.  False: outcome.error says why not. */
bool        NsHttpTaskReady(NsHttpTask *task);
/* Any thread, when the call is over, before it is freed: its line in the log of its server, if that has one. */
void        NsHttpTaskLog(const NsHttpTask *task, Ns_ReturnCode status);
/* Any thread; the call does not run (any more).  `discard`: a temporary file goes, too. */
void        NsHttpTaskFree(NsHttpTask *task, bool discard);
/* The thread of `interp`, once, after the call: the dictionary or the error as its result. */
int         NsHttpTaskResult(NsHttpTask *task, Tcl_Interp *interp, Ns_ReturnCode status);

#endif
