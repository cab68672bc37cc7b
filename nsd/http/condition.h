/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Conditional requests: whether what a request says about the representation that it knows holds (RFC 9110, 13).
 */
#ifndef NSD_HTTP_CONDITION_H
#define NSD_HTTP_CONDITION_H

#include <time.h>
#include "ns.h"

/*
 * For a representation that exists, was changed at `mtime`, and has this entity tag (as in its header: W/"x" or "x"; NULL: none).
 * The preconditions count in the order of 13.2.2: If-Match, or without it If-Unmodified-Since; If-None-Match, or without
 * it, for GET and HEAD, If-Modified-Since, unless `ignoreModifiedSince`.  What is malformed matches nothing; an invalid date counts as not there.
 *
 * Returns 0: go on (with Range, perhaps); 304; or 412.
 */
int NsConditionsCheck(const Ns_Set *headers, const char *method, time_t mtime, const char *etag, bool ignoreModifiedSince);

#endif
