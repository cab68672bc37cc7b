# SPDX-License-Identifier: MPL-2.0
# Compressed messages of a megabyte of zeros, 0.8 MB/s of them: each is a thousand bytes on the wire, and work for milliseconds.
import zlib

from hostile import *

GROWTH = 30                                    # MB
RATE = 800000

packer = zlib.compressobj(9, zlib.DEFLATED, -15)
packed = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
before = memory()
with Witness() as witness:
    pour([session("/ws/sink", deflate=True)], frame(BINARY, packed, rsv1=True) * 20, rate=RATE)
check_witness(witness)
check_most("memory grew by", memory() - before, GROWTH * TIMES, " MB")
finish()
