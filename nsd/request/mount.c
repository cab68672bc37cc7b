/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Folders mounted at URLs, and which files belong to URLs as modules say (nsrequest.h).
 */
#include <string.h>
#include "request/fastpath.h"
#include "request/urlspace.h"

/* A folder mounted at a URL: what follows the URL is looked for in the folder. */
typedef struct Mount {
    char *folder;
    char  url[];
} Mount;

static Ns_ReturnCode
MountUrl2File(Tcl_DString *ds, const char *url, const void *arg)
{
    const Mount *mount = arg;
    const char  *at = mount->url;

    /* Both have their slashes in different numbers, but the same parts: the space has compared them. */
    while (*at != '\0') {
        if (*at == '/') {
            at += strspn(at, "/");
            url += strspn(url, "/");
        } else {
            at++;
            url += *url != '\0';
        }
    }
    Tcl_DStringAppend(ds, mount->folder, -1);
    if (*url != '/' && *url != '\0') {
        Tcl_DStringAppend(ds, "/", 1);
    }
    Tcl_DStringAppend(ds, url, -1);
    return NS_OK;
}

static void
FreeMount(void *arg)
{
    Mount *mount = arg;

    ns_free(mount->folder);
    ns_free(mount);
}

void
NsUrl2FileMount(NsServer *server, const char *url, const char *folder, unsigned flags)
{
    Tcl_DString ds;
    Mount      *mount;
    size_t      urlLen;

    Tcl_DStringInit(&ds);
    urlLen = strlen(url);
    if (folder == NULL) {                      /* as without any registration: the whole URL below the pages */
        (void)NsPagePath(&ds, server);
        urlLen = 0;
    } else {
        if (*folder != '/') {
            (void)NsServerPath(&ds, server);
            Tcl_DStringAppend(&ds, "/", 1);
        }
        Tcl_DStringAppend(&ds, folder, -1);
    }
    while (urlLen > 0 && url[urlLen - 1] == '/') {
        urlLen--;
    }
    mount = ns_calloc(1, sizeof *mount + urlLen + 1);
    memcpy(mount->url, url, urlLen);
    mount->folder = ns_strdup(Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);

    Tcl_DStringInit(&ds);
    Tcl_DStringAppendElement(&ds, "ns:fasturl2file");
    Tcl_DStringAppendElement(&ds, mount->folder);
    NsUrl2FileRegister(server, url, MountUrl2File, FreeMount, mount, flags, Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

void
Ns_RegisterFastUrl2File(const char *server, const char *url, const char *basePath, unsigned int flags)
{
    NsServer *self = NsServerGet(server);

    if (self != NULL) {
        NsUrl2FileMount(self, url, basePath, flags & NS_OP_NOINHERIT);
    } else {
        Ns_Log(Error, "no folder for %s: there is no server '%s'", url, server);
    }
}

void
Ns_RegisterUrl2FileProc(const char *server, const char *url, Ns_Url2FileProc *proc, Ns_Callback *deleteCallback, void *arg,
                        unsigned int flags)
{
    NsServer   *self = NsServerGet(server);
    Tcl_DString name;

    if (self == NULL) {
        Ns_Log(Error, "no proc for the files of %s: there is no server '%s'", url, server);
        return;
    }
    Tcl_DStringInit(&name);
    Ns_GetProcInfo(&name, (ns_funcptr_t)proc, arg);
    NsUrl2FileRegister(self, url, proc, (flags & NS_OP_NODELETE) != 0u ? NULL : deleteCallback, arg, flags & NS_OP_NOINHERIT,
                       Tcl_DStringValue(&name));
    Tcl_DStringFree(&name);
}

void
Ns_UnRegisterUrl2FileProc(const char *server, const char *url, unsigned int flags)
{
    NsServer *self = NsServerGet(server);

    if (self != NULL) {
        NsUrl2FileUnregister(self, url, flags & (NS_OP_NOINHERIT | NS_OP_RECURSE));
    }
}
