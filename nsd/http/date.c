/* SPDX-License-Identifier: MPL-2.0 */
/*
 * HTTP dates: days are counted here, so that neither the locale nor the time zone of the process can get in.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/chars.h"
#include "http/date.h"

static const char dayNames[] = "SunMonTueWedThuFriSat";
static const char monthNames[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

typedef struct Civil {
    int64_t year;
    int     month, day;                        /* from 1 */
    int     hour, minute, second;
} Civil;

static int64_t
FloorDiv(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/*
 * Days since 1970 and back, with years that begin in March: then the day that leap years add is the last one, and the
 * months before it have 30.6 days on average.
 */
static int64_t
DaysOfCivil(int64_t year, int month, int day)
{
    int64_t era, yearOfEra, dayOfYear;

    year -= month <= 2;
    era = FloorDiv(year, 400);
    yearOfEra = year - era * 400;
    dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
}

static void
CivilOfDays(int64_t days, Civil *civil)
{
    int64_t era, dayOfEra, yearOfEra, dayOfYear, month;

    days += 719468;
    era = FloorDiv(days, 146097);
    dayOfEra = days - era * 146097;
    yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
    dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    month = (5 * dayOfYear + 2) / 153;
    civil->day = (int)(dayOfYear - (153 * month + 2) / 5 + 1);
    civil->month = (int)(month < 10 ? month + 3 : month - 9);
    civil->year = yearOfEra + era * 400 + (civil->month <= 2);
}

static char *
PutTwo(char *to, int number, char after)
{
    to[0] = (char)('0' + number / 10);
    to[1] = (char)('0' + number % 10);
    to[2] = after;
    return to + 3;
}

static char *
PutName(char *to, const char *name, char after)
{
    memcpy(to, name, 3);
    to[3] = after;
    return to + 4;
}

/* By hand where it can be: with printf it was a fifth of the instructions of an answer from a file. */
size_t
NsHttpDateFormat(char out[NS_HTTP_DATE_SIZE], time_t when)
{
    int64_t days = FloorDiv(when, 86400);
    int     seconds = (int)((when % 86400 + 86400) % 86400);
    int     weekday = (int)((days % 7 + 7 + 4) % 7);       /* the first day was a Thursday */
    Civil   civil;
    char   *to;

    CivilOfDays(days, &civil);
    if (civil.year < 0 || civil.year > 9999) {
        return (size_t)snprintf(out, NS_HTTP_DATE_SIZE, "%.3s, %02d %.3s %04lld %02d:%02d:%02d GMT",
                                dayNames + 3 * weekday, civil.day, monthNames + 3 * (civil.month - 1),
                                (long long)civil.year, seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    to = PutName(out, dayNames + 3 * weekday, ',');
    *to++ = ' ';
    to = PutTwo(to, civil.day, ' ');
    to = PutName(to, monthNames + 3 * (civil.month - 1), ' ');
    to = PutTwo(to, (int)civil.year / 100, '0') - 1;
    to = PutTwo(to, (int)civil.year % 100, ' ');
    to = PutTwo(to, seconds / 3600, ':');
    to = PutTwo(to, seconds / 60 % 60, ':');
    to = PutTwo(to, seconds % 60, ' ');
    memcpy(to, "GMT", 4);
    return (size_t)(to + 3 - out);
}

/* `digits` of them, or up to that many when `atLeast` is less. */
static bool
Number(const char **at, int atLeast, int digits, int *value)
{
    const char *p = *at;
    int         n = 0;

    *value = 0;
    while (n < digits && NsCharIs(p[n], NS_CHAR_DIGIT)) {
        *value = *value * 10 + (p[n++] - '0');
    }
    *at = p + n;
    return n >= atLeast;
}

static bool
Literal(const char **at, const char *text)
{
    size_t len = strlen(text);

    if (strncmp(*at, text, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

static bool
Month(const char **at, int *month)
{
    for (int i = 0; i < 12; i++) {
        if (strncasecmp(*at, monthNames + 3 * i, 3) == 0) {
            *at += 3;
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool
TimeOfDay(const char **at, Civil *civil)
{
    return Number(at, 2, 2, &civil->hour) && Literal(at, ":") && Number(at, 2, 2, &civil->minute) && Literal(at, ":")
           && Number(at, 2, 2, &civil->second);
}

/* 06 Nov 1994 08:49:37 GMT */
static bool
ImfFixdate(const char **at, Civil *civil)
{
    int year = 0;
    bool ok = Number(at, 1, 2, &civil->day) && Literal(at, " ") && Month(at, &civil->month) && Literal(at, " ")
              && Number(at, 4, 4, &year) && Literal(at, " ") && TimeOfDay(at, civil);

    civil->year = year;
    return ok;
}

/* Of a year in two digits, the one that is not more than 50 years ahead (RFC 9110, 5.6.7). */
static int64_t
FullYear(int year)
{
    Civil now;

    CivilOfDays(FloorDiv(time(NULL), 86400), &now);
    year += (int)(now.year - now.year % 100);
    return year > now.year + 50 ? year - 100 : year;
}

/* 06-Nov-94 08:49:37 GMT */
static bool
Rfc850(const char **at, Civil *civil)
{
    int  year = 0;
    bool ok = Number(at, 2, 2, &civil->day) && Literal(at, "-") && Month(at, &civil->month) && Literal(at, "-");
    bool two = false;

    if (ok) {
        const char *start = *at;

        ok = Number(at, 2, 4, &year) && *at - start != 3;
        two = *at - start == 2;
        ok = ok && Literal(at, " ") && TimeOfDay(at, civil);
    }
    civil->year = two ? FullYear(year) : year;
    return ok;
}

/* Nov  6 08:49:37 1994 */
static bool
Asctime(const char **at, Civil *civil)
{
    int  year = 0;
    bool ok = Month(at, &civil->month) && Literal(at, " ");

    if (ok) {
        (void)Literal(at, " ");
        ok = Number(at, 1, 2, &civil->day) && Literal(at, " ") && TimeOfDay(at, civil) && Literal(at, " ")
             && Number(at, 4, 4, &year);
    }
    civil->year = year;
    return ok;
}

static bool
IsValid(const Civil *civil)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t          year = civil->year;
    bool             leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return year >= 1970 && civil->day >= 1 && civil->day <= days[civil->month - 1] + (leap && civil->month == 2)
           && civil->hour < 24 && civil->minute < 60 && civil->second <= 60;
}

bool
NsHttpDateParse(const char *string, time_t *when)
{
    Civil       civil = {0};
    const char *at = string;
    bool        ok;

    while (NsCharIs(*at, NS_CHAR_ALPHA)) {     /* the day's name */
        at++;
    }
    if (at - string < 3) {
        return false;
    }
    if (Literal(&at, ", ")) {
        ok = at[0] != '\0' && at[1] != '\0' && at[2] == '-' ? Rfc850(&at, &civil) : ImfFixdate(&at, &civil);
    } else {
        ok = Literal(&at, " ") && Asctime(&at, &civil);
    }
    if (!ok || !IsValid(&civil)) {
        return false;
    }
    if (*at != '\0' && strcmp(at, " GMT") != 0 && strcmp(at, " UTC") != 0) {
        return false;
    }
    *when = (time_t)(DaysOfCivil(civil.year, civil.month, civil.day) * 86400 + civil.hour * 3600 + civil.minute * 60
                     + civil.second);
    return true;
}
