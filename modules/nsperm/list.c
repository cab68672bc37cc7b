/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What there is, as lists.
 */
#include <stdlib.h>
#include <string.h>
#include "storeint.h"

static int
CompareKeys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of a table in their order; ns_free the array. */
static const char **
SortedKeys(Tcl_HashTable *table, size_t *count)
{
    const char   **keys = ns_malloc(((size_t)table->numEntries + 1u) * sizeof *keys);
    Tcl_HashSearch search;

    *count = 0;
    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(table, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        keys[(*count)++] = Tcl_GetHashKey(table, entry);
    }
    qsort(keys, *count, sizeof *keys, CompareKeys);
    return keys;
}

/* " {a b}"; the user "" alone is nothing between the braces. */
static void
AppendNames(Tcl_DString *ds, Tcl_HashTable *names)
{
    size_t       count;
    const char **keys = SortedKeys(names, &count);

    Tcl_DStringAppend(ds, " {", 2);
    if (count != 1 || keys[0][0] != '\0') {
        Tcl_DString list;

        Tcl_DStringInit(&list);
        for (size_t i = 0; i < count; i++) {
            Tcl_DStringAppendElement(&list, keys[i]);
        }
        Tcl_DStringAppend(ds, Tcl_DStringValue(&list), Tcl_DStringLength(&list));
        Tcl_DStringFree(&list);
    }
    Tcl_DStringAppend(ds, "}", 1);
    ns_free(keys);
}

static void
AppendUser(Tcl_DString *ds, const User *user)
{
    Tcl_DStringAppendElement(ds, user->name);
    Tcl_DStringAppendElement(ds, user->clear ? "" : user->password);
    Tcl_DStringAppendElement(ds, user->field);
    if (user->clear) {
        Tcl_DStringAppendElement(ds, "-clear");
    }
    if (user->hostCount > 0u) {
        Tcl_DStringAppendElement(ds, user->deny ? "-deny" : "-allow");
        Tcl_DStringStartSublist(ds);
        for (size_t i = 0; i < user->hostCount; i++) {
            Tcl_DStringAppendElement(ds, user->hosts[i].text);
        }
        Tcl_DStringEndSublist(ds);
    }
}

static void
AppendRecord(Tcl_DString *ds, const char *place, Record *record)
{
    static const char *const kinds[KINDS] = {" -allowuser", " -denyuser", " -allowgroup", " -denygroup"};
    const char *path = strchr(place, '\n') + 1;
    char       *method = ns_strncopy(place, path - 1 - place);

    Tcl_DStringAppendElement(ds, method);
    Tcl_DStringAppendElement(ds, *path == '\0' ? "/" : path);
    Tcl_DStringAppendElement(ds, record->pattern != NULL ? record->pattern : "*");
    Tcl_DStringAppendElement(ds, record->inherit ? "inherit" : "noinherit");
    if (PermRecordIsOpen(record)) {
        Tcl_DStringAppend(ds, " -implicitallow ", -1);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        if (record->names[kind].numEntries > 0) {
            Tcl_DStringAppend(ds, kinds[kind], -1);
            AppendNames(ds, &record->names[kind]);
        }
    }
    ns_free(method);
}

/* Each key with its value, as one element of the list. */
static void
List(PermStore *store, Tcl_HashTable *table, Tcl_DString *ds, void (*append)(Tcl_DString *ds, const char *key, void *value))
{
    const char **keys;
    size_t       count;

    Ns_RWLockRdLock(&store->lock);
    keys = SortedKeys(table, &count);
    for (size_t i = 0; i < count; i++) {
        append(ds, keys[i], Tcl_GetHashValue(Tcl_FindHashEntry(table, keys[i])));
    }
    ns_free(keys);
    Ns_RWLockUnlock(&store->lock);
}

static void
ListUser(Tcl_DString *ds, const char *key, void *value)
{
    Tcl_DString element;

    Tcl_DStringInit(&element);
    AppendUser(&element, value);
    Tcl_DStringAppendElement(ds, Tcl_DStringValue(&element));
    Tcl_DStringFree(&element);
}

static void
ListGroup(Tcl_DString *ds, const char *key, void *value)
{
    Tcl_DString element;

    Tcl_DStringInit(&element);
    Tcl_DStringAppendElement(&element, key);
    AppendNames(&element, &((Group *)value)->users);
    Tcl_DStringAppendElement(ds, Tcl_DStringValue(&element));
    Tcl_DStringFree(&element);
}

static void
ListPlace(Tcl_DString *ds, const char *key, void *value)
{
    for (Record *record = value; record != NULL; record = record->next) {
        Tcl_DString element;

        Tcl_DStringInit(&element);
        AppendRecord(&element, key, record);
        Tcl_DStringAppendElement(ds, Tcl_DStringValue(&element));
        Tcl_DStringFree(&element);
    }
}

void
PermListUsers(PermStore *store, Tcl_DString *ds)
{
    List(store, &store->users, ds, ListUser);
}

void
PermListGroups(PermStore *store, Tcl_DString *ds)
{
    List(store, &store->groups, ds, ListGroup);
}

void
PermListRecords(PermStore *store, Tcl_DString *ds)
{
    List(store, &store->places, ds, ListPlace);
}
