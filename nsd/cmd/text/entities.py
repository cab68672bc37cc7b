#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Makes entities.c: the 2,231 named character references of HTML5, from the list in Python's html.entities.

    python3 nsd/cmd/text/entities.py >nsd/cmd/text/entities.c
"""
from html.entities import html5

names = sorted({name.rstrip(";") for name in html5})
print("""/* SPDX-License-Identifier: MPL-2.0 */
/*
 * The named character references of HTML5, in the order of strcmp.  Made by entities.py: do not edit.
 */
#include "cmd/text/entities.h"

const NsEntity nsEntities[] = {""")
for name in names:
    codes = [ord(c) for c in html5[name + ";"]]
    second = codes[1] if len(codes) > 1 else 0
    print(f'    {{"{name}", 0x{codes[0]:x}, 0x{second:x}, {"true" if name in html5 else "false"}}},')
print("""};
const size_t nsEntityCount = sizeof(nsEntities) / sizeof(nsEntities[0]);""")
