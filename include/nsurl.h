/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Paths and URLs: put together, taken apart, encoded; what belongs to a URL.  Included by ns.h.
 *
 * Any thread may call these functions.  Those with a Tcl_DString append to it and give its value.
 */
#ifndef NSURL_H
#define NSURL_H

#include "nsbase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------------------------------------------------- paths (conf/path.c) */

/* Parts end with NULL; each is appended behind one slash. */
NS_EXTERN bool        Ns_PathIsAbsolute(const char *path);
NS_EXTERN const char *Ns_NormalizePath(Tcl_DString *ds, const char *path);             /* begins with '/', no . and .., no slash at the end */
NS_EXTERN const char *Ns_NormalizeUrl(Tcl_DString *ds, const char *path);              /* the same; a slash at the end stays */
NS_EXTERN const char *Ns_MakePath(Tcl_DString *ds, ...) NS_GNUC_SENTINEL;
NS_EXTERN const char *Ns_HashPath(Tcl_DString *ds, const char *path, int levels);      /* "/a/b/abc" for abc and 2 */
NS_EXTERN const char *Ns_HomePath(Tcl_DString *ds, ...) NS_GNUC_SENTINEL;
NS_EXTERN bool        Ns_HomePathExists(const char *path, ...) NS_GNUC_SENTINEL;
NS_EXTERN const char *Ns_BinPath(Tcl_DString *ds, ...) NS_GNUC_SENTINEL;               /* below bindir */
NS_EXTERN const char *Ns_LibPath(Tcl_DString *ds, ...) NS_GNUC_SENTINEL;               /* HOME/lib */
NS_EXTERN const char *Ns_LogPath(Tcl_DString *ds, const char *server, const char *filename);   /* below Ns_ServerLogDir, unless absolute */
NS_EXTERN const char *Ns_ServerLogDir(const char *server);                             /* NULL: of the process */
/* HOME/servers/SERVER/modules/MODULE; either may be NULL. */
NS_EXTERN const char *Ns_ModulePath(Tcl_DString *ds, const char *server, const char *module, ...) NS_GNUC_SENTINEL;
NS_EXTERN Ns_ReturnCode Ns_RequireDirectory(const char *path);                         /* made if it is not there; NS_ERROR, logged */
/* Of a server, which must be there (else NULL): serverdir, the folder of its pages. */
NS_EXTERN const char *Ns_ServerPath(Tcl_DString *ds, const char *server, ...) NS_GNUC_SENTINEL;
NS_EXTERN const char *Ns_PagePath(Tcl_DString *ds, const char *server, ...) NS_GNUC_SENTINEL;
NS_EXTERN const char *Ns_PageRoot(const char *server);
NS_EXTERN bool        Ns_ServerRootProcEnabled(const char *server);                    /* false: folders are those of the configuration */
/* The file of a URL (a path, decoded), whether it is there or not.  NS_ERROR: there is no such server. */
NS_EXTERN Ns_ReturnCode Ns_UrlToFile(Tcl_DString *ds, const char *server, const char *url);
NS_EXTERN bool        Ns_UrlIsFile(const char *server, const char *url);               /* it is there */
NS_EXTERN bool        Ns_UrlIsDir(const char *server, const char *url);
NS_EXTERN bool        Ns_Stat(const char *path, struct stat *st);                      /* false, logged unless it is not there */

/* ------------------------------------------------------------------------------------------------------ URLs (conf/urlapi.c) */

typedef struct Ns_URL {
    const char *protocol, *userinfo, *host, *port, *path, *tail, *query, *fragment;    /* NULL: it has none */
} Ns_URL;
/* The string is cut into its parts.  NS_ERROR: it is no URL, *errorMsg (may be NULL) says why; strict: only what RFC 3986 allows. */
NS_EXTERN Ns_ReturnCode Ns_ParseUrl(char *url, bool strict, Ns_URL *urlPtr, const char **errorMsg);
/* host, host:port, [v6], [v6]:port: cut into its parts, *portStart NULL: none.  *end: where it ends.  False: it is none. */
NS_EXTERN bool Ns_HttpParseHost2(char *hostString, bool strict, const char **hostStart, const char **portStart, char **end);
NS_EXTERN void Ns_HttpParseHost(char *hostString, char **hostStart, char **portStart);
/* "http://host:port"; the default port is left out, IPv6 gets its brackets.  protoString may be NULL. */
NS_EXTERN char *Ns_HttpLocationString(Tcl_DString *ds, const char *protoString, const char *hostString, unsigned short port,
                                      unsigned short defPort);
NS_EXTERN const char *Ns_RelativeUrl(const char *url, const char *location);           /* what is behind protocol and host, if those are `location`'s */
NS_EXTERN bool Ns_PlainUrlPath(const char *url, const char **errorMsg);                /* a path alone, with nothing that is to be encoded */

/* Of text, in the encoding (NULL: UTF-8).  Decoding: bytes that are none in it stay, as bytes; *resultPtr (may be NULL) NS_ERROR then. */
NS_EXTERN char *Ns_UrlPathEncode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding);
NS_EXTERN char *Ns_UrlPathDecode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding);
NS_EXTERN char *Ns_UrlQueryEncode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding);
NS_EXTERN char *Ns_UrlQueryDecode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding, Ns_ReturnCode *resultPtr);
NS_EXTERN char *Ns_CookieEncode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding);
NS_EXTERN char *Ns_CookieDecode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding);
NS_EXTERN char *Ns_Oauth1Encode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding);
NS_EXTERN char *Ns_Oauth1Decode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding);
NS_EXTERN char *Ns_EncodeUrlWithEncoding(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding);   /* of a query */
NS_EXTERN char *Ns_DecodeUrlWithEncoding(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding);
NS_EXTERN char *Ns_EncodeUrlCharset(Tcl_DString *ds, const char *urlSegment, const char *charset);
NS_EXTERN char *Ns_DecodeUrlCharset(Tcl_DString *ds, const char *urlSegment, const char *charset);

/* Dates of HTTP: of `when` (NULL: now); 0: it is none. */
NS_EXTERN char  *Ns_HttpTime(Tcl_DString *ds, const time_t *when);
NS_EXTERN time_t Ns_ParseHttpTime(const char *chars);
NS_EXTERN void   Ns_QuoteHtml(Tcl_DString *ds, const char *htmlString);

/*
 * Base64, with a NUL; lines of 60 characters, or of maxLineLength (0: one line).  encoding 1: of URLs, without padding.  The buffer has
 * room: 2 bytes for each of the input, and one.  The length without the NUL.
 */
NS_EXTERN size_t Ns_Base64Encode(const unsigned char *input, size_t inputSize, char *buf, size_t maxLineLength, int encoding);
NS_EXTERN size_t Ns_HtuuEncode(const unsigned char *input, size_t inputSize, char *buf);
NS_EXTERN size_t Ns_HtuuEncode2(const unsigned char *input, size_t inputSize, char *buf, int encoding);
/* Decoded bytes, at most bufSize; what is not of the alphabet is skipped.  strict: TCL_ERROR for that, with a message. */
NS_EXTERN size_t Ns_HtuuDecode(const char *input, unsigned char *buf, size_t bufSize);
NS_EXTERN int    Ns_HtuuDecode2(Tcl_Interp *interp, const char *input, unsigned char *buf, size_t bufSize, int encoding, bool strict,
                                size_t *decodedLength);

#ifdef __cplusplus
}
#endif
#endif /* NSURL_H */
