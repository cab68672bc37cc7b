/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Connections of libpq: made, fed and read without ever waiting past a date.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include "pg.h"

int64_t
PgNow(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
PgDeadline(int64_t timeout)
{
    return timeout > 0 ? PgNow() + timeout : 0;
}

/* What the socket is ready for; 0: the time is up. */
static short
Wait(PGconn *conn, short events, int64_t deadline)
{
    struct pollfd fd = {PQsocket(conn), events, 0};
    int           n;

    do {
        int64_t left = deadline > 0 ? deadline - PgNow() : -1;

        if (deadline > 0 && left <= 0) {
            return 0;
        }
        n = poll(&fd, 1u, left > 3600000 ? 3600000 : (int)left);
    } while (n == 0 || (n < 0 && errno == EINTR));
    return n > 0 ? fd.revents : POLLERR;
}

void
PgAppendText(Tcl_DString *ds, const char *bytes)
{
    size_t len = strlen(bytes);

    while (len > 0u && bytes[len - 1u] == '\n') {
        len--;
    }
    Ns_TextAppendIn(ds, bytes, len);
}

int
PgDupSocket(PGconn *conn)
{
    return fcntl(PQsocket(conn), F_DUPFD_CLOEXEC, 3);
}

/* ---- making one */

typedef struct Params {
    const char *keys[20], *values[20];
    int         n;
    Tcl_DString texts[20];
} Params;

/* A value in the form of the system; one with a NUL is left to be no such host or name. */
static void
Add(Params *params, const char *key, const char *value, int len)
{
    Tcl_DString *ds = &params->texts[params->n];

    Tcl_DStringInit(ds);
    Ns_TextAppendOut(ds, value, len >= 0 ? (size_t)len : strlen(value));
    params->keys[params->n] = key;
    params->values[params->n++] = Tcl_DStringValue(ds);
}

/* "host:port:database", where each may be empty and the last may be "key=value ..."; or all that libpq takes: "key=value ...", a URI. */
static void
AddDatasource(Params *params, const char *source)
{
    const char *equal = strchr(source, '='), *host = source, *port, *database;
    const char *end = *host == '[' ? strchr(host, ']') : host;

    port = end != NULL ? strchr(end, ':') : NULL;
    database = port != NULL ? strchr(port + 1, ':') : NULL;
    if (strncmp(source, "postgresql://", 13u) == 0 || strncmp(source, "postgres://", 11u) == 0 || database == NULL
        || (equal != NULL && equal < database)) {
        Add(params, "dbname", source, -1);
        return;
    }
    Add(params, "dbname", database + 1, -1);
    if (port > host) {
        Add(params, "host", *host == '[' ? host + 1 : host, (int)(*host == '[' ? end - host - 1 : port - host));
    }
    if (database > port + 1) {
        Add(params, "port", port + 1, (int)(database - port - 1));
    }
}

static PGconn *
Begin(const char *datasource, const char *user, const char *password)
{
    Params  params = {.n = 0};
    PGconn *conn;

    /* What comes later counts: these are for a datasource that does not say otherwise. */
    Add(&params, "fallback_application_name", "nsd", -1);
    Add(&params, "keepalives_idle", "30", -1);
    Add(&params, "keepalives_interval", "10", -1);
    Add(&params, "keepalives_count", "3", -1);
    Add(&params, "tcp_user_timeout", "60000", -1);
    AddDatasource(&params, datasource);
    if (user != NULL && *user != '\0') {
        Add(&params, "user", user, -1);
    }
    if (password != NULL && *password != '\0') {
        Add(&params, "password", password, -1);
    }
    Add(&params, "client_encoding", "UTF8", -1);
    conn = PQconnectStartParams(params.keys, params.values, 1);
    for (int i = 0; i < params.n; i++) {
        Tcl_DStringFree(&params.texts[i]);
    }
    return conn;
}

PGconn *
PgConnect(const char *datasource, const char *user, const char *password, const PgConfig *config, Tcl_DString *error)
{
    PGconn                   *conn = Begin(datasource, user, password);
    int64_t                   deadline = PgDeadline(config->connectTimeout);
    PostgresPollingStatusType state = conn == NULL || PQstatus(conn) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    bool                      late = false;
    char                      set[80];

    while (!late && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        late = Wait(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline) == 0;
        state = late ? state : PQconnectPoll(conn);
    }
    if (late) {
        Tcl_DStringAppend(error, "no connection within connecttimeout", -1);
    } else if (state == PGRES_POLLING_FAILED) {
        PgAppendText(error, conn != NULL ? PQerrorMessage(conn) : "out of memory");
    } else {
        (void)snprintf(set, sizeof(set), "SET statement_timeout = %lld", (long long)config->statementTimeout);
        if (PQsetnonblocking(conn, 1) == 0
            && (config->statementTimeout == 0 || PgCommand(conn, set, config->connectTimeout, error) == NS_OK)) {
            return conn;
        }
    }
    PQfinish(conn);                            /* NULL is fine */
    return NULL;
}

/* ---- statements */

bool
PgAwait(PGconn *conn, int64_t deadline)
{
    return Wait(conn, POLLIN, deadline) != 0;
}

bool
PgFlush(PGconn *conn, int64_t deadline)
{
    int left;

    while ((left = PQflush(conn)) == 1) {
        short ready = Wait(conn, POLLIN | POLLOUT, deadline);

        if (ready == 0 || ((ready & POLLOUT) == 0 && !PQconsumeInput(conn))) {
            return false;
        }
    }
    return left == 0;
}

PGresult *
PgResult(PGconn *conn, int64_t deadline, bool *late)
{
    *late = false;
    while (PQisBusy(conn)) {
        if (Wait(conn, POLLIN, deadline) == 0) {
            *late = true;
            return NULL;
        }
        if (!PQconsumeInput(conn)) {
            break;                             /* PQgetResult has the reason */
        }
    }
    return PQgetResult(conn);
}

bool
PgDrainCopy(PGconn *conn, int64_t deadline)
{
    char *data = NULL;
    int   n;

    while ((n = PQgetCopyData(conn, &data, 1)) >= 0) {
        if (n > 0) {
            PQfreemem(data);
        } else if (Wait(conn, POLLIN, deadline) == 0 || !PQconsumeInput(conn)) {
            return false;
        }
    }
    return true;
}

bool
PgAlive(PGconn *conn)
{
    struct pollfd fd = {PQsocket(conn), POLLIN, 0};
    PGnotify     *notify;

    if (PQstatus(conn) != CONNECTION_OK) {
        return false;
    }
    /* The end may stand behind a last word of the server's. */
    for (int i = 0; i < 100 && poll(&fd, 1u, 0) > 0; i++) {
        if (!PQconsumeInput(conn) || PQstatus(conn) != CONNECTION_OK) {
            return false;
        }
    }
    while ((notify = PQnotifies(conn)) != NULL) {
        PQfreemem(notify);
    }
    return true;
}

Ns_ReturnCode
PgCommand(PGconn *conn, const char *sql, int64_t timeout, Tcl_DString *error)
{
    int64_t       deadline = PgDeadline(timeout);
    Ns_ReturnCode status = NS_ERROR;
    PGresult     *result;
    bool          late = false;

    if (PQsendQuery(conn, sql) && PgFlush(conn, deadline)) {
        while ((result = PgResult(conn, deadline, &late)) != NULL) {
            ExecStatusType kind = PQresultStatus(result);

            status = kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK ? NS_OK : NS_ERROR;
            PQclear(result);
        }
    }
    if (late) {
        Tcl_DStringAppend(error, "the server does not answer", -1);
        status = NS_ERROR;
    } else if (status != NS_OK) {
        PgAppendText(error, PQerrorMessage(conn));
    }
    return status;
}
