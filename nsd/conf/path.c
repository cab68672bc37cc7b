/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Paths that modules ask for: below the home of the process, put together, normalised; and temporary files.
 */
#include "ns.h"
#include "base/file.h"
#include "conf/info.h"
#include "conf/logconf.h"
#include "conf/path.h"
#include "conf/server.h"
#include "http/url.h"

/* A slash and the part, if there is one, without its own slashes at the ends. */
static void
AppendPart(Tcl_DString *ds, const char *part)
{
    size_t len;

    part += strspn(part, "/");
    len = strlen(part);
    while (len > 0 && part[len - 1] == '/') {
        len--;
    }
    if (len > 0) {
        Tcl_DStringAppend(ds, "/", 1);
        Tcl_DStringAppend(ds, part, (TCL_SIZE_T)len);
    }
}

const char *
NsAppendParts(Tcl_DString *ds, va_list ap)
{
    const char *part;

    while ((part = va_arg(ap, const char *)) != NULL) {
        AppendPart(ds, part);
    }
    return Tcl_DStringValue(ds);
}

/* `path` below `base`, unless it is absolute. */
static void
AppendBelow(Tcl_DString *ds, const char *base, const char *path)
{
    char *full = NsInfoPath(base, path);

    Tcl_DStringAppend(ds, full, -1);
    ns_free(full);
}

bool
Ns_PathIsAbsolute(const char *path)
{
    return *path == '/';
}

const char *
Ns_NormalizePath(Tcl_DString *ds, const char *path)
{
    NsPathNormalize(ds, path, strlen(path), false);
    return Tcl_DStringValue(ds);
}

const char *
Ns_NormalizeUrl(Tcl_DString *ds, const char *path)
{
    NsPathNormalize(ds, path, strlen(path), true);
    return Tcl_DStringValue(ds);
}

const char *
Ns_MakePath(Tcl_DString *ds, ...)
{
    const char *path;
    va_list     ap;

    va_start(ap, ds);
    path = NsAppendParts(ds, ap);
    va_end(ap);
    return path;
}

/* Up to `levels` characters of the path's last part, each as a folder. */
const char *
Ns_HashPath(Tcl_DString *ds, const char *path, int levels)
{
    const char *at = path;

    for (int level = 0; level < levels; level++) {
        char folder[2] = {'/', '_'};

        while (*at == '.' || *at == '/') {
            at++;
        }
        if (*at != '\0') {
            folder[1] = *at++;
        }
        Tcl_DStringAppend(ds, folder, 2);
    }
    AppendPart(ds, path);
    return Tcl_DStringValue(ds);
}

const char *
Ns_HomePath(Tcl_DString *ds, ...)
{
    const char *path;
    va_list     ap;

    va_start(ap, ds);
    Tcl_DStringAppend(ds, Ns_InfoHomePath(), -1);
    path = NsAppendParts(ds, ap);
    va_end(ap);
    return path;
}

bool
Ns_HomePathExists(const char *path, ...)
{
    Tcl_DString ds;
    va_list     ap;
    bool        exists;

    Tcl_DStringInit(&ds);
    Tcl_DStringAppend(&ds, Ns_InfoHomePath(), -1);
    AppendPart(&ds, path);
    va_start(ap, path);
    exists = NsFileAccess(NsAppendParts(&ds, ap), F_OK) == 0;
    va_end(ap);
    Tcl_DStringFree(&ds);
    return exists;
}

const char *
Ns_BinPath(Tcl_DString *ds, ...)
{
    const char *path;
    va_list     ap;

    va_start(ap, ds);
    AppendBelow(ds, Ns_InfoHomePath(), Ns_ConfigString("ns/parameters", "bindir", "bin"));
    path = NsAppendParts(ds, ap);
    va_end(ap);
    return path;
}

const char *
Ns_LibPath(Tcl_DString *ds, ...)
{
    const char *path;
    va_list     ap;

    va_start(ap, ds);
    AppendBelow(ds, Ns_InfoHomePath(), "lib");
    path = NsAppendParts(ds, ap);
    va_end(ap);
    return path;
}

const char *
Ns_ServerLogDir(const char *server)
{
    const NsServer *self = server != NULL ? NsServerGet(server) : NULL;
    const char     *dir = self != NULL ? Ns_ConfigString(self->section, "logdir", NULL) : NULL;

    return dir != NULL && *dir != '\0' ? dir : NsLogDir();
}

const char *
Ns_LogPath(Tcl_DString *ds, const char *server, const char *filename)
{
    if (Ns_PathIsAbsolute(filename)) {
        Tcl_DStringAppend(ds, filename, -1);
    } else {
        AppendBelow(ds, Ns_InfoHomePath(), Ns_ServerLogDir(server));
        AppendPart(ds, filename);
    }
    return Tcl_DStringValue(ds);
}

const char *
Ns_ModulePath(Tcl_DString *ds, const char *server, const char *module, ...)
{
    const char *path;
    va_list     ap;

    Tcl_DStringAppend(ds, Ns_InfoHomePath(), -1);
    if (server != NULL) {
        AppendPart(ds, "servers");
        AppendPart(ds, server);
    }
    if (module != NULL) {
        AppendPart(ds, "modules");
        AppendPart(ds, module);
    }
    va_start(ap, module);
    path = NsAppendParts(ds, ap);
    va_end(ap);
    return path;
}

/* It and those above it, that only its owner writes. */
Ns_ReturnCode
Ns_RequireDirectory(const char *path)
{
    char         *copy = ns_strdup(path);
    Ns_ReturnCode status = NS_OK;
    struct stat   st;

    for (char *at = copy + strspn(copy, "/"); status == NS_OK; at++) {
        char end = *at;

        if (end != '/' && end != '\0') {
            continue;
        }
        *at = '\0';
        if (NsFileMkdir(copy, 0755) != 0) {
            int error = errno;                 /* stat's own says less */

            if (NsFileStat(copy, &st) != 0 || !S_ISDIR(st.st_mode)) {
                Ns_Log(Error, "cannot make the folder '%s': %s", copy,
                       error == EEXIST ? "there is a file of that name" : strerror(error));
                status = NS_ERROR;
            }
        }
        *at = end;
        if (end == '\0') {
            break;
        }
    }
    ns_free(copy);
    return status;
}

int
Ns_GetTemp(void)
{
    return NsFileNameless(NsInfoTmpDir(), 0600);
}

void
Ns_ReleaseTemp(int fd)
{
    (void)close(fd);
}
