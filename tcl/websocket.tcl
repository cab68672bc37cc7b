# SPDX-License-Identifier: MPL-2.0
#
# The procs of NaviServer's websocket module, on ns_websocket.  What they are given to send are whole frames, as made by ws::build_msg or
# `ns_connchan wsencode`; a session takes messages, so the frames are taken apart here.
#
#   ws::handshake ?-callback COMMAND? ?options of ns_websocket accept?     the channel, or "" when the request was refused
#   ws::send CHANNEL FRAMES          ws::multicast ?-exclude CHANNELS? SUBJECT FRAMES
#   ws::subscribe CHANNEL SUBJECT    ws::unsubscribe CHANNEL ?SUBJECT?
#   ws::build_msg ?-fin 0|1? ?-mask? ?-opcode NAME? MESSAGE                 ws::log TEXT
#   ws::client::open ?-timeout T? ?options of ns_websocket connect? URL    ws::client::send ?-opcode text|binary? CHANNEL MESSAGE
#   ws::client::receive ?-timeout T? CHANNEL                               ws::client::close CHANNEL
#
# COMMAND is called as {*}COMMAND CHANNEL MESSAGE, in a callback worker.

namespace eval ::ws {
    variable opcodes {0 continue 1 text 2 binary 8 close 9 ping 10 pong}
}
namespace eval ::ws::client {
    variable maxQueue  16777216                ;# characters that may wait for ws::client::receive
    variable maxClosed 1000                    ;# clients that are over, and nobody has asked for their last messages
    variable lock      [ns_mutex create ws:client]
    variable changed   [ns_cond create]
}

# Shown with `ns_logctl severity Debug on`.
proc ::ws::log {text} { ns_log Debug "ws: $text" }

# ---- sessions

proc ::ws::handshake {args} {
    set callback ""
    set options {}
    foreach {option value} $args {
        if {$option eq "-callback"} { set callback $value } else { lappend options $option $value }
    }
    set channel [ns_websocket accept {*}$options [list ::ws::Event $callback]]
    log [expr {$channel eq "" ? "refused: [ns_conn url]" : "$channel: connected to [ns_conn url]"}]
    return $channel
}
proc ::ws::Event {callback event channel args} {
    switch $event {
        message {
            if {$callback ne ""} {
                {*}$callback $channel [lindex $args 1]
            } else {
                log "$channel: [lindex $args 0] message of [string length [lindex $args 1]], and no callback"
            }
        }
        close {
            nsv_unset -nocomplain ws_partial $channel
            log "$channel: closed: $args"
        }
    }
}

# Does it belong to a session?  A program may be late: the peer of a broadcast, or of a handshake, may be gone.
proc ::ws::Alive {channel} { expr {$channel ne "" && [ns_connchan exists $channel]} }

proc ::ws::subscribe {channel subject} {
    if {[Alive $channel]} { ns_websocket subscribe $channel $subject }
    return
}
proc ::ws::unsubscribe {channel args} {
    if {[Alive $channel]} { ns_websocket unsubscribe $channel {*}$args }
    return
}

# ---- frames

proc ::ws::build_msg {args} {
    variable opcodes
    set options {}
    while {[llength $args] > 1} {
        set args [lassign $args option]
        switch -- $option {
            -mask   { lappend options -mask }
            -fin    { set args [lassign $args value]; lappend options -fin [expr {!!$value}] }
            -opcode { set args [lassign $args value]
                      lappend options -opcode [expr {[dict exists $opcodes $value] ? [dict get $opcodes $value] : $value}] }
            --      { break }
            default { error "ws::build_msg: bad option \"$option\": must be -fin, -mask, or -opcode" }
        }
    }
    if {[llength $args] != 1} {
        error {wrong # args: should be "ws::build_msg ?-fin 0|1? ?-mask? ?-opcode name? message"}
    }
    ns_connchan wsencode {*}$options -- [lindex $args 0]
}

# Frames as a list of fin, opcode (its name) and payload (bytes).
proc ::ws::Frames {bytes} {
    variable opcodes
    set list {}
    for {set at 0} {$at < [string length $bytes]} {incr at $length} {
        set mask ""
        set head 2
        if {[binary scan $bytes @${at}cucu first second] != 2} { set at -1; break }
        set length [expr {$second & 127}]
        if {$length == 126} {
            if {[binary scan $bytes @[expr {$at + 2}]Su length] != 1} { set at -1; break }
            incr head 2
        } elseif {$length == 127} {
            if {[binary scan $bytes @[expr {$at + 2}]Wu length] != 1} { set at -1; break }
            incr head 8
        }
        if {$second & 128} {
            if {[binary scan $bytes @[expr {$at + $head}]Iu mask] != 1} { set at -1; break }
            incr head 4
        }
        incr at $head
        set opcode [expr {$first & 15}]
        if {($first & 0x70) || ![dict exists $opcodes $opcode] || $at + $length > [string length $bytes]} { set at -1; break }
        set payload [string range $bytes $at [expr {$at + $length - 1}]]
        lappend list [expr {$first >> 7}] [dict get $opcodes $opcode] [expr {$mask eq "" ? $payload : [Unmask $payload $mask]}]
    }
    if {$at != [string length $bytes] || $bytes eq ""} {
        error "ws: what is to be sent is no frame: see ws::build_msg and ns_connchan wsencode" "" {NS WEBSOCKET FRAME}
    }
    return $list
}
proc ::ws::Unmask {payload mask} {
    set length [string length $payload]
    binary scan $payload[string repeat \0 [expr {-$length & 3}]] Iu* words
    string range [binary format I* [lmap word $words { expr {$word ^ $mask} }]] 0 [expr {$length - 1}]
}

# Frames as a list of messages: opcode and content, a text as a string.  Fragments are put together, also those of several calls for one
# channel (or subject).
proc ::ws::Messages {target bytes} {
    set list {}
    foreach {fin opcode payload} [Frames $bytes] {
        if {$opcode in {text binary continue}} {
            if {$opcode eq "continue"} {
                if {![nsv_get ws_partial $target partial]} {
                    error "ws: a continuation frame, and there is nothing to be continued" "" {NS WEBSOCKET FRAME}
                }
                lassign $partial opcode before
                set payload $before$payload
                nsv_unset ws_partial $target
            }
            if {!$fin} {
                nsv_set ws_partial $target [list $opcode $payload]
                continue
            }
            if {$opcode eq "text"} { set payload [encoding convertfrom utf-8 $payload] }
        }
        lappend list $opcode $payload
    }
    return $list
}

proc ::ws::Send {channel opcode content} {
    switch $opcode {
        text   { ns_websocket send -- $channel $content }
        binary { ns_websocket send -binary -- $channel $content }
        ping   { ns_websocket ping $channel $content }
        close  {
            if {[binary scan $content Sua* code reason] < 2} { set code 0; set reason "" }
            ns_websocket close -code $code -reason [encoding convertfrom utf-8 $reason] -- $channel
        }
    }
}

# Bytes that wait to be sent; "" when the channel is gone.
proc ::ws::send {channel frames} {
    set result ""
    foreach {opcode content} [Messages $channel $frames] {
        if {![Alive $channel]} {
            nsv_unset -nocomplain ws_partial $channel
            log "$channel: gone, nothing is sent"
            return
        }
        try {
            set result [Send $channel $opcode $content]
        } trap {NS WEBSOCKET CLOSED} message - trap {NS WEBSOCKET SLOW} message - trap {NS CONNCHAN UNKNOWN} message {
            log "$channel: $message"
            set result ""
        }
    }
    return $result
}

# The number of channels it goes to.
proc ::ws::multicast {args} {
    set exclude {}
    if {[lindex $args 0] eq "-exclude"} { set args [lassign $args - exclude] }
    if {[llength $args] != 2} { error {wrong # args: should be "ws::multicast ?-exclude channels? subject frames"} }
    lassign $args subject frames
    set count 0
    foreach {opcode content} [Messages "subject $subject" $frames] {
        if {$opcode in {text binary} && [llength $exclude] < 2} {
            set options [expr {$opcode eq "binary" ? "-binary" : ""}]
            if {[llength $exclude]} { lappend options -exclude [lindex $exclude 0] }
            set count [ns_websocket publish {*}$options -- $subject $content]
        } else {
            set count 0
            foreach channel [ns_websocket subscribers $subject] {
                if {$channel ni $exclude && ![catch {Send $channel $opcode $content}]} { incr count }
            }
        }
    }
    return $count
}

# ---- clients that wait
#
# Array ws_client has, by the number of a client: state (connecting, open, or closed with code and reason), the messages that nobody has
# fetched yet (m1, m2, ... from head to tail), their size; and the number by channel.  Whoever looks at it holds the lock.

proc ::ws::client::open {args} {
    if {[llength $args] % 2 == 0} {
        error {wrong # args: should be "ws::client::open ?-timeout time? ?option value ...? url"}
    }
    NotOnWorker
    variable lock
    set options [dict merge {-timeout 10s} [lrange $args 0 end-1]]
    set deadline [Deadline [dict get $options -timeout]]
    set id [nsv_incr ws_client serial]
    nsv_array set ws_client [list $id,state connecting $id,head 0 $id,tail 0 $id,size 0]
    try {
        set channel [ns_websocket connect {*}$options -- [lindex $args end] [list ::ws::client::Event $id]]
    } on error {message details} {
        ns_mutex eval $lock { Forget $id }
        return -options $details $message
    }
    ns_mutex eval $lock {
        nsv_set ws_client $channel $id
        nsv_set ws_client $id,channel $channel
        set arrived [Await {[nsv_get ws_client $id,state] ne "connecting"} $deadline]
        set state [nsv_get ws_client $id,state]
        # It may have been open, and be closed by now: what was received is still there.
        set opened [nsv_exists ws_client $id,opened]
        if {!$opened} { Forget $id }
    }
    if {!$arrived} {
        catch { ns_connchan close $channel }
        return -code error -errorcode [list NS WEBSOCKET TIMEOUT $channel] "ws::client::open: [lindex $args end]: timeout"
    }
    if {!$opened} {
        return -code error -errorcode [list NS WEBSOCKET CLOSED $channel] "ws::client::open: [lindex $args end]: [lindex $state 2]"
    }
    return $channel
}

proc ::ws::client::send {args} {
    set opcode text
    if {[lindex $args 0] eq "-opcode"} { set args [lassign $args - opcode] }
    if {[llength $args] != 2 || $opcode ni {text binary}} {
        error {wrong # args: should be "ws::client::send ?-opcode text|binary? channel message"}
    }
    ns_websocket send {*}[expr {$opcode eq "binary" ? "-binary" : ""}] -- {*}$args
}

proc ::ws::client::receive {args} {
    set timeout 10s
    if {[lindex $args 0] eq "-timeout"} { set args [lassign $args - timeout] }
    if {[llength $args] != 1} { error {wrong # args: should be "ws::client::receive ?-timeout time? channel"} }
    NotOnWorker
    variable lock
    set deadline [Deadline $timeout]
    set channel [lindex $args 0]
    ns_mutex eval $lock {
        if {![nsv_get ws_client $channel id]} {
            return -code error -errorcode [list NS WEBSOCKET NONE $channel] "channel \"$channel\" was not opened by ws::client::open"
        }
        Await {[nsv_get ws_client $id,head] < [nsv_get ws_client $id,tail] || [nsv_get ws_client $id,state] ne "open"} $deadline
        if {[nsv_get ws_client $id,head] < [nsv_get ws_client $id,tail]} {
            set key $id,m[nsv_incr ws_client $id,head]
            set message [nsv_get ws_client $key]
            nsv_unset ws_client $key
            nsv_incr ws_client $id,size -[string length $message]
            return $message
        }
        set state [nsv_get ws_client $id,state]
        if {$state ne "open"} { Forget $id }
    }
    if {$state eq "open"} {
        return -code error -errorcode [list NS WEBSOCKET TIMEOUT $channel] "channel \"$channel\": no message in time"
    }
    return -code error -errorcode [list NS WEBSOCKET CLOSED $channel] "channel \"$channel\" is closed: [lrange $state 1 end]"
}

proc ::ws::client::close {channel} {
    variable lock
    ns_mutex eval $lock {
        if {[nsv_get ws_client $channel id]} { Forget $id }
    }
    if {[::ws::Alive $channel]} { ns_websocket close $channel }
    return
}

# On the worker.
proc ::ws::client::Event {id event channel args} {
    variable lock; variable changed; variable maxQueue; variable maxClosed
    set full 0
    ns_mutex eval $lock {
        if {![nsv_exists ws_client $id,state]} { return }
        switch $event {
            open    { nsv_array set ws_client [list $id,state open $id,opened 1] }
            message {
                set length [string length [lindex $args 1]]
                set before [nsv_get ws_client $id,size]
                set full [expr {$before > 0 && $before + $length > $maxQueue}]
                if {!$full} {
                    nsv_incr ws_client $id,size $length
                    nsv_set ws_client $id,m[nsv_incr ws_client $id,tail] [lindex $args 1]
                }
            }
            close {
                nsv_set ws_client $id,state [list closed {*}$args]
                # What was received is kept for receive; of programs that do not ask any more, not for ever.
                nsv_lappend ws_client closed $id
                if {[llength [nsv_get ws_client closed]] > $maxClosed} { Forget [lindex [nsv_get ws_client closed] 0] }
            }
        }
        ns_cond broadcast $changed
    }
    if {$full} { ns_websocket close -code 1008 -reason "the client does not fetch its messages" -- $channel }
}

# Lock held.
proc ::ws::client::Forget {id} {
    set closed [expr {[nsv_exists ws_client closed] ? [nsv_get ws_client closed] : ""}]
    set at [lsearch -exact $closed $id]
    if {$at >= 0} { nsv_set ws_client closed [lreplace $closed $at $at] }
    if {[nsv_get ws_client $id,channel channel]} { nsv_unset -nocomplain ws_client $channel }
    foreach key [nsv_array names ws_client $id,*] { nsv_unset ws_client $key }
}
# Lock held: until the caller's condition is true, or the time is over (0).
proc ::ws::client::Await {condition deadline} {
    variable lock; variable changed
    while {![uplevel 1 [list expr $condition]]} {
        set left [expr {$deadline - [clock milliseconds]}]
        if {$left <= 0} { return 0 }
        ns_cond wait $changed $lock ${left}ms
    }
    return 1
}
proc ::ws::client::Deadline {timeout} {
    expr {[clock milliseconds] + int(1000 * [ns_baseunit -time $timeout])}
}
proc ::ws::client::NotOnWorker {} {
    if {[string match -socks:* [ns_thread name]]} {
        error "ws::client waits, which a callback must not: use ns_websocket connect"
    }
}

# ---- ns_websocket connect -reconnect
#
# Array ws_link has, by the number of a link, a dictionary: url, options, headers and handler as given; min and max, milliseconds of the
# delays, and most, the number of tries; tries that failed in a row, level of the delay, since when it is open (0: it is not).  Only the
# latest session of a link changes it: on its worker, or between two sessions by the scheduler.

namespace eval ::ws::link {}

proc ::ws::link::Start {limits options headers url handler} {
    lassign $limits min max most
    if {[catch {llength $handler} words] || $words == 0} { error [expr {$words eq "0" ? "empty handler command" : $words}] }
    set id [nsv_incr ws_link serial]
    nsv_set ws_link $id [dict create url $url options $options headers $headers handler $handler \
                             min $min max [expr {max($min, $max)}] most $most tries 0 level 0 since 0]
    try {
        return [Connect $id]
    } on error {message details} {
        nsv_unset ws_link $id
        return -options $details $message
    }
}

proc ::ws::link::Connect {id} {
    set link [nsv_get ws_link $id]
    set headers [ns_set create headers {*}[dict get $link headers]]
    try {
        return [ns_websocket connect {*}[dict get $link options] -headers $headers -- [dict get $link url] [list ::ws::link::Event $id]]
    } finally {
        ns_set free $headers
    }
}

proc ::ws::link::Event {id event channel args} {
    if {![nsv_get ws_link $id link]} return
    if {$event eq "open"} {
        dict set link tries 0
        dict set link since [clock milliseconds]
        nsv_set ws_link $id $link
    }
    if {$event eq "close"} {
        Tell $link close $channel {*}$args
        Lost $id $link $channel {*}$args
    } else {
        uplevel #0 [list {*}[dict get $link handler] $event $channel {*}$args]
    }
}

# What is between two sessions cannot be ended by an error of the handler.
proc ::ws::link::Tell {link event args} {
    set result ""
    if {[catch {uplevel #0 [list {*}[dict get $link handler] $event {*}$args]} result]} {
        ns_log Error "websocket link to [dict get $link url], event $event: $::errorInfo"
        set result ""
    }
    return $result
}

proc ::ws::link::Lost {id link channel code reason} {
    set since [dict get $link since]
    dict with link {
        incr tries
        set level [expr {$since && [clock milliseconds] - $since >= $max ? 0 : min($level + 1, 30)}]
        set since 0
        # Half of it is chance, so that those who have lost the same peer do not come back at the same moment.
        set delay [expr {min($max, $min << max(0, $level - 1))}]
        set delay [expr {$delay / 2 + int(rand() * ($delay - $delay / 2))}]
    }
    nsv_set ws_link $id $link
    set why ""
    if {$code == 1000} {
        set why "closed"
    } elseif {[ns_info shutdownpending]} {
        set why "the server stops"
    } elseif {$most > 0 && $tries > $most} {
        set why "$most tries failed: $reason"
    } elseif {[string is false -strict [Tell $link waiting $channel [format %.3f [expr {$delay / 1000.0}]] $tries]]} {
        set why "the handler wants no more"
    }
    if {$why ne ""} {
        Over $id $link $channel $why
    } else {
        ns_after ${delay}ms [list ::ws::link::Again $id $channel]
    }
}

# By the scheduler.
proc ::ws::link::Again {id channel} {
    if {[nsv_get ws_link $id link] && [catch {Connect $id} message]} { Over $id $link $channel $message }
}

proc ::ws::link::Over {id link channel why} {
    nsv_unset -nocomplain ws_link $id
    Tell $link over $channel $why
}
