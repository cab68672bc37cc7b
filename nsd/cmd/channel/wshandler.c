/* SPDX-License-Identifier: MPL-2.0 */
/*
 * WebSocket handlers that are Tcl commands, and messages between Tcl's strings and the wire.
 */
#include <limits.h>
#include <string.h>
#include "base/text.h"
#include "cmd/channel/chanobj.h"
#include "cmd/channel/wshandler.h"
#include "interp/interp.h"

/* ---- texts and bytes ---- */

/*
 * Has the text a NUL or a character past the BMP?  Tcl 8.6 has its own form for those two (C0 80, two surrogates), and the
 * common one for all others.
 */
static bool
NeedsConversion(const char *data, size_t len)
{
    const uint64_t high = 0x8080808080808080u, ones = 0x0101010101010101u;
    uint64_t       found = 0u;
    size_t         i = 0u;

    for (; i + 8u <= len; i += 8u) {
        uint64_t word;

        memcpy(&word, data + i, 8u);
        found |= ((word - ones) & ~word & high)                                       /* a byte of 00 */
            | (word & (word << 1) & (word << 2) & (word << 3) & high);                /* a byte of F0 or more */
    }
    for (; i < len; i++) {
        found |= data[i] == '\0' || (unsigned char)data[i] >= 0xf0u;
    }
    return found != 0u;
}

Tcl_Obj *
NsWsTextObj(const char *data, size_t len)
{
    return NeedsConversion(data, len) ? NsTextObj(data, (ssize_t)len) : Tcl_NewStringObj(data, (int)len);
}

const unsigned char *
NsWsBytesFromObj(Tcl_Interp *interp, Tcl_Obj *obj, int *length)
{
    static const Tcl_ObjType *volatile byteArrayType;

    if (byteArrayType == NULL) {
        byteArrayType = Tcl_GetObjType("bytearray");
    }
    if (obj->typePtr != byteArrayType) {
        int         n, i;
        const char *string = Tcl_GetStringFromObj(obj, &n);

        /* C3 BF is the last character that is a byte. */
        for (i = 0; i < n && (unsigned char)string[i] <= 0xc3u; i++) {
            ;
        }
        if (i < n) {
            Tcl_UniChar ch = 0;

            (void)Tcl_UtfToUniChar(string + i, &ch);
            Ns_TclPrintfResult(interp, "a binary message consists of bytes: character %d is U+%04X", Tcl_NumUtfChars(string, i),
                               (unsigned)ch);
            return NULL;
        }
    }
    return Tcl_GetByteArrayFromObj(obj, length);
}

/* ---- commands, split into words once per thread ---- */

/*
 * Thousands of sessions have the same handler.  Its words are objects of a worker, shared by the sessions that live there;
 * some that are not in use are kept for the next session.
 */
typedef struct Words {
    Tcl_HashEntry *entry;
    int            refs;
    int            objc;
    Tcl_Obj       *objv[];
} Words;

#define MAX_IDLE_WORDS 64

static __thread Tcl_HashTable wordsTable;
static __thread bool          wordsReady;
static __thread int           idleWords;       /* with refs 0 */

static Words *
WordsNew(const char *command)
{
    Tcl_Obj *list = Tcl_NewStringObj(command, -1), **objv;
    Words   *words;
    int      objc, i;

    Tcl_IncrRefCount(list);
    (void)Tcl_ListObjGetElements(NULL, list, &objc, &objv);      /* checked when it was given */
    words = ns_calloc(1u, sizeof(Words) + (size_t)objc * sizeof(Tcl_Obj *));
    words->objc = objc;
    for (i = 0; i < objc; i++) {
        words->objv[i] = objv[i];
        Tcl_IncrRefCount(objv[i]);
    }
    Tcl_DecrRefCount(list);
    return words;
}

static void
WordsFree(Words *words)
{
    for (int i = 0; i < words->objc; i++) {
        Tcl_DecrRefCount(words->objv[i]);
    }
    Tcl_DeleteHashEntry(words->entry);
    ns_free(words);
}

static void
WordsRelease(Words *words)
{
    if (--words->refs > 0) {
        return;
    }
    if (idleWords < MAX_IDLE_WORDS) {
        idleWords++;
        return;
    }
    WordsFree(words);
}

/* The thread ends, and its sessions have ended before. */
static void
WordsForget(ClientData arg)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&wordsTable, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Words *words = Tcl_GetHashValue(entry);

        if (words->refs == 0) {
            WordsFree(words);
        }
    }
    if (wordsTable.numEntries == 0) {
        Tcl_DeleteHashTable(&wordsTable);
        wordsReady = false;
        idleWords = 0;
    }
}

/* By server and command: in each server's interpreter the words find other commands, which they remember. */
static Words *
WordsGet(const NsServer *server, const char *command)
{
    Tcl_DString    key;
    Tcl_HashEntry *entry;
    Words         *words;
    int            isNew;

    if (!wordsReady) {
        Tcl_InitHashTable(&wordsTable, TCL_STRING_KEYS);
        Tcl_CreateThreadExitHandler(WordsForget, NULL);
        wordsReady = true;
    }
    Tcl_DStringInit(&key);
    Tcl_DStringAppend(&key, Ns_ServerName(server), -1);
    Tcl_DStringAppend(&key, "\n", 1);
    Tcl_DStringAppend(&key, command, -1);
    entry = Tcl_CreateHashEntry(&wordsTable, Tcl_DStringValue(&key), &isNew);
    Tcl_DStringFree(&key);
    if (isNew) {
        words = WordsNew(command);
        words->entry = entry;
        Tcl_SetHashValue(entry, words);
    } else {
        words = Tcl_GetHashValue(entry);
        if (words->refs == 0) {
            idleWords--;
        }
    }
    words->refs++;
    return words;
}

enum { W_OPEN, W_MESSAGE, W_DRAIN, W_CLOSE, W_TEXT, W_BINARY, W_COUNT };
static const char *const eventNames[W_COUNT] = {"open", "message", "drain", "close", "text", "binary"};

static Tcl_Obj *
Word(int index)
{
    static __thread Tcl_Obj *words[W_COUNT];

    return NsThreadWord(&words[index], eventNames[index]);
}

/* ---- handlers ---- */

typedef struct TclHandler {
    Words   *words;                            /* worker: NULL before the first call */
    Tcl_Obj *handle;                           /* worker: of the channel, kept once there are messages; NULL before */
    char     command[];
} TclHandler;

static __thread NsChan *handled;

NsChan *
NsWsHandledChan(NsServer *server, const char *name)
{
    if (handled != NULL && Ns_ConnChanServer(handled) == server && strcmp(Ns_ConnChanName(handled), name) == 0) {
        return Ns_ConnChanRetain(handled);
    }
    return NULL;
}

static void
FreeHandler(void *arg)
{
    TclHandler *handler = arg;

    if (handler->words != NULL) {
        WordsRelease(handler->words);
    }
    if (handler->handle != NULL) {
        Tcl_DecrRefCount(handler->handle);
    }
    ns_free(handler);
}

/*
 * Did the script only find that its own session had been ended meanwhile, by another thread or for being slow?  That is
 * no fault of the script.
 */
static bool
OwnSessionEnded(Tcl_Interp *interp, const NsChan *chan)
{
    Tcl_Obj    *code = Tcl_GetVar2Ex(interp, "::errorCode", NULL, TCL_GLOBAL_ONLY), **words;
    const char *kind, *what;
    int         count;

    if (code == NULL || Tcl_ListObjGetElements(NULL, code, &count, &words) != TCL_OK || count != 4
        || strcmp(Tcl_GetString(words[0]), "NS") != 0 || strcmp(Tcl_GetString(words[3]), Ns_ConnChanName(chan)) != 0) {
        return false;
    }
    kind = Tcl_GetString(words[1]);
    what = Tcl_GetString(words[2]);
    return (strcmp(kind, "CONNCHAN") == 0 && strcmp(what, "UNKNOWN") == 0)
        || (strcmp(kind, "WEBSOCKET") == 0 && (strcmp(what, "CLOSED") == 0 || strcmp(what, "SLOW") == 0));
}

static void
LogError(Tcl_Interp *interp, const NsChan *chan, int event)
{
    if (OwnSessionEnded(interp, chan)) {
        /* At the stop they all do. */
        Ns_Log(Ns_InfoShutdownPending() ? Debug : Notice, "websocket %s: ended while its handler ran: %s", Ns_ConnChanName(chan),
               Tcl_GetStringResult(interp));
        return;
    }
    Tcl_AppendObjToErrorInfo(interp, Tcl_ObjPrintf("\n    (websocket handler of %s, event %s)", Ns_ConnChanName(chan),
                                                   eventNames[event]));
    (void)Ns_TclLogErrorInfo(interp, NULL);
}

/* Evaluate the command's words, the event, the channel, and up to two more words (with reference count 0 or more). */
static bool
Run(NsChan *chan, TclHandler *handler, int event, Tcl_Obj *first, Tcl_Obj *second)
{
    Tcl_Interp *interp = NsWorkerInterp(NsChanWorker(chan), Ns_ConnChanServer(chan));
    Tcl_Obj    *room[16], **objv = room, *handle = handler->handle;
    NsChan     *outer = handled;
    int         code, objc, i, extra;

    if (handler->words == NULL) {
        handler->words = WordsGet(Ns_ConnChanServer(chan), handler->command);
    }
    if (handle == NULL) {
        handle = NsChanNewObj(chan);
        if (event == W_MESSAGE) {
            handler->handle = handle;          /* for the messages to come; sessions that only listen need none */
            Tcl_IncrRefCount(handle);
        }
    }
    Tcl_IncrRefCount(handle);
    objc = handler->words->objc;
    if (objc + 4 > (int)(sizeof(room) / sizeof(room[0]))) {
        objv = ns_malloc((size_t)(objc + 4) * sizeof(Tcl_Obj *));
    }
    for (i = 0; i < objc; i++) {
        objv[i] = handler->words->objv[i];
    }
    objv[objc++] = Word(event);
    objv[objc++] = handle;
    extra = objc;
    if (first != NULL) {
        objv[objc++] = first;
        objv[objc++] = second;
    }
    for (i = extra; i < objc; i++) {
        Tcl_IncrRefCount(objv[i]);
    }
    handled = chan;
    code = Tcl_EvalObjv(interp, objc, objv, TCL_EVAL_GLOBAL);
    handled = outer;
    Tcl_DecrRefCount(handle);
    for (i = extra; i < objc; i++) {
        Tcl_DecrRefCount(objv[i]);
    }
    if (objv != room) {
        ns_free(objv);
    }
    if (code == TCL_ERROR) {
        LogError(interp, chan, event);
    }
    Tcl_ResetResult(interp);
    return code != TCL_ERROR;
}

/* Fails when the session is closing already, and then it needs no other end. */
static void
EndForError(NsChan *chan)
{
    (void)Ns_WebSocketClose(chan, 1011, "error in the handler");
}

static void
OnOpen(Ns_ConnChan *chan, void *arg)
{
    if (!Run(chan, arg, W_OPEN, NULL, NULL)) {
        EndForError(chan);
    }
}

static void
OnMessage(Ns_ConnChan *chan, void *arg, int type, const char *data, size_t len)
{
    bool     text = type == NS_WEBSOCKET_TEXT;
    Tcl_Obj *payload;

    if (len > NS_WS_TCL_MAXMESSAGE) {          /* the limit of the session keeps it below */
        (void)Ns_WebSocketClose(chan, 1009, "message too big");
        return;
    }
    payload = text ? NsWsTextObj(data, len) : Tcl_NewByteArrayObj((const unsigned char *)data, (int)len);
    if (!Run(chan, arg, W_MESSAGE, Word(text ? W_TEXT : W_BINARY), payload)) {
        EndForError(chan);
    }
}

static void
OnDrain(Ns_ConnChan *chan, void *arg)
{
    (void)Run(chan, arg, W_DRAIN, NULL, NULL);
}

static void
OnClose(Ns_ConnChan *chan, void *arg, int code, const char *reason)
{
    (void)Run(chan, arg, W_CLOSE, Tcl_NewIntObj(code), Tcl_NewStringObj(reason, -1));
}

int
NsWsTclHandler(Tcl_Interp *interp, Tcl_Obj *command, Ns_WebSocketHandler *result)
{
    TclHandler *handler;
    const char *text;
    int         length;

    if (Tcl_ListObjLength(interp, command, &length) != TCL_OK) {
        return TCL_ERROR;
    }
    if (length == 0) {
        Ns_TclPrintfResult(interp, "empty handler command");
        return TCL_ERROR;
    }
    text = Tcl_GetStringFromObj(command, &length);
    handler = ns_calloc(1u, sizeof(TclHandler) + (size_t)length + 1u);
    memcpy(handler->command, text, (size_t)length + 1u);
    *result = (Ns_WebSocketHandler){
        .open = OnOpen, .message = OnMessage, .drain = OnDrain, .close = OnClose,
        .freeProc = FreeHandler, .arg = handler, .command = handler->command
    };
    return TCL_OK;
}
