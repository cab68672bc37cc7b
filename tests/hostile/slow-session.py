# SPDX-License-Identifier: MPL-2.0
# 20 sessions and 20 channels that take a byte now and then of six megabytes each: closed within two windows of sendwait, and their
# memory is free again; one that takes more than sendminrate stays.
from hostile import *

LONGEST = 15                                   # s; sendwait is 1s here
EACH = 20                                      # what they have waiting is more than the kernel keeps for them


def slow(path):
    """A connection with a small window, whose answer has begun."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(20 * TIMES)
    sock.connect(("127.0.0.1", PORT))
    sock.sendall((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
    sock.recv(1)
    sock.setblocking(False)
    return sock


def closed(sock, size):
    """Take up to so many bytes; true at the end."""
    try:
        return not sock.recv(size)
    except BlockingIOError:
        return False
    except OSError:
        return True


before, memory_before = descriptors(), memory()
socks = [slow("/ws/flood") for _ in range(EACH)] + [slow("/chan/flood") for _ in range(EACH)]
began, steady = time.monotonic(), slow("/ws/flood")
with Witness() as witness:
    while descriptors() > before + 6 and time.monotonic() - began < LONGEST * TIMES:
        for sock in socks:
            closed(sock, 1)
        closed(steady, 4096)
        time.sleep(0.02)
end = time.monotonic() + 3
while time.monotonic() < end and not closed(steady, 4096):
    time.sleep(0.02)
took = time.monotonic() - began
check("they are closed", descriptors() <= before + 6, f"{descriptors() - before} left after {took:.1f} s (limit {LONGEST * TIMES} s)")
# At 200 kB a second, or less on a machine that is busy.
check("one that is slow but reads stays", not closed(steady, 4096))
steady.close()
check_witness(witness)
check_most("memory grew by", memory() - memory_before, 150 * TIMES, " MB")
finish()
