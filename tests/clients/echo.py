# SPDX-License-Identifier: MPL-2.0
# echo.py URL CAFILE: python3-websockets against an echo; closes with "N passed, N failed".
import asyncio
import os
import random
import ssl
import sys

import websockets

URL, CAFILE = sys.argv[1:3]
SIZES = [0, 1, 2, 125, 126, 127, 1000, 65535, 65536, 65537, 131072, 300000, 1 << 20]
TIMEOUT = 20 * int(os.environ.get("TIMES", "1"))
passed = failed = 0


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"FAIL python {URL} {name} {detail}", flush=True)


def connect(**options):
    if URL.startswith("wss:"):
        options["ssl"] = ssl.create_default_context(cafile=CAFILE)
    return websockets.connect(URL, max_size=None, open_timeout=TIMEOUT, close_timeout=TIMEOUT, ping_interval=None, **options)


def text(size):
    """`size` bytes of UTF-8, of characters of 1 to 4 bytes."""
    out = "".join(random.choice("a\x00é€😀z ") for _ in range(size // 2 + 1)).encode()[:size].decode(errors="ignore")
    return out + "." * (size - len(out.encode()))


async def echo(ws, message):
    await ws.send(message)
    return await asyncio.wait_for(ws.recv(), TIMEOUT)


async def sizes():
    async with connect() as ws:
        for size in SIZES:
            message = text(size)
            check(f"text {size}", await echo(ws, message) == message)
            message = random.randbytes(size)
            check(f"binary {size}", await echo(ws, message) == message)


async def fragments():
    async with connect() as ws:
        parts = [random.randbytes(n) for n in (0, 1, 70000, 125, 3)]
        check("fragmented binary", await echo(ws, list(parts)) == b"".join(parts))
        parts = ["fr", "", "ag", "ment" * 1000, "é"]
        check("fragmented text", await echo(ws, list(parts)) == "".join(parts))


async def pings():
    async with connect() as ws:
        pong = await ws.ping(b"are you there")
        await asyncio.wait_for(pong, TIMEOUT)
        check("pong", True)
        check("echo after a ping", await echo(ws, "x") == "x")


async def burst():
    """Many messages without waiting for answers: all come back, in order."""
    async with connect() as ws:
        messages = [random.randbytes(random.randrange(0, 3000)) for _ in range(500)]

        async def send():
            for message in messages:
                await ws.send(message)

        sender = asyncio.ensure_future(send())
        answers = [await asyncio.wait_for(ws.recv(), TIMEOUT) for _ in messages]
        await sender
        check("burst of 500", answers == messages)


async def closing():
    ws = await connect()
    await ws.close(code=4001, reason="enough")
    check("close", ws.close_code == 4001, ws.close_code)


async def many():
    async def one(number):
        async with connect() as ws:
            return [await echo(ws, f"{number}/{i}") for i in range(5)] == [f"{number}/{i}" for i in range(5)]

    check("40 at once", all(await asyncio.gather(*(one(n) for n in range(40)))))


for scenario in (sizes, fragments, pings, burst, closing, many):
    try:
        asyncio.run(asyncio.wait_for(scenario(), 3 * TIMEOUT))
    except Exception as e:
        check(scenario.__name__, False, repr(e))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
