/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/books.h"

#include "base/map.h"
#include "doc/json.h"
#include "executor/slots.h"
#include "executor/windows.h"
#include "model/event_kind.h"
#include "queue/unit_private.h"

/* Slots of one flow. */
typedef struct Limit {
    unsigned slots, holders; /* holders: without those that people forced */
} Limit;

/* An execution or a task run. */
typedef struct Record {
    char *name;
    char *flow_id;               /* of an execution */
    char execution_id[ID_BYTES]; /* of a task run; "": it is an execution */
    char parent_id[ID_BYTES];    /* of an execution: who waits for its end; "": nobody */
    State state;
    size_t entries; /* of its history */
    int64_t iteration;
    unsigned open;     /* of an execution: task runs that have not ended */
    unsigned children; /* of an execution: those with this parent that have not ended */
    unsigned timers, asked, given_back, resumes, left;
    unsigned reopened; /* people let it go on after its end so often, or it is the copy of an ended one */
    Limit *limit;      /* of its flow, or NULL */
    Limit *counted;    /* among whose holders it counts */
    bool holds, forced;
    bool retry_waits;   /* it FAILED and stands in line for its retry */
    bool deleted, told; /* told: its parent does not wait for it any more */
} Record;

struct Books {
    bool resumed;
    const usec_t *now;
    unsigned count;
    char *blamed; /* the forbidden edge, or NULL */
    Map *limits;  /* flow id → Limit */
    Map *records; /* id → Record */
    Map *timers;  /* "key name" → date, as a text */
    Map *jobs;    /* "task run#attempt" → the books */
};

#define TO(state) (UINT32_C(1) << STATE_##state)
#define AN_END    (TO(SUCCESS) | TO(WARNING) | TO(FAILED) | TO(KILLED) | TO(CANCELLED) | TO(SKIPPED))

/* Edges that are missing here are forbidden. RUNNING goes to RESTARTED when a pause ends beside something that runs.
 * What ended is left only within the commit in which it ended (FAILED, RETRYING), or after people asked for it. */
static const uint32_t execution_edges[_STATE_MAX] = {
    [STATE_CREATED] = TO(RUNNING) | TO(QUEUED) | TO(KILLING) | TO(FAILED) | TO(CANCELLED),
    [STATE_QUEUED] = TO(RUNNING) | TO(KILLING) | TO(FAILED) | TO(CANCELLED),
    [STATE_RUNNING] = TO(PAUSED) | TO(RESTARTED) | TO(RETRYING) | TO(KILLING) | AN_END,
    [STATE_PAUSED] = TO(RUNNING) | TO(RESTARTED) | TO(RETRYING) | TO(KILLING) | TO(FAILED) | TO(CANCELLED),
    [STATE_RESTARTED] = TO(RUNNING) | TO(QUEUED) | TO(KILLING) | TO(FAILED) | TO(CANCELLED),
    [STATE_RETRYING] = TO(RUNNING) | TO(PAUSED) | TO(RESTARTED) | TO(KILLING) | TO(FAILED) | TO(CANCELLED),
    [STATE_FAILED] = TO(RETRYING) | TO(RETRIED),
    [STATE_KILLING] = TO(KILLED),
};
static const uint32_t task_run_edges[_STATE_MAX] = {
    [STATE_CREATED] = TO(RUNNING) | TO(PAUSED) | AN_END,
    [STATE_RUNNING] = TO(PAUSED) | TO(RETRIED) | AN_END,
    [STATE_PAUSED] = TO(RUNNING) | TO(KILLED) | TO(KILLING) | TO(FAILED) | TO(WARNING) | TO(SUCCESS) | TO(RETRIED),
    [STATE_RESTARTED] = TO(RUNNING) | TO(PAUSED) | AN_END,
    [STATE_KILLING] = TO(KILLED),
    [STATE_FAILED] = TO(RETRYING) | TO(RETRIED) | TO(KILLED),
    [STATE_RETRYING] = TO(CREATED) | TO(KILLED) | TO(RETRIED),
};

Books *books_new(const usec_t *now, bool resumed)
{
    Books *books = xnew(Books);
    books->now = now;
    books->resumed = resumed;
    books->limits = map_new();
    books->records = map_new();
    books->timers = map_new();
    books->jobs = map_new();
    return books;
}

void books_limit(Books *books, const char *flow_id, unsigned slots)
{
    Limit *limit = xnew(Limit);
    limit->slots = slots;
    free(map_put(books->limits, flow_id, limit));
}

static void record_free(void *value)
{
    free(((Record *)value)->name);
    free(((Record *)value)->flow_id);
    free(value);
}

Books *books_free(Books *books)
{
    map_destroy(books->records, record_free);
    map_destroy(books->timers, free);
    map_destroy(books->limits, free);
    map_destroy(books->jobs, NULL);
    free(books->blamed);
    free(books);
    return NULL;
}

size_t books_timers(const Books *books)
{
    return map_count(books->timers);
}

const char *books_child(const Books *books, const char *execution_id, State state)
{
    size_t position = 0;
    const char *id;
    void *value;
    while (map_next(books->records, &position, &id, &value)) {
        const Record *record = value;
        if (streq(record->parent_id, execution_id) && record->state == state && !record->deleted && !record->reopened)
            return id;
    }
    return NULL;
}

const char *books_name(const Books *books, const char *id)
{
    const Record *record = map_get(books->records, id);
    return record ? record->name : id;
}

static Record *find_record(const Books *books, const char *id)
{
    return map_get(books->records, id ? id : "");
}

void books_resume(Books *books, const char *execution_id)
{
    find_record(books, execution_id)->resumes++;
}

void books_reopen(Books *books, const char *execution_id)
{
    find_record(books, execution_id)->reopened++;
}

void books_force(Books *books, const char *execution_id)
{
    find_record(books, execution_id)->forced = true;
}

bool books_is_stuck(const Books *books, const char *execution_id)
{
    const Record *record = find_record(books, execution_id);
    return record && !record->deleted && !record->children && !state_is_terminated(record->state) &&
           record->state != STATE_PAUSED;
}

unsigned books_executions(const Books *books, const char *flow_id, State state)
{
    size_t position = 0;
    const char *id;
    void *value;
    unsigned count = 0;
    while (map_next(books->records, &position, &id, &value)) {
        const Record *record = value;
        count += streq_null(record->flow_id, flow_id) && !record->deleted && (state < 0 || record->state == state);
    }
    return count;
}

/* --- states --- */

static Record *get_record(Books *books, const char *id, char *name)
{
    Record *record = map_get(books->records, id);
    if (!record) {
        record = xnew(Record);
        record->name = TAKE_PTR(name);
        map_put(books->records, id, record);
    }
    free(name);
    return record;
}

static State state_at(const json_t *histories, size_t i)
{
    return state_from_string(json_get_text(json_array_get(histories, i), "state", ""));
}

/* For the trace: which edge it was. */
static const char *blame(Books *books, const Record *record, State to)
{
    free(books->blamed);
    books->blamed = xasprintf("%s: %s to %s", record->name, state_to_string(record->state), state_to_string(to));
    return state_is_terminated(record->state) ? "something ended twice" : "a state moved along a forbidden edge";
}

/* Where its life may go on: from an end it has come to in an earlier commit only if it waits for a retry. */
static bool may_go(const Record *record, State to, const uint32_t *edges, bool ended_before)
{
    if (record->reopened && (state_is_terminated(record->state) || record->state == STATE_RESTARTED))
        return true;
    if (ended_before && !record->retry_waits)
        return false;
    return edges[record->state] & (UINT32_C(1) << to);
}

/* Goes along the new entries of a history. */
static const char *go_along(Books *books, Record *record, const json_t *document, const uint32_t *edges, bool hands_on)
{
    const json_t *histories = json_at(document, "state.histories");
    size_t count = json_array_size(histories), first = record->entries;
    if (count < first || !count)
        return "a history became shorter";
    if (!first && state_at(histories, 0) != STATE_CREATED)
        return "something did not begin as CREATED";
    if (!first)
        record->state = STATE_CREATED;
    else if (state_at(histories, first - 1) != record->state)
        return "a history was written anew";
    for (size_t i = MAX(first, (size_t)1); i < count; i++) {
        State state = state_at(histories, i);
        bool ended = state_is_terminated(record->state), fresh = i > first || !first;
        /* the state of a child is handed on, and then becomes what the task makes of it */
        bool is_final = hands_on && fresh && ended && state_is_terminated(state);
        if (state < 0 || (!is_final && !may_go(record, state, edges, ended && !fresh)))
            return blame(books, record, state);
        record->left += record->state == STATE_PAUSED;
        record->state = state;
    }
    record->entries = count;
    return NULL;
}

/* Whom it tells its end: in the executor's notes. */
static void enter_parent(Books *books, Record *record, const UnitExecution *execution)
{
    _cleanup_json_ json_t *notes = NULL;
    if (!execution->internal ||
        json_parse(execution->internal, strlen(execution->internal), SIZE_MAX, &notes, NULL) != 0)
        return;
    const char *id = json_get_text(json_object_get(notes, "parent"), "executionId", "");
    Record *parent = find_record(books, id);
    if (!parent)
        return;
    snprintf(record->parent_id, sizeof(record->parent_id), "%s", id);
    parent->children++;
}

/* Once: when it is restarted later, nobody waits for it any more. */
static void tell_parent(Books *books, Record *record)
{
    Record *parent = find_record(books, record->parent_id);
    if (parent && !record->told)
        parent->children--;
    record->told = true;
}

static void enter_new_execution(Books *books, const UnitExecution *execution)
{
    Record *record = get_record(books, execution->id, xasprintf("%s-%u", execution->flow_id, ++books->count));
    record->flow_id = xstrdup(execution->flow_id);
    record->limit = map_get(books->limits, execution->flow_id);
    enter_parent(books, record, execution);
}

static const char *enter_execution(Books *books, const UnitExecution *execution)
{
    _cleanup_json_ json_t *document = NULL;
    if (json_parse(execution->body, strlen(execution->body), SIZE_MAX, &document, NULL) != 0)
        return "an execution can not be read";
    if (execution->created != !find_record(books, execution->id))
        return execution->created ? "an execution was created twice" : "an execution was saved that was not created";
    if (execution->created)
        enter_new_execution(books, execution);
    Record *record = find_record(books, execution->id);
    if (execution->created && json_array_size(json_at(document, "state.histories")) > 1)
        record->reopened++; /* a copy */
    const char *rule = go_along(books, record, document, execution_edges, false);
    if (state_is_terminated(record->state))
        tell_parent(books, record);
    return rule;
}

static const char *remove_task_run(Books *books, const UnitTaskRun *run)
{
    Record *record = map_remove(books->records, run->id), *execution = find_record(books, run->execution_id);
    if (!record || !execution)
        return "a task run was removed that is not there";
    if (!state_is_terminated(record->state))
        execution->open--;
    record_free(record);
    return NULL;
}

/* A repeated flowable begins its life anew: one entry of its history stays. */
static void enter_iteration(Record *record, const json_t *document)
{
    int64_t iteration = json_get_integer(document, "iteration", -1);
    if (record->entries && iteration > record->iteration) {
        record->state = STATE_CREATED;
        record->entries = 1;
    }
    record->iteration = iteration;
}

static const char *enter_task_run(Books *books, const UnitTaskRun *run)
{
    if (run->removed)
        return remove_task_run(books, run);
    _cleanup_json_ json_t *document = NULL;
    if (json_parse(run->body, strlen(run->body), SIZE_MAX, &document, NULL) != 0)
        return "a task run can not be read";
    Record *execution = find_record(books, run->execution_id);
    if (!execution)
        return "a task run belongs to no execution";
    const char *value = json_get_text(document, "value", "");
    Record *record = get_record(books, run->id,
                                xasprintf(*value ? "%s[%s] of %s" : "%s%s of %s", json_get_text(document, "taskId", ""),
                                          value, execution->name));
    bool was_open = record->entries && !state_is_terminated(record->state);
    snprintf(record->execution_id, sizeof(record->execution_id), "%s", run->execution_id);
    record->reopened = execution->reopened;
    enter_iteration(record, document);
    bool hands_on = run->internal && strstr(run->internal, "\"child\"");
    const char *rule = go_along(books, record, document, task_run_edges, hands_on);
    record->retry_waits = run->internal && strstr(run->internal, "\"retryWaits\"");
    execution->open += (unsigned)!state_is_terminated(record->state) - (unsigned)was_open;
    return rule;
}

/* --- timers and slots --- */

static const char *enter_holder(Books *books, const char *execution_id, bool cleared)
{
    Record *record = find_record(books, execution_id);
    if (!record || record->holds == !cleared)
        return "a slot was given or taken twice";
    record->holds = !cleared;
    if (record->limit && !cleared && !record->forced)
        record->counted = record->limit;
    if (record->counted)
        record->counted->holders += cleared ? -1u : 1u;
    if (cleared)
        record->counted = NULL;
    if (cleared && !record->deleted && !record->reopened && !state_is_terminated(record->state))
        return "a slot was taken from an execution that has not ended";
    return NULL;
}

/* What a timer does may not happen before its date. */
static const char *check_date(const Books *books, const UnitTimer *timer, const char *date)
{
    const char *colon = strchr(timer->name, ':');
    const Record *run = colon ? find_record(books, colon + 1) : NULL;
    if (run && starts_with(timer->name, "retry:") && !state_is_terminated(run->state) &&
        strtoull(date, NULL, 10) > *books->now)
        return "a retry began before its time";
    return NULL;
}

/* Sets or clears it in the books. False: a row that was set already, or was not there to be cleared. */
static bool note_timer(Books *books, const UnitTimer *timer, const char **ret_rule)
{
    _cleanup_free_ char *id = xasprintf("%s %s", timer->key, timer->name), *old = NULL;
    if (timer->cleared)
        old = map_remove(books->timers, id);
    else
        old = map_put(books->timers, id, xasprintf("%" PRIu64, timer->date));
    *ret_rule = timer->cleared && old ? check_date(books, timer, old) : NULL;
    return timer->cleared == (old != NULL);
}

static const char *enter_timer(Books *books, const UnitTimer *timer)
{
    const char *rule;
    if (!note_timer(books, timer, &rule) || windows_is_key(timer->key))
        return rule;
    if (slots_is_key(timer->key))
        return starts_with(timer->name, "holds ") ? enter_holder(books, timer->name + strlen("holds "), timer->cleared)
                                                  : NULL;
    Record *record = find_record(books, timer->key);
    if (!record)
        return "a timer belongs to no execution";
    record->timers += timer->cleared ? -1u : 1u;
    return rule;
}

static const char *enter_event(Books *books, const UnitEvent *event)
{
    EventKind kind = event_kind_from_string(event->kind);
    if (kind != EVENT_SLOT_REQUEST && kind != EVENT_SLOT_RELEASE)
        return NULL;
    _cleanup_json_ json_t *body = NULL;
    if (json_parse(event->body, strlen(event->body), SIZE_MAX, &body, NULL) != 0)
        return "an event can not be read";
    Record *record = find_record(books, json_get_text(body, "executionId", ""));
    if (!record)
        return "a slot belongs to no execution";
    if (json_get_boolean(body, "forced", false))
        return NULL;
    unsigned *times = kind == EVENT_SLOT_REQUEST ? &record->asked : &record->given_back;
    ++*times;
    return *times > 1 + record->reopened ? "a slot was asked for or given back twice" : NULL;
}

/* The execution goes with its task runs and timers; its record stays for those who still name it. */
static void enter_delete(Books *books, const char *execution_id)
{
    Record *record = find_record(books, execution_id);
    if (!record || record->deleted)
        return;
    record->deleted = true;
    record->timers = record->open = 0;
    tell_parent(books, record);
    size_t position = 0;
    const char *id;
    void *value;
    while (map_next(books->records, &position, &id, &value))
        if (streq(((Record *)value)->execution_id, execution_id)) {
            (void)map_remove(books->records, id); /* it is the value itself */
            record_free(value);
        }
    position = 0;
    while (map_next(books->timers, &position, &id, &value))
        if (starts_with(id, execution_id)) {
            (void)map_remove(books->timers, id); /* it is the value itself */
            free(value);
        }
}

static const char *enter_job(Books *books, const UnitJob *job)
{
    _cleanup_free_ char *id = xasprintf("%s#%d", job->task_run_id, job->attempt);
    return map_put(books->jobs, id, books) ? "an attempt was given to workers twice" : NULL;
}

/* --- after a commit --- */

static bool is_at_work(State state)
{
    return state == STATE_RUNNING || state == STATE_PAUSED || state == STATE_RETRYING;
}

static const char *check_slot(const Record *record)
{
    if (!record->limit || record->forced)
        return NULL;
    if (is_at_work(record->state) && !record->holds)
        return "an execution runs without a slot";
    if (state_is_terminated(record->state) && record->holds && record->asked > record->given_back)
        return "an ended execution kept its slot";
    return record->limit->holders > record->limit->slots ? "there are more holders than slots" : NULL;
}

static const char *check_execution(const Books *books, const char *id)
{
    const Record *record = find_record(books, id);
    if (!record || record->deleted)
        return NULL;
    if (state_is_terminated(record->state) && record->open)
        return "a task run of an ended execution is open";
    if ((record->state == STATE_SUCCESS || record->state == STATE_WARNING || record->state == STATE_FAILED) &&
        record->children)
        return "an execution ended before one that it waits for";
    if (state_is_terminated(record->state) && record->state != STATE_RETRIED && record->timers)
        return "an ended execution has a timer";
    bool killed = record->state == STATE_KILLED || record->state == STATE_KILLING;
    if (books->resumed && record->left > record->resumes && !killed)
        return "a pause was left that nobody ended";
    return check_slot(record);
}

#define KEEP(rule, next) ((rule) ? (rule) : (next))

static const char *enter_states(Books *books, const Unit *unit)
{
    const char *rule = NULL, *next;
    for (size_t i = 0; i < unit->executions.count; i++) {
        next = enter_execution(books, &unit->executions.items[i]);
        rule = KEEP(rule, next);
    }
    for (size_t i = 0; i < unit->task_runs.count; i++) {
        next = enter_task_run(books, &unit->task_runs.items[i]);
        rule = KEEP(rule, next);
    }
    return rule;
}

static const char *enter_messages(Books *books, const Unit *unit)
{
    const char *rule = NULL, *next;
    for (size_t i = 0; i < unit->timers.count; i++) {
        next = enter_timer(books, &unit->timers.items[i]);
        rule = KEEP(rule, next);
    }
    for (size_t i = 0; i < unit->events.count; i++) {
        next = enter_event(books, &unit->events.items[i]);
        rule = KEEP(rule, next);
    }
    for (size_t i = 0; i < unit->jobs.count; i++) {
        next = enter_job(books, &unit->jobs.items[i]);
        rule = KEEP(rule, next);
    }
    return rule;
}

const char *books_enter(Books *books, const Unit *unit)
{
    const char *states = enter_states(books, unit), *messages = enter_messages(books, unit);
    const char *rule = KEEP(states, messages);
    for (size_t i = 0; i < unit->deletes.count; i++)
        enter_delete(books, unit->deletes.items[i].execution_id);
    for (size_t i = 0; i < unit->executions.count && !rule; i++)
        rule = check_execution(books, unit->executions.items[i].id);
    for (size_t i = 0; i < unit->task_runs.count && !rule; i++)
        rule = check_execution(books, unit->task_runs.items[i].execution_id);
    return rule;
}

/* --- in words --- */

static void describe_messages(const Books *books, const Unit *unit, Buffer *text)
{
    for (size_t i = 0; i < unit->jobs.count; i++)
        buffer_printf(text, "; job %s#%d", books_name(books, unit->jobs.items[i].task_run_id),
                      unit->jobs.items[i].attempt);
    for (size_t i = 0; i < unit->events.count; i++)
        buffer_printf(text, "; sends %s to %s", unit->events.items[i].kind,
                      books_name(books, unit->events.items[i].key));
    for (size_t i = 0; i < unit->results.count; i++) {
        _cleanup_json_ json_t *body = NULL;
        if (json_parse(unit->results.items[i].body, strlen(unit->results.items[i].body), SIZE_MAX, &body, NULL) == 0)
            buffer_printf(text, "; answers %s#%d %s", books_name(books, json_get_text(body, "taskRunId", "")),
                          (int)json_get_integer(body, "attempt", -1), json_get_text(body, "state", ""));
    }
}

void books_describe(const Books *books, const Unit *unit, usec_t now, Buffer *text)
{
    if (unit->acks.count)
        buffer_printf(text, "; takes %zu events", unit->acks.count);
    for (size_t i = 0; i < unit->executions.count; i++) {
        const Record *record = find_record(books, unit->executions.items[i].id);
        if (record)
            buffer_printf(text, "; %s is %s", record->name, state_to_string(record->state));
    }
    for (size_t i = 0; i < unit->task_runs.count; i++) {
        const Record *record = find_record(books, unit->task_runs.items[i].id);
        if (record)
            buffer_printf(text, "; %s is %s", record->name, state_to_string(record->state));
    }
    for (size_t i = 0; i < unit->timers.count; i++) {
        const UnitTimer *timer = &unit->timers.items[i];
        const char *colon = strchr(timer->name, ':');
        buffer_printf(text, "; timer %.*s of %s", colon ? (int)(colon - timer->name) : (int)strlen(timer->name),
                      timer->name, books_name(books, colon ? colon + 1 : timer->key));
        if (timer->cleared)
            buffer_append(text, " cleared");
        else if (!slots_is_key(timer->key))
            buffer_printf(text, " in %.3f s",
                          timer->date > now ? (double)(timer->date - now) / (double)USEC_PER_SEC : 0.0);
    }
    describe_messages(books, unit, text);
    if (books->blamed)
        buffer_printf(text, "; %s", books->blamed);
}
