# SPDX-License-Identifier: MPL-2.0
# python3-websockets and nsd, which echoes; closes with "N passed, N failed".
#   echo.py ?--deflate? ?--large? URL CAFILE                   it is the client
#   echo.py --deflate --serve ws|wss PORT CAFILE CERT KEY      it is the server, to which nsd (control at PORT) connects
import asyncio
import random
import sys
from contextlib import asynccontextmanager

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

from nsd import LARGEST, SIZES, TIMEOUT, Count, arguments, ask, client_context, in_order, result, server_context, text

options = arguments()
count = Count("python3-websockets", options.who)
check = count.check
usual = dict(max_size=None, close_timeout=TIMEOUT, ping_interval=None)


@asynccontextmanager
async def connect(deflate=None, protocols=None, words=""):
    """A session, whoever opened it.  `deflate`: the parameters of permessage-deflate; `words`: options for nsd's side."""
    more = dict(usual, compression=None, subprotocols=protocols)
    if not options.serve:
        more["extensions"] = [ClientPerMessageDeflateFactory(**deflate)] if deflate is not None else None
        async with websockets.connect(options.url, ssl=client_context(options), open_timeout=TIMEOUT, **more) as ws:
            ws.result = None
            yield ws
        return
    opened = asyncio.get_running_loop().create_future()

    async def handler(ws):
        opened.set_result(ws)
        await ws.wait_closed()

    more["extensions"] = [ServerPerMessageDeflateFactory(**deflate)] if deflate is not None else None
    async with websockets.serve(handler, "127.0.0.1", 0, ssl=server_context(options), **more) as server:
        port = server.sockets[0].getsockname()[1]
        words += f" -deflate {int(deflate is not None)}" + (f" -protocols {{{' '.join(protocols)}}}" if protocols else "")
        id = await ask(options, port, words)
        ws = await asyncio.wait_for(opened, TIMEOUT)
        ws.result = lambda: result(options, id)
        try:
            yield ws
        finally:
            await ws.close()


async def echo(ws, message):
    await ws.send(message)
    return await asyncio.wait_for(ws.recv(), TIMEOUT)


async def sizes():
    async with connect() as ws:
        for size in SIZES + ([LARGEST] if options.large else []):
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
        check("burst of 500", await in_order(ws, [random.randbytes(random.randrange(0, 3000)) for _ in range(500)]))


async def closing():
    for code, reason in ((1000, ""), (1001, "going"), (1011, "é" * 61), (3000, "x" * 123), (4001, "enough"), (4999, "")):
        async with connect() as ws:
            await ws.close(code, reason)
            check(f"close {code}", (ws.close_code, ws.close_reason) in ((code, ""), (code, reason)), (ws.close_code, ws.close_reason))
            if ws.result:
                told = await ws.result()
                check(f"nsd is told of close {code}", told == (code, reason), told)


async def many():
    async def one(number):
        async with connect() as ws:
            return [await echo(ws, f"{number}/{i}") for i in range(5)] == [f"{number}/{i}" for i in range(5)]

    check("40 at once", all(await asyncio.gather(*(one(n) for n in range(40)))))


async def protocols():
    async with connect(protocols=["chat", "other"]) as ws:
        check("subprotocol", ws.subprotocol == "chat" and await echo(ws, "x") == "x", ws.subprotocol)


DEFLATE = (
    ({}, ""), ({}, "-takeover 1 -peertakeover 1"),
    (dict(server_no_context_takeover=True, client_no_context_takeover=True), ""),
    (dict(server_max_window_bits=9), "-deflatebits 15"), (dict(client_max_window_bits=9), "-takeover 1"),
    (dict(server_max_window_bits=12, client_max_window_bits=12), "-takeover 1 -peertakeover 1"),
)


async def deflate():
    for parameters, words in DEFLATE:
        async with connect(deflate=parameters, words=words) as ws:
            name = f"deflate {parameters} {words}"
            check(f"{name} is agreed on", [e.name for e in ws.extensions] == ["permessage-deflate"], ws.extensions)
            for size in (0, 1, 200, 5000, 70000, 300000):
                message = text(size)
                check(f"{name} text {size}", await echo(ws, message) == message and await echo(ws, message) == message)
                message = random.randbytes(size)
                check(f"{name} binary {size}", await echo(ws, message) == message)
            parts = [text(n) for n in (10, 0, 9000, 77)]
            check(f"{name} fragments", await echo(ws, list(parts)) == "".join(parts))


for scenario in (sizes, fragments, pings, burst, closing, many) + ((protocols, deflate) if options.deflate else ()):
    try:
        asyncio.run(asyncio.wait_for(scenario(), 3 * TIMEOUT))
    except Exception as e:
        check(scenario.__name__, False, repr(e))
sys.exit(count.finish())
