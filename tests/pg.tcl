# SPDX-License-Identifier: MPL-2.0
# A PostgreSQL of Debian's packages for a test file, on the port nstest/pgport of 127.0.0.1, not as root, which it refuses.
#
#   pg::available       is there one, and the driver?
#   pg::start           makes its folder if there is none, and starts it; returns when it answers
#   pg::stop ?SIGNAL?   QUIT: all its connections break; returns when it is gone
#   pg::remove          stops it, and takes its folder away
#
# A shell beside it reads from a pipe: when nsd ends, however that comes, it does the same.

namespace eval ::pg {
    variable bin [file dirname [lindex [lsort -dictionary [glob -nocomplain /usr/lib/postgresql/*/bin/initdb]] end]]
    variable data ""
    variable log ""
    variable watch ""
}
proc ::pg::available {} {
    variable bin
    expr {$bin ne "." && [ns_config nstest pgport] ne "" && ([exec id -u] != 0 || ![catch {exec id -u postgres}])}
}
# A command as somebody who is not root.  In a folder that he can enter, or PostgreSQL's programs complain, which exec takes for a failure.
proc ::pg::as {args} {
    if {[exec id -u] != 0} { return $args }
    list env -C / setpriv --reuid=postgres --regid=postgres --init-groups {*}$args
}
proc ::pg::start {} {
    variable bin; variable data; variable log; variable watch
    if {$data eq ""} {
        # In the build's folder, if that user gets there: a checkout may be below /root.
        set data [file dirname [ns_config nstest home]]/pg
        set log $data.log
        file delete -force $data $log
        file mkdir $data
        if {[catch {exec {*}[as test -x $data]}]} {
            file delete $data
            set data [exec mktemp -d /tmp/nsd-pg.XXXXXX]
            set log $data/log
        }
        if {[exec id -u] == 0} { exec chown postgres $data }
        exec {*}[as $bin/initdb -D $data/data -A trust -U nsd -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions] 2>@1
    }
    set pid [exec {*}[as $bin/postgres -D $data/data -p [ns_config nstest pgport] -h 127.0.0.1 -k {} -c fsync=off -c max_connections=60 \
        -c log_statement=none -c autovacuum=off -c restart_after_crash=off] </dev/null >>$log 2>@1 &]
    set watch [open |[list sh -c {
        trap "" INT TERM HUP
        read -r word
        [ "$word" != over ] || exit 0
        kill -QUIT $0
        n=0; while kill -0 $0 && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
        rm -rf "$1"
    } $pid $data 2>/dev/null] w]
    nstest::await {![catch {exec {*}[as $bin/pg_isready -q -h 127.0.0.1 -p [ns_config nstest pgport]]}]} 60000
}
proc ::pg::pid {} {
    variable data
    set in [open $data/data/postmaster.pid]
    set pid [gets $in]
    close $in
    return $pid
}
# Gone, or waiting for us to take note of it.
proc ::pg::gone {pid} {
    expr {[catch {open /proc/$pid/stat} in] || [set text [read $in][close $in]] eq "" || [regexp {\) Z } $text]}
}
proc ::pg::stop {{signal QUIT}} {
    variable watch
    if {[catch {pid} pid]} return
    exec kill -$signal $pid
    nstest::await {[gone $pid]} 60000
    puts $watch over
    close $watch
}
proc ::pg::remove {} {
    variable data
    stop
    file delete -force $data
    set data ""
}
