# SPDX-License-Identifier: MPL-2.0
# A chat over WebSockets, on ns_connchan: what answers at /ws.  Sourced once, when the server starts.
#
# A message is a text whose first line says what it is; its parts follow, a line each.  The browser sends
#     join ROOM NAME      say TEXT      and a picture as a binary message;
# the server sends
#     welcome ROOM NAME   here NAME ...   came NAME   left NAME   said NAME MILLISECONDS TEXT   error TEXT
#     picture NAME MILLISECONDS TYPE, followed by a binary message: the picture.

namespace eval ::chat {
    variable maxText 4000 maxName 40 maxPicture 2000000      ;# characters, characters, bytes
}

# Who is where, for all threads: array chat:ROOM has the names by channel, chat_member the room by channel.  Whoever
# changes that or speaks to a room holds the lock, so that all in the room see everything in one order.
nsv_set chat lock [ns_mutex create chat]
nsv_array set chat_member {}

ns_register_proc GET /ws ::chat::upgrade

# ---- the handshake, in a connection thread

proc ::chat::upgrade {} {
    foreach name {key version upgrade connection origin host} header {
        sec-websocket-key sec-websocket-version upgrade connection origin host
    } {
        set $name [ns_set iget [ns_conn headers] $header]
    }
    if {![listed websocket $upgrade] || ![listed upgrade $connection] || ![regexp {^[A-Za-z0-9+/]{21}[AQgw]==$} $key]} {
        return [ns_return 400 text/plain "This is the address of a WebSocket.\n"]
    }
    if {$version ne "13"} {
        ns_set put [ns_conn outputheaders] Sec-WebSocket-Version 13
        return [ns_return 426 text/plain "WebSocket version 13 is spoken here.\n"]
    }
    # A browser says whose page it is that connects: others must not speak in their visitors' names.
    if {$origin ne "" && ![string equal -nocase [regsub {^https?://} $origin ""] $host]} {
        return [ns_return 403 text/plain "Not for pages from elsewhere.\n"]
    }
    set accept [ns_crypto::md string -digest sha1 -encoding base64 ${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11]
    set chan [ns_connchan detach]
    # First the answer, then the callback: what the browser says in between waits for it.
    ns_connchan write $chan "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n"
    watch $chan
}
proc ::chat::listed {token list} {
    expr {$token in [lmap word [split [string tolower $list] ,] { string trim $word }]}
}

# ---- events, in a callback worker: one after the other for each channel

# After 30 s of silence the browser is asked (a ping); if it says nothing for 10 s more, it is gone.
proc ::chat::watch {chan {time 30s} {asked 0}} {
    ns_connchan callback -timeout $time $chan [list ::chat::event $chan $asked] rex
}

# Results: 1 goes on, 0 closes the channel.
proc ::chat::event {chan asked when} {
    set keep 0
    try {
        switch $when {
            r { set keep [receive $chan]; if {$keep && $asked} { watch $chan } }
            t { if {!$asked} { control $chan ping ""; watch $chan 10s 1; set keep 1 } }
            x { bye $chan 1001 "the server stops" }
        }
    } on error {message} {
        ns_log notice "chat: $chan: $message"
        catch { bye $chan 1002 "protocol error" }
        set keep 0
    }
    if {!$keep} { leave $chan }
    return $keep
}

# All that is there: several messages may have come at once.
proc ::chat::receive {chan} {
    variable maxPicture
    for {set first 1} {1} {set first 0} {
        set frame [ns_connchan read -websocket $chan]
        if {[dict exists $frame payload]} {
            if {![message $chan [dict get $frame opcode] [dict get $frame payload]]} { return 0 }
        } elseif {$first && [dict get $frame bytes] == 0} {
            return 0                                         ;# readable, and nothing to read: the end
        } elseif {[dict get $frame unprocessed] + [dict get $frame fragments] > $maxPicture + 100} {
            return [bye $chan 1009 "too large"]
        }
        if {![dict get $frame havedata]} { return 1 }
    }
}

proc ::chat::message {chan opcode payload} {
    switch $opcode {
        1 { return [text $chan $payload] }
        2 { return [picture $chan $payload] }
        8 { control $chan close [string range $payload 0 1]; return 0 }
        9 { control $chan pong $payload }
    }
    return 1
}

proc ::chat::text {chan payload} {
    variable maxText
    set text [encoding convertfrom utf-8 $payload]
    # A broken text, passed on, would end the connections of everyone in the room.
    if {[encoding convertto utf-8 $text] ne $payload || [regexp {\xed[\xa0-\xbf]} $payload]} {
        return [bye $chan 1007 "not UTF-8"]
    }
    regexp {^([^\n]*)\n?(.*)$} $text -> verb rest
    if {$verb eq "join"} {
        lassign [lmap part [split $rest \n] { string trim [regsub -all {[[:cntrl:]]+} $part " "] }] room name
        locked enter $chan $room $name
    } elseif {$verb eq "say" && [string length $rest] > $maxText} {
        send $chan error "A message has at most $maxText characters."
    } elseif {$verb eq "say" && [string trim $rest] ne ""} {
        locked speak $chan said $rest
    }
    return 1
}

proc ::chat::picture {chan bytes} {
    variable maxPicture
    foreach {start type} {"\x89PNG\r\n" image/png "\xff\xd8\xff" image/jpeg GIF8 image/gif RIFF image/webp "" ""} {
        if {[string equal -length [string length $start] $start $bytes]} { break }
    }
    if {$type eq "" || [string length $bytes] > $maxPicture} {
        send $chan error "A picture is a PNG, JPEG, GIF or WebP of at most $maxPicture bytes."
    } else {
        locked speak $chan picture $type [ns_connchan wsencode -opcode binary $bytes]
    }
    return 1
}

# ---- rooms; all but `leave` are called with the lock held

proc ::chat::locked {args} { ns_mutex eval [nsv_get chat lock] $args }
proc ::chat::leave {chan} { locked remove $chan }

proc ::chat::enter {chan room name} {
    variable maxName
    if {$room eq "" || $name eq "" || [string length $room] > $maxName || [string length $name] > $maxName} {
        return [send $chan error "A room and a name have 1 to $maxName characters."]
    }
    remove $chan
    set names [dict values [nsv_array get chat:$room]]
    for {set n 1; set unique $name} {$unique in $names} {} { set unique "$name [incr n]" }      ;# Ada, Ada 2, ...
    announce $room [text_frame came $unique]
    nsv_set chat:$room $chan $unique
    nsv_set chat_member $chan $room
    send $chan welcome $room $unique
    send $chan here {*}[lsort -dictionary [dict values [nsv_array get chat:$room]]]
}

proc ::chat::remove {chan} {
    if {![nsv_get chat_member $chan room]} { return }
    set name [nsv_get chat:$room $chan]
    nsv_unset chat_member $chan
    nsv_unset chat:$room $chan
    if {[nsv_array size chat:$room] == 0} { nsv_unset chat:$room }
    announce $room [text_frame left $name]
}

# The frames go out in one write, so that nothing comes between a picture and what is said about it.
proc ::chat::speak {chan kind what {more ""}} {
    if {[nsv_get chat_member $chan room]} {
        announce $room [text_frame $kind [nsv_get chat:$room $chan] [clock milliseconds] $what]$more
    }
}

# A write does not wait: what a slow browser has not taken yet is kept for it, up to `maxsendbuffer` of the configuration.
# When that is full, or the channel is gone, the write fails: that member goes, the others are not held up.
proc ::chat::announce {room frames} {
    foreach chan [nsv_array names chat:$room] {
        if {[catch { ns_connchan write $chan $frames }]} {
            catch { ns_connchan close $chan }
            remove $chan
        }
    }
}

# ---- frames

proc ::chat::text_frame {args} { ns_connchan wsencode -opcode text [join $args \n] }
proc ::chat::send {chan args}  { ns_connchan write $chan [text_frame {*}$args] }
proc ::chat::control {chan opcode payload} { ns_connchan write $chan [ns_connchan wsencode -binary -opcode $opcode $payload] }
proc ::chat::bye {chan code why} { control $chan close [binary format Sa* $code $why]; return 0 }
