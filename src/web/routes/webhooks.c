/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks (spec/api.md 5.1.2). The key in the path is the secret, so the route needs no login and the comparison takes
 * the same time whatever the key is.
 */
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/id.h"
#include "model/context.h"
#include "model/input.h"
#include "plugin/condition.h"
#include "web/routes/execution_inputs.h"
#include "web/routes/execution_start.h"
#include "web/routes/routes.h"
#include "web/routes/storage.h"
#include "web/routes/webhooks.h"
#include "web/secret_keys.h"

#define WEBHOOK_TYPE "io.kestra.plugin.core.trigger.Webhook"

/* A key with a secret in it is rendered with a mark in its place: what is around the mark is compared here, the secret
 * itself by secret_keys_check(). */
typedef struct Wanted {
    char *text; /* rendered and trimmed; NULL: it cannot be rendered */
    char mark[ID_BYTES];
    char *secret; /* its name; NULL: there is none in it */
    bool several; /* of different names: such a key is none */
} Wanted;

static void wanted_done(Wanted *wanted)
{
    free(wanted->text);
    free(wanted->secret);
}

static int note_secret(void *userdata, const char *name, char **ret_text, Diag *diag)
{
    Wanted *wanted = userdata;
    wanted->several = wanted->several || (wanted->secret && !streq(wanted->secret, name));
    if (!wanted->secret)
        wanted->secret = xstrdup(name);
    *ret_text = xstrdup(wanted->mark);
    return 0;
}

static void render_key(const WebSession *session, const Flow *flow, const Trigger *trigger, Wanted *ret)
{
    *ret = (Wanted){};
    id_new(ret->mark);
    ContextSource source = {.flow = flow, .globals = session->settings->globals, .envs = session->settings->envs};
    const ExprServices services = {.userdata = ret, .secret = note_secret};
    _cleanup_json_ json_t *variables = context_build(&source);
    ExprContext context = {.variables = variables, .services = &services};
    _cleanup_free_ char *text = NULL;
    if (expr_tree_render_text(expr_tree_get(trigger->templates, "key"), &context, &text, NULL) != 0 || !text)
        return;
    const char *begin = text + strspn(text, " \t\r\n");
    size_t length = strlen(begin);
    while (length > 0 && strchr(" \t\r\n", begin[length - 1]))
        length--;
    ret->text = xstrndup(begin, length);
}

static bool is_equal(const char *a, const char *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}

/* 0, SECRET_KEYS_E_OTHER, or an outage: no worker can say. */
static int check_secret(const WebSession *session, const Wanted *wanted, const char *key)
{
    _cleanup_(blob_freep) Blob *gateway = NULL;
    const char *at = strstr(wanted->text, wanted->mark), *behind = at ? at + strlen(wanted->mark) : NULL;
    size_t length = strlen(key);
    if (!at || wanted->several || strstr(behind, wanted->mark))
        return SECRET_KEYS_E_OTHER; /* changed by a filter, or there twice: it cannot be told apart */
    size_t before = (size_t)(at - wanted->text), after = strlen(behind);
    if (length <= before + after || !is_equal(key, wanted->text, before) ||
        !is_equal(key + length - after, behind, after))
        return SECRET_KEYS_E_OTHER;
    int r = storage_open(session, &gateway);
    return r == 0
               ? secret_keys_check(session->secret_keys, gateway, wanted->secret, key + before, length - before - after)
               : fold(r);
}

static int check_key(const WebSession *session, const Wanted *wanted, const char *key)
{
    size_t length = strlen(key);
    if (!wanted->text)
        return SECRET_KEYS_E_OTHER;
    if (wanted->secret)
        return check_secret(session, wanted, key);
    return strlen(wanted->text) == length && is_equal(wanted->text, key, length) ? 0 : SECRET_KEYS_E_OTHER;
}

/* *ret NULL: no trigger has this key. Outage: one may have it, and no worker says so. */
static int find_trigger(const WebSession *session, const Flow *flow, const char *key, const Trigger **ret)
{
    int outage = 0;
    *ret = NULL;
    for (size_t i = 0; i < flow->trigger_count; i++) {
        const Trigger *trigger = &flow->triggers[i];
        if (!trigger->type || !streq(trigger->type->name, WEBHOOK_TYPE))
            continue;
        _cleanup_(wanted_done) Wanted wanted;
        render_key(session, flow, trigger, &wanted);
        int r = check_key(session, &wanted, key);
        if (r == 0 && !*ret)
            *ret = trigger;
        outage = r < 0 ? r : outage;
    }
    return *ret ? 0 : outage;
}

static int compare_names(const void *a, const void *b)
{
    const char *first = *(const char *const *)a, *second = *(const char *const *)b;
    size_t m = strlen(first), n = strlen(second);
    return m != n ? (m < n ? -1 : 1) : strcmp(first, second);
}

/* The same members, short names first, as PostgreSQL's jsonb gives them back to Kestra's expressions. */
static json_t *in_jsonb_order(json_t *groups)
{
    size_t count = json_object_size(groups), n = 0;
    const char **names = xnew_n(const char *, count + 1), *name;
    json_t *sorted = json_object(), *values;
    json_object_foreach (groups, name, values)
        names[n++] = name;
    qsort(names, n, sizeof(*names), compare_names);
    for (size_t i = 0; i < n; i++)
        json_object_set(sorted, names[i], json_object_get(groups, names[i]));
    free(names);
    json_decref(groups);
    return sorted;
}

/* {name: [values]} */
static json_t *group_fields(const HttpFields *fields)
{
    json_t *groups = json_object();
    for (size_t i = 0; i < fields->count; i++) {
        const HttpField *field = &fields->items[i];
        json_t *value = json_string(field->value);
        json_t *values = json_object_get(groups, field->name);
        if (!value)
            continue; /* bytes that are no text */
        if (!values) {
            values = json_array();
            json_object_set_new(groups, field->name, values);
        }
        json_array_append_new(values, value);
    }
    return in_jsonb_order(groups);
}

/* A JSON object or array, else the raw text. NULL for an empty body or one that is no text. */
static json_t *read_body(const HttpRequest *request)
{
    json_t *body = NULL;
    if (request->body_length == 0)
        return NULL;
    if (json_parse(request->body, request->body_length, 0, &body, NULL) == 0 &&
        (json_is_object(body) || json_is_array(body)))
        return body;
    json_decref(body);
    return json_stringn(request->body, request->body_length);
}

json_t *webhook_variables(const HttpRequest *request)
{
    json_t *variables = json_object();
    json_set_present(variables, "body", read_body(request));
    json_object_set_new(variables, "headers", group_fields(&request->headers));
    json_object_set_new(variables, "parameters", group_fields(&request->query));
    return variables;
}

/* Whether the trigger's conditions hold; one that cannot be evaluated does not (Kestra: ConditionService.isValid). */
static bool conditions_allow(const WebSession *session, const Flow *flow, const Trigger *trigger,
                             const Execution *execution)
{
    const json_t *conditions = json_object_get(trigger->properties, "conditions");
    if (!json_array_size(conditions))
        return true;
    ContextSource source = {
        .flow = flow, .execution = execution, .globals = session->settings->globals, .envs = session->settings->envs};
    _cleanup_json_ json_t *variables = context_build(&source);
    const ExprContext render = {.variables = variables};
    const ConditionContext context = {.render = &render, .flow = flow, .execution = execution};
    bool holds = false;
    return conditions_hold(conditions, &context, &holds, NULL) == 0 && holds;
}

/* The execution's inputs: those that the trigger names, rendered with the request's values and then checked as any
 * given input is; else the defaults. Positive: answered. */
static int take_inputs(WebSession *session, const HttpRequest *request, HttpResponse *response, const Flow *flow,
                       const Trigger *trigger, Execution *execution)
{
    ContextSource source = {
        .flow = flow, .execution = execution, .globals = session->settings->globals, .envs = session->settings->envs};
    _cleanup_json_ json_t *variables = context_build(&source), *given = NULL;
    const ExprContext render = {.variables = variables};
    const ExprTree *tree = expr_tree_get(trigger->templates, "inputs");
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!flow->inputs)
        return 0;
    _cleanup_json_ json_t *defaults = input_defaults(flow->inputs, NULL);
    int r =
        tree ? expr_tree_render(tree, &render, &given, &diag) : input_defaults_render(defaults, &render, true, &diag);
    if (r == 0 && !tree && json_object_size(defaults))
        execution->inputs = json_incref(defaults);
    if (r > 0)
        (void)http_invalid(request, response, "inputs", "%s", diag_first(&diag)); /* it is the answer */
    if (r != 0 || !tree)
        return r;
    return execution_inputs_resolve(session, request, response, execution, flow, flow->inputs, given,
                                    &execution->inputs);
}

/* How it answers when it waits. */
static ExecutionHook read_hook(const WebSession *session, const Flow *flow, const Trigger *trigger,
                               const Execution *execution)
{
    ContextSource source = {
        .flow = flow, .execution = execution, .globals = session->settings->globals, .envs = session->settings->envs};
    _cleanup_json_ json_t *variables = context_build(&source);
    const ExprContext render = {.variables = variables};
    _cleanup_free_ char *code = NULL;
    if (expr_tree_render_text(expr_tree_get(trigger->templates, "responseCode"), &render, &code, NULL) != 0)
        code = NULL;
    intmax_t status = code ? strtoimax(code, NULL, 10) : 0;
    return (ExecutionHook){
        .gives_outputs = json_get_boolean(trigger->properties, "returnOutputs", false),
        .is_plain = streq(json_get_text(trigger->properties, "responseContentType", ""), "text/plain"),
        .status = status >= 200 && status <= 599 ? (int)status : 0,
    };
}

static int call(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    int r;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    r = flow_cache_get(session->flows, session->pg, http_parameter(request, "namespace"), http_parameter(request, "id"),
                       0, &flow);
    if (r == STORE_E_NONE)
        return http_reason(request, response, 404, "Flow not found");
    if (r == FLOW_CACHE_E_BROKEN)
        return http_error(request, response, 409, "Illegal state: Cannot execute an invalid flow");
    if (r != 0)
        return fold(r);
    if (flow->disabled)
        return http_error(request, response, 409, "Illegal state: Cannot execute a disabled flow");
    const Trigger *trigger;
    r = find_trigger(session, flow, http_parameter(request, "key"), &trigger);
    if (r < 0)
        return storage_refuse(request, response, r);
    if (!trigger)
        return http_reason(request, response, 404, "Webhook not found");
    _cleanup_json_ json_t *source = json_object();
    json_set_text(source, "id", trigger->id);
    json_set_text(source, "type", trigger->type_name);
    json_object_set_new(source, "variables", webhook_variables(request));
    char id[ID_BYTES];
    usec_t now = clock_realtime();
    id_new(id);
    ExecutionStart start = {.flow = flow, .trigger = source};
    _cleanup_(execution_freep) Execution *execution = execution_start_new(&start, id, now);
    if (!conditions_allow(session, flow, trigger, execution))
        return http_empty(response, 204);
    r = take_inputs(session, request, response, flow, trigger, execution);
    if (r != 0)
        return MIN(r, 0);
    const ExecutionHook hook = read_hook(session, flow, trigger, execution);
    start.wait = json_get_boolean(trigger->properties, "wait", false);
    start.hook = &hook;
    return execution_start_answer(session, request, &start, execution, now, false, response);
}

#define HOOK "/api/v1/executions/webhook/{namespace}/{id}/{key}"
static const Route rows[] = {
    {HTTP_POST, HOOK, call, PERMISSION_OPEN, NULL, "webhookTriggerPost", .pool = ROUTE_POOL_WEBHOOK},
    {HTTP_GET, HOOK, call, PERMISSION_OPEN, NULL, "webhookTriggerGet", .pool = ROUTE_POOL_WEBHOOK},
    {HTTP_PUT, HOOK, call, PERMISSION_OPEN, NULL, "webhookTriggerPut", .pool = ROUTE_POOL_WEBHOOK},
};
const RouteTable routes_webhooks = ROUTE_TABLE("Executions", rows);
