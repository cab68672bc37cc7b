/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Heads of images: sizes, what is cut anywhere, and files made to be walked for ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "guard.h"
#include "image/image.h"

typedef struct Memory {
    const unsigned char *bytes;
    size_t               len;
    int                  reads;
} Memory;

static size_t
ReadMemory(void *arg, uint64_t offset, void *buf, size_t len)
{
    Memory *memory = arg;
    size_t  have = offset < memory->len ? memory->len - (size_t)offset : 0;

    memory->reads++;
    have = have < len ? have : len;
    memcpy(buf, memory->bytes + (have > 0 ? offset : 0), have);
    return have;
}

static size_t
Unhex(const char *hex, unsigned char *bytes)
{
    size_t   n = 0;
    unsigned byte;

    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
        } else if (*hex == '\'') {             /* 'text' */
            for (hex++; *hex != '\''; hex++) {
                bytes[n++] = (unsigned char)*hex;
            }
            hex++;
        } else {
            assert_int_equal(sscanf(hex, "%2x", &byte), 1);
            bytes[n++] = (unsigned char)byte;
            hex += 2;
        }
    }
    return n;
}

static const char *
Probed(const unsigned char *bytes, size_t len)
{
    static char out[80];
    Memory      memory = {Guard(bytes, len), len, 0};
    NsImage     image;

    NsImageProbe(ReadMemory, &memory, &image);
    assert_true(memory.reads <= NS_IMAGE_READS + 1);
    if (image.hasSize) {
        snprintf(out, sizeof(out), "%s %u %u", nsImageTypeNames[image.type], image.width, image.height);
    } else {
        assert_int_equal(image.width, 0);
        snprintf(out, sizeof(out), "%s", nsImageTypeNames[image.type]);
    }
    return out;
}

#define AVIF_START "00000018 'ftyp' 'mif1' 00000000 'mif1avif'"
#define ISPE(width, height) "00000014 'ispe' 00000000 " width height

static const struct { const char *hex, *expected; } images[] = {
    {"'GIF89a' 0a00 1400 800000", "gif 10 20"},
    {"'GIF87a' ffff 0100", "gif 65535 1"},
    {"89 'PNG' 0d0a1a0a 0000000d 'IHDR' 00000020 00000011 0802000000", "png 32 17"},
    {"ffd8 ffe0 0010 4a46494600010100000100010000 ffc0 0011 08 0021 0042 03", "jpeg 66 33"},
    {"ffd8 ffff ffe0 0004 0000 ffff ffff c2 000b 08 0005 0006 01", "jpeg 6 5"},
    {"ffd8 ffc4 0004 0000 ffc8 0002 ffcc 0003 00 ffcf 000b 08 0100 0200 01", "jpeg 512 256"},
    {"'RIFF' 1a000000 'WEBPVP8 ' 0e000000 3001009d012a 0300 0400 00000000", "webp 3 4"},
    {"'RIFF' 1a000000 'WEBPVP8 ' 0e000000 3001009d012a ff7f 01c0 00000000", "webp 16383 1"},
    {"'RIFF' 14000000 'WEBPVP8L' 08000000 2f 02c00000 000000", "webp 3 4"},
    {"'RIFF' 14000000 'WEBPVP8L' 05000000 2f ffffff0f", "webp 16384 16384"},
    {"'RIFF' 16000000 'WEBPVP8X' 0a000000 00000000 630000 c70000", "webp 100 200"},
    /* no associations: the first size */
    {AVIF_START "0000004c 'meta' 00000000 00000040 'iprp' 00000038 'ipco' 00000008 'xxxx'"
     ISPE("00000280", "000001e0") ISPE("00000001", "00000002"), "avif 640 480"},
    /* the primary item is the second, whose size is the third property */
    {AVIF_START "00000072 'meta' 00000000 0000000e 'pitm' 00000000 0002"
     "00000058 'iprp' 00000038 'ipco' 00000008 'xxxx'" ISPE("00000280", "000001e0") ISPE("00000001", "00000002")
     "00000018 'ipma' 00000000 00000002 0001 01 02 0002 01 83", "avif 1 2"},
    /* wide items and properties, boxes with long sizes */
    {AVIF_START "00000001 'meta' 0000000000000090 00000000 00000010 'pitm' 01000000 00000002"
     "00000064 'iprp' 00000001 'ipco' 0000000000000040 00000008 'xxxx'" ISPE("00000280", "000001e0") ISPE("00000001", "00000002")
     "0000001c 'ipma' 01000001 00000001 00000002 02 8001 8003", "avif 1 2"},
    {"00000014 'ftyp' 'avis' 00000000 'avis' 00000000 'meta' 00000000 0000001c 'iprp' 00000000 'ipco'" ISPE("00000007", "00000008"), "avif"},
};

static void
sizes_are_found(void **state)
{
    unsigned char bytes[400];

    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        size_t len = Unhex(images[i].hex, bytes);

        if (strcmp(Probed(bytes, len), images[i].expected) != 0) {
            print_error("image %zu\n", i);
        }
        assert_string_equal(Probed(bytes, len), images[i].expected);
    }
}

/* What is cut has its size or none, never another one. */
static void
cut_anywhere(void **state)
{
    unsigned char bytes[400];

    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        size_t len = Unhex(images[i].hex, bytes);

        for (size_t cut = 0; cut < len; cut++) {
            const char *got = Probed(bytes, cut);

            assert_true(strcmp(got, images[i].expected) == 0 || strchr(got, ' ') == NULL);
        }
    }
}

static void
no_images(void **state)
{
    static const char *const cases[] = {
        "", "'GIF8'", "'GIF88a' 0a001400", "'GIF89b' 0a001400", "89 'PNG' 0a1a0a00", "ffd9 ffe0 00040000", "ffd8", "ffd8 ffe0 0000 ffc0 0011 0800210042",
        "ffd8 ffe0 0001 ffc0 0011 0800210042", "'RIFF' 00000000 'WAVEVP8 '", "'BM' 3a000000", "00000018 'ftyp' 'isom' 00000000 'mp41mp42'",
        "00000007 'ftyp' 'avif' 00000000", "ffffffff 'ftyp' 'heic' 00000000", "'plain text'",
    };
    unsigned char bytes[400];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(Probed(bytes, Unhex(cases[i], bytes)), "unknown");
    }
}

/* The walk ends after so many pieces, whatever there would be to walk to. */
static void
walks_end(void **state)
{
    static unsigned char bytes[200000];
    size_t               n = 2;

    memcpy(bytes, "\xff\xd8", 2);
    while (n + 4 <= sizeof(bytes)) {
        memcpy(bytes + n, "\xff\xe0\0\2", 4);
        n += 4;
    }
    assert_string_equal(Probed(bytes, n), "unknown");
    memset(bytes + 2, 0xff, sizeof(bytes) - 2);
    assert_string_equal(Probed(bytes, sizeof(bytes)), "unknown");
    n = Unhex(AVIF_START, bytes);
    while (n + 8 <= sizeof(bytes)) {
        memcpy(bytes + n, "\0\0\0\10skip", 8);
        n += 8;
    }
    assert_string_equal(Probed(bytes, n), "avif");
    n = Unhex(AVIF_START "7fffffff 'meta' 00000000 0000000e 'pitm' 00000000 ffff 7ffffff0 'iprp' 00000008 'ipco' 7fffff00 'ipma' 00000000 ffffffff", bytes);
    memset(bytes + n, 0, sizeof(bytes) - n);
    assert_string_equal(Probed(bytes, sizeof(bytes)), "avif");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_found),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(no_images),
        cmocka_unit_test(walks_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
