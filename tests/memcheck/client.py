# SPDX-License-Identifier: MPL-2.0
"""The client of memcheck: all calls of the server again and again, by two threads, one over http and one over https, until there were enough.

    client.py PORT TLS-PORT REQUESTS      run from the folder of the sources; closes with "N passed, M failed"
"""
import http.client
import math
import ssl
import sys
import threading

sys.path.insert(0, "tests")
from commandlist import commands  # noqa: E402

port, tls_port, wanted = (int(word) for word in sys.argv[1:4])
insecure = ssl.create_default_context()
insecure.check_hostname, insecure.verify_mode = False, ssl.CERT_NONE
JSON = b'{"a": {"b": [1, "two"]}}'
FORM = b"".join(b"--B\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n" % part for part in (
    (b"name", b"", b"gr\xc3\xbcn"), (b"many", b"", b"1"), (b"many", b"", b"2"), (b"upload", b"; filename=\"a.txt\"", b"x" * 20000))) + b"--B--\r\n"
EXCEPT = {"ns_crash": "it ends the process"}
lock, count, failures = threading.Lock(), 0, []


def connect(tls):
    return (http.client.HTTPSConnection("127.0.0.1", tls_port, timeout=600, context=insecure) if tls
            else http.client.HTTPConnection("127.0.0.1", port, timeout=600))


def ask(conn, path, kind="get"):
    if kind in ("form", "json"):
        conn.request("POST", path, FORM if kind == "form" else JSON,
                     {"Content-Type": "multipart/form-data; boundary=B" if kind == "form" else "application/json"})
    else:
        conn.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = conn.getresponse()
    return answer.status, answer.read().decode("latin-1")


def work(tls, kinds, rounds):
    global count
    conn = connect(tls)
    for _ in range(rounds):
        for number, kind in enumerate(kinds):
            try:
                status, body = ask(conn, f"/call/{number}", kind)
                if status != 200 and kind != "close":
                    failures.append(f"call {number} ({kind}): {status}")
            except (OSError, http.client.HTTPException) as error:
                if kind != "close":
                    failures.append(f"call {number} ({kind}): {error!r}")
                conn.close()
                conn = connect(tls)
            with lock:
                count += 1


kinds = ask(connect(False), "/calls")[1].split()
rounds = math.ceil(wanted / 2 / len(kinds))
threads = [threading.Thread(target=work, args=(tls, kinds, rounds)) for tls in (False, True)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
seen = set(ask(connect(False), "/seen")[1].split())
if ask(connect(True), "/stop")[0] == 200:
    seen.add("ns_shutdown")

families, missing = {}, []
for tier, family, name in commands():
    here, called = families.setdefault(family, [0, 0])
    families[family] = [here + 1, called + (name in seen)]
    if name in EXCEPT:
        print(f"{name} is not called: {EXCEPT[name]}")
    elif name not in seen:
        missing.append(f"FAIL {name} ({family}) was not called")
print(f"{count} requests of {len(kinds)} kinds; commands called, by family:")
for family, (here, called) in families.items():
    print(f"  {family:12} {called:4} of {here}")
total = sum(here for here, _ in families.values())
print(f"  {len(families)} families, {len(seen & {name for _, _, name in commands()})} of {total} commands")
failed = missing + [f"FAIL {text}" for text in sorted(set(failures))]
if count < wanted:
    failed.append(f"FAIL {count} requests, not {wanted}")
print("\n".join(failed))
print(f"{total - len(missing) + count - len(failures)} passed, {len(failed)} failed")
sys.exit(1 if failed else 0)
