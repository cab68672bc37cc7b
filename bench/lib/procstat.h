/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What the kernel says about a process: memory and CPU time.
 */
#ifndef BENCH_PROCSTAT_H
#define BENCH_PROCSTAT_H

/* A line of /proc/PID/status such as "VmRSS:", in kB; -1 when there is none. */
long ProcStatusKb(int pid, const char *what);
/* Seconds: all threads by their schedstat, and user and system time by stat (in ticks of 10 ms). */
void ProcCpu(int pid, double *run, double *user, double *sys);
/* Pages that all TCP sockets of the machine hold. */
long TcpMemPages(void);

#endif
