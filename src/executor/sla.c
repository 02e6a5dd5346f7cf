/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service levels of a flow. MAX_DURATION has a timer; EXECUTION_ASSERTION is looked at after each step. Only the first
 * violation of each counts: `internal.sla` remembers them.
 */
#include "executor/live.h"

#include "doc/json.h"
#include "when/duration.h"

static bool is_violated_already(const Live *live, const char *id)
{
    return json_object_get(json_object_get(live->execution->internal, "sla"), id) != NULL;
}

static void remember(Live *live, const char *id)
{
    Execution *execution = live->execution;
    if (!execution->internal)
        execution->internal = json_object();
    if (!json_object_get(execution->internal, "sla"))
        json_object_set_new(execution->internal, "sla", json_object());
    json_object_set_new(json_object_get(execution->internal, "sla"), id, json_true());
    execution->dirty = true;
}

static void add_labels(Live *live, const json_t *sla)
{
    json_t *labels;
    if (!json_object_get(sla, "labels") || labels_decode(json_object_get(sla, "labels"), &labels) != 0)
        return;
    operation_set_labels(live->execution, labels);
    json_decref(labels);
}

/* Behaviours that end the execution; any other only adds labels. */
static const struct {
    const char *name;
    State state;
    const char *word;
} endings[] = {
    {"FAIL", STATE_FAILED, "failed"},
    {"CANCEL", STATE_CANCELLED, "cancelled"},
};

static void violate(Step *step, Live *live, const json_t *sla, const char *reason)
{
    const char *id = json_get_text(sla, "id", ""), *behavior = json_get_text(sla, "behavior", "");
    remember(live, id);
    change_log(step, live, NULL, LOG_LEVEL_WARN, "SLA '%s' violated: %s", id, reason);
    add_labels(live, sla);
    for (size_t i = 0; i < ELEMENTS(endings); i++) {
        if (!streq(endings[i].name, behavior))
            continue;
        if (endings[i].state == STATE_FAILED)
            change_log(step, live, NULL, LOG_LEVEL_ERROR, "Execution %s due to SLA '%s' violated: %s", endings[i].word,
                       id, reason);
        end_at_once(step, live, endings[i].state);
    }
}

static bool is_of_type(const json_t *sla, const char *type)
{
    return streq(json_get_text(sla, "type", ""), type);
}

void sla_begin(Step *step, Live *live)
{
    size_t index;
    json_t *sla;
    json_array_foreach (live->execution->flow->sla, index, sla) {
        usec_t duration;
        if (!is_of_type(sla, "MAX_DURATION") || duration_parse(json_get_text(sla, "duration", ""), &duration) != 0)
            continue;
        _cleanup_free_ char *name = xasprintf("sla:%s", json_get_text(sla, "id", ""));
        change_set_timer(step, live, name, NULL, state_start_date(&live->execution->state) + duration);
    }
}

void sla_end(Step *step, Live *live)
{
    size_t index;
    json_t *sla;
    json_array_foreach (live->execution->flow ? live->execution->flow->sla : NULL, index, sla) {
        if (!is_of_type(sla, "MAX_DURATION"))
            continue;
        _cleanup_free_ char *name = xasprintf("sla:%s", json_get_text(sla, "id", ""));
        change_clear_timer(step, live, name, NULL);
    }
}

void sla_due(Step *step, Live *live, const char *id)
{
    size_t index;
    json_t *sla;
    json_array_foreach (live->execution->flow->sla, index, sla) {
        if (!streq(json_get_text(sla, "id", ""), id) || is_violated_already(live, id))
            continue;
        char taken[DURATION_BYTES], allowed[DURATION_BYTES];
        usec_t maximum;
        if (duration_parse(json_get_text(sla, "duration", ""), &maximum) != 0)
            return;
        duration_format(step->now - state_start_date(&live->execution->state), taken);
        duration_format(maximum, allowed);
        _cleanup_free_ char *reason =
            xasprintf("execution duration of %s exceed the maximum duration of %s.", taken, allowed);
        violate(step, live, sla, reason);
        return;
    }
}

static void check_assertion(Step *step, Live *live, const json_t *sla)
{
    const char *source = json_get_text(sla, "assert", NULL);
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    if (!source || expr_compile(source, strlen(source), &expr, NULL) != 0)
        return;
    _cleanup_render_ Render render = render_begin(step, live, NULL, NULL);
    _cleanup_free_ char *text = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (expr_render(expr, &render.context, &text, &diag) != 0) {
        change_log(step, live, NULL, LOG_LEVEL_DEBUG, "SLA '%s' can not be evaluated: %s", json_get_text(sla, "id", ""),
                   diag_first(&diag));
        return;
    }
    if (expr_is_truthy(text))
        return;
    _cleanup_free_ char *reason = xasprintf("assertion is false: %s.", source);
    violate(step, live, sla, reason);
}

void sla_check(Step *step, Live *live)
{
    size_t index;
    json_t *sla;
    json_array_foreach (live->execution->flow ? live->execution->flow->sla : NULL, index, sla) {
        if (state_is_terminated(live_state(live)) || live_state(live) == STATE_KILLING)
            return;
        if (is_of_type(sla, "EXECUTION_ASSERTION") && !is_violated_already(live, json_get_text(sla, "id", "")))
            check_assertion(step, live, sla);
    }
}
