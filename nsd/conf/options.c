/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The command line.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/prebind.h"
#include "conf/options.h"

NsOptions nsOptions = {.mode = NS_MODE_BACKGROUND};

static const char usage[] =
    "usage: nsd ?-c|-f|-i|-w? -t config ?-u user? ?-g group? ?-r path?\n"
    "           ?-b address:port,...? ?-s server? ?-p pidfile? ?-d? ?script ?args??\n"
    "       nsd -h|-V\n"
    "\n"
    "  -c  run a Tcl script inside the server (or commands from standard input), then stop\n"
    "  -f  foreground, log to standard error\n"
    "  -i  foreground, log to the log file\n"
    "  -w  background, restarted when it crashes\n"
    "      (none of these: background)\n"
    "  -t  configuration file (required)\n"
    "  -u  run as this user, name or number, once the addresses are bound\n"
    "  -g  run as this group (else the user's)\n"
    "  -r  change the root folder once the configuration was read\n"
    "  -b  bind these addresses first, with the rights nsd was started with: 127.0.0.1:80,[::1]:80,*:443.\n"
    "      Whatever listens there later, a driver or a script, gets that socket; what nothing listens on is logged\n"
    "  -s  start only this virtual server\n"
    "  -p  pid file, instead of the parameter pidfile\n"
    "  -d  leave SIGINT to a debugger\n"
    "  -h  this text        -V  version\n"
    "\n"
    "exit codes: 0 stopped in order, 1 fatal error, 2 command line or configuration, 3 restart asked for,\n"
    "            4 stopped before all was finished; with -c what `exit` was given, 1 after an error,\n"
    "            or 128 and the number of the signal that stopped it\n";

static void Mistake(const char *fmt, ...) NS_PRINTF(1, 2) __attribute__((noreturn));
static void
Mistake(const char *fmt, ...)
{
    va_list ap;

    fputs("nsd: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs("\nnsd -h shows the options\n", stderr);
    exit(NS_EXIT_CONFIG);
}

static void
SetMode(NsMode mode)
{
    static bool given = false;

    if (given && nsOptions.mode != mode) {
        Mistake("only one of -c, -f, -i, -w can be given");
    }
    given = true;
    nsOptions.mode = mode;
}

static void
WantAddresses(const char *list)
{
    Tcl_DString error;

    Tcl_DStringInit(&error);
    if (!NsPrebindWant(list, &error)) {
        Mistake("option -b wants address:port,...; %s", Tcl_DStringValue(&error));
    }
    Tcl_DStringFree(&error);
}

static void
PrintVersion(void)
{
    printf("nsd %s (scripts of NaviServer %s), Tcl %s\n", NS_VERSION, NS_COMPAT_VERSION, TCL_PATCH_LEVEL);
    exit(NS_EXIT_OK);
}

/* The path of the script, from any folder: the home is to be the working directory. */
static void
MakeAbsolute(char **path)
{
    char here[PATH_MAX], whole[2 * PATH_MAX];

    if (**path == '/' || getcwd(here, sizeof here) == NULL) {
        return;
    }
    snprintf(whole, sizeof whole, "%s/%s", here, *path);
    if (access(whole, F_OK) == 0) {
        ns_free(*path);
        *path = ns_strdup(whole);
    }
}

void
NsOptionsParse(int argc, char **argv)
{
    int option;

    /* "+": what follows the script belongs to it. */
    opterr = 0;
    while ((option = getopt(argc, argv, "+cfiwdhVt:u:g:r:b:s:p:")) != -1) {
        switch (option) {
        case 'c': SetMode(NS_MODE_COMMAND); break;
        case 'f': SetMode(NS_MODE_FOREGROUND); break;
        case 'i': SetMode(NS_MODE_INIT); break;
        case 'w': SetMode(NS_MODE_WATCHDOG); break;
        case 'd': nsOptions.debug = true; break;
        case 't': nsOptions.config = optarg; break;
        case 'u': nsOptions.user = optarg; break;
        case 'g': nsOptions.group = optarg; break;
        case 'r': nsOptions.chroot = optarg; break;
        case 'b': WantAddresses(optarg); break;
        case 's': nsOptions.server = optarg; break;
        case 'p': nsOptions.pidfile = optarg; break;
        case 'h': fputs(usage, stdout); exit(NS_EXIT_OK);
        case 'V': PrintVersion(); break;
        default:
            if (strchr("tugrbsp", optopt) != NULL) {
                Mistake("option -%c wants a value", optopt);
            }
            Mistake("unknown option -%c", optopt);
        }
    }
    if (nsOptions.config == NULL) {
        Mistake("no configuration: -t file is required");
    }
    nsOptions.optind = optind;
    nsOptions.argc = argc - optind;
    if (optind < argc) {
        MakeAbsolute(&argv[optind]);
    }
    nsOptions.argv = argv + optind;
    if (nsOptions.argc > 0 && nsOptions.mode != NS_MODE_COMMAND) {
        Mistake("argument '%s' has no meaning without -c", nsOptions.argv[0]);
    }
}
