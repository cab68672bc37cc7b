# SPDX-License-Identifier: MPL-2.0
# What the tests share: clients that do not use what they test, and ways to wait for an event instead of a time.
#
#   http ?options? METHOD URL ?BODY?      one request: {status ?header values? ?body?}
#   raw BYTES ?-tls 0|1? ?-ms n?          what the server answers to these bytes, until it closes or is silent
#   connect ?-tls 0|1?                    a client connection; send, recv, response, gone, hangup
#   wsconnect ?-tls 0|1? PATH             the same after a WebSocket handshake; frame, wsrecv
#   pair                                  {channel socket}: a channel, whose reads do not wait, and the plain Tcl socket at its other end
#   handler PATH SCRIPT ?METHODS?         a registered proc for the time of the test file
#   await SCRIPT ?ms?                     wait until SCRIPT is true
#   own FILES SCRIPT ?CONFIG ...?         a server in command mode of its own with these library files: {output log}
#   freeport                              a port for a server that is still to be started, or for nobody (freeport.tcl)
#   mark, logged PATTERN ?ms?             lines in the log since mark

namespace eval ::nstest {
    variable port    [ns_config nstest port]
    variable tlsport [ns_config nstest tlsport]
    variable home    [ns_config nstest home]
    variable conns   {}                        ;# name -> {kind handle eof}
    variable arrived                           ;# name -> bytes not yet taken; an array, so that they are appended in place
    variable handlers {}
    variable leftovers {}
    variable serial 0
    variable logmark 0
}

source -encoding utf-8 [file dirname [info script]]/freeport.tcl

# ---- waiting

# How long to wait for what must come: TIMES, tests/run's factor for the time limits, counts here too.
proc ::nstest::patience {ms} { expr {$ms * ([info exists ::env(TIMES)] ? $::env(TIMES) : 1)} }
# Evaluate SCRIPT in the caller until it is true; an error after `ms`.
proc ::nstest::await {script {ms 20000}} {
    set ms [patience $ms]
    set end [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $script]]} {
        if {[clock milliseconds] > $end} { error "waited $ms ms in vain for: $script" }
        pause 2
    }
    return 1
}
proc ::nstest::pause {ms} {
    variable serial
    set name ::nstest::pause[incr serial]
    after $ms [list set $name 1]
    vwait $name
    unset $name
}

# ---- client connections

# A connection to the server (or to -port), by a plain Tcl socket or, with -tls 1, by a TLS client channel.
proc ::nstest::connect {args} {
    variable port; variable tlsport; variable conns; variable serial
    set o [dict merge {-tls 0 -port {}} $args]
    if {[dict get $o -tls]} {
        set p [expr {[dict get $o -port] eq "" ? $tlsport : [dict get $o -port]}]
        set conn [list chan [ns_connchan connect -tls -insecure -timeout 20s 127.0.0.1 $p]]
        ns_connchan configure -receivetimeout 0 [lindex $conn 1]
    } else {
        set p [expr {[dict get $o -port] eq "" ? $port : [dict get $o -port]}]
        set sock [socket 127.0.0.1 $p]
        fconfigure $sock -translation binary -blocking 0 -buffering none
        set conn [list sock $sock]
    }
    set name client[incr serial]
    dict set conns $name [list {*}$conn 0]
    set ::nstest::arrived($name) ""
    return $name
}
proc ::nstest::hangup {args} {
    variable conns
    foreach name $args {
        if {![dict exists $conns $name]} continue
        lassign [dict get $conns $name] kind handle
        if {$kind eq "sock"} { catch {close $handle} } else { catch {ns_connchan close $handle} }
        dict unset conns $name
        unset ::nstest::arrived($name)
    }
}
# The Tcl socket behind a plain connection.
proc ::nstest::socketof {name} { variable conns; lindex [dict get $conns $name] 1 }

proc ::nstest::send {name bytes} {
    variable conns
    lassign [dict get $conns $name] kind handle
    if {$kind eq "sock"} {
        fconfigure $handle -blocking 1
        puts -nonewline $handle $bytes
        fconfigure $handle -blocking 0
    } else {
        ns_connchan write $handle $bytes
    }
    return
}
# Take what has arrived into the connection's buffer; false when there was nothing.
proc ::nstest::Fill {name} {
    variable conns; variable arrived
    lassign [dict get $conns $name] kind handle eof
    set got ""
    if {$eof} { return 0 }
    if {$kind eq "sock"} {
        if {[catch {read $handle} got]} { set got ""; set eof 1 }
        if {!$eof && [eof $handle]} { set eof 1 }
    } elseif {[catch {ns_connchan read $handle} got]} {
        set got ""; set eof 1
    }
    append arrived($name) $got
    dict set conns $name [list $kind $handle $eof]
    expr {$got ne "" || $eof}
}
# Bytes up to `n`, or until `until` (a regular expression) matches what came, the end, or `ms` of silence.
proc ::nstest::recv {name args} {
    variable conns; variable arrived
    set o [dict merge [list -bytes {} -until {} -ms [patience 20000]] $args]
    set end [expr {[clock milliseconds] + [dict get $o -ms]}]
    while 1 {
        if {[dict get $o -bytes] ne "" && [string length $arrived($name)] >= [dict get $o -bytes]} {
            set take [dict get $o -bytes]; break
        }
        if {[dict get $o -until] ne "" && [regexp -indices [dict get $o -until] $arrived($name) where]} {
            set take [expr {[lindex $where 1] + 1}]; break
        }
        if {[Fill $name]} {
            set end [expr {[clock milliseconds] + [dict get $o -ms]}]
        } elseif {[lindex [dict get $conns $name] 2] || [clock milliseconds] > $end} {
            set take [string length $arrived($name)]; break
        } else {
            pause 2
        }
    }
    set data [string range $arrived($name) 0 $take-1]
    set arrived($name) [string range $arrived($name) $take end]
    return $data
}
# Has the server closed (or does it within `ms`)?
proc ::nstest::gone {name {ms ""}} {
    variable conns
    if {$ms eq ""} { set ms [patience 20000] }
    if {[lindex [dict get $conns $name] 0] eq "chan"} { error "end of file is seen on plain connections only" }
    set end [expr {[clock milliseconds] + $ms}]
    while {![lindex [dict get $conns $name] 2]} {
        if {[clock milliseconds] > $end} { return 0 }
        if {![Fill $name]} { pause 2 }
    }
    return 1
}
# One response off the connection: {status N reason R version V headers {name value ...} body BYTES}; names in lower case.
# -head 1: it is the answer to HEAD.
proc ::nstest::response {name args} {
    set o [dict merge [list -head 0 -ms [patience 20000]] $args]
    set ms [dict get $o -ms]
    set head [recv $name -until {\r\n\r\n} -ms $ms]
    if {![regexp {^HTTP/(\d\.\d) (\d+) ?([^\r]*)\r\n} $head all version status reason]} {
        error "no status line in \"$head\""
    }
    set headers {}
    foreach line [split [string range $head [string length $all] end-4] \n] {
        if {[regexp {^([^:]+):\s*(.*?)\r?$} $line -> key value]} { lappend headers [string tolower $key] $value }
    }
    set body ""
    if {![dict get $o -head] && $status >= 200 && $status ni {204 304}} {
        if {[dict exists $headers transfer-encoding]} {
            while {[scan [recv $name -until {\r\n} -ms $ms] %x size] == 1 && $size > 0} {
                append body [recv $name -bytes $size -ms $ms]
                recv $name -bytes 2 -ms $ms
            }
            recv $name -bytes 2 -ms $ms
        } elseif {[dict exists $headers content-length]} {
            set body [recv $name -bytes [dict get $headers content-length] -ms $ms]
        } else {
            set body [recv $name -ms $ms]
        }
    }
    return [dict create status $status reason $reason version $version headers $headers body $body]
}

# ---- requests

# -http VERSION -setheaders {k v ...} -getheaders {name ...} -getbody 0|1 -encoding NAME -tls 0|1 -host NAME
proc ::nstest::http {args} {
    set o {-http 1.1 -setheaders {} -getheaders {} -getbody 0 -encoding utf-8 -tls 0 -host localhost -port {}}
    while {[string match -* [lindex $args 0]]} {
        if {![dict exists $o [lindex $args 0]]} { error "http: no option [lindex $args 0]" }
        dict set o {*}[lrange $args 0 1]
        set args [lrange $args 2 end]
    }
    lassign $args method url body
    set body [encoding convertto [dict get $o -encoding] $body]
    set text "$method $url HTTP/[dict get $o -http]\r\n"
    set names [string tolower [dict keys [dict get $o -setheaders]]]
    if {"host" ni $names} { append text "Host: [dict get $o -host]\r\n" }
    if {"connection" ni $names} { append text "Connection: close\r\n" }
    if {"content-length" ni $names && ($body ne "" || $method in {POST PUT})} {
        append text "Content-Length: [string length $body]\r\n"
    }
    foreach {key value} [dict get $o -setheaders] { append text "$key: $value\r\n" }
    set conn [connect -tls [dict get $o -tls] -port [dict get $o -port]]
    try {
        send $conn $text\r\n$body
        set answer [response $conn -head [expr {$method eq "HEAD"}]]
    } finally {
        hangup $conn
    }
    set result [dict get $answer status]
    foreach key [dict get $o -getheaders] {
        set key [string tolower $key]
        lappend result [expr {[dict exists $answer headers $key] ? [dict get $answer headers $key] : ""}]
    }
    if {[dict get $o -getbody]} { lappend result [encoding convertfrom [dict get $o -encoding] [dict get $answer body]] }
    return $result
}
proc ::nstest::https {args} { http -tls 1 {*}$args }

# What comes back for these bytes until the server closes, or says nothing for -ms.
proc ::nstest::raw {bytes args} {
    set o [dict merge [list -tls 0 -ms [patience 20000]] $args]
    set conn [connect -tls [dict get $o -tls]]
    send $conn $bytes
    set answer [recv $conn -ms [dict get $o -ms]]
    hangup $conn
    return $answer
}

# ---- WebSocket

# A frame as a client sends it: with a mask (-mask "" for none).
proc ::nstest::frame {fin opcode payload {mask 11223344}} {
    set n [string length $payload]
    set bit [expr {$mask eq "" ? 0 : 128}]
    set head [binary format c [expr {($fin << 7) | $opcode}]]
    if {$n < 126} { append head [binary format c [expr {$bit | $n}]]
    } elseif {$n < 65536} { append head [binary format cS [expr {$bit | 126}] $n]
    } else { append head [binary format cW [expr {$bit | 127}] $n] }
    if {$mask eq ""} { return $head$payload }
    set key [binary decode hex $mask]
    # by 32-bit words: a byte at a time is too slow for a megabyte
    binary scan $key I word
    set rest [expr {$n % 4}]
    binary scan $payload[string repeat \0 [expr {$rest ? 4 - $rest : 0}]] I* words
    set masked [lmap w $words { expr {$w ^ $word} }]
    return $head$key[string range [binary format I* $masked] 0 $n-1]
}
proc ::nstest::wsconnect {args} {
    set path [lindex $args end]
    set conn [connect {*}[lrange $args 0 end-1]]
    send $conn "GET $path HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    send $conn "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    set head [recv $conn -until {\r\n\r\n}]
    if {![string match "HTTP/1.1 101 *s3pPLMBiTxaQ9kYGzzhZRbK+xOo=*" $head]} { error "no handshake: $head" }
    return $conn
}
# The next frame: {fin opcode payload}, or "" at the end.
proc ::nstest::wsrecv {name {ms 20000}} {
    set head [recv $name -bytes 2 -ms $ms]
    if {[binary scan $head cucu first second] != 2} { return "" }
    if {$second & 128} { error "a server's frame must not be masked" }
    set n $second
    switch $second {
        126 { binary scan [recv $name -bytes 2 -ms $ms] Su n }
        127 { binary scan [recv $name -bytes 8 -ms $ms] Wu n }
    }
    list [expr {$first >> 7}] [expr {$first & 15}] [recv $name -bytes $n -ms $ms]
}

# ---- channels

# A client channel of nsd, and the plain Tcl socket that its peer has.
proc ::nstest::pair {} {
    variable serial
    set var ::nstest::accepted[incr serial]
    set listen [socket -server [list apply {{var sock args} { set $var $sock }} $var] -myaddr 127.0.0.1 0]
    set chan [ns_connchan connect 127.0.0.1 [lindex [fconfigure $listen -sockname] 2]]
    vwait $var
    set sock [set $var]; unset $var
    close $listen
    ns_connchan configure -receivetimeout 0 $chan
    fconfigure $sock -translation binary -blocking 0 -buffering none
    list $chan $sock
}
proc ::nstest::unpair {chan sock} { catch {ns_connchan close $chan}; catch {close $sock} }

# ---- registered procs

proc ::nstest::handler {path script {methods GET}} {
    variable handlers
    foreach method $methods {
        ns_register_proc $method $path $script
        lappend handlers $method $path
    }
}
proc ::nstest::cleanup {} {
    variable handlers; variable conns
    foreach {method path} $handlers { catch {ns_unregister_op $method $path} }
    set handlers {}
    hangup {*}[dict keys $conns]
}

# Channels that nobody has closed when the tests of a file are over, with their state: each is named once.
proc ::nstest::leftovers {} {
    variable leftovers
    set result {}
    if {[info commands ::ns_connchan] eq ""} { return }
    foreach server {test other} {
        set left {lmap row [ns_connchan list -server $server] { if {[list $server [lindex $row 0]] in $leftovers} continue; lindex $row 0 }}
        catch {await {[eval $left] eq ""}}
        foreach channel [eval $left] {
            lappend leftovers [list $server $channel]
            lappend result "$server $channel: [ns_connchan status -server $server $channel]"
        }
    }
    return $result
}

# ---- a server of its own

# FILES: name text ...  SCRIPT ends the server; its output, and the log.
proc ::nstest::own {modules script args} {
    variable serial; variable home
    set dir $home/own[incr serial]
    file mkdir $dir/modules
    foreach {name text} $modules { file mkdir [file dirname $dir/modules/$name]; set f [open $dir/modules/$name w]; puts $f $text; close $f }
    set f [open $dir/conf.tcl w]
    # Of slow callbacks a busy machine has some, and the log is looked at.
    puts $f "ns_section ns/parameters { ns_param home $dir; ns_param logdir $dir; ns_param commandlog file; ns_param slowcallback 0; ns_param tcllibrary [file dirname [ns_info config]]/../tcl }
        ns_section ns/server/default/tcl { ns_param library modules }"
    puts $f [join $args \n]
    close $f
    set f [open $dir/script.tcl w]; puts $f $script; close $f
    set out [exec [ns_info nsd] -c -d -t $dir/conf.tcl $dir/script.tcl 2>@1]
    set f [open $dir/nsd.log]; set log [read $f]; close $f
    list $out $log
}

# ---- the log

proc ::nstest::LogText {} {
    variable home; variable logmark
    set in [open $home/logs/nsd.log]
    seek $in $logmark
    set text [read $in]
    close $in
    return $text
}
# A thread of its own writes the log: what was logged until now is to be there.
proc ::nstest::LogWritten {} { await {[dict get [ns_logctl queue] waiting] == 0} }
proc ::nstest::mark {} { variable home; LogWritten; variable logmark [file size $home/logs/nsd.log] }
# Lines since mark that match; waits up to `ms` for the first one.
proc ::nstest::logged {pattern {ms 20000}} {
    LogWritten
    set end [expr {[clock milliseconds] + [patience $ms]}]
    while 1 {
        set lines [lsearch -all -inline [split [LogText] \n] *$pattern*]
        if {[llength $lines] || [clock milliseconds] > $end} { return $lines }
        pause 5
    }
}
