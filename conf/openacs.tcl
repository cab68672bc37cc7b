# SPDX-License-Identifier: MPL-2.0
# OpenACS on PostgreSQL: ./setup openacs DIR makes what this wants and starts it; doc/openacs.md tells how.
#
#   OPENACS_ROOT      OpenACS's folder, which has packages, tcl and www
#   OPENACS_ADDRESS   (127.0.0.1)   OPENACS_PORT of HTTP (8000)   OPENACS_TLS_PORT, with OPENACS_CERT: HTTPS
#   OPENACS_HOSTNAME  the name that its users see (localhost)
#   OPENACS_DBHOST    a host, or the folder of PostgreSQL's socket (localhost)   OPENACS_DBPORT (5432)
#   OPENACS_DB        (openacs)     OPENACS_DBUSER (openacs)     OPENACS_DBPASSWORD
#   OPENACS_CONNECTIONS  of pool1, the largest of three (15)
#   OPENACS_SECRETS   a file with two words, secrets that sign what its pages give out

proc env {name default} { expr {[info exists ::env(OPENACS_$name)] && $::env(OPENACS_$name) ne "" ? $::env(OPENACS_$name) : $default} }
set root [file normalize [env ROOT ~/openacs]]
set log $root/log
if {![file exists $root/packages/acs-kernel]} { error "conf/openacs.tcl: OPENACS_ROOT: $root has no packages/acs-kernel" }
file mkdir $log

ns_section ns/parameters {
    ns_param home $root
    ns_param systemlog $log/error.log
    ns_param pidfile $log/nsd.pid
    ns_param tmpdir /tmp
    ns_param outputcharset utf-8
    ns_param urlcharset utf-8
}
# OpenACS's interpreters are large, and its templates call deeply.
ns_section ns/threads { ns_param stacksize 2MB }
ns_section ns/mimetypes { ns_param default */*; ns_param noextension */* }
ns_section ns/servers { ns_param openacs "OpenACS" }

ns_section ns/modules { ns_param nssock nssock }
ns_section ns/module/nssock {
    ns_param address [env ADDRESS 127.0.0.1]
    ns_param port [env PORT 8000]
    ns_param hostname [env HOSTNAME localhost]
    ns_param defaultserver openacs
    ns_param maxinput 100MB
}
if {[env CERT ""] ne ""} {
    ns_section ns/modules { ns_param nsssl nsssl }
    ns_section ns/module/nsssl {
        ns_param address [env ADDRESS 127.0.0.1]
        ns_param port [env TLS_PORT 8443]
        ns_param hostname [env HOSTNAME localhost]
        ns_param certificate [env CERT ""]
        ns_param defaultserver openacs
        ns_param maxinput 100MB
    }
}

ns_section ns/server/openacs {
    ns_param minthreads 2
    ns_param maxthreads 10
    ns_param connsperthread 1000
    ns_param threadtimeout 10m
}
ns_section ns/server/openacs/modules { ns_param nslog nslog; ns_param nsdb nsdb }
ns_section ns/server/openacs/fastpath {
    ns_param pagedir www
    ns_param directoryfile "index.tcl index.adp index.html index.htm"
}
ns_section ns/server/openacs/adp {
    ns_param map /*.adp
}
ns_section ns/server/openacs/redirects {
    ns_param 404 /shared/404
    ns_param 403 /shared/403
    ns_param 503 /shared/503
    ns_param 500 /shared/500
}
# OpenACS wants NX and XOTcl before its first library file, and XOTcl's classes in the global namespace.
set out [open $log/init.tcl w]
puts $out {
    foreach package {nx nx::serializer {XOTcl 2} xotcl::serializer} { package require {*}$package }
    namespace import -force ::xotcl::*
    source [file join [ns_library shared] init.tcl]
}
close $out
ns_section ns/server/openacs/tcl { ns_param library $root/tcl; ns_param initfile $log/init.tcl }
ns_section ns/server/openacs/module/nslog { ns_param file $log/access.log; ns_param logcombined true }

# OpenACS's own.  Asked for a restart it ends with an exit code that is not 0.
ns_section ns/server/openacs/acs {
    ns_param NsShutdownWithNonZeroExitCode 1
    if {[env SECRETS ""] ne ""} {
        set in [open [env SECRETS ""]]
        lassign [read $in] parameterSecret clusterSecret
        close $in
        ns_param parameterSecret $parameterSecret
        ns_param ClusterSecret $clusterSecret
    }
}

ns_section ns/server/openacs/db { ns_param pools {pool1 pool2 pool3}; ns_param defaultpool pool1 }
ns_section ns/db/drivers { ns_param postgres nsdbpg }
ns_section ns/db/pools { ns_param pool1 "Pool 1"; ns_param pool2 "Pool 2"; ns_param pool3 "Pool 3" }
foreach {pool connections} [list pool1 [env CONNECTIONS 15] pool2 5 pool3 5] {
    ns_section ns/db/pool/$pool {
        ns_param driver postgres
        ns_param datasource [env DBHOST localhost]:[env DBPORT 5432]:[env DB openacs]
        ns_param user [env DBUSER openacs]
        ns_param password [env DBPASSWORD ""]
        ns_param connections $connections
        ns_param logminduration 10ms
    }
}
