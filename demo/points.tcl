# SPDX-License-Identifier: MPL-2.0
# A board of moving points: /points is a WebSocket whose sessions each have one.  All messages but the first are binary:
#     x y                    of a session: where its point is now, 16 bits each
#     messages {id x y} ...  to all who look, ten times a second: messages received so far (32 bits), and all points
# Who wants to look says so with the text `watch`, and is told `you ID`.
#
# While somebody looks, 100 sessions of this server itself are the crowd: clients that connect by ws, every other one by wss if
# that is served, and send where they are ten times a second, each message through its own connection.

namespace eval ::points {
    variable crowd 100 tick 100 maxSessions 500              ;# sessions, milliseconds, sessions
    namespace export open message drain close
    namespace ensemble create -command ::points::client
}
nsv_array set point {}                                       ;# id -> x y, as it came
nsv_array set point_client {}                                ;# channel -> its number in the crowd, once it is open
nsv_array set points {sessions 0 id 0 messages 0 last 0 running {}}

ns_register_proc GET /points ::points::accept

proc ::points::accept {} {
    variable maxSessions
    if {[nsv_get points sessions] >= $maxSessions} { return [ns_returnunavailable] }
    # Of what waits for one who is slow, only the newest is of interest.
    ns_websocket accept -deflate 0 -maxmessage 64 -maxsendbuffer 16KB -slow latest \
        [list ::points::session [nsv_incr points id]]
}

# ---- the sessions: the events of the WebSocket with its id

proc ::points::session {id event chan args} {
    switch $event {
        open    { nsv_incr points sessions }
        message { received $id $chan {*}$args }
        close   { nsv_incr points sessions -1; nsv_unset -nocomplain point $id }
    }
}
proc ::points::received {id chan type data} {
    if {$type eq "binary" && [string length $data] == 4} {
        nsv_incr points messages
        nsv_set point $id $data
    } elseif {$data eq "watch"} {
        ns_websocket send $chan "you [expr {$id % 65536}]"
        ns_websocket subscribe $chan points
        wake
    } else {
        ns_websocket close -code 1008 -reason "a point has four bytes" $chan
    }
}

# ---- ten times a second, while somebody looks: in the thread of scheduled procs

proc ::points::wake {} {
    ns_mutex eval points {
        if {[nsv_get points running] eq ""} { nsv_set points running [clock milliseconds]; ns_after 0 ::points::turn }
    }
}
proc ::points::turn {} {
    variable tick
    ns_mutex eval points {
        if {[set watched [expr {[ns_websocket topics points] ne ""}]]} {
            set due [nsv_incr points running $tick]
        } else {
            nsv_set points running ""
        }
    }
    if {!$watched} { return [dismiss] }
    # A turn that comes late does not make the next ones late, unless they would pile up.
    set now [clock milliseconds]
    if {$due < $now} { nsv_set points running [set due $now] }
    catch { ns_after [expr {max(1, $due - $now)}]ms ::points::turn }      ;# not when the server stops
    gather
    move $now
    publish
}

# All points in one message: 6 bytes each.
proc ::points::publish {} {
    set points {}
    dict for {id xy} [nsv_array get point] { append points [binary format S $id] $xy }
    ns_websocket publish -binary points [binary format I [nsv_get points messages]]$points
}

# ---- the crowd

# Those who are missing connect; nobody waits for them.
proc ::points::gather {} {
    variable crowd
    if {[nsv_array size point_client] >= $crowd} { return }
    set present [dict values [nsv_array get point_client]]
    for {set i 0} {$i < $crowd} {incr i} {
        if {$i ni $present} {
            set url [lindex [urls] [expr {$i % [llength [urls]]}]]
            nsv_set point_client [ns_websocket connect -insecure -deflate 0 -maxmessage 64KB $url ::points::client] $i
        }
    }
}
proc ::points::urls {} {
    set urls {}
    foreach {scheme module} {ws nssock wss nsssl} {
        if {[ns_config ns/modules $module] eq ""} { continue }
        set address [ns_config ns/module/$module address 127.0.0.1]
        set address [string map {0.0.0.0 127.0.0.1 :: ::1} $address]
        if {[string match *:* $address]} { set address "\[$address\]" }
        lappend urls $scheme://$address:[ns_config ns/module/$module port]/points
    }
    return $urls
}
# Everyone on a curve of his own.
proc ::points::move {now} {
    foreach {chan i} [nsv_array get point_client] {
        set t [expr {$now / 4000.0 + $i * 0.7}]
        set x [expr {int(32767 + 31000 * sin($t * (1 + $i % 3 * 0.31)) * cos($i))}]
        set y [expr {int(32767 + 31000 * cos($t * (1 + $i % 5 * 0.17) + $i))}]
        # Not connected yet; or never, and its close came before it was noted.
        if {[catch { ns_websocket send -binary $chan [binary format SS $x $y] }] && ![ns_connchan exists $chan]} {
            nsv_unset -nocomplain point_client $chan
        }
    }
}
proc ::points::dismiss {} {
    foreach chan [nsv_array names point_client] { catch { ns_websocket close $chan } }
}

proc ::points::open {chan}               { }
proc ::points::message {chan type data}  { }
proc ::points::drain {chan}              { }
proc ::points::close {chan code reason}  { nsv_unset -nocomplain point_client $chan }
