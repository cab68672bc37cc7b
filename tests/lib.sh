# SPDX-License-Identifier: MPL-2.0
# For the shell scripts of the tests: an nsd on free ports, started and stopped by its pid.
# BUILD names the folder of the build; what a test leaves behind goes to $BUILD/check.

: "${BUILD:=build}" "${TIMES:=1}"
BUILD=$(realpath "$BUILD")
passed=0 failed=0

ok()   { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL $*"; }

free_port() {
    echo 'puts [nstest::freeport]' | cat "$(dirname "${BASH_SOURCE[0]}")/freeport.tcl" - | tclsh8.6
}

# A certificate for localhost and 127.0.0.1: $BUILD/check/crt.pem, key.pem, and both in cert.pem.
certificate() {
    mkdir -p "$BUILD/check"
    [ -s "$BUILD/check/cert.pem" ] && return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost \
        -addext "subjectAltName=DNS:localhost,DNS:other.test,IP:127.0.0.1" -addext "basicConstraints=critical,CA:TRUE" \
        -keyout "$BUILD/check/key.pem" -out "$BUILD/check/crt.pem" 2>/dev/null
    cat "$BUILD/check/key.pem" "$BUILD/check/crt.pem" >"$BUILD/check/cert.pem"
}

# start_nsd LOG CONFIG PORT...: sets nsd_pid; 1 when the ports are not served after a while
# UNDER: a debugger and the like before nsd
start_nsd() {
    local log=$1 config=$2 port i; shift 2
    nsd_log=$log
    ${UNDER:-} "$BUILD/nsd" -f -t "$config" >>"$log" 2>&1 </dev/null &
    nsd_pid=$!
    for port in "$@"; do
        for ((i = 0; i < 200 * TIMES; i++)); do
            (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue 2
            kill -0 "$nsd_pid" 2>/dev/null || break
            sleep 0.05
        done
        fail "nsd does not serve port $port"; tail -n 30 "$log"
        return 1
    done
}

# Stops it as an operator does.  A test of its own: it ends by itself, with status 0.
stop_nsd() {
    local i status
    kill "$nsd_pid" 2>/dev/null
    for ((i = 0; i < 400 * TIMES; i++)); do kill -0 "$nsd_pid" 2>/dev/null || break; sleep 0.05; done
    if kill -0 "$nsd_pid" 2>/dev/null; then kill -9 "$nsd_pid"; fi
    wait "$nsd_pid"
    status=$?
    nsd_pid=
    if [ $status = 0 ]; then ok; else fail "nsd ended with status $status"; tail -n 60 "$nsd_log"; fi
}

# Lines of the log that should not be there (slow callbacks are what a busy machine has).  A test of its own.
clean_log() {
    if grep -nE '\] (Error|Warning|Bug|Fatal): ' "$nsd_log" | grep -vE "slow callback${1:+|$1}" | head -n 20 | grep .; then
        fail "errors or warnings in the log"
    else
        ok
    fi
}

# Adds the counts of a client's closing line; its output was kept in FILE.
add_counts() {                                 # NAME FILE STATUS
    local line p f
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$2" | tail -n 1)
    p=${line%% passed*} f=${line#*, } f=${f%% failed}
    if [ -z "$line" ] || { [ "$3" != 0 ] && [ "$f" = 0 ]; }; then
        fail "$1: status $3"; tail -n 30 "$2"
    else
        passed=$((passed + p)) failed=$((failed + f))
        [ "$f" = 0 ] || grep '^FAIL' "$2"
    fi
}

closing_line() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" != 0 ]
}
