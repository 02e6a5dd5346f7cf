/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads TZif files (RFC 8536): a table of instants at which the offset changes, and a rule in POSIX TZ form for the
 * time after the last one. Both are turned into one sorted table up to the year 2100 at load, so that a lookup is a
 * binary search; later years map to an equal year of the 400-year cycle inside the table's rule range.
 *
 * The zones read so far are kept in one list for the whole process, guarded by a mutex: they are immutable, there are
 * some 600 of them at most, and every thread that renders a date needs them.
 */
#include "when/zone.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "when/zone_rule.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX  (1 << 20)
#define OFFSET_MAX     (18 * 3600)
#define RULE_YEAR_LAST 2500

typedef struct Change {
    int64_t at;
    int32_t offset;
    bool daylight;
    const char *abbreviation;
} Change;

struct Zone {
    Zone *next;
    char *name;
    char *file;
    bool is_offset;
    Change first; /* before changes[0] */
    VEC(Change) changes;
    bool repeats; /* the rule goes on after the table */
    ZoneRule rule;
};

static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;
static Zone *zones;
static Zone utc = {.name = (char *)"UTC", .first = {.abbreviation = "UTC"}};
static Zone z_zone = {.name = (char *)"Z", .is_offset = true, .first = {.abbreviation = "Z"}};

static uint32_t read_u32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t read_i64(const unsigned char *bytes)
{
    return (int64_t)((uint64_t)read_u32(bytes) << 32 | read_u32(bytes + 4));
}

static void change_append(Zone *zone, Change change)
{
    const Change *last = zone->changes.count ? &zone->changes.items[zone->changes.count - 1] : &zone->first;
    if (zone->changes.count && change.at <= last->at)
        return;
    if (last->offset == change.offset && last->daylight == change.daylight &&
        streq(last->abbreviation, change.abbreviation))
        return;
    vec_push(&zone->changes, change);
}

static void append_rule_years(Zone *zone)
{
    const ZoneRule *rule = &zone->rule;
    int64_t year = 1970;
    unsigned month, day;
    if (zone->changes.count)
        calendar_date(zone->changes.items[zone->changes.count - 1].at / 86400, &year, &month, &day);
    for (; year <= RULE_YEAR_LAST; year++) {
        Change to_daylight = {zone_rule_change(rule, year, true), rule->daylight_offset, true, rule->daylight_name};
        Change to_standard = {zone_rule_change(rule, year, false), rule->standard_offset, false, rule->standard_name};
        bool daylight_first = to_daylight.at < to_standard.at;
        change_append(zone, daylight_first ? to_daylight : to_standard);
        change_append(zone, daylight_first ? to_standard : to_daylight);
    }
    zone->repeats = true;
}

typedef struct Header {
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
} Header;

static bool header_read(const unsigned char *bytes, size_t length, Header *ret)
{
    if (length < 44 || memcmp(bytes, "TZif", 4) != 0)
        return false;
    *ret = (Header){read_u32(bytes + 20), read_u32(bytes + 24), read_u32(bytes + 28),
                    read_u32(bytes + 32), read_u32(bytes + 36), read_u32(bytes + 40)};
    return ret->time_count < 10000 && ret->type_count > 0 && ret->type_count < 256 && ret->char_count < 4096 &&
           ret->leap_count < 1000;
}

static size_t body_bytes(const Header *h, size_t time_size)
{
    return h->time_count * (time_size + 1) + h->type_count * 6 + h->char_count + h->leap_count * (time_size + 4) +
           h->standard_count + h->utc_count;
}

/* Second block of the file (64-bit times), followed by the rule. */
static bool zone_read_body(Zone *zone, const unsigned char *bytes, size_t length)
{
    Header h;
    if (!header_read(bytes, length, &h) || length < 44 + body_bytes(&h, 8) + 2)
        return false;
    const unsigned char *times = bytes + 44, *indexes = times + 8 * (size_t)h.time_count,
                        *types = indexes + h.time_count;
    const char *names = (const char *)types + 6 * (size_t)h.type_count;
    for (uint32_t i = 0; i <= h.time_count; i++) {
        uint32_t type = i ? indexes[i - 1] : 0;
        if (type >= h.type_count || types[type * 6 + 5] >= h.char_count)
            return false;
        Change change = {
            .at = i ? read_i64(times + 8 * (size_t)(i - 1)) : INT64_MIN,
            .offset = (int32_t)read_u32(types + type * 6),
            .daylight = types[type * 6 + 4],
            .abbreviation = names + types[type * 6 + 5],
        };
        if (i == 0)
            zone->first = change;
        else
            change_append(zone, change);
    }
    const char *rule = (const char *)bytes + 44 + body_bytes(&h, 8);
    if (rule[0] == '\n' &&
        zone_rule_parse(rule + 1, (size_t)(bytes + length - (const unsigned char *)rule - 1), &zone->rule) &&
        zone->rule.has_daylight)
        append_rule_years(zone);
    return true;
}

static bool zone_read(Zone *zone, const char *path)
{
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > ZONE_FILE_MAX)
        return false;
    size_t length = (size_t)status.st_size;
    zone->file = xmalloc(length + 1);
    if (read(fd, zone->file, length) != (ssize_t)length)
        return false;
    zone->file[length] = 0;
    Header h;
    const unsigned char *bytes = (const unsigned char *)zone->file;
    if (!header_read(bytes, length, &h) || bytes[4] < '2')
        return false;
    size_t skip = 44 + body_bytes(&h, 4);
    return skip < length && zone_read_body(zone, bytes + skip, length - skip);
}

static Zone *zone_discard(Zone *zone)
{
    vec_free(&zone->changes);
    free(zone->file);
    free(zone->name);
    free(zone);
    return NULL;
}

/* Java knows these only as aliases that ZoneId.of does not apply; the others are no zones. */
static bool is_hidden(const char *name)
{
    static const char *const hidden[] = {"EST", "MST", "HST", "ROC", "localtime", "posixrules", "Factory"};
    for (size_t i = 0; i < ELEMENTS(hidden); i++)
        if (streq(name, hidden[i]))
            return true;
    return starts_with(name, "posix/") || starts_with(name, "right/");
}

static bool is_zone_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) || strstr(name, "..") || strlen(name) > 64 || is_hidden(name))
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("/_+-.", *c))
            return false;
    return true;
}

/* "+h", "+hh", "+hh:mm", "+hhmm", "+hh:mm:ss", "+hhmmss". */
static bool offset_parse(const char *text, int *ret)
{
    if (*text != '+' && *text != '-')
        return false;
    int sign = *text++ == '-' ? -1 : 1, parts[3] = {0};
    size_t digits = strspn(text, "0123456789");
    bool colons = strchr(text, ':') != NULL;
    if (digits == 1 && !text[1]) {
        parts[0] = text[0] - '0';
    } else {
        unsigned part = 0;
        for (; *text; part++) {
            if (part && colons && *text++ != ':')
                return false;
            if (part > 2 || !isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
                return false;
            parts[part] = (text[0] - '0') * 10 + text[1] - '0';
            text += 2;
        }
        if (part == 0)
            return false;
    }
    int seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    if (parts[1] > 59 || parts[2] > 59 || seconds > OFFSET_MAX)
        return false;
    *ret = sign * seconds;
    return true;
}

static char *offset_format(int seconds)
{
    if (seconds == 0)
        return xstrdup("Z");
    char sign = seconds < 0 ? '-' : '+';
    unsigned magnitude = (unsigned)abs(seconds);
    if (magnitude % 60)
        return xasprintf("%c%02u:%02u:%02u", sign, magnitude / 3600, magnitude / 60 % 60, magnitude % 60);
    return xasprintf("%c%02u:%02u", sign, magnitude / 3600, magnitude / 60 % 60);
}

static Zone *zone_new_offset(const char *prefix, int seconds)
{
    Zone *zone = xnew(Zone);
    _cleanup_free_ char *text = offset_format(seconds);
    zone->name = xasprintf("%s%s", prefix, seconds || !*prefix ? text : "");
    zone->is_offset = !*prefix;
    zone->first = (Change){.offset = seconds, .abbreviation = zone->name};
    return zone;
}

static Zone *zone_load(const char *name)
{
    int seconds;
    if (offset_parse(name, &seconds))
        return zone_new_offset("", seconds);
    static const char *const prefixes[] = {"UTC", "GMT", "UT"};
    for (size_t i = 0; i < ELEMENTS(prefixes); i++)
        if (starts_with(name, prefixes[i]) && offset_parse(name + strlen(prefixes[i]), &seconds))
            return zone_new_offset(prefixes[i], seconds);
    if (!is_zone_name(name))
        return NULL;
    Zone *zone = xnew(Zone);
    zone->name = xstrdup(name);
    _cleanup_free_ char *path = xasprintf(ZONE_DIRECTORY "%s", name);
    return zone_read(zone, path) ? zone : zone_discard(zone);
}

static const Zone *zone_remembered(const char *name)
{
    for (const Zone *zone = zones; zone; zone = zone->next)
        if (streq(zone->name, name))
            return zone;
    return NULL;
}

const Zone *zone_find(const char *name)
{
    if (streq(name, "UTC"))
        return &utc;
    if (streq(name, "Z"))
        return &z_zone;
    pthread_mutex_lock(&zones_lock);
    const Zone *found = zone_remembered(name);
    if (!found) {
        Zone *zone = zone_load(name);
        if (zone && (found = zone_remembered(zone->name))) {
            zone_discard(zone);
        } else if (zone) {
            zone->next = zones;
            found = zones = zone;
        }
    }
    pthread_mutex_unlock(&zones_lock);
    return found;
}

const Zone *zone_utc(void)
{
    return &utc;
}

const char *zone_name(const Zone *zone)
{
    return zone->name;
}

bool zone_is_offset(const Zone *zone)
{
    return zone->is_offset;
}

/* After the table the rule repeats every 400 years (146,097 days, a whole number of weeks). */
#define CYCLE_SECONDS (INT64_C(146097) * 86400)
static int64_t cycle_shift(const Zone *zone, int64_t instant)
{
    if (!zone->repeats)
        return 0;
    int64_t last = zone->changes.items[zone->changes.count - 1].at;
    return instant < last ? 0 : ((instant - last) / CYCLE_SECONDS + 1) * CYCLE_SECONDS;
}

/* Index of the last change at or before instant, -1 for none. */
static ssize_t change_index(const Zone *zone, int64_t instant)
{
    size_t low = 0, high = zone->changes.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->changes.items[middle].at <= instant)
            low = middle + 1;
        else
            high = middle;
    }
    return (ssize_t)low - 1;
}

static const Change *change_at(const Zone *zone, int64_t instant)
{
    ssize_t index = change_index(zone, instant - cycle_shift(zone, instant));
    return index < 0 ? &zone->first : &zone->changes.items[index];
}

int zone_offset(const Zone *zone, int64_t instant)
{
    return change_at(zone, instant)->offset;
}

const char *zone_abbreviation(const Zone *zone, int64_t instant)
{
    return change_at(zone, instant)->abbreviation;
}

int64_t zone_next_change(const Zone *zone, int64_t instant)
{
    int64_t shift = cycle_shift(zone, instant);
    ssize_t index = change_index(zone, instant - shift) + 1;
    return (size_t)index < zone->changes.count ? zone->changes.items[index].at + shift : INT64_MAX;
}

int64_t zone_last_change(const Zone *zone, int64_t instant)
{
    int64_t shift = cycle_shift(zone, instant);
    ssize_t index = change_index(zone, instant - shift);
    return index >= 0 ? zone->changes.items[index].at + shift : INT64_MIN;
}

int64_t zone_local_to_instant(const Zone *zone, int64_t local)
{
    int before = zone_offset(zone, local - OFFSET_MAX * 2);
    int after = zone_offset(zone, local + OFFSET_MAX * 2);
    if (before == after && zone_next_change(zone, local - OFFSET_MAX * 2) > local + OFFSET_MAX * 2)
        return local - before;
    /* The change nearest to the local time decides; the earlier offset wins where both fit. */
    int64_t instant = local - before;
    for (int64_t change = zone_next_change(zone, local - OFFSET_MAX * 2); change <= local + OFFSET_MAX * 2;
         change = zone_next_change(zone, change)) {
        int old = zone_offset(zone, change - 1);
        instant = local - old;
        if (instant < change)
            return instant;
        int new = zone_offset(zone, change);
        if (local - new < change)
            return instant; /* a gap: the old offset gives a time that lies as much later as the gap is long */
        instant = local - new;
    }
    return instant;
}

/* Civil from days and back: eras of 400 years that begin on 1 March, so that the leap day is the last of its year. */
int64_t calendar_days(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

void calendar_date(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted_month = (5 * day_of_year + 2) / 153;
    *ret_day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    *ret_month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    *ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

bool calendar_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned calendar_month_length(int64_t year, unsigned month)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && calendar_is_leap(year));
}

unsigned calendar_weekday(int64_t days)
{
    return (unsigned)(((days + 3) % 7 + 7) % 7) + 1;
}
