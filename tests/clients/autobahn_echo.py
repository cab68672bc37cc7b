# SPDX-License-Identifier: MPL-2.0
# python3-autobahn (on asyncio) and nsd, which echoes; closes with "N passed, N failed".
#   autobahn_echo.py ?--deflate? ?--large? URL CAFILE
#   autobahn_echo.py --deflate --serve ws|wss PORT CAFILE CERT KEY       it is the server, to which nsd (control at PORT) connects
import asyncio
import random
import sys
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol, WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import (PerMessageDeflateOffer, PerMessageDeflateOfferAccept, PerMessageDeflateResponse,
                                         PerMessageDeflateResponseAccept)

from nsd import SIZES, TIMEOUT, Count, arguments, ask, client_context, result, server_context, text

options = arguments()
count = Count("python3-autobahn", options.who)
check = count.check


class Events:
    """What the library tells its protocol is put into a queue."""

    def __init__(self):
        super().__init__()
        self.queue = asyncio.Queue()
        self.opened = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()

    def onOpen(self):
        if not self.opened.done():
            self.opened.set_result(self)

    def onMessage(self, payload, isBinary):
        self.queue.put_nowait(("binary" if isBinary else "text", payload))

    def onPong(self, payload):
        self.queue.put_nowait(("pong", payload))

    def onClose(self, wasClean, code, reason):
        self.queue.put_nowait(("close", code))
        if not self.ended.done():
            self.ended.set_result((wasClean, code))

    async def next(self):
        return await asyncio.wait_for(self.queue.get(), TIMEOUT)

    async def echo(self, payload, binary, size=None):
        """`size`: in frames of that many bytes."""
        self.sendMessage(payload, isBinary=binary, fragmentSize=size)
        return await self.next() == ("binary" if binary else "text", payload)


class Client(Events, WebSocketClientProtocol):
    pass


class Server(Events, WebSocketServerProtocol):
    def onConnect(self, request):
        """The subprotocol that is chosen."""
        return next((name for name in request.protocols if name in self.factory.protocols), None)


def compression(factory, parameters):
    """`parameters`: of what is offered (client) or answered (server)."""
    if options.serve:
        def accept(offers):
            for offer in offers:
                if isinstance(offer, PerMessageDeflateOffer):
                    return PerMessageDeflateOfferAccept(offer, **parameters)
        factory.setProtocolOptions(perMessageCompressionAccept=accept)
    else:
        def accept(response):
            if isinstance(response, PerMessageDeflateResponse):
                return PerMessageDeflateResponseAccept(response)
        factory.setProtocolOptions(perMessageCompressionOffers=[PerMessageDeflateOffer(**parameters)], perMessageCompressionAccept=accept)


@asynccontextmanager
async def connect(deflate=None, protocols=None, words=""):
    loop = asyncio.get_running_loop()
    common = dict(openHandshakeTimeout=TIMEOUT, closeHandshakeTimeout=TIMEOUT, utf8validateIncoming=True, applyMask=True)
    if not options.serve:
        url = urlsplit(options.url)
        factory = WebSocketClientFactory(options.url, protocols=protocols, loop=loop)
        factory.protocol = Client
        factory.setProtocolOptions(failByDrop=False, **common)
        if deflate is not None:
            compression(factory, deflate)
        transport, ws = await loop.create_connection(factory, "127.0.0.1", url.port, ssl=client_context(options),
                                                     server_hostname="localhost" if url.scheme == "wss" else None)
        ws.result = None
        await asyncio.wait_for(ws.opened, TIMEOUT)
        yield ws
        await finish(ws)
        return
    made = loop.create_future()
    factory = WebSocketServerFactory(protocols=protocols, loop=loop)

    def protocol():
        ws = Server()
        made.set_result(ws)
        return ws

    factory.protocol = protocol
    factory.setProtocolOptions(failByDrop=False, **common)
    if deflate is not None:
        compression(factory, deflate)
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context(options))
    try:
        words += f" -deflate {int(deflate is not None)}" + (f" -protocols {{{' '.join(protocols)}}}" if protocols else "")
        id = await ask(options, server.sockets[0].getsockname()[1], words)
        ws = await asyncio.wait_for(made, TIMEOUT)
        ws.result = lambda: result(options, id)
        await asyncio.wait_for(ws.opened, TIMEOUT)
        yield ws
        await finish(ws)
    finally:
        server.close()


async def finish(ws):
    if not ws.ended.done():
        ws.sendClose(1000)
        ended = await asyncio.wait_for(ws.ended, TIMEOUT)
        check("closes cleanly", ended == (True, 1000), ended)


async def sizes():
    async with connect() as ws:
        for size in SIZES[:-2] + ([1 << 20] if options.large else []):     # its masks are made byte by byte, in Python
            check(f"text {size}", await ws.echo(text(size).encode(), False))
            check(f"binary {size}", await ws.echo(random.randbytes(size), True))


async def fragments():
    async with connect() as ws:
        for size in (1, 100, 125, 126, 65536):
            message = text(3000 if size < 100 else 200000).encode()
            check(f"text in fragments of {size}", await ws.echo(message, False, size))
            check(f"binary in fragments of {size}", await ws.echo(message, True, size))


async def pings():
    async with connect() as ws:
        for payload in (b"are you there", b"x" * 125):
            ws.sendPing(payload)
            check(f"pong {len(payload)}", await ws.next() == ("pong", payload))
        ws.sendPong(b"nobody asked")
        check("echo after a pong that nobody asked for", await ws.echo(b"x", False))


async def burst():
    async with connect() as ws:
        messages = [random.randbytes(random.randrange(0, 3000)) for _ in range(500)]
        for message in messages:
            ws.sendMessage(message, isBinary=True)
        check("burst of 500", [await ws.next() for _ in messages] == [("binary", message) for message in messages])


async def closing():
    for code, reason in ((1000, ""), (1000, "done"), (3000, "x" * 123), (4001, "enough"), (4999, "é" * 61)):
        async with connect() as ws:
            ws.sendClose(code, reason or None)
            ended = await asyncio.wait_for(ws.ended, TIMEOUT)
            check(f"close {code}", ended == (True, code), ended)
            if ws.result:
                told = await ws.result()
                check(f"nsd is told of close {code}", told == (code, reason), told)


async def protocols():
    async with connect(protocols=["chat", "other"]) as ws:
        check("subprotocol", ws.websocket_protocol_in_use == "chat" and await ws.echo(b"x", False), ws.websocket_protocol_in_use)


OFFERS = (
    ({}, ""), (dict(request_no_context_takeover=True), ""), (dict(request_max_window_bits=9), ""),
    (dict(request_no_context_takeover=True, request_max_window_bits=12), ""),
    (dict(accept_no_context_takeover=False, accept_max_window_bits=False), ""),
)
# To nsd's offer: the server's own no_context_takeover and window_bits follow from it.
ANSWERS = (
    ({}, ""), ({}, "-takeover 1 -peertakeover 1"), (dict(request_no_context_takeover=True), "-takeover 1 -peertakeover 1"),
    (dict(request_max_window_bits=9), "-takeover 1 -peertakeover 1"), (dict(request_max_window_bits=15), ""),
)


async def deflate():
    for parameters, words in ANSWERS if options.serve else OFFERS:
        async with connect(deflate=parameters, words=words) as ws:
            name = f"deflate {parameters} {words}"
            check(f"{name} is agreed on", ws.websocket_extensions_in_use, ws.websocket_extensions_in_use)
            for size in (0, 1, 200, 5000, 70000, 300000):
                message = text(size).encode()
                check(f"{name} text {size}", await ws.echo(message, False) and await ws.echo(message, False))
                check(f"{name} binary {size}", await ws.echo(random.randbytes(size), True))
            check(f"{name} in fragments", await ws.echo(text(50000).encode(), False, 1000))


for scenario in (sizes, fragments, pings, burst, closing, protocols, deflate):
    try:
        asyncio.run(asyncio.wait_for(scenario(), 3 * TIMEOUT))
    except Exception as e:
        check(scenario.__name__, False, repr(e))
sys.exit(count.finish())
