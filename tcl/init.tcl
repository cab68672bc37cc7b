# SPDX-License-Identifier: MPL-2.0
#
# Sourced once per virtual server, at its start: our own library, then the Tcl files of the server's library folder and
# of its modules.  The state that comes of it is kept as the blueprint of all interpreters of the server.

namespace eval ::nsd {}

# Source the *.tcl files of a folder, init.tcl first.  A file with a mistake is reported and does not stop the others.
proc ::nsd::sourceFolder {folder {except {}}} {
    set files [lsort [glob -nocomplain -directory $folder -types {f r} *.tcl]]
    set init [file join $folder init.tcl]
    if {$init in $files} {
        set files [linsert [lsearch -all -inline -exact -not $files $init] 0 $init]
    }
    foreach file $files {
        if {[file tail $file] in $except} {
            continue
        }
        if {[catch {uplevel #0 [list source -encoding utf-8 $file]} message options]} {
            ns_log error "init: $file: [dict get $options -errorinfo]"
        }
    }
}

# While the files of a module are sourced: its name and folders.
proc ns_module {key {value ""}} {
    if {$key ni {name private library shared server}} {
        error "ns_module: bad key \"$key\": must be name, private, library, shared, or server"
    }
    if {$value ne ""} {
        set ::nsd::module($key) $value
    }
    if {[info exists ::nsd::module($key)]} {
        return $::nsd::module($key)
    }
}

::nsd::sourceFolder [ns_library shared] init.tcl
::nsd::sourceFolder [ns_library private]
foreach ::nsd::module(name) [ns_ictl getmodules] {
    set ::nsd::module(server) [ns_info server]
    foreach kind {shared private} {
        set ::nsd::module($kind) [ns_library $kind $::nsd::module(name)]
    }
    set ::nsd::module(library) $::nsd::module(private)
    foreach kind {shared private} {
        if {[file isdirectory $::nsd::module($kind)]} {
            ::nsd::sourceFolder $::nsd::module($kind)
        }
    }
}
unset -nocomplain kind ::nsd::module

ns_ictl save [::nsd::blueprint::script]
