# SPDX-License-Identifier: MPL-2.0
#
# The state of an interpreter as a script that brings another one into the same state.
#
# What is written is the difference to the baseline: an interpreter that has nothing but its C commands.  The server
# sets ::nsd::blueprint::baseline where the state of an interpreter is taken.
#
# Not kept: TclOO classes and objects, coroutines, C commands that were renamed, variable traces.

namespace eval ::nsd::blueprint {}

# All namespaces from one down, parents first.
proc ::nsd::blueprint::namespaces {{ns ::}} {
    set list [list $ns]
    foreach child [namespace children $ns] {
        if {![string match ::oo* $child]} {
            lappend list {*}[namespaces $child]
        }
    }
    return $list
}

# Pattern for what is in a namespace.  Only its last part is taken as a pattern.
proc ::nsd::blueprint::inside {ns} {
    string cat [expr {$ns eq "::" ? "" : $ns}] ::*
}

proc ::nsd::blueprint::ensembles {commands} {
    set dict {}
    foreach cmd $commands {
        if {[namespace ensemble exists $cmd]} {
            dict set dict $cmd [namespace ensemble configure $cmd]
        }
    }
    return $dict
}

proc ::nsd::blueprint::packages {} {
    set list {}
    foreach name [package names] {
        if {![catch {package present $name} version]} {
            lappend list [list package provide $name $version]
        }
        foreach version [package versions $name] {
            lappend list [list package ifneeded $name $version [package ifneeded $name $version]]
        }
    }
    return $list
}

# What this interpreter consists of, as a dictionary: namespaces, commands, ensembles, packages.
proc ::nsd::blueprint::collect {} {
    set commands {}
    # This file's own were made by sourcing it.
    set namespaces [lsearch -all -inline -not -glob [namespaces] ::nsd*]
    foreach ns $namespaces {
        lappend commands {*}[info commands [inside $ns]]
    }
    dict create namespaces $namespaces commands $commands ensembles [ensembles $commands] packages [packages]
}

proc ::nsd::blueprint::procedure {name} {
    set args {}
    foreach arg [info args $name] {
        if {[info default $name $arg default]} {
            lappend args [list $arg $default]
        } else {
            lappend args $arg
        }
    }
    list proc $name $args [info body $name]
}

# Commands that set the variables of a namespace.
proc ::nsd::blueprint::variables {ns} {
    set out {}
    foreach name [info vars [inside $ns]] {
        if {[array exists $name]} {
            lappend out [list array set $name [array get $name]]
        } elseif {[info exists $name]} {
            lappend out [list set $name [set $name]]
        } else {
            lappend out [list namespace eval $ns [list variable [namespace tail $name]]]
        }
    }
    return $out
}

# Of the global variables only those that Tcl's own library works with.
proc ::nsd::blueprint::globals {} {
    set out {}
    foreach name {tcl_library tcl_pkgPath auto_path auto_oldpath} {
        if {[info exists ::$name]} {
            lappend out [list set ::$name [set ::$name]]
        }
    }
    lappend out [list array set ::auto_index [array get ::auto_index]]
}

# Exports, path and handler of unknown commands of a namespace.
proc ::nsd::blueprint::properties {ns} {
    set out {}
    set exports [namespace eval $ns {namespace export}]
    if {$exports ne ""} {
        lappend out [list namespace eval $ns [list namespace export -clear {*}$exports]]
    }
    set path [namespace eval $ns {namespace path}]
    if {$path ne ""} {
        lappend out [list namespace eval $ns [list namespace path $path]]
    }
    set unknown [namespace eval $ns {namespace unknown}]
    if {$unknown ni {{} ::unknown}} {
        lappend out [list namespace eval $ns [list namespace unknown $unknown]]
    }
    return $out
}

# Procs and imports of a namespace, appended to two lists.
proc ::nsd::blueprint::commandsOf {ns procsVar importsVar} {
    upvar 1 $procsVar procs $importsVar imports
    set own [info procs [inside $ns]]
    foreach cmd $own {
        if {[namespace origin $cmd] eq $cmd} {
            lappend procs [procedure $cmd]
        }
    }
    foreach cmd [info commands [inside $ns]] {
        set origin [namespace origin $cmd]
        if {$origin ne $cmd} {
            # What was exported when it was imported need not be any more.
            lappend imports [list ::nsd::blueprint::import $ns $origin]
        }
    }
}

proc ::nsd::blueprint::import {ns origin} {
    set from [namespace qualifiers $origin]
    if {$from eq ""} {
        set from ::
    }
    set exports [namespace eval $from {namespace export}]
    namespace eval $from [list namespace export -clear [namespace tail $origin]]
    namespace eval $ns [list namespace import -force $origin]
    namespace eval $from [list namespace export -clear {*}$exports]
}

proc ::nsd::blueprint::ensembleCommands {commands baseline} {
    set out {}
    dict for {cmd config} [ensembles $commands] {
        if {[dict exists $baseline $cmd]} {
            if {[dict get $baseline $cmd] ne $config} {
                set options [dict remove $config -namespace]
                lappend out [list namespace ensemble configure $cmd {*}$options]
            }
        } else {
            set ns [dict get $config -namespace]
            set options [dict remove $config -namespace]
            lappend out [list namespace eval $ns [list namespace ensemble create -command $cmd {*}$options]]
        }
    }
    return $out
}

# The whole script.
proc ::nsd::blueprint::script {} {
    variable baseline
    set out {}; set vars {}; set procs {}; set imports {}; set properties {}; set commands {}
    foreach library [info loaded {}] {
        lassign $library file package
        if {$file ne ""} {
            lappend out [list load $file $package]
        }
    }
    foreach ns [namespaces] {
        if {$ns ni [dict get $baseline namespaces]} {
            lappend out [list namespace eval $ns {}]
        }
        lappend commands {*}[info commands [inside $ns]]
        commandsOf $ns procs imports
        lappend properties {*}[properties $ns]
        if {$ns ni {:: ::nsd::blueprint}} {
            lappend vars {*}[variables $ns]
        }
    }
    # A dictionary is used as a set: there are hundreds.
    set exists {}
    foreach cmd $commands {
        dict set exists $cmd 1
    }
    foreach cmd [dict get $baseline commands] {
        if {![dict exists $exists $cmd]} {
            lappend out "catch [list [list rename $cmd {}]]"
        }
    }
    lappend out {*}[globals] {*}$vars {*}$procs {*}$properties {*}$imports
    lappend out {*}[ensembleCommands $commands [dict get $baseline ensembles]]
    foreach alias [interp aliases {}] {
        lappend out [list interp alias {} $alias {} {*}[interp alias {} $alias]]
    }
    set known [dict get $baseline packages]
    foreach command [packages] {
        if {$command ni $known} {
            lappend out $command
        }
    }
    lappend out [list package unknown [package unknown]]
    join $out \n
}
