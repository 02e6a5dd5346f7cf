/* SPDX-License-Identifier: Apache-2.0 */
/* Filters on dates. */
#include "expr/date.h"
#include "expr/calls.h"

/* Input and style out of arguments at given places; sets `*ret_done` for a null input. */
static int read_input(Call *call, size_t zone_place, size_t existing_place, size_t locale_place, bool *ret_done,
                      DateStyle *ret_style, Date *ret_date)
{
    *ret_done = call->input.kind == VALUE_NULL;
    if (*ret_done)
        return 0;
    Value zone = call_argument(call, zone_place), existing = call_argument(call, existing_place);
    Value locale = call_argument(call, locale_place);
    int r = date_style(call->eval, &zone, &locale, ret_style);
    return r ? r : date_read(call->eval, &call->input, &existing, ret_style, ret_date);
}

static int filter_date(Call *call, Value *ret)
{
    bool done;
    DateStyle style;
    Date date;
    *ret = VALUE_NULL_INIT;
    int r = read_input(call, 1, 2, 3, &done, &style, &date);
    if (r || done)
        return r;
    if (call_has(call, 0) && call_argument(call, 0).kind == VALUE_NULL)
        return eval_fail_plain(call->eval, "pattern");
    Value format = call_argument(call, 0);
    return date_print(call->eval, &date, &format, &style, ret);
}

static int filter_date_add(Call *call, Value *ret)
{
    bool done;
    DateStyle style;
    Date date;
    *ret = VALUE_NULL_INIT;
    int r = read_input(call, 3, 4, 5, &done, &style, &date);
    if (r || done)
        return r;
    Value amount = call_argument(call, 0), unit = call_argument(call, 1), format = call_argument(call, 2);
    if (amount.kind != VALUE_LONG)
        return call_wrong_type(call, &amount, "java.lang.Long");
    r = date_add(call->eval, &date, amount.integer, &unit);
    return r ? r : date_print(call->eval, &date, &format, &style, ret);
}

static int stamp(Call *call, Date *ret, bool *ret_done)
{
    DateStyle style;
    return read_input(call, 0, 1, CALL_ARGUMENTS_MAX, ret_done, &style, ret);
}

static int filter_timestamp(Call *call, Value *ret)
{
    Date date;
    bool done;
    *ret = VALUE_NULL_INIT;
    int r = stamp(call, &date, &done);
    if (!r && !done)
        *ret = value_long(date.seconds);
    return r;
}

/* Seconds as nanoseconds, or the smallest or largest 64-bit number (TimeUnit.toNanos); what is added wraps. */
static int nanos_text(Call *call, int64_t seconds, uint32_t more, Value *ret)
{
    int64_t nanos;
    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &nanos))
        nanos = seconds < 0 ? INT64_MIN : INT64_MAX;
    const char *text = arena_printf(call->eval->arena, "%" PRId64, (int64_t)((uint64_t)nanos + more));
    *ret = value_text(text, strlen(text));
    return 0;
}

/* Kestra multiplies the seconds by 10⁹ and adds the microseconds; flows count on it. */
static int filter_timestamp_micro(Call *call, Value *ret)
{
    Date date;
    bool done;
    *ret = VALUE_NULL_INIT;
    int r = stamp(call, &date, &done);
    return r || done ? r : nanos_text(call, date.seconds, date.nanos / 1000, ret);
}

static int filter_timestamp_nano(Call *call, Value *ret)
{
    Date date;
    bool done;
    *ret = VALUE_NULL_INIT;
    int r = stamp(call, &date, &done);
    return r || done ? r : nanos_text(call, date.seconds, date.nanos, ret);
}

static const char *const date_arguments[] = {"format", "timeZone", "existingFormat", "locale", NULL};
static const char *const add_arguments[] = {"amount", "unit", "format", "timeZone", "existingFormat", "locale", NULL};
static const char *const stamp_arguments[] = {"timeZone", "existingFormat", NULL};

const CallRow filters_date[] = {
    {"date", filter_date, date_arguments, 0, NULL},
    {"dateAdd", filter_date_add, add_arguments, 0, NULL},
    {"timestamp", filter_timestamp, stamp_arguments, 0, NULL},
    {"timestampMicro", filter_timestamp_micro, stamp_arguments, 0, NULL},
    {"timestampNano", filter_timestamp_nano, stamp_arguments, 0, NULL},
    {},
};
