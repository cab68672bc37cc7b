# SPDX-License-Identifier: MPL-2.0
# 200 bodies of a megabyte of which the last bytes never come, 20 MB being there for input: it holds, the slowest go, and others are served.
from hostile import *

LIMIT = 20 + 25                                # MB: maxinputmemory, and what connections, buffers and malloc need
before = memory()
socks = []
for i in range(200):
    sock = connect()
    sock.settimeout(5 * TIMES)
    try:
        sock.sendall(b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 999000)
    except OSError:
        pass
    socks.append(sock)
check_most("memory grew by", memory() - before, LIMIT * TIMES, " MB")
refused = 0
for sock in socks:
    sock.settimeout(0.01)
    try:
        refused += b" 503 " in sock.recv(1000)
    except OSError:
        pass
check("some are refused with 503, or closed", refused > 20, f"{refused} of 200")
served = 0
for _ in range(20):
    sock = connect()
    sock.sendall(b"POST /body HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello")
    head, _ = answer(sock)
    served += status(head) in (200, 503)
    sock.close()
check("others get an answer", served == 20, f"{served} of 20")
for sock in socks:
    sock.close()
check_released()
finish()
