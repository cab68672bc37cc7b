# SPDX-License-Identifier: MPL-2.0
# The opening handshake (RFC 6455, section 4) with nsd as the server.
from steps import TEXT
from wire import Failure, parse_head, request, upgrade

BREAK = "\r\n"


def status(path, headers, expected, check=None, **options):
    """The request with these headers gets this status; and if 101, a session that works."""
    def run(server):
        conn = server.connection()
        try:
            if expected == 101:
                got = upgrade(conn, path, server.port, headers=headers, **options)
                conn.send_message(TEXT, b"hello")
                conn.expect_message(TEXT, b"hello")
                conn.send_close(1000)
                conn.expect_close(1000)
                conn.expect_end()
            else:
                conn.write(request(path, server.port, headers=headers, **options)[0])
                code, got = parse_head(conn.head("the answer"))
                if code != expected:
                    raise Failure(f"status {code} instead of {expected}")
            if check:
                check(got)
        finally:
            conn.close()
    return run


def header(name, value):
    """The answer has this header, once; None: it has not."""
    def check(headers):
        if headers.get(name.lower(), []) != ([] if value is None else [value]):
            raise Failure(f"{name}: {headers.get(name.lower())} instead of {value!r}")
    return check


def bytes_of(data, expected):
    """These bytes as they are, and the status they get; HOST is replaced."""
    def run(server):
        conn = server.connection()
        try:
            conn.write(data.replace(b"HOST", b"127.0.0.1:%d" % server.port))
            code, _ = parse_head(conn.head("the answer"))
            if code not in expected:
                raise Failure(f"status {code} instead of {expected}")
        finally:
            conn.close()
    return run


def early(server):
    """What is sent right behind the request belongs to the session."""
    conn = server.connection()
    try:
        frames = b"".join(conn.frame(TEXT, b"%d" % i) for i in range(50))
        upgrade(conn, "/echo/ws", server.port, more=frames)
        for i in range(50):
            conn.expect_message(TEXT, b"%d" % i)
        conn.alive()
    finally:
        conn.close()


def early_part(server):
    """Half a frame behind the request, the rest when the answer is there."""
    conn = server.connection()
    try:
        frame = conn.frame(TEXT, b"hello" * 10)
        upgrade(conn, "/echo/c", server.port, more=frame[:9])
        conn.write(frame[9:])
        conn.expect_message(TEXT, b"hello" * 10)
    finally:
        conn.close()


def byte_by_byte(server):
    conn = server.connection()
    try:
        conn.chop = 1
        upgrade(conn, "/echo/ws", server.port)
        conn.alive()
    finally:
        conn.close()


def origin(path, value, expected):
    """HOST in it is the server's."""
    def run(server):
        headers = [("Origin", value.replace("HOST", f"127.0.0.1:{server.port}"))] if value else []
        status(path, headers, expected)(server)
    return run


TWICE = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPTED = (
    ("Upgrade in other letters", [("Upgrade", "WebSocket")]),
    ("Connection as a list", [("Connection", "keep-alive, Upgrade")]),
    ("Connection in other letters, with blanks", [("Connection", "foo ,  UPGRADE  , bar")]),
    ("Connection in two headers", [("Connection", f"keep-alive{BREAK}Connection: Upgrade")]),
    ("Upgrade as a list", [("Upgrade", "foo/2, websocket")]),
    ("names of headers in small letters", [("Upgrade", None), ("Connection", None), ("upgrade", "websocket"), ("connection", "upgrade")]),
    ("headers that mean nothing here", [("X-Any", "value"), ("Cookie", "a=b; c=d"), ("Sec-Fetch-Mode", "websocket")]),
    ("blanks around values", [("Sec-WebSocket-Version", "  13  ")]),
)
REFUSED = (
    ("no Upgrade", [("Upgrade", None)], 400), ("an Upgrade to something else", [("Upgrade", "websockets")], 400),
    ("no Connection", [("Connection", None)], 400), ("Connection without upgrade", [("Connection", "keep-alive")], 400),
    ("Connection: upgrades", [("Connection", "upgrades")], 400),
    ("no key", [("Sec-WebSocket-Key", None)], 400), ("an empty key", [("Sec-WebSocket-Key", "")], 400),
    ("a key of 15 bytes", [("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1")], 400),
    ("a key of 17 bytes", [("Sec-WebSocket-Key", "MTIzNDU2Nzg5MDEyMzQ1Njc=")], 400),
    ("a key that is not base64", [("Sec-WebSocket-Key", "!!!!!!!!!!!!!!!!!!!!!!==")], 400),
    ("two keys", [("Sec-WebSocket-Key", f"{TWICE}{BREAK}Sec-WebSocket-Key: {TWICE}")], 400),
    ("no Host", [("Host", None)], 400),
    *((f"version {version}", [("Sec-WebSocket-Version", version)], 426) for version in ("0", "7", "8", "12", "14", "130")),
    ("extensions that are not as the grammar says", [("Sec-WebSocket-Extensions", "permessage-deflate; =x")], 400),
    ("a quoted string that does not end", [("Sec-WebSocket-Extensions", 'foo; bar="baz')], 400),
)
# The server's list is {chat echo.v2}.
PROTOCOLS = (
    ("chat", "chat"), ("foo, chat", "chat"), ("echo.v2, chat", "echo.v2"), ("foo", None), ("CHAT", None), (None, None),
    (f"foo{BREAK}Sec-WebSocket-Protocol: echo.v2", "echo.v2"), ("foo,bar ,\tchat", "chat"),
)
ORIGINS = (
    ("/echo/ws", None, 101), ("/echo/ws", "http://HOST", 101), ("/echo/ws", "http://evil.example", 403), ("/echo/ws", "null", 403),
    ("/echo/ws", "http://HOST.evil.example", 403), ("/echo/ws", "http://127.0.0.1:1", 403),
    ("/origins/ws", "https://a.example.org", 101), ("/origins/ws", "https://example.org", 403),
    ("/origins/ws", "http://a.example.org", 403), ("/origins/ws", "null", 101), ("/origins/ws", "https://a.example.org.evil.com", 403),
)
START = b"GET /echo/ws HTTP/1.1\r\nHost: HOST\r\n"
REST = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
BYTES = (
    ("HTTP/1.0", START.replace(b"1.1", b"1.0") + REST, (400,)),
    ("POST", START.replace(b"GET", b"POST") + b"Content-Length: 0\r\n" + REST, (400, 404, 405)),
    ("no HTTP", b"\x81\x85aaaa\0\0\0\0\0\r\n\r\n", (400,)),
    ("a header without colon", START + b"nonsense\r\n" + REST, (400,)),
    ("a header of 100 kB", START + b"X: " + b"x" * 100_000 + b"\r\n" + REST, (400, 414, 431)),
)


def handshakes():
    for n, (title, headers) in enumerate(ACCEPTED, 1):
        yield f"H.1.{n}", title, status("/echo/ws", headers, 101)
    for n, (title, headers, code) in enumerate(REFUSED, 1):
        yield f"H.2.{n}", title, status("/echo/ws", headers, code, header("Sec-WebSocket-Version", "13") if code == 426 else None)
    yield "H.2.30", "no version", status("/echo/ws", [("Sec-WebSocket-Version", None)], 426, header("Sec-WebSocket-Version", "13"))
    for n, (asked, given) in enumerate(PROTOCOLS, 1):
        yield f"H.3.{n}", f"protocols {asked!r}", status("/echo/ws", (), 101, header("Sec-WebSocket-Protocol", given), protocols=asked)
    yield "H.3.20", "no protocols are spoken here", status("/plain/ws", (), 101, header("Sec-WebSocket-Protocol", None), protocols="chat")
    for n, (path, value, code) in enumerate(ORIGINS, 1):
        yield f"H.4.{n}", f"origin {value} at {path}", origin(path, value, code)
    for n, (title, data, codes) in enumerate(BYTES, 1):
        yield f"H.5.{n}", title, bytes_of(data, codes)
    yield "H.6.1", "50 messages right behind the request", early
    yield "H.6.2", "half a frame behind the request", early_part
    yield "H.6.3", "the request byte by byte", byte_by_byte
    yield "H.6.4", "no compression where it is switched off", status("/plain/ws", (), 101, header("Sec-WebSocket-Extensions", None),
                                                                 extensions="permessage-deflate")
