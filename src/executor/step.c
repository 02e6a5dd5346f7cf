/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step: find the row of the transition table for this event in this state, act, then advance whatever came in line.
 * Advancing is a loop over scopes and never recursive: the end of a task run puts its parent's scope in line, the
 * beginning of a flowable its own.
 */
#include "executor/live.h"

#include "doc/json.h"

/* Nothing new begins in these states; scopes stay in line until the state changes. */
static bool is_held(State state)
{
    return state == STATE_PAUSED || state == STATE_QUEUED || state == STATE_CREATED || state == STATE_RESTARTED ||
           state_is_terminated(state);
}

/* Ten thousand values of a loop begin in portions: a commit stays small, in memory too, and others have their turn. */
size_t step_begun_max(const Step *step)
{
    enum { BEGUN_MAX = 500 };
    return step->begun_max ? step->begun_max : BEGUN_MAX;
}

bool step_is_full(const Step *step, const Live *live)
{
    return live->advanced && unit_bytes(step->unit) >= (step->unit_bytes_max ? step->unit_bytes_max : UNIT_BYTES_MAX);
}

static bool has_begun_enough(const Step *step, const Live *live)
{
    return live->begun >= step_begun_max(step) || live->unbegun.count > 0 || step_is_full(step, live);
}

/* What may begin together is listed together, then begins: one that fails at once does not hold back those beside it.
 */
static bool begin_wave(Step *step, Live *live, Scope *scope)
{
    size_t first = live->execution->task_runs.count, end;
    ScopeItem item;
    while (!has_begun_enough(step, live) && scope_next(scope, &item))
        begin_item(step, live, scope, &item);
    end = live->execution->task_runs.count;
    for (size_t i = first; i < end && !state_is_terminated(live_state(live)); i++)
        begin_run_or_wait(step, live, live->execution->task_runs.items[i]);
    return end > first;
}

/* While it is being advanced a scope counts as in line, so that children that end at once do not put it there again. */
static void advance_scope(Step *step, Live *live, Scope *scope)
{
    bool killing = live_state(live) == STATE_KILLING;
    scope->pending = true;
    do {
        while (!killing && !state_is_terminated(live_state(live)) && begin_wave(step, live, scope))
            ;
        if (has_begun_enough(step, live)) { /* perhaps there are more: a later step looks */
            scope->pending = false;
            live_line_up(live, scope);
            return;
        }
        if (!scope_phase_is_done(scope, killing) || state_is_terminated(live_state(live))) {
            scope->pending = false;
            return;
        }
    } while (!killing && scope_enter_next_phase(scope));
    scope->pending = false;
    end_scope(step, live, scope);
}

/* What is in line together is advanced together, even if one of them pauses the execution: they began at the same time.
 */
void step_advance(Step *step, Live *live)
{
    while (!is_held(live_state(live))) {
        begin_waiting_runs(step, live);
        size_t generation = live->line.count - live->line_first;
        if (generation == 0 && live->unbegun.count == 0)
            return;
        if (has_begun_enough(step, live)) {
            live->postponed = true;
            change_set_timer(step, live, "advance", NULL, step->now);
            return;
        }
        while (generation-- > 0 && !has_begun_enough(step, live)) {
            Scope *scope = live_next_in_line(live);
            if (!state_is_terminated(live_state(live)))
                advance_scope(step, live, scope);
        }
    }
}

static const Transition *find_transition(EventKind kind, State state)
{
    for (size_t i = 0; i < transition_count; i++)
        if (transitions[i].event == kind && (transitions[i].from & (UINT32_C(1) << state)))
            return &transitions[i];
    return NULL;
}

/* What only takes it away, or changes what it shows, still works. */
static bool needs_flow(EventKind kind, State state)
{
    if (state_is_terminated(state))
        return kind == EVENT_RESTART || kind == EVENT_MARK_AS;
    return kind != EVENT_DELETE && kind != EVENT_FOLLOW && kind != EVENT_LABELS;
}

/* An execution whose flow is not there can not go on: it fails, saying why; one that has ended stays as it is. */
static void refuse_without_flow(Step *step, Live *live)
{
    change_log(step, live, NULL, LOG_LEVEL_ERROR, "The execution can not go on: %s", live->flow_problem);
    if (!state_is_terminated(live_state(live)))
        end_at_once(step, live, STATE_FAILED);
}

int step_apply(Step *step, Live *live, EventKind kind, const json_t *body)
{
    State state = live_state(live);
    if (live->deleted) {
        diag_error(step->diag, NULL, 0, 0, "the execution was deleted");
        return STEP_E_STALE;
    }
    if (live->flow_problem && needs_flow(kind, state)) {
        refuse_without_flow(step, live);
        return 0;
    }
    const Transition *transition = find_transition(kind, state);
    if (!transition) {
        diag_error(step->diag, NULL, 0, 0, "event %s does not fit state %s", event_kind_to_string(kind),
                   state_to_string(state));
        return STEP_E_STALE;
    }
    if (!live->built)
        live_rebuild(step, live);
    int r = transition->action(step, live, body);
    if (r == 0)
        step_advance(step, live);
    if (r == 0 && !live->deleted)
        sla_check(step, live);
    if (live->built && state_is_terminated(live_state(live)))
        live_forget_scopes(live);
    if (step->outage < 0) {
        r = step->outage;
        step->outage = 0;
    }
    return r;
}

void step_save(Step *step, Live *live)
{
    Execution *execution = live->execution;
    if (live->deleted)
        return;
    bool any = execution->dirty;
    for (size_t i = 0; i < live->changed.count; i++) {
        TaskRun *run = live->changed.items[i];
        if (!run)
            continue;
        unit_save_task_run(step->unit, execution, run, step->now);
        run->dirty = false;
        any = true;
    }
    live->changed.count = 0;
    live->begun = live->children = live->behind = 0;
    live->advanced = false;
    if (execution->dirty)
        unit_save_execution(step->unit, execution, step->now);
    execution->dirty = false;
    if (any)
        unit_tell_followers(step->unit, execution->id);
}
