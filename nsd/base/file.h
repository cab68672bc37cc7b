/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The system's calls for files by name, with names as text inside (base/text.h): on the disk they are UTF-8, whatever the
 * locale is.  A name with a NUL is none (EINVAL).  Otherwise as the calls they are named after: results, errno, flags, threads.
 */
#ifndef NSD_FILE_H
#define NSD_FILE_H

#include <stdio.h>
#include <sys/stat.h>
#include "ns.h"

int   NsFileOpen(const char *path, int flags, mode_t mode);     /* O_CLOEXEC is added */
FILE *NsFileFopen(const char *path, const char *mode);
int   NsFileStat(const char *path, struct stat *st);
int   NsFileLstat(const char *path, struct stat *st);
int   NsFileAccess(const char *path, int mode);
int   NsFileMkdir(const char *path, mode_t mode);
int   NsFileChdir(const char *path);
int   NsFileUnlink(const char *path);
int   NsFileRename(const char *from, const char *to);
int   NsFileTruncate(const char *path, off_t length);
int   NsFileSymlink(const char *target, const char *path);
/* A new file of a name that ends with XXXXXX, which are replaced. */
int   NsFileTemp(char *path);
/* The same for a folder, which only its owner may look into; -1 and errno. */
int   NsFileTempFolder(char *path);
/* A file without a name in a folder, to be read and written by this descriptor, and gone with it. */
int   NsFileNameless(const char *dir, mode_t mode);
/* Appended; false: errno says why. */
bool  NsFileRealPath(Tcl_DString *ds, const char *path);

#endif
