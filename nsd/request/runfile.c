/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Files that were registered to be run: a table of their paths.
 */
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/text.h"
#include "http/url.h"
#include "request/fastpath.h"
#include "request/runfile.h"

static struct {
    pthread_mutex_t lock;
    Tcl_HashTable   paths;                     /* path -> how often */
    bool            ready;
    bool            folders;                   /* one of them was a folder */
} held = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
NsRunFilePath(Tcl_DString *ds, const char *file)
{
    char        folder[PATH_MAX];
    Tcl_DString whole;

    Tcl_DStringInit(&whole);
    if (*file != '/' && getcwd(folder, sizeof folder) != NULL) {
        NsTextAppendIn(&whole, folder, strlen(folder));
        Tcl_DStringAppend(&whole, "/", 1);
    }
    Tcl_DStringAppend(&whole, file, -1);
    NsPathNormalize(ds, Tcl_DStringValue(&whole), (size_t)Tcl_DStringLength(&whole), false);
    Tcl_DStringFree(&whole);
}

char *
NsRunFileHold(const NsServer *server, const char *file)
{
    Tcl_DString    given, path;
    Tcl_HashEntry *entry;
    int            isNew;
    char          *result;
    struct stat    st;

    if (file == NULL) {
        return NULL;
    }
    Tcl_DStringInit(&given);
    Tcl_DStringInit(&path);
    if (*file != '/') {
        (void)NsPagePath(&given, server);
        Tcl_DStringAppend(&given, "/", 1);
    }
    Tcl_DStringAppend(&given, file, -1);
    NsRunFilePath(&path, Tcl_DStringValue(&given));
    result = ns_strdup(Tcl_DStringValue(&path));
    pthread_mutex_lock(&held.lock);
    if (!held.ready) {
        Tcl_InitHashTable(&held.paths, TCL_STRING_KEYS);
        held.ready = true;
    }
    held.folders = held.folders || (NsFileStat(result, &st) == 0 && S_ISDIR(st.st_mode));
    entry = Tcl_CreateHashEntry(&held.paths, result, &isNew);
    Tcl_SetHashValue(entry, (void *)((isNew ? 0 : (intptr_t)Tcl_GetHashValue(entry)) + 1));
    pthread_mutex_unlock(&held.lock);
    Tcl_DStringFree(&path);
    Tcl_DStringFree(&given);
    return result;
}

void
NsRunFileDrop(char *path)
{
    Tcl_HashEntry *entry;

    if (path != NULL) {
        pthread_mutex_lock(&held.lock);
        entry = Tcl_FindHashEntry(&held.paths, path);
        if ((intptr_t)Tcl_GetHashValue(entry) > 1) {
            Tcl_SetHashValue(entry, (void *)((intptr_t)Tcl_GetHashValue(entry) - 1));
        } else {
            Tcl_DeleteHashEntry(entry);
        }
        pthread_mutex_unlock(&held.lock);
        ns_free(path);
    }
}

/* The lock is held. */
static bool
IsBelowHeld(const char *path)
{
    Tcl_DString folder;
    char       *slash;
    bool        found = false;

    Tcl_DStringInit(&folder);
    Tcl_DStringAppend(&folder, path, -1);
    while (!found && (slash = strrchr(Tcl_DStringValue(&folder), '/')) != NULL) {
        *slash = '\0';
        found = Tcl_FindHashEntry(&held.paths, Tcl_DStringValue(&folder)) != NULL;
    }
    Tcl_DStringFree(&folder);
    return found;
}

bool
NsRunFileIs(const char *path)
{
    bool found;

    pthread_mutex_lock(&held.lock);
    found = held.ready && (Tcl_FindHashEntry(&held.paths, path) != NULL || (held.folders && IsBelowHeld(path)));
    pthread_mutex_unlock(&held.lock);
    return found;
}
