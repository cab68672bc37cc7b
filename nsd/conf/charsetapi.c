/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Encodings as modules ask for them (ns.h).
 */
#include <string.h>
#include "conf/charset.h"

Tcl_Encoding NS_utf8Encoding;

static Ns_Mutex      lock;
static Tcl_HashTable kept;                     /* of Ns_GetEncoding: name -> encoding; under the lock */

void
NsCharsetInit(void)
{
    NS_utf8Encoding = NsCharsetEncoding("utf-8");
    Tcl_InitHashTable(&kept, TCL_STRING_KEYS);
    Ns_MutexSetName(&lock, "ns:encodings");
}

Tcl_Encoding
Ns_GetCharsetEncodingEx(const char *charset, TCL_SIZE_T len)
{
    return NsCharsetEncodingSz(charset, len < 0 ? strlen(charset) : (size_t)len);
}

Tcl_Encoding
Ns_GetCharsetEncoding(const char *charset)
{
    return NsCharsetEncoding(charset);
}

/* Names that are none are not kept: their number is the callers'. */
Tcl_Encoding
Ns_GetEncoding(const char *name)
{
    Tcl_HashEntry *entry;
    Tcl_Encoding   encoding;
    int            isNew;

    if (strcmp(name, "utf-8") == 0) {
        return NS_utf8Encoding;
    }
    Ns_MutexLock(&lock);
    entry = Tcl_FindHashEntry(&kept, name);
    encoding = entry != NULL ? Tcl_GetHashValue(entry) : Tcl_GetEncoding(NULL, name);
    if (entry == NULL && encoding != NULL) {
        Tcl_SetHashValue(Tcl_CreateHashEntry(&kept, name, &isNew), encoding);
    }
    Ns_MutexUnlock(&lock);
    return encoding;
}

const char *
Ns_GetEncodingCharset(Tcl_Encoding encoding)
{
    return NsEncodingCharset(Tcl_GetEncodingName(encoding));
}

Tcl_Encoding
Ns_GetTypeEncoding(const char *mimeType)
{
    bool binary;

    return NsTypeEncoding(mimeType, Ns_ConfigString("ns/parameters", "outputcharset", "utf-8"), &binary);
}

Tcl_Encoding
Ns_GetFileEncoding(const char *file)
{
    return Ns_GetTypeEncoding(Ns_GetMimeType(file));
}

bool
Ns_IsBinaryMimeType(const char *contentType)
{
    bool binary;

    (void)NsTypeEncoding(contentType, "utf-8", &binary);
    return binary;
}
