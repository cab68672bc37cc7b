# SPDX-License-Identifier: MPL-2.0
# Bodies past maxupload: 300 of a megabyte of which the last bytes never come have no memory, more of them than maxinputfiles end the
# slowest, those that the disk does not take are answered with 507, and nothing is left in the folder of temporary files.
from hostile import *

FILES = 180 * 1024 * 1024                      # maxinputfiles
LIMIT = 30                                     # MB: what 300 connections and buffers need
FOLDER = os.path.join(os.environ["HOSTILE_HOME"], "uploads.tmp")


def post(size, sent, end=b""):
    sock = connect()
    sock.settimeout(20 * TIMES)
    sock.sendall(f"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
    try:
        sock.sendall(b"x" * sent + end)
    except OSError:
        pass                                   # it was answered before all was sent
    return sock


before, open_ = memory(), descriptors()
socks = [post(590000, 580000) for _ in range(300)]
while counters()["driver.inputspooledbytes"] < 300 * 500000 and memory() - before < LIMIT * TIMES:
    time.sleep(0.05)
check_most("memory grew by", memory() - before, LIMIT * TIMES, " MB")
sock = post(590000, 590000)
check("another one is answered", status(answer(sock)[0]) == 200)
sock.close()
socks += [post(590000, 580000) for _ in range(100)]
while counters()["driver.inputspooledbytes"] < 360 * 500000 and counters()["driver.inputlimits"] == 0:
    time.sleep(0.05)
began = time.monotonic()
while counters()["driver.inputlimits"] < 30 and time.monotonic() - began < 20 * TIMES:
    time.sleep(0.05)
check("the slowest are refused past maxinputfiles", counters()["driver.inputlimits"] >= 30, counters()["driver.inputlimits"])
check_most("bytes in files", counters()["memory.files"], FILES + FILES // 8)
for sock in socks:
    sock.close()
full = 0
for _ in range(20):
    sock = post(2000000, 1900000)
    try:
        full += status(answer(sock)[0]) == 507
    except OSError:
        pass
    sock.close()
check("507 when the disk is full", full == 20, f"{full} of 20")
check("counted", counters()["driver.inputspoolerrors"] == 20, counters()["driver.inputspoolerrors"])
began = time.monotonic()
while descriptors() > open_ + 5 and time.monotonic() - began < 20 * TIMES:
    time.sleep(0.05)
check_most("descriptors afterwards", descriptors() - open_, 5)
check("the folder is empty", os.listdir(FOLDER) == [], os.listdir(FOLDER))
check_most("memory that is counted afterwards", counters()["memory.input"], 0)
check_most("bytes of files that are counted afterwards", counters()["memory.files"], 0)
finish()
