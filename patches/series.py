# SPDX-License-Identifier: MPL-2.0
"""The series of patches that is the channels: what `refresh` and `check` have in common.

The tree is all there is; the manifest says what of it belongs to which patch.  State N of the tree is the tree without
what patches N+1 and following bring, and patch N is the difference between the states N-1 and N.
"""
import dataclasses
import fnmatch
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOME = os.path.join(TOP, "patches")
ORDER = os.path.join(HOME, "series")


class Wrong(Exception):
    """The manifest and the tree do not fit."""


@dataclasses.dataclass
class Patch:
    name: str                                  # of the file, without .patch
    header: str
    steps: list                                # (line of the manifest, directive, file or pattern, regex, text in its place)


def unquote(text):
    """What stands for a cut in the state before: "" or "text", with \\n, \\t and \\"."""
    text = text.strip()
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise Wrong(f"what replaces a cut is written in double quotes: {text}")
    return re.sub(r'\\([nt"])', lambda match: {"n": "\n", "t": "\t", '"': '"'}[match[1]], text[1:-1])


def read_manifest():
    patches, header, number = [], False, 0
    with open(os.path.join(HOME, "manifest"), encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.startswith("= "):
                patches.append(Patch(f"{len(patches) + 1:04}-{line[2:].strip()}", "", []))
                header = True
            elif header and line == "--":
                header = False
            elif header:
                patches[-1].header += line + "\n"
            elif line.strip() and not line.startswith("#"):
                patches[-1].steps.append(read_step(number, line))
    return patches


def read_step(number, line):
    directive, _, rest = line.strip().partition(" ")
    file, _, regex = rest.strip().partition(" ")
    regex, arrow, instead = regex.partition("  =>  ")
    if directive == "file" and not regex:
        return number, directive, file, None, ""
    if directive in ("lines", "block", "cut") and regex:
        return number, directive, file, regex.strip(), unquote(instead) if arrow else ""
    raise Wrong(f"manifest:{number}: file PATTERN, or lines, block or cut FILE REGEX ?  =>  \"TEXT\"?")


def read_tree():
    """All that git knows of or would take up, but for this folder: path -> (executable, bytes)."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True,
                           capture_output=True).stdout.decode().split("\0")
    tree = {}
    for name in names:
        path = os.path.join(TOP, name)
        if name and not name.startswith("patches/") and os.path.isfile(path):
            with open(path, "rb") as file:
                tree[name] = (os.access(path, os.X_OK), file.read())
    return tree


def cut(tree, step):
    number, directive, file, regex, instead = step
    if file not in tree:
        raise Wrong(f"manifest:{number}: there is no {file}")
    text = tree[file][1].decode()
    if directive == "lines":                   # each line in which it is found
        new, count = re.subn(rf"(?m)^.*(?:{regex}).*\n", lambda match: instead, text)
    elif directive == "block":                 # FROM .. UNTIL: whole lines, without that of UNTIL
        begin, until = regex.split(" .. ")
        new, count = re.subn(rf"(?ms)^[^\n]*(?:{begin}).*?(?=^[^\n]*(?:{until}))", lambda match: instead, text, count=1)
    else:
        new, count = re.subn(regex, lambda match: match.expand(instead) if "\\" in instead else instead, text, flags=re.M)
    if count == 0:
        raise Wrong(f"manifest:{number}: {directive} {file}: nothing there matches {regex}")
    tree[file] = (tree[file][0], new.encode())


def pop(tree, patch):
    """The state before a patch.  Its cuts are made in their order."""
    before = dict(tree)
    for step in patch.steps:
        if step[1] != "file":
            cut(before, step)
            continue
        names = [name for name in before if fnmatch.fnmatchcase(name, step[2])]
        if not names:
            raise Wrong(f"manifest:{step[0]}: no file matches {step[2]}")
        for name in names:
            del before[name]
    return before


def states(tree, patches):
    """The tree before the first patch, after it, and so on."""
    result = [tree]
    for patch in reversed(patches):
        result.insert(0, pop(result[0], patch))
    return result


def write_tree(folder, tree, names=None):
    for name in tree if names is None else names:
        executable, content = tree[name]
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, 0o755 if executable else 0o644)


def difference(before, after, scratch):
    """As a patch; without what depends on the version of git or on the content of blobs."""
    changed = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    shutil.rmtree(scratch, ignore_errors=True)
    for folder, tree in (("a", before), ("b", after)):
        os.makedirs(os.path.join(scratch, folder))
        write_tree(os.path.join(scratch, folder), tree, [name for name in changed if name in tree])
    done = subprocess.run(["git", "diff", "--no-index", "--no-prefix", "--no-renames", "--no-color", "--no-ext-diff", "--patience",
                           "a", "b"], cwd=scratch, capture_output=True, check=False,
                          env=dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1", LC_ALL="C"))
    if done.returncode > 1:
        raise Wrong(done.stderr.decode())
    if b"\nBinary files " in done.stdout:
        raise Wrong("a binary file is no matter for a patch: " + re.search(r"Binary files .*", done.stdout.decode()).group())
    return "".join(line for line in done.stdout.decode().splitlines(True) if not line.startswith("index ")), changed


def generate(scratch):
    """name.patch -> text, in order; and the states between them."""
    patches = read_manifest()
    steps = states(read_tree(), patches)
    result = {}
    for patch, before, after in zip(patches, steps, steps[1:]):
        text, changed = difference(before, after, scratch)
        if not text:
            raise Wrong(f"{patch.name} brings nothing")
        lines = [line for line in text.splitlines() if not line.startswith(("+++ ", "--- "))]
        plus, minus = sum(line.startswith("+") for line in lines), sum(line.startswith("-") for line in lines)
        result[patch.name + ".patch"] = f"{patch.header.strip()}\n\n{len(changed)} files, +{plus} -{minus}\n---\n{text}"
    shutil.rmtree(scratch, ignore_errors=True)
    return result, steps


def scratch_folder():
    folder = os.path.join(TOP, os.environ.get("BUILD", "build"), "patches")
    os.makedirs(folder, exist_ok=True)
    return folder


def main(proc):
    try:
        return proc()
    except Wrong as wrong:
        print(f"{os.path.basename(sys.argv[0])}: {wrong}", file=sys.stderr)
        return 1
