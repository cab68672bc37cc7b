# SPDX-License-Identifier: MPL-2.0
#
# ADP pages: what is Tcl all through.

# The debugger that ns_adp_debug starts, unless the parameter debuginit names another proc: TclPro's, whose file prodebug.tcl is looked for
# beside the server's libraries.  procs: patterns of the procs to look at.
proc ns_adp_debuginit {procs host port} {
    if {[info commands debugger_init] eq ""} {
        set file ""
        foreach folder [list [ns_library shared] [ns_library private] {*}$::auto_path] {
            if {[file readable [file join $folder prodebug.tcl]]} {
                set file [file join $folder prodebug.tcl]
                break
            }
        }
        if {$file eq ""} {
            error "ns_adp_debuginit: there is no prodebug.tcl"
        }
        uplevel #0 [list source -encoding utf-8 $file]
    }
    if {$host eq ""} { set host [expr {[ns_conn isconnected] ? [ns_conn peeraddr] : "localhost"}] }
    if {$port eq ""} { set port 2576 }
    if {![debugger_init $host $port]} {
        error "ns_adp_debuginit: no debugger at $host, port $port"
    }
    foreach proc [info procs] {
        foreach pattern $procs {
            if {[string match $pattern $proc]} {
                proc $proc [::nsd::adp::arguments $proc] "debugger_eval [list [info body $proc]]"
                break
            }
        }
    }
}

namespace eval ::nsd::adp {}

# The arguments of a proc with their defaults.
proc ::nsd::adp::arguments {proc} {
    lmap arg [info args $proc] {
        if {[info default $proc $arg value]} { list $arg $value } else { list $arg }
    }
}

# A <select> with an <option> for each value:  ns_htmlselect ?-multi? ?-sort? ?-labels labels? ?--? key values ?selected?
proc ns_htmlselect {args} {
    set usage {wrong # args: should be "ns_htmlselect ?-multi? ?-sort? ?-labels /labels/? ?--? /key/ /values/ ?/selected/?"}
    set multi 0; set sort 0; set labels ""; set given 0
    while {[string match -* [lindex $args 0]]} {
        set args [lassign $args option]
        switch -- $option {
            -multi  { set multi 1 }
            -sort   { set sort 1 }
            -labels { set given 1; set args [lassign $args labels] }
            --      { break }
            default { error $usage }
        }
    }
    if {[llength $args] ni {2 3}} {
        error $usage
    }
    lassign $args key values selected
    if {!$given} {
        set labels $values
    }
    if {[llength $labels] != [llength $values]} {
        error "ns_htmlselect: [llength $values] values, but [llength $labels] labels"
    }
    set pairs [lmap value $values label $labels {list $value $label}]
    if {$sort} {
        set pairs [lsort -dictionary -index 1 $pairs]
    }
    set html "<select name=\"[ns_quotehtml $key]\"[expr {$multi ? " multiple" : ""}]>\n"
    foreach pair $pairs {
        lassign $pair value label
        set chosen [expr {$multi ? $value in $selected : $value eq $selected && [llength $args] > 2}]
        append html "<option value=\"[ns_quotehtml $value]\"[expr {$chosen ? " selected" : ""}]>[ns_quotehtml $label]</option>\n"
    }
    append html "</select>"
}

# The attribute of a tag whose name and value are in a set: key="value", or nothing when it is not there.
proc ns_tagelement {set key} {
    if {[ns_set ifind $set $key] < 0} {
        return ""
    }
    return "$key=\"[ns_quotehtml [ns_set iget $set $key]]\""
}

# The same with its value, which is put into the set first, unless it has one.
proc ns_tagelementset {set key value} {
    if {[ns_set ifind $set $key] < 0} {
        ns_set put $set $key $value
    }
    ns_tagelement $set $key
}
