# SPDX-License-Identifier: MPL-2.0
# The requests of memcheck: /call/N runs the script of that number, /calls lists their kinds, /seen which commands were called, /stop ends the server.

nsv_set memcheck calls {}
ns_cache_create mem 300kB

proc call {kind script} { nsv_lappend memcheck calls [list $kind $script] }

# Each of NaviServer's commands is counted; an interpreter that was made anew has no traces.
proc memtrace {} {
    if {[trace info execution ns_queryget] ne ""} return
    foreach command [ns_config memcheck commands] {
        if {[info commands ::$command] ne ""} { trace add execution ::$command enter memseen }
    }
}
proc memseen {command op} { nsv_incr memseen [string trimleft [lindex $command 0] :] }
memtrace

proc memcall {} {
    set n [lindex [ns_conn urlv] 1]
    if {$n eq "plain"} { ns_return 200 text/plain ok; return }
    memtrace
    lassign [lindex [nsv_get memcheck calls] $n] kind script
    memrun $script
    if {$kind ni {own close}} { ns_return 200 text/plain ok }
}
proc memrun {script} { eval $script }

ns_register_proc GET  /call  memcall
ns_register_proc POST /call  memcall
ns_register_proc GET  /calls {ns_return 200 text/plain [lmap call [nsv_get memcheck calls] { lindex $call 0 }]}
ns_register_proc GET  /seen  {ns_return 200 text/plain [nsv_array names memseen]}
ns_register_proc GET  /stop  {ns_return 200 text/plain ok; ns_shutdown 30}
