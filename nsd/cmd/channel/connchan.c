/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_connchan: the subcommands that work on one channel.  Those that make client and listening channels are in
 * connchan_open.c, sendfile and stats in connchan_send.c.
 */
#include <errno.h>
#include <string.h>
#include "base/dict.h"
#include "base/random.h"
#include "base/text.h"
#include "cmd/channel/chanobj.h"
#include "cmd/cmds.h"
#include "cmd/channel/connchan_sub.h"
#include "request/connio.h"
#include "interp/interp.h"

static int
PosixError(Tcl_Interp *interp, NsChan *chan, const char *what)
{
    int         code = errno;
    const char *connectError = NsChanConnectError(chan);

    errno = code;
    if (connectError != NULL && code != EPIPE) {
        (void)Tcl_PosixError(interp);          /* the error code */
        Ns_TclPrintfResult(interp, "%s", connectError);
        return TCL_ERROR;
    }
    Ns_TclPrintfResult(interp, "%s: %s failed: %s", Ns_ConnChanName(chan), what,
                       code == ENOBUFS ? "maxsendbuffer reached" : Tcl_PosixError(interp));
    return TCL_ERROR;
}

/* What could not be done since another thread was faster. */
static int
Gone(Tcl_Interp *interp, const NsChan *chan)
{
    Ns_TclPrintfResult(interp, "channel \"%s\" does not exist", Ns_ConnChanName(chan));
    return TCL_ERROR;
}

/* The callback of the channel is now that script; the channel stays the caller's. */
static int
SetCallback(Tcl_Interp *interp, NsChan *chan, Tcl_Obj *command, const char *whenString, const Ns_Time *const timeouts[3])
{
    Ns_ConnChanCallback callback;
    unsigned            when;
    int64_t             ms[3];

    if (!NsChanParseWhen(whenString, &when)) {
        Ns_TclPrintfResult(interp, "invalid when specification: \"%s\": should be one/more of r, w, e, or x", whenString);
        return TCL_ERROR;
    }
    if (NsChanTclCallback(interp, command, when, &callback) != TCL_OK) {
        return TCL_ERROR;
    }
    for (int i = 0; i < 3; i++) {
        ms[i] = timeouts[i] != NULL ? Ns_TimeToMilliseconds(timeouts[i]) : 0;
    }
    callback.timeout = ms[0];
    callback.receiveTimeout = ms[1];
    callback.sendTimeout = ms[2];
    if (!Ns_ConnChanSetCallback(chan, &callback)) {
        NsChanTclCallbackFree(callback.arg);
        return Gone(interp, chan);
    }
    return TCL_OK;
}

static int
CallbackObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj       *handle, *command;
    char          *when;
    const Ns_Time *timeouts[3] = {NULL, NULL, NULL};
    NsChan        *chan;
    int            status;
    Ns_ObjvSpec    opts[] = {
        {"-timeout", Ns_ObjvTime, &timeouts[0], NULL},
        {"-receivetimeout", Ns_ObjvTime, &timeouts[1], NULL},
        {"-sendtimeout", Ns_ObjvTime, &timeouts[2], NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"command", Ns_ObjvObj, &command, NULL},
        {"when", Ns_ObjvString, &when, NULL},
        {NULL, NULL, NULL, NULL}
    };

    chan = NsChanOfArgs(clientData, interp, objc, objv, opts, args, NULL);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    status = SetCallback(interp, chan, command, when, timeouts);
    Ns_ConnChanRelease(chan);
    return status;
}

static int
CloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer   *server = NULL;
    int         status;
    Ns_ObjvSpec opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {NULL, NULL, NULL, NULL}};
    NsChan     *chan = NsChanOfArgs(clientData, interp, objc, objv, opts, NULL, &server);

    if (chan == NULL) {
        return TCL_ERROR;
    }
    status = Ns_ConnChanClose(chan) ? TCL_OK : Gone(interp, chan);       /* another thread was faster */
    Ns_ConnChanRelease(chan);
    return status;
}

static int
DebugObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj    *handle;
    int         level = -1;
    NsChan     *chan;
    Ns_ObjvSpec args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {"?level", Ns_ObjvInt, &level, NULL},
                          {NULL, NULL, NULL, NULL}};

    chan = NsChanOfArgs(clientData, interp, objc, objv, NULL, args, NULL);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewIntObj(NsChanDebug(chan, level)));
    Ns_ConnChanRelease(chan);
    return TCL_OK;
}

static int
DetachObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    NsChan         *chan;
    const char     *refusal;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (ip->conn == NULL) {
        Ns_TclPrintfResult(interp, "no current connection");
        return TCL_ERROR;
    }
    refusal = NsConnWriteRefusal(ip->conn);
    chan = Ns_ConnChanDetach(&ip->conn->pub);
    if (chan == NULL) {
        Ns_TclPrintfResult(interp, "%s", refusal != NULL ? refusal : "connection is closed");
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, NsChanNewObj(chan));
    Ns_ConnChanRelease(chan);
    return TCL_OK;
}

static int
ExistsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle;
    NsChan         *chan;
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(NULL, ip->server, handle);
    Tcl_SetObjResult(interp, Tcl_NewBooleanObj(chan != NULL));
    Ns_ConnChanRelease(chan);
    return TCL_OK;
}

static Tcl_Obj *
StartObj(const Ns_Time *start)
{
    return Tcl_ObjPrintf("%ld.%06ld", start->sec, start->usec);
}

static Tcl_Obj *
FirstWord(const char *command)
{
    Tcl_Obj *list = Tcl_NewStringObj(command != NULL ? command : "", -1), *first = NULL;

    Tcl_IncrRefCount(list);
    (void)Tcl_ListObjIndex(NULL, list, 0, &first);
    if (first == NULL) {
        first = Tcl_NewObj();
    }
    Tcl_IncrRefCount(first);
    Tcl_DecrRefCount(list);
    return first;
}

/* {name thread start driver peer sent received clientdata command when} */
static Tcl_Obj *
ListElement(NsChan *chan)
{
    Ns_ConnChanStatus status;
    Tcl_Obj     *element, *command;
    char         when[5];

    Ns_ConnChanGetStatus(chan, &status);
    command = FirstWord(status.command);
    element = Tcl_NewListObj(10, (Tcl_Obj *[]){
        Tcl_NewStringObj(Ns_ConnChanName(chan), -1), Tcl_NewStringObj(status.threadName, -1), StartObj(&status.start),
        Tcl_NewStringObj(status.driver, -1), Tcl_NewStringObj(status.peer, -1), Tcl_NewWideIntObj((Tcl_WideInt)status.sent),
        Tcl_NewWideIntObj((Tcl_WideInt)status.received),
        Tcl_NewStringObj(status.clientData != NULL ? status.clientData : "", -1), command,
        Tcl_NewStringObj(NsChanWhenString(status.when, when), -1)
    });
    Tcl_DecrRefCount(command);
    Ns_ConnChanStatusFree(&status);
    return element;
}

static int
ListObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    NsServer       *server = NULL;
    NsChan        **chans;
    Tcl_Obj        *result;
    size_t          count, i;
    Ns_ObjvSpec     opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    result = Tcl_NewListObj(0, NULL);
    count = Ns_ConnChanList(server != NULL ? server : ip->server, &chans);
    for (i = 0u; i < count; i++) {
        Tcl_ListObjAppendElement(NULL, result, ListElement(chans[i]));
        Ns_ConnChanRelease(chans[i]);
    }
    ns_free(chans);
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static const char *
ErrorText(int code)
{
    return code != 0 ? Tcl_ErrnoMsg(code) : "";
}

static Tcl_Obj *
StatusDict(const Ns_ConnChanStatus *status)
{
    Tcl_Obj *dict = Tcl_NewDictObj();
    char     when[5];

    NsDictPut(dict, "start", StartObj(&status->start));
    NsDictPutText(dict, "driver", status->driver);
    NsDictPutText(dict, "peer", status->peer);
    NsDictPutNumber(dict, "sent", (int64_t)status->sent);
    NsDictPutNumber(dict, "received", (int64_t)status->received);
    NsDictPutNumber(dict, "framebuffer", (int64_t)status->frameBuffer);
    NsDictPutNumber(dict, "fragments", (int64_t)status->fragments);
    NsDictPutNumber(dict, "sendbuffer", (int64_t)status->sendBuffer);
    if (status->connecting) {
        NsDictPutNumber(dict, "connecting", 1);
    }
    NsDictPutText(dict, "recverror", status->connectError != NULL ? status->connectError : ErrorText(status->recvErrno));
    NsDictPutText(dict, "senderror", ErrorText(status->sendErrno));
    if (status->command != NULL) {
        NsDictPutText(dict, "callback", status->command);
        NsDictPutText(dict, "condition", NsChanWhenString(status->when, when));
    }
    return dict;
}

static int
StatusObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    NsServer         *server = NULL;
    Ns_ConnChanStatus status;
    Ns_ObjvSpec       opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {NULL, NULL, NULL, NULL}};
    NsChan           *chan = NsChanOfArgs(clientData, interp, objc, objv, opts, NULL, &server);

    if (chan == NULL) {
        return TCL_ERROR;
    }
    Ns_ConnChanGetStatus(chan, &status);
    Ns_ConnChanRelease(chan);
    Tcl_SetObjResult(interp, StatusDict(&status));
    Ns_ConnChanStatusFree(&status);
    return TCL_OK;
}

/* ---- reading ---- */

/*
 * A peer that vanished or was cut off has ended its stream as well: that is no fault of the script, which reads the
 * empty string; `status` has the error.
 */
static bool
IsEndOfPeer(int code)
{
    return code == ECONNRESET || code == EPIPE || code == ETIMEDOUT || code == ECONNABORTED || code == EHOSTUNREACH
        || code == ENETUNREACH || code == ENETDOWN || code == EHOSTDOWN;
}

static bool
IsError(NsChan *chan, int code)
{
    return !IsEndOfPeer(code) || !Ns_ConnChanIsOpen(chan) || NsChanConnectError(chan) != NULL;
}

static int
ReadBytes(Tcl_Interp *interp, NsChan *chan)
{
    char   *buffer = NsChanThreadBuffer();
    ssize_t n = Ns_ConnChanRead(chan, buffer, NS_LOOP_BUFFER);

    if (n < 0 && errno != EAGAIN && IsError(chan, errno)) {
        return PosixError(interp, chan, "read");
    }
    if (n > 0) {
        Tcl_SetObjResult(interp, Tcl_NewByteArrayObj((unsigned char *)buffer, (int)n));
    }
    return TCL_OK;
}

/* The words of the dict, made once per thread: they are looked up for every message. */
enum { K_FIN, K_FRAME, K_OPCODE, K_PAYLOAD, K_BYTES, K_UNPROCESSED, K_FRAGMENTS, K_HAVEDATA, K_COMPLETE, K_INCOMPLETE, K_COUNT };
static Tcl_Obj *
Word(int index)
{
    static const char *names[K_COUNT] = {
        "fin", "frame", "opcode", "payload", "bytes", "unprocessed", "fragments", "havedata", "complete", "incomplete"
    };
    static __thread Tcl_Obj *words[K_COUNT];

    return NsThreadWord(&words[index], names[index]);
}

/* Why there is no next frame: {NS WEBSOCKET CODE REASON}, with the code to close by. */
static int
FrameError(Tcl_Interp *interp, NsChan *chan, const NsChanFrame *frame)
{
    char code[16];

    snprintf(code, sizeof(code), "%d", frame->closeCode);
    Tcl_SetErrorCode(interp, "NS", "WEBSOCKET", code, frame->reason, (char *)NULL);
    Ns_TclPrintfResult(interp, frame->closeCode == 1013 ? "%s: websocket input given up (%d): %s" : "%s: websocket protocol violated (%d): %s",
                       Ns_ConnChanName(chan), frame->closeCode, frame->reason);
    return TCL_ERROR;
}

static int
ReadFrame(Tcl_Interp *interp, NsChan *chan)
{
    NsChanFrame frame;
    Tcl_Obj    *dict;

    if (NsChanReadFrame(chan, &frame) != 0 && (frame.reason != NULL || IsError(chan, errno))) {
        return frame.reason == NULL ? PosixError(interp, chan, "read") : FrameError(interp, chan, &frame);
    }
    dict = Tcl_NewDictObj();
    if (frame.complete) {
        Tcl_DictObjPut(NULL, dict, Word(K_FIN), Tcl_NewIntObj(frame.fin));
    }
    Tcl_DictObjPut(NULL, dict, Word(K_FRAME), Word(frame.complete ? K_COMPLETE : K_INCOMPLETE));
    if (frame.payload != NULL) {
        Tcl_DictObjPut(NULL, dict, Word(K_OPCODE), Tcl_NewIntObj(frame.opcode));
        Tcl_DictObjPut(NULL, dict, Word(K_PAYLOAD), frame.payload);
    }
    Tcl_DictObjPut(NULL, dict, Word(K_BYTES), Tcl_NewWideIntObj((Tcl_WideInt)frame.bytes));
    Tcl_DictObjPut(NULL, dict, Word(K_UNPROCESSED), Tcl_NewWideIntObj((Tcl_WideInt)frame.unprocessed));
    Tcl_DictObjPut(NULL, dict, Word(K_FRAGMENTS), Tcl_NewWideIntObj((Tcl_WideInt)frame.fragments));
    Tcl_DictObjPut(NULL, dict, Word(K_HAVEDATA), Tcl_NewIntObj(frame.haveData));
    Tcl_SetObjResult(interp, dict);
    return TCL_OK;
}

static int
ReadObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    int         websocket = 0, status;
    Ns_ObjvSpec opts[] = {{"-websocket", Ns_ObjvBool, &websocket, NULL}, {NULL, NULL, NULL, NULL}};
    NsChan     *chan = NsChanOfArgs(clientData, interp, objc, objv, opts, NULL, NULL);

    if (chan == NULL) {
        return TCL_ERROR;
    }
    status = websocket != 0 ? ReadFrame(interp, chan) : ReadBytes(interp, chan);
    Ns_ConnChanRelease(chan);
    return status;
}

/* ---- writing ---- */

static int
WriteObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_Obj        *handle, *message;
    NsChan         *chan;
    int             buffered = 0, length, status = TCL_OK;
    struct iovec    iov;
    ssize_t         sent;
    Ns_ObjvSpec     opts[] = {{"-buffered", Ns_ObjvBool, &buffered, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {"message", Ns_ObjvObj, &message, NULL},
                              {NULL, NULL, NULL, NULL}};

    chan = NsChanOfArgs(clientData, interp, objc, objv, opts, args, NULL);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    iov.iov_base = Tcl_GetByteArrayFromObj(message, &length);
    iov.iov_len = (size_t)length;
    sent = Ns_ConnChanWritev(chan, &iov, 1, 0u);       /* -buffered: all that waits is sent by itself, so there is nothing to be done */
    if (sent < 0) {
        status = PosixError(interp, chan, "write");
    } else {
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)sent));
    }
    Ns_ConnChanRelease(chan);
    return status;
}

/* ---- frames ---- */

static Tcl_Obj *
EncodeFrame(bool fin, int opcode, bool masked, const uint8_t *payload, size_t length)
{
    uint8_t  head[NS_WS_MAX_HEAD], mask[4], *bytes;
    size_t   headLen;
    Tcl_Obj *frame;

    if (masked) {
        NsRandomBytes(mask, sizeof(mask));
    }
    headLen = NsWsFrameHead(head, fin, false, opcode, length, masked ? mask : NULL);
    frame = Tcl_NewByteArrayObj(NULL, (int)(headLen + length));
    bytes = Tcl_GetByteArrayFromObj(frame, NULL);
    memcpy(bytes, head, headLen);
    if (masked) {
        NsWsMask(bytes + headLen, payload, length, mask, 0u);
    } else if (length > 0u) {
        memcpy(bytes + headLen, payload, length);
    }
    return frame;
}

static int
WsEncodeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvTable finTable[] = {{"0", 0u}, {"1", 1u}, {NULL, 0u}};
    static Ns_ObjvTable opcodeTable[] = {
        {"continue", NS_WS_CONTINUE}, {"text", NS_WS_TEXT}, {"binary", NS_WS_BINARY}, {"close", NS_WS_CLOSE},
        {"ping", NS_WS_PING}, {"pong", NS_WS_PONG}, {NULL, 0u}
    };
    Tcl_Obj    *message;
    Tcl_DString ds;
    int         binary = 0, fin = 1, masked = 0, opcode = NS_WS_TEXT, length;
    size_t      size;
    const char *bytes;
    Ns_ObjvSpec opts[] = {
        {"-binary", Ns_ObjvBool, &binary, NULL},
        {"-fin", Ns_ObjvIndex, &fin, finTable},
        {"-mask", Ns_ObjvBool, &masked, NULL},
        {"-opcode", Ns_ObjvIndex, &opcode, opcodeTable},
        {"--", Ns_ObjvBreak, NULL, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {{"message", Ns_ObjvObj, &message, NULL}, {NULL, NULL, NULL, NULL}};

    (void)clientData;
    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    if (binary != 0 || opcode != NS_WS_TEXT) {
        bytes = (const char *)Tcl_GetByteArrayFromObj(message, &length);
        size = (size_t)length;
    } else {
        bytes = Tcl_GetStringFromObj(message, &length);
        bytes = NsTextOut(&ds, bytes, (size_t)length, &size);
    }
    Tcl_SetObjResult(interp, EncodeFrame(fin != 0, opcode, masked != 0, (const uint8_t *)bytes, size));
    Tcl_DStringFree(&ds);
    return TCL_OK;
}

static int
ConnChanObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"callback", CallbackObjCmd},
        {"connect", NsChanConnectObjCmd},
        {"close", CloseObjCmd},
        {"configure", NsChanConfigureObjCmd},
        {"debug", DebugObjCmd},
        {"detach", DetachObjCmd},
        {"exists", ExistsObjCmd},
        {"list", ListObjCmd},
        {"listen", NsChanListenObjCmd},
        {"open", NsChanOpenObjCmd},
        {"read", ReadObjCmd},
        {"sendfile", NsChanSendFileObjCmd},
        {"stats", NsChanStatsObjCmd},
        {"status", StatusObjCmd},
        {"write", WriteObjCmd},
        {"wsencode", WsEncodeObjCmd},
        {NULL, NULL}
    };

    return Ns_SubcmdObjv(subcmds, clientData, interp, objc, objv);
}

const NsCmd nsConnChanCmds[] = {
    {"ns_connchan", ConnChanObjCmd, NS_CMD_SERVER},
    {NULL, NULL, 0u}
};
