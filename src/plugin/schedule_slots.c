/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kind of trigger is three functions: read the properties, the next date, the previous date. Conditions about dates
 * stand above the kinds and are the same for all of them: dates are asked one after another until one holds.
 *
 * An expression every minute with a condition that holds once a year would ask half a million dates, in the scheduler's
 * only thread. Therefore a search ends after SEARCH_MAX dates. Where it ended is a slot as good as any other: when it
 * comes, its conditions do not hold, no execution is made, and the next search begins there.
 */
#include "plugin/schedule_slots.h"

#include "plugin/condition.h"
#include "when/cron.h"
#include "when/duration.h"

#define SEARCH_MAX       20000
#define SEARCH_HORIZON   (UINT64_C(3653) * 86400 * USEC_PER_SEC)
#define DATES_MAX        100000
#define INTERVAL_DEFAULT (60 * USEC_PER_SEC)
#define INTERVAL_MIN     USEC_PER_SEC /* Kestra's scheduler does not come by more often */

typedef struct SlotKind {
    const char *type;
    bool dated;
    int (*read)(ScheduleSlots *slots, const json_t *properties, const ExprContext *context, Diag *diag);
    usec_t (*next)(const ScheduleSlots *slots, usec_t after);
    usec_t (*previous)(const ScheduleSlots *slots, usec_t before);
} SlotKind;

struct ScheduleSlots {
    const SlotKind *kind;
    const Flow *flow;
    const ExprServices *services;
    char *zone;
    json_t *conditions; /* those about dates; empty: none */
    json_t *context;    /* variables for them; `trigger` is replaced for each date */
    Cron *cron;
    VEC(usec_t) dates; /* ascending, each once */
    usec_t interval;
};

static ExprContext context_of(const ScheduleSlots *slots)
{
    return (ExprContext){.variables = slots->context, .services = slots->services};
}

/* --- Schedule: a cron expression --- */

static int cron_read(ScheduleSlots *slots, const json_t *properties, const ExprContext *context, Diag *diag)
{
    (void)context; /* neither property is rendered */
    slots->zone = xstrdup_null(json_get_text(properties, "timezone", NULL));
    bool with_seconds = json_get_boolean(properties, "withSeconds", false);
    int r = cron_parse(json_get_text(properties, "cron", ""), with_seconds, slots->zone, &slots->cron, diag);
    return r != 0 ? SLOTS_E_INVALID : 0;
}

static usec_t cron_slot_after(const ScheduleSlots *slots, usec_t after)
{
    usec_t slot;
    return cron_next(slots->cron, after, &slot) == 0 ? slot : USEC_INFINITY;
}

static usec_t cron_slot_before(const ScheduleSlots *slots, usec_t before)
{
    usec_t slot;
    return cron_previous(slots->cron, before, &slot) == 0 ? slot : 0;
}

/* --- ScheduleOnDates: a list of dates --- */

static int render(const json_t *value, const ExprContext *context, json_t **ret, Diag *diag)
{
    *ret = NULL;
    if (!value)
        return 0;
    ExprTree *tree = expr_tree_compile((json_t *)value, NULL);
    int r = expr_tree_render(tree, context, ret, diag);
    expr_tree_unref(tree);
    return r > 0 ? SLOTS_E_INVALID : r;
}

static int by_date(const void *a, const void *b)
{
    usec_t left = *(const usec_t *)a, right = *(const usec_t *)b;
    return (left > right) - (left < right);
}

static void sort_dates(ScheduleSlots *slots)
{
    if (slots->dates.count == 0)
        return;
    qsort(slots->dates.items, slots->dates.count, sizeof(usec_t), by_date);
    size_t kept = 1;
    for (size_t i = 1; i < slots->dates.count; i++)
        if (slots->dates.items[i] != slots->dates.items[kept - 1])
            slots->dates.items[kept++] = slots->dates.items[i];
    slots->dates.count = kept;
}

static int dates_read(ScheduleSlots *slots, const json_t *properties, const ExprContext *context, Diag *diag)
{
    _cleanup_json_ json_t *zone = NULL, *dates = NULL;
    int r = render(json_object_get(properties, "timezone"), context, &zone, diag);
    if (r == 0)
        r = render(json_object_get(properties, "dates"), context, &dates, diag);
    if (r != 0)
        return r;
    slots->zone = xstrdup_null(json_string_value(zone));
    if (slots->zone && !zone_is_known(slots->zone)) {
        diag_error(diag, "timezone", 0, 0, "not a time zone: %s", slots->zone);
        return SLOTS_E_INVALID;
    }
    if (json_array_size(dates) > DATES_MAX) {
        diag_error(diag, "dates", 0, 0, "more than %d dates", DATES_MAX);
        return SLOTS_E_INVALID;
    }
    size_t i;
    const json_t *item;
    json_array_foreach (dates, i, item) {
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        _cleanup_free_ char *plain = xasprintf("%.*s", (int)strcspn(text, "["), text); /* a zone's name adds nothing */
        usec_t date;
        if (instant_parse(plain, &date) != 0) {
            diag_error(diag, "dates", 0, 0, "Text '%s' is not a date", text);
            return SLOTS_E_INVALID;
        }
        vec_push(&slots->dates, date);
    }
    sort_dates(slots);
    return 0;
}

static usec_t date_after(const ScheduleSlots *slots, usec_t after)
{
    for (size_t i = 0; i < slots->dates.count; i++)
        if (slots->dates.items[i] > after)
            return slots->dates.items[i];
    return USEC_INFINITY;
}

static usec_t date_before(const ScheduleSlots *slots, usec_t before)
{
    for (size_t i = slots->dates.count; i > 0; i--)
        if (slots->dates.items[i - 1] < before)
            return slots->dates.items[i - 1];
    return 0;
}

/* --- polling triggers: an interval --- */

static int interval_read(ScheduleSlots *slots, const json_t *properties, const ExprContext *context, Diag *diag)
{
    (void)context; /* the property is not rendered */
    const json_t *interval = json_object_get(properties, "interval");
    const char *text = json_is_string(interval) ? json_string_value(interval) : "";
    if (json_is_number(interval) && json_number_value(interval) >= 0) {
        slots->interval = (usec_t)(json_number_value(interval) * (double)USEC_PER_SEC);
    } else if (interval && duration_parse(text, &slots->interval) != 0) {
        diag_error(diag, "interval", 0, 0, "not an ISO-8601 duration: %s", text);
        return SLOTS_E_INVALID;
    }
    slots->interval = interval ? MAX(slots->interval, (usec_t)INTERVAL_MIN) : INTERVAL_DEFAULT;
    return 0;
}

static usec_t interval_after(const ScheduleSlots *slots, usec_t after)
{
    return slots->interval < USEC_INFINITY - after ? after + slots->interval : USEC_INFINITY;
}

static usec_t interval_before(const ScheduleSlots *slots, usec_t before)
{
    return before > slots->interval ? before - slots->interval : 0;
}

/* --- all kinds --- */

static const SlotKind kinds[] = {
    {"io.kestra.plugin.core.trigger.Schedule", false, cron_read, cron_slot_after, cron_slot_before},
    {"io.kestra.plugin.core.trigger.ScheduleOnDates", true, dates_read, date_after, date_before},
};
static const SlotKind polling = {NULL, false, interval_read, interval_after, interval_before};

static const SlotKind *kind_of(const Type *type)
{
    for (size_t i = 0; type && i < ELEMENTS(kinds); i++)
        if (streq(type->name, kinds[i].type))
            return &kinds[i];
    return type_is_polling(type) ? &polling : NULL;
}

bool schedule_slots_has(const Type *trigger_type)
{
    return kind_of(trigger_type) != NULL;
}

/* `conditions` and its deprecated name count the same. */
static json_t *conditions_by_date(const json_t *properties)
{
    static const char *const names[] = {"conditions", "scheduleConditions"};
    json_t *conditions = json_array();
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        size_t at;
        json_t *condition;
        json_array_foreach (json_object_get(properties, names[i]), at, condition)
            if (!json_get_boolean(condition, "disabled", false) && condition_is_by_date(condition))
                json_array_append(conditions, condition);
    }
    return conditions;
}

int schedule_slots_new(const Flow *flow, const Trigger *trigger, const ScheduleWorld *world, ScheduleSlots **ret,
                       Diag *diag)
{
    _cleanup_(schedule_slots_freep) ScheduleSlots *slots = xnew(ScheduleSlots);
    slots->kind = kind_of(trigger->type);
    if (!slots->kind) {
        diag_error(diag, "type", 0, 0, "%s has no dates of its own", trigger->type_name);
        return SLOTS_E_INVALID;
    }
    slots->flow = flow;
    slots->services = world->services;
    /* A trigger that is asked anyway at each interval does not look ahead. */
    slots->conditions = slots->kind == &polling ? json_array() : conditions_by_date(trigger->properties);
    ContextSource source = {.flow = flow, .globals = world->globals, .envs = world->envs};
    slots->context = context_build(&source);
    ExprContext context = context_of(slots);
    int r = slots->kind->read(slots, trigger->properties, &context, diag);
    if (r == 0)
        *ret = TAKE_PTR(slots);
    return r < 0 ? trace(r) : r;
}

ScheduleSlots *schedule_slots_free(ScheduleSlots *slots)
{
    if (!slots)
        return NULL;
    cron_free(slots->cron);
    vec_free(&slots->dates);
    json_decref(slots->conditions);
    json_decref(slots->context);
    free(slots->zone);
    free(slots);
    return NULL;
}

static bool holds_at(ScheduleSlots *slots, usec_t slot)
{
    json_t *trigger = json_object();
    char *date = zoned_format(slot, slots->zone);
    json_set_text(trigger, "date", date);
    free(date);
    json_object_set_new(slots->context, "trigger", trigger);
    ExprContext context = context_of(slots);
    const ConditionContext conditions = {.render = &context, .flow = slots->flow};
    bool holds;
    return conditions_hold(slots->conditions, &conditions, &holds, NULL) != 0 || holds;
}

usec_t schedule_slots_next(ScheduleSlots *slots, usec_t after)
{
    usec_t slot = slots->kind->next(slots, after);
    if (json_array_size(slots->conditions) == 0)
        return slot;
    for (unsigned i = 0; i < SEARCH_MAX; i++) {
        if (slot == USEC_INFINITY || slot - after > SEARCH_HORIZON)
            return USEC_INFINITY;
        if (holds_at(slots, slot))
            return slot;
        slot = slots->kind->next(slots, slot);
    }
    return slot;
}

usec_t schedule_slots_previous(ScheduleSlots *slots, usec_t before)
{
    usec_t slot = slots->kind->previous(slots, before);
    if (json_array_size(slots->conditions) == 0)
        return slot;
    for (unsigned i = 0; i < SEARCH_MAX; i++) {
        if (slot == 0 || before - slot > SEARCH_HORIZON)
            return 0;
        if (holds_at(slots, slot))
            return slot;
        slot = slots->kind->previous(slots, slot);
    }
    return 0;
}

const char *schedule_slots_zone(const ScheduleSlots *slots)
{
    return slots->zone;
}

bool schedule_slots_dated(const ScheduleSlots *slots)
{
    return slots->kind->dated;
}
