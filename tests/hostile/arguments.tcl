# SPDX-License-Identifier: MPL-2.0
# Random arguments for every command of the server (arguments.py runs it): in command mode's own thread, in threads, and in requests.
#
#   nsd -c -d -t CONFIG arguments.tcl SEED SECONDS CALLS ?FIRST?
#
# Each call has a seed of its own, SEED + its number, and is written to the file CALLS before it is made.  What a command wants is
# learnt from its own messages: subcommands, options, how many arguments.

lassign $argv seed seconds calls first
if {$first eq ""} { set first 0 }

# What ends the process, changes it as a whole, or waits for somebody who does not come.
namespace eval ::random {}
set ::random::never {
    ns_shutdown ns_kill ns_rlimit ns_crash ns_setuser ns_setgroup ns_sleep ns_sockselect ns_sockaccept ns_runonce ns_reinit
    ns_mutex\ lock ns_critsec\ enter ns_rwlock\ readlock ns_rwlock\ writelock ns_sema\ wait ns_event\ wait ns_event\ abswait ns_cond\ wait
    ns_cond\ abswait ns_thread\ wait ns_thread\ join ns_job\ wait ns_job\ waitany ns_ictl\ save ns_ictl\ update ns_http\ wait
    ns_cache_transaction_begin ns_proxy ns_init ns_cleanup ns_logctl\ severity ns_logctl\ hold ns_atsignal
}
# In a request not what changes how requests are answered.
set ::random::notinrequests { ns_register_ ns_unregister_ ns_server ns_auth ns_driver ns_eval ns_urlspace ns_shortcut_filter ns_ictl ns_schedule ns_limits_ }

set ::random::values [list \
    {} 0 1 -1 2 7 16 255 256 1000 65535 65536 2147483647 2147483648 -2147483648 4294967296 9223372036854775807 9223372036854775808 \
    -9223372036854775808 99999999999999999999999 1e3 1e308 NaN Inf 0x10 010 1.5 .5 true false yes off perhaps -- - -x -all -server \
    a b abc A x-y "two words" "a b c d" "k v l w" "k v k w l" {a {b c} {d {e f}}} "\0" "a\0b" "\ud83d" "\ude00\ud83d" "\ud83d\ude00" \
    "\u00e4\u20ac" "\xff\xfe\x80" "\xc3" "\u0001\u007f" "\{" "\}" "\"" "a \{b" "\\" {$x} {[x]} "%s%n%d" "%00" "%zz" "%u12" "+%2B" "&amp;&#0;&#x110000;" "<b>x</b" \
    "a\nb" "a\r\nX: y" "\t \n" * ? {[a-} a* a/b ./x /a /a/b /a//../b http://127.0.0.1:1/ http://127.0.0.1:1/a?b=c#d https://127.0.0.1:1 http://\[::1\]:1/ \
    //x ftp://x :// 127.0.0.1 ::1 256.1.1.1 10.0.0.0/8 ::/0 10.0.0.0/33 localhost 0 1 80 99999 \
    0s 1ms 10ms 0.01s -1s 1:0 :1 1s:x 1KB 10MB -1KB 1XB utf-8 iso-8859-1 nosuchcharset text/html "text/plain; charset=utf-8" a/b {a;} \
    "a=1&b=2" "=&=&" "a=%" "Sun, 06 Nov 1994 08:49:37 GMT" "99999999999 Foo" 2024-02-30 "a: b\r\nc: d" "bytes=0-,-1" \
    {"json":[1,2,{"a":null}]} {"} YWJj YQ= "%%%" d41d8cd98f00b204e9800998ecf8427e sha256 hex GET POST HEAD 200 404 \
    {return x} {error x} {expr 1} break {set x 1} {lindex} x arr(x) ::x ::no::such::var v(a b) \
    test other nosuch t0 d0 s0 conn0 sock0 file0 stdin stdout \
    [string repeat a 1000] [string repeat "\u00e4 " 5000] [string repeat a 100000] [lrepeat 2000 a b] [string repeat \{ 500] [string repeat "a:b\n" 1000]]

proc rnd {n} {
    set ::random::state [expr {($::random::state * 6364136223846793005 + 1442695040888963407) & 0xffffffffffffffff}]
    expr {($::random::state >> 33) % $n}
}
proc pick {list} { lindex $list [rnd [llength $list]] }

proc forbidden {call inRequest} {
    foreach name $::random::never { if {[lrange $call 0 [llength $name]-1] eq $name} { return 1 } }
    if {$inRequest} { foreach name $::random::notinrequests { if {[string match $name* [lindex $call 0]]} { return 1 } } }
    return 0
}

# What the messages of a command say of what may follow these words: {subcommands options number-of-arguments}
proc learn {words} {
    variable ::random::learnt
    if {[info exists learnt($words)]} { return $learnt($words) }
    set subs {}; set options {}; set count 1
    if {![forbidden $words 0] && [llength $words] <= 2} {
        catch {{*}$words} message
        if {[regexp {should be "(.*)"} $message -> usage]} {
            set rest [string range $usage [string length [join $words]] end]
            foreach {all option} [regexp -all -inline {\?(-[a-z_]+)} $rest] { lappend options $option }
            if {[llength $words] == 1 && [regexp {^ ([a-z]+(?:\|[a-z]+)+)} $rest -> list]} { set subs [split $list |] }
            set count [llength [regexp -all -inline {[^ ]+} [regsub -all {\?-[^?]*\?} $rest {}]]]
        }
        if {[llength $words] == 1 && $subs eq ""} {
            catch {{*}$words nosuch__} message
            if {[regexp {bad (?:subcommand|option) "nosuch__": must be (.*)} $message -> list]} {
                set subs [split [string map {", or " , " or " , ", " ,} $list] ,]
            }
        }
    }
    set learnt($words) [list $subs $options $count]
}

proc value {handles} { if {[rnd 4] == 0 && $handles ne ""} { pick $handles } else { pick $::random::values } }

# The call that the seed gives.
proc compose {seed commands handles} {
    set ::random::state [expr {$seed * 2654435761 + 88172645463325252}]
    rnd 2; rnd 2
    set call [list [pick $commands]]
    lassign [learn $call] subs options count
    if {$subs ne "" && [rnd 10] > 0} {
        lappend call [pick $subs]
        lassign [learn $call] - options count
    }
    while {$options ne "" && [rnd 3] > 0 && [llength $call] < 12} {
        lappend call [pick $options]
        if {[rnd 5] > 0} { lappend call [value $handles] }
    }
    if {[rnd 4] == 0} { set count [rnd 7] }
    for {set i 0} {$i < $count} {incr i} { lappend call [value $handles] }
    return $call
}

# Calls may close any channel, that of the notes as well.
proc note {calls number call} {
    set line "$number [string map {\n \\n \r \\r} [lmap word $call {string range $word 0 200}]]"
    while {![info exists ::random::notes] || [catch {puts $::random::notes $line; flush $::random::notes}]} {
        set ::random::notes [open $calls a]
        fconfigure $::random::notes -encoding utf-8
    }
}

# Calls from number FROM on, until the time is over or N were made.
proc work {seed from n end calls inRequest} {
    set commands [lsort [lsearch -all -inline -not [concat [info commands ns_*] [info commands nsv_*] [info commands ::ns_crypto::*]] ns_*zz]]
    set made 0
    note $calls $from begin
    for {set number $from} {$number < $from + $n && [clock milliseconds] < $end} {incr number} {
        if {$number % 50 == 0 || ![info exists handles]} {
            catch {ns_set cleanup}
            foreach channel [file channels] { if {$channel ni {stdin stdout stderr} && $channel ne $::random::notes} { catch {close $channel} } }
            set handles [list [ns_set create s a 1 b 2 A 3] [ns_set create t] vnsv]
            nsv_array set vnsv {a 1 b 2}
            foreach command {{ns_mutex create} {ns_sema create 1} {ns_rwlock create} {ns_cond create} {ns_event create} {ns_critsec create}} { lappend handles [{*}$command] }
            catch {lappend handles {*}[ns_socketpair]}
            catch {lappend handles [open random.txt w+]}
        }
        set call [compose [expr {$seed + $number}] $commands $handles]
        if {[forbidden $call $inRequest]} continue
        note $calls $number $call
        catch {apply [list {} $call]}
        incr made
    }
    catch {ns_set cleanup}
    foreach channel [file channels] { if {$channel ni {stdin stdout stderr} && $channel ne $::random::notes} { catch {close $channel} } }
    return $made
}

proc request {port} {
    if {[catch {socket 127.0.0.1 $port} sock]} { return 0 }
    fconfigure $sock -blocking 0 -translation binary
    puts -nonewline $sock "POST /random?a=1&b=%C3%A4&a=2 HTTP/1.1\r\nHost: localhost\r\nCookie: a=1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\nConnection: close\r\n\r\nc=1&d=2"
    flush $sock
    set end [expr {[clock milliseconds] + 3000}]
    while {![eof $sock] && [clock milliseconds] < $end} { catch {read $sock}; after 1 }
    set fine [eof $sock]
    close $sock
    return $fine
}

# In its own thread, in another one, in a request: a share of the time each.  Procs and variables are copied by a script.  The script's
# own variables are in a proc: calls may unset global ones.
proc run {seed seconds calls number} {
    set setup ""
    foreach name {rnd pick forbidden learn value compose note work} { append setup [list proc $name [info args $name] [info body $name]]\n }
    append setup "namespace eval ::random {}\n"
    foreach name {never notinrequests values} { append setup [list set ::random::$name [set ::random::$name]]\n }

    set port [ns_config random port]
    set begin [clock milliseconds]
    set total 0
    set silent 0
    # Requests first: other calls change how they are answered.
    set handler "$setup
        apply {{} {
            lassign \[nsv_get ::random next\] number end
            nsv_incr ::random made \[work $seed \$number 40 \$end [list $calls] 1\]
        }}"
    nsv_set ::random made 0
    ns_register_proc POST /random [list apply [list {} "uplevel #0 [list $handler]"]]
    set end [expr {$begin + $seconds * 400}]
    while {[clock milliseconds] < $end} {
        nsv_set ::random next [list $number $end]
        if {![request $port]} { incr silent }
        incr number 40
    }
    incr total [nsv_get ::random made]
    note $calls 0 [list requests [nsv_get ::random made]]
    set end [expr {$begin + $seconds * 600}]
    while {[clock milliseconds] < $end} {
        incr total [ns_thread wait [ns_thread create "$setup
            work $seed $number 500 $end [list $calls] 0"]]
        incr number 500
    }
    note $calls 0 [list threads]
    set end [expr {$begin + $seconds * 1000}]
    while {[clock milliseconds] < $end} {
        incr total [work $seed $number 500 $end $calls 0]
        incr number 500
    }
    note $calls 0 [list end]
    puts "calls $total unanswered $silent"
    flush stdout
}
run $seed $seconds $calls $first
exit 0
