# SPDX-License-Identifier: MPL-2.0
"""The rooms of nsd/ and what may use what: see layering.sh, and CONTRIBUTING.md for what each room is for.

Prints the rooms with the arrows between them, then what is wrong: FAIL lines, each with the file and the symbol or the
include.  Closes with "N passed, N failed"; a test is one file looked at, once by its includes and once by its symbols.
"""
import collections
import glob
import os
import re
import subprocess
import sys

# From the ground up.  A room uses those of the floors below its own, and those on its own floor that stand before it.
FLOORS = [["base"], ["net", "crypto"], ["http", "ws", "json", "adp", "image"], ["conf"], ["process", "driver", "interp", "data"], ["client"],
          ["request", "page"], ["channel"], ["websocket"], ["cmd"], ["main"]]
# Pure: compiled, tested and fuzzed with no server around them.  They know base/ alone, and these headers do not occur there.
PURE = {"http", "ws", "json", "adp", "image"}
IMPURE_HEADERS = re.compile(r"<(sys/socket|sys/epoll|poll|pthread|netinet/.*|openssl/ssl)\.h>")
# The front doors in nsd/ itself, and their rooms.
DOORS = {"nsd/main": "main", "nsd/driver": "driver", "nsd/connchan": "channel", "nsd/sockcallback": "channel"}
# Circles of files that stay, each with its reason.  A file that has left its circle is to be taken out here.
CIRCLES = [
    ("nsd/interp/blueprint nsd/interp/interp",
     "interpreters are made from the blueprint, and the blueprint is taken from an interpreter"),
    ("nsd/driver/list nsd/driver/send nsd/driver/sock nsd/driver/thread",
     "the states of one Sock, its sending and the loop that it lives on"),
    ("nsd/request/auth nsd/request/fastpath nsd/request/notice nsd/request/op nsd/request/return nsd/request/runfile",
     "an answer may become another one: an error page is found like a request, and given by a file, of which another form may be asked for"),
    ("nsd/channel/client nsd/channel/event nsd/channel/frame nsd/channel/limit nsd/connchan",
     "one channel: what any thread asks of it, and what its worker does"),
    ("nsd/websocket/accept nsd/websocket/connect nsd/websocket/profile nsd/websocket/send nsd/websocket/websocket",
     "one session: how it begins, receives and sends"),
]

rank = {}
for level, floor in enumerate(FLOORS):
    for room in floor:
        rank[room] = len(rank)
passed, failed = 0, 0


def result(problems):
    global passed, failed
    for problem in problems:
        print("FAIL", problem)
    if problems:
        failed += 1
    else:
        passed += 1


def room_of(path):
    """Of a source or header; None: not one of nsd/."""
    stem = os.path.splitext(path)[0]
    parts = path.split("/")
    if stem in DOORS:
        return DOORS[stem]
    if parts[0] != "nsd":
        return None
    if len(parts) < 3 or parts[1] not in rank:
        sys.exit(f"{path}: its room is not in tests/layering.py")
    return parts[1]


def may_use(user, used):
    return user == used or (rank[used] < rank[user] and (user not in PURE or used == "base"))


def included(path):
    """(line, name as written, path or None for a system header)"""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|(<[^>]+>))', line)
            if match and match[2]:
                yield number, match[2], None
            elif match:
                for folder in (os.path.dirname(path), "include", "nsd"):
                    target = os.path.normpath(os.path.join(folder, match[1]))
                    if os.path.exists(target):
                        break
                yield number, match[1], target


def check_includes(path):
    problems = []
    own = room_of(path)
    for number, name, target in included(path):
        if target is None:
            if own in PURE and IMPURE_HEADERS.match(name):
                problems.append(f"{path}:{number}: {own}/ has no I/O and no threads, but includes {name}")
        elif not target.startswith("include/"):
            other = room_of(target)
            if own is None and (other or os.path.dirname(target) != os.path.dirname(path)):
                problems.append(f"{path}:{number}: a module includes \"{name}\", which is not a public header")
            elif own and (other is None or not may_use(own, other)):
                problems.append(f"{path}:{number}: {own}/ includes \"{name}\", which is above it")
    return problems


def symbols(build):
    """What each object of nsd/ defines and needs, by source."""
    defined, needed = {}, collections.defaultdict(list)
    sources = [path for path in glob.glob("nsd/**/*.c", recursive=True)]
    for source in sources:
        name = f"{build}/obj/{source[:-1]}o"
        if not os.path.exists(name):
            sys.exit(f"tests/layering.sh: {name} is missing: build first")
        for line in subprocess.run(["nm", "-g", name], capture_output=True, text=True, check=True).stdout.splitlines():
            words = line.split()
            if len(words) == 3:
                defined[words[2]] = source
            elif len(words) == 2 and words[0] == "U":
                needed[source].append(words[1])
    arrows = collections.defaultdict(list)
    for source, names in needed.items():
        for name in names:
            if defined.get(name, source) != source:
                arrows[source, defined[name]].append(name)
    return sources, arrows


def circles(arrows):
    """Sets of files that can each reach all the others."""
    after = collections.defaultdict(set)
    for user, used in arrows:
        after[user].add(used)
    index, low, stack, found = {}, {}, [], []

    def visit(file):
        index[file] = low[file] = len(index)
        stack.append(file)
        for other in after[file]:
            if other not in index:
                visit(other)
                low[file] = min(low[file], low[other])
            elif other in stack:
                low[file] = min(low[file], index[other])
        if low[file] == index[file]:
            at = stack.index(file)
            if len(stack) - at > 1:
                found.append(set(stack[at:]))
            del stack[at:]

    sys.setrecursionlimit(10000)
    for file in list(after):
        if file not in index:
            visit(file)
    return found


def check_symbols(build):
    sources, arrows = symbols(build)
    between = collections.defaultdict(set)
    problems = collections.defaultdict(list)
    for (user, used), names in sorted(arrows.items()):
        a, b = room_of(user), room_of(used)
        if a != b:
            between[a].add(b)
            if not may_use(a, b):
                problems[user].append(f"{user}: {a}/ uses {', '.join(names)} of {used}, which is above it")
    print("rooms, from the ground up, and what each uses")
    for room in rank:
        print(f"    {room:10} {len([s for s in sources if room_of(s) == room]):3} files   ->",
              " ".join(sorted(between[room], key=rank.get)) or "-")
    upward = sum(len(list_) for list_ in problems.values())
    for source in sources:
        result(problems[source])
    bad = 0
    allowed = [({name + ".c" for name in names.split()}, reason) for names, reason in CIRCLES]
    seen = [False] * len(allowed)
    for circle in circles(arrows):
        match = [i for i, (names, _) in enumerate(allowed) if circle == names]
        if match:
            seen[match[0]] = True
        else:
            bad += 1
            inside = [f"    {a} -> {b}: {' '.join(n)}" for (a, b), n in sorted(arrows.items()) if a in circle and b in circle]
            result([f"a circle of {len(circle)} files: {' '.join(sorted(circle))}\n" + "\n".join(inside)])
    for (names, reason), here in zip(allowed, seen):
        if not all(map(os.path.exists, names)):
            continue                           # a part of the tree without them: patches/
        result([] if here else [f"this circle is not there any more, take it out of tests/layering.py: {' '.join(sorted(names))}"])
        print(f"    a circle that stays, {' '.join(sorted(names))}: {reason}")
    print(f"{upward} upward, {bad} circles")


for header in sorted(glob.glob("nsd/**/*.[ch]", recursive=True) + glob.glob("modules/*/*.[ch]")):
    result(check_includes(header))
if len(sys.argv) > 1:
    check_symbols(sys.argv[1])
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
