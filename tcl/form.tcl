# SPDX-License-Identifier: MPL-2.0
#
# The form of the request: ns_getform and what builds on it.  Outside of a request there is no form: queries give their defaults.

namespace eval ::nsd::form {
    variable got ""                            ;# the request whose form was asked for
    variable given {}                          ;# {request set}: a form in place of the request's own
}

# The set with the fields.  For an uploaded file FIELD there are also FIELD.content-type and FIELD.tmpfile; the temporary
# files are removed at the end of the request.
proc ns_getform {{charset ""}} {
    if {![::nsd::form::inRequest]} {
        return ""
    }
    if {$charset ne ""} {
        ns_urlcharset $charset
    }
    set ::nsd::form::got [ns_conn id]
    if {[set form [::nsd::form::given]] ne ""} {
        return $form
    }
    set form [ns_conn form]
    foreach field [ns_conn files] {
        ::nsd::form::saveFiles $form $field
    }
    return $form
}

# The fields for a query of one of them: files are written only for FIELD.tmpfile and FIELD.content-type of an upload.
proc ::nsd::form::fields {key} {
    if {![inRequest]} {
        return ""
    }
    if {[set form [given]] ne ""} {
        return $form
    }
    set form [ns_conn form]
    if {[regexp -nocase {^(.*)\.(?:tmpfile|content-type)$} $key -> name]} {
        foreach field [ns_conn files] {
            if {[string equal -nocase $field $name]} {
                saveFiles $form $field
            }
        }
    }
    return $form
}

# The set that ns_resetcachedform gave for this request, or nothing.
proc ::nsd::form::given {} {
    variable given
    expr {[lindex $given 0] eq [ns_conn id] ? [lindex $given 1] : ""}
}
proc ns_resetcachedform {{newform ""}} {
    set ::nsd::form::got ""
    set ::nsd::form::given {}
    if {$newform ne ""} {
        set ::nsd::form::given [list [ns_conn id] $newform]
        set ::nsd::form::got [ns_conn id]
    }
    return
}
proc ns_isformcached {} {
    expr {[::nsd::form::inRequest] && $::nsd::form::got eq [ns_conn id]}
}

# A new file, open for reading and writing; nothing if there is one.
proc ns_openexcl {file} {
    try {
        open [::nsd::files::plain $file] {RDWR CREAT EXCL} 0644
    } trap {POSIX EEXIST} {} {
        return
    }
}

# HTML with the value of the input fields of one name set.
proc ns_formvalueput {html name value} {
    set out ""
    set at 0
    set quoted [ns_quotehtml $value]
    foreach where [regexp -all -inline -indices -nocase {<input\y(?:[^>"']|"[^"]*"|'[^']*')*>} $html] {
        lassign $where first last
        append out [string range $html $at $first-1]
        set tag [string range $html $first $last]
        set at [expr {$last + 1}]
        if {[regexp -nocase {\sname\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))} $tag -> a b c] && "$a$b$c" eq $name} {
            regsub -nocase {\svalue\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)} $tag {} tag
            set tag "[regsub {\s*/?>$} $tag {}] value=\"$quoted\">"
        }
        append out $tag
    }
    append out [string range $html $at end]
}

# The charset for an answer: the first of those preferred that the client's Accept-Charset takes, else its first that there is.
proc ns_choosecharset {args} {
    if {[llength $args] ni {0 2} || ([llength $args] == 2 && [lindex $args 0] ne "-preference")} {
        error {wrong # args: should be "ns_choosecharset ?-preference /charsets/?"}
    }
    set preferred [expr {[llength $args] == 2 ? [lindex $args 1] : "utf-8 iso-8859-1"}]
    set accepted {}
    foreach item [split [string tolower [ns_set iget [ns_conn headers] accept-charset]] ,] {
        lassign [split $item \;] charset quality
        if {![regexp {q\s*=\s*0(\.0*)?\s*$} $quality]} { lappend accepted [string trim $charset] }
    }
    foreach charset $preferred {
        if {$accepted eq "" || [string tolower $charset] in $accepted || "*" in $accepted} { return $charset }
    }
    foreach charset $accepted {
        if {[ns_encodingforcharset $charset] ne ""} { return $charset }
    }
    lindex $preferred 0
}

# ns_conn form is an error when no request is being served.
proc ::nsd::form::inRequest {} {
    expr {![catch {ns_conn method}]}
}

proc ::nsd::form::saveFiles {form field} {
    if {[ns_set find $form $field.tmpfile] >= 0} {
        return
    }
    foreach offset [ns_conn fileoffset $field] length [ns_conn filelength $field] headers [ns_conn fileheaders $field] {
        set channel [ns_opentmpfile name]
        fconfigure $channel -translation binary
        try {
            ns_conn copy $offset $length $channel
        } finally {
            close $channel
        }
        ns_atclose [list file delete $name]
        ns_set put $form $field.content-type [ns_set iget $headers content-type]
        ns_set put $form $field.tmpfile $name
    }
}

# A new temporary file, open for writing; its name is put into the variable.  Without a folder in the template it is in that of the
# parameter tmpdir.
proc ns_opentmpfile {varName {template ""}} {
    upvar 1 $varName name
    file tempfile name [file join [::nsd::form::tmpdir] [expr {$template eq "" ? "nsd" : $template}]]
}
proc ::nsd::form::tmpdir {} {
    set dir [ns_config ns/parameters tmpdir]
    if {$dir eq ""} {
        set dir [expr {[info exists ::env(TMPDIR)] && $::env(TMPDIR) ne "" ? $::env(TMPDIR) : "/tmp"}]
    }
    return $dir
}

proc ns_queryget {key {value ""}} {
    set form [::nsd::form::fields $key]
    if {$form eq "" || [set i [ns_set ifind $form $key]] < 0} {
        return $value
    }
    ns_set value $form $i
}

proc ns_queryexists {key} {
    set form [::nsd::form::fields $key]
    expr {$form ne "" && [ns_set ifind $form $key] >= 0}
}

# The values of a field that may be there several times; empty ones do not count.
proc ns_querygetall {key {default ""}} {
    set form [::nsd::form::fields $key]
    set values {}
    if {$form ne ""} {
        foreach {name value} [ns_set array $form] {
            if {[string equal -nocase $name $key] && $value ne ""} {
                lappend values $value
            }
        }
    }
    expr {[llength $values] > 0 ? $values : $default}
}

# The temporary files of an uploaded field.
proc ns_getformfile {name} {
    set form [::nsd::form::fields $name.tmpfile]
    set files {}
    if {$form ne ""} {
        foreach {key value} [ns_set array $form] {
            if {$key eq "$name.tmpfile"} {
                lappend files $value
            }
        }
    }
    return $files
}

# Which charset the names and values of query and form are in.
proc ns_urlcharset {charset} {
    ns_conn urlencoding $charset
}
proc ns_setformencoding {charset} {
    ns_urlcharset $charset
}

# A form field, or a cookie, that names the charset of the form.
proc ns_formfieldcharset {name} {
    set charset [ns_queryget $name]
    if {$charset ne ""} {
        ns_urlcharset $charset
    }
}
proc ns_cookiecharset {name} {
    set charset [ns_getcookie $name ""]
    if {$charset ne ""} {
        ns_urlcharset $charset
    }
}

# The body of the request as text, as bytes, or as the name of a file that is removed at the end of the request.
proc ns_getcontent {args} {
    ns_parseargs {
        {-as_file true}
        {-binary true}
    } $args
    if {!$as_file} {
        return [ns_conn content {*}[expr {$binary ? "-binary" : ""}]]
    }
    set channel [ns_opentmpfile name]
    fconfigure $channel -translation binary
    try {
        ns_conncptofp $channel
    } finally {
        close $channel
    }
    ns_atclose [list file delete $name]
    return $name
}
