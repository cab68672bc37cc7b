/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_read and others: calls of the system as modules make them, with interruptions gone on with.
 */
#include "ns.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"

#define RETRY(result, call) do { (result) = (call); } while ((result) == -1 && errno == EINTR)

int
ns_open(const char *path, int oflag, int mode)
{
    int fd;

    RETRY(fd, NsFileOpen(path, oflag, (mode_t)mode));
    return fd;
}

/* On Linux the descriptor is closed when close is interrupted: a second call could close another's. */
int
ns_close(int fildes)
{
    int result = close(fildes);

    return result == -1 && errno == EINTR ? 0 : result;
}

ssize_t
ns_read(int fildes, void *buf, size_t nbyte)
{
    ssize_t result;

    RETRY(result, read(fildes, buf, nbyte));
    return result;
}

ssize_t
ns_write(int fildes, const void *buf, size_t nbyte)
{
    ssize_t result;

    RETRY(result, write(fildes, buf, nbyte));
    return result;
}

off_t
ns_lseek(int fildes, off_t offset, int whence)
{
    return lseek(fildes, offset, whence);
}

ssize_t
ns_recv(NS_SOCKET socket, void *buffer, size_t length, int flags)
{
    ssize_t result;

    RETRY(result, recv(socket, buffer, length, flags));
    return result;
}

ssize_t
ns_send(NS_SOCKET socket, const void *buffer, size_t length, int flags)
{
    ssize_t result;

    RETRY(result, send(socket, buffer, length, flags | MSG_NOSIGNAL));
    return result;
}

int
ns_poll(struct pollfd *fds, NS_POLL_NFDS_TYPE nfds, long timo)
{
    int64_t until;
    int     result;

    timo = MIN(timo, INT_MAX);
    until = timo > 0 ? NsClockMs() + timo : 0;

    do {
        int64_t left = timo > 0 ? until - NsClockMs() : timo;

        result = poll(fds, nfds, left < 0 && timo > 0 ? 0 : (int)MAX(left, -1));
    } while (result == -1 && errno == EINTR);
    return result;
}

int
ns_pipe(int *fds)
{
    return pipe2(fds, O_CLOEXEC);
}

int
ns_sockpair(NS_SOCKET *socks)
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks);
}

int
ns_mkstemp(char *charTemplate)
{
    return NsFileTemp(charTemplate);
}

char *
ns_mkdtemp(char *charTemplate)
{
    return NsFileTempFolder(charTemplate) == 0 ? charTemplate : NULL;
}

int
ns_sock_set_blocking(NS_SOCKET sock, bool blocking)
{
    int flags = fcntl(sock, F_GETFL);

    return flags == -1 ? -1 : fcntl(sock, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int
ns_snprintf(char *buf, size_t len, const char *fmt, ...)
{
    va_list ap;
    int     result;

    va_start(ap, fmt);
    result = vsnprintf(buf, len, fmt, ap);
    va_end(ap);
    return result;
}

ssize_t
ns_getline(char **lineptr, size_t *n, FILE *stream)
{
    return getline(lineptr, n, stream);
}

static Ns_ReturnCode
SetCloseOnExec(int fd, bool on)
{
    int flags = fcntl(fd, F_GETFD);

    return flags != -1 && fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC) == 0 ? NS_OK : NS_ERROR;
}

Ns_ReturnCode
Ns_CloseOnExec(int fd)
{
    return SetCloseOnExec(fd, true);
}

Ns_ReturnCode
Ns_NoCloseOnExec(int fd)
{
    return SetCloseOnExec(fd, false);
}

int
Ns_DupHigh(int *fdPtr)
{
    int high = fcntl(*fdPtr, F_DUPFD_CLOEXEC, 256);

    if (high != -1) {
        (void)close(*fdPtr);
        *fdPtr = high;
    }
    return *fdPtr;
}

/* ---------------------------------------------------------------------------------------------------------- signals */

int
ns_signal(int sig, void (*proc)(int))
{
    struct sigaction action = {0};

    action.sa_handler = proc;
    action.sa_flags = SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    return sigaction(sig, &action, NULL);
}

int
ns_sigmask(int how, sigset_t *set, sigset_t *oset)
{
    return pthread_sigmask(how, set, oset);
}

int
ns_sigwait(sigset_t *set, int *sig)
{
    return sigwait(set, sig);
}

/* ------------------------------------------------------------------------------------- results in storage of the thread */

struct tm *
ns_localtime(const time_t *timep)
{
    static __thread struct tm tm;

    return localtime_r(timep, &tm);
}

struct tm *
ns_localtime_r(const time_t *timer, struct tm *buf)
{
    return localtime_r(timer, buf);
}

struct tm *
ns_gmtime(const time_t *timep)
{
    static __thread struct tm tm;

    return gmtime_r(timep, &tm);
}

/* One folder is read by one thread at a time; then readdir(3) of glibc is safe. */
struct dirent *
ns_readdir(DIR *dir)
{
    return readdir(dir);
}

char *
ns_strtok(char *s1, const char *s2)
{
    static __thread char *rest;

    return strtok_r(s1, s2, &rest);
}

/* --------------------------------------------------------------------------------------------------------- accounts */

#define ACCOUNT_SIZE 16384                     /* of an entry's strings; sysconf(_SC_GETPW_R_SIZE_MAX) says 1024 */

static bool
FindUser(const char *name, uid_t uid, struct passwd *entry, char buffer[ACCOUNT_SIZE])
{
    struct passwd *found = NULL;
    int            error = name != NULL ? getpwnam_r(name, entry, buffer, ACCOUNT_SIZE, &found)
                                        : getpwuid_r(uid, entry, buffer, ACCOUNT_SIZE, &found);

    return error == 0 && found != NULL;
}

static bool
FindGroup(const char *name, gid_t gid, struct group *entry, char buffer[ACCOUNT_SIZE])
{
    struct group *found = NULL;
    int           error = name != NULL ? getgrnam_r(name, entry, buffer, ACCOUNT_SIZE, &found)
                                       : getgrgid_r(gid, entry, buffer, ACCOUNT_SIZE, &found);

    return error == 0 && found != NULL;
}

long
Ns_GetUid(const char *user)
{
    struct passwd entry;
    char          buffer[ACCOUNT_SIZE];

    return user != NULL && FindUser(user, 0, &entry, buffer) ? (long)entry.pw_uid : -1;
}

long
Ns_GetUserGid(const char *user)
{
    struct passwd entry;
    char          buffer[ACCOUNT_SIZE];

    return user != NULL && FindUser(user, 0, &entry, buffer) ? (long)entry.pw_gid : -1;
}

bool
Ns_GetUserHome(Tcl_DString *ds, const char *user)
{
    struct passwd entry;
    char          buffer[ACCOUNT_SIZE];
    bool          found = user != NULL && FindUser(user, 0, &entry, buffer);

    if (found) {
        NsTextAppendIn(ds, entry.pw_dir, strlen(entry.pw_dir));
    }
    return found;
}

long
Ns_GetGid(const char *group)
{
    struct group entry;
    char         buffer[ACCOUNT_SIZE];

    return group != NULL && FindGroup(group, 0, &entry, buffer) ? (long)entry.gr_gid : -1;
}

bool
Ns_GetNameForUid(Tcl_DString *ds, uid_t uid)
{
    struct passwd entry;
    char          buffer[ACCOUNT_SIZE];
    bool          found = FindUser(NULL, uid, &entry, buffer);

    if (found) {
        NsTextAppendIn(ds, entry.pw_name, strlen(entry.pw_name));
    }
    return found;
}

bool
Ns_GetNameForGid(Tcl_DString *ds, gid_t gid)
{
    struct group entry;
    char         buffer[ACCOUNT_SIZE];
    bool         found = FindGroup(NULL, gid, &entry, buffer);

    if (found) {
        NsTextAppendIn(ds, entry.gr_name, strlen(entry.gr_name));
    }
    return found;
}
