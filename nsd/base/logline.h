/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Text that is put together for the log without needing memory as long as it is short.
 */
#ifndef NSD_LOGLINE_H
#define NSD_LOGLINE_H

#include "ns.h"

typedef enum { NS_LOG_RAW, NS_LOG_ASCII, NS_LOG_UTF8, NS_LOG_UTF8_TABS } NsLogSanitize;

typedef struct NsLogLine {
    char  *data;                               /* `fixed`, or allocated */
    size_t len, max;
    char   fixed[1024];
} NsLogLine;

void NsLogLineInit(NsLogLine *line);
void NsLogLineFree(NsLogLine *line);
void NsLogLineAppend(NsLogLine *line, const char *bytes, size_t len);
void NsLogLinePrintf(NsLogLine *line, const char *fmt, ...) NS_PRINTF(2, 3);
void NsLogLineVPrintf(NsLogLine *line, const char *fmt, va_list ap);
/* Without line ends in it: what is not printable is escaped. */
void NsLogLineAppendSafe(NsLogLine *line, const char *text, size_t len, NsLogSanitize sanitize);
/* A message: line ends continue, and what a terminal or a reader could take for something else is escaped. */
void NsLogLineAppendText(NsLogLine *line, const char *text, size_t len, NsLogSanitize sanitize);

#endif
