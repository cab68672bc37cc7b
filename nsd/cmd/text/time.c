/* SPDX-License-Identifier: MPL-2.0 */
/*
 * ns_time, ns_sleep, and times in words: ns_fmttime, ns_gmtime, ns_localtime, ns_httptime, ns_parsehttptime.
 */
#include <errno.h>
#include <limits.h>
#include "cmd/cmds.h"
#include "http/date.h"

static Ns_ObjvValueRange positive = {0, LONG_MAX};

static int
ReturnTime(Tcl_Interp *interp, const Ns_Time *time)
{
    Tcl_SetObjResult(interp, Ns_TclNewTimeObj(time));
    return TCL_OK;
}

static Ns_ReturnCode
ParseTime(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, Ns_Time **time)
{
    Ns_ObjvSpec args[] = {{"time", Ns_ObjvTime, time, NULL}, {NULL, NULL, NULL, NULL}};

    return Ns_ParseObjv(NULL, args, interp, 2, objc, objv);
}

static int
AdjustObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time *time;

    return ParseTime(interp, objc, objv, &time) == NS_OK ? ReturnTime(interp, time) : TCL_ERROR;
}

static int
DiffObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time    *time1, *time2, diff;
    Ns_ObjvSpec args[] = {
        {"time1", Ns_ObjvTime, &time1, NULL}, {"time2", Ns_ObjvTime, &time2, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    (void)Ns_DiffTime(time1, time2, &diff);
    return ReturnTime(interp, &diff);
}

static int
FormatObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time    *time;
    Tcl_DString ds;

    if (ParseTime(interp, objc, objv, &time) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_DStringInit(&ds);
    Ns_DStringAppendTime(&ds, time);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}

static int
GetObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time now;

    if (Ns_ParseObjv(NULL, NULL, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    Ns_GetTime(&now);
    return ReturnTime(interp, &now);
}

static int
IncrObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time    *time, sum;
    long        sec = 0, usec = 0;
    Ns_ObjvSpec args[] = {
        {"time", Ns_ObjvTime, &time, NULL}, {"sec", Ns_ObjvLong, &sec, &positive},
        {"?usec", Ns_ObjvLong, &usec, &positive}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    sum = *time;
    Ns_IncrTime(&sum, sec, usec);
    return ReturnTime(interp, &sum);
}

static int
MakeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time     time = {0, 0};
    Ns_ObjvSpec args[] = {
        {"sec", Ns_ObjvLong, &time.sec, &positive}, {"?usec", Ns_ObjvLong, &time.usec, &positive},
        {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 2, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    return ReturnTime(interp, &time);
}

static int
SecondsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time *time;

    if (ParseTime(interp, objc, objv, &time) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(time->sec));
    return TCL_OK;
}

static int
MicrosecondsObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Ns_Time *time;

    if (ParseTime(interp, objc, objv, &time) != NS_OK) {
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(time->usec));
    return TCL_OK;
}

static int
TimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static const Ns_SubCmdSpec subcmds[] = {
        {"adjust", AdjustObjCmd}, {"diff", DiffObjCmd}, {"format", FormatObjCmd}, {"get", GetObjCmd},
        {"incr", IncrObjCmd}, {"make", MakeObjCmd}, {"seconds", SecondsObjCmd}, {"microseconds", MicrosecondsObjCmd},
        {NULL, NULL}
    };
    int index;

    if (objc < 2) {
        Tcl_SetObjResult(interp, Tcl_NewWideIntObj(time(NULL)));
        return TCL_OK;
    }
    if (Tcl_GetIndexFromObjStruct(interp, objv[1], subcmds, sizeof(subcmds[0]), "subcommand", 0, &index)
        != TCL_OK) {
        return TCL_ERROR;
    }
    return subcmds[index].proc(clientData, interp, objc, objv);
}

static int
SleepObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    static Ns_ObjvTimeRange range = {{0, 0}, {LONG_MAX, 0}};
    Ns_Time        *time;
    struct timespec left;
    Ns_ObjvSpec     args[] = {{"timespec", Ns_ObjvTime, &time, &range}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    left.tv_sec = time->sec;
    left.tv_nsec = time->usec * 1000;
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        ;
    }
    return TCL_OK;
}

/* The longest that strftime may make of a format; it cannot say itself how much it needs. */
#define MAX_FORMATTED 65536

static int
FmtTimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    long        when;
    time_t      clock;
    const char *format = "%c";
    struct tm   tm;
    size_t      len = 0;
    Ns_ObjvSpec args[] = {
        {"time", Ns_ObjvLong, &when, &positive}, {"?fmt", Ns_ObjvString, &format, NULL}, {NULL, NULL, NULL, NULL}
    };

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    clock = when;
    if (localtime_r(&clock, &tm) == NULL) {
        Ns_TclPrintfResult(interp, "invalid time: %ld", when);
        return TCL_ERROR;
    }
    if (*format == '\0') {
        return TCL_OK;
    }
    /* 0 is also right for formats such as %p in some locales: after the last attempt it is taken as nothing. */
    for (size_t size = 256; len == 0 && size <= MAX_FORMATTED; size *= 16) {
        char *text = ns_malloc(size);

        len = strftime(text, size, format, &tm);
        if (len > 0) {
            Tcl_SetObjResult(interp, Tcl_NewStringObj(text, (int)len));
        }
        ns_free(text);
    }
    return TCL_OK;
}

/* seconds minutes hours day month (0..11) year (since 1900) weekday (0: Sunday) day of the year, daylight saving */
static int
ReturnTm(Tcl_Interp *interp, int objc, Tcl_Obj *const *objv, struct tm *(*convert)(const time_t *clock, struct tm *tm))
{
    time_t    now = time(NULL);
    struct tm tm;
    Tcl_Obj  *fields[9];

    if (Ns_ParseObjv(NULL, NULL, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    (void)convert(&now, &tm);
    fields[0] = Tcl_NewIntObj(tm.tm_sec);
    fields[1] = Tcl_NewIntObj(tm.tm_min);
    fields[2] = Tcl_NewIntObj(tm.tm_hour);
    fields[3] = Tcl_NewIntObj(tm.tm_mday);
    fields[4] = Tcl_NewIntObj(tm.tm_mon);
    fields[5] = Tcl_NewIntObj(tm.tm_year);
    fields[6] = Tcl_NewIntObj(tm.tm_wday);
    fields[7] = Tcl_NewIntObj(tm.tm_yday);
    fields[8] = Tcl_NewIntObj(tm.tm_isdst);
    Tcl_SetObjResult(interp, Tcl_NewListObj(9, fields));
    return TCL_OK;
}

static int
GmTimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnTm(interp, objc, objv, gmtime_r);
}

static int
LocalTimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    return ReturnTm(interp, objc, objv, localtime_r);
}

static int
HttpTimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    Tcl_WideInt when;
    char        text[NS_HTTP_DATE_SIZE];
    Ns_ObjvSpec args[] = {{"time", Ns_ObjvWideInt, &when, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    (void)NsHttpDateFormat(text, (time_t)when);
    Tcl_SetObjResult(interp, Tcl_NewStringObj(text, -1));
    return TCL_OK;
}

static int
ParseHttpTimeObjCmd(ClientData clientData, Tcl_Interp *interp, int objc, Tcl_Obj *const *objv)
{
    const char *text;
    time_t      when;
    Ns_ObjvSpec args[] = {{"httptime", Ns_ObjvString, &text, NULL}, {NULL, NULL, NULL, NULL}};

    if (Ns_ParseObjv(NULL, args, interp, 1, objc, objv) != NS_OK) {
        return TCL_ERROR;
    }
    if (!NsHttpDateParse(text, &when)) {
        Ns_TclPrintfResult(interp, "invalid time: %s", text);
        return TCL_ERROR;
    }
    Tcl_SetObjResult(interp, Tcl_NewWideIntObj(when));
    return TCL_OK;
}

extern const NsCmd nsTimeCmds[];
const NsCmd nsTimeCmds[] = {
    {"ns_fmttime",       FmtTimeObjCmd,       NS_CMD_CONFIG},
    {"ns_gmtime",        GmTimeObjCmd,        NS_CMD_CONFIG},
    {"ns_httptime",      HttpTimeObjCmd,      NS_CMD_CONFIG},
    {"ns_localtime",     LocalTimeObjCmd,     NS_CMD_CONFIG},
    {"ns_parsehttptime", ParseHttpTimeObjCmd, NS_CMD_CONFIG},
    {"ns_sleep",         SleepObjCmd,         NS_CMD_CONFIG},
    {"ns_time",          TimeObjCmd,          NS_CMD_CONFIG},
    {NULL, NULL, 0}
};
