# SPDX-License-Identifier: MPL-2.0
# Echoes with several limits, and sessions that this server opens when it is asked to.

namespace eval ::conform {
    variable lock [ns_mutex create conform] event [ns_cond create]

    namespace eval echo {
        namespace export open message drain close
        namespace ensemble create
        proc open {chan} {}
        proc drain {chan} {}
        proc close {chan code reason} {}
        proc message {chan type data} {
            if {$type eq "binary"} { ns_websocket send -binary $chan $data } else { ns_websocket send $chan $data }
        }
    }
    # A session that was asked for: what happened to it is counted.
    namespace eval session {
        namespace export open message drain close
        namespace ensemble create -parameters id
        proc open {id chan} { nsv_incr conform $id,open }
        proc drain {id chan} {}
        proc message {id chan type data} { ::conform::echo::message $chan $type $data }
        proc close {id chan code reason} { ::conform::over $id $code $reason }
    }
}

# `close` comes once; a second one would be seen as such.
proc ::conform::over {id code reason} {
    variable lock; variable event
    ns_mutex eval $lock {
        nsv_incr conform $id,close
        nsv_set conform $id,code $code
        nsv_set conform $id,reason $reason
    }
    ns_cond broadcast $event
}

proc ::conform::answer {args} { ns_return 200 text/plain "[join $args \n]\n" }

# ?url=...&options=...: begins a session, and answers with its number.
proc ::conform::connect {} {
    set id [nsv_incr conform count]
    foreach name {open close} { nsv_set conform $id,$name 0 }
    if {[catch {ns_websocket connect {*}[ns_queryget options] -- [ns_queryget url] [list ::conform::session $id]} chan]} {
        return [answer error $chan]
    }
    answer $id $chan
}

# ?id=...&wait=seconds: when it is over, how often it was opened and closed, the code and the reason.
proc ::conform::result {} {
    variable lock; variable event
    set id [ns_queryget id]
    set until [expr {[clock seconds] + [ns_queryget wait]}]
    ns_mutex lock $lock
    while {[nsv_get conform $id,close] == 0 && [clock seconds] < $until} { ns_cond wait $event $lock 1 }
    ns_mutex unlock $lock
    if {[nsv_get conform $id,close] == 0} { return [answer waits] }
    answer [nsv_get conform $id,open] [nsv_get conform $id,close] [nsv_get conform $id,code] [nsv_get conform $id,reason]
}

ns_register_proc GET /echo/ws     { ns_websocket accept ::conform::echo }
ns_register_proc GET /small/ws    { ns_websocket accept -maxmessage 1000 -maxfragments 10 ::conform::echo }
ns_register_proc GET /takeover/ws { ns_websocket accept -takeover 1 -peertakeover 1 ::conform::echo }
ns_register_proc GET /plain/ws    { ns_websocket accept -deflate 0 -protocols {} ::conform::echo }
ns_register_proc GET /origins/ws  { ns_websocket accept -origins {https://*.example.org null} ::conform::echo }
ns_register_proc GET /connect ::conform::connect
ns_register_proc GET /result  ::conform::result
