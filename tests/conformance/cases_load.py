# SPDX-License-Identifier: MPL-2.0
# Large messages (section 9), many of them, and messages in frames of many sizes (10).
import random
from functools import cache

from steps import BINARY, TEXT, Step, alive, binary, case, chop, closed, cont, done, echo, message, round_trip, send, text
from wire import NAMES

MB = 1 << 20
KINDS = ((1, TEXT), (2, BINARY))


@cache
def payload(opcode, size):
    """Text with letters of 1 to 4 bytes, or bytes that do not repeat; the same in every run."""
    if opcode == BINARY:
        return random.Random(size).randbytes(size)
    unit = "Großer Text κόσμε 😀 0123456789 ".encode()
    return unit * (size // len(unit)) + b"." * (size % len(unit))


def exchange(opcode, size, count, ahead):
    """`count` messages, at most `ahead` of them without their answer."""
    def run(c):
        messages = [payload(opcode, size) for _ in range(min(count, 4))]
        for i in range(count + ahead):
            if i < count:
                c.send_message(opcode, messages[i % len(messages)])
            if i >= ahead:
                c.expect_message(opcode, messages[(i - ahead) % len(messages)])
    return Step(f"{count} times {NAMES[opcode]} of {size} bytes, {ahead} in flight", run)


def load(quick, largest):
    for group, opcode in KINDS:
        for n, size in enumerate((64 << 10, 256 << 10, MB, 4 * MB, 8 * MB, 16 * MB), 1):
            if size <= largest * MB:
                yield case(f"9.{group}.{n}", f"{NAMES[opcode]} of {size >> 10} kB", round_trip(opcode, payload(opcode, size)), done())
        whole = (1 if quick else 4) * MB
        for n, size in enumerate((64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, MB, 4 * MB), 1):
            yield case(f"9.{group + 2}.{n}", f"{NAMES[opcode]} of {whole // MB} MB in fragments of {size}",
                       round_trip(opcode, payload(opcode, whole), size), done())
        for n, size in enumerate((64, 128, 256, 512, 1024, 2048), 1):
            whole = (256 << 10) if quick else MB
            yield case(f"9.{group + 4}.{n}", f"{NAMES[opcode]} of {whole >> 10} kB in writes of {size}", chop(size),
                       round_trip(opcode, payload(opcode, whole)), done())
        for n, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
            count = 100 if quick else 500
            yield case(f"9.{group + 6}.{n}", f"{count} times {NAMES[opcode]} of {size} bytes, one by one",
                       exchange(opcode, size, count, 0), done())
            yield case(f"9.{group + 8}.{n}", f"{count} times {NAMES[opcode]} of {size} bytes, 64 in flight",
                       exchange(opcode, size, count, 64), done())
    lone = payload(BINARY, 65536)
    for n, size in enumerate((1, 255, 256, 257, 1300, 4096, 65535, 65536, 65537), 1):
        if size == 1:
            yield case("10.1.1", "text of 2 kB in fragments of one byte", round_trip(TEXT, payload(TEXT, 2048), 1), done())
        else:
            yield case(f"10.1.{n}", f"65536 bytes in fragments of {size}", round_trip(BINARY, lone, size), done())


def limits():
    """At a session whose limits are 1,000 bytes in 10 fragments (/small)."""
    def whole(size):
        return b"x" * size
    yield case("9.20.1", "as large as may be", round_trip(TEXT, whole(1000)), done())
    yield case("9.20.2", "a byte more", text(whole(1001)), closed(1009))
    yield case("9.20.3", "found with the head, before the payload", Step("send a head that says 1001", lambda c: c.write(
        c.frame(BINARY, b"", length=1001, form=16))), closed(1009))
    yield case("9.20.4", "fragments that are as large together", round_trip(BINARY, whole(1000), 100), done())
    yield case("9.20.5", "fragments that are too large together, found with the head", binary(whole(600), fin=False), alive,
               Step("send a head that says 401", lambda c: c.write(c.frame(0, b"", length=401, form=16))), closed(1009))
    yield case("9.20.6", "too many fragments", binary(b"", fin=False), [cont(b"") for _ in range(9)], alive, cont(b"", True), closed(1008))
    yield case("9.20.7", "a limit counts for each message anew", [round_trip(TEXT, whole(900)) for _ in range(5)], done())
    yield case("9.20.8", "too large, and much more is on its way", binary(whole(4 * MB)), closed(1009))


