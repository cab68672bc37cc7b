/* SPDX-License-Identifier: MPL-2.0 */
/* The module of capi.test: its files, one per area, each with a table of `capi NAME ?value ...?`. */
#ifndef NSCAPI_H
#define NSCAPI_H

#include "ns.h"

typedef struct Check {
    const char *name;
    /* Append list elements; NS_ERROR: `ds` is a message. */
    Ns_ReturnCode (*proc)(Tcl_Interp *interp, Tcl_DString *ds, int argc, const char **argv);
} Check;
extern const Check baseChecks[], connChecks[], sockChecks[];
extern const Check hostChecks[], dataChecks[], moreChecks[];
extern const Check valueChecks[], listChecks[], coreChecks[], wireChecks[];

/* Append an element made by a format. */
static inline void Put(Tcl_DString *ds, const char *fmt, ...) NS_PRINTF(2, 3);
static inline void
Put(Tcl_DString *ds, const char *fmt, ...)
{
    char    text[4096];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    Tcl_DStringAppendElement(ds, text);
}

void ConnInit(const char *server);
void HostInit(const char *server);
void DataInit(const char *server);
void CoreInit(const char *server);
void MoreInit(const char *server);

#endif
