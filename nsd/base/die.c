/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Last words.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include "base/die.h"

static _Atomic(NsLastWords *) lent;
static __thread bool dying;

void
NsDieLend(NsLastWords *report)
{
    atomic_store(&lent, report);
}

static void __attribute__((noreturn))
Die(const char *text)
{
    NsLastWords *report = atomic_load(&lent);

    /* Who wants memory for saying that there is none comes here again. */
    if (report != NULL && !dying) {
        dying = true;
        report(text);
    } else {
        dprintf(STDERR_FILENO, "Fatal: %s\n", text);
    }
    _exit(1);
}

void
NsDie(const char *fmt, ...)
{
    char    text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    Die(text);
}

void
NsDieOfTcl(const char *fmt, ...)
{
    char    text[1024] = "tcl: ";
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + 5, sizeof(text) - 5u, fmt, ap);
    va_end(ap);
    Die(text);
}
