/* SPDX-License-Identifier: Apache-2.0 */
/* Retry policies: the three kinds, their rules and how they are read. */
#include <limits.h>

#include "model/flow_private.h"
#include "when/duration.h"

static const char *const behaviors[] = {"RETRY_FAILED_TASK", "CREATE_NEW_EXECUTION", NULL};

#define RETRY_COMMON                                                                                                   \
    {"type", FIELD_STRING, FIELD_REQUIRED, .doc = "constant, exponential or random."},                                 \
        {"maxAttempt",                                                                                                 \
         FIELD_INTEGER,                                                                                                \
         FIELD_HAS_MINIMUM,                                                                                            \
         .minimum = 1,                                                                                                 \
         .doc = "Attempts at most.",                                                                                   \
         .aliases = (const char *const[]){"maxAttempts", NULL}},                                                       \
        {"maxDuration", FIELD_DURATION, .doc = "Time since the first attempt after which none follows."},              \
        {"warningOnRetry", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether a repeated attempt gives a warning."},  \
    {                                                                                                                  \
        "behavior", FIELD_ENUM, .values = behaviors, .fallback = "\"RETRY_FAILED_TASK\"",                              \
                                .doc = "Whether the task is tried again or a new execution is made."                   \
    }

static const Field constant_fields[] = {
    RETRY_COMMON,
    {"interval", FIELD_DURATION, FIELD_REQUIRED, .doc = "Time from the end of an attempt to the next one."},
    {},
};

static const Field exponential_fields[] = {
    RETRY_COMMON,
    {"interval", FIELD_DURATION, FIELD_REQUIRED, .doc = "Time to the next attempt, multiplied with each attempt."},
    {"maxInterval", FIELD_DURATION, FIELD_REQUIRED, .doc = "The longest time to the next attempt."},
    {"delayFactor", FIELD_NUMBER, .doc = "What the time is multiplied with; 2 when absent.",
     .aliases = (const char *const[]){"delayFactory", NULL}},
    {},
};

static const Field random_fields[] = {
    RETRY_COMMON,
    {"minInterval", FIELD_DURATION, FIELD_REQUIRED, .doc = "The shortest time to the next attempt."},
    {"maxInterval", FIELD_DURATION, FIELD_REQUIRED, .doc = "The longest time to the next attempt."},
    {},
};

/* False when the member is absent or not a duration. */
static bool get_duration(const json_t *object, const char *key, usec_t *ret)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return false;
    _cleanup_free_ char *number = json_is_string(value) ? NULL : json_text(value);
    return duration_parse(number ? number : json_string_value(value), ret) == 0;
}

/* `small` must be less than `large`, when both are given; false when it is not. */
static bool check_less(const FieldCheck *check, const json_t *retry, const char *path, const char *small,
                       const char *large)
{
    usec_t a, b;
    if (!get_duration(retry, small, &a) || !get_duration(retry, large, &b) || a < b)
        return true;
    char text[DURATION_BYTES];
    duration_format(a, text);
    field_report(check, retry, NULL, path, "'%s' must be less than '%s' but is %s", small, large, text);
    return false;
}

static void check_constant(const FieldCheck *check, const json_t *retry, const char *path)
{
    (void)check_less(check, retry, path, "interval", "maxDuration"); /* there is no other rule */
}

static void check_exponential(const FieldCheck *check, const json_t *retry, const char *path)
{
    (void)(check_less(check, retry, path, "interval", "maxDuration") &&
           check_less(check, retry, path, "interval", "maxInterval")); /* only the first is said */
}

static void check_random(const FieldCheck *check, const json_t *retry, const char *path)
{
    (void)(check_less(check, retry, path, "minInterval", "maxDuration") &&
           check_less(check, retry, path, "maxInterval", "maxDuration") &&
           check_less(check, retry, path, "minInterval", "maxInterval")); /* only the first is said */
}

const Variant retry_variants[] = {
    [RETRY_CONSTANT] = {"constant", "io.kestra.core.models.tasks.retrys.Constant", constant_fields, check_constant,
                        false},
    [RETRY_EXPONENTIAL] = {"exponential", "io.kestra.core.models.tasks.retrys.Exponential", exponential_fields,
                           check_exponential, false},
    [RETRY_RANDOM] = {"random", "io.kestra.core.models.tasks.retrys.Random", random_fields, check_random, false},
    {},
};

static int64_t get_integer(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        return strtoimax(json_string_value(value), NULL, 10);
    return (int64_t)json_number_value(value);
}

Retry *retry_decode(Arena *arena, const json_t *value)
{
    const char *type = json_get_text(value, "type", "");
    const Variant *variant = retry_variants;
    while (variant->type && !streq(variant->type, type))
        variant++;
    if (!variant->type)
        return NULL;
    Retry *retry = arena_new_n(arena, Retry, 1);
    retry->type = (RetryType)(variant - retry_variants);
    if (streq(json_get_text(value, "behavior", ""), behaviors[RETRY_CREATE_NEW_EXECUTION]))
        retry->behavior = RETRY_CREATE_NEW_EXECUTION;
    (void)get_duration(value, retry->type == RETRY_RANDOM ? "minInterval" : "interval", &retry->interval_usec);
    (void)get_duration(value, "maxInterval", &retry->interval_max_usec);
    (void)get_duration(value, "maxDuration", &retry->duration_max_usec); /* the zeros mean: not given */
    const json_t *factor = json_object_get(value, "delayFactor");
    retry->delay_factor = json_is_string(factor) ? strtod(json_string_value(factor), NULL) : json_number_value(factor);
    int64_t attempts = get_integer(value, json_object_get(value, "maxAttempt") ? "maxAttempt" : "maxAttempts");
    retry->attempts_max = attempts > 0 && attempts < UINT_MAX ? (unsigned)attempts : 0;
    retry->warning_on_retry = property_is_true(value, "warningOnRetry");
    return retry;
}
