/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.TimeBetween: a time of day, with offset. */
#include "doc/json.h"
#include "plugin/condition.h"

/* Exactly two digits at *text, which moves behind them; -1 when there are none. */
static int take_two(const char **text)
{
    const char *at = *text;
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return -1;
    *text += 2;
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* Seconds of HH:MM[:SS[.fraction]] at *text, which moves behind it; -1 when it has another form. */
static int64_t take_time(const char **text)
{
    int hour = take_two(text), second = 0;
    if (hour < 0 || hour > 23 || *(*text)++ != ':')
        return -1;
    int minute = take_two(text);
    if (**text == ':') {
        (*text)++;
        second = take_two(text);
        if (**text == '.')
            *text += 1 + strspn(*text + 1, "0123456789");
    }
    if (minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    return hour * 3600 + minute * 60 + second;
}

/* Seconds of the UTC day of "16:19:12-06:00" (may lie outside of 0 … 86400); false when it has another form. */
static bool parse_time(const char *text, int64_t *ret)
{
    int64_t time = take_time(&text), offset = 0;
    if (time < 0)
        return false;
    bool west = *text == '-';
    if (*text == 'Z') {
        text++;
    } else if (*text == '+' || *text == '-') {
        text++;
        offset = take_time(&text);
        if (offset < 0)
            return false;
    } else {
        return false;
    }
    *ret = west ? time + offset : time - offset;
    return *text == '\0';
}

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    ConditionDate date;
    int r = condition_date(context, condition, &date, diag);
    if (r != 0)
        return r;
    const char *after = json_get_text(condition, "after", NULL);
    const char *before = json_get_text(condition, "before", NULL);
    int64_t low = 0, high = 0;
    if ((after && !parse_time(after, &low)) || (before && !parse_time(before, &high)))
        return condition_refuse(diag, "after or before is not a time with offset");
    double time = (double)date.time_of_day / USEC_PER_SEC - (double)date.offset_seconds;
    *ret = (!after || time > (double)low) && (!before || time < (double)high);
    return 0;
}

static const Field fields[] = {
    CONDITION_FIELD_DATE,
    {"after", FIELD_STRING, .doc = "The time must be after this, such as 16:00:00+02:00."},
    {"before", FIELD_STRING, .doc = "The time must be before this."},
    {},
};

const Type condition_core_time_between = {
    .name = "io.kestra.plugin.core.condition.TimeBetween",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.TimeBetweenCondition",
                                     "io.kestra.plugin.core.condition.TimeBetweenCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A time of day lies between two others.",
    .fields = fields,
    .by_date = true,
    .holds = holds,
};
