/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The module in one server: what it was configured to do.
 */
#ifndef NSCGI_H
#define NSCGI_H

#include "ns.h"

/* Programs that run others, by the extension of those. */
typedef struct CgiInterp {
    struct CgiInterp *next;
    char             *extension;               /* ".pl" */
    const char      **words;                   /* the program and its first arguments; text */
    int               count;
    const Ns_Set     *environment;             /* NULL: none of its own */
} CgiInterp;

/* As long as the process.  Nothing changes after the start but `running`, under the lock of run.c. */
typedef struct CgiServer {
    const char *name, *section;
    CgiInterp  *interps;
    Ns_Set     *environment;                   /* that programs begin with; text */
    bool        lookUpNames, allowStatic, searchWords, passAuthorization;
    int         limit;                         /* programs at once; 0: no limit */
    int         running;
    size_t      maxInput, maxHead, maxErrors, holdSize;
    int64_t     maxWait, maxRun, maxSilence, linger, killWait, stopWait, holdTime;      /* ms */
} CgiServer;

/* What is registered for a URL; belongs to the registration. */
typedef struct CgiMap {
    CgiServer *server;
    char      *url;                            /* without a slash at its end, or a pattern: "" for "/" */
    char      *pattern;                        /* of the part that names a program; NULL: any */
    char      *path;                           /* folder or program; NULL: the server's pages */
} CgiMap;

/*
 * Main thread, or that of a command: requests for the URL run programs.  The path may be NULL, and is below home unless it is absolute; the
 * constraints may be NULL.  `infoToo`: a pattern at the end of the URL also counts for parts with others behind them, which
 * are path info.  TCL_ERROR, with a message: the constraints are none.
 */
int     CgiRegister(Tcl_Interp *interp, CgiServer *server, const char *method, const char *url, const char *path, unsigned flags,
                    Tcl_Obj *constraints, bool infoToo);
/* The proc of all maps (answer.c). */
Ns_OpProc CgiRequest;
/* cmd.c, in an interpreter that is being made. */
Ns_ReturnCode CgiCreateCommands(Tcl_Interp *interp, const void *server);

/* Monotonic milliseconds. */
int64_t CgiNow(void);

#endif
