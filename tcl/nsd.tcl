# SPDX-License-Identifier: MPL-2.0
#
# Commands that are Tcl all through.

# Log once per call that a command should not be used any more, and what to use instead.
proc ns_deprecated {{alternative ""} {explanation ""}} {
    set text "[lindex [info level -1] 0] is deprecated."
    if {$alternative ne ""} {
        append text " Use '$alternative' instead."
    }
    if {$explanation ne ""} {
        append text " $explanation"
    }
    ns_log Deprecated $text
}

# Close the channels that are open in this interpreter, but for the standard ones.
proc ns_cleanupchans {} {
    foreach chan [file channels] {
        if {$chan ni {stdin stdout stderr}} {
            catch {close $chan}
        }
    }
}

# Unset the global variables, but for those of Tcl itself.
proc ns_cleanupvars {} {
    foreach name [info globals] {
        switch -glob -- $name {
            tcl* - auto* - env - error* - arg* {}
            default { unset -nocomplain ::$name }
        }
    }
}

# Bring the interpreter up to date; start anew.
proc ns_init {} {
    ns_ictl update
}
proc ns_reinit {} {
    ns_ictl cleanup
    ns_ictl update
}

# Give up the page being sourced, without an error in the log.
proc ns_tcl_abort {} {
    return -code error -errorcode NS_TCL_ABORT ns_tcl_abort
}

# Answer a request by sourcing the file that its URL stands for.
proc ns_sourceproc {args} {
    set file [ns_url2file [ns_conn url]]
    if {![file isfile $file]} {
        return [ns_returnnotfound]
    }
    try {
        uplevel #0 [list source -encoding utf-8 $file]
    } trap NS_TCL_ABORT {} {
    }
}
