/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The engine of modules/nsproxy: frames, the connection, pools and processes.  The worker is this program itself,
 * called with the arguments of one: it does what the script's first letter says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "../../modules/nsproxy/pool.h"
#include "../../modules/nsproxy/process.h"
#include "../../modules/nsproxy/wire.h"
#include "guard.h"

static char self[4096];

/* ------------------------------------------------------------------------------------------------------- the worker */

/* Of the script that came last. */
static uint32_t number;

static void
Reply(int code, const char *result, size_t len)
{
    ProxyReply  reply = {.code = code, .result = result, .resultLen = len, .errorCode = "A B",
                         .errorCodeLen = code ? 3 : 0, .errorInfo = "where", .errorInfoLen = code ? 5 : 0};
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    ProxyReplyAppend(&ds, number, &reply);
    (void)ProxyWireSendAll(PROXY_WORKER_FD, Tcl_DStringValue(&ds), (size_t)Tcl_DStringLength(&ds), WIRE_FOREVER);
    Tcl_DStringFree(&ds);
}

/*
 * o: first a reply to the script before, e: echo, p: its pid, x: an error, q: quit, k: killed, s: stays silent, j: junk, l: a frame that is too long, h:
 * half a frame, n: no TERM, c: ends, but a child that nobody's signals reach keeps the connection, g: no TERM,
 * and in the group of a child
 */
/* Until the server's side is shut. */
static pid_t
Child(void)
{
    struct pollfd pfd = {.fd = PROXY_WORKER_FD};
    pid_t         pid = fork();

    if (pid == 0) {
        (void)setpgid(0, 0);
        (void)poll(&pfd, 1, 60000);
        _exit(0);
    }
    (void)setpgid(pid, pid);
    return pid;
}

static void
Worker(void)
{
    Tcl_DString ds;
    char        text[32];

    Tcl_DStringInit(&ds);
    while (ProxyWireReceive(PROXY_WORKER_FD, &number, &ds, 100000, WIRE_FOREVER) == WIRE_OK) {
        const char *script = Tcl_DStringValue(&ds);

        switch (*script) {
        case 'p': Reply(TCL_OK, text, (size_t)snprintf(text, sizeof(text), "%d", (int)getpid())); break;
        case 'x': Reply(TCL_ERROR, script + 1, (size_t)Tcl_DStringLength(&ds) - 1); break;
        case 'q': _exit(3);
        case 'k': (void)raise(SIGKILL); break;
        case 's': pause(); break;
        case 'o': number--; Reply(TCL_OK, "late", 4); number++; Reply(TCL_OK, "right", 5); break;
        case 'j': (void)ProxyWireSend(PROXY_WORKER_FD, number, "junk", 4, WIRE_FOREVER); break;
        case 'l': (void)ProxyWireSendAll(PROXY_WORKER_FD, "\x7f\xff\xff\xff........", 12, WIRE_FOREVER); break;
        case 'h': (void)ProxyWireSendAll(PROXY_WORKER_FD, "\0\0\0\x20........", 12, WIRE_FOREVER); break;
        case 'n': (void)signal(SIGTERM, SIG_IGN); Reply(TCL_OK, "", 0); break;
        case 'c': (void)Child(); _exit(0);
        case 'g': (void)signal(SIGTERM, SIG_IGN); (void)setpgid(0, Child()); Reply(TCL_OK, "", 0); break;
        case 'e': Reply(TCL_OK, script + 1, (size_t)Tcl_DStringLength(&ds) - 1); break;
        default:  Reply(TCL_OK, "", 0);
        }
        Tcl_DStringSetLength(&ds, 0);
    }
    _exit(0);
}

/* ----------------------------------------------------------------------------------------------------------- frames */

static void
test_reply(void **state)
{
    ProxyReply  reply = {.code = -7, .errorCode = "CODE", .errorCodeLen = 4, .errorInfo = "I\0F", .errorInfoLen = 3,
                         .result = "result", .resultLen = 6}, back;
    Tcl_DString ds;
    size_t      len;

    (void)state;
    Tcl_DStringInit(&ds);
    ProxyReplyAppend(&ds, 0xfedcba98u, &reply);
    len = ProxyFrameLength((const unsigned char *)Tcl_DStringValue(&ds));
    assert_int_equal(len, ProxyReplyLength(&reply));
    assert_int_equal(Tcl_DStringLength(&ds), len + PROXY_FRAME_HEAD);
    assert_int_equal(ProxyFrameNumber((const unsigned char *)Tcl_DStringValue(&ds)), 0xfedcba98u);
    assert_true(ProxyReplyParse(Tcl_DStringValue(&ds) + PROXY_FRAME_HEAD, len, &back));
    assert_int_equal(back.code, -7);
    assert_int_equal(back.errorCodeLen, 4);
    assert_memory_equal(back.errorCode, "CODE", 4);
    assert_int_equal(back.errorInfoLen, 3);
    assert_memory_equal(back.errorInfo, "I\0F", 3);
    assert_int_equal(back.resultLen, 6);
    assert_memory_equal(back.result, "result", 6);
    Tcl_DStringFree(&ds);
}

/* Cut anywhere it is no reply, or one that is shorter; nothing behind it is read. */
static void
test_reply_cut(void **state)
{
    ProxyReply  reply = {.errorCode = "ab", .errorCodeLen = 2, .errorInfo = "cde", .errorInfoLen = 3,
                         .result = "fg", .resultLen = 2}, back;
    Tcl_DString ds;
    size_t      len, cut;

    (void)state;
    Tcl_DStringInit(&ds);
    ProxyReplyAppend(&ds, 0xfedcba98u, &reply);
    len = (size_t)Tcl_DStringLength(&ds) - PROXY_FRAME_HEAD;
    for (cut = 0; cut <= len; cut++) {
        const char *copy = Guard(Tcl_DStringValue(&ds) + PROXY_FRAME_HEAD, cut);
        bool  good = ProxyReplyParse(copy, cut, &back);

        assert_int_equal(good, cut >= PROXY_REPLY_HEAD + 5);
        assert_true(!good || back.resultLen == cut - PROXY_REPLY_HEAD - 5);
    }
    Tcl_DStringFree(&ds);
}

static void
test_reply_lies(void **state)
{
    static const unsigned char lies[][12] = {
        {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
        {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1}
    };
    ProxyReply reply;
    size_t     i;

    (void)state;
    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        assert_false(ProxyReplyParse((const char *)lies[i], 12, &reply));
    }
}

/* --------------------------------------------------------------------------------------------------- the connection */

static void
test_wire(void **state)
{
    Tcl_DString ds;
    int         fds[2];

    (void)state;
    Tcl_DStringInit(&ds);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(ProxyWireReadable(fds[1], ProxyNow() + 10), WIRE_TIMEOUT);
    assert_int_equal(ProxyWireReceive(fds[1], &number, &ds, 100, ProxyNow() + 10), WIRE_TIMEOUT);
    assert_int_equal(ProxyWireSend(fds[0], 7, "a\0b", 3, WIRE_FOREVER), WIRE_OK);
    assert_int_equal(ProxyWireSend(fds[0], 0xffffffffu, "", 0, WIRE_FOREVER), WIRE_OK);
    assert_int_equal(ProxyWireReadable(fds[1], WIRE_FOREVER), WIRE_OK);
    assert_int_equal(ProxyWireReceive(fds[1], &number, &ds, 100, WIRE_FOREVER), WIRE_OK);
    assert_int_equal(Tcl_DStringLength(&ds), 3);
    assert_memory_equal(Tcl_DStringValue(&ds), "a\0b", 3);
    assert_int_equal(number, 7);
    assert_int_equal(ProxyWireReceive(fds[1], &number, &ds, 100, WIRE_FOREVER), WIRE_OK);
    assert_int_equal(Tcl_DStringLength(&ds), 0);
    assert_int_equal(number, 0xffffffffu);

    /* 101 bytes are one too many; half a frame takes too long; a peer that goes. */
    assert_int_equal(ProxyWireSend(fds[0], 8, self, 101, WIRE_FOREVER), WIRE_OK);
    assert_int_equal(ProxyWireReceive(fds[1], &number, &ds, 100, WIRE_FOREVER), WIRE_TOO_LARGE);
    assert_int_equal(read(fds[1], self + 2048, 101), 101);
    assert_int_equal(ProxyWireSendAll(fds[0], "\0\0\0\5\0\0\0\1abc", 11, WIRE_FOREVER), WIRE_OK);
    assert_int_equal(ProxyWireReceive(fds[1], &number, &ds, 100, ProxyNow() + 20), WIRE_TIMEOUT);
    close(fds[0]);
    assert_int_equal(ProxyWireReadable(fds[1], WIRE_FOREVER), WIRE_OK);
    assert_int_equal(ProxyWireReceive(fds[1], &number, &ds, 100, WIRE_FOREVER), WIRE_CLOSED);
    assert_int_equal(ProxyWireSend(fds[1], 9, "x", 1, WIRE_FOREVER), WIRE_CLOSED);
    close(fds[1]);
    Tcl_DStringFree(&ds);
}

/* A peer that reads nothing: the deadline counts for sending, too. */
static void
test_wire_full(void **state)
{
    static char big[4 * 1024 * 1024];
    int         fds[2];
    int64_t     began = ProxyNow();

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(ProxyWireSend(fds[0], 1, big, sizeof(big), ProxyNow() + 50), WIRE_TIMEOUT);
    assert_true(ProxyNow() - began >= 50);
    close(fds[0]);
    close(fds[1]);
}

/* ------------------------------------------------------------------------------------------------------------ pools */

static ProxyStore *store;
static int         npools;

static ProxyPool *
Fresh(int workers, const char *init, int64_t evalMs)
{
    char       name[32];
    ProxyPool *pool;
    ProxyConf  conf;

    snprintf(name, sizeof(name), "u%d", npools++);
    pool = ProxyPoolFind(store, name, true);
    assert_non_null(pool);
    ProxyPoolGetConf(pool, &conf);
    conf.maxWorkers = workers;
    conf.evalTimeout = (Ns_Time){(long)(evalMs / 1000), (long)(evalMs % 1000) * 1000};
    ns_free(conf.init);
    conf.init = ns_strdup(init);
    assert_true(ProxyPoolSetConf(pool, &conf));
    return pool;
}

static ProxyError
Get(ProxyPool *pool, int n, Proxy **proxies)
{
    ProxyFault fault = {.sysError = 0};
    ProxyError error;

    Tcl_DStringInit(&fault.payload);
    error = ProxyGet(pool, n, NULL, proxies, &fault);
    if (error == PROXY_E_INIT) {
        assert_int_equal(fault.reply.resultLen, 3);
        assert_memory_equal(fault.reply.result, "bad", 3);
    }
    Tcl_DStringFree(&fault.payload);
    return error;
}

/* The text of the reply goes to `result` (100 bytes). */
static ProxyError
Call(Proxy *proxy, const char *script, char *result)
{
    ProxyFault  fault = {.sysError = 0};
    ProxyReply  reply;
    Tcl_DString payload;
    ProxyError  error;

    *result = '\0';
    Tcl_DStringInit(&fault.payload);
    Tcl_DStringInit(&payload);
    error = ProxySend(proxy, script, strlen(script), &fault);
    if (error == PROXY_OK) {
        error = ProxyWait(proxy, NULL, &fault);
    }
    if (error == PROXY_OK) {
        error = ProxyRecv(proxy, &payload, &reply, &fault);
    }
    if (error == PROXY_OK) {
        snprintf(result, 100, "%d %.*s", reply.code, (int)reply.resultLen, reply.result);
    }
    Tcl_DStringFree(&payload);
    Tcl_DStringFree(&fault.payload);
    return error;
}

static void
test_calls(void **state)
{
    ProxyPool *pool = Fresh(2, "", 20000);
    Proxy     *proxy;
    ProxyStats stats;
    char       result[100];

    (void)state;
    assert_int_equal(Get(pool, 1, &proxy), PROXY_OK);
    assert_int_equal(Call(proxy, "ehello", result), PROXY_OK);
    assert_string_equal(result, "0 hello");
    assert_int_equal(Call(proxy, "xwrong", result), PROXY_OK);
    assert_string_equal(result, "1 wrong");
    ProxyPoolStats(pool, &stats);
    assert_int_equal(stats.requests, 2);
    assert_int_equal(stats.used, 1);
    assert_int_equal(stats.free, 1);
    assert_int_equal(stats.processes, 1);
    ProxyPut(proxy);
}

/* Two who change at the same time: the second is told. */
static void
test_configure(void **state)
{
    ProxyPool *pool = Fresh(2, "", 20000);
    ProxyConf  one, two, now;

    (void)state;
    ProxyPoolGetConf(pool, &one);
    ProxyPoolGetConf(pool, &two);
    one.maxWorkers = 5;
    two.maxRuns = 7;
    assert_true(ProxyPoolSetConf(pool, &one));
    assert_false(ProxyPoolSetConf(pool, &two));
    ProxyConfFree(&two);
    ProxyPoolGetConf(pool, &now);
    assert_int_equal(now.maxWorkers, 5);
    assert_int_equal(now.maxRuns, 0);
    ProxyConfFree(&now);
}

/* Whatever the worker does, that call has its error, and the next one a worker. */
static void
test_bad_workers(void **state)
{
    static const struct {
        const char *script;
        ProxyError  error;
    } cases[] = {
        {"q", PROXY_E_DEAD}, {"k", PROXY_E_DEAD}, {"c", PROXY_E_DEAD}, {"j", PROXY_E_IMPORT}, {"o", PROXY_E_IMPORT}, {"l", PROXY_E_SIZE}, {"h", PROXY_E_RECV}
    };
    ProxyPool *pool = Fresh(1, "", 20000);
    ProxyConf  conf;
    Proxy     *proxy;
    char       result[100];
    size_t     i;

    (void)state;
    ProxyPoolGetConf(pool, &conf);
    conf.recvTimeout = (Ns_Time){0, 500000};
    assert_true(ProxyPoolSetConf(pool, &conf));
    assert_int_equal(Get(pool, 1, &proxy), PROXY_OK);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(Call(proxy, cases[i].script, result), cases[i].error);
        assert_int_equal(Call(proxy, "eagain", result), PROXY_OK);
        assert_string_equal(result, "0 again");
    }
    ProxyPut(proxy);
}

static void
test_timeout(void **state)
{
    ProxyPool *pool = Fresh(1, "", 50);
    Proxy     *proxy;
    char       result[100];

    (void)state;
    assert_int_equal(Get(pool, 1, &proxy), PROXY_OK);
    assert_int_equal(Call(proxy, "s", result), PROXY_E_EVAL_TIMEOUT);
    assert_int_equal(Call(proxy, "e", result), PROXY_E_BUSY);
    assert_int_equal(ProxyPing(proxy, NULL), PROXY_E_BUSY);
    ProxyPut(proxy);
}

/* The texts say which worker of which pool, and in what. */
static void
test_fault_words(void **state)
{
    static const struct {
        const char *init, *script, *words;
        ProxyError  error;
    } cases[] = {
        {"", "q", "ended before it answered", PROXY_E_DEAD}, {"q", NULL, "ended during its script init", PROXY_E_DEAD},
        {"xbad", NULL, "failed", PROXY_E_INIT}
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ProxyPool  *pool = Fresh(1, cases[i].init, 20000);
        ProxyFault  fault = {.sysError = 0};
        Proxy      *proxy;
        Tcl_DString ds;
        char        who[100];
        ProxyError  error;

        Tcl_DStringInit(&fault.payload);
        Tcl_DStringInit(&ds);
        error = ProxyGet(pool, 1, NULL, &proxy, &fault);
        if (cases[i].script != NULL) {
            assert_int_equal(error, PROXY_OK);
            assert_int_equal(ProxySend(proxy, cases[i].script, 1, &fault), PROXY_OK);
            assert_int_equal(ProxyWait(proxy, NULL, &fault), PROXY_OK);
            error = ProxyRecv(proxy, &fault.payload, &fault.reply, &fault);
            ProxyPut(proxy);
        }
        assert_int_equal(error, cases[i].error);
        assert_true(fault.pid > 0);
        ProxyFaultAppend(&ds, error, &fault);
        snprintf(who, sizeof(who), "worker %d of pool \"%s\" ", (int)fault.pid, ProxyPoolName(pool));
        assert_non_null(strstr(Tcl_DStringValue(&ds), who));
        assert_non_null(strstr(Tcl_DStringValue(&ds), cases[i].words));
        Tcl_DStringFree(&ds);
        Tcl_DStringFree(&fault.payload);
    }
}

/* It would be refused at the other side, and look as if the worker had died. */
static void
test_init_too_large(void **state)
{
    char      *init = ns_malloc(200001);
    ProxyPool *pool;
    Proxy     *proxy;

    (void)state;
    memset(init, 'e', 200000);
    init[200000] = '\0';
    pool = Fresh(1, init, 20000);
    ns_free(init);
    assert_int_equal(Get(pool, 1, &proxy), PROXY_E_SIZE);
}

static void
test_init_fails(void **state)
{
    ProxyPool *pool = Fresh(3, "xbad", 20000);
    Proxy     *proxies[3];
    ProxyStats stats;

    (void)state;
    assert_int_equal(Get(pool, 3, proxies), PROXY_E_INIT);
    ProxyPoolStats(pool, &stats);
    assert_int_equal(stats.free, 3);
    assert_int_equal(stats.used, 0);
    assert_int_equal(Get(pool, 4, proxies), PROXY_E_RANGE);
    assert_int_equal(Get(pool, 0, proxies), PROXY_OK);
}

static void
CountPids(const ProxyInfo *info, void *arg)
{
    *(int *)arg += info->pid != 0;
}

static void
ClearPool(ProxyPool *pool, void *arg)
{
    ProxyPoolClear(pool, arg);
}

static bool
Await(size_t count)
{
    int64_t end = ProxyNow() + 20000;

    while (ProxyProcessCount() != count && ProxyNow() < end) {
        usleep(1000);
    }
    return ProxyProcessCount() == count;
}

/* One that has gone to another group than its own is killed nevertheless. */
static void
test_other_group(void **state)
{
    ProxyPool *pool = Fresh(1, "", 20000);
    ProxyConf  conf;
    Proxy     *proxy;
    char       result[100];

    (void)state;
    ProxyPoolEach(store, ClearPool, NULL);
    assert_true(Await(0));
    ProxyPoolGetConf(pool, &conf);
    conf.waitTimeout = (Ns_Time){0, 20000};
    assert_true(ProxyPoolSetConf(pool, &conf));
    assert_int_equal(Get(pool, 1, &proxy), PROXY_OK);
    assert_int_equal(Call(proxy, "g", result), PROXY_OK);
    ProxyPoolStop(pool, NULL);
    assert_true(Await(0));
    ProxyPut(proxy);
}

static void
TakePid(const ProxyInfo *info, void *arg)
{
    *(pid_t *)arg = info->pid;
}

/* Others in the process wait for our child: it is seen that it is gone, and its number is not shown any more. */
static void
test_others_wait(void **state)
{
    ProxyPool *pool = Fresh(1, "", 20000);
    Proxy     *proxy;
    int        i;

    (void)state;
    ProxyPoolEach(store, ClearPool, NULL);
    assert_true(Await(0));
    for (i = 0; i < 20; i++) {                 /* the reaper may be faster */
        pid_t pid = 0;

        assert_int_equal(Get(pool, 1, &proxy), PROXY_OK);
        ProxyPoolInfo(pool, TakePid, &pid);
        assert_true(pid > 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        (void)waitpid(pid, NULL, 0);
        assert_true(Await(0));
        ProxyPoolInfo(pool, TakePid, &pid);
        assert_int_equal(pid, 0);
        ProxyPut(proxy);
    }
}

static void
test_clear(void **state)
{
    ProxyPool *pool = Fresh(3, "", 20000);
    Proxy     *proxies[3];
    size_t     before;
    int        n = 0;

    (void)state;
    ProxyPoolEach(store, ClearPool, NULL);
    assert_true(Await(0));
    before = ProxyProcessCount();
    assert_int_equal(Get(pool, 3, proxies), PROXY_OK);
    ProxyPoolInfo(pool, CountPids, &n);
    assert_int_equal(n, 3);
    ProxyPut(proxies[0]);
    ProxyPoolClear(pool, NULL);
    assert_true(Await(before + 2));
    ProxyPut(proxies[1]);
    ProxyPoolClear(pool, ProxyName(proxies[1]));
    assert_true(Await(before + 1));
    ProxyPoolStop(pool, NULL);
    assert_true(Await(before));
    ProxyPut(proxies[2]);
}

/* ---- many threads, and somebody who kills */

#define THREADS 4
#define CALLS   30

static atomic_int good, dead, working;

static void
Caller(void *arg)
{
    char result[100];
    int  i;

    for (i = 0; i < CALLS; i++) {
        Proxy *proxies[2];
        int    n = 1 + i % 2;

        assert_int_equal(Get(arg, n, proxies), PROXY_OK);
        switch (Call(proxies[n - 1], i % 10 == 9 ? "k" : "eyes", result)) {
        case PROXY_OK:     assert_string_equal(result, "0 yes"); atomic_fetch_add(&good, 1); break;
        case PROXY_E_DEAD: atomic_fetch_add(&dead, 1); break;
        default:           assert_true(false);
        }
        while (n > 0) {
            ProxyPut(proxies[--n]);
        }
    }
    atomic_fetch_sub(&working, 1);
}

static void
test_threads(void **state)
{
    ProxyPool *pool = Fresh(3, "", 20000);
    Ns_Thread  threads[THREADS];
    ProxyStats stats;
    int        i;

    (void)state;
    atomic_store(&working, THREADS);
    for (i = 0; i < THREADS; i++) {
        Ns_ThreadCreate(Caller, pool, 0, &threads[i]);
    }
    for (i = 0; i < THREADS; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    assert_int_equal(atomic_load(&dead), THREADS * CALLS / 10);
    assert_int_equal(atomic_load(&good), THREADS * CALLS - THREADS * CALLS / 10);
    ProxyPoolStats(pool, &stats);
    assert_int_equal(stats.free, 3);
    assert_int_equal(stats.used, 0);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.requests, THREADS * CALLS);
}

/* The last one: a waiting thread is told, a worker that refuses SIGTERM is killed, nobody is left, nobody comes. */
static ProxyError waited;

static void
Waiting(void *arg)
{
    Proxy *proxy;

    waited = Get(arg, 1, &proxy);
}

static void
test_stop(void **state)
{
    ProxyPool *pool = Fresh(1, "", 20000), *other = Fresh(1, "", 20000);
    Proxy     *proxy, *none;
    ProxyStats stats;
    Ns_Thread  thread;
    char       result[100];
    int64_t    end = ProxyNow() + 20000;

    (void)state;
    assert_int_equal(Get(pool, 1, &proxy), PROXY_OK);
    assert_int_equal(Call(proxy, "n", result), PROXY_OK);
    Ns_ThreadCreate(Waiting, pool, 0, &thread);
    do {
        usleep(1000);
        ProxyPoolStats(pool, &stats);
    } while (stats.waiting == 0 && ProxyNow() < end);
    ProxyStopBegin();
    Ns_ThreadJoin(&thread, NULL);
    assert_int_equal(waited, PROXY_E_STOP);
    ProxyStopEnd(ProxyNow() + 100);
    assert_int_equal(ProxyProcessCount(), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(Get(other, 1, &none), PROXY_E_STOP);
    assert_int_equal(Call(proxy, "e", result), PROXY_E_STOP);
    ProxyPut(proxy);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply),
        cmocka_unit_test(test_reply_cut),
        cmocka_unit_test(test_reply_lies),
        cmocka_unit_test(test_wire),
        cmocka_unit_test(test_wire_full),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_configure),
        cmocka_unit_test(test_bad_workers),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_fault_words),
        cmocka_unit_test(test_init_too_large),
        cmocka_unit_test(test_init_fails),
        cmocka_unit_test(test_other_group),
        cmocka_unit_test(test_others_wait),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_stop),
    };
    ProxyConf conf = {.exec = self, .init = (char *)"", .reinit = (char *)"", .maxWorkers = 2, .evalTimeout = {20, 0},
                      .sendTimeout = {20, 0}, .recvTimeout = {20, 0}, .waitTimeout = {1, 0}};

    if (argc == 4) {
        Worker();
    }
    Tcl_FindExecutable(argv[0]);
    assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
    store = ProxyStoreCreate(&conf, environ, 100000, 100);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
