/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions belong to their owners: what is to happen to them is said to the owner in the worker's unit of work. Logs
 * and metrics have no owner and are deleted here. Asked twice (a task that runs again) does no harm.
 */
#include "worker/records.h"

#include "base/clock.h"
#include "model/context.h"
#include "model/event_kind.h"
#include "model/input.h"
#include "store/execution_store.h"
#include "store/flow_store.h"
#include "store/log_store.h"

static int refuse(json_t **ret, const char *format, ...) _printf_(2, 3);
static int refuse(json_t **ret, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* a long one is cut */
    va_end(arguments);
    *ret = json_object();
    json_set_text(*ret, "error", text);
    return 0;
}

static const char *text_of(const json_t *question, const char *key)
{
    return json_get_text(question, key, NULL);
}

static usec_t date_of(const json_t *question, const char *key)
{
    usec_t date;
    const char *text = text_of(question, key);
    return text && instant_parse(text, &date) == 0 ? date : 0;
}

static uint32_t states_of(const json_t *question)
{
    uint32_t states = 0;
    size_t i;
    const json_t *name;
    json_array_foreach (json_object_get(question, "states"), i, name) {
        State state = json_is_string(name) ? state_from_string(json_string_value(name)) : _STATE_INVALID;
        if (state >= 0)
            states |= 1u << state;
    }
    return states;
}

/* --- logs --- */

static int answer_logs(const Records *records, const json_t *question, json_t **ret)
{
    const char *const oldest_first[] = {"timestamp:asc"};
    const LogQuery query = {
        .execution_id = text_of(question, "executionId"),
        .namespace = text_of(question, "namespace"),
        .namespace_exact = true,
        .flow_id = text_of(question, "flowId"),
        .task_id = text_of(question, "taskId"),
        .attempt = LOG_ANY_ATTEMPT,
        .level_min = log_level_from_string(json_get_text(question, "level", "TRACE")),
        .paging = {.page = (unsigned)json_get_integer(question, "page", 1),
                   .size = RECORDS_LOGS_MAX,
                   .sorts = oldest_first,
                   .sort_count = 1},
    };
    _cleanup_page_ StorePage page = {};
    int r = store_log_search(records->pg, &query, &page, NULL);
    if (r != 0)
        return fold(r);
    json_t *entries = json_array();
    for (size_t i = 0; i < page.bodies.count; i++) {
        json_t *entry;
        if (json_parse(page.bodies.items[i], strlen(page.bodies.items[i]), 0, &entry, NULL) == 0)
            json_array_append_new(entries, entry);
    }
    *ret = json_pack("{s:o,s:b}", "entries", entries, "more", page.bodies.count == RECORDS_LOGS_MAX);
    return 0;
}

static int answer_delete_logs(const Records *records, const json_t *question, json_t **ret)
{
    const char *level = text_of(question, "level");
    const StoreFilter filter = {.field = "level", .op = "EQUALS", .value = level};
    const LogQuery query = {
        .namespace = text_of(question, "namespace"),
        .namespace_exact = text_of(question, "flowId") != NULL,
        .flow_id = text_of(question, "flowId"),
        .attempt = LOG_ANY_ATTEMPT,
        .start_date = date_of(question, "startDate"),
        .end_date = date_of(question, "endDate"),
        .filters = &filter,
        .filter_count = level ? 1 : 0,
        .paging = {.size = RECORDS_DELETED_MAX},
    };
    uint64_t count = 0;
    if (!query.end_date)
        return refuse(ret, "An end date is needed to delete logs");
    int r = store_log_delete(records->pg, &query, &count);
    *ret = r == 0 ? json_pack("{s:I}", "count", (json_int_t)count) : NULL;
    return fold(r);
}

/* --- executions --- */

/* One count: of a flow, or of a namespace alone (flow NULL). */
static int count_one(const Records *records, const json_t *question, const char *namespace, const char *flow_id,
                     json_t *counts)
{
    const char *end = text_of(question, "endDate");
    const StoreFilter filter = {.field = "startDate", .op = "LESS_THAN_OR_EQUAL_TO", .value = end};
    const ExecutionQuery query = {
        .namespace = namespace,
        .namespace_exact = true,
        .flow_id = flow_id,
        .start_date = date_of(question, "startDate"),
        .states = states_of(question),
        .filters = &filter,
        .filter_count = end ? 1 : 0,
    };
    int64_t count = 0;
    int r = store_execution_count(records->pg, &query, &count, NULL);
    if (r != 0)
        return fold(r);
    json_t *item = json_object();
    json_set_text(item, "namespace", namespace);
    json_set_text(item, "flowId", flow_id);
    json_object_set_new(item, "count", json_integer(count));
    json_array_append_new(counts, item);
    return 0;
}

static int answer_count(const Records *records, const json_t *question, json_t **ret)
{
    _cleanup_json_ json_t *counts = json_array();
    size_t i;
    const json_t *item;
    int r = 0;
    json_array_foreach (json_object_get(question, "flows"), i, item)
        if (r == 0)
            r = count_one(records, question, json_get_text(item, "namespace", ""), json_get_text(item, "flowId", ""),
                          counts);
    json_array_foreach (json_object_get(question, "namespaces"), i, item)
        if (r == 0 && json_is_string(item))
            r = count_one(records, question, json_string_value(item), NULL, counts);
    if (r == 0)
        *ret = json_pack("{s:O}", "counts", counts);
    return r;
}

static int answer_find(const Records *records, const json_t *question, json_t **ret)
{
    const ExecutionQuery query = {
        .namespace = text_of(question, "namespace"),
        .flow_id = text_of(question, "flowId"),
        .start_date = date_of(question, "startDate"),
        .end_date = date_of(question, "endDate"),
        .states = states_of(question),
    };
    _cleanup_texts_ Texts ids = {};
    _cleanup_execution_heads_ ExecutionHeads heads = {};
    if (!query.end_date)
        return refuse(ret, "An end date is needed to purge executions");
    int r = store_execution_ids(records->pg, &query, &ids, NULL);
    if (r == 0)
        r = store_execution_heads(records->pg, (const char *const *)ids.items, ids.count, &heads);
    if (r != 0)
        return fold(r);
    json_t *executions = json_array();
    for (size_t i = 0; i < heads.count; i++) /* one that runs again has kept its end date for a moment */
        if (state_is_terminated(heads.items[i].state))
            json_array_append_new(executions, json_pack("{s:s,s:s,s:s}", "id", heads.items[i].id, "namespace",
                                                        heads.items[i].namespace, "flowId", heads.items[i].flow_id));
    *ret = json_pack("{s:o}", "executions", executions);
    return 0;
}

typedef struct Purged {
    uint64_t executions, logs, metrics;
} Purged;

static int purge_one(const Records *records, const json_t *question, const char *id, Purged *purged)
{
    uint64_t logs = 0, metrics = 0;
    int r = 0;
    if (json_get_boolean(question, "logs", false))
        r = store_log_delete(records->pg, &(LogQuery){.execution_id = id, .attempt = LOG_ANY_ATTEMPT}, &logs);
    if (r == 0 && json_get_boolean(question, "metrics", false))
        r = store_metric_delete(records->pg, &(MetricQuery){.execution_id = id}, &metrics);
    if (r != 0)
        return fold(r);
    purged->logs += logs;
    purged->metrics += metrics;
    if (!json_get_boolean(question, "execution", false))
        return 0;
    unit_send_event(records->unit, id, event_kind_to_string(EVENT_DELETE),
                    json_pack("{s:b,s:b}", "logs", 0, "metrics", 0));
    purged->executions++;
    return 0;
}

static int answer_purge(const Records *records, const json_t *question, json_t **ret)
{
    Purged purged = {};
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(question, "executions"), i, id) {
        int r = json_is_string(id) ? purge_one(records, question, json_string_value(id), &purged) : 0;
        if (r != 0)
            return r;
    }
    *ret = json_pack("{s:I,s:I,s:I}", "executions", (json_int_t)purged.executions, "logs", (json_int_t)purged.logs,
                     "metrics", (json_int_t)purged.metrics);
    return 0;
}

/* --- outputs of many children --- */

static json_t *parse_or_null(const char *text)
{
    json_t *value;
    return text && json_parse(text, strlen(text), 0, &value, NULL) == 0 ? value : json_null();
}

/* One round: what is there goes to outputs; an id that has a successor makes room for it. *ret_again: there was one. */
static int look_for_outputs(const Records *records, Texts *ids, json_t *outputs, bool *ret_again)
{
    _cleanup_texts_ Texts texts = {}, successors = {};
    int r =
        store_execution_subflow_outputs(records->pg, (const char *const *)ids->items, ids->count, &texts, &successors);
    *ret_again = false;
    for (size_t i = 0; r == 0 && i < texts.count; i++) {
        if (texts.items[i]) {
            json_array_set_new(outputs, i, parse_or_null(texts.items[i]));
        } else if (successors.items[i]) {
            free(ids->items[i]);
            ids->items[i] = TAKE_PTR(successors.items[i]);
            *ret_again = true;
        }
    }
    return fold(r);
}

static int answer_subflow_outputs(const Records *records, const json_t *question, json_t **ret)
{
    _cleanup_texts_ Texts ids = {};
    _cleanup_json_ json_t *outputs = json_array();
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(question, "executions"), i, id) {
        vec_push(&ids, xstrdup(json_is_string(id) ? json_string_value(id) : ""));
        json_array_append_new(outputs, json_null());
    }
    bool again = true;
    int r = 0;
    while (r == 0 && again) /* ends: every execution follows an older one */
        r = look_for_outputs(records, &ids, outputs, &again);
    if (r == 0)
        *ret = json_pack("{s:O}", "outputs", outputs);
    return r;
}

/* --- what there is to say of one --- */

/* Of one that still runs: the last that was made. Of one that ended: the last that ended so. */
static const TaskRun *telling_task_run(const Execution *execution)
{
    State state = state_current(&execution->state);
    State wanted = state == STATE_FAILED ? STATE_FAILED : STATE_SUCCESS;
    for (size_t i = execution->task_runs.count; i > 0; i--) {
        const TaskRun *run = execution->task_runs.items[i - 1];
        if (!state_is_terminated(state) || state_current(&run->state) == wanted)
            return run;
    }
    return NULL;
}

static int answer_describe(const Records *records, const json_t *question, json_t **ret)
{
    _cleanup_(execution_freep) Execution *execution = NULL;
    const char *id = json_get_text(question, "executionId", "");
    usec_t now = clock_realtime();
    int r = store_execution_load(records->pg, id, &execution);
    if (r == STORE_E_NONE)
        return refuse(ret, "Unable to find execution '%s'", id);
    if (r != 0)
        return fold(r);
    json_t *body = execution_encode(execution, now);
    static const char *const large[] = {"inputs", "outputs", "variables", "trigger"};
    for (size_t i = 0; i < ELEMENTS(large); i++)
        (void)json_object_del(body, large[i]); /* or it is not there */
    *ret = json_pack("{s:o}", "execution", body);
    const TaskRun *last = telling_task_run(execution);
    if (last)
        json_object_set_new(*ret, "lastTask",
                            json_pack("{s:s,s:s,s:s}", "id", last->id, "taskId", last->task_id, "state",
                                      state_to_string(state_current(&last->state))));
    const char *url = records->server_url ? records->server_url : "";
    int length = (int)strlen(url) - ends_with(url, "/");
    if (length > 0)
        json_object_set_new(
            *ret, "link",
            json_sprintf("%.*s/ui/executions/%s/%s/%s", length, url, execution->namespace, execution->flow_id, id));
    return 0;
}

/* --- resume --- */

static const json_t *resume_declarations(const Execution *execution)
{
    for (size_t i = 0; i < execution->task_runs.count; i++) {
        const TaskRun *run = execution->task_runs.items[i];
        if (state_current(&run->state) == STATE_PAUSED && run->task)
            return json_object_get(run->task->properties, "onResume");
    }
    return NULL;
}

/* The values of onResume; INPUT_E_INVALID: *ret_answer says why. */
static int resolve(const Records *records, const Execution *execution, const Flow *flow, const json_t *given,
                   json_t **ret, json_t **ret_answer)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const ContextSource source = {.flow = flow, .execution = execution, .encryption_key = records->encryption_key};
    _cleanup_json_ json_t *variables = context_build(&source), *none = json_object();
    const ExprContext context = {.variables = variables};
    const InputResolve inputs = {
        .inputs = resume_declarations(execution),
        .given = given ? given : none,
        .context = &context,
        .encryption_key = records->encryption_key,
    };
    if (!inputs.inputs)
        return 0;
    int r = input_resolve(&inputs, ret, &diag);
    if (r > 0)
        (void)refuse(ret_answer, "%s", diag_first(&diag));
    return r;
}

static int resume_bound(const Records *records, Execution *execution, Flow *flow, const json_t *given, json_t **ret)
{
    _cleanup_json_ json_t *inputs = NULL;
    execution_bind_flow(execution, flow);
    int r = resolve(records, execution, flow, given, &inputs, ret);
    if (r != 0)
        return MIN(r, 0);
    json_t *body = json_object();
    json_set_present(body, "inputs", json_incref(inputs));
    unit_send_event(records->unit, execution->id, event_kind_to_string(EVENT_RESUME), body);
    *ret = json_object();
    return 0;
}

static int answer_resume(const Records *records, const json_t *question, json_t **ret)
{
    _cleanup_(execution_freep) Execution *execution = NULL;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    const char *id = json_get_text(question, "executionId", "");
    int r = store_execution_load(records->pg, id, &execution);
    if (r == STORE_E_NONE)
        return refuse(ret, "No execution found for execution id '%s'", id);
    if (r != 0)
        return fold(r);
    if (state_current(&execution->state) != STATE_PAUSED)
        return refuse(ret, "Execution '%s' is not paused, can't resume it", id);
    r = flow_cache_get(records->flows, records->pg, execution->namespace, execution->flow_id, execution->flow_revision,
                       &flow);
    if (r < 0)
        return trace(r);
    if (r > 0)
        return refuse(ret, "The flow of execution '%s' cannot be read", id);
    return resume_bound(records, execution, flow, json_object_get(question, "inputs"), ret);
}

/* --- namespaces --- */

static int answer_namespace(const Records *records, const json_t *question, json_t **ret)
{
    _cleanup_(texts_done) Texts namespaces = {};
    int r = store_flow_namespaces(records->pg, json_get_text(question, "namespace", ""), false, &namespaces);
    if (r == 0)
        *ret = json_pack("{s:b}", "exists", namespaces.count > 0);
    return r;
}

/* --- */

static const struct {
    const char *what;
    int (*answer)(const Records *records, const json_t *question, json_t **ret);
} answers[] = {
    {"logs", answer_logs},
    {"delete-logs", answer_delete_logs},
    {"count-executions", answer_count},
    {"find-executions", answer_find},
    {"purge-executions", answer_purge},
    {"subflow-outputs", answer_subflow_outputs},
    {"resume-execution", answer_resume},
    {"namespace-exists", answer_namespace},
    {"describe-execution", answer_describe},
};

int records_answer(const Records *records, const json_t *question, json_t **ret)
{
    const char *what = json_get_text(question, "what", "");
    for (size_t i = 0; i < ELEMENTS(answers); i++)
        if (streq(answers[i].what, what))
            return answers[i].answer(records, question, ret);
    return refuse(ret, "Unknown question: %s", what);
}
