# SPDX-License-Identifier: MPL-2.0
# JSON for the demonstrations.

namespace eval ::json {
    variable escapes {\\ \\\\ \" \\\"}
    for {set i 0} {$i < 32} {incr i} { lappend escapes [format %c $i] [format {\u%04x} $i] }
}
# Of names and JSON; of names and values; of JSON.
proc ::json::object {args}  { return "{[join [lmap {name json} $args { string cat [text $name] : $json }] ,]}" }
proc ::json::scalars {args} { object {*}[concat {*}[lmap {name value} $args { list $name [scalar $value] }]] }
proc ::json::array {list}   { return "\[[join $list ,]\]" }

proc ::json::scalar {value} { expr {[regexp {^(0|[1-9]\d{0,14})$} $value] ? $value : [text $value]} }
proc ::json::text {value} {
    variable escapes
    return "\"[string map $escapes $value]\""
}
