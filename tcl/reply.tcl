# SPDX-License-Identifier: MPL-2.0
#
# Small things about answers.

# How long the answer may be kept: ns_setexpires ?-cache-control public|private? seconds
proc ns_setexpires {args} {
    set cacheControl ""
    set seconds ""
    while {[llength $args] > 0} {
        set args [lassign $args word]
        if {$word eq "-cache-control"} {
            set args [lassign $args cacheControl]
        } elseif {$word ne "--"} {
            set seconds $word
        }
    }
    set when [expr {[ns_time] + $seconds}]
    set headers [ns_conn outputheaders]
    ns_set iupdate $headers expires [ns_httptime $when]
    if {$cacheControl ne ""} {
        ns_set iupdate $headers cache-control "max-age=$seconds, $cacheControl"
    }
}
