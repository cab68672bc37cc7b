/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log written by a thread of its own: what blocks it, what is lost, what a full disk costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/die.h"
#include "base/log.h"
#include "base/logequal.h"

static char folder[] = "/tmp/nsdlogXXXXXX";
static char logFile[64], fifo[64];
static char text[8 << 20];

static const char *
Slurp(int fd)
{
    size_t  len = 0;
    ssize_t n;

    while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    return text;
}

static const char *
ReadFile(const char *name)
{
    int fd = open(name, O_RDONLY);

    assert_true(fd >= 0);
    Slurp(fd);
    close(fd);
    return text;
}

static int
Count(const char *haystack, const char *needle)
{
    int count = 0;

    for (const char *p = strstr(haystack, needle); p != NULL; p = strstr(p + 1, needle)) {
        count++;
    }
    return count;
}

/* The number before "messages are missing here", summed up. */
static long
Missing(const char *haystack)
{
    long sum = 0;

    for (const char *p = strstr(haystack, " messages are missing here"); p != NULL; p = strstr(p + 1, " messages are missing here")) {
        const char *number = p;

        while (number > haystack && number[-1] != ' ') {
            number--;
        }
        sum += strtol(number, NULL, 10);
    }
    return sum;
}

static void
Fresh(void)
{
    unlink(logFile);
    assert_int_equal(NsLogOpenFile(logFile, false), NS_OK);
}

/* A log that nobody reads: the reading end of a pipe that is full already, so that not one line goes out. */
static int
Hang(void)
{
    int reader = open(fifo, O_RDONLY | O_NONBLOCK), filler = open(fifo, O_WRONLY | O_NONBLOCK);

    assert_true(reader >= 0 && filler >= 0);
    while (write(filler, ".", 1) == 1) {
        ;
    }
    assert_int_equal(errno, EAGAIN);
    close(filler);
    assert_int_equal(NsLogOpenFile(fifo, false), NS_OK);
    return reader;
}

static void
all_is_written_in_order(void **state)
{
    const char *p;

    Fresh();
    for (int i = 0; i < 5000; i++) {
        Ns_Log(Notice, "<%d>", i);
    }
    assert_true(NsLogFlush(60000));
    p = ReadFile(logFile);
    for (int i = 0; i < 5000; i++) {
        char want[32];

        snprintf(want, sizeof(want), "<%d>\n", i);
        p = strstr(p, want);
        assert_non_null(p);
    }
}

static void
a_log_that_blocks_stops_nobody_and_what_is_lost_is_told(void **state)
{
    NsLogQueueStats before, stats;
    int             reader = Hang(), sent = 20000;
    int64_t         begun = NsClockMs();
    long            got;

    NsLogQueueSetMax(256 * 1024);
    NsLogQueueGetStats(&before);
    for (int i = 0; i < sent; i++) {
        Ns_Log(Notice, "line %d, which is long enough that these lines together are more than the queue may hold", i);
    }
    assert_true(NsClockMs() - begun < 60000);
    assert_false(NsLogFlush(100));
    NsLogQueueGetStats(&stats);
    assert_true(stats.bytes <= 256 * 1024);
    assert_true(stats.lost - before.lost > 10000);
    /* Somebody reads again. */
    assert_int_equal(fcntl(reader, F_SETFL, 0), 0);
    Fresh();
    got = Count(Slurp(reader), "which is long enough") + Missing(text);
    close(reader);
    assert_true(NsLogFlush(60000));
    ReadFile(logFile);
    assert_int_equal(got + Count(text, "which is long enough") + Missing(text), sent);
    NsLogQueueSetMax(4 << 20);
}

static void
errors_find_room_where_notices_do_not(void **state)
{
    int reader = Hang(), notices;
    NsLogQueueStats stats, after;

    NsLogQueueSetMax(128 * 1024);
    for (notices = 0; notices < 20000; notices++) {
        Ns_Log(Notice, "notice %d, of which there are more than the queue may hold", notices);
    }
    NsLogQueueGetStats(&stats);
    Ns_Log(Warning, "no room");
    Ns_Log(Error, "the reason");
    NsLogQueueGetStats(&after);
    assert_int_equal(after.lost - stats.lost, 1);
    assert_int_equal(after.entries - stats.entries, 1);
    assert_int_equal(fcntl(reader, F_SETFL, 0), 0);
    Fresh();
    (void)Slurp(reader);
    close(reader);
    NsLogQueueSetMax(4 << 20);
}

static void
a_full_disk_says_how_many_it_cost(void **state)
{
    NsLogQueueStats before, stats;

    NsLogQueueGetStats(&before);
    assert_int_equal(NsLogOpenFile("/dev/full", false), NS_OK);
    for (int i = 0; i < 37; i++) {
        Ns_Log(Notice, "does not fit %d", i);
    }
    assert_true(NsLogFlush(60000));
    NsLogQueueGetStats(&stats);
    assert_int_equal(stats.failed - before.failed, 37);
    Fresh();
    Ns_Log(Notice, "fits");
    assert_true(NsLogFlush(60000));
    assert_non_null(strstr(ReadFile(logFile), "Warning: log: 37 messages are missing here, they could not be written: "
                                              "No space left on device\n"));
    assert_true(strstr(text, "missing here") < strstr(text, "Notice: fits"));
    Fresh();
    Ns_Log(Notice, "fits too");
    assert_true(NsLogFlush(60000));
    assert_null(strstr(ReadFile(logFile), "missing"));
}

static void
a_pipe_whose_reader_is_gone_says_so(void **state)
{
    int reader = Hang();

    close(reader);
    Ns_Log(Notice, "nobody hears");
    assert_true(NsLogFlush(60000));
    Fresh();
    Ns_Log(Notice, "heard");
    assert_true(NsLogFlush(60000));
    assert_non_null(strstr(ReadFile(logFile), "1 messages are missing here, they could not be written: Broken pipe\n"));
}

static void
equal_messages_are_left_out_and_counted(void **state)
{
    Fresh();
    NsLogEqualSetLimit(100, 60000);
    for (int i = 0; i < 5000; i++) {
        Ns_Log(Warning, "round and round");
        Ns_Log(Notice, "another one");
        Ns_Log(Notice, "not equal: %d", i);
    }
    assert_true(NsLogFlush(60000));
    NsLogEqualSetLimit(0, 1000);
    ReadFile(logFile);
    assert_int_equal(Count(text, "Warning: round and round"), 100);
    assert_int_equal(Count(text, "Warning: log: 4900 more of these were left out: round and round\n"), 1);
    assert_int_equal(Count(text, "Notice: log: 4900 more of these were left out: another one\n"), 1);
    assert_int_equal(Count(text, "not equal: "), 5000);
}

/* Nobody logs any more, and nobody flushes: the log's thread tells it. */
static void
what_was_left_out_is_told_in_time(void **state)
{
    Fresh();
    NsLogEqualSetLimit(1, 100);
    for (int i = 0; i < 5; i++) {
        Ns_Log(Notice, "again and again");
    }
    for (int64_t begun = NsClockMs(); strstr(ReadFile(logFile), "4 more of these were left out") == NULL;) {
        assert_true(NsClockMs() - begun < 60000);
        usleep(10000);
    }
    NsLogEqualSetLimit(0, 100);
}

/* A process of its own: it starts the log's thread after the fork. */
static void
the_end_comes_even_when_the_log_hangs(void **state)
{
    int   status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        NsLogStart();
        (void)Hang();
        for (int i = 0; i < 20000; i++) {
            Ns_Log(Notice, "full %d", i);
        }
        Ns_Fatal("cannot go on");
    }
    alarm(60);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    alarm(0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void
last_words_of_the_lowest_come_behind_all_others(void **state)
{
    int   status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        NsLogStart();
        Fresh();
        for (int i = 0; i < 1000; i++) {
            Ns_Log(Notice, "before %d", i);
        }
        NsDie("memory: cannot allocate %zu bytes", (size_t)1 << 62);           /* as ns_malloc does; a sanitizer would end it first */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    ReadFile(logFile);
    assert_int_equal(Count(text, "before "), 1000);
    assert_non_null(strstr(text, "before 999\n"));
    assert_true(strstr(strstr(text, "before 999\n"), "Fatal: memory: cannot allocate 4611686018427387904 bytes\n") != NULL);
}

static int
Start(void **state)
{
    NsLogStart();
    return 0;
}

static int
Setup(void **state)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(logFile, sizeof(logFile), "%s/system.log", folder);
    snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
    return mkfifo(fifo, 0600);
}

static int
Teardown(void **state)
{
    char command[128];

    NsLogCloseFile();
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_comes_even_when_the_log_hangs),
        cmocka_unit_test(last_words_of_the_lowest_come_behind_all_others),
        cmocka_unit_test_setup(all_is_written_in_order, Start),
        cmocka_unit_test(a_log_that_blocks_stops_nobody_and_what_is_lost_is_told),
        cmocka_unit_test(errors_find_room_where_notices_do_not),
        cmocka_unit_test(a_full_disk_says_how_many_it_cost),
        cmocka_unit_test(a_pipe_whose_reader_is_gone_says_so),
        cmocka_unit_test(equal_messages_are_left_out_and_counted),
        cmocka_unit_test(what_was_left_out_is_told_in_time),
    };

    Tcl_FindExecutable(NULL);
    return cmocka_run_group_tests(tests, Setup, Teardown);
}
