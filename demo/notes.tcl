# SPDX-License-Identifier: MPL-2.0
# Notes, on an ADP page without a line of JavaScript: pages/notes.adp has the text and asks here for what changes, pages/note.adp is
# included for each note.  The tag <ago> is registered here; all ADP pages may use it.

namespace eval ::notes {
    variable keep 20 length 300                ;# notes, characters of one
}
nsv_set notes list {}                                        ;# {seconds text} ..., the newest first

ns_adp_registerscript ago ::notes::ago

# <ago time=SECONDS>: how long ago that was.
proc ::notes::ago {attributes} {
    set seconds [expr {[ns_time] - [ns_set iget $attributes time 0]}]
    foreach {unit size} {day 86400 hour 3600 minute 60} {
        if {$seconds >= $size} {
            set n [expr {$seconds / $size}]
            return "$n $unit[expr {$n > 1 ? "s" : ""}] ago"
        }
    }
    return "just now"
}

# A POST adds a note and leads back to the page, so that it can be loaded anew; true: the request is answered.
proc ::notes::add {} {
    variable keep; variable length
    if {[ns_conn method] ne "POST"} { return 0 }
    set text [string range [string trim [ns_queryget text]] 0 $length-1]
    if {$text ne ""} {
        ns_mutex eval notes {
            nsv_set notes list [lrange [linsert [nsv_get notes list] 0 [list [ns_time] $text]] 0 $keep-1]
        }
    }
    ns_respond -status 303 -type text/plain -headers [ns_set create - location notes.adp] -string ""
    return 1
}
proc ::notes::all {} { nsv_get notes list }
