/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/flow_trigger.h"

#include "base/clock.h"
#include "doc/json.h"
#include "when/duration.h"

#define DAY    (UINT64_C(86400) * USEC_PER_SEC)
#define HOUR   (UINT64_C(3600) * USEC_PER_SEC)
#define MINUTE (UINT64_C(60) * USEC_PER_SEC)

extern const Type trigger_core_flow, condition_core_multiple_condition, condition_core_not, condition_core_or;

const char *const flow_trigger_types[] = {"io.kestra.plugin.core.trigger.Flow",
                                          "io.kestra.core.models.triggers.types.Flow", NULL};

bool flow_trigger_wants(const Trigger *trigger, State state)
{
    if (trigger->type != &trigger_core_flow || trigger->disabled)
        return false;
    const json_t *states = json_object_get(trigger->properties, "states");
    return json_is_array(states) ? condition_list_has(states, state_to_string(state)) : state_is_terminated(state);
}

/* --- conditions --- */

/* A condition of several executions, by itself or disabled: not looked at with one. */
static bool is_multiple(const json_t *condition)
{
    return type_find(&plugin_registry, TYPE_CONDITION, json_get_text(condition, "type", ""), NULL) ==
           &condition_core_multiple_condition;
}

bool flow_trigger_holds(const Trigger *trigger, const ConditionContext *context, Diag *diag)
{
    size_t i;
    const json_t *condition;
    json_array_foreach (json_object_get(trigger->properties, "conditions"), i, condition) {
        bool holds = false;
        if (json_get_boolean(condition, "disabled", false) || is_multiple(condition))
            continue;
        if (condition_holds(condition, context, &holds, diag) != 0 || !holds)
            return false;
    }
    return true;
}

/* --- windows in time --- */

static usec_t duration_of(const json_t *object, const char *key, usec_t fallback, bool *ret_negative)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    usec_t duration;
    *ret_negative = false;
    if (json_is_number(value))
        return (usec_t)(MAX(json_number_value(value), 0.0) * (double)USEC_PER_SEC);
    if (!text)
        return fallback;
    int r = duration_parse(text, &duration);
    if (r == 2 && (text[0] == '-' || text[0] == 'P')) { /* a negative one: P-1D or -P1D */
        _cleanup_free_ char *positive = xnew_n(char, strlen(text) + 1);
        size_t length = 0;
        for (const char *c = text; *c; c++)
            if (*c != '-')
                positive[length++] = *c;
        *ret_negative = duration_parse(positive, &duration) == 0;
        return *ret_negative ? duration : fallback;
    }
    return r == 0 ? duration : fallback;
}

/* Kestra cuts the moment down to the unit of the window's length, and its minutes to whole windows. */
static usec_t duration_window_start(usec_t now, usec_t length)
{
    if (length >= DAY)
        return now - now % DAY;
    if (length >= HOUR)
        return now - now % HOUR;
    if (length < MINUTE)
        return now - now % USEC_PER_SEC;
    usec_t hour = now - now % HOUR, minutes = length / MINUTE;
    return hour + (now - hour) / MINUTE / minutes * minutes * MINUTE;
}

typedef struct Span {
    usec_t start, end;
} Span;

static Span duration_window(const json_t *window, usec_t now)
{
    bool negative;
    usec_t length = duration_of(window, "window", DAY, &negative);
    usec_t advance = duration_of(window, "windowAdvance", 0, &negative);
    usec_t start = duration_window_start(now, length);
    start = negative ? start - MIN(advance, start) : start + advance;
    return (Span){start, start + length - 1000};
}

static Span sliding_window(const json_t *window, usec_t now)
{
    bool negative;
    return (Span){now - now % USEC_PER_SEC, now + duration_of(window, "window", DAY, &negative)};
}

/* "09:30", "09:30:00", with or without an offset, of the day of `now` in UTC. */
static usec_t time_of_day(const json_t *window, const char *key, usec_t now, usec_t fallback)
{
    const char *text = json_get_text(window, key, NULL);
    char date[INSTANT_BYTES];
    usec_t instant;
    if (!text)
        return fallback;
    instant_format(now, date);
    size_t digits = strspn(text, "0123456789:.");
    const char *seconds = digits == strlen("09:30") ? ":00" : "", *zone = text[digits] ? text + digits : "Z";
    _cleanup_free_ char *full = xasprintf("%.10sT%.*s%s%s", date, (int)digits, text, seconds, zone);
    return instant_parse(full, &instant) == 0 ? instant : fallback;
}

static Span daily_window(const json_t *window, usec_t now)
{
    usec_t day = now - now % DAY;
    return (Span){time_of_day(window, "startTime", now, day), time_of_day(window, "endTime", now, day + DAY)};
}

static Span daily_deadline(const json_t *window, usec_t now)
{
    usec_t day = now - now % DAY;
    return (Span){day, time_of_day(window, "deadline", now, day + DAY)};
}

static const struct {
    const char *type;
    Span (*span)(const json_t *window, usec_t now);
} window_types[] = {
    {"DURATION_WINDOW", duration_window},
    {"SLIDING_WINDOW", sliding_window},
    {"DAILY_TIME_WINDOW", daily_window},
    {"DAILY_TIME_DEADLINE", daily_deadline},
};

static json_t *make_window(const json_t *owner, usec_t now)
{
    const json_t *window = json_object_get(owner, "timeWindow");
    const char *type = json_get_text(window, "type", "DURATION_WINDOW");
    Span span = duration_window(window ? window : owner, now); /* older flows have `window` beside `conditions` */
    for (size_t i = 0; window && i < ELEMENTS(window_types); i++)
        if (streq(window_types[i].type, type))
            span = window_types[i].span(window, now);
    return json_pack("{s:s,s:b,s:I,s:I,s:[],s:[]}", "id", json_get_text(owner, "id", ""), "reset",
                     (int)json_get_boolean(owner, "resetOnSuccess", true), "start", (json_int_t)span.start, "end",
                     (json_int_t)span.end, "wanted", "made");
}

static void add_name(json_t *window, const char *name, bool made)
{
    json_array_append_new(json_object_get(window, "wanted"), json_string(name));
    if (made)
        json_array_append_new(json_object_get(window, "made"), json_string(name));
}

/* --- what one execution makes true of a MultipleCondition --- */

static json_t *multiple_window(const json_t *multiple, const ConditionContext *context, usec_t now, Diag *diag)
{
    json_t *window = make_window(multiple, now);
    const char *name;
    json_t *condition;
    json_object_foreach (json_object_get(multiple, "conditions"), name, condition) {
        bool holds = false;
        int r = condition_holds(condition, context, &holds, diag);
        add_name(window, name, r == 0 && holds);
    }
    return window;
}

/* --- and of preconditions --- */

static bool upstream_fits(const json_t *upstream, const Execution *execution)
{
    const char *flow_id = json_get_text(upstream, "flowId", NULL);
    const json_t *states = json_object_get(upstream, "states");
    if (!streq(execution->namespace, json_get_text(upstream, "namespace", "")) ||
        (flow_id && !streq(flow_id, execution->flow_id)) ||
        (json_is_array(states) && !condition_list_has(states, state_to_string(state_current(&execution->state)))))
        return false;
    _cleanup_json_ json_t *labels = NULL;
    const json_t *given = json_object_get(upstream, "labels");
    if (given && labels_decode(given, &labels) != 0)
        return false;
    size_t i;
    const json_t *label;
    json_array_foreach (labels, i, label) {
        const char *value = label_get(execution->labels, json_get_text(label, "key", ""));
        if (!value || !streq(value, json_get_text(label, "value", "")))
            return false;
    }
    return true;
}

/* What a filter looks at; NULL when it cannot be rendered. Caller frees. */
static char *filtered_text(const json_t *filter, const ConditionContext *context, Diag *diag)
{
    const Execution *execution = context->execution;
    const char *field = json_get_text(filter, "field", "");
    char *text;
    if (streq(field, "FLOW_ID"))
        return xstrdup(execution->flow_id);
    if (streq(field, "NAMESPACE"))
        return xstrdup(execution->namespace);
    if (streq(field, "STATE"))
        return xstrdup(state_to_string(state_current(&execution->state)));
    return condition_text(context, filter, "value", "", &text, diag) == 0 ? text : NULL;
}

typedef struct Comparison {
    const char *text, *value;
    const json_t *values;
} Comparison;

static bool is_equal(const Comparison *c)
{
    return streq(c->text, c->value);
}
static bool is_not_equal(const Comparison *c)
{
    return !streq(c->text, c->value);
}
static bool is_in(const Comparison *c)
{
    return condition_list_has(c->values, c->text);
}
static bool is_not_in(const Comparison *c)
{
    return !condition_list_has(c->values, c->text);
}
static bool is_true(const Comparison *c)
{
    return streq(c->text, "true");
}
static bool is_false(const Comparison *c)
{
    return streq(c->text, "false");
}
static bool is_null(const Comparison *c)
{
    return !*c->text;
}
static bool is_not_null(const Comparison *c)
{
    return *c->text;
}
static bool begins(const Comparison *c)
{
    return starts_with(c->text, c->value);
}
static bool ends(const Comparison *c)
{
    return ends_with(c->text, c->value);
}
static bool contains(const Comparison *c)
{
    return strstr(c->text, c->value) != NULL;
}

/* The whole text; with the limits of the expression language. */
static bool matches(const Comparison *c)
{
    static const char source[] = "{{ text.matches(pattern) }}";
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_json_ json_t *variables = json_pack("{s:s,s:s}", "text", c->text, "pattern", c->value);
    const ExprContext context = {.variables = variables};
    _cleanup_free_ char *text = NULL;
    int r = expr_compile(source, strlen(source), &expr, NULL);
    if (r == 0)
        r = expr_render(expr, &context, &text, NULL);
    return r == 0 && streq(text, "true");
}

static const struct {
    const char *type;
    bool (*holds)(const Comparison *comparison);
} comparisons[] = {
    {"EQUAL_TO", is_equal},  {"NOT_EQUAL_TO", is_not_equal},
    {"IN", is_in},           {"NOT_IN", is_not_in},
    {"IS_TRUE", is_true},    {"IS_FALSE", is_false},
    {"IS_NULL", is_null},    {"IS_NOT_NULL", is_not_null},
    {"STARTS_WITH", begins}, {"ENDS_WITH", ends},
    {"REGEX", matches},      {"CONTAINS", contains},
};

static bool filter_fits(const json_t *filter, const ConditionContext *context, Diag *diag)
{
    _cleanup_free_ char *text = filtered_text(filter, context, diag);
    const char *type = json_get_text(filter, "type", "");
    const Comparison comparison = {text, json_get_text(filter, "value", ""), json_object_get(filter, "values")};
    for (size_t i = 0; text && i < ELEMENTS(comparisons); i++)
        if (streq(comparisons[i].type, type))
            return comparisons[i].holds(&comparison);
    return false;
}

static bool where_fits(const json_t *where, const ConditionContext *context, Diag *diag)
{
    bool any = streq(json_get_text(where, "operand", "AND"), "OR");
    size_t i;
    const json_t *filter;
    json_array_foreach (json_object_get(where, "filters"), i, filter)
        if (filter_fits(filter, context, diag) == any)
            return any;
    return !any;
}

static json_t *preconditions_window(const json_t *preconditions, const ConditionContext *context, usec_t now,
                                    Diag *diag)
{
    json_t *window = make_window(preconditions, now);
    unsigned number = 0;
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(preconditions, "flows"), i, item) {
        _cleanup_free_ char *name = xasprintf("condition_%u", number++);
        add_name(window, name, upstream_fits(item, context->execution));
    }
    json_array_foreach (json_object_get(preconditions, "where"), i, item) {
        _cleanup_free_ char *name = xasprintf("condition_%u_%s", number++, json_get_text(item, "id", ""));
        add_name(window, name, where_fits(item, context, diag));
    }
    return window;
}

json_t *flow_trigger_windows(const Trigger *trigger, const ConditionContext *context, usec_t now, Diag *diag)
{
    json_t *windows = json_array();
    size_t i;
    const json_t *condition, *preconditions = json_object_get(trigger->properties, "preconditions");
    json_array_foreach (json_object_get(trigger->properties, "conditions"), i, condition)
        if (is_multiple(condition) && !json_get_boolean(condition, "disabled", false))
            json_array_append_new(windows, multiple_window(condition, context, now, diag));
    if (json_is_object(preconditions))
        json_array_append_new(windows, preconditions_window(preconditions, context, now, diag));
    return windows;
}

/* --- which flows can make it fire --- */

typedef enum Chance { NEVER, PERHAPS, SURELY } Chance;

static Chance condition_chance(const json_t *condition, const ConditionContext *context);

/* One that comes true is enough. One that never does rules the flow out, unless nothing of them looks at the flow at
 * all. */
static Chance window_chance(const unsigned counts[static SURELY + 1])
{
    return counts[SURELY] ? SURELY : counts[NEVER] ? NEVER : PERHAPS;
}

static Chance multiple_chance(const json_t *multiple, const ConditionContext *context)
{
    unsigned counts[SURELY + 1] = {};
    const char *name;
    json_t *condition;
    json_object_foreach (json_object_get(multiple, "conditions"), name, condition)
        counts[condition_chance(condition, context)]++;
    return window_chance(counts);
}

/* The best chance of the conditions inside. */
static Chance inner_chance(const json_t *condition, const ConditionContext *context)
{
    Chance best = NEVER;
    size_t i;
    const json_t *inner;
    json_array_foreach (json_object_get(condition, "conditions"), i, inner)
        best = MAX(best, condition_chance(inner, context));
    return best;
}

static Chance condition_chance(const json_t *condition, const ConditionContext *context)
{
    const Type *type = type_find(&plugin_registry, TYPE_CONDITION, json_get_text(condition, "type", ""), NULL);
    bool holds = false;
    if (type == &condition_core_multiple_condition)
        return multiple_chance(condition, context);
    if (type == &condition_core_or)
        return inner_chance(condition, context);
    if (type == &condition_core_not)
        return (Chance)(SURELY - inner_chance(condition, context));
    if (!type || !type->by_flow || type->holds(context, condition, &holds, NULL) != 0)
        return PERHAPS;
    return holds ? SURELY : NEVER;
}

static Chance where_chance(const json_t *where, const ConditionContext *context)
{
    bool any = streq(json_get_text(where, "operand", "AND"), "OR");
    Chance chance = any ? NEVER : SURELY;
    size_t i;
    const json_t *filter;
    json_array_foreach (json_object_get(where, "filters"), i, filter) {
        const char *field = json_get_text(filter, "field", "");
        bool of_flow = streq(field, "FLOW_ID") || streq(field, "NAMESPACE");
        Chance one = !of_flow ? PERHAPS : filter_fits(filter, context, NULL) ? SURELY : NEVER;
        chance = any ? MAX(chance, one) : MIN(chance, one);
    }
    return chance;
}

static Chance preconditions_chance(const json_t *preconditions, const ConditionContext *context)
{
    unsigned counts[SURELY + 1] = {};
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(preconditions, "flows"), i, item) {
        const char *flow_id = json_get_text(item, "flowId", NULL);
        bool fits = streq(context->execution->namespace, json_get_text(item, "namespace", "")) &&
                    (!flow_id || streq(flow_id, context->execution->flow_id));
        counts[fits ? SURELY : NEVER]++;
    }
    json_array_foreach (json_object_get(preconditions, "where"), i, item)
        counts[where_chance(item, context)]++;
    return window_chance(counts);
}

bool flow_trigger_may_follow(const json_t *trigger, const char *namespace, const char *flow_id)
{
    _cleanup_(execution_freep) Execution *execution = execution_new("", namespace, flow_id, 0, 0);
    const ConditionContext context = {.execution = execution};
    size_t i;
    const json_t *condition;
    json_array_foreach (json_object_get(trigger, "conditions"), i, condition)
        if (!json_get_boolean(condition, "disabled", false) && condition_chance(condition, &context) == NEVER)
            return false;
    return preconditions_chance(json_object_get(trigger, "preconditions"), &context) != NEVER;
}
