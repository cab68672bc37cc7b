# SPDX-License-Identifier: MPL-2.0
# Empty pings as fast as they go: each asks for a pong.
from hostile import *

GROWTH = 30                                    # MB

check_flood("/ws/sink", frame(PING, b"") * 40000, GROWTH)
finish()
