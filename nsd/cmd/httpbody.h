/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bodies of `ns_http`: where the bytes of a request come from, and where those of a response go.
 *
 * One command at a time; the thread of the interpreter.
 */
#ifndef NSD_CMD_HTTPBODY_H
#define NSD_CMD_HTTPBODY_H

#include <zlib.h>
#include "httpclient.h"
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
int  NsHttpSourceChannel(NsHttpSource *source, Tcl_Interp *interp, const char *channel, int size); /* -1: to its end */
void NsHttpSourceClose(NsHttpSource *source);
/* For NsHttpCall.readBody. */
ssize_t NsHttpSourceRead(NsHttpSource *source, char *buffer, size_t size);

/* -------------------------------------------------------------------------------------------------------- to receive */

typedef struct NsHttpSink {
    /* set by the caller */
    Tcl_Interp  *interp;
    bool         decompress;
    Tcl_WideInt  spoolSize;                    /* bodies of so many bytes go to a file or channel; -1: none does */
    Tcl_WideInt  maxResponse;                  /* -1: no limit */
    const char  *outputFile;                   /* NULL: a temporary one */
    const char  *outputChan;                   /* name of the channel, or NULL */
    Tcl_Obj     *headCallback, *dataCallback;  /* or NULL */
    /* what has come of it */
    bool         spooled, inflated;
    char        *file;                         /* that it was spooled to, or NULL */
    Tcl_DString  memory;
    Tcl_DString  error;                        /* of a proc that ended the call; empty: none */
    /* inner state */
    int          fd;
    Tcl_Channel  channel;
    bool         inflating;
    z_stream     stream;
    Tcl_WideInt  received;
} NsHttpSink;

/* The caller has set the first fields and zeroed the rest. */
int  NsHttpSinkOpen(NsHttpSink *sink);
bool NsHttpSinkHead(NsHttpSink *sink, const NsResponseHead *head);
bool NsHttpSinkBody(NsHttpSink *sink, const char *bytes, size_t len);
/* After the last byte: false with sink->error. */
bool NsHttpSinkEnd(NsHttpSink *sink);
/* `discard`: the temporary file goes. */
void NsHttpSinkClose(NsHttpSink *sink, bool discard);
/* The body in memory, as text if the type says so. */
Tcl_Obj *NsHttpSinkObj(NsHttpSink *sink, const char *contentType, bool binary, const char *defaultCharset);

#endif
