/* SPDX-License-Identifier: MPL-2.0 */
/*
 * For LD_PRELOAD: the date of the process is the system's plus the seconds in the file that CLOCKSHIM names (8 bytes, little
 * endian; written anew while the process runs, the date steps).  The monotonic clocks stay as they are.
 *
 * What waits in the kernel until a date waits for the system's: who computes such a date by this clock waits wrongly, and is found.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t none, *offset = &none;

__attribute__((constructor)) static void
Map(void)
{
    const char *name = getenv("CLOCKSHIM");
    int         fd = name != NULL ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void       *map = fd >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (map != MAP_FAILED) {
        offset = map;
    }
    if (fd >= 0) {
        close(fd);
    }
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = (int)syscall(SYS_clock_gettime, clock, now);

    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += *offset;
    }
    return status;
}

time_t
time(time_t *result)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL) {
        *result = now.tv_sec;
    }
    return now.tv_sec;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec at;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}
