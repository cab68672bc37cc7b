/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Permission for requests: the Authorization header, and who is asked: scripts of ns_register_auth, and modules.
 */
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "request/auth.h"
#include "request/codec.h"
#include "request/connio.h"
#include "http/header.h"
#include "interp/interp.h"
#include "request/tclrequest.h"

/* Who is asked, a script or a function; they are never removed. */
typedef struct Authority {
    _Atomic(struct Authority *) next;
    NsServer         *server;
    Ns_AuthKind        kind;
    char             *name;
    NsScript         *script;                  /* NULL: `proc` */
    Ns_AuthorityProc *proc;
    void             *arg;
} Authority;

static Ns_Mutex              lock;             /* who changes the list; reading needs none */
static _Atomic(Authority *)  authorities;

/* --------------------------------------------------------------------------------------------------------- the header */

static void
TakeBasic(Ns_Set *auth, const char *credentials)
{
    Tcl_DString ds;
    const char *start, *end, *colon;
    char       *error = NULL;

    Tcl_DStringInit(&ds);
    if (!NsBase64Decode(&ds, credentials, strlen(credentials), false, true, &error)) {
        Tcl_DStringSetLength(&ds, 0);
        ns_free(error);
    }
    start = Tcl_DStringValue(&ds);
    end = start + Tcl_DStringLength(&ds);
    colon = memchr(start, ':', (size_t)(end - start));
    colon = colon != NULL ? colon : end;
    NsTextPut(auth, "password", 8, colon < end ? colon + 1 : end, colon < end ? (size_t)(end - colon - 1) : 0);
    NsTextPut(auth, "username", 8, start, (size_t)(colon - start));
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
        (void)Ns_SetPutSz(auth, field.name.start, (TCL_SIZE_T)field.name.len, Tcl_DStringValue(&value),
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
    conn->auth = Ns_SetCreateNoCase(NULL);
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

const char *
Ns_ConnUserName(const Ns_Conn *conn)
{
    const Ns_Set *auth = NsConnAuth((NsConn *)(uintptr_t)conn);

    return auth != NULL ? Ns_SetGetValue(auth, "username", "") : "";
}

/* --------------------------------------------------------------------------------------------------------- authorities */

static void
Register(NsServer *server, Ns_AuthKind kind, const char *name, bool first, const Authority *who)
{
    Authority *entry = ns_calloc(1, sizeof *entry), *head, *last;

    entry->server = server;
    entry->kind = kind;
    entry->name = ns_strdup(name);
    entry->script = who->script;
    entry->proc = who->proc;
    entry->arg = who->arg;
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

void
NsAuthRegister(NsServer *server, Ns_AuthKind kind, const char *name, bool first, NsScript *script)
{
    Register(server, kind, name, first, &(Authority){.script = script});
}

Ns_ReturnCode
Ns_RegisterAuthority(const char *server, Ns_AuthKind kind, const char *name, bool first, Ns_AuthorityProc *proc, void *arg)
{
    NsServer *found = NsServerGet(server);

    if (found == NULL) {
        return NS_ERROR;
    }
    Register(found, kind, name, first, &(Authority){.proc = proc, .arg = arg});
    return NS_OK;
}

static void
AskScript(Tcl_Interp *interp, const Authority *entry, const Ns_AuthQuestion *question, Tcl_DString *verdict)
{
    Tcl_DString list;

    Tcl_DStringInit(&list);
    if (entry->kind == NS_AUTH_REQUEST) {
        Tcl_DStringAppendElement(&list, question->method);
        Tcl_DStringAppendElement(&list, question->url);
    }
    Tcl_DStringAppendElement(&list, question->user);
    Tcl_DStringAppendElement(&list, question->password);
    if (entry->kind == NS_AUTH_REQUEST) {
        Tcl_DStringAppendElement(&list, question->peer);
    }
    if (NsScriptEvalWords(interp, entry->script, Tcl_DStringValue(&list)) == TCL_ERROR) {
        (void)Ns_TclLogErrorInfo(interp, "\n    while executing an authorization script");
    } else {
        Tcl_DStringAppend(verdict, Tcl_GetStringResult(interp), -1);
    }
    Tcl_DStringFree(&list);
}

static const char *
VerdictName(Ns_ReturnCode code)
{
    return code == NS_OK ? "OK" : code == NS_CONTINUE ? "CONTINUE" : code == NS_UNAUTHORIZED ? "UNAUTHORIZED"
        : code == NS_FORBIDDEN ? "FORBIDDEN" : "";
}

bool
NsAuthAsk(Tcl_Interp *interp, NsServer *server, Ns_AuthKind kind, const Ns_AuthQuestion *question, Tcl_DString *verdict,
          const char **authority)
{
    bool asked = false;

    *authority = "";
    for (Authority *entry = atomic_load(&authorities); entry != NULL; entry = entry->next) {
        /* Without an interpreter: a script that was registered since this request began counts from the next one on. */
        if (entry->server != server || entry->kind != kind || (entry->script != NULL && interp == NULL)) {
            continue;
        }
        asked = true;
        Tcl_DStringSetLength(verdict, 0);
        if (entry->script != NULL) {
            AskScript(interp, entry, question, verdict);
        } else {
            Tcl_DStringAppend(verdict, VerdictName(entry->proc(entry->arg, question)), -1);
        }
        *authority = entry->name;
        if (strcmp(Tcl_DStringValue(verdict), "CONTINUE") != 0) {
            break;
        }
    }
    return asked;
}

/* Only scripts need an interpreter. */
static bool
HasScripts(const NsServer *server, Ns_AuthKind kind)
{
    const Authority *entry = atomic_load(&authorities);

    while (entry != NULL && (entry->server != server || entry->kind != kind || entry->script == NULL)) {
        entry = atomic_load(&entry->next);
    }
    return entry != NULL;
}

Ns_ReturnCode
NsAuthorizeConn(NsConn *conn)
{
    const char     *authority;
    char           *user, *password;
    Ns_Set         *auth;
    Ns_AuthQuestion question;
    Tcl_DString     verdict;
    Ns_ReturnCode   status = NS_FILTER_RETURN;

    if (atomic_load_explicit(&authorities, memory_order_relaxed) == NULL) {
        return NS_OK;
    }
    auth = NsConnAuth(conn);
    question.method = conn->targetMethod != NULL ? conn->targetMethod : conn->pub.request.method;
    question.url = conn->pub.request.url;
    /* Copies: a script that is asked may write into the set. */
    question.user = user = ns_strdup(auth != NULL ? Ns_SetGetValue(auth, "username", "") : "");
    question.password = password = ns_strdup(auth != NULL ? Ns_SetGetValue(auth, "password", "") : "");
    question.peer = Ns_ConnConfiguredPeerAddr(&conn->pub);

    Tcl_DStringInit(&verdict);
    if (!NsAuthAsk(HasScripts(conn->server, NS_AUTH_REQUEST) ? NsConnInterp(conn) : NULL, conn->server, NS_AUTH_REQUEST, &question, &verdict, &authority)
        || strcmp(Tcl_DStringValue(&verdict), "OK") == 0 || strcmp(Tcl_DStringValue(&verdict), "CONTINUE") == 0) {
        status = NS_OK;
    } else if (NsConnWriteRefusal(conn) != NULL) {
        status = NS_FILTER_RETURN;             /* the script has answered by itself */
    } else if (strcmp(Tcl_DStringValue(&verdict), "UNAUTHORIZED") == 0) {
        (void)Ns_ConnReturnUnauthorized(&conn->pub);
    } else if (strcmp(Tcl_DStringValue(&verdict), "FORBIDDEN") == 0) {
        (void)Ns_ConnReturnForbidden(&conn->pub);
    } else {
        Ns_Log(Error, "authorization of %s %s: invalid result '%.100s'", question.method, question.url, Tcl_DStringValue(&verdict));
        (void)Ns_ConnReturnInternalError(&conn->pub);
    }
    Tcl_DStringFree(&verdict);
    explicit_bzero(password, strlen(password));
    ns_free(password);
    ns_free(user);
    return status;
}
