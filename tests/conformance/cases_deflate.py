# SPDX-License-Identifier: MPL-2.0
# permessage-deflate (RFC 7692): offers and answers, and then messages as they were agreed on (12, 13).
import os
import random
import struct
import zlib
from functools import cache

from steps import BAD_DATA, BINARY, TEXT, Step, alive, binary, case, close, closed, cont, done, echo, ping, refused, round_trip, text
from wire import Deflate, Failure

NAME = "permessage-deflate"
# Offers, each with the one of its elements (counted from 0) that has to be taken; None: none of them may be.
OFFERS = (
    (NAME, 0),
    (f"{NAME}; client_no_context_takeover", 0),
    (f"{NAME}; server_no_context_takeover", 0),
    (f"{NAME}; server_no_context_takeover; client_no_context_takeover", 0),
    (f"{NAME}; client_max_window_bits", 0),
    *((f"{NAME}; client_max_window_bits={bits}", 0) for bits in range(8, 16)),
    *((f"{NAME}; server_max_window_bits={bits}", 0) for bits in range(8, 16)),
    *((f"{NAME}; client_max_window_bits={b}; server_max_window_bits={b}", 0) for b in (8, 9, 12, 15)),
    (f"{NAME}; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits", 0),
    (f"{NAME}; client_no_context_takeover; client_max_window_bits=9", 0),
    (f'{NAME}; server_max_window_bits="10"', 0),
    (f"{NAME};server_max_window_bits=10;client_no_context_takeover", 0),
    (f"{NAME} ; server_no_context_takeover ,{NAME}", 0),
    (f"{NAME.upper()}; SERVER_NO_CONTEXT_TAKEOVER", 0),
    (f"{NAME}; server_max_window_bits=9, {NAME}; server_max_window_bits=12, {NAME}", 0),
    (f"x-webkit-deflate-frame, {NAME}; client_max_window_bits", 1),
    (f"foo; bar=\"a\"; baz, {NAME}", 1),
    (f"{NAME}; unknown, {NAME}; server_no_context_takeover", 1),
    (f"{NAME}; server_max_window_bits=16, {NAME}", 1),
    (f"{NAME}; server_max_window_bits=7", None),
    (f"{NAME}; server_max_window_bits=16", None),
    (f"{NAME}; server_max_window_bits=08", None),
    (f"{NAME}; server_max_window_bits=+9", None),
    (f"{NAME}; server_max_window_bits", None),
    (f"{NAME}; server_max_window_bits=1000000000000000000015", None),
    (f"{NAME}; client_max_window_bits=7", None),
    (f"{NAME}; client_max_window_bits=16", None),
    (f"{NAME}; client_no_context_takeover=1", None),
    (f"{NAME}; server_no_context_takeover=true", None),
    (f"{NAME}; server_no_context_takeover; server_no_context_takeover", None),
    (f"{NAME}; server_max_window_bits=10; server_max_window_bits=10", None),
    (f"{NAME}; client_max_window_bits; client_max_window_bits=10", None),
    (f"{NAME}; unknown", None),
    ("permessage-bzip2", None),
    ("permessage-deflat", None),
)


def parse(value):
    """[(name, {parameter: value or None})] of what this side writes itself, so without quotes that hold commas."""
    out = []
    for element in value.split(","):
        words = [word.strip() for word in element.split(";")]
        params = {}
        for word in words[1:]:
            name, equals, value = (p.strip() for p in word.partition("="))
            if name in params:
                raise Failure(f"{name} twice in {element!r}")
            params[name] = value.strip('"') if equals else None
        out.append((words[0].lower(), params))
    return out


def bits(value, least=8):
    if value is None or not value.isdigit() or value != str(int(value)) or not least <= int(value) <= 15:
        raise Failure(f"window bits {value!r}")
    return int(value)


def agree(offer, headers, client=True):
    """What the answer's headers agree on, as a Deflate or None; Failure when it is no answer to this offer."""
    values = headers.get("sec-websocket-extensions", [])
    if not values:
        return None
    if len(values) > 1 or "," in values[0]:
        raise Failure(f"more than one extension in the answer: {values}")
    (name, answer), = parse(values[0])
    offered = [{k.lower(): v for k, v in params.items()} for n, params in parse(offer) if n == NAME]
    if name != NAME or not offered:
        raise Failure(f"answer {values[0]!r} to {offer!r}")
    reasons = []
    for one in offered:
        wrong = mismatch(one, answer, client)
        if wrong is None:
            break
        reasons.append(wrong)
    else:
        raise Failure(f"answer {values[0]!r} to {offer!r}: {'; '.join(reasons)}")
    server = (bits(answer.get("server_max_window_bits", "15")), "server_no_context_takeover" not in answer)
    own = (bits(answer.get("client_max_window_bits", "15")), "client_no_context_takeover" not in answer)
    return Deflate(own, server) if client else Deflate(server, own)


def mismatch(offer, answer, strict=True):
    """Why this cannot be an answer to that; None: it is one.  A server of others may, unless strict, overlook a wish."""
    for name, value in answer.items():
        if name.endswith("takeover"):
            if value is not None:
                return f"{name} with a value"
        elif name not in ("server_max_window_bits", "client_max_window_bits"):
            return f"parameter {name!r}"
    if strict and "server_no_context_takeover" in offer and "server_no_context_takeover" not in answer:
        return "server_no_context_takeover is not there"
    if "server_max_window_bits" in offer:
        if "server_max_window_bits" not in answer or bits(answer["server_max_window_bits"]) > bits(offer["server_max_window_bits"]):
            return "server_max_window_bits is not there, or more than asked for"
    if "client_max_window_bits" in answer:
        if "client_max_window_bits" not in offer:
            return "client_max_window_bits was not offered"
        if bits(answer["client_max_window_bits"]) > bits(offer["client_max_window_bits"] or "15"):
            return "client_max_window_bits is more than offered"
    return None


# ---- messages

WORDS = "the of and connection frame window message takeover octet payload server client é κόσμε 😀".split()


@cache
def prose(size, seed=0):
    """Compresses as text does."""
    rng, out = random.Random(seed), bytearray()
    while len(out) < size:
        out += rng.choice(WORDS).encode() + b" "
    # cut where a character ends
    return bytes(out[:size]).decode(errors="ignore").encode().ljust(size, b".")


@cache
def far(size, seed=0):
    """Bytes that repeat themselves 30,000 later: a window that is larger than agreed on refers to them."""
    block = random.Random(seed).randbytes(30000)
    return (block * (size // 30000 + 1))[:size]


def compressed(count):
    def run(c):
        if c.deflate.compressed < count:
            raise Failure(f"{c.deflate.compressed} of {c.deflate.received} messages came compressed, {count} expected")
    return Step(f"expect that at least {count} messages came compressed", run)


def exchange(short=False):
    """Sizes and kinds; some are sent plain, and in fragments; the same content again and again, so that contexts matter."""
    steps = []
    for size in (0, 16, 128, 4096, 40000) if short else (0, 1, 16, 64, 127, 128, 256, 1024, 4096, 8192, 32768, 65536, 131072):
        steps += [round_trip(TEXT, prose(size)), round_trip(BINARY, far(size, 1))]
    if not short:
        steps += [round_trip(TEXT, prose(60000, 1), size) for size in (997, 8192, 100000)]
        steps += [round_trip(BINARY, far(131072, 3), 2048)]
    steps += [round_trip(TEXT, prose(300, 2), 1), round_trip(BINARY, os.urandom(3000))]
    plain = Step("send a text that is not compressed", lambda c: c.send_message(TEXT, prose(500), compress=False))
    steps += [plain, echo(TEXT, prose(500)), round_trip(TEXT, prose(500)), compressed(4), done()]
    return steps


def negotiated(short):
    """Cases with the offer they need: the runner makes the handshake with it and checks the answer."""
    for n, (offer, taken) in enumerate(OFFERS, 1):
        steps = exchange(short) if taken is not None else [round_trip(TEXT, b"plain" * 100), text(b"x", rsv=4), *refused]
        yield offer, taken, case(f"12.{n}", f"{offer}", steps)


# ---- what is not as agreed on

def body(data, end=zlib.Z_SYNC_FLUSH, level=6, window=15):
    packer = zlib.compressobj(level, zlib.DEFLATED, -window)
    out = packer.compress(data) + packer.flush(end)
    return out[:-4] if end == zlib.Z_SYNC_FLUSH else out


def stored(data):
    """A deflate block that is not compressed, and not the last."""
    return b"\x00" + struct.pack("<HH", len(data), 0xffff ^ len(data)) + data


def packed(opcode, data, fin=True, **options):
    return text(data, fin=fin, rsv=4, **options) if opcode == TEXT else binary(data, fin=fin, rsv=4, **options)


def odd():
    """Offer: permessage-deflate alone; its limits are those of the usual echo."""
    hello = body(b"Hello" * 50)
    answer = echo(TEXT, b"Hello" * 50)
    yield case("13.1", "rsv 1 in a continuation", packed(TEXT, hello[:3], fin=False), cont(hello[3:], True, rsv=4), refused)
    yield case("13.2", "a ping with rsv 1", ping(b"x", rsv=4), refused)
    yield case("13.3", "rsv 2 and 3 are as forbidden as without it", text(b"x", rsv=2), refused)
    yield case("13.4", "rsv 1 and 2 together", packed(TEXT, hello), answer, text(hello, rsv=6), refused)
    yield case("13.5", "a message of a last block, and the next", packed(TEXT, body(b"Hello" * 50, zlib.Z_FINISH) + b"\x00"), answer,
               packed(TEXT, hello), answer, done())
    yield case("13.6", "a stored block", packed(TEXT, stored(b"Hello" * 50) + b"\x00"), answer, done())
    yield case("13.7", "several blocks", packed(TEXT, stored(b"Hello" * 20) + stored(b"Hello" * 30) + b"\x00"), answer, done())
    yield case("13.8", "an empty message: a block of nothing", packed(TEXT, b"\x00"), echo(TEXT, b""), done())
    yield case("13.9", "an empty message: no byte at all, in two fragments", packed(TEXT, b"", fin=False), cont(b"\x00", True),
               echo(TEXT, b""), done())
    yield case("13.10", "fragments of one byte, pings between them", packed(TEXT, hello[:1], fin=False), alive,
               [[cont(hello[i:i + 1], i == len(hello) - 1)] + ([] if i == len(hello) - 1 else [alive]) for i in range(1, len(hello))],
               answer, done())
    yield case("13.11", "without compression", packed(TEXT, body(b"Hello" * 50, level=0)), answer, done())
    yield case("13.12", "a block of a kind that there is not", packed(BINARY, b"\x07\xff\xff\xff"), closed(BAD_DATA))
    yield case("13.13", "a stored block whose length is wrong", packed(BINARY, b"\x00\x05\x00\x00\x00Hello"), closed(BAD_DATA))
    yield case("13.14", "noise", packed(BINARY, b"\xff" * 100), closed(BAD_DATA))
    yield case("13.15", "a reference to before the beginning", packed(TEXT, reference()), closed(BAD_DATA))
    yield case("13.16", "text that is not UTF-8 when it is inflated", packed(TEXT, body(b"a\xff" * 200)), closed(BAD_DATA))
    yield case("13.17", "the same as binary is fine", packed(BINARY, body(b"a\xff" * 200)), echo(BINARY, b"a\xff" * 200), done())
    yield case("13.18", "text that is not UTF-8, found in the first of its fragments", packed(TEXT, stored(b"a\xff" * 200), fin=False),
               closed(BAD_DATA))
    yield case("13.19", "a character that is not finished", packed(TEXT, body("Hé".encode()[:2])), closed(BAD_DATA))
    yield case("13.20", "a compressed message that is more than may come", packed(BINARY, body(bytes(48 << 20), level=9)), closed(1009))
    yield case("13.21", "a close behind a message that is not finished", packed(TEXT, hello[:3], fin=False), close(1001), closed(1001))
    yield case("13.22", "a message without rsv 1 is as it is, whatever it looks like", binary(hello), echo(BINARY, hello), done())


def reference():
    """A compressed message whose first block needs what an earlier message said."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(random.Random(7).randbytes(600))
    packer.compress(block)
    packer.flush(zlib.Z_SYNC_FLUSH)
    out = packer.compress(block) + packer.flush(zlib.Z_SYNC_FLUSH)
    return out[:-4]


def small():
    """At a session whose limit is 1,000 bytes."""
    yield case("13.30", "as much as may come", packed(BINARY, body(bytes(1000))), echo(BINARY, bytes(1000)), done())
    yield case("13.31", "a byte more, after inflating", packed(BINARY, body(bytes(1001))), closed(1009))
    yield case("13.32", "much more, from a few bytes", packed(BINARY, body(bytes(10 << 20), level=9)), closed(1009))
    yield case("13.33", "much more, in fragments: found before the last", packed(BINARY, body(bytes(10 << 20), level=9)[:2000], fin=False),
               closed(1009))


def context():
    """At a session that keeps contexts, and lets the peer keep its own (/takeover)."""
    again = prose(4000, 5)

    def smaller(c):
        before = c.total
        c.send_message(TEXT, again)
        c.expect_message(TEXT, again)
        if c.total - before > 400:
            raise Failure(f"the same text again took {c.total - before} bytes: no context is kept")
    yield case("13.40", "the same text again is a reference", round_trip(TEXT, again), Step("the same again, in few bytes", smaller), done())
    yield case("13.41", "a hundred messages in one context", [round_trip(TEXT, prose(200 + i, i)) for i in range(100)], done())
    yield case("13.42", "plain messages between those of a context", [
        [round_trip(TEXT, again), binary(b"plain" * 40), echo(BINARY, b"plain" * 40)] for _ in range(5)], done())
    yield case("13.43", "a context that is full, and turns over", [round_trip(BINARY, far(70000, i)) for i in range(4)], exchange())
