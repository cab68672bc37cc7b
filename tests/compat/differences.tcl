# SPDX-License-Identifier: MPL-2.0
# Where ours answers otherwise than NaviServer did when the vectors were recorded, each with its reason:
#
#   differs ?-match? {FAMILY/NAME ...} REASON ?CODE RESULT?
#
# With CODE and RESULT ours must be just that (-match: RESULT is a pattern); without, anything but NaviServer's.

# ---- not here yet: commands that later work brings (doc/compat.md)

differs {text/mkdtemp} "ns_mkdtemp is not here yet"
differs {text/mktemp text/mktemp-template text/mktemp-bad-template} "ns_mktemp is not here yet"
differs {register/usage-ns_register_adp register/register-adp register/register-adp-missing} "ns_register_adp is not here yet"
differs {register/usage-ns_register_proxy} "ns_register_proxy is not here yet"
differs {set/sls-usage} "ns_sls is not here yet"
differs {
    client/bad client/usage-cancel client/usage-cleanup client/usage-keepalives client/usage-list client/usage-queue
    client/usage-stats client/usage-taskthreads client/usage-wait client/queue-wait client/queue-list client/queue-two
    client/queue-wait-timeout client/queue-cancel client/queue-cleanup client/wait-unknown client/queue-done-callback
    client/queue-done-callback-error client/stats-shape client/taskthreads-shape client/usage
} "of ns_http there is only run"
differs fastpath/adp "there is no ADP yet; it is said so with a status of its own" ok {HTTP/1.1 501 Not Implemented
content-type: text/html; charset=utf-8
content-length: N
connection: close
date: DATE
server: SERVER

NOTICE(Not Implemented)
}

# ---- stricter against the network

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
differs {http/method-unknown http/method-delete-static http/method-options-static http/method-trace http/method-connect} \
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

# ---- channels: several callback workers, how they read, what a false result does

differs -match {connchan/callback-thread-name sockets/listencallback-thread} "workers have numbers" ok {-socks:[0-9]- alpha}
differs -match sockets/callback-args "workers have numbers" ok {r {a line} -socks:[0-9]-}
differs -match connchan/wsread-len-70000 "how many bytes the last read brings depends on the size of the read buffer" \
    ok {fin 1 frame complete opcode 2 payload 70000 bytes * unprocessed 0 fragments 0 havedata 0}
differs connchan/listen-bind "a script that gives false closes the channel at once (its bytes are delivered before)" ok {{address channel port sock} 127.0.0.1 1 {welcome
} 1}

# ---- an answer where NaviServer's is a fault

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

# ---- names and words

differs client/run-useragent "the product's name is nsd" ok nsd/V
differs connchan/usage-listen "listen -tls" error {wrong # args: should be "ns_connchan listen ?-driver /value/? ?-server /server/? ?-bind? ?-cafile /value/? ?-capath /value/? ?-cert /value/? ?-key /value/? ?-timeout /time/? ?-tls? ?--? /address/ /port/ /script/"}
differs connchan/open-bad-url "an error says what is wrong" ok {{error {invalid URL 'notaurl'}} {error {no driver for protocol 'ftp' found.}} {error {invalid URL '/only/path'}}}
differs -match {config/log-badlevel config/logctl-severity-names config/logctl-new-severity} \
    "the severities of features that are not here are not listed" error \
    {unknown severity: "*": should be one of: Notice Warning Error Fatal Bug Debug Deprecated Dev Security }
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
