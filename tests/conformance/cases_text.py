# SPDX-License-Identifier: MPL-2.0
# Text is UTF-8 (section 6): what is and what is not, wherever it is cut, and that the first wrong byte ends the session
# before the rest of the frame has been sent.
from steps import (BAD_DATA, BINARY, CONT, TEXT, alive, case, chop, closed, cont, done, echo, part, round_trip, text, together)

# Bytes that may follow each first byte: RFC 3629, section 4.
SECOND = {0xe0: (0xa0, 0xbf), 0xed: (0x80, 0x9f), 0xf0: (0x90, 0xbf), 0xf4: (0x80, 0x8f)}


def first_wrong(data):
    """The offset of the first byte with which this can no longer become UTF-8; len(data) when it only ends too early;
    None when it is valid."""
    need, low, high = 0, 0x80, 0xbf
    for at, byte in enumerate(data):
        if need:
            if not low <= byte <= high:
                return at
            need, low, high = need - 1, 0x80, 0xbf
        elif byte >= 0x80:
            if not 0xc2 <= byte <= 0xf4:
                return at
            need = 1 if byte < 0xe0 else 2 if byte < 0xf0 else 3
            low, high = SECOND.get(byte, (0x80, 0xbf))
    return len(data) if need else None


def encode(code):
    """A code point in the shortest form, also one that may not be written."""
    return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10ffff else bytes(
        [0xf0 | code >> 18, 0x80 | code >> 12 & 63, 0x80 | code >> 6 & 63, 0x80 | code & 63])


def longer(code, size):
    """A code point in `size` bytes, more than it needs."""
    head = {2: 0xc0, 3: 0xe0, 4: 0xf0, 5: 0xf8, 6: 0xfc}[size]
    tail = [0x80 | code >> 6 * i & 63 for i in range(size - 1)][::-1]
    return bytes([head | code >> 6 * (size - 1), *tail])


VALID = {
    "Greek": "κόσμε".encode(), "Thai": "ยินดีต้อนรับ".encode(), "Hebrew and Arabic": "שלום سلام".encode(),
    "Chinese": "你好，世界".encode(), "emoji with joiners": "👩‍👩‍👧‍👦 🏳️‍🌈".encode(), "a NUL between": b"a\0b",
    "a mark of byte order": b"\xef\xbb\xbfa", "combining marks": "e\u0301a\u0308".encode(),
    **{f"U+{code:X}": encode(code) for code in (
        0, 1, 0x7f, 0x80, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd000, 0xd7ff, 0xe000, 0xf8ff, 0xfdd0, 0xfffd, 0xfffe, 0xffff,
        0x10000, 0x1fffe, 0x1ffff, 0x3ffff, 0x40000, 0xfffff, 0x100000, 0x10fffe, 0x10ffff)},
}
INVALID = {
    **{f"surrogate U+{code:X}": encode(code) for code in (0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff)},
    **{f"a pair {high:X} {low:X}": encode(high) + encode(low) for high, low in (
        (0xd800, 0xdc00), (0xd800, 0xdfff), (0xdb7f, 0xdc00), (0xdbff, 0xdc00), (0xdbff, 0xdfff))},
    **{f"past the end: U+{code:X}": encode(code) for code in (0x110000, 0x13ffff, 0x140000, 0x1fffff)},
    **{f"{what} in {size} bytes": longer(code, size) for what, code, sizes in (
        ("NUL", 0, (2, 3, 4, 5, 6)), ("/", 0x2f, (2, 3, 4, 5, 6)), ("U+7F", 0x7f, (2, 3, 4)), ("U+7FF", 0x7ff, (3, 4)),
        ("U+FFFF", 0xffff, (4, 5)), ("U+10FFFF", 0x10ffff, (5, 6)), ("U+3FFFFFF", 0x3ffffff, (5, 6)),
        ("U+7FFFFFFF", 0x7fffffff, (6,))) for size in sizes},
    **{f"a lone {byte:02x}": b"%c" % byte for byte in (0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xef, 0xf0, 0xf4, 0xf5, 0xf7,
                                                    0xf8, 0xfb, 0xfc, 0xfd, 0xfe, 0xff)},
    "two to seven continuations": bytes(range(0x80, 0x87)), "all continuations": bytes(range(0x80, 0xc0)),
    "fe fe ff ff": b"\xfe\xfe\xff\xff", "a 2-byte head, then a letter": b"\xc3a", "a 3-byte head, then a letter": b"\xe2\x82a",
    "a 4-byte head, then a letter": b"\xf0\x9f\x98a", "a head after a head": b"\xe2\xe2\x82\xac", "an extra continuation": b"\xc3\xa9\xa9",
    "1 of 3 bytes": b"\xe2", "2 of 3 bytes": b"\xe2\x82", "1 of 4 bytes": b"\xf0", "2 of 4 bytes": b"\xf0\x9f",
    "3 of 4 bytes": b"\xf0\x9f\x98", "eight heads of 2, with blanks": b" ".join(b"%c" % c for c in range(0xd8, 0xe0)),
    "eight heads of 3, with blanks": b" ".join(b"%c" % c for c in range(0xe0, 0xe8)),
}
AROUND = b"before-", b"-behind"
LONG = b"0123456789abcdef" * 8                 # so that whole registers are checked before and behind


def in_fragments(data, size=1):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return [text(parts[0], fin=len(parts) == 1), *(cont(p, i == len(parts) - 1) for i, p in enumerate(parts[1:], 1))]


def cut_everywhere(data):
    """In two fragments, cut at every byte."""
    for at in range(len(data) + 1):
        yield [text(data[:at], fin=False), cont(data[at:], True)]


def unharmed():
    mixed = "Hello-µ@ßöäüàá-UTF-8!! κόσμε 😀".encode()
    yield case("6.1.1", "an empty text", round_trip(TEXT, b""), done())
    yield case("6.1.2", "an empty text of three fragments", text(b"", fin=False), cont(b""), cont(b"", True), echo(TEXT, b""), done())
    yield case("6.1.3", "a text between two empty fragments", text(b"", fin=False), cont(mixed), cont(b"", True), echo(TEXT, mixed), done())
    yield case("6.2.1", "a text of letters of 1 to 4 bytes", round_trip(TEXT, mixed), done())
    yield case("6.2.2", "the same in two fragments, cut at every byte",
               [[*pieces, echo(TEXT, mixed)] for pieces in cut_everywhere(mixed)], done())
    yield case("6.2.3", "the same, each byte a fragment", in_fragments(mixed), echo(TEXT, mixed), done())
    yield case("6.2.4", "the same, byte by byte", chop(1), text(mixed), echo(TEXT, mixed), done())
    yield case("6.2.5", "each byte a fragment, byte by byte", chop(1), in_fragments(mixed[-11:]), echo(TEXT, mixed[-11:]), done())
    for n, (name, data) in enumerate(VALID.items(), 1):
        framed = AROUND[0] + data + AROUND[1]
        yield case(f"6.5.{n}", f"valid: {name}", round_trip(TEXT, data), round_trip(TEXT, framed),
                   in_fragments(data), echo(TEXT, data), round_trip(TEXT, LONG + data + LONG), done())
    yield case("6.5.90", "any bytes are fine in a binary message", [round_trip(BINARY, data) for data in INVALID.values()], done())


def harmed():
    for n, (name, data) in enumerate(INVALID.items(), 1):
        wrong = first_wrong(data)
        yield case(f"6.6.{n}", f"invalid: {name}", text(data), closed(BAD_DATA))
        yield case(f"6.7.{n}", f"invalid: {name}, between letters", text(AROUND[0] + data + AROUND[1]), closed(BAD_DATA))
        yield case(f"6.8.{n}", f"invalid: {name}, between many", text(LONG[n % 16:] + data + LONG), closed(BAD_DATA))
        yield case(f"6.9.{n}", f"invalid: {name}, each byte a fragment, in one write", together(*in_fragments(data)), closed(BAD_DATA))
        if wrong < len(data):
            framed = AROUND[0] + data + AROUND[1]
            at = len(AROUND[0]) + wrong
            # What is valid so far is no reason to end it (a ping is answered between fragments); one byte more is.
            yield case(f"6.4.{n}.1", f"invalid: {name}; found before the frame ends", part(TEXT, framed, 0, at),
                       part(TEXT, framed, at, at + 1), closed(BAD_DATA))
            yield case(f"6.4.{n}.2", f"invalid: {name}; found in its fragment, and not before", text(framed[:at], fin=False), alive,
                       part(CONT, framed[at:] + LONG, 0, 1, fin=False), closed(BAD_DATA))
        else:
            yield case(f"6.4.{n}.3", f"unfinished: {name}; found at the end, and not before", text(data, fin=False), alive,
                       cont(b"", True), closed(BAD_DATA))


def fail_fast():
    good, bad = "κόσμε".encode(), b"\xed\xa0\x80"
    yield case("6.3.1", "a surrogate in the middle of a text", text(good + bad + b"edited"), closed(BAD_DATA))
    yield case("6.3.2", "the same, each byte a fragment", together(*in_fragments(good + bad + b"edited")), closed(BAD_DATA))
    yield case("6.4.0.1", "three fragments: the second is wrong", text(good, fin=False), alive, cont(b"\xf4\x90\x80\x80"), closed(BAD_DATA))
    yield case("6.4.0.2", "three fragments: the second is cut behind the wrong byte", text(good + b"\xf4", fin=False), alive,
               cont(b"\x90"), closed(BAD_DATA))
    whole = good + b"\xf4\x90\x80\x80" + b"edited"
    yield case("6.4.0.3", "one frame in three pieces: the second is wrong", part(TEXT, whole, 0, len(good)),
               part(TEXT, whole, len(good), len(good) + 4), closed(BAD_DATA))
    yield case("6.4.0.4", "one frame in pieces: wrong with the second byte of the second", part(TEXT, whole, 0, len(good) + 1),
               part(TEXT, whole, len(good) + 1, len(good) + 2), closed(BAD_DATA))
    large = b"x" * 300000
    yield case("6.4.0.5", "a wrong byte behind 300 kB of a frame of 600 kB", part(TEXT, large + b"\xff" + large, 0, 300001),
               closed(BAD_DATA))
    yield case("6.4.0.6", "a wrong byte in a frame of 10 MB, of which nothing more is sent",
               part(TEXT, b"abc\xc0" + b"x" * 10_000_000, 0, 4), closed(BAD_DATA))


def texts():
    yield from unharmed()
    yield from fail_fast()
    yield from harmed()


SECTIONS = {"6": texts}
