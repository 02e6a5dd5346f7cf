/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The middle task of a ForEachItem: an execution for each piece of its items. The worker's `_split` said how many
 * pieces there are and how they are called; ids of children follow from their numbers, so that neither is kept here.
 * What is kept (internal.items) has the same size for three children and for ten thousand, and the end of one changes
 * two counters.
 *
 * Children are created in portions, each in a step of its own, so that other executions do not wait for ten thousand.
 * What cannot be created fails the task; what was created before then goes on, and nobody waits for it.
 */
#include "executor/subflow.h"

#include "blob/blob.h"
#include "doc/json.h"
#include "plugin/core/flow/for_each_item.h"

typedef struct Items {
    int64_t count, created, ended, round;
    bool wait, transmit_failed;
} Items;

static Items load(const TaskRun *run)
{
    const json_t *items = json_object_get(run->internal, "items");
    return (Items){
        .count = json_get_integer(items, "count", 0),
        .created = json_get_integer(items, "created", 0),
        .ended = json_get_integer(items, "ended", 0),
        .round = json_get_integer(items, "round", 0),
        .wait = json_get_boolean(items, "wait", true),
        .transmit_failed = json_get_boolean(items, "transmitFailed", true),
    };
}

static void save(Live *live, TaskRun *run, const Items *items)
{
    change_internal(live, run, "items",
                    json_pack("{s:I,s:I,s:I,s:I,s:b,s:b}", "count", (json_int_t)items->count, "created",
                              (json_int_t)items->created, "ended", (json_int_t)items->ended, "round",
                              (json_int_t)items->round, "wait", items->wait, "transmitFailed", items->transmit_failed));
}

bool items_has(const TaskRun *run)
{
    return json_object_get(run->internal, "items") != NULL;
}

/* --- counters, as clients see them --- */

static json_t *counters_of(const TaskRun *run)
{
    json_t *counters = json_object_get(run->outputs, "iterations");
    return counters ? json_copy(counters) : json_object();
}

static void set_counter(json_t *counters, State state, int64_t value)
{
    json_object_set_new(counters, state_to_string(state), json_integer((json_int_t)value));
}

static int64_t counter(const json_t *counters, State state)
{
    return json_get_integer(counters, state_to_string(state), 0);
}

/* counters: stolen. The last ones come with the place of the children's outputs. */
static void show(Live *live, TaskRun *run, const Items *items, json_t *counters, bool last)
{
    json_t *outputs = json_pack("{s:o,s:I}", "iterations", counters, "numberOfBatches", (json_int_t)items->count);
    const Execution *execution = live->execution;
    _cleanup_free_ char *uri =
        blob_task_uri(execution->namespace, execution->flow_id, execution->id, run->task_id, run->id);
    if (last)
        json_set_text(outputs, "subflowOutputsBaseUri", uri + strlen("kestra://"));
    change_outputs(live, run, outputs);
}

/* --- beginning --- */

static void fail(Step *step, Live *live, TaskRun *run, const char *reason)
{
    change_log(step, live, run, LOG_LEVEL_ERROR, "%s", reason);
    change_run(step, live, run, STATE_RUNNING, 0);
    subflow_add_attempt(step, run, STATE_FAILED);
    end_run(step, live, run, scope_allowed_state(run->task, STATE_FAILED), 0);
}

static void end(Step *step, Live *live, TaskRun *run, State state)
{
    State final = scope_allowed_state(run->task, state);
    subflow_add_attempt(step, run, final);
    end_run(step, live, run, final, 0);
}

/* The variables of the task run, with the piece whose turn it is. */
static Render render_piece(const Step *step, const Live *live, const TaskRun *run, int64_t number)
{
    const json_t *splits = json_object_get(json_object_get(run->parent->internal, "notes"), "splits");
    _cleanup_free_ char *uri =
        xasprintf("%s%" PRId64 "%s", json_get_text(splits, "prefix", ""), number, json_get_text(splits, "suffix", ""));
    Render render = render_begin(step, live, run, run->task);
    json_t *own = json_copy(json_object_get(render.variables, "taskrun"));
    json_set_text(own, "items", uri);
    json_object_set_new(own, "iteration", json_integer((json_int_t)number));
    json_object_set_new(render.variables, "taskrun", own);
    return render;
}

static int new_child(Step *step, Live *live, TaskRun *run, Items *items, int64_t number, Execution **ret, Diag *diag)
{
    ExecutorAction action = {};
    char id[ID_BYTES];
    Render render = render_piece(step, live, run, number);
    FlowableContext context = {
        .task = run->task, .task_run = run, .render = &render.context, .diag = diag, .now = step->now};
    for_each_item_child_id(run->id, items->round, number, id);
    int r = run->task->type->carry_out(&context, &action);
    render_done(&render);
    if (r == 0)
        r = subflow_new_child(step, live, run, &action, id, ret, diag);
    if (r == 0 && action.wait) {
        json_t *parent = json_object_get((*ret)->internal, "parent");
        json_object_set_new(parent, "iteration", json_integer((json_int_t)number));
        json_object_set_new(parent, "round", json_integer((json_int_t)items->round));
    }
    items->wait = action.wait;
    items->transmit_failed = action.transmit_failed;
    executor_action_done(&action);
    return r;
}

/* All of a portion or none: a mistake in the inputs shows before the first execution has begun. */
static bool create_portion(Step *step, Live *live, TaskRun *run, Items *items)
{
    VEC(Execution *) children = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int64_t until = MIN(items->count, items->created + (int64_t)step_begun_max(step));
    int r = 0;
    for (int64_t number = items->created + 1; r == 0 && number <= until; number++) {
        Execution *child = NULL;
        r = new_child(step, live, run, items, number, &child, &diag);
        if (r != 0)
            break;
        int64_t before = items->wait ? items->created - items->ended : 0;
        subflow_line_up(child, (unsigned)(before + (int64_t)children.count));
        vec_push(&children, child);
    }
    for (size_t i = 0; i < children.count; i++) {
        if (r == 0)
            subflow_create(step, live, run, children.items[i]);
        execution_free(children.items[i]);
    }
    vec_free(&children);
    if (r != 0)
        fail(step, live, run, diag_first(&diag));
    items->created = until;
    return r == 0;
}

static void note_for_merge(Live *live, const TaskRun *run, const Items *items)
{
    const Execution *execution = live->execution;
    json_t *notes = json_copy(json_object_get(run->parent->internal, "notes"));
    _cleanup_free_ char *prefix =
        blob_task_uri(execution->namespace, execution->flow_id, execution->id, run->task_id, run->id);
    json_object_set_new(notes, "items",
                        json_pack("{s:s,s:I,s:b,s:s}", "taskRunId", run->id, "round", (json_int_t)items->round, "wait",
                                  items->wait, "prefix", prefix));
    change_internal(live, run->parent, "notes", notes);
}

void items_continue(Step *step, Live *live, TaskRun *run)
{
    if (state_current(&run->state) != STATE_RUNNING || live_state(live) == STATE_KILLING)
        return;
    Items items = load(run);
    int64_t before = items.created;
    if (!create_portion(step, live, run, &items))
        return;
    if (before == 0)
        note_for_merge(live, run, &items);
    save(live, run, &items);
    json_t *counters = counters_of(run);
    if (items.wait) {
        set_counter(counters, STATE_CREATED, items.count - items.created);
        set_counter(counters, STATE_RUNNING, counter(counters, STATE_RUNNING) + items.created - before);
    } else {
        set_counter(counters, STATE_RUNNING, items.count - items.created);
        set_counter(counters, STATE_SUCCESS, items.created);
    }
    bool all = items.created == items.count;
    show(live, run, &items, counters, all && !items.wait);
    if (!all)
        change_set_timer(step, live, "items", run, step->now);
    else if (!items.wait)
        end(step, live, run, STATE_SUCCESS);
}

void items_begin(Step *step, Live *live, TaskRun *run)
{
    const json_t *splits = json_object_get(json_object_get(run->parent->internal, "notes"), "splits");
    if (!splits) {
        fail(step, live, run, "It is not known into which batches the items were split");
        return;
    }
    Items items = {.count = json_get_integer(splits, "count", 0), .round = (int64_t)run->attempts.count, .wait = true};
    change_outputs(live, run, json_object());
    change_run(step, live, run, STATE_RUNNING, 0);
    save(live, run, &items);
    if (items.count > 0)
        items_continue(step, live, run);
    else
        end(step, live, run, STATE_SUCCESS);
}

/* --- ends --- */

static State state_of_task(const Items *items, const json_t *counters)
{
    static const State handed_on[] = {STATE_FAILED, STATE_KILLED, STATE_WARNING}; /* the worst first */
    for (size_t i = 0; items->transmit_failed && i < ELEMENTS(handed_on); i++)
        if (counter(counters, handed_on[i]) > 0)
            return handed_on[i];
    return STATE_SUCCESS;
}

static bool is_child(const TaskRun *run, const Items *items, const json_t *body)
{
    char id[ID_BYTES];
    int64_t number = json_get_integer(body, "iteration", 0);
    for_each_item_child_id(run->id, items->round, number, id);
    return number >= 1 && number <= items->created && json_get_integer(body, "round", -1) == items->round &&
           streq(id, json_get_text(body, "startedAs", ""));
}

int items_child_end(Step *step, Live *live, TaskRun *run, const json_t *body)
{
    Items items = load(run);
    State child = state_from_string(json_get_text(body, "state", NULL));
    if (state_current(&run->state) != STATE_RUNNING || child < 0 || !is_child(run, &items, body)) {
        diag_error(step->diag, NULL, 0, 0, "no task run waits for execution %s",
                   json_get_text(body, "executionId", ""));
        return STEP_E_STALE;
    }
    bool killing = live_state(live) == STATE_KILLING;
    json_t *counters = counters_of(run);
    items.ended++;
    set_counter(counters, STATE_RUNNING, counter(counters, STATE_RUNNING) - 1);
    set_counter(counters, child, counter(counters, child) + 1);
    bool last = items.ended == (killing ? items.created : items.count);
    State state = killing ? STATE_KILLED : state_of_task(&items, counters);
    save(live, run, &items);
    show(live, run, &items, counters, last);
    if (!last)
        return 0;
    run->iteration = (int)items.count;
    end(step, live, run, state);
    return 0;
}

bool items_are_open(const TaskRun *run)
{
    Items items = load(run);
    return items.wait && items.ended < items.created;
}

void items_kill_children(Step *step, const TaskRun *run)
{
    Items items = load(run);
    for (int64_t number = 1; number <= items.created; number++) {
        char id[ID_BYTES];
        for_each_item_child_id(run->id, items.round, number, id);
        unit_send_event(step->unit, id, event_kind_to_string(EVENT_KILL_TREE), json_pack("{s:b}", "cascade", 1));
    }
}
