# SPDX-License-Identifier: MPL-2.0
# A chat over WebSockets: what answers at /ws.  A room is a topic.
#
# A message is a text whose first line says what it is; its parts follow, a line each.  The browser sends
#     join ROOM NAME      say TEXT      and a picture as a binary message;
# the server sends
#     welcome ROOM NAME   here NAME ...   came NAME   left NAME   said NAME MILLISECONDS TEXT   error TEXT
#     picture NAME MILLISECONDS TYPE, followed by a binary message: the picture.

namespace eval ::chat {
    variable maxText 4000 maxName 40 maxPicture 2000000      ;# characters, characters, bytes
    namespace export open message drain close
    namespace ensemble create -command ::chat::session
}
# Who is where, for all threads: array chat:ROOM has the names by channel, chat_member the room by channel.
nsv_array set chat_member {}

# One who takes so little that 8 MB wait for him is dropped; the others are not held up.
ns_register_proc GET /ws ns_websocket accept -maxmessage 2100000 -maxsendbuffer 8MB ::chat::session

# Whoever changes rooms or speaks holds the lock, so that all in the room see everything in one order.
proc ::chat::locked {args} { ns_mutex eval chat $args }

proc ::chat::open {chan}              { }
proc ::chat::drain {chan}             { }
proc ::chat::close {chan code reason} { locked remove $chan }

proc ::chat::message {chan type payload} {
    variable maxText
    if {$type eq "binary"} { return [picture $chan $payload] }
    regexp {^([^\n]*)\n?(.*)$} $payload -> verb rest
    if {$verb eq "join"} {
        lassign [lmap part [split $rest \n] { string trim [regsub -all {[[:cntrl:]]+} $part " "] }] room name
        locked enter $chan $room $name
    } elseif {$verb eq "say" && [string length $rest] > $maxText} {
        tell $chan error "A message has at most $maxText characters."
    } elseif {$verb eq "say" && [string trim $rest] ne ""} {
        locked speak $chan said $rest
    }
}

proc ::chat::picture {chan bytes} {
    variable maxPicture
    foreach {start type} {"\x89PNG\r\n" image/png "\xff\xd8\xff" image/jpeg GIF8 image/gif RIFF image/webp "" ""} {
        if {[string equal -length [string length $start] $start $bytes]} { break }
    }
    if {$type eq "" || [string length $bytes] > $maxPicture} {
        tell $chan error "A picture is a PNG, JPEG, GIF or WebP of at most $maxPicture bytes."
    } else {
        locked speak $chan picture $type $bytes
    }
}

# ---- with the lock held

proc ::chat::enter {chan room name} {
    variable maxName
    if {$room eq "" || $name eq "" || [string length $room] > $maxName || [string length $name] > $maxName} {
        return [tell $chan error "A room and a name have 1 to $maxName characters."]
    }
    ns_websocket unsubscribe $chan
    remove $chan
    set names [dict values [nsv_array get chat:$room]]
    for {set n 1; set unique $name} {$unique in $names} {} { set unique "$name [incr n]" }      ;# Ada, Ada 2, ...
    announce $room came $unique
    ns_log notice "chat: somebody came to a room, [expr {[nsv_array size chat:$room] + 1}] are there"
    nsv_set chat:$room $chan $unique
    nsv_set chat_member $chan $room
    ns_websocket subscribe $chan chat/$room
    tell $chan welcome $room $unique
    tell $chan here {*}[lsort -dictionary [dict values [nsv_array get chat:$room]]]
}

proc ::chat::remove {chan} {
    if {![nsv_get chat_member $chan room]} { return }
    set name [nsv_get chat:$room $chan]
    nsv_unset chat_member $chan
    nsv_unset chat:$room $chan
    if {[nsv_array size chat:$room] == 0} { nsv_unset chat:$room }
    announce $room left $name
}

proc ::chat::speak {chan kind what {picture ""}} {
    if {![nsv_get chat_member $chan room]} { return }
    announce $room $kind [nsv_get chat:$room $chan] [clock milliseconds] $what
    if {$picture ne ""} { ns_websocket publish -binary -nocompress chat/$room $picture }
}

proc ::chat::announce {room args} { ns_websocket publish chat/$room [join $args \n] }
proc ::chat::tell {chan args}     { ns_websocket send $chan [join $args \n] }
