# SPDX-License-Identifier: MPL-2.0
# nsd as the client of a server that answers wrongly, or means harm: `ns_websocket connect` reports it, once, and lets go of
# the connection.  And permessage-deflate with every answer that there may be.
import cases_deflate
import re
from steps import TEXT, case, done, round_trip
from wire import PING, TIMES, Failure, accept_key

WAIT = f"-timeout {TIMES}s -deflate 0"        # where nothing is to come
PATIENT = f"-timeout {20 * TIMES}s -deflate 0"  # where something is


def lost(peer, id, conn, pattern):
    """The handler was told so, without `open`, and the connection is gone."""
    opened, code, reason = peer.nsd.result(id)
    if opened or code != 1006 or not re.search(pattern, reason):
        raise Failure(f"opened {opened} times, {code} {reason!r} instead of 1006 with {pattern!r}")
    while conn.fill("the end of the connection"):
        pass
    if conn.buffer:
        raise Failure(f"{bytes(conn.buffer[:50])!r} where nothing was to come")


def wrong(change, pattern, options=PATIENT):
    """The right answer, changed: no session."""
    def run(peer):
        id, conn = peer.begin(options)
        try:
            headers = peer.request(conn)
            conn.write(change(peer.answer(headers), headers))
            lost(peer, id, conn, pattern)
        finally:
            conn.close()
    return run


def replace(old, new):
    def change(answer, headers):
        if old not in answer:
            raise Failure(f"no {old!r} in {answer!r}")
        return answer.replace(old, new)
    return change


def add(*lines):
    return lambda answer, headers: answer[:-2] + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def constant(data):
    return lambda answer, headers: data


def other_key(answer, headers):
    right = accept_key(headers["sec-websocket-key"][0]).encode()
    return answer.replace(right, accept_key("dGhlIHNhbXBsZSBub25jZQ==").encode())


def other_case(answer, headers):
    right = accept_key(headers["sec-websocket-key"][0]).encode()
    return answer.replace(right, right.swapcase())


def twice_accept(answer, headers):
    return add(b"Sec-WebSocket-Accept: " + accept_key(headers["sec-websocket-key"][0]).encode())(answer, headers)


SWITCH = b"101 Switching Protocols"
ANSWERS = (
    *((f"status {status}", replace(SWITCH, b"%d Any" % status + b"\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0"), f"status {status}")
      for status in (200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 426, 429, 500, 503)),
    ("no Upgrade", replace(b"Upgrade: websocket\r\n", b""), "Upgrade"),
    ("an Upgrade to something else", replace(b"Upgrade: websocket", b"Upgrade: h2c"), "Upgrade"),
    ("no Connection", replace(b"Connection: Upgrade\r\n", b""), "Connection"),
    ("Connection: close", replace(b"Connection: Upgrade", b"Connection: close"), "Connection"),
    ("no Sec-WebSocket-Accept", replace(b"Sec-WebSocket-Accept", b"X-Accept"), "Accept"),
    ("the answer to another key", other_key, "Accept"),
    ("the answer in other letters", other_case, "Accept"),
    ("the answer twice", twice_accept, "Accept"),
    ("a protocol that was not asked for", add(b"Sec-WebSocket-Protocol: chat"), "protocol"),
    ("an extension that was not asked for", add(b"Sec-WebSocket-Extensions: foo"), "extension"),
    ("permessage-deflate, which was not asked for", add(b"Sec-WebSocket-Extensions: permessage-deflate"), "extension"),
    ("extensions against the grammar", add(b"Sec-WebSocket-Extensions: ;;"), "xtension"),
    ("a version that is no HTTP/1.1", replace(b"HTTP/1.1", b"HTTP/1.0"), "."),
    ("no HTTP", constant(b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n"), "."),
    ("frames instead of an answer", constant(b"\x81\x05hello" * 100), "."),
    ("a NUL in a header", add(b"X: a\0b"), "."),
    ("a header without colon", add(b"nonsense"), "."),
    ("a status line without end", constant(b"HTTP/1.1 101 " + b"x" * 100_000), "."),
    ("a header without end", constant(b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 100_000), "."),
    ("headers without end", constant(b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 20_000), "."),
)
PROTOCOL_ANSWERS = (
    ("one that was not asked for", b"Sec-WebSocket-Protocol: b2"), ("one in other letters", b"Sec-WebSocket-Protocol: CHAT"),
    ("two of them in a list", b"Sec-WebSocket-Protocol: chat, echo"),
    ("two headers", b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: echo"),
)
DEFLATE = "permessage-deflate"
# The usual offer asks for no context takeover on both sides, and for a window of the client.
DEFLATE_WRONG = (
    ("", f"{DEFLATE}; server_no_context_takeover, {DEFLATE}; server_no_context_takeover"),
    ("", f"{DEFLATE}; server_no_context_takeover; unknown"), ("", f"{DEFLATE}; server_no_context_takeover=1"),
    ("", f"{DEFLATE}; server_no_context_takeover; server_no_context_takeover"),
    ("", f"{DEFLATE}; server_no_context_takeover; server_max_window_bits=16"),
    ("", f"{DEFLATE}; server_no_context_takeover; server_max_window_bits"),
    ("", f"{DEFLATE}; server_no_context_takeover; client_max_window_bits"),
    ("", f"{DEFLATE}; server_no_context_takeover; client_max_window_bits=7"),
    ("", f"{DEFLATE}; server_no_context_takeover; client_max_window_bits=016"),
    ("-deflatebits 10", f"{DEFLATE}; server_no_context_takeover; client_max_window_bits=11"),
    ("", "permessage-bzip2"), ("", f"{DEFLATE}; server_no_context_takeover, foo"),
)
DEFLATE_RIGHT = (
    ("", DEFLATE), ("", f"{DEFLATE}; client_no_context_takeover"), ("", f"{DEFLATE}; client_no_context_takeover; server_max_window_bits=10"),
    ("", f"{DEFLATE}; server_no_context_takeover"),
    ("", f"{DEFLATE}; server_no_context_takeover; client_no_context_takeover"),
    *(("", f"{DEFLATE}; server_no_context_takeover; client_max_window_bits={bits}") for bits in (8, 9, 12, 15)),
    *(("", f"{DEFLATE}; server_no_context_takeover; server_max_window_bits={bits}") for bits in (8, 9, 12, 15)),
    ("", f'{DEFLATE}; server_no_context_takeover; client_max_window_bits="10"'),
    ("", f"{DEFLATE};server_no_context_takeover ;server_max_window_bits = 10"),
    ("-takeover 1 -peertakeover 1", DEFLATE), ("-takeover 1 -peertakeover 1", f"{DEFLATE}; client_no_context_takeover"),
    ("-takeover 1 -peertakeover 1", f"{DEFLATE}; server_no_context_takeover"),
    *(("-takeover 1 -peertakeover 1", f"{DEFLATE}; client_max_window_bits={bits}; server_max_window_bits={bits}") for bits in (8, 9, 15)),
    ("-deflatebits 9", f"{DEFLATE}; server_no_context_takeover; client_max_window_bits=9"),
    ("-deflatebits 9", f"{DEFLATE}; server_no_context_takeover"),
)


def agreed(perform, options, answer, short):
    """A session with this answer to the offer, which must allow it."""
    def run(peer):
        id, conn = peer.begin(f"-deflate 1 {options}")
        try:
            headers = peer.request(conn)
            offer, = headers.get("sec-websocket-extensions", [""])
            conn.deflate = cases_deflate.agree(offer, {"sec-websocket-extensions": [answer]}, client=False)
            if "-deflatebits 9" in options:
                conn.deflate.peer = (9, conn.deflate.peer[1])      # it said that it has no larger one
            conn.write(peer.answer(headers, extensions=answer))
            perform(conn, case("", "", cases_deflate.exchange(short)))
        finally:
            conn.close()
        ended(peer, id, 1000)
    return run


def ended(peer, id, expected):
    opened, code, reason = peer.nsd.result(id)
    if opened != 1 or code != expected:
        raise Failure(f"opened {opened} times, closed with {code} {reason!r} instead of {expected}")


def session(perform, options, change, **answer):
    """An answer that is right, although it looks different."""
    def run(peer):
        id, conn = peer.begin(f"-deflate 0 {options}")
        try:
            headers = peer.request(conn)
            change(conn, peer.answer(headers, **answer))
            perform(conn, case("", "", round_trip(TEXT, b"hello"), done()))
        finally:
            conn.close()
        ended(peer, id, 1000)
    return run


def with_message(conn, answer):
    conn.write(answer + conn.frame(TEXT, b"early"))
    conn.expect_message(TEXT, b"early")


def byte_by_byte(conn, answer):
    conn.chop = 1
    conn.write(answer)


def gone(how):
    """The connection ends during the handshake."""
    def run(peer):
        id, conn = peer.begin(WAIT)
        headers = peer.request(conn)
        conn.write(peer.answer(headers)[:how])
        conn.close()
        opened, code, reason = peer.nsd.result(id)
        if opened or code != 1006:
            raise Failure(f"opened {opened} times, {code} {reason!r}")
    return run


def silent(peer):
    """No answer: nsd does not wait longer than it was told."""
    id, conn = peer.begin("-timeout 300ms")
    try:
        peer.request(conn)
        lost(peer, id, conn, "time")
    finally:
        conn.close()


def dripping(peer):
    """An answer whose bytes come one by one does not extend the wait."""
    id, conn = peer.begin("-timeout 300ms")
    try:
        headers = peer.request(conn)
        conn.sock.settimeout(0.02)
        for byte in peer.answer(headers, more=["X: " + "x" * 4000]):
            try:
                conn.sock.sendall(bytes([byte]))
                conn.sock.recv(1)
                break                          # it has closed
            except TimeoutError:
                pass
        opened, code, reason = peer.nsd.result(id)
        if opened or code != 1006 or "time" not in reason:
            raise Failure(f"opened {opened} times, {code} {reason!r}")
    finally:
        conn.close()


def pinged(peer):
    """A client session that hears nothing pings, and ends when no pong comes."""
    id, conn = peer.begin("-deflate 0 -pinginterval 100ms -pongtimeout 200ms")
    try:
        conn.write(peer.answer(peer.request(conn)))
        frame = conn.receive("a ping")
        if frame.opcode != PING:
            raise Failure(f"{frame} instead of a ping")
        conn.expect_close(1001)
        conn.expect_end()
    finally:
        conn.close()
    ended(peer, id, 1001)


def certificate(options, pattern):
    """A certificate that is not the one that was asked for."""
    def run(peer):
        if not peer.context:
            return
        saved, peer.options = peer.options, options
        try:
            id = peer.nsd.connect(f"wss://127.0.0.1:{peer.port}/", f"-timeout {20 * TIMES}s")
            sock, _ = peer.listener.accept()
            try:
                peer.context.wrap_socket(sock, server_side=True).recv(1)
            except OSError:
                pass                           # nsd breaks the handshake off
            opened, code, reason = peer.nsd.result(id)
            if opened or code != 1006 or not re.search(pattern, reason):
                raise Failure(f"opened {opened} times, {code} {reason!r} instead of 1006 with {pattern!r}")
        finally:
            peer.options = saved
    return run


def cases(perform):
    for n, (title, change, pattern) in enumerate(ANSWERS, 1):
        yield f"C.1.{n}", title, wrong(change, pattern)
    for n, (title, line) in enumerate(PROTOCOL_ANSWERS, 1):
        yield f"C.2.{n}", f"of the protocols: {title}", wrong(add(line), "protocol", PATIENT + " -protocols {chat echo}")
    yield "C.2.10", "of the protocols: the second", session(perform, "-protocols {chat echo}", lambda c, a: c.write(a), protocol="echo")
    yield "C.2.11", "of the protocols: none", session(perform, "-protocols {chat echo}", lambda c, a: c.write(a))
    yield "C.3.1", "the answer and a message in one write", session(perform, "", with_message)
    yield "C.3.2", "the answer byte by byte", session(perform, "", byte_by_byte)
    yield "C.3.3", "headers that mean nothing here", session(perform, "", lambda c, a: c.write(a), more=["Server: x", "Set-Cookie: a=b"])
    yield "C.3.4", "tokens in other letters", session(perform, "", lambda c, a: c.write(a.replace(b"websocket", b"WebSocket").replace(
        b"Connection: Upgrade", b"connection: keep-alive, UPGRADE")))
    yield "C.3.5", "a head of 15 kB", session(perform, "", lambda c, a: c.write(a), more=["X: " + "x" * 7000, "Y: " + "y" * 7000])
    for n, how in enumerate((0, 1, 20, -2, -1), 1):
        yield f"C.4.{n}", f"the connection ends within the answer ({how})", gone(how)
    yield "C.4.10", "no answer", silent
    yield "C.4.11", "an answer drop by drop", dripping
    yield "C.4.12", "a peer that does not answer pings", pinged
    for n, (options, answer) in enumerate(DEFLATE_WRONG, 1):
        yield f"C.5.{n}", f"refuses the answer {answer}", wrong(
            add(f"Sec-WebSocket-Extensions: {answer}".encode()), "ermessage|ext|takeover|window", f"-timeout {20 * TIMES}s -deflate 1 {options}")
    for n, (options, answer) in enumerate(DEFLATE_RIGHT, 1):
        yield f"C.6.{n}", f"{options} {answer}", agreed(perform, options, answer, False)
    yield "C.7.1", "a certificate that nobody has signed", certificate("", "ertificate")
