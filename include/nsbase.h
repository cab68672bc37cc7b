/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Strings, files and processes: what modules for NaviServer use of the system, and needs no server.  Included by ns.h.
 *
 * Any thread may call these functions unless a comment says otherwise.
 */
#ifndef NSBASE_H
#define NSBASE_H

#include "nsthread.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Ns_Set Ns_Set;

/* ----------------------------------------------------------------------------------------- Tcl_DStrings (base/dstring.c) */

/* What appends gives the whole string, which is the DString's and valid until it is changed. */
NS_EXTERN void  Ns_DStringInit(Tcl_DString *ds);
NS_EXTERN void  Ns_DStringFree(Tcl_DString *ds);
NS_EXTERN char *Ns_DStringValue(const Tcl_DString *ds);
NS_EXTERN TCL_SIZE_T Ns_DStringLength(const Tcl_DString *ds);
NS_EXTERN void  Ns_DStringSetLength(Tcl_DString *ds, TCL_SIZE_T length);
NS_EXTERN void  Ns_DStringTrunc(Tcl_DString *ds, TCL_SIZE_T length);
NS_EXTERN char *Ns_DStringAppend(Tcl_DString *ds, const char *bytes);
NS_EXTERN char *Ns_DStringNAppend(Tcl_DString *ds, const char *bytes, TCL_SIZE_T length);    /* -1: up to the NUL */
NS_EXTERN char *Ns_DStringVarAppend(Tcl_DString *ds, ...) NS_GNUC_SENTINEL;                  /* strings, and NULL */
NS_EXTERN char *Ns_DStringAppendElement(Tcl_DString *ds, const char *bytes);                 /* of a Tcl list */
NS_EXTERN char *Ns_DStringPrintf(Tcl_DString *ds, const char *fmt, ...) NS_PRINTF(2, 3);
NS_EXTERN char *Ns_DStringVPrintf(Tcl_DString *ds, const char *fmt, va_list ap);
NS_EXTERN char *Ns_DStringAppendArg(Tcl_DString *ds, const char *bytes);                     /* with its NUL */
/* The strings that AppendArg appended as an array that a NULL ends, in the DString itself. */
NS_EXTERN char **Ns_DStringAppendArgv(Tcl_DString *ds);
/* Quotes and backslashes with a backslash, control characters as \n, \t, \xHH: for a field of a log between quotes. */
NS_EXTERN char *Ns_DStringAppendEscaped(Tcl_DString *ds, const char *string);
/*
 * Bytes for people: what cannot be printed as \xHH, line ends kept.  indentMode: lines but the first begin as continuations in the log
 * do.  tabExpandMode: tabs as blanks, up to the next column of eight.
 */
NS_EXTERN char *Ns_DStringAppendPrintable(Tcl_DString *ds, bool indentMode, bool tabExpandMode, const char *buffer, size_t len);
NS_EXTERN char *Ns_DStringExport(Tcl_DString *ds);                                           /* a copy for ns_free; the DString is empty */
NS_EXTERN Tcl_Obj *Ns_DStringToObj(Tcl_DString *ds);                                         /* the same as a value */
NS_EXTERN Tcl_DString *Ns_DStringPop(void);                                                  /* a new one, initialised ... */
NS_EXTERN void  Ns_DStringPush(Tcl_DString *ds);                                             /* ... and given back */

/* ---------------------------------------------------------------------------------------------------- strings (base/str.c) */

/* In place; letters and blanks are those of ASCII. */
NS_EXTERN char *Ns_StrTrim(char *chars);                           /* the first character that is no blank */
NS_EXTERN char *Ns_StrTrimLeft(char *chars);
NS_EXTERN char *Ns_StrTrimRight(char *chars);
NS_EXTERN char *Ns_StrToLower(char *chars);
NS_EXTERN char *Ns_StrToUpper(char *chars);
/* NS_ERROR: that is not a number of this type and nothing else; *intPtr stays as it was. */
NS_EXTERN Ns_ReturnCode Ns_StrToInt(const char *chars, int *intPtr);
NS_EXTERN Ns_ReturnCode Ns_StrToWideInt(const char *chars, Tcl_WideInt *intPtr);
NS_EXTERN Ns_ReturnCode Ns_StrToMemUnit(const char *chars, Tcl_WideInt *intPtr);             /* 17, 4KB, 1.5MB */
NS_EXTERN bool  Ns_StrToULongNStrict(const char *s, size_t len, int base, unsigned long *value);   /* digits alone; base 10 or 16 */
NS_EXTERN const char *Ns_StrCaseFind(const char *chars, const char *subString);              /* NULL: it is not in there */
NS_EXTERN const char *Ns_StrNStr(const char *chars, const char *subString);                  /* the same */
/* Where `b` goes on after beginning with `a`, in any case; NULL: it does not. */
NS_EXTERN const char *Ns_Match(const char *a, const char *b);
NS_EXTERN const char *Ns_NextWord(const char *line);               /* behind the blanks that end the first word */
NS_EXTERN const char *Ns_NullIfEmpty(const char *string);
NS_EXTERN bool  Ns_StrIsValidHostHeaderContent(const char *chars); /* a host and a port, and nothing else */
NS_EXTERN bool  Ns_Is7bit(const char *bytes, size_t nrBytes);
NS_EXTERN ssize_t Ns_UpperCharPos(const char *bytes, size_t nrBytes);                        /* of the first capital; -1: none */
NS_EXTERN bool  Ns_Valid_UTF8(const unsigned char *bytes, size_t nrBytes, Tcl_DString *ds);  /* ds (may be NULL): where it is not */
NS_EXTERN size_t Ns_Utf8FromCodePoint(uint32_t codePoint, char *dst);                        /* 1 .. 4 bytes; 0: no character */
NS_EXTERN const char *Ns_ReturnCodeString(Ns_ReturnCode code);     /* "NS_OK" */
NS_EXTERN const char *Ns_TclReturnCodeString(int code);            /* "TCL_OK" */
NS_EXTERN char *Ns_HexString(const unsigned char *octets, char *output, TCL_SIZE_T size, bool isUpper);   /* 2 * size + 1 bytes */
NS_EXTERN char *ns_strcopy(const char *string);                    /* NULL gives NULL */
NS_EXTERN int   ns_uint32toa(char *buffer, uint32_t n);            /* decimal; the length without the NUL */
NS_EXTERN int   ns_uint64toa(char *buffer, uint64_t n);
NS_EXTERN void *ns_malloc_nonzero(size_t size) NS_ALLOC_SIZE1(1);  /* NULL for no bytes */
NS_EXTERN void *ns_align_up(void *p, size_t a);                    /* a: a power of two */
NS_EXTERN void *ns_memmem(const void *haystack, size_t haystackLength, const void *const needle, const size_t needleLength);
NS_EXTERN double Ns_DRand(void);                                   /* 0 <= x < 1, not to be guessed */

/* --------------------------------------------------------------------------------------------- the system (base/system.c) */

/* As without ns_, but for interruptions by signals, after which they go on.  Names of files are text. */
NS_EXTERN int     ns_open(const char *path, int oflag, int mode);  /* close-on-exec */
NS_EXTERN int     ns_close(int fildes);
NS_EXTERN ssize_t ns_read(int fildes, void *buf, size_t nbyte);
NS_EXTERN ssize_t ns_write(int fildes, const void *buf, size_t nbyte);
NS_EXTERN off_t   ns_lseek(int fildes, off_t offset, int whence);
NS_EXTERN ssize_t ns_recv(NS_SOCKET socket, void *buffer, size_t length, int flags);
NS_EXTERN ssize_t ns_send(NS_SOCKET socket, const void *buffer, size_t length, int flags);
NS_EXTERN int     ns_poll(struct pollfd *fds, NS_POLL_NFDS_TYPE nfds, long timo);   /* timo: ms; it is not prolonged by signals */
NS_EXTERN int     ns_pipe(int *fds);                               /* close-on-exec */
NS_EXTERN int     ns_sockpair(NS_SOCKET *socks);                   /* the same */
NS_EXTERN int     ns_mkstemp(char *charTemplate);                  /* the same */
NS_EXTERN char   *ns_mkdtemp(char *charTemplate);
NS_EXTERN int     ns_sock_set_blocking(NS_SOCKET sock, bool blocking);
NS_EXTERN int     ns_snprintf(char *buf, size_t len, const char *fmt, ...) NS_PRINTF(3, 4);
NS_EXTERN ssize_t ns_getline(char **lineptr, size_t *n, FILE *stream);
NS_EXTERN Ns_ReturnCode Ns_CloseOnExec(int fd);
NS_EXTERN Ns_ReturnCode Ns_NoCloseOnExec(int fd);
NS_EXTERN int     Ns_DupHigh(int *fdPtr);                          /* to a number from 256 on, if there is one; *fdPtr is closed then */
NS_EXTERN int     Ns_GetTemp(void);                                /* a file without name, in tmpdir; -1 and errno */
NS_EXTERN void    Ns_ReleaseTemp(int fd);
NS_EXTERN int     ns_signal(int sig, void (*proc)(int));           /* TERM, INT, HUP and others that a thread of the server takes are blocked: no handler gets them */
NS_EXTERN int     ns_sigmask(int how, sigset_t *set, sigset_t *oset);
NS_EXTERN int     ns_sigwait(sigset_t *set, int *sig);

/* Results in storage of the calling thread, until its next call. */
NS_EXTERN struct tm *ns_localtime(const time_t *timep);
NS_EXTERN struct tm *ns_localtime_r(const time_t *timer, struct tm *buf);
NS_EXTERN struct tm *ns_gmtime(const time_t *timep);
NS_EXTERN struct dirent *ns_readdir(DIR *dir);
NS_EXTERN char   *ns_strtok(char *s1, const char *s2);

/* Accounts: -1, or false, where there is none. */
NS_EXTERN long    Ns_GetUid(const char *user);
NS_EXTERN long    Ns_GetGid(const char *group);
NS_EXTERN long    Ns_GetUserGid(const char *user);
NS_EXTERN bool    Ns_GetUserHome(Tcl_DString *ds, const char *user);
NS_EXTERN bool    Ns_GetNameForUid(Tcl_DString *ds, uid_t uid);
NS_EXTERN bool    Ns_GetNameForGid(Tcl_DString *ds, gid_t gid);
/* The process is another's from here on, for good; by name or number.  NS_ERROR, logged.  The main thread, at the start. */
NS_EXTERN Ns_ReturnCode Ns_SetUser(const char *user);
NS_EXTERN Ns_ReturnCode Ns_SetGroup(const char *group);

/* ---------------------------------------------------------------------------------------- other programs (base/exec.c) */

/*
 * Run a program; its number, or NS_INVALID_PID, logged.  `dir` NULL: this folder.  fdin, fdout: its input and output, negative: as
 * they are here; errors go where ours do.  `env`: all of its environment; NULL: as here.  Signals are as at the start of a program.
 * Argblk, Process: `args` are its arguments one behind the other, with their NULs and one more.  argv, args NULL: `exec` is a command for /bin/sh.
 */
NS_EXTERN pid_t Ns_ExecArgv(const char *exec, const char *dir, int fdin, int fdout, const char *const *argv, const Ns_Set *env);
NS_EXTERN pid_t Ns_ExecArgblk(const char *exec, const char *dir, int fdin, int fdout, const char *args, const Ns_Set *env);
NS_EXTERN pid_t Ns_ExecProcess(const char *exec, const char *dir, int fdin, int fdout, const char *args, const Ns_Set *env);
NS_EXTERN pid_t Ns_ExecProc(const char *exec, const char *const *argv);
/*
 * Start a program with nothing of the server's: fds[i] is its descriptor i (negative: /dev/null), and it has no other; it leads a process group
 * of its own, and no signal is blocked or ignored.  Names are the system's bytes.  Nothing of the server's memory is copied.  *pidfd is
 * readable when it has ended, and the caller's to close; -1: the kernel has none.  0, or the errno of what failed, exec included.
 */
typedef struct Ns_SpawnParams {
    const char  *exec;                         /* a path */
    const char  *dir;                          /* NULL: the server's */
    char *const *argv, *const *envp;
    const int   *fds;
    int          nfds;                         /* a number of the server below this is itself, or not used by a lower one */
} Ns_SpawnParams;
NS_EXTERN int Ns_Spawn(const Ns_SpawnParams *params, pid_t *pid, int *pidfd);
/* Wait until it ends.  NS_ERROR, logged: it is none of ours, or ended by a signal.  Both pointers may be NULL. */
NS_EXTERN Ns_ReturnCode Ns_WaitProcess(pid_t pid);
NS_EXTERN Ns_ReturnCode Ns_WaitForProcess(pid_t pid, int *exitcode);
NS_EXTERN Ns_ReturnCode Ns_WaitForProcessStatus(pid_t pid, int *exitcode, int *waitstatus);
NS_EXTERN pid_t ns_fork(void);                                     /* the child may call little but exec: other threads held locks */
/* The environment as an array in the DString; as it is, while nobody changes it. */
NS_EXTERN char **Ns_CopyEnviron(Tcl_DString *ds);
NS_EXTERN char **Ns_GetEnviron(void);

#ifdef __cplusplus
}
#endif
#endif /* NSBASE_H */
