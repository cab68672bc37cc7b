# SPDX-License-Identifier: MPL-2.0
"""Every command has a page, and the page names every option of its usage messages.

    python3 tests/doc/commands.py          in the folder of the sources

Which commands there are says doc/compat.md, which the tests keep true; the usage messages are those of the observed calls in
tests/compat/vectors.  Prints FAIL lines; closes with "N passed, N failed".
"""
import glob
import re
import sys

sys.path.insert(0, "tests")
from commandlist import commands  # noqa: E402

failures = []
passed = 0


def check(condition, text):
    global passed
    if condition:
        passed += 1
    else:
        failures.append(text)


def pages():
    """Command, with its subcommand if it has one -> the text of the pages that describe it."""
    described = {}
    for file in sorted(glob.glob("doc/src/*.man")):
        text = open(file, encoding="utf-8").read()
        for line in re.findall(r"\[call (\[cmd .*)", text):
            words = re.sub(r"\[(cmd|method|const) ", " ", line)
            words = [word for word in re.split(r"[\s\[\]{}\"]+", words) if word]
            described.setdefault(words[0], set()).add(file)
    return {name: "".join(open(file, encoding="utf-8").read() for file in sorted(files)) for name, files in described.items()}


def usages():
    """Command -> the options of its usage messages."""
    options = {}
    for file in glob.glob("tests/compat/vectors/*.vec"):
        for usage in re.findall(r'should be \\?"([^"\n]+?)\\?"', open(file, encoding="utf-8").read()):
            words = usage.split()
            options.setdefault(words[0], set()).update(re.findall(r"(?<![\w/])-[a-z][\w-]*", usage))
    return options


here, described, used = {name for _, _, name in commands()}, pages(), usages()
for name in sorted(here):
    check(name in described, f"{name} has no page: [call [cmd {name}] ...] in doc/src/*.man")
for name in sorted(here & set(described) & set(used)):
    for option in sorted(used[name]):
        check(re.search(re.escape(option) + r"(?![\w-])", described[name]) is not None, f"{name}: its page does not name {option}")
for text in failures:
    print("FAIL", text)
print(f"{passed} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
