# SPDX-License-Identifier: MPL-2.0
#
# ns_sendmail: a mail is put together here (RFC 5322, 2045, 2047) and handed to a mail server by ns_smtpsend.

namespace eval ::nsd::mail {}

# The configuration: section ns/sendmail.
proc ::nsd::mail::configured {} {
    set section ns/sendmail
    return [list \
        smtphost [ns_config $section smtphost localhost] \
        smtpport [ns_config -int -min 1 -max 65535 $section smtpport 25] \
        smtptimeout [ns_config $section smtptimeout 60] \
        smtpauthmode [ns_config $section smtpauthmode PLAIN] \
        smtpauthuser [ns_config $section smtpauthuser ""] \
        smtpauthpassword [ns_config $section smtpauthpassword ""] \
        smtpencoding [ns_config $section smtpencoding utf-8] \
        smtpencodingmode [ns_config -bool $section smtpencodingmode false] \
        smtplogmode [ns_config -bool $section smtplogmode false] \
        smtpmsgid [ns_config -bool $section smtpmsgid false] \
        smtpmsgidhostname [ns_config $section smtpmsgidhostname ""] \
        smtptls [ns_config $section smtptls auto] \
        smtpcafile [ns_config $section smtpcafile ""] \
        smtpinsecure [ns_config -bool $section smtpinsecure false]]
}
# Once, at the start: the parameters are known then.
::nsd::mail::configured

proc ns_sendmail_config {{mode ""}} {
    set config [::nsd::mail::configured]
    if {[dict get $config smtpauthpassword] ne ""} {
        dict set config smtpauthpassword ***
    }
    if {$mode eq "log"} {
        ns_log notice "ns_sendmail: $config"
    } elseif {$mode eq ""} {
        return $config
    } else {
        error "wrong # args: should be \"ns_sendmail_config ?log?\""
    }
}

# ns_sendmail -to a -from a ?-subject s? ?-body s? ?-headers set? ?-bcc a? ?-cc a? ?-files list?, or with words in their places.
proc ns_sendmail {args} {
    set options {to from subject body headers bcc cc files}
    if {[string match -* [lindex $args 0]] && [string range [lindex $args 0] 1 end] in $options} {
        if {[llength $args] % 2} {
            error "ns_sendmail: no value for [lindex $args end]"
        }
        foreach {option value} $args {
            if {[string index $option 0] ne "-" || [string range $option 1 end] ni $options} {
                error "ns_sendmail: bad option \"$option\": must be -[join [lsort $options] {, -}]"
            }
            set mail([string range $option 1 end]) $value
        }
    } else {
        if {[llength $args] < 4 || [llength $args] > 7} {
            error "wrong # args: should be \"ns_sendmail to from subject body ?headers? ?bcc? ?cc?\""
        }
        foreach option {to from subject body headers bcc cc} value $args {
            set mail($option) $value
        }
    }
    foreach option $options {
        if {![info exists mail($option)]} {
            set mail($option) ""
        }
    }
    if {$mail(from) eq "" || "$mail(to)$mail(cc)$mail(bcc)" eq ""} {
        error "ns_sendmail: a mail needs -from, and one of -to, -cc and -bcc"
    }
    set config [::nsd::mail::configured]
    set recipients {}
    foreach list {to cc bcc} {
        foreach entry [::nsd::mail::addresses $mail($list)] {
            lappend recipients [lindex $entry 1]
        }
    }
    set from [lindex [::nsd::mail::addresses $mail(from)] 0 1]
    ::nsd::mail::send $config $from [lsort -unique $recipients] [::nsd::mail::message $config [array get mail]]
}

proc ::nsd::mail::send {config from recipients message} {
    dict with config {
        set options [list -timeout $smtptimeout -security $smtptls -mechanism [string toupper $smtpauthmode]]
        if {$smtpauthuser ne ""} { lappend options -user $smtpauthuser -password $smtpauthpassword }
        if {$smtpcafile ne ""} { lappend options -cafile $smtpcafile }
        if {$smtpinsecure} { lappend options -insecure }
        if {$smtplogmode} { lappend options -log }
        if {$smtpmsgidhostname ne ""} { lappend options -hello $smtpmsgidhostname }
    }
    if {[catch {ns_smtpsend {*}$options -- $smtphost $smtpport $from $recipients $message} error]} {
        return -code error -errorcode {NS_SENDMAIL} "ns_sendmail: $error"
    }
}

# ---- addresses

# "Name <address>, address, ..." as a list of {name address}; commas in quotes do not count.
proc ::nsd::mail::addresses {text} {
    set list {}
    set entry ""
    set quoted 0
    foreach char [split $text ""] {
        if {$char eq "\""} { set quoted [expr {!$quoted}] }
        if {$char eq "," && !$quoted} {
            lappend list $entry
            set entry ""
        } else {
            append entry $char
        }
    }
    set result {}
    foreach entry [concat $list [list $entry]] {
        set entry [string trim $entry]
        if {$entry eq ""} continue
        if {[regexp {^(.*)<([^<>]*)>$} $entry -> name address]} {
            lappend result [list [string trim [string trim $name] \"] [string trim $address]]
        } else {
            lappend result [list "" $entry]
        }
    }
    foreach entry $result {
        if {[regexp {[\s<>]} [lindex $entry 1]] || [lindex $entry 1] eq "" || [regexp {[\r\n\0]} [lindex $entry 0]]} {
            error "ns_sendmail: invalid address \"[lindex $entry 1]\""
        }
    }
    return $result
}

proc ::nsd::mail::addressHeader {text} {
    set words {}
    foreach entry [addresses $text] {
        lassign $entry name address
        if {$name eq ""} {
            lappend words $address
        } elseif {[string is ascii $name]} {
            lappend words "\"[string map {\\ \\\\ \" \\\"} $name]\" <$address>"
        } else {
            lappend words "[encodedWords $name] <$address>"
        }
    }
    return [join $words ",\r\n "]
}

# ---- encodings

# RFC 2047: pieces of at most 75 characters, none of which cuts a character.
proc ::nsd::mail::encodedWords {text} {
    set words {}
    set piece ""
    foreach char [characters $text] {
        if {[string length [encoding convertto utf-8 $piece$char]] > 42} {
            lappend words [encodedWord $piece]
            set piece ""
        }
        append piece $char
    }
    lappend words [encodedWord $piece]
    return [join $words "\r\n "]
}
proc ::nsd::mail::encodedWord {piece} {
    return "=?utf-8?B?[ns_base64encode $piece]?="
}
# Those past U+FFFF are two to Tcl, and are kept together.
proc ::nsd::mail::characters {text} {
    return [regexp -all -inline {[\ud800-\udbff][\udc00-\udfff]|.} $text]
}

proc ::nsd::mail::headerText {text} {
    return [expr {[string is ascii $text] && [string length $text] < 900 ? $text : [encodedWords $text]}]
}

# Base64 in lines of 76.
proc ::nsd::mail::lines {base64} {
    return [join [regexp -all -inline {.{1,76}} [string map {\n {} \r {}} $base64]] \r\n]\r\n
}

# How a body goes: {type coding text}.
proc ::nsd::mail::body {text charset} {
    set longest [tcl::mathfunc::max 0 {*}[lmap line [split $text \n] { string length $line }]]
    if {[string is ascii $text] && $longest < 990} {
        return [list "text/plain; charset=us-ascii" 7bit $text]
    }
    # UTF-8 is made of text by ns_base64encode itself, with characters past U+FFFF as they should be.
    if {[string equal -nocase $charset utf-8]} {
        set coded [ns_base64encode $text]
    } else {
        set coded [ns_base64encode -binary [encoding convertto [ns_encodingforcharset $charset] $text]]
    }
    return [list "text/plain; charset=$charset" base64 [lines $coded]]
}

# ---- the message

proc ::nsd::mail::message {config options} {
    dict with options {}
    set lines {}
    set given [expr {$headers ne "" ? [ns_set array $headers] : {}}]
    foreach {name value} $given {
        if {![regexp {^[!-9;-~]+$} $name] || [regexp {[\r\n\0]} $value]} {
            error "ns_sendmail: invalid header \"$name\""
        }
    }
    if {[regexp {[\r\n\0]} $subject]} {
        error "ns_sendmail: a subject is one line"
    }
    set host [dict get $config smtpmsgidhostname]
    if {$host eq ""} { set host [ns_info hostname] }
    set own [list date [clock format [clock seconds] -format "%a, %d %b %Y %H:%M:%S %z" -locale C] \
        from [addressHeader $from] to [addressHeader $to] cc [addressHeader $cc] subject [headerText $subject] \
        message-id <[ns_uuid]@$host> mime-version 1.0]
    foreach {name title} {date Date from From to To cc Cc subject Subject message-id Message-ID mime-version MIME-Version} {
        set value [dict get $own $name]
        if {$value ne "" && ![named $given $name]} {
            lappend lines "$title: $value"
        }
    }
    foreach {name value} $given {
        if {[string tolower $name] ni {bcc content-type content-transfer-encoding}} {
            lappend lines "$name: [headerText $value]"
        }
    }
    return [join $lines \r\n]\r\n[parts $config $given $body $files]
}

proc ::nsd::mail::named {given name} {
    foreach {key value} $given {
        if {[string equal -nocase $key $name]} { return 1 }
    }
    return 0
}

# The rest of the head, and the body; with files a multipart of it and them.
proc ::nsd::mail::parts {config given body files} {
    lassign [body $body [dict get $config smtpencoding]] type coding text
    foreach {key value} $given {
        if {[string equal -nocase $key content-type]} { set type $value }
        if {[string equal -nocase $key content-transfer-encoding]} { set coding $value; set text $body }
    }
    set main "Content-Type: $type\r\nContent-Transfer-Encoding: $coding\r\n\r\n$text"
    if {[llength $files] == 0} {
        return $main
    }
    set boundary "=_[ns_uuid]"
    set whole "Content-Type: multipart/mixed; boundary=\"$boundary\"\r\n\r\n--$boundary\r\n$main\r\n"
    foreach file $files {
        append whole "--$boundary\r\n[attachment $file]"
    }
    return "$whole--$boundary--\r\n"
}

# A path, or a list of path and the name that it is to have.
proc ::nsd::mail::attachment {file} {
    set path $file
    set name [file tail $file]
    if {![file exists $file] && [llength $file] == 2} {
        lassign $file path name
    }
    set chan [open [::nsd::files::plain $path] rb]
    set bytes [read $chan]
    close $chan
    if {[string is ascii $name]} {
        set filename "filename=\"[string map {\\ \\\\ \" \\\" \r {} \n {}} $name]\""
    } else {
        set filename "filename*=utf-8''[ns_urlencode -part oauth1 $name]"           ;# RFC 2231
    }
    return "Content-Type: [ns_guesstype $name]\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; $filename\r\n\r\n[lines [ns_base64encode -binary $bytes]]"
}
