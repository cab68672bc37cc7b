/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Which program a URL stands for.
 */
#ifndef NSCGI_FIND_H
#define NSCGI_FIND_H

#include "nscgi.h"

typedef struct CgiTarget {
    Tcl_DString      file;                     /* of the program, without links; as the system has it */
    Tcl_DString      scriptName, pathInfo, fileName;      /* text; fileName: as the map leads to it */
    const CgiInterp *interp;                   /* NULL: it runs by itself */
    bool             isStatic;                 /* it is no program, but may be sent */
    bool             raw;                      /* nph-: it writes the whole answer */
} CgiTarget;

/*
 * Any thread.  0, or the status to be answered: 404, or 403 (logged) for what is there but is not to be run.  Nothing outside of the map's folder is
 * found, whatever links say.  CgiTargetFree in any case.
 */
int  CgiFind(const CgiMap *map, const char *url, CgiTarget *target);
void CgiTargetFree(CgiTarget *target);

#endif
