/* SPDX-License-Identifier: MPL-2.0 */
/*
 * URLs for modules: nsurl.h over http/url.h and the charsets.
 */
#include "ns.h"
#include "conf/charset.h"
#include "http/date.h"
#include "http/url.h"

/* End the part in the string it came from: what follows is a delimiter that is not needed any more. */
static const char *
Cut(NsSpan span)
{
    if (span.start == NULL) {
        return NULL;
    }
    if (span.len == 0) {
        return "";
    }
    ((char *)(uintptr_t)span.start)[span.len] = '\0';
    return span.start;
}

Ns_ReturnCode
Ns_ParseUrl(char *url, bool strict, Ns_URL *urlPtr, const char **errorMsg)
{
    const char *error = NULL;
    NsUrl       parts;

    *urlPtr = (Ns_URL){NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    if (!NsUrlParse(url, strlen(url), strict, &parts, &error)) {
        if (errorMsg != NULL) {
            *errorMsg = error;
        }
        return NS_ERROR;
    }
    urlPtr->protocol = Cut(parts.proto);
    urlPtr->userinfo = Cut(parts.userinfo);
    urlPtr->host = Cut(parts.host);
    urlPtr->port = Cut(parts.port);
    urlPtr->path = Cut(parts.path);
    urlPtr->tail = Cut(parts.tail);
    urlPtr->query = Cut(parts.query);
    urlPtr->fragment = Cut(parts.fragment);
    return NS_OK;
}

/* How much of it is host:port, when another colon follows, as in host:port:database; else all of it. */
static size_t
HostPortLength(const char *text)
{
    const char *host = *text == '[' ? strchr(text, ']') : text, *port = host != NULL ? strchr(host, ':') : NULL;
    size_t      digits = port != NULL ? strspn(port + 1, "0123456789") : 0u;

    return digits > 0u && port[1 + digits] == ':' ? (size_t)(port + 1 - text) + digits : strlen(text);
}

bool
Ns_HttpParseHost2(char *hostString, bool strict, const char **hostStart, const char **portStart, char **end)
{
    size_t len = HostPortLength(hostString);
    NsSpan host, port;

    *hostStart = *portStart = NULL;
    *end = hostString;
    if (!NsHostPortParse(hostString, len, strict, &host, &port)) {
        return false;
    }
    *end = hostString + len;
    *hostStart = Cut(host);
    /* What follows stays readable: the port ends there. */
    *portStart = **end == '\0' ? Cut(port) : port.start;
    return true;
}

void
Ns_HttpParseHost(char *hostString, char **hostStart, char **portStart)
{
    const char *host, *port;
    char       *end;

    (void)Ns_HttpParseHost2(hostString, false, &host, &port, &end);
    if (hostStart != NULL) {
        *hostStart = ns_const2voidp(host);
    }
    *portStart = ns_const2voidp(port);
}

char *
Ns_HttpLocationString(Tcl_DString *ds, const char *protoString, const char *hostString, unsigned short port,
                      unsigned short defPort)
{
    bool bare = strchr(hostString, ':') != NULL && *hostString != '[';

    if (protoString != NULL) {
        Ns_DStringVarAppend(ds, protoString, "://", NS_SENTINEL);
    }
    Ns_DStringVarAppend(ds, bare ? "[" : "", hostString, bare ? "]" : "", NS_SENTINEL);
    if (port != 0 && port != defPort) {
        Ns_DStringPrintf(ds, ":%hu", port);
    }
    return Tcl_DStringValue(ds);
}

const char *
Ns_RelativeUrl(const char *url, const char *location)
{
    const char *rest;

    if (url == NULL || location == NULL) {
        return url;
    }
    rest = Ns_Match(location, url);
    if (rest == NULL || (*rest != '/' && *rest != '\0')) {
        return url;
    }
    while (*rest == '/' && rest[1] == '/') {
        rest++;
    }
    return rest;
}

bool
Ns_PlainUrlPath(const char *url, const char **errorMsg)
{
    Tcl_DString ds;
    bool        plain;

    Tcl_DStringInit(&ds);
    NsUrlEncode(&ds, url, strlen(url), NS_URL_FULLPATH, false);
    plain = *url == '/' && strcmp(Tcl_DStringValue(&ds), url) == 0;
    Tcl_DStringFree(&ds);
    if (!plain && errorMsg != NULL) {
        *errorMsg = *url == '/' ? "the path has characters that are to be encoded" : "a path begins with a slash";
    }
    return plain;
}

/* --------------------------------------------------------------------------------------------------------- encoding */

static char *
Encode(Tcl_DString *ds, const char *text, Tcl_Encoding encoding, NsUrlPart part)
{
    Tcl_DString bytes;

    Tcl_DStringInit(&bytes);
    NsCharsetEncode(&bytes, encoding != NULL ? encoding : NsCharsetEncoding("utf-8"), text, strlen(text));
    NsUrlEncode(ds, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), part, false);
    Tcl_DStringFree(&bytes);
    return Tcl_DStringValue(ds);
}

static char *
Decode(Tcl_DString *ds, const char *text, Tcl_Encoding encoding, NsUrlPart part, Ns_ReturnCode *result)
{
    Tcl_Encoding own = encoding != NULL ? encoding : NsCharsetEncoding("utf-8");
    Tcl_DString  bytes;

    Tcl_DStringInit(&bytes);
    NsUrlDecode(&bytes, text, strlen(text), part);
    if (result != NULL) {
        *result = !NsEncodingIsUtf8(own)
               || Ns_Valid_UTF8((const unsigned char *)Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes), NULL)
            ? NS_OK : NS_ERROR;
    }
    NsCharsetDecode(ds, own, Tcl_DStringValue(&bytes), (size_t)Tcl_DStringLength(&bytes));
    Tcl_DStringFree(&bytes);
    return Tcl_DStringValue(ds);
}

char *
Ns_UrlPathEncode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding)
{
    return Encode(ds, urlSegment, encoding, NS_URL_PATH);
}

char *
Ns_UrlPathDecode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding)
{
    return Decode(ds, urlSegment, encoding, NS_URL_PATH, NULL);
}

char *
Ns_UrlQueryEncode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding)
{
    return Encode(ds, urlSegment, encoding, NS_URL_QUERY);
}

char *
Ns_UrlQueryDecode(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding, Ns_ReturnCode *resultPtr)
{
    return Decode(ds, urlSegment, encoding, NS_URL_QUERY, resultPtr);
}

char *
Ns_CookieEncode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding)
{
    return Encode(ds, cookie, encoding, NS_URL_COOKIE);
}

char *
Ns_CookieDecode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding)
{
    return Decode(ds, cookie, encoding, NS_URL_COOKIE, NULL);
}

char *
Ns_Oauth1Encode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding)
{
    return Encode(ds, cookie, encoding, NS_URL_OAUTH1);
}

char *
Ns_Oauth1Decode(Tcl_DString *ds, const char *cookie, Tcl_Encoding encoding)
{
    return Decode(ds, cookie, encoding, NS_URL_OAUTH1, NULL);
}

char *
Ns_EncodeUrlWithEncoding(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding)
{
    return Ns_UrlQueryEncode(ds, urlSegment, encoding);
}

char *
Ns_DecodeUrlWithEncoding(Tcl_DString *ds, const char *urlSegment, Tcl_Encoding encoding)
{
    return Ns_UrlQueryDecode(ds, urlSegment, encoding, NULL);
}

char *
Ns_EncodeUrlCharset(Tcl_DString *ds, const char *urlSegment, const char *charset)
{
    return Ns_UrlQueryEncode(ds, urlSegment, charset != NULL ? NsCharsetEncoding(charset) : NULL);
}

char *
Ns_DecodeUrlCharset(Tcl_DString *ds, const char *urlSegment, const char *charset)
{
    return Ns_UrlQueryDecode(ds, urlSegment, charset != NULL ? NsCharsetEncoding(charset) : NULL, NULL);
}

/* ------------------------------------------------------------------------------------------------------------ dates */

char *
Ns_HttpTime(Tcl_DString *ds, const time_t *when)
{
    char date[NS_HTTP_DATE_SIZE];

    return Tcl_DStringAppend(ds, date, (TCL_SIZE_T)NsHttpDateFormat(date, when != NULL ? *when : time(NULL)));
}

time_t
Ns_ParseHttpTime(const char *chars)
{
    time_t when = 0;

    return NsHttpDateParse(chars, &when) ? when : 0;
}
