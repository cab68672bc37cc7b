# SPDX-License-Identifier: MPL-2.0
# Messages of no bytes whose handler needs 0.13 ms each: a read buffer full of them is seconds of work.
from hostile import *

GROWTH = 30                                    # MB

check_flood("/ws/work", frame(TEXT, b"") * 40000, GROWTH)
finish()
