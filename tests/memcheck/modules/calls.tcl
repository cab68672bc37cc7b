# SPDX-License-Identifier: MPL-2.0
# What the requests of memcheck do: each call is one, of the kind that its client knows (client.py), and calls what its family has.
#
#   call get    SCRIPT     GET; SCRIPT's end is answered with 200, its error with 500
#   call own    SCRIPT     GET; SCRIPT answers by itself
#   call form   SCRIPT     POST with a form of the fields name, many (twice) and the file "upload"
#   call json   SCRIPT     POST with {"a": {"b": [1, "two"]}}
#   call close  SCRIPT     GET; whatever comes, the end as well, is an answer
#
# Scripts run again and again, in any connection thread: they clean up behind themselves.


# ---- adp
call get { ns_adp_parse -string -- {<% ns_adp_append a; ns_adp_puts b; ns_puts c; ns_adp_puts [ns_adp_argc][ns_adp_argv][ns_adp_dir][ns_adp_info][ns_adp_tell]
    ns_adp_trunc 3; ns_adp_dump; ns_adp_ctl bufsize; ns_adp_exception how %>x<%= y %>} one two }
call get {
    ns_adp_registeradp m1 {<i><%=[ns_adp_argv 0]%></i>}
    ns_adp_registertag m2 /m2 {<b><%=[ns_adp_argv 1]%></b>}
    ns_adp_registerscript m3 memtag; ns_adp_registerproc m4 /m4 memproc; ns_register_adptag m5 memtag
    ns_adp_parse -string -- {<m1><m2>x</m2><m3 a=b c><m4 v>c</m4><m5>}
    if {![ns_adp_tagset exists mem]} { catch {ns_adp_tagset create mem} }
    ns_adp_tagset names; ns_adp_tagset info default
}
proc memtag {set} { ns_set size $set }
proc memproc {args} { return $args }
call own { ns_adp_include bind.adp one two; ns_adp_include -cache 1s bind.adp three four; ns_adp_include -nocache return.adp }
call own { ns_adp_mimetype text/plain; ns_adp_mime; ns_adp_compress 6; ns_adp_stream; ns_adp_puts [string repeat abc 1000]; ns_adp_flush; ns_adp_close }
call own { ns_adp_include break.adp }
call close { ns_adp_include abort.adp }
call close { catch {ns_tcl_abort}; ns_internalredirect /abort.adp?how=tcl }
call get { ns_adp_eval {<%= [expr 1+1] %>}; ns_adp_safeeval {a<% error x %>b}; ns_adp_stats; catch {ns_adp_debug}; catch {ns_adp_debuginit none localhost 1}; ns_adp_parse -file -- [ns_pagepath bind.adp] a b }
call get { ns_htmlselect -multi -sort -labels {A B} key {a b} {a}; set s [ns_set create s k v]; ns_tagelement $s k; ns_tagelementset $s l w }
call own { ns_register_adp GET /adpx [ns_pagepath bind.adp]; ns_unregister_op GET /adpx; ns_internalredirect /bind.adp }

# ---- cache
call get { foreach k {a b c} { ns_cache_eval mem $k { string repeat $k 1000 } }; ns_cache_append mem a x; ns_cache_lappend mem l {x y}; ns_cache_incr mem n 3
    ns_cache_get mem a v; ns_cache_exists mem; ns_cache_keys mem a*; ns_cache_names; ns_cache_size mem; ns_cache_stats -contents mem; ns_cache_configure mem -expires 1h; ns_cache_flush -glob mem {[ab]} }
call get { ns_cache_transaction_begin; ns_cache_eval -force mem t { list 1 }; ns_cache_transaction_begin; ns_cache_incr mem n; ns_cache_transaction_rollback; ns_cache_transaction_commit; ns_cache_transaction_begin; ns_cache_transaction_commit -all; ns_cache_create mem 1MB }
call get { ns_memoize {expr 6 * 7}; ns_memoize -expires 1s -- memproc 1 2; ns_memoize_stats; ns_memoize_flush memproc* }
call get { catch {ns_cache create oldmem -size 100kB}; ns_cache eval oldmem k {set x y}; ns_cache set oldmem k v; ns_cache get oldmem k; ns_cache incr oldmem n; ns_cache append oldmem k x; ns_cache lappend oldmem k y; ns_cache names oldmem; ns_cache flush oldmem k }

# ---- config
call get { ns_config ns/parameters home; ns_configsection ns/parameters; ns_configsections; ns_driversection -driver nssock; ns_env names; ns_env set MEMX 1; ns_env unset MEMX
    foreach i {address argv0 boottime builddate callbacks config filters home hostname locks log loglevel mimetypes name nsd pagedir pid platform scheduled server servers sockcallbacks tag threads uptime version patchlevel} { catch {ns_info $i} } }
ns_serverrootproc {apply {host {return ""}}}
ns_locationproc {apply {{} {return ""}}}
call get { catch {ns_serverrootproc x}; catch {ns_locationproc x}; ns_conn location; ns_pagepath; ns_serverpath -host a.test }
call get { ns_upload_stats none; ns_driver info; ns_driver names; ns_driver stats; ns_driver threads; ns_server stats; ns_server all; ns_server pools; ns_server threads; ns_server filters; ns_server requestprocs; ns_server traces; ns_server url2file }
call get { ns_log notice "memcheck \u00e9 \ud83c\udf33"; ns_logctl hold; ns_log notice held; ns_logctl peek; ns_logctl release; ns_logctl severities; ns_logctl stats; ns_logctl queue; ns_logroll; ns_certctl list }
call get { ns_limits_set -maxrun 8 memlimit; ns_limits_get memlimit; ns_limits_list mem*; ns_limits_register memlimit GET /call }

# ---- connchan, websocket (both ends are this server)
call get {
    set c [ns_connchan connect -timeout 5s 127.0.0.1 [ns_config memcheck port]]
    ns_connchan write $c "GET /call/plain HTTP/1.0\r\n\r\n"; ns_connchan read $c; ns_connchan list; ns_connchan status $c; ns_connchan exists $c; ns_connchan stats; ns_connchan close $c
}
call get {
    set c [ns_connchan connect -timeout 5s -tls -insecure 127.0.0.1 [ns_config memcheck tlsport]]
    ns_connchan write $c "GET /call/plain HTTP/1.0\r\n\r\n"; ns_connchan callback $c memconn rex; ns_connchan debug $c 0; ns_connchan close $c; ns_connchan wsencode -opcode text x
}
proc memconn {args} { return 1 }
call close { set c [ns_connchan detach]; ns_connchan write $c "HTTP/1.0 200 OK\r\n\r\nx"; ns_connchan callback -timeout 1s $c [list memlast $c] w }
proc memlast {c args} { return 0 }
call get { ns_websocket connect -timeout 60s ws://127.0.0.1:[ns_config memcheck port]/echo memws; ns_websocket topics; ns_websocket subscribers mem; ns_websocket stats; ws::log "from memcheck" }
proc memws {event c args} {
    switch $event {
        open    { ns_websocket send $c "text [string repeat x 5000]"; ns_websocket send -binary $c \x00\x01; ns_websocket subscribe $c mem; ns_websocket publish mem all; ns_websocket info $c; ns_websocket unsubscribe $c; ns_websocket ping $c }
        message { if {[lindex $args 0] eq "binary"} { ns_websocket close $c } }
    }
}
ns_register_proc GET /echo {ns_websocket accept memecho}
proc memecho {event chan args} { if {$event eq "message"} { ns_websocket send {*}[expr {[lindex $args 0] eq "binary" ? "-binary" : ""}] $chan [string range [lindex $args 1] 0 9] } }

# ---- connection
call get { foreach sub {acceptedcompression auth authuser authpassword contentlength contentsentlength contenttype currentaddr currentport details driver encoding files flags fragment headerlength
    headers host id isconnected keepalive location method outputheaders partialtimes peeraddr peerport pool port protocol query ratelimit request server sock start status target timeout
    url urlc urldict urlencoding urlv version zipaccepted content form clientdata clientcert contentfile compress} { catch {ns_conn $sub} } ; ns_absoluteurl x http://h/a/; ns_paren x; catch {ns_geturl /bind.adp}; ns_findset [ns_set list] nothing }
call get { ns_atclose {nsv_incr memcheck closed}; ns_updateheader x-mem 1; ns_setexpires 10; ns_conn keepalive 1; ns_conn compress 6 }
call own { ns_return 200 text/plain [string repeat "\u00e9\ud83c\udf33" 3000] }
call own { ns_respond -status 200 -type text/plain -string x }
call own { ns_returnfile 200 text/plain [ns_pagepath large.txt] }
call own { set f [open [ns_pagepath large.txt]]; ns_returnfp 200 text/plain $f 1000; close $f }
foreach {command} {ns_returnadminnotice ns_returnnotice} { call own "$command 200 title message" }
call close { ns_returnbadrequest reason }
call close { ns_returnerror 500 message }
foreach {command} {ns_returnforbidden ns_returnnotfound ns_returnunauthorized ns_returnunavailable} { call close $command }
call close { ns_returnmoved /elsewhere }
call close { ns_returnredirect /elsewhere }
call own { ns_headers 200 text/plain; ns_write a b; ns_write [string repeat c 100000] }
call own { ns_headers 200 text/plain 5; ns_startcontent -type text/plain; ns_write hello }
call own { set f [open [ns_pagepath large.txt]]; ns_headers 200 text/plain 1000; ns_connsendfp $f 1000; close $f }
call own { set f [open [ns_pagepath large.txt]]; ns_headers 200 text/plain 1000; ns_writefp $f 1000; close $f }
call own { ns_headers 200 text/plain 6000; ns_writer submit [string repeat x 6000]; ns_writer list }
call own { ns_writer submitfile -headers [ns_pagepath large.txt]; ns_writer size; ns_writer streaming }
call form { set f [open [ns_config memcheck home]/copy w]; ns_conncptofp $f; ns_writecontent $f; close $f; set in [open [ns_config memcheck home]/copy]; set out [open /dev/null w]; ns_cpfp $in $out; close $in; close $out }

# ---- cookies, forms
call get { ns_setcookie -expires 100 -path / mem "v \u00e9"; ns_getcookie -include_set_cookies true mem; ns_getcookie none x; ns_deletecookie mem }
call form { ns_getform; ns_queryget name; ns_querygetall many; ns_queryexists name; ns_getformfile upload; ns_isformcached; ns_resetcachedform; ns_resetcachedform [ns_set create f a b]; ns_queryget a
    ns_choosecharset; ns_cookiecharset c; ns_formfieldcharset name; ns_setformencoding utf-8; ns_urlcharset utf-8; ns_formvalueput {<input name="a" value="">} a b }
call form { ns_getcontent -as_file false; file delete [ns_getcontent]; ns_conn files; ns_conn fileheaders upload; ns_conn fileoffset upload; ns_conn filelength upload }
call form { close [ns_opentmpfile tmp]; file delete $tmp; set c [ns_openexcl [ns_config memcheck home]/excl[ns_conn id]]; close $c; file delete [ns_config memcheck home]/excl[ns_conn id]; ns_parsequery a=b&c=%c3%a9 }
call json { ns_getjson; ns_getjson -output triples; ns_queryget a/b/1; ns_conn form }

# ---- HTTP client: of this server
call get { set url http://127.0.0.1:[ns_config memcheck port]; ns_http run -keepalive 1s $url/large.txt; ns_http run -spoolsize 100 -outputfile [ns_config memcheck home]/spool[ns_conn id] $url/large.txt; file delete [ns_config memcheck home]/spool[ns_conn id]
    ns_http run -insecure https://127.0.0.1:[ns_config memcheck tlsport]/bind.txt; ns_http run -method POST -body [string repeat x 100000] $url/sink; catch {ns_http run http://127.0.0.1:1/} }
call get { set url http://127.0.0.1:[ns_config memcheck port]; set ids {}; foreach i {1 2 3} { lappend ids [ns_http queue $url/large.txt] }; ns_http list; ns_http stats; ns_http taskthreads; ns_http keepalives
    ns_http wait -result r [lindex $ids 0]; ns_http wait -timeout 10s [lindex $ids 1]; ns_http cancel [lindex $ids 2]; ns_http queue -done_callback memproc $url/bind.txt; ns_http queue $url/bind.txt; ns_http cleanup }
call get { set url http://127.0.0.1:[ns_config memcheck port]; ns_httpget $url/bind.txt 5; ns_httppost $url/sink [ns_set create h] [ns_set create f a b]; lassign [ns_httpopen GET $url/bind.txt] r w; read $r; close $r; close $w }
ns_register_proc POST /sink {ns_return 200 text/plain ok}

# ---- interpreters
call get { set ::memglobal 1; ns_ictl get; ns_ictl epoch; ns_ictl update; ns_ictl getmodules; ns_ictl gettraces create; ns_ictl runtraces idle; ns_library private; ns_library shared; ns_module name memkey; ns_module name; ns_runonce {set x 1}
    catch {ns_configure_variables mem {memvalue v}}; ns_deprecated ns_other "for a reason"; ns_atsignal {set x 1}; ns_cleanupvars; ns_cleanupchans; ns_reinit; ns_init; ns_cleanup }
call get { ns_eval {proc memeval {} {return [clock seconds]}}; ns_eval -sync {set x 1} }
call get { catch {ns_moduleload nothing /does/not/exist.so}; ns_httpget http://127.0.0.1:[ns_config memcheck port]/page.tcl; ns_ictl save [ns_ictl get] }
ns_register_proc GET /page.tcl ns_sourceproc

# ---- nsv
call get { nsv_set memv k v; nsv_set -default memv k w; nsv_set -reset memv k x; nsv_get memv k; nsv_exists memv k; nsv_append memv k a b; nsv_lappend memv l {a b} c; nsv_incr memv n 5; nsv_names mem*; nsv_bucket; nsv_array set memv {a 1 b 2}
    nsv_array get memv; nsv_array reset memv {z 1}; nsv_dict set memv d a b 1; nsv_dict append memv d t x; nsv_dict lappend memv d l x; nsv_dict incr memv d n; nsv_dict get memv d a b; nsv_dict getdef memv d q 0; nsv_dict keys memv d
    nsv_dict unset memv d a; nsv_dict exists memv d l; nsv_dict size memv d; nsv_set memv bytes [binary format c* {0 200 1}]; nsv_append memv bytes z; nsv_unset -nocomplain memv d; nsv_set memv2 k v; nsv_unset memv2 }

# ---- registrations
call get { ns_checkurl GET / u p; ns_fastpath_cache_stats; ns_hashpath abc 3; ns_modulepath [ns_info server] m; ns_normalizepath /a/../b//c; ns_pagepath x; ns_serverpath y; ns_url2file /bind.adp
    ns_register_proc -constraints {x-mem *} GET /tmp/reg {ns_return 200 text/plain x}; ns_unregister_proc -allconstraints GET /tmp/reg; ns_register_tcl GET /tmp/t page.tcl; ns_register_fastpath GET /tmp/f; ns_unregister_op -recurse GET /tmp
    ns_register_url2file /tmp/u memurl; ns_url2file /tmp/u/x; ns_unregister_url2file /tmp/u; ns_register_fasturl2file /tmp/v sub; ns_unregister_url2file /tmp/v
    set id 0; ns_urlspace set -key mem /a/*.x data; ns_urlspace get -key mem /a/b.x; ns_urlspace list; ns_urlspace unset -key mem -recurse /a }
proc memurl {url args} { return /tmp/x }
ns_register_filter preauth GET /filtered/* memfilter; ns_register_filter postauth GET /call/* memfilter; ns_register_trace GET /call/* memfilter; ns_shortcut_filter preauth GET /short/*
proc memfilter {args} { return filter_ok }
ns_atprestartup {nsv_incr memcheck begun}; ns_atstartup {nsv_incr memcheck begun}; ns_atshutdown {nsv_incr memcheck ended}; ns_atexit {nsv_incr memcheck ended}

# ---- schedules, jobs, threads
call get { set id [ns_after 1h {set x 1}]; ns_cancel $id; set id [ns_schedule_proc -thread 1h memproc a]; ns_pause $id; ns_resume $id; ns_unschedule_proc $id; foreach id [list [ns_schedule_daily 1 2 x] [ns_schedule_weekly 1 2 3 x]] { ns_unschedule_proc $id }; ns_after 0.01s {nsv_incr memcheck after} }
call get { catch {ns_job create memjobs 2}; set id [ns_job queue memjobs {string repeat x 1000}]; ns_job wait memjobs $id; set id [ns_job queue memjobs {error "a job's error"}]; catch {ns_job wait memjobs $id}; ns_job queue -detached memjobs {set x 1}; ns_job queues; ns_job queuelist; ns_job joblist memjobs; ns_job threadlist; ns_job genid; ns_job configure }
call get { ns_thread wait [ns_thread create -name mem {set x [ns_cache_eval mem t {set y 2}]; nsv_set memv t 1; encoding convertto utf-8 x}]; ns_thread id; ns_thread name; ns_thread handle; ns_thread yield; ns_thread stackinfo; ns_thread begindetached {set x 1} }
call get { set m [ns_mutex create]; ns_mutex eval $m {set x 1}; ns_mutex lock $m; ns_mutex unlock $m; set c [ns_cond create]; ns_cond set $c; ns_mutex lock $m; ns_cond wait $c $m 0.001s; ns_mutex unlock $m; ns_cond destroy $c; ns_mutex destroy $m
    set e [ns_event create]; ns_event set $e; ns_event destroy $e; set s [ns_sema create 1]; ns_sema wait $s; ns_sema release $s; ns_sema destroy $s; set r [ns_rwlock create]; ns_rwlock readeval $r {set x 1}; ns_rwlock writeeval $r {set x 2}; ns_rwlock destroy $r
    set k [ns_critsec create]; ns_critsec eval $k {set x 3}; ns_critsec destroy $k }

# ---- sets
call get { set s [ns_set create -nocase s a 1 B 2 a 3]; set t [ns_set copy $s]; foreach sub {array keys values name size format print list stats} { catch {ns_set $sub $s} }; ns_set put $s k v; ns_set update $s a 9; ns_set iupdate $s b 8; ns_set cput $s z 1; ns_set icput $s Z 1
    ns_set get -all $s a; ns_set iget $s A; ns_set find $s a; ns_set ifind $s A; ns_set unique $s a; ns_set key $s 0; ns_set value $s 0; ns_set isnull $s 0; ns_set merge $s $t; ns_set imerge $s $t; ns_set split $s; ns_set delkey $s a; ns_set idelkey $s B; ns_set delete $s 0; ns_set truncate $s 0; ns_set move $s $t; ns_set free $t; ns_set new x; ns_set cleanup }

# ---- sockets
call get { lassign [ns_socketpair] a b; puts $a x; flush $a; ns_sockselect -timeout 1s [list $b] {} {}; ns_socknread $b; ns_socknonblocking $b; ns_sockblocking $b; ns_sockcheck $a; close $a; close $b }
call get { set l [ns_socklisten 127.0.0.1 0]; set p [lindex [fconfigure $l -sockname] 2]; lassign [ns_sockopen -timeout 5s 127.0.0.1 $p] r w; set pair [ns_sockaccept $l]; foreach c [concat $r $w $pair $l] { catch {close $c} } }
call get { set c [open /dev/null]; catch {ns_chan create $c mem[ns_conn id]}; ns_chan list -shared; ns_chan get mem[ns_conn id]; close $c; ns_chan list; ns_chan cleanup; catch {ns_socklistencallback 127.0.0.1 1 x} }
call get { lassign [ns_socketpair] a b; ns_sockcallback $a memsock rx; puts $b x; flush $b; close $b }
proc memsock {sock when} { catch {close $sock}; return 0 }

# ---- text
call get { foreach {enc dec} {ns_base64encode ns_base64decode ns_base64urlencode ns_base64urldecode ns_uuencode ns_uudecode ns_urlencode ns_urldecode ns_percentencode ns_percentdecode} { foreach text [list "" a "\u00e9\ud83c\udf33" [string repeat "x&=" 2000]] { $dec [$enc $text] } }
    ns_quotehtml "<a&\"\u00e9>"; ns_unquotehtml "&lt;&#233;&eacute;&nothing;&"; ns_striphtml "<b>x</b>&amp;"; ns_parsehtml {<a href="x">y</a><!-- z -->}; ns_hrefs {<a href="x">y</a>}; ns_reflow_text -width 20 [string repeat "some words " 50]; ns_trim -delimiter | "  |x\n  |y"; ns_quotelisttolist {a 'b c' d} }
call get { ns_baseunit -size 5MB; ns_charsets; ns_encodingforcharset utf-8; ns_encodingfortype text/html; ns_crypt pw ab; ns_hash x; ns_rand; ns_rand 10; ns_issmallint 5; ns_valid_utf8 \xc3\xa9 x; ns_strcoll a b; ns_guesstype x.html; ns_ip valid 1.2.3.4; ns_ip public 10.0.0.1; ns_ip properties ::1; ns_ip match 10.0.0.0/8 10.1.1.1; ns_subnetmatch 10.0.0.0/8 10.1.1.1 }
call get { ns_fmttime [ns_time] %c; ns_gmtime; ns_localtime; ns_httptime [ns_time]; ns_parsehttptime [ns_httptime 1000000000]; ns_time get; ns_time diff 2.5 1; ns_time incr 1 2; ns_time make 5 6; ns_time format 1.5; ns_time adjust 1.2; ns_time seconds 1.5; ns_sleep 1ms; ns_parsetime hour "2001-02-03 04:05:06"
    ns_parsesqldate year 2001-02-03; ns_parsesqltime time 04:05:06; ns_parsesqltimestamp month "2001-02-03 04:05:06" }
call get { ns_parseurl http://u@h:1/a/b?c#d; ns_joinurl {proto http host h path a tail b}; ns_parsehostport h:1; ns_parseheader [ns_set create h] "A: b"; ns_parsemessage "A: b\r\nC: d\r\n\r\nbody"; ns_parsefieldvalue "a; b=c, d"; ns_parseargs {-x y} {-x 1 2}
    set f [open [ns_config memcheck home]/csv[ns_conn id] w]; puts $f {a,"b ""c""",d}; close $f; set f [open [ns_config memcheck home]/csv[ns_conn id]]; ns_getcsv $f row; close $f; file delete [ns_config memcheck home]/csv[ns_conn id] }

# ---- cryptography
call get { ns_md5 x; ns_sha1 x; ns_sha2 x; ns_md string -digest sha3-256 x; ns_hmac string k x; ns_hmac_sha2 k x; ns_crypto::md string -encoding base64url x; ns_crypto::hmac string k x; set d [ns_crypto::md new sha256]; ns_crypto::md add $d x; ns_crypto::md get $d; ns_crypto::md free $d
    set h [ns_crypto::hmac new sha256 k]; ns_crypto::hmac add $h x; ns_crypto::hmac get $h; ns_crypto::hmac free $h; ns_crypto::HashFunctions names; ns_crypto::randombytes 16; ns_crypto::uuid; ns_uuid -version v7; set o [ns_md new]; $o add x; $o get; $o destroy }
call get { ns_crypto::pbkdf2_hmac -salt 12345678 -secret pw -iterations 2; ns_crypto::scrypt -salt 12345678 -secret pw -n 16 -r 1 -p 1; ns_crypto::argon2 -password pw -salt 12345678 -memcost 64 -iter 1; set k [ns_crypto::randombytes -encoding binary 16]
    set e [ns_crypto::aead::encrypt string -encoding binary -key $k -iv 123456789012 secret]; ns_crypto::aead::decrypt string -key $k -iv 123456789012 -tag [dict get $e tag] -encoding binary [dict get $e bytes]; ns_hotp -key k [binary format W 1]; ns_totp -key k; ns_crypto::hotp_truncate [ns_crypto::hmac string k x] }
call get { set t [ns_jwt encode -alg HS256 -secret s -sub u -exp 99999999999]; ns_jwt verify -secret s -verifyclaims $t; ns_crypto::JWT decode $t; catch {ns_jwt verify -secret other $t}
    set pem [ns_crypto::key generate -name EC -group P-256]; ns_crypto::key info -pem $pem; ns_crypto::key pub -pem $pem; set t [ns_jwt encode -alg ES256 -key $pem -sub u]; ns_jwt verify -key [ns_crypto::key pub -format pem -pem $pem] $t }
call get { set pem [ns_crypto::signature generate -name ed25519]; set pub [ns_crypto::signature pub -pem $pem]; set sig [ns_crypto::signature sign -encoding binary -pem $pem message]; ns_crypto::signature verify -pem $pub -signature $sig message
    set a [ns_crypto::agreement generate -name x25519]; ns_crypto::agreement derive -pem $a -peer [ns_crypto::agreement pub -pem $a]; catch {ns_crypto::kem generate -name ML-KEM-768}; set e [ns_crypto::eckey generate -name prime256v1]; ns_crypto::eckey pub -pem $e }

# ---- files, images, names
call get { set d [ns_mkdtemp]; ns_filewrite $d/a x\xff; ns_fileread $d/a; ns_cp $d/a $d/b; ns_rename $d/b $d/c; ns_link $d/a $d/l; ns_symlink $d/a $d/s; ns_chmod $d/a 0600; ns_filestat $d/a st; ns_mkdir $d/sub/deep; ns_rmdir $d/sub/deep; ns_truncate $d/c 0
    set f [open $d/a r+]; ns_fseekchars $f x; ns_ftruncate $f 1; ns_getchannels; close $f; ns_rollfile $d/a 3; ns_purgefiles $d/a 1; ns_unlink -nocomplain $d/none; ns_mktemp; ns_tmpnam; file delete -force $d }
call get { set f [ns_pagepath pic.png]; foreach c {ns_imgsize ns_imgtype ns_imgmime ns_pngsize} { $c $f }; catch {ns_gifsize $f}; catch {ns_jpegsize $f} }
call get { ns_addrbyhost localhost; ns_hostbyaddr 127.0.0.1; catch {ns_addrbyhost nowhere.invalid} }
call get { keylset k a 1 b.c 2; keylget k b.c; keylkeys k; keyldel k a }
call get { ns_kill -nocomplain [pid] 0; ns_rlimit files; ns_sendmail_config; catch {ns_sendmail -to a@b.test -from c@d.test -subject s -body "\u00e9"} }

# ---- JSON, CBOR
call get { set t [ns_json parse -output triples {{"a":[1,"x\u00e9\ud83c\udf33",null,true,1.5e3],"b":{}}}]; ns_json value -pretty -type object $t; ns_json triples getvalue -path {a 1} $t; ns_json triples setvalue -path {a 0} $t 2; ns_json triples schema $t; ns_json triples match -schema [ns_json triples schema $t] $t
    ns_json parse -output set {{"a":{"b":[1,2]}}}; ns_json null; ns_json isnull x; ns_json keyencode a/b; ns_json keydecode a~1b; ns_json keyinfo a.type; foreach bad [list "\{" {[1,]} {"\ud800"} nul [string repeat \[ 2000]] { catch {ns_json parse $bad} } }
call get { ns_cbor parse -encoding hex a16161f5; ns_cbor scan -encoding hex 0102; catch {ns_cbor parse -encoding hex ff} }

# ---- authorization
ns_register_auth user memauth; ns_register_auth request memauth
proc memauth {args} { return OK }
call get { ns_auth user u p; ns_auth request GET / u p; ns_requestauthorize GET / u p; ns_passwordcheck u p }
call get { ns_register_cgi -matchsegments -constraints {X-User a*} -path /bin/echo GET /cgi[ns_conn id]/*.cgi; ns_register_cgi -noinherit GET /cgi[ns_conn id]
    ns_unregister_op -allconstraints -recurse GET /cgi[ns_conn id] }
call get { ns_perm adduser u[ns_conn id] [ns_crypt pw ab] "A user"; ns_perm checkpass u[ns_conn id] pw; ns_perm setpass u[ns_conn id] [ns_crypt new ab]; ns_perm addgroup g[ns_conn id] u[ns_conn id]; ns_perm allowuser GET /p[ns_conn id] u[ns_conn id]; ns_perm denygroup GET /p[ns_conn id]/x g[ns_conn id]
    ns_perm listusers; ns_perm listgroups; ns_perm listperms; catch {ns_permpasswd nobody a b}; ns_perm delperm GET /p[ns_conn id]; ns_perm delgroup g[ns_conn id]; ns_perm deluser u[ns_conn id]; catch {ns_permreload}
    if {[info commands ns_perm_adduser] ne ""} { catch {ns_perm_adduser}; catch {ns_perm_addperm}; catch {ns_perm_load}; catch {ns_perm_filter} } }

# ---- logs of requests
call get { ns_accesslog flags; ns_accesslog extendedheaders; ns_accesslog roll
    set fd [ns_asynclogfile open [ns_info home]/logs/async[ns_conn id] TRUNC]; ns_asynclogfile write $fd "a line\n"; ns_asynclogfile stats; ns_asynclogfile close $fd }

# ---- databases
call get { set h [ns_db gethandle tester]; catch {ns_db dml $h "x"}; catch {ns_db select $h "rows 3"}; foreach sub {poolname datasource user password driver dbtype info session_id connected verbose exception} { catch {ns_db $sub $h} }; catch {ns_db flush $h}; catch {ns_db cancel $h}; catch {ns_dbtimeout $h}; ns_dberrorcode $h; ns_dberrormsg $h
    catch {ns_db setexception $h code message}; ns_db releasehandle $h; ns_db pools; ns_db stats; ns_db currenthandles; ns_db logminduration; ns_dbpooldescription tester; ns_pooldescription tester; ns_dbconfigpath; ns_db bouncepool tester }
call get { ns_dbquotevalue "it's" text; ns_dbquotevalue 5 int; ns_dbquotelist {a b's} text; ns_dbquotename x; ns_buildsqldate January 2 2003; ns_buildsqltime 01:02:03 PM; ns_buildsqltimestamp January 2 2003 01:02:03 PM; ns_localsqltimestamp }
if {[ns_config ns/db/drivers sqlite] ne ""} {
    call get {
        set h [ns_db gethandle lite]; ns_dbtimeout $h 1m
        ns_db dml $h "create table if not exists t (a integer, b text)"; ns_db dml $h "insert into t values ([ns_conn id], 'some text')"
        set row [ns_db select $h "select a, b from t limit 3"]; while {[ns_db getrow $h $row]} { ns_set array $row }
        ns_db 0or1row $h "select count(*) as n from t"; ns_db 1row $h "select count(*) as n from t"; catch {ns_db dml $h "no sql"}; ns_dberrormsg $h
        ns_db dml $h "delete from t where a < [ns_conn id] - 20"; ns_db releasehandle $h
    }
}

# ---- worker processes
call get { set p [ns_proxy get mem]; ns_proxy eval $p {string repeat x 1000}; catch {ns_proxy eval $p {error "a worker's error"}}; ns_proxy send $p {set y 1}; ns_proxy wait $p 10; ns_proxy recv $p; ns_proxy ping $p; ns_proxy handles; ns_proxy active mem; ns_proxy put $p
    ns_proxy configure mem; ns_proxy pools; ns_proxy workers mem; ns_proxy pids mem; ns_proxy stats mem; ns_proxy cleanup }

# ---- rarely used
call own { ns_returnok }
call get { ns_browsermatch *; ns_set_precision 17; ns_privacy::signals; ns_privacy::parse_adpc x; catch {ns_setuser nobody-has-this-name}; catch {ns_setgroup nobody-has-this-name} }
call get { ns_sls set k v; ns_sls get k; ns_sls get none default; ns_sls array; ns_sls unset k }
call get { set f [ns_config memcheck home]/zip[ns_conn id]; ns_cp [ns_pagepath large.txt] $f; catch {ns_gzipfile $f $f.gz}; catch {ns_brotlifile $f $f.br}; foreach x [glob $f*] { file delete $x } }
