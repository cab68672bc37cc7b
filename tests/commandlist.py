# SPDX-License-Identifier: MPL-2.0
"""NaviServer's commands that are here, as doc/compat.md lists them: the folder of the sources is the current one."""
import re
import sys


def commands():
    """A list of (tier, family, command), of the tables | family | here | not yet |"""
    here, tier = [], "?"
    for line in open("doc/compat.md", encoding="utf-8"):
        tier = line.split()[2] if line.startswith("### Tier ") else tier
        cells = line.split("|")
        if len(cells) == 5 and re.match(r"\s*(ns|key)", cells[2]):
            here += [(tier, cells[1].strip(), name.strip()) for name in cells[2].split(",")]
    if len(here) < 100:
        sys.exit("doc/compat.md lists hardly any command: was it rewritten?")
    return here
