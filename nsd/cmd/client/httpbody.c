/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Bodies of `ns_http`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/dict.h"
#include "base/file.h"
#include "base/inputmem.h"
#include "base/text.h"
#include "conf/info.h"
#include "conf/charset.h"
#include "request/codec.h"
#include "cmd/client/httpbody.h"

#define SMALL_BODY (64u * 1024u)               /* is taken in any case */

/* ----------------------------------------------------------------------------------------------------------- to send */

/*
 * Bytes that were put together of several pieces, as a form with a file in it, are text to Tcl.  A type that has no text says that they are
 * bytes all the same, unless there is a character that is none.
 */
static bool
IsBytes(Tcl_Obj *body, const char *contentType)
{
    static const char *const types[] = {"application/octet-stream", "audio/", "image/", "multipart/", "video/"};
    const char *text;
    size_t      i;
    int         length;

    for (i = 0; contentType != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strncasecmp(contentType, types[i], strlen(types[i])) == 0 && strncasecmp(contentType, "image/svg", 9) != 0) {
            text = Tcl_GetStringFromObj(body, &length);
            while (length > 0 && (unsigned char)*text < 0xc4u) {       /* those up to U+00FF begin with less */
                text++;
                length--;
            }
            return length == 0;
        }
    }
    return false;
}

void
NsHttpSourceMemory(NsHttpSource *source, Tcl_Obj *body, bool binary, const char *contentType, bool copy)
{
    size_t       charsetLen;
    const char  *charset = contentType != NULL ? NsTypeCharset(contentType, &charsetLen) : NULL;
    Tcl_Encoding encoding = charset != NULL ? NsCharsetEncodingSz(charset, charsetLen) : NULL;

    binary = binary || (charset == NULL && !NsObjIsBinary(body) && IsBytes(body, contentType));
    source->present = true;
    source->fd = -1;
    Tcl_DStringInit(&source->ds);
    if (binary || NsObjIsBinary(body) || encoding == NULL || NsEncodingIsUtf8(encoding)) {
        source->bytes = NsObjBytes(body, binary, &source->ds, &source->len);
    } else {
        int         length;
        const char *text = Tcl_GetStringFromObj(body, &length);

        NsCharsetEncode(&source->ds, encoding, text, (size_t)length);
        source->bytes = Tcl_DStringValue(&source->ds);
        source->len = (size_t)Tcl_DStringLength(&source->ds);
    }
    if (copy && source->bytes != Tcl_DStringValue(&source->ds)) {
        Tcl_DStringAppend(&source->ds, source->bytes, (int)source->len);
        source->bytes = Tcl_DStringValue(&source->ds);
    }
    source->size = (int64_t)source->len;
}

int
NsHttpSourceFile(NsHttpSource *source, Tcl_Interp *interp, const char *file, int size)
{
    struct stat st;

    source->present = true;
    Tcl_DStringInit(&source->ds);
    source->fd = NsFileOpen(file, O_RDONLY, 0);
    if (source->fd == -1 || fstat(source->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        Ns_TclPrintfResult(interp, "cannot stat: %s ", file);
        return TCL_ERROR;
    }
    if (size > st.st_size) {
        Ns_TclPrintfResult(interp, "body_size %d exceeds the size of file %s", size, file);
        return TCL_ERROR;
    }
    source->size = source->left = size >= 0 ? size : st.st_size;
    return TCL_OK;
}

/* How much there is from its position on; -1: nobody knows. */
static int64_t
RestOfChannel(Tcl_Channel channel)
{
    Tcl_WideInt here = Tcl_Tell(channel), end = here >= 0 ? Tcl_Seek(channel, 0, SEEK_END) : -1;

    if (end >= 0 && Tcl_Seek(channel, here, SEEK_SET) == here) {
        return end > here ? end - here : 0;
    }
    return -1;
}

/*
 * A descriptor of our own for the file behind a channel, for a request on a thread that must not wait for a pipe or a peer; -1 with a
 * message.  It shares the position with the channel, whose buffers are empty.
 */
static int
FileOfChannel(Tcl_Interp *interp, Tcl_Channel channel, int mode)
{
    ClientData  handle;
    struct stat st;
    int         fd = -1;

    if ((mode & TCL_WRITABLE) != 0) {
        (void)Tcl_Flush(channel);
    } else {
        (void)Tcl_Seek(channel, 0, SEEK_CUR);
    }
    if (Tcl_GetStackedChannel(channel) == NULL && Tcl_GetChannelHandle(channel, mode, &handle) == TCL_OK
        && fstat((int)(intptr_t)handle, &st) == 0 && S_ISREG(st.st_mode)) {
        fd = fcntl((int)(intptr_t)handle, F_DUPFD_CLOEXEC, 3);
    }
    if (fd == -1) {
        Ns_TclPrintfResult(interp, "channel \"%s\" is not that of a file: others of the queue would have to wait for it; use ns_http run",
                           Tcl_GetChannelName(channel));
    }
    return fd;
}

/* From its position on; binary while we read.  The size is known when the channel can be positioned. */
int
NsHttpSourceChannel(NsHttpSource *source, Tcl_Interp *interp, const char *name, int size, bool queued)
{
    Tcl_Channel channel;

    source->fd = -1;
    source->present = true;
    Tcl_DStringInit(&source->ds);
    if (Ns_TclGetOpenChannel(interp, name, 0, true, &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    source->size = size >= 0 ? size : RestOfChannel(channel);
    source->left = source->size;
    if (queued) {
        source->fd = FileOfChannel(interp, channel, TCL_READABLE);
        return source->fd != -1 ? TCL_OK : TCL_ERROR;
    }
    source->channel = channel;
    Tcl_RegisterChannel(NULL, channel);                        /* a callback may close it for its interpreter */
    Tcl_DStringInit(&source->oldTranslation);
    Tcl_DStringInit(&source->oldEncoding);
    if (Tcl_GetChannelOption(interp, channel, "-translation", &source->oldTranslation) != TCL_OK
        || Tcl_GetChannelOption(interp, channel, "-encoding", &source->oldEncoding) != TCL_OK) {
        return TCL_ERROR;
    }
    return Tcl_SetChannelOption(interp, channel, "-translation", "binary");
}

/* "auto lf" of a channel that is read and written is a list of two; both options take back what they gave. */
void
NsHttpSourceClose(NsHttpSource *source)
{
    if (!source->present) {
        return;
    }
    if (source->channel != NULL) {
        (void)Tcl_SetChannelOption(NULL, source->channel, "-translation", Tcl_DStringValue(&source->oldTranslation));
        (void)Tcl_SetChannelOption(NULL, source->channel, "-encoding", Tcl_DStringValue(&source->oldEncoding));
        Tcl_DStringFree(&source->oldTranslation);
        Tcl_DStringFree(&source->oldEncoding);
        (void)Tcl_UnregisterChannel(NULL, source->channel);
    }
    if (source->fd != -1) {
        (void)close(source->fd);
    }
    Tcl_DStringFree(&source->ds);
}

/* With a size, exactly so many bytes: the head has promised them. */
ssize_t
NsHttpSourceRead(NsHttpSource *source, char *buffer, size_t size)
{
    ssize_t n;

    if (source->size >= 0 && (int64_t)size > source->left) {
        size = (size_t)source->left;
    }
    if (size == 0) {
        return 0;
    }
    do {
        n = source->channel != NULL ? Tcl_Read(source->channel, buffer, (int)size) : read(source->fd, buffer, size);
    } while (n < 0 && (source->channel != NULL ? Tcl_GetErrno() : errno) == EINTR);
    if (n == 0 && source->size >= 0) {
        return -1;
    }
    source->left -= n > 0 ? n : 0;
    return n;
}

/* -------------------------------------------------------------------------------------------------------- to receive */

static bool
SinkFailed(NsHttpSink *sink, const char *what, const char *reason)
{
    Tcl_DStringSetLength(&sink->error, 0);
    Tcl_DStringAppend(&sink->error, what, -1);
    Tcl_DStringAppend(&sink->error, reason, -1);
    return false;
}

int
NsHttpSinkOpen(NsHttpSink *sink, Tcl_Interp *interp, bool queued)
{
    Tcl_Channel channel;

    if (sink->outputChan == NULL) {
        return TCL_OK;
    }
    if (Ns_TclGetOpenChannel(interp, sink->outputChan, 1, true, &channel) != TCL_OK) {
        return TCL_ERROR;
    }
    if (queued) {
        sink->fd = FileOfChannel(interp, channel, TCL_WRITABLE);
        return sink->fd != -1 ? TCL_OK : TCL_ERROR;
    }
    sink->channel = channel;
    Tcl_RegisterChannel(NULL, channel);                        /* a callback may close it for its interpreter */
    return TCL_OK;
}

static bool
WriteSpool(NsHttpSink *sink, const char *bytes, size_t len)
{
    if (sink->channel != NULL) {
        return Tcl_Write(sink->channel, bytes, (int)len) >= 0
            || SinkFailed(sink, "could not write to the output channel: ", Tcl_ErrnoMsg(Tcl_GetErrno()));
    }
    while (len > 0) {
        ssize_t n = write(sink->fd, bytes, len);

        if (n < 0 && errno != EINTR) {
            return SinkFailed(sink, "could not write the response to a file: ", strerror(errno));
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* From now on the body goes to a file or channel, what is in memory first. */
static bool
StartSpool(NsHttpSink *sink)
{
    if (sink->channel == NULL && sink->fd == -1) {
        if (sink->outputFile != NULL) {
            sink->file = ns_strdup(sink->outputFile);
            sink->fd = NsFileOpen(sink->file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        } else {
            sink->file = NsInfoPath(NsInfoTmpDir(), "http.XXXXXX");
            sink->fd = NsFileTemp(sink->file);
        }
        if (sink->fd == -1) {
            return SinkFailed(sink, "could not open a file for the response: ", strerror(errno));
        }
    }
    sink->spooled = true;
    return WriteSpool(sink, Tcl_DStringValue(&sink->memory), (size_t)Tcl_DStringLength(&sink->memory));
}

/* The interpreter for callbacks: the command's, or one of the thread on which the queue is at work. */
static Tcl_Interp *
BorrowInterp(const NsHttpSink *sink)
{
    return sink->interp != NULL ? sink->interp : Ns_TclAllocateInterp(sink->server);
}

static void
ReturnInterp(const NsHttpSink *sink, Tcl_Interp *interp)
{
    if (sink->interp == NULL) {
        Ns_TclDeAllocateInterp(interp);
    }
}

/* Call with a dict; takes it over. */
static bool
RunCallback(NsHttpSink *sink, Tcl_Interp *interp, const char *callback, Tcl_Obj *dict)
{
    Tcl_Obj *command = Tcl_NewStringObj(callback, -1);
    bool     done;

    Tcl_IncrRefCount(command);
    if (sink->outputChan != NULL) {
        NsDictPutText(dict, "outputchan", sink->outputChan);
    }
    done = Tcl_ListObjAppendElement(interp, command, dict) == TCL_OK && Tcl_EvalObjEx(interp, command, 0) == TCL_OK;
    if (!done) {
        SinkFailed(sink, Tcl_GetStringResult(interp), "");
    }
    Tcl_ResetResult(interp);
    Tcl_DecrRefCount(command);
    return done;
}

/* The headers as a set of the interpreter: one for all calls where that is the command's, else a new one each time. */
static bool
PutHeaders(NsHttpSink *sink, Tcl_Interp *interp, Tcl_Obj *dict)
{
    if (sink->headersObj != NULL) {
        NsDictPut(dict, "headers", sink->headersObj);
        return true;
    }
    if (Ns_TclEnterSet(interp, Ns_SetCopy(sink->headers), NS_TCL_SET_DYNAMIC) != TCL_OK) {
        return SinkFailed(sink, Tcl_GetStringResult(interp), "");
    }
    NsDictPut(dict, "headers", Tcl_GetObjResult(interp));
    if (sink->interp != NULL) {
        sink->headersObj = Tcl_GetObjResult(interp);
        Tcl_IncrRefCount(sink->headersObj);
    }
    return true;
}

static bool
RunHeadCallback(NsHttpSink *sink, const NsResponseHead *head)
{
    Tcl_Interp *interp = BorrowInterp(sink);
    Tcl_Obj    *dict = Tcl_NewDictObj();
    bool        done;

    NsDictPut(dict, "status", Tcl_NewIntObj(head->status));
    NsDictPutText(dict, "phrase", head->reason);
    done = PutHeaders(sink, interp, dict);
    if (done) {
        done = RunCallback(sink, interp, sink->headCallback, dict);
    } else {
        Tcl_DecrRefCount(dict);
    }
    ReturnInterp(sink, interp);
    return done;
}

static bool
RunDataCallback(NsHttpSink *sink, const char *bytes, size_t len)
{
    Tcl_Interp *interp = BorrowInterp(sink);
    Tcl_Obj    *dict = Tcl_NewDictObj();
    bool        done;

    NsDictPut(dict, "data", Tcl_NewByteArrayObj((const unsigned char *)bytes, (int)len));
    done = PutHeaders(sink, interp, dict);
    if (done) {
        done = RunCallback(sink, interp, sink->dataCallback, dict);
    } else {
        Tcl_DecrRefCount(dict);
    }
    ReturnInterp(sink, interp);
    return done;
}

static void
ChooseInflate(NsHttpSink *sink, const char *coding)
{
    sink->isDeflate = strcasecmp(coding, "deflate") == 0;
    sink->inflating = sink->inflated = sink->isDeflate || strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "x-gzip") == 0;
}

bool
NsHttpSinkHead(NsHttpSink *sink, const NsResponseHead *head)
{
    const char *coding = Ns_SetIGet(head->headers, "content-encoding");

    if (sink->decompress && !head->empty && coding != NULL) {
        ChooseInflate(sink, coding);
    }
    if (sink->headCallback != NULL || sink->dataCallback != NULL) {
        sink->headers = Ns_SetCopy(head->headers);
    }
    if (sink->headCallback != NULL && !RunHeadCallback(sink, head)) {
        return false;
    }
    /* An empty body needs no file, but one that is asked for by -spoolsize 0 is made. */
    return head->empty || sink->spoolSize < 0 || head->length < sink->spoolSize || StartSpool(sink);
}

/* Bytes of the content. */
static bool
Deliver(NsHttpSink *sink, const char *bytes, size_t len)
{
    sink->received += (Tcl_WideInt)len;
    if (sink->maxResponse >= 0 && sink->received > sink->maxResponse) {
        return SinkFailed(sink, "response exceeds the maximal size (-maxresponse)", "");
    }
    if (sink->dataCallback != NULL && !RunDataCallback(sink, bytes, len)) {
        return false;
    }
    if (!sink->spooled && sink->spoolSize >= 0 && sink->received >= sink->spoolSize && !StartSpool(sink)) {
        return false;
    }
    if (sink->spooled) {
        return WriteSpool(sink, bytes, len);
    }
    if (sink->received > INT32_MAX) {
        return SinkFailed(sink, "response is too large for memory: use -spoolsize", "");
    }
    Tcl_DStringAppend(&sink->memory, bytes, (int)len);
    NsInputMemoryCount(sink->counted, (size_t)sink->memory.spaceAvl);
    sink->counted = (size_t)sink->memory.spaceAvl;
    if (sink->counted > SMALL_BODY && NsInputMemoryFull()) {
        NsInputMemoryRefuse();
        return SinkFailed(sink, "no memory for more of the response (maxinputmemory): use -spoolsize", "");
    }
    return true;
}

/*
 * "deflate" is zlib's form (RFC 9110, 8.4.1.2), and raw deflate with some servers: a zlib header is a multiple of 31 and names
 * method 8, which a raw stream does not begin with.
 */
static bool
BeginInflate(NsHttpSink *sink)
{
    bool zlib = sink->firstLen == 2 && (sink->first[0] & 0x0f) == 8 && (sink->first[0] << 8 | sink->first[1]) % 31 == 0;

    sink->inflateBegun = inflateInit2(&sink->stream, !sink->isDeflate ? 15 + 32 : zlib ? 15 : -15) == Z_OK;
    return sink->inflateBegun || SinkFailed(sink, "could not start decompression", "");
}

static bool
DeliverInflated(NsHttpSink *sink, const char *bytes, size_t len)
{
    if (sink->maxResponse < 0 && sink->maxInflated > 0 && sink->received + (Tcl_WideInt)len > sink->maxInflated) {
        return SinkFailed(sink, "decompressed response exceeds the maximal size (-maxresponse, or parameter maxdecompress)", "");
    }
    return Deliver(sink, bytes, len);
}

static bool
Inflate(NsHttpSink *sink, const char *bytes, size_t len)
{
    char out[16384];
    int  result = Z_OK;

    sink->stream.next_in = (Bytef *)bytes;
    sink->stream.avail_in = (uInt)len;
    while (sink->stream.avail_in > 0 || sink->stream.avail_out == 0) {
        if (sink->inflateEnd) {
            result = inflateReset(&sink->stream);              /* gzip members may follow each other */
            sink->inflateEnd = false;
        }
        sink->stream.next_out = (Bytef *)out;
        sink->stream.avail_out = sizeof(out);
        result = inflate(&sink->stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return SinkFailed(sink, "could not decompress the response", "");
        }
        if (sink->stream.avail_out < sizeof(out) && !DeliverInflated(sink, out, sizeof(out) - sink->stream.avail_out)) {
            return false;
        }
        sink->inflateEnd = result == Z_STREAM_END;
        if (sink->inflateEnd && sink->stream.avail_in == 0) {
            break;
        }
    }
    return true;
}

/* The first bytes wait until there are two of them, or the body has ended. */
static bool
InflateFirst(NsHttpSink *sink, const char *bytes, size_t len, bool atEnd)
{
    unsigned char *first = sink->first;

    while (sink->firstLen < sizeof(sink->first) && len > 0) {
        first[sink->firstLen++] = (unsigned char)*bytes++;
        len--;
    }
    if (sink->firstLen < sizeof(sink->first) && !atEnd) {
        return true;
    }
    return BeginInflate(sink) && Inflate(sink, (const char *)first, sink->firstLen) && (len == 0 || Inflate(sink, bytes, len));
}

bool
NsHttpSinkBody(NsHttpSink *sink, const char *bytes, size_t len)
{
    bool fine;

    if (!sink->inflating) {
        fine = Deliver(sink, bytes, len);
    } else if (sink->inflateBegun) {
        fine = len == 0 || Inflate(sink, bytes, len);
    } else {
        fine = InflateFirst(sink, bytes, len, false);
    }
    return fine;
}

/* The data callback learns of the end by a call without data. */
bool
NsHttpSinkEnd(NsHttpSink *sink)
{
    /* A compressed body without any bytes is an empty one. */
    if (sink->firstLen > 0 && !sink->inflateBegun && !InflateFirst(sink, NULL, 0, true)) {
        return false;
    }
    if (sink->inflateBegun && !sink->inflateEnd) {
        return SinkFailed(sink, "could not decompress the response: it is cut off", "");
    }
    return sink->dataCallback == NULL || RunDataCallback(sink, NULL, 0);
}

bool
NsHttpSinkInflateNow(NsHttpSink *sink, const Ns_Set *headers)
{
    const char *coding = headers != NULL ? Ns_SetIGet(headers, "content-encoding") : NULL;
    size_t      len = (size_t)Tcl_DStringLength(&sink->memory);
    char       *packed;
    bool        fine = true;

    if (sink->inflated || sink->spooled || coding == NULL || len == 0) {
        return true;
    }
    ChooseInflate(sink, coding);
    if (sink->inflating) {
        packed = ns_malloc(len);
        memcpy(packed, Tcl_DStringValue(&sink->memory), len);
        Tcl_DStringSetLength(&sink->memory, 0);
        sink->received = 0;
        sink->dataCallback = NULL;             /* it has seen the body as it came */
        fine = NsHttpSinkBody(sink, packed, len) && NsHttpSinkEnd(sink);
        ns_free(packed);
    }
    return fine;
}

bool
NsHttpSinkSpoolNow(NsHttpSink *sink)
{
    return sink->spooled || StartSpool(sink);
}

void
NsHttpSinkClose(NsHttpSink *sink, bool discard)
{
    if (sink->inflateBegun) {
        (void)inflateEnd(&sink->stream);
    }
    if (sink->fd != -1) {
        (void)close(sink->fd);
        if (discard && sink->outputFile == NULL && sink->file != NULL) {
            (void)NsFileUnlink(sink->file);
        }
    }
    if (sink->channel != NULL) {
        (void)Tcl_UnregisterChannel(NULL, sink->channel);
    }
    if (sink->headersObj != NULL) {
        Tcl_DecrRefCount(sink->headersObj);
    }
    Ns_SetFree(sink->headers);
    ns_free(sink->file);
    NsInputMemoryCount(sink->counted, 0u);
    Tcl_DStringFree(&sink->memory);
    Tcl_DStringFree(&sink->error);
}

/* Is it UTF-8 when nobody says otherwise?  JSON (RFC 8259), XML and scripts, by name or suffix. */
static bool
TypeIsUtf8(const char *type)
{
    static const char *const subtypes[] = {"json", "xml", "javascript", "x-javascript", "ecmascript", "x-ndjson", "graphql"};
    size_t      len = strcspn(type, "; \t");
    const char *subtype = memchr(type, '/', len), *plus;

    if (subtype == NULL) {
        return false;
    }
    subtype++;
    len -= (size_t)(subtype - type);
    for (plus = subtype + len; plus > subtype && plus[-1] != '+'; plus--) {
        ;
    }
    for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++) {
        size_t whole = strlen(subtypes[i]);

        if ((len == whole && strncasecmp(subtype, subtypes[i], whole) == 0)
            || (plus > subtype && subtype + len == plus + whole && strncasecmp(plus, subtypes[i], whole) == 0)) {
            return true;
        }
    }
    return false;
}

/*
 * How to read it: NULL and *text: UTF-8 where it is that, else bytes; NULL and not: bytes.  A charset that nobody knows is taken
 * for UTF-8, and so is a body of no type at all.
 */
static Tcl_Encoding
EncodingOf(const char *type, const char *defaultCharset, bool *text)
{
    size_t      len;
    const char *charset = type != NULL ? NsTypeCharset(type, &len) : NULL;
    bool        binary = false;

    *text = true;
    if (charset != NULL) {
        return NsCharsetEncodingSz(charset, len);
    }
    if (type == NULL || TypeIsUtf8(type)) {
        return NULL;
    }
    *text = strncasecmp(type, "text/", 5) == 0;
    return NsTypeEncoding(type, defaultCharset, &binary);
}

Tcl_Obj *
NsHttpSinkObj(NsHttpSink *sink, const char *contentType, bool binary, const char *defaultCharset)
{
    const char  *bytes = Tcl_DStringValue(&sink->memory);
    int          len = Tcl_DStringLength(&sink->memory);
    bool         text = false;
    Tcl_Encoding encoding = binary ? NULL : EncodingOf(contentType, defaultCharset, &text);

    if (encoding == NULL || NsEncodingIsUtf8(encoding)) {
        return NsBytesToObj(bytes, (size_t)len, !text);
    }
    return NsCharsetDecodeObj(encoding, bytes, (size_t)len);
}
