# SPDX-License-Identifier: MPL-2.0
# What a case consists of: steps, each of which does or expects one thing, and says so in words.
from collections import namedtuple

from wire import BINARY, CLOSE, CONT, NAMES, PING, PONG, TEXT, short

Step = namedtuple("Step", "text run")
Case = namedtuple("Case", "id title steps")


def case(id, title, *steps):
    """Steps, and lists of them."""
    return Case(id, title, list(flat(steps)))


def flat(steps):
    for step in steps:
        if isinstance(step, list):
            yield from flat(step)
        else:
            yield step


# ---- we send

def send(opcode, payload=b"", **options):
    extra = "".join(f" {k}={v}" for k, v in options.items())
    return Step(f"send {NAMES.get(opcode, opcode)} {short(payload)}{extra}", lambda c: c.send(opcode, payload, **options))


def text(payload, **options):
    return send(TEXT, payload, **options)


def binary(payload, **options):
    return send(BINARY, payload, **options)


def cont(payload, fin=False, **options):
    return send(CONT, payload, fin=fin, **options)


def ping(payload=b"", **options):
    return send(PING, payload, **options)


def pong(payload=b"", **options):
    return send(PONG, payload, **options)


def close(code=1000, reason=b""):
    return Step(f"send close {code} {short(reason)}", lambda c: c.send_close(code, reason))


def message(opcode, payload, size=0):
    return Step(f"send {NAMES[opcode]} {short(payload)} in frames of {size or 'any size'}",
                lambda c: c.send_message(opcode, payload, size))


def raw(data, title="bytes"):
    return Step(f"send {title} {short(data)}", lambda c: c.write(data))


def part(opcode, payload, start, end, **options):
    """Some bytes of a frame, counted in its payload; `start` 0: with the head."""
    def run(c):
        if start == 0:
            c.whole = c.frame(opcode, payload, **options)
        head = len(c.whole) - len(payload)
        c.write(c.whole[0 if start == 0 else head + start:head + end])
    return Step(f"send bytes {start} to {end} of {NAMES[opcode]} {short(payload)}", run)


def together(*steps):
    """In one write, whatever the steps are."""
    def run(c):
        gathered, write = [], c.write
        c.write = gathered.append
        try:
            for step in steps:
                step.run(c)
        finally:
            c.write = write
        c.write(b"".join(gathered))
    return Step("in one write: " + "; ".join(step.text for step in steps), run)


def chop(size):
    def run(c):
        c.chop = size
    return Step(f"from here on in writes of {size} bytes", run)


# ---- we expect

def echo(opcode, payload):
    return Step(f"expect {NAMES[opcode]} {short(payload)}", lambda c: c.expect_message(opcode, payload))


def ponged(payload=b""):
    return Step(f"expect pong {short(payload)}", lambda c: c.expect_pong(payload))


alive = Step("expect that a ping is answered", lambda c: c.alive())
ended = Step("expect the end of the connection, and nothing before it", lambda c: c.expect_end())


def closed(code, reason=None):
    return [Step(f"expect close {code}", lambda c: c.expect_close(code, reason)), ended]


def done(code=1000):
    """A closing handshake of ours."""
    return [close(code), *closed(code)]


def round_trip(opcode, payload, size=0):
    return [message(opcode, payload, size), echo(opcode, payload)]


PROTOCOL = 1002
BAD_DATA = 1007
refused = closed(PROTOCOL)
