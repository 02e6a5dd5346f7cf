/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces are those of flows, with all their ancestors, and the system namespace (spec/api.md 5.8). */
#include "web/routes/query.h"
#include "web/routes/routes.h"

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_name(Map *seen, Texts *names, const char *name, size_t length)
{
    _cleanup_free_ char *copy = xstrndup(name, length);
    if (map_get(seen, copy))
        return;
    map_put(seen, copy, seen);
    vec_push(names, TAKE_PTR(copy));
}

/* Sorted, each once. */
static int all_names(WebSession *session, Texts *ret)
{
    _cleanup_texts_ Texts flows = {};
    const char *system = session->settings->system_namespace;
    int r = store_flow_namespaces(session->pg, NULL, false, &flows);
    if (r != 0)
        return fold(r);
    Map *seen = map_new();
    for (size_t i = 0; i < flows.count; i++) {
        const char *name = flows.items[i];
        for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
            add_name(seen, ret, name, (size_t)(dot - name));
        add_name(seen, ret, name, strlen(name));
    }
    system = system && *system ? system : "system";
    add_name(seen, ret, system, strlen(system));
    map_destroy(seen, NULL);
    qsort(ret->items, ret->count, sizeof(*ret->items), compare_texts);
    return 0;
}

static json_t *namespace_entry(const char *name, bool in_search)
{
    json_t *entry = json_object();
    if (in_search)
        json_object_set_new(entry, "disabled", json_true());
    json_set_text(entry, "id", name);
    json_object_set_new(entry, "deleted", json_false());
    return entry;
}

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_texts_ Texts names = {};
    const char *q = http_query(request, "q"), *sort = http_query(request, "sort");
    bool descending = sort && *sort && !ends_with(sort, ":asc");
    size_t page = (size_t)http_query_integer(request, "page", 1),
           size = (size_t)http_query_integer(request, "size", 10);
    int r = all_names(session, &names);
    if (r < 0)
        return trace(r);
    json_t *results = json_array(), *answer = json_object();
    size_t total = 0;
    for (size_t i = 0; i < names.count; i++) {
        const char *name = names.items[descending ? names.count - 1 - i : i];
        if (q && *q && !strcasestr(name, q))
            continue;
        if (total >= (page - 1) * size && total < page * size)
            json_array_append_new(results, namespace_entry(name, true));
        total++;
    }
    json_object_set_new(answer, "results", results);
    json_object_set_new(answer, "total", json_integer((json_int_t)total));
    return http_json(response, 200, answer);
}

static int get(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return http_json(response, 200, namespace_entry(http_parameter(request, "namespace"), false));
}

static const Parameter search_parameters[] = {
    PAGE_PARAMETERS, {"q", PARAMETER_TEXT}, {"existing", PARAMETER_BOOLEAN}, {}};

#define NAMESPACES "/api/v1/namespaces"
static const Route rows[] = {
    {HTTP_GET, NAMESPACES "/search", search, PERMISSION_NAMESPACE_READ, search_parameters, "find"},
    {HTTP_GET, NAMESPACES "/{namespace}", get, PERMISSION_NAMESPACE_READ, NULL, "index"},
};
const RouteTable routes_namespaces = ROUTE_TABLE("Namespaces", rows);
