# SPDX-License-Identifier: MPL-2.0
# Run by bench/data inside nsd: prints what was measured.

array set opt $argv
fconfigure stdout -buffering line

proc cpu {} {
    set in [open /proc/self/stat]; set words [read $in]; close $in
    set words [lrange [string range $words [string last ) $words]+2 end] 11 12]
    expr {([lindex $words 0] + [lindex $words 1]) / 100.0}
}
proc resident {} {
    set in [open /proc/self/statm]; set pages [lindex [read $in] 1]; close $in
    expr {$pages * 4}
}
proc median {list} { lindex [lsort -real $list] [expr {[llength $list] / 2}] }

# ---- data: each name is a pair of scripts, ours and tsv's, which run in all threads with $i counting

set value [string repeat "some words " 9]
set setup {
    package require Thread
    for {set k 0} {$k < 1000} {incr k} {
        nsv_set shared $k $value; tsv::set shared $k $value
        nsv_set mine$me $k $value; tsv::set mine$me $k $value
        ns_cache_eval cache $k {set value}
        ns_cache_eval mine$me $k {set value}
    }
}
set pairs {
    "get, one array"          {nsv_get shared $k}                 {tsv::get shared $k}
    "get, an array each"      {nsv_get mine$me $k}                {tsv::get mine$me $k}
    "set, one array"          {nsv_set shared $k $value}          {tsv::set shared $k $value}
    "set, an array each"      {nsv_set mine$me $k $value}         {tsv::set mine$me $k $value}
    "incr, one key"           {nsv_incr shared n}                 {tsv::incr shared n}
    "exists"                  {nsv_exists shared $k}              {tsv::exists shared $k}
    "ns_cache_eval"           {ns_cache_eval cache $k {f $k}}     {if {[tsv::exists shared $k]} {tsv::get shared $k} else {tsv::set shared $k [f $k]}}
    "ns_cache_eval, one each" {ns_cache_eval mine$me $k {f $k}}   {if {[tsv::exists mine$me $k]} {tsv::get mine$me $k} else {tsv::set mine$me $k [f $k]}}
    "ns_cache_get"            {ns_cache_get cache $k}             {tsv::get shared $k}
    "ns_cache_incr"           {ns_cache_incr cache n}             {tsv::incr shared n}
}

# Threads that wait for what to do, do it until they are told to stop, and say how often they did.
set worker {
    set me %d
    proc f {k} { return $k }
    eval $setup
    nsv_incr bench ready
    while {[set turn [nsv_get bench turn]] ne "end"} {
        if {$turn eq "" || ([info exists last] && $last eq $turn)} { ns_sleep 1ms; continue }
        set last $turn
        if {![info exists procs([lindex $turn 1])]} {
            proc run {me value} "set n 0; while {!\[nsv_exists bench stop\]} {for {set k 0} {\$k < 1000} {incr k} {[lindex $turn 1]}; incr n 1000}; return \$n"
        }
        set n [run $me $value]
        nsv_incr bench count $n
        nsv_incr bench done
    }
}

proc measure {script seconds} {
    global opt serial
    nsv_array set bench {count 0 done 0}
    nsv_unset -nocomplain bench stop
    set cpu [cpu]; set wall [clock microseconds]
    nsv_set bench turn [list [incr serial] $script]
    ns_sleep $seconds
    nsv_set bench stop 1
    while {[nsv_get bench done] < $opt(--threads)} { ns_sleep 1ms }
    set wall [expr {([clock microseconds] - $wall) / 1e6}]; set cpu [expr {[cpu] - $cpu}]
    set n [nsv_get bench count]
    list [expr {$n / $cpu}] [expr {$n / $wall}]
}

proc data {} {
    global opt pairs worker setup value
    nsv_array set bench {ready 0 turn {}}
    ns_cache_create cache 100MB
    set threads {}
    for {set i 0} {$i < $opt(--threads)} {incr i} {
        ns_cache_create mine$i 100MB
        lappend threads [ns_thread create "[list set setup $setup]; [list set value $value]; [format $worker $i]"]
    }
    while {[nsv_get bench ready] < $opt(--threads)} { ns_sleep 5ms }
    puts "$opt(--threads) threads, values of [string length $value] bytes: operations per microsecond of CPU, and how many times those of tsv"
    puts [format {%-26s %8s %8s %8s %8s} "" ours tsv "x (CPU)" "x (wall)"]
    foreach {name ours theirs} $pairs {
        set a {}; set b {}; set ratios {}; set walls {}
        for {set i 0} {$i < $opt(--rounds)} {incr i} {
            lassign [measure $ours $opt(--seconds)] ourCpu ourWall
            lassign [measure $theirs $opt(--seconds)] theirCpu theirWall
            lappend a $ourCpu; lappend b $theirCpu
            lappend ratios [expr {$ourCpu / $theirCpu}]; lappend walls [expr {$ourWall / $theirWall}]
        }
        puts [format {%-26s %8.2f %8.2f %8.2f %8.2f} $name [expr {[median $a] / 1e6}] [expr {[median $b] / 1e6}] [median $ratios] [median $walls]]
    }
    nsv_set bench turn end
    foreach thread $threads { ns_thread wait $thread }
}

# ---- what a thread costs

proc start {} {
    set times {}
    for {set i 0} {$i < 30} {incr i} {
        set before [cpu]; set wall [clock microseconds]
        ns_thread wait [ns_thread create {set x 1}]
        lappend times [expr {([clock microseconds] - $wall) / 1000.0}]
    }
    set cpu [cpu]
    for {set i 0} {$i < 100} {incr i} { ns_thread wait [ns_thread create {set x 1}] }
    set cpu [expr {([cpu] - $cpu) * 10}]
    nsv_set bench go 0
    set before [resident]
    set threads {}
    for {set i 0} {$i < 50} {incr i} { lappend threads [ns_thread create {nsv_incr bench in; while {![nsv_get bench go]} {ns_sleep 10ms}}] }
    while {![nsv_exists bench in] || [nsv_get bench in] < 50} { ns_sleep 10ms }
    set memory [expr {([resident] - $before) / 50}]
    nsv_set bench go 1
    foreach thread $threads { ns_thread wait $thread }
    set count 0
    foreach ns [namespace children :: lib*] { incr count [llength [info procs ${ns}::*]] }
    puts [format "a new thread with $count procs: %.1f ms from its start to its end (the fastest %.1f), %.1f ms of CPU; %d kB each" \
        [median $times] [lindex [lsort -real $times] 0] $cpu $memory]
}

proc churn {} {
    global opt
    proc some {n} { for {set i 0} {$i < $n} {incr i} { ns_thread wait [ns_thread create {nsv_set bench x 1; ns_cache_eval churn k {set x 1}}] } }
    ns_cache_create churn 1MB
    some [expr {$opt(--churn) / 10}]
    set before [resident]
    some $opt(--churn)
    puts "$opt(--churn) threads started and ended: $before kB before, [resident] kB after"
}

foreach scenario $opt(--scenario) { $scenario }
