/* SPDX-License-Identifier: MPL-2.0 */
/*
 * URLs: percent encoding by part, taking apart, host:port, paths.  Bytes in, bytes out: charsets are the caller's.
 */
#ifndef NSD_HTTP_URL_H
#define NSD_HTTP_URL_H

#include <tcl.h>
#include "http/span.h"

/* As in `ns_urlencode -part`: which characters stay as they are. */
typedef enum {
    NS_URL_QUERY,                              /* blank is '+' */
    NS_URL_PATH,                               /* one segment: '/' is encoded */
    NS_URL_FULLPATH,
    NS_URL_FRAGMENT,
    NS_URL_COOKIE,
    NS_URL_OAUTH1                              /* hex digits in upper case always */
} NsUrlPart;

/* Append to `ds`, which the caller has initialised. */
void NsUrlEncode(Tcl_DString *ds, const char *bytes, size_t len, NsUrlPart part, bool upperCase);
/* A '%' without two hex digits stays.  NUL bytes are possible: mind Tcl_DStringLength. */
void NsUrlDecode(Tcl_DString *ds, const char *string, size_t len, NsUrlPart part);

/*
 * The parts of a URL, complete or not; what is not in it has start NULL.  Nothing is decoded.  /dir/file.txt has the
 * path "dir" and the tail "file.txt"; http://host both as empty strings; dir/file (no slash first) and mailto:x only
 * a tail.  The host of [::1] is ::1.
 */
typedef struct NsUrl {
    NsSpan proto, userinfo, host, port, path, tail, query, fragment;
} NsUrl;

/*
 * `strict` allows only the characters RFC 3986 has for each part.  False: *error (static) says why: "invalid
 * authority", "tail contains invalid character", ...
 */
bool NsUrlParse(const char *url, size_t len, bool strict, NsUrl *parts, const char **error);

/* host, host:port, [v6], [v6]:port.  port->start NULL: none. */
bool NsHostPortParse(const char *string, size_t len, bool strict, NsSpan *host, NsSpan *port);
/* 0 .. 65535; -1 when it is no port number. */
int  NsPortNumber(NsSpan port);

/*
 * Append an absolute path: slashes collapsed, "." and ".." resolved, never above "/".  A trailing slash goes
 * unless keepTrailing.
 */
void NsPathNormalize(Tcl_DString *ds, const char *path, size_t len, bool keepTrailing);

#endif
