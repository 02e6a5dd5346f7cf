/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java's date patterns. One table says for each letter how many times it may stand and how it is printed; reading goes
 * through the same elements. Control characters are our own letters for the parts of the ISO formats that no pattern
 * can express: 1 local date, 2 local time, 3 offset or nothing, 4 [zone] or nothing, 5 instant, 6 year, 7 ISO week
 * date, 14 English weekday, 15 English month, 16 GMT or offset.
 */
#include <ctype.h>
#include <strings.h>

#include "expr/date.h"
#include "expr/utf16.h"

typedef struct Printer {
    Eval *eval;
    const DateFields *fields;
    const DateStyle *style;
    Buffer *out;
    const char *failure; /* why a field cannot be printed */
} Printer;
typedef void (*PrintLetter)(Printer *printer, const PatternItem *item);

static void print_padded(Buffer *out, int64_t value, unsigned width, bool plus_when_wider)
{
    char digits[24];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int length = snprintf(digits, sizeof(digits), "%0*" PRIu64, (int)width, magnitude);
    if (value < 0)
        buffer_append_char(out, '-');
    else if (plus_when_wider && length > (int)width)
        buffer_append_char(out, '+');
    buffer_append_n(out, digits, (size_t)length);
}

static void print_number(Printer *p, const PatternItem *item, int64_t value)
{
    print_padded(p->out, value, item->count, false);
}

static void print_name(Printer *p, NameKind kind, const PatternItem *item, bool standalone, unsigned index)
{
    unsigned width = item->count < 3 ? 3 : item->count;
    buffer_append(p->out, date_name(p->eval, p->style, kind, width, standalone, index));
}

static void print_year_value(Printer *p, const PatternItem *item, int64_t year)
{
    if (item->count == 2)
        print_padded(p->out, ((year % 100) + 100) % 100, 2, false);
    else
        print_padded(p->out, year, item->count, item->count >= 4);
}

static unsigned day_of_year(const DateFields *f)
{
    return (unsigned)(f->days - calendar_days(f->year, 1, 1)) + 1;
}

/* Weeks that begin on Sunday, the first one contains 1 January. */
static unsigned us_weekday(const DateFields *f)
{
    return calendar_weekday(f->days) % 7 + 1;
}

static void us_week(const DateFields *f, int64_t *ret_year, unsigned *ret_week)
{
    int64_t next_year_start = calendar_days(f->year + 1, 1, 1);
    int64_t week_end = f->days + 7 - us_weekday(f);
    if (week_end >= next_year_start) {
        *ret_year = f->year + 1;
        *ret_week = 1;
        return;
    }
    unsigned first = calendar_weekday(calendar_days(f->year, 1, 1)) % 7; /* Sunday 0 */
    *ret_year = f->year;
    *ret_week = (day_of_year(f) - 1 + first) / 7 + 1;
}

/* ISO weeks: Monday first, the first one has at least four days of the year. */
static void iso_week(const DateFields *f, int64_t *ret_year, unsigned *ret_week)
{
    int64_t thursday = f->days - calendar_weekday(f->days) + 4;
    unsigned month, day;
    calendar_date(thursday, ret_year, &month, &day);
    *ret_week = (unsigned)(thursday - calendar_days(*ret_year, 1, 1)) / 7 + 1;
}

static void print_era(Printer *p, const PatternItem *item)
{
    print_name(p, NAME_ERA, item, false, p->fields->year > 0 ? 2 : 1);
}
static void print_year(Printer *p, const PatternItem *item)
{
    print_year_value(p, item, p->fields->year);
}
static void print_year_of_era(Printer *p, const PatternItem *item)
{
    print_year_value(p, item, p->fields->year > 0 ? p->fields->year : 1 - p->fields->year);
}
static void print_week_year(Printer *p, const PatternItem *item)
{
    int64_t year;
    unsigned week;
    us_week(p->fields, &year, &week);
    print_year_value(p, item, year);
}
static void print_month(Printer *p, const PatternItem *item)
{
    if (item->count < 3)
        print_number(p, item, p->fields->month);
    else
        print_name(p, NAME_MONTH, item, item->letter == 'L', p->fields->month);
}
static void print_quarter(Printer *p, const PatternItem *item)
{
    unsigned quarter = (p->fields->month - 1) / 3 + 1;
    if (item->count < 3)
        print_number(p, item, quarter);
    else
        print_name(p, NAME_QUARTER, item, item->letter == 'q', quarter);
}
static void print_week(Printer *p, const PatternItem *item)
{
    int64_t year;
    unsigned week;
    us_week(p->fields, &year, &week);
    print_number(p, item, week);
}
static void print_week_of_month(Printer *p, const PatternItem *item)
{
    unsigned first = calendar_weekday(p->fields->days - p->fields->day + 1) % 7;
    print_number(p, item, (p->fields->day - 1 + first) / 7 + 1);
}
static void print_day(Printer *p, const PatternItem *item)
{
    print_number(p, item, p->fields->day);
}
static void print_day_of_year(Printer *p, const PatternItem *item)
{
    print_number(p, item, day_of_year(p->fields));
}
static void print_aligned_week(Printer *p, const PatternItem *item)
{
    print_number(p, item, (p->fields->day - 1) / 7 + 1);
}
static void print_modified_julian(Printer *p, const PatternItem *item)
{
    print_number(p, item, p->fields->days + 40587);
}
static void print_weekday(Printer *p, const PatternItem *item)
{
    print_name(p, NAME_WEEKDAY, item, false, calendar_weekday(p->fields->days));
}
static void print_local_weekday(Printer *p, const PatternItem *item)
{
    if (item->count < 3)
        print_number(p, item, us_weekday(p->fields));
    else
        print_name(p, NAME_WEEKDAY, item, item->letter == 'c', calendar_weekday(p->fields->days));
}
static void print_half_day(Printer *p, const PatternItem *item)
{
    print_name(p, NAME_HALF_DAY, item, false, p->fields->hour < 12 ? 1 : 2);
}
static void print_by_icu(Printer *p, const PatternItem *item)
{
    const DateFields *f = p->fields;
    if (item->letter == 'B' && f->hour == 0 && f->minute == 0 && starts_with(p->style->locale, "en")) {
        buffer_append(p->out, item->count == 5 ? "mi" : "midnight"); /* ICU takes it for a part of the night */
        return;
    }
    char pattern[8] = {};
    memset(pattern, item->letter, MIN(item->count, 5u));
    buffer_append(p->out, date_icu(p->eval, p->style, p->fields, pattern));
}

/* Java knows one name of a zone for each half of the year, whatever its history: that of today, by the offset. */
static void print_zone_by_icu(Printer *p, const PatternItem *item)
{
    static const int64_t halves[] = {1705320000, 1721044800}; /* 2024-01-15, 2024-07-15 */
    const Zone *zone = p->fields->zone;
    int first = zone_offset(zone, halves[0]), second = zone_offset(zone, halves[1]), offset = p->fields->offset;
    DateFields fields = *p->fields;
    fields.instant = halves[second == offset || (first != offset && second < first)];
    Printer today = *p;
    today.fields = &fields;
    print_by_icu(&today, item);
}
static void print_hour(Printer *p, const PatternItem *item)
{
    unsigned hour = p->fields->hour;
    unsigned value = item->letter == 'H'   ? hour
                     : item->letter == 'k' ? (hour ? hour : 24)
                     : item->letter == 'K' ? hour % 12
                                           : (hour + 11) % 12 + 1;
    print_number(p, item, value);
}
static void print_minute(Printer *p, const PatternItem *item)
{
    print_number(p, item, p->fields->minute);
}
static void print_second(Printer *p, const PatternItem *item)
{
    print_number(p, item, p->fields->second);
}
static void print_fraction(Printer *p, const PatternItem *item)
{
    char digits[16];
    (void)snprintf(digits, sizeof(digits), "%09u", p->fields->nanos); /* nine digits */
    buffer_append_n(p->out, digits, item->count);
}
static int64_t nano_of_day(const DateFields *f)
{
    return ((int64_t)f->hour * 3600 + f->minute * 60 + f->second) * 1000000000 + f->nanos;
}
static void print_milli_of_day(Printer *p, const PatternItem *item)
{
    print_number(p, item, nano_of_day(p->fields) / 1000000);
}
static void print_nano(Printer *p, const PatternItem *item)
{
    print_number(p, item, p->fields->nanos);
}
static void print_nano_of_day(Printer *p, const PatternItem *item)
{
    print_number(p, item, nano_of_day(p->fields));
}

/* colon, and from how many parts seconds are shown; hour_only leaves out zero minutes. */
static void print_offset_value(Buffer *out, int offset, bool colon, bool hour_only, bool with_seconds)
{
    unsigned magnitude = (unsigned)abs(offset), minutes = magnitude / 60 % 60, seconds = magnitude % 60;
    buffer_printf(out, "%c%02u", offset < 0 ? '-' : '+', magnitude / 3600);
    if (!hour_only || minutes)
        buffer_printf(out, colon ? ":%02u" : "%02u", minutes);
    if (with_seconds && seconds)
        buffer_printf(out, colon ? ":%02u" : "%02u", seconds);
}
static void print_offset_x(Printer *p, const PatternItem *item)
{
    if (item->letter == 'X' && p->fields->offset == 0)
        buffer_append_char(p->out, 'Z');
    else
        print_offset_value(p->out, p->fields->offset, item->count == 3 || item->count == 5, item->count == 1,
                           item->count > 3);
}
static void print_localized_offset(Printer *p, const PatternItem *item)
{
    unsigned magnitude = (unsigned)abs(p->fields->offset);
    buffer_append(p->out, "GMT");
    if (!magnitude)
        return;
    if (item->count >= 4) {
        print_offset_value(p->out, p->fields->offset, true, false, true);
        return;
    }
    buffer_printf(p->out, "%c%u", p->fields->offset < 0 ? '-' : '+', magnitude / 3600);
    if (magnitude % 3600)
        buffer_printf(p->out, ":%02u", magnitude / 60 % 60);
}
static void print_offset_z(Printer *p, const PatternItem *item)
{
    if (item->count < 4)
        print_offset_value(p->out, p->fields->offset, false, false, false);
    else if (item->count == 4)
        print_localized_offset(p, item);
    else
        print_offset_x(p, &(PatternItem){.letter = 'X', .count = 5});
}
static void print_zone_id(Printer *p, const PatternItem *item)
{
    buffer_append(p->out, zone_name(p->fields->zone));
}

static bool has_own_name(const Zone *zone)
{
    const char *name = zone_name(zone);
    return !zone_is_offset(zone) && !strpbrk(name, ":") && !starts_with(name, "Etc/GMT");
}

/* The letters of tzdata where it has some; Java writes "PT" for the generic form of PST and PDT. */
static void print_zone_name(Printer *p, const PatternItem *item)
{
    const Zone *zone = p->fields->zone;
    const char *letters = zone_abbreviation(zone, p->fields->instant);
    if (!has_own_name(zone)) {
        buffer_append(p->out, zone_name(zone));
    } else if (item->count == 4 && (streq(zone_name(zone), "UTC") || streq(zone_name(zone), "GMT"))) {
        print_zone_by_icu(p, &(PatternItem){.letter = 'z', .count = 4}); /* these have no generic name */
    } else if (item->count == 4) {
        print_zone_by_icu(p, item);
    } else if (!isalpha((unsigned char)letters[0])) {
        print_zone_by_icu(p, item);
    } else if (item->letter == 'v' && strlen(letters) == 3 && strchr("ECMPAH", letters[0]) && streq(letters + 2, "T") &&
               (letters[1] == 'S' || letters[1] == 'D')) {
        buffer_append_char(p->out, letters[0]);
        buffer_append_char(p->out, 'T');
    } else if (item->letter == 'v' && strlen(letters) == 4 && streq(letters + 2, "ST")) { /* CEST, EEST, WEST */
        buffer_printf(p->out, "%.2sT", letters);
    } else {
        buffer_append(p->out, letters);
    }
}

/* ---- parts of the ISO formats ---- */
static void print_iso_date(Printer *p, const PatternItem *item)
{
    print_padded(p->out, p->fields->year, 4, true);
    buffer_printf(p->out, "-%02u-%02u", p->fields->month, p->fields->day);
}
static void print_trimmed_nanos(Buffer *out, unsigned nanos, unsigned group)
{
    char digits[16];
    size_t length = 9;
    if (!nanos)
        return;
    (void)snprintf(digits, sizeof(digits), "%09u", nanos); /* nine digits */
    while (length > group && strspn(digits + length - group, "0") >= group) {
        length -= group;
        digits[length] = 0;
    }
    buffer_append_char(out, '.');
    buffer_append_n(out, digits, length);
}
static void print_iso_time(Printer *p, const PatternItem *item)
{
    buffer_printf(p->out, "%02u:%02u:%02u", p->fields->hour, p->fields->minute, p->fields->second);
    print_trimmed_nanos(p->out, p->fields->nanos, 1);
}
static void print_iso_offset(Printer *p, const PatternItem *item)
{
    print_offset_x(p, &(PatternItem){.letter = 'X', .count = 5});
}
static void print_iso_zone(Printer *p, const PatternItem *item)
{
    if (!zone_is_offset(p->fields->zone))
        buffer_printf(p->out, "[%s]", zone_name(p->fields->zone));
}
static void print_iso_instant(Printer *p, const PatternItem *item)
{
    Date date = {.kind = DATE_ZONED, .seconds = p->fields->instant, .nanos = p->fields->nanos, .zone = zone_utc()};
    DateFields utc = date_fields(&date);
    Printer inner = {p->eval, &utc, p->style, p->out};
    print_iso_date(&inner, item);
    buffer_printf(p->out, "T%02u:%02u:%02u", utc.hour, utc.minute, utc.second);
    print_trimmed_nanos(p->out, utc.nanos, 3);
    buffer_append_char(p->out, 'Z');
}
static void print_iso_year(Printer *p, const PatternItem *item)
{
    print_padded(p->out, p->fields->year, 4, true);
}
static void print_iso_week_date(Printer *p, const PatternItem *item)
{
    int64_t year;
    unsigned week;
    iso_week(p->fields, &year, &week);
    print_padded(p->out, year, 4, true);
    buffer_printf(p->out, "-W%02u-%u", week, calendar_weekday(p->fields->days));
}
static const DateStyle english = {.locale = "en_US", .has_names = true};
static void print_english_weekday(Printer *p, const PatternItem *item)
{
    buffer_append(p->out, date_name(p->eval, &english, NAME_WEEKDAY, 3, false, calendar_weekday(p->fields->days)));
}
static void print_english_month(Printer *p, const PatternItem *item)
{
    buffer_append(p->out, date_name(p->eval, &english, NAME_MONTH, 3, false, p->fields->month));
}
static void print_iso_t(Printer *p, const PatternItem *item)
{
    buffer_append_char(p->out, 'T');
}
static void print_rfc_year(Printer *p, const PatternItem *item)
{
    int64_t year = p->fields->year;
    if (year < 0 || year > 9999)
        p->failure = arena_printf(p->eval->arena, "Field Year cannot be printed as the value %" PRId64 " %s", year,
                                  year < 0 ? "cannot be negative according to the SignStyle"
                                           : "exceeds the maximum print width of 4");
    else
        print_padded(p->out, year, 4, false);
}
static void print_rfc_offset(Printer *p, const PatternItem *item)
{
    if (p->fields->offset == 0)
        buffer_append(p->out, "GMT");
    else
        print_offset_value(p->out, p->fields->offset, false, false, false);
}

/* counts: bit n set: the letter may stand n times; 0: any number (then 1–19 digits). */
static const struct {
    char letter;
    unsigned counts;
    PrintLetter print;
} letters[] = {
    {'G', 0x3E, print_era},
    {'u', 0, print_year},
    {'y', 0, print_year_of_era},
    {'Y', 0, print_week_year},
    {'M', 0x3E, print_month},
    {'L', 0x3E, print_month},
    {'Q', 0x3E, print_quarter},
    {'q', 0x3E, print_quarter},
    {'w', 0x06, print_week},
    {'W', 0x02, print_week_of_month},
    {'d', 0x06, print_day},
    {'D', 0x0E, print_day_of_year},
    {'F', 0x02, print_aligned_week},
    {'g', 0, print_modified_julian},
    {'E', 0x3E, print_weekday},
    {'e', 0x3E, print_local_weekday},
    {'c', 0x3A, print_local_weekday},
    {'a', 0x02, print_half_day},
    {'B', 0x32, print_by_icu},
    {'h', 0x06, print_hour},
    {'H', 0x06, print_hour},
    {'k', 0x06, print_hour},
    {'K', 0x06, print_hour},
    {'m', 0x06, print_minute},
    {'s', 0x06, print_second},
    {'S', 0x3FE, print_fraction},
    {'A', 0, print_milli_of_day},
    {'n', 0, print_nano},
    {'N', 0, print_nano_of_day},
    {'V', 0x04, print_zone_id},
    {'z', 0x1E, print_zone_name},
    {'v', 0x12, print_zone_name},
    {'O', 0x12, print_localized_offset},
    {'X', 0x3E, print_offset_x},
    {'x', 0x3E, print_offset_x},
    {'Z', 0x3E, print_offset_z},
    {'\001', 0x02, print_iso_date},
    {'\002', 0x02, print_iso_time},
    {'\003', 0x02, print_iso_offset},
    {'\004', 0x02, print_iso_zone},
    {'\005', 0x02, print_iso_instant},
    {'\006', 0x02, print_iso_year},
    {'\007', 0x02, print_iso_week_date},
    {'\016', 0x02, print_english_weekday},
    {'\017', 0x02, print_english_month},
    {'\023', 0x02, print_rfc_year},
    {'\020', 0x02, print_rfc_offset},
    {'\021', 0x02, print_iso_t},
    {'\022', 0x02, print_iso_offset},
};

static int letter_index(char letter)
{
    for (size_t i = 0; i < ELEMENTS(letters); i++)
        if (letters[i].letter == letter)
            return (int)i;
    return -1;
}

static bool check_letter(Eval *eval, char letter, unsigned count)
{
    int index = letter_index(letter);
    if (index < 0) {
        eval_fail_plain(eval, "Unknown pattern letter: %c", letter);
        return false;
    }
    unsigned counts = letters[index].counts;
    if (counts == 0 ? count <= 19 : count < 32 && counts >> count & 1)
        return true;
    if (counts == 0)
        eval_fail_plain(eval, "The minimum width must be from 1 to 19 inclusive but was %u", count);
    else if (letter == 'V')
        eval_fail_plain(eval, "Pattern letter count must be 2: V");
    else if (letter == 'O' || letter == 'v')
        eval_fail_plain(eval, letter == 'O' ? "Pattern letter count must be 1 or 4: O"
                                            : "Wrong number of pattern letters: v");
    else if (letter == 'c' && count == 2)
        eval_fail_plain(eval, "Invalid pattern \"cc\"");
    else if (letter == 'S')
        eval_fail_plain(eval, "Maximum width must be from 1 to 9 inclusive but was %u", count);
    else
        eval_fail_plain(eval, "Too many pattern letters: %c", letter);
    return false;
}

static void item_push(Eval *eval, PatternItems *items, PatternItem item)
{
    if (items->count == items->allocated) {
        size_t allocated = items->allocated ? items->allocated * 2 : 16;
        PatternItem *grown = arena_new_n(eval->arena, PatternItem, allocated);
        if (items->count)
            memcpy(grown, items->items, items->count * sizeof(PatternItem));
        items->items = grown;
        items->allocated = allocated;
    }
    items->items[items->count++] = item;
}

/* 'quoted text', '' is a quote. */
static const char *quoted_literal(Eval *eval, const char *at, const char *end, Value *ret)
{
    char *text = arena_alloc(eval->arena, (size_t)(end - at) + 1);
    size_t length = 0;
    for (at++; at < end; at++) {
        if (*at == '\'') {
            if (at + 1 == end || at[1] != '\'') {
                *ret = length ? value_text(text, length) : value_literal("'");
                return at + 1;
            }
            at++;
        }
        text[length++] = *at;
    }
    return NULL;
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || ((unsigned char)c < ' ' && letter_index(c) >= 0);
}

static const char *letter_run(Eval *eval, const Value *pattern, const char *at, PatternItems *ret)
{
    const char *end = pattern->text + pattern->length;
    unsigned count = 0, pad = 0;
    char letter = *at;
    for (; at < end && *at == letter; at++)
        count++;
    if (letter == 'p') {
        pad = count;
        letter = at < end ? *at : 0;
        for (count = 0; at < end && *at == letter; at++)
            count++;
        if (!is_letter(letter)) {
            eval_fail_plain(eval, "Pad letter 'p' must be followed by valid pad pattern: %.*s", (int)pattern->length,
                            pattern->text);
            return NULL;
        }
    }
    if (!check_letter(eval, letter, count))
        return NULL;
    item_push(eval, ret, (PatternItem){.letter = letter, .count = count, .pad = pad});
    return at;
}

bool date_pattern_items(Eval *eval, const Value *pattern, PatternItems *ret)
{
    const char *at = pattern->text, *end = at + pattern->length;
    unsigned open = 0;
    *ret = (PatternItems){};
    while (at && at < end) {
        if (is_letter(*at)) {
            at = letter_run(eval, pattern, at, ret);
            continue;
        }
        if (*at == '\'') {
            PatternItem item = {};
            at = quoted_literal(eval, at, end, &item.literal);
            if (!at)
                eval_fail_plain(eval, "Pattern ends with an incomplete string literal: %.*s", (int)pattern->length,
                                pattern->text);
            else
                item_push(eval, ret, item);
            continue;
        }
        if (strchr("{}#", *at)) {
            eval_fail_plain(eval, "Pattern includes reserved character: '%c'", *at);
            return false;
        }
        if (*at == ']' && open-- == 0) {
            eval_fail_plain(eval, "Pattern invalid as it contains ] without previous [");
            return false;
        }
        if (*at == '[')
            open++;
        if (*at == '[' || *at == ']')
            item_push(eval, ret, (PatternItem){.letter = *at});
        else
            item_push(eval, ret, (PatternItem){.literal = value_text(at, 1)});
        at++;
    }
    return at != NULL;
}

int date_pattern_print(Eval *eval, const DateFields *fields, const Value *pattern, const DateStyle *style, Buffer *out)
{
    PatternItems items;
    if (!date_pattern_items(eval, pattern, &items))
        return EVAL_E_ERROR;
    Printer printer = {.eval = eval, .fields = fields, .style = style, .out = out};
    for (size_t i = 0; i < items.count; i++) {
        const PatternItem *item = &items.items[i];
        if (!item->letter) {
            buffer_append_n(out, item->literal.text, item->literal.length);
        } else if (item->letter != '[' && item->letter != ']') {
            size_t before = out->length;
            letters[letter_index(item->letter)].print(&printer, item);
            size_t width = utf16_length(buffer_text(out) + before, out->length - before);
            for (size_t missing = width; missing < item->pad; missing++) {
                buffer_append_char(out, ' ');
                memmove(out->text + before + 1, out->text + before, out->length - before - 1);
                out->text[before] = ' ';
            }
        }
    }
    return printer.failure ? eval_fail_plain(eval, "%s", printer.failure) : 0;
}
