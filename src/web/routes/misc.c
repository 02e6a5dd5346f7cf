/* SPDX-License-Identifier: Apache-2.0 */
/* Ping, configuration, usage, credentials, the OpenAPI document. */
#include "base/clock.h"
#include "store/execution_store.h"
#include "store/flow_store.h"
#include "store/setting_store.h"
#include "web/auth.h"
#include "web/routes/routes.h"

#define PREVIEW_INITIAL 100
#define PREVIEW_MAX     5000

static int get_ping(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return http_text(response, 200, "application/json", "pong");
}

/* The installation's own id, the same for all webservers. */
static int installation_id(WebSession *session, char **ret)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_json_ json_t *fresh = json_string(id), *stored = NULL;
    int r = store_setting_get_or_set(session->pg, "instance.uuid", fresh, &stored);
    if (r != 0)
        return fold(r);
    *ret = xstrdup(json_is_string(stored) ? json_string_value(stored) : "");
    return 0;
}

static void add_environment(json_t *configuration, const WebSettings *settings)
{
    if (!settings->environment_name && !settings->environment_color)
        return;
    json_t *environment = json_object();
    json_set_text(environment, "name", settings->environment_name);
    json_set_text(environment, "color", settings->environment_color);
    json_object_set_new(configuration, "environment", environment);
}

static int get_configs(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_free_ char *id = NULL;
    int r = installation_id(session, &id);
    if (r < 0)
        return trace(r);
    const WebSettings *settings = session->settings;
    json_t *configuration = json_object(), *preview = json_object(), *prefixes = json_array();
    json_set_text(configuration, "uuid", id);
    json_set_text(configuration, "version", PACKAGE_VERSION);
    json_object_set_new(configuration, "isCustomDashboardsEnabled", json_false());
    json_object_set_new(configuration, "isTaskRunEnabled", json_false());
    json_object_set_new(configuration, "isAnonymousUsageEnabled", json_false());
    json_object_set_new(configuration, "isTemplateEnabled", json_false());
    add_environment(configuration, settings);
    json_object_set_new(preview, "initial", json_integer(PREVIEW_INITIAL));
    json_object_set_new(preview, "max", json_integer(PREVIEW_MAX));
    json_object_set_new(configuration, "preview", preview);
    json_set_text(configuration, "systemNamespace", settings->system_namespace ? settings->system_namespace : "system");
    json_array_append_new(prefixes, json_string("system."));
    json_array_append_new(prefixes, json_string("internal."));
    json_object_set_new(configuration, "hiddenLabelsPrefixes", prefixes);
    json_object_set_new(configuration, "isBasicAuthEnabled", json_boolean(auth_is_enabled(session->auth)));
    return http_json(response, 200, configuration);
}

/* Counts a type used by tasks or triggers of a flow's JSON, at any depth. */
static void count_types(const json_t *value, const char *kind, json_t *counts)
{
    size_t i;
    const char *key;
    json_t *child;
    if (json_is_array(value))
        json_array_foreach (value, i, child)
            count_types(child, kind, counts);
    if (!json_is_object(value))
        return;
    const char *type = json_get_text(value, "type", NULL);
    if (type && json_object_get(value, "id"))
        json_object_set_new(counts, type, json_integer(json_get_integer(counts, type, 0) + 1));
    json_object_foreach ((json_t *)value, key, child)
        if (json_is_array(child) || json_is_object(child))
            count_types(child, kind, counts);
}

static int flow_usage(WebSession *session, json_t **ret)
{
    _cleanup_flow_records_ FlowRecords flows = {};
    _cleanup_json_ json_t *namespaces = json_object();
    int r = store_flow_list(session->pg, NULL, false, &flows);
    if (r != 0)
        return fold(r);
    json_t *usage = json_object(), *tasks = json_object(), *triggers = json_object();
    for (size_t i = 0; i < flows.count; i++) {
        _cleanup_json_ json_t *body = NULL;
        json_object_set_new(namespaces, flows.items[i].namespace, json_true());
        if (json_parse(flows.items[i].body, strlen(flows.items[i].body), 0, &body, NULL) != 0)
            continue;
        count_types(json_object_get(body, "tasks"), "task", tasks);
        count_types(json_object_get(body, "triggers"), "trigger", triggers);
    }
    json_object_set_new(usage, "count", json_integer((json_int_t)flows.count));
    json_object_set_new(usage, "namespacesCount", json_integer((json_int_t)json_object_size(namespaces)));
    json_object_set_new(usage, "taskTypeCount", tasks);
    json_object_set_new(usage, "triggerTypeCount", triggers);
    json_object_set_new(usage, "taskRunnerTypeCount", json_object());
    *ret = usage;
    return 0;
}

static json_t *configuration_usage(const Conf *conf)
{
    return json_pack("{s:s,s:s,s:s}", "repositoryType", conf ? conf_text(conf, "repository.type") : "postgres",
                     "queueType", conf ? conf_text(conf, "queue.type") : "postgres", "storageType",
                     conf ? conf_text(conf, "storage.type") : "local");
}

/* Yesterday and today. */
static int execution_usage(WebSession *session, json_t **ret)
{
    static const usec_t day = 86400 * USEC_PER_SEC;
    usec_t now = clock_realtime();
    json_t *counts = NULL;
    int r = stats_executions_by_day(session, now - now % day - day, &counts);
    if (r == 0)
        *ret = json_pack("{s:o}", "dailyExecutionsCount", counts);
    return r;
}

static int get_usages(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_free_ char *id = NULL;
    _cleanup_json_ json_t *flows = NULL, *executions = NULL;
    int r = installation_id(session, &id);
    if (r == 0)
        r = flow_usage(session, &flows);
    if (r == 0)
        r = execution_usage(session, &executions);
    if (r < 0)
        return trace(r);
    json_t *usage = json_object();
    json_set_text(usage, "uuid", id);
    json_set_text(usage, "instanceUuid", id);
    json_set_text(usage, "serverType", "WEBSERVER");
    json_set_text(usage, "version", PACKAGE_VERSION);
    json_set_text(usage, "zoneId", "UTC");
    json_object_set_new(usage, "configurations", configuration_usage(session->settings->conf));
    json_object_set_new(usage, "plugins", plugins_manifests());
    json_object_set(usage, "flows", flows);
    json_object_set(usage, "executions", executions);
    return http_json(response, 200, usage);
}

/* {uid, username, password}: username absent keeps the present one, so that root can change the password alone. */
static int post_basic_auth(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_json_ json_t *body = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (json_parse(request->body, request->body_length, 65536, &body, &diag) != 0 || !json_is_object(body))
        return http_error(request, response, 422, "Invalid json: %s", diag_first(&diag));
    int r = auth_set(session->auth, session->pg, json_get_text(body, "username", NULL),
                     json_get_text(body, "password", NULL), &diag);
    if (r == AUTH_E_INVALID)
        return http_error(request, response, 422, "Illegal argument: %s", diag_first(&diag));
    return r != 0 ? fold(r) : http_empty(response, 204);
}

static int get_openapi(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    http_json(response, 200, router_openapi(route_tables_api, route_tables_api_count));
    response->content_type = "application/yaml"; /* JSON is YAML */
    return 0;
}

#define TENANT_TOO(row_method, path, ...)                                                                              \
    {row_method, "/api/v1" path, __VA_ARGS__},                                                                         \
    {                                                                                                                  \
        row_method, "/api/v1/{tenant}" path, __VA_ARGS__                                                               \
    }

static const Route rows[] = {
    {HTTP_GET, "/ping", get_ping, PERMISSION_OPEN, NULL, "ping", .produces = "*/*"},
    TENANT_TOO(HTTP_GET, "/configs", get_configs, PERMISSION_SETTING_READ, NULL, "configuration"),
    TENANT_TOO(HTTP_GET, "/usages/all", get_usages, PERMISSION_SETTING_READ, NULL, "usages"),
    TENANT_TOO(HTTP_POST, "/basicAuth", post_basic_auth, PERMISSION_SETTING_WRITE, NULL, "createBasicAuth",
               "application/json"),
    {HTTP_GET, "/swagger/kestra.yml", get_openapi, PERMISSION_UI, NULL, "openapi", .produces = "application/yaml"},
};
const RouteTable routes_misc = ROUTE_TABLE("Misc", rows);
