/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Latencies in nanoseconds, in buckets of 1/64 of their size.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <time.h>

#define HSUB  64
#define HBUCK (48 * HSUB)
typedef struct Histogram {
    uint64_t n, max, sum;
    uint32_t b[HBUCK];
} Histogram;

void     HistogramAdd(Histogram *h, uint64_t v);
void     HistogramMerge(Histogram *into, const Histogram *from);
double   HistogramQuantile(const Histogram *h, double q); /* in microseconds */
uint64_t NowNs(void);

#endif
