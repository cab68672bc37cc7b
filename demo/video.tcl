# SPDX-License-Identifier: MPL-2.0
# Files that are delivered by detached channels: what answers at /media/NAME, byte ranges included; /media/NAME?slow=1 is sent
# at a limited rate.
#
# The request's thread looks at the request, writes the head of the answer and names the ranges of the file.  The rest is
# `ns_connchan sendfile`: the channel's worker sends as the browser takes it, be it for an hour, without a thread and
# without memory.  What was asked for lately, and how it ended, is kept for the page (demo/channels.tcl).

namespace eval ::video {
    variable folder [file join [file dirname [file normalize [info script]]] media]
    variable maxRanges 8                                     ;# in one request
    variable slow 64KB                                       ;# per second
    variable maxRecent 10                                    ;# deliveries that are remembered
    variable reasons {200 OK 206 {Partial Content} 304 {Not Modified} 412 {Precondition Failed} 416 {Range Not Satisfiable}}
}
nsv_set video lock [ns_mutex create video]
nsv_set video recent {}                                      ;# dictionaries, the newest first

foreach method {GET HEAD} { ns_register_proc $method /media ::video::serve }

proc ::video::serve {} {
    variable folder
    variable reasons
    set file [file join $folder [file tail [ns_conn url]]]
    if {![regexp {^/media/[\w-]+\.mp4$} [ns_conn url]] || ![file isfile $file]} { return [ns_returnnotfound] }
    file stat $file stat
    set size $stat(size)
    set etag [format {"%x-%x"} $stat(mtime) $size]

    lassign [decide $etag $stat(mtime) $size] status ranges
    switch $status {
        200 - 206 { lassign [compose $status $ranges $size] headers body }
        416       { set headers [list Content-Range "bytes */$size" Content-Length 0]; set body {} }
        412       { set headers {Content-Length 0}; set body {} }
        304       { set headers {}; set body {} }
    }
    if {[ns_conn method] eq "HEAD"} { set body {} }

    set head "HTTP/1.1 $status [dict get $reasons $status]\r\n"
    foreach {name value} [list Date [ns_httptime [clock seconds]] Last-Modified [ns_httptime $stat(mtime)] ETag $etag \
                              Accept-Ranges bytes Cache-Control no-cache Connection close {*}$headers] {
        append head "$name: $value\r\n"
    }
    set asked "[ns_conn method] [ns_conn url], [join [list $status {*}[lmap range $ranges { join $range - }]]]"
    ns_conn clientdata $asked                                ;# `ns_connchan list` shows it
    deliver $file $head\r\n $body $asked
}

# ---- which answer: its status, and the ranges as {first last} of those that send something

# The conditions in the order of RFC 9110, 13.2.2.
proc ::video::decide {etag mtime size} {
    if {[header If-Match] ne ""} {
        if {![listed $etag [header If-Match]]} { return 412 }
    } elseif {[date If-Unmodified-Since] ne "" && $mtime > [date If-Unmodified-Since]} {
        return 412
    }
    if {[header If-None-Match] ne ""} {
        if {[listed $etag [string map {W/ ""} [header If-None-Match]]]} { return 304 }
    } elseif {[date If-Modified-Since] ne "" && $mtime <= [date If-Modified-Since]} {
        return 304
    }
    # Only GET has ranges; If-Range: and only those of the file that the browser has a part of already.
    if {[ns_conn method] eq "GET" && ([header If-Range] in [list "" $etag] || [date If-Range] == $mtime)} {
        return [ranges [header Range] $size]
    }
    return [whole $size]
}
proc ::video::header {name} { string trim [ns_set iget [ns_conn headers] $name] }
proc ::video::date {name}   { if {[catch { ns_parsehttptime [header $name] } seconds]} { return "" }; return $seconds }
proc ::video::listed {etag list} { expr {$list eq "*" || $etag in [lmap tag [split $list ,] { string trim $tag }]} }
proc ::video::whole {size}  { list 200 [list [list 0 [expr {$size - 1}]]] }

# RFC 9110, 14.2.  What is not understood is ignored; so is what asks for many pieces, or for more than there is.
proc ::video::ranges {header size} {
    variable maxRanges
    if {![regexp -nocase {^bytes=(.*)$} $header -> specs]} { return [whole $size] }
    set ranges {}
    set known 0
    set total 0
    foreach spec [split $specs ,] {
        set spec [string trim $spec " \t"]
        if {$spec eq ""} { continue }
        if {$spec eq "-" || ![regexp {^(\d*)-(\d*)$} $spec -> first last] || [incr known] > $maxRanges} { return [whole $size] }
        scan $first %lld first                               ;# 010 is ten; the empty string stays one
        scan $last %lld last
        if {$first eq ""} {
            set first [expr {max(0, $size - $last)}]         ;# the last so many bytes
            set last $size
        } elseif {$last eq ""} {
            set last $size
        } elseif {$last < $first} {
            return [whole $size]
        }
        set last [expr {min($last, $size - 1)}]
        if {$first <= $last} {
            lappend ranges [list $first $last]
            incr total [expr {$last - $first + 1}]
        }
    }
    if {$known == 0 || $total > $size} { return [whole $size] }
    if {$ranges eq ""} { return 416 }
    return [list 206 $ranges]
}

# ---- the answer

# Headers that describe the body, and the body: {text T} and {file FIRST SIZE}.  Several ranges are a message of several
# parts (RFC 9110, 14.6).
proc ::video::compose {status ranges size} {
    if {[llength $ranges] == 1} {
        lassign [lindex $ranges 0] first last
        set length [expr {$last - $first + 1}]
        set headers [list Content-Type video/mp4 Content-Length $length]
        if {$status == 206} { lappend headers Content-Range "bytes $first-$last/$size" }
        return [list $headers [list [list file $first $length]]]
    }
    set boundary [ns_crypto::randombytes -encoding hex 12]
    set total 0
    set body {}
    foreach range $ranges {
        lassign $range first last
        set text "\r\n--$boundary\r\nContent-Type: video/mp4\r\nContent-Range: bytes $first-$last/$size\r\n\r\n"
        set length [expr {$last - $first + 1}]
        lappend body [list text $text] [list file $first $length]
        incr total [expr {[string length $text] + $length}]
    }
    set text "\r\n--$boundary--\r\n"
    incr total [string length $text]
    return [list [list Content-Type "multipart/byteranges; boundary=$boundary" Content-Length $total] [list {*}$body [list text $text]]]
}

proc ::video::deliver {file head body asked} {
    variable slow
    set limit [expr {[ns_queryget slow 0] eq "1" ? $slow : 0}]          ;# 0: as fast as the browser takes it
    set chan [ns_connchan detach]
    ns_connchan configure -ratelimit $limit $chan
    ns_connchan callback -sendtimeout 1m $chan ::video::stop x          ;# one who takes nothing for a minute is given up
    proceed $chan $file [list [list text $head] {*}$body] $asked 0 ok 0
}
proc ::video::stop {when} { return 0 }                       ;# the server stops: what is under way is still delivered

# A text, and the range of the file behind it.  When that is out, or the browser wants no more of it (it
# closes, as it does to seek), the channel's worker calls again: for the next range, or to close.
proc ::video::proceed {chan file body asked sent status bytes} {
    incr sent $bytes
    try {
        while {$status eq "ok" && $body ne ""} {
            set body [lassign $body piece]
            lassign $piece kind first length
            if {$kind eq "file"} {
                set next [list ::video::proceed $chan $file $body $asked $sent]
                ns_connchan sendfile -offset $first -size $length -done $next $chan $file
                return
            }
            ns_connchan write $chan $first
        }
    } on error {message} {
        set status $message
    }
    catch { ns_connchan close $chan }                        ;# it may be gone already
    remember $asked $status $sent
}

proc ::video::remember {asked status sent} {
    variable maxRecent
    ns_mutex eval [nsv_get video lock] {
        set entry [dict create time [clock milliseconds] asked $asked status $status sent $sent]
        nsv_set video recent [lrange [linsert [nsv_get video recent] 0 $entry] 0 $maxRecent-1]
    }
}
