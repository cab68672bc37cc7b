# SPDX-License-Identifier: MPL-2.0
# What the Python peers share: the tested server's control (tests/conformance/procs/conform.tcl), counts, messages.
import argparse
import asyncio
import http.client
import os
import random
import ssl
from urllib.parse import urlencode

TIMEOUT = 60 * int(os.environ.get("TIMES", "1"))
SIZES = [0, 1, 2, 125, 126, 127, 1000, 65535, 65536, 65537, 131072, 300000, 1 << 20]
LARGEST = 16 << 20


def arguments():
    parser = argparse.ArgumentParser(usage="%(prog)s URL CAFILE | --serve ws|wss CONTROL_PORT CAFILE CERT KEY")
    parser.add_argument("--serve", choices=("ws", "wss"))
    parser.add_argument("--deflate", action="store_true", help="the echo knows permessage-deflate and subprotocols")
    parser.add_argument("--large", action="store_true", help="up to 16 MB")
    parser.add_argument("words", nargs="+")
    options = parser.parse_args()
    options.url = options.words[0] if not options.serve else None
    options.port = int(options.words[0]) if options.serve else None
    options.cafile = options.words[1]
    options.cert, options.key = options.words[2:4] if options.serve else (None, None)
    options.who = f"server {options.serve}" if options.serve else options.url
    return options


def server_context(options):
    if options.serve != "wss":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    return context


def client_context(options):
    return ssl.create_default_context(cafile=options.cafile) if options.url.startswith("wss:") else None


class Count:
    def __init__(self, peer, who):
        self.peer, self.who = peer, who
        self.passed = self.failed = 0

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAIL {self.peer} {self.who} {name} {str(detail)[:300]}", flush=True)

    def finish(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return self.failed > 0 or self.passed == 0


async def in_order(ws, messages, timeout=TIMEOUT):
    """All are sent without waiting for an answer: do they come back, each and in their order?"""
    async def send():
        for message in messages:
            await ws.send(message)

    sender = asyncio.ensure_future(send())
    answers = [await asyncio.wait_for(ws.recv(), timeout) for _ in messages]
    await sender
    return answers == messages


def text(size):
    """`size` bytes of UTF-8, of characters of 1 to 4 bytes."""
    unit = "".join(random.choice("a\x00é€😀z ") for _ in range(min(size, 5000) // 2 + 1)).encode()
    out = (unit * (size // len(unit) + 1))[:size].decode(errors="ignore")
    return out + "." * (size - len(out.encode()))


def control(port, path, query):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * TIMEOUT)
    try:
        connection.request("GET", f"{path}?{urlencode(query)}")
        return connection.getresponse().read().decode().split("\n")
    finally:
        connection.close()


async def ask(options, port, words):
    """nsd is to connect to this port.  Returns the session's number."""
    tls = f"-cafile {options.cafile} -hostname localhost " if options.serve == "wss" else ""
    url = f"{options.serve}://127.0.0.1:{port}/"
    answer = await asyncio.to_thread(control, options.port, "/connect", dict(url=url, options=tls + words))
    if answer[0] == "error":
        raise RuntimeError(answer[1])
    return answer[0]


async def result(options, id):
    """The code that the session's handler was told, and the reason."""
    answer = await asyncio.to_thread(control, options.port, "/result", dict(id=id, wait=TIMEOUT))
    return (int(answer[2]), answer[3]) if answer[:2] == ["1", "1"] else tuple(answer)
