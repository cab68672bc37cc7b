# SPDX-License-Identifier: MPL-2.0
"""How often each of NaviServer's commands that is here is called by a test: in the vectors of families that must pass, in tests/*.test.

    python3 tests/compat/coverage.py          prints a line for each, and FAIL for one that no test calls

Closes with "N passed, N failed".
"""
import glob
import os
import re
import sys

os.chdir(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, "tests")
from commandlist import commands  # noqa: E402

here = commands()
families = re.sub(r"#.*", "", open("tests/compat/families", encoding="utf-8").read()).split()


def words(files):
    """How often each word that may be a command occurs, comments left out."""
    count = {}
    for file in files:
        text = re.sub(r"(?m)^\s*#.*$", "", open(file, encoding="utf-8").read())
        for word in re.findall(r"(?<![\w:.-])(?:::)?((?:ns|key)\w*(?:::\w+)*)", text):
            count[word] = count.get(word, 0) + 1
    return count


vectors = words(f"tests/compat/vectors/{family}.vec" for family in families if os.path.exists(f"tests/compat/vectors/{family}.vec"))
tests = words(glob.glob("tests/*.test"))
failed = 0
print("tier family        vectors  tests  command")
for tier, family, name in here:
    inVectors, inTests = vectors.get(name, 0), tests.get(name, 0)
    print(f"{tier:4} {family:12} {inVectors:8} {inTests:6}  {name}")
    if inVectors + inTests == 0:
        print(f"FAIL {name}: no test calls it")
        failed += 1
print(f"{len(here) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
