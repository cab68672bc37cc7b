# SPDX-License-Identifier: MPL-2.0
# /file/NAME: what is /static/NAME, too, sent in the background by a detached channel.

proc bench_file {} {
    set path [file join [ns_server pagedir] static [file tail [ns_conn url]]]
    if {![file isfile $path]} { return [ns_returnnotfound] }
    set chan [ns_connchan detach]
    ns_connchan write $chan "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: [file size $path]\r\nConnection: close\r\n\r\n"
    ns_connchan sendfile $chan $path
    ns_connchan close $chan                    ;# behind the last byte
}
ns_register_proc GET /file bench_file
