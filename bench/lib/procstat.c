/* SPDX-License-Identifier: MPL-2.0 */
/*
 * See procstat.h.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procstat.h"

long
ProcStatusKb(int pid, const char *what)
{
    char f[64];
    char l[256];
    snprintf(f, sizeof f, "/proc/%d/status", pid);
    FILE *fp = fopen(f, "r");
    long  v = -1;
    if (!fp) {
        return -1;
    }
    size_t wl = strlen(what);
    while (fgets(l, sizeof l, fp)) {
        if (!strncmp(l, what, wl)) {
            v = atol(l + wl + 1);
            break;
        }
    }
    fclose(fp);
    return v;
}
void
ProcCpu(int pid, double *run, double *user, double *sys)
{
    char f[300];
    *run = *user = *sys = 0;
    snprintf(f, sizeof f, "/proc/%d/task", pid);
    DIR           *d = opendir(f);
    struct dirent *e;
    if (!d) {
        return;
    }
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(f, sizeof f, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        FILE              *fp = fopen(f, "r");
        unsigned long long a = 0;
        if (fp) {
            if (fscanf(fp, "%llu", &a) != 1) {
                a = 0;
            }
            fclose(fp);
        }
        *run += (double)a / 1e9;
    }
    closedir(d);
    snprintf(f, sizeof f, "/proc/%d/stat", pid);
    FILE  *fp = fopen(f, "r");
    char   b[1024];
    size_t n;
    if (fp) {
        n = fread(b, 1, sizeof b - 1, fp);
        b[n] = 0;
        char         *q = strrchr(b, ')');
        unsigned long u = 0;
        unsigned long s = 0;
        if (q) {
            sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s);
        }
        *user = u / 100.0;
        *sys = s / 100.0;
        fclose(fp);
    }
}
long
TcpMemPages(void)
{
    FILE *fp = fopen("/proc/net/sockstat", "r");
    char  l[256];
    long  v = -1;
    if (!fp) {
        return -1;
    }
    while (fgets(l, sizeof l, fp)) {
        char *q = strstr(l, " mem ");
        if (!strncmp(l, "TCP:", 4) && q) {
            v = atol(q + 5);
        }
    }
    fclose(fp);
    return v;
}
