#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
# The peers of stress.test: keeps COUNT connections busy for SECONDS, half of them over TLS, and checks every byte it gets.
#
#   stress-peer.py PORT TLSPORT COUNT SECONDS SEED        ends with a line "bad N messages N bytes N ended N ..."
#
# It sends a repeating pattern (bytes 0 .. 250) in pieces of any size, and receives messages: "M", thread, sequence number,
# length, payload.  Connections end by a close, a reset, or a half-close after which the server has to deliver and close.
import random, selectors, socket, ssl, struct, sys, time

PORT, TLSPORT, COUNT = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
SECONDS, SEED = float(sys.argv[4]), int(sys.argv[5])
HEAD = struct.Struct(">cBII")
PATTERN = bytes(range(251)) * 400
rng = random.Random(SEED)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE
selector = selectors.DefaultSelector()
count = {"bad": 0, "messages": 0, "bytes": 0, "ended": 0, "hung": 0, "reset": 0, "cut": 0}
WAIT = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def bad(peer, text):
    count["bad"] += 1
    print("peer %d (%s, %s): %s" % (peer.number, "tls" if peer.tls else "plain", peer.state, text), flush=True)


class TlsSocket:
    """TLS on a socket, by hand: ssl.SSLSocket.unwrap() would throw away what is still to be read."""

    def __init__(self, sock):
        self.sock, self.incoming, self.outgoing, self.pending = sock, ssl.MemoryBIO(), ssl.MemoryBIO(), b""
        self.ssl = tls.wrap_bio(self.incoming, self.outgoing)
        while True:
            try:
                self.ssl.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.sock.sendall(self.outgoing.read())
                self.incoming.write(self.sock.recv(65536))
        self.sock.sendall(self.outgoing.read())

    def fileno(self):
        return self.sock.fileno()

    def flush(self):
        self.pending += self.outgoing.read()
        if self.pending:
            self.pending = self.pending[self.sock.send(self.pending):]

    def send(self, data):
        self.flush()                           # BlockingIOError: nothing of data is taken
        n = self.ssl.write(data)
        try:
            self.flush()
        except BlockingIOError:
            pass
        return n

    def recv(self, size):
        while True:
            try:
                return self.ssl.read(size)
            except ssl.SSLZeroReturnError:     # so it is told after our own notice
                return b""
            except ssl.SSLWantReadError:
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    def shutdown(self, how):
        """The notice only: the TCP connection stays open in both directions, and that must be enough."""
        try:
            self.ssl.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:          # behind it came what we have not read: the notice is out
            if "APPLICATION_DATA" not in str(error):
                raise
        self.flush()

    def setblocking(self, on):
        self.sock.setblocking(on)

    def setsockopt(self, *args):
        self.sock.setsockopt(*args)

    def sendall(self, data):
        self.ssl.write(data)
        self.sock.sendall(self.outgoing.read())

    def close(self):
        self.sock.close()


class Peer:
    def __init__(self, number):
        self.number, self.tls = number, number % 2 == 1
        self.state, self.buffer, self.next = "handshake", bytearray(), {}
        self.out, self.offset, self.heard = b"", 0, time.time()
        self.sock = socket.create_connection(("127.0.0.1", TLSPORT if self.tls else PORT), 10)
        if number % 7 == 0:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        self.sock.settimeout(20)
        if self.tls:
            self.sock = TlsSocket(self.sock)
        # The first bytes of the stream come in one piece with the request
        first = PATTERN[:number % 40]
        self.sock.sendall(b"GET /stress HTTP/1.1\r\nHost: localhost\r\n\r\n" + first)
        self.offset = len(first)
        self.sock.setblocking(False)
        self.state = "open"
        self.slow = number % 11 == 0
        selector.register(self.sock, selectors.EVENT_READ, self)

    def gone(self):
        try:
            selector.unregister(self.sock)
        except (KeyError, ValueError):
            pass
        self.sock.close()
        self.state = "gone"

    def read(self, limit=8):
        for _ in range(limit):
            try:
                data = self.sock.recv(1 if self.number % 13 == 0 and rng.random() < 0.02 else 65536)
            except WAIT:
                break
            except ssl.SSLEOFError:
                bad(self, "the end came without a close_notify, %d bytes, %d in the buffer" % (self.offset, len(self.buffer)))
                return self.gone()
            except (ConnectionError, OSError) as error:
                count["reset"] += 1
                if isinstance(error, ssl.SSLError):
                    bad(self, "TLS: %s" % error)
                return self.gone()
            if not data:
                if self.buffer:
                    bad(self, "%d bytes of an unfinished message at the end" % len(self.buffer))
                count["ended"] += 1
                return self.gone()
            count["bytes"] += len(data)
            self.heard = time.time()
            self.buffer += data
            if not self.parse():
                return self.gone()

    def parse(self):
        at = 0
        while len(self.buffer) - at >= HEAD.size:
            magic, thread, seq, length = HEAD.unpack_from(self.buffer, at)
            if magic != b"M" or length > 1 << 20:
                bad(self, "no message at this place")
                return False
            if len(self.buffer) - at - HEAD.size < length:
                break
            payload = self.buffer[at + HEAD.size:at + HEAD.size + length]
            if payload.count(bytes([(thread + seq) & 255])) != length:
                bad(self, "message %d of thread %d has wrong bytes" % (seq, thread))
                return False
            if seq != self.next.get(thread, 0):
                bad(self, "message %d of thread %d instead of %d" % (seq, thread, self.next.get(thread, 0)))
                return False
            self.next[thread] = seq + 1
            count["messages"] += 1
            at += HEAD.size + length
        del self.buffer[:at]
        return True

    def send(self):
        if not self.out:
            n = 1 if rng.random() < 0.3 else rng.randrange(1, 3000)
            start = self.offset % 251
            self.out = PATTERN[start:start + n]
        try:
            n = self.sock.send(self.out)
        except WAIT:
            return
        except OSError:
            self.read(1000)                    # what came before the end
            if self.state != "gone":
                count["reset"] += 1
                self.gone()
            return
        self.out = self.out[n:]
        self.offset += n

    def end(self):
        way = rng.choice(["close", "reset", "half", "half", "half"])
        if way == "half":
            # What is there is read first, so that the end stands behind nothing unread.
            self.read(1000)
            if self.state == "gone":
                return
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except WAIT:
                pass
            except OSError:
                return self.read(1000)
            self.state, self.heard = "half", time.time()
        else:
            count["cut"] += 1
            if way == "reset":
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.gone()

    def raw(self):
        self.state, self.wantEnd = "half", time.time()


peers = []
serial = 0


def more():
    global serial
    while len(peers) < COUNT:
        serial += 1
        try:
            peers.append(Peer(serial))
        except OSError as error:
            print("connect: %s" % error, flush=True)
            count["bad"] += 1
            return


def turn():
    for key, _ in selector.select(0.005):
        peer = key.data
        if peer.slow and rng.random() < 0.9:
            continue
        peer.read()
    for peer in peers:
        if peer.state == "half" and time.time() - peer.heard > 20:
            count["hung"] += 1
            bad(peer, "the server did not close after our end")
            peer.gone()
    peers[:] = [p for p in peers if p.state != "gone"]


began = time.time()
more()
print("begun", flush=True)
while time.time() - began < SECONDS:
    turn()
    for peer in rng.sample(peers, min(30, len(peers))):
        if peer.state == "open":
            peer.send()
    for peer in rng.sample(peers, min(2, len(peers))):
        if peer.state == "open":
            peer.end()
    peers[:] = [p for p in peers if p.state != "gone"]
    more()
print("over", flush=True)
# Now the server closes all: what it has accepted for sending is still to come.
limit = time.time() + 30
while peers and time.time() < limit:
    turn()
for peer in peers:
    bad(peer, "still open")
print(" ".join("%s %d" % item for item in count.items()), flush=True)
