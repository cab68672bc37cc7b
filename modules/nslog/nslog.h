/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The access log of one server.
 */
#ifndef NSLOG_H
#define NSLOG_H

#include "ns.h"

#define NSLOG_COMBINED   0x01u                 /* Referer and User-Agent */
#define NSLOG_FMTTIME    0x02u                 /* the date, not seconds */
#define NSLOG_REQTIME    0x04u                 /* how long it took */
#define NSLOG_PARTIAL    0x08u                 /* and its parts */
#define NSLOG_PROXY      0x10u                 /* the address of X-Forwarded-For */
#define NSLOG_NOQUERY    0x20u                 /* the URL's path alone, in place of the request line */

/* Header fields that are logged, those of the request first. */
typedef struct LogHeaders {
    char  *text;                               /* as they were given */
    int    requestCount, responseCount;
    char **request, **response;
} LogHeaders;

typedef struct LogMask {
    unsigned char bytes[16];
    size_t        len;                         /* 4 or 16 */
} LogMask;

typedef struct Log {
    const char  *server;
    const char  *driver;                       /* pattern for the names of drivers; NULL: all */
    bool         threadName, mask;
    LogMask      mask4, mask6;
    Ns_RWLock    lock;                         /* for what may be changed: */
    unsigned     flags;
    LogHeaders  *headers;
    char        *file, *rollFormat;
    int          maxBackup, maxBuffer;
    Ns_LogFile  *out;                          /* open from the start on, as long as the process; before: NULL */
    Ns_Mutex     rolling;                      /* one rolls at a time */
} Log;

/* format.c: any thread, without waiting; the line, with its end, is appended. */
void LogFormatConn(Log *log, Ns_Conn *conn, Tcl_DString *line);
void LogFormatRejected(Log *log, const Ns_Rejected *rejected, Tcl_DString *line);
/* NULL: not a list; `error` says so. */
LogHeaders *LogHeadersRead(const char *text, Tcl_DString *error);
void        LogHeadersFree(LogHeaders *headers);
bool        LogMaskRead(const char *text, LogMask *mask);

/* nslog.c: another file, or the same anew.  False: the error says which file and why, and all is as it was. */
bool LogOpen(Log *log, const char *file, Tcl_DString *error);
/* To FILE.000 and so on, or `to`.  Waits for the disk. */
bool LogRoll(Log *log, const char *to, Tcl_DString *error);

/* cmd.c: in an interpreter that is being made. */
Ns_ReturnCode LogCreateCommand(Tcl_Interp *interp, const void *log);

#endif
