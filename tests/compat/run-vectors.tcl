# SPDX-License-Identifier: MPL-2.0
# run-vectors.tcl FOLDER FAMILY...   (inside nsd -c, see run)
# Evaluates FOLDER/FAMILY.vec and compares code and result with what NaviServer answered.  differences.tcl beside this
# script says where and why ours answers otherwise.  What runs at the moment is in the file `current` of the home folder.

fconfigure stdout -buffering line -encoding utf-8
set folder [lindex $argv 0]
source -encoding utf-8 $folder/lib.tcl
set npass 0; set nfail 0; set nagain 0

# differs ?-match? {FAMILY/NAME ...} REASON ?CODE RESULT?: ours gives CODE and RESULT (-match: what matches the pattern
# RESULT), or (none given) anything but NaviServer's.
proc differs {args} {
    set how equal
    if {[lindex $args 0] eq "-match"} { set how match; set args [lrange $args 1 end] }
    if {[llength $args] ni {2 4}} { error "differs ?-match? names reason ?code result?" }
    foreach name [lindex $args 0] {
        if {[dict exists $::different $name]} { error "$name is listed twice" }
        dict set ::different $name [expr {[llength $args] == 4 ? [list $how {*}[lrange $args 2 3]] : ""}]
    }
}
set different {}
source -encoding utf-8 [file join [file dirname [info script]] differences.tcl]

proc answer {script} {
    lassign [::vt::eval1 $script] code result
    list $code [::vt::notice $result]
}

proc as_expected {got how code result} {
    expr {[lindex $got 0] eq $code && [string $how $result [lindex $got 1]]}
}

proc quoted {answer} { return "[lindex $answer 0]: [::vt::quote [lindex $answer 1]]" }

# One that fails is asked once more: some wait for so many milliseconds, and the machine may have been busy.
proc vec {name script code result} {
    global npass nfail nagain different family
    set out [open current w]; puts $out $family/$name; close $out
    set expected [list equal $code $result]
    set stale 0
    if {[dict exists $different $family/$name]} {
        set ours [dict get $different $family/$name]
        dict unset different $family/$name
        if {$ours eq ""} { set stale 1 } else { set expected $ours }
        if {$ours eq [list equal $code $result]} {
            incr nfail
            puts "FAIL $family/$name: differences.tcl says what NaviServer says"
            return
        }
    }
    set got [answer $script]
    if {[as_expected $got {*}$expected] != $stale} { incr npass; return }
    if {$stale} {
        incr nfail
        puts "FAIL $family/$name does not differ any more: take it out of differences.tcl"
        return
    }
    after 200
    set second [answer $script]
    if {[as_expected $second {*}$expected]} {
        incr npass; incr nagain
        puts "again $family/$name\n  at first [quoted $got]"
        return
    }
    incr nfail
    puts "FAIL $family/$name"
    puts "  expected [quoted [lrange $expected 1 2]]"
    puts "  got      [quoted $got]"
    if {$second ne $got} { puts "  and then [quoted $second]" }
}

set families [lrange $argv 1 end]
foreach family $families {
    set fails $nfail; set passes $npass
    if {[catch {source -encoding utf-8 $folder/$family.vec}]} {
        incr nfail
        puts "FAIL $family.vec: $::errorInfo"
    }
    puts "== $family: [expr {$npass - $passes}] passed, [expr {$nfail - $fails}] failed"
}
foreach name [dict keys $different] {
    if {[lindex [split $name /] 0] in $families} { incr nfail; puts "FAIL differences.tcl: there is no $name" }
}
# What the library file of setup.sh started.
foreach which {begun created} {
    if {[nsv_exists vecthreads $which]} { ns_thread wait [nsv_get vecthreads $which] }
}
if {$nagain} { puts "$nagain of them at the second try" }
puts "$npass passed, $nfail failed"
flush stdout
ns_shutdown
