# SPDX-License-Identifier: MPL-2.0
#
# Listing of folders that have no index: the parameter directorylisting (simple or fancy) of ns/server/NAME/fastpath.

# The default of the parameter directoryproc: called with the folder; it answers the request.
proc _ns_dirlist {folder} {
    set section ns/server/[ns_info server]/fastpath
    set fancy [expr {[ns_config $section directorylisting none] eq "fancy"}]
    set hideDots [ns_config -bool $section hidedotfiles true]
    set url [string trimright [ns_conn url] /]/

    set names [glob -nocomplain -directory $folder -tails *]
    if {!$hideDots} {
        foreach name [glob -nocomplain -directory $folder -tails -types hidden *] {
            if {$name ni {. ..}} {
                lappend names $name
            }
        }
    }
    set rows ""
    if {$url ne "/"} {
        append rows [::nsd::dirlistRow $fancy .. ".." "" ""]
    }
    foreach name [lsort -dictionary $names] {
        # What is gone meanwhile, or leads nowhere, is left out; what is no file or folder would not be served.
        if {[catch {file stat [file join $folder $name] stat}] || $stat(type) ni {file directory}} {
            continue
        }
        if {$stat(type) eq "directory"} {
            append name /
            set size ""
        } else {
            set size $stat(size)
        }
        append rows [::nsd::dirlistRow $fancy [::nsd::dirlistHref $name] $name $size $stat(mtime)]
    }
    set title "Index of [ns_quotehtml $url]"
    set list [expr {$fancy ? "<table>\n$rows</table>" : "<ul>\n$rows</ul>"}]
    ns_return 200 text/html "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>$title</title></head>\n<body>\n<h1>$title</h1>\n$list\n</body>\n</html>\n"
}

# A relative link: "./" before a name keeps a colon in it from being taken for a scheme.
proc ::nsd::dirlistHref {name} {
    set slash [expr {[string index $name end] eq "/" ? "/" : ""}]
    return ./[ns_urlencode -part path [string trimright $name /]]$slash
}

proc ::nsd::dirlistRow {fancy href name size mtime} {
    set link "<a href=\"[ns_quotehtml $href]\">[ns_quotehtml $name]</a>"
    if {!$fancy} {
        return "<li>$link</li>\n"
    }
    if {$mtime ne ""} {
        set mtime [clock format $mtime -format "%Y-%m-%d %H:%M" -gmt true]
    }
    return "<tr><td>$link</td><td>$size</td><td>$mtime</td></tr>\n"
}
