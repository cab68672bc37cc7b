# SPDX-License-Identifier: MPL-2.0
# The server behind the proxies of tests/proxy/run: as conf/nginx-websocket.conf and conf/haproxy-websocket.cfg want it, with times
# short enough to wait for.  PROXY_HOME, PROXY_NSD_PORT.

ns_section ns/parameters {
    ns_param home   $env(PROXY_HOME)
    ns_param bindir [file dirname [ns_info nsd]]
}
ns_section ns/parameters/reverseproxymode { ns_param enabled true }
ns_section ns/modules { ns_param nssock nssock }
ns_section ns/module/nssock {
    ns_param address       127.0.0.1
    ns_param port          $env(PROXY_NSD_PORT)
    ns_param defaultserver main
    ns_param keepwait      30s
}
ns_section ns/servers         { ns_param main "Behind a proxy" }
ns_section ns/server/main/tcl { ns_param library [file dirname [file normalize [ns_info config]]]/modules }
ns_section ns/server/main/websocket {
    ns_param pinginterval 300ms
    ns_param pongtimeout  5s
    ns_param maxmessage   2MB
    ns_param maxsendbuffer 4MB
}
