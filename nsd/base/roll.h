/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Rolling files: FILE becomes FILE.000, what was that FILE.001, and so on; or FILE.STAMP by a format of strftime.
 */
#ifndef NSD_ROLL_H
#define NSD_ROLL_H

#include "ns.h"

/*
 * Any thread; one at a time for the same file.  At most `max` (1 .. 1000) old ones stay.  A file that is not there is
 * fine.  NS_ERROR: logged with the names; the file itself is where it was.
 */
Ns_ReturnCode NsRollFile(const char *file, int max);
/* An old file of the same stamp is rolled itself. */
Ns_ReturnCode NsRollFileFmt(const char *file, const char *fmt, int max);

#endif
