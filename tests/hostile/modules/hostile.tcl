# SPDX-License-Identifier: MPL-2.0
# What the attacks and the witness talk to.

namespace eval hostile {}
# Sessions: an echo; one that says nothing; one whose handler needs MICROSECONDS each time.
proc hostile::sink {event chan args} {}
proc hostile::echo {event chan args} {
    if {$event eq "message"} { ns_websocket send $chan [lindex $args 1] }
}
proc hostile::work {microseconds event chan args} {
    set until [expr {[clock microseconds] + $microseconds}]
    while {[clock microseconds] < $until} {}
}
ns_register_proc GET /ws/echo { ns_websocket accept ::hostile::echo }
ns_register_proc GET /ws/sink { ns_websocket accept ::hostile::sink }
ns_register_proc GET /ws/work { ns_websocket accept {::hostile::work 130} }

# Six megabytes for who asks, in a session and on a channel.
ns_register_proc GET /ws/flood {
    set chan [ns_websocket accept -pinginterval 0 -maxsendbuffer 100MB ::hostile::sink]
    for {set i 0} {$i < 600} {incr i} { ns_websocket send $chan [string repeat x 10000] }
}
ns_register_proc GET /chan/flood {
    set chan [ns_connchan detach]
    ns_connchan write $chan "HTTP/1.1 200 OK\r\n\r\n[string repeat x 6000000]"
}

# A channel whose callback reads frames.
proc hostile::frames {chan when} {
    if {$when ni {r} || [catch { ns_connchan read -websocket $chan } got]} { return 0 }
    if {![dict get $got havedata]} { return [expr {[dict get $got bytes] > 0 || [dict get $got frame] ne "exception"}] }
    return 1
}
ns_register_proc GET /chan/frames {
    set chan [ns_connchan detach]
    ns_connchan write $chan "HTTP/1.1 200 OK\r\n\r\n"
    ns_connchan callback $chan hostile::frames rex
}

# A listening channel with TLS: its port.
ns_register_proc GET /listen {
    set listener [ns_connchan listen -tls -cert [ns_config ns/module/nsssl certificate] -timeout 20s 127.0.0.1 0 {apply {chan {
        ns_connchan write $chan "HTTP/1.0 200 OK\r\n\r\n"
        return 0
    }}}]
    ns_return 200 text/plain [dict get $listener port]
}
ns_register_proc GET /hello { ns_return 200 text/plain hello }
ns_register_proc GET /large { ns_return 200 text/plain [string repeat x 8000000] }
ns_register_proc POST /body { ns_return 200 text/plain [ns_conn contentlength] }
# Counters, a line each: ns_websocket stats, and of channels and drivers what has numbers.
ns_register_proc GET /counters {
    set lines {}
    foreach {prefix values} [list websocket. [ns_websocket stats] memory. [list input [dict get [ns_connchan stats] inputmemory] files [dict get [ns_connchan stats] inputfiles]]] {
        foreach {name value} $values {
            if {[string is double -strict $value]} { lappend lines "$prefix$name $value" }
        }
    }
    foreach thread [ns_driver stats -all] {
        foreach {name value} $thread { if {[string is integer -strict $value]} { dict incr sum $name $value } }
    }
    foreach {name value} $sum { lappend lines "driver.$name $value" }
    ns_return 200 text/plain [join $lines \n]
}
