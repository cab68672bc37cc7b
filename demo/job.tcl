# SPDX-License-Identifier: MPL-2.0
# A request that is answered seconds later by a background job: /job?seconds=N.
#
# The thread that took the request detaches the connection, puts a job in a queue, and is free at once.  However many
# wait, they cost no connection thread; the queue says how many are computed at a time.

namespace eval ::job {
    variable maxSeconds 10 maxWaiting 20
}

ns_job create pi 2                                           ;# two at a time
ns_register_proc GET /job ::job::ask

proc ::job::ask {} {
    variable maxSeconds
    variable maxWaiting
    set seconds [ns_queryget seconds 3]
    if {![string is double -strict $seconds] || !($seconds > 0 && $seconds <= $maxSeconds)} {
        return [ns_returnbadrequest "seconds: more than 0, up to $maxSeconds"]
    }
    if {[llength [ns_job jobs pi]] >= $maxWaiting} {
        return [ns_return 503 application/json {{"error":"twenty wait already: ask again in a while"}}]
    }
    ns_conn clientdata "[ns_conn url], waits for a job"
    set asked [dict create milliseconds [clock milliseconds] thread [ns_thread name] seconds $seconds]
    set chan [ns_connchan detach]
    ns_connchan callback $chan [list ::job::event $chan] rx
    ns_job queue -detached pi [list ::job::run $chan $asked]
    ns_log notice "job: digits of pi are asked for, [llength [ns_job jobs pi]] wait or are computed"
}

# Meanwhile: the browser has gone (then nobody needs the job any more), or the server stops (then jobs that have not begun are
# dropped).  The job may end, and close the channel, in the same moment.
proc ::job::event {chan when} {
    try {
        if {$when eq "r"} { return [expr {[ns_connchan read $chan] ne ""}] }
        refuse $chan
    } on error {message} {
        ns_log debug "job: $chan: $message"
    }
    return 0
}

proc ::job::run {chan asked} {
    set began [clock milliseconds]
    set digits [pi [expr {$began + int(1000 * [dict get $asked seconds])}] $chan]
    try {
        if {[ns_info shutdownpending]} {
            refuse $chan
        } elseif {[ns_connchan exists $chan]} {
            respond $chan 200 OK [::json::scalars pi $digits requestThread [dict get $asked thread] jobThread [ns_thread name] \
                waited [expr {$began - [dict get $asked milliseconds]}] computed [expr {[clock milliseconds] - $began}]]
        }
        ns_connchan close $chan
    } on error {message} {
        ns_log debug "job: $chan: $message"                  ;# gone in this moment
    }
}
proc ::job::refuse {chan} { respond $chan 503 "Service Unavailable" {{"error":"the server stops"}} }
proc ::job::respond {chan status reason body} {
    ns_connchan write $chan "HTTP/1.1 $status $reason\r\nDate: [ns_httptime [clock seconds]]\r\nContent-Type: application/json\r\nContent-Length:\
[string length $body]\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n$body"
}

# Digits of pi until the time is over, one after the other (J. Gibbons' spigot, with Tcl's unlimited integers); or until
# nobody wants them any more.
proc ::job::pi {until chan} {
    lassign {1 0 1 1 3 3} q r t k n l
    set digits ""
    while {[clock milliseconds] < $until} {
        if {4*$q + $r - $t < $n*$t} {
            append digits $n
            if {![ns_connchan exists $chan] || [ns_info shutdownpending]} { break }
            lassign [list [expr {10*$q}] [expr {10*($r - $n*$t)}] [expr {10*(3*$q + $r)/$t - 10*$n}]] q r n
        } else {
            lassign [list [expr {$q*$k}] [expr {(2*$q + $r)*$l}] [expr {$t*$l}] [expr {($q*(7*$k + 2) + $r*$l)/($t*$l)}]] q r t n
            incr k
            incr l 2
        }
    }
    return [string index $digits 0].[string range $digits 1 end]
}
