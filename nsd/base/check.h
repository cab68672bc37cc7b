/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Objects that threads share carry a magic number: a use after free is found at its first use.
 */
#ifndef NSD_CHECK_H
#define NSD_CHECK_H

#include "base/die.h"

#define NS_MAGIC(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define NS_SPOILED 0xdeadbeefu

/* The object must be alive; else the process ends with the place. */
#define NS_CHECK(object, expected)                                                                              \
    do {                                                                                                        \
        if (__builtin_expect((object)->magic != (expected), 0)) {                                               \
            NsDie("%s:%d: %s: object %p is not alive (magic %08x)", __FILE__, __LINE__, __func__,               \
                  (const void *)(object), (unsigned)(object)->magic);                                           \
        }                                                                                                       \
    } while (0)

/* Internal contradictions: end at once rather than go on with wrong data. */
#define NS_ASSERT(condition)                                                                                    \
    do {                                                                                                        \
        if (__builtin_expect(!(condition), 0)) {                                                                \
            NsDie("%s:%d: %s: not true: %s", __FILE__, __LINE__, __func__, #condition);                         \
        }                                                                                                       \
    } while (0)

#endif
