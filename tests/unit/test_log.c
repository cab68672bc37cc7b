/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The log: form of lines, severities, holding back, files and rolling them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "base/logline.h"
#include "base/roll.h"

static char          folder[] = "/tmp/nsdlogXXXXXX";
static char          logFile[64];
static NsLogSettings defaults;

static const char *
ReadFile(const char *name)
{
    static char text[1 << 20];
    int         fd = open(name, O_RDONLY);
    ssize_t     n;

    assert_true(fd >= 0);
    n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    text[n] = '\0';
    close(fd);
    return text;
}

static void
assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0) {
        fail_msg("does not match %s:\n%s", pattern, text);
    }
    regfree(&regex);
}

/* What is logged from here on, with these settings. */
static void
Begin(const NsLogSettings *settings)
{
    NsLogSetSettings(settings);
    unlink(logFile);
    assert_int_equal(NsLogOpenFile(logFile, false), NS_OK);
}

static int
Setup(void **state)
{
    NsLogGetSettings(&defaults);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(logFile, sizeof(logFile), "%s/system.log", folder);
    Ns_ThreadSetName("-test-");
    return 0;
}

static int
Teardown(void **state)
{
    char command[128];

    NsLogCloseFile();
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* ---- lines */

static void
a_line_says_when_who_and_what(void **state)
{
    char pattern[160];

    Begin(&defaults);
    Ns_Log(Notice, "hello %s %d", "world", 7);
    snprintf(pattern, sizeof(pattern),
             "^\\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8}\\]\\[%d\\.[0-9a-f]+\\]\\[-test-\\] Notice: hello world 7\n$",
             (int)getpid());
    assert_matches(ReadFile(logFile), pattern);
}

static void
parts_of_a_line_are_optional(void **state)
{
    NsLogSettings settings = defaults;

    settings.usec = settings.usecDiff = true;
    Begin(&settings);
    Ns_Log(Warning, "x");
    assert_matches(ReadFile(logFile), "^\\[[^]]*:[0-9]{2}\\.[0-9]{6}-[0-9]+\\.[0-9]{6}\\]\\[[^]]*\\]\\[-test-\\] Warning: x\n$");

    settings = defaults;
    settings.relative = true;
    settings.thread = false;
    Begin(&settings);
    Ns_Log(Error, "x");
    assert_matches(ReadFile(logFile), "^\\[[0-9]+\\.[0-9]{6}\\]\\[-test-\\] Error: x\n$");

    settings.sec = false;
    settings.expanded = true;
    Begin(&settings);
    Ns_Log(Error, "a\nb");
    assert_string_equal(ReadFile(logFile), "[-test-] Error: \n    a\n:    b\n\n");
}

static void
colors_are_ended(void **state)
{
    NsLogSettings settings = defaults;
    int           color;
    bool          bright;

    settings.sec = settings.thread = false;
    settings.colorize = true;
    settings.prefixColor = NS_LOG_CYAN;
    settings.prefixBright = true;
    NsLogSeverityGetColor(Notice, &color, &bright);
    NsLogSeveritySetColor(Notice, NS_LOG_RED, false);
    Begin(&settings);
    Ns_Log(Notice, "x");
    NsLogSeveritySetColor(Notice, color, bright);
    assert_string_equal(ReadFile(logFile), "\033[1;36m[-test-] \033[0m\033[0;31mNotice: x\033[0m\n");
}

static void
repetitions_are_counted(void **state)
{
    NsLogSettings settings = defaults;

    settings.sec = settings.thread = false;
    settings.deduplicate = true;
    Begin(&settings);
    for (int i = 0; i < 5; i++) {
        Ns_Log(Notice, "same");
    }
    Ns_Log(Warning, "same");
    Ns_Log(Warning, "other");
    assert_string_equal(ReadFile(logFile), "[-test-] Notice: same\n[-test-] Notice: last message repeated 4 times\n"
                        "[-test-] Warning: same\n[-test-] Warning: other\n");
}

static void
AssertSanitized(NsLogSanitize how, const char *text, const char *expected)
{
    NsLogLine line;

    NsLogLineInit(&line);
    NsLogLineAppendText(&line, text, strlen(text), how);
    NsLogLineAppend(&line, "", 1);
    assert_string_equal(line.data, expected);
    NsLogLineFree(&line);
}

static void
control_characters_are_made_visible(void **state)
{
    AssertSanitized(NS_LOG_UTF8, "a\033[31mb\ac\r\n\td", "a\\x1b[31mb\\x07c\\x0d\n:    \td");
    AssertSanitized(NS_LOG_UTF8, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    /* C1 controls, overlong forms, surrogates, beyond the last, cut short, not a beginning */
    AssertSanitized(NS_LOG_UTF8, "\xc2\x9b", "\\xc2\\x9b");
    AssertSanitized(NS_LOG_UTF8, "\xc0\x80\xe0\x80\x80", "\\x00\\xe0\\x80\\x80");
    AssertSanitized(NS_LOG_UTF8, "\xed\xa0\x80\xf4\x90\x80\x80", "\xef\xbf\xbd\\xf4\\x90\\x80\\x80");
    AssertSanitized(NS_LOG_UTF8, "\xe2\x82", "\\xe2\\x82");
    AssertSanitized(NS_LOG_UTF8, "\x80\xff", "\\x80\\xff");
    AssertSanitized(NS_LOG_ASCII, "\xc3\xa4\n", "\\xc3\\xa4\n:    ");
    AssertSanitized(NS_LOG_UTF8_TABS, "ab\tc\td", "ab      c       d");
    AssertSanitized(NS_LOG_RAW, "a\033\n\tb", "a\033\n\tb");
    AssertSanitized(NS_LOG_UTF8, "", "");
}

static void
long_messages_are_whole(void **state)
{
    NsLogSettings settings = defaults;
    char         *text = malloc(100001);
    const char   *got;

    settings.sec = settings.thread = false;
    memset(text, 'x', 100000);
    text[100000] = '\0';
    Begin(&settings);
    Ns_Log(Notice, "%s!", text);
    got = ReadFile(logFile);
    assert_int_equal(strlen(got), strlen("[-test-] Notice: ") + 100000 + 2);
    assert_string_equal(got + strlen(got) - 3, "x!\n");
    free(text);
}

static void
errno_stays(void **state)
{
    Begin(&defaults);
    errno = ENOTDIR;
    Ns_Log(Notice, "%s", "x");
    assert_int_equal(errno, ENOTDIR);
    Ns_Log(Debug, "not shown");
    assert_int_equal(errno, ENOTDIR);
}

static void
LogMany(void *arg)
{
    for (int i = 0; i < 200; i++) {
        Ns_Log(Notice, "%s-%d-%s", (const char *)arg, i, "and some more, to make the line longer than a few bytes");
    }
}

static void
lines_of_several_threads_are_not_mixed(void **state)
{
    NsLogSettings settings = defaults;
    Ns_Thread     threads[3];
    char         *line, *rest;
    int           lines = 0;

    settings.sec = settings.thread = false;
    Begin(&settings);
    for (int i = 0; i < 3; i++) {
        Ns_ThreadCreate(LogMany, "t", 0, &threads[i]);
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(NsLogOpenFile(logFile, false), NS_OK);
    }
    for (int i = 0; i < 3; i++) {
        Ns_ThreadJoin(&threads[i], NULL);
    }
    rest = (char *)(uintptr_t)ReadFile(logFile);
    while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
        assert_matches(line, "^\\[-thread:[0-9]+-\\] Notice: t-[0-9]+-and some more, to make the line longer than a few bytes$");
        lines++;
    }
    assert_int_equal(lines, 600);
}

/* ---- severities */

static void
severities_have_names(void **state)
{
    static const char *const names[] = {
        "Notice", "Warning", "Error", "Fatal", "Bug", "Debug", "Deprecated", "Dev", "Security"
    };
    int made;

    for (int i = 0; i < 9; i++) {
        assert_string_equal(Ns_LogSeverityName(i), names[i]);
        assert_int_equal(NsLogSeverityFind(names[i]), i);
    }
    assert_int_equal(NsLogSeverityFind("notice"), Notice);
    assert_int_equal(NsLogSeverityFind("NOTICE"), -1);
    assert_null(Ns_LogSeverityName(-1));
    assert_null(Ns_LogSeverityName(NsLogSeverityCount()));
    made = Ns_CreateLogSeverity("Debug(test)");
    assert_int_equal(made, NsLogSeverityCount() - 1);
    assert_int_equal(Ns_CreateLogSeverity("Debug(test)"), made);
    assert_int_equal(NsLogSeverityFind("debug(test)"), -1);    /* small letters are another name of the first nine alone */
    assert_false(Ns_LogSeverityEnabled(made));
}

static void
severities_are_switched_and_counted(void **state)
{
    NsLogSettings settings = defaults;
    uint64_t      before = NsLogSeverityGetCount(Debug);

    settings.sec = settings.thread = false;
    Begin(&settings);
    Ns_Log(Debug, "one");
    assert_false(NsLogSeverityEnable(Debug, true));
    Ns_Log(Debug, "two");
    assert_true(NsLogSeverityEnable(Debug, false));
    Ns_Log(Debug, "three");
    assert_string_equal(ReadFile(logFile), "[-test-] Debug: two\n");
    assert_int_equal(NsLogSeverityGetCount(Debug), before + 1);
    assert_true(NsLogSeverityEnable(Fatal, false));
    assert_true(Ns_LogSeverityEnabled(Fatal));
}

static void
fatal_ends_the_process(void **state)
{
    pid_t pid;
    int   status = 0;

    Begin(&defaults);
    pid = fork();
    if (pid == 0) {
        NsLogHold();
        Ns_Log(Notice, "held back");
        Ns_Fatal("cannot go on: %d", 9);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    assert_matches(ReadFile(logFile), "Notice: held back\n.* Fatal: cannot go on: 9\n$");
}

/* ---- holding back */

static void
a_thread_holds_back_its_own(void **state)
{
    NsLogSettings settings = defaults;
    Ns_Thread     thread;
    Tcl_DString   ds;

    settings.sec = settings.thread = false;
    Begin(&settings);
    assert_int_equal(NsLogHeldCount(), 0);
    NsLogHold();
    NsLogHold();
    Ns_Log(Notice, "one");
    Ns_Log(Notice, "two");
    Ns_Log(Notice, "three");
    assert_string_equal(ReadFile(logFile), "");
    Ns_ThreadCreate(LogMany, "t", 0, &thread);
    Ns_ThreadJoin(&thread, NULL);
    assert_true(strlen(ReadFile(logFile)) > 1000);
    assert_int_equal(NsLogHeldCount(), 3);

    NsLogHeldTruncate(5);
    NsLogHeldTruncate(2);
    Tcl_DStringInit(&ds);
    NsLogHeldAppend(&ds);
    assert_string_equal(Tcl_DStringValue(&ds), "[-test-] Notice: one\n[-test-] Notice: two\n");
    Tcl_DStringFree(&ds);

    Begin(&settings);
    NsLogHeldFlush();
    assert_string_equal(ReadFile(logFile), "[-test-] Notice: one\n[-test-] Notice: two\n");
    assert_int_equal(NsLogHeldCount(), 0);
    Ns_Log(Notice, "four");
    NsLogRelease();
    Ns_Log(Notice, "five");
    assert_string_equal(ReadFile(logFile), "[-test-] Notice: one\n[-test-] Notice: two\n[-test-] Notice: four\n"
                        "[-test-] Notice: five\n");
    NsLogRelease();
}

static void
HoldAndEnd(void *arg)
{
    NsLogHold();
    Ns_ThreadSetName("-holder-");
    Ns_Log(Notice, "not lost");
}

static void
what_a_thread_holds_is_written_at_its_end(void **state)
{
    NsLogSettings settings = defaults;
    Ns_Thread     thread;

    settings.sec = settings.thread = false;
    Begin(&settings);
    Ns_ThreadCreate(HoldAndEnd, NULL, 0, &thread);
    Ns_ThreadJoin(&thread, NULL);
    assert_string_equal(ReadFile(logFile), "[-holder-] Notice: not lost\n");
}

static char hooked[256];

static void
Hook(int severity, const Ns_Time *stamp, const char *text, size_t len)
{
    assert_int_equal(strlen(text), len);
    assert_true(stamp->sec > 1600000000);
    snprintf(hooked, sizeof(hooked), "%s %s", Ns_LogSeverityName(severity), text);
}

static void
a_hook_gets_the_message(void **state)
{
    Begin(&defaults);
    NsLogSetHook(Hook);
    Ns_Log(Warning, "for %s", "all");
    NsLogSetHook(NULL);
    Ns_Log(Warning, "not for the hook");
    assert_string_equal(hooked, "Warning for all");
}

/* ---- files */

static void
a_file_that_cannot_be_opened_changes_nothing(void **state)
{
    char name[128];

    Begin(&defaults);
    snprintf(name, sizeof(name), "%s/none/x.log", folder);
    assert_int_equal(NsLogOpenFile(name, false), NS_ERROR);
    assert_int_equal(errno, ENOENT);
    Ns_Log(Notice, "still here");
    assert_matches(ReadFile(logFile), "Notice: still here\n$");
}

static void
Write(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool
Exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static void
files_roll_by_number(void **state)
{
    char file[96], old[3][128], text[2] = "a";

    snprintf(file, sizeof(file), "%s/rolled", folder);
    for (int i = 0; i < 3; i++) {
        snprintf(old[i], sizeof(old[i]), "%s.%03d", file, i);
    }
    assert_int_equal(NsRollFile(file, 2), NS_OK);
    assert_false(Exists(old[0]));
    for (; text[0] < 'd'; text[0]++) {
        Write(file, text);
        assert_int_equal(NsRollFile(file, 2), NS_OK);
        assert_false(Exists(file));
        assert_string_equal(ReadFile(old[0]), text);
    }
    assert_string_equal(ReadFile(old[1]), "b");
    assert_false(Exists(old[2]));
    /* A gap is filled, what is behind it stays. */
    unlink(old[0]);
    Write(file, "e");
    assert_int_equal(NsRollFile(file, 3), NS_OK);
    assert_string_equal(ReadFile(old[0]), "e");
    assert_string_equal(ReadFile(old[1]), "b");
}

static void
files_roll_by_time(void **state)
{
    char            file[96], name[128], foreign[128];
    struct timespec times[2] = {{1000, 0}, {1000, 0}};

    snprintf(file, sizeof(file), "%s/stamped", folder);
    snprintf(foreign, sizeof(foreign), "%s.foreign", file);
    Write(foreign, "x");
    assert_int_equal(utimensat(AT_FDCWD, foreign, times, 0), 0);
    snprintf(name, sizeof(name), "%s.stamp.gz", file);
    Write(name, "x");
    assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
    Write(file, "1");
    assert_int_equal(NsRollFileFmt(file, "stamp", 2), NS_OK);
    assert_true(Exists(name));
    Write(file, "2");
    assert_int_equal(NsRollFileFmt(file, "stamp", 2), NS_OK);
    assert_false(Exists(name));
    snprintf(name, sizeof(name), "%s.stamp", file);
    assert_string_equal(ReadFile(name), "2");
    snprintf(name, sizeof(name), "%s.stamp.000", file);
    assert_string_equal(ReadFile(name), "1");
    Write(file, "3");
    assert_int_equal(NsRollFileFmt(file, "%Y", 2), NS_OK);
    assert_false(Exists(file));
    assert_true(Exists(foreign));              /* the format does not give this name */
}

static void
what_cannot_be_rolled_stays(void **state)
{
    char file[96];

    Begin(&defaults);
    snprintf(file, sizeof(file), "%s/stays", folder);
    Write(file, "x");
    assert_int_equal(NsRollFileFmt(file, "a/b", 2), NS_ERROR);
    assert_string_equal(ReadFile(file), "x");
    assert_matches(ReadFile(logFile), "Error: roll: format 'a/b' gives no name for '[^']*/stays'\n$");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_when_who_and_what),
        cmocka_unit_test(parts_of_a_line_are_optional),
        cmocka_unit_test(colors_are_ended),
        cmocka_unit_test(repetitions_are_counted),
        cmocka_unit_test(control_characters_are_made_visible),
        cmocka_unit_test(long_messages_are_whole),
        cmocka_unit_test(errno_stays),
        cmocka_unit_test(lines_of_several_threads_are_not_mixed),
        cmocka_unit_test(severities_have_names),
        cmocka_unit_test(severities_are_switched_and_counted),
        cmocka_unit_test(fatal_ends_the_process),
        cmocka_unit_test(a_thread_holds_back_its_own),
        cmocka_unit_test(what_a_thread_holds_is_written_at_its_end),
        cmocka_unit_test(a_hook_gets_the_message),
        cmocka_unit_test(a_file_that_cannot_be_opened_changes_nothing),
        cmocka_unit_test(files_roll_by_number),
        cmocka_unit_test(files_roll_by_time),
        cmocka_unit_test(what_cannot_be_rolled_stays),
    };

    Tcl_FindExecutable(NULL);                  /* threads end with Tcl's clean-up */
    return cmocka_run_group_tests(tests, Setup, Teardown);
}
