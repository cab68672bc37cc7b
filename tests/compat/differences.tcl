# SPDX-License-Identifier: MPL-2.0
# Where ours answers otherwise than NaviServer did when the vectors were recorded, each with its reason:
#
#   differs ?-match? {FAMILY/NAME ...} REASON ?CODE RESULT?
#
# With CODE and RESULT ours must be just that (-match: RESULT is a pattern); without, anything but NaviServer's.

# ---- not here yet: commands that later work brings (doc/compat.md)

differs {register/usage-ns_register_proxy} "ns_register_proxy is not here yet"

# ---- stricter against the network

differs accesslog/flag-checkforproxy-list "of several addresses the one that the nearest proxy has written; those before it are what the client says" ok {198.51.100.2 - - [TIME] "GET /plain.txt HTTP/1.0" 200 BYTES}
differs accesslog/file-set-bad "a log that cannot be opened is an error, and the one before stays" ok error
differs perm/adduser-host-bad "a filter that can match nothing would not protect: a wrong address or mask is an error" ok error

differs limits/maxupload "limits are kept: a body larger than maxupload is refused" ok {{HTTP/1.1 200 OK} {HTTP/1.0 413 Request Entity Too Large}}
differs -match {connchan/wsread-len16-noncanonical connchan/wsread-len64-noncanonical} \
    "RFC 6455 5.2: the shortest form of a length must be used" \
    error {conn*: websocket protocol violated (1002): length is not in its shortest form}
differs http/header-folding "RFC 9112 5.2: folded headers are refused" ok "HTTP/1.0 400 Invalid Request Header\n\n"
differs http/te-unknown "RFC 9112 6.1: a transfer coding that is not known is 501" ok {HTTP/1.0 501 Not Implemented}
differs {conn/proxy-request-line} "RFC 9112 3.2.2: a request target with a host is served, and its host is the one asked for" ok {HTTP/1.1 200 OK
content-type: text/plain; charset=utf-8
content-length: 56
connection: close
date: DATE
server: SERVER

/t/x localhost 81 {GET http://localhost:81/t/x HTTP/1.1}}
differs register/vhost-absolute-uri "RFC 9112 3.2.2: the host of the request target counts, not the field" ok {HTTP/1.1 200 OK
last-modified: Thu, 04 Mar 2021 05:06:07 GMT
content-type: text/html
accept-ranges: bytes
content-length: 20
connection: close
date: DATE
server: SERVER

second server front
}
differs http/return-status-204 "RFC 9110 6.4.1: a 204 has no content" ok {{HTTP/1.1 204 No Content} 0}
differs http/return-status-304 "RFC 9110 6.4.1: a 304 has no content" ok {{HTTP/1.1 304 Not Modified} 0}
differs client/run-204 "RFC 9110 8.6: no Content-Length with a 204" ok {body {} flags DECOMPRESS|EMPTY|1.1 headers {content-type {text/plain; charset=utf-8} connection close date DATE server SERVER} status 204 time T}
differs {http/method-unknown http/method-delete-static http/method-trace http/method-connect} \
    "RFC 9110 15.5.6: a method that nothing here takes is 405, CONNECT too, and the answer says which there are" ok {HTTP/1.1 405 Method Not Allowed
allow: GET, HEAD, POST
content-type: text/html; charset=utf-8
content-length: N
connection: close
date: DATE
server: SERVER

NOTICE(Method Not Allowed)
}
differs http/expect-other "RFC 9110 10.1.1: an expectation that cannot be met is 417" ok "HTTP/1.0 417 Expectation Failed\n\n"

differs adp/page-head "RFC 9110 8.6: the length that the answer to GET has" ok {HTTP/1.1 200 OK
content-type: text/html; charset=utf-8
content-length: 10
connection: close
date: DATE
server: SERVER

}
differs adp/page-close "RFC 9112 6.3: no more than was announced" ok {HTTP/1.1 200 OK
content-type: text/html; charset=utf-8
content-length: 3
connection: close
date: DATE
server: SERVER

one}
differs adp/page-tcl-error "RFC 9110 15.6: a page that fails before it has said anything is no success" ok {HTTP/1.1 500 Internal Server Error}

# ---- channels: several callback workers, how they read, what a false result does

differs -match {connchan/callback-thread-name sockets/listencallback-thread} "workers have numbers" ok {-socks:[0-9]- alpha}
differs -match sockets/callback-args "workers have numbers" ok {r {a line} -socks:[0-9]-}
differs -match connchan/wsread-len-70000 "how many bytes the last read brings depends on the size of the read buffer" \
    ok {fin 1 frame complete opcode 2 payload 70000 bytes * unprocessed 0 fragments 0 havedata 0}
differs {client/run-connect-refused connchan/connect-refused} "the real reason why connecting failed" error \
    {can't connect to 127.0.0.1 port 1: connection refused}
differs connchan/connect-bad-port "the real reason why connecting failed" ok \
    {{error {expected integer but got "notaport"}} {error {can't connect to 127.0.0.1 port 0: connection refused}}}
differs client/run-bad-url "an error says what is wrong" ok \
    {{error {invalid URL "notaurl": no scheme}} {error {invalid URL "ftp": invalid scheme}} {error {invalid URL "/path": no scheme}}}
differs connchan/listen-bind "a script that gives false closes the channel at once (its bytes are delivered before)" ok {{address channel port sock} 127.0.0.1 1 {welcome
} 1}

differs config2/connchan-read-nothing "nothing within the time is no error: the empty string, and what the socket says stands in status" ok {{ok {}} long}
differs config2/connchan-read-nothing-timeout "-timeout counts for reading too, and nothing within it is no error" ok {{ok {}} waited}
differs {config2/default-parameters-listenbacklog config2/default-nssock-backlog} \
    "what the kernel allows (SOMAXCONN): of a burst of connections none waits for its SYN to be sent again"
differs httpqueue/queue-refused "the real reason why connecting failed" ok {error {can't connect to 127.0.0.1 port 1: connection refused}}
differs httpqueue/refused-errorcode "the real reason why connecting failed" ok {POSIX ECONNREFUSED {connection refused}}
differs client/queue-done-callback-error "ns_http queue waits for nothing: that connecting failed is told to the callback" ok \
    {1 {can't connect to 127.0.0.1 port 1: connection refused}}
differs httpqueue/queue-bad-url "an error says what is wrong" ok \
    {{error {invalid URL "noturl": no scheme}} {error {invalid URL "gopher": invalid scheme}} {error {invalid URL "": no scheme}}}
differs httpqueue/queue-maxresponse "an error says what is wrong" ok {error {response exceeds the maximal size (-maxresponse)}}
differs httpqueue/queue-partial "what came in time is not lost, as with ns_http run" ok {1 {body error flags headers state status time} abc NS_TIMEOUT}
differs {httpqueue/queue-204} "RFC 9110 8.6: no Content-Length with a 204" ok {body {} flags DECOMPRESS|EMPTY|1.1 headers {content-type {text/plain; charset=utf-8} connection close date DATE server SERVER} status 204 time T}
differs {httpqueue/queue-304} "RFC 9110 8.6: a length in 304 would be that of the representation, which is not 0" ok {body {} flags DECOMPRESS|EMPTY|1.1 headers {content-type {text/plain; charset=utf-8} connection close date DATE server SERVER} status 304 time T}

differs config2/default-nssock-maxupload "bodies in memory have a sum, and a limit for it: what is larger goes to a file while it arrives" ok 128kB

# ---- an answer where NaviServer's is a fault

differs httpqueue/queue-body-latin1 "text is sent in the charset that its header names" ok 5
differs {httpqueue/queue-short-body httpqueue/queue-close-at-once httpqueue/queue-half-header} \
    "RFC 9112 8: what was cut off is an error, not a response" ok {error {http read failed (check spool)}}
differs httpqueue/queue-chunk-trailer "RFC 9112 7.1.2: trailers are headers that come late" \
    ok {body abc flags DECOMPRESS|CHUNKED|CHUNKED_END|1.1 headers {x-trail t} status 200 time T}
differs httpqueue/reply-headers-spaces "RFC 9110 5.5: white space around a value is not part of it" ok {a padded b none c {} content-length 0}
differs httpqueue/reply-headers-folded "RFC 9112 5.2: folded lines are refused" ok {error {http read failed (check spool)}}

differs reply/write-several-args "each argument is written" ok "HTTP/1.1 200 OK
content-type: text/plain; charset=utf-8
connection: close
transfer-encoding: chunked
date: DATE
server: SERVER

1\r
a\r
1\r
b\r
3\r
c d\r
0\r
\r
"
differs client/run-body-chan "the content comes from the channel" ok {from channel}
differs conn/channel-then-return "no silent loss: what cannot be sent is an error, as with a detached channel" ok {1 {connection socket is detached}}
differs text/unquotehtml-num "HTML: the x of a character's number may be upper case" ok AAB
differs text/ip-valid-type "::1 is an IPv6 address" ok {{ok 1} {ok 0} {ok 1} {error {bad option "x": must be ipv4, or ipv6}}}

differs -match {reply/return-304 reply/returnfile-ims fastpath/ims-equal fastpath/ims-head} \
    "RFC 9110 8.6: a length in 304 would be that of the representation, which is not 0" ok {HTTP/1.1 304 Not Modified
[cl]*: *connection: close
date: DATE
server: SERVER

}
differs {fastpath/ims-rfc850 text/parsehttptime-y2} "RFC 9110 5.6.7: of a year in two digits, the one that is not more than 50 years ahead"

differs config2/cookie-delete-domain-empty "RFC 6265 4.1.1: the date has no dashes" ok {{a=""; Expires=Fri, 01 Jan 1980 01:00:00 GMT; HttpOnly; SameSite=Lax}}
differs register/proc-head-not-implied "RFC 9110 9.3.2: HEAD is GET without the body" ok {HTTP/1.1 200 OK}
differs -match {http/method-options-static http/method-options-star} "RFC 9110 9.3.7: load balancers ask so whether there is a server" ok "HTTP/1.1 200 OK*"

differs {crypto/encrypt-unicode} "a character that is no byte is not cut down to one: no silent loss" error {input has a character that is not a byte}
differs {crypto/decrypt-utf8} "a character that is no byte is not cut down to one: no silent loss" error {input has a character that is not a byte}

# ---- names and words

differs client/run-useragent "the product's name is nsd" ok nsd/V
differs connchan/usage-listen "listen -tls" error {wrong # args: should be "ns_connchan listen ?-driver /value/? ?-server /server/? ?-bind? ?-cafile /value/? ?-capath /value/? ?-cert /value/? ?-key /value/? ?-timeout /time/? ?-tls? ?--? /address/ /port/ /script/"}
differs connchan/open-bad-url "an error says what is wrong" ok {{error {invalid URL 'notaurl'}} {error {no driver for protocol 'ftp' found.}} {error {invalid URL '/only/path'}}}
differs config/bad-ns_logctl "ns_logctl has a subcommand more: queue" \
    error {bad subcommand "nosuch": must be count, flush, get, grep, hold, peek, queue, register, release, severities, severity, stats, truncate, or unregister}
differs -match {config/log-badlevel config/logctl-severity-names config/logctl-new-severity} \
    "the severities of features that are not here are not listed" error \
    {unknown severity: "*": should be one of: Notice Warning Error Fatal Bug Debug Deprecated Dev Security Debug(access) Debug(task) *}
differs -match fastpath/head-dir "the length of the server's own notice page" ok {HTTP/1.1 302 Found
location: /dir/
content-type: text/html; charset=utf-8
content-length: [1-9]*
connection: close
date: DATE
server: SERVER

}
differs text/guesstype-a.wasm "the list of types has it" ok application/wasm
differs config/server-requestprocs-shape "which handler the server itself lists first, and what it says of its argument" ok 6

# ---- a superset

differs connchan/no-args "ns_connchan has configure, sendfile and stats as well" error \
    {wrong # args: should be "ns_connchan callback|connect|close|configure|debug|detach|exists|list|listen|open|read|sendfile|stats|status|write|wsencode ?/arg .../"}
foreach {name word} {bad-subcommand nosuch abbreviated-subcommand det} {
    differs connchan/$name "ns_connchan has configure, sendfile and stats as well" error \
        "ns_connchan: bad subcommand \"$word\": must be callback, connect, close, configure, debug, detach, exists, list, listen, open, read, sendfile, stats, status, write, or wsencode"
}

differs -match crypto/jwt-encode-alg-PS256 "RFC 7518 3.5: PS256, PS384 and PS512 are here as well" ok eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.e30.*
differs crypto/jwt-encode-jwk "private keys as JSON are taken" error {JWK has no private key}
differs crypto/totp-user "without a server's secret anybody could compute a user's codes" error {missing key; provide -key, or set the parameter "serversecret"}
differs -match crypto/openssl32-argon2 "libargon2 does it where OpenSSL does not" error {wrong # args: should be "ns_crypto::argon2 *"}

# ---- texts

differs {
    entities/loose-hashsemi entities/num-hexupper entities/num-nosemi entities/num-nosemiend entities/num-nosemiword
    entities/num-hexnosemi entities/num-hexnosemiend entities/num-one entities/num-tab entities/num-newline entities/num-cr entities/num-neg
    entities/num-plus entities/num-blank2 entities/num-hexempty entities/num-hexbad entities/num-letters entities/num-real
    entities/num-hexdigits entities/num-lf
} "HTML5 13.2.5.72 to 13.2.5.80: numeric references as browsers read them, and what is none stays as it is"
differs {entities/num-zero entities/num-hexzero entities/num-over entities/num-overdec entities/num-huge entities/num-hugehex} \
    "HTML5 13.2.5.80: what is no character is U+FFFD" ok \ufffd
differs {entities/parse-attrquote entities/parse-script entities/parse-quotegt} "a quoted value may have a '>', and a tag ends behind it"

# ---- JSON

differs json/value-auto-dotend "what begins with a digit and is no number of JSON is a string, as 007 and 0x10 are" ok {"5."}
differs json/roundtrip-emptykey "no level of a document is lost" ok {{"":{"":1}}}
differs {json/schema-dup json/schema-required-dup} "RFC 8259 4: names of an object, and of a schema's properties, are unique"
differs json/match-content "an error says what is wrong" error {ns_json triples match: triples document requires canonical root wrapper}

# ---- images, files

foreach {name size} {webp {3 4} webpl {3 4} webpx {100 200}} {
    differs image/imgsize-$name "WebP is known" ok [list ok $size]
    differs image/imgtype-$name "WebP is known" ok {ok webp}
    differs image/imgmime-$name "WebP is known" ok {ok image/webp}
}
differs image/imgsize-gifname "the size is in the head, and nothing behind it is asked for" ok {10 20}
differs -match {file/mkdtemp-few file/mkdtemp-missing} "an error says what is wrong, an empty name would be used" ok \
    {error {could not make a temporary folder of 'ROOT/tmp/files/*': *}}
differs file/symlink-exists-nocomplain "with -nocomplain there is no code of its own" ok {ok {}}
differs file/purgefiles "those that were modified last stay" ok {{ok {}} {pg.002 pg.003}}
differs text/mktemp-bad-template "an error says what is wrong" error {could not make a temporary name of '/tmp/vec-noxes': invalid argument}

# ---- what is wrong is an error

differs proxy/configure-bad "-env with a name that is no set is an error, NaviServer ignores it" ok \
    {{error {expected integer but got "x"}} {error {expected time value but got "x"}} error error}

# ---- databases

differs db/gethandle-timeout "a handle that did not come in time is an error, not an empty id" \
    ok {1 {could not allocate 1 handle from pool "one"} NS_TIMEOUT}
differs db/stats-used "used are the handles that somebody has" ok {2 1}
differs db/interpretsqlfile "statements of a file are run, not handed over with what ends them" ok {ok {}}
foreach type {decimal double integer int real smallint bigint bit float numeric tinyint} {
    differs db/quotevalue-type-$type "what stands without quotes must be a number: anything else becomes a part of the statement" \
        ok {{ok 17} {error {"ab'c" is not a number}} {ok NULL}}
}
differs db/quotelist-int-bad "the same" ok {error {"x" is not a number}}
differs db/quotename "SQL doubles a quote in a name; a backslash ends the name there" ok {plain {"two words"} {"qu""ote"} {}}
differs db/parsesqldate-bad "the message names the value" ok {error error {error {not a date of SQL: ""}}}
differs db/buildsqldate-leap "1900 had no 29 February" ok {{ok 2020-02-29} error error ok}
