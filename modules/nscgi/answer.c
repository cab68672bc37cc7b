/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The request proc: a program is started, and its connection thread waits for the head of the answer.  An answer that is there within
 * a moment is sent as any other.  One that takes longer, or is large, is delivered by the keeper; then the thread is free.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "find.h"
#include "head.h"
#include "keeper.h"
#include "vars.h"

#define PIECE 16384

/* What the program has written while the thread waits. */
typedef struct Held {
    char  *bytes;
    size_t len, size;
    bool   ended;                              /* its output has ended */
} Held;

typedef enum { WAIT_NEWS, WAIT_FAULT, WAIT_GONE, WAIT_TIME } Waited;

/* ---- its input */

static bool
WriteAll(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0u;
    }
    return true;
}

/*
 * A file with the request's body, whether the program ever reads it or not; -1: it has none.  False and errno.  A descriptor's
 * position is shared with who got it: a body in a file is opened anew.
 */
static bool
OpenInput(const Ns_Conn *conn, int *fd)
{
    const char *file = Ns_ConnContentFile(conn);
    bool        ok = true;

    *fd = -1;
    if (conn->contentLength == 0) {
        return true;
    }
    *fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : memfd_create("nscgi", MFD_CLOEXEC);
    ok = *fd >= 0;
    if (ok && file == NULL) {
        ok = WriteAll(*fd, Ns_ConnContent(conn), conn->contentLength) && lseek(*fd, 0, SEEK_SET) == 0;
    }
    if (!ok && *fd >= 0) {
        (void)close(*fd);
    }
    return ok;
}

/* ---- starting */

static char *
FolderOf(const char *file)
{
    char *folder = ns_strdup(file), *last = strrchr(folder, '/');

    last[last == folder ? 1 : 0] = '\0';
    return folder;
}

/* NULL, logged: it cannot be started. */
static CgiRun *
Start(Ns_Conn *conn, CgiServer *server, const CgiTarget *target)
{
    Tcl_DString environment, arguments;
    CgiLaunch   launch = {.name = Tcl_DStringValue(&target->scriptName), .in = -1};
    CgiRun     *run = NULL;
    char       *folder = FolderOf(Tcl_DStringValue(&target->file));

    Tcl_DStringInit(&environment);
    Tcl_DStringInit(&arguments);
    launch.folder = folder;
    launch.envp = CgiEnvironment(conn, server, target, &environment);
    launch.argv = CgiArguments(conn, server, target, &arguments);
    launch.exec = launch.argv[0];
    if (OpenInput(conn, &launch.in)) {
        run = CgiRunStart(server, &launch);
    }
    if (run == NULL) {
        Ns_Log(Error, "nscgi: %s: '%s' cannot be started: %s", launch.name, launch.exec, strerror(errno));
    }
    Tcl_DStringFree(&arguments);
    Tcl_DStringFree(&environment);
    ns_free(folder);
    return run;
}

/* ---- waiting */

/* What there is of its output; one piece at least fits. */
static void
ReadMore(CgiRun *run, Held *held)
{
    ssize_t n;

    if (held->size - held->len < PIECE) {
        held->size = held->size * 2 + PIECE;
        held->bytes = ns_realloc(held->bytes, held->size);
    }
    n = CgiRunRead(run, held->bytes + held->len, held->size - held->len);
    if (n > 0) {
        held->len += (size_t)n;
    } else if (n == 0) {
        held->ended = true;
    }
}

static int
MsUntil(int64_t until, int64_t now)
{
    int64_t left = until - now;

    return left < 0 ? 0 : left > CGI_LOOK_MS ? CGI_LOOK_MS : (int)left;
}

/* Something happens, or it is so late: output is read then.  FAULT: a time limit has ended the program. */
static Waited
Wait(Ns_Conn *conn, CgiRun *run, Held *held, int64_t until)
{
    struct pollfd fds[CGI_RUN_FDS + 2];
    int64_t       now = CgiNow(), due = CgiRunDue(run);

    CgiRunPoll(run, fds);
    fds[3] = (struct pollfd){.fd = Ns_ConnSock(conn), .events = POLLRDHUP};
    fds[4] = (struct pollfd){.fd = CgiStopping() ? -1 : CgiStopFd(), .events = POLLIN};
    if (poll(fds, CGI_RUN_FDS + 2, MsUntil(due < until ? due : until, now)) < 0) {
        return WAIT_NEWS;
    }
    if (fds[0].revents != 0) {
        ReadMore(run, held);
    }
    CgiRunAttend(run, fds);
    now = CgiNow();
    if (fds[3].revents != 0) {
        return WAIT_GONE;
    }
    if (CgiRunCheck(run, now) != NULL) {
        return WAIT_FAULT;
    }
    return now >= until ? WAIT_TIME : WAIT_NEWS;
}

/* The keeper sees to the program's end; nobody hears of it any more. */
static void
Leave(CgiRun *run)
{
    if (CgiRunOver(run)) {
        CgiRunFree(run);
    } else {
        CgiKeep(run);
    }
}

/* ---- answers when it has not given one */

static Ns_ReturnCode
Fail(Ns_Conn *conn, CgiRun *run, int status, const char *title, const char *why)
{
    if (status == 502) {
        Ns_Log(Error, "nscgi: %s: %s", run->name, why);
    }
    CgiRunForce(run);
    Leave(run);
    return Ns_ConnReturnNotice(conn, status, title, "The program that makes this page has failed.");
}

static Ns_ReturnCode
FailWait(Ns_Conn *conn, CgiRun *run, Waited waited)
{
    if (waited == WAIT_GONE) {
        CgiRunForce(run);
        Leave(run);
        return Ns_ConnReturnNoResponse(conn);
    }
    return CgiStopping() ? Fail(conn, run, 503, "Service Unavailable", "") : Fail(conn, run, 504, "Gateway Timeout", "");
}

/* ---- its answer */

static void
TakeHead(Ns_Conn *conn, const CgiHead *head)
{
    for (size_t i = 0; i < Ns_SetSize(head->fields); i++) {
        const char *name = Ns_SetKey(head->fields, i), *value = Ns_SetValue(head->fields, i);

        if (strcasecmp(name, "content-type") == 0 || strcasecmp(name, "content-length") == 0 || strcasecmp(name, "location") == 0) {
            Ns_ConnUpdateHeaders(conn, name, value);
        } else {
            Ns_ConnSetHeaders(conn, name, value);
        }
    }
    Ns_ConnSetResponseStatus(conn, head->status != 0 ? head->status : head->location != NULL ? 302 : 200);
}

/* The answer is that of another URL of this server, asked for by GET and without a body. */
static Ns_ReturnCode
RedirectLocally(Ns_Conn *conn, CgiRun *run, const CgiHead *head)
{
    const char   *method = conn->request.method;
    size_t        length = conn->contentLength;
    Ns_ReturnCode status;

    Leave(run);
    if (strcmp(method, "HEAD") != 0) {
        conn->request.method = "GET";
    }
    conn->contentLength = 0;
    status = Ns_ConnRedirect(conn, head->location);
    conn->request.method = method;
    conn->contentLength = length;
    return status;
}

static bool
IsHead(const Ns_Conn *conn)
{
    return strcmp(conn->request.method, "HEAD") == 0;
}

/* All is there. */
static Ns_ReturnCode
SendWhole(Ns_Conn *conn, const CgiRun *run, const CgiHead *head, const Held *held)
{
    Tcl_WideInt  announced = CgiHeadContentLength(head);
    struct iovec iov = {.iov_base = held->bytes + head->length, .iov_len = held->len - head->length};

    if (announced > (Tcl_WideInt)iov.iov_len && !IsHead(conn)) {
        Ns_Log(Warning, "nscgi: %s: its answer of %zu bytes is shorter than its Content-Length %" TCL_LL_MODIFIER "d", run->name,
               iov.iov_len, announced);
        (void)Ns_SetIDeleteKey(conn->outputheaders, "content-length");
    }
    if (IsHead(conn) && iov.iov_len == 0 && announced < 0) {
        (void)Ns_ConnWriteVData(conn, &iov, 0, NS_CONN_STREAM);        /* a length of 0 would be GET's */
        return Ns_ConnClose(conn);
    }
    return Ns_ConnWriteVData(conn, &iov, 1, IsHead(conn) ? NS_CONN_STREAM_CLOSE : 0u);
}

/* The head, and what there is; the keeper sends the rest. */
static Ns_ReturnCode
SendBegin(Ns_Conn *conn, CgiRun *run, const CgiHead *head, const Held *held)
{
    struct iovec iov = {.iov_base = held->bytes + head->length, .iov_len = held->len - head->length};
    int          pieces = iov.iov_len > 0 ? 1 : 0;

    run->left = CgiHeadContentLength(head);
    if (!IsHead(conn)) {
        Ns_ConnUpdateHeaders(conn, "connection", "close");
    }
    (void)Ns_ConnWriteVData(conn, &iov, pieces, NS_CONN_STREAM);
    if (IsHead(conn) || (conn->flags & NS_CONN_SKIPBODY) != 0u) {
        Leave(run);
        return Ns_ConnClose(conn);
    }
    run->left -= run->left < 0 ? 0 : run->left < (int64_t)iov.iov_len ? run->left : (int64_t)iov.iov_len;
    run->chunked = (conn->flags & NS_CONN_CHUNK) != 0u;
    run->wrote = true;
    run->chan = Ns_ConnChanDetach(conn);
    if (run->chan == NULL) {                   /* the client is gone */
        CgiRunForce(run);
    }
    CgiKeep(run);
    return NS_OK;
}

/* The rest of the answer, if it is there within `holdtime` and `holdsize`. */
static Ns_ReturnCode
Answer(Ns_Conn *conn, CgiRun *run, const CgiHead *head, Held *held)
{
    int64_t until = CgiNow() + run->server->holdTime;
    Waited  waited = WAIT_NEWS;

    while (!CgiRunClosed(run, CgiNow()) && held->len - head->length <= run->server->holdSize && waited == WAIT_NEWS) {
        waited = Wait(conn, run, held, until);
    }
    if (waited == WAIT_GONE || waited == WAIT_FAULT) {
        return FailWait(conn, run, waited);
    }
    if (CgiRunCrashed(run)) {
        return Fail(conn, run, 502, "Bad Gateway", "it was ended by a signal");
    }
    TakeHead(conn, head);
    if (held->ended) {
        Ns_ReturnCode status = SendWhole(conn, run, head, held);

        Leave(run);
        return status;
    }
    return SendBegin(conn, run, head, held);
}

/* Until the head is there. */
static Ns_ReturnCode
WaitForHead(Ns_Conn *conn, CgiRun *run, Held *held)
{
    CgiHeadState  state = CGI_HEAD_MORE;
    Waited        waited = WAIT_NEWS;
    CgiHead       head = {.fields = NULL};
    size_t        parsed = 0;
    Ns_ReturnCode status;

    while (state == CGI_HEAD_MORE && !held->ended && waited == WAIT_NEWS && held->len < run->server->maxHead) {
        waited = Wait(conn, run, held, INT64_MAX);
        if (held->len > parsed) {
            state = CgiHeadParse(held->bytes, held->len, &head);
            parsed = held->len;
        }
    }
    while (held->ended && state != CGI_HEAD_DONE && waited == WAIT_NEWS && !CgiRunClosed(run, CgiNow())) {
        waited = Wait(conn, run, held, INT64_MAX);     /* the log is to say how it has ended */
    }
    if (waited == WAIT_GONE || waited == WAIT_FAULT) {
        status = FailWait(conn, run, waited);
    } else if (state == CGI_HEAD_BAD) {
        status = Fail(conn, run, 502, "Bad Gateway", head.fault);
    } else if (state == CGI_HEAD_MORE) {
        status = Fail(conn, run, 502, "Bad Gateway", held->len == 0 ? "it has written nothing"
                      : held->ended ? "its output has ended before the empty line behind its head" : "its head is larger than maxhead");
    } else if (CgiHeadIsLocal(&head)) {
        status = RedirectLocally(conn, run, &head);
    } else {
        status = Answer(conn, run, &head, held);
    }
    CgiHeadFree(&head);
    return status;
}

/* nph-: what it writes is the answer, as it is. */
static Ns_ReturnCode
AnswerRaw(Ns_Conn *conn, CgiRun *run)
{
    run->raw = true;
    run->chan = Ns_ConnChanDetach(conn);
    if (run->chan == NULL) {
        CgiRunForce(run);
    }
    CgiKeep(run);
    return NS_OK;
}

/* ---- the request */

static Ns_ReturnCode
SendStatic(Ns_Conn *conn, const CgiTarget *target)
{
    struct stat st;
    int         fd = open(Tcl_DStringValue(&target->file), O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0 || (strcmp(conn->request.method, "GET") != 0 && !IsHead(conn))) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return fd < 0 ? Ns_ConnReturnForbidden(conn) : Ns_ConnReturnInvalidMethod(conn);
    }
    Ns_ConnSetLastModifiedHeader(conn, &st.st_mtime);
    return Ns_ConnReturnOpenFd(conn, 200, Ns_GetMimeType(Tcl_DStringValue(&target->fileName)), fd, (size_t)st.st_size);
}

static Ns_ReturnCode
RunProgram(Ns_Conn *conn, CgiServer *server, const CgiTarget *target)
{
    Held          held = {.bytes = NULL};
    Ns_ReturnCode status;
    CgiRun       *run;

    if (conn->contentLength > server->maxInput) {
        return Ns_ConnReturnEntityTooLarge(conn);
    }
    if (!CgiPlaceTake(server)) {
        Ns_Log(Warning, "nscgi: %s: no place for it: limit is %d", Tcl_DStringValue(&target->scriptName), server->limit);
        Ns_ConnUpdateHeaders(conn, "retry-after", "5");
        return Ns_ConnReturnUnavailable(conn);
    }
    run = Start(conn, server, target);
    if (run == NULL) {
        CgiPlaceRelease(server);
        return Ns_ConnReturnInternalError(conn);
    }
    status = target->raw ? AnswerRaw(conn, run) : WaitForHead(conn, run, &held);
    ns_free(held.bytes);
    return status;
}

Ns_ReturnCode
CgiRequest(const void *arg, Ns_Conn *conn)
{
    const CgiMap *map = arg;
    CgiTarget     target;
    Ns_ReturnCode status;
    int           fault = CgiFind(map, conn->request.url, &target);

    if (fault != 0) {
        status = fault == 403 ? Ns_ConnReturnForbidden(conn) : Ns_ConnReturnNotFound(conn);
    } else if (target.isStatic) {
        status = SendStatic(conn, &target);
    } else {
        status = RunProgram(conn, map->server, &target);
    }
    CgiTargetFree(&target);
    return status;
}
