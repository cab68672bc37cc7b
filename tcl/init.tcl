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

::nsd::sourceFolder [ns_library shared] init.tcl
::nsd::sourceFolder [ns_library private]
foreach module [ns_ictl getmodules] {
    foreach kind {shared private} {
        set folder [ns_library $kind $module]
        if {[file isdirectory $folder]} {
            ::nsd::sourceFolder $folder
        }
    }
}
unset -nocomplain module kind folder

ns_ictl save [::nsd::blueprint::script]
