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
#include "charset.h"
#include "codec.h"
#include "httpbody.h"

/* ----------------------------------------------------------------------------------------------------------- to send */

void
NsHttpSourceMemory(NsHttpSource *source, Tcl_Obj *body, bool binary, const char *contentType, bool copy)
{
    size_t       charsetLen;
    const char  *charset = contentType != NULL ? NsTypeCharset(contentType, &charsetLen) : NULL;
    Tcl_Encoding encoding = charset != NULL ? NsCharsetEncodingSz(charset, charsetLen) : NULL;

    source->present = true;
    source->fd = -1;
    Tcl_DStringInit(&source->ds);
    if (binary || NsObjIsBinary(body) || encoding == NULL || NsEncodingIsUtf8(encoding)) {
        source->bytes = NsObjBytes(body, binary, &source->ds, &source->len);
    } else {
        int         length;
        const char *text = Tcl_GetStringFromObj(body, &length);

        source->bytes = Tcl_UtfToExternalDString(encoding, text, length, &source->ds);
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
    source->fd = open(file, O_RDONLY | O_CLOEXEC);
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

/* From its position on; binary while we read.  The size is known when the channel can be positioned. */
int
NsHttpSourceChannel(NsHttpSource *source, Tcl_Interp *interp, const char *channel, int size)
{
    Tcl_WideInt here, end;

    source->fd = -1;
    source->present = true;
    Tcl_DStringInit(&source->ds);
    if (Ns_TclGetOpenChannel(interp, channel, 0, true, &source->channel) != TCL_OK) {
        source->channel = NULL;
        return TCL_ERROR;
    }
    Tcl_RegisterChannel(NULL, source->channel);                /* a callback may close it for its interpreter */
    Tcl_DStringInit(&source->oldTranslation);
    Tcl_DStringInit(&source->oldEncoding);
    if (Tcl_GetChannelOption(interp, source->channel, "-translation", &source->oldTranslation) != TCL_OK
        || Tcl_GetChannelOption(interp, source->channel, "-encoding", &source->oldEncoding) != TCL_OK
        || Tcl_SetChannelOption(interp, source->channel, "-translation", "binary") != TCL_OK) {
        return TCL_ERROR;
    }
    source->size = size;
    if (size < 0) {
        here = Tcl_Tell(source->channel);
        end = here >= 0 ? Tcl_Seek(source->channel, 0, SEEK_END) : -1;
        if (end >= 0 && Tcl_Seek(source->channel, here, SEEK_SET) == here) {
            source->size = end > here ? end - here : 0;
        }
    }
    source->left = source->size;
    return TCL_OK;
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
NsHttpSinkOpen(NsHttpSink *sink)
{
    sink->fd = -1;
    Tcl_DStringInit(&sink->memory);
    Tcl_DStringInit(&sink->error);
    if (sink->outputChan != NULL) {
        if (Ns_TclGetOpenChannel(sink->interp, sink->outputChan, 1, true, &sink->channel) != TCL_OK) {
            sink->channel = NULL;
            return TCL_ERROR;
        }
        Tcl_RegisterChannel(NULL, sink->channel);              /* a callback may close it for its interpreter */
    }
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
    if (sink->channel == NULL) {
        if (sink->outputFile != NULL) {
            sink->file = ns_strdup(sink->outputFile);
            sink->fd = open(sink->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        } else {
            const char *dir = getenv("TMPDIR");
            Tcl_DString name;

            Tcl_DStringInit(&name);
            Tcl_DStringAppend(&name, dir != NULL && *dir != '\0' ? dir : "/tmp", -1);
            Tcl_DStringAppend(&name, "/http.XXXXXX", -1);
            sink->file = ns_strdup(Tcl_DStringValue(&name));
            Tcl_DStringFree(&name);
            sink->fd = mkostemp(sink->file, O_CLOEXEC);
        }
        if (sink->fd == -1) {
            return SinkFailed(sink, "could not open a file for the response: ", strerror(errno));
        }
    }
    sink->spooled = true;
    return WriteSpool(sink, Tcl_DStringValue(&sink->memory), (size_t)Tcl_DStringLength(&sink->memory));
}

static void
PutString(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

/* Call with a dict; takes it over. */
static bool
RunCallback(NsHttpSink *sink, Tcl_Obj *callback, Tcl_Obj *dict)
{
    Tcl_Obj *command = Tcl_DuplicateObj(callback);
    bool     done;

    Tcl_IncrRefCount(command);
    if (sink->outputChan != NULL) {
        PutString(dict, "outputchan", Tcl_NewStringObj(sink->outputChan, -1));
    }
    done = Tcl_ListObjAppendElement(sink->interp, command, dict) == TCL_OK
        && Tcl_EvalObjEx(sink->interp, command, 0) == TCL_OK;
    if (!done) {
        SinkFailed(sink, Tcl_GetStringResult(sink->interp), "");
    }
    Tcl_ResetResult(sink->interp);
    Tcl_DecrRefCount(command);
    return done;
}

static bool
RunHeadCallback(NsHttpSink *sink, const NsResponseHead *head)
{
    Tcl_Obj *dict = Tcl_NewDictObj();

    PutString(dict, "status", Tcl_NewIntObj(head->status));
    PutString(dict, "phrase", Tcl_NewStringObj(head->reason, -1));
    if (Ns_TclEnterSet(sink->interp, Ns_SetCopy(head->headers), NS_TCL_SET_DYNAMIC) != TCL_OK) {
        Tcl_DecrRefCount(dict);
        return SinkFailed(sink, Tcl_GetStringResult(sink->interp), "");
    }
    PutString(dict, "headers", Tcl_GetObjResult(sink->interp));
    return RunCallback(sink, sink->headCallback, dict);
}

static bool
IsCompressed(const Ns_Set *headers)
{
    const char *coding = Ns_SetGet(headers, "content-encoding");

    return coding != NULL && (strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "x-gzip") == 0
                              || strcasecmp(coding, "deflate") == 0);
}

bool
NsHttpSinkHead(NsHttpSink *sink, const NsResponseHead *head)
{
    if (sink->decompress && !head->empty && IsCompressed(head->headers)) {
        if (inflateInit2(&sink->stream, 15 + 32) != Z_OK) {
            return SinkFailed(sink, "could not start decompression", "");
        }
        sink->inflating = sink->inflated = true;
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
    if (sink->dataCallback != NULL) {
        Tcl_Obj *dict = Tcl_NewDictObj();

        PutString(dict, "data", Tcl_NewByteArrayObj((const unsigned char *)bytes, (int)len));
        if (!RunCallback(sink, sink->dataCallback, dict)) {
            return false;
        }
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
    return true;
}

static bool
Inflate(NsHttpSink *sink, const char *bytes, size_t len)
{
    char out[16384];
    int  result = Z_OK;

    sink->stream.next_in = (Bytef *)bytes;
    sink->stream.avail_in = (uInt)len;
    do {
        sink->stream.next_out = (Bytef *)out;
        sink->stream.avail_out = sizeof(out);
        result = inflate(&sink->stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            return SinkFailed(sink, "could not decompress the response", "");
        }
        if (sink->stream.avail_out < sizeof(out) && !Deliver(sink, out, sizeof(out) - sink->stream.avail_out)) {
            return false;
        }
        if (result == Z_STREAM_END && sink->stream.avail_in > 0) {
            result = inflateReset(&sink->stream);              /* gzip members may follow each other */
        }
    } while (result == Z_OK && (sink->stream.avail_in > 0 || sink->stream.avail_out == 0));
    return true;
}

bool
NsHttpSinkBody(NsHttpSink *sink, const char *bytes, size_t len)
{
    return sink->inflating ? Inflate(sink, bytes, len) : Deliver(sink, bytes, len);
}

/* The data callback learns of the end by a call without data. */
bool
NsHttpSinkEnd(NsHttpSink *sink)
{
    Tcl_Obj *dict;

    if (sink->dataCallback == NULL) {
        return true;
    }
    dict = Tcl_NewDictObj();
    PutString(dict, "data", Tcl_NewObj());
    return RunCallback(sink, sink->dataCallback, dict);
}

void
NsHttpSinkClose(NsHttpSink *sink, bool discard)
{
    if (sink->inflating) {
        (void)inflateEnd(&sink->stream);
    }
    if (sink->fd != -1) {
        (void)close(sink->fd);
        if (discard && sink->outputFile == NULL) {
            (void)unlink(sink->file);
        }
    }
    if (sink->channel != NULL) {
        (void)Tcl_UnregisterChannel(NULL, sink->channel);
    }
    ns_free(sink->file);
    Tcl_DStringFree(&sink->memory);
    Tcl_DStringFree(&sink->error);
}

Tcl_Obj *
NsHttpSinkObj(NsHttpSink *sink, const char *contentType, bool binary, const char *defaultCharset)
{
    const char  *bytes = Tcl_DStringValue(&sink->memory);
    int          len = Tcl_DStringLength(&sink->memory);
    bool         noText = true;
    Tcl_Encoding encoding = NULL;
    Tcl_DString  ds;
    Tcl_Obj     *obj;

    if (!binary && contentType != NULL) {
        encoding = NsTypeEncoding(contentType, defaultCharset, &noText);
    }
    if (encoding == NULL || NsEncodingIsUtf8(encoding)) {
        return NsBytesToObj(bytes, (size_t)len, encoding == NULL);
    }
    Tcl_ExternalToUtfDString(encoding, bytes, len, &ds);
    obj = Tcl_NewStringObj(Tcl_DStringValue(&ds), Tcl_DStringLength(&ds));
    Tcl_DStringFree(&ds);
    return obj;
}
