/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Static files: from a URL to a file under the server's pages, and the file as an answer.
 */
#ifndef NSD_FASTPATH_H
#define NSD_FASTPATH_H

#include "request/conn.h"

/* The request proc that answers with files. */
Ns_ReturnCode NsFastpathProc(const void *arg, Ns_Conn *conn);

/* The file for a URL, by what is registered for it (ns_register_url2file), else below the pages.  NS_ERROR: none. */
Ns_ReturnCode NsUrlToFile(Tcl_DString *ds, NsServer *server, const char *url);
/* Append the folder of the server's pages, or the server's own; while it serves a request, those of its host (hostproc.h). */
const char   *NsPagePath(Tcl_DString *ds, const NsServer *server);
const char   *NsPageDir(const NsServer *server);             /* as configured */
const char   *NsServerPath(Tcl_DString *ds, const NsServer *server);
/* The same of a server whose folder is `root`; NULL: as configured. */
const char   *NsPagePathBelow(Tcl_DString *ds, const NsServer *server, const char *root);
const char   *NsServerPathBelow(Tcl_DString *ds, const NsServer *server, const char *root);

/* url2file registrations; data are released with the server's space. */
typedef Ns_ReturnCode (NsUrl2FileProc)(Tcl_DString *ds, const char *url, const void *arg);
void NsUrl2FileRegister(NsServer *server, const char *url, NsUrl2FileProc *proc, Ns_Callback *deleteProc, void *arg,
                        unsigned flags, const char *name);
/* mount.c: what follows the URL is looked for in the folder, below the server's unless absolute; NULL: the whole URL below the pages. */
void NsUrl2FileMount(NsServer *server, const char *url, const char *folder, unsigned flags);
void NsUrl2FileUnregister(NsServer *server, const char *url, unsigned flags);
void NsUrl2FileList(NsServer *server, Tcl_DString *ds);

/*
 * Main thread, at start: asked for folders that have no index, before they are listed; true: it has answered, with *status.  The connection
 * thread calls it.
 */
void NsFastpathFoldersBy(bool (*proc)(NsConn *conn, Ns_ReturnCode *status));

extern NsServerPart nsFastpathPart;

#endif
