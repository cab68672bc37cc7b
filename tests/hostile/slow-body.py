# SPDX-License-Identifier: MPL-2.0
# 200 bodies that come by a byte now and then: 408 for each within two windows of recvwait, and their descriptors are free again.
from hostile import *

LONGEST = 5                                    # s; recvwait is 1s here
before = descriptors()
socks = []
for _ in range(200):
    sock = connect()
    sock.sendall(b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
    socks.append(sock)
began, ended = time.monotonic(), 0
with Witness(http="/hello") as witness:
    left = list(socks)
    while left and time.monotonic() - began < LONGEST * TIMES:
        for sock in list(left):
            try:
                sock.send(b"x")
                readable, _, _ = select.select([sock], [], [], 0)
                if readable:
                    ended += b" 408 " in sock.recv(1000)
                    left.remove(sock)
            except OSError:
                left.remove(sock)
        time.sleep(0.1)
took = time.monotonic() - began
check("they are ended with 408", ended == 200, f"{ended} of 200 in {took:.1f} s (limit {LONGEST * TIMES} s)")
check_witness(witness)
for sock in socks:
    sock.close()
while descriptors() > before + 5 and time.monotonic() - began < 2 * LONGEST * TIMES:
    time.sleep(0.05)
check_most("descriptors", descriptors() - before, 5)
finish()
