/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Rolling files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/roll.h"
#include "base/text.h"

#define MAX_BACKUPS 1000

static Ns_ReturnCode
Rename(const char *from, const char *to)
{
    if (NsFileRename(from, to) != 0) {
        Ns_Log(Error, "roll: cannot rename '%s' to '%s': %s", from, to, strerror(errno));
        return NS_ERROR;
    }
    return NS_OK;
}

static void
Remove(const char *file)
{
    if (NsFileUnlink(file) != 0 && errno != ENOENT) {
        Ns_Log(Error, "roll: cannot remove '%s': %s", file, strerror(errno));
    }
}

static bool
Exists(const char *file)
{
    struct stat st;

    return NsFileLstat(file, &st) == 0;
}

/* A pipe or a device, or a link to one, is not moved away from those who have it open. */
static bool
IsRegular(const char *file)
{
    struct stat st;

    return NsFileStat(file, &st) == 0 && S_ISREG(st.st_mode);
}

static char *
Numbered(const char *file, int number)
{
    size_t size = strlen(file) + 8;
    char  *name = ns_malloc(size);

    snprintf(name, size, "%s.%03d", file, number);
    return name;
}

static Ns_ReturnCode
MoveUp(const char *file, int max)
{
    int           last = 0;
    Ns_ReturnCode status = NS_OK;
    char         *name;

    max = max < 1 ? 1 : max > MAX_BACKUPS ? MAX_BACKUPS : max;

    /* The first gap is where the ones before it can move to. */
    for (; last < max; last++) {
        bool there;

        name = Numbered(file, last);
        there = Exists(name);
        ns_free(name);
        if (!there) {
            break;
        }
    }
    if (last == max) {
        last = max - 1;
        name = Numbered(file, last);
        Remove(name);
        ns_free(name);
    }
    for (; status == NS_OK && last >= 0; last--) {
        char *from = last == 0 ? ns_strdup(file) : Numbered(file, last - 1);

        name = Numbered(file, last);
        status = Rename(from, name);
        ns_free(from);
        ns_free(name);
    }
    return status;
}

Ns_ReturnCode
NsRollFile(const char *file, int max)
{
    return IsRegular(file) ? MoveUp(file, max) : NS_OK;
}

/*
 * Stamped files are told by the name before the stamp and by what strptime says of the stamp, and their age by their time of modification.
 */
typedef struct Old {
    char           *path;
    struct timespec mtime;
} Old;

static int
NewestFirst(const void *a, const void *b)
{
    const Old             *old = a, *other = b;
    const struct timespec *x = &old->mtime, *y = &other->mtime;

    if (x->tv_sec != y->tv_sec) {
        return x->tv_sec < y->tv_sec ? 1 : -1;
    }
    if (x->tv_nsec != y->tv_nsec) {
        return x->tv_nsec < y->tv_nsec ? 1 : -1;
    }
    return strcmp(other->path, old->path);     /* of one tick of the clock: stamps sort by time */
}

/* Is this behind FILE. a stamp of that format, perhaps with more behind a dot - a number, .gz -, or a number? */
static bool
IsStamp(const char *text, const char *fmt)
{
    struct tm   tm;
    const char *end;

    memset(&tm, 0, sizeof(tm));
    end = strptime(text, fmt, &tm);
    return (end != NULL && (*end == '\0' || *end == '.')) || (*text != '\0' && text[strspn(text, "0123456789")] == '\0');
}

/* With a format what has a name that it does not give is somebody else's. */
static Ns_ReturnCode
Purge(const char *file, const char *fmt, int max)
{
    const char *slash = strrchr(file, '/'), *tail = slash == NULL ? file : slash + 1;
    size_t      tailLen = strlen(tail), count = 0, room = 0;
    char       *folder = slash == NULL ? ns_strdup(".") : ns_strncopy(file, slash == file ? 1 : slash - file);
    Tcl_DString ds;
    const char *folderOut;
    DIR        *dir;
    Old        *old = NULL;

    Tcl_DStringInit(&ds);
    folderOut = NsTextOutString(&ds, folder);
    dir = folderOut != NULL ? opendir(folderOut) : NULL;
    Tcl_DStringFree(&ds);
    if (dir == NULL) {
        Ns_Log(Error, "roll: cannot read folder '%s': %s", folder, strerror(errno));
        ns_free(folder);
        return NS_ERROR;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        struct stat st;
        const char *name;

        Tcl_DStringInit(&ds);
        name = NsTextIn(&ds, entry->d_name, strlen(entry->d_name), NULL);
        if (strncmp(name, tail, tailLen) == 0 && name[tailLen] == '.'
            && (fmt == NULL || IsStamp(name + tailLen + 1, fmt))
            && fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
            if (count == room) {
                room = room == 0 ? 16 : room * 2;
                old = ns_realloc(old, room * sizeof(*old));
            }
            old[count].path = ns_malloc(strlen(folder) + strlen(name) + 2);
            sprintf(old[count].path, "%s/%s", folder, name);
            old[count++].mtime = st.st_mtim;
        }
        Tcl_DStringFree(&ds);
    }
    closedir(dir);
    if (count > 0) {
        qsort(old, count, sizeof(*old), NewestFirst);
    }
    for (size_t i = 0; i < count; i++) {
        if (i >= (size_t)max) {
            Remove(old[i].path);
        }
        ns_free(old[i].path);
    }
    ns_free(old);
    ns_free(folder);
    return NS_OK;
}

Ns_ReturnCode
NsPurgeFiles(const char *file, int max)
{
    return Purge(file, NULL, max);
}

Ns_ReturnCode
NsRollFileFmt(const char *file, const char *fmt, int max)
{
    char          stamp[256];
    time_t        now = time(NULL);
    struct tm     tm;
    char         *name;
    size_t        size;
    Ns_ReturnCode status = NS_OK;

    if (!IsRegular(file)) {
        return NS_OK;
    }
    localtime_r(&now, &tm);
    if (strftime(stamp, sizeof(stamp), fmt, &tm) == 0 || strchr(stamp, '/') != NULL) {
        Ns_Log(Error, "roll: format '%s' gives no name for '%s'", fmt, file);
        return NS_ERROR;
    }
    size = strlen(file) + strlen(stamp) + 2;
    name = ns_malloc(size);
    snprintf(name, size, "%s.%s", file, stamp);
    if (Exists(name)) {
        status = MoveUp(name, max);
    }
    if (status == NS_OK) {
        status = Rename(file, name);
    }
    if (status == NS_OK) {
        /* What strptime cannot read, nobody can tell from other names. */
        (void)Purge(file, IsStamp(stamp, fmt) ? fmt : NULL, max);
    }
    ns_free(name);
    return status;
}
