# SPDX-License-Identifier: MPL-2.0
# The server of memcheck: MEMCHECK_HOME, MEMCHECK_PORT, MEMCHECK_TLS_PORT; MEMCHECK_COMMANDS are those to be counted.

set here [file dirname [file normalize [ns_info config]]]
set home $env(MEMCHECK_HOME)
file copy -force $here/pages $home/
set out [open $home/pages/large.txt w]
for {set i 0} {$i < 1000} {incr i} { puts $out "line $i of a rather large file" }
close $out
set out [open $home/pages/pic.png wb]
puts -nonewline $out [binary decode base64 iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==]
close $out

ns_section memcheck {
    ns_param home     $home
    ns_param port     $env(MEMCHECK_PORT)
    ns_param tlsport  $env(MEMCHECK_TLS_PORT)
    ns_param commands $env(MEMCHECK_COMMANDS)
}
ns_section ns/parameters {
    ns_param home            $home
    ns_param bindir          [file dirname [ns_info nsd]]
    ns_param tcllibrary      $here/../../tcl
    ns_param serversecret    "of memcheck"
    ns_param shutdowntimeout 60s
}
ns_section ns/modules {
    ns_param nssock nssock
    ns_param nsssl  nsssl
}
foreach {driver port} [list nssock $env(MEMCHECK_PORT) nsssl $env(MEMCHECK_TLS_PORT)] {
    ns_section ns/module/$driver {
        ns_param address       127.0.0.1
        ns_param port          $port
        ns_param defaultserver main
        ns_param certificate   $home/../cert.pem
        ns_param recvwait      60s
        ns_param keepwait      60s
    }
}
ns_section ns/servers { ns_param main "Under memcheck" }
ns_section ns/server/main {
    ns_param minthreads     2
    ns_param maxthreads     8
    ns_param connsperthread 100
    ns_param lowwatermark   0
}
# Modules: users and permissions, a driver without a database and one with, worker processes.
file mkdir $home/modules/nsperm
foreach {name line} {passwd {nsadmin:x:::::} group {staff:::nsadmin} perms {allowuser inherit GET /private nsadmin}} {
    set out [open $home/modules/nsperm/$name w]; puts $out $line; close $out
}
ns_section ns/server/main/modules { ns_param nsperm nsperm; ns_param nsdb nsdb; ns_param nsproxy nsproxy; ns_param nslog nslog }
ns_section ns/server/main/db      { ns_param pools *; ns_param defaultpool tester }
ns_section ns/db/drivers          { ns_param tester nsdbtest }
ns_section ns/db/pools            { ns_param tester "No database" }
ns_section ns/db/pool/tester      { ns_param driver tester; ns_param connections 8 }
if {[file exists [file dirname [ns_info nsd]]/nsdbsqlite.so]} {
    ns_section ns/db/drivers     { ns_param sqlite nsdbsqlite }
    ns_section ns/db/pools       { ns_param lite SQLite }
    ns_section ns/db/pool/lite   { ns_param driver sqlite; ns_param connections 8; ns_param datasource $home/lite.db }
}
ns_section ns/server/main/modules { ns_param nscgi nscgi }
ns_section ns/server/main/module/nscgi {
    ns_param map "GET /cgi /bin/echo"; ns_param interps memcheck; ns_param environment memcheck
}
ns_section ns/interps/memcheck     { ns_param .none "/bin/cat -u(memcheck)" }
ns_section ns/environment/memcheck { ns_param GREETING hello }
ns_section ns/server/main/tcl      { ns_param library $here/modules }
ns_section ns/server/main/fastpath { ns_param pagedir $home/pages }
ns_section ns/server/main/adp      { ns_param map /*.adp; ns_param cache true }
