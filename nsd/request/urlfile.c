/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files of a server for modules: where its pages are, and which file a URL stands for (nsurl.h).
 */
#include "ns.h"
#include "base/file.h"
#include "conf/path.h"
#include "request/fastpath.h"
#include "request/hostproc.h"
#include "request/return.h"

const char *
Ns_ServerPath(Tcl_DString *ds, const char *server, ...)
{
    const NsServer *self = NsServerGet(server);
    const char     *path = NULL;
    va_list         ap;

    if (self != NULL) {
        (void)NsServerPath(ds, self);
        va_start(ap, server);
        path = NsAppendParts(ds, ap);
        va_end(ap);
    }
    return path;
}

const char *
Ns_PagePath(Tcl_DString *ds, const char *server, ...)
{
    const NsServer *self = NsServerGet(server);
    const char     *path = NULL;
    va_list         ap;

    if (self != NULL) {
        (void)NsPagePath(ds, self);
        va_start(ap, server);
        path = NsAppendParts(ds, ap);
        va_end(ap);
    }
    return path;
}

const char *
Ns_PageRoot(const char *server)
{
    const NsServer *self = NsServerGet(server);

    return self != NULL ? NsPageDir(self) : NULL;
}

bool
Ns_ServerRootProcEnabled(const char *server)
{
    const NsServer *self = NsServerGet(server);

    return self != NULL && NsHostHasRootProc(self);
}

/* Whoever made the URL: with .. it leads to nothing outside of the pages. */
Ns_ReturnCode
Ns_UrlToFile(Tcl_DString *ds, const char *server, const char *url)
{
    NsServer     *self = NsServerGet(server);
    Ns_ReturnCode status = NS_ERROR;

    if (self != NULL) {
        Tcl_DString plain;

        Tcl_DStringInit(&plain);
        status = NsUrlToFile(ds, self, Ns_NormalizeUrl(&plain, url));
        Tcl_DStringFree(&plain);
    }
    return status;
}

bool
Ns_Stat(const char *path, struct stat *st)
{
    bool there = NsFileStat(path, st) == 0;

    if (!there && errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
        Ns_Log(Error, "cannot look at '%s': %s", path, strerror(errno));
    }
    return there;
}

/* Is there something for the URL that is of this type? */
static bool
UrlIs(const char *server, const char *url, mode_t type)
{
    Tcl_DString ds;
    struct stat st;
    bool        is;

    Tcl_DStringInit(&ds);
    is = Ns_UrlToFile(&ds, server, url) == NS_OK && Ns_Stat(Tcl_DStringValue(&ds), &st) && (st.st_mode & S_IFMT) == type;
    Tcl_DStringFree(&ds);
    return is;
}

bool
Ns_UrlIsFile(const char *server, const char *url)
{
    return UrlIs(server, url, S_IFREG);
}

bool
Ns_UrlIsDir(const char *server, const char *url)
{
    return UrlIs(server, url, S_IFDIR);
}
