/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTTP dates (RFC 9110, 5.6.7).  Pure functions: no clock, no locale, no time zone of the process.
 */
#ifndef NSD_HTTP_DATE_H
#define NSD_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define NS_HTTP_DATE_SIZE 64                   /* enough for any time_t, with the NUL */

/* "Thu, 04 Mar 2021 05:06:07 GMT"; returns the length (29 up to the year 9999). */
size_t NsHttpDateFormat(char out[NS_HTTP_DATE_SIZE], time_t when);
/*
 * Parse one of the three formats: IMF-fixdate, RFC 850 and asctime.  The name of the day is not checked and the zone
 * may be missing, else it is GMT or UTC.  Two digits of a year mean 19xx, as NaviServer reads them.  False, and *when
 * is not touched: not a date, or one before 1970.
 */
bool NsHttpDateParse(const char *string, time_t *when);

#endif
