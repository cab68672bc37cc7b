# SPDX-License-Identifier: MPL-2.0
# 200 messages of a megabyte of which the last bytes never come, 20 MB being there for input: 1013, and others' short messages are served.
from hostile import *

LIMIT = 20 + 25                                # MB
before = memory()
socks = []
with Witness() as witness:
    for i in range(200):
        sock = session("/ws/sink")
        sock.settimeout(5 * TIMES)
        try:
            sock.sendall(frame(BINARY, b"x" * 999000)[:-1000])
        except OSError:
            pass
        socks.append(sock)
check_most("memory grew by", memory() - before, LIMIT * TIMES, " MB")
check_witness(witness, 10 * LATENCY)           # 200 MB came in meanwhile
check("sessions are ended with 1013", counters()["websocket.inputlimits"] > 20, f"{counters()['websocket.inputlimits']:.0f} of 200")
for sock in socks:
    sock.close()
check_released()
finish()
