/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Numbers with units: times (90, 1.5, 1:500000, 100ms, 2m) and sizes (17, 4KB, 1.5MB).
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "ns.h"

typedef struct Unit {
    const char *name;
    int64_t     factor;
} Unit;

/* In microseconds. */
static const Unit timeUnits[] = {
    {"us", 1}, {"ms", 1000}, {"s", 1000000}, {"m", 60000000LL}, {"h", 3600000000LL}, {"d", 86400000000LL},
    {"w", 7 * 86400000000LL}, {"y", 365 * 86400000000LL}, {NULL, 0}
};
/* In bytes; written in any case. */
static const Unit memUnits[] = {
    {"B", 1}, {"kB", 1 << 10}, {"KiB", 1 << 10}, {"MB", 1 << 20}, {"MiB", 1 << 20}, {"GB", 1 << 30}, {"GiB", 1 << 30},
    {NULL, 0}
};

/*
 * A decimal number with up to 18 digits before the point: in `whole` and, after it, in `frac` (0 <= frac < 1).  Returns
 * the end of it, or NULL when there is none.  Not strtod: that follows the locale, and takes "inf" and "0x1p3".
 */
static const char *
ParseDecimal(const char *string, bool *negative, int64_t *whole, double *frac)
{
    const char *p = string;
    int         digits = 0;
    double      place = 0.1;

    *whole = 0;
    *frac = 0.0;
    *negative = *p == '-';
    if (*p == '-' || *p == '+') {
        p++;
    }
    for (; isdigit((unsigned char)*p); p++, digits++) {
        if (*whole > INT64_MAX / 10 - 1) {
            return NULL;
        }
        *whole = *whole * 10 + (*p - '0');
    }
    if (*p == '.') {
        for (p++; isdigit((unsigned char)*p); p++, digits++) {
            *frac += (*p - '0') * place;
            place /= 10;
        }
    }
    return digits == 0 ? NULL : p;
}

static const char *
SkipSpace(const char *p)
{
    while (isspace((unsigned char)*p)) {
        p++;
    }
    return p;
}

/* The factor for a unit that is followed by nothing but blanks; 0: there is none. */
static int64_t
FindUnit(const Unit *units, const char *string, bool ignoreCase)
{
    size_t len = strlen(string);

    while (len > 0 && isspace((unsigned char)string[len - 1])) {
        len--;
    }
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == len
            && (ignoreCase ? strncasecmp(units->name, string, len) : strncmp(units->name, string, len)) == 0) {
            return units->factor;
        }
    }
    return 0;
}

/* number * factor + fraction * factor; false: out of range */
static bool
Scale(int64_t whole, double frac, int64_t factor, bool negative, int64_t *result)
{
    int64_t product;

    if (__builtin_mul_overflow(whole, factor, &product)
        || __builtin_add_overflow(product, (int64_t)llround(frac * (double)factor), &product)) {
        return false;
    }
    *result = negative ? -product : product;
    return true;
}

static bool
ParseTime(const char *string, Ns_Time *result)
{
    const char *p = SkipSpace(string);
    int64_t     whole, usec;
    double      frac;
    bool        negative;

    p = ParseDecimal(p, &negative, &whole, &frac);
    if (p == NULL) {
        return false;
    }
    if (*p == ':') {
        /* secs:usecs; the sign is that of the whole. */
        bool    usecNegative;
        double  usecFrac;
        int64_t usecs;

        if (frac != 0.0 || !isdigit((unsigned char)p[1])) {
            return false;
        }
        p = ParseDecimal(p + 1, &usecNegative, &usecs, &usecFrac);
        if (p == NULL || *SkipSpace(p) != '\0' || usecFrac != 0.0) {
            return false;
        }
        result->sec = (long)(negative ? -whole : whole);
        result->usec = (long)(negative ? -usecs : usecs);
    } else {
        int64_t factor;

        p = SkipSpace(p);
        factor = *p == '\0' ? 1000000 : FindUnit(timeUnits, p, false);
        if (factor == 1000000) {
            /* So that all seconds of 64 bits are in reach. */
            usec = llround(frac * 1e6);
            result->sec = (long)(negative ? -whole : whole);
            result->usec = (long)(negative ? -usec : usec);
        } else if (factor == 0 || !Scale(whole, frac, factor, negative, &usec)) {
            return false;
        } else {
            result->sec = (long)(usec / 1000000);
            result->usec = (long)(usec % 1000000);
        }
    }
    Ns_AdjTime(result);
    return true;
}

Ns_ReturnCode
Ns_GetTimeFromString(Tcl_Interp *interp, const char *string, Ns_Time *result)
{
    if (ParseTime(string, result)) {
        return NS_OK;
    }
    if (interp != NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("expected time value but got \"%s\"", string));
    }
    return NS_ERROR;
}

Ns_ReturnCode
Ns_GetMemUnitFromString(Tcl_Interp *interp, const char *string, Tcl_WideInt *result)
{
    const char *p = SkipSpace(string);
    int64_t     whole, bytes = 0, factor = 0;
    double      frac;
    bool        negative;

    p = ParseDecimal(p, &negative, &whole, &frac);
    if (p != NULL) {
        p = SkipSpace(p);
        factor = *p == '\0' ? 1 : FindUnit(memUnits, p, true);
    }
    if (factor != 0 && Scale(whole, frac, factor, negative, &bytes)) {
        *result = bytes;
        return NS_OK;
    }
    if (interp != NULL) {
        Tcl_SetObjResult(interp, Tcl_ObjPrintf("invalid memory unit '%s'; valid units kB, MB, GB, KiB, MiB, and GiB",
                                               string));
    }
    return NS_ERROR;
}

char *
Ns_DStringAppendTime(Tcl_DString *ds, const Ns_Time *time)
{
    Ns_Time value = *time;
    bool    negative;
    char    buffer[64];
    int     len;

    Ns_AdjTime(&value);
    negative = value.sec < 0;
    if (negative && value.usec > 0) {
        value.sec++;
        value.usec = 1000000 - value.usec;
    }
    len = snprintf(buffer, sizeof(buffer), "%s%lu", negative ? "-" : "",
                   negative ? 0ul - (unsigned long)value.sec : (unsigned long)value.sec);
    if (value.usec != 0) {
        len += snprintf(buffer + len, sizeof(buffer) - (size_t)len, ".%06ld", value.usec);
        while (buffer[len - 1] == '0') {
            len--;
        }
    }
    return Tcl_DStringAppend(ds, buffer, len);
}
