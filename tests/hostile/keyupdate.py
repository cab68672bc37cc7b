# SPDX-License-Identifier: MPL-2.0
# TLS 1.3 KeyUpdates and nothing else, as fast as they go, on connections that are made anew when they are closed: a driver thread has
# to find out, and serve the others.  Python's ssl cannot send them: OpenSSL itself, by ctypes.
import ctypes
import ctypes.util
from hostile import *

TLS_CONNECTIONS = 4
lib = ctypes.CDLL(ctypes.util.find_library("ssl"))
for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(lib, name).restype = ctypes.c_void_p
lib.SSL_CTX_new.argtypes = lib.SSL_new.argtypes = lib.SSL_connect.argtypes = lib.SSL_do_handshake.argtypes = lib.SSL_free.argtypes = [ctypes.c_void_p]
lib.SSL_set_fd.argtypes = lib.SSL_key_update.argtypes = [ctypes.c_void_p, ctypes.c_int]
context = lib.SSL_CTX_new(lib.TLS_client_method())
signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def flood(end, asking):
    """One connection until it is closed, or until `end`: was it closed?"""
    sock = socket.create_connection(("127.0.0.1", TLS_PORT))
    sock.settimeout(None)
    session, closed = lib.SSL_new(context), False
    lib.SSL_set_fd(session, sock.fileno())
    if lib.SSL_connect(session) == 1:
        while not closed and time.monotonic() < end:
            closed = lib.SSL_key_update(session, asking) != 1 or lib.SSL_do_handshake(session) != 1
    lib.SSL_free(session)
    sock.close()
    return closed


before, end, children = memory(), time.monotonic() + SECONDS, []
with Witness(tls=True, http="/index.html") as witness:
    for i in range(TLS_CONNECTIONS):
        child = os.fork()
        if child == 0:
            # On a busy machine two of them may take longer than all others have to wait.
            closed, latest = 0, end + 60 * TIMES
            while time.monotonic() < end or (closed < 2 and time.monotonic() < latest):
                closed += flood(latest if closed < 2 else end, i % 2)
                time.sleep(0.02)
            os._exit(0 if closed > 1 else 1)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
check("connections that send nothing else are closed", ended == [0] * TLS_CONNECTIONS, ended)
check_witness(witness)
check_most("memory grew by", memory() - before, 30 * TIMES, " MB")
finish()
