# SPDX-License-Identifier: MPL-2.0
# client.py PROXY PORT CAFILE TIMEOUT LIMIT: python3-websockets through a proxy that ends connections after TIMEOUT seconds of silence,
# and lets LIMIT connections of one address in; closes with "N passed, N failed".
import asyncio
import http.client
import os
import random
import ssl
import sys
import time

import websockets

from nsd import in_order

PROXY, PORT, CAFILE, SILENCE, LIMIT = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), int(sys.argv[5])
TIMEOUT = 15 * int(os.environ.get("TIMES", "1"))
TLS = ssl.create_default_context(cafile=CAFILE)
passed = failed = 0


def check(name, condition, detail=""):
    global passed, failed
    if condition:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {PROXY}: {name} {detail}", flush=True)


def connect(path="/echo", source=None, **options):
    """Pings are nsd's: the client only answers them."""
    if source:
        options["local_addr"] = (source, 0)
    return websockets.connect(f"wss://localhost:{PORT}{path}", host="127.0.0.1", port=PORT, ssl=TLS, max_size=None, ping_interval=None,
                              open_timeout=TIMEOUT, close_timeout=TIMEOUT, **options)


async def status(path="/echo", source=None, **options):
    """The status of a handshake."""
    try:
        async with connect(path, source, **options):
            return 101
    except websockets.InvalidStatusCode as e:
        return e.status_code


def get(path, source="127.0.0.1", **headers):
    conn = http.client.HTTPSConnection("localhost", PORT, context=TLS, timeout=TIMEOUT, source_address=(source, 0))
    conn.request("GET", path, headers=headers)
    answer = conn.getresponse()
    text = answer.read().decode()
    conn.close()
    return answer.status, text


async def echo(ws, message):
    await ws.send(message)
    return await asyncio.wait_for(ws.recv(), TIMEOUT)


async def messages():
    async with connect() as ws:
        for size in (0, 1, 125, 126, 65535, 65536, 1 << 20):
            message = "é" * (size // 2) + "." * (size % 2)
            check(f"text {size}", await echo(ws, message) == message)
            message = random.randbytes(size)
            check(f"binary {size}", await echo(ws, message) == message)
    # not compressed: bytes as they are
    async with connect(compression=None) as ws:
        message = random.randbytes(1 << 20)
        check("1 MB without compression", await echo(ws, message) == message)


async def burst():
    async with connect() as ws:
        parts = [random.randbytes(random.randrange(0, 20000)) for _ in range(200)]
        check("200 messages in order", await in_order(ws, parts, TIMEOUT))


async def pings():
    async with connect() as ws:
        await asyncio.wait_for(await ws.ping(b"are you there"), TIMEOUT)
        check("a ping of the client is answered", True)


async def closing():
    key = f"{PROXY}{random.randrange(10**9)}"
    ws = await connect()
    await echo(ws, f"key {key}")
    await ws.close(code=4001, reason="enough")
    check("the client's code comes back", ws.close_code == 4001, ws.close_code)
    loop = asyncio.get_running_loop()
    end = time.monotonic() + TIMEOUT
    while (ended := (await loop.run_in_executor(None, get, f"/ended?key={key}"))[1]) == "" and time.monotonic() < end:
        await asyncio.sleep(0.02)
    check("the client's code and reason at the server", ended == "4001 enough", ended)
    ws = await connect()
    await ws.send("close 4002 go away")
    await asyncio.wait_for(ws.wait_closed(), TIMEOUT)
    check("the server's code and reason", (ws.close_code, ws.close_reason) == (4002, "go away"), (ws.close_code, ws.close_reason))


async def silence():
    """
    Pings keep a session that is silent for longer than the proxy bears.  Without them it is lost, so that the first means something;
    a client that talks keeps it as well, although the server does not.
    """
    async with connect() as kept:
        async with connect("/nopings") as lost:
            check("echo before", await echo(lost, "x") == "x")
            began = time.monotonic()
            await asyncio.wait_for(lost.wait_closed(), TIMEOUT)
            took = time.monotonic() - began
            check("without pings the proxy ends it", lost.close_code == 1006 and took > 0.7 * SILENCE, (lost.close_code, took))
        async with connect("/quiet") as talker:
            end = time.monotonic() + 2 * SILENCE
            while time.monotonic() < end:
                await talker.send("something")
                await asyncio.sleep(SILENCE / 4)
            check("one side that talks is enough", talker.open, talker.close_code)
        check("with pings it is open after all that time", await echo(kept, "still here") == "still here")


async def addresses():
    """What nsd takes for the client's address, whatever the client says of itself."""
    loop = asyncio.get_running_loop()
    said = {"X-Forwarded-For": "9.9.9.9"}
    answer = await loop.run_in_executor(None, lambda: get("/peer", "127.0.0.2", **said))
    check("peeraddr, the proxy's address, Host", answer == (200, f"127.0.0.2 127.0.0.1 localhost:{PORT}"), answer)
    held = [await connect("/few", "127.0.0.2", extra_headers=said) for _ in range(3)]
    check("maxperip is reached", await status("/few", "127.0.0.2", extra_headers=said) == 429)
    check("and by this address only", await status("/few", "127.0.0.3") == 101)
    for ws in held:
        await ws.close()


async def origins():
    check("the own origin", await status(origin=f"https://localhost:{PORT}") == 101)
    for origin in ("https://localhost", "http://evil.test", f"https://localhost:{PORT + 1}"):
        check(f"origin {origin}", await status(origin=origin) == 403)


async def limit():
    held = [await connect("/echo", "127.0.0.4") for _ in range(LIMIT)]
    check("as many as the proxy lets in", [await echo(ws, "x") for ws in held] == ["x"] * LIMIT)
    check("one more", await status("/echo", "127.0.0.4") == 429)
    check("of another address", await status("/echo", "127.0.0.5") == 101)
    for ws in held:
        await ws.close()


for scenario in (messages, burst, pings, closing, silence, addresses, origins, limit):
    try:
        asyncio.run(asyncio.wait_for(scenario(), 3 * TIMEOUT))
    except Exception as e:
        check(scenario.__name__, False, repr(e))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
