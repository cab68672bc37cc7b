# SPDX-License-Identifier: MPL-2.0
# An API server, as programs for NaviServer are written: JSON in and out.
#
#   POST   /api/token            {"user": NAME, "key": KEY}        a token for the rest, for an hour
#   GET    /api/items            ?limit=N&after=ID&tag=TAG         pages of items, with Link to the next one
#   POST   /api/items            {"name": ..., "count": ..., "tags": [...]}
#   GET, PUT, DELETE /api/items/ID                                 with ETag, If-Match
#   GET    /api/weather          ?city=NAME                        what another server knows, kept for a minute
#
#   ns_section ns/server/SERVER/api {
#       ns_param secret  SECRET                                    of the tokens; without it they end with the server
#       ns_param user    {NAME SHA256-OF-KEY REQUESTS-PER-MINUTE}  as often as there are users
#       ns_param backend URL                                       who knows the weather
#       ns_param maxbody 64kB
#   }
# Errors are {"error": {"status": ..., "code": ..., "message": ..., ...}}.

namespace eval ::api {
    variable section ns/server/[ns_info server]/api
    variable backend [ns_config $section backend]
    variable maxBody [ns_baseunit -size [ns_config $section maxbody 64kB]]
    variable audience [ns_info server]/api
}
if {![nsv_exists api secret]} { nsv_set api secret [ns_config $::api::section secret [ns_crypto::randombytes 32]] }
if {[ns_configsection $::api::section] ne ""} {
    foreach {key value} [ns_set array [ns_configsection $::api::section]] {
        if {$key eq "user"} { nsv_set api_users [lindex $value 0] [lrange $value 1 2] }
    }
}
nsv_array set api_items {}
ns_cache_create -expires 1m api_rates   1MB
ns_cache_create -expires 1m api_weather 1MB

# ---- answers

proc ::api::answer {status triples} {
    ns_set iupdate [ns_conn outputheaders] cache-control no-store
    ns_return $status application/json [ns_json value -type object -- $triples]
}
# `more` are triples of the error.
proc ::api::fail {status code message {more {}}} {
    answer $status [list error object [list status number $status code string $code message string $message {*}$more]]
}
# Throw what becomes an answer of this kind.
proc ::api::refuse {status code message {more {}}} {
    throw [list API $status $code $more] $message
}
# What each request goes through: errors that were meant become answers, others are the server's.
proc ::api::run {script args} {
    try {
        $script {*}$args
    } trap API {message options} {
        lassign [dict get $options -errorcode] -> status code more
        fail $status $code $message $more
    } trap {NS_JSON PARSE} {message options} {
        set at [lindex [dict get $options -errorcode] 2]
        fail 400 bad_json $message [expr {[string is integer -strict $at] ? [list position number $at] : {}}]
    } trap NS_FORM {message options} {
        fail [lindex [dict get $options -errorcode] 1] bad_request $message
    }
}

# ---- who may, and how often

proc ::api::filter {why} {
    expr {[run ::api::check] eq "filter_ok" ? "filter_ok" : "filter_return"}
}
proc ::api::check {} {
    if {[ns_conn url] eq "/api/token"} { count "address [ns_conn peeraddr]" 60; return filter_ok }
    try {
        set header [ns_set iget [ns_conn headers] authorization]
        if {![regexp -nocase {^Bearer +([^ ]+)$} $header -> token]} { refuse 401 no_token "There is no token (Authorization: Bearer TOKEN)." }
        try {
            set token [ns_jwt verify -alg HS256 -secret [nsv_get api secret] -verifyclaims -iss items -aud $::api::audience -- $token]
        } on error {message} {
            refuse 401 bad_token $message
        }
        set user [dict get $token payload sub]
    } trap {API 401} {message options} {
        ns_set iupdate [ns_conn outputheaders] www-authenticate {Bearer realm="api"}
        return -options $options $message
    }
    if {![nsv_exists api_users $user]} { refuse 403 unknown_user "There is no user \"$user\"." }
    count "user $user" [lindex [nsv_get api_users $user] 1]
    return filter_ok
}
# So many requests a minute, whole minutes.
proc ::api::count {who limit} {
    set minute [expr {[clock seconds] / 60}]
    set used [ns_cache_incr api_rates [list $who $minute]]
    set headers [ns_conn outputheaders]
    ns_set iupdate $headers x-ratelimit-limit $limit
    ns_set iupdate $headers x-ratelimit-remaining [expr {max(0, $limit - $used)}]
    if {$used > $limit} {
        ns_set iupdate $headers retry-after [expr {60 - [clock seconds] % 60}]
        refuse 429 too_many "More than $limit requests in a minute."
    }
}

proc ::api::postToken {} {
    set body [document]
    foreach name {user key} {
        if {[dict get [dict merge {user {} key {}} [types $body]] $name] ne "string"} { refuse 422 bad_member "\"$name\" is a string." [pointer $name] }
        set $name [member $body $name]
    }
    if {![nsv_exists api_users $user]
        || [ns_crypto::md string -digest sha256 $key] ne [lindex [nsv_get api_users $user] 0]} { refuse 403 bad_key "User or key is wrong." }
    set now [clock seconds]
    set token [ns_jwt encode -alg HS256 -secret [nsv_get api secret] -iss items -sub $user -aud $::api::audience -iat $now -exp [expr {$now + 3600}]]
    answer 200 [list token string $token expires number [expr {$now + 3600}]]
}

# ---- bodies

proc ::api::pointer {args} { list pointer string /[join $args /] }
# The body's object, as triples: member, type, value.
proc ::api::document {} {
    variable maxBody
    if {![string match application/json* [ns_set iget [ns_conn headers] content-type]]} { refuse 415 bad_type "A body of the type application/json is wanted." }
    if {[ns_conn contentlength] > $maxBody} { refuse 413 too_large "A body has at most $maxBody bytes." }
    if {![ns_valid_utf8 [ns_getcontent -as_file false]]} { refuse 400 bad_encoding "The body is not UTF-8." }
    set triples [ns_json parse -output triples -maxdepth 5 -- [ns_getcontent -as_file false -binary false]]
    if {[lindex $triples 1] ne "object"} { refuse 422 no_object "An object is wanted." [pointer] }
    return [lindex $triples 2]
}
proc ::api::types {members} {
    set types {}
    foreach {name type value} $members {
        if {[dict exists $types $name]} { refuse 422 twice "\"$name\" is there twice." [pointer $name] }
        dict set types $name $type
    }
    return $types
}
proc ::api::member {members name} {
    foreach {key type value} $members { if {$key eq $name} { return $value } }
    return ""
}
# An item as it is kept: checked, in the order of its members, with a count and tags.
proc ::api::item {members} {
    set types [types $members]
    foreach name [dict keys $types] {
        if {$name ni {name count tags}} { refuse 422 unknown_member "There is no member \"$name\"." [pointer [string map {~ ~0 / ~1} $name]] }
    }
    set name [member $members name]
    if {[dict get [dict merge {name {}} $types] name] ne "string" || [string trim $name] eq "" || [string length $name] > 200} {
        refuse 422 bad_member "\"name\" is a string of 1 to 200 characters." [pointer name]
    }
    set count 0
    if {[dict exists $types count]} {
        set count [member $members count]
        if {[dict get $types count] ne "number" || ![regexp {^\d{1,9}$} $count]} { refuse 422 bad_member "\"count\" is a number from 0 to 999999999." [pointer count] }
    }
    set tags {}
    if {[dict exists $types tags]} {
        if {[dict get $types tags] ne "array" || [llength [member $members tags]] > 60} { refuse 422 bad_member "\"tags\" are at most 20 strings." [pointer tags] }
        foreach {index type value} [member $members tags] {
            if {$type ne "string"} { refuse 422 bad_member "A tag is a string." [pointer tags $index] }
            lappend tags $index string $value
        }
    }
    list name string $name count number $count tags array $tags
}

# ---- items

proc ::api::etag {item} { return "\"[string range [ns_crypto::md string -- $item] 0 15]\"" }
proc ::api::id {} {
    set id [lindex [ns_conn urlv] 2]
    if {[ns_conn urlc] != 3 || ![regexp {^[1-9]\d{0,8}$} $id] || ![nsv_exists api_items $id]} { refuse 404 no_item "There is no such item." }
    return $id
}
proc ::api::number {name default min max} {
    set value [ns_queryget $name $default]
    if {![regexp {^\d{1,9}$} $value] || $value < $min || $value > $max} { refuse 400 bad_query "\"$name\" is a number from $min to $max." [list value string $value] }
    return $value
}
proc ::api::getItems {} {
    if {[ns_conn urlc] == 3} {
        set id [id]
        set item [nsv_get api_items $id]
        ns_set iupdate [ns_conn outputheaders] etag [etag $item]
        answer 200 [list id number $id {*}$item]
        return
    }
    set limit [number limit 20 1 100]
    set after [number after 0 0 999999999]
    set tag [ns_queryget tag]
    set items {}
    set next {}
    set count 0
    set all [nsv_array get api_items]
    foreach id [lsort -integer [dict keys $all]] {
        if {$id <= $after} continue
        set item [dict get $all $id]
        if {$tag ne "" && $tag ni [lmap {i type value} [member $item tags] { set value }]} continue
        if {$count == $limit} { set next $last; break }
        lappend items $count object [list id number $id {*}$item]
        incr count
        set last $id
    }
    if {$next ne ""} {
        set query [ns_urlencode limit $limit after $next {*}[expr {$tag eq "" ? {} : [list tag $tag]}]]
        ns_set iupdate [ns_conn outputheaders] link "</api/items?$query>; rel=\"next\""
    }
    answer 200 [list items array $items total number [dict size $all] next [expr {$next eq "" ? "null" : "number"}] $next]
}
proc ::api::postItem {} {
    if {[ns_conn urlc] != 2} { refuse 404 no_item "Items are made at /api/items." }
    set item [item [document]]
    set id [nsv_incr api_ids items]
    nsv_set api_items $id $item
    ns_set iupdate [ns_conn outputheaders] location /api/items/$id
    ns_set iupdate [ns_conn outputheaders] etag [etag $item]
    answer 201 [list id number $id {*}$item]
}
# Evaluate the script where nobody else changes this item; not when it is no more the one that the client knows.
proc ::api::change {id script} {
    ns_mutex eval [nsv_get api lock] {
        if {![nsv_exists api_items $id]} { refuse 404 no_item "There is no such item." }
        set wanted [ns_set iget [ns_conn headers] if-match]
        if {$wanted ni [list "" * [etag [nsv_get api_items $id]]]} { refuse 412 changed "The item has changed." }
        uplevel 1 $script
    }
}
proc ::api::putItem {} {
    set id [id]
    set item [item [document]]
    change $id { nsv_set api_items $id $item }
    ns_set iupdate [ns_conn outputheaders] etag [etag $item]
    answer 200 [list id number $id {*}$item]
}
proc ::api::deleteItem {} {
    set id [id]
    change $id { nsv_unset api_items $id }
    ns_return 204 application/json ""
}

# ---- the weather: of another server

proc ::api::getWeather {} {
    variable backend
    set city [ns_queryget city]
    if {![regexp {^[[:alpha:]][[:alpha:] .'-]{0,60}$} $city]} { refuse 400 bad_query "\"city\" is the name of a city." [list value string $city] }
    set answer [ns_cache_eval api_weather [string tolower $city] { ask $backend/weather?[ns_urlencode city $city] }]
    answer 200 [list city string $city weather {*}[lrange $answer 1 2]]
}
# The document of the backend, as triples.
proc ::api::ask {url} {
    try {
        set result [ns_http run -timeout 2s -expire 3s -maxresponse 100kB $url]
    } trap NS_TIMEOUT {} {
        refuse 504 backend_timeout "The weather is not told in time."
    } on error {message} {
        ns_log warning "api: $url: $message"
        refuse 502 backend_failed "The weather cannot be asked for."
    }
    if {[dict get $result status] != 200} { refuse 502 backend_failed "The weather is not told." [list backend number [dict get $result status]] }
    try {
        return [ns_json parse -output triples -top container -- [dict get $result body]]
    } on error {message} {
        ns_log warning "api: $url: $message"
        refuse 502 backend_failed "The weather is not told in words that are understood."
    }
}
proc ::api::getNothing {} { refuse 404 not_found "There is nothing at [ns_conn url]." }

if {![nsv_exists api lock]} { nsv_set api lock [ns_mutex create api] }
ns_register_filter preauth * /api/* ::api::filter
foreach {method url proc} {
    POST /api/token   postToken  GET    /api/items getItems    POST /api/items postItem  PUT  /api/items putItem
    DELETE /api/items deleteItem GET    /api/weather getWeather
    GET  /api         getNothing POST   /api       getNothing  PUT  /api       getNothing  DELETE /api getNothing
} {
    ns_register_proc $method $url ::api::run ::api::$proc
}
