# SPDX-License-Identifier: MPL-2.0
# Frames (section 1), pings and pongs (2), reserved bits (3), opcodes (4), fragments (5), the close (7).
import struct

from steps import (BAD_DATA, BINARY, CLOSE, CONT, PING, PONG, TEXT, alive, binary, case, chop, close, closed, cont, done,
                   echo, ended, part, ping, pong, ponged, raw, refused, round_trip, send, text, together)
from wire import NAMES

HELLO = b"Hello, world"


def letters(size):
    return (b"*abcdefghijklmnopqrstuvwxyz-" * (size // 28 + 1))[:size]


def octets(size):
    return (bytes(range(256)) * (size // 256 + 1))[:size]


def framing():
    sizes = (0, 1, 125, 126, 127, 128, 255, 256, 65535, 65536, 65537)
    for group, opcode, make in ((1, TEXT, letters), (2, BINARY, octets)):
        for number, size in enumerate(sizes, 1):
            yield case(f"1.{group}.{number}", f"{NAMES[opcode]} of {size} bytes", round_trip(opcode, make(size)), done())
        yield case(f"1.{group}.20", f"{NAMES[opcode]} of 65536 bytes in writes of 997", chop(997),
                   round_trip(opcode, make(65536)), done())
        yield case(f"1.{group}.21", f"{NAMES[opcode]} of 300 bytes, byte by byte", chop(1), round_trip(opcode, make(300)),
                   done())
    yield case("1.3.1", "a length in more bits than it needs (16)", text(HELLO, form=16), refused)
    yield case("1.3.2", "a length in more bits than it needs (64, of 7)", text(HELLO, form=64), refused)
    yield case("1.3.3", "a length in more bits than it needs (64, of 16)", text(letters(1000), form=64), refused)
    yield case("1.3.4", "125 in 16 bits", text(letters(125), form=16), refused)
    yield case("1.3.5", "65535 in 64 bits", text(letters(65535), form=64), refused)
    yield case("1.3.6", "a length with the top bit", text(HELLO, form=64, length=1 << 63 | 12), refused)
    yield case("1.3.7", "2^63 - 1 bytes are announced", binary(HELLO, form=64, length=(1 << 63) - 1), closed(1009))
    yield case("1.3.8", "2^32 + 5 bytes are announced", binary(b"12345", form=64, length=(1 << 32) + 5), closed(1009))
    yield case("1.3.9", "two whole messages and half a head in one write", together(
        text(b"one"), binary(b"two"), raw(b"\x81", "half a head")), echo(TEXT, b"one"), echo(BINARY, b"two"))
    yield case("1.3.10", "a hundred messages in one write come back in order",
               together(*(text(b"%d" % i) for i in range(100))), [echo(TEXT, b"%d" % i) for i in range(100)], done())
    yield case("1.4.1", "a frame that is masked as it must not be, or not as it must", text(HELLO, mask="wrong"), refused)
    yield case("1.4.2", "the same of an empty one", binary(b"", mask="wrong"), refused)
    yield case("1.4.3", "the same of a ping", ping(b"x", mask="wrong"), refused)
    yield case("1.4.4", "the same of a close", send(CLOSE, b"\x03\xe8", mask="wrong"), refused)
    yield case("1.4.5", "the same of a fragment", text(b"a", fin=False), cont(b"b", True, mask="wrong"), refused)


def pings():
    yield case("2.1", "an empty ping", ping(), ponged(), done())
    yield case("2.2", "a ping with text", ping(HELLO), ponged(HELLO), done())
    yield case("2.3", "a ping with bytes that are no text", ping(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
               ponged(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), done())
    yield case("2.4", "a ping of 125 bytes", ping(b"\xfe" * 125), ponged(b"\xfe" * 125), done())
    yield case("2.5", "a ping of 126 bytes", ping(b"\xfe" * 126), refused)
    yield case("2.6", "a ping of 125 bytes, byte by byte", chop(1), ping(b"\xfe" * 125), ponged(b"\xfe" * 125), done())
    yield case("2.7", "a pong that nobody asked for", pong(), alive, done())
    yield case("2.8", "the same, with a payload", pong(HELLO), alive, done())
    yield case("2.9", "a pong that nobody asked for, and a ping", pong(b"unsolicited"), ping(b"ping"), ponged(b"ping"), done())
    yield case("2.10", "ten pings", [ping(b"%d" % i) for i in range(10)], [ponged(b"%d" % i) for i in range(10)], done())
    yield case("2.11", "ten pings, byte by byte", chop(1), [ping(b"payload-%d" % i) for i in range(10)],
               [ponged(b"payload-%d" % i) for i in range(10)], done())
    yield case("2.12", "a pong of 126 bytes", pong(b"x" * 126), refused)
    yield case("2.13", "a ping whose length is in 16 bits", ping(b"x", form=16), refused)
    yield case("2.14", "a ping whose length is in 64 bits", ping(b"x", form=64), refused)
    yield case("2.15", "a ping between two messages keeps its place", together(text(b"one"), ping(b"p"), text(b"two")),
               echo(TEXT, b"one"), ponged(b"p"), echo(TEXT, b"two"), done())


def reserved_bits():
    yield case("3.1", "rsv 1 in a text", text(HELLO, rsv=1), refused)
    yield case("3.2", "rsv 2 between two messages: the first is answered", text(b"one"), text(b"two", rsv=2), ping(b"x"),
               echo(TEXT, b"one"), refused)
    yield case("3.3", "the same with rsv 3, in one write", together(text(b"one"), text(b"two", rsv=3), ping(b"x")),
               echo(TEXT, b"one"), refused)
    yield case("3.4", "rsv 4 without an extension, byte by byte", chop(1), text(b"one"), echo(TEXT, b"one"),
               part(TEXT, b"two", 0, 3, rsv=4), refused)
    yield case("3.5", "rsv 5 in a binary message", binary(b"\x00\xff" * 4, rsv=5), refused)
    yield case("3.6", "rsv 6 in a ping", ping(HELLO, rsv=6), refused)
    yield case("3.7", "rsv 7 in a close", send(CLOSE, b"\x03\xe8", rsv=7), refused)
    for bits in range(1, 8):
        yield case(f"3.8.{bits}", f"rsv {bits} in an empty ping", ping(b"", rsv=bits), refused)
        yield case(f"3.9.{bits}", f"rsv {bits} in a continuation", text(b"a", fin=False), cont(b"b", True, rsv=bits), refused)


def opcodes():
    for number, opcode in enumerate((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)):
        group, n = (1, number + 1) if opcode < 8 else (2, number - 4)
        yield case(f"4.{group}.{n}.1", f"opcode {opcode}, empty", send(opcode), refused)
        yield case(f"4.{group}.{n}.2", f"opcode {opcode}, with a payload", send(opcode, b"reserved"), refused)
        yield case(f"4.{group}.{n}.3", f"opcode {opcode} behind a message, which is answered", text(b"one"), send(opcode, b"x"),
                   ping(), echo(TEXT, b"one"), refused)
        yield case(f"4.{group}.{n}.4", f"opcode {opcode} behind a message, byte by byte", chop(1), text(b"one"),
                   echo(TEXT, b"one"), raw(b"%c" % (0x80 | opcode)), raw(b"\x80"), raw(b"\0\0\0\0"), refused)
        yield case(f"4.{group}.{n}.5", f"opcode {opcode} within a message", text(b"one", fin=False), send(opcode), refused)


def fragments():
    one, two = b"fragment1", b"fragment2"
    both = echo(TEXT, one + two)
    yield case("5.1", "a ping in two fragments", ping(one, fin=False), cont(two, True), refused)
    yield case("5.2", "a pong in two fragments", pong(one, fin=False), cont(two, True), refused)
    yield case("5.2a", "a close in two fragments", send(CLOSE, b"\x03\xe8", fin=False), cont(b"", True), refused)
    pieces = (text(one, fin=False), cont(two, True))
    yield case("5.3", "text in two fragments", *pieces, both, done())
    yield case("5.4", "the same in one write", together(*pieces), both, done())
    yield case("5.5", "the same, byte by byte", chop(1), *pieces, both, done())
    with_ping = (text(one, fin=False), ping(b"between"), cont(two, True))
    yield case("5.6", "text in two fragments, a ping between them is answered first", text(one, fin=False), ping(b"between"),
               ponged(b"between"), cont(two, True), both, done())
    yield case("5.7", "the same in one write", together(*with_ping), ponged(b"between"), both, done())
    yield case("5.8", "the same, byte by byte", chop(1), *with_ping, ponged(b"between"), both, done())
    for n, fin in ((9, True), (12, False)):
        lone = cont(b"lone", fin)
        yield case(f"5.{n}", f"a continuation of nothing (fin {fin:d}), and a text", lone, text(HELLO), refused)
        yield case(f"5.{n + 1}", "the same in one write", together(lone, text(HELLO)), refused)
        yield case(f"5.{n + 2}", "the same, byte by byte, without the text", chop(1), part(CONT, b"lone", 0, 1, fin=fin),
                   refused)
    yield case("5.15", "a message in fragments, then a continuation of nothing", *pieces, cont(b"3", False), text(b"4"), both,
               refused)
    yield case("5.16", "twice: a continuation of nothing, a text in fragments", cont(b"1"), *pieces, refused)
    yield case("5.17", "a text begins within a text", text(one, fin=False), text(two), refused)
    yield case("5.18", "a text begins within a text, unfinished", text(one, fin=False), text(two, fin=False), refused)
    yield case("5.18a", "a binary message begins within a text", text(one, fin=False), binary(two), refused)
    five = (text(b"1", fin=False), cont(b"2"), ping(b"ping 1"), cont(b"3"), cont(b"4"), ping(b"ping 2"), cont(b"5", True))
    answers = (ponged(b"ping 1"), ponged(b"ping 2"), echo(TEXT, b"12345"))
    yield case("5.19", "five fragments with two pings", *five, *answers, done())
    yield case("5.20", "the same, each answer awaited", *five[:3], answers[0], *five[3:6], answers[1], five[6], answers[2], done())
    yield case("5.20a", "the same, byte by byte", chop(1), *five, *answers, done())
    yield case("5.21", "empty fragments around a full one", text(b"", fin=False), cont(b"middle"), cont(b"", True),
               echo(TEXT, b"middle"), done())
    yield case("5.22", "three empty fragments are an empty message", binary(b"", fin=False), cont(b""), cont(b"", True),
               echo(BINARY, b""), done())
    yield case("5.23", "a fragment whose head comes byte by byte behind a whole one", text(one, fin=False), chop(1),
               cont(two, True), both, done())
    yield case("5.24", "a message within the fragments of another, as a lone frame behind them", *pieces, binary(b"b"), both,
               echo(BINARY, b"b"), done())


VALID_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
INVALID_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 9999, 32768, 65535)


def closes():
    yield case("7.1.1", "a text, then the closing handshake", round_trip(TEXT, HELLO), done())
    yield case("7.1.2", "two closes: one answer", together(close(), close()), closed(1000))
    yield case("7.1.3", "a ping behind the close is not answered", together(close(), ping()), closed(1000))
    yield case("7.1.4", "a text behind the close is not answered", together(close(), text(HELLO)), closed(1000))
    yield case("7.1.5", "a close within a message, and its rest", together(
        text(b"1", fin=False), close(), cont(b"2", True)), closed(1000))
    yield case("7.1.6", "256 kB, a close, a ping: the echo comes before the close", text(letters(262144)), close(), ping(),
               echo(TEXT, letters(262144)), closed(1000))
    yield case("7.1.7", "a close behind a broken frame changes nothing", together(text(b"x", rsv=1), close()), refused)
    yield case("7.1.8", "a broken frame behind the close changes nothing", together(close(1000), text(b"x", rsv=1)), closed(1000))
    yield case("7.1.9", "a close, byte by byte", chop(1), done(1001))
    yield case("7.1.10", "half a frame, then we go: no answer to it is expected", raw(b"\x82", "half a head"))
    yield case("7.3.1", "a close without a payload", send(CLOSE), closed(None))
    yield case("7.3.2", "a close with one byte", send(CLOSE, b"a"), refused)
    yield case("7.3.3", "a close with a code", close(1000), closed(1000))
    yield case("7.3.4", "a close with a code and a reason", close(1000, b"Hello"), closed(1000))
    yield case("7.3.5", "a close with a reason of 123 bytes", close(1000, b"*" * 123), closed(1000))
    yield case("7.3.6", "a close with a reason of 124 bytes", close(1000, b"*" * 124), refused)
    yield case("7.5.1", "a reason that is not UTF-8", close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"),
               closed(BAD_DATA))
    yield case("7.5.2", "a reason that ends within a character", close(1000, b"caf\xc3"), closed(BAD_DATA))
    yield case("7.5.3", "a reason of other letters", close(1000, "κόσμε 😀".encode()), closed(1000))
    for number, code in enumerate(VALID_CODES, 1):
        yield case(f"7.7.{number}", f"close {code}", done(code))
    for number, code in enumerate(INVALID_CODES, 1):
        yield case(f"7.9.{number}", f"close {code}, which may not be sent", close(code), refused)
        yield case(f"7.10.{number}", f"close {code} with a reason", close(code, b"reason"), refused)


SECTIONS = {"1": framing, "2": pings, "3": reserved_bits, "4": opcodes, "5": fragments, "7": closes}
