# SPDX-License-Identifier: MPL-2.0
"""The pages of the manual: links lead somewhere, and nothing that the HTML says is missing in the man page.

    pages.py HTML MAN        folders that doc/manual.tcl made
"""
import glob
import html
import os
import re
import subprocess
import sys

html_dir, man_dir = sys.argv[1:3]
passed, failed = 0, 0


def result(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print("FAIL", name + ":", *problems[:5], sep="\n    ")
    else:
        passed += 1


def words(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower().replace("\u2010", "-")).split()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


pages = {os.path.basename(path): read(path) for path in glob.glob(html_dir + "/*.html")}
anchors = {name: set(re.findall(r'(?:id|name)="([^"]+)"', text)) for name, text in pages.items()}


def broken_links(name):
    for link in re.findall(r'href="([^"]+)"', pages[name]):
        target, _, anchor = link.partition("#")
        target = target or name
        if not re.match(r"https?:", link) and (not os.path.exists(f"{html_dir}/{target}") or (anchor and anchor not in anchors[target])):
            yield f"a link leads nowhere: {link}"


def lost(name):
    """Runs of four words that the HTML has and the man page has not."""
    page = [path for path in glob.glob(f"{man_dir}/{name[:-5]}.*")]
    if not page:
        yield "there is no man page"
        return
    shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=1000", page[0]], capture_output=True, text=True, check=False).stdout
    said = " " + " ".join(words(re.sub(".\x08", "", shown))) + " "
    text = re.search("<main>(.*)</main>", pages[name], re.S)[1]
    text = re.sub(r'<header>.*?</header>|<p class="also">.*?</p>', "", text, flags=re.S)
    for line in re.sub(r"<[^>]+>", "", re.sub(r"</(p|dt|dd|li|pre|h2)>", "\n", text)).split("\n"):
        line = words(html.unescape(line))
        for i in range(max(1, len(line) - 3) if line else 0):
            run = " ".join(line[i:i + 4])
            if f" {run} " not in said:
                yield f"the man page does not say: {run}"


for name in sorted(pages):
    result(f"{name}: links", list(broken_links(name)))
    if name != "index.html":
        result(f"{name}: words", list(lost(name)))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0 or passed == 0)
