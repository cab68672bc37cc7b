/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Permission for requests: the Authorization header, and the scripts of ns_register_auth.
 */
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include "auth.h"
#include "codec.h"
#include "connio.h"
#include "http/header.h"
#include "interp.h"
#include "tclrequest.h"

/* A registered script; they are never removed. */
typedef struct Authority {
    _Atomic(struct Authority *) next;
    NsServer         *server;
    NsAuthKind        kind;
    char             *name;
    NsScript         *script;
} Authority;

static Ns_Mutex              lock;             /* who changes the list; reading needs none */
static _Atomic(Authority *)  authorities;

/* --------------------------------------------------------------------------------------------------------- the header */

static void
TakeBasic(Ns_Set *auth, const char *credentials)
{
    Tcl_DString ds;
    char       *colon, *error = NULL;

    Tcl_DStringInit(&ds);
    if (!NsBase64Decode(&ds, credentials, strlen(credentials), false, true, &error)) {
        Tcl_DStringSetLength(&ds, 0);
        ns_free(error);
    }
    colon = strchr(Tcl_DStringValue(&ds), ':');
    if (colon != NULL) {
        *colon = '\0';
    }
    (void)Ns_SetPut(auth, "password", colon != NULL ? colon + 1 : "");
    (void)Ns_SetPut(auth, "username", Tcl_DStringValue(&ds));
    Tcl_DStringFree(&ds);
}

static void
TakeDigest(Ns_Set *auth, const char *params)
{
    NsFieldScan scan;
    NsField     field;
    Tcl_DString value;

    Tcl_DStringInit(&value);
    NsFieldStart(&scan, params, strlen(params));
    while (NsFieldNext(&scan, &field)) {
        Tcl_DStringSetLength(&value, 0);
        if (field.value.start != NULL) {
            NsFieldUnescape(&value, field.value);
        }
        (void)Ns_SetPutSz(auth, field.name.start, (ssize_t)field.name.len, Tcl_DStringValue(&value),
                          Tcl_DStringLength(&value));
    }
    Tcl_DStringFree(&value);
}

Ns_Set *
NsConnAuth(NsConn *conn)
{
    const char *header, *rest;
    size_t      len;

    if (conn->auth != NULL) {
        return conn->auth;
    }
    header = Ns_SetIGet(conn->pub.headers, "authorization");
    if (header == NULL) {
        return NULL;
    }
    conn->auth = Ns_SetCreate(NULL);
    len = strcspn(header, " ");
    rest = header + len + strspn(header + len, " ");
    if (len == 5 && strncasecmp(header, "basic", 5) == 0) {
        (void)Ns_SetPut(conn->auth, "authmethod", "Basic");
        TakeBasic(conn->auth, rest);
    } else if (len == 6 && strncasecmp(header, "digest", 6) == 0) {
        (void)Ns_SetPut(conn->auth, "authmethod", "Digest");
        TakeDigest(conn->auth, rest);
    } else if (len == 6 && strncasecmp(header, "bearer", 6) == 0) {
        (void)Ns_SetPut(conn->auth, "authmethod", "Bearer");
        (void)Ns_SetPut(conn->auth, "token", rest);
    }
    return conn->auth;
}

/* --------------------------------------------------------------------------------------------------------- authorities */

void
NsAuthRegister(NsServer *server, NsAuthKind kind, const char *name, bool first, NsScript *script)
{
    Authority *entry = ns_calloc(1, sizeof *entry), *head, *last;

    entry->server = server;
    entry->kind = kind;
    entry->name = ns_strdup(name);
    entry->script = script;
    Ns_MutexLock(&lock);
    head = atomic_load(&authorities);
    if (first || head == NULL) {
        entry->next = head;
        atomic_store(&authorities, entry);
    } else {
        for (last = head; last->next != NULL; last = last->next) {
            ;
        }
        last->next = entry;
    }
    Ns_MutexUnlock(&lock);
}

bool
NsAuthAsk(Tcl_Interp *interp, NsServer *server, NsAuthKind kind, int wordc, const char *const *words, Tcl_DString *verdict,
          const char **authority)
{
    bool asked = false;

    *authority = "";
    for (Authority *entry = atomic_load(&authorities); entry != NULL; entry = entry->next) {
        Tcl_DString list;
        int         code;

        if (entry->server != server || entry->kind != kind) {
            continue;
        }
        asked = true;
        Tcl_DStringInit(&list);
        for (int i = 0; i < wordc; i++) {
            Tcl_DStringAppendElement(&list, words[i]);
        }
        code = NsScriptEvalWords(interp, entry->script, Tcl_DStringValue(&list));
        Tcl_DStringFree(&list);
        Tcl_DStringSetLength(verdict, 0);
        if (code == TCL_ERROR) {
            (void)Ns_TclLogErrorInfo(interp, "\n    while executing an authorization script");
        } else {
            Tcl_DStringAppend(verdict, Tcl_GetStringResult(interp), -1);
        }
        *authority = entry->name;
        if (strcmp(Tcl_DStringValue(verdict), "CONTINUE") != 0) {
            break;
        }
    }
    return asked;
}

Ns_ReturnCode
NsAuthorizeConn(NsConn *conn)
{
    const char   *words[5], *authority;
    Ns_Set       *auth;
    Tcl_DString   verdict;
    Ns_ReturnCode status = NS_FILTER_RETURN;

    if (atomic_load_explicit(&authorities, memory_order_relaxed) == NULL) {
        return NS_OK;
    }
    auth = NsConnAuth(conn);
    words[0] = conn->pub.request->method;
    words[1] = conn->pub.request->url;
    words[2] = auth != NULL ? Ns_SetGetValue(auth, "username", "") : "";
    words[3] = auth != NULL ? Ns_SetGetValue(auth, "password", "") : "";
    words[4] = Ns_ConnPeerAddr(&conn->pub);

    Tcl_DStringInit(&verdict);
    if (!NsAuthAsk(NsConnInterp(conn), conn->server, NS_AUTH_REQUEST, 5, words, &verdict, &authority)
        || strcmp(Tcl_DStringValue(&verdict), "OK") == 0 || strcmp(Tcl_DStringValue(&verdict), "CONTINUE") == 0) {
        status = NS_OK;
    } else if (NsConnWriteRefusal(conn) != NULL) {
        status = NS_FILTER_RETURN;             /* the script has answered by itself */
    } else if (strcmp(Tcl_DStringValue(&verdict), "UNAUTHORIZED") == 0) {
        (void)Ns_ConnReturnUnauthorized(&conn->pub);
    } else if (strcmp(Tcl_DStringValue(&verdict), "FORBIDDEN") == 0) {
        (void)Ns_ConnReturnForbidden(&conn->pub);
    } else {
        Ns_Log(Error, "authorization of %s %s: invalid result '%.100s'", words[0], words[1], Tcl_DStringValue(&verdict));
        (void)Ns_ConnReturnInternalError(&conn->pub);
    }
    Tcl_DStringFree(&verdict);
    return status;
}
