# SPDX-License-Identifier: MPL-2.0
# The server as it is measured, by bench/run or from outside:  nsd -f -t bench/bench.tcl
#
#   BENCH_PORT, BENCH_TLS_PORT   where to listen on 127.0.0.1 (8000, 0: no TLS)
#   BENCH_CERT, BENCH_KEY        certificate and key for TLS, PEM
#   BENCH_WORKERS                callback workers (as many as there are cores)
#   BENCH_THREADS                connection threads (4)
#   BENCH_HOME                   where the pid file goes (build/bench)
#   BENCH_LOG                    1: with an access log (nslog)
#   BENCH_DEFLATE                0: without permessage-deflate
#
#   /echo/c       echoes WebSocket messages, in C alone (modules/example)
#   /echo/ws      echoes WebSocket messages by ns_websocket and a Tcl handler (bench/procs/websocket.tcl)
#   /topic/sub    a WebSocket that gets what is sent to those of /topic/pub
#   /echo/chan    echoes WebSocket messages by a Tcl callback on a channel (bench/procs/echo.tcl)
#   /line/c       echoes lines, in C alone (modules/example)
#   /stats        counters: a dict (bench/procs/stats.tcl)
#   /static/1k    a file of 1,024 bytes        /static/10m   one of 10 MB
#   /tcl/1k       a proc that returns as much
#   /file/NAME    what is /static/NAME, too, sent by a detached channel (bench/procs/file.tcl)

proc env {name default} { expr {[info exists ::env($name)] && $::env($name) ne "" ? $::env($name) : $default} }

set top  [file dirname [file dirname [file normalize [ns_info config]]]]
set home [file normalize [env BENCH_HOME $top/build/bench]]
set tls  [env BENCH_TLS_PORT 0]

file mkdir $home/pages/static
foreach {name size} {1k 1024 10m 10485760} {
    if {![file exists $home/pages/static/$name] || [file size $home/pages/static/$name] != $size} {
        set out [open $home/pages/static/$name wb]
        puts -nonewline $out [string repeat x $size]
        close $out
    }
}

ns_section ns/parameters {
    ns_param home      $home
    ns_param bindir    [file dirname [ns_info nsd]]
    ns_param lognotice false
    if {[env BENCH_WORKERS ""] ne ""} { ns_param sockcallbackthreads [env BENCH_WORKERS ""] }
}
ns_section ns/modules {
    ns_param nssock nssock
    if {$tls} { ns_param nsssl nsssl }
}
foreach {driver port} [list nssock [env BENCH_PORT 8000] nsssl $tls] {
    ns_section ns/module/$driver {
        ns_param address       127.0.0.1
        ns_param port          $port
        ns_param defaultserver bench
        ns_param backlog       4096
        ns_param keepwait      60s
        ns_param sendwait      60s
        if {$driver eq "nsssl"} {
            ns_param certificate [env BENCH_CERT ""]
            if {[env BENCH_KEY ""] ne ""} { ns_param key [env BENCH_KEY ""] }
        }
    }
}
ns_section ns/servers { ns_param bench "The measured server" }
ns_section ns/server/bench {
    ns_param minthreads     [env BENCH_THREADS 4]
    ns_param maxthreads     [env BENCH_THREADS 4]
    ns_param maxconnections 20000
    ns_param connsperthread 0
}
ns_section ns/server/bench/modules  {
    ns_param nsexample nsexample
    if {[env BENCH_LOG 0]} { ns_param nslog nslog }
}
ns_section ns/server/bench/websocket {
    ns_param maxmessage    64MB
    ns_param maxsendbuffer 256MB
    ns_param maxfragments  100000
    ns_param origins       *
    ns_param deflate       [env BENCH_DEFLATE 1]
}
ns_section ns/server/bench/fastpath { ns_param pagedir $home/pages }
ns_section ns/server/bench/tcl      { ns_param library $top/bench/procs }
