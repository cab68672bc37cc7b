/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Records: who may do what with which URL.
 */
#include <string.h>
#include "storeint.h"

static void
FreeRecord(Record *record)
{
    for (int kind = 0; kind < KINDS; kind++) {
        Tcl_DeleteHashTable(&record->names[kind]);
    }
    ns_free(record->pattern);
    ns_free(record);
}

/* "METHOD\n/path": no empty parts, no slash at the end. */
static void
AppendPlace(Tcl_DString *ds, const char *method, const char *url)
{
    Tcl_DStringAppend(ds, method, -1);
    Tcl_DStringAppend(ds, "\n", 1);
    while (*(url += strspn(url, "/")) != '\0') {
        size_t len = strcspn(url, "/");

        Tcl_DStringAppend(ds, "/", 1);
        Tcl_DStringAppend(ds, url, (int)len);
        url += len;
    }
}

/* The last part, if it is a pattern, goes from the place to the result, to be freed. */
static char *
TakePattern(Tcl_DString *place)
{
    char *slash = strrchr(Tcl_DStringValue(place), '/'), *pattern;

    if (slash == NULL || strpbrk(slash, "*?[") == NULL) {
        return NULL;
    }
    pattern = ns_strdup(slash + 1);
    Tcl_DStringSetLength(place, (int)(slash - Tcl_DStringValue(place)));
    return pattern;
}

/* The link to the record of a place, or to NULL behind the last; patterns come before the others. */
static Record **
FindLink(Record **link, const char *pattern, bool inherit)
{
    for (; *link != NULL; link = &(*link)->next) {
        const char *other = (*link)->pattern;

        if ((*link)->inherit == inherit && (pattern == NULL ? other == NULL : other != NULL && strcmp(other, pattern) == 0)) {
            break;
        }
    }
    return link;
}

/* Under the lock: the record, made if it is not there yet. */
static Record *
MakeRecord(PermStore *store, const char *place, const char *pattern, bool inherit)
{
    int            newPlace;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&store->places, place, &newPlace);
    Record        *first = newPlace ? NULL : Tcl_GetHashValue(entry), *record = *FindLink(&first, pattern, inherit);

    if (record == NULL) {
        record = ns_calloc(1, sizeof *record);
        record->pattern = ns_strdup(pattern);
        record->inherit = inherit;
        for (int kind = 0; kind < KINDS; kind++) {
            Tcl_InitHashTable(&record->names[kind], TCL_STRING_KEYS);
        }
        record->next = first;
        Tcl_SetHashValue(entry, record);
    }
    return record;
}

void
PermAdd(PermStore *store, PermKind kind, bool inherit, const char *method, const char *url, const char *name, bool filed)
{
    Tcl_DString    place;
    char          *pattern;
    Record        *record;
    Began         *began;
    Tcl_HashEntry *entry;
    int            isNew;

    Tcl_DStringInit(&place);
    AppendPlace(&place, method, url);
    pattern = TakePattern(&place);
    Ns_RWLockWrLock(&store->lock);
    record = MakeRecord(store, Tcl_DStringValue(&place), pattern, inherit);
    began = filed ? &record->filed : &record->scripted;
    if (*began == BEGAN_NOT) {
        *began = kind == PERM_DENY_USER || kind == PERM_DENY_GROUP ? BEGAN_DENY : BEGAN_ALLOW;
    }
    entry = Tcl_CreateHashEntry(&record->names[kind], name, &isNew);
    if (isNew || !filed) {
        Tcl_SetHashValue(entry, filed ? FILED : SCRIPTED);
    }
    Ns_RWLockUnlock(&store->lock);
    ns_free(pattern);
    Tcl_DStringFree(&place);
}

bool
PermDelete(PermStore *store, bool inherit, const char *method, const char *url)
{
    Tcl_DString    place;
    char          *pattern;
    Tcl_HashEntry *entry;
    Record        *record = NULL;

    Tcl_DStringInit(&place);
    AppendPlace(&place, method, url);
    pattern = TakePattern(&place);
    Ns_RWLockWrLock(&store->lock);
    entry = Tcl_FindHashEntry(&store->places, Tcl_DStringValue(&place));
    if (entry != NULL) {
        Record *first = Tcl_GetHashValue(entry), **link = FindLink(&first, pattern, inherit);

        record = *link;
        if (record != NULL) {
            *link = record->next;
            Tcl_SetHashValue(entry, first);
        }
        if (first == NULL) {
            Tcl_DeleteHashEntry(entry);
        }
    }
    Ns_RWLockUnlock(&store->lock);
    if (record != NULL) {
        FreeRecord(record);
    }
    ns_free(pattern);
    Tcl_DStringFree(&place);
    return record != NULL;
}

/* Of one place, for a URL whose rest below it is `below` ("" for the place itself): the record that holds. */
static const Record *
Choose(const Record *first, const char *below)
{
    const char   *last = strrchr(below, '/');
    const Record *best = NULL;
    int           bestRank = 0;

    for (const Record *record = first; record != NULL; record = record->next) {
        int rank;

        if (record->pattern != NULL) {
            rank = last != NULL && (record->inherit || last == below) && Tcl_StringMatch(last + 1, record->pattern)
                ? (record->inherit ? 3 : 4) : 0;
        } else {
            rank = record->inherit ? 1 : below[0] == '\0' ? 2 : 0;
        }
        if (rank > bestRank) {
            bestRank = rank;
            best = record;
        }
    }
    return best;
}

/* Under the lock: of the deepest place that has one. */
static const Record *
FindRecord(PermStore *store, const char *method, const char *url)
{
    Tcl_DString   place;
    const Record *record = NULL;
    char         *whole, *end;

    Tcl_DStringInit(&place);
    AppendPlace(&place, method, url);
    whole = ns_strdup(Tcl_DStringValue(&place));
    end = strchr(Tcl_DStringValue(&place), '\n') + 1;
    for (;;) {
        Tcl_HashEntry *entry = Tcl_FindHashEntry(&store->places, Tcl_DStringValue(&place));
        char          *slash;

        record = entry != NULL ? Choose(Tcl_GetHashValue(entry), whole + Tcl_DStringLength(&place)) : NULL;
        slash = strrchr(end, '/');
        if (record != NULL || slash == NULL) {
            break;
        }
        Tcl_DStringSetLength(&place, (int)(slash - Tcl_DStringValue(&place)));
    }
    ns_free(whole);
    Tcl_DStringFree(&place);
    return record;
}

/* Is the user in one of the groups that are named? */
static bool
InGroups(PermStore *store, Tcl_HashTable *names, const char *user)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry, *group;

    for (entry = Tcl_FirstHashEntry(names, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        group = Tcl_FindHashEntry(&store->groups, Tcl_GetHashKey(names, entry));
        if (group != NULL && Tcl_FindHashEntry(&((Group *)Tcl_GetHashValue(group))->users, user) != NULL) {
            return true;
        }
    }
    return false;
}

bool
PermRecordIsOpen(const Record *record)
{
    return (record->filed != BEGAN_NOT ? record->filed : record->scripted) == BEGAN_DENY;
}

/* What a record says of a user. */
static Ns_ReturnCode
Judge(PermStore *store, const Record *record, const char *user)
{
    Tcl_HashTable *names = (Tcl_HashTable *)record->names;
    Ns_ReturnCode  denied = user[0] == '\0' ? NS_UNAUTHORIZED : NS_FORBIDDEN;

    if (Tcl_FindHashEntry(&names[PERM_DENY_USER], user) != NULL) {
        return denied;
    }
    if (Tcl_FindHashEntry(&names[PERM_ALLOW_USER], user) != NULL) {
        return NS_OK;
    }
    if (InGroups(store, &names[PERM_DENY_GROUP], user)) {
        return denied;
    }
    return PermRecordIsOpen(record) || InGroups(store, &names[PERM_ALLOW_GROUP], user) ? NS_OK : NS_UNAUTHORIZED;
}

Ns_ReturnCode
PermRecordsJudge(PermStore *store, const Ns_AuthQuestion *question)
{
    const Record *record = FindRecord(store, question->method, question->url);

    if (record == NULL && strcmp(question->method, "HEAD") == 0) {
        record = FindRecord(store, "GET", question->url);
    }
    return record != NULL ? Judge(store, record, question->user) : NS_CONTINUE;
}

/* ------------------------------------------------------------------------------------------------------ all of them */

void
PermRecordsFree(void *value)
{
    Record *record = value;

    while (record != NULL) {
        Record *next = record->next;

        FreeRecord(record);
        record = next;
    }
}

/* The names of a record that files brought go; true: there are others. */
static bool
DropFiled(Record *record)
{
    bool left = false;

    record->filed = BEGAN_NOT;
    for (int kind = 0; kind < KINDS; kind++) {
        Tcl_HashSearch search;

        for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&record->names[kind], &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            if (Tcl_GetHashValue(entry) == FILED) {
                Tcl_DeleteHashEntry(entry);
            } else {
                left = true;
            }
        }
    }
    return left;
}

void
PermRecordsDropFiled(PermStore *store)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&store->places, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        Record *first = Tcl_GetHashValue(entry), **link = &first;

        while (*link != NULL) {
            Record *record = *link;

            if (DropFiled(record)) {
                link = &record->next;
            } else {
                *link = record->next;
                FreeRecord(record);
            }
        }
        if (first == NULL) {
            Tcl_DeleteHashEntry(entry);
        } else {
            Tcl_SetHashValue(entry, first);
        }
    }
}

static void
CopyRecord(PermStore *store, const char *place, Record *from)
{
    Record *record = MakeRecord(store, place, from->pattern, from->inherit);

    record->filed = from->filed;
    for (int kind = 0; kind < KINDS; kind++) {
        Tcl_HashSearch search;

        for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&from->names[kind], &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
            int            isNew;
            Tcl_HashEntry *to = Tcl_CreateHashEntry(&record->names[kind], Tcl_GetHashKey(&from->names[kind], entry), &isNew);

            if (isNew) {
                Tcl_SetHashValue(to, FILED);
            }
        }
    }
}

void
PermRecordsCopy(PermStore *store, PermStore *loaded)
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(&loaded->places, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        for (Record *record = Tcl_GetHashValue(entry); record != NULL; record = record->next) {
            CopyRecord(store, Tcl_GetHashKey(&loaded->places, entry), record);
        }
    }
}
