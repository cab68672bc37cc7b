# SPDX-License-Identifier: MPL-2.0
# run-vectors.tcl FOLDER FAMILY...   (inside nsd -c, see run)
# Evaluates FOLDER/FAMILY.vec and compares code and result with what NaviServer answered.  differences.tcl beside this
# script says where and why ours answers otherwise.  What runs at the moment is in the file `current` of the home folder.

fconfigure stdout -buffering line -encoding utf-8
set folder [lindex $argv 0]
source -encoding utf-8 $folder/lib.tcl
set npass 0; set nfail 0

# differs {FAMILY/NAME ...} REASON ?CODE RESULT?: ours gives CODE and RESULT, or (none given) anything but NaviServer's.
proc differs {names reason args} {
    if {[llength $args] ni {0 2}} { error "differs names reason ?code result?" }
    foreach name $names {
        if {[dict exists $::different $name]} { error "$name is listed twice" }
        dict set ::different $name $args
    }
}
set different {}
source -encoding utf-8 [file join [file dirname [info script]] differences.tcl]

proc vec {name script code result} {
    global npass nfail different family
    set out [open current w]; puts $out $family/$name; close $out
    lassign [::vt::eval1 $script] gotcode got
    set got [::vt::notice $got]
    set same [expr {$gotcode eq $code && $got eq $result}]
    if {[dict exists $different $family/$name]} {
        set ours [dict get $different $family/$name]
        dict unset different $family/$name
        if {$same && $ours eq ""} {
            incr nfail
            puts "FAIL $family/$name does not differ any more: take it out of differences.tcl"
            return
        }
        if {$ours eq ""} { incr npass; return }
        lassign $ours code result
        set same [expr {$gotcode eq $code && $got eq $result}]
    }
    if {$same} { incr npass; return }
    incr nfail
    puts "FAIL $family/$name"
    puts "  expected $code: [::vt::quote $result]"
    puts "  got      $gotcode: [::vt::quote $got]"
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
puts "$npass passed, $nfail failed"
flush stdout
ns_shutdown
