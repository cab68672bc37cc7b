#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# make install into an empty folder, a server from there, make uninstall.
cd "$(dirname "$0")/.." || exit 1
. tests/lib.sh

root=$(mktemp -d)
trap 'rm -rf "$root"; [ -z "${nsd_pid:-}" ] || kill -9 "$nsd_pid" 2>/dev/null' EXIT
quiet() { "$@" >"$root.log" 2>&1 || { fail "$*"; tail -n 20 "$root.log"; }; rm -f "$root.log"; }

certificate
quiet make -s BUILD="$BUILD" prefix="$root/ns" install
for file in bin/nsd bin/nssock.so bin/nsssl.so bin/nsdb.so lib/libnsdb.so bin/nsproxy.so bin/nsperm.so bin/nscgi.so bin/nsproxy-helper bin/nsproxy bin/init.tcl include/ns.h include/nsdb.h tcl/init.tcl conf/demo.tcl conf/nsproxy.tcl demo/chat.tcl demo/pages/index.html demo/media/clock.mp4 modules/example/nsexample.c; do
    if [ -s "$root/ns/$file" ]; then ok; else fail "install: no $file"; fi
done
if echo 'package require doctools' | tclsh8.6 >/dev/null 2>&1; then
    for file in man/man3/Ns_Set.3 man/mann/ns_set.n man/mann/nsd.n doc/index.html doc/ns_connchan.html doc/style.css doc/search.js; do
        if [ -s "$root/ns/$file" ]; then ok; else fail "install: no $file"; fi
    done
fi

# The server that was installed runs what was installed, and needs nothing of the source folder.
export DEMO_HOME=$root/home DEMO_CERT=$BUILD/check/cert.pem DEMO_PORT DEMO_TLS_PORT
DEMO_PORT=$(free_port)
DEMO_TLS_PORT=$(free_port)
mkdir "$root/home"
build=$BUILD BUILD=$root/ns/bin
if (cd / && cmp -s "$root/ns/bin/init.tcl" "$root/ns/tcl/init.tcl"); then ok; else fail "bin/init.tcl is not tcl/init.tcl"; fi
if start_nsd "$root/home/nsd.log" "$root/ns/conf/demo.tcl" "$DEMO_PORT" "$DEMO_TLS_PORT"; then
    page() { printf 'GET / HTTP/1.0\r\n\r\n' | "$@" 2>/dev/null | tr -d '\r'; }
    if page openssl s_client -quiet -connect "127.0.0.1:$DEMO_TLS_PORT" | grep -q '<title>nsd: demonstrations'; then ok; else fail "no page over https"; fi
    exec 3<>"/dev/tcp/127.0.0.1/$DEMO_PORT"
    printf 'GET / HTTP/1.0\r\n\r\n' >&3
    if grep -q '<title>nsd: demonstrations' <&3; then ok; else fail "no page over http"; fi
    exec 3>&-
    if ls -l "/proc/$nsd_pid/fd" | grep -q "$PWD/"; then fail "it uses files of the source folder"; ls -l "/proc/$nsd_pid/fd"; else ok; fi
    stop_nsd
    clean_log
fi
BUILD=$build

# A module built with what is installed, outside of the sources.
mkdir "$root/module" && cp "$root/ns/modules/example/"* "$root/module/"
quiet make -s -C "$root/module" PREFIX="$root/ns"
if nm -D --defined-only "$root/module/nsexample.so" 2>/dev/null | grep -q Ns_ModuleInit; then ok; else fail "the example module was not built"; fi
if grep -q "^Cflags: -I.{includedir}" "$root/ns/lib/pkgconfig/nsd.pc"; then ok; else fail "no nsd.pc"; fi

# Modules of others, in C and in C++, by Makefile.module alone; and a server that loads them.
outside() {                                    # NAME SUFFIX
    mkdir "$root/$1"
    printf 'MODNAME = %s\nMOD = %s.so\nMODOBJS = %s.o\nMODLIBS = -lnsd -lnsthread -lm\nTCL = %s.txt\ninclude $(NAVISERVER)/include/Makefile.module\n' \
        "$1" "$1" "$1" "$1" >"$root/$1/Makefile"
    echo text >"$root/$1/$1.txt"
    cat >"$root/$1/$1.$2" <<'END'
#include "ns.h"
NS_EXPORT const int Ns_ModuleVersion = 1;
NS_EXPORT Ns_ModuleInitProc Ns_ModuleInit;
static int
HelloObjCmd(ClientData UNUSED(arg), Tcl_Interp *interp, TCL_SIZE_T UNUSED(objc), Tcl_Obj *const *UNUSED(objv))
{
    Ns_DString ds;

    Ns_DStringInit(&ds);
    Ns_DStringPrintf(&ds, "%s %d", Ns_InfoServerName(), NS_MAJOR_VERSION);
    Tcl_DStringResult(interp, &ds);
    return TCL_OK;
}
static Ns_ReturnCode
AddCommand(Tcl_Interp *interp, const void *arg)
{
    (void)TCL_CREATEOBJCOMMAND(interp, (const char *)arg, HelloObjCmd, NULL, NULL);
    return NS_OK;
}
Ns_ReturnCode
Ns_ModuleInit(const char *server, const char *module)
{
    return Ns_TclRegisterTrace(server, AddCommand, ns_strcopy(module), NS_TCL_TRACE_CREATE);
}
END
    quiet make -C "$root/$1" NAVISERVER="$root/ns" CFLAGS="-Wall -Wextra -Werror" CXXFLAGS="-Wall -Wextra -Werror"
    quiet make -C "$root/$1" NAVISERVER="$root/ns" install
    if [ -x "$root/ns/bin/$1.so" ] && [ -s "$root/ns/tcl/$1/$1.txt" ]; then ok; else fail "Makefile.module: $1 was not installed"; fi
}
outside nsoutc c
outside nsoutcxx cc
cat >"$root/outside.tcl" <<END
ns_section ns/parameters { ns_param home $root/home; ns_param tcllibrary $root/ns/tcl; ns_param bindir $root/ns/bin }
ns_section ns/servers { ns_param s s }
ns_section ns/server/s/modules { ns_param nsoutc nsoutc; ns_param nsoutcxx nsoutcxx.so }
END
echo 'puts "[nsoutc]/[nsoutcxx]"' >"$root/outside-script.tcl"
said=$(cd / && "$root/ns/bin/nsd" -c -d -t "$root/outside.tcl" "$root/outside-script.tcl" 2>"$root.log")
case $said in *" 5/"*" 5") ok ;; *) fail "modules of others: $said"; tail -n 20 "$root.log" ;; esac
rm -f "$root.log"
quiet make -C "$root/nsoutc" NAVISERVER="$root/ns" clean
if [ -e "$root/nsoutc/nsoutc.so" ]; then fail "Makefile.module: clean left nsoutc.so"; else ok; fi
rm -rf "$root/ns/bin/nsoutc.so" "$root/ns/bin/nsoutcxx.so" "$root/ns/tcl/nsoutc" "$root/ns/tcl/nsoutcxx"

# README's first handler, to the letter but for the port, from a folder outside of the sources.
if [ "$BUILD" = "$PWD/build" ]; then
    mkdir -p "$root/first/procs"
    block() { awk -v start="$1" 'index($0, start) { on = 1; next } on && /^    / { print substr($0, 5); seen = 1; next } seen && !/^$/ { exit }' README.md; }
    port=$(free_port)
    block '`hello.tcl`, a configuration' | sed "s/port 8000/port $port/" >"$root/first/hello.tcl"
    block '`procs/hello.tcl`, what it answers' >"$root/first/procs/hello.tcl"
    (cd "$root/first" && exec "$OLDPWD/setup" run hello.tcl) >"$root/first.log" 2>&1 &
    nsd_pid=$!
    answer=
    for ((i = 0; i < 400 * TIMES; i++)); do
        if exec 3<>"/dev/tcp/127.0.0.1/$port"; then break; fi 2>/dev/null
        kill -0 "$nsd_pid" 2>/dev/null || break
        sleep 0.05
    done 2>/dev/null
    printf 'GET /hello HTTP/1.0\r\n\r\n' >&3 2>/dev/null && answer=$(cat <&3)
    exec 3>&-
    case $answer in *'Hello, 127.0.0.1! You asked for /hello.'*) ok ;; *) fail "README's first handler: $answer"; tail -n 20 "$root/first.log" ;; esac
    kill "$nsd_pid" && wait "$nsd_pid"
    nsd_pid=
fi

touch "$root/ns/conf/own.tcl"
quiet make -s BUILD="$BUILD" prefix="$root/ns" uninstall
left=$(cd "$root/ns" && find . -type f | sort | tr '\n' ' ')
if [ "$left" = "./conf/own.tcl " ]; then ok; else fail "uninstall left $left"; fi
closing_line
