# SPDX-License-Identifier: MPL-2.0
#
# Files, as far as Tcl's own file command does the work; the others are commands of the server.

namespace eval ::nsd::files {}

proc ::nsd::files::wrongArgs {usage} {
    return -level 2 -code error -errorcode {TCL WRONGARGS} "wrong # args: should be \"$usage\""
}

# The name of a file for Tcl's open, which takes one that begins with "|" for a command.
proc ::nsd::files::plain {name} {
    expr {[string index $name 0] eq "|" ? "./$name" : $name}
}

# Copy a file, or a folder with what is in it; what is there is replaced.  Times and permissions go along in any case.
proc ns_cp {args} {
    if {[llength $args] == 3 && [lindex $args 0] eq "-preserve"} {
        set args [lrange $args 1 end]
    }
    if {[llength $args] != 2} {
        ::nsd::files::wrongArgs "ns_cp ?-preserve? srcfile dstfile"
    }
    file copy -force -- {*}$args
}

proc ns_rename {from to} {
    file rename -force -- $from $to
}

# Another name for a file.
proc ns_link {args} {
    set quiet [expr {[llength $args] == 3 && [lindex $args 0] eq "-nocomplain"}]
    if {[llength $args] != 2 + $quiet} {
        ::nsd::files::wrongArgs "ns_link ?-nocomplain? path link"
    }
    lassign [lrange $args end-1 end] path link
    if {[catch {file link -hard $link $path} message options] && !$quiet} {
        return -code error -errorcode [dict get $options -errorcode] $message
    }
    return
}

proc ns_mkdir {dir} {
    file mkdir $dir
}

# An empty folder.
proc ns_rmdir {dir} {
    if {![file isdirectory $dir]} {
        return -code error -errorcode {POSIX ENOTDIR {not a directory}} "error deleting \"$dir\": not a directory"
    }
    file delete -- $dir
}

# Anything but a folder.
proc ns_unlink {args} {
    set quiet [expr {[llength $args] == 2 && [lindex $args 0] eq "-nocomplain"}]
    if {[llength $args] != 1 + $quiet} {
        ::nsd::files::wrongArgs "ns_unlink ?-nocomplain? file"
    }
    set file [lindex $args end]
    if {[catch {file lstat $file stat}]} {
        if {$quiet} {
            return
        }
        return -code error -errorcode {POSIX ENOENT {no such file}} "error deleting \"$file\": no such file"
    }
    if {$stat(type) eq "directory"} {
        return -code error -errorcode {POSIX EISDIR {is a directory}} "error deleting \"$file\": is a directory"
    }
    file delete -- $file
}

proc ns_chmod {file mode} {
    file attributes $file -permissions $mode
    return
}

# 1 or 0: is it there?  Its properties go into the array.
proc ns_filestat {args} {
    if {[llength $args] ni {1 2}} {
        ::nsd::files::wrongArgs "ns_filestat /filename/ ?/varname/?"
    }
    lassign $args file name
    if {[catch {file stat $file stat}]} {
        return 0
    }
    if {[llength $args] == 2} {
        upvar 1 $name var
        unset -nocomplain var
        foreach field {atime ctime dev gid ino mode mtime nlink size type uid} {
            set var($field) $stat($field)
        }
    }
    return 1
}

# The bytes of a file, one character each.
proc ns_fileread {filename} {
    set channel [open [::nsd::files::plain $filename] rb]
    try {
        read $channel
    } finally {
        close $channel
    }
}

proc ns_filewrite {filename data {mode w}} {
    set channel [open [::nsd::files::plain $filename] $mode]
    try {
        fconfigure $channel -translation binary
        puts -nonewline $channel $data
    } finally {
        close $channel
    }
}

# The channels of this interpreter.
proc ns_getchannels {} {
    chan names
}

# Go to where the text comes next; the position, or -1: it does not, and the channel is at its end.
proc ns_fseekchars {channel text} {
    set encoding [fconfigure $channel -encoding]
    set translation [fconfigure $channel -translation]
    set start [tell $channel]
    set bytes [expr {$encoding eq "binary" ? $text : [encoding convertto $encoding $text]}]
    set overlap [expr {[string length $bytes] - 1}]
    fconfigure $channel -translation binary
    try {
        set rest ""
        while {[set piece [read $channel 65536]] ne ""} {
            append rest $piece
            if {[set at [string first $bytes $rest]] >= 0} {
                seek $channel [incr start $at]
                return $start
            }
            set done [expr {max(0, [string length $rest] - $overlap)}]
            set rest [string range $rest $done end]
            incr start $done
        }
        return -1
    } finally {
        fconfigure $channel -translation $translation -encoding $encoding
    }
}
