/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The send queue: order, partial sends, files, spooling, errors.  The transport is a fake one that takes as many bytes at
 * a time as the test says; the last tests use a real socket pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "driver/outqueue.h"

/* ---- a transport that is told what to do */

static struct {
    char   got[1024 * 1024];
    size_t len;                                /* of got */
    size_t perCall;                            /* takes at most so much in a call; 0: everything */
    size_t room;                               /* takes so much in all, then EAGAIN */
    int    error;                              /* errno instead */
    int    calls, maxIov;
} fake;

static ssize_t
FakeSend(Ns_Wire *sock, const struct iovec *iov, int iovcnt)
{
    size_t n = 0;
    int    i;

    fake.calls++;
    if (iovcnt > fake.maxIov) {
        fake.maxIov = iovcnt;
    }
    if (fake.error != 0) {
        errno = fake.error;
        if (fake.error == EINTR) {
            fake.error = 0;
        }
        return -1;
    }
    for (i = 0; i < iovcnt; i++) {
        size_t part = iov[i].iov_len;

        if (fake.perCall > 0 && part > fake.perCall - n) {
            part = fake.perCall - n;
        }
        if (part > fake.room) {
            part = fake.room;
        }
        assert_true(fake.len + part <= sizeof(fake.got));
        memcpy(fake.got + fake.len, iov[i].iov_base, part);
        fake.len += part;
        fake.room -= part;
        n += part;
        if (part < iov[i].iov_len) {
            break;
        }
    }
    if (n == 0) {
        sock->waitSend = NS_SOCK_READ;         /* as TLS may want it */
        errno = EAGAIN;
        return -1;
    }
    return (ssize_t)n;
}

static bool FakePending(const Ns_Wire *sock) { (void)sock; return false; }

/* With `pending` a short write does not mean that the socket is full. */
static const Ns_Transport buffered = {.name = "fake", .send = FakeSend, .pending = FakePending};
static const Ns_Transport plain = {.name = "fake", .send = FakeSend};

static Ns_Wire sock;
static NsOutQueue queue;
static size_t sent;

static int
SetUp(void **state)
{
    (void)state;
    memset(&fake, 0, sizeof(fake));
    fake.room = sizeof(fake.got);
    memset(&sock, 0, sizeof(sock));
    memset(&queue, 0, sizeof(queue));
    sock.sock = -1;
    sock.transport = &buffered;
    sent = 0;
    return 0;
}

static int
TearDown(void **state)
{
    (void)state;
    NsOutClear(&queue);
    assert_true(NsOutEmpty(&queue));
    assert_int_equal(queue.bytes, 0);
    assert_int_equal(queue.memory, 0);
    return 0;
}

static void
AddText(const char *text)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};

    NsOutAddCopy(&queue, &iov, 1, 0);
}

static void
AssertGot(const char *text)
{
    assert_int_equal(fake.len, strlen(text));
    assert_memory_equal(fake.got, text, fake.len);
}

static int
TempFile(const char *content)
{
    char name[] = "/tmp/test_outqueue_XXXXXX";
    int  fd = mkstemp(name);

    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    return fd;
}

static bool
IsOpen(int fd)
{
    return fcntl(fd, F_GETFD) != -1;
}

/* ---- memory */

static void
EmptyQueueIsDone(void **state)
{
    (void)state;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(sent, 0);
    assert_int_equal(fake.calls, 0);
}

static void
BuffersAndCopiesGoInOneCallInOrder(void **state)
{
    Ns_Buf *buf = Ns_BufCopy("0123456789", 10);

    (void)state;
    AddText("first ");
    NsOutAddBuf(&queue, buf, 2, 5);
    Ns_BufRelease(buf);
    AddText(" last");
    assert_int_equal(queue.bytes, 16);
    assert_int_equal(queue.memory, 16);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(sent, 16);
    assert_int_equal(fake.calls, 1);
    assert_int_equal(fake.maxIov, 3);
    AssertGot("first 23456 last");
}

static void
EmptyPiecesLeaveNoTrace(void **state)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)"", 0}, {NULL, 0}};
    Ns_Buf       *buf = Ns_BufCopy("x", 1);
    int          fd = TempFile("x");

    (void)state;
    NsOutAddCopy(&queue, iov, 2, 0);
    NsOutAddBuf(&queue, buf, 0, 0);
    NsOutAddFile(&queue, fd, 0, 0);
    assert_true(NsOutEmpty(&queue));
    assert_int_equal(buf->refs, 1);
    assert_false(IsOpen(fd));
    Ns_BufRelease(buf);
}

static void
CopySkipsWhatWasSent(void **state)
{
    struct iovec iov[3] = {{(void *)(uintptr_t)"abc", 3}, {(void *)(uintptr_t)"", 0}, {(void *)(uintptr_t)"defg", 4}};
    size_t       skip;

    (void)state;
    for (skip = 0; skip <= 8; skip++) {
        fake.len = 0;
        NsOutAddCopy(&queue, iov, 3, skip);
        assert_int_equal(queue.bytes, skip < 7 ? 7 - skip : 0);
        assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
        AssertGot(&"abcdefg"[skip < 7 ? skip : 7]);
    }
}

static void
ManySmallCopiesShareAnItem(void **state)
{
    char expected[3001];
    int  i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        AddText("abc");
        memcpy(expected + 3 * i, "abc", 3);
    }
    expected[3000] = '\0';
    fake.perCall = 700;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(fake.maxIov, 1);
    AssertGot(expected);
}

/* Every cut: n bytes are taken, then the socket is full, then the rest. */
static void
CutAtEveryByteNothingIsLostOrRepeated(void **state)
{
    size_t cut;

    (void)state;
    for (cut = 0; cut <= 16; cut++) {
        Ns_Buf *buf = Ns_BufCopy("0123456789", 10);

        fake.len = 0;
        fake.room = cut;
        AddText("abc");
        NsOutAddBuf(&queue, buf, 0, 10);
        AddText("xyz");
        assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), cut < 16 ? NS_OUT_AGAIN : NS_OUT_DONE);
        assert_int_equal(sent, cut);
        assert_int_equal(queue.bytes, 16 - cut);
        assert_int_equal(queue.memory, 16 - cut);
        fake.room = 100;
        assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
        assert_int_equal(sent, 16 - cut);
        AssertGot("abc0123456789xyz");
        assert_int_equal(buf->refs, 1);
        Ns_BufRelease(buf);
    }
}

static void
RefusalKeepsWhatTheTransportWaitsFor(void **state)
{
    (void)state;
    fake.room = 0;
    AddText("abc");
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_AGAIN);
    assert_int_equal(sock.waitSend, NS_SOCK_READ);
}

static void
PlainSocketIsNotAskedAgainAfterAShortWrite(void **state)
{
    (void)state;
    sock.transport = &plain;
    fake.room = 2;
    AddText("abc");
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_AGAIN);
    assert_int_equal(sent, 2);
    assert_int_equal(fake.calls, 1);
    assert_int_equal(sock.waitSend, NS_SOCK_WRITE);
}

static void
BudgetEndsTheTurn(void **state)
{
    (void)state;
    AddText("0123456789");
    AddText("abcdef");
    assert_int_equal(NsOutSend(&queue, &sock, 7, NULL, 0, &sent), NS_OUT_MORE);
    assert_int_equal(sent, 7);
    assert_int_equal(NsOutSend(&queue, &sock, 7, NULL, 0, &sent), NS_OUT_MORE);
    assert_int_equal(NsOutSend(&queue, &sock, 7, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(sent, 2);
    AssertGot("0123456789abcdef");
}

static void
ErrorLeavesTheQueue(void **state)
{
    (void)state;
    AddText("abc");
    fake.error = ECONNRESET;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_ERROR);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(queue.bytes, 3);
    assert_int_equal(sent, 0);
}

static void
InterruptedCallIsRepeated(void **state)
{
    (void)state;
    /* A transport is to repeat it itself; one that does not must not make bytes disappear. */
    AddText("abc");
    fake.error = EINTR;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(fake.calls, 2);
    AssertGot("abc");
}

static void
MoveJoinsQueues(void **state)
{
    NsOutQueue other;

    (void)state;
    memset(&other, 0, sizeof(other));
    NsOutMove(&queue, &other);
    assert_true(NsOutEmpty(&queue));
    AddText("one ");
    {
        struct iovec iov = {(void *)(uintptr_t)"two", 3};

        NsOutAddCopy(&other, &iov, 1, 0);
    }
    NsOutAddFile(&other, TempFile(" three"), 0, 6);
    NsOutMove(&queue, &other);
    assert_true(NsOutEmpty(&other));
    assert_int_equal(other.bytes, 0);
    assert_int_equal(queue.bytes, 13);
    assert_int_equal(queue.memory, 7);
    AddText(".");
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    AssertGot("one two three.");
}

/* ---- files */

static void
FileBetweenMemory(void **state)
{
    int fd = TempFile("0123456789");

    (void)state;
    AddText("<");
    NsOutAddFile(&queue, fd, 3, 4);
    AddText(">");
    assert_int_equal(queue.bytes, 6);
    assert_int_equal(queue.memory, 2);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    AssertGot("<3456>");
    assert_false(IsOpen(fd));
}

static void
FileCutAtEveryByte(void **state)
{
    size_t cut;
    char   scratch[64 * 1024];

    (void)state;
    for (cut = 0; cut <= 10; cut++) {
        fake.len = 0;
        fake.room = cut;
        NsOutAddFile(&queue, TempFile("0123456789"), 0, 10);
        assert_int_equal(NsOutSend(&queue, &sock, 0, scratch, sizeof(scratch), &sent), cut < 10 ? NS_OUT_AGAIN : NS_OUT_DONE);
        assert_int_equal(queue.bytes, 10 - cut);
        fake.room = 100;
        assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
        AssertGot("0123456789");
    }
}

static void
ShorterFileIsAnErrorWhenItIsReached(void **state)
{
    (void)state;
    AddText("ok");
    NsOutAddFile(&queue, TempFile("0123"), 0, 10);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_ERROR);
    assert_int_equal(errno, EIO);
    assert_int_equal(sent, 6);
    AssertGot("ok0123");
}

static void
ClearClosesFiles(void **state)
{
    int fd = TempFile("0123");

    (void)state;
    NsOutAddFile(&queue, fd, 0, 4);
    NsOutClear(&queue);
    assert_false(IsOpen(fd));
}

/* ---- spooling */

static void
SpooledBytesKeepTheirPlace(void **state)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)"in a", 4}, {(void *)(uintptr_t)" file", 5}};
    struct iovec more = {(void *)(uintptr_t)", twice", 7};

    (void)state;
    AddText("memory, ");
    assert_int_equal(NsOutAddSpooled(&queue, "/tmp", iov, 2, 0), NS_OK);
    assert_int_equal(NsOutAddSpooled(&queue, "/tmp", &more, 1, 0), NS_OK);
    assert_int_equal(queue.bytes, 24);
    assert_int_equal(queue.memory, 8);
    AddText(".");
    assert_int_equal(NsOutAddSpooled(&queue, "/tmp", &more, 1, 2), NS_OK);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    AssertGot("memory, in a file, twice.twice");
}

static void
SpoolGrowsWhileItIsSent(void **state)
{
    struct iovec iov = {(void *)(uintptr_t)"0123456789", 10};

    (void)state;
    assert_int_equal(NsOutAddSpooled(&queue, "/tmp", &iov, 1, 0), NS_OK);
    fake.room = 4;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_AGAIN);
    assert_int_equal(NsOutAddSpooled(&queue, "/tmp", &iov, 1, 5), NS_OK);
    fake.room = 100;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    AssertGot("012345678956789");
}

static void
SpoolThatCannotBeMadeChangesNothing(void **state)
{
    struct iovec iov = {(void *)(uintptr_t)"abc", 3};

    (void)state;
    AddText("kept");
    assert_int_equal(NsOutAddSpooled(&queue, "/nonexistent/folder", &iov, 1, 0), NS_ERROR);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(queue.bytes, 4);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    AssertGot("kept");
}

/* ---- a real socket */

static void
Pair(int fds[2], int size)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

/* Memory, a shared buffer and a file, three megabytes in all, through a socket that takes a few kilobytes at a time. */
static void
TinySocketBufferDeliversAll(void **state)
{
    enum { PART = 1024 * 1024 };
    char        *data = ns_malloc(3 * PART), *got = ns_malloc(3 * PART);
    char         name[] = "/tmp/test_outqueue_XXXXXX";
    size_t       i, have = 0;
    int          fds[2], fd = mkstemp(name), refused = 0;
    Ns_Buf       *buf;
    struct iovec iov = {data, PART};

    (void)state;
    for (i = 0; i < 3 * PART; i++) {
        data[i] = (char)(i * 7 + i / 1000);
    }
    Pair(fds, 4096);
    sock.sock = fds[0];
    sock.transport = &Ns_TransportTcp;
    unlink(name);
    assert_int_equal(write(fd, data + 2 * PART, PART), PART);
    NsOutAddCopy(&queue, &iov, 1, 0);
    buf = Ns_BufWrap(data + PART, PART, NULL, NULL);
    NsOutAddBuf(&queue, buf, 0, PART);
    NsOutAddFile(&queue, fd, 0, PART);

    while (have < 3 * PART) {
        NsOutResult result = NsOutSend(&queue, &sock, 10000, NULL, 0, &sent);
        ssize_t     n = read(fds[1], got + have, 3 * PART - have < 3000 ? 3 * PART - have : 3000);

        assert_true(result != NS_OUT_ERROR);
        if (result == NS_OUT_AGAIN) {
            refused++;
            assert_int_equal(sock.waitSend, NS_SOCK_WRITE);
        }
        if (n > 0) {
            have += (size_t)n;
        }
    }
    assert_true(refused > 10);
    assert_true(NsOutEmpty(&queue));
    assert_memory_equal(got, data, 3 * PART);
    Ns_BufRelease(buf);
    close(fds[0]);
    close(fds[1]);
    ns_free(data);
    ns_free(got);
}

static void
PeerGoneIsAnErrorAndNoSignal(void **state)
{
    int fds[2];

    (void)state;
    Pair(fds, 4096);
    close(fds[1]);
    sock.sock = fds[0];
    sock.transport = &Ns_TransportTcp;
    AddText("abc");
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_ERROR);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(queue.bytes, 3);
    close(fds[0]);
}

/* ---- what the kernel keeps: a real TCP connection, whose other end reads nothing or all */

static int
TcpPair(int fds[2])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t          len = sizeof(addr);
    int                listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    fds[1] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&addr, len), 0);
    fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(fds[0] >= 0);
    close(listener);
    return fds[0];
}

static int
UnsentLimit(int fd)
{
    int       value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len), 0);
    return value;
}

static int
HoleFile(off_t size)
{
    char name[] = "/tmp/test_outqueueXXXXXX";
    int  fd = mkstemp(name);

    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(ftruncate(fd, size), 0);
    return fd;
}

static void
KernelKeepsLittleForWhoReadsNothing(void **state)
{
    int        fds[2];

    (void)state;
    sock.sock = TcpPair(fds);
    sock.transport = &Ns_TransportTcp;
    assert_int_equal(UnsentLimit(sock.sock), 0);
    NsOutAddFile(&queue, HoleFile(64 * 1024 * 1024), 0, 64 * 1024 * 1024);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_AGAIN);
    assert_int_equal(UnsentLimit(sock.sock), 256 * 1024);
    NsOutClear(&queue);
    close(fds[0]);
    close(fds[1]);
}

static void
KernelKeepsMoreForWhoReadsFast(void **state)
{
    static char  buffer[1024 * 1024];
    const size_t size = 32 * 1024 * 1024;
    int          fds[2], seen = 0;

    (void)state;
    sock.sock = TcpPair(fds);
    sock.transport = &Ns_TransportTcp;
    NsOutAddFile(&queue, HoleFile((off_t)size), 0, size);
    while (!NsOutEmpty(&queue)) {
        assert_int_not_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_ERROR);
        while (recv(fds[1], buffer, sizeof(buffer), MSG_DONTWAIT) > 0) {
            ;
        }
        seen |= 1 << (int)queue.unsent;
        assert_int_equal(UnsentLimit(sock.sock), queue.unsent == NS_UNSENT_FEW ? 256 * 1024 : 0);
    }
    assert_true((seen & (1 << NS_UNSENT_MANY)) != 0);      /* 32 MB in less than two seconds, at some time */
    close(fds[0]);
    close(fds[1]);
}

static void
SmallAnswersLeaveTheKernelAlone(void **state)
{
    int        fds[2];

    (void)state;
    sock.sock = TcpPair(fds);
    sock.transport = &Ns_TransportTcp;
    NsOutAddFile(&queue, HoleFile(1000), 0, 1000);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(UnsentLimit(sock.sock), 0);
    close(fds[0]);
    close(fds[1]);
}

/* ---- messages that may be dropped */

static void
AddMessage(const char *text)
{
    struct iovec iov[2] = {{(char *)(uintptr_t)text, 1}, {(char *)(uintptr_t)text + 1, strlen(text) - 1}};

    NsOutAddWhole(&queue, iov, 2);
}

static void
AddSharedMessage(const char *text)
{
    Ns_Buf *buf = Ns_BufCopy(text, strlen(text));

    NsOutAddWholeBuf(&queue, buf);
    Ns_BufRelease(buf);
}

static void
ExpectSent(const char *text)
{
    fake.room = sizeof(fake.got);
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_DONE);
    assert_int_equal(fake.len, strlen(text));
    assert_memory_equal(fake.got, text, fake.len);
    assert_int_equal(queue.bytes, 0);
    assert_int_equal(queue.memory, 0);
    assert_true(NsOutEmpty(&queue));
}

static void
OldestMessagesAreDroppedFirst(void **state)
{
    (void)state;
    AddMessage("one,");
    AddSharedMessage("two,");
    AddMessage("three,");
    assert_int_equal(NsOutDrop(&queue, 0, 5), 2);
    assert_int_equal(queue.bytes, 6);
    assert_int_equal(queue.memory, 6);
    ExpectSent("three,");
}

static void
WhatHasBegunIsNotDropped(void **state)
{
    (void)state;
    AddMessage("begun,");
    AddMessage("second,");
    fake.room = 2;
    assert_int_equal(NsOutSend(&queue, &sock, 0, NULL, 0, &sent), NS_OUT_AGAIN);
    assert_int_equal(NsOutDrop(&queue, 0, 1000), 1);
    AddMessage("third");
    ExpectSent("begun,third");
}

static void
WhatTheTransportMayHaveBegunIsKept(void **state)
{
    (void)state;
    AddMessage("0123456789");
    AddMessage("abcdefghij");
    AddMessage("ABCDEFGHIJ");
    AddMessage("last");
    assert_int_equal(NsOutDrop(&queue, 15, 1), 1);             /* the first two have bytes among the first 15 */
    ExpectSent("0123456789abcdefghijlast");
}

static void
OnlyMessagesAreDropped(void **state)
{
    struct iovec iov = {(char *)(uintptr_t)"close", 5};

    (void)state;
    AddMessage("one");
    NsOutAddCopy(&queue, &iov, 1, 0);
    AddMessage("two");
    assert_int_equal(NsOutDrop(&queue, 0, 1000), 2);
    NsOutAddCopy(&queue, &iov, 1, 0);          /* the tail is right: nothing is lost behind it */
    ExpectSent("closeclose");
}

static void
DroppingAllLeavesAnEmptyQueue(void **state)
{
    (void)state;
    AddMessage("one");
    AddSharedMessage("two");
    assert_int_equal(NsOutDrop(&queue, 0, 6), 2);
    assert_true(NsOutEmpty(&queue));
    assert_int_equal(NsOutDrop(&queue, 0, 6), 0);
    AddMessage("three");
    ExpectSent("three");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, SetUp, TearDown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(EmptyQueueIsDone), CASE(BuffersAndCopiesGoInOneCallInOrder), CASE(EmptyPiecesLeaveNoTrace),
        CASE(CopySkipsWhatWasSent), CASE(ManySmallCopiesShareAnItem), CASE(CutAtEveryByteNothingIsLostOrRepeated),
        CASE(RefusalKeepsWhatTheTransportWaitsFor), CASE(PlainSocketIsNotAskedAgainAfterAShortWrite), CASE(BudgetEndsTheTurn),
        CASE(ErrorLeavesTheQueue), CASE(InterruptedCallIsRepeated), CASE(MoveJoinsQueues), CASE(FileBetweenMemory),
        CASE(FileCutAtEveryByte), CASE(ShorterFileIsAnErrorWhenItIsReached), CASE(ClearClosesFiles),
        CASE(SpooledBytesKeepTheirPlace), CASE(SpoolGrowsWhileItIsSent), CASE(SpoolThatCannotBeMadeChangesNothing),
        CASE(TinySocketBufferDeliversAll), CASE(PeerGoneIsAnErrorAndNoSignal),
        CASE(KernelKeepsLittleForWhoReadsNothing), CASE(KernelKeepsMoreForWhoReadsFast), CASE(SmallAnswersLeaveTheKernelAlone),
        CASE(OldestMessagesAreDroppedFirst), CASE(WhatHasBegunIsNotDropped), CASE(WhatTheTransportMayHaveBegunIsKept),
        CASE(OnlyMessagesAreDropped), CASE(DroppingAllLeavesAnEmptyQueue)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
