/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The command line, and the exit codes of the process.
 */
#ifndef NSD_OPTIONS_H
#define NSD_OPTIONS_H

#include "ns.h"

/* Exit codes.  `exit N` and `ns_shutdown` in command mode give N, an uncaught error of the script gives 1. */
enum {
    NS_EXIT_OK      = 0,                       /* orderly stop */
    NS_EXIT_FATAL   = 1,                       /* Ns_Fatal: could not start, or could not go on */
    NS_EXIT_CONFIG  = 2,                       /* command line or configuration */
    NS_EXIT_RESTART = 3,                       /* ns_shutdown -restart: the watchdog starts the server anew */
    NS_EXIT_FORCED  = 4                        /* stopped before all was finished: a second signal, or time was up */
};

typedef enum {
    NS_MODE_BACKGROUND,                        /* no letter: leave the terminal */
    NS_MODE_FOREGROUND,                        /* -f: log to stderr */
    NS_MODE_INIT,                              /* -i: foreground, log to the log file */
    NS_MODE_WATCHDOG,                          /* -w: background, restarted when it crashes */
    NS_MODE_COMMAND                            /* -c: run a script, or read commands from stdin */
} NsMode;

typedef struct NsOptions {
    NsMode      mode;
    bool        debug;                         /* -d: SIGINT is left to the debugger */
    const char *config, *user, *group, *chroot, *server, *pidfile;
    int         argc;                          /* what follows the options: script and its arguments */
    char      **argv;
    int         optind;
} NsOptions;

/* The process's options.  Set by NsOptionsParse, never changed. */
extern NsOptions nsOptions;

/*
 * Main thread, at start.  The words are ns_malloc'ed and stay: one of them, the script, may be replaced by its absolute path.
 * -h and -V end the process, so do mistakes (to stderr, NS_EXIT_CONFIG).
 */
void NsOptionsParse(int argc, char **argv);

#endif
