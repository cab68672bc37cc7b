# SPDX-License-Identifier: MPL-2.0
# nstest::freeport: a port of 127.0.0.1 for a server that is still to be started, or that nobody is to listen on.
#
# It lies below those that the kernel gives to clients and to who listens on port 0: between choosing and listening such a one
# would be taken, sooner or later, by the tests that run at the same time.  Each process has a stretch of its own, and goes on
# from port to port, so that none is given twice.

namespace eval ::nstest { variable nextport {} }

proc ::nstest::freeport {} {
    variable nextport
    if {$nextport eq ""} { set nextport [expr {10000 + 220 * ([pid] % 100) + int(220 * rand())}] }
    while 1 {
        set port $nextport
        set nextport [expr {$port < 32000 ? $port + 1 : 10000}]
        if {![catch {socket -server {} -myaddr 127.0.0.1 $port} listen]} {
            close $listen
            return $port
        }
    }
}
