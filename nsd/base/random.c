/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Random numbers: each thread keeps some in store, since asking for four bytes costs as much as for a thousand.
 */
#include <string.h>
#include <openssl/rand.h>
#include "base/check.h"
#include "base/die.h"
#include "base/random.h"
#include "ns.h"

void
NsRandomBytes(void *bytes, size_t len)
{
    static __thread unsigned char store[NS_RANDOM_MAX];
    static __thread size_t        left;

    NS_ASSERT(len <= sizeof(store));
    if (left < len) {
        if (RAND_bytes(store, (int)sizeof(store)) != 1) {
            NsDie("the operating system gives no random numbers");
        }
        left = sizeof(store);
    }
    left -= len;
    memcpy(bytes, store + left, len);
    memset(store + left, 0, len);              /* given away once, and kept by nobody */
}
