/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_connchan: the subcommands that work on one channel.  Those that make client and listening channels are in
 * connchan_open.c, sendfile and stats in connchan_send.c.
 */
#include <errno.h>
#include <string.h>
#include "cmd/chanobj.h"
#include "cmd/cmds.h"
#include "cmd/connchan_sub.h"
#include "connio.h"
#include "interp.h"
#include "websocket.h"

/* The server of an option -server, else the interpreter's. */
static NsServer *
ServerOf(const NsInterp *ip, NsServer *given)
{
    return given != NULL ? given : ip->server;
}

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

static int
CallbackObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle, *command;
    char           *whenString;
    Ns_Time        *timeout = NULL, *receiveTimeout = NULL, *sendTimeout = NULL;
    Ns_ConnChanCallback  callback;
    NsChan         *chan;
    unsigned        when;
    Ns_ObjvSpec     opts[] = {
        {"-timeout", Ns_ObjvTime, &timeout, NULL},
        {"-receivetimeout", Ns_ObjvTime, &receiveTimeout, NULL},
        {"-sendtimeout", Ns_ObjvTime, &sendTimeout, NULL},
        {NULL, NULL, NULL, NULL}
    };
    Ns_ObjvSpec args[] = {
        {"channel", Ns_ObjvObj, &handle, NULL},
        {"command", Ns_ObjvObj, &command, NULL},
        {"when", Ns_ObjvString, &whenString, NULL},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    if (!NsChanParseWhen(whenString, &when)) {
        Ns_TclPrintfResult(interp, "invalid when specification: \"%s\": should be one/more of r, w, e, or x", whenString);
        goto failed;
    }
    if (NsChanTclCallback(interp, command, when, &callback) != TCL_OK) {
        goto failed;
    }
    callback.timeout = timeout != NULL ? Ns_TimeToMilliseconds(timeout) : 0;
    callback.receiveTimeout = receiveTimeout != NULL ? Ns_TimeToMilliseconds(receiveTimeout) : 0;
    callback.sendTimeout = sendTimeout != NULL ? Ns_TimeToMilliseconds(sendTimeout) : 0;
    if (!Ns_ConnChanSetCallback(chan, &callback)) {
        NsChanTclCallbackFree(callback.arg);
        Ns_TclPrintfResult(interp, "channel \"%s\" does not exist", Ns_ConnChanName(chan));
        goto failed;
    }
    Ns_ConnChanRelease(chan);
    return TCL_OK;

 failed:
    Ns_ConnChanRelease(chan);
    return TCL_ERROR;
}

static int
CloseObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    NsServer       *server = NULL;
    Tcl_Obj        *handle;
    NsChan         *chan;
    bool            closed;
    Ns_ObjvSpec     opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ServerOf(ip, server), handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    closed = Ns_ConnChanClose(chan);
    if (!closed) {                             /* another thread was faster */
        Ns_TclPrintfResult(interp, "channel \"%s\" does not exist", Ns_ConnChanName(chan));
    }
    Ns_ConnChanRelease(chan);
    return closed ? TCL_OK : TCL_ERROR;
}

static int
DebugObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle;
    int             level = -1;
    NsChan         *chan;
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {"?level", Ns_ObjvInt, &level, NULL},
                              {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
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

static void
AppendListElement(Tcl_Obj *result, NsChan *chan)
{
    Ns_ConnChanStatus status;
    Tcl_Obj     *element = Tcl_NewListObj(0, NULL), *command;
    char         when[5];

    Ns_ConnChanGetStatus(chan, &status);
    command = FirstWord(status.command);
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewStringObj(Ns_ConnChanName(chan), -1));
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewStringObj(status.threadName, -1));
    Tcl_ListObjAppendElement(NULL, element, StartObj(&status.start));
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewStringObj(status.driver, -1));
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewStringObj(status.peer, -1));
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewWideIntObj((Tcl_WideInt)status.sent));
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewWideIntObj((Tcl_WideInt)status.received));
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewStringObj(status.clientData != NULL ? status.clientData : "", -1));
    Tcl_ListObjAppendElement(NULL, element, command);
    Tcl_ListObjAppendElement(NULL, element, Tcl_NewStringObj(NsChanWhenString(status.when, when), -1));
    Tcl_DecrRefCount(command);
    Tcl_ListObjAppendElement(NULL, result, element);
    Ns_ConnChanStatusFree(&status);
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
    count = Ns_ConnChanList(ServerOf(ip, server), &chans);
    for (i = 0u; i < count; i++) {
        AppendListElement(result, chans[i]);
        Ns_ConnChanRelease(chans[i]);
    }
    ns_free(chans);
    Tcl_SetObjResult(interp, result);
    return TCL_OK;
}

static void
DictPut(Tcl_Obj *dict, const char *key, Tcl_Obj *value)
{
    Tcl_DictObjPut(NULL, dict, Tcl_NewStringObj(key, -1), value);
}

static int
StatusObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const NsInterp *ip = clientData;
    NsServer       *server = NULL;
    Tcl_Obj        *handle, *dict;
    NsChan         *chan;
    Ns_ConnChanStatus    status;
    char            when[5];
    Ns_ObjvSpec     opts[] = {{"-server", Ns_ObjvServer, &server, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ServerOf(ip, server), handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    Ns_ConnChanGetStatus(chan, &status);
    Ns_ConnChanRelease(chan);
    dict = Tcl_NewDictObj();
    DictPut(dict, "start", StartObj(&status.start));
    DictPut(dict, "driver", Tcl_NewStringObj(status.driver, -1));
    DictPut(dict, "peer", Tcl_NewStringObj(status.peer, -1));
    DictPut(dict, "sent", Tcl_NewWideIntObj((Tcl_WideInt)status.sent));
    DictPut(dict, "received", Tcl_NewWideIntObj((Tcl_WideInt)status.received));
    DictPut(dict, "framebuffer", Tcl_NewWideIntObj((Tcl_WideInt)status.frameBuffer));
    DictPut(dict, "fragments", Tcl_NewWideIntObj((Tcl_WideInt)status.fragments));
    DictPut(dict, "sendbuffer", Tcl_NewWideIntObj((Tcl_WideInt)status.sendBuffer));
    if (status.connecting) {
        DictPut(dict, "connecting", Tcl_NewIntObj(1));
    }
    DictPut(dict, "recverror", Tcl_NewStringObj(status.connectError != NULL ? status.connectError : status.recvErrno != 0 ? Tcl_ErrnoMsg(status.recvErrno) : "", -1));
    DictPut(dict, "senderror", Tcl_NewStringObj(status.sendErrno != 0 ? Tcl_ErrnoMsg(status.sendErrno) : "", -1));
    if (status.command != NULL) {
        DictPut(dict, "callback", Tcl_NewStringObj(status.command, -1));
        DictPut(dict, "condition", Tcl_NewStringObj(NsChanWhenString(status.when, when), -1));
    }
    Ns_ConnChanStatusFree(&status);
    Tcl_SetObjResult(interp, dict);
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

    if (words[index] == NULL) {
        words[index] = Tcl_NewStringObj(names[index], -1);
        Tcl_IncrRefCount(words[index]);
    }
    return words[index];
}

static int
ReadFrame(Tcl_Interp *interp, NsChan *chan)
{
    NsChanFrame frame;
    Tcl_Obj    *dict;

    if (NsChanReadFrame(chan, &frame) != 0 && (frame.reason != NULL || IsError(chan, errno))) {
        if (frame.reason == NULL) {
            return PosixError(interp, chan, "read");
        }
        Tcl_SetErrorCode(interp, "NS", "WEBSOCKET", frame.closeCode == 1009 ? "1009" : "1002", frame.reason, (char *)NULL);
        Ns_TclPrintfResult(interp, "%s: websocket protocol violated (%d): %s", Ns_ConnChanName(chan), frame.closeCode, frame.reason);
        return TCL_ERROR;
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
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle;
    NsChan         *chan;
    int             websocket = 0, status;
    Ns_ObjvSpec     opts[] = {{"-websocket", Ns_ObjvBool, &websocket, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
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
    const NsInterp *ip = clientData;
    Tcl_Obj        *handle, *message;
    NsChan         *chan;
    int             buffered = 0, length, status = TCL_OK;
    struct iovec    iov;
    ssize_t         sent;
    Ns_ObjvSpec     opts[] = {{"-buffered", Ns_ObjvBool, &buffered, NULL}, {NULL, NULL, NULL, NULL}};
    Ns_ObjvSpec     args[] = {{"channel", Ns_ObjvObj, &handle, NULL}, {"message", Ns_ObjvObj, &message, NULL},
                              {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(opts, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    chan = NsChanFromObj(interp, ip->server, handle);
    if (chan == NULL) {
        return TCL_ERROR;
    }
    iov.iov_base = Tcl_GetByteArrayFromObj(message, &length);
    iov.iov_len = (size_t)length;
    sent = Ns_ConnChanWritev(chan, &iov, 1, buffered != 0 ? NS_CONNCHAN_BUFFERED : 0u);
    if (sent < 0) {
        status = PosixError(interp, chan, "write");
    } else {
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj((Tcl_WideInt)sent));
    }
    Ns_ConnChanRelease(chan);
    return status;
}

/* ---- frames ---- */

static bool
IsAscii(const char *string, int length)
{
    uint64_t any = 0u;
    int      i = 0;

    for (; i + 8 <= length; i += 8) {
        uint64_t word;

        memcpy(&word, string + i, 8u);
        any |= word;
    }
    for (; i < length; i++) {
        any |= (uint64_t)(unsigned char)string[i];
    }
    return (any & 0x8080808080808080u) == 0u;
}

static Tcl_Obj *
EncodeFrame(bool fin, int opcode, bool masked, const uint8_t *payload, size_t length)
{
    uint8_t  head[NS_WS_MAX_HEAD], mask[4], *bytes;
    size_t   headLen;
    Tcl_Obj *frame;

    if (masked) {
        NsWsRandom(mask, sizeof(mask));
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
    } else {
        bytes = Tcl_GetStringFromObj(message, &length);
        if (!IsAscii(bytes, length)) {
            /* Tcl's own form has NUL and characters past the BMP in a way that is no UTF-8. */
            static __thread Tcl_Encoding utf8;

            if (utf8 == NULL) {
                utf8 = Tcl_GetEncoding(NULL, "utf-8");
            }
            bytes = Tcl_UtfToExternalDString(utf8, bytes, length, &ds);
            length = Tcl_DStringLength(&ds);
        }
    }
    Tcl_SetObjResult(interp, EncodeFrame(fin != 0, opcode, masked != 0, (const uint8_t *)bytes, (size_t)length));
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
