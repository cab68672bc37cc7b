/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Range and If-Range (RFC 9110, 14 and 13.1.5) against a representation of known size.
 */
#ifndef NSD_HTTP_RANGE_H
#define NSD_HTTP_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_RANGE_MAX 64                        /* more ranges than that: the header is ignored */

typedef struct NsRange {
    uint64_t first, last;                      /* both inclusive, within the size */
} NsRange;

typedef enum {
    NS_RANGE_NONE,                             /* no Range header, or one to be ignored: send everything (200) */
    NS_RANGE_OK,                               /* *count is 1 or more: 206 */
    NS_RANGE_UNSATISFIABLE                     /* 416, Content-Range: bytes * / size */
} NsRangeResult;

/*
 * `header` is the field's value or NULL.  Ranges come in the order asked for; those that overlap or touch are one.  Of
 * several, unsatisfiable ones are left out.
 */
NsRangeResult NsRangeParse(const char *header, uint64_t size, NsRange ranges[NS_RANGE_MAX], size_t *count);

/*
 * Does If-Range hold, so that Range is to be looked at?  `value` NULL: yes.  A date must be `mtime` exactly; an
 * entity tag (with its quotes) must be `etag`, both strong; etag may be NULL.
 */
bool NsIfRangeHolds(const char *value, time_t mtime, const char *etag);

#endif
