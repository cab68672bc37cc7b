# SPDX-License-Identifier: MPL-2.0
# Sessions that nsd opens: it is asked to over HTTP, and connects to a server here.
import base64
import http.client
import socket
import ssl
from urllib.parse import urlencode

from wire import TIMEOUT, Connection, Failure, accept_key, parse_head


class Nsd:
    """The tested server, as it is told what to do."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * TIMEOUT)

    def get(self, path, **query):
        self.http.request("GET", f"{path}?{urlencode(query)}")
        answer = self.http.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise Failure(f"{path}: status {answer.status}")
        return body.split("\n")

    def connect(self, url, options=""):
        """The session's number; Failure when it is refused at once."""
        id, channel = self.get("/connect", url=url, options=options)[:2]
        if id == "error":
            raise Failure(f"connect: {channel}")
        return id

    def result(self, id):
        """How the session ended: (times opened, code, reason)."""
        answer = self.get("/result", id=id, wait=TIMEOUT)
        if answer[0] == "waits":
            raise Failure("the session does not end")
        opened, closed, code = map(int, answer[:3])
        if closed != 1:
            raise Failure(f"close was called {closed} times")
        return opened, code, answer[3]


class Peer:
    """A server that nsd connects to."""

    def __init__(self, nsd, scheme, options):
        self.nsd, self.scheme = nsd, scheme
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.listener.settimeout(TIMEOUT)
        self.port = self.listener.getsockname()[1]
        self.options = f"-cafile {options.cafile} -hostname localhost " if scheme == "wss" else ""
        self.context = None
        if scheme == "wss":
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(options.cert, options.key)

    def close(self):
        self.listener.close()

    def begin(self, options="", path="/path?query=1"):
        """Ask for a session and take its connection: (number, Connection)."""
        id = self.nsd.connect(f"{self.scheme}://127.0.0.1:{self.port}{path}", self.options + options)
        try:
            sock, _ = self.listener.accept()
            sock.settimeout(TIMEOUT)
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        except OSError as e:
            raise Failure(f"no connection from nsd: {e}") from None
        return id, Connection(sock, False)

    def request(self, conn, path="/path?query=1"):
        """Reads and checks the request's head.  Returns its headers."""
        lines = conn.head("the request")
        if lines[0] != f"GET {path} HTTP/1.1":
            raise Failure(f"request line {lines[0]!r}")
        _, headers = parse_head(["HTTP/1.1 200"] + lines[1:])
        for name, value in (("host", f"127.0.0.1:{self.port}"), ("upgrade", "websocket"), ("connection", "upgrade"),
                            ("sec-websocket-version", "13")):
            if [v.lower() for v in headers.get(name, [])] != [value]:
                raise Failure(f"header {name} of the request: {headers.get(name)}")
        keys = headers.get("sec-websocket-key", [])
        if len(keys) != 1 or len(keys[0]) != 24 or len(base64.b64decode(keys[0], validate=True)) != 16:
            raise Failure(f"keys of the request: {keys}")
        return headers

    @staticmethod
    def answer(headers, extensions=None, protocol=None, more=()):
        key = headers["sec-websocket-key"][0]
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Accept: {accept_key(key)}"]
        lines += [f"Sec-WebSocket-Extensions: {extensions}"] if extensions else []
        lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
        return ("\r\n".join([*lines, *more]) + "\r\n\r\n").encode()

    def session(self, case, perform, options="-deflate 0"):
        """A case with the usual handshake; the handler has to see the end as it was on the wire."""
        id, conn = self.begin(options)
        try:
            headers = self.request(conn)
            conn.write(self.answer(headers))
            perform(conn, case)
        finally:
            conn.close()
        opened, code, _ = self.nsd.result(id)
        expected = 1006 if conn.closed == 0 else 1005 if conn.closed is None else conn.closed
        if opened != 1 or code != expected:
            raise Failure(f"opened {opened} times, closed with {code} instead of {expected}")
        if len(conn.masks) > 4 and len(set(conn.masks)) < len(conn.masks) - 1:
            raise Failure(f"masks are used again: {len(set(conn.masks))} of {len(conn.masks)}")
