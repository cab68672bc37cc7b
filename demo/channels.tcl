# SPDX-License-Identifier: MPL-2.0
# What the server says of its channels, as JSON: /channels.  For this machine alone, since it names who is connected.

namespace eval ::channels { }

ns_register_proc GET /channels ::channels::report

proc ::channels::report {} {
    if {![loopback]} { return [ns_returnforbidden] }
    # name thread start driver peer sent received clientdata callback condition
    set channels [lmap row [ns_connchan list] {
        lassign $row name thread start driver peer sent received what
        ::json::scalars name $name driver $driver peer $peer sent $sent received $received what [string range $what 0 200]
    }]
    ns_set put [ns_conn outputheaders] Cache-Control no-store
    ns_return 200 application/json [::json::object \
        channels [::json::array $channels] \
        stats    [counters [ns_connchan stats]] \
        recent   [::json::array [lmap entry [nsv_get video recent] { ::json::scalars {*}$entry }]] \
        jobs     [llength [ns_job jobs pi]]]
}

# Is it a program of this machine that asks?  Behind a proxy on this machine everybody seems to be.
proc ::channels::loopback {} { regexp {^(127\.|::1$|::ffff:127\.)} [ns_conn peeraddr -source direct] }

# The dictionary of ns_connchan stats: numbers, and under `workers` a list of such dictionaries.
proc ::channels::counters {stats} {
    ::json::object {*}[concat {*}[lmap {name value} $stats {
        list $name [expr {$name eq "workers" ? [::json::array [lmap worker $value { counters $worker }]] : [::json::scalar $value]}]
    }]]
}
