# SPDX-License-Identifier: MPL-2.0
#
# Small old commands that programs still call.

# Copy from one channel to another: all, or so many characters (of binary channels: bytes).  How many it were.
proc ns_cpfp {in out {count -1}} {
    fcopy $in $out -size $count
}

proc ns_updateheader {name value} {
    ns_set iupdate [ns_conn outputheaders] $name $value
}

# In parentheses, if there is something.
proc ns_paren {value} {
    expr {$value eq "" ? "" : "($value)"}
}

# One part of a list as ns_localtime and ns_gmtime give it.
proc ns_parsetime {option time} {
    set parts {sec min hour mday mon year wday yday isdst}
    set i [lsearch -exact $parts $option]
    if {$i < 0} {
        error "unknown option \"$option\": must be [join $parts {, }]"
    }
    lindex $time $i
}

# Does the client's User-Agent match a pattern?
proc ns_browsermatch {pattern} {
    string match -nocase $pattern [ns_set iget [ns_conn headers] user-agent]
}

# How many digits numbers are written with, in the interpreters of this thread; 0: as many as they need.
proc ns_set_precision {precision} {
    if {![string is integer -strict $precision] || $precision < 0 || $precision > 17} {
        error "not a number of digits from 0 to 17: \"$precision\""
    }
    set ::tcl_precision $precision
}

# What the client wishes for his privacy: Global Privacy Control, Do Not Track, Advanced Data Protection Control.
namespace eval ns_privacy {
    proc signals {} {
        set signals [ns_conn privacy]
        if {[dict get $signals adpc present]} {
            dict set signals adpc [dict merge [dict get $signals adpc] [parse_adpc [dict get $signals adpc raw]]]
        }
        return $signals
    }
    # consent="one two", withdraw=*, object=direct-marketing; what is not of this form is left out.
    proc parse_adpc {value} {
        set wishes {}
        foreach part [regexp -all -inline {(?:[^,"]|"[^"]*")+} $value] {
            if {[regexp -nocase {^\s*(consent|withdraw|object)\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*$} $part -> name quoted word]} {
                dict lappend wishes [string tolower $name] {*}[regexp -all -inline {\S+} $quoted$word]
            }
        }
        return $wishes
    }
}
