# SPDX-License-Identifier: MPL-2.0
#
# The state of an interpreter as a script that brings another one into the same state.
#
# What is written is the difference to the baseline: an interpreter that has nothing but its C commands.  The server
# sets ::nsd::blueprint::baseline where the state of an interpreter is taken.  Objects are the matter of blueprint-oo.tcl
# (TclOO) and blueprint-nsf.tcl (NX, XOTcl).
#
# A namespace of somebody's package may have commands of the names of Tcl's own: all of these are called by their full
# names, here and in what is written.  The server evaluates the script once at the start, statement by statement: what
# fails is dropped, and told in the log.  It then compares the commands (::nsd::blueprint::missing).
#
# Not kept: commands that C code made at run time (documents of tdom, database handles, child interpreters), coroutines.

::namespace eval ::nsd::blueprint {}

# All namespaces from one down, parents first, but for those of the objects that every interpreter has: their names differ.
proc ::nsd::blueprint::namespaces {{ns ::}} {
    set without [oo::basic]
    set list {}
    set next [list $ns]
    while {$next ne ""} {
        set next [lassign $next ns]
        if {![dict exists $without $ns]} {
            lappend list $ns
            lappend next {*}[::namespace children $ns]
        }
    }
    return $list
}

# Pattern for what is in a namespace.  Only its last part is taken as a pattern.
proc ::nsd::blueprint::inside {ns} {
    string cat [expr {$ns eq "::" ? "" : $ns}] ::*
}

# Is a namespace one of a dictionary's keys, or below one?
proc ::nsd::blueprint::within {ns roots} {
    while {$ns ni {{} ::}} {
        if {[dict exists $roots $ns]} {
            return 1
        }
        set ns [::namespace qualifiers $ns]
    }
    return 0
}

# A dictionary used as a set: there are thousands.
proc ::nsd::blueprint::asSet {list} {
    set dict {}
    foreach elem $list {
        dict set dict $elem 1
    }
    return $dict
}

# Evaluate SCRIPT, and let the log name WHAT cannot be kept when it fails.
proc ::nsd::blueprint::attempt {what script} {
    if {[catch {uplevel 1 $script} message]} {
        ns_log warning "interp: $what cannot be copied to other interpreters: $message"
    }
}

proc ::nsd::blueprint::ensembles {commands} {
    set dict {}
    foreach cmd $commands {
        if {[::namespace ensemble exists $cmd]} {
            dict set dict $cmd [::namespace ensemble configure $cmd]
        }
    }
    return $dict
}

# Two lists of commands: how packages are found, and which are there.
proc ::nsd::blueprint::packages {} {
    set ifneeded {}; set provided {}
    foreach name [::package names] {
        if {![catch {::package present $name} version]} {
            lappend provided [list ::package provide $name $version]
        }
        foreach version [::package versions $name] {
            lappend ifneeded [list ::package ifneeded $name $version [::package ifneeded $name $version]]
        }
    }
    list $ifneeded $provided
}

# Every command of every namespace.
proc ::nsd::blueprint::commands {} {
    set list {}
    foreach ns [namespaces] {
        lappend list {*}[::info commands [inside $ns]]
    }
    return $list
}

# Those of the commands in `whole` that are not here: names to be logged.
proc ::nsd::blueprint::missing {} {
    variable whole
    set here [asSet [commands]]
    set list [lmap cmd $whole {
        if {[dict exists $here $cmd]} {
            continue
        }
        set cmd
    }]
    set rest [expr {[llength $list] - 20}]
    if {$rest > 0} {
        return "[lrange $list 0 19] and $rest more"
    }
    return $list
}

# What this interpreter consists of, as a dictionary: namespaces, commands, ensembles, packages, objects.
proc ::nsd::blueprint::collect {} {
    # This file's own were made by sourcing it.
    set namespaces [lsearch -all -inline -not -glob [namespaces] ::nsd*]
    set commands [lsearch -all -inline -not -glob [commands] ::nsd::*]
    dict create namespaces $namespaces commands $commands ensembles [ensembles $commands] \
        packages [concat {*}[packages]] objects [oo::states]
}

# What Tcl's own library adds to it: loading a shared library may need that.
proc ::nsd::blueprint::library {} {
    lsearch -all -inline -not -glob [::info procs ::*] ::nsd*
}

# The statement that makes a proc.  `proc` itself may have got another name.
proc ::nsd::blueprint::procedure {name {proc ::proc}} {
    set args {}
    foreach arg [::info args $name] {
        if {[::info default $name $arg default]} {
            lappend args [list $arg $default]
        } else {
            lappend args $arg
        }
    }
    list $proc $name $args [::info body $name]
}

# The script may be evaluated in an interpreter that has the trace already: it must not see what is made anew.
proc ::nsd::blueprint::untrace {kind name ops command} {
    catch {::trace remove $kind $name $ops $command}
}

# Append what a variable, a command has of traces to two lists of an array.
proc ::nsd::blueprint::traces {kind name stateVar} {
    upvar 1 $stateVar state
    foreach trace [lreverse [::trace info $kind $name]] {
        if {[lindex $trace 1 0] ne "::nsd::blueprint::renamed"} {
            lappend state(untraces) [list ::nsd::blueprint::untrace $kind $name {*}$trace]
            lappend state(traces) [list ::trace add $kind $name {*}$trace]
        }
    }
}

# The value of a variable elsewhere.  What has a child interpreter's name there (snit keeps its compiler so) has none, for its
# package to make another one.
proc ::nsd::blueprint::value {name} {
    variable whole
    set value [set $name]
    if {$value ne "" && $value in [::interp slaves]} {
        set whole [lsearch -all -inline -exact -not $whole ::$value]
        return ""
    }
    return $value
}

# Commands that set the variables of a namespace.
proc ::nsd::blueprint::variables {ns stateVar} {
    upvar 1 $stateVar state
    set out {}
    foreach name [::info vars [inside $ns]] {
        traces variable $name state
        if {[array exists $name]} {
            lappend out [list ::namespace eval $ns [list ::variable [::namespace tail $name]]]
            lappend out [list ::array set $name [array get $name]]
        } elseif {[info exists $name]} {
            lappend out [list ::set $name [value $name]]
        } else {
            lappend out [list ::namespace eval $ns [list ::variable [::namespace tail $name]]]
        }
    }
    return $out
}

# Of the global variables only those that Tcl's own library works with.
proc ::nsd::blueprint::globals {} {
    set out {}
    foreach name {tcl_library tcl_pkgPath auto_path auto_oldpath} {
        if {[info exists ::$name]} {
            lappend out [list ::set ::$name [set ::$name]]
        }
    }
    lappend out [list ::array set ::auto_index [array get ::auto_index]]
}

# Exports, path and handler of unknown commands of a namespace.
proc ::nsd::blueprint::properties {ns} {
    set out {}
    set exports [::namespace eval $ns {::namespace export}]
    if {$exports ne ""} {
        lappend out [list ::namespace eval $ns [list ::namespace export -clear {*}$exports]]
    }
    set path [::namespace eval $ns {::namespace path}]
    if {$path ne ""} {
        lappend out [list ::namespace eval $ns [list ::namespace path $path]]
    }
    set unknown [::namespace eval $ns {::namespace unknown}]
    if {$unknown ni {{} ::unknown}} {
        lappend out [list ::namespace eval $ns [list ::namespace unknown $unknown]]
    }
    return $out
}

# Procs, imports and traces of the commands of a namespace, appended to the lists of an array.
proc ::nsd::blueprint::commandsOf {ns stateVar} {
    upvar 1 $stateVar state
    foreach cmd [::info procs [inside $ns]] {
        if {[::namespace origin $cmd] eq $cmd} {
            if {[dict exists $state(given) $cmd]} {
                lappend state(overrides) [procedure $cmd [renamedTo ::proc]]
            } else {
                lappend state(procs) [procedure $cmd]
            }
        }
    }
    foreach cmd [::info commands [inside $ns]] {
        set origin [::namespace origin $cmd]
        if {$origin ne $cmd} {
            lappend state(imports) [list ::nsd::blueprint::import $cmd $origin]
        }
        foreach kind {command execution} {
            traces $kind $cmd state
        }
    }
}

# Make CMD the import of ORIGIN that it was, maybe under another name.
proc ::nsd::blueprint::import {cmd origin} {
    set from [::namespace qualifiers $origin]
    if {$from eq ""} {
        set from ::
    }
    set ns [::namespace qualifiers $cmd]
    set name [::namespace tail $origin]
    set direct [expr {[::namespace tail $cmd] eq $name}]
    set target [expr {!$direct ? "::nsd::blueprint::imported" : $ns eq "" ? "::" : $ns}]
    # What was exported when it was imported need not be any more.
    set exports [::namespace eval $from {::namespace export}]
    ::namespace eval $from [list ::namespace export -clear [string map {* \\* ? \\? [ \\[ ] \\] \\ \\\\} $name]]
    ::namespace eval $target [list ::namespace import -force [string map {* \\* ? \\? [ \\[ ] \\] \\ \\\\} $origin]]
    ::namespace eval $from [list ::namespace export -clear {*}$exports]
    if {!$direct} {
        if {[::namespace which -command $cmd] eq $cmd} {
            ::rename $cmd {}
        }
        ::rename ${target}::$name $cmd
    }
}

proc ::nsd::blueprint::ensembleCommands {commands baseline} {
    set out {}
    dict for {cmd config} [ensembles $commands] {
        set ns [dict get $config -namespace]
        set options [dict remove $config -namespace]
        if {![dict exists $baseline $cmd]} {
            lappend out [list ::namespace eval $ns [list ::namespace ensemble create -command $cmd {*}$options]]
        } elseif {[dict get $baseline $cmd] ne $config} {
            lappend out [list ::namespace ensemble configure $cmd {*}$options]
        }
    }
    return $out
}

# ---- commands in C that get another name: `rename puts _puts; proc puts ...`

# Those of the baseline, and of C modules.
proc ::nsd::blueprint::given {} {
    variable baseline
    variable extra
    concat [dict get $baseline commands] $extra
}

proc ::nsd::blueprint::watch {} {
    variable baseline
    variable renames
    variable extra
    if {![info exists renames]} {
        set known [asSet [concat [dict get $baseline commands] [::info procs ::*]]]
        set extra [lmap cmd [commands] {
            if {[dict exists $known $cmd] || [string match ::nsd::* $cmd] || [::info procs $cmd] ne ""} {
                continue
            }
            set cmd
        }]
        set renames {}
    }
    foreach cmd [given] {
        set now [expr {[dict exists $renames $cmd] ? [dict get $renames $cmd] : $cmd}]
        if {[::namespace which -command $now] eq $now} {
            ::trace add command $now {rename delete} [list ::nsd::blueprint::renamed $cmd]
        }
    }
}

proc ::nsd::blueprint::renamed {cmd old new op} {
    variable renames
    if {$new in [list "" $cmd]} {
        dict unset renames $cmd
    } else {
        dict set renames $cmd $new
    }
}

proc ::nsd::blueprint::renamedTo {cmd} {
    variable renames
    if {[info exists renames] && [dict exists $renames $cmd]} {
        return [dict get $renames $cmd]
    }
    return $cmd
}

# In an interpreter of an earlier blueprint the command may have been moved before, and its name be that of somebody's proc.
proc ::nsd::blueprint::move {cmd now} {
    set from [renamedTo $cmd]
    if {[::namespace which -command $now] ne $now && [::namespace which -command $from] eq $from} {
        ::rename $from $now
    }
}

# Statements that give commands their other names, after those that use the old ones.
proc ::nsd::blueprint::moves {} {
    variable renames
    variable extra
    set out {}
    dict for {cmd now} $renames {
        lappend out [list ::nsd::blueprint::move $cmd $now]
    }
    lappend out [list ::set ::nsd::blueprint::renames $renames] [list ::set ::nsd::blueprint::extra $extra]
}

# Statements that take away commands; the last of the script.
proc ::nsd::blueprint::removals {exists} {
    variable renames
    set out {}
    foreach cmd [given] {
        if {![dict exists $exists $cmd] && ![dict exists $renames $cmd]} {
            lappend out "::catch [list [list [renamedTo ::rename] $cmd {}]]"
        }
    }
    return $out
}

# ---- the whole script

# Everything of the namespaces that is none of an object's, in the lists of an array.
proc ::nsd::blueprint::survey {spaces stateVar} {
    upvar 1 $stateVar state
    foreach ns $spaces {
        attempt "namespace $ns" {
            commandsOf $ns state
            lappend state(properties) {*}[properties $ns]
            if {$ns ni {:: ::nsd::blueprint}} {
                lappend state(vars) {*}[variables $ns state]
            }
        }
    }
}

# Load a shared library, unless it is: `load` may have been taken away since.  What it makes belongs into the global namespace.
proc ::nsd::blueprint::loaded {file package} {
    if {[list $file $package] ni [::info loaded {}]} {
        uplevel #0 [list ::load $file $package]
    }
}

proc ::nsd::blueprint::loads {} {
    set out {}
    foreach library [lreverse [::info loaded {}]] {
        lassign $library file package
        if {$file ne ""} {
            lappend out [list ::nsd::blueprint::loaded $file $package]
        }
    }
    return $out
}

# Namespaces made by statements; those of the baseline are there.
proc ::nsd::blueprint::creations {spaces} {
    variable baseline
    lmap ns $spaces {
        if {$ns in [dict get $baseline namespaces]} {
            continue
        }
        list ::namespace eval $ns {}
    }
}

proc ::nsd::blueprint::aliases {} {
    lmap alias [::interp aliases {}] {
        list [renamedTo ::interp] alias {} $alias {} {*}[::interp alias {} $alias]
    }
}

# The members of a list of statements that the baseline has not.
proc ::nsd::blueprint::fresh {statements known} {
    lmap statement $statements {
        if {[dict exists $known $statement]} {
            continue
        }
        set statement
    }
}

# This file's own procs, which the script itself uses.
proc ::nsd::blueprint::own {} {
    set out {}
    foreach ns [namespaces ::nsd::blueprint] {
        lappend out [list ::namespace eval $ns {}] {*}[lmap name [::info procs [inside $ns]] {procedure $name}]
    }
    return $out
}

proc ::nsd::blueprint::script {} {
    variable baseline
    variable whole [commands]                     ;# before a serializer adds its own
    array set state {procs {} overrides {} imports {} untraces {} traces {} properties {} vars {}}
    lassign [oo::statements] shells fillings
    set frameworks [nsf::statements]
    set plain {}; set inObjects {}
    foreach ns [namespaces] {
        if {[within $ns {::nsd::blueprint 1}] || [nsf::owns $ns]} {
            continue
        }
        lappend [expr {[within $ns [oo::spaces]] ? "inObjects" : "plain"}] $ns
    }
    set commands [commands]
    set state(given) [asSet [given]]
    survey $plain state
    set library [lmap name [dict get $baseline library] {
        if {[::info procs $name] eq ""} {
            continue
        }
        procedure $name
    }]
    lassign [packages] ifneeded provided
    set known [asSet [dict get $baseline packages]]
    # Shared libraries come before namespaces: some insist on making their own.
    join [concat [globals] [own] $library [list [list ::package unknown [::package unknown]]] [fresh $ifneeded $known] [loads] ::nsd::blueprint::modules \
              [creations $plain] $state(untraces) $state(vars) $state(procs) $frameworks $shells $fillings [oo::contents $inObjects] \
              [fresh $provided $known] $state(properties) [moves] $state(overrides) $state(imports) \
              [ensembleCommands $commands [dict get $baseline ensembles]] [aliases] $state(traces) [removals [asSet $commands]]] \n
}

# Where a state is to be taken, the baseline is known.
if {[info exists ::nsd::blueprint::baseline]} {
    ::nsd::blueprint::watch
}
