# SPDX-License-Identifier: MPL-2.0
"""The C API beside NaviServer 5's (capi.tsv, capi-macros.tsv).

  python3 tests/compat/capi.py                  a list of the functions that are not here, by area, those that modules use first
  python3 tests/compat/capi.py check ?BUILD?    each function that is here has that signature, is exported by BUILD/nsd and has a page in
                                                doc/src; each macro, type and constant is there; C++ takes the headers
  python3 tests/compat/capi.py table            doc/capi.md lists what is here
  python3 tests/compat/capi.py update           writes the tables of doc/capi.md

Why a function or name is not here stands in capi-missing.tsv; one without a reason is one that is not here yet.
Prints FAIL lines; closes with "N passed, N failed".
"""
import fnmatch
import glob
import os
import re
import subprocess
import sys
import tempfile

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))

HEADERS = ["ns.h"] + (["nsdb.h"] if os.path.exists("include/nsdb.h") else [])
BEGIN, END = "<!-- capi: begin -->\n", "<!-- capi: end -->"


def rows(name):
    with open("tests/compat/" + name, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]


def tcl_flags():
    for line in open("config.mk", encoding="utf-8") if os.path.exists("config.mk") else []:
        match = re.match(r"TCL_CFLAGS\s*=\s*(.*)", line)
        if match:
            return match[1].split()
    return ["-I/usr/include/tcl8.6"]


def compile_text(text, compiler="gcc", suffix=".c", extra=()):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "check" + suffix)
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join('#include "%s"\n' % header for header in HEADERS) + "#line 1\n" + text)
        return subprocess.run([compiler, "-D_GNU_SOURCE", "-Iinclude", *tcl_flags(), *extra, path], capture_output=True, text=True, check=False)


def declared(text):
    return set(re.findall(r"\b(\w+)\s*\(", text)) | set(re.findall(r"\b(?:Ns_\w+Proc|Ns_Callback|Tcl_SetFromAnyProc|Ns_LogSeverity|Tcl_Encoding|char \*)\s*(?:const )?(\w+);", text))


def of_modules(count):
    return int(count) if count.isdigit() else 0


class Api:
    def __init__(self):
        self.text = compile_text("", extra=("-E", "-P")).stdout
        self.macros = set(re.findall(r"^#define (\w+)", compile_text("", extra=("-E", "-dM")).stdout, re.M))
        names = declared(self.text)
        self.reasons = {row[0]: row[1] for row in rows("capi-missing.tsv")}
        self.functions = [row for row in rows("capi.tsv") if len(row) > 4 and row[4].strip() and row[1] != "winthread.c"]
        self.here = [row for row in self.functions if row[0] in names]
        self.missing = [row for row in self.functions if row[0] not in names]

    def reason(self, row):
        return self.reasons.get(row[0]) or self.reasons.get("area:" + row[1])

    def table(self):
        areas = {}
        for row in self.functions:
            areas.setdefault(row[1], [[], [], []])[0 if row in self.here else 2 if self.reason(row) else 1].append(row)
        lines = ["| area | here | of all | of those that modules use | not yet | cannot be |", "|---|---|---|---|---|---|"]
        for area in sorted(areas):
            here, later, never = areas[area]
            used = [row for part in areas[area] for row in part if of_modules(row[2])]
            usedhere = [row for row in here if of_modules(row[2])]
            names = [", ".join(row[0] for row in sorted(part)) for part in (later, never)]
            lines.append("| %s | %d | %d | %d of %d | %s | %s |" % (area.removesuffix(".c"), len(here), sum(map(len, areas[area])),
                                                            len(usedhere), len(used), names[0], names[1]))
        used = [row for row in self.functions if of_modules(row[2])]
        return "\n".join(lines) + "\n\n%d of %d functions are here, and %d of the %d that at least one of 37 modules uses.\n" % (
            len(self.here), len(self.functions), len([row for row in used if row in self.here]), len(used))

    def why(self):
        lines = ["| what | why it cannot be |", "|---|---|"]
        lines += ["| %s | %s |" % (name.replace("area:", "all of ").replace("*", "\\*"), why) for name, why in self.reasons.items()]
        return "\n".join(lines) + "\n"

    def document(self):
        return "\n" + self.table() + "\n" + self.why() + "\n"


class Count:
    passed = failed = 0

    def note(self, good, text):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL capi: " + text)


def check_signatures(api, count):
    text = "".join('#line 1 "%s"\n%s;\n' % (row[0], row[4]) for row in api.here)
    result = compile_text(text, extra=("-fsyntax-only", "-w"))
    bad = {match[1]: match[2] for match in re.finditer(r"^(\w+):\d+:\d+: error: (.*)", result.stderr, re.M)}
    for row in api.here:
        count.note(row[0] not in bad, "%s: NaviServer has '%s': %s" % (row[0], row[4], bad.get(row[0])))
    if result.returncode != 0 and not bad:
        count.note(False, "the headers: " + result.stderr[:500])


def check_macros(api, count):
    for row in rows("capi-macros.tsv"):
        name, kind = row[0], row[1]
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in api.reasons):
            continue
        there = name in api.macros or re.search(r"\b%s\b" % re.escape(name), api.text)
        count.note(there, "%s '%s' is neither here nor in capi-missing.tsv" % (kind, name))
    for name in api.reasons:
        count.note(name.startswith("area:") or not any(row[0] == name for row in api.here), name + " is here: out of capi-missing.tsv with it")


def check_exports(api, build, count):
    libraries = [os.path.join(build, "nsd")] + glob.glob(os.path.join(build, "lib*.so"))
    exported = set()
    for library in libraries:
        exported |= set(re.findall(r" [A-Za-z] (\w+)$", subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=False).stdout, re.M))
    for row in api.here:
        count.note(row[0] in exported, row[0] + " is declared, but not exported by " + build)


def check_pages(api, count):
    pages = "".join(open(page, encoding="utf-8").read() for page in glob.glob("doc/src/Ns*_*.man"))
    named = set(re.findall(r"\[fun (\w+)\]", pages)) | set(re.findall(r"\b([Nn][Ss]_?\w+)\b", pages))
    for row in api.here:
        count.note(row[0] in named, row[0] + " has no page in doc/src")


def check_headers(api, count):
    check_signatures(api, count)
    check_macros(api, count)
    check_pages(api, count)
    if len(sys.argv) > 2:
        check_exports(api, sys.argv[2], count)
    result = compile_text("int main() { return 0; }\n", "g++", ".cc", ("-fsyntax-only", "-Wall", "-Wextra"))
    count.note(result.returncode == 0 and not result.stderr, "C++: " + result.stderr[:500])


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    api = Api()
    if mode == "":
        for row in sorted(api.missing, key=lambda row: (-of_modules(row[2]), row[1], row[0])):
            print("%2s %-14s %s%s" % (row[2], row[1], row[4], "   -- " + api.reason(row) if api.reason(row) else ""))
        print("%d here, %d not" % (len(api.here), len(api.missing)))
        return 0
    with open("doc/capi.md", encoding="utf-8") as file:
        old = file.read()
    new = old[:old.index(BEGIN) + len(BEGIN)] + api.document() + old[old.index(END):]
    if mode == "update":
        with open("doc/capi.md", "w", encoding="utf-8") as file:
            file.write(new)
        return 0
    count = Count()
    if mode == "table":
        count.note(old == new, "doc/capi.md does not list the functions as they are: python3 tests/compat/capi.py update")
    else:
        check_headers(api, count)
    print("%d passed, %d failed" % (count.passed, count.failed))
    return count.failed > 0


sys.exit(main())
