# SPDX-License-Identifier: MPL-2.0
#
# TclOO classes and objects for the blueprint: first every object as an empty one with its name and its namespace, then
# superclasses, classes and what they define.  No constructor runs: the variables in an object's namespace are copied.

::namespace eval ::nsd::blueprint::oo {}

# Objects of other systems that are built on TclOO: itcl makes its own.
proc ::nsd::blueprint::oo::foreign {object} {
    expr {[string match ::itcl::* $object] || [string match ::itcl::* [::info object class $object]]}
}

# All classes below one, itself first.
proc ::nsd::blueprint::oo::classes {{class ::oo::object}} {
    set list [list $class]
    foreach sub [::info class subclasses $class] {
        if {![foreign $sub]} {
            lappend list {*}[classes $sub]
        }
    }
    lsort -unique $list
}

# All objects, classes among them.
proc ::nsd::blueprint::oo::objects {} {
    set dict {}
    foreach class [classes] {
        foreach object [::info class instances $class] {
            if {![foreign $object]} {
                dict set dict $object 1
            }
        }
    }
    dict keys $dict
}

# The namespaces of the objects of a bare interpreter, as a dictionary.
proc ::nsd::blueprint::oo::basic {} {
    variable ::nsd::blueprint::baseline
    set dict {}
    foreach object [expr {[info exists baseline] ? [dict keys [dict get $baseline objects]] : [objects]}] {
        if {[::info object isa object $object]} {
            dict set dict [::info object namespace $object] 1
        }
    }
    return $dict
}

# The statements that make one method.  KIND is class or object.
proc ::nsd::blueprint::oo::method {kind object name define} {
    switch [::info $kind methodtype $object $name] {
        method  { list [list $define $object method $name {*}[::info $kind definition $object $name]] }
        forward { list [list $define $object forward $name {*}[::info $kind forward $object $name]] }
    }
}

# Which names are visible beyond what a parent shows, and which are hidden.
proc ::nsd::blueprint::oo::visibility {kind object parents define} {
    set out {}
    set own [::info $kind methods $object]
    foreach name [::info $kind methods $object -private] {
        set capital [expr {![string match {[a-z]*} $name]}]
        if {$name in $own && $capital} {
            lappend out [list $define $object export $name]
        } elseif {$name ni $own && !$capital} {
            lappend out [list $define $object unexport $name]
        }
    }
    # Names that are not defined here, but were exported or hidden here.
    set visible [::info $kind methods $object -all]
    set local [::info $kind methods $object -private]
    foreach parent $parents {
        set shown [::info class methods $parent -all]
        foreach name [::info class methods $parent -all -private] {
            if {$name in $local || ($name in $shown) == ($name in $visible)} {
                continue
            }
            lappend out [list $define $object [expr {$name in $visible ? "export" : "unexport"}] $name]
        }
    }
    lsort -unique $out
}

# Mixins, filters and variables.
proc ::nsd::blueprint::oo::slots {kind object define} {
    set out {}
    foreach {slot keyword} {mixins mixin filters filter variables variable} {
        set value [::info $kind $slot $object]
        if {$value ne ""} {
            lappend out [list $define $object $keyword {*}$value]
        }
    }
    return $out
}

# What a class defines.
proc ::nsd::blueprint::oo::classState {class} {
    set out {}
    foreach part {constructor destructor} {
        # (oo::class has one in C.)
        if {![catch {::info class $part $class} definition] && $definition ne ""} {
            lappend out [list ::oo::define $class $part {*}[expr {$part eq "destructor" ? [list $definition] : $definition}]]
        }
    }
    foreach name [::info class methods $class -private] {
        lappend out {*}[method class $class $name ::oo::define]
    }
    lappend out {*}[slots class $class ::oo::define]
    lappend out {*}[visibility class $class [::info class superclasses $class] ::oo::define]
}

# What an object has of its own.
proc ::nsd::blueprint::oo::objectState {object} {
    set out {}
    foreach name [::info object methods $object -private] {
        lappend out {*}[method object $object $name ::oo::objdefine]
    }
    lappend out {*}[slots object $object ::oo::objdefine]
    lappend out {*}[visibility object $object [list [::info object class $object]] ::oo::objdefine]
}

# A dictionary: object -> what is defined for it.
proc ::nsd::blueprint::oo::states {} {
    set dict {}
    foreach object [objects] {
        ::nsd::blueprint::attempt "object $object" {
            set state {}
            if {[::info object isa class $object]} {
                lappend state {*}[classState $object]
            }
            dict set dict $object [concat $state [objectState $object]]
        }
    }
    return $dict
}

# The namespaces of objects that are not of the baseline, as a dictionary: namespace -> object.
proc ::nsd::blueprint::oo::spaces {} {
    variable owners
    return $owners
}

# Two lists of statements: those that make the objects, and those that fill them.
proc ::nsd::blueprint::oo::statements {} {
    variable ::nsd::blueprint::baseline
    variable owners {}
    set old [dict get $baseline objects]
    set make {}; set parents {}; set kinds {}; set fill {}
    dict for {object state} [states] {
        if {[dict exists $old $object]} {
            set known [dict get $old $object]
            foreach statement $state {
                if {$statement ni $known} {
                    lappend fill $statement
                }
            }
            continue
        }
        set isClass [::info object isa class $object]
        set space [::info object namespace $object]
        dict set owners $space $object
        lappend make [list ::nsd::blueprint::oo::shell [expr {$isClass ? "::oo::class" : "::oo::object"}] $object $space]
        if {$isClass} {
            lappend parents [list ::oo::define $object superclass {*}[::info class superclasses $object]]
        }
        if {[::info object class $object] ni {::oo::class ::oo::object}} {
            lappend kinds [list ::oo::objdefine $object class [::info object class $object]]
        }
        lappend fill {*}$state
    }
    list [concat $make $parents $kinds] $fill
}

# An object with nothing in it.  It may be there already: then it stays, and what the blueprint says is defined anew.
# (createWithNamespace is for an object itself to call.)
proc ::nsd::blueprint::oo::shell {class name space} {
    if {[::info object isa object $name]} {
        return
    }
    if {[::namespace exists $space]} {
        ${class} create $name                     ;# of an object that only this thread has: see contents
    } else {
        [::info object namespace $class]::my createWithNamespace $name $space
    }
}

# Statements for what is in the namespaces of objects.
proc ::nsd::blueprint::oo::contents {spaces} {
    variable owners
    set out {}
    foreach ns $spaces {
        array set state {given {} procs {} overrides {} imports {} untraces {} traces {} properties {} vars {}}
        ::nsd::blueprint::survey [list $ns] state
        set statements [concat $state(untraces) $state(vars) $state(procs) $state(properties) $state(imports) $state(traces)]
        array unset state
        for {set root $ns} {![dict exists $owners $root]} {set root [::namespace qualifiers $root]} {}
        if {$ns ne $root} {
            set statements [linsert $statements 0 [list ::namespace eval $ns {}]]
        }
        if {$statements ne ""} {
            lappend out [list ::nsd::blueprint::oo::fill [dict get $owners $root] $root [join $statements \n]]
        }
    }
    return $out
}

# Evaluate a script that is about an object's namespace, which may have another name here.
proc ::nsd::blueprint::oo::fill {object space script} {
    set now [::info object namespace $object]
    if {$now ne $space} {
        set script [string map [list ${space}:: ${now}:: "$space " "$now "] $script]
    }
    ::uplevel #0 $script
}
