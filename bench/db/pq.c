/* SPDX-License-Identifier: MPL-2.0 */
/*
 * libpq alone: so many threads, each with a connection and so many statements, of whose rows each value is looked at.
 *
 *     pq CONNINFO THREADS STATEMENTS SQL       prints the CPU seconds that it took
 */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char       *conninfo, *sql;
static int               statements;
static pthread_barrier_t ready;

static double
Seconds(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void *
Run(void *arg)
{
    PGconn *conn = PQconnectdb(conninfo);
    size_t  sum = 0;

    (void)arg;
    if (PQstatus(conn) != CONNECTION_OK) {
        fprintf(stderr, "%s", PQerrorMessage(conn));
        exit(1);
    }
    (void)pthread_barrier_wait(&ready);
    (void)pthread_barrier_wait(&ready);
    for (int i = 0; i < statements; i++) {
        PGresult *result = PQexec(conn, sql);

        if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            fprintf(stderr, "%s", PQerrorMessage(conn));
            exit(1);
        }
        for (int row = 0; row < PQntuples(result); row++) {
            for (int col = 0; col < PQnfields(result); col++) {
                sum += strlen(PQgetvalue(result, row, col));
            }
        }
        PQclear(result);
    }
    (void)pthread_barrier_wait(&ready);
    PQfinish(conn);
    return (void *)sum;
}

int
main(int argc, char **argv)
{
    int       threads = argc == 5 ? atoi(argv[2]) : 0;
    pthread_t ids[256];
    double    began;

    if (threads < 1 || threads > 256) {
        fprintf(stderr, "usage: pq CONNINFO THREADS STATEMENTS SQL\n");
        return 2;
    }
    conninfo = argv[1];
    statements = atoi(argv[3]);
    sql = argv[4];
    (void)pthread_barrier_init(&ready, NULL, (unsigned)threads + 1u);
    for (int i = 0; i < threads; i++) {
        (void)pthread_create(&ids[i], NULL, Run, NULL);
    }
    (void)pthread_barrier_wait(&ready);
    began = Seconds();
    (void)pthread_barrier_wait(&ready);
    (void)pthread_barrier_wait(&ready);
    printf("%.3f\n", Seconds() - began);
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    return 0;
}
