# SPDX-License-Identifier: MPL-2.0
# The sources of the demonstrations, to be read beside them: /source/NAME.tcl.

namespace eval ::source_of {
    variable folder [file dirname [file normalize [info script]]]
}
ns_register_proc GET /source ::source_of::show

proc ::source_of::show {} {
    variable folder
    set name [lindex [ns_conn urlv] 1]
    if {[llength [ns_conn urlv]] != 2 || ![regexp {^[a-z]+\.tcl$} $name] || ![file isfile $folder/$name]} { return [ns_returnnotfound] }
    set in [open $folder/$name]
    fconfigure $in -encoding utf-8
    set text [read $in]
    close $in
    ns_return 200 "text/plain; charset=utf-8" $text
}
