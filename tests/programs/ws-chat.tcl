# SPDX-License-Identifier: MPL-2.0
# A chat in the style of programs for NaviServer's websocket module: one room per URL, whoever comes says a name first.

namespace eval ::ws::chat {}

foreach url {/oldchat/one /oldchat/two} {
    ns_register_proc GET $url ::ws::chat::connect
}

proc ::ws::chat::connect {} {
    set room [ns_conn url]
    set channel [ws::handshake -callback [list ::ws::chat::handler -room $room]]
    ws::subscribe $channel $room
    ws::multicast $room [ws::build_msg "somebody came"]
    ws::log "chat: $channel is in $room"
}

proc ::ws::chat::handler {args} {
    ns_parseargs {-room channel message} $args
    if {[regexp {^name (.*)$} $message -> name]} {
        nsv_set oldchat $channel $name
        ws::send $channel [ns_connchan wsencode -opcode text "you are $name"]
        return
    }
    if {![nsv_exists oldchat $channel]} {
        ws::send $channel [ns_connchan wsencode -opcode text "say your name first"]
        return
    }
    if {$message eq "leave"} {
        ws::unsubscribe $channel $room
        ws::multicast $room [ws::build_msg "[nsv_get oldchat $channel] left"]
        nsv_unset oldchat $channel
        return
    }
    ws::multicast -exclude $channel $room [ws::build_msg "[nsv_get oldchat $channel]: [ns_quotehtml $message]"]
}
