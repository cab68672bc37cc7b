# SPDX-License-Identifier: MPL-2.0
# The server that tests/hostile/run attacks: the defaults, but one thread of each kind, so that attacker and witness share it.
# HOSTILE_HOME, HOSTILE_NAME, HOSTILE_PORT, HOSTILE_TLS_PORT; what an attack needs beside it is in NAME.tcl.

set top [file dirname [file normalize [ns_info config]]]
ns_section ns/parameters {
    ns_param home                $env(HOSTILE_HOME)
    ns_param bindir              [file dirname [ns_info nsd]]
    ns_param sockcallbackthreads 1
}
ns_section ns/modules {
    ns_param nssock nssock
    ns_param nsssl  nsssl
}
ns_section ns/module/nssock {
    ns_param address       127.0.0.1
    ns_param port          $env(HOSTILE_PORT)
    ns_param defaultserver main
}
ns_section ns/module/nsssl {
    ns_param address       127.0.0.1
    ns_param port          $env(HOSTILE_TLS_PORT)
    ns_param defaultserver main
    ns_param certificate   $env(HOSTILE_HOME)/../cert.pem
}
ns_section ns/servers         { ns_param main "Under attack" }
ns_section ns/server/main/tcl { ns_param library $top/modules }
ns_section ns/server/main/fastpath { ns_param pagedir $top/../pages }
if {[file exists $top/$env(HOSTILE_NAME).tcl]} {
    source $top/$env(HOSTILE_NAME).tcl
}
