# SPDX-License-Identifier: MPL-2.0
# The scenarios of WebSockets, for bench/run.

# What the server counts, as a dict (bench/procs/stats.tcl).
proc stats {key} {
    global server
    set sock [socket 127.0.0.1 $server($key,port)]
    fconfigure $sock -translation binary
    puts -nonewline $sock "GET /stats HTTP/1.0\r\n\r\n"
    flush $sock
    set text [read $sock]
    close $sock
    string range $text [string first \r\n\r\n $text]+4 end
}
proc workers {key} { dict get [stats $key] channels workers }
# How busy each worker was between two looks, in percent of the time of the busiest.
proc shares {before after} {
    set busy [lmap b $before a $after { expr {[dict get $a busyusec] - [dict get $b busyusec]} }]
    set most [expr {max(1, [lindex [lsort -integer $busy] end])}]
    lmap b $busy { format "%.0f %%" [expr {100.0 * $b / $most}] }
}

# The same load on the baseline, the handler in C and the one in Tcl.
proc ws_contest {title goals suffix args} {
    lassign $goals c tcl
    contest $title [list raw [list measure wsload raw$suffix {*}$args] "" \
                         C   [list measure wsload nsd$suffix {*}$args -P /echo/c] $c \
                         Tcl [list measure wsload nsd$suffix {*}$args -P /echo/ws] $tcl]
}
proc ws {} {
    global opt
    ws_contest "WebSocket echo 64 B, $opt(--conns) connections" {1.05 1.6} "" -c $opt(--conns) -s 64 -T $opt(--seconds)
}
proc ws-tls {} {
    global opt
    ws_contest "WebSocket echo 64 B over TLS, $opt(--conns) connections" {1.05 1.4} tls -t -c $opt(--conns) -s 64 -T $opt(--seconds)
}
proc ws-depth {} {
    global opt
    set m [ws_contest "WebSocket echo 64 B, 100 connections with 16 messages in flight" {1.5 ""} "" -c 100 -d 16 -s 64 -T $opt(--seconds)]
    if {$m ne ""} { puts [format "    Tcl costs %.2f us more than C; goal <= 1.5" [expr {[dict get $m Tcl] - [dict get $m C]}]] }
}
proc ws-beside {} {
    global opt
    set args [list -s 64 -T $opt(--seconds)]
    foreach {name key path goal} {raw raw /echo/c "" C nsd /echo/c 1.1 Tcl nsd /echo/ws 1.1} {
        compare "WebSocket $name: 100 active beside $opt(--idle) idle" alone {measure wsload $key -c 100 {*}$args -P $path} \
            beside {measure wsload $key -c [expr {$opt(--idle) + 100}] -a 100 {*}$args -P $path} $goal
    }
}

# ---- npm's ws, installed at need

proc start_node {} {
    global server home top build env
    set modules [expr {[info exists env(NODE_MODULES)] ? $env(NODE_MODULES) : "$top/build/node/node_modules"}]
    if {![file isdirectory $modules/ws]} {
        set modules $build/bench/node/node_modules
        if {![file isdirectory $modules/ws]} {
            file mkdir $build/bench/node
            file copy -force $top/tests/web/package.json $top/tests/web/package-lock.json $build/bench/node
            if {[catch {exec npm --prefix $build/bench/node ci --ignore-scripts --no-audit --no-fund --loglevel=error 2>@1 </dev/null} message]} { puts "    no npm ws: $message"; return 0 }
        }
    }
    set server(node,port) [freeport]
    set env(NODE_MODULES) $modules
    set server(node,pid) [exec node $top/bench/wsnode.mjs $server(node,port) >& $home/node.log &]
    await_port $server(node,port) $server(node,pid) $home/node.log
    return 1
}
proc ws-node {} {
    global opt
    if {[catch start_node started] || !$started} { puts "ws-node: cannot start ws for node: $started"; incr ::failures; return }
    set args [list -c $opt(--conns) -s 64 -T $opt(--seconds)]
    contest "WebSocket echo 64 B beside npm's ws, $opt(--conns) connections" \
        [list node {measure wsload node {*}$args} "" Tcl {measure wsload nsd {*}$args -P /echo/ws} 0.5 C {measure wsload nsd {*}$args -P /echo/c} ""]
}

# ---- to all subscribers

# Servers with one worker and with two, for as long as this runs.
proc start_workers {} {
    global server home
    foreach {key n} {one 1 two 2} {
        if {[info exists server($key,pid)]} continue
        foreach port [list $key ${key}tls] { set server($port,port) [freeport] }
        file mkdir $home/$key
        start_nsd $key $home/$key $n
        await_port $server($key,port) $server($key,pid) $home/$key.log
    }
}
proc publish {} {
    global opt
    start_workers
    foreach n $opt(--subscribers) {
        set args [list -m bcast -c $n -s 64 -T $opt(--seconds) -P /topic/sub -B /topic/pub]
        set before [workers two]
        contest "publish 64 B to $n subscribers, per delivery" \
            [list raw {measure wsload raw {*}$args} "" "1 worker" {measure wsload one {*}$args} 1.1]
        contest "publish 64 B to $n subscribers, per delivery" \
            [list "1 worker" {measure wsload one {*}$args} "" "2 workers" {measure wsload two {*}$args} 1.2]
        puts "    the two workers were busy for [join [shares $before [workers two]] { and }] (of the busier)"
    }
}
# Compressed once, however many take it.
proc publish-deflate {} {
    global opt
    start_workers
    set n [lindex $opt(--subscribers) 0]
    set args [list -m bcast -c $n -s 1000 -T $opt(--seconds) -P /topic/sub -B /topic/pub]
    set before [dict get [stats one] websocket]
    set r [measure wsload one {*}$args -z]
    set after [dict get [stats one] websocket]
    foreach name {published delivered compressed} { set $name [expr {[dict get $after $name] - [dict get $before $name]}] }
    puts "publish 1000 B with permessage-deflate to $n: $published published, $delivered delivered, compressed $compressed times"
    if {$compressed != $published || $delivered < $published} { puts "  not once each"; incr ::failures }
    contest "publish 1000 B to $n subscribers, per delivery" \
        [list plain {measure wsload one {*}$args} "" deflate {measure wsload one {*}$args -z} ""]
}

# ---- memory of the idle, and handshakes

proc ws-idle {} {
    global opt
    after 2000                                 ;# the end of earlier connections is over
    foreach key {nsd nsdtls} {
        set n $opt(--idle)
        puts "$n idle sessions ($key), three times[expr {$key eq "nsd" ? {; goal <= 1 kB each} : {}}]"
        set first [rss nsd]
        for {set round 1} {$round <= 3} {incr round} {
            set r [measure wsload $key {*}[expr {$key eq "nsdtls" ? "-t" : ""}] -m idle -c $n -h 3 -P /echo/ws]
            after 2000
            if {![dict exists $r rss_open_kb]} continue
            puts [format "    round %d: %6.2f kB each, %6.2f kB after an echo (from the first round's start); %d kB after closing; idle CPU %.2f %%" \
                $round [expr {([dict get $r rss_open_kb] - $first) / double($n)}] \
                [expr {([dict get $r rss_echo_kb] - $first) / double($n)}] [rss nsd] [expr {100 * [dict get $r idle_cpu]}]]
            flush stdout
        }
    }
}
proc ws-shake {} {
    global opt
    set args [list -m churn -c 50 -s 64 -T $opt(--seconds) -S 20]
    contest "connect, upgrade, one echo, close; 50 at a time" \
        [list raw {measure wsload raw {*}$args} "" Tcl {measure wsload nsd {*}$args -P /echo/ws} 3 C {measure wsload nsd {*}$args -P /echo/c} ""]
    contest "the same over TLS" \
        [list raw {measure wsload rawtls -t {*}$args} "" Tcl {measure wsload nsdtls -t {*}$args -P /echo/ws} ""]
}

# ---- for a long time

proc soak {} {
    global opt server build
    start_workers
    set seconds [expr {int(60 * $opt(--minutes))}]
    puts "$opt(--soak) sessions, half of them over TLS, in rooms of ten join, talk, get cut and come back for $opt(--minutes) minutes"
    puts "      time   resident  descriptors  sessions  published  delivered"
    foreach {key tls} {two "" twotls -t} { measure wsload $key {*}$tls -c 10 -T 1 -P /echo/ws }       ;# all that it opens once is open
    after 2000
    set first [list [rss two] [fds two]]
    set before [dict get [stats two] websocket]
    set job [open |[list $build/bench/wssoak -p $server(two,port) -t $server(twotls,port) -c $opt(--soak) -T $seconds 2>@1] r]
    set row {{time} {
        set s [dict get [stats two] websocket]
        puts [format "    %6.1f m %7d kB %12d %9d %10d %10d" $time [rss two] [fds two] {*}[lmap n {sessions published delivered} { dict get $s $n }]]
        flush stdout
    }}
    apply $row 0.0
    for {set i 1} {$i <= 10} {incr i} {
        after [expr {100 * $seconds}]
        apply $row [expr {$i * $opt(--minutes) / 10.0}]
    }
    set line [read $job]
    set r [judge soak [catch {close $job}] $line]
    after 3000
    apply $row $opt(--minutes)
    set after [dict get [stats two] websocket]
    foreach name [dict keys $after] { dict set delta $name [expr {[dict get $after $name] - [dict get $before $name]}] }
    # The connection that asked for the counters may be closing still.
    for {set i 0} {$i < 50 && [fds two] != [lindex $first 1]} {incr i} { after 100 }
    foreach {what is should} [list \
        "messages that came in"  [dict get $delta messagesin]  [expr {[dict get $r said] + [dict get $r cuts]}] \
        "published"              [dict get $delta published]   [dict get $r said] \
        "accepted"               [dict get $delta accepted]    [dict get $delta closed] \
        "sessions left"          [dict get $after sessions]    0 \
        "descriptors"            [fds two]                     [lindex $first 1] \
        "lost words"             [dict get $r missing]         0] {
        puts [format "    %-24s %10d, to be %10d%s" $what $is $should [expr {$is == $should ? "" : "   WRONG"}]]
        if {$is != $should} { incr ::failures }
    }
    puts "    client: $line"
    set odd [dict filter $delta script {name n} { expr {$n != 0 && $name ni {sessions topics accepted closed messagesin messagesout bytesin bytesout pings pongs published delivered}} }]
    puts "    other counters that moved: $odd"
}
proc fds {key} {
    global server
    llength [glob -nocomplain -directory /proc/$server($key,pid)/fd *]
}
