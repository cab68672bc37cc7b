/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of the data of a connection, of bodies that are read piece by piece, and of answers as they were.
 */
#include "nscapi.h"

static bool
IsDate(const Ns_Time *date)
{
    return date->sec > Ns_InfoBootTime() - 60 && date->sec < time(NULL) + 120;
}

/* What there is of the connection. */
static Ns_ReturnCode
TellData(const void *UNUSED(arg), Ns_Conn *conn)
{
    Tcl_DString         ds;
    struct sockaddr_in  peer = {.sin_family = AF_INET}, client = {.sin_family = AF_INET};
    const Ns_UrlSpaceMatchInfo *match = Ns_ConnGetUrlSpaceMatchInfo(conn);

    Ns_DStringInit(&ds);
    Put(&ds, "%d", IsDate(Ns_ConnAcceptTime(conn)) && IsDate(Ns_ConnQueueTime(conn)) && IsDate(Ns_ConnDequeueTime(conn))
        && IsDate(Ns_ConnFilterTime(conn)) && Ns_DiffTime(Ns_ConnTimeout(conn), Ns_ConnAcceptTime(conn), NULL) > 0);
    Put(&ds, "%s", Tcl_GetEncodingName(Ns_ConnGetEncoding(conn)));
    Ns_ConnSetEncoding(conn, Tcl_GetEncoding(NULL, "iso8859-1"));
    Ns_ConnSetUrlEncoding(conn, Tcl_GetEncoding(NULL, "iso8859-1"));
    Put(&ds, "%s %s", Tcl_GetEncodingName(Ns_ConnGetEncoding(conn)), Tcl_GetEncodingName(Ns_ConnGetUrlEncoding(conn)));
    Ns_ConnSetCompression(conn, 12);
    Put(&ds, "%d", Ns_ConnGetCompression(conn));
    Ns_ConnSetCompression(conn, 0);
    Put(&ds, "%d %d %d", (int)match->offset, (int)match->segmentLength, match->isSegmentMatch);
    Put(&ds, "%d", STREQ(Ns_ConnPeer(conn), Ns_ConnPeerAddr(conn)) && strncmp(Ns_ConnLocation(conn), "http", 4) == 0);
    Put(&ds, "%d", Ns_ConnSockPtr(conn)->sock == Ns_ConnSock(conn) && Ns_ConnSockPtr(conn)->driver != NULL);
    Put(&ds, "%s", Ns_DStringValue(Ns_ConnSockContent(conn)));
    (void)inet_pton(AF_INET, "192.0.2.9", &peer.sin_addr);
    (void)inet_pton(AF_INET, "192.0.2.10", &client.sin_addr);
    Put(&ds, "%s", Ns_ConnSetPeer(conn, (struct sockaddr *)&peer, (struct sockaddr *)&client));
    Put(&ds, "%s", Ns_ConnForwardedPeerAddr(conn));
    Ns_ConnSetContentSent(conn, 17);
    Put(&ds, "%d", (int)Ns_ConnContentSent(conn));
    Ns_ConnSetContentSent(conn, 0);
    (void)Ns_ConnReturnCharData(conn, 200, Ns_DStringAppend(&ds, " \303\244"), -1, "text/plain");
    Ns_DStringFree(&ds);
    return NS_OK;
}

static void
CopyParts(Ns_Conn *conn, Tcl_DString *ds)
{
    Tcl_DString part;
    int         fd = Ns_GetTemp();
    FILE       *fp = tmpfile();
    char        buf[8];

    Ns_DStringInit(&part);
    Put(ds, "%d", Ns_ConnCopyToFd(conn, 2, fd));
    Put(ds, "%d", Ns_ConnCopyToFile(conn, 2, fp));
    (void)ns_lseek(fd, 0, SEEK_SET);
    rewind(fp);
    if (ns_read(fd, buf, 2) == 2 && fread(buf + 2, 1, 2, fp) == 2) {
        Put(ds, "%.4s", buf);
    }
    Put(ds, "%d", Ns_ConnCopyToDString(conn, 2, &part));
    Put(ds, "%s", Ns_DStringValue(&part));
    Put(ds, "%d", Ns_ConnCopyToDString(conn, 1000, &part));
    Put(ds, "%d", (int)Ns_ConnRead(conn, buf, 2));
    Put(ds, "%d", Ns_ConnFlushContent(conn));
    Put(ds, "%d %d", (int)Ns_ConnRead(conn, buf, 2), Ns_ConnGets(buf, sizeof(buf), conn) == NULL);
    Ns_DStringFree(&part);
    Ns_ReleaseTemp(fd);
    (void)fclose(fp);
}

static Ns_ReturnCode
TellBody(const void *UNUSED(arg), Ns_Conn *conn)
{
    Tcl_DString ds, line;
    Ns_Set     *set = Ns_SetCreateNoCase(NULL);
    size_t      nread = 0;
    char        buf[5];

    Ns_DStringInit(&ds);
    Ns_DStringInit(&line);
    buf[0] = 'x';
    Put(&ds, "%d", Ns_ConnGets(buf, 1, conn) == buf && buf[0] == '\0');
    Put(&ds, "%s", Ns_ConnGets(buf, sizeof(buf), conn));
    Put(&ds, "%d", Ns_ConnReadLine(conn, &line, &nread));
    Put(&ds, "%s", Ns_DStringValue(&line));
    Put(&ds, "%d", (int)nread);
    Put(&ds, "%d", Ns_ConnReadHeaders(conn, set, &nread));
    Put(&ds, "%d %s %s", (int)nread, Ns_SetIGetValue(set, "a", "-"), Ns_SetIGetValue(set, "B", "-"));
    CopyParts(conn, &ds);
    (void)Ns_ConnReturnCharData(conn, 200, Ns_DStringValue(&ds), -1, "text/plain");
    Ns_SetFree(set);
    Ns_DStringFree(&line);
    Ns_DStringFree(&ds);
    return NS_OK;
}

/* A file of "0123456789". */
static FILE *
Digits(void)
{
    FILE *fp = tmpfile();

    (void)fputs("0123456789", fp);
    rewind(fp);
    return fp;
}

static Ns_ReturnCode
Stream(Ns_Conn *conn)
{
    Tcl_DString ds;
    FILE       *fp = Digits();
    bool        good;

    Ns_DStringInit(&ds);
    Ns_DStringAppend(&ds, "string ");
    (void)fgetc(fp);
    good = Ns_WriteConn(conn, "bytes ", 6) == NS_OK && Ns_WriteCharConn(conn, "text ", 5) == NS_OK
        && Ns_ConnWrite(conn, "write ", 6) == 6 && Ns_ConnPuts(conn, "puts ") == NS_OK && Ns_ConnSendDString(conn, &ds) == NS_OK
        && Ns_ConnSendFp(conn, fp, 3) == NS_OK && fgetc(fp) == '4' && Ns_ConnSendFd(conn, fileno(fp), 100) == NS_ERROR
        && lseek(fileno(fp), 8, SEEK_SET) == 8 && Ns_ConnSendFd(conn, fileno(fp), -1) == NS_OK;
    (void)Ns_ConnPuts(conn, good ? " good" : " bad");
    (void)fclose(fp);
    Ns_DStringFree(&ds);
    return NS_OK;
}

static Ns_ReturnCode
Channel(Ns_Conn *conn)
{
    Tcl_Channel   chan = Tcl_OpenFileChannel(NULL, Ns_InfoConfigFile(), "r", 0);
    Ns_ReturnCode status = Ns_ConnSendChannel(conn, chan, 5);

    (void)Tcl_Close(NULL, chan);
    return status;
}

static Ns_ReturnCode
Raw(Ns_Conn *conn)
{
    Tcl_DString  head;
    struct iovec bufs[2];

    Ns_DStringInit(&head);
    Ns_ConnSetRequiredHeaders(conn, "text/plain", 3);
    Ns_ConnSetExpiresHeader(conn, "Sun, 06 Nov 1994 08:49:37 GMT");
    Ns_ConnCondSetHeadersSz(conn, "expires", 7, "never", -1);
    Ns_ConnCondSetHeadersSz(conn, "x-cond", 6, "yes", -1);
    Ns_ConnQueueHeaders(conn, 202);
    Ns_ConnConstructHeaders(conn, &head);
    Ns_DStringTrunc(&head, 0);
    if (Ns_CompleteHeaders(conn, 3, 0u, &head) && !Ns_CompleteHeaders(conn, 3, 0u, &head)) {
        bufs[0] = (struct iovec){Ns_DStringValue(&head), (size_t)Ns_DStringLength(&head)};
        bufs[1] = (struct iovec){(void *)(uintptr_t)"raw", 3};
        if (Ns_ConnSend(conn, bufs, 2) != (ssize_t)(bufs[0].iov_len + 3u)) {
            Ns_Log(Error, "nscapi: raw bytes were not sent");
        }
    }
    Ns_DStringFree(&head);
    return NS_OK;
}

/* How long the body is, wherever it is kept, and whether both ways to it show the same. */
static Ns_ReturnCode
TellContent(const void *UNUSED(arg), Ns_Conn *conn)
{
    const Tcl_DString *content = Ns_ConnSockContent(conn);
    Tcl_DString        ds;
    Ns_ReturnCode      status;

    Ns_DStringInit(&ds);
    Put(&ds, "%d %d", Ns_DStringLength(content), strcmp(Ns_DStringValue(content), Ns_ConnContent(conn)) == 0);
    status = Ns_ConnReturnCharData(conn, 200, Ns_DStringValue(&ds), -1, "text/plain");
    Ns_DStringFree(&ds);
    return status;
}

/* A file with nothing in it, or a channel: an answer that is empty. */
static Ns_ReturnCode
Empty(Ns_Conn *conn, bool asChannel)
{
    FILE         *fp = tmpfile();
    Tcl_Channel   chan = asChannel ? Tcl_OpenFileChannel(NULL, "/dev/null", "r", 0) : NULL;
    Ns_ReturnCode status = asChannel ? Ns_ConnSendChannel(conn, chan, -1) : Ns_ConnSendFd(conn, fileno(fp), -1);

    (void)fclose(fp);
    if (chan != NULL) {
        (void)Tcl_Close(NULL, chan);
    }
    return status;
}

static Ns_ReturnCode
AnswerOld(const void *UNUSED(arg), Ns_Conn *conn)
{
    const char   *how = Ns_SkipUrl(&conn->request, 2);
    Ns_ReturnCode status = NS_OK;

    if (STREQ(how, "stream")) {
        status = Stream(conn);
    } else if (STREQ(how, "channel")) {
        status = Channel(conn);
    } else if (STREQ(how, "empty") || STREQ(how, "emptychannel")) {
        status = Empty(conn, STREQ(how, "emptychannel"));
    } else if (STREQ(how, "raw")) {
        status = Raw(conn);
    } else if (STREQ(how, "flush")) {
        Ns_ConnSetTypeHeader(conn, "text/plain");
        status = Ns_ConnFlushHeaders(conn, 203) > 20u ? Ns_ConnPuts(conn, "flushed") : NS_ERROR;
        (void)Ns_ConnTryReturnInternalError(conn, NS_OK, "nscapi: too late");
    } else if (STREQ(how, "admin")) {
        status = Ns_ConnReturnAdminNotice(conn, 200, "a title", "a notice");
    } else if (STREQ(how, "error")) {
        (void)Ns_ConnTryReturnInternalError(conn, NS_ERROR, "nscapi: the cause");
    } else if (STREQ(how, "url")) {
        status = Ns_SetRequestUrl(&conn->request, "/new%20path/x?q=1") == NS_OK ? Ns_SetRequestUrl(&conn->request, "/a/b%20c/d?r=2") : NS_ERROR;
        if (status == NS_OK) {
            status = Ns_ConnReturnCharData(conn, 200, conn->request.url, -1, "text/plain");
        }
    }
    return status;
}

void
DataInit(const char *server)
{
    Ns_RegisterRequest(server, "POST", "/capi/data/x*z/data", TellData, NULL, NULL, NS_OP_SEGMENT_MATCH);
    Ns_RegisterRequest(server, "POST", "/capi/body", TellBody, NULL, NULL, 0u);
    Ns_RegisterRequest(server, "POST", "/capi/content", TellContent, NULL, NULL, 0u);
    Ns_RegisterRequest(server, "GET", "/capi/old", AnswerOld, NULL, NULL, 0u);
}

static Ns_ReturnCode
Requests(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static const char line[] = "GET http://host.test:81/a%20b/c?d=e HTTP/1.0\r\n";
    Ns_Request       *request = ns_calloc(1, sizeof(*request));

    Put(ds, "%d", Ns_ParseRequest(request, line, strlen(line)));
    Put(ds, "%s %s %s %d %s %s", request->method, request->protocol, request->host, request->port, request->url, request->query);
    Put(ds, "%s %d %.1f", request->urlv, request->urlc, request->version);
    Put(ds, "%s %d", Ns_SkipUrl(request, 1), Ns_SkipUrl(request, 3) == NULL);
    Put(ds, "%d %d", Ns_SetRequestUrl(request, "/x/y/z?q"), Ns_SetRequestUrl(request, "nothing"));
    Put(ds, "%s %s %d", request->url, request->query, request->urlc);
    Put(ds, "%d", Ns_SetRequestUrl(request, "/x?q#here"));
    Put(ds, "%s %s", request->rawUrl, request->query);
    Ns_ResetRequest(request);
    Put(ds, "%d %d", request->url == NULL, Ns_ParseRequest(request, "no request", 10));
    Ns_FreeRequest(request);
    return NS_OK;
}

static Ns_ReturnCode
Messages(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    char     message[] = "HTTP/1.1 404 Not Found\r\nA: b\r\nC: d\r\n  e\r\n\r\nbody", *payload = NULL;
    char     broken[] = "HTTP/1.1 200\r\nno field\r\n\r\n", other[] = "SMTP\nA: b\n";
    Ns_Set  *set = Ns_SetCreateNoCase(NULL);
    size_t   len = 0, number = 9;
    int      major = 0, minor = 0, status = 0;

    Put(ds, "%d", Ns_HttpMessageParse(message, strlen(message), &len, set, &payload));
    Put(ds, "%d %s {%s} %s", (int)len, Ns_SetIGet(set, "a"), Ns_SetIGet(set, "c"), payload);
    Put(ds, "%d", Ns_HttpResponseMessageParse(message, strlen(message), set, &major, &minor, &status, &payload));
    Put(ds, "%d.%d %d", major, minor, status);
    Put(ds, "%d", Ns_HttpResponseMessageParse(broken, strlen(broken), set, &major, &minor, &status, &payload));
    Put(ds, "%d", Ns_HttpMessageParse(other, strlen(other), NULL, set, &payload));
    Put(ds, "%d", payload == NULL);
    Put(ds, "%d", Ns_HttpResponseMessageParse(other, strlen(other), set, &major, &minor, &status, &payload));
    Ns_SetTrunc(set, 0);
    Put(ds, "%d", Ns_ParseHeader(set, "Name:  value \r\n", "x-", &number));
    Put(ds, "%d %s", (int)number, Ns_SetIGet(set, "x-name"));
    number = 99;
    status = (int)Ns_ParseHeader(set, " more", NULL, &number);
    Put(ds, "%d %d", status, (int)number);
    Put(ds, "%d %d", Ns_ParseHeader(set, "none", NULL, NULL), Ns_ParseHeader(set, ": none", NULL, NULL));
    Ns_SetFree(set);
    return NS_OK;
}

const Check dataChecks[] = {{"requests", Requests}, {"messages", Messages}, {NULL, NULL}};
