# SPDX-License-Identifier: MPL-2.0
#
# Objects, classes and procs of the Next Scripting Framework (NX, XOTcl 2) and of XOTcl 1, for the blueprint: written by the
# frameworks' own Serializer.

::namespace eval ::nsd::blueprint::nsf {}

# Which of them is there: nsf, xotcl or "".
proc ::nsd::blueprint::nsf::framework {} {
    if {[::info commands ::nsf::object::alloc] ne ""} {
        return nsf
    }
    if {[::info commands ::xotcl::Object] ne ""} {
        return xotcl
    }
}

proc ::nsd::blueprint::nsf::isObject {framework name} {
    if {$framework eq "nsf"} {
        return [::nsf::object::exists $name]
    }
    ::xotcl::Object isobject $name
}

# Is a namespace the frameworks' or that of an object?  (A plain one inside an object's is copied like others.)
proc ::nsd::blueprint::nsf::owns {ns} {
    variable framework
    expr {$framework ne "" && ([isObject $framework $ns] ||
        $ns ne "::nx::serializer" && [::nsd::blueprint::within $ns {::nsf 1 ::nx 1 ::xotcl 1}])}
}

# Packages of the framework, which are sourced again: the Serializer leaves out what is in their namespaces.
proc ::nsd::blueprint::nsf::requirements {framework} {
    variable ours
    set out {}
    set patterns [expr {$framework eq "nsf" ? "xotcl::* nx::*" : "xotcl::*"}]
    foreach pattern $patterns {
        foreach name [::package names] {
            if {[string match $pattern $name] && $name ni $ours
                && ![catch {::package present $name} version]} {
                lappend out [list ::package require -exact $name $version]
            }
        }
    }
    return $out
}

# Statements that make everything of the framework, or nothing.
proc ::nsd::blueprint::nsf::statements {} {
    variable framework [framework]
    variable ours
    if {$framework eq ""} {
        return
    }
    set serializer [dict get {nsf nx::serializer xotcl {xotcl::serializer 1}} $framework]
    # The serializer is for us alone, if nobody else has asked for it in this interpreter by now.
    if {![info exists ours]} {
        set ours [expr {[catch {::package present {*}$serializer}] ? [lindex $serializer 0] : ""}]
    }
    set requirements [requirements $framework]
    set out {}
    ::nsd::blueprint::attempt "what was made with $framework" {
        ::package require {*}$serializer
        set out [concat $requirements [list [::Serializer all]]]
    }
    return $out
}
