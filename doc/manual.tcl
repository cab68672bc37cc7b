#!/usr/bin/env tclsh8.6
# SPDX-License-Identifier: MPL-2.0
# The manual: doc/src/*.man (doctools) to HTML with an index, links, and search, and to man pages.
#
#   tclsh doc/manual.tcl html DIR          all pages, index.html and what they need
#   tclsh doc/manual.tcl man DIR           NAME.n, and NAME.3 for the C API
#
# Needs tcllib.  The groups of the index are the tables of doc/README.md.  A mistake in a page, a page that no table of
# doc/README.md has, and a [cmd], [fun] or [term] that looks like a page or a command of ours but is none are reported; exit 1.
package require doctools

set here [file dirname [file normalize [info script]]]
set problems 0
proc problem {text} { puts stderr $text; incr ::problems }

proc slurp {file} {
    set in [open $file]
    fconfigure $in -encoding utf-8
    set text [read $in]
    close $in
    return $text
}
proc spill {file text} {
    set out [open $file w]
    fconfigure $out -encoding utf-8
    puts -nonewline $out $text
    close $out
}

# A type as the headers have it, comments and all; {} and a problem when there is none.
proc type_of {name page} {
    foreach file [glob -directory [file dirname $::here]/include *.h] {
        set text [slurp $file]
        # the end of a structure or enumeration, or a line of its own
        if {[regexp -indices "\} $name;|\\(\\*?$name\\)\\(" $text found]} {
            set from [string last "\ntypedef " $text [lindex $found 0]]
            return [string range $text $from+1 [string first \n $text [lindex $found 1]]-1]
        }
    }
    problem "doc/src/$page.man: there is no type $name"
    return {}
}

# The source of a page.  A comment {type: X ...} stands for these types, as they are in include/; a comment {file: x} above a
# listing is for tests/tutorial.test, and a reader wants to see the name, too.
proc source_of {name} {
    set text [slurp $::here/src/$name.man]
    regsub -all {\[comment \{(file|script): ([^\}\n]+)\}\]\n\[example} $text "\[para]\n\[file {\\2}\]:\n\[example" text
    while {[regexp -indices {\[comment \{type: ([^\}\n]+)\}\]} $text all names]} {
        set types [lmap type [string range $text {*}$names] { type_of $type $name }]
        set text [string replace $text {*}$all "\[example {[join $types \n\n]}\]"]
    }
    return $text
}

# One page in a format of doctools.
proc render {format name} {
    ::doctools::new page -format $format -file $name.man -module nsd
    if {[catch {page format [source_of $name]} result]} {
        problem "doc/src/$name.man: $result"
        set result ""
    }
    # Two harmless kinds: what stands in no definition list, and that a page says nothing of its category.
    foreach warning [page warnings] { problem "doc/src/$name.man: $warning" }
    page destroy
    return $result
}

# ---- the index: groups with their pages and a line for each, from doc/README.md

proc read_groups {} {
    set groups {}
    set group ""
    foreach line [split [slurp $::here/README.md] \n] {
        if {[regexp {^## (.*)$} $line -> group]} continue
        if {[regexp {^\| \[([^]]+)\]\(src/([^)]+)\.man\) \| (.*) \|$} $line -> - name about]} {
            dict lappend groups $group $name $about
        }
    }
    return $groups
}

proc plain {html} { string map {&lt; < &gt; > &quot; \" &amp; &} [regsub -all {<[^>]*>} $html ""] }
proc escape {text} { string map {& &amp; < &lt; > &gt; \" &quot;} $text }

# The commands and functions that a page defines: name -> anchor of its first definition.
proc definitions {body} {
    set found {}
    foreach {- anchor call} [regexp -all -inline {<dt><a name="(\d+)">(.*?)</a></dt>} $body] {
        if {[regexp {<b class="(?:cmd|function)">([^<]+)</b>(?: <b class="method">([^<]+)</b>)?} $call -> command sub]} {
            set command [plain $command]
            if {![dict exists $found $command]} { dict set found $command $anchor }
            if {$sub ne ""} { dict set found "$command [plain $sub]" $anchor }
        }
    }
    return $found
}

proc body_of {html} {
    if {![regexp {<body><div class="doctools">\n(.*)</div></body></html>} $html -> body]} { return "" }
    regsub {<div id="toc".*?</div>\n} $body "" body
    regsub {<h1 class="doctools_title">.*?</h1>\n<div id="name".*?</div>\n} $body "" body
    regsub -all {<div id="(?:see-also|keywords)".*?</div>\n} $body "" body
    # anchors that say where they lead
    foreach {- id title} [regexp -all -inline {<div id="section(\d+)" class="doctools_section"><h2><a name="section\d+">([^<]*)</a></h2>} $body] {
        set sections($id) $title
    }
    # headings in capitals are man's habit
    set out "" ; set at 0
    foreach {all title} [regexp -all -inline -indices {<h2><a name="[^"]*">([^<]*)</a></h2>} $body] {
        lassign $title from to
        append out [string range $body $at $from-1] [heading [string range $body $from $to]]
        set at [expr {$to + 1}]
    }
    return $out[string range $body $at end]
}
proc heading {text} {
    if {$text eq [string toupper $text]} {
        set text [string toupper [string tolower $text] 0 0]
        foreach word {WebSocket TLS HTTP URL Tcl NaviServer OpenSSL C} { regsub -all -nocase "\\m$word\\M" $text $word text }
    }
    return $text
}

# Names that are defined somewhere become links; on their own page, to the definition.
proc link_names {body page} {
    set out "" ; set at 0
    foreach {all class name} [regexp -all -inline -indices {<([bi]) class="(?:cmd|function|term)">([^<]+)</[bi]>} $body] {
        lassign $all from to
        set text [string range $body $from $to]
        set name [plain [string range $body {*}$name]]
        append out [string range $body $at $from-1]
        # within another link, or a definition: as it is
        set before [string range $body [expr {max(0, $from - 200)}] $from-1]
        set inLink [expr {[string last "<a " $before] > [string last "</a>" $before]}]
        if {!$inLink && [dict exists $::targets $name]} {
            append out "<a href=\"[dict get $::targets $name]\">$text</a>"
        } else {
            append out $text
        }
        set at [expr {$to + 1}]
    }
    return $out[string range $body $at end]
}

proc navigation {current} {
    set html ""
    dict for {group pages} $::groups {
        append html "<details" [expr {[dict exists $pages $current] || $current eq "index" ? " open" : ""}] \
            "><summary>[escape $group]</summary>\n"
        dict for {name about} $pages {
            append html "<a href=\"$name.html\"" [expr {$name eq $current ? " aria-current=\"page\"" : ""}] ">$name</a>\n"
        }
        append html "</details>\n"
    }
    return $html
}

proc frame {name title body} {
    string map [list @TITLE@ [escape $title] @NAV@ [navigation $name] @BODY@ $body @VERSION@ [escape $::version]] $::template
}

proc see_also {name} {
    if {![regexp {\[see_also ([^\]]+)\]} [slurp $::here/src/$name.man] -> list]} { return "" }
    set links {}
    foreach other $list {
        if {[file exists $::here/src/$other.man]} {
            lappend links "<a href=\"$other.html\">$other</a>"
        } else {
            problem "doc/src/$name.man: see_also: there is no page $other"
        }
    }
    return "<p class=\"also\">See also: [join $links {, }]</p>\n"
}

proc page_html {name about} {
    global bodies
    set body $bodies($name)
    set toc ""
    foreach {- anchor title} [regexp -all -inline {<h2><a name="([^"]+)">([^<]*)</a></h2>} $body] {
        append toc "<a href=\"#$anchor\">$title</a>\n"
    }
    frame $name "$name - nsd" "<header><h1>$name</h1><p class=\"about\">$about</p>\n<nav class=\"toc\" aria-label=\"On this page\">$toc</nav></header>\n[link_names $body $name][see_also $name]"
}

proc index_html {} {
    set html "<header><h1>nsd</h1><p class=\"about\">The manual, version [escape $::version]</p></header>\n"
    dict for {group pages} $::groups {
        append html "<h2>[escape $group]</h2>\n<dl class=\"index\">\n"
        dict for {name about} $pages { append html "<dt><a href=\"$name.html\">$name</a></dt><dd>$about</dd>\n" }
        append html "</dl>\n"
    }
    append html "<h2 id=\"all\">All commands and functions</h2>\n<p class=\"all\">\n"
    foreach name [lsort -dictionary [dict keys $::targets]] {
        if {[string first " " $name] < 0} { append html "<a href=\"[dict get $::targets $name]\">[escape $name]</a>\n" }
    }
    append html "</p>\n"
    frame index "nsd - the manual" $html
}

# What search.js looks through: pages with their sections, and every command.
proc search_index {} {
    set items {}
    dict for {name where} $::targets {
        lappend items "\[[quoted $name],[quoted $where],[quoted [lindex [dict get $::abouts [lindex [split $where .] 0]] 0]]\]"
    }
    foreach name [dict keys $::abouts] {
        foreach {- anchor title} [regexp -all -inline {<h2><a name="(section\d+)">([^<]*)</a></h2>} $::bodies($name)] {
            if {$title eq "Description"} continue
            lappend items "\[[quoted "$name: [plain $title]"],[quoted $name.html#$anchor],\"\"\]"
        }
        if {[regexp {\[keywords ([^\]]+)\]} [slurp $::here/src/$name.man] -> words]} {
            lappend items "\[[quoted "$name"],[quoted $name.html],[quoted $words]\]"
        }
    }
    return "const entries = \[\n[join $items ,\n]\n\];\n"
}
proc quoted {text} { return \"[string map {\\ \\\\ \" \\\" \n { }} $text]\" }

proc make_html {dir} {
    global bodies targets groups abouts
    file mkdir $dir
    set groups [read_groups]
    set abouts {}
    dict for {group pages} $groups {
        dict for {name about} $pages { dict set abouts $name $about }
    }
    set targets {}
    foreach file [lsort [glob -directory $::here/src -tails *.man]] {
        set name [file rootname $file]
        if {![dict exists $abouts $name]} { problem "doc/README.md: page $name is in no table" ; continue }
        set bodies($name) [body_of [render html $name]]
        dict set targets $name $name.html
    }
    foreach name [array names bodies] {
        dict for {command anchor} [definitions $bodies($name)] {
            # a page may have the name of its command: the page is the better place
            if {![dict exists $targets $command]} { dict set targets $command $name.html#$anchor }
        }
    }
    foreach name [dict keys $abouts] {
        if {[info exists bodies($name)]} {
            spill $dir/$name.html [page_html $name [dict get $abouts $name]]
        } else {
            problem "doc/README.md: there is no page $name"
        }
    }
    spill $dir/index.html [index_html]
    spill $dir/search.js "[search_index][slurp $::here/html/search.js]"
    file copy -force $::here/html/style.css $dir/style.css
}

# ---- man pages

# What doctools' nroff gets wrong, mended:
#  - a line of text that begins with a dot or an apostrophe is a request to troff, which drops it: \& keeps it
#  - the text of an item that goes on after a listing is put behind .IP, which takes its first word for a tag and drops the others
#  - paragraphs without text, and a version where the date belongs
proc make_man {dir} {
    file mkdir $dir
    foreach file [lsort [glob -directory $::here/src -tails *.man]] {
        set name [file rootname $file]
        regexp {\[manpage_begin \S+ (\S+) } [slurp $::here/src/$file] -> section
        spill $dir/$name.$section [repair $name $section [render nroff $name]]
    }
}
proc repair {name section text} {
    set macros {.TH .SH .SS .TP .PP .IP .RS .RE .BS .BE .CS .CE .VS .VE .DS .DE .AP .AS .nf .fi .sp .ne .de .if .ie .el .nr .ds .ti .br .ta
        .in .wh .mk .ft .ad .na .ll .UL .OP .QW .PQ .QR .MT .rm .ev .rt .so ..}
    set date [clock format [file mtime $::here/src/$name.man] -format %Y-%m-%d]
    set out {}
    foreach line [split $text \n] {
        set word [lindex [regexp -inline {^\S+} $line] 0]
        if {$word in {.BS .BE}} continue              ;# boxes: nobody draws them
        if {$word eq ".TH"} {
            set line ".TH \"$name\" $section \"$date\" \"nsd $::version\" \"nsd\""
        } elseif {$word eq ".IP" && [regexp {^\.IP (?!\\\(bu|\[)(\S+ .*)$} $line -> words]} {
            lappend out .IP
            set line $words
        } elseif {[regexp {^['.][^\\ \t]} $line] && $word ni $macros} {
            set line "\\&$line"
        }
        # .PP needs text: what comes next makes its own paragraph
        if {[lindex $out end] in {.PP .br .sp} && $word in {.SH .SS .PP .TP .IP .RS .RE .CE .CS .BS .BE}} { set out [lrange $out 0 end-1] }
        if {$word in {.PP .br .sp} && [regexp {^\.(S[HS] |BE|BS)} [lindex $out end]]} continue
        lappend out $line
    }
    while {[lindex $out end] in {"" .PP .sp .br}} { set out [lrange $out 0 end-1] }
    return "[join $out \n]\n"
}

# ---- main

if {[llength $argv] != 2 || [lindex $argv 0] ni {html man}} {
    puts stderr "usage: tclsh doc/manual.tcl html|man folder"
    exit 2
}
set version [expr {[regexp {NS_VERSION\s+"([^"]+)"} [slurp [file dirname $here]/include/ns.h] -> v] ? $v : ""}]
set template [slurp $here/html/page.html]
make_[lindex $argv 0] [lindex $argv 1]
if {$problems} { puts stderr "$problems problems" }
exit [expr {$problems > 0}]
