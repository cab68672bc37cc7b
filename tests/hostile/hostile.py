# SPDX-License-Identifier: MPL-2.0
# What the attacks share: connections, frames, a witness that measures what others have of it, and the counting of what was found.
import base64
import os
import select
import signal
import socket
import ssl
import struct
import sys
import time

TIMES = int(os.environ.get("TIMES", "1"))
SECONDS = float(os.environ.get("SECONDS_EACH", "3"))
LATENCY = float(os.environ.get("LATENCY", "20"))      # milliseconds that others may wait
PORT = int(os.environ.get("HOSTILE_PORT", "0"))
TLS_PORT = int(os.environ.get("HOSTILE_TLS_PORT", "0"))
PID = int(os.environ.get("HOSTILE_PID") or "0")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


# ---- connections

def trusting():
    """A TLS context that takes the server for who it says it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def client_hello():
    """The first bytes of a handshake, as they go over the wire."""
    out = ssl.MemoryBIO()
    try:
        trusting().wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def connect(tls=False, timeout=20 * TIMES):
    sock = socket.create_connection(("127.0.0.1", TLS_PORT if tls else PORT), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
        sock = trusting().wrap_socket(sock)
    return sock


def answer(sock):
    """The answer's head, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            break
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head.decode("latin-1"), rest


def status(head):
    return int(head.split(" ")[1]) if head.startswith("HTTP/") else 0


def get(path):
    sock = connect()
    sock.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    head, body = answer(sock)
    while True:
        piece = sock.recv(65536)
        if not piece:
            return status(head), body.decode()
        body += piece


def frame(opcode, payload, fin=True, rsv1=False, mask=b"\0\0\0\0"):
    """A client's frame; with a mask of zeros, so that attacks cost their sender nothing."""
    n, first = len(payload), (0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode
    if n < 126:
        head = struct.pack(">BB", first, 0x80 | n)
    elif n < 65536:
        head = struct.pack(">BBH", first, 0xfe, n)
    else:
        head = struct.pack(">BBQ", first, 0xff, n)
    return head + mask + payload


def session(path="/ws/echo", tls=False, deflate=False, timeout=20 * TIMES):
    sock = connect(tls, timeout)
    extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else ""
    sock.sendall((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                  f"{extension}\r\n").encode())
    head, _ = answer(sock)
    if status(head) != 101:
        raise OSError(head)
    return sock


def pour(socks, data, seconds=SECONDS, rate=None):
    """Send `data` again and again over all of them, as fast as they take it or `rate` bytes per second; what they answer is read away.
    Ends early when none is left.  Returns the bytes sent."""
    left, total, began = {s: b"" for s in socks}, 0, time.monotonic()
    for s in socks:
        s.setblocking(False)
    while left and time.monotonic() - began < seconds:
        if rate and total > rate * (time.monotonic() - began):
            time.sleep(0.001)
            continue
        readable, writable, _ = select.select(list(left), list(left), [], 0.1)
        for s in readable:
            try:
                if not s.recv(1 << 18):
                    left.pop(s, None)
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            except OSError:
                left.pop(s, None)
        for s in writable:
            if s in left:
                try:
                    n = s.send(left[s] or data)
                    left[s] = (left[s] or data)[n:]
                    total += n
                except (BlockingIOError, ssl.SSLWantWriteError):
                    pass
                except OSError:
                    left.pop(s, None)
    return total


# ---- the server's process

# What is resident; a sanitizer keeps what was freed, and has nothing to say of it.
def memory():
    if TIMES > 1:
        return 0.0
    with open(f"/proc/{PID}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors():
    return len(os.listdir(f"/proc/{PID}/fd"))


def counters():
    _, text = get("/counters")
    return {name: float(value) for name, value in (line.split(" ") for line in text.splitlines())}


# ---- the witness: a process of its own that asks for an echo now and then, of the server and of a bare echo beside it

def _bare_echo(listening):
    peer, _ = listening.accept()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        data = peer.recv(4096)
        if not data:
            os._exit(0)
        peer.sendall(data)


def _ask(sock, data):
    began = time.monotonic()
    sock.sendall(data)
    if not sock.recv(4096):
        raise OSError("the witness was closed")
    return time.monotonic() - began


def _testify(server, request, bare, pipe):
    took, took_bare, stop = [], [], []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    try:
        while not stop:
            took.append(_ask(server, request))
            took_bare.append(_ask(bare, request))
            time.sleep(0.003)
    except OSError as error:
        os.write(pipe, f"error {error}".encode())
        os._exit(1)
    p99 = [sorted(values)[int(len(values) * 0.99)] if values else 99.0 for values in (took, took_bare)]
    os.write(pipe, f"{p99[0]} {p99[1]} {max(took or [99.0])} {len(took)}".encode())
    os._exit(0)


class Witness:
    """with Witness() as w: attack; then w.p99, w.bare (of a bare echo process in the same time) and w.longest, in milliseconds."""

    def __init__(self, path="/ws/echo", tls=False, http=None):
        self.server = connect(tls) if http else session(path, tls)
        self.request = f"GET {http} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() if http else frame(TEXT, b"witness")

    def __enter__(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.echo = os.fork()
        if self.echo == 0:
            _bare_echo(listening)
        bare = socket.create_connection(listening.getsockname())
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.close()
        self.pipe, pipe = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _testify(self.server, self.request, bare, pipe)
        os.close(pipe)
        bare.close()
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGTERM)
        words = os.read(self.pipe, 1000).decode().split()
        os.waitpid(self.pid, 0)
        self.server.close()
        os.waitpid(self.echo, 0)
        self.error = " ".join(words) if words[:1] == ["error"] else None
        self.p99, self.bare, self.longest, self.asked = [99000.0, 0.0, 99000.0, 0] if self.error else \
            [float(word) * 1000 for word in words[:3]] + [int(words[3])]


# ---- what was found

_count = {"PASS": 0, "FAIL": 0}


def check(what, ok, detail=""):
    word = "PASS" if ok else "FAIL"
    _count[word] += 1
    print(f"{word} {os.path.basename(sys.argv[0])}: {what}{': ' if detail != '' else ''}{detail}", flush=True)


def check_most(what, value, limit, unit=""):
    check(what, value <= limit, f"{value:.1f}{unit} (limit {limit:.1f}{unit})")


def check_witness(witness, limit=LATENCY):
    """p99 within `limit` milliseconds, beyond what a bare echo needed at the same time on this machine."""
    if witness.error:
        check("the witness", False, witness.error)
    else:
        check(f"others' p99 of {witness.asked}", witness.p99 <= limit * TIMES + witness.bare,
              f"{witness.p99:.1f} ms, longest {witness.longest:.1f} ms (limit {limit * TIMES:.0f} + {witness.bare:.1f} ms of a bare echo)")


def check_flood(path, data, growth):
    """A session pours `data`, again and again: what others and the memory (MB) have of it."""
    before = memory()
    with Witness() as witness:
        pour([session(path)], data)
    check_witness(witness)
    check_most("memory grew by", memory() - before, growth * TIMES, " MB")


def check_released():
    """When the peers are gone, nothing is counted of their input any more."""
    deadline = time.monotonic() + 10 * TIMES
    while counters().get("memory.input", 0) > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    check_most("memory that is counted afterwards", counters()["memory.input"], 0)


def finish():
    print(f"{_count['PASS']} passed, {_count['FAIL']} failed")
    sys.exit(1 if _count["FAIL"] or not _count["PASS"] else 0)
