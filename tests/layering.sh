#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# The house: every reference between rooms goes down, and there is no circle of files but those that are named with a reason.
# Looks at every #include, and with a build folder at the symbols of its objects: what is really linked.
#
#   tests/layering.sh ?BUILD?
cd "$(dirname "$0")/.." || exit 1
# Beside it: which files may stand at the border between text and bytes (border.py); do the headers agree with NaviServer's (capi.py)?
layers=$(python3 tests/layering.py "$@") border=$(python3 tests/border.py) capi=$(python3 tests/compat/capi.py check "$@")
printf '%s\n' "$layers" "$border" "$capi" | grep -vE '^[0-9]+ passed, [0-9]+ failed$'
printf '%s\n' "$layers" "$border" "$capi" | awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; n++ }
    END { if (n < 3) f++; print p " passed, " f " failed"; exit f > 0 }'
