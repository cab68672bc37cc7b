# SPDX-License-Identifier: MPL-2.0
# /echo/ws: messages come back, by a Tcl handler.  /topic/sub and /topic/pub: what is sent to the second goes to all of the first.

namespace eval ::bench {
    namespace eval echo {
        namespace export message
        namespace ensemble create -unknown ::bench::ignore
    }
    namespace eval topic {
        namespace export open message
        namespace ensemble create -unknown ::bench::ignore
    }
}

# Events that a handler has no proc for.
proc ::bench::ignore {args} { list ::bench::nothing }
proc ::bench::nothing {args} {}

proc ::bench::echo::message {chan type data} {
    if {$type eq "binary"} { ns_websocket send -binary $chan $data } else { ns_websocket send $chan $data }
}

# Subscribers say so with -data.
proc ::bench::topic::open {chan} {
    if {[dict get [ns_websocket info $chan] data] eq "sub"} { ns_websocket subscribe $chan bench }
}
proc ::bench::topic::message {chan type data} {
    if {$type eq "binary"} { ns_websocket publish -binary bench $data } else { ns_websocket publish bench $data }
}

ns_register_proc GET /echo/ws   { ns_websocket accept ::bench::echo }
ns_register_proc GET /topic/sub { ns_websocket accept -data sub ::bench::topic }
ns_register_proc GET /topic/pub { ns_websocket accept ::bench::topic }
