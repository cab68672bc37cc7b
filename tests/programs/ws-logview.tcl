# SPDX-License-Identifier: MPL-2.0
# A viewer of the server's log in the style of programs for NaviServer's websocket module: new lines go to all that look, each with a filter of
# its own.

namespace eval ::ws::logview {}

ns_register_proc GET /oldlog ::ws::logview::connect
nsv_set oldlog position [file size [ns_info log]]
nsv_set oldlog schedule [ns_schedule_proc -thread 1 ::ws::logview::poll]

proc ::ws::logview::connect {} {
    set channel [ws::handshake -callback ::ws::logview::filter]
    nsv_set oldlog pattern,$channel *
    ws::subscribe $channel logview
    ws::send $channel [ns_connchan wsencode -opcode text "watching [file tail [ns_info log]]"]
}

# What the viewer sends is the pattern of the lines that it wants to see.
proc ::ws::logview::filter {channel pattern} {
    nsv_set oldlog pattern,$channel $pattern
    ws::send $channel [ns_connchan wsencode -opcode text "pattern $pattern"]
}

proc ::ws::logview::poll {} {
    set log [open [ns_info log]]
    seek $log [nsv_get oldlog position]
    set lines [split [string trimright [read $log] \n] \n]
    nsv_set oldlog position [tell $log]
    close $log
    foreach channel [ns_websocket subscribers logview] {
        foreach line [lsearch -all -inline $lines [nsv_get oldlog pattern,$channel]] {
            if {$line ne ""} { ws::send $channel [ns_connchan wsencode -opcode text $line] }
        }
    }
}
