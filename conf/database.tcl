# SPDX-License-Identifier: MPL-2.0
# Databases: one SQLite file, and PostgreSQL beside it where DB_HOST is set.  ./setup run conf/database.tcl, then
# http://127.0.0.1:8080/notes?text=hello
#
#   DB_HOME  where the file is (nsd-database in your home)     DB_PORT  of HTTP (8080)
#   DB_HOST, DB_NAME, DB_USER                                 of PostgreSQL: a pool "pg"

proc env {name default} { expr {[info exists ::env($name)] ? $::env($name) : $default} }
set home [env DB_HOME [file normalize ~/nsd-database]]
file mkdir $home/procs

ns_section ns/parameters { ns_param home $home; ns_param systemlog $home/nsd.log }
ns_section ns/servers    { ns_param main "Notes" }
ns_section ns/modules    { ns_param nssock nssock }
ns_section ns/module/nssock { ns_param address 127.0.0.1; ns_param port [env DB_PORT 8080]; ns_param defaultserver main }

# What drivers there are, and the pools with them; connections: so many threads use the database at the same time.
ns_section ns/server/main/modules { ns_param nsdb nsdb }
ns_section ns/server/main/db      { ns_param pools *; ns_param defaultpool notes }
ns_section ns/db/drivers          { ns_param sqlite nsdbsqlite }
ns_section ns/db/pools            { ns_param notes "Notes, a file" }
ns_section ns/db/pool/notes       { ns_param driver sqlite; ns_param datasource $home/notes.db; ns_param connections 4; ns_param logminduration 100ms }
if {[env DB_HOST ""] ne ""} {
    ns_section ns/db/drivers         { ns_param postgres nsdbpg }
    ns_section ns/db/driver/postgres { ns_param statementtimeout 1m }
    ns_section ns/db/pools           { ns_param pg "PostgreSQL" }
    ns_section ns/db/pool/pg         { ns_param driver postgres; ns_param datasource [env DB_HOST ""]::[env DB_NAME postgres]; ns_param user [env DB_USER ""] }
}

ns_section ns/server/main/tcl { ns_param library procs }
set out [open $home/procs/notes.tcl w]
puts $out {
    ns_atstartup {
        set db [ns_db gethandle notes]
        ns_db dml $db "create table if not exists notes (id integer primary key, text text not null)"
        ns_db releasehandle $db
    }
    ns_register_proc GET /notes {
        set text [ns_queryget text]
        set db [ns_db gethandle notes]
        if {$text ne ""} { ns_sqlite_bind dml $db {insert into notes (text) values (:text)} }
        set row [ns_db select $db "select id, text from notes order by id"]
        set page ""
        while {[ns_db getrow $db $row]} { append page "[ns_set get $row id] [ns_set get $row text]\n" }
        ns_db releasehandle $db
        ns_return 200 text/plain $page
    }
}
close $out
