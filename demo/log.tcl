# SPDX-License-Identifier: MPL-2.0
# Live tail of the server's log: /log is a WebSocket that gets the last lines, and each further one when it is logged.  For
# browsers on this machine alone, since a log tells a lot.
#
# `ns_logctl register` calls `logged` with all that is logged, in a thread of its own, of which at most 1000 lines wait for.
# What that thread logs itself is not passed on, so that the tail does not feed itself; nor are debugging messages here, since
# other threads may log one for each message they send.

namespace eval ::logtail {
    variable keep 200 maxLine 2000 maxViewers 100 pause 200       ;# lines, characters, sessions, milliseconds between two texts
    namespace export open message drain close
    namespace ensemble create -command ::logtail::session
}
nsv_set logtail lines {}
nsv_set logtail number 0
nsv_array set logtail_said {}
ns_logctl register ::logtail::logged
ns_register_proc GET /log ::logtail::accept

proc ::logtail::accept {} {
    variable maxViewers
    if {![::channels::loopback]} { return [ns_returnforbidden] }
    if {[llength [ns_websocket subscribers log]] >= $maxViewers} { return [ns_returnunavailable] }
    # One who is slow misses the oldest lines that wait for him.
    ns_websocket accept -maxmessage 1KB -maxsendbuffer 256KB -slow latest ::logtail::session
}

proc ::logtail::logged {severity time message} {
    variable keep
    variable maxLine
    if {[string match Debug* $severity]} { return }
    set line [::json::object number [nsv_incr logtail number] time [expr {int(1000 * [ns_time format $time])}] severity [::json::text $severity] \
                  text [::json::text [string range $message 0 $maxLine-1]]]
    # Under the lock a new viewer misses none.  A line that was published just before he came may reach him twice, hence the
    # numbers.
    ns_mutex eval logtail {
        nsv_set logtail lines [lrange [linsert [nsv_get logtail lines] end $line] end-[expr {$keep - 1}] end]
        ns_websocket publish -local log [::json::object line $line]
    }
}

proc ::logtail::open {chan} {
    ns_mutex eval logtail {
        ns_websocket send $chan [::json::object lines [::json::array [nsv_get logtail lines]]]
        ns_websocket subscribe $chan log
    }
}
# A text of the page, to be logged.
proc ::logtail::message {chan type text} {
    variable pause
    set now [clock milliseconds]
    set last 0
    nsv_get logtail_said $chan last
    if {$now - $last < $pause} { return [ns_websocket send $chan [::json::scalars error "Not so fast: one in $pause ms."]] }
    nsv_set logtail_said $chan $now
    ns_log notice "log page: [string trim [regsub -all {[[:cntrl:]]+} $text { }]]"
}
proc ::logtail::drain {chan}             { }
proc ::logtail::close {chan code reason} { nsv_unset -nocomplain logtail_said $chan }
