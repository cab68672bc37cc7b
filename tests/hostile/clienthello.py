# SPDX-License-Identifier: MPL-2.0
# A flood of ClientHellos, each of which costs the server a signature and its sender nothing, at a driver from one address and from many, and at a
# listening channel: others' new TLS connections, from an address of their own, keep a share of the handshakes.
from hostile import *

HANDSHAKE = 50 * LATENCY                       # ms that another's connection, handshake and request may take, in 99 of 100 cases
MANY = 250                                     # addresses of the second flood; by maxperip or in front of the server is where more of them end
RATE = 4000                                    # ClientHellos per second and flood: several times what a core signs
OPEN = 1500                                    # connections that it keeps open, half-shaken


def flood(port, addresses, pipe):
    """Until it is ended.  What it sent goes to the pipe."""
    stop, data, open_, sent, began = [], client_hello(), [], 0, time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    while not stop:
        if sent > RATE * (time.monotonic() - began):
            time.sleep(0.001)
            continue
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))      # ports are not used up by TIME_WAIT
        try:
            sock.settimeout(0.2)
            sock.bind((addresses[sent % len(addresses)], 0))
            sock.connect(("127.0.0.1", port))
            sock.setblocking(False)
            sock.send(data)
            open_.append(sock)
        except OSError:
            sock.close()
        sent += 1
        if len(open_) > OPEN:
            open_.pop(0).close()
    os.write(pipe, str(sent).encode())
    os._exit(0)


def ask(port, context):
    """Connect, shake hands, ask for a file; the seconds that it took, 99 when there was no answer."""
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30 * TIMES, source_address=("127.0.0.9", 0)) as sock, \
                context.wrap_socket(sock) as tls:
            tls.sendall(b"GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return time.monotonic() - began if tls.recv(1000).startswith(b"HTTP/1.") else 99.0
    except OSError:
        return 99.0


def others(port, seconds):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(took) < 20:
        took.append(ask(port, context))
        time.sleep(0.01)
    return sorted(took)


def p99(took):
    return took[int(len(took) * 0.99)] * 1000


quiet = others(TLS_PORT, 0.5)
listen = int(get("/listen")[1])
for what, port, addresses in (("one address", TLS_PORT, ["127.0.0.1"]),
                              (f"{MANY} addresses", TLS_PORT, [f"127.1.0.{i + 1}" for i in range(MANY)]),
                              ("a listening channel", listen, ["127.0.0.1"])):
    before, size = descriptors(), memory()
    pipe, end = os.pipe()
    child = os.fork()
    if child == 0:
        flood(port, addresses, end)
    os.close(end)
    time.sleep(0.5)                            # it is at its height
    took = others(port, SECONDS)
    os.kill(child, signal.SIGTERM)
    sent = int(os.read(pipe, 100))
    os.waitpid(child, 0)
    check(f"{what}: all others are answered", took[-1] < 99.0, f"{sum(t >= 99.0 for t in took)} of {len(took)} are not")
    check_most(f"{what}: others' p99 of {len(took)} (longest {took[-1] * 1000:.0f} ms, before {p99(quiet):.0f} ms; {sent} ClientHellos)",
               p99(took), HANDSHAKE * TIMES, " ms")
    check_most(f"{what}: memory grew by", memory() - size, 150 * TIMES, " MB")
    began = time.monotonic()
    while descriptors() > before + 20 and time.monotonic() - began < 20 * TIMES:
        time.sleep(0.05)
    check_most(f"{what}: descriptors afterwards", descriptors() - before, 20)
finish()
