# SPDX-License-Identifier: MPL-2.0
# conform.py server|client ?--quick? ?--only PATTERN? ?-v? PORT TLS_PORT CAFILE ?CERT KEY?
#
# server: nsd's sessions are tested by a client, over ws and wss, echoes in C and in Tcl.
# client: nsd is told to connect to a server here (CERT, KEY: of it), which is as strict, and may be hostile.
# Each case that fails is told with what was expected and seen; closes with "N passed, N failed".
import argparse
import fnmatch
import http.client
import ssl
import sys
import time

import cases_client
import cases_deflate
import cases_frames
import cases_handshake
import cases_load
import cases_text
from sessions import Nsd, Peer
from wire import TIMES, Failure, connect, upgrade


class Report:
    def __init__(self, only, verbose):
        self.passed = self.failed = 0
        self.only, self.verbose = only, verbose
        self.times = []

    def run(self, target, id, title, proc):
        if not fnmatch.fnmatchcase(id, self.only):
            return
        start = time.monotonic()
        try:
            proc()
            self.passed += 1
            word = "ok  "
        except (Failure, OSError, http.client.HTTPException) as e:
            self.failed += 1
            word = "FAIL"
            print(f"FAIL {target} {id} {title}: {e}", flush=True)
        took = time.monotonic() - start
        self.times.append((took, f"{target} {id} {title}"))
        if self.verbose:
            print(f"{word} {took:6.3f} s {target} {id} {title}", flush=True)


def perform(conn, case):
    """All steps of a case; a failure says at which."""
    for number, step in enumerate(case.steps, 1):
        try:
            step.run(conn)
        except Failure as e:
            raise Failure(f"step {number} of {len(case.steps)}, {step.text}: {e}") from None


# ---- nsd as server

class Server:
    def __init__(self, report, port, context, quick):
        self.report, self.port, self.context, self.quick = report, port, context, quick
        self.scheme = "wss" if context else "ws"

    def session(self, path, case, offer=None, taken=None):
        conn = connect("127.0.0.1", self.port, self.context)
        try:
            headers = upgrade(conn, path, self.port, extensions=offer)
            if offer:
                conn.deflate = cases_deflate.agree(offer, headers)
                if (conn.deflate is None) != (taken is None):
                    raise Failure(f"answer {headers.get('sec-websocket-extensions')} to {offer!r}")
                if taken is not None:
                    self.check_element(offer, taken, headers)
            elif "sec-websocket-extensions" in headers:
                raise Failure("an extension that was not offered")
            perform(conn, case)
        finally:
            conn.close()

    @staticmethod
    def check_element(offer, taken, headers):
        """Is it the element that had to be taken?"""
        element = offer.split(",")[taken]
        wrong = cases_deflate.mismatch(cases_deflate.parse(element.lower())[0][1],
                                       cases_deflate.parse(headers["sec-websocket-extensions"][0])[0][1])
        if wrong:
            raise Failure(f"not an answer to {element!r}: {wrong}")

    def cases(self, path, cases, offer=None, taken=None):
        for case in cases:
            self.report.run(f"{self.scheme} {path}", case.id, case.title,
                            lambda case=case: self.session(path, case, offer, taken))

    def echo(self, path):
        """All of it once, at full size; over TLS and for Tcl, the protocol being the same, in fewer and shorter messages."""
        short = self.quick or self.context is not None or path != "/echo/c"
        for module in (cases_frames, cases_text):
            for section in module.SECTIONS.values():
                self.cases(path, section())
        self.cases(path, cases_load.load(short, 4 if self.quick and self.context else 16))
        self.deflate(path, short)
        self.cases(path, cases_deflate.odd(), cases_deflate.NAME, 0)

    def deflate(self, path, short):
        for offer, taken, case in cases_deflate.negotiated(short):
            self.cases(path, [case], offer, taken)

    def small(self, path):
        self.cases(path, cases_load.limits())
        self.cases(path, cases_deflate.small(), cases_deflate.NAME, 0)

    def takeover(self, path):
        offer = f"{cases_deflate.NAME}; client_max_window_bits"
        self.cases(path, cases_deflate.context(), offer, 0)
        self.deflate(path, self.quick or self.context is not None)

    def handshakes(self):
        for id, title, proc in cases_handshake.handshakes():
            self.report.run(self.scheme, id, title, lambda proc=proc: proc(self))

    def connection(self):
        return connect("127.0.0.1", self.port, self.context)


def test_server(options, report):
    context = ssl.create_default_context(cafile=options.cafile)
    for port, context in ((options.port, None), (options.tls_port, context)):
        server = Server(report, port, context, options.quick)
        for path in ("/echo/c", "/echo/ws"):
            server.echo(path)
        server.small("/small/ws")
        server.takeover("/takeover/ws")
        server.handshakes()


# ---- nsd as client

def test_client(options, report):
    nsd = Nsd(options.port)
    for scheme in ("ws", "wss"):
        peer = Peer(nsd, scheme, options)
        for module in (cases_frames, cases_text):
            for section in module.SECTIONS.values():
                for case in section():
                    report.run(f"client {scheme}", case.id, case.title, lambda case=case: peer.session(case, perform))
        for case in cases_load.load(True, 4):
            report.run(f"client {scheme}", case.id, case.title, lambda case=case: peer.session(case, perform))
        for case in cases_load.limits():
            report.run(f"client {scheme}", case.id, case.title,
                       lambda case=case: peer.session(case, perform, "-maxmessage 1000 -maxfragments 10"))
        for id, title, proc in cases_client.cases(perform):
            report.run(f"client {scheme}", id, title, lambda proc=proc: proc(peer))
        peer.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("server", "client"))
    parser.add_argument("port", type=int)
    parser.add_argument("tls_port", type=int)
    parser.add_argument("cafile")
    parser.add_argument("cert", nargs="?")
    parser.add_argument("key", nargs="?")
    parser.add_argument("--quick", action="store_true", default=TIMES > 1)
    parser.add_argument("--only", default="*")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    report = Report(options.only, options.verbose)
    (test_server if options.role == "server" else test_client)(options, report)
    if options.verbose:
        for took, name in sorted(report.times, reverse=True)[:15]:
            print(f"{took:6.2f} s {name}")
    print(f"{report.passed} passed, {report.failed} failed")
    return report.failed > 0 or report.passed == 0 and options.only == "*"


if __name__ == "__main__":
    sys.exit(main())
