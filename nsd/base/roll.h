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
/* An old file of the same stamp is rolled itself.  Files with other stamps of this format, and with numbers, are those that count. */
Ns_ReturnCode NsRollFileFmt(const char *file, const char *fmt, int max);
/*
 * Of the plain files FILE.anything the `max` (0: none) that were modified last stay.  What cannot be removed is logged; NS_ERROR:
 * the folder cannot be read, which is logged too.
 */
Ns_ReturnCode NsPurgeFiles(const char *file, int max);

#endif
