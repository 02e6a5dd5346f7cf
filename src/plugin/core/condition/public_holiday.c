/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.condition.PublicHoliday: a date is a public holiday of a country, or of a part of it. The
 * calendar is holidays.txt, made by tools/holidays; it is part of the program and read where it lies.
 */
#include "doc/json.h"
#include "plugin/condition.h"

__asm__(".pushsection .rodata\n"
        "holidays_text:\n"
        ".incbin \"plugin/core/condition/holidays.txt\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char holidays_text[] __asm__("holidays_text");

/* The days of the line that begins with this code (any case); NULL: there is none. */
static const char *line_of(const char *code)
{
    size_t length = strlen(code);
    for (const char *line = holidays_text; *line; line += strcspn(line, "\n") + 1)
        if (strncasecmp(line, code, length) == 0 && line[length] == ' ')
            return line + length;
    return NULL;
}

/* day: " 0101" or " 20260403" */
static bool has_day(const char *line, const char *day)
{
    size_t length = strlen(day), end = strcspn(line, "\n");
    for (const char *at = line; (at = memmem(at, end - (size_t)(at - line), day, length)); at++)
        if (at[length] == ' ' || at[length] == '\n')
            return true;
    return false;
}

static bool is_holiday(const char *line, const char *date)
{
    char every[8], once[12]; /* of YYYY-MM-DD… */
    snprintf(every, sizeof every, " %.2s%.2s", date + 5, date + 8);
    snprintf(once, sizeof once, " %.4s%.2s%.2s", date, date + 5, date + 8);
    return has_day(line, every) || has_day(line, once);
}

static int check_year(const char *date, Diag *diag)
{
    const char *bounds = line_of("years");
    intmax_t year = strtoimax(date, NULL, 10), first = bounds ? strtoimax(bounds, NULL, 10) : 0;
    intmax_t last = bounds ? strtoimax(bounds + 6, NULL, 10) : 0;
    if (year >= first && year <= last)
        return 0;
    return condition_refuse(diag, "Public holidays are known from %" PRIdMAX " to %" PRIdMAX ", not of %.10s", first,
                            last, date);
}

static int holds_for(const char *date, const char *country, const char *part, bool *ret, Diag *diag)
{
    const char *line = line_of(country);
    if (!line || strlen(country) != 2)
        return condition_refuse(diag, "No public holidays are known of country '%s'", country);
    *ret = is_holiday(line, date);
    if (!part || *ret)
        return 0;
    _cleanup_free_ char *code = xasprintf("%s-%s", country, part);
    line = line_of(code); /* without one it has the days of the country */
    *ret = line && is_holiday(line, date);
    return 0;
}

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    ConditionDate parsed;
    _cleanup_free_ char *date = NULL, *country = NULL, *part = NULL;
    int r = condition_date(context, condition, &parsed, diag);
    if (r == 0)
        r = condition_text(context, condition, "date", "{{ trigger.date }}", &date, diag);
    if (r == 0)
        r = condition_text(context, condition, "country", NULL, &country, diag);
    if (r == 0)
        r = condition_text(context, condition, "subDivision", NULL, &part, diag);
    if (r == 0 && !country)
        return condition_refuse(diag, "Property 'country' is missing");
    if (r == 0)
        r = check_year(date, diag);
    return r == 0 ? holds_for(date, country, part, ret, diag) : r;
}

static const Field fields[] = {
    CONDITION_FIELD_DATE,
    {"country", FIELD_STRING, FIELD_DYNAMIC, .doc = "Code of the country, ISO 3166-1 alpha-2 (DE)."},
    {"subDivision", FIELD_STRING, FIELD_DYNAMIC, .doc = "Code of a part of it, ISO 3166-2 without the country (BY)."},
    {},
};

const Type condition_core_public_holiday = {
    .name = "io.kestra.plugin.core.condition.PublicHoliday",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.PublicHolidayCondition",
                                     "io.kestra.plugin.core.condition.PublicHolidayCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A date is a public holiday.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
