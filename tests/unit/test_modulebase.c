/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What include/nsbase.h offers to modules: dynamic strings, strings, calls of the system, other programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include "ns.h"

#define MANY "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static void
DStrings(void **state)
{
    Tcl_DString ds;
    char       *copy;

    Ns_DStringInit(&ds);
    assert_string_equal(Ns_DStringPrintf(&ds, "%d-%s", 5, "a"), "5-a");
    assert_string_equal(Ns_DStringVarAppend(&ds, "b", "c", "", NS_SENTINEL), "5-abc");
    assert_int_equal(strlen(Ns_DStringPrintf(&ds, "%s%s%s", MANY, MANY, MANY)), 305);          /* past its first buffer */
    assert_string_equal(Ns_DStringValue(&ds) + 295, "0123456789");
    assert_int_equal(Ns_DStringLength(&ds), 305);
    Ns_DStringTrunc(&ds, 3);
    Ns_DStringTrunc(&ds, 100);
    assert_string_equal(Ns_DStringNAppend(&ds, "xyz", 1), "5-ax");
    Ns_DStringSetLength(&ds, 1);
    assert_string_equal(Ns_DStringAppend(&ds, "!"), "5!");
    assert_string_equal(Ns_DStringAppendElement(&ds, "a b"), "5! {a b}");
    copy = Ns_DStringExport(&ds);
    assert_string_equal(copy, "5! {a b}");
    assert_int_equal(Ns_DStringLength(&ds), 0);
    ns_free(copy);
    Ns_DStringFree(&ds);
}

static void
Escapes(void **state)
{
    Tcl_DString *ds = Ns_DStringPop();

    assert_string_equal(Ns_DStringAppendEscaped(ds, "a\"b\\c\n\t\x01\xc3\xa4"), "a\\\"b\\\\c\\n\\t\\x01\xc3\xa4");
    Ns_DStringTrunc(ds, 0);
    assert_string_equal(Ns_DStringAppendPrintable(ds, false, false, "a\tb\nc\x80", 6), "a\\x09b\nc\\x80");
    Ns_DStringTrunc(ds, 0);
    assert_string_equal(Ns_DStringAppendPrintable(ds, true, true, "ab\tc\nd\n", 7), "ab      c\n:    d\n");
    Ns_DStringPush(ds);
}

/* Of each number of strings, so that the array is aligned whatever stands before it. */
static void
Arguments(void **state)
{
    for (size_t count = 0; count < 40; count++) {
        Tcl_DString ds;
        char      **argv, word[64];

        Ns_DStringInit(&ds);
        for (size_t i = 0; i < count; i++) {
            snprintf(word, sizeof(word), "%.*s", (int)i, MANY);
            Ns_DStringAppendArg(&ds, word);
        }
        argv = Ns_DStringAppendArgv(&ds);
        assert_int_equal((uintptr_t)argv % sizeof(char *), 0);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(strlen(argv[i]), i);
        }
        assert_null(argv[count]);
        Ns_DStringFree(&ds);
    }
}

static void
Trims(void **state)
{
    char text[] = " \t aB c\r\n ", blank[] = "  ";

    assert_string_equal(Ns_StrTrim(text), "aB c");
    assert_string_equal(Ns_StrTrim(blank), "");
    assert_string_equal(Ns_StrToUpper(Ns_StrTrimLeft(text)), "AB C");
    assert_string_equal(Ns_StrToLower(Ns_StrTrimLeft(text)), "ab c");
    assert_string_equal(Ns_NextWord("GET  /a b"), "/a b");
    assert_string_equal(Ns_NextWord("GET"), "");
    assert_string_equal(Ns_Match("Host:", "host: x"), " x");
    assert_null(Ns_Match("Hosts", "host: x"));
    assert_string_equal(Ns_StrCaseFind("abCDe", "cd"), "CDe");
    assert_null(Ns_StrNStr("abCDe", "x"));
    assert_null(Ns_NullIfEmpty(""));
    assert_null(Ns_NullIfEmpty(NULL));
    assert_string_equal(Ns_NullIfEmpty("a"), "a");
}

static void
Numbers(void **state)
{
    Tcl_WideInt   wide = 7;
    int           number = 7;
    unsigned long value = 7;
    char          buffer[32];

    assert_int_equal(Ns_StrToInt(" 12 ", &number), NS_OK);
    assert_int_equal(number, 12);
    assert_int_equal(Ns_StrToInt("0x1f", &number), NS_OK);
    assert_int_equal(number, 31);
    for (const char *const *bad = (const char *const[]){"", "x", "1x", "2147483648", "99999999999999999999", NULL}; *bad != NULL; bad++) {
        assert_int_equal(Ns_StrToInt(*bad, &number), NS_ERROR);
    }
    assert_int_equal(number, 31);
    assert_int_equal(Ns_StrToWideInt("-9000000000", &wide), NS_OK);
    assert_true(wide == -9000000000LL);
    assert_int_equal(Ns_StrToMemUnit("4KB", &wide), NS_OK);
    assert_true(wide == 4096);
    assert_true(Ns_StrToULongNStrict("12x", 2, 10, &value));
    assert_int_equal(value, 12);
    assert_true(Ns_StrToULongNStrict("fF", 2, 16, &value));
    assert_int_equal(value, 255);
    assert_false(Ns_StrToULongNStrict("1f", 2, 10, &value));
    assert_false(Ns_StrToULongNStrict("", 0, 10, &value));
    assert_false(Ns_StrToULongNStrict("18446744073709551616", 20, 10, &value));
    assert_false(Ns_StrToULongNStrict("+1", 2, 10, &value));
    assert_int_equal(ns_uint32toa(buffer, UINT32_MAX), 10);
    assert_string_equal(buffer, "4294967295");
    assert_int_equal(ns_uint64toa(buffer, 0), 1);
    assert_string_equal(buffer, "0");
}

static void
Bytes(void **state)
{
    const unsigned char octets[] = {0x00, 0xab, 0x7f};
    char                buffer[16];
    Tcl_DString         ds;

    assert_string_equal(Ns_HexString(octets, buffer, 3, false), "00ab7f");
    assert_string_equal(Ns_HexString(octets, buffer, 3, true), "00AB7F");
    assert_true(Ns_Is7bit("abc", 3));
    assert_false(Ns_Is7bit("a\x80", 2));
    assert_int_equal(Ns_UpperCharPos("abC", 3), 2);
    assert_int_equal(Ns_UpperCharPos("abC", 2), -1);
    assert_true(Ns_Valid_UTF8((const unsigned char *)"a\xc3\xa4", 3, NULL));
    Tcl_DStringInit(&ds);
    assert_false(Ns_Valid_UTF8((const unsigned char *)"a\xc3", 2, &ds));
    assert_string_equal(Tcl_DStringValue(&ds), "byte 1: 0xc3 begins no character of UTF-8");
    Tcl_DStringFree(&ds);
    memset(buffer, 0, sizeof(buffer));
    assert_int_equal(Ns_Utf8FromCodePoint('a', buffer), 1);
    assert_int_equal(Ns_Utf8FromCodePoint(0xe4, buffer), 2);
    assert_memory_equal(buffer, "\xc3\xa4", 2);
    assert_int_equal(Ns_Utf8FromCodePoint(0x20ac, buffer), 3);
    assert_memory_equal(buffer, "\xe2\x82\xac", 3);
    assert_int_equal(Ns_Utf8FromCodePoint(0x1f600, buffer), 4);
    assert_memory_equal(buffer, "\xf0\x9f\x98\x80", 4);
    assert_int_equal(Ns_Utf8FromCodePoint(0xd800, buffer), 0);
    assert_string_equal(Ns_ReturnCodeString(NS_FILTER_RETURN), "NS_FILTER_RETURN");
    assert_string_equal(Ns_ReturnCodeString((Ns_ReturnCode)5), "NS_UNKNOWN");
    assert_string_equal(Ns_TclReturnCodeString(TCL_BREAK), "TCL_BREAK");
    assert_null(ns_strcopy(NULL));
    assert_memory_equal(ns_memmem("abcabd", 6, "abd", 3), "abd", 3);
    assert_null(ns_memmem("abc", 3, "d", 1));
    for (int i = 0; i < 1000; i++) {
        double random = Ns_DRand();

        assert_true(random >= 0.0 && random < 1.0);
    }
}

static void
Files(void **state)
{
    char    name[] = "/tmp/nsd-unit-XXXXXX", folder[] = "/tmp/nsd-unit-XXXXXX", bytes[8] = "";
    int     fds[2], fd = ns_mkstemp(name), again;
    time_t  zero = 0;
    char    words[] = "a,b";

    assert_true(fd >= 0);
    assert_int_equal(ns_write(fd, "hello", 5), 5);
    assert_int_equal(ns_lseek(fd, 1, SEEK_SET), 1);
    assert_int_equal(ns_read(fd, bytes, 8), 4);
    assert_string_equal(bytes, "ello");
    assert_int_equal(Ns_NoCloseOnExec(fd), NS_OK);
    assert_int_equal(fcntl(fd, F_GETFD), 0);
    assert_int_equal(Ns_CloseOnExec(fd), NS_OK);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(Ns_CloseOnExec(-1), NS_ERROR);
    again = fd;
    assert_true(Ns_DupHigh(&again) >= 256);
    assert_int_equal(ns_read(fd, bytes, 1), -1);                   /* the old number is closed */
    assert_int_equal(ns_close(again), 0);
    fd = ns_open(name, O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(ns_close(fd), 0);
    assert_int_equal(ns_open("/does/not/exist", O_RDONLY, 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(unlink(name), 0);
    assert_ptr_equal(ns_mkdtemp(folder), folder);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(ns_sockpair(fds), 0);
    assert_int_equal(ns_send(fds[0], "x", 1, 0), 1);
    assert_int_equal(ns_poll(&(struct pollfd){.fd = fds[1], .events = POLLIN}, 1, 10000), 1);
    assert_int_equal(ns_recv(fds[1], bytes, 8, 0), 1);
    assert_int_equal(ns_poll(&(struct pollfd){.fd = fds[1], .events = POLLIN}, 1, 1), 0);
    assert_int_equal(ns_sock_set_blocking(fds[1], false), 0);
    assert_int_equal(ns_recv(fds[1], bytes, 8, 0), -1);
    assert_true(NS_ERRNO_WOULDBLOCK(errno));
    (void)ns_close(fds[0]);
    assert_int_equal(ns_send(fds[1], "x", 1, 0), -1);              /* and no SIGPIPE */
    (void)ns_close(fds[1]);
    assert_int_equal(ns_gmtime(&zero)->tm_year, 70);
    assert_string_equal(ns_strtok(words, ","), "a");
    assert_string_equal(ns_strtok(NULL, ","), "b");
}

static void
Accounts(void **state)
{
    Tcl_DString ds;

    Tcl_DStringInit(&ds);
    assert_int_equal(Ns_GetUid("root"), 0);
    assert_int_equal(Ns_GetUserGid("root"), 0);
    assert_int_equal(Ns_GetUid("no such user"), -1);
    assert_int_equal(Ns_GetGid("no such group"), -1);
    assert_true(Ns_GetNameForUid(&ds, 0));
    assert_string_equal(Tcl_DStringValue(&ds), "root");
    Tcl_DStringSetLength(&ds, 0);
    assert_true(Ns_GetUserHome(&ds, "root"));
    assert_int_equal(Tcl_DStringValue(&ds)[0], '/');
    assert_false(Ns_GetUserHome(&ds, "no such user"));
    assert_int_equal(Ns_GetUid(NULL), -1);                         /* not root */
    assert_int_equal(Ns_GetGid(NULL), -1);
    Tcl_DStringFree(&ds);
}

static char *
OutputOf(pid_t pid, int fds[2], int *code)
{
    static char output[512];
    ssize_t     len = 0, got;

    (void)ns_close(fds[1]);
    assert_true(pid > 0);
    while ((got = ns_read(fds[0], output + len, sizeof(output) - 1u - (size_t)len)) > 0) {
        len += got;
    }
    output[len] = '\0';
    (void)ns_close(fds[0]);
    assert_int_equal(Ns_WaitForProcess(pid, code), NS_OK);
    return output;
}

static void
Programs(void **state)
{
    int     fds[2], code = 9;
    Ns_Set *env = Ns_SetCreate(NULL);

    (void)Ns_SetPut(env, "NSD_UNIT", "here");
    assert_int_equal(ns_pipe(fds), 0);
    assert_string_equal(OutputOf(Ns_ExecProcess("echo $NSD_UNIT; pwd; exit 3", "/", -1, fds[1], NULL, env), fds, &code), "here\n/\n");
    assert_int_equal(code, 3);
    assert_int_equal(ns_pipe(fds), 0);
    assert_string_equal(OutputOf(Ns_ExecProcess("/bin/echo", NULL, -1, fds[1], "echo\0a b\0c\0", NULL), fds, &code), "a b c\n");
    assert_int_equal(code, 0);
    assert_int_equal(Ns_ExecProc("/does/not/exist", (const char *const[]){"x", NULL}), NS_INVALID_PID);
    assert_int_equal(Ns_WaitProcess(Ns_ExecProcess("kill -9 $$", NULL, -1, -1, NULL, NULL)), NS_ERROR);
    assert_int_equal(Ns_WaitProcess(getpid()), NS_ERROR);
    Ns_SetFree(env);
}

/* NULL arguments are commands for the shell; what cannot be run must not run elsewhere, and waiting for it takes no other's child. */
static void
ProgramsThatCannotRun(void **state)
{
    pid_t child = Ns_ExecProc("exit 5", NULL), none;
    int   code = 9;

    assert_true(child > 0);
    none = Ns_ExecProcess("exit 0", "/\xc0\x80", -1, -1, NULL, NULL);
    assert_int_equal(none, NS_INVALID_PID);
    assert_int_equal(Ns_WaitProcess(none), NS_ERROR);
    assert_int_equal(Ns_WaitProcess(0), NS_ERROR);
    assert_int_equal(Ns_WaitForProcess(child, &code), NS_OK);
    assert_int_equal(code, 5);
}

static int
Spawn(const char *script, const char *dir, const int *fds, int nfds, pid_t *pid)
{
    char *const    argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)script, NULL}, *const envp[] = {(char *)"A=b", NULL};
    Ns_SpawnParams params = {.exec = script != NULL ? "/bin/sh" : "/does/not/exist", .dir = dir, .argv = argv, .envp = envp,
                             .fds = fds, .nfds = nfds};
    int            pidfd = -1, error = Ns_Spawn(&params, pid, &pidfd);

    if (pidfd >= 0) {
        struct pollfd pfd = {.fd = pidfd, .events = POLLIN};

        assert_int_equal(poll(&pfd, 1, -1), 1);        /* readable when it has ended */
        (void)close(pidfd);
    }
    return error;
}

/* It has the descriptors that it is given and no other, its folder, a group of its own, and no signal that is ignored here. */
static void
ProgramsWithNothingOfOurs(void **state)
{
    int   out[2], code = 9, open = dup(2), wrong[2] = {1, 0};
    pid_t pid = -1;

    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(ns_pipe(out), 0);
    assert_int_equal(Spawn("cat; pwd; echo $A; read -r pid name state parent group rest </proc/$$/stat; [ $group = $$ ] && echo group; "
                           "for n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || echo $n; done; exit 7",
                           "/", (const int[]){-1, out[1], 2}, 3, &pid), 0);
    assert_string_equal(OutputOf(pid, out, &code), "/\nb\ngroup\n");
    assert_int_equal(code, 7);
    assert_int_equal(Spawn("kill -PIPE $$; exit 8", NULL, (const int[]){-1, 2, 2}, 3, &pid), 0);
    assert_int_equal(Ns_WaitProcess(pid), NS_ERROR);           /* ended by the signal */
    assert_int_equal(Spawn(NULL, NULL, (const int[]){-1, 2, 2}, 3, &pid), ENOENT);
    assert_int_equal(Spawn("exit 0", "/does/not/exist", (const int[]){-1, 2, 2}, 3, &pid), ENOENT);
    assert_int_equal(Spawn("exit 0", NULL, wrong, 2, &pid), EINVAL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)close(open);
}

/* A key of a length need not end with a NUL: nothing is read behind it. */
static void
KeysWithoutEnd(void **state)
{
    char   *key = ns_malloc(2);
    Ns_Set *set = Ns_SetCreate(NULL);

    memcpy(key, "ab", 2);
    assert_int_equal(Ns_SetUpdateSz(set, key, 2, key, 2), 0);
    assert_int_equal(Ns_SetIUpdateSz(set, key, 2, key, 1), 0);
    assert_string_equal(Ns_SetGet(set, "ab"), "a");
    Ns_SetFree(set);
    ns_free(key);
}

static void
PollsLongest(void **state)
{
    struct pollfd poll = {-1, POLLIN, 0};
    int           fds[2];

    assert_int_equal(ns_pipe(fds), 0);
    assert_int_equal(ns_write(fds[1], "x", 1), 1);
    poll.fd = fds[0];
    assert_int_equal(ns_poll(&poll, 1, LONG_MAX), 1);
    assert_int_equal(ns_poll(&poll, 1, -5), 1);
    (void)ns_close(fds[0]);
    (void)ns_close(fds[1]);
}

static void
Environment(void **state)
{
    Tcl_DString ds;
    bool        found = false;

    assert_int_equal(setenv("NSD_UNIT", "1", 1), 0);
    Tcl_DStringInit(&ds);
    for (char **entry = Ns_CopyEnviron(&ds); *entry != NULL; entry++) {
        found = found || strcmp(*entry, "NSD_UNIT=1") == 0;
    }
    assert_true(found);
    Tcl_DStringFree(&ds);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(DStrings), cmocka_unit_test(Escapes), cmocka_unit_test(Arguments), cmocka_unit_test(Trims),
        cmocka_unit_test(Numbers), cmocka_unit_test(Bytes), cmocka_unit_test(Files), cmocka_unit_test(Accounts),
        cmocka_unit_test(Programs), cmocka_unit_test(Environment), cmocka_unit_test(ProgramsThatCannotRun),
        cmocka_unit_test(ProgramsWithNothingOfOurs), cmocka_unit_test(KeysWithoutEnd), cmocka_unit_test(PollsLongest)
    };

    Tcl_FindExecutable(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
