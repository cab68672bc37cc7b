/* SPDX-License-Identifier: MPL-2.0 */
/*
 * See histogram.h.
 */
#include "histogram.h"

inline void
HistogramAdd(Histogram *h, uint64_t v)
{
    unsigned idx;
    if (v < HSUB) {
        idx = (unsigned)v;
    } else {
        int e = 63 - __builtin_clzll(v);
        idx = (unsigned)((e - 5) * HSUB + ((v >> (e - 6)) & (HSUB - 1)));
        if (idx >= HBUCK) {
            idx = HBUCK - 1;
        }
    }
    h->b[idx]++;
    h->n++;
    h->sum += v;
    if (v > h->max) {
        h->max = v;
    }
}
static uint64_t
BucketValue(unsigned idx)
{
    if (idx < HSUB) {
        return idx;
    }
    unsigned e = idx / HSUB + 5;
    unsigned m = idx % HSUB;
    return (((uint64_t)(HSUB + m)) << (e - 6)) + ((1ull << (e - 6)) >> 1);
}
double
HistogramQuantile(const Histogram *h, double q)
{ /* microseconds */
    if (!h->n) {
        return 0;
    }
    uint64_t want = (uint64_t)(q * (double)h->n);
    uint64_t s = 0;
    if (want >= h->n) {
        want = h->n - 1;
    }
    for (unsigned i = 0; i < HBUCK; i++) {
        s += h->b[i];
        if (s > want) {
            return (double)BucketValue(i) / 1e3;
        }
    }
    return (double)h->max / 1e3;
}
void
HistogramMerge(Histogram *a, const Histogram *b)
{
    a->n += b->n;
    a->sum += b->sum;
    if (b->max > a->max) {
        a->max = b->max;
    }
    for (unsigned i = 0; i < HBUCK; i++) {
        a->b[i] += b->b[i];
    }
}

inline uint64_t
NowNs(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}
