# SPDX-License-Identifier: MPL-2.0
# /soak/ROOM, for bench/wssoak: what is said is told to all of the room, the speaker included; "cut" ends the session.

proc bench_soak {room event chan args} {
    switch $event {
        open {
            ns_websocket subscribe $chan $room
            ns_websocket send $chan joined
        }
        message {
            lassign $args type data
            if {$data eq "cut"} {
                ns_websocket close -code 4001 -reason "as you wish" $chan
            } else {
                ns_websocket publish $room $data
            }
        }
    }
}
ns_register_proc GET /soak { ns_websocket accept [list bench_soak [file tail [ns_conn url]]] }
