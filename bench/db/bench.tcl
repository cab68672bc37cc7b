# SPDX-License-Identifier: MPL-2.0
# What nsdb costs beside libpq alone: 8 threads with so many statements each, in turns; ratios of CPU time of the client's process, for
# nsdb's functions in C (select.c) and for a script.
#
#   make bench-db BENCH_ARGS="STATEMENTS ROUNDS"        (1000 and 9)
#
# Then what it costs that a NOTIFY goes to the subscribers of a topic, 1,000 WebSockets: from the message of one who publishes to its arrival at
# all of them, one message at a time; beside the same without the database.


set top [ns_config nstest top]
source -encoding utf-8 $top/tests/nstest.tcl
source -encoding utf-8 $top/tests/pg.tcl
lassign $argv statements rounds
if {$statements eq ""} { set statements 1000 }
if {$rounds eq ""} { set rounds 9 }

proc cpu {} {
    set in [open /proc/self/stat]; set words [lrange [split [lindex [split [read $in] )] 1]] 12 13]; close $in
    expr {double([lindex $words 0] + [lindex $words 1]) / 100}
}
# As pq.c does: connections first, then all at once.
proc nsdb {how statements sql} {
    nsv_set bench ready 0
    nsv_unset -nocomplain benchgo
    set threads {}
    for {set i 0} {$i < 8} {incr i} {
        lappend threads [ns_thread begin [list apply {{how statements sql} {
            set db [ns_db gethandle]
            nsv_incr bench ready
            while {![nsv_exists benchgo 1]} { ns_sleep 1ms }
            if {$how eq "C"} { bench_select $db $statements $sql; set statements 0 }
            for {set i 0} {$i < $statements} {incr i} {
                set row [ns_db select $db $sql]
                while {[ns_db getrow $db $row]} {}
            }
            nsv_incr bench ready
            while {![nsv_exists benchgo 2]} { ns_sleep 50ms }      ;# the end of an interpreter is not what is measured
            ns_db releasehandle $db
        }} $how $statements $sql]]
    }
    while {[nsv_get bench ready] < 8} { after 1 }
    set began [cpu]
    nsv_set benchgo 1 1
    while {[nsv_get bench ready] < 16} { after 20 }
    set took [expr {[cpu] - $began}]
    nsv_set benchgo 2 1
    foreach thread $threads { ns_thread wait $thread }
    return $took
}
proc median {list} { lindex [lsort -real $list] [expr {[llength $list] / 2}] }

pg::start
set conninfo [ns_config ns/db/pool/pg datasource]
puts "8 threads, $statements statements each; CPU seconds of the client: libpq alone, nsdb's functions, ns_db; ratios"
foreach {what sql} {
    {one row, one column}     {select 1}
    {ten rows, four columns}  {select i, i * 2, 'some text of the row', now() from generate_series(1, 10) i}
} {
    set alone {}; set c {}; set tcl {}
    for {set i 0} {$i < $rounds} {incr i} {
        lappend alone [exec [ns_config nstest build]/bench/pq $conninfo 8 $statements $sql]
        lappend c [nsdb C $statements $sql]
        lappend tcl [nsdb Tcl $statements $sql]
    }
    set one [median $alone]
    puts [format "%-24s %.3f  %.3f  %.3f   %.2f  %.2f" $what $one [median $c] [median $tcl] [expr {[median $c] / $one}] [expr {[median $tcl] / $one}]]
}

# ---- NOTIFY

ns_register_proc GET /sub    { ns_websocket accept {apply {{event chan args} { if {$event eq "open"} { ns_websocket subscribe $chan bench } }}} }
ns_register_proc GET /topic  { ns_websocket accept {apply {{event chan {type ""} {data ""}} { if {$event eq "message"} { ns_websocket publish bench $data } }}} }
ns_register_proc GET /notify { ns_websocket accept {apply {{event chan {type ""} {data ""}} {
    if {$event eq "message"} {
        set db [ns_db gethandle]
        ns_pg_bind select $db {select pg_notify('bench', :data)}
        ns_db releasehandle $db
    }
}}} }
# What wsload says, as a dict.
proc load {path seconds} {
    exec [ns_config nstest build]/bench/wsload -m bcast -x -c 1000 -s 64 -d 1 -T $seconds -w 1 -p [ns_config ns/module/nssock port] -P /sub -B $path -i [pid] 2>@stderr
}
proc value {name json} { expr {[regexp "\"$name\":(\[0-9.]+)" $json -> value] ? $value : "?"} }
set listener [ns_pg listen -topic bench pg bench]
while {![dict get [ns_pg listeners] $listener connected]} { after 5 }
puts "1000 WebSocket subscribers, 64 bytes: microseconds from the publisher's message to each arrival, messages, the server's CPU microseconds per delivery"
for {set i 0} {$i < min(3, $rounds)} {incr i} {
    foreach {what path} {published /topic {by NOTIFY} /notify} {
        set said [load $path 3]
        puts [format "%-24s median %6.0f  p99 %6.0f  longest %6.0f   %5s   %s" $what [value p50 $said] [value p99 $said] [value max $said] [value published $said] \
            [value server_us_per_msg $said]]
    }
}
ns_pg unlisten $listener
pg::remove
flush stdout
ns_shutdown
