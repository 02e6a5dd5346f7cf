/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing triggers (spec/api.md 5.3). Their rows are written by schedulers alone, so this side makes the change on a
 * copy, which refuses what cannot be and gives the answer, sends it as a command, and lets the answer wait a moment
 * until it is done (follow.h), so that a client which reads next reads its own write. When no scheduler is there to do
 * it, the answer is given all the same: the command is committed and will be done.
 */
#include "base/clock.h"
#include "plugin/schedule.h"
#include "store/trigger_store.h"
#include "web/routes/execution_common.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

/* One change of one trigger, from the request to the answer. */
typedef struct Change {
    const char *namespace, *flow_id, *trigger_id;
    const char *kind;
    const json_t *arguments; /* or NULL */
    json_t *answer;          /* the row as it will be; owned */
    Diag diag;
} Change;

typedef enum ChangeOutcome {
    CHANGE_DONE,
    CHANGE_MISSING, /* no such flow, trigger or row */
    CHANGE_REFUSED, /* 400 */
    CHANGE_STATE,   /* 409 */
} ChangeOutcome;

static void change_done(Change *change)
{
    json_decref(change->answer);
    diag_done(&change->diag);
}

static const Trigger *find_trigger(const Flow *flow, const char *id)
{
    for (size_t i = 0; i < flow->trigger_count; i++)
        if (streq(flow->triggers[i].id, id))
            return &flow->triggers[i];
    return NULL;
}

/* The change on a copy, and the command into the unit. Negative: outage. */
static int prepare(WebSession *session, Change *change, Unit *unit, ChangeOutcome *ret)
{
    _cleanup_trigger_record_ TriggerRecord record = {};
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    _cleanup_(schedule_freep) Schedule *schedule = NULL;
    *ret = CHANGE_MISSING;
    int r = store_trigger_get(session->pg, change->namespace, change->flow_id, change->trigger_id, &record);
    if (r == 0)
        r = flow_cache_get(session->flows, session->pg, change->namespace, change->flow_id, 0, &flow);
    if (r != 0)
        return MIN(r, 0);
    const Trigger *trigger = find_trigger(flow, change->trigger_id);
    if (!trigger || !schedule_slots_has(trigger->type))
        return 0;
    const ScheduleWorld world = {.globals = session->settings->globals, .envs = session->settings->envs};
    usec_t now = clock_realtime();
    r = schedule_new(flow, trigger, record.body, now, &world, &schedule, &change->diag);
    if (r == 0)
        r = schedule_change(schedule, change->kind, change->arguments, now, &change->diag);
    if (r < 0)
        return trace(r);
    *ret = r == 0 ? CHANGE_DONE : r == SCHEDULE_E_STATE ? CHANGE_STATE : CHANGE_REFUSED;
    if (r != 0)
        return 0;
    change->answer = schedule_encode(schedule);
    unit_send_trigger_command(unit, change->namespace, change->flow_id, change->trigger_id, change->kind,
                              json_incref((json_t *)change->arguments));
    return 0;
}

/* Until the last of what is left has no command that waits; *ret_done then. */
static int look_at_last(const Follow *follow, WebSession *session, const json_t **ret_last, bool *ret_done)
{
    const json_t *last = *ret_last = json_array_get(follow->left, json_array_size(follow->left) - 1);
    bool waits = true;
    int r =
        store_trigger_command_waits(session->pg, json_get_text(last, "namespace", ""),
                                    json_get_text(last, "flowId", ""), json_get_text(last, "triggerId", ""), &waits);
    *ret_done = !waits;
    return trace(r);
}

static int look_for_all(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    bool done = true;
    int r = 0;
    while (r == 0 && done && json_array_size(follow->left)) {
        const json_t *last;
        r = look_at_last(follow, session, &last, &done);
        if (r == 0 && done)
            json_array_remove(follow->left, json_array_size(follow->left) - 1);
    }
    *ret_end = json_array_size(follow->left) == 0;
    return r;
}

/* The answer is the row as it is then. */
static int look_for_row(Follow *follow, WebSession *session, Buffer *text, bool *ret_end)
{
    const json_t *last;
    int r = look_at_last(follow, session, &last, ret_end);
    if (r != 0 || !*ret_end)
        return r;
    _cleanup_trigger_record_ TriggerRecord record = {};
    r = store_trigger_get(session->pg, json_get_text(last, "namespace", ""), json_get_text(last, "flowId", ""),
                          json_get_text(last, "triggerId", ""), &record);
    if (r == 0)
        json_append(text, record.body);
    return MIN(r, 0);
}

static void await_change(Follow *follow, const Change *change)
{
    json_t *item = json_object();
    json_set_text(item, "namespace", change->namespace);
    json_set_text(item, "flowId", change->flow_id);
    json_set_text(item, "triggerId", change->trigger_id);
    json_array_append_new(follow->left, item);
}

static Follow *new_follow(int (*refresh)(Follow *, WebSession *, Buffer *, bool *))
{
    Follow *follow = follow_moment("", refresh);
    follow->left = json_array();
    return follow;
}

/* --- one trigger --- */

static int answer_one(WebSession *session, const HttpRequest *request, HttpResponse *response, Change *change)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    ChangeOutcome outcome;
    int r = prepare(session, change, unit, &outcome);
    if (r < 0)
        return trace(r);
    if (outcome == CHANGE_MISSING)
        return http_not_found(request, response);
    if (outcome == CHANGE_STATE)
        return http_error(request, response, 409, "Illegal state: %s", diag_first(&change->diag));
    if (outcome == CHANGE_REFUSED)
        return http_reason(request, response, 400, "%s", diag_first(&change->diag));
    r = execution_commit(session, unit);
    if (r < 0)
        return trace(r);
    response->follow = new_follow(look_for_row);
    await_change(response->follow, change);
    return http_json(response, 200, json_incref(change->answer));
}

/* The trigger that the body names. */
static int change_of_body(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *kind)
{
    _cleanup_json_ json_t *body = NULL;
    if (!query_body(request, response, &body))
        return 0;
    _cleanup_(change_done) Change change = {.namespace = json_get_text(body, "namespace", ""),
                                            .flow_id = json_get_text(body, "flowId", ""),
                                            .trigger_id = json_get_text(body, "triggerId", ""),
                                            .kind = kind,
                                            .arguments = body};
    return answer_one(session, request, response, &change);
}

static int change_of_path(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *kind)
{
    _cleanup_(change_done) Change change = {.namespace = http_parameter(request, "namespace"),
                                            .flow_id = http_parameter(request, "flowId"),
                                            .trigger_id = http_parameter(request, "triggerId"),
                                            .kind = kind};
    return answer_one(session, request, response, &change);
}

static int update(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_body(session, request, response, "update");
}

static int backfill_pause(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_body(session, request, response, "backfillPause");
}

static int backfill_unpause(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_body(session, request, response, "backfillUnpause");
}

static int backfill_delete(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_body(session, request, response, "backfillDelete");
}

static int unlock(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_path(session, request, response, "unlock");
}

static int restart(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_path(session, request, response, "restart");
}

/* --- many triggers --- */

/* The same change of all triggers of a list; those that it does not fit are left out of the count. */
static int change_all(WebSession *session, HttpResponse *response, const json_t *triggers, const char *kind,
                      const json_t *arguments)
{
    _cleanup_(unit_freep) Unit *unit = unit_new();
    VEC(Change) changes = {};
    size_t i, count = 0;
    const json_t *item;
    int r = 0;
    json_array_foreach (triggers, i, item) {
        Change change = {.namespace = json_get_text(item, "namespace", ""),
                         .flow_id = json_get_text(item, "flowId", ""),
                         .trigger_id = json_get_text(item, "triggerId", ""),
                         .kind = kind,
                         .arguments = arguments};
        ChangeOutcome outcome;
        r = prepare(session, &change, unit, &outcome);
        if (r == 0 && outcome == CHANGE_DONE)
            vec_push(&changes, change);
        else
            change_done(&change);
        if (r < 0)
            break;
    }
    count = changes.count;
    if (r == 0 && count > 0)
        r = execution_commit(session, unit);
    if (r == 0 && count > 0)
        response->follow = new_follow(look_for_all);
    for (size_t j = 0; j < count; j++) {
        if (response->follow)
            await_change(response->follow, &changes.items[j]);
        change_done(&changes.items[j]);
    }
    vec_free(&changes);
    return r == 0 ? query_count(response, count) : r;
}

/* Rows of the parameters q and namespace. Positive: answered. */
static int select_rows(WebSession *session, const HttpRequest *request, HttpResponse *response, json_t **ret)
{
    const char *q = http_query(request, "q"), *namespace = http_query(request, "namespace");
    TriggerQuery query = {.q = q && *q ? q : NULL, .namespace = namespace && *namespace ? namespace : NULL};
    query.filters = query_filters(request, &query.filter_count);
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = store_trigger_search(session->pg, &query, &page, &diag);
    if (r == STORE_E_QUERY)
        return query_refused(request, response, r, &diag), 1;
    json_t *rows = json_array();
    for (size_t i = 0; r == 0 && i < page.bodies.count; i++) {
        json_t *row = NULL;
        r = json_parse(page.bodies.items[i], strlen(page.bodies.items[i]), 0, &row, NULL);
        if (r == 0)
            json_array_append_new(rows, row);
    }
    if (r == 0)
        *ret = rows;
    else
        json_decref(rows);
    return r == 0 ? 0 : fold(r);
}

static int change_of_query(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *kind,
                           const json_t *arguments)
{
    _cleanup_json_ json_t *rows = NULL;
    int r = select_rows(session, request, response, &rows);
    return r != 0 ? MIN(r, 0) : change_all(session, response, rows, kind, arguments);
}

/* What /backfill/<verb>/… asks for. */
static const struct {
    const char *path, *kind;
} bulk_kinds[] = {
    {"/backfill/pause/", "backfillPause"},
    {"/backfill/unpause/", "backfillUnpause"},
    {"/backfill/delete/", "backfillDelete"},
    {"/unlock/", "unlock"},
};

static const char *bulk_kind(const HttpRequest *request)
{
    for (size_t i = 0; i < ELEMENTS(bulk_kinds); i++)
        if (strstr(request->path, bulk_kinds[i].path))
            return bulk_kinds[i].kind;
    return "";
}

static int bulk_by_triggers(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_json_ json_t *triggers = NULL;
    if (!query_body(request, response, &triggers))
        return 0;
    return change_all(session, response, triggers, bulk_kind(request), NULL);
}

static int bulk_by_query(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return change_of_query(session, request, response, bulk_kind(request), NULL);
}

static int set_disabled_by_triggers(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_json_ json_t *body = NULL;
    if (!query_body(request, response, &body))
        return 0;
    _cleanup_json_ json_t *arguments = json_pack("{s:b}", "disabled", json_get_boolean(body, "disabled", false));
    return change_all(session, response, json_object_get(body, "triggers"), "setDisabled", arguments);
}

static int set_disabled_by_query(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_json_ json_t *arguments = json_pack("{s:b}", "disabled", http_query_boolean(request, "disabled", true));
    return change_of_query(session, request, response, "setDisabled", arguments);
}

static const Parameter query_parameters[] = {
    {"q", PARAMETER_TEXT}, {"namespace", PARAMETER_TEXT}, {"filters", PARAMETER_FILTERS}, {}};
static const Parameter disabled_parameters[] = {{"q", PARAMETER_TEXT},
                                                {"namespace", PARAMETER_TEXT},
                                                {"disabled", PARAMETER_BOOLEAN},
                                                {"filters", PARAMETER_FILTERS},
                                                {}};

#define TRIGGERS "/api/v1/triggers"
#define TRIGGER  TRIGGERS "/{namespace}/{flowId}/{triggerId}"
#define WRITE    PERMISSION_TRIGGER_WRITE
static const Route rows[] = {
    {HTTP_PUT, TRIGGERS, update, WRITE, NULL, "update"},
    {HTTP_POST, TRIGGER "/unlock", unlock, WRITE, NULL, "unlock"},
    {HTTP_POST, TRIGGER "/restart", restart, WRITE, NULL, "restart"},
    {HTTP_POST, TRIGGERS "/unlock/by-triggers", bulk_by_triggers, WRITE, NULL, "unlockByIds"},
    {HTTP_POST, TRIGGERS "/unlock/by-query", bulk_by_query, WRITE, query_parameters, "unlockByQuery"},
    {HTTP_PUT, TRIGGERS "/backfill/pause", backfill_pause, WRITE, NULL, "pauseBackfill"},
    {HTTP_PUT, TRIGGERS "/backfill/unpause", backfill_unpause, WRITE, NULL, "unpauseBackfill"},
    {HTTP_POST, TRIGGERS "/backfill/delete", backfill_delete, WRITE, NULL, "deleteBackfill"},
    {HTTP_POST, TRIGGERS "/backfill/pause/by-triggers", bulk_by_triggers, WRITE, NULL, "pauseBackfillByIds"},
    {HTTP_POST, TRIGGERS "/backfill/unpause/by-triggers", bulk_by_triggers, WRITE, NULL, "unpauseBackfillByIds"},
    {HTTP_POST, TRIGGERS "/backfill/delete/by-triggers", bulk_by_triggers, WRITE, NULL, "deleteBackfillByIds"},
    {HTTP_POST, TRIGGERS "/backfill/pause/by-query", bulk_by_query, WRITE, query_parameters, "pauseBackfillByQuery"},
    {HTTP_POST, TRIGGERS "/backfill/unpause/by-query", bulk_by_query, WRITE, query_parameters,
     "unpauseBackfillByQuery"},
    {HTTP_POST, TRIGGERS "/backfill/delete/by-query", bulk_by_query, WRITE, query_parameters, "deleteBackfillByQuery"},
    {HTTP_POST, TRIGGERS "/set-disabled/by-triggers", set_disabled_by_triggers, WRITE, NULL, "disabledTriggersByIds"},
    {HTTP_POST, TRIGGERS "/set-disabled/by-query", set_disabled_by_query, WRITE, disabled_parameters,
     "disabledTriggersByQuery"},
};
const RouteTable routes_trigger_changes = ROUTE_TABLE("Triggers", rows);
