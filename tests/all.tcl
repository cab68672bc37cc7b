# SPDX-License-Identifier: MPL-2.0
# Runs tests/*.test inside nsd, each file in a namespace of its own, and closes with "N passed, N failed".
#
#   nsd -c -d -t tests/test.nscfg tests/all.tcl ?-file PATTERN? ?-notfile PATTERN? ?-match TEST? ?-skip TEST? ?-verbose LETTERS?

package require tcltest 2.3
fconfigure stdout -buffering line -encoding utf-8
set top [ns_config nstest top]
source -encoding utf-8 $top/tests/nstest.tcl

tcltest::configure -testdir $top/tests -tmpdir [ns_config nstest home] -singleproc 1 -verbose {start body error}
tcltest::configure {*}$argv
set tcltest::testSingleFile false

set broken 0
foreach file [lsort -dictionary [tcltest::getMatchingFiles $top/tests]] {
    puts "== [file tail $file]"
    set ::tcltest::testFileName [file tail $file]
    namespace eval ::test { namespace import ::tcltest::*; namespace path ::nstest }
    if {[catch {namespace eval ::test [list source -encoding utf-8 $file]} message options]} {
        puts "FAIL [file tail $file]: [dict get $options -errorinfo]"
        incr broken
    }
    nstest::cleanup
    catch {namespace delete ::test}
}
set passed $tcltest::numTests(Passed)
set failed [expr {$tcltest::numTests(Failed) + $broken}]
if {$tcltest::numTests(Skipped)} { puts "($tcltest::numTests(Skipped) skipped: [array get tcltest::skippedBecause])" }
puts "$passed passed, $failed failed"
flush stdout
exit [expr {$failed > 0 || $passed == 0}]
