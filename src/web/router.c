/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns are cut into segments once; a request is compared with every row, and among the rows that fit the one with
 * the fewest variables wins ("/executions/search" before "/executions/{executionId}"), the earlier one of equals. With
 * some 150 rows that is a few microseconds, so there is no tree.
 *
 * The tenant segment that current clients put after /api/v1 ("main") is dropped before matching.
 */
#include "web/router.h"

#include <strings.h>

#include "model/log_entry.h"
#include "model/state.h"
#include "when/duration.h"

#define SEGMENTS_MAX 12

typedef struct Segments {
    const char *texts[SEGMENTS_MAX];
    unsigned count;
} Segments;

typedef struct Row {
    const Route *route;
    Segments segments; /* variables begin with '{' and keep their name without the brace at the end */
    unsigned variables;
} Row;

struct Router {
    Arena *arena;
    VEC(Row) rows;
    const char *context_path;
};

/* False when there are too many segments to be any of ours. */
static bool split_path(Arena *arena, const char *path, Segments *ret)
{
    ret->count = 0;
    while (*path) {
        path += *path == '/';
        size_t length = strcspn(path, "/");
        if (length == 0 && !*path)
            return true;
        if (ret->count == SEGMENTS_MAX)
            return false;
        ret->texts[ret->count++] = arena_strndup(arena, path, length);
        path += length;
    }
    return true;
}

static void add_row(Router *router, const Route *route)
{
    Row row = {.route = route};
    split_path(router->arena, route->pattern, &row.segments);
    for (unsigned i = 0; i < row.segments.count; i++) {
        const char *text = row.segments.texts[i];
        if (text[0] != '{')
            continue;
        row.segments.texts[i] = arena_strndup(router->arena, text, strlen(text) - 1);
        row.variables++;
    }
    vec_push(&router->rows, row);
}

Router *router_new(const RouteTable *const *tables, size_t count, const char *context_path)
{
    Router *router = xnew(Router);
    router->arena = arena_new();
    router->context_path = arena_strdup(router->arena, context_path ? context_path : "");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < tables[i]->count; j++)
            add_row(router, &tables[i]->routes[j]);
    return router;
}

Router *router_free(Router *router)
{
    if (!router)
        return NULL;
    vec_free(&router->rows);
    arena_free(router->arena);
    free(router);
    return NULL;
}

/* A variable ending in '*' ("{path*}") takes the rest of the path. */
static bool is_rest(const char *variable)
{
    return variable[0] == '{' && variable[strlen(variable) - 1] == '*';
}

static bool row_fits(const Row *row, const Segments *path)
{
    unsigned n = row->segments.count;
    bool rest = n > 0 && is_rest(row->segments.texts[n - 1]);
    if (rest ? path->count < n - 1 : path->count != n)
        return false;
    for (unsigned i = 0; i < n - rest; i++) {
        const char *want = row->segments.texts[i];
        if (want[0] == '{' ? path->texts[i][0] == '\0' : !streq(want, path->texts[i]))
            return false;
    }
    return true;
}

/* False for a broken escape. */
static bool store_parameters(const Row *row, const Segments *path, HttpRequest *request)
{
    request->parameter_count = 0;
    for (unsigned i = 0; i < row->segments.count; i++) {
        const char *variable = row->segments.texts[i];
        if (variable[0] != '{' || request->parameter_count == HTTP_PARAMETERS_MAX)
            continue;
        HttpField field = {.name = variable + 1};
        if (is_rest(variable)) {
            field.name = arena_strndup(request->arena, variable + 1, strlen(variable) - 2);
            Buffer rest = {};
            for (unsigned j = i; j < path->count; j++)
                buffer_printf(&rest, "%s%s", j > i ? "/" : "", path->texts[j]);
            field.value = http_decode(request->arena, buffer_text(&rest), rest.length, false);
            buffer_done(&rest);
        } else {
            field.value = http_decode(request->arena, path->texts[i], strlen(path->texts[i]), false);
        }
        if (!field.value)
            return false;
        request->parameters[request->parameter_count++] = field;
    }
    return true;
}

/* As flows spell them, and in storage a path: nothing else gets to a handler. */
#define NAMESPACE_STARTS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
static bool is_namespace(const char *text)
{
    return strspn(text, NAMESPACE_STARTS) > 0 && !text[strspn(text, NAMESPACE_STARTS "._-")];
}

/* False: answered. */
static bool check_namespace(const HttpRequest *request, HttpResponse *response)
{
    for (unsigned i = 0; i < request->parameter_count; i++) {
        const HttpField *field = &request->parameters[i];
        if (!streq(field->name, "namespace") || is_namespace(field->value))
            continue;
        http_error(request, response, 422, "Illegal argument: '%s' is no namespace", field->value);
        return false;
    }
    return true;
}

static const struct {
    HttpMethod method;
    const char *name;
} method_names[] = {
    {HTTP_GET, "HEAD"}, {HTTP_GET, "GET"},     {HTTP_POST, "POST"},
    {HTTP_PUT, "PUT"},  {HTTP_PATCH, "PATCH"}, {HTTP_DELETE, "DELETE"},
};

static void answer_method(HttpRequest *request, HttpResponse *response, unsigned allowed)
{
    Buffer names = {};
    for (size_t i = 0; i < ELEMENTS(method_names); i++)
        if (allowed & method_names[i].method)
            buffer_printf(&names, "%s%s", names.length ? ", " : "", method_names[i].name);
    http_response_header(response, "Allow", arena_strdup(request->arena, buffer_text(&names)));
    http_reason(request, response, 405, "Method [%s] not allowed for URI [%s]. Allowed methods: [%s]",
                request->method_name, request->path, buffer_text(&names));
    buffer_done(&names);
}

/* True when `type` ("text/plain") stands in the comma-separated list, which may hold wildcards. */
static bool list_has_type(const char *list, const char *type)
{
    while (*list) {
        list += strspn(list, ", \t");
        size_t length = strcspn(list, ",; \t");
        if (length == 3 && strncmp(list, "*/*", 3) == 0)
            return true;
        if (length > 2 && strncmp(list + length - 2, "/*", 2) == 0 && strncasecmp(list, type, length - 1) == 0)
            return true;
        if (length == strlen(type) && strncasecmp(list, type, length) == 0)
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

static bool accepts(const HttpRequest *request, const Route *route)
{
    const char *accept = http_header(request, "Accept");
    if (!accept || !*accept || list_has_type(accept, "application/json"))
        return true;
    const char *produces = route->produces ? route->produces : "application/json";
    return list_has_type(accept, produces) || list_has_type(produces, accept);
}

/* What any page may send without asking: only where a route says that it is meant. No page gets to the unix socket,
 * where the rings of other roles have no type. */
static bool is_simple(const char *type)
{
    return !type || list_has_type("text/plain, application/x-www-form-urlencoded, multipart/form-data", type);
}

static bool content_fits(const Route *route, const HttpRequest *request, const char *type)
{
    bool guarded = request->method == HTTP_POST && request->body_length > 0 && !request->local &&
                   route->permission != PERMISSION_OPEN;
    if (route->consumes)
        return type ? list_has_type(route->consumes, type) : !guarded;
    return !guarded || !is_simple(type);
}

/* Drops the context path and the tenant. NULL when the path is outside the context path. */
static const char *local_path(const Router *router, const HttpRequest *request)
{
    static const char tenant[] = "/api/v1/main/";
    const char *path = request->path;
    size_t prefix = strlen(router->context_path);
    if (prefix > 0) {
        if (strncmp(path, router->context_path, prefix) != 0 || (path[prefix] && path[prefix] != '/'))
            return NULL;
        path += prefix;
    }
    if (starts_with(path, tenant))
        return arena_printf(request->arena, "/api/v1/%s", path + sizeof(tenant) - 1);
    return path;
}

const Route *router_match(const Router *router, HttpRequest *request, HttpResponse *response)
{
    Segments path;
    const Row *best = NULL, *other_content = NULL;
    unsigned allowed = 0;
    const char *local = local_path(router, request);
    const char *type = http_media_type(request);
    if (!local || !split_path(request->arena, local, &path)) {
        http_not_found(request, response);
        return NULL;
    }
    for (size_t i = 0; i < router->rows.count; i++) {
        const Row *row = &router->rows.items[i];
        if (!row_fits(row, &path))
            continue;
        allowed |= row->route->method;
        if (row->route->method != request->method)
            continue;
        const Row **place = content_fits(row->route, request, type) ? &best : &other_content;
        if (!*place || row->variables < (*place)->variables)
            *place = row;
    }
    if (best && !accepts(request, best->route))
        http_reason(request, response, 406, "Specified Accept Types [%s] not supported. Supported types: [%s]",
                    http_header(request, "Accept"), best->route->produces ? best->route->produces : "application/json");
    else if (best && !store_parameters(best, &path, request))
        http_reason(request, response, 400, "Malformed URI: %s", request->path);
    else if (best && check_namespace(request, response))
        return best->route;
    else if (best)
        return NULL;
    else if (other_content)
        http_reason(request, response, 415, "Content Type [%s] not allowed. Allowed types: [%s]", type ? type : "none",
                    other_content->route->consumes ? other_content->route->consumes
                                                   : "application/json, application/x-yaml");
    else if (allowed)
        answer_method(request, response, allowed);
    else
        http_not_found(request, response);
    return NULL;
}

/* --- query parameters: one check a kind; each returns why the value does not fit, or NULL --- */

static const char *check_text(const char *value)
{
    return NULL;
}

static const char *check_integer(const char *value)
{
    int64_t integer;
    return http_parse_integer(value, &integer) == 0 ? NULL : "not an integer";
}

static const char *check_state(const char *value)
{
    return state_from_string(value) >= 0 ? NULL : "No enum constant io.kestra.core.models.flows.State.Type";
}

static const char *check_level(const char *value)
{
    return log_level_from_string(value) >= 0 ? NULL : "No enum constant org.slf4j.event.Level";
}

static const char *check_scope(const char *value)
{
    return streq(value, "USER") || streq(value, "SYSTEM") ? NULL : "No enum constant FlowScope";
}

static const char *check_child(const char *value)
{
    return streq(value, "CHILD") || streq(value, "MAIN") ? NULL : "No enum constant ChildFilter";
}

static const char *check_date(const char *value)
{
    usec_t date;
    return http_parse_date(value, &date) == 0 ? NULL : "Text could not be parsed as a date";
}

static const char *check_duration(const char *value)
{
    usec_t duration;
    const char *text = *value == '-' ? value + 1 : value;
    return duration_parse(text, &duration) == 0 ? NULL : "Text cannot be parsed to a Duration";
}

static const char *check_sort(const char *value)
{
    const char *colon = strchr(value, ':');
    return colon && colon > value && colon[1] && !strchr(colon + 1, ':') ? NULL : "Invalid sort parameter";
}

static const char *check_labels(const char *value)
{
    size_t key = strcspn(value, ": ");
    const char *rest = value + key + strspn(value + key, ": ");
    return key > 0 && *rest ? NULL : "Invalid queryString parameter";
}

/* Checked by name, in check_filters. */
static const char *check_filters_value(const char *value)
{
    return NULL;
}

/* `reason`: answered as 422 "Unprocessable Entity: <text>", others as a failed conversion. `split`: comma-joined. */
static const struct {
    const char *(*check)(const char *value);
    bool split, reason;
} kinds[_PARAMETER_KIND_MAX] = {
    [PARAMETER_TEXT] = {check_text},
    [PARAMETER_INTEGER] = {check_integer},
    [PARAMETER_BOOLEAN] = {check_text},
    [PARAMETER_STATE] = {check_state, .split = true},
    [PARAMETER_LEVEL] = {check_level},
    [PARAMETER_SCOPE] = {check_scope, .split = true},
    [PARAMETER_CHILD] = {check_child},
    [PARAMETER_DATE] = {check_date},
    [PARAMETER_DURATION] = {check_duration},
    [PARAMETER_SORT] = {check_sort, .split = true, .reason = true},
    [PARAMETER_LABELS] = {check_labels, .reason = true},
    [PARAMETER_FILTERS] = {check_filters_value},
};

static bool check_parameter(const Route *route, const Parameter *parameter, const HttpRequest *request,
                            HttpResponse *response)
{
    _cleanup_json_ json_t *values = http_query_list(request, parameter->name, kinds[parameter->kind].split);
    if (parameter->required && json_array_size(values) == 0) {
        http_reason(request, response, 400, "Required QueryValue [%s] not specified", parameter->name);
        return false;
    }
    size_t i;
    const json_t *item;
    json_array_foreach (values, i, item) {
        const char *value = json_string_value(item);
        if (!value || (!*value && parameter->kind != PARAMETER_SORT))
            continue;
        const char *problem = kinds[parameter->kind].check(value);
        int64_t integer = 1;
        if (problem && kinds[parameter->kind].reason)
            http_reason(request, response, 422, "%s", problem);
        else if (problem)
            http_error(request, response, 422,
                       "Internal server error: Failed to convert argument [%s] for value [%s] due to: %s",
                       parameter->name, value, problem);
        else if (parameter->positive && http_parse_integer(value, &integer) == 0 && integer < 1) {
            _cleanup_free_ char *path = xasprintf("%s.%s", route->operation, parameter->name);
            http_invalid(request, response, path, "must be greater than or equal to 1");
        } else
            continue;
        return false;
    }
    return true;
}

static const Parameter *find_parameter(const Route *route, const char *name)
{
    for (const Parameter *parameter = route->query; parameter && parameter->name; parameter++)
        if (streq(parameter->name, name))
            return parameter;
    return NULL;
}

/* "filters[field][OP]" or "filters[field][OP][key]". */
static bool is_filter(const char *name)
{
    static const char prefix[] = "filters";
    unsigned brackets = 0;
    if (!starts_with(name, prefix))
        return false;
    for (name += sizeof(prefix) - 1; *name == '['; brackets++) {
        size_t length = strcspn(name + 1, "[]");
        if (length == 0 || name[length + 1] != ']')
            return false;
        name += length + 2;
    }
    return !*name && (brackets == 2 || brackets == 3);
}

/*
 * A filter that nobody understands would select everything, so it is refused: on routes that take filters and on those
 * that do not. What acts on many things at once by a query refuses every parameter that it does not know.
 */
static bool check_filters(const Route *route, const HttpRequest *request, HttpResponse *response)
{
    static const char *const paging[] = {"page", "size", "sort"};
    bool takes = find_parameter(route, "filters") != NULL;
    bool strict = takes && (route->method != HTTP_GET || ends_with(route->pattern, "/by-query"));
    for (size_t i = 0; i < request->query.count; i++) {
        const char *name = request->query.items[i].name;
        bool meant = strncasecmp(name, "filter", 6) == 0 || strchr(name, '[');
        bool known = meant ? takes && is_filter(name) : !strict || find_parameter(route, name) != NULL;
        for (size_t j = 0; j < ELEMENTS(paging); j++)
            known |= streq(name, paging[j]);
        if (known)
            continue;
        http_error(request, response, 422, "Illegal argument: unknown parameter '%s'%s", name,
                   meant && takes ? ", expected filters[field][OPERATION]=value" : "");
        return false;
    }
    return true;
}

bool router_check_query(const Route *route, const HttpRequest *request, HttpResponse *response)
{
    for (const Parameter *parameter = route->query; parameter && parameter->name; parameter++)
        if (!check_parameter(route, parameter, request, response))
            return false;
    /* what is sent to a webhook is its flow's own, and pages of the UI read their query themselves */
    return route->permission <= PERMISSION_UI || check_filters(route, request, response);
}
