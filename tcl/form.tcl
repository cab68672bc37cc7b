# SPDX-License-Identifier: MPL-2.0
#
# The form of the request: ns_getform and what builds on it.  Outside of a request there is no form: queries give their defaults.

namespace eval ::nsd::form {}

# The set with the fields.  For an uploaded file FIELD there are also FIELD.content-type and FIELD.tmpfile; the temporary
# files are removed at the end of the request.
proc ns_getform {{charset ""}} {
    if {![::nsd::form::inRequest]} {
        return ""
    }
    if {$charset ne ""} {
        ns_urlcharset $charset
    }
    set form [ns_conn form]
    foreach field [ns_conn files] {
        ::nsd::form::saveFiles $form $field
    }
    return $form
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

# A new temporary file, open for writing; its name is put into the variable.
proc ns_opentmpfile {varName {template ""}} {
    upvar 1 $varName name
    file tempfile name {*}[expr {$template eq "" ? {} : [list $template]}]
}

proc ns_queryget {key {value ""}} {
    set form [ns_getform]
    if {$form eq "" || [set i [ns_set ifind $form $key]] < 0} {
        return $value
    }
    ns_set value $form $i
}

proc ns_queryexists {key} {
    set form [ns_getform]
    expr {$form ne "" && [ns_set ifind $form $key] >= 0}
}

# The values of a field that may be there several times; empty ones do not count.
proc ns_querygetall {key {default ""}} {
    set form [ns_getform]
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
    set form [ns_getform]
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
