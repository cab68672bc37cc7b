# SPDX-License-Identifier: MPL-2.0
# The server that tests/conformance/conform.py speaks with:  nsd -f -t tests/conformance/server.tcl
#
#   CONFORM_PORT, CONFORM_TLS_PORT   on 127.0.0.1; CONFORM_CERT, CONFORM_KEY: for the second
#   CONFORM_HOME                     where the pid file goes
#
#   /echo/c      an echo in C (modules/example)
#   /echo/ws, /small/ws, /takeover/ws, /connect, /result: procs/conform.tcl

set top [file dirname [file dirname [file dirname [file normalize [ns_info config]]]]]

ns_section ns/parameters {
    ns_param home      $::env(CONFORM_HOME)
    ns_param bindir    [file dirname [ns_info nsd]]
    ns_param lognotice false
    ns_param sockcallbackthreads 2
}
ns_section ns/modules {
    ns_param nssock nssock
    ns_param nsssl  nsssl
}
foreach {driver port} [list nssock $::env(CONFORM_PORT) nsssl $::env(CONFORM_TLS_PORT)] {
    ns_section ns/module/$driver {
        ns_param address       127.0.0.1
        ns_param port          $port
        ns_param defaultserver conform
        if {$driver eq "nsssl"} {
            ns_param certificate $::env(CONFORM_CERT)
            ns_param key         $::env(CONFORM_KEY)
        }
    }
}
ns_section ns/servers { ns_param conform "Conformance tests" }
ns_section ns/server/conform {
    ns_param minthreads 4
    ns_param maxthreads 4
    ns_param connsperthread 0
}
ns_section ns/server/conform/modules { ns_param nsexample nsexample }
ns_section ns/server/conform/websocket {
    ns_param maxmessage    32MB
    ns_param maxsendbuffer 64MB
    ns_param protocols     {chat echo.v2}
    # 4 MB in fragments of 64 bytes
    ns_param maxfragments  100000
}
ns_section ns/server/conform/tcl { ns_param library $top/tests/conformance/procs }
