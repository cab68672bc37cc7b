/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which program a URL stands for: the first file on the way along its path.  What follows is the program's path info.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/stat.h>
#include "find.h"

/* The file that the first `len` bytes of the URL lead to. */
static void
FileOf(const CgiMap *map, const char *url, size_t len, Tcl_DString *file)
{
    size_t      skip = strlen(map->url);
    Tcl_DString part;

    Tcl_DStringSetLength(file, 0);
    if (map->path != NULL) {
        Tcl_DStringAppend(file, map->path, -1);
        Tcl_DStringAppend(file, url + skip, (int)(len - skip));
    } else {
        Tcl_DStringInit(&part);
        Tcl_DStringAppend(&part, url, (int)len);
        if (len == 0) {
            Tcl_DStringAppend(&part, "/", 1);
        }
        (void)Ns_UrlToFile(file, map->server->name, Tcl_DStringValue(&part));
        Tcl_DStringFree(&part);
    }
}

/* What is there; 0: nothing. */
static mode_t
TypeOf(const char *file)
{
    struct stat st;
    Tcl_DString ds;
    const char *bytes;
    mode_t      type = 0;

    Tcl_DStringInit(&ds);
    bytes = Ns_TextOutString(&ds, file);
    if (bytes != NULL && stat(bytes, &st) == 0) {
        type = st.st_mode & S_IFMT;
    }
    Tcl_DStringFree(&ds);
    return type;
}

/* May this part of the URL name a program? */
static bool
MatchesPattern(const CgiMap *map, const char *part, size_t len)
{
    Tcl_DString ds;
    bool        matches = map->pattern == NULL;

    if (!matches) {
        Tcl_DStringInit(&ds);
        Tcl_DStringAppend(&ds, part, (int)len);
        matches = Tcl_StringMatch(Tcl_DStringValue(&ds), map->pattern) != 0;
        Tcl_DStringFree(&ds);
    }
    return matches;
}

/* The length of the URL up to the program, whose file is in `file`; -1: there is none. */
static ssize_t
Walk(const CgiMap *map, const char *url, Tcl_DString *file)
{
    size_t at = strlen(map->url);

    if (strncmp(url, map->url, at) != 0 || (url[at] != '\0' && url[at] != '/')) {
        return -1;
    }
    if (map->path != NULL && TypeOf(map->path) == S_IFREG) {
        Tcl_DStringAppend(file, map->path, -1);
        return (ssize_t)at;
    }
    while (url[at] == '/') {
        size_t len = strcspn(url + at + 1, "/");
        mode_t type;

        if (len == 0) {
            return -1;
        }
        FileOf(map, url, at + 1 + len, file);
        type = TypeOf(Tcl_DStringValue(file));
        if (type != S_IFDIR) {
            return type == S_IFREG && MatchesPattern(map, url + at + 1, len) ? (ssize_t)(at + 1 + len) : -1;
        }
        at += 1 + len;
    }
    return -1;
}

/* The path without links, as the system has it; NULL: it is not there. */
static char *
RealPath(const char *file)
{
    Tcl_DString ds;
    const char *bytes;
    char       *real;

    Tcl_DStringInit(&ds);
    bytes = Ns_TextOutString(&ds, file);
    real = bytes != NULL ? realpath(bytes, NULL) : NULL;
    Tcl_DStringFree(&ds);
    return real;
}

/* Is the file, links followed, the map's, or in its folder?  Then that path is appended to `real`. */
static bool
IsInside(const CgiMap *map, const char *file, Tcl_DString *real)
{
    Tcl_DString root;
    char       *realRoot, *realFile = RealPath(file);
    size_t      len;
    bool        inside = false;

    Tcl_DStringInit(&root);
    FileOf(map, map->url, strlen(map->url), &root);
    realRoot = RealPath(Tcl_DStringValue(&root));
    if (realRoot != NULL && realFile != NULL) {
        len = strcmp(realRoot, "/") == 0 ? 0 : strlen(realRoot);
        inside = strncmp(realFile, realRoot, len) == 0 && (realFile[len] == '/' || realFile[len] == '\0');
    }
    if (inside) {
        Tcl_DStringAppend(real, realFile, -1);
    } else if (realFile != NULL) {
        Ns_Log(Warning, "nscgi: '%s' is a link out of '%s': it is not run", file, Tcl_DStringValue(&root));
    }
    free(realRoot);
    free(realFile);
    Tcl_DStringFree(&root);
    return inside;
}

static const CgiInterp *
InterpFor(const CgiServer *server, const char *name)
{
    const char      *extension = strrchr(name, '.');
    const CgiInterp *interp = extension != NULL ? server->interps : NULL;

    while (interp != NULL && strcasecmp(interp->extension, extension) != 0) {
        interp = interp->next;
    }
    return interp;
}

/* How it is run; 0, or the status. */
static int
HowToRun(const CgiMap *map, CgiTarget *target)
{
    const char *file = Tcl_DStringValue(&target->file), *name = Tcl_DStringValue(&target->fileName);
    int         status = 0;

    target->interp = InterpFor(map->server, name);
    target->raw = strncmp(strrchr(name, '/') + 1, "nph-", 4) == 0;
    if (faccessat(AT_FDCWD, file, target->interp != NULL ? R_OK : X_OK, AT_EACCESS) != 0) {
        struct stat st;

        target->isStatic = map->server->allowStatic && target->interp == NULL && Tcl_DStringLength(&target->pathInfo) == 0
            && stat(file, &st) == 0 && (st.st_mode & 0111) == 0;
        if (!target->isStatic) {
            Ns_Log(Warning, "nscgi: '%s' %s", name,
                   target->interp != NULL ? "cannot be read" : "is no program that may be run, and has no interpreter");
            status = 403;
        }
    }
    return status;
}

int
CgiFind(const CgiMap *map, const char *url, CgiTarget *target)
{
    ssize_t len;

    memset(target, 0, sizeof *target);
    Tcl_DStringInit(&target->file);
    Tcl_DStringInit(&target->fileName);
    Tcl_DStringInit(&target->scriptName);
    Tcl_DStringInit(&target->pathInfo);
    len = Walk(map, url, &target->fileName);
    if (len < 0 || !IsInside(map, Tcl_DStringValue(&target->fileName), &target->file)) {
        return 404;
    }
    Tcl_DStringAppend(&target->scriptName, url, (int)len);
    Tcl_DStringAppend(&target->pathInfo, url + len, -1);
    return HowToRun(map, target);
}

void
CgiTargetFree(CgiTarget *target)
{
    Tcl_DStringFree(&target->file);
    Tcl_DStringFree(&target->fileName);
    Tcl_DStringFree(&target->scriptName);
    Tcl_DStringFree(&target->pathInfo);
}
