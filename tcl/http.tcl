# SPDX-License-Identifier: MPL-2.0
#
# The old commands for requests to other servers, on ns_http; new programs use that.

namespace eval ::nsd::http {}

# The body behind up to `depth` redirections.
proc ::nsd::http::get {url timeout depth headers} {
    set options [list -timeout $timeout]
    if {$headers ne ""} {
        lappend options -headers $headers
    }
    set reply [ns_http run {*}$options $url]
    set location [ns_set iget [dict get $reply headers] location ""]
    if {$depth > 0 && $location ne "" && [dict get $reply status] in {301 302 303 307 308}} {
        set next [ns_absoluteurl $location $url]
        if {[origin $next] ne [origin $url]} {
            set headers ""                                   ;# what was meant for one server is not told to another
        }
        return [get $next $timeout [expr {$depth - 1}] $headers]
    }
    return $reply
}

proc ::nsd::http::origin {url} {
    set parts [ns_parseurl $url]
    set port [expr {[dict exists $parts port] ? [dict get $parts port] : ""}]
    return [list [dict get $parts proto] [dict get $parts host] $port]
}

proc ns_httpget {url {timeout 30} {depth 10} {rqset ""}} {
    return [dict get [::nsd::http::get $url $timeout $depth $rqset] body]
}

# The fields of qsset as a form.
proc ns_httppost {url {rqset ""} {qsset ""} {type ""} {timeout 30}} {
    set headers [ns_set create post]
    if {$rqset ne ""} {
        ns_set merge $headers $rqset
    }
    ns_set iupdate $headers content-type [expr {$type ne "" ? $type : "application/x-www-form-urlencoded"}]
    set fields {}
    if {$qsset ne ""} {
        foreach {name value} [ns_set array $qsset] {
            lappend fields [ns_urlencode -part query $name]=[ns_urlencode -part query $value]
        }
    }
    return [dict get [ns_http run -timeout $timeout -method POST -headers $headers -body [join $fields &] $url] body]
}

# Send a request: a channel to read the body from, one to write to, and the headers of the response, whose name is its status line.
proc ns_httpopen {method url {rqset ""} {timeout 30} {pdata ""}} {
    set parts [ns_parseurl $url]
    if {![dict exists $parts proto] || [dict get $parts proto] ne "http"} {
        error "ns_httpopen: \"$url\" is not of the form http://host/path; for others there is ns_http"
    }
    if {[regexp {[\s\0]} $method$url]} {
        error "ns_httpopen: method and URL must have no white space"
    }
    set host [dict get $parts host]
    set port [expr {[dict exists $parts port] ? [dict get $parts port] : 80}]
    regexp {^[a-zA-Z]+://[^/?#]*([^#]*)} $url -> target
    if {[string index $target 0] ne "/"} {
        set target /$target
    }
    lassign [ns_sockopen -timeout $timeout $host $port] rfd wfd
    try {
        fconfigure $wfd -translation binary
        fconfigure $rfd -translation binary
        puts -nonewline $wfd "$method $target HTTP/1.0\r\n[::nsd::http::head $host $port $rqset $pdata]\r\n"
        puts -nonewline $wfd [encoding convertto utf-8 $pdata]
        flush $wfd
        return [list $rfd $wfd [::nsd::http::readHead $rfd $timeout]]
    } on error {message options} {
        close $rfd
        close $wfd
        return -options $options $message
    }
}

proc ::nsd::http::head {host port rqset pdata} {
    set headers [ns_set create]
    if {$rqset ne ""} {
        ns_set merge $headers $rqset
    }
    ns_set iupdate $headers Host [expr {$port == 80 ? $host : "$host:$port"}]
    if {$pdata ne ""} {
        ns_set iupdate $headers Content-Length [string length [encoding convertto utf-8 $pdata]]
    }
    set head ""
    foreach {name value} [ns_set array $headers] {
        if {[regexp {[\r\n\0]} $name$value]} {
            error "invalid header \"$name\""
        }
        append head "$name: $value\r\n"
    }
    return $head
}

# All of it in the time that is given, however slowly its bytes come.
proc ::nsd::http::readHead {fd timeout} {
    set end [expr {[ns_info uptime] + $timeout}]
    set line [string trimright [getLine $end $fd] \r]
    set headers [ns_set create $line]
    while {[set line [string trimright [getLine $end $fd] \r]] ne ""} {
        if {[regexp {^([^:]+):\s*(.*)$} $line -> name value]} {
            ns_set put $headers [string tolower $name] [string trimright $value]
        }
    }
    return $headers
}

# A line, as long as it comes in time.
proc ::nsd::http::getLine {end sock} {
    set line ""
    while {[string index $line end] ne "\n"} {
        set left [expr {$end - [ns_info uptime]}]
        if {$left < 0 || [lindex [ns_sockselect -timeout [expr {max(1, $left)}] $sock {} {}] 0] eq ""} {
            error "ns_httpopen: no answer in time" "" NS_TIMEOUT
        }
        set byte [read $sock 1]
        if {$byte eq ""} {
            error "ns_httpopen: the connection ended within the head of the response"
        }
        append line $byte
        if {[string length $line] > 65536} {
            error "ns_httpopen: a line of the head is longer than 64 kB"
        }
    }
    return [string trimright $line \n]
}

# The body; the headers in a set, which a variable gets.
proc ns_geturl {url {headersVar ""}} {
    if {![string match -nocase http://* $url] && ![string match -nocase https://* $url]} {
        if {[string index $url 0] ne "/"} {
            error "could not fetch: $url"
        }
        set url [ns_conn location]$url
    }
    set reply [::nsd::http::get $url 30 10 ""]
    if {$headersVar ne ""} {
        upvar 1 $headersVar headers
        set headers [dict get $reply headers]
    }
    return [dict get $reply body]
}
