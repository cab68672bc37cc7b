# SPDX-License-Identifier: MPL-2.0
# The module nsproxy (man page ns_proxy) for a server of your configuration:
#
#   set server default
#   source conf/nsproxy.tcl
#
# What is not said here is as the comments have it.

ns_section ns/server/$server/modules {
    ns_param nsproxy nsproxy
}
ns_section ns/server/$server/module/nsproxy {
    ns_param maxworker      8                  ;# workers of each pool
    ns_param maxpools       100
    ns_param exec           nsproxy-helper     ;# their program; a relative path: beside nsproxy.so
    ns_param gettimeout     5s                 ;# for a worker to come free; by default no limit
    ns_param evaltimeout    1m                 ;# for a script; by default no limit
    ns_param sendtimeout    5s                 ;# to hand over a script, and its result
    ns_param recvtimeout    5s
    ns_param waittimeout    1s                 ;# for a worker that shall end, before SIGTERM and before SIGKILL
    ns_param idletimeout    5m                 ;# an unused worker ends
    ns_param logminduration 1s                 ;# a script that takes as long is in the log
    ns_param maxmessage     64MB               ;# of a script, and of a result
}
