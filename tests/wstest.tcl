# SPDX-License-Identifier: MPL-2.0
# What the WebSocket tests share, on top of nstest.tcl; sourced by each of them.  Handlers run in threads of the server: what they see is kept
# in nsv arrays, by channel.
#
#   wsserve ?options? PATH ?BODY?     a WebSocket at PATH: all events are kept, then BODY runs with `event chan args`
#   wspair ?-tls 0|1? ?-headers {..}? PATH    {connection channel}: a client that knows nothing but bytes, and the server's side
#   wsclient ?options? PATH ?BODY?    a client session of nsd: its channel
#   upgrade ?-tls 0|1? ?-headers {..}? ?-drop {..}? PATH     the answer to a handshake, as nstest::response; see -keep
#   events CHAN, awaitevent CHAN EVENT ?ms?, ended CHAN     what the handler saw; the arguments of its close
#   deflate DATA, inflate DATA        a message as permessage-deflate has it
#   wsstat NAME ...                   counters of ns_websocket stats

namespace eval ::nstest {
    # -data of tests and recorded events go by channel; what a body sets itself is in the array wsvar.
    variable record {nsv_lappend wsevent $chan [list $event {*}$args]}
}

proc ::nstest::wsfresh {} {
    foreach array {wsevent wsaccepted wsvar} { nsv_unset -nocomplain $array; nsv_array set $array {} }
}
proc ::nstest::wshandler {{body {}}} {
    variable record
    list apply [list {event chan args} "$record\n$body"]
}
proc ::nstest::wsserve {args} {
    set options {}
    while {[string match -* [lindex $args 0]]} {
        lappend options {*}[lrange $args 0 1]
        set args [lrange $args 2 end]
    }
    lassign $args path body
    nsv_unset -nocomplain wsaccepted $path
    handler $path [list apply {{path command} {
        nsv_lappend wsaccepted $path [{*}$command]
    }} $path [list ns_websocket accept {*}$options [wshandler $body]]]
}
# An echo as body.
set echo {
    if {$event eq "message"} {
        lassign $args type data
        if {$type eq "binary"} { ns_websocket send -binary $chan $data } else { ns_websocket send $chan $data }
    }
}

# The request of a handshake; -drop: headers to leave out.
proc ::nstest::wsrequest {path {headers {}} {drop {}}} {
    set all {Host localhost Upgrade websocket Connection Upgrade Sec-WebSocket-Key dGhlIHNhbXBsZSBub25jZQ== Sec-WebSocket-Version 13}
    foreach {key value} $headers { dict set all $key $value }
    set text "GET $path HTTP/1.1\r\n"
    dict for {key value} $all { if {$key ni $drop} { append text "$key: $value\r\n" } }
    return $text\r\n
}
proc ::nstest::upgrade {args} {
    set path [lindex $args end]
    set o [dict merge {-tls 0 -headers {} -drop {} -keep {} -behind {}} [lrange $args 0 end-1]]
    set conn [connect -tls [dict get $o -tls]]
    send $conn [wsrequest $path [dict get $o -headers] [dict get $o -drop]][dict get $o -behind]
    try {
        set answer [response $conn]
    } finally {
        if {[dict get $o -keep] eq ""} { hangup $conn } else { upvar 1 [dict get $o -keep] keep; set keep $conn }
    }
    return $answer
}
proc ::nstest::wspair {args} {
    set path [lindex $args end]
    set before [llength [accepted $path]]
    set answer [upgrade {*}[lrange $args 0 end-1] -keep conn $path]
    if {[dict get $answer status] != 101} { hangup $conn; error "refused: $answer" }
    await {[llength [accepted $path]] > $before}
    list $conn [lindex [accepted $path] $before]
}
proc ::nstest::wsurl {path {tls 0}} {
    variable port; variable tlsport
    return [expr {$tls ? "wss://localhost:$tlsport" : "ws://localhost:$port"}]$path
}
proc ::nstest::wsclient {args} {
    set options {}; set tls 0
    while {[string match -* [lindex $args 0]]} {
        if {[lindex $args 0] eq "-tls"} { set tls [lindex $args 1]; if {$tls} { lappend options -insecure }
        } else { lappend options {*}[lrange $args 0 1] }
        set args [lrange $args 2 end]
    }
    lassign $args path body
    if {![regexp {^wss?:} $path]} { set path [wsurl $path $tls] }
    ns_websocket connect {*}$options $path [wshandler $body]
}

# What accept returned at PATH, in order.
proc ::nstest::accepted {path} { expr {[nsv_exists wsaccepted $path] ? [nsv_get wsaccepted $path] : ""} }
proc ::nstest::events {chan} { expr {[nsv_exists wsevent $chan] ? [nsv_get wsevent $chan] : ""} }
proc ::nstest::awaitevent {chan event {ms 20000}} {
    await {[lsearch -index 0 [events $chan] $event] >= 0} $ms
    lindex [events $chan] [lsearch -index 0 [events $chan] $event]
}
# {code reason} of the close, when it has come, and nothing may follow it.
proc ::nstest::ended {chan {ms 20000}} {
    awaitevent $chan close $ms
    await {![ns_connchan exists $chan]}
    set closes [lsearch -all -inline -index 0 [events $chan] close]
    if {[llength $closes] != 1 || [lindex [events $chan] end 0] ne "close"} { error "events: [events $chan]" }
    lrange [lindex $closes 0] 1 end
}
proc ::nstest::texts {chan} {
    lmap event [lsearch -all -inline -index 0 [events $chan] message] { lindex $event 2 }
}
# The next frame is a close: {code reason}; else the frame.
proc ::nstest::closeframe {conn {ms 20000}} {
    set frame [wsrecv $conn $ms]
    if {[lindex $frame 1] ne 8} { return $frame }
    set payload [lindex $frame 2]
    if {$payload eq ""} { return {} }
    binary scan $payload Su code
    list $code [encoding convertfrom utf-8 [string range $payload 2 end]]
}
proc ::nstest::closing {conn code {reason {}}} {
    send $conn [frame 1 8 [binary format S $code][encoding convertto utf-8 $reason]]
}

proc ::nstest::deflate {data {stream {}}} {
    set own [expr {$stream eq ""}]
    if {$own} { set stream [zlib stream deflate] }
    $stream put -flush $data
    set out [$stream get]
    if {$own} { $stream close }
    string range $out 0 end-4
}
proc ::nstest::inflate {data {stream {}}} {
    set own [expr {$stream eq ""}]
    if {$own} { set stream [zlib stream inflate] }
    $stream put -flush $data\x00\x00\xff\xff
    set out [$stream get]
    if {$own} { $stream close }
    return $out
}
# A frame with RSV1.
proc ::nstest::zframe {payload {fin 1} {opcode 1}} {
    set frame [frame $fin $opcode $payload]
    binary scan $frame cu first
    return [binary format c [expr {$first | 64}]][string range $frame 1 end]
}

proc ::nstest::wsstat {args} {
    set stats [ns_websocket stats]
    lmap name $args { dict get $stats $name }
}
