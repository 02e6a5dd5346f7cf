/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAPI document is another reading of the route rows, so it cannot lag behind them. */
#include "web/router.h"

#include <ctype.h>

static const struct {
    const char *type, *format;
    bool list;
} schemas[_PARAMETER_KIND_MAX] = {
    [PARAMETER_TEXT] = {"string"},
    [PARAMETER_INTEGER] = {"integer", "int32"},
    [PARAMETER_BOOLEAN] = {"boolean"},
    [PARAMETER_STATE] = {"string", .list = true},
    [PARAMETER_LEVEL] = {"string"},
    [PARAMETER_SCOPE] = {"string", .list = true},
    [PARAMETER_CHILD] = {"string"},
    [PARAMETER_DATE] = {"string", "date-time"},
    [PARAMETER_DURATION] = {"string", "duration"},
    [PARAMETER_SORT] = {"string", .list = true},
    [PARAMETER_LABELS] = {"string", .list = true},
    [PARAMETER_FILTERS] = {"object"},
};

static json_t *schema_of(ParameterKind kind)
{
    json_t *schema = json_object();
    json_set_text(schema, "type", schemas[kind].type);
    json_set_text(schema, "format", schemas[kind].format);
    if (!schemas[kind].list)
        return schema;
    json_t *list = json_object();
    json_set_text(list, "type", "array");
    json_object_set_new(list, "items", schema);
    return list;
}

static void add_parameter(json_t *parameters, const char *name, const char *where, bool required, json_t *schema)
{
    json_t *parameter = json_object();
    json_set_text(parameter, "name", name);
    json_set_text(parameter, "in", where);
    json_object_set_new(parameter, "required", json_boolean(required));
    json_object_set_new(parameter, "schema", schema);
    json_array_append_new(parameters, parameter);
}

static void add_path_parameters(json_t *parameters, const char *pattern)
{
    for (const char *at = strchr(pattern, '{'); at; at = strchr(at, '{')) {
        size_t length = strcspn(++at, "*}");
        _cleanup_free_ char *name = xstrndup(at, length);
        add_parameter(parameters, name, "path", true, schema_of(PARAMETER_TEXT));
    }
}

static json_t *content_of(const char *types, json_t *schema)
{
    json_t *content = json_object();
    while (*types) {
        types += strspn(types, ", ");
        size_t length = strcspn(types, ", ");
        _cleanup_free_ char *type = xstrndup(types, length);
        json_t *media = json_object();
        json_object_set(media, "schema", schema);
        json_object_set_new(content, type, media);
        types += length;
    }
    json_decref(schema);
    return content;
}

static json_t *operation_of(const Route *route, const char *tag)
{
    json_t *operation = json_object();
    json_t *tags = json_array(), *parameters = json_array(), *responses = json_object(), *done = json_object();
    json_array_append_new(tags, json_string(tag));
    json_object_set_new(operation, "tags", tags);
    json_set_text(operation, "operationId", route->operation);
    add_path_parameters(parameters, route->pattern);
    for (const Parameter *query = route->query; query && query->name; query++)
        add_parameter(parameters, query->name, "query", query->required, schema_of(query->kind));
    json_object_set_new(operation, "parameters", parameters);
    if (route->consumes) {
        json_t *body = json_object();
        json_object_set_new(body, "content", content_of(route->consumes, json_object()));
        json_object_set_new(operation, "requestBody", body);
    }
    json_set_text(done, "description", "Success");
    json_object_set_new(done, "content",
                        content_of(route->produces ? route->produces : "application/json", json_object()));
    json_object_set_new(responses, "200", done);
    json_object_set_new(operation, "responses", responses);
    return operation;
}

static const char *method_key(HttpMethod method)
{
    static const struct {
        HttpMethod method;
        const char *key;
    } keys[] = {
        {HTTP_GET, "get"}, {HTTP_POST, "post"}, {HTTP_PUT, "put"}, {HTTP_PATCH, "patch"}, {HTTP_DELETE, "delete"}};
    for (size_t i = 0; i < ELEMENTS(keys); i++)
        if (keys[i].method == method)
            return keys[i].key;
    return "get";
}

json_t *router_openapi(const RouteTable *const *tables, size_t count)
{
    json_t *document = json_object(), *information = json_object(), *paths = json_object();
    json_set_text(document, "openapi", "3.0.1");
    json_set_text(information, "title", "Kestra API");
    json_set_text(information, "version", PACKAGE_VERSION);
    json_object_set_new(document, "info", information);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < tables[i]->count; j++) {
            const Route *route = &tables[i]->routes[j];
            if (!starts_with(route->pattern, "/api/"))
                continue;
            json_t *path = json_object_get(paths, route->pattern);
            if (!path) {
                path = json_object();
                json_object_set_new(paths, route->pattern, path);
            }
            json_object_set_new(path, method_key(route->method), operation_of(route, tables[i]->tag));
        }
    json_object_set_new(document, "paths", paths);
    return document;
}
