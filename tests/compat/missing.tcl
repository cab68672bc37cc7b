# SPDX-License-Identifier: MPL-2.0
# Which of NaviServer's commands are here, and which are not yet:
#
#   nsd -c -d -t tests/test.nscfg tests/compat/missing.tcl ?markdown?
#
# Prints a table by tier and family; with `markdown` the lists that doc/compat.md holds between its two markers.

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
foreach tier [lsort [dict keys $families]] {
    if {[lindex $argv 0] eq "markdown"} { puts "\n### Tier $tier\n\n| family | here | not yet |\n|---|---|---|" }
    foreach family [lsort [dict keys [dict get $families $tier]]] {
        foreach state {here missing} {
            set list($state) [expr {[info exists commands($tier,$family,$state)] ? [lsort $commands($tier,$family,$state)] : {}}]
            incr $state [llength $list($state)]
        }
        if {[lindex $argv 0] eq "markdown"} {
            puts "| $family | [join $list(here) {, }] | [join $list(missing) {, }] |"
        } else {
            puts [format "%s %-12s %3d here %3d missing  %s" $tier $family [llength $list(here)] [llength $list(missing)] $list(missing)]
        }
    }
}
puts "\n$here of [expr {$here + $missing}] commands are here."
flush stdout
exit 0
