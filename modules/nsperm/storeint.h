/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the store's files share.
 */
#ifndef NSPERM_STOREINT_H
#define NSPERM_STOREINT_H

#include <stdatomic.h>
#include "store.h"

/* Not changed once it is in the table: who holds a reference needs no lock. */
typedef struct User {
    atomic_int refs;
    char      *name, *password, *field;
    bool       clear, deny, filed;
    PermHost  *hosts;
    size_t     hostCount;
} User;

typedef struct Group {
    Tcl_HashTable users;                       /* names; they may be of users who are not there any more */
    bool          filed;
} Group;

#define KINDS 4
#define FILED ((ClientData)1)                  /* values in the tables of names */
#define SCRIPTED ((ClientData)2)
typedef enum { BEGAN_NOT, BEGAN_ALLOW, BEGAN_DENY } Began;
typedef struct Record {
    struct Record *next;                       /* of the same place */
    char          *pattern;                    /* NULL: the place itself, with `inherit` all below */
    bool           inherit;
    Began          filed, scripted;            /* by what the files began it, and by what scripts did: the former counts, as at a start */
    Tcl_HashTable  names[KINDS];               /* by PermKind: FILED or SCRIPTED */
} Record;

struct PermStore {
    Ns_RWLock     lock;
    Tcl_HashTable users, groups;
    Tcl_HashTable places;                      /* "METHOD\n/path", without a slash at the end: list of records */
};

/* Under the store's lock: may who is named nowhere? */
bool          PermRecordIsOpen(const Record *record);
/* Under the store's lock.  NS_CONTINUE: there is no record. */
Ns_ReturnCode PermRecordsJudge(PermStore *store, const Ns_AuthQuestion *question);
void          PermRecordsDropFiled(PermStore *store);
void          PermRecordsCopy(PermStore *store, PermStore *loaded);     /* from the files that were loaded */
void          PermRecordsFree(void *place);                             /* all of a place */

#endif
