/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/condition.h"

#include <stdarg.h>

#include "base/clock.h"
#include "doc/json.h"

const char *const condition_weekdays[] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                          "FRIDAY", "SATURDAY", "SUNDAY",    NULL};

int condition_refuse(Diag *diag, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_(arena_freep) Arena *arena = arena_new();
    diag_error(diag, NULL, 0, 0, "%s", arena_vprintf(arena, format, arguments));
    va_end(arguments);
    return CONDITION_E_FAILED;
}

int condition_holds(const json_t *condition, const ConditionContext *context, bool *ret, Diag *diag)
{
    const char *name = json_get_text(condition, "type", "");
    const Type *type = type_find(&plugin_registry, TYPE_CONDITION, name, NULL);
    if (!type || !type->holds)
        return condition_refuse(diag, "Invalid type: %s", name);
    return type->holds(context, condition, ret, diag);
}

bool condition_is_by_date(const json_t *condition)
{
    const Type *type = type_find(&plugin_registry, TYPE_CONDITION, json_get_text(condition, "type", ""), NULL);
    if (!type || !type->by_date)
        return false;
    size_t i;
    const json_t *inner;
    json_array_foreach (json_object_get(condition, "conditions"), i, inner)
        if (!condition_is_by_date(inner))
            return false;
    return true;
}

int conditions_hold(const json_t *list, const ConditionContext *context, bool *ret, Diag *diag)
{
    size_t i;
    const json_t *condition;
    bool all = true;
    json_array_foreach (list, i, condition) {
        if (json_get_boolean(condition, "disabled", false))
            continue;
        int r = condition_holds(condition, context, &all, diag);
        if (r != 0)
            return r;
        if (!all)
            break;
    }
    *ret = all;
    return 0;
}

int condition_text(const ConditionContext *context, const json_t *condition, const char *property, const char *fallback,
                   char **ret, Diag *diag)
{
    const char *source = json_get_text(condition, property, fallback);
    if (!source) {
        *ret = NULL;
        return 0;
    }
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    int r = expr_compile(source, strlen(source), &expr, diag);
    if (r == 0)
        r = expr_render(expr, context->render, ret, diag);
    return r > 0 ? CONDITION_E_FAILED : r;
}

/* Seconds of "+02:00" or "Z" at the end of the text. */
static int64_t offset_of(const char *text)
{
    size_t length = strlen(text);
    if (length < 6 || (text[length - 6] != '+' && text[length - 6] != '-') || text[length - 3] != ':')
        return 0;
    const char *digits = text + length - 5;
    int64_t seconds =
        ((digits[0] - '0') * 10 + (digits[1] - '0')) * 3600 + ((digits[3] - '0') * 10 + (digits[4] - '0')) * 60;
    return text[length - 6] == '-' ? -seconds : seconds;
}

static int days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int condition_date(const ConditionContext *context, const json_t *condition, ConditionDate *ret, Diag *diag)
{
    _cleanup_free_ char *text = NULL;
    int r = condition_text(context, condition, "date", "{{ trigger.date }}", &text, diag);
    if (r != 0)
        return r;
    text[strcspn(text, "[")] = '\0'; /* a zone's name after the offset adds nothing */
    if (instant_parse(text, &ret->instant) != 0)
        return condition_refuse(diag, "Text '%s' is not a date", text);
    ret->offset_seconds = offset_of(text);
    int64_t local = (int64_t)(ret->instant / USEC_PER_SEC) + ret->offset_seconds;
    int64_t days = local >= 0 ? local / 86400 : -((86399 - local) / 86400);
    ret->weekday = (int)(((days + 3) % 7 + 7) % 7); /* the epoch was a Thursday */
    ret->time_of_day = (usec_t)(local - days * 86400) * USEC_PER_SEC + ret->instant % USEC_PER_SEC;
    /* instant_parse has read the same digits: year, month, day in their fixed places */
    int64_t year = strtoimax(text, NULL, 10);
    int month = (text[5] - '0') * 10 + (text[6] - '0');
    ret->day = (text[8] - '0') * 10 + (text[9] - '0');
    ret->days_in_month = days_in_month(year, month);
    return 0;
}

bool condition_list_has(const json_t *list, const char *text)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (json_is_string(item) && streq(json_string_value(item), text))
            return true;
    return false;
}

bool condition_namespace_fits(const char *namespace, const char *wanted, const char *comparison)
{
    if (streq(comparison, "PREFIX"))
        return starts_with(namespace, wanted);
    if (streq(comparison, "SUFFIX"))
        return ends_with(namespace, wanted);
    return streq(namespace, wanted);
}
