/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of requests, servers and what is registered for URLs.
 */
#include "nscapi.h"

static char *serverName;

/* What the request says, as an answer of pieces. */
static Ns_ReturnCode
Tell(const void *UNUSED(arg), Ns_Conn *conn)
{
    Ns_DString  ds, target;
    Ns_Time     accept, queue, filter, run;
    const char *user = Ns_ConnAuthUser(conn), *password = Ns_ConnAuthPasswd(conn);
    time_t      old = 784111777;

    Ns_DStringInit(&ds);
    Ns_DStringInit(&target);
    Put(&ds, "%s %s %s", conn->request.method, conn->request.url, Ns_ConnTarget(conn, &target));
    Put(&ds, "%s %s", user != NULL ? user : "-", password != NULL ? password : "-");
    Put(&ds, "%d %d", Ns_GetConn() == conn, STREQ(Ns_ServerName(Ns_ConnServPtr(conn)), serverName));
    Put(&ds, "%d", Ns_TclGetConn(Ns_GetConnInterp(conn)) == conn);
    Put(&ds, "%d %d", Ns_ConnHeaders(conn) == conn->headers, Ns_ConnOutputHeaders(conn) == conn->outputheaders);
    Put(&ds, "%d %d %d", (int)Ns_ConnContentLength(conn), Ns_ConnContentFile(conn) == NULL, Ns_ConnContentFd(conn));
    Put(&ds, "%d", Ns_ConnPort(conn));
    Put(&ds, "%d %d", Ns_ConnModifiedSince(conn, old), Ns_ConnUnmodifiedSince(conn, old + 1));
    Ns_ConnTimeSpans(conn, &accept, &queue, &filter, &run);
    Put(&ds, "%d", accept.sec >= 0 && queue.sec >= 0 && filter.sec >= 0 && run.sec >= 0 && run.sec < 60);
    Ns_ConnSetHeadersSz(conn, "x-oneX", 5, "1X", 1);
    Ns_ConnCondSetHeaders(conn, "x-one", "2");
    Ns_ConnUpdateHeadersSz(conn, "x-two", -1, "2", -1);
    Ns_ConnPrintfHeaders(conn, "x-three", "%d", 3);
    Ns_ConnSetHeaders(conn, "x-bad", "a\nb");
    Ns_ConnSetEncodedTypeHeader(conn, "text/plain");
    Ns_ConnSetLengthHeader(conn, strlen(Ns_DStringValue(&ds)) + 1u, NS_FALSE);
    (void)Ns_ConnWriteChars(conn, Ns_DStringValue(&ds), (size_t)Ns_DStringLength(&ds), NS_CONN_STREAM);
    (void)Ns_ConnWriteData(conn, "!", 1, NS_CONN_STREAM);
    Ns_DStringFree(&target);
    Ns_DStringFree(&ds);
    return NS_OK;
}

/* Answers of other kinds, by the last part of the URL. */
static Ns_ReturnCode
Answer(const void *UNUSED(arg), Ns_Conn *conn)
{
    const char *how = strrchr(conn->request.url, '/') + 1;
    Ns_Set     *headers = Ns_SetCreate(NULL);
    Tcl_Channel chan;
    FILE       *fp;
    Ns_ReturnCode status = NS_ERROR;

    if (STREQ(how, "channel")) {
        chan = Tcl_OpenFileChannel(NULL, Ns_ConnHost(conn) != NULL ? Ns_InfoConfigFile() : "", "r", 0);
        status = Ns_ConnReturnOpenChannel(conn, 200, "text/plain", chan, 5);
        (void)Tcl_Close(NULL, chan);
    } else if (STREQ(how, "file")) {
        fp = fopen(Ns_InfoConfigFile(), "r");
        (void)fgetc(fp);
        status = Ns_ConnReturnOpenFile(conn, 200, "text/plain", fp, 4);
        (void)fclose(fp);
    } else if (STREQ(how, "replace")) {
        (void)Ns_SetPut(headers, "x-new", "n");
        Ns_ConnSetHeaders(conn, "x-old", "o");
        Ns_ConnReplaceHeaders(conn, headers);
        status = Ns_ConnReturnOk(conn);
    } else if (STREQ(how, "redirect")) {
        status = Ns_ConnRedirect(conn, "/capi/conn");
    } else if (STREQ(how, "large")) {
        status = Ns_ConnReturnEntityTooLarge(conn);
    } else if (STREQ(how, "pieces") || STREQ(how, "own")) {
        if (STREQ(how, "own")) {
            Ns_ConnSetHeaders(conn, "content-length", "6");
        } else {
            Ns_ConnSetLengthHeader(conn, 6, NS_FALSE);
        }
        status = Ns_ConnWriteData(conn, "ab", 2, 0u);
        if (status == NS_OK) {
            status = Ns_ConnWriteChars(conn, "cd", 2, 0u);
        }
        if (status == NS_OK) {
            status = Ns_ConnWriteData(conn, "ef", 2, 0u);
        }
        Ns_Log(Notice, "nscapi: pieces: %s", Ns_ReturnCodeString(status));
    } else if (STREQ(how, "close")) {
        Ns_ConnSetLengthHeader(conn, 6, NS_FALSE);
        (void)Ns_ConnWriteData(conn, "ab", 2, NS_CONN_STREAM_CLOSE);
        status = Ns_ConnWriteData(conn, "cd", 2, 0u) == NS_ERROR ? NS_OK : NS_ERROR;
        Ns_Log(Notice, "nscapi: behind the end: %s", Ns_ReturnCodeString(status));
    } else if (STREQ(how, "null")) {
        Ns_ConnSetHeaders(conn, "x-null", NULL);
        Ns_ConnSetEncodedTypeHeader(conn, NULL);
        status = Ns_ConnReturnData(conn, 200, "x", 1, NULL);
    } else if (STREQ(how, "not")) {
        status = Ns_ConnReturnNotImplemented(conn);
    }
    Ns_SetFree(headers);
    return status;
}

static void
Traced(void *arg, Ns_Conn *conn)
{
    if (STREQ(conn->request.url, "/capi/conn")) {
        Ns_Log(Notice, "nscapi: %s of %s", (const char *)arg, conn->request.url);
    }
}

void
ConnInit(const char *server)
{
    serverName = ns_strcopy(server);
    Ns_RegisterRequest(server, "GET", "/capi/conn", Tell, NULL, NULL, 0u);
    (void)Ns_RegisterServerTrace(server, Traced, ns_strcopy("trace"));
    Ns_RegisterRequest(server, "GET", "/capi/answer", Answer, NULL, NULL, 0u);
    Ns_RegisterRequest(server, "HEAD", "/capi/answer", Answer, NULL, NULL, 0u);
}

static int  freed;
static void Freed(void *UNUSED(arg)) { freed++; }
static void WalkDatum(Tcl_DString *ds, const void *arg) { Tcl_DStringAppendElement(ds, arg); }

static Ns_ReturnCode
Specific(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Server           *server = Ns_GetServer(serverName);
    int                  id = Ns_UrlSpecificAlloc(), other = Ns_UrlSpecificAlloc();
    Ns_UrlSpaceMatchInfo info;
    static char          a[] = "a", b[] = "b", c[] = "c";
    const char          *found[6];

    freed = 0;
    Ns_UrlSpecificSet(serverName, "GET", "/a", id, a, 0u, Freed);
    Ns_UrlSpecificSet(serverName, "GET", "/a/b", id, b, NS_OP_NOINHERIT, Freed);
    Ns_UrlSpecificSet(serverName, "GET", "/a/*.x", id, c, 0u, NULL);
    found[0] = Ns_UrlSpecificGet(server, "GET", "/a/q/r", id, 0u, NS_URLSPACE_DEFAULT, &info, NULL, NULL);
    found[1] = Ns_UrlSpecificGetFast(serverName, "GET", "/a/b", id);
    found[2] = Ns_UrlSpecificGetFast(serverName, "GET", "/a/q.x", id);
    found[3] = Ns_UrlSpecificGetExact(serverName, "GET", "/a/q", id, 0u);
    found[4] = Ns_UrlSpecificGetFast(serverName, "PUT", "/a", id);
    found[5] = Ns_UrlSpecificGetFast(serverName, "GET", "/a", other);
    for (int i = 0; i < 6; i++) {
        Put(ds, "%s", found[i] != NULL ? found[i] : "-");
    }
    Put(ds, "%d", (int)info.offset);
    Ns_UrlSpecificWalk(id, serverName, WalkDatum, ds);
    Ns_UrlSpecificSet(serverName, "GET", "/a/b", id, b, NS_OP_NOINHERIT, Freed);
    Put(ds, "%d", freed);
    Put(ds, "%d", Ns_UrlSpecificDestroy(serverName, "GET", "/a", id, 0u) == a);
    Put(ds, "%d %d", freed, Ns_UrlSpecificGetFast(serverName, "GET", "/a", id) == NULL);
    Put(ds, "%d", Ns_UrlSpecificGetFast("no such server", "GET", "/a", id) == NULL);
    Ns_UrlSpecificSet(serverName, "GET", "/k", id, a, 0u, Freed);
    Ns_UrlSpecificSet(serverName, "GET", "/k/l", id, b, 0u, Freed);
    Ns_UrlSpecificSet(serverName, "GET", "/m", id, b, NS_OP_NODELETE, Freed);
    Put(ds, "%d", Ns_UrlSpecificDestroy(serverName, "GET", "/k", id, NS_OP_RECURSE | NS_OP_NODELETE) == a);
    Put(ds, "%d", Ns_UrlSpecificDestroy(serverName, "GET", "/m", id, 0u) == b);
    Put(ds, "%d %d", freed, Ns_UrlSpecificGetFast(serverName, "GET", "/k/l", id) == NULL);
    return NS_OK;
}

static Ns_ReturnCode
NoConn(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Put(ds, "%d", Ns_GetConn() == NULL);
    Put(ds, "%d", Ns_RegisterRequest2(interp, "no such server", "GET", "/", Tell, NULL, NULL, 0u, NULL));
    Put(ds, "%s", Tcl_GetStringResult(interp));
    return NS_OK;
}

static Ns_ReturnCode
Server(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_DString path;
    size_t      pages = strlen(Ns_PageRoot(serverName));
    struct stat st;

    Ns_DStringInit(&path);
    Put(ds, "%s", Ns_PagePath(&path, serverName, "a", NS_SENTINEL) + pages);
    Put(ds, "%d", Ns_PagePath(&path, "no such server", NS_SENTINEL) == NULL);
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%d", strncmp(Ns_PageRoot(serverName), Ns_ServerPath(&path, serverName, NS_SENTINEL), (size_t)Ns_DStringLength(&path)));
    Ns_DStringTrunc(&path, 0);
    if (Ns_UrlToFile(&path, serverName, "/x/y.html") == NS_OK) {
        Put(ds, "%s", Ns_DStringValue(&path) + pages);
    }
    Ns_DStringTrunc(&path, 0);
    if (Ns_UrlToFile(&path, serverName, "/a/../../../x/../../y") == NS_OK) {
        Put(ds, "%s", Ns_DStringValue(&path) + pages);
    }
    Put(ds, "%d", Ns_UrlToFile(&path, "no such server", "/"));
    Put(ds, "%d %d", Ns_UrlIsFile(serverName, argv[0]), Ns_UrlIsFile(serverName, "/"));
    Put(ds, "%d %d", Ns_UrlIsDir(serverName, "/"), Ns_UrlIsDir(serverName, "/none"));
    Put(ds, "%d %d", Ns_Stat(Ns_PageRoot(serverName), &st), Ns_Stat("/does/not/exist", &st));
    Ns_DStringFree(&path);
    return NS_OK;
}

const Check connChecks[] = {{"server", Server}, {"noconn", NoConn}, {"specific", Specific}, {NULL, NULL}};
