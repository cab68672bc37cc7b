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
set fileSeconds {}
foreach testFile [lsort -dictionary [tcltest::getMatchingFiles $top/tests]] {
    puts "== [file tail $testFile]"
    set fileBegan [clock milliseconds]
    set ::tcltest::testFileName [file tail $testFile]
    namespace eval ::test { namespace import ::tcltest::*; namespace path ::nstest }
    if {[catch {namespace eval ::test [list source -encoding utf-8 $testFile]} message options]} {
        puts "FAIL [file tail $testFile]: [dict get $options -errorinfo]"
        incr broken
    }
    nstest::cleanup
    foreach channel [nstest::leftovers] {
        puts "FAIL [file tail $testFile] leaves a channel behind: $channel"
        incr broken
    }
    catch {namespace delete ::test}
    lappend fileSeconds [list [file tail $testFile] [expr {([clock milliseconds] - $fileBegan) / 1000}]]
}
set passed $tcltest::numTests(Passed)
set failed [expr {$tcltest::numTests(Failed) + $broken}]
if {$tcltest::numTests(Skipped)} { puts "($tcltest::numTests(Skipped) skipped: [array get tcltest::skippedBecause])" }
puts "(longest, in seconds: [join [lrange [lsort -integer -decreasing -index 1 $fileSeconds] 0 19] {, }])"
puts "$passed passed, $failed failed"
flush stdout
exit [expr {$failed > 0 || $passed == 0}]
