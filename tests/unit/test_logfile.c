/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files that a thread of its own writes: order, limits, holding back, other files, the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/logfile.h"

#define WAIT 20000

static char folder[] = "/tmp/test_logfile.XXXXXX";
static char path[64], other[64];

/* The thread has nothing in hand and nothing to do: what was due before takes no line that comes from now on. */
static void
Quiet(void)
{
    Ns_Time wait = {WAIT / 1000, 0}, until;

    NsMonotonicAfter(&wait, &until);
    NsLogFilesStop(&until);
}

static long
SizeOf(const char *file)
{
    struct stat st;

    return stat(file, &st) == 0 ? (long)st.st_size : -1;
}

static void
WritesInOrder(void **state)
{
    Ns_LogFile    *file = Ns_LogFileOpen(path, true);
    NsLogFileStats stats;
    char           line[32];
    FILE          *in;
    int            i, n;

    assert_non_null(file);
    for (i = 0; i < 10000; i++) {
        n = snprintf(line, sizeof line, "%d\n", i);
        assert_true(Ns_LogFileWrite(file, line, (size_t)n));
    }
    assert_true(Ns_LogFileFlush(file, WAIT));
    NsLogFileGetStats(file, &stats);
    assert_int_equal(stats.lines, 10000);
    assert_int_equal(stats.written, SizeOf(path));
    assert_int_equal(stats.lost + stats.waiting, 0);
    in = fopen(path, "r");
    assert_non_null(in);
    for (i = 0; i < 10000; i++) {
        assert_int_equal(fscanf(in, "%d", &n), 1);
        assert_int_equal(n, i);
    }
    fclose(in);
    Ns_LogFileClose(file);
}

/* What finds the buffer full is lost, and only that: here nobody reads the pipe that it goes to. */
static void
Bounded(void **state)
{
    char           fifo[64], *block = calloc(1, 1024 * 1024);
    Ns_LogFile    *file;
    NsLogFileStats stats;
    int            reader, taken = 0;

    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    reader = open(fifo, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    file = Ns_LogFileOpen(fifo, false);
    assert_non_null(file);
    for (int i = 0; i < 32; i++) {
        taken += Ns_LogFileWrite(file, block, 1024 * 1024);
    }
    assert_in_range(taken, 4, 16);             /* 4 MB wait, and at most as much is in the hand of the thread */
    NsLogFileGetStats(file, &stats);
    assert_int_equal(stats.lost, 32 - taken);
    assert_true(stats.waiting <= NS_LOGFILE_MAX);
    assert_false(Ns_LogFileFlush(file, 10));
    for (size_t left = (size_t)taken * 1024 * 1024; left > 0;) {
        ssize_t n = read(reader, block, 1024 * 1024);

        left -= n > 0 ? (size_t)n : 0u;
    }
    assert_true(Ns_LogFileFlush(file, WAIT));
    Ns_LogFileClose(file);
    close(reader);
    unlink(fifo);
    free(block);
}

/* A pipe without a reader, and one whose reader sleeps. */
static void
a_pipe_that_nobody_reads_keeps_nobody_waiting(void **state)
{
    char           fifo[64], *block = calloc(1, 1024 * 1024);
    Ns_LogFile    *stalled, *file = Ns_LogFileOpen(path, true);
    NsLogFileStats stats;
    int            reader;

    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(Ns_LogFileOpen(fifo, false));
    assert_int_equal(errno, ENXIO);
    reader = open(fifo, O_RDONLY | O_NONBLOCK);
    stalled = Ns_LogFileOpen(fifo, false);
    assert_true(reader >= 0 && stalled != NULL);
    for (int i = 0; i < 2; i++) {
        assert_true(Ns_LogFileWrite(stalled, block, 1024 * 1024));
        assert_true(Ns_LogFileWrite(file, "a\n", 2));
        assert_true(Ns_LogFileFlush(file, WAIT));
        NsLogFileGetStats(stalled, &stats);
        assert_int_equal(stats.lost, i + 1);
    }
    assert_int_equal(SizeOf(path), 4);
    Ns_LogFileClose(stalled);
    Ns_LogFileClose(file);
    close(reader);
    unlink(fifo);
    free(block);
}

/* The disk is full in the middle of a line: what is there whole is not lost, and what comes later is no part of that line. */
static void
a_line_after_one_that_the_full_disk_cut_is_a_line_of_its_own(void **state)
{
    Ns_LogFile    *file = Ns_LogFileOpen(path, true);
    struct rlimit  before, limit;
    NsLogFileStats stats;
    char           text[64] = "";
    FILE          *in;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 6;
    Ns_LogFileSetBuffer(file, 100);
    Quiet();
    assert_true(Ns_LogFileWrite(file, "one\n", 4) && Ns_LogFileWrite(file, "two\n", 4) && Ns_LogFileWrite(file, "three\n", 6));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(Ns_LogFileFlush(file, WAIT));
    assert_true(Ns_LogFileFlush(file, WAIT));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    NsLogFileGetStats(file, &stats);
    assert_int_equal(stats.lost, 2);
    assert_true(Ns_LogFileWrite(file, "four\n", 5));
    assert_true(Ns_LogFileFlush(file, WAIT));
    Ns_LogFileClose(file);
    in = fopen(path, "r");
    assert_int_equal(fread(text, 1, sizeof text - 1, in), 12);
    fclose(in);
    assert_string_equal(text, "one\ntw\nfour\n");
}

static void
HoldsBack(void **state)
{
    Ns_LogFile *file = Ns_LogFileOpen(path, true);

    Ns_LogFileSetBuffer(file, 2);
    Quiet();
    assert_true(Ns_LogFileWrite(file, "a\n", 2) && Ns_LogFileWrite(file, "b\n", 2));
    assert_int_equal(SizeOf(path), 0);
    assert_true(Ns_LogFileWrite(file, "c\n", 2));
    while (SizeOf(path) < 6) {
        Ns_ThreadYield();
    }
    assert_true(Ns_LogFileWrite(file, "d\n", 2));
    assert_true(Ns_LogFileFlush(file, WAIT));
    assert_int_equal(SizeOf(path), 8);
    /* With a smaller one what waits is written at once. */
    assert_true(Ns_LogFileWrite(file, "e\n", 2));
    Ns_LogFileSetBuffer(file, 0);
    while (SizeOf(path) < 10) {
        Ns_ThreadYield();
    }
    Ns_LogFileClose(file);
}

/* More lines may wait than there is room for. */
static void
a_buffer_of_many_lines_loses_none_for_want_of_room(void **state)
{
    Ns_LogFile    *file = Ns_LogFileOpen(path, true);
    char           line[1024] = "";
    NsLogFileStats stats;
    time_t         start = time(NULL);

    line[sizeof line - 1] = '\n';
    Ns_LogFileSetBuffer(file, 1000000);
    Quiet();
    for (size_t i = 0; i < NS_LOGFILE_MAX / 4 / sizeof line; i++) {
        assert_true(Ns_LogFileWrite(file, line, sizeof line));
    }
    do {
        Ns_ThreadYield();
        NsLogFileGetStats(file, &stats);
    } while (stats.waiting > 0);
    assert_true(time(NULL) - start < NS_LOGFILE_HOLD - 2);     /* not because they are old */
    Ns_LogFileClose(file);
}

static void
ChangesFile(void **state)
{
    Ns_LogFile *file = Ns_LogFileOpen(path, true);

    assert_true(Ns_LogFileWrite(file, "one\n", 4));
    assert_true(Ns_LogFileReopen(file, other));
    assert_true(Ns_LogFileWrite(file, "three\n", 6));
    assert_false(Ns_LogFileReopen(file, "/no/such/folder/file"));
    assert_true(Ns_LogFileWrite(file, "two\n", 4));
    Ns_LogFileClose(file);
    while (SizeOf(other) < 10) {
        Ns_ThreadYield();
    }
    assert_int_equal(SizeOf(path), 4);
    assert_null(Ns_LogFileOpen("/no/such/folder/file", false));
}

typedef struct Job {
    Ns_LogFile *file;
    char        letter;
} Job;

static void
WriteMany(void *arg)
{
    Job *job = arg;
    char line[64];

    memset(line, job->letter, sizeof line);
    line[sizeof line - 1] = '\n';
    for (int i = 0; i < 5000; i++) {
        assert_true(Ns_LogFileWrite(job->file, line, sizeof line));
    }
}

/* Whole lines of many threads, and all of them at the end of the process. */
static void
ManyThreads(void **state)
{
    Ns_LogFile *file = Ns_LogFileOpen(path, true);
    Ns_Thread   threads[4];
    Job         jobs[4];
    Ns_Time     wait = {WAIT / 1000, 0}, until;
    char        line[128];
    int         count = 0;
    FILE       *in;

    Ns_LogFileSetBuffer(file, 100);
    for (int i = 0; i < 4; i++) {
        jobs[i] = (Job){file, (char)('a' + i)};
        Ns_ThreadCreate(WriteMany, &jobs[i], 0, &threads[i]);
    }
    for (int i = 0; i < 4; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    NsMonotonicAfter(&wait, &until);
    NsLogFilesStop(&until);
    in = fopen(path, "r");
    while (fgets(line, sizeof line, in) != NULL) {
        assert_int_equal(strlen(line), 64);
        assert_int_equal(strspn(line, (char[]){line[0], '\0'}), 63);
        count++;
    }
    fclose(in);
    assert_int_equal(count, 20000);
    Ns_LogFileClose(file);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(WritesInOrder), cmocka_unit_test(Bounded), cmocka_unit_test(a_pipe_that_nobody_reads_keeps_nobody_waiting),
        cmocka_unit_test(a_line_after_one_that_the_full_disk_cut_is_a_line_of_its_own), cmocka_unit_test(HoldsBack),
        cmocka_unit_test(a_buffer_of_many_lines_loses_none_for_want_of_room), cmocka_unit_test(ChangesFile),
        cmocka_unit_test(ManyThreads),
    };
    int failed;

    Tcl_FindExecutable(NULL);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    unlink(other);
    rmdir(folder);
    return failed;
}
