#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
# server: none
# Random arguments for every command of the server: nothing may crash, hang or leak (with a sanitizer).  The calls are those of
# arguments.tcl; SEED=n repeats them (default: another one each time, printed), SECONDS_EACH says for how long.
import os, random, shutil, subprocess, sys, tempfile, time

SILENCE = int(os.environ.get("SILENCE", "60"))                                   # seconds without a new call that are a hang; times TIMES
MIN_CALLS = 200                                # per second of the run there should be more; fewer tell that nothing was tried

build, times = os.environ["BUILD"], int(os.environ.get("TIMES", "1"))
seconds = int(os.environ["SECONDS_EACH"])
seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
port = int(os.environ["HOSTILE_PORT"])
top = os.getcwd()
home = tempfile.mkdtemp(prefix="nsd-arguments.")
os.chmod(home, 0o755)
user = []
if os.getuid() == 0:                           # as nobody, from a folder that nobody can reach: the calls take any names of files
    user = ["-u", "nobody"]
bin = os.path.join(home, "bin")
os.mkdir(bin)
for name in os.listdir(build):
    if name == "nsd" or name.startswith("ns") and name.endswith(".so"):
        shutil.copy(os.path.join(build, name), bin)
shutil.copytree(os.path.join(top, "tcl"), os.path.join(home, "tcl"))
shutil.copy(os.path.join(top, "tests/hostile/arguments.tcl"), home)
for name in ("work", "work/pages", "work/logs", "work/modules"):
    os.mkdir(os.path.join(home, name))
    os.chmod(os.path.join(home, name), 0o777)
with open(os.path.join(home, "conf.tcl"), "w") as f:
    f.write(f"""
ns_section random {{ ns_param port {port} }}
ns_section ns/parameters {{
    ns_param home {home}/work; ns_param tcllibrary {home}/tcl; ns_param bindir {bin}; ns_param systemlog {home}/work/logs/nsd.log
    ns_param commandlog file; ns_param shutdowntimeout 30s; ns_param tmpdir {home}/work; ns_param pidfile ""
}}
ns_section ns/servers {{ ns_param test x; ns_param other x }}
ns_section ns/server/test {{ ns_param minthreads 2; ns_param maxthreads 2; ns_param connsperthread 20 }}
ns_section ns/modules {{ ns_param nssock {bin}/nssock }}
ns_section ns/module/nssock {{ ns_param address 127.0.0.1; ns_param port {port}; ns_param defaultserver test; ns_param recvwait 2s }}
ns_section ns/module/nssock/servers {{ ns_param test localhost; ns_param other other.test }}
""")
calls = os.path.join(home, "work/calls")
passed = failed = 0


def check(good, what):
    global passed, failed
    passed, failed = passed + (1 if good else 0), failed + (0 if good else 1)
    print(("PASS " if good else "FAIL ") + what, flush=True)


def last(n=5):
    try:
        with open(calls, errors="replace") as f:
            return "".join(f.readlines()[-n:])
    except OSError:
        return ""


print(f"seed {seed}", flush=True)
err = open(os.path.join(home, "err"), "w+")
out = open(os.path.join(home, "out"), "w+")
# A thread that a call makes and nobody waits for is no fault.
os.environ["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
nsd = subprocess.Popen([os.path.join(bin, "nsd"), *user, "-c", "-d", "-t", os.path.join(home, "conf.tcl"),
                        os.path.join(home, "arguments.tcl"), str(seed), str(seconds), calls],
                       stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=os.path.join(home, "work"))
size, since, hung = -1, time.monotonic(), False
while nsd.poll() is None:
    time.sleep(0.1)
    now = os.path.getsize(calls) if os.path.exists(calls) else 0
    if now != size:
        size, since = now, time.monotonic()
    elif time.monotonic() - since > SILENCE * times:
        hung = True
        if shutil.which("gdb"):
            subprocess.run(["gdb", "-p", str(nsd.pid), "-batch", "-ex", "thread apply all bt 12"], stdout=err, stderr=subprocess.DEVNULL)
        nsd.kill()
        nsd.wait()
out.seek(0)
said = [line for line in out.read().splitlines() if line.startswith("calls ")]
check(not hung, "no call waits for ever" + ("; the last ones:\n" + last() if hung else ""))
if not hung:
    check(nsd.returncode == 0, f"it ends by itself, seed {seed}" + ("" if nsd.returncode == 0 else f": {nsd.returncode}; the last calls:\n" + last()))
if nsd.returncode == 0:
    made = int(said[-1].split()[1]) if said else 0
    check(made > MIN_CALLS * seconds // (10 * times), f"{made} calls in {seconds} s")
err.seek(0)
text = err.read()
if failed:
    print(text[-20000:])
    try:
        with open(os.path.join(home, "work/logs/nsd.log"), errors="replace") as f:
            print("".join(line[:400] + "\n" for line in f.read().splitlines()[-15:]))
    except OSError:
        pass
    keep = os.path.join(os.environ["HOSTILE_HOME"], "arguments.calls")
    if os.path.exists(calls):
        shutil.copy(calls, keep)
        print(f"all calls: {keep}")
shutil.rmtree(home, ignore_errors=True)
print(f"{passed} passed, {failed} failed")
