ns_return 200 text/plain "index of [ns_conn url]" ;# SECRET
