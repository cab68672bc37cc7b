# SPDX-License-Identifier: MPL-2.0
# /echo/chan: WebSocket messages come back as they are, by a Tcl callback on a channel.  Also used by tests/clients.

namespace eval ::echo {}

proc ::echo::upgrade {} {
    set key [ns_set iget [ns_conn headers] sec-websocket-key]
    if {$key eq "" || ![string equal -nocase [ns_set iget [ns_conn headers] upgrade] websocket]} {
        return [ns_return 400 text/plain "This is the address of a WebSocket.\n"]
    }
    set accept [ns_crypto::md string -digest sha1 -encoding base64 ${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11]
    set chan [ns_connchan detach]
    ns_connchan write $chan "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n"
    # Behind the answer: what arrives waits for the callback, but the callback would not wait for the answer.
    ns_connchan callback $chan [list ::echo::event $chan] rex
}

proc ::echo::event {chan when} {
    if {$when ne "r"} { return 0 }
    set first 1
    while 1 {
        set frame [ns_connchan read -websocket $chan]
        if {[dict exists $frame payload]} {
            switch [dict get $frame opcode] {
                1 { ns_connchan write $chan [ns_connchan wsencode -binary -opcode text   [dict get $frame payload]] }
                2 { ns_connchan write $chan [ns_connchan wsencode -binary -opcode binary [dict get $frame payload]] }
                9 { ns_connchan write $chan [ns_connchan wsencode -binary -opcode pong   [dict get $frame payload]] }
                8 {
                    ns_connchan write $chan [ns_connchan wsencode -binary -opcode close [string range [dict get $frame payload] 0 1]]
                    return 0
                }
            }
        } elseif {$first && [dict get $frame bytes] == 0} {
            return 0
        }
        if {![dict get $frame havedata]} { return 1 }
        set first 0
    }
}

ns_register_proc GET /echo/chan ::echo::upgrade
