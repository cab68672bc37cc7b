# A WebSocket of the server "other", with its configuration's defaults, or ?options of ns_websocket accept: what it is sent is run as a script.
ns_websocket accept {*}[ns_queryget options] [list apply {{event chan args} {
    if {$event eq "message"} {
        ns_websocket send $chan [list [catch [lindex $args 1] message] [string map [list $chan CHAN] $message]]
    }
}}]
