/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the core's parameters are when the configuration does not say: one table, for `ns_config SECTION PARAM`.
 *
 * The code that reads a parameter names its default again, where it is used.  A second table has NaviServer's parameters that
 * mean nothing here, each with the reason.
 */
#include <string.h>
#include <sys/socket.h>

#include "conf/defaults.h"

#define TEXT2(x) #x
#define TEXT(x)  TEXT2(x)

typedef struct Default {
    const char *section;                       /* "*" stands for one word */
    const char *key;
    const char *value;                         /* %h: the home; %s: the server; %t: the folder for temporary files; %b: listenbacklog, which
                                                  may be set */
} Default;

#define S "ns/server/*"
static const Default defaults[] = {
    {"ns/fastpath", "brotli_refresh", "false"}, {"ns/fastpath", "brotli_static", "false"}, {"ns/fastpath", "cache", "false"},
    {"ns/fastpath", "cachemaxentry", "8KB"}, {"ns/fastpath", "cachemaxsize", "10MB"}, {"ns/fastpath", "gzip_refresh", "false"},
    {"ns/fastpath", "gzip_static", "false"}, {"ns/fastpath", "mmap", "false"},

    {"ns/mimetypes", "default", "*/*"}, {"ns/mimetypes", "noextension", "*/*"},

    {"ns/parameters", "asynclogwriter", "false"}, {"ns/parameters", "autosni", "true"}, {"ns/parameters", "bindir", "%h/bin"},
    {"ns/parameters", "cachingmode", "full"}, {"ns/parameters", "commandlog", "stderr"}, {"ns/parameters", "concurrentinterpcreate", "true"},
    {"ns/parameters", "dnscache", "true"}, {"ns/parameters", "dnscachemaxsize", "500KB"},
    {"ns/parameters", "dnscachetimeout", "60m"}, {"ns/parameters", "dnswaittimeout", "5s"},
    {"ns/parameters", "formfallbackcharset", ""}, {"ns/parameters", "home", "%h"}, {"ns/parameters", "joblogminduration", "1s"},
    {"ns/parameters", "jobsperthread", "0"}, {"ns/parameters", "jobtimeout", "5m"},
    {"ns/parameters", "listenbacklog", TEXT(SOMAXCONN)}, {"ns/parameters", "logcolorize", "false"},
    {"ns/parameters", "logdebug", "false"}, {"ns/parameters", "logdeduplicate", "false"}, {"ns/parameters", "logdev", "false"},
    {"ns/parameters", "logdir", "logs"}, {"ns/parameters", "logexpanded", "false"}, {"ns/parameters", "logmaxbackup", "10"},
    {"ns/parameters", "lognotice", "true"}, {"ns/parameters", "logprefixcolor", "green"},
    {"ns/parameters", "logprefixintensity", "normal"}, {"ns/parameters", "logrelative", "false"},
    {"ns/parameters", "logrollfmt", ""}, {"ns/parameters", "logrollonsignal", "true"}, {"ns/parameters", "logsec", "true"},
    {"ns/parameters", "logthread", "true"}, {"ns/parameters", "logusec", "false"}, {"ns/parameters", "logusecdiff", "false"},
    {"ns/parameters", "maxconcurrentupdates", "1000"}, {"ns/parameters", "mutexlocktrace", "false"},
    {"ns/parameters", "nshttptaskthreads", "1"}, {"ns/parameters", "outputcharset", "utf-8"},
    {"ns/parameters", "pidfile", "nsd.pid"}, {"ns/parameters", "progressminsize", "0"}, {"ns/parameters", "rejectalreadyclosedconn", "true"},
    {"ns/parameters", "reverseproxymode", "false"}, {"ns/parameters", "sanitizelogfiles", "2"},
    {"ns/parameters", "schedlogminduration", "2s"}, {"ns/parameters", "schedsperthread", "0"},
    {"ns/parameters", "shutdowntimeout", "20s"}, {"ns/parameters", "sockacceptlog", "4"}, {"ns/parameters", "systemlog", "nsd.log"},
    {"ns/parameters", "tclinitlock", "false"}, {"ns/parameters", "tmpdir", "%t"}, {"ns/parameters", "urlcharset", "utf-8"},

    {"ns/threads", "stacksize", "0kB"},

    {S, "checkmodifiedsince", "true"}, {S, "compressenable", "false"}, {S, "compresslevel", "4"}, {S, "compressminsize", "512"},
    {S, "compresspreinit", "false"}, {S, "connectionratelimit", "0"}, {S, "connsperthread", "10000"}, {S, "enablehttpproxy", "off"},
    {S, "enabletclpages", "off"}, {S, "errorminsize", "514"}, {S, "filterrwlocks", "true"}, {S, "formfallbackcharset", ""},
    {S, "highwatermark", "80"}, {S, "logdir", ""}, {S, "lowwatermark", "10"}, {S, "maxconnections", "100"}, {S, "maxthreads", "10"},
    {S, "minthreads", "1"}, {S, "noticeadp", "returnnotice.adp"}, {S, "noticedetail", "true"}, {S, "outputcharset", "utf-8"},
    {S, "poolratelimit", "0"}, {S, "realm", "%s"}, {S, "rejectoverrun", "false"}, {S, "retryafter", "5s"}, {S, "serverdir", ""},
    {S, "serverrootproc", ""}, {S, "stealthmode", "false"}, {S, "threadtimeout", "2m"}, {S, "urlcharset", "utf-8"},

    {S "/adp", "autoabort", "true"}, {S "/adp", "bufsize", "1MB"}, {S "/adp", "cache", "false"}, {S "/adp", "cachesize", "5MB"},
    {S "/adp", "debuginit", "ns_adp_debuginit"}, {S "/adp", "defaultextension", ""}, {S "/adp", "detailerror", "true"},
    {S "/adp", "displayerror", "false"}, {S "/adp", "enabledebug", "false"}, {S "/adp", "enableexpire", "false"},
    {S "/adp", "errorpage", ""}, {S "/adp", "safeeval", "false"}, {S "/adp", "singlescript", "false"}, {S "/adp", "startpage", ""},
    {S "/adp", "stream", "false"}, {S "/adp", "stricterror", "false"}, {S "/adp", "trace", "false"}, {S "/adp", "tracesize", "40"},
    {S "/adp", "trimspace", "false"},

    {S "/fastpath", "directoryadp", ""}, {S "/fastpath", "directoryfile", "index.adp index.tcl index.html index.htm"},
    {S "/fastpath", "directorylisting", "none"}, {S "/fastpath", "directoryproc", "_ns_dirlist"},
    {S "/fastpath", "hidedotfiles", "1"}, {S "/fastpath", "pagedir", "pages"},

    {S "/httpclient", "cafile", "%h/ca-bundle.crt"}, {S "/httpclient", "capath", "%h/certificates"},
    {S "/httpclient", "defaulttimeout", "5s"}, {S "/httpclient", "invalidcertificates", "%h/invalid-certificates"},
    {S "/httpclient", "keepalive", "0s"}, {S "/httpclient", "logfile", "httpclient.log"}, {S "/httpclient", "logging", "false"}, {S "/httpclient", "logmaxbackup", "100"},
    {S "/httpclient", "logroll", "true"}, {S "/httpclient", "logrollfmt", ""}, {S "/httpclient", "logrollhour", "0"},
    {S "/httpclient", "logrollonsignal", "false"}, {S "/httpclient", "validatecertificates", "true"},
    {S "/httpclient", "validationdepth", "9"}, {S "/httpclient", "validationexception", ""},

    {S "/pool/*", "connsperthread", "10000"}, {S "/pool/*", "highwatermark", "80"}, {S "/pool/*", "lowwatermark", "10"},
    {S "/pool/*", "maxconnections", "100"}, {S "/pool/*", "maxthreads", "10"}, {S "/pool/*", "minthreads", "1"},
    {S "/pool/*", "rejectoverrun", "false"}, {S "/pool/*", "retryafter", "5s"}, {S "/pool/*", "threadtimeout", "2m"},

    {S "/tcl", "errorlogheaders", ""}, {S "/tcl", "lazyloader", "false"}, {S "/tcl", "library", "modules/tcl"},
    {S "/tcl", "memoizecache", "10485760"}, {S "/tcl", "nsvbuckets", "8"}, {S "/tcl", "nsvrwlocks", "true"},

    {S "/vhost", "enabled", "false"}, {S "/vhost", "hosthashlevel", "0"}, {S "/vhost", "hostprefix", ""},
    {S "/vhost", "stripport", "true"}, {S "/vhost", "stripwww", "true"},

    {"ns/module/nssock|nsssl", "acceptsize", "32"}, {"ns/module/nssock|nsssl", "backlog", "%b"},
    {"ns/module/nssock|nsssl", "bufsize", "16kB"}, {"ns/module/nssock|nsssl", "closewait", "2s"},
    {"ns/module/nssock|nsssl", "deferaccept", "false"}, {"ns/module/nssock|nsssl", "driverthreads", "1"},
    {"ns/module/nssock|nsssl", "extraheaders", ""}, {"ns/module/nssock|nsssl", "keepalivemaxdownloadsize", "0MB"},
    {"ns/module/nssock|nsssl", "keepalivemaxuploadsize", "0MB"}, {"ns/module/nssock|nsssl", "keepwait", "5s"},
    {"ns/module/nssock|nsssl", "location", ""}, {"ns/module/nssock|nsssl", "maxheaders", "128"},
    {"ns/module/nssock|nsssl", "maxinput", "1MB"}, {"ns/module/nssock|nsssl", "maxline", "8kB"},
    {"ns/module/nssock|nsssl", "maxqueuesize", "1024"}, {"ns/module/nssock|nsssl", "maxupload", "128kB"},
    {"ns/module/nssock|nsssl", "nodelay", "true"}, {"ns/module/nssock|nsssl", "readahead", "16384"},
    {"ns/module/nssock|nsssl", "recvwait", "30s"}, {"ns/module/nssock|nsssl", "reuseport", "false"},
    {"ns/module/nssock|nsssl", "sendwait", "30s"}, {"ns/module/nssock|nsssl", "sockacceptlog", "4"},
    {"ns/module/nssock|nsssl", "spoolerthreads", "0"}, {"ns/module/nssock|nsssl", "writerbufsize", "8kB"},
    {"ns/module/nssock|nsssl", "writerratelimit", "0"}, {"ns/module/nssock|nsssl", "writersize", "1MB"},
    {"ns/module/nssock|nsssl", "writerstreaming", "false"}, {"ns/module/nssock|nsssl", "writerthreads", "0"},
    {"ns/module/nsssl", "ciphers", ""}, {"ns/module/nsssl", "ciphersuites", ""}, {"ns/module/nsssl", "clientcertmode", "none"},
    {"ns/module/nsssl", "h3advertise", "false"}, {"ns/module/nsssl", "h3persist", "false"},
    {"ns/module/nsssl", "ocspcheckinterval", "5m"}, {"ns/module/nsssl", "ocspstapling", "false"},
    {"ns/module/nsssl", "ocspstaplingverbose", "false"},
    {"ns/module/nsssl", "protocols", "!SSLv2:!SSLv3:!TLSv1.0:!TLSv1.1"},
};

/* What NaviServer has and this server has no use for.  Code that asks for one of them needs not to take it out. */
static const struct { const char *section, *keys, *why; } idle[] = {
    {"ns/fastpath", "brotli_cmd gzip_cmd minify_css_cmd minify_js_cmd brotli_refresh gzip_refresh", "compressed files are not made here"},
    {"ns/fastpath", "mmap", "files are sent by the kernel"},
    {"ns/parameters", "asynclogwriter", "the log always has a thread of its own"},
    {"ns/parameters", "autosni", "the name of the host is always sent"},
    {"ns/parameters", "cachingmode", "there is one way of caching"},
    {"ns/parameters", "concurrentinterpcreate", "interpreters are always made concurrently"},
    {"ns/parameters", "dnscache dnscachemaxsize dnscachetimeout", "names are looked up anew"},
    {"ns/parameters", "maxconcurrentupdates", "changes of interpreters are not counted"},
    {"ns/parameters", "mutexlocktrace", "locks are not traced"},
    {"ns/parameters", "rejectalreadyclosedconn", "a client that has gone costs nothing"},
    {"ns/parameters", "tclinitlock", "interpreters are made concurrently"},
    {S, "compresspreinit", "compression needs no preparation"},
    {S, "enablehttpproxy", "this is no proxy"},
    {S, "filterrwlocks", "filters are read without a lock"},
    {S, "noticeadp", "notices are not pages"},
    {S "/httpclient", "invalidcertificates", "invalid certificates are not kept"},
    {S "/httpclient", "validationexception", "certificates have no exceptions"},
    {S "/tcl", "lazyloader", "procs are copied when they are made"},
    {S "/vhost", "enabled hosthashlevel hostprefix stripport stripwww", "folders by host are not supported"},
    {"ns/module/nssock|nsssl", "readahead writerbufsize", "buffers grow as they are needed"},
    {"ns/module/nsssl", "h3advertise h3persist", "there is no HTTP/3"},
    {"ns/module/nsssl", "ocspcheckinterval ocspstapling ocspstaplingverbose", "there is no OCSP stapling"},
    {"ns/module/nsssl", "tlskeyscript", "a key must have no pass phrase"},
};
#undef S

static const char *home = "", *tmp = "/tmp", *backlog = TEXT(SOMAXCONN);      /* not changed after the start */

void
NsConfigDefaultsBelow(const char *path, const char *tmpPath, const char *listenBacklog)
{
    home = path;
    tmp = tmpPath;
    backlog = listenBacklog != NULL ? listenBacklog : backlog;
}

/* Does a word of a section's name match one of a pattern: "*", the word, one of "a|b"?  Both end at '/' or '\0'. */
static bool
WordMatches(const char *pattern, size_t patternLen, const char *word, size_t len)
{
    const char *end = pattern + patternLen, *bar;

    if (patternLen == 1 && *pattern == '*') {
        return len > 0;
    }
    for (; pattern <= end; pattern = bar + 1) {
        bar = memchr(pattern, '|', (size_t)(end - pattern));
        if (bar == NULL) {
            bar = end;
        }
        if ((size_t)(bar - pattern) == len && strncasecmp(pattern, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool
SectionMatches(const char *pattern, const char *section)
{
    for (;;) {
        size_t patternLen = strcspn(pattern, "/"), len = strcspn(section, "/");

        if (!WordMatches(pattern, patternLen, section, len)) {
            return false;
        }
        pattern += patternLen;
        section += len;
        if (*pattern != *section) {
            return false;
        }
        if (*pattern == '\0') {
            return true;
        }
        pattern++;
        section++;
    }
}

/* Append a value with what its %h, %s, %t or %b stands for. */
static void
AppendValue(Tcl_DString *ds, const char *section, const char *value)
{
    if (value[0] != '%') {
        Tcl_DStringAppend(ds, value, -1);
        return;
    }
    if (value[1] == 'h') {
        Tcl_DStringAppend(ds, home, -1);
    } else if (value[1] == 't') {
        Tcl_DStringAppend(ds, tmp, -1);
    } else if (value[1] == 'b') {
        Tcl_DStringAppend(ds, backlog, -1);
    } else {
        const char *server = section + strlen("ns/server/");

        Tcl_DStringAppend(ds, server, (int)strcspn(server, "/"));
    }
    Tcl_DStringAppend(ds, value + 2, -1);
}

bool
NsConfigDefault(Tcl_DString *ds, const char *section, const char *key)
{
    size_t i;

    for (i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (strcasecmp(defaults[i].key, key) == 0 && SectionMatches(defaults[i].section, section)) {
            AppendValue(ds, section, defaults[i].value);
            return true;
        }
    }
    return false;
}

void
NsConfigDefaultEach(const char *section, void (*proc)(void *arg, const char *key, const char *value), void *arg)
{
    size_t i;

    for (i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
        if (SectionMatches(defaults[i].section, section)) {
            Tcl_DString ds;

            Tcl_DStringInit(&ds);
            AppendValue(&ds, section, defaults[i].value);
            proc(arg, defaults[i].key, Tcl_DStringValue(&ds));
            Tcl_DStringFree(&ds);
        }
    }
}

/* Is a word one of those in a list by blanks? */
static bool
ListHas(const char *list, const char *word)
{
    size_t len;

    for (; *list != '\0'; list += len + (list[len] == ' ')) {
        len = strcspn(list, " ");
        if (strlen(word) == len && strncasecmp(list, word, len) == 0) {
            return true;
        }
    }
    return false;
}

const char *
NsConfigIdle(const char *section, const char *key)
{
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        if (ListHas(idle[i].keys, key) && SectionMatches(idle[i].section, section)) {
            return idle[i].why;
        }
    }
    return NULL;
}
