# SPDX-License-Identifier: MPL-2.0
# The demonstrations of demo/, over http and https.  `./setup demo` makes the certificate and sets the environment; by hand:
#
#   DEMO_CERT=cert.pem nsd -f -t conf/demo.tcl
#
# DEMO_ADDRESS, DEMO_PORT, DEMO_TLS_PORT   where to listen (127.0.0.1, 8080, 8443)
# DEMO_CERT                                certificate and key in one PEM file; none: no https
# DEMO_HOME                                where the pid file (and, not in the foreground, the log) goes

proc env {name default} { expr {[info exists ::env($name)] ? $::env($name) : $default} }

set top [file dirname [file dirname [file normalize [ns_info config]]]]

ns_section ns/parameters {
    ns_param home   [env DEMO_HOME $top]
    ns_param bindir [file dirname [ns_info nsd]]
    ns_param joblogminduration 1m              ;# jobs of seconds are what /job is about
}
ns_section ns/modules {
    ns_param nssock nssock
    if {[env DEMO_CERT ""] ne ""} { ns_param nsssl nsssl }
}
ns_section ns/module/nssock {
    ns_param address       [env DEMO_ADDRESS 127.0.0.1]
    ns_param port          [env DEMO_PORT 8080]
    ns_param defaultserver demo
    ns_param maxinput      100KB
}
ns_section ns/module/nsssl {
    ns_param address       [env DEMO_ADDRESS 127.0.0.1]
    ns_param port          [env DEMO_TLS_PORT 8443]
    ns_param defaultserver demo
    ns_param maxinput      100KB
    ns_param certificate   [env DEMO_CERT ""]
}

ns_section ns/servers { ns_param demo "Demonstrations" }
ns_section ns/server/demo {
    ns_param minthreads 1
    ns_param maxthreads 4
}
ns_section ns/server/demo/fastpath {
    ns_param pagedir       $top/demo/pages
    ns_param directoryfile index.html
}
ns_section ns/server/demo/adp { ns_param map /*.adp }
ns_section ns/server/demo/tcl {
    ns_param library $top/demo
}
