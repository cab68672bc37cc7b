# SPDX-License-Identifier: MPL-2.0
# A WebSocket connection as bytes: sends any frame, right or wrong, in any pieces, and is strict about what it receives.
# Nothing here is lenient: what RFC 6455 forbids the peer raises Failure, in both roles (we are a client when `masking`).
import base64
import hashlib
import os
import socket
import struct
import time
import zlib

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NAMES = {CONT: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TIMES = int(os.environ.get("TIMES", "1"))
TIMEOUT = 30 * TIMES                           # for one event
TAIL = b"\x00\x00\xff\xff"                     # what permessage-deflate leaves away


class Failure(Exception):
    """Not what was expected."""


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def short(data, most=40):
    return f"{data!r}" if len(data) <= most else f"{data[:most]!r}... ({len(data)} bytes)"


def xor(data, mask):
    """Bytes and a mask of 4; as numbers, since a loop over 16 MB takes seconds."""
    size = len(data)
    if size == 0:
        return b""
    pad = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pad, "little")).to_bytes(size, "little")


class Frame:
    def __init__(self, opcode, payload=b"", fin=True, rsv=0):
        self.opcode, self.payload, self.fin, self.rsv = opcode, payload, fin, rsv

    def __str__(self):
        name = NAMES.get(self.opcode, f"opcode {self.opcode}")
        if self.opcode == CLOSE and len(self.payload) >= 2:
            return f"close {struct.unpack('!H', self.payload[:2])[0]} {short(self.payload[2:])}"
        return f"{name}{'' if self.fin else ' (more follows)'}{f' rsv {self.rsv}' if self.rsv else ''} {short(self.payload)}"


class Deflate:
    """permessage-deflate as agreed on: `own` and `peer` are (window bits, takeover) of what is sent and received."""

    def __init__(self, own=(15, True), peer=(15, True)):
        self.own, self.peer = own, peer
        self.packer = self.unpacker = None
        self.received = self.compressed = 0    # messages

    def pack(self, data, level=6):
        if self.packer is None or not self.own[1]:
            self.packer = zlib.compressobj(level, zlib.DEFLATED, -max(self.own[0], 9))
        out = self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        return out[:-4]

    def unpack(self, data):
        # With the window that was agreed on and no more: a peer that refers further back is found out.
        if self.unpacker is None or not self.peer[1]:
            self.unpacker = zlib.decompressobj(-self.peer[0])
        try:
            return self.unpacker.decompress(data + TAIL)
        except zlib.error as e:
            raise Failure(f"a message that cannot be inflated with {self.peer[0]} bits: {e}") from None


class Connection:
    def __init__(self, sock, masking, deflate=None):
        sock.settimeout(TIMEOUT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.masking, self.deflate = sock, masking, deflate
        self.buffer = bytearray()
        self.total = 0                         # bytes received
        self.ended = False                     # the peer has closed
        self.closed = 0                        # the code of the peer's close; None: it had none
        self.chop = 0                          # bytes per write; 0: as many as there are
        self.fragmented = False                # the peer is within a message
        self.masks = []

    # ---- sending

    def write(self, data):
        try:
            if self.chop == 0:
                self.sock.sendall(data)
            else:
                for at in range(0, len(data), self.chop):
                    self.sock.sendall(data[at:at + self.chop])
        except OSError as e:
            raise Failure(f"cannot write: {e}") from None

    def frame(self, opcode, payload=b"", fin=True, rsv=0, mask=None, length=None, form=None):
        """The bytes of a frame.  `mask`: with one or without, against the rule; `length`: what the head says;
        `form`: 7, 16 or 64 bits of it, which need not be the shortest one."""
        masked = self.masking if mask is None else not self.masking if mask == "wrong" else mask
        length = len(payload) if length is None else length
        form = form or (7 if length < 126 else 16 if length < 65536 else 64)
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        bit = 0x80 if masked else 0
        if form == 7:
            head += bytes([bit | length])
        elif form == 16:
            head += bytes([bit | 126]) + struct.pack("!H", length)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", length)
        if masked:
            key = os.urandom(4)
            return head + key + xor(payload, key)
        return head + payload

    def send(self, *args, **options):
        self.write(self.frame(*args, **options))

    def send_message(self, opcode, payload, size=0, compress=True):
        """In frames of `size` bytes (0: one), compressed if that was agreed on."""
        rsv = 0
        if self.deflate and compress:
            payload, rsv = self.deflate.pack(payload), 4
        if size == 0:
            return self.send(opcode, payload, rsv=rsv)
        parts = [payload[i:i + size] for i in range(0, len(payload), size)] or [b""]
        out = []
        for i, part in enumerate(parts):
            out.append(self.frame(opcode if i == 0 else CONT, part, fin=i == len(parts) - 1, rsv=rsv if i == 0 else 0))
        self.write(b"".join(out))

    def send_close(self, code=1000, reason=b""):
        self.send(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)

    # ---- receiving

    def fill(self, what):
        """More bytes; False: the peer has closed."""
        if self.ended:
            return False
        try:
            data = self.sock.recv(262144)
        except TimeoutError:
            raise Failure(f"nothing came in {TIMEOUT} s; expected: {what}") from None
        except OSError as e:
            raise Failure(f"{e} instead of {what}") from None
        self.buffer += data
        self.total += len(data)
        self.ended = not data
        return bool(data)

    def take(self, size, what):
        while len(self.buffer) < size:
            if not self.fill(what):
                raise Failure(f"the connection was closed; expected: {what}")
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def head(self, what="an HTTP head"):
        """Up to the empty line."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if not self.fill(what):
                raise Failure(f"the connection was closed; expected: {what}")
        data = bytes(self.buffer[:end])
        del self.buffer[:end + 4]
        return data.decode("latin-1").split("\r\n")

    def receive(self, what="a frame"):
        """The next frame, which has to be a proper one."""
        first, second = self.take(2, what)
        frame = Frame(first & 15, b"", bool(first & 0x80), first >> 4 & 7)
        length, masked = second & 127, bool(second & 0x80)
        if frame.opcode not in NAMES:
            raise Failure(f"{frame}")
        if length == 126:
            length, = struct.unpack("!H", self.take(2, what))
            if length < 126:
                raise Failure(f"a length of {length} in 16 bits")
        elif length == 127:
            length, = struct.unpack("!Q", self.take(8, what))
            if length < 65536 or length >> 63:
                raise Failure(f"a length of {length} in 64 bits")
        if masked == self.masking:
            raise Failure("a frame with a mask, from a server" if masked else "a frame without mask, from a client")
        mask = self.take(4, what) if masked else None
        frame.payload = self.take(length, what)
        if mask:
            self.masks.append(mask)
            frame.payload = xor(frame.payload, mask)
        self.check(frame)
        return frame

    def check(self, frame):
        if frame.opcode >= CLOSE:
            if not frame.fin or len(frame.payload) > 125 or frame.rsv:
                raise Failure(f"a control frame that is none: {frame}")
            return
        if (frame.opcode == CONT) != self.fragmented:
            raise Failure(f"a frame out of sequence: {frame}")
        if frame.rsv & 3 or frame.rsv and (not self.deflate or frame.opcode == CONT):
            raise Failure(f"reserved bits: {frame}")
        self.fragmented = not frame.fin

    def expect_message(self, opcode, payload, what=None):
        what = what or f"{NAMES[opcode]} {short(payload)}"
        frame = self.receive(what)
        got, rsv = [frame.payload], frame.rsv
        if frame.opcode not in (TEXT, BINARY):
            raise Failure(f"{frame} instead of {what}")
        kind = frame.opcode
        while not frame.fin:
            frame = self.receive(what)
            if frame.opcode != CONT:
                raise Failure(f"{frame} within {what}")
            got.append(frame.payload)
        data = b"".join(got)
        if self.deflate:
            self.deflate.received += 1
        if rsv:
            self.deflate.compressed += 1
            data = self.deflate.unpack(data)
        if kind != opcode or data != payload:
            raise Failure(f"{NAMES[kind]} {short(data)} instead of {what}")

    def expect_pong(self, payload):
        frame = self.receive(f"pong {short(payload)}")
        if frame.opcode != PONG or frame.payload != payload:
            raise Failure(f"{frame} instead of pong {short(payload)}")

    def expect_close(self, code, reason=None):
        """`code`: one, several, or None for a close frame without one."""
        codes = code if isinstance(code, tuple) else (code,)
        what = f"close {' or '.join(map(str, codes))}"
        frame = self.receive(what)
        if frame.opcode != CLOSE or len(frame.payload) == 1:
            raise Failure(f"{frame} instead of {what}")
        got = struct.unpack("!H", frame.payload[:2])[0] if frame.payload else None
        if got not in codes or reason is not None and frame.payload[2:] != reason:
            raise Failure(f"{frame} instead of {what}{'' if reason is None else f' {reason!r}'}")
        self.closed = got
        try:
            frame.payload[2:].decode()
        except UnicodeDecodeError:
            raise Failure(f"a reason that is not UTF-8: {frame}") from None

    def expect_end(self):
        """No byte more, and the end of the connection: in order, not by a reset."""
        if self.fill("the end of the connection") or self.buffer:
            raise Failure(f"{short(bytes(self.buffer))} behind the close frame")

    def alive(self, mark=b"alive?"):
        """The session goes on: a ping is answered, and nothing came before it."""
        self.send(PING, mark)
        self.expect_pong(mark)

    def close(self):
        self.sock.close()


def connect(host, port, context=None, **options):
    start = time.monotonic()
    try:
        sock = socket.create_connection((host, port), timeout=TIMEOUT)
        if context:
            sock.settimeout(TIMEOUT)
            sock = context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)
    except OSError as e:
        raise Failure(f"cannot connect to port {port}: {e} ({time.monotonic() - start:.1f} s)") from None
    return Connection(sock, True, **options)


def request(path, port, key=None, headers=(), protocols=None, extensions=None):
    """A handshake of a client; `headers` are (name, value) and replace those of the same name, None leaves one away."""
    fields = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
              "Sec-WebSocket-Key": key or base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Protocol": protocols, "Sec-WebSocket-Extensions": extensions}
    fields.update(dict(headers))
    lines = [f"GET {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), fields["Sec-WebSocket-Key"]


def parse_head(lines):
    """Status line and headers: (status, {name in lower case: [values]})."""
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1."):
        raise Failure(f"no status line: {lines[0]!r}")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise Failure(f"no header: {line!r}")
        headers.setdefault(name.lower(), []).append(value.strip())
    return int(words[1]), headers


def upgrade(conn, path, port, more=b"", **options):
    """The opening handshake.  Returns the answer's headers."""
    data, key = request(path, port, **options)
    conn.write(data + more)
    status, headers = parse_head(conn.head("the answer to the handshake"))
    if status != 101:
        raise Failure(f"status {status} instead of 101")
    for name, value in (("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", accept_key(key))):
        got = headers.get(name, [])
        same = len(got) == 1 and (got[0] == value if name.startswith("sec-") else got[0].lower() == value)
        if not same:
            raise Failure(f"header {name}: {got} instead of {value!r}")
    return headers
