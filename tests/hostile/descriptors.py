# SPDX-License-Identifier: MPL-2.0
# More connections than there are descriptors (300 here), of those who say nothing, half a head, half a handshake, or who are idle
# after an answer: new clients are served, and so are those that have a session.
from hostile import *

EACH = 600                                     # connections of an attack
CLIENTS = 40                                   # that come while it lasts
LONGEST = 50 * LATENCY                         # ms for one of them


def ask(tls):
    """Milliseconds until the answer; 99000: none."""
    began = time.monotonic()
    try:
        sock = connect(tls)
        sock.sendall(b"GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head, _ = answer(sock)
        sock.close()
        return (time.monotonic() - began) * 1000 if status(head) == 200 else 99000.0
    except OSError:
        return 99000.0


def crowd(port, data):
    """So many connections, each with these bytes sent."""
    socks = []
    for _ in range(EACH):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.settimeout(20 * TIMES)
        try:
            sock.connect(("127.0.0.1", port))
            if data:
                sock.send(data)
        except OSError:
            pass
        socks.append(sock)
    return socks


half, before = client_hello()[:100], descriptors()
speaker = session()
for what, port, data, tls in (("silent ones", PORT, b"", False), ("half heads", PORT, b"GET /hello HTTP/1.1\r\nHost: loc", False),
                              ("idle ones", PORT, b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", False),
                              ("silent ones at the TLS port", TLS_PORT, b"", True), ("half handshakes", TLS_PORT, half, True)):
    socks = crowd(port, data)
    took = sorted(ask(tls) for _ in range(CLIENTS))
    check(f"{what}: all new clients are answered", took[-1] < 99000, f"{sum(t >= 99000 for t in took)} of {CLIENTS} are not")
    check_most(f"{what}: the longest that one took", took[-1], LONGEST * TIMES, " ms")
    speaker.sendall(frame(TEXT, b"still here"))
    check(f"{what}: a session goes on", b"still here" in speaker.recv(1000))
    for sock in socks:
        sock.close()
began = time.monotonic()
while descriptors() > before + 5 and time.monotonic() - began < 20 * TIMES:
    time.sleep(0.05)
check_most("descriptors afterwards", descriptors() - before, 5)
check("they were closed for it, and this was counted", counters()["driver.evicted"] > 0, counters()["driver.evicted"])
finish()
