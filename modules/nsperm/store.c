/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Users and groups; what others read again, and what is asked.
 */
#include <string.h>
#include "storeint.h"

/* ------------------------------------------------------------------------------------------------------------- users */

static void
ReleaseUser(User *user)
{
    if (user != NULL && atomic_fetch_sub(&user->refs, 1) == 1) {
        for (size_t i = 0; i < user->hostCount; i++) {
            PermHostFree(&user->hosts[i]);
        }
        ns_free(user->hosts);
        ns_free(user->name);
        ns_free(user->password);
        ns_free(user->field);
        ns_free(user);
    }
}

static User *
NewUser(const PermUserSpec *spec, bool filed)
{
    User *user = ns_calloc(1, sizeof *user);

    user->refs = 1;
    user->name = ns_strdup(spec->name);
    user->password = ns_strdup(spec->password);
    user->field = ns_strdup(spec->field);
    user->clear = spec->clear;
    user->deny = spec->deny;
    user->hosts = spec->hosts;
    user->hostCount = spec->hostCount;
    user->filed = filed;
    return user;
}

static User *
FindUser(PermStore *store, const char *name)
{
    Tcl_HashEntry *entry = Tcl_FindHashEntry(&store->users, name);

    return entry != NULL ? Tcl_GetHashValue(entry) : NULL;
}

/* A reference; NULL: there is no such user. */
static User *
GetUser(PermStore *store, const char *name)
{
    User *user;

    Ns_RWLockRdLock(&store->lock);
    user = FindUser(store, name);
    if (user != NULL) {
        atomic_fetch_add(&user->refs, 1);
    }
    Ns_RWLockUnlock(&store->lock);
    return user;
}

/* Under the lock; takes the reference over. */
static void
PutUser(PermStore *store, User *user)
{
    int            isNew;
    Tcl_HashEntry *entry = Tcl_CreateHashEntry(&store->users, user->name, &isNew);

    if (!isNew) {
        ReleaseUser(Tcl_GetHashValue(entry));
    }
    Tcl_SetHashValue(entry, user);
}

bool
PermAddUser(PermStore *store, const PermUserSpec *spec, bool filed, Tcl_DString *error)
{
    User *user = NewUser(spec, filed);
    bool  isNew;

    Ns_RWLockWrLock(&store->lock);
    isNew = FindUser(store, spec->name) == NULL;
    if (isNew) {
        PutUser(store, user);
    }
    Ns_RWLockUnlock(&store->lock);
    if (!isNew) {
        ReleaseUser(user);
        Tcl_DStringAppend(error, "duplicate user: ", -1);
        Tcl_DStringAppend(error, spec->name, -1);
    }
    return isNew;
}

/* Under the lock, to be put: a copy with room for so many more hosts. */
static User *
CopyUser(const User *user, const char *password, bool clear, size_t more)
{
    PermUserSpec spec = {.name = user->name, .password = password, .field = user->field, .clear = clear, .deny = user->deny};

    spec.hosts = ns_calloc(user->hostCount + more + 1u, sizeof(PermHost));
    spec.hostCount = user->hostCount;
    for (size_t i = 0; i < user->hostCount; i++) {
        (void)PermHostRead(user->hosts[i].text, &spec.hosts[i]);
    }
    return NewUser(&spec, user->filed);
}

bool
PermAddHosts(PermStore *store, const char *name, bool deny, PermHost *hosts, size_t hostCount, Tcl_DString *error)
{
    User       *old, *user;
    const char *wrong = NULL;

    Ns_RWLockWrLock(&store->lock);
    old = FindUser(store, name);
    if (old == NULL) {
        wrong = "no such user: ";
    } else if (old->hostCount > 0u && old->deny != deny) {
        wrong = "hosts that are allowed and hosts that are denied for the same user: ";
    } else {
        user = CopyUser(old, old->password, old->clear, hostCount);
        user->deny = deny;
        memcpy(user->hosts + user->hostCount, hosts, hostCount * sizeof *hosts);
        user->hostCount += hostCount;
        PutUser(store, user);
    }
    Ns_RWLockUnlock(&store->lock);
    if (wrong != NULL) {
        for (size_t i = 0; i < hostCount; i++) {
            PermHostFree(&hosts[i]);
        }
        Tcl_DStringAppend(error, wrong, -1);
        Tcl_DStringAppend(error, name, -1);
    }
    ns_free(hosts);
    return wrong == NULL;
}

bool
PermSetPassword(PermStore *store, const char *name, const char *encrypted)
{
    User *old, *user;

    Ns_RWLockWrLock(&store->lock);
    old = FindUser(store, name);
    if (old != NULL) {
        user = CopyUser(old, encrypted, false, 0);
        PutUser(store, user);
    }
    Ns_RWLockUnlock(&store->lock);
    return old != NULL;
}

bool
PermDeleteUser(PermStore *store, const char *name)
{
    Tcl_HashEntry *entry;

    Ns_RWLockWrLock(&store->lock);
    entry = Tcl_FindHashEntry(&store->users, name);
    if (entry != NULL) {
        ReleaseUser(Tcl_GetHashValue(entry));
        Tcl_DeleteHashEntry(entry);
    }
    Ns_RWLockUnlock(&store->lock);
    return entry != NULL;
}

/* ------------------------------------------------------------------------------------------------------------ groups */

static void
FreeGroup(Group *group)
{
    Tcl_DeleteHashTable(&group->users);
    ns_free(group);
}

bool
PermAddGroup(PermStore *store, const char *name, int userc, const char *const *users, bool filed, Tcl_DString *error)
{
    Tcl_HashEntry *entry;
    const char    *wrong = NULL, *what = "no such user: ";
    int            i, isNew;

    Ns_RWLockWrLock(&store->lock);
    for (i = 0; i < userc && wrong == NULL; i++) {
        wrong = FindUser(store, users[i]) == NULL ? users[i] : NULL;
    }
    if (wrong == NULL && Tcl_FindHashEntry(&store->groups, name) != NULL) {
        wrong = name;
        what = "duplicate group: ";
    }
    if (wrong == NULL) {
        Group *group = ns_calloc(1, sizeof *group);

        group->filed = filed;
        Tcl_InitHashTable(&group->users, TCL_STRING_KEYS);
        for (i = 0; i < userc; i++) {
            (void)Tcl_CreateHashEntry(&group->users, users[i], &isNew);
        }
        entry = Tcl_CreateHashEntry(&store->groups, name, &isNew);
        Tcl_SetHashValue(entry, group);
    }
    Ns_RWLockUnlock(&store->lock);
    if (wrong != NULL) {
        Tcl_DStringAppend(error, what, -1);
        Tcl_DStringAppend(error, wrong, -1);
    }
    return wrong == NULL;
}

bool
PermDeleteGroup(PermStore *store, const char *name)
{
    Tcl_HashEntry *entry;

    Ns_RWLockWrLock(&store->lock);
    entry = Tcl_FindHashEntry(&store->groups, name);
    if (entry != NULL) {
        FreeGroup(Tcl_GetHashValue(entry));
        Tcl_DeleteHashEntry(entry);
    }
    Ns_RWLockUnlock(&store->lock);
    return entry != NULL;
}

/* --------------------------------------------------------------------------------------------------------- questions */

static bool
RightPassword(const User *user, const char *password)
{
    if (user->password[0] == '\0') {
        return strcmp(user->name, PERM_ADMIN) != 0;            /* he is never let in without */
    }
    return user->clear ? Ns_SecretEqual(user->password, password) : Ns_PasswordCheck(password, user->password);
}

/* An unknown user takes as long as one whose password is wrong: as that of the administrator, or, where he has none, as new ones. */
static void
SpendTime(PermStore *store, const char *password)
{
    User       *admin = GetUser(store, PERM_ADMIN);
    Tcl_DString ds;

    if (admin != NULL && admin->password[0] != '\0' && !admin->clear) {
        (void)RightPassword(admin, password);
    } else {
        Tcl_DStringInit(&ds);
        (void)Ns_PasswordCrypt(&ds, password, "$6$saltsaltsaltsalt");
        Tcl_DStringFree(&ds);
    }
    ReleaseUser(admin);
}

PermVerdict
PermCheckPassword(PermStore *store, const char *name, const char *password)
{
    User       *user = GetUser(store, name);
    PermVerdict verdict;

    if (user == NULL || name[0] == '\0') {
        SpendTime(store, password);
        verdict = PERM_UNKNOWN;
    } else {
        verdict = RightPassword(user, password) ? PERM_RIGHT : PERM_WRONG;
    }
    ReleaseUser(user);
    return verdict;
}

Ns_ReturnCode
PermCheck(PermStore *store, const Ns_AuthQuestion *question)
{
    Ns_ReturnCode verdict;
    User         *user;

    Ns_RWLockRdLock(&store->lock);
    verdict = PermRecordsJudge(store, question);
    Ns_RWLockUnlock(&store->lock);
    if (verdict == NS_CONTINUE) {
        return verdict;
    }
    user = GetUser(store, question->user);
    if (user == NULL) {
        if (question->user[0] != '\0') {
            SpendTime(store, question->password);
            verdict = NS_UNAUTHORIZED;
        }
    } else if (question->user[0] != '\0' && !RightPassword(user, question->password)) {
        verdict = NS_UNAUTHORIZED;
    } else if (user->hosts != NULL && user->hostCount > 0u
               && PermHostMatches(user->hosts, user->hostCount, question->peer, user->deny) == user->deny) {
        verdict = NS_UNAUTHORIZED;
    } else if (strcmp(question->user, PERM_ADMIN) == 0) {
        verdict = NS_OK;
    }
    ReleaseUser(user);
    return verdict;
}

/* ----------------------------------------------------------------------------------------------------- all of a store */

PermStore *
PermStoreNew(const char *server)
{
    PermStore *store = ns_calloc(1, sizeof *store);

    Ns_RWLockInit(&store->lock);
    Ns_RWLockSetName2(&store->lock, "nsperm", server);
    Tcl_InitHashTable(&store->users, TCL_STRING_KEYS);
    Tcl_InitHashTable(&store->groups, TCL_STRING_KEYS);
    Tcl_InitHashTable(&store->places, TCL_STRING_KEYS);
    return store;
}

static void
FreeAll(Tcl_HashTable *table, void (*freeValue)(void *value))
{
    Tcl_HashSearch search;

    for (Tcl_HashEntry *entry = Tcl_FirstHashEntry(table, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        freeValue(Tcl_GetHashValue(entry));
    }
    Tcl_DeleteHashTable(table);
}

static void
FreeUserValue(void *value)
{
    ReleaseUser(value);
}

static void
FreeGroupValue(void *value)
{
    FreeGroup(value);
}

void
PermStoreFree(PermStore *store)
{
    FreeAll(&store->users, FreeUserValue);
    FreeAll(&store->groups, FreeGroupValue);
    FreeAll(&store->places, PermRecordsFree);
    Ns_RWLockDestroy(&store->lock);
    ns_free(store);
}

static void
MoveUsersAndGroups(PermStore *store, PermStore *loaded)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry, *to;
    int            isNew;

    for (entry = Tcl_FirstHashEntry(&store->users, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        if (((User *)Tcl_GetHashValue(entry))->filed) {
            ReleaseUser(Tcl_GetHashValue(entry));
            Tcl_DeleteHashEntry(entry);
        }
    }
    for (entry = Tcl_FirstHashEntry(&loaded->users, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        PutUser(store, Tcl_GetHashValue(entry));
        Tcl_DeleteHashEntry(entry);
    }
    for (entry = Tcl_FirstHashEntry(&store->groups, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        if (((Group *)Tcl_GetHashValue(entry))->filed) {
            FreeGroup(Tcl_GetHashValue(entry));
            Tcl_DeleteHashEntry(entry);
        }
    }
    for (entry = Tcl_FirstHashEntry(&loaded->groups, &search); entry != NULL; entry = Tcl_NextHashEntry(&search)) {
        to = Tcl_CreateHashEntry(&store->groups, Tcl_GetHashKey(&loaded->groups, entry), &isNew);
        if (!isNew) {
            FreeGroup(Tcl_GetHashValue(to));
        }
        Tcl_SetHashValue(to, Tcl_GetHashValue(entry));
        Tcl_DeleteHashEntry(entry);
    }
}

void
PermReplaceFiled(PermStore *store, PermStore *loaded)
{
    Ns_RWLockWrLock(&store->lock);
    MoveUsersAndGroups(store, loaded);
    PermRecordsDropFiled(store);
    PermRecordsCopy(store, loaded);
    Ns_RWLockUnlock(&store->lock);
    PermStoreFree(loaded);
}
