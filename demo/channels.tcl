# SPDX-License-Identifier: MPL-2.0
# What the server says of its channels, as JSON: /channels.  For this machine alone, since it names who is connected.

namespace eval ::channels {
    variable escapes {\\ \\\\ \" \\\"}
    for {set i 0} {$i < 32} {incr i} { lappend escapes [format %c $i] [format {\u%04x} $i] }
}

ns_register_proc GET /channels ::channels::report

proc ::channels::report {} {
    if {![loopback]} { return [ns_returnforbidden] }
    # name thread start driver peer sent received clientdata callback condition
    # name thread start driver peer sent received clientdata callback condition
    set channels [lmap row [ns_connchan list] {
        lassign $row name thread start driver peer sent received what
        scalars name $name driver $driver peer $peer sent $sent received $received what [string range $what 0 200]
    }]
    ns_set put [ns_conn outputheaders] Cache-Control no-store
    ns_return 200 application/json [object \
        channels [array $channels] \
        stats    [counters [ns_connchan stats]] \
        recent   [array [lmap entry [nsv_get video recent] { scalars {*}$entry }]] \
        jobs     [llength [ns_job jobs pi]]]
}

# Is it a program of this machine that asks?  Behind a proxy on this machine everybody seems to be.
proc ::channels::loopback {} { regexp {^(127\.|::1$|::ffff:127\.)} [ns_conn peeraddr -source direct] }

# ---- JSON

proc ::channels::object {args}  { return "{[join [lmap {name json} $args { string cat [text $name] : $json }] ,]}" }
proc ::channels::scalars {args} { object {*}[concat {*}[lmap {name value} $args { list $name [scalar $value] }]] }
proc ::channels::array {list}   { return "\[[join $list ,]\]" }
proc ::channels::scalar {value} { expr {[regexp {^(0|[1-9]\d{0,14})$} $value] ? $value : [text $value]} }
proc ::channels::text {value} {
    variable escapes
    return "\"[string map $escapes $value]\""
}
# The dictionary of ns_connchan stats: numbers, and under `workers` a list of such dictionaries.
proc ::channels::counters {stats} {
    object {*}[concat {*}[lmap {name value} $stats {
        list $name [expr {$name eq "workers" ? [array [lmap worker $value { counters $worker }]] : [scalar $value]}]
    }]]
}
