/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of the log, threads, encodings, zlib and interpreters.
 */
#include <stdatomic.h>
#include "nscapi.h"

/* ---- the log ---- */

typedef struct Seen {
    Ns_Mutex    lock;
    Tcl_DString texts;                         /* under the lock */
    int         count, freed;
} Seen;

static Seen seen;

static Ns_ReturnCode
Filter(const void *arg, Ns_LogSeverity severity, const Ns_Time *stamp, const char *msg, size_t len)
{
    Seen         *mine = ns_const2voidp(arg);
    Ns_ReturnCode status = NS_OK;

    if (strncmp(msg, "nscapi filter ", 14) != 0 || stamp->sec <= 0 || strlen(msg) != len) {
        return NS_OK;
    }
    Ns_Log(Notice, "nscapi inside of a filter");
    Ns_MutexLock(&mine->lock);
    mine->count++;
    if (mine->count < 10) {
        Tcl_DStringAppendElement(&mine->texts, Ns_LogSeverityName(severity));
        Tcl_DStringAppendElement(&mine->texts, msg + 14);
    }
    Ns_MutexUnlock(&mine->lock);
    if (STREQ(msg + 14, "swallowed")) {
        status = NS_FILTER_BREAK;
    } else if (STREQ(msg + 14, "kept")) {
        status = NS_ERROR;
    }
    return status;
}

static Ns_ReturnCode
SecondFilter(const void *UNUSED(arg), Ns_LogSeverity UNUSED(severity), const Ns_Time *UNUSED(stamp), const char *msg, size_t UNUSED(len))
{
    return STREQ(msg, "nscapi filter kept") ? NS_FILTER_BREAK : NS_OK;     /* is not asked */
}

static void
Freed(void *arg)
{
    ((Seen *)arg)->freed++;
}

static Ns_ReturnCode
LogFilters(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_DStringInit(&seen.texts);
    seen.count = seen.freed = 0;
    Ns_AddLogFilter(SecondFilter, NULL, NULL);
    Ns_AddLogFilter(Filter, &seen, Freed);
    Ns_Log(Notice, "nscapi filter written");
    Ns_Log(Warning, "nscapi filter swallowed");
    Ns_Log(Notice, "nscapi filter kept");
    Ns_RemoveLogFilter(Filter, NULL);
    Put(ds, "%d", seen.freed);
    Ns_RemoveLogFilter(Filter, &seen);
    Ns_RemoveLogFilter(SecondFilter, NULL);
    Ns_Log(Notice, "nscapi filter later");
    Put(ds, "%d %d", seen.count, seen.freed);
    Put(ds, "%s", Ns_DStringValue(&seen.texts));
    Ns_DStringFree(&seen.texts);
    return NS_OK;
}

static void
LogMuch(void *UNUSED(arg))
{
    for (int i = 0; i < 200; i++) {
        Ns_Log(Notice, "nscapi filter swallowed");
    }
}

/* Filters come and go while others log. */
static Ns_ReturnCode
LogThreads(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Thread threads[3];

    Ns_DStringInit(&seen.texts);
    seen.count = seen.freed = 0;
    Ns_AddLogFilter(Filter, &seen, Freed);
    for (int i = 0; i < 3; i++) {
        Ns_ThreadCreate(LogMuch, NULL, 0, &threads[i]);
    }
    for (int i = 0; i < 100; i++) {
        Ns_AddLogFilter(SecondFilter, &threads, NULL);
        Ns_ThreadYield();
        Ns_RemoveLogFilter(SecondFilter, &threads);
    }
    for (int i = 0; i < 3; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    Ns_RemoveLogFilter(Filter, &seen);
    Put(ds, "%d %d", seen.count, seen.freed);
    Ns_DStringFree(&seen.texts);
    return NS_OK;
}

static Ns_Mutex    flushLock;
static Tcl_DString flushed;

static void
Flush(const char *msg, size_t len)
{
    Ns_Log(Notice, "nscapi put out");          /* to the file, not again by this proc */
    Ns_MutexLock(&flushLock);
    Tcl_DStringAppend(&flushed, msg, (TCL_SIZE_T)len);
    Ns_MutexUnlock(&flushLock);
}

static void
Format(Tcl_DString *text, Ns_LogSeverity UNUSED(severity), const char *fmt, va_list ap)
{
    Ns_Log(Notice, "nscapi within");           /* not again by this proc */
    Ns_DStringAppend(text, "formatted: ");
    Ns_DStringVPrintf(text, fmt, ap);
}

static Ns_ReturnCode
LogProcs(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    const char *found;

    Ns_DStringInit(&flushed);
    Ns_SetLogFlushProc(Flush);
    Ns_SetNsLogProc(Format);
    Ns_Log(Notice, "nscapi %d", 5);
    Ns_SetNsLogProc(NULL);
    Ns_SetLogFlushProc(NULL);
    Ns_Log(Notice, "nscapi afterwards");
    Ns_MutexLock(&flushLock);
    found = strstr(Ns_DStringValue(&flushed), "Notice: formatted: nscapi 5\n");
    Put(ds, "%d %d", found != NULL, strstr(Ns_DStringValue(&flushed), "afterwards") == NULL);
    Ns_DStringFree(&flushed);
    Ns_MutexUnlock(&flushLock);
    return NS_OK;
}

/* ---- threads and locks ---- */

static void
GiveResult(void *arg)
{
    Nsthreads_LibInit();
    Ns_SetThreadServer("a server");
    Ns_ThreadExit(Ns_GetThreadServer() != NULL ? arg : NULL);
}

static Ns_ReturnCode
Threads(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Thread   thread;
    Ns_RWLock   lock = NULL;
    Ns_Mutex    mutex = NULL;
    Tcl_DString out;
    size_t      size, used;
    void       *result;
    Ns_Time     later, relative = {5, 0}, left;
    int         thing;

    Nsd_LibInit();
    Ns_ThreadCreate(GiveResult, &thing, 0, &thread);
    while (Ns_ThreadResult(thread) == NULL) {
        Ns_ThreadYield();
    }
    Put(ds, "%d", Ns_ThreadResult(thread) == &thing);
    Ns_ThreadJoin(&thread, &result);
    Put(ds, "%d", result == &thing);
    Put(ds, "%s", Ns_GetThreadServer() != NULL ? Ns_GetThreadServer() : "-");
    Ns_ThreadGetThreadInfo(&size, &used);
    Put(ds, "%d", size >= 65536 && used > 100 && used < size);
    Ns_DStringInit(&out);
    Ns_ThreadCputimes(&out);
    Put(ds, "%d", strstr(Ns_DStringValue(&out), Ns_ThreadGetName()) != NULL && strstr(Ns_DStringValue(&out), " utime ") != NULL);
    Ns_DStringTrunc(&out, 0);
    Ns_RWLockSetName2(&lock, "nscapi", "readwrite");
    Ns_MutexSetName2(&mutex, "nscapi", "mutex");
    Ns_RWLockList(&out);
    Put(ds, "%d %d", strstr(Ns_DStringValue(&out), "nscapi:readwrite") != NULL, strstr(Ns_DStringValue(&out), "nscapi:mutex") == NULL);
    Ns_RWLockDestroy(&lock);
    Ns_MutexDestroy(&mutex);
    Ns_GetTime(&later);
    later.sec += 100;
    (void)Ns_RelativeTime(&left, &later);
    Put(ds, "%d %d", left.sec >= 90 && left.sec <= 100, Ns_RelativeTime(&left, &relative) == &relative);
    Put(ds, "%s %s", Ns_FilterTypeString(NS_FILTER_PRE_AUTH), Ns_FilterTypeString(NS_FILTER_VOID_TRACE));
    Ns_DStringFree(&out);
    return NS_OK;
}

/* ---- encodings, zlib ---- */

static Ns_ReturnCode
Charsets(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_Encoding latin = Ns_GetCharsetEncoding("ISO-8859-1");

    Put(ds, "%d %d", latin != NULL && latin == Ns_GetEncoding("iso8859-1"), Ns_GetEncoding("iso8859-1") == Ns_GetEncoding("iso8859-1"));
    Put(ds, "%s %d", Ns_GetEncodingCharset(latin), Ns_GetCharsetEncodingEx("utf-8xx", 5) == NS_utf8Encoding);
    Put(ds, "%d %d", Ns_GetCharsetEncoding("none") == NULL, Ns_GetEncoding("none") == NULL);
    Put(ds, "%d %d", Ns_GetTypeEncoding("text/html; charset=iso-8859-1") == latin, Ns_GetTypeEncoding("image/png") == NULL);
    Put(ds, "%d %d", Ns_GetFileEncoding("a.txt") == NS_utf8Encoding, Ns_GetFileEncoding("a.png") == NULL);
    Put(ds, "%d %d %d", Ns_IsBinaryMimeType("image/png"), Ns_IsBinaryMimeType("text/html"), Ns_IsBinaryMimeType("application/x; charset=utf-8"));
    return NS_OK;
}

/* Appends what comes of a piece. */
static int
Inflate(Ns_CompressStream *stream, const char *data, size_t len, Tcl_DString *out)
{
    char   buffer[7];
    size_t got;
    int    code;

    (void)Ns_InflateBufferInit(stream, data, len);
    do {
        code = Ns_InflateBuffer(stream, buffer, sizeof(buffer), &got);
        Tcl_DStringAppend(out, buffer, (TCL_SIZE_T)got);
    } while (code == TCL_CONTINUE);
    return code;
}

static Ns_ReturnCode
Zlib(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_CompressStream zip, unzip;
    struct iovec      bufs[2] = {{ns_const2voidp("hello "), 6}, {ns_const2voidp("hello hello"), 11}};
    Tcl_DString       packed, out;
    int               status, code, first;

    Ns_DStringInit(&packed);
    Ns_DStringInit(&out);
    (void)Ns_CompressInit(&zip);
    status = Ns_CompressBufsGzip(&zip, bufs, 2, &packed, 6, NS_FALSE);
    first = Ns_DStringLength(&packed);
    (void)Ns_InflateInit(&unzip);
    code = Inflate(&unzip, Ns_DStringValue(&packed), (size_t)first, &out);
    Put(ds, "%d %d %s", status, code, Ns_DStringValue(&out));      /* what was not the end can be read */
    status = Ns_CompressBufsGzip(&zip, bufs, 1, &packed, 9, NS_TRUE);
    code = Inflate(&unzip, Ns_DStringValue(&packed) + first, (size_t)(Ns_DStringLength(&packed) - first), &out);
    Put(ds, "%d %d %s", status, code, Ns_DStringValue(&out));
    Put(ds, "%d", Ns_InflateEnd(&unzip));
    Ns_DStringTrunc(&packed, 0);
    Ns_DStringTrunc(&out, 0);
    status = Ns_CompressBufsGzip(&zip, bufs + 1, 1, &packed, 1, NS_TRUE);      /* another one */
    (void)Ns_InflateInit(&unzip);
    code = Inflate(&unzip, Ns_DStringValue(&packed), (size_t)Ns_DStringLength(&packed), &out);
    Put(ds, "%d %d %s", status, code, Ns_DStringValue(&out));
    (void)Ns_InflateEnd(&unzip);
    Ns_CompressFree(&zip);
    Ns_DStringTrunc(&packed, 0);
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%d", Ns_CompressGzip("abc", 3, &packed, 9));
    Ns_DStringValue(&packed)[Ns_DStringLength(&packed) - 6] ^= 1;  /* its checksum */
    (void)Ns_InflateInit(&unzip);
    Put(ds, "%d", Inflate(&unzip, Ns_DStringValue(&packed), (size_t)Ns_DStringLength(&packed), &out));
    (void)Ns_InflateEnd(&unzip);
    Ns_DStringFree(&packed);
    Ns_DStringFree(&out);
    return NS_OK;
}

/* ---- interpreters ---- */

static int deferred;

static void
Deferred(Tcl_Interp *UNUSED(interp), void *arg)
{
    deferred = deferred * 10 + PTR2INT(arg);
}

static Ns_ReturnCode
Interps(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_Interp *own = Ns_TclCreateInterp(), *plain = Tcl_CreateInterp(), *taken;
    int         code = Tcl_Eval(own, "list [ns_config -int ns/nscapi number] [info commands ns_sockcallback] [llength [info commands clock]]");

    Put(ds, "%d %s %d", code, Tcl_GetStringResult(own), Ns_TclInterpServPtr(own) == NULL);
    deferred = 0;
    Ns_TclRegisterDeferred(own, Deferred, INT2PTR(1));
    Ns_TclRegisterDeferred(own, Deferred, INT2PTR(2));
    Ns_TclDestroyInterp(own);
    Put(ds, "%d", deferred);
    Put(ds, "%d %d", Ns_TclInit(plain), Nsd_Init(plain));
    code = Tcl_Eval(plain, "ns_crypto::md string -digest md5 abc");
    Put(ds, "%d %s", code, Tcl_GetStringResult(plain));
    Ns_TclDestroyInterp(plain);
    taken = Ns_TclAllocateInterp(argv[0]);
    Put(ds, "%d", STREQ(Ns_ServerName(Ns_TclInterpServPtr(taken)), argv[0]));
    (void)Tcl_Eval(taken, "error {nscapi failed}");
    Put(ds, "%d", strncmp(Ns_TclLogError(taken), "nscapi failed", 13));
    Put(ds, "%d", strncmp(Ns_TclLogErrorRequest(taken, NULL), "nscapi failed", 13));
    Ns_TclMarkForDelete(taken);
    Ns_TclDestroyInterp(taken);
    Put(ds, "%d %d", access(Ns_TclLibrary(argv[0]), R_OK), access(Ns_TclLibrary(NULL), R_OK));
    Put(ds, "%d %d", Ns_TclInitModule("no such server", "m"), Ns_TclInitModule(argv[0], "m"));
    Put(ds, "%d", Ns_TclRegisterAtDelete(NULL, NULL));             /* none is being made */
    return NS_OK;
}

static Ns_ReturnCode
TclThreads(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Thread thread;
    void     *result = NULL;

    (void)Ns_TclThread(interp, "expr {6 * 7}", &thread);
    Ns_ThreadJoin(&thread, &result);
    Put(ds, "%s", (char *)result);
    ns_free(result);
    (void)Ns_TclThread(interp, "error {nscapi thread}", &thread);
    Ns_ThreadJoin(&thread, &result);
    Put(ds, "%d", result == NULL);
    Put(ds, "%d", Ns_TclDetachedThread(interp, argv[0]));
    return NS_OK;
}

static Ns_ReturnCode
DictSets(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_Obj *list = Tcl_NewStringObj("A 1 b 2", -1), *odd = Tcl_NewStringObj("a", -1);
    Ns_Set  *set, *other;
    char    *id;
    int      code;

    Tcl_IncrRefCount(list);
    Tcl_IncrRefCount(odd);
    set = Ns_SetCreateFromDict(interp, "s", list, 0u);
    other = Ns_SetCreateFromDict(interp, NULL, list, NS_SET_OPTION_NOCASE);
    Put(ds, "%s %d %s", Ns_SetName(set), (int)Ns_SetSize(set), Ns_SetKey(set, 0));
    Put(ds, "%s %s", Ns_SetKey(other, 0), Ns_SetGet(other, "B"));
    code = Ns_SetCreateFromDict(interp, NULL, odd, 0u) == NULL;
    Put(ds, "%d %s", code, Tcl_GetStringResult(interp));
    (void)Ns_TclEnterSet(interp, set, NS_TCL_SET_DYNAMIC);
    id = ns_strdup(Tcl_GetStringResult(interp));
    code = Ns_TclFreeSet(interp, id);
    Put(ds, "%d %d", code, Ns_TclFreeSet(interp, id));
    ns_free(id);
    Ns_SetFree(other);
    Tcl_DecrRefCount(list);
    Tcl_DecrRefCount(odd);
    return NS_OK;
}

/* Whom the thread of a request works for. */
static Ns_ReturnCode
TellServer(const void *UNUSED(arg), Ns_Conn *conn)
{
    const char *server = Ns_GetThreadServer();

    return Ns_ConnReturnCharData(conn, 200, server != NULL ? server : "-", -1, "text/plain");
}

static atomic_int traced[2];                   /* interpreters made; cleaned up */

static Ns_ReturnCode
CountTrace(Tcl_Interp *UNUSED(interp), const void *arg)
{
    atomic_fetch_add(&traced[PTR2INT(arg)], 1);
    return NS_OK;
}

static Ns_ReturnCode
Traces(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    int made = atomic_load(&traced[0]), cleaned = atomic_load(&traced[1]);

    (void)Ns_TclEval(NULL, argv[0], "set x 1");
    Put(ds, "%d %d", made > 0, atomic_load(&traced[1]) > cleaned);
    return NS_OK;
}

void
CoreInit(const char *server)
{
    (void)Ns_TclRegisterAtCreate(CountTrace, INT2PTR(0));
    (void)Ns_TclRegisterAtCleanup(CountTrace, INT2PTR(1));
    (void)Ns_TclRegisterAtDelete(CountTrace, INT2PTR(1));
    Ns_RegisterRequest(server, "GET", "/capi/threadserver", TellServer, NULL, NULL, 0u);
}

const Check coreChecks[] = {
    {"logfilters", LogFilters}, {"logthreads", LogThreads}, {"logprocs", LogProcs}, {"threads", Threads}, {"charsets", Charsets},
    {"zlib", Zlib}, {"interps", Interps}, {"tclthreads", TclThreads}, {"dictsets", DictSets}, {"traces", Traces}, {NULL, NULL}
};
