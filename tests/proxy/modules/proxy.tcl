# SPDX-License-Identifier: MPL-2.0
# What tests/proxy/client.py asks for.

ns_register_proc GET /echo    { ns_websocket accept echo }
ns_register_proc GET /nopings { ns_websocket accept -pinginterval 0 echo }
ns_register_proc GET /quiet   { ns_websocket accept -pinginterval 0 quiet }
ns_register_proc GET /few     { ns_websocket accept -maxperip 3 echo }
ns_register_proc GET /peer    { ns_return 200 text/plain "[ns_conn peeraddr] [ns_conn peeraddr -source direct] [ns_set iget [ns_conn headers] Host]" }
ns_register_proc GET /ended   { ns_return 200 text/plain [expr {[nsv_exists ended [ns_queryget key]] ? [nsv_get ended [ns_queryget key]] : ""}] }
nsv_array set ended {}

proc quiet {args} {}
# A text "close CODE REASON" closes, "key K" has this session's end kept for /ended; all else comes back.
proc echo {event chan args} {
    switch $event {
        message {
            lassign $args type payload
            if {$type eq "binary"} {
                ns_websocket send -binary $chan $payload
            } elseif {[regexp {^close (\d+) (.*)$} $payload -> code reason]} {
                ns_websocket close -code $code -reason $reason $chan
            } elseif {[regexp {^key (\w+)$} $payload -> key]} {
                nsv_set keys $chan $key
                ns_websocket send $chan $payload
            } else {
                ns_websocket send $chan $payload
            }
        }
        close {
            if {[nsv_exists keys $chan]} { nsv_set ended [nsv_get keys $chan] $args }
        }
    }
}
nsv_array set keys {}
