/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/books.h"

#include "base/map.h"
#include "doc/json.h"
#include "executor/slots.h"
#include "model/event_kind.h"
#include "queue/unit_private.h"

/* An execution or a task run. */
typedef struct Record {
    char *name;
    char execution_id[ID_BYTES]; /* of a task run; "": it is an execution */
    State state;
    size_t entries;              /* of its history */
    unsigned open;               /* of an execution: task runs that have not ended */
    unsigned timers, asked, given_back, resumes, left;
    bool holds;
    bool limited;                /* it is of the flow with the limit */
} Record;

struct Books {
    unsigned limit, holders;
    bool resumed;
    unsigned count;
    char *blamed; /* the forbidden edge, or NULL */
    Map *records; /* id → Record */
    Map *timers;  /* "key name" → the books */
    Map *jobs;    /* "task run#attempt" → the books */
};

#define TO(state) (UINT32_C(1) << STATE_##state)
#define AN_END    (TO(SUCCESS) | TO(WARNING) | TO(FAILED) | TO(KILLED) | TO(CANCELLED) | TO(SKIPPED))

/* Edges that are missing here are forbidden. RUNNING goes to RESTARTED when a pause ends beside something that runs. */
static const uint32_t execution_edges[_STATE_MAX] = {
    [STATE_CREATED] = TO(RUNNING) | TO(QUEUED) | TO(KILLING) | TO(FAILED) | TO(CANCELLED),
    [STATE_QUEUED] = TO(RUNNING) | TO(KILLING),
    [STATE_RUNNING] =
        TO(PAUSED) | TO(RESTARTED) | TO(RETRYING) | TO(KILLING) | TO(SUCCESS) | TO(WARNING) | TO(FAILED),
    [STATE_PAUSED] = TO(RUNNING) | TO(RESTARTED) | TO(RETRYING) | TO(KILLING),
    [STATE_RESTARTED] = TO(RUNNING),
    [STATE_RETRYING] = TO(RUNNING) | TO(PAUSED) | TO(RESTARTED) | TO(KILLING),
    [STATE_FAILED] = TO(RETRYING),
    [STATE_KILLING] = TO(KILLED),
};
static const uint32_t task_run_edges[_STATE_MAX] = {
    [STATE_CREATED] = TO(RUNNING) | TO(PAUSED) | AN_END,
    [STATE_RUNNING] = TO(PAUSED) | AN_END,
    [STATE_PAUSED] = TO(RUNNING) | TO(KILLED),
    [STATE_FAILED] = TO(RETRYING),
    [STATE_RETRYING] = TO(CREATED) | TO(KILLED),
};

Books *books_new(unsigned limit, bool resumed)
{
    Books *books = xnew(Books);
    books->limit = limit;
    books->resumed = resumed;
    books->records = map_new();
    books->timers = map_new();
    books->jobs = map_new();
    return books;
}

static void record_free(void *value)
{
    free(((Record *)value)->name);
    free(value);
}

Books *books_free(Books *books)
{
    map_destroy(books->records, record_free);
    map_destroy(books->timers, NULL);
    map_destroy(books->jobs, NULL);
    free(books->blamed);
    free(books);
    return NULL;
}

size_t books_timers(const Books *books)
{
    return map_count(books->timers);
}

const char *books_name(const Books *books, const char *id)
{
    const Record *record = map_get(books->records, id);
    return record ? record->name : id;
}

void books_resume(Books *books, const char *execution_id)
{
    Record *record = map_get(books->records, execution_id);
    record->resumes++;
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
static void blame(Books *books, const Record *record, State to)
{
    free(books->blamed);
    books->blamed = xasprintf("%s: %s to %s", record->name, state_to_string(record->state), state_to_string(to));
}

/* Goes along the new entries of a history. */
static const char *go_along(Books *books, Record *record, const json_t *document, const uint32_t *edges)
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
        bool pause_was_left = record->state == STATE_PAUSED;
        if (state < 0 || !(edges[record->state] & (UINT32_C(1) << state))) {
            blame(books, record, state);
            return state_is_terminated(record->state) ? "something ended twice" : "a state moved along a forbidden edge";
        }
        record->state = state;
        record->left += pause_was_left;
    }
    record->entries = count;
    return NULL;
}

static const char *enter_execution(Books *books, const UnitExecution *execution)
{
    _cleanup_json_ json_t *document = NULL;
    if (json_parse(execution->body, strlen(execution->body), SIZE_MAX, &document, NULL) != 0)
        return "an execution can not be read";
    if (!map_get(books->records, execution->id))
        books->count++;
    Record *record = get_record(books, execution->id, xasprintf("%s-%u", execution->flow_id, books->count));
    record->limited = books->limit && !streq(execution->flow_id, "child");
    return go_along(books, record, document, execution_edges);
}

static const char *enter_task_run(Books *books, const UnitTaskRun *run)
{
    _cleanup_json_ json_t *document = NULL;
    if (json_parse(run->body, strlen(run->body), SIZE_MAX, &document, NULL) != 0)
        return "a task run can not be read";
    const char *value = json_get_text(document, "value", "");
    Record *record = get_record(books, run->id,
                                xasprintf(*value ? "%s[%s] of %s" : "%s%s of %s", json_get_text(document, "taskId", ""),
                                          value, books_name(books, run->execution_id)));
    bool was_open = record->entries && !state_is_terminated(record->state);
    snprintf(record->execution_id, sizeof(record->execution_id), "%s", run->execution_id);
    const char *rule = go_along(books, record, document, task_run_edges);
    Record *execution = map_get(books->records, run->execution_id);
    if (!execution)
        return "a task run belongs to no execution";
    execution->open += (unsigned)!state_is_terminated(record->state) - (unsigned)was_open;
    return rule;
}

/* --- timers and slots --- */

static const char *enter_holder(Books *books, const char *execution_id, bool cleared)
{
    Record *record = map_get(books->records, execution_id);
    if (!record || record->holds == !cleared)
        return "a slot was given or taken twice";
    record->holds = !cleared;
    books->holders += cleared ? -1u : 1u;
    if (cleared && !state_is_terminated(record->state))
        return "a slot was taken from an execution that has not ended";
    return NULL;
}

static const char *enter_timer(Books *books, const UnitTimer *timer)
{
    _cleanup_free_ char *id = xasprintf("%s %s", timer->key, timer->name);
    bool was_set = timer->cleared ? map_remove(books->timers, id) != NULL : map_put(books->timers, id, books) != NULL;
    if (was_set == !timer->cleared)
        return NULL;
    if (slots_is_key(timer->key))
        return starts_with(timer->name, "holds ") ? enter_holder(books, timer->name + strlen("holds "), timer->cleared)
                                                  : NULL;
    Record *record = map_get(books->records, timer->key);
    if (!record)
        return "a timer belongs to no execution";
    record->timers += timer->cleared ? -1u : 1u;
    return NULL;
}

static const char *enter_event(Books *books, const UnitEvent *event)
{
    EventKind kind = event_kind_from_string(event->kind);
    if (kind != EVENT_SLOT_REQUEST && kind != EVENT_SLOT_RELEASE)
        return NULL;
    _cleanup_json_ json_t *body = NULL;
    if (json_parse(event->body, strlen(event->body), SIZE_MAX, &body, NULL) != 0)
        return "an event can not be read";
    Record *record = map_get(books->records, json_get_text(body, "executionId", ""));
    if (!record)
        return "a slot belongs to no execution";
    unsigned *times = kind == EVENT_SLOT_REQUEST ? &record->asked : &record->given_back;
    ++*times;
    return *times > 1 ? "a slot was asked for or given back twice" : NULL;
}

static const char *enter_job(Books *books, const UnitJob *job)
{
    _cleanup_free_ char *id = xasprintf("%s#%d", job->task_run_id, job->attempt);
    return map_put(books->jobs, id, books) ? "an attempt was given to workers twice" : NULL;
}

/* --- after a commit --- */

static bool is_at_work(State state)
{
    return state == STATE_RUNNING || state == STATE_PAUSED || state == STATE_RETRYING || state == STATE_RESTARTED;
}

static const char *check_execution(const Books *books, const Record *record)
{
    if (state_is_terminated(record->state) && record->open)
        return "a task run of an ended execution is open";
    if (state_is_terminated(record->state) && record->timers)
        return "an ended execution has a timer";
    if (record->limited && is_at_work(record->state) && !record->holds)
        return "an execution runs without a slot";
    if (state_is_terminated(record->state) && record->limited && record->asked && !record->given_back)
        return "an ended execution kept its slot";
    return books->resumed && record->left > record->resumes ? "a pause was left that nobody ended" : NULL;
}

#define KEEP(rule, next) ((rule) ? (rule) : (next))

const char *books_enter(Books *books, const Unit *unit)
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
    for (size_t i = 0; i < unit->executions.count && !rule; i++)
        rule = check_execution(books, map_get(books->records, unit->executions.items[i].id));
    for (size_t i = 0; i < unit->task_runs.count && !rule; i++)
        rule = check_execution(books, map_get(books->records, unit->task_runs.items[i].execution_id));
    return !rule && books->holders > books->limit ? "there are more holders than slots" : rule;
}

/* --- in words --- */

static void describe_messages(const Books *books, const Unit *unit, Buffer *text)
{
    for (size_t i = 0; i < unit->jobs.count; i++)
        buffer_printf(text, "; job %s#%d", books_name(books, unit->jobs.items[i].task_run_id), unit->jobs.items[i].attempt);
    for (size_t i = 0; i < unit->events.count; i++)
        buffer_printf(text, "; sends %s to %s", unit->events.items[i].kind, books_name(books, unit->events.items[i].key));
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
        const Record *record = map_get(books->records, unit->executions.items[i].id);
        buffer_printf(text, "; %s is %s", record->name, state_to_string(record->state));
    }
    for (size_t i = 0; i < unit->task_runs.count; i++) {
        const Record *record = map_get(books->records, unit->task_runs.items[i].id);
        buffer_printf(text, "; %s is %s", record->name, state_to_string(record->state));
    }
    for (size_t i = 0; i < unit->timers.count; i++) {
        const UnitTimer *timer = &unit->timers.items[i];
        const char *colon = strchr(timer->name, ':');
        buffer_printf(text, "; timer %.*s of %s", colon ? (int)(colon - timer->name) : (int)strlen(timer->name), timer->name,
                      books_name(books, colon ? colon + 1 : timer->key));
        if (timer->cleared)
            buffer_append(text, " cleared");
        else if (!slots_is_key(timer->key))
            buffer_printf(text, " in %.3f s", timer->date > now ? (double)(timer->date - now) / (double)USEC_PER_SEC : 0.0);
    }
    describe_messages(books, unit, text);
    if (books->blamed)
        buffer_printf(text, "; %s", books->blamed);
}
