/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Media types of files: what the section ns/mimetypes says, then the built-in table.
 */
#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include "http/mime.h"
#include "ns.h"

#define MIME_SECTION "ns/mimetypes"

static Tcl_HashTable  configured;              /* extension in lower case, with its dot -> type; read once, then not changed */
static const char    *defaultType, *noExtensionType;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
LowerCase(char *to, size_t size, const char *from)
{
    size_t i = 0;

    for (; from[i] != '\0' && i + 1 < size; i++) {
        to[i] = (char)tolower((unsigned char)from[i]);
    }
    to[i] = '\0';
}

static void
ReadConfig(void)
{
    const Ns_Set *set = Ns_ConfigGetSection(MIME_SECTION);

    Tcl_InitHashTable(&configured, TCL_STRING_KEYS);
    defaultType = ns_strdup(Ns_ConfigString(MIME_SECTION, "default", "*/*"));
    noExtensionType = ns_strdup(Ns_ConfigString(MIME_SECTION, "noextension", defaultType));
    for (size_t i = 0; set != NULL && i < Ns_SetSize(set); i++) {
        const char *key = Ns_SetKey(set, i);
        char        extension[64];
        int         isNew;

        if (*key == '.') {
            (void)Ns_ConfigGetValue(MIME_SECTION, key);        /* known */
            LowerCase(extension, sizeof extension, key);
            Tcl_SetHashValue(Tcl_CreateHashEntry(&configured, extension, &isNew), ns_strdup(Ns_SetValue(set, i)));
        }
    }
}

const char *
Ns_GetMimeType(const char *file)
{
    const char          *extension = NsMimeExtension(file), *type;
    const Tcl_HashEntry *entry;
    char                 lower[64];

    pthread_once(&once, ReadConfig);
    if (extension == NULL) {
        return noExtensionType;
    }
    LowerCase(lower, sizeof lower, extension);
    entry = Tcl_FindHashEntry(&configured, lower);
    if (entry != NULL) {
        return Tcl_GetHashValue(entry);
    }
    type = NsMimeForExtension(lower);
    return type != NULL ? type : defaultType;
}
