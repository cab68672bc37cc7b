# SPDX-License-Identifier: MPL-2.0
# 10 readers that take some of their answer again and again, but less than sendminrate: closed, and their memory is free again.
from hostile import *

LONGEST = 8                                    # s; sendwait is 1s here, sendminrate 10MB
before, memory_before = descriptors(), memory()
socks = []
for _ in range(10):
    sock = connect()
    sock.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    sock.setblocking(False)
    socks.append(sock)
began, left = time.monotonic(), list(socks)
with Witness(http="/hello") as witness:
    while descriptors() > before + 5 and time.monotonic() - began < LONGEST * TIMES:
        for sock in left:
            try:
                sock.recv(4096)
            except OSError:
                pass
        time.sleep(0.01)
took = time.monotonic() - began
check("they are closed", descriptors() <= before + 5, f"after {took:.1f} s (limit {LONGEST * TIMES} s)")
check_witness(witness)
check_most("memory grew by", memory() - memory_before, 60 * TIMES, " MB")
finish()
