/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Checks of what is no matter of requests: paths, URLs, sets, configuration, files that are rolled, times of days.
 */
#include "nscapi.h"

static Ns_ReturnCode
Paths(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Tcl_DString path;
    size_t      home = strlen(Ns_InfoHomePath());

    Ns_DStringInit(&path);
    Put(ds, "%s", Ns_NormalizePath(&path, "a//b/../c/"));
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_NormalizeUrl(&path, "/a/./b/"));
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_MakePath(&path, "/a", "b/", "", "c", NS_SENTINEL));
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_HashPath(&path, "abc", 2));
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_HomePath(&path, "x", "y", NS_SENTINEL) + home);
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_LibPath(&path, "z", NS_SENTINEL) + home);
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_LogPath(&path, NULL, "a.log") + home);
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_LogPath(&path, NULL, "/a.log"));
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%s", Ns_ModulePath(&path, "s", "m", "x", NS_SENTINEL) + home);
    Ns_DStringTrunc(&path, 0);
    Put(ds, "%d", STREQ(Ns_BinPath(&path, NS_SENTINEL), argv[0]));
    Put(ds, "%d %d", Ns_PathIsAbsolute("/a"), Ns_PathIsAbsolute("a"));
    Put(ds, "%d %d", Ns_HomePathExists("logs", NS_SENTINEL), Ns_HomePathExists("logs", "none", NS_SENTINEL));
    Ns_DStringFree(&path);
    return NS_OK;
}

static Ns_ReturnCode
Folders(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    int fd = Ns_GetTemp();

    Put(ds, "%s", Ns_ReturnCodeString(Ns_RequireDirectory(argv[0])));
    Put(ds, "%s", Ns_ReturnCodeString(Ns_RequireDirectory(argv[1])));
    Put(ds, "%d", fd >= 0 && ns_write(fd, "x", 1) == 1);
    Ns_ReleaseTemp(fd);
    return NS_OK;
}

static Ns_ReturnCode
Urls(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    char        url[] = "https://me:pw@host:81/a/b/c?q=1#f", short_[] = "/x", bad[] = "http://[::1/", host[] = "[::1]:80", name[] = "h", more[] = "h:5432:base";
    const char *error = NULL, *start, *port;
    char       *end;
    Ns_URL      parts;
    Tcl_DString out;
    int         ok;

    ok = Ns_ParseUrl(url, NS_FALSE, &parts, &error);
    Put(ds, "%d %s %s %s %s %s %s %s %s", ok, parts.protocol, parts.userinfo, parts.host,
        parts.port, parts.path, parts.tail, parts.query, parts.fragment);
    ok = Ns_ParseUrl(short_, NS_TRUE, &parts, &error);
    Put(ds, "%d %d '%s' %s", ok, parts.host == NULL, parts.path, parts.tail);
    ok = Ns_ParseUrl(bad, NS_TRUE, &parts, &error);
    Put(ds, "%d %d", ok, error != NULL);
    ok = Ns_HttpParseHost2(host, NS_TRUE, &start, &port, &end);
    Put(ds, "%d %s %s %d", ok, start, port, *end == '\0');
    ok = Ns_HttpParseHost2(name, NS_TRUE, &start, &port, &end);
    Put(ds, "%d %s %d", ok, start, port == NULL);
    ok = Ns_HttpParseHost2(more, NS_TRUE, &start, &port, &end);
    Put(ds, "%d %s %s %s", ok, start, port, end);
    Ns_DStringInit(&out);
    Put(ds, "%s", Ns_HttpLocationString(&out, "http", "::1", 8080, 80));
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%s", Ns_HttpLocationString(&out, NULL, "h", 80, 80));
    Put(ds, "%s %s", Ns_RelativeUrl("http://h/a", "http://h"), Ns_RelativeUrl("http://other/a", "http://h"));
    Put(ds, "%d %d", Ns_PlainUrlPath("/a/b", &error), Ns_PlainUrlPath("/a b", &error));
    Put(ds, "%d %d %d", Ns_StrIsValidHostHeaderContent("h:80"), Ns_StrIsValidHostHeaderContent("[::1]"),
        Ns_StrIsValidHostHeaderContent("h:80/x"));
    Ns_DStringFree(&out);
    return NS_OK;
}

static Ns_ReturnCode
Encodings(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static char *(*const procs[])(Tcl_DString *, const char *, Tcl_Encoding) = {
        Ns_UrlPathEncode, Ns_UrlQueryEncode, Ns_CookieEncode, Ns_Oauth1Encode, Ns_UrlPathDecode, Ns_CookieDecode
    };
    Ns_ReturnCode status = NS_OK;
    Tcl_DString   out;
    unsigned char bytes[16];
    char          text[200];
    size_t        len;
    time_t        when = 784111777;

    Ns_DStringInit(&out);
    for (size_t i = 0; i < sizeof(procs) / sizeof(procs[0]); i++) {
        Ns_DStringTrunc(&out, 0);
        Put(ds, "%s", procs[i](&out, i < 4 ? argv[0] : argv[1], NULL));
    }
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%s", Ns_EncodeUrlCharset(&out, argv[0], "iso-8859-1"));
    Ns_DStringTrunc(&out, 0);
    (void)Ns_UrlQueryDecode(&out, "a%ff", NULL, &status);
    Put(ds, "%s", Ns_ReturnCodeString(status));
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%s", Ns_HttpTime(&out, &when));
    Put(ds, "%d %d", Ns_ParseHttpTime(Ns_DStringValue(&out)) == when, Ns_ParseHttpTime("yesterday") == 0);
    Ns_DStringTrunc(&out, 0);
    Ns_QuoteHtml(&out, "<a b=\"c\">");
    Put(ds, "%s", Ns_DStringValue(&out));
    len = Ns_HtuuEncode((const unsigned char *)"hello", 5, text);
    Put(ds, "%d %s", (int)len, text);
    len = Ns_HtuuDecode("aGVsbG8=", bytes, 3);
    Put(ds, "%d %.3s", (int)len, bytes);
    Put(ds, "%d", (int)Ns_Base64Encode((const unsigned char *)"hello", 5, text, 0, 1));
    Put(ds, "%d %s", (int)Ns_Base64Encode((const unsigned char *)"hello", 5, text, 6, 0), text);   /* six are no whole groups */
    Ns_DStringFree(&out);
    return NS_OK;
}

static int
Compare(const char *a, const char *b)
{
    return strncmp(a, b, 1);
}

static Ns_ReturnCode
Sets(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    Ns_Set     *set = Ns_SetCreate("s"), *copy, *other = NULL, *list[] = {set, NULL};
    Tcl_DString out;

    Ns_DStringInit(&out);
    (void)Ns_SetUpdateSz(set, "abX", 2, "1234", 3);
    (void)Ns_SetIUpdateSz(set, "AB", -1, "5", -1);
    (void)Ns_SetPutSz(set, "c", 1, NULL, 0);
    Ns_SetPutValueSz(set, 1, "xyz", 2);
    Ns_DStringAppendSet(&out, set);
    Put(ds, "%s", Ns_DStringValue(&out));
    Put(ds, "%d %s %d", Ns_SetFindCmp(set, "czz", Compare), Ns_SetGetCmp(set, "azz", Compare), Ns_SetUniqueCmp(set, "a", Compare));
    Put(ds, "%d %d", Ns_SetListFind(list, "s") == set, Ns_SetListFind(list, "t") == NULL);
    Ns_DStringTrunc(&out, 0);
    Put(ds, "%s", Ns_SetFormat(&out, set, NS_TRUE, "-", "="));
    copy = Ns_SetRecreate(set);
    Put(ds, "%d %d", (int)Ns_SetSize(set), (int)Ns_SetSize(copy));
    (void)Ns_SetPut(set, "C", "new");
    Ns_SetIMerge(set, copy);
    Put(ds, "%d %s", (int)Ns_SetSize(set), Ns_SetGet(set, "ab"));
    (void)Ns_SetRecreate2(&other, copy);
    Put(ds, "%d %d", (int)Ns_SetSize(other), (int)Ns_SetSize(copy));
    Ns_SetClearValues(other, 0);
    Put(ds, "'%s' %d %d", Ns_SetValue(other, 0), Ns_SetDelete(other, 9), Ns_SetDeleteKey(other, "none"));
    Put(ds, "%d", Ns_SetDelete(other, 0));
    Ns_SetFree(other);
    Ns_SetFree(copy);
    Ns_SetFree(set);
    Ns_DStringFree(&out);
    return NS_OK;
}

static Ns_ReturnCode
Config(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    static const Ns_ObjvTable words[] = {{"red", 3u}, {"green", 4u}, {NULL, 0u}};
    const char    *section = argv[0], *file;
    int            number = 1, version = 0;
    int64_t        wide = 1;
    bool           on = false;
    unsigned       flags = 1u;
    const Ns_Set  *set;
    int            ok;

    ok = Ns_ConfigGetInt(section, "number", &number);
    Put(ds, "%d %d", ok, number);
    ok = Ns_ConfigGetInt(section, "none", &number);
    Put(ds, "%d %d", ok, number);
    ok = Ns_ConfigGetInt(section, "word", &number);
    Put(ds, "%d %d", ok, number);
    ok = Ns_ConfigGetInt64(section, "wide", &wide);
    Put(ds, "%d %d", ok, wide == 5000000000);
    ok = Ns_ConfigGetBool(section, "flag", &on);
    Put(ds, "%d %d", ok, on);
    Put(ds, "%d %d", Ns_ConfigParameterProvided(section, "word"), Ns_ConfigParameterProvided(section, "none"));
    ok = Ns_ConfigFlag(section, "flag", 4u, 0, &flags);
    Put(ds, "%d %u", ok, flags);
    Put(ds, "%u %u", Ns_ConfigGetEnum(section, "word", words, 3u), Ns_ConfigGetEnum(section, "none", words, 3u));
    set = Ns_ConfigSet(section, "list", "l");
    Put(ds, "%s %s %d", Ns_SetName(set), Ns_SetGet(set, "b"), Ns_ConfigSet(section, "none", NULL) == NULL);
    Ns_SetFree(ns_const2voidp(set));
    Put(ds, "%d", Ns_ConfigSet(section, "word", NULL) == NULL);
    file = Ns_ConfigFilename(section, "file", -1, "logs", "x/../y.log", NS_TRUE, NS_TRUE);
    Put(ds, "%s %d", file + strlen(Ns_InfoHomePath()), STREQ(Ns_ConfigGetValue(section, "file"), file));
    Put(ds, "%d", Ns_ConfigMemUnitRange(section, "none", NULL, 77, 0, 100) == 77 && Ns_ConfigMemUnitRange(section, "none", "2KB", 5, 0, 9999) == 2048);
    Put(ds, "%d", Ns_ConfigGetSection("ns/nscapi/none") == NULL && Ns_ConfigCreateSection("ns/nscapi/made") != NULL
                  && Ns_ConfigGetSection("ns/nscapi/made") != NULL);
    Ns_GetVersion(&version, NULL, NULL, NULL);
    Put(ds, "%d", version);
    ns_free_const(file);
    return NS_OK;
}

static FILE *rolled;

static Ns_ReturnCode
OpenRolled(void *arg)
{
    rolled = fopen(arg, "a");
    return rolled != NULL ? NS_OK : NS_ERROR;
}

static Ns_ReturnCode
CloseRolled(void *UNUSED(arg))
{
    return fclose(rolled) == 0 ? NS_OK : NS_ERROR;
}

static Ns_ReturnCode
Rolls(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    char     time[41];
    Tcl_Obj *file = Tcl_NewStringObj(argv[0], -1);

    Tcl_IncrRefCount(file);
    (void)OpenRolled(ns_const2voidp(argv[0]));
    for (int i = 0; i < 3; i++) {
        (void)fputc('a' + i, rolled);
        Put(ds, "%s", Ns_ReturnCodeString(Ns_RollFileCondFmt(OpenRolled, CloseRolled, argv[0], argv[0], NULL, 2)));
    }
    (void)CloseRolled(NULL);
    Put(ds, "%s", Ns_ReturnCodeString(Ns_RollFileFmt(file, "stamp", 2)));
    Put(ds, "%s", Ns_ReturnCodeString(Ns_RollFile(argv[0], 5000)));
    Put(ds, "%d", (int)strlen(Ns_LogTime(time)));
    (void)Ns_LogTime2(time, NS_TRUE);
    Put(ds, "%s", strstr(time, "+0000]") != NULL ? "utc" : time);
    Put(ds, "%d", Ns_LogSeveritySetEnabled(Ns_LogAccessDebug, NS_TRUE));
    Put(ds, "%d", Ns_LogSeveritySetEnabled(Ns_LogAccessDebug, NS_FALSE));
    Put(ds, "%s", Ns_LogSeverityName(Ns_LogTaskDebug));
    Ns_LogDeprecatedParameter("ns/old", "a", "ns/new", "b", NULL);
    Ns_LogDeprecated(&file, 1, "ns_new", "it is old");
    Tcl_DecrRefCount(file);
    return NS_OK;
}

static void Never(void *UNUSED(arg), int UNUSED(id)) {}

static Ns_ReturnCode
Schedules(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv)
{
    int daily = Ns_ScheduleDaily(Never, NULL, 0u, 3, 30, NULL), weekly = Ns_ScheduleWeekly(Never, NULL, 0u, 6, 3, 30, NULL);
    int each = Ns_ScheduleProc(Never, NULL, 1, 3600);

    Ns_RegisterProcInfo((ns_funcptr_t)Never, "nscapi:never", Ns_StringArgProc);
    Put(ds, "%d %d %d", daily >= 0, weekly >= 0, each >= 0);
    Put(ds, "%d %d", Ns_ScheduleDaily(Never, NULL, 0u, 24, 0, NULL), Ns_ScheduleWeekly(Never, NULL, 0u, 7, 0, 0, NULL));
    Ns_GetProcInfo(ds, (ns_funcptr_t)Never, "an argument");
    Ns_UnscheduleProc(daily);
    Put(ds, "%d %d %d", Ns_Cancel(daily), Ns_Cancel(weekly), Ns_Cancel(each));
    return NS_OK;
}

const Check baseChecks[] = {
    {"paths", Paths}, {"folders", Folders}, {"urls", Urls}, {"encodings", Encodings}, {"sets", Sets}, {"config", Config},
    {"rolls", Rolls}, {"schedules", Schedules}, {NULL, NULL}
};
