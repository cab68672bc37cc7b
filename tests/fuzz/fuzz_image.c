/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Heads of images: whatever comes in, the walk ends, and says one thing.
 */
#include "fuzz.h"
#include "image/image.h"

typedef struct Memory {
    const uint8_t *bytes;
    size_t         len;
    int            reads;
} Memory;

static size_t
ReadMemory(void *arg, uint64_t offset, void *buf, size_t len)
{
    Memory *memory = arg;
    size_t  have = offset < memory->len ? memory->len - (size_t)offset : 0;

    have = have < len ? have : len;
    if (have > 0) {
        memcpy(buf, memory->bytes + offset, have);
    }
    memory->reads++;
    return have;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Memory  memory = {data, size, 0};
    NsImage image;

    NsImageProbe(ReadMemory, &memory, &image);
    FUZZ_CHECK(memory.reads <= NS_IMAGE_READS + 1);
    FUZZ_CHECK(image.hasSize || (image.width == 0 && image.height == 0));
    FUZZ_CHECK(!image.hasSize || image.type != NS_IMAGE_UNKNOWN);
    return 0;
}
