/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Other programs: Ns_Exec*, Ns_Spawn, Ns_WaitForProcess*, and the environment that they get.
 *
 * They are started by posix_spawn: between fork and exec of a process with threads, little may be called.
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include "ns.h"
#include "base/env.h"
#include "base/text.h"

extern char **environ;

Ns_Mutex nsEnvLock;

char **
Ns_GetEnviron(void)
{
    return environ;
}

char **
Ns_CopyEnviron(Tcl_DString *ds)
{
    Ns_MutexLock(&nsEnvLock);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        Ns_DStringAppendArg(ds, *entry);
    }
    Ns_MutexUnlock(&nsEnvLock);
    return Ns_DStringAppendArgv(ds);
}

/* What a set says the environment is, in the form of the system. */
static char **
EnvironOf(Tcl_DString *ds, const Ns_Set *env)
{
    for (size_t i = 0; i < Ns_SetSize(env); i++) {
        const char *value = Ns_SetValue(env, i);
        Tcl_DString entry, out;
        const char *bytes;

        Tcl_DStringInit(&entry);
        Tcl_DStringInit(&out);
        Ns_DStringVarAppend(&entry, Ns_SetKey(env, i), "=", value != NULL ? value : "", NS_SENTINEL);
        bytes = NsTextOutString(&out, Tcl_DStringValue(&entry));
        if (bytes != NULL) {
            Ns_DStringAppendArg(ds, bytes);
        }
        Tcl_DStringFree(&out);
        Tcl_DStringFree(&entry);
    }
    return Ns_DStringAppendArgv(ds);
}

/* No signal is blocked, and none is handled but as at the start of a program; with `group` it leads one of its own. */
static int
Attributes(posix_spawnattr_t *attr, bool group)
{
    sigset_t none, all;
    int      error = posix_spawnattr_setflags(attr, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                                                            | (group ? POSIX_SPAWN_SETPGROUP : 0)));

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    if (error == 0) {
        error = posix_spawnattr_setsigmask(attr, &none);
    }
    if (error == 0) {
        error = posix_spawnattr_setsigdefault(attr, &all);
    }
    return error == 0 && group ? posix_spawnattr_setpgroup(attr, 0) : error;
}

/* From the highest on: one that is replaced was not wanted by a lower one. */
static int
Descriptors(posix_spawn_file_actions_t *actions, const int *fds, int nfds)
{
    int error = 0;

    for (int i = nfds - 1; error == 0 && i >= 0; i--) {
        int fd = fds[i];

        if (fd > i && fd < nfds && fds[fd] != fd) {
            error = EINVAL;
        } else if (fd < 0) {
            error = posix_spawn_file_actions_addopen(actions, i, "/dev/null", O_RDWR, 0);
        } else {
            error = posix_spawn_file_actions_adddup2(actions, fd, i);
        }
    }
    return error == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, nfds) : error;
}

static int
PidFd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0u);
#else
    return -1;
#endif
}

int
Ns_Spawn(const Ns_SpawnParams *params, pid_t *pid, int *pidfd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t          attr;
    int                        error = posix_spawn_file_actions_init(&actions);

    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attr);
    if (error == 0) {
        error = Descriptors(&actions, params->fds, params->nfds);
        if (error == 0 && params->dir != NULL) {
            error = posix_spawn_file_actions_addchdir_np(&actions, params->dir);
        }
        if (error == 0) {
            error = Attributes(&attr, true);
        }
        if (error == 0) {
            error = posix_spawn(pid, params->exec, &actions, &attr, params->argv, params->envp);
        }
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    if (error == 0) {
        *pidfd = PidFd(*pid);
    }
    return error;
}

pid_t
Ns_ExecArgv(const char *exec, const char *dir, int fdin, int fdout, const char *const *argv, const Ns_Set *env)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t          attr;
    Tcl_DString                envDs, dirDs;
    pid_t                      pid = NS_INVALID_PID;
    const char                *dirBytes, *shell[] = {"/bin/sh", "-c", exec, NULL};
    int                        error = 0;

    if (argv == NULL) {                        /* a command for the shell */
        argv = shell;
        exec = shell[0];
    }
    Tcl_DStringInit(&envDs);
    Tcl_DStringInit(&dirDs);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attr);
    (void)Attributes(&attr, false);
    if (fdin >= 0) {
        (void)posix_spawn_file_actions_adddup2(&actions, fdin, STDIN_FILENO);
    }
    if (fdout >= 0) {
        (void)posix_spawn_file_actions_adddup2(&actions, fdout, STDOUT_FILENO);
    }
    dirBytes = dir != NULL ? NsTextOutString(&dirDs, dir) : NULL;
    if (dirBytes != NULL) {
        error = posix_spawn_file_actions_addchdir_np(&actions, dirBytes);
    } else if (dir != NULL) {
        error = EINVAL;                        /* no name of a folder: the program must not run in another one */
    }
    if (error == 0) {
        error = posix_spawnp(&pid, exec, &actions, &attr, (char *const *)argv,
                             env != NULL ? EnvironOf(&envDs, env) : Ns_CopyEnviron(&envDs));
    }
    if (error != 0) {
        Ns_Log(Error, "exec: cannot run %s%s%s: %s", exec, dir != NULL ? " in " : "", dir != NULL ? dir : "", strerror(error));
        pid = NS_INVALID_PID;
        errno = error;
    }
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&actions);
    Tcl_DStringFree(&dirDs);
    Tcl_DStringFree(&envDs);
    return pid;
}

pid_t
Ns_ExecArgblk(const char *exec, const char *dir, int fdin, int fdout, const char *args, const Ns_Set *env)
{
    Tcl_DString ds;
    pid_t       pid;

    if (args == NULL) {
        return Ns_ExecArgv(exec, dir, fdin, fdout, NULL, env);
    }
    Tcl_DStringInit(&ds);
    for (; *args != '\0'; args += strlen(args) + 1u) {
        Ns_DStringAppendArg(&ds, args);
    }
    pid = Ns_ExecArgv(exec, dir, fdin, fdout, (const char *const *)Ns_DStringAppendArgv(&ds), env);
    Tcl_DStringFree(&ds);
    return pid;
}

pid_t
Ns_ExecProcess(const char *exec, const char *dir, int fdin, int fdout, const char *args, const Ns_Set *env)
{
    return Ns_ExecArgblk(exec, dir, fdin, fdout, args, env);
}

pid_t
Ns_ExecProc(const char *exec, const char *const *argv)
{
    return Ns_ExecArgv(exec, NULL, -1, -1, argv, NULL);
}

Ns_ReturnCode
Ns_WaitForProcessStatus(pid_t pid, int *exitcode, int *waitstatus)
{
    int   status = 0;
    pid_t ended = -1;

    if (pid <= 0) {                            /* of a program that could not be run: waitpid would take any child, another's */
        errno = ECHILD;
    } else {
        do {
            ended = waitpid(pid, &status, 0);
        } while (ended == -1 && errno == EINTR);
    }
    if (ended == -1) {
        Ns_Log(Error, "exec: cannot wait for process %ld: %s", (long)pid, strerror(errno));
        return NS_ERROR;
    }
    if (waitstatus != NULL) {
        *waitstatus = status;
    }
    if (exitcode != NULL) {
        *exitcode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    if (WIFSIGNALED(status)) {
        Ns_Log(Error, "exec: process %ld was ended by signal %d%s", (long)pid, WTERMSIG(status), WCOREDUMP(status) ? ", with a core" : "");
        return NS_ERROR;
    }
    return NS_OK;
}

Ns_ReturnCode
Ns_WaitForProcess(pid_t pid, int *exitcode)
{
    return Ns_WaitForProcessStatus(pid, exitcode, NULL);
}

Ns_ReturnCode
Ns_WaitProcess(pid_t pid)
{
    return Ns_WaitForProcessStatus(pid, NULL, NULL);
}

pid_t
ns_fork(void)
{
    return fork();
}
