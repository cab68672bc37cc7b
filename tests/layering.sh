#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# Dependencies point down: cmd/ -> server files -> http/ ws/ net/ -> base/; modules/ include the public headers alone.
# Looks at every #include, and (with a build folder) at the symbols that the archives of the layers leave undefined.
#
#   tests/layering.sh ?BUILD?
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0

layer() {                                      # of a path
    case $1 in
        include/*)      echo public ;;
        nsd/base/*)     echo base ;;
        nsd/net/*)      echo net ;;
        nsd/http/*)     echo http ;;
        nsd/ws/*)       echo ws ;;
        nsd/cmd/*)      echo cmd ;;
        nsd/*)          echo server ;;
        modules/*/*)    echo "${1%/*}" ;;      # each on its own
        *)              echo "none" ;;
    esac
}
allowed() {                                    # what a layer may include
    case $1 in
        public)         echo "public" ;;
        base)           echo "public base" ;;
        net)            echo "public base net" ;;
        http)           echo "public base http" ;;
        ws)             echo "public base ws" ;;
        server)         echo "public base net http ws server" ;;
        cmd)            echo "public base net http ws server cmd" ;;
        modules/*)      echo "public $1" ;;
    esac
}
resolve() {                                    # FILE INCLUDED: as the compiler looks it up
    local dir
    for dir in "$(dirname "$1")" include nsd; do
        [ -f "$dir/$2" ] && { realpath --relative-to=. "$dir/$2"; return; }
    done
    echo missing
}

for file in $(find include nsd modules -name '*.[ch]' | sort); do
    bad=
    own=$(layer "$file")
    may=" $(allowed "$own") "
    # Who makes interpreters, for requests, for the configuration and for -c, puts the table of commands into them.
    case $file in nsd/main.c | nsd/interp.c | nsd/config.c | nsd/command.c) may="${may}cmd " ;; esac
    while IFS=: read -r line name; do
        [ -n "$name" ] || continue
        target=$(resolve "$file" "$name")
        case $may in
            *" $(layer "$target") "*) ;;
            *) bad=1; echo "FAIL $file:$line: $own includes \"$name\" ($(layer "$target"))" ;;
        esac
    done < <(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/;t ok;b;:ok;=;p' "$file" | paste -d: - -)
    case $own in
        http | ws)
            if grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(sys/socket|sys/epoll|poll|pthread|netinet/.*|openssl/ssl)\.h>' "$file"; then
                bad=1; echo "FAIL $file: $own/ has no I/O and no threads"
            fi ;;
    esac
    if [ -n "$bad" ]; then failed=$((failed + 1)); else passed=$((passed + 1)); fi
done

# An archive may need nothing that is defined above it.
build=$1
if [ -n "$build" ]; then
    tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
    defined() { nm --defined-only -g "$@" 2>/dev/null | awk 'NF == 3 {print $3}' | sort -u; }
    check() {                                  # NAME above...
        local name=$1; shift
        [ -f "$build/lib$name.a" ] || { failed=$((failed + 1)); echo "FAIL no $build/lib$name.a"; return; }
        nm -u -g "$build/lib$name.a" 2>/dev/null | awk '$1 == "U" {print $2}' | sort -u >"$tmp/need"
        defined "$@" >"$tmp/above"
        if [ -n "$(comm -12 "$tmp/need" "$tmp/above")" ]; then
            failed=$((failed + 1))
            echo "FAIL lib$name.a needs from above: $(comm -12 "$tmp/need" "$tmp/above" | tr '\n' ' ')"
        else
            passed=$((passed + 1))
        fi
    }
    core=$(find "$build/obj/nsd" -maxdepth 1 -name '*.o'; find "$build/obj/nsd/cmd" -name '*.o')
    check base $core "$build"/lib{net,http,ws}.a
    check net  $core "$build"/lib{http,ws}.a
    check http $core "$build"/lib{net,ws}.a
    check ws   $core "$build"/lib{net,http}.a
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
