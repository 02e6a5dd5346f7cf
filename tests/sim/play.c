/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/play.h"

#include "doc/json.h"
#include "model/flow.h"
#include "model/operation.h"
#include "plugin/core/flow/for_each_item.h"
#include "plugin/registry.h"
#include "when/duration.h"

#define BEGINNING (UINT64_C(1700000000) * USEC_PER_SEC)
#define LEASE     (9 * USEC_PER_SEC)

typedef struct Rule {
    char *task_id;
    int attempt;
    State state;
    json_t *outputs, *notes;
} Rule;

struct Play {
    QueueStore *store;
    Queue *executor_queue, *worker_queue, *sender;
    Owner *owner;
    usec_t now;
    uint64_t random;
    size_t message_bytes_max;
    size_t unit_bytes_max;
    unsigned begun_max, depth_max, outages;
    VEC(Flow *) flows;
    VEC(Rule) rules;
    VEC(QueueJob) left;
    VEC(char *) started;
    Unit *answers;
};

/* --- time, chance, flows --- */

static usec_t play_now(void *userdata)
{
    return ((Play *)userdata)->now;
}

/* splitmix64 */
static uint64_t play_random(void *userdata)
{
    Play *play = userdata;
    uint64_t z = play->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int fall_out(Play *play)
{
    if (!play->outages)
        return 0;
    play->outages--;
    return -EIO;
}

static int play_load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    Play *play = userdata;
    int r = fall_out(play);
    if (r < 0)
        return r;
    for (size_t i = play->flows.count; i > 0; i--) { /* the latest first */
        Flow *flow = play->flows.items[i - 1];
        if (streq(flow->namespace, namespace) && streq(flow->id, id) && (!revision || flow->revision == revision)) {
            *ret = flow_ref(flow);
            return 0;
        }
    }
    return 1;
}

/* Every flow: those without a Flow trigger listen to nothing. */
static int play_listeners(void *userdata, Flow *const **ret, size_t *ret_count)
{
    Play *play = userdata;
    *ret = play->flows.items;
    *ret_count = play->flows.count;
    return fall_out(play);
}

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s: %d\n", what, r);
    abort();
}

static void begin_owner(Play *play)
{
    play->executor_queue = queue_mem_new(play->store);
    play->owner = owner_new(play->executor_queue, &(OwnerSettings){
                                                      .load_flow = play_load_flow,
                                                      .listeners = play_listeners,
                                                      .now = play_now,
                                                      .random = play_random,
                                                      .userdata = play,
                                                      .message_bytes_max = play->message_bytes_max,
                                                      .begun_max = play->begun_max,
                                                      .unit_bytes_max = play->unit_bytes_max,
                                                      .depth_max = play->depth_max,
                                                  });
    must(owner_join(play->owner, ""), "owner_join");
}

static bool heartbeat(Play *play)
{
    bool work = false;
    int r = owner_heartbeat(play->owner, &work);
    if (r == OWNER_E_FENCED) {
        must(owner_join(play->owner, ""), "owner_join");
        return heartbeat(play);
    }
    must(r, "owner_heartbeat");
    QueueMembership membership;
    bool ignored;
    must(queue_heartbeat(play->worker_queue, &membership, &ignored), "queue_heartbeat");
    must(queue_heartbeat(play->sender, &membership, &ignored), "queue_heartbeat");
    return work;
}

Play *play_new(uint64_t seed)
{
    Play *play = xnew(Play);
    play->store = queue_store_new(LEASE);
    play->now = BEGINNING;
    play->random = seed;
    play->answers = unit_new();
    play->worker_queue = queue_mem_new(play->store);
    play->sender = queue_mem_new(play->store);
    must(queue_join(play->worker_queue, "worker", ""), "queue_join");
    must(queue_join(play->sender, "webserver", ""), "queue_join");
    begin_owner(play);
    heartbeat(play);
    return play;
}

Play *play_free(Play *play)
{
    if (!play)
        return NULL;
    owner_free(play->owner);
    for (size_t i = 0; i < play->left.count; i++)
        queue_job_done(&play->left.items[i]);
    vec_free(&play->left);
    for (size_t i = 0; i < play->rules.count; i++) {
        free(play->rules.items[i].task_id);
        json_decref(play->rules.items[i].outputs);
        json_decref(play->rules.items[i].notes);
    }
    vec_free(&play->rules);
    for (size_t i = 0; i < play->started.count; i++)
        free(play->started.items[i]);
    vec_free(&play->started);
    unit_free(play->answers);
    queue_free(play->executor_queue);
    queue_free(play->worker_queue);
    queue_free(play->sender);
    queue_store_free(play->store);
    for (size_t i = 0; i < play->flows.count; i++)
        flow_unref(play->flows.items[i]);
    vec_free(&play->flows);
    free(play);
    return NULL;
}

QueueStore *play_store(Play *play)
{
    return play->store;
}

Owner *play_owner(Play *play)
{
    return play->owner;
}

void play_add_flow(Play *play, const char *yaml)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    FlowParse options = {.registry = &plugin_registry, .revision = 1};
    Flow *flow;
    const char *id = strstr(yaml, "id: ");
    for (size_t i = 0; id && i < play->flows.count; i++)
        options.revision += strncmp(play->flows.items[i]->id, id + 4, strcspn(id + 4, "\n")) == 0;
    if (flow_parse(yaml, strlen(yaml), &options, &flow, &diag) != 0) {
        _cleanup_free_ char *text = diag_format(&diag, "flow");
        fprintf(stderr, "%s\n", text);
        abort();
    }
    vec_push(&play->flows, flow);
}

void play_drop_flow(Play *play, const char *id)
{
    for (size_t i = 0; i < play->flows.count; i++) {
        if (!streq(play->flows.items[i]->id, id))
            continue;
        flow_unref(play->flows.items[i]);
        play->flows.items[i] = play->flows.items[--play->flows.count];
        return;
    }
    must(1, id);
}

void play_outage(Play *play, unsigned times)
{
    play->outages = times;
}

static void change_executor(Play *play)
{
    must(owner_leave(play->owner), "owner_leave");
    owner_free(play->owner);
    queue_free(play->executor_queue);
    begin_owner(play);
    heartbeat(play);
}

void play_limits(Play *play, size_t message_bytes_max, unsigned begun_max, size_t unit_bytes_max)
{
    play->unit_bytes_max = unit_bytes_max;
    play->message_bytes_max = message_bytes_max;
    play->begun_max = begun_max;
    change_executor(play);
}

void play_depth(Play *play, unsigned max)
{
    play->depth_max = max;
    change_executor(play);
}

void play_rule(Play *play, const char *task_id, int attempt, State state, json_t *outputs)
{
    vec_push(&play->rules, (Rule){xstrdup(task_id), attempt, state, outputs, NULL});
}

void play_notes(Play *play, const char *task_id, json_t *notes)
{
    vec_push(&play->rules, (Rule){xstrdup(task_id), -1, STATE_SUCCESS, NULL, notes});
}

/* --- the worker --- */

static const Rule *find_rule(const Play *play, const char *task_id, int attempt)
{
    for (size_t i = play->rules.count; i > 0; i--) {
        const Rule *rule = &play->rules.items[i - 1];
        if (streq(rule->task_id, task_id) && (rule->attempt < 0 || rule->attempt == attempt))
            return rule;
    }
    return NULL;
}

static json_t *result_of(const Play *play, const QueueJob *job, State state, const json_t *outputs)
{
    char date[INSTANT_BYTES];
    if (json_get_boolean(job->body, "skipped", false)) /* as the worker does: job_start() */
        state = STATE_SKIPPED;
    instant_format_usec(play->now, date);
    json_t *body = json_pack("{s:s,s:i,s:i,s:s,s:s,s:s}", "taskRunId", job->task_run_id, "attempt", job->attempt,
                             "lost", job->lost, "state", state_to_string(state), "startDate", date, "endDate", date);
    if (outputs)
        json_object_set(body, "outputs", (json_t *)outputs);
    return body;
}

static void finish(Play *play, QueueJob *job, State state, const json_t *outputs)
{
    const Rule *rule = find_rule(play, json_get_text(job->body, "taskId", ""), job->attempt);
    json_t *body = result_of(play, job, state, outputs);
    if (rule && rule->notes)
        json_object_set(body, "notes", rule->notes);
    unit_finish_job(play->answers, job->sequence, job->execution_id, "task_run", body);
    queue_job_done(job);
}

static void leave(Play *play, QueueJob *job)
{
    unit_send_event(play->answers, job->execution_id, "task_run", result_of(play, job, STATE_RUNNING, NULL));
    vec_push(&play->left, *job);
}

static void answer(Play *play, QueueJob *job)
{
    const Rule *rule = find_rule(play, json_get_text(job->body, "taskId", ""), job->attempt);
    State state = rule ? rule->state : STATE_SUCCESS;
    if (state == STATE_CREATED)
        leave(play, job);
    else
        finish(play, job, state, rule ? rule->outputs : NULL);
}

static void kill_left(Play *play)
{
    QueueSequences sequences = {};
    must(queue_jobs_to_kill(play->worker_queue, &sequences), "queue_jobs_to_kill");
    for (size_t i = 0; i < sequences.count; i++)
        for (size_t j = play->left.count; j > 0; j--) {
            if (play->left.items[j - 1].sequence != sequences.items[i])
                continue;
            finish(play, &play->left.items[j - 1], STATE_KILLED, NULL);
            play->left.items[j - 1] = play->left.items[--play->left.count];
        }
    vec_free(&sequences);
}

/* True when it had something to do. */
static bool work(Play *play)
{
    QueueBatch batch = {};
    const QueueFetch fetch = {.jobs_max = 50, .worker_group = ""};
    kill_left(play);
    bool said = !unit_is_empty(play->answers);
    must(queue_commit(play->worker_queue, play->answers, &fetch, &batch), "queue_commit");
    bool any = batch.jobs.count > 0 || said;
    for (size_t i = 0; i < batch.jobs.count; i++)
        answer(play, &batch.jobs.items[i]);
    batch.jobs.count = 0;
    queue_batch_done(&batch);
    return any;
}

void play_answer(Play *play, const char *task_id, State state)
{
    for (size_t i = play->left.count; i > 0; i--) {
        QueueJob *job = &play->left.items[i - 1];
        if (!streq(json_get_text(job->body, "taskId", ""), task_id))
            continue;
        finish(play, job, state, NULL);
        *job = play->left.items[--play->left.count];
    }
}

/* --- what people do --- */

static json_t *take(json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);
    return value ? json_incref(value) : NULL;
}

const char *play_start(Play *play, json_t *inputs)
{
    return play_start_as(play, json_pack("{s:o*}", "inputs", inputs));
}

const char *play_start_as(Play *play, json_t *as)
{
    const Flow *flow = play->flows.items[0];
    for (size_t i = 0; i < play->flows.count; i++)
        if (streq(play->flows.items[i]->id, json_get_text(as, "flow", "")))
            flow = play->flows.items[i];
    char id[ID_BYTES];
    uint64_t high = play_random(play);
    id_from_bits(high, play_random(play), id);
    Execution *execution = execution_new(id, flow->namespace, flow->id, flow->revision, play->now);
    execution->inputs = take(as, "inputs");
    execution->trigger = take(as, "trigger");
    usec_t in = 0;
    if (json_object_get(as, "labels"))
        must(labels_decode(json_object_get(as, "labels"), &execution->labels), "labels_decode");
    if (json_object_get(as, "in"))
        must(duration_parse(json_get_text(as, "in", ""), &in), "duration_parse");
    execution->schedule_date = in ? play->now + in : 0;
    json_decref(as);
    _cleanup_(unit_freep) Unit *unit = unit_new();
    QueueBatch batch = {};
    unit_create_execution(unit, execution, play->now);
    must(queue_commit(play->sender, unit, NULL, &batch), "queue_commit");
    queue_batch_done(&batch);
    execution_free(execution);
    vec_push(&play->started, xstrdup(id));
    return play->started.items[play->started.count - 1];
}

static void new_id(void *userdata, char ret_id[static ID_BYTES])
{
    uint64_t high = play_random(userdata);
    id_from_bits(high, play_random(userdata), ret_id);
}

void play_replay(Play *play, const char *task_id, int revision)
{
    _cleanup_(execution_freep) Execution *execution = NULL, *copy = NULL;
    must(queue_load_execution(play->sender, play->started.items[play->started.count - 1], &execution),
         "queue_load_execution");
    Flow *flow = NULL;
    must(play_load_flow(play, execution->namespace, execution->flow_id, revision ? revision : execution->flow_revision,
                        &flow),
         "play_load_flow");
    execution_bind_flow(execution, flow);
    flow_unref(flow);
    const TaskRun *first = NULL;
    for (size_t i = 0; task_id && !first && i < execution->task_runs.count; i++)
        if (streq(execution->task_runs.items[i]->task_id, task_id))
            first = execution->task_runs.items[i];
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const Operation operation = {.now = play->now, .new_id = new_id, .userdata = play, .diag = &diag};
    must(operation_replay(&operation, execution, execution->flow, first ? first->id : NULL, revision, &copy), "replay");
    _cleanup_(unit_freep) Unit *unit = unit_new();
    QueueBatch batch = {};
    unit_create_execution(unit, copy, play->now);
    must(queue_commit(play->sender, unit, NULL, &batch), "queue_commit");
    queue_batch_done(&batch);
    vec_push(&play->started, xstrdup(copy->id));
}

static const char *id_of(const Execution *execution, const char *name)
{
    for (size_t i = 0; execution && i < execution->task_runs.count; i++) {
        const TaskRun *run = execution->task_runs.items[i];
        if (streq(run->task_id, name + 1))
            return *name == '$' ? run->id : json_get_text(run->internal, "child", "");
    }
    must(1, name);
    return "";
}

/* "$TASK" and "@TASK", at the end of a text. */
static void fill_in_ids(Play *play, json_t *body)
{
    const char *name;
    json_t *value;
    _cleanup_(execution_freep) Execution *execution = play_load(play, play->started.items[play->started.count - 1]);
    json_object_foreach (body, name, value) {
        const char *text = json_string_value(value), *place = text ? strpbrk(text, "$@") : NULL;
        if (!place)
            continue;
        _cleanup_free_ char *filled = xasprintf("%.*s%s", (int)(place - text), text, id_of(execution, place));
        json_object_set_new(body, name, json_string(filled));
    }
}

void play_send_to(Play *play, const char *id, const char *kind, json_t *body)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    QueueBatch batch = {};
    unit_send_event(unit, id, kind, body);
    must(queue_commit(play->sender, unit, NULL, &batch), "queue_commit");
    queue_batch_done(&batch);
}

void play_send(Play *play, const char *kind, json_t *body)
{
    fill_in_ids(play, body);
    play_send_to(play, play->started.items[play->started.count - 1], kind, body);
}

void play_send_child(Play *play, const char *kind, json_t *body)
{
    Execution *execution;
    const char *child = NULL;
    must(queue_load_execution(play->sender, play->started.items[play->started.count - 1], &execution),
         "queue_load_execution");
    for (size_t i = 0; execution && !child && i < execution->task_runs.count; i++)
        child = json_get_text(execution->task_runs.items[i]->internal, "child", NULL);
    play_send_to(play, child ? child : "none", kind, body);
    execution_free(execution);
}

void play_run(Play *play)
{
    bool moved = true, more = false;
    heartbeat(play);
    for (unsigned idle = 0; idle < 2; idle = moved ? 0 : idle + 1) {
        more = false;
        int r = owner_batch(play->owner, &more);
        bool lost = r == OWNER_E_FENCED || r == -EIO;
        if (lost)
            heartbeat(play);
        else
            must(r, "owner_batch");
        moved = work(play) || more || lost;
    }
}

void play_advance(Play *play, usec_t by)
{
    usec_t until = play->now + by;
    while (play->now < until) {
        usec_t step = MIN(until, play->now + LEASE / 3), timer = owner_next_timer(play->owner);
        usec_t next = MAX(MIN(step, timer), play->now);
        queue_store_advance(play->store, next - play->now);
        play->now = next;
        play_run(play);
    }
}

void play_lose_worker(Play *play)
{
    Queue *dead = play->worker_queue;
    play->worker_queue = queue_mem_new(play->store);
    must(queue_join(play->worker_queue, "worker", ""), "queue_join");
    for (; play->left.count; play->left.count--)
        queue_job_done(&play->left.items[play->left.count - 1]);
    play_advance(play, 4 * LEASE); /* who declares it dead has been heard for a lease */
    queue_free(dead);
}

void play_takeover(Play *play)
{
    Owner *dead = play->owner;
    Queue *queue = play->executor_queue;
    begin_owner(play);
    owner_free(dead);
    for (unsigned i = 0; i < 12; i++) {
        queue_store_advance(play->store, LEASE / 3);
        play->now += LEASE / 3;
        heartbeat(play);
    }
    queue_free(queue);
    play_run(play);
}

/* --- what came of it --- */

Execution *play_load(Play *play, const char *id)
{
    Execution *execution;
    must(queue_load_execution(play->sender, id, &execution), "queue_load_execution");
    return execution;
}

static void append_states(Buffer *text, const StateTrail *trail)
{
    for (size_t i = 0; i < trail->histories.count; i++)
        buffer_printf(text, " %s", state_to_string(trail->histories.items[i].state));
}

static void append_execution(Play *play, Buffer *text, const char *id, unsigned depth, bool with_outputs);

static void append_run(Play *play, Buffer *text, const TaskRun *run, unsigned depth, bool with_outputs)
{
    for (const TaskRun *parent = run->parent; parent; parent = parent->parent)
        depth++;
    buffer_printf(text, "%*s%s", (int)(2 * depth), "", run->task_id);
    if (run->value)
        buffer_printf(text, "[%s]", run->value);
    if (run->iteration >= 0)
        buffer_printf(text, "#%d", run->iteration);
    append_states(text, &run->state);
    if (run->attempts.count)
        buffer_printf(text, " (%zu)", run->attempts.count);
    if (with_outputs && json_object_size(run->outputs)) {
        buffer_append_char(text, ' ');
        json_append(text, run->outputs);
    }
    buffer_append_char(text, '\n');
    const char *child = json_get_text(run->internal, "child", NULL);
    if (child)
        append_execution(play, text, child, depth + 1, with_outputs);
    const json_t *items = json_object_get(run->internal, "items");
    for (int64_t number = 1; number <= json_get_integer(items, "created", 0); number++) {
        char id[ID_BYTES];
        for_each_item_child_id(run->id, json_get_integer(items, "round", 0), number, id);
        append_execution(play, text, id, depth + 1, with_outputs);
    }
}

static void append_execution(Play *play, Buffer *text, const char *id, unsigned depth, bool with_outputs)
{
    Execution *execution;
    must(queue_load_execution(play->sender, id, &execution), "queue_load_execution");
    if (!execution) {
        buffer_append(text, "gone\n");
        return;
    }
    Flow *flow = NULL;
    if (play_load_flow(play, execution->namespace, execution->flow_id, 0, &flow) == 0)
        execution_bind_flow(execution, flow);
    flow_unref(flow);
    buffer_printf(text, "%*s%s", (int)(2 * depth), "", execution->flow_id);
    append_states(text, &execution->state);
    if (with_outputs && json_object_size(execution->outputs)) {
        buffer_append_char(text, ' ');
        json_append(text, execution->outputs);
    }
    buffer_append_char(text, '\n');
    for (size_t i = 0; i < execution->task_runs.count; i++)
        append_run(play, text, execution->task_runs.items[i], depth + 1, with_outputs);
    const char *successor = json_get_text(execution->internal, "successor", NULL);
    if (successor)
        append_execution(play, text, successor, depth, with_outputs);
    execution_free(execution);
}

/* What Flow triggers have started: nobody waits for it. */
static void append_triggered(Play *play, Buffer *text, bool with_outputs)
{
    size_t position = 0;
    const char *id;
    while ((id = queue_store_next_execution(play->store, &position))) {
        _cleanup_(execution_freep) Execution *execution = play_load(play, id);
        if (ends_with(json_get_text(execution->trigger, "type", ""), ".trigger.Flow") && !execution->parent_id)
            append_execution(play, text, id, 0, with_outputs);
    }
}

char *play_trace(Play *play, bool with_outputs)
{
    Buffer text = {};
    for (size_t i = 0; i < play->started.count; i++)
        append_execution(play, &text, play->started.items[i], 0, with_outputs);
    append_triggered(play, &text, with_outputs);
    return buffer_take(&text);
}

char *play_labels(Play *play)
{
    Buffer text = {};
    Execution *execution;
    must(queue_load_execution(play->sender, play->started.items[play->started.count - 1], &execution),
         "queue_load_execution");
    size_t i;
    const json_t *label;
    json_array_foreach (execution ? execution->labels : NULL, i, label)
        buffer_printf(&text, "%s=%s\n", json_get_text(label, "key", ""), json_get_text(label, "value", ""));
    execution_free(execution);
    return buffer_take(&text);
}

char *play_logs(Play *play)
{
    Buffer text = {};
    const char *line;
    for (size_t i = 0; (line = queue_store_log(play->store, i)); i++)
        buffer_printf(&text, "%s\n", line);
    return buffer_take(&text);
}
