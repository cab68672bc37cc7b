/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bodies of `ns_http`: where the bytes of a request come from, and where those of a response go.
 *
 * One thread at a time: that of the interpreter, or the one on which the queue is at work.
 */
#ifndef NSD_CMD_HTTPBODY_H
#define NSD_CMD_HTTPBODY_H

#include <zlib.h>
#include "client/http.h"
#include "ns.h"

/* ----------------------------------------------------------------------------------------------------------- to send */

typedef struct NsHttpSource {                  /* zeroed: no body */
    bool        present;
    const char *bytes;                         /* in memory, or NULL */
    size_t      len;
    int64_t     size;                          /* -1: not known, to be sent in chunks */
    int64_t     left;                          /* of a file or channel with a size */
    int         fd;                            /* of a file, or -1 */
    Tcl_Channel channel;
    Tcl_DString oldTranslation, oldEncoding;   /* of the channel, restored at the end */
    Tcl_DString ds;                            /* holds `bytes` */
} NsHttpSource;

/*
 * The caller has zeroed *source.  TCL_ERROR with a message; NsHttpSourceClose is to be called in any case.
 * `copy`: scripts will run while the body is sent, and may change the form of the object.
 */
void NsHttpSourceMemory(NsHttpSource *source, Tcl_Obj *body, bool binary, const char *contentType, bool copy);
int  NsHttpSourceFile(NsHttpSource *source, Tcl_Interp *interp, const char *file, int size);       /* size -1: all of it */
/* Size -1: to its end.  `queued`: it is read on another thread, from a descriptor of its own; the channel must be that of a file. */
int  NsHttpSourceChannel(NsHttpSource *source, Tcl_Interp *interp, const char *channel, int size, bool queued);
void NsHttpSourceClose(NsHttpSource *source);
/* For NsHttpCall.readBody. */
ssize_t NsHttpSourceRead(NsHttpSource *source, char *buffer, size_t size);

/* -------------------------------------------------------------------------------------------------------- to receive */

typedef struct NsHttpSink {
    /* set by the caller */
    Tcl_Interp  *interp;                       /* for callbacks; NULL: one of the thread that makes them, ... */
    const char  *server;                       /* ... of this server */
    bool         decompress;
    Tcl_WideInt  spoolSize;                    /* bodies of so many bytes go to a file or channel; -1: none does */
    Tcl_WideInt  maxResponse;                  /* -1: no limit */
    Tcl_WideInt  maxInflated;                  /* of a compressed body, when there is no maxResponse; 0: no limit */
    const char  *outputFile;                   /* NULL: a temporary one */
    const char  *outputChan;                   /* name of the channel, or NULL */
    const char  *headCallback, *dataCallback;  /* or NULL */
    /* what has come of it */
    bool         spooled, inflated;
    char        *file;                         /* that it was spooled to, or NULL */
    Tcl_DString  memory;
    size_t       counted;                      /* of it, as base/inputmem.h counts it */
    Tcl_DString  error;                        /* of a proc that ended the call; empty: none */
    /* inner state */
    int          fd;
    Tcl_Channel  channel;
    Ns_Set      *headers;                      /* of the response, for callbacks */
    Tcl_Obj     *headersObj;                   /* them, as a set of `interp` */
    bool         inflating;
    bool         inflateBegun;                 /* the stream is */
    bool         inflateEnd;                   /* so far the compressed stream is whole */
    bool         isDeflate;                    /* zlib's form of it, or raw: the first two bytes tell */
    unsigned char first[2];                    /* them */
    size_t       firstLen;
    z_stream     stream;
    Tcl_WideInt  received;
} NsHttpSink;

/*
 * The caller has set the first fields, `fd` to -1, initialised the two strings and zeroed the rest.  TCL_ERROR with a message.  The
 * interpreter's thread; `queued` as above.
 */
int  NsHttpSinkOpen(NsHttpSink *sink, Tcl_Interp *interp, bool queued);
bool NsHttpSinkHead(NsHttpSink *sink, const NsResponseHead *head);
bool NsHttpSinkBody(NsHttpSink *sink, const char *bytes, size_t len);
/* After the last byte, which may turn out not to be it: false with sink->error. */
bool NsHttpSinkEnd(NsHttpSink *sink);
/* Both after the end, false with sink->error: what is in memory is decompressed, as the headers say that it can be; ... */
bool NsHttpSinkInflateNow(NsHttpSink *sink, const Ns_Set *headers);
/* ... and goes to a file. */
bool NsHttpSinkSpoolNow(NsHttpSink *sink);
/* `discard`: the temporary file goes. */
void NsHttpSinkClose(NsHttpSink *sink, bool discard);
/* The body in memory, as text if the type says so. */
Tcl_Obj *NsHttpSinkObj(NsHttpSink *sink, const char *contentType, bool binary, const char *defaultCharset);

#endif
