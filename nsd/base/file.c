/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files by name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/text.h"

/* A name for the system, and what it may be kept in. */
typedef struct Name {
    Tcl_DString ds;
    const char *path;                          /* NULL: it is none, errno is set */
} Name;

static bool
NameInit(Name *name, const char *path)
{
    Tcl_DStringInit(&name->ds);
    name->path = NsTextOutString(&name->ds, path);
    return name->path != NULL;
}

/* errno stays as the call left it. */
static int
NameDone(Name *name, int result)
{
    int error = errno;

    Tcl_DStringFree(&name->ds);
    errno = error;
    return result;
}

int
NsFileOpen(const char *path, int flags, mode_t mode)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? open(name.path, flags | O_CLOEXEC, mode) : -1);
}

FILE *
NsFileFopen(const char *path, const char *mode)
{
    Name  name;
    FILE *stream = NameInit(&name, path) ? fopen(name.path, mode) : NULL;

    (void)NameDone(&name, 0);
    return stream;
}

int
NsFileStat(const char *path, struct stat *st)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? stat(name.path, st) : -1);
}

int
NsFileLstat(const char *path, struct stat *st)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? lstat(name.path, st) : -1);
}

int
NsFileAccess(const char *path, int mode)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? access(name.path, mode) : -1);
}

int
NsFileMkdir(const char *path, mode_t mode)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? mkdir(name.path, mode) : -1);
}

int
NsFileChdir(const char *path)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? chdir(name.path) : -1);
}

int
NsFileUnlink(const char *path)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? unlink(name.path) : -1);
}

/* A call with two names. */
static int
WithTwo(const char *one, const char *other, int (*call)(const char *one, const char *other))
{
    Name name, otherName;
    int  result = -1;

    if (NameInit(&name, one)) {
        result = NameDone(&otherName, NameInit(&otherName, other) ? call(name.path, otherName.path) : -1);
    }
    return NameDone(&name, result);
}

int
NsFileRename(const char *from, const char *to)
{
    return WithTwo(from, to, rename);
}

int
NsFileSymlink(const char *target, const char *path)
{
    return WithTwo(target, path, symlink);
}

int
NsFileTruncate(const char *path, off_t length)
{
    Name name;

    return NameDone(&name, NameInit(&name, path) ? truncate(name.path, length) : -1);
}

static int
MakeFile(char *path)
{
    return mkostemp(path, O_CLOEXEC);
}

static int
MakeFolder(char *path)
{
    return mkdtemp(path) != NULL ? 0 : -1;
}

/* What `make` makes of the name in the form of the system; it ends with the same six ASCII characters in both. */
static int
MakeTemp(char *path, int (*make)(char *path))
{
    Tcl_DString ds;
    size_t      len = strlen(path);
    int         result = -1;

    Tcl_DStringInit(&ds);
    NsTextAppendOut(&ds, path, len);
    if (strlen(Tcl_DStringValue(&ds)) != (size_t)Tcl_DStringLength(&ds) || Tcl_DStringLength(&ds) < 6) {
        errno = EINVAL;
    } else {
        result = make(Tcl_DStringValue(&ds));
        if (result >= 0) {
            memcpy(path + len - 6, Tcl_DStringValue(&ds) + Tcl_DStringLength(&ds) - 6, 6);
        }
    }
    Tcl_DStringFree(&ds);
    return result;
}

int
NsFileTemp(char *path)
{
    return MakeTemp(path, MakeFile);
}

int
NsFileTempFolder(char *path)
{
    return MakeTemp(path, MakeFolder);
}

int
NsFileNameless(const char *dir, mode_t mode)
{
    char path[1024];
    int  fd = NsFileOpen(dir, O_TMPFILE | O_RDWR, mode);

    if (fd < 0) {                              /* the file system may not know how */
        if ((size_t)snprintf(path, sizeof(path), "%s/nsd-XXXXXX", dir) >= sizeof(path)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        fd = NsFileTemp(path);
        if (fd >= 0) {
            (void)fchmod(fd, mode);
            (void)NsFileUnlink(path);
        }
    }
    return fd;
}

bool
NsFileRealPath(Tcl_DString *ds, const char *path)
{
    Name  name;
    char  buffer[PATH_MAX];
    bool  found = NameInit(&name, path) && realpath(name.path, buffer) != NULL;

    if (found) {
        NsTextAppendIn(ds, buffer, strlen(buffer));
    }
    (void)NameDone(&name, 0);
    return found;
}

Ns_ReturnCode
Ns_FolderEach(const char *folder, Ns_FolderProc *proc, void *arg)
{
    Name                 name;
    Tcl_DString          text;
    const struct dirent *entry;
    DIR                 *dir = NULL;
    bool                 more = true;

    if (NameInit(&name, folder)) {
        dir = opendir(name.path);
    }
    (void)NameDone(&name, 0);
    while (more && dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            Tcl_DStringInit(&text);
            more = proc(NsTextIn(&text, entry->d_name, strlen(entry->d_name), NULL), arg);
            Tcl_DStringFree(&text);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return dir != NULL ? NS_OK : NS_ERROR;
}
