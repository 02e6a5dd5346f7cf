/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One engine for all flowables. Four orders are enough: a sequence, a crowd, lanes (ForEach) and a graph (Dag).
 * Sequence and crowd begin their items in order, so one index tells what has begun; lanes and graph keep a line of
 * items that became ready when another ended.
 *
 * After a failure nothing more begins; what runs may end; then the error handlers run. (Kestra ends a Parallel without
 * `errors` while its other tasks still run; its documentation says otherwise.)
 */
#include "executor/scope.h"

#include "base/map.h"
#include "doc/json.h"

/* Who waits for a task of a graph. */
struct ScopeEdges {
    VEC(size_t) to;
};

/* What is needed only while existing task runs are taken in. */
struct ScopeAdoption {
    Map *value_index;  /* text → index + 1 */
    bool *begun;       /* graph: by task */
    bool *lane_active; /* lanes: by value */
    size_t lanes_begun;
    bool any;
};

static size_t value_count(const Scope *scope)
{
    return scope->values ? json_array_size(scope->values) : 1;
}

static size_t item_count(const Scope *scope)
{
    return value_count(scope) * scope->task_count;
}

static void ready_push(Scope *scope, size_t item)
{
    vec_push(&scope->ready, item);
}

static bool ready_is_empty(const Scope *scope)
{
    return scope->ready_first == scope->ready.count;
}

static void ready_clear(Scope *scope)
{
    scope->ready.count = scope->ready_first = 0;
}

/* --- the graph --- */

static void edges_free(Scope *scope)
{
    for (size_t i = 0; scope->edges && i < scope->task_count; i++)
        vec_free(&scope->edges[i].to);
    free(scope->edges);
    free(scope->waiting);
    scope->edges = NULL;
    scope->waiting = NULL;
}

static size_t task_index(const Scope *scope, const Task *task)
{
    for (size_t i = 0; i < scope->task_count; i++)
        if (scope->tasks[i] == task)
            return i;
    return SIZE_MAX;
}

/* Dependencies on disabled or unknown tasks count as ended. */
static void graph_connect(Scope *scope, const TaskDependency *dependency, Map *index)
{
    size_t to = task_index(scope, dependency->task);
    if (to == SIZE_MAX)
        return;
    for (const char *const *name = dependency->depends_on; name && *name; name++) {
        size_t from = (size_t)(uintptr_t)map_get(index, *name);
        if (from == 0)
            continue;
        vec_push(&scope->edges[from - 1].to, to);
        scope->waiting[to]++;
    }
}

static void graph_begin(Scope *scope)
{
    scope->edges = xnew_n(struct ScopeEdges, scope->task_count + 1);
    scope->waiting = xnew_n(size_t, scope->task_count + 1);
    Map *index = map_new();
    for (size_t i = 0; i < scope->task_count; i++)
        map_put(index, scope->tasks[i]->id, (void *)(uintptr_t)(i + 1));
    for (size_t i = 0; i < scope->task->dependency_count; i++)
        graph_connect(scope, &scope->task->dependencies[i], index);
    map_destroy(index, NULL);
    for (size_t i = 0; i < scope->task_count; i++)
        if (scope->waiting[i] == 0)
            ready_push(scope, i);
}

static void graph_ended(Scope *scope, size_t item, bool line_up)
{
    for (size_t i = 0; i < scope->edges[item].to.count; i++) {
        size_t to = scope->edges[item].to.items[i];
        if (--scope->waiting[to] == 0 && line_up)
            ready_push(scope, to);
    }
}

/* --- the lanes --- */

/* As many lanes as may be open, in the order of the values. */
static void lanes_open_more(Scope *scope)
{
    size_t count = value_count(scope);
    while (scope->next < count && (!scope->concurrency || scope->lanes_open < scope->concurrency)) {
        ready_push(scope, scope->next * scope->task_count);
        scope->next++;
        scope->lanes_open++;
    }
}

static void lanes_begin(Scope *scope)
{
    scope->lanes = xnew_n(size_t, value_count(scope) + 1);
    lanes_open_more(scope);
}

static void lane_ended(Scope *scope, size_t item)
{
    size_t lane = item / scope->task_count, task = item % scope->task_count + 1;
    scope->lanes[lane] = task;
    if (task < scope->task_count) {
        ready_push(scope, lane * scope->task_count + task);
        return;
    }
    scope->lanes_open--;
    lanes_open_more(scope);
}

/* --- phases --- */

static void phase_done(Scope *scope)
{
    edges_free(scope);
    free(scope->lanes);
    free(scope->tasks);
    scope->lanes = NULL;
    scope->tasks = NULL;
    scope->task_count = 0;
    ready_clear(scope);
}

static void take_enabled_tasks(Scope *scope, const TaskList *list)
{
    scope->tasks = xnew_n(const Task *, (list ? list->count : 0) + 1);
    for (size_t i = 0; list && i < list->count; i++)
        if (!list->items[i]->disabled)
            scope->tasks[scope->task_count++] = list->items[i];
}

/* Handlers of something that ran side by side run side by side; all others one after another. */
static FlowableOrder handler_order(const Scope *scope, ScopePhase phase)
{
    bool beside = scope->plan.order == ORDER_CONCURRENT || scope->plan.order == ORDER_DAG;
    return phase == PHASE_ERRORS && beside ? ORDER_CONCURRENT : ORDER_SEQUENTIAL;
}

static void phase_begin(Scope *scope, ScopePhase phase)
{
    phase_done(scope);
    scope->phase = phase;
    scope->next = scope->active = scope->lanes_open = 0;
    scope->stopped = false;
    scope->values = phase == PHASE_TASKS ? scope->plan.values : NULL;
    scope->order = phase == PHASE_TASKS ? scope->plan.order : handler_order(scope, phase);
    scope->concurrency = scope->plan.concurrency;
    take_enabled_tasks(scope, scope->lists[phase]);
    if (scope->task_count == 0)
        return;
    if (scope->order == ORDER_LANES)
        lanes_begin(scope);
    else if (scope->order == ORDER_DAG)
        graph_begin(scope);
}

static bool phase_has_tasks(const Scope *scope, ScopePhase phase)
{
    const TaskList *list = scope->lists[phase];
    for (size_t i = 0; list && i < list->count; i++)
        if (!list->items[i]->disabled)
            return true;
    return false;
}

Scope *scope_new(const Flow *flow, TaskRun *run, const Task *task, FlowablePlan *plan)
{
    Scope *scope = xnew(Scope);
    scope->run = run;
    scope->task = task;
    scope->plan = *plan;
    *plan = (FlowablePlan){};
    scope->lists[PHASE_TASKS] = scope->plan.tasks;
    scope->lists[PHASE_ERRORS] = task ? &task->errors : &flow->errors;
    scope->lists[PHASE_FINALLY] = task ? &task->finally : &flow->finally;
    scope->lists[PHASE_AFTER] = task ? NULL : &flow->after_execution;
    phase_begin(scope, PHASE_TASKS);
    return scope;
}

static void adoption_free(Scope *scope)
{
    struct ScopeAdoption *adoption = scope->adoption;
    if (!adoption)
        return;
    if (adoption->value_index)
        map_destroy(adoption->value_index, NULL);
    free(adoption->begun);
    free(adoption->lane_active);
    free(adoption);
    scope->adoption = NULL;
}

Scope *scope_free(Scope *scope)
{
    if (!scope)
        return NULL;
    adoption_free(scope);
    phase_done(scope);
    vec_free(&scope->ready);
    json_decref(scope->plan.values);
    json_decref(scope->plan.outputs);
    free(scope);
    return NULL;
}

bool scope_enter_next_phase(Scope *scope)
{
    if (scope->phase == PHASE_TASKS && scope->failed && phase_has_tasks(scope, PHASE_ERRORS)) {
        phase_begin(scope, PHASE_ERRORS);
        return true;
    }
    for (ScopePhase phase = scope->phase < PHASE_FINALLY ? PHASE_FINALLY : scope->phase + 1; phase < _PHASE_MAX;
         phase++) {
        if (!phase_has_tasks(scope, phase))
            continue;
        phase_begin(scope, phase);
        return true;
    }
    return false;
}

/* --- items --- */

static bool next_index(Scope *scope, size_t *ret)
{
    if (scope->stopped || scope->task_count == 0)
        return false;
    if (scope->order == ORDER_LANES || scope->order == ORDER_DAG) {
        bool full = scope->order == ORDER_DAG && scope->concurrency && scope->active >= scope->concurrency;
        if (full || ready_is_empty(scope))
            return false;
        *ret = scope->ready.items[scope->ready_first++];
        if (ready_is_empty(scope))
            ready_clear(scope);
        return true;
    }
    size_t limit = scope->order == ORDER_SEQUENTIAL ? 1 : scope->concurrency;
    if ((limit && scope->active >= limit) || scope->next >= item_count(scope))
        return false;
    *ret = scope->next++;
    return true;
}

bool scope_next(Scope *scope, ScopeItem *ret)
{
    size_t index;
    if (!next_index(scope, &index))
        return false;
    scope->active++;
    json_t *value = scope->values ? json_array_get(scope->values, index / scope->task_count) : NULL;
    *ret = (ScopeItem){
        .task = scope->tasks[index % scope->task_count],
        .value = json_string_value(value),
        .index = index,
    };
    return true;
}

static void count_state(Scope *scope, ScopePhase phase, State state)
{
    if (state == STATE_FAILED || state == STATE_KILLED)
        scope->stopped = true;
    if (phase != PHASE_TASKS)
        return;
    scope->killed += state == STATE_KILLED;
    scope->failed += state == STATE_FAILED;
    scope->warnings += state == STATE_WARNING;
}

void scope_ended(Scope *scope, ScopePhase phase, size_t item, State state)
{
    if (phase != scope->phase)
        return;
    scope->active--;
    count_state(scope, phase, state);
    if (scope->order == ORDER_LANES && !scope->stopped)
        lane_ended(scope, item);
    else if (scope->order == ORDER_DAG)
        graph_ended(scope, item, true);
}

bool scope_phase_is_done(const Scope *scope, bool killing)
{
    if (scope->active)
        return false;
    if (killing || scope->stopped || scope->task_count == 0)
        return true;
    if (scope->order == ORDER_LANES || scope->order == ORDER_DAG)
        return ready_is_empty(scope);
    return scope->next >= item_count(scope);
}

State scope_allowed_state(const Task *task, State state)
{
    if (task && state == STATE_FAILED && task->allow_failure)
        state = STATE_WARNING;
    if (task && state == STATE_WARNING && task->allow_warning)
        state = STATE_SUCCESS;
    return state;
}

State scope_state(const Scope *scope)
{
    State state = STATE_SUCCESS;
    if (scope->killed)
        state = STATE_KILLED;
    else if (scope->failed || !scope->plan.tasks)
        state = STATE_FAILED;
    else if (scope->warnings)
        state = STATE_WARNING;
    state = scope_allowed_state(scope->task, state);
    return state == STATE_FAILED && scope->plan.failure_is_warning ? STATE_WARNING : state;
}

/* --- taking in what is there already --- */

static struct ScopeAdoption *adoption_begin(Scope *scope)
{
    struct ScopeAdoption *adoption = xnew(struct ScopeAdoption);
    adoption->begun = xnew_n(bool, scope->task_count + 1);
    adoption->lane_active = xnew_n(bool, value_count(scope) + 1);
    if (scope->values) {
        adoption->value_index = map_new();
        for (size_t i = 0; i < json_array_size(scope->values); i++)
            map_put(adoption->value_index, json_string_value(json_array_get(scope->values, i)),
                    (void *)(uintptr_t)(i + 1));
    }
    scope->adoption = adoption;
    return adoption;
}

/* SIZE_MAX: not of this phase, or of a value that the loop does not have. */
static size_t item_of(const Scope *scope, const TaskRun *child)
{
    size_t task = task_index(scope, child->task);
    if (task == SIZE_MAX || !scope->values)
        return task;
    uintptr_t value = child->value ? (uintptr_t)map_get(scope->adoption->value_index, child->value) : 0;
    return value ? (size_t)(value - 1) * scope->task_count + task : SIZE_MAX;
}

static void adopt_item(Scope *scope, size_t item, State state)
{
    struct ScopeAdoption *adoption = scope->adoption;
    bool ended = state_is_terminated(state);
    adoption->any = true;
    scope->active += !ended;
    if (ended)
        count_state(scope, scope->phase, state);
    if (scope->order == ORDER_LANES) {
        size_t lane = item / scope->task_count;
        scope->lanes[lane] = MAX(scope->lanes[lane], item % scope->task_count + (ended ? 1 : 0));
        adoption->lane_active[lane] = adoption->lane_active[lane] || !ended;
        adoption->lanes_begun = MAX(adoption->lanes_begun, lane + 1);
    } else if (scope->order == ORDER_DAG) {
        adoption->begun[item] = true;
        if (ended)
            graph_ended(scope, item, false);
    } else {
        scope->next = MAX(scope->next, item + 1);
    }
}

static bool list_has(const TaskList *list, const Task *task)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (list->items[i] == task)
            return true;
    return false;
}

/* The lists are done in order, so a run of a later list says that the earlier ones are over. */
static void adopt_later_phase(Scope *scope, const Task *task)
{
    for (ScopePhase phase = scope->phase + 1; phase < _PHASE_MAX; phase++) {
        if (!list_has(scope->lists[phase], task))
            continue;
        adoption_free(scope);
        phase_begin(scope, phase);
        return;
    }
}

bool scope_adopt(Scope *scope, const TaskRun *child, State state, ScopePhase *ret_phase, size_t *ret_item)
{
    if (!child->task)
        return false;
    adopt_later_phase(scope, child->task);
    if (!scope->adoption)
        adoption_begin(scope);
    size_t item = item_of(scope, child);
    if (item == SIZE_MAX)
        return false;
    adopt_item(scope, item, state);
    *ret_phase = scope->phase;
    *ret_item = item;
    return true;
}

static void lanes_adopted(Scope *scope, const struct ScopeAdoption *adoption)
{
    ready_clear(scope);
    scope->next = adoption->lanes_begun;
    scope->lanes_open = 0;
    for (size_t lane = 0; lane < adoption->lanes_begun; lane++) {
        if (!adoption->lane_active[lane] && scope->lanes[lane] < scope->task_count)
            ready_push(scope, lane * scope->task_count + scope->lanes[lane]);
        else if (!adoption->lane_active[lane])
            continue;
        scope->lanes_open++;
    }
    lanes_open_more(scope);
}

static void graph_adopted(Scope *scope, const struct ScopeAdoption *adoption)
{
    ready_clear(scope);
    for (size_t i = 0; i < scope->task_count; i++)
        if (!adoption->begun[i] && scope->waiting[i] == 0)
            ready_push(scope, i);
}

void scope_adopted(Scope *scope)
{
    if (scope->adoption && scope->adoption->any) {
        if (scope->order == ORDER_LANES)
            lanes_adopted(scope, scope->adoption);
        else if (scope->order == ORDER_DAG)
            graph_adopted(scope, scope->adoption);
    }
    adoption_free(scope);
}
