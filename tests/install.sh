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
for file in bin/nsd bin/nssock.so bin/nsssl.so bin/init.tcl include/ns.h tcl/init.tcl conf/demo.tcl demo/chat.tcl demo/pages/index.html demo/media/clock.mp4; do
    if [ -s "$root/ns/$file" ]; then ok; else fail "install: no $file"; fi
done
if command -v mpexpand >/dev/null; then
    for file in man/man3/Ns_Set.3 man/mann/ns_set.n man/mann/nsd.n; do
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
mkdir "$root/module" && cp modules/example/* "$root/module/"
quiet make -s -C "$root/module" PREFIX="$root/ns"
if nm -D --defined-only "$root/module/nsexample.so" 2>/dev/null | grep -q Ns_ModuleInit; then ok; else fail "the example module was not built"; fi
if grep -q "^Cflags: -I.{includedir}" "$root/ns/lib/pkgconfig/nsd.pc"; then ok; else fail "no nsd.pc"; fi

touch "$root/ns/conf/own.tcl"
quiet make -s BUILD="$BUILD" prefix="$root/ns" uninstall
left=$(cd "$root/ns" && find . -type f | sort | tr '\n' ' ')
if [ "$left" = "./conf/own.tcl " ]; then ok; else fail "uninstall left $left"; fi
closing_line
