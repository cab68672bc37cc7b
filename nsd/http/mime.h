/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Media types of file extensions: the built-in table.  (What the configuration adds to it is nsd/mime.c's.)
 */
#ifndef NSD_HTTP_MIME_H
#define NSD_HTTP_MIME_H

#include <stdbool.h>
#include <stddef.h>

typedef struct NsMimeEntry {
    const char *extension;                     /* with its dot, lower case */
    const char *type;
} NsMimeEntry;

/* All entries, sorted by extension. */
const NsMimeEntry *NsMimeEntries(size_t *count);
/* The type of an extension (".html", any case); NULL: unknown. */
const char *NsMimeForExtension(const char *extension);
/* The extension of a file name or path with its dot; NULL: none (also for "a.", ".hidden", "dir.d/a"). */
const char *NsMimeExtension(const char *file);
/* text/... : content that has a charset. */
bool NsMimeIsText(const char *type);
/*
 * Worth compressing: text/..., JSON, JavaScript, XML and +json, +xml (SVG), fonts and images that are not compressed.
 */
bool NsMimeIsCompressible(const char *type);

#endif
