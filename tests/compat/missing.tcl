# SPDX-License-Identifier: MPL-2.0
# Which of NaviServer's commands are here, and which are not yet:
#
#   nsd -c -d -t tests/test.nscfg tests/compat/missing.tcl                 a table by tier and family
#   nsd -c -d -t tests/test.nscfg tests/compat/missing.tcl update FILE     writes it into doc/compat.md, between two markers
#   nsd -c -d -t tests/test.nscfg tests/compat/missing.tcl check FILE      does the file tell the truth?  exit code 1: no

fconfigure stdout -encoding utf-8
set in [open [file join [file dirname [file normalize [info script]]] commands.tsv]]
gets $in                                                     ;# the names of the columns
while {[gets $in line] >= 0} {
    lassign [split $line \t] tier family command
    set state [expr {[llength [info commands ::$command]] ? "here" : "missing"}]
    lappend commands($tier,$family,$state) $command
    dict set families $tier $family 1
}
close $in
set here 0; set missing 0
set text ""
set table ""
foreach tier [lsort [dict keys $families]] {
    append text "\n### Tier $tier\n\n| family | here | not yet |\n|---|---|---|\n"
    foreach family [lsort [dict keys [dict get $families $tier]]] {
        foreach state {here missing} {
            set list($state) [expr {[info exists commands($tier,$family,$state)] ? [lsort $commands($tier,$family,$state)] : {}}]
            incr $state [llength $list($state)]
        }
        append text "| $family | [join $list(here) {, }] | [join $list(missing) {, }] |\n"
        append table [format "%s %-12s %3d here %3d missing  %s\n" $tier $family [llength $list(here)] [llength $list(missing)] $list(missing)]
    }
}
set sum "$here of [expr {$here + $missing}] commands are here."
append text "\n$sum\n"

lassign $argv mode file
if {$mode eq ""} {
    puts $table\n$sum
    flush stdout
    exit 0
}
set in [open $file]; fconfigure $in -encoding utf-8
set old [read $in]
close $in
foreach {begin end} {"<!-- commands: begin -->\n" "<!-- commands: end -->"} {}
set from [expr {[string first $begin $old] + [string length $begin]}]
set new [string range $old 0 $from-1]$text[string range $old [string first $end $old] end]
if {$mode eq "update"} {
    set out [open $file w]; fconfigure $out -encoding utf-8
    puts -nonewline $out $new
    close $out
} elseif {$new ne $old} {
    puts "FAIL $file does not list the commands as they are: make compat-list"
    flush stdout
    exit 1
}
exit 0
