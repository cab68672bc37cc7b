# SPDX-License-Identifier: MPL-2.0
# A wiki on files, as programs for NaviServer are written: one library file, ADP templates beside it.
#
#   /wiki                  all pages                      /wiki/login  /wiki/signup  /wiki/logout
#   /wiki/page/NAME        a page                         /wiki/upload, /wiki/file/NAME
#   /wiki/edit/NAME        its form                       /wiki/search?q=TEXT, /wiki/recent
#
#   ns_section ns/server/SERVER/wiki { ns_param dir FOLDER; ns_param maxtext 100kB; ns_param maxupload 1MB }
#
# A page is a folder with a file for each revision, of which the last one counts.  A revision is written under another name and linked to its own:
# of two that save the same one, the second finds that out.

namespace eval ::wiki {
    variable home    [file dirname [file normalize [info script]]]
    variable section ns/server/[ns_info server]/wiki
    variable dir     [ns_config $section dir [ns_serverpath]/wiki]
    variable maxText   [ns_baseunit -size [ns_config $section maxtext 100kB]]
    variable maxUpload [ns_baseunit -size [ns_config $section maxupload 1MB]]
    variable types   {png image/png gif image/gif jpg image/jpeg webp image/webp txt text/plain pdf application/pdf}
}

ns_cache_create -expires 1h  wiki_sessions 2MB
ns_cache_create -expires 5m  wiki_failures 100kB
ns_cache_create              wiki_html     5MB
if {![nsv_exists wiki secret]} { nsv_set wiki secret [ns_crypto::randombytes 32] }
foreach sub {pages users files} { file mkdir $::wiki::dir/$sub }

# ---- names and files

# A name that people give: text in one line, no slash, nothing that begins with a dot.
proc ::wiki::validName {name} {
    expr {$name ne "" && ![string match .* $name] && ![regexp {[/\\\u0000-\u001f\u007f]} $name]
        && [string trim $name] eq $name && [string length [ns_urlencode -part path $name]] <= 200}
}
# On the disk it is as in a URL: the same on each system, and never a way out of the folder.
proc ::wiki::fileOf {kind name} {
    variable dir
    return $dir/$kind/[ns_urlencode -part path $name]
}
proc ::wiki::readFile {file} {
    set in [open $file]
    fconfigure $in -encoding utf-8 -translation lf
    try { return [read $in] } finally { close $in }
}
# A new file, all at once; 0 when there is one of that name.
proc ::wiki::writeNew {file text} {
    variable dir
    set out [ns_opentmpfile tmp $dir/new-XXXXXX]
    try {
        fconfigure $out -encoding utf-8 -translation lf
        puts -nonewline $out $text
        close $out
        ns_link $tmp $file
        return 1
    } on error {message options} {
        if {[file exists $file]} { return 0 }
        return -options $options $message
    } finally {
        catch {close $out}
        file delete $tmp
    }
}

# ---- pages

proc ::wiki::revision {name} {
    lindex [lsort -integer [lmap f [glob -nocomplain -tails -directory [fileOf pages $name] *.txt] { file rootname $f }]] end
}
# {author text} of the last revision, or of the given one.
proc ::wiki::load {name {revision ""}} {
    if {$revision eq ""} { set revision [revision $name] }
    set text [readFile [fileOf pages $name]/$revision.txt]
    set end [string first \n $text]
    list [string range $text 0 $end-1] [string range $text $end+1 end]
}
# 0: somebody else has saved a page since `base` ("" is a new page).
proc ::wiki::save {name base author text} {
    file mkdir [fileOf pages $name]
    if {[revision $name] ne $base} { return 0 }
    writeNew [fileOf pages $name]/[expr {$base eq "" ? 1 : $base + 1}].txt $author\n$text
}
proc ::wiki::names {} {
    variable dir
    lsort [lmap d [glob -nocomplain -tails -directory $dir/pages *] { ns_urldecode -part path $d }]
}
proc ::wiki::mtime {name} { file mtime [fileOf pages $name]/[revision $name].txt }

proc ::wiki::link {name} {
    set class [expr {[revision $name] eq "" ? "new" : "old"}]
    return "<a class=\"$class\" href=\"/wiki/page/[ns_urlencode -part path $name]\">[ns_quotehtml $name]</a>"
}
# Everything is quoted first; what is made of it then is ours.
proc ::wiki::render {text} {
    set html {}
    foreach block [split [string map {\n\n \x01} [string map {\r\n \n} $text]] \x01] {
        set block [ns_quotehtml [string trim $block]]
        if {$block eq ""} continue
        if {[regexp {^= *([^\n]*?) *=?$} $block -> title]} { append html "<h2>$title</h2>\n"; continue }
        set out {}
        while {[regexp -indices {\[\[([^\]\n]+)\]\]} $block all inner]} {
            append out [string range $block 0 [lindex $all 0]-1]
            set name [ns_unquotehtml [string range $block {*}$inner]]
            append out [expr {[validName $name] ? [link $name] : [ns_quotehtml $name]}]
            set block [string range $block [lindex $all 1]+1 end]
        }
        append html "<p>[regsub -all {\*([^*\n]+)\*} $out$block {<b>\1</b>}]</p>\n"
    }
    return $html
}
proc ::wiki::html {name revision} {
    ns_cache_eval wiki_html [list $name $revision] { render [lindex [load $name $revision] 1] }
}
proc ::wiki::search {words} {
    set found {}
    foreach name [names] {
        if {[revision $name] eq ""} continue
        set text [lindex [load $name] 1]
        set at [string first [string tolower $words] [string tolower $text]]
        if {$at >= 0 || [string first [string tolower $words] [string tolower $name]] >= 0} {
            lappend found $name [string range $text [expr {max(0, $at - 40)}] [expr {max(0, $at) + 80}]]
        }
    }
    return $found
}

# ---- who is it

proc ::wiki::hash {password salt} { ns_crypto::scrypt -n 4096 -r 8 -p 1 -salt $salt -secret $password }
proc ::wiki::signup {user password} {
    set salt [ns_crypto::randombytes 16]
    writeNew [fileOf users $user] "$salt [hash $password $salt]"
}
proc ::wiki::checkPassword {user password} {
    set file [fileOf users $user]
    if {![file exists $file]} { hash $password [ns_crypto::randombytes 16]; return 0 }
    lassign [readFile $file] salt stored
    expr {[hash $password $salt] eq $stored}
}
proc ::wiki::setSession {session} { ns_setcookie -path /wiki -secure [string equal [ns_conn protocol] https] -- wiki_session $session }
# Also the one that this answer begins.
proc ::wiki::session {} { ns_getcookie -include_set_cookies true -- wiki_session "" }
# Who has logged in, or "".
proc ::wiki::user {} {
    set user ""
    if {[session] ne ""} { ns_cache_get wiki_sessions [ns_crypto::md string [session]] user }
    return $user
}
proc ::wiki::login {user} {
    set session [ns_crypto::randombytes 32]
    ns_cache_eval -force wiki_sessions [ns_crypto::md string $session] { set user }
    setSession $session
}
# A form is only taken from whom it was given to, also before anybody has logged in.
proc ::wiki::token {} { ns_crypto::hmac string -digest sha256 [nsv_get wiki secret] [session] }
proc ::wiki::formToken {} {
    if {[session] eq ""} { setSession [ns_crypto::randombytes 32] }
    token
}
proc ::wiki::checkToken {} {
    if {[session] ne "" && [ns_queryget token] eq [token]} { return 1 }
    fail 403 "This form is too old, or it is not ours."
    return 0
}

# ---- answers

# A template in the page around it; `args` are its arguments.
proc ::wiki::answer {status title template args} {
    variable home
    ns_set iupdate [ns_conn outputheaders] content-security-policy "default-src 'self'; script-src 'none'"
    ns_return $status "text/html; charset=utf-8" [ns_adp_parse -file $home/layout.adp $title $template {*}$args]
}
proc ::wiki::fail {status message} { answer $status "Not so" message.adp $message }

# A name in the URL; "" when it is none, and that was answered.
proc ::wiki::nameInUrl {} {
    set name [lindex [ns_conn urlv] 2]
    if {[ns_conn urlc] == 3 && [validName $name]} { return $name }
    fail 400 "That is no name of a page."
    return ""
}
proc ::wiki::needUser {} {
    if {[user] ne ""} { return 1 }
    ns_returnredirect /wiki/login?back=[ns_urlencode [ns_conn url]]
    return 0
}

# ---- requests

proc ::wiki::getIndex {} {
    if {[ns_conn urlc] > 1} { fail 404 "There is nothing here."; return }
    answer 200 "All pages" list.adp [names]
}
proc ::wiki::getRecent {} {
    set times [lmap name [names] { if {[revision $name] eq ""} continue; list [mtime $name] $name }]
    answer 200 "Recent changes" list.adp [lmap pair [lsort -integer -decreasing -index 0 $times] { lindex $pair 1 }]
}
proc ::wiki::getPage {} {
    set name [nameInUrl]
    if {$name eq ""} return
    set revision [revision $name]
    if {$revision eq ""} { answer 404 $name missing.adp $name; return }
    set tag "\"$revision-[ns_crypto::md string [user]]\""
    ns_set iupdate [ns_conn outputheaders] etag $tag
    if {[ns_set iget [ns_conn headers] if-none-match] eq $tag} { ns_return 304 text/html ""; return }
    answer 200 $name page.adp $name $revision [lindex [load $name $revision] 0]
}
proc ::wiki::getEdit {} {
    if {![needUser] || [set name [nameInUrl]] eq ""} return
    set base [revision $name]
    answer 200 "Edit $name" edit.adp $name $base [expr {$base eq "" ? "" : [lindex [load $name $base] 1]}]
}
proc ::wiki::postEdit {} {
    variable maxText
    if {![needUser] || ![checkToken] || [set name [nameInUrl]] eq ""} return
    set text [ns_queryget text]
    set base [ns_queryget base]
    if {[string length $text] > $maxText} { fail 413 "A page has at most $maxText characters."; return }
    if {![string is integer $base]} { fail 400 "\"$base\" is no revision."; return }
    if {[save $name $base [user] $text]} {
        ns_returnredirect /wiki/page/[ns_urlencode -part path $name]
    } elseif {[set now [revision $name]] eq ""} {
        fail 409 "There is no revision $base of this page."
    } else {
        answer 409 "Edit $name" edit.adp $name $now $text [lindex [load $name $now] 1]
    }
}
proc ::wiki::getSearch {} {
    set words [string trim [ns_queryget q]]
    answer 200 "Search" search.adp $words [expr {$words eq "" ? {} : [search $words]}]
}
proc ::wiki::getLogin {what} { answer 200 $what login.adp $what [ns_queryget back /wiki] "" }
# Only a place of ours: not //host, and no other scheme.
proc ::wiki::back {} {
    set back [ns_queryget back /wiki]
    expr {[regexp {^/wiki(/[^\u0000-\u0020]*)?$} $back] ? [ns_urlencode -part fullpath $back] : "/wiki"}
}
proc ::wiki::postLogin {} {
    if {![checkToken]} return
    set user [ns_queryget user]
    set key [list [ns_conn peeraddr] $user]
    if {[ns_cache_get wiki_failures $key count] && $count >= 5} { fail 429 "Too many attempts, come back in some minutes."; return }
    if {![validName $user] || ![checkPassword $user [ns_queryget password]]} {
        ns_cache_incr wiki_failures $key
        answer 403 Login login.adp Login [back] "Name or password is wrong."
        return
    }
    ns_cache_flush wiki_failures $key
    login $user
    ns_returnredirect [back]
}
proc ::wiki::postSignup {} {
    if {![checkToken]} return
    set user [ns_queryget user]
    set error [expr {![validName $user] ? "That is no name." : [string length [ns_queryget password]] < 8 ? "A password has 8 characters and more." : ""}]
    if {$error eq "" && ![signup $user [ns_queryget password]]} { set error "There is a \"$user\"." }
    if {$error ne ""} { answer 422 Signup login.adp Signup [back] $error; return }
    login $user
    ns_returnredirect [back]
}
proc ::wiki::postLogout {} {
    if {![checkToken]} return
    ns_cache_flush wiki_sessions [ns_crypto::md string [session]]
    ns_deletecookie -path /wiki wiki_session
    ns_returnredirect /wiki
}
proc ::wiki::getUpload {} { if {[needUser]} { answer 200 Upload upload.adp } }
proc ::wiki::postUpload {} {
    variable maxUpload; variable types
    if {![needUser] || ![checkToken]} return
    set tmp [lindex [ns_getformfile file] 0]
    set name [file tail [string map {\\ /} [ns_queryget file]]]
    set extension [string tolower [string range [file extension $name] 1 end]]
    if {$tmp eq "" || ![validName $name]} { fail 400 "There is no file in this form."; return }
    if {![dict exists $types $extension]} { fail 415 "Files of this type are not taken."; return }
    if {[file size $tmp] > $maxUpload} { fail 413 "A file has at most $maxUpload bytes."; return }
    if {[string match image/* [dict get $types $extension]] && [ns_imgmime $tmp] ne [dict get $types $extension]} { fail 415 "That is no picture."; return }
    if {[catch {ns_link $tmp [fileOf files $name]}]} {
        if {[file exists [fileOf files $name]]} { fail 409 "There is a file of that name."; return }
        ns_cp $tmp [fileOf files $name]
    }
    ns_returnredirect /wiki/file/[ns_urlencode -part path $name]
}
proc ::wiki::getFile {} {
    variable types
    set name [lindex [ns_conn urlv] 2]
    if {[ns_conn urlc] != 3 || ![validName $name] || ![file isfile [fileOf files $name]]} { fail 404 "There is no such file."; return }
    ns_set iupdate [ns_conn outputheaders] x-content-type-options nosniff
    ns_returnfile 200 [dict get $types [string tolower [string range [file extension $name] 1 end]]] [fileOf files $name]
}

# ---- tags of the templates

# <csrf>: who sends this form had it from us.
ns_adp_registerscript csrf ::wiki::tagCsrf
proc ::wiki::tagCsrf {set} { return "<input type=\"hidden\" name=\"token\" value=\"[formToken]\">" }
# <wikilink name=NAME>
ns_adp_registerproc wikilink ::wiki::link
# <box class=CLASS>...</box>: what is in it is a part of the page, with its variables.
ns_adp_registerscript box /box ::wiki::tagBox
proc ::wiki::tagBox {content set} { return "<div class=\"[ns_quotehtml [ns_set iget $set class]]\">[uplevel 1 [list ns_adp_parse -string -- $content]]</div>" }

foreach {method url proc} {
    GET  /wiki        getIndex    GET  /wiki/page   getPage    GET  /wiki/edit   getEdit    POST /wiki/edit   postEdit
    GET  /wiki/search getSearch   GET  /wiki/recent getRecent  POST /wiki/login  postLogin  POST /wiki/signup postSignup
    POST /wiki/logout postLogout  GET  /wiki/upload getUpload  POST /wiki/upload postUpload GET  /wiki/file   getFile
} {
    ns_register_proc $method $url ::wiki::$proc
}
ns_register_proc GET /wiki/login  ::wiki::getLogin Login
ns_register_proc GET /wiki/signup ::wiki::getLogin Signup
