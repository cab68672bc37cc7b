/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Scripts registered once and run in many threads.
 *
 * Each interpreter keeps prepared objects by the script's serial number.  Those of scripts that are gone stay until the
 * table has grown past a limit, then it is emptied: what is still in use is prepared anew.
 */
#include <stdatomic.h>
#include <string.h>
#include "base/check.h"
#include "interp/script.h"

struct NsScript {
    uint32_t  magic;
    uintptr_t serial;
    NsServer *server;
    char     *text;
    char     *args;                            /* a Tcl list, "" when there are none */
};
#define SCRIPT_MAGIC NS_MAGIC('S', 'c', 'r', 'p')

#define PREPARED_KEY "nsd:scripts"
#define PREPARED_MAX 1000

static atomic_uintptr_t serials;

NsScript *
NsScriptCreate(NsServer *server, const char *script, int objc, Tcl_Obj *const *objv)
{
    NsScript *self = ns_calloc(1, sizeof *self);

    self->magic = SCRIPT_MAGIC;
    self->serial = atomic_fetch_add(&serials, 1) + 1;
    self->server = server;
    self->text = ns_strdup(script);
    if (objc > 0) {
        Tcl_Obj *list = Tcl_NewListObj(objc, objv);

        Tcl_IncrRefCount(list);
        self->args = ns_strdup(Tcl_GetString(list));
        Tcl_DecrRefCount(list);
    } else {
        self->args = ns_strdup("");
    }
    return self;
}

void
NsScriptFree(void *script)
{
    NsScript *self = script;

    if (self != NULL) {
        NS_CHECK(self, SCRIPT_MAGIC);
        self->magic = NS_SPOILED;
        ns_free(self->text);
        ns_free(self->args);
        ns_free(self);
    }
}

NsServer *
NsScriptServer(const NsScript *script)
{
    return script->server;
}

const char *
NsScriptText(const NsScript *script)
{
    return script->text;
}

void
NsScriptAppend(Tcl_DString *ds, const NsScript *script)
{
    Tcl_DStringAppendElement(ds, script->text);
    if (*script->args != '\0') {
        Tcl_DStringAppend(ds, " ", 1);
        Tcl_DStringAppend(ds, script->args, -1);
    }
}

static void
PreparedClear(Tcl_HashTable *table)
{
    Tcl_HashSearch search;
    Tcl_HashEntry *entry;

    while ((entry = Tcl_FirstHashEntry(table, &search)) != NULL) {
        Tcl_Obj *command = Tcl_GetHashValue(entry);

        Tcl_DecrRefCount(command);
        Tcl_DeleteHashEntry(entry);
    }
}

static void
PreparedFree(ClientData clientData, Tcl_Interp *interp)
{
    PreparedClear(clientData);
    Tcl_DeleteHashTable(clientData);
    ns_free(clientData);
}

/* The key: serial number and the stage, which is one of a few words. */
typedef struct PreparedKey {
    uintptr_t serial;
    char      why[16];
} PreparedKey;

static Tcl_Obj *
Prepare(Tcl_Interp *interp, const NsScript *script, const char *why)
{
    Tcl_HashTable *table = Tcl_GetAssocData(interp, PREPARED_KEY, NULL);
    Tcl_HashEntry *entry;
    PreparedKey    key;
    Tcl_Obj       *command;
    int            isNew;

    if (table == NULL) {
        table = ns_malloc(sizeof *table);
        Tcl_InitHashTable(table, sizeof key / sizeof(int));
        Tcl_SetAssocData(interp, PREPARED_KEY, PreparedFree, table);
    } else if (table->numEntries >= PREPARED_MAX) {
        PreparedClear(table);
    }
    memset(&key, 0, sizeof key);
    key.serial = script->serial;
    if (why != NULL) {
        NS_ASSERT(strlen(why) < sizeof key.why);
        strcpy(key.why, why);
    }
    entry = Tcl_CreateHashEntry(table, (const char *)&key, &isNew);
    if (!isNew) {
        return Tcl_GetHashValue(entry);
    }
    command = Tcl_NewStringObj(script->text, -1);
    if (why != NULL) {
        Tcl_AppendStringsToObj(command, " ", why, (char *)NULL);
    }
    if (*script->args != '\0') {
        Tcl_AppendStringsToObj(command, " ", script->args, (char *)NULL);
    }
    Tcl_IncrRefCount(command);
    Tcl_SetHashValue(entry, command);
    return command;
}

static int
EvalCommand(Tcl_Interp *interp, Tcl_Obj *command)
{
    int code;

    Tcl_IncrRefCount(command);                 /* the table of prepared ones may be emptied while it runs */
    code = Tcl_EvalObjEx(interp, command, TCL_EVAL_GLOBAL);
    Tcl_DecrRefCount(command);
    return code;
}

int
NsScriptEvalWords(Tcl_Interp *interp, const NsScript *script, const char *words)
{
    Tcl_Obj *command;

    NS_CHECK(script, SCRIPT_MAGIC);
    command = Tcl_NewStringObj(script->text, -1);
    Tcl_AppendStringsToObj(command, " ", words, (char *)NULL);
    if (*script->args != '\0') {
        Tcl_AppendStringsToObj(command, " ", script->args, (char *)NULL);
    }
    return EvalCommand(interp, command);
}

int
NsScriptEval(Tcl_Interp *interp, const NsScript *script, const char *why, const char *word)
{
    Tcl_DString words;
    int         code;

    NS_CHECK(script, SCRIPT_MAGIC);
    if (word == NULL) {
        return EvalCommand(interp, Prepare(interp, script, why));
    }
    Tcl_DStringInit(&words);
    Tcl_DStringAppendElement(&words, word);
    code = NsScriptEvalWords(interp, script, Tcl_DStringValue(&words));
    Tcl_DStringFree(&words);
    return code;
}
