# SPDX-License-Identifier: MPL-2.0
# /echo/ws: messages come back, by a Tcl handler.  /topic/sub and /topic/pub: what is sent to the second goes to all of the first.

namespace eval ::bench {}

proc ::bench::echo {event chan {type ""} {data ""}} {
    if {$event eq "message"} {
        if {$type eq "binary"} { ns_websocket send -binary $chan $data } else { ns_websocket send $chan $data }
    }
}
proc ::bench::subscriber {event chan args} {
    if {$event eq "open"} { ns_websocket subscribe $chan bench }
}
proc ::bench::publisher {event chan {type ""} {data ""}} {
    if {$event eq "message"} {
        if {$type eq "binary"} { ns_websocket publish -binary bench $data } else { ns_websocket publish bench $data }
    }
}

ns_register_proc GET /echo/ws   { ns_websocket accept ::bench::echo }
ns_register_proc GET /topic/sub { ns_websocket accept ::bench::subscriber }
ns_register_proc GET /topic/pub { ns_websocket accept ::bench::publisher }
