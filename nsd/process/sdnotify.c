/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Telling systemd.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "ns.h"
#include "process/sdnotify.h"

void
NsSdNotify(const char *state)
{
    const char        *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char               message[256];
    struct timespec    now;
    size_t             len = path != NULL ? strlen(path) : 0;
    int                fd;

    if (len == 0 || len >= sizeof addr.sun_path) {
        return;
    }
    memcpy(addr.sun_path, path, len);
    if (path[0] == '@') {
        addr.sun_path[0] = '\0';               /* an abstract name */
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(message, sizeof message, "%s\nMAINPID=%d\nMONOTONIC_USEC=%lld", state, (int)getpid(),
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&addr,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
        Ns_Log(Warning, "process: cannot tell systemd %s: %s", state, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}

int64_t
NsSdWatchdogMs(void)
{
    const char *usec = getenv("WATCHDOG_USEC");

    return usec != NULL && atoll(usec) > 0 ? atoll(usec) / 2000 + 1 : 0;
}
