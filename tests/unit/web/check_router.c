/* SPDX-License-Identifier: Apache-2.0 */
/* Matching, refusals and parameter checks, on a table of our own. */
#include "web/router.h"

#include <check.h>

static int answer(struct WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return http_empty(response, 200);
}

static const Parameter search_query[] = {{"page", PARAMETER_INTEGER, .positive = true},
                                         {"sort", PARAMETER_SORT},
                                         {"state", PARAMETER_STATE},
                                         {"labels", PARAMETER_LABELS},
                                         {"namespace", PARAMETER_TEXT, .required = true},
                                         {"startDate", PARAMETER_DATE},
                                         {"timeRange", PARAMETER_DURATION},
                                         {"minLevel", PARAMETER_LEVEL},
                                         {"scope", PARAMETER_SCOPE},
                                         {"childFilter", PARAMETER_CHILD},
                                         {"filters", PARAMETER_FILTERS},
                                         {}};
static const Route rows[] = {
    {HTTP_GET, "/api/v1/executions/{executionId}", answer, PERMISSION_EXECUTION_READ, NULL, "get"},
    {HTTP_GET, "/api/v1/executions/search", answer, PERMISSION_EXECUTION_READ, search_query, "find"},
    {HTTP_POST, "/api/v1/executions/{namespace}/{id}", answer, PERMISSION_EXECUTION_WRITE, NULL, "create",
     "multipart/form-data"},
    {HTTP_POST, "/api/v1/executions/{executionId}/restart", answer, PERMISSION_EXECUTION_WRITE, NULL, "restart",
     "application/json"},
    {HTTP_POST, "/api/v1/executions/restart/by-ids", answer, PERMISSION_EXECUTION_WRITE, NULL, "restartByIds"},
    {HTTP_DELETE, "/api/v1/executions/{executionId}", answer, PERMISSION_EXECUTION_WRITE, NULL, "delete"},
    {HTTP_GET, "/api/v1/executions/{executionId}/follow", answer, PERMISSION_EXECUTION_READ, NULL, "follow", NULL,
     "text/event-stream"},
    {HTTP_DELETE, "/api/v1/executions/by-query", answer, PERMISSION_EXECUTION_WRITE, search_query, "deleteByQuery"},
    {HTTP_POST, "/api/v1/webhook/{namespace}", answer, PERMISSION_OPEN, NULL, "webhook"},
    {HTTP_GET, "/ui/{path*}", answer, PERMISSION_UI, NULL, "ui", NULL, "*/*"},
};
static const RouteTable table = ROUTE_TABLE("Test", rows);
static const RouteTable *const tables[] = {&table};
static Router *router;

static void setup(void)
{
    router = router_new(tables, ELEMENTS(tables), "");
}

static void teardown(void)
{
    router = router_free(router);
}

static void add_header(HttpRequest *request, const char *name, const char *value)
{
    http_request_header(request, name, strlen(name), value, strlen(value));
}

START_TEST(the_most_exact_pattern_wins)
{
    static const struct {
        const char *method, *target, *operation, *parameter, *value;
    } cases[] = {
        {"GET", "/api/v1/executions/search?namespace=a", "find", NULL, NULL},
        {"GET", "/api/v1/executions/abc", "get", "executionId", "abc"},
        {"HEAD", "/api/v1/executions/abc", "get", "executionId", "abc"},
        {"GET", "/api/v1/executions/abc/", "get", "executionId", "abc"},
        {"GET", "/api/v1/main/executions/a%2Fb", "get", "executionId", "a/b"},
        {"POST", "/api/v1/executions/x/restart", "restart", "executionId", "x"},
        {"POST", "/api/v1/executions/restart/by-ids", "restartByIds", NULL, NULL},
        {"POST", "/api/v1/executions/my.ns/flow", "create", "id", "flow"},
        {"GET", "/ui/", "ui", "path", ""},
        {"GET", "/ui/a/b.js", "ui", "path", "a/b.js"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(http_request_freep) HttpRequest *request = http_request_new(cases[i].method, cases[i].target);
        HttpResponse response = {};
        const Route *route = router_match(router, request, &response);
        ck_assert_msg(route && streq(route->operation, cases[i].operation), "%s", cases[i].target);
        if (cases[i].parameter)
            ck_assert_str_eq(http_parameter(request, cases[i].parameter), cases[i].value);
        http_response_done(&response);
    }
}
END_TEST

START_TEST(content_decides_between_patterns)
{
    _cleanup_(http_request_freep) HttpRequest *form = http_request_new("POST", "/api/v1/executions/my.ns/restart");
    _cleanup_(http_request_freep) HttpRequest *bare = http_request_new("POST", "/api/v1/executions/my.ns/restart");
    HttpResponse response = {};
    add_header(form, "Content-Type", "multipart/form-data; boundary=x");
    ck_assert_str_eq(router_match(router, form, &response)->operation, "create");
    ck_assert_str_eq(router_match(router, bare, &response)->operation, "restart");
    http_response_done(&response);
}
END_TEST

START_TEST(a_body_without_a_type_is_for_the_unix_socket)
{
    for (int local = 0; local < 2; local++) {
        _cleanup_(http_request_freep) HttpRequest *request =
            http_request_new("POST", "/api/v1/executions/my.ns/restart");
        HttpResponse response = {};
        request->local = local;
        http_request_body(request, "x", 1);
        const Route *route = router_match(router, request, &response);
        ck_assert_int_eq(route != NULL, local);
        ck_assert_int_eq(response.status, local ? 0 : 415);
        http_response_done(&response);
    }
}
END_TEST

START_TEST(what_does_not_match_is_refused)
{
    static const struct {
        const char *method, *target, *header, *value;
        int status;
        const char *text;
    } cases[] = {
        {"GET", "/api/v1/nothing", NULL, NULL, 404, "\"Not Found\""},
        {"GET", "/api/v1/executions//follow", NULL, NULL, 404, "\"Not Found\""},
        {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", NULL, NULL, 404, "\"Not Found\""},
        {"PATCH", "/api/v1/executions/abc", NULL, NULL, 405, "Allowed methods: [HEAD, GET, DELETE]"},
        {"POST", "/api/v1/executions/a/b", "Content-Type", "application/xml", 415,
         "Content Type [application/xml] not allowed. Allowed types: [multipart/form-data]"},
        {"GET", "/api/v1/executions/abc", "Accept", "image/png", 406, "Not Acceptable"},
        {"GET", "/api/v1/executions/%zz", NULL, NULL, 400, "Malformed URI"},
        {"POST", "/api/v1/executions/%2e%2e/flow", NULL, NULL, 422, "is no namespace"},
        {"POST", "/api/v1/executions/..%2frob/flow", NULL, NULL, 422, "is no namespace"},
        {"POST", "/api/v1/executions/a%2fb/flow", NULL, NULL, 422, "is no namespace"},
        {"POST", "/api/v1/executions/a%0d%0aX:%20y/flow", NULL, NULL, 422, "is no namespace"},
        {"POST", "/api/v1/webhook/a%5cb", NULL, NULL, 422, "is no namespace"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(http_request_freep) HttpRequest *request = http_request_new(cases[i].method, cases[i].target);
        HttpResponse response = {};
        if (cases[i].header)
            add_header(request, cases[i].header, cases[i].value);
        ck_assert_ptr_null(router_match(router, request, &response));
        ck_assert_int_eq(response.status, cases[i].status);
        ck_assert_msg(strstr(buffer_text(&response.body), cases[i].text), "%s", buffer_text(&response.body));
        http_response_done(&response);
    }
}
END_TEST

START_TEST(accept_and_content_type_are_read_leniently)
{
    static const struct {
        const char *method, *target, *header, *value;
    } cases[] = {
        {"POST", "/api/v1/executions/a/b", "content-type", "multipart/form-data; boundary=x"},
        {"GET", "/api/v1/executions/a", "Accept", "text/html, application/json;q=0.9"},
        {"GET", "/api/v1/executions/a", "Accept", "*/*"},
        {"GET", "/api/v1/executions/a", "Accept", "application/*"},
        {"GET", "/api/v1/executions/a/follow", "Accept", "text/event-stream"},
        {"GET", "/ui/x.png", "Accept", "image/png"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(http_request_freep) HttpRequest *request = http_request_new(cases[i].method, cases[i].target);
        HttpResponse response = {};
        add_header(request, cases[i].header, cases[i].value);
        ck_assert_msg(router_match(router, request, &response), "%s", cases[i].value);
        http_response_done(&response);
    }
}
END_TEST

START_TEST(parameters_are_checked)
{
    static const struct {
        const char *query;
        int status; /* 0: fits */
        const char *text;
    } cases[] = {
        {"namespace=a&page=1&sort=id:asc&state=FAILED,KILLED&labels=a:b&scope=USER,SYSTEM&childFilter=MAIN", 0, NULL},
        {"namespace=a&startDate=2024-05-01T10:00:00Z&timeRange=-P1D&minLevel=WARN", 0, NULL},
        {"namespace=a&page=", 0, NULL},
        {"page=1", 400, "Required QueryValue [namespace] not specified"},
        {"namespace=a&page=0", 422, "Invalid entity: find.page: must be greater than or equal to 1"},
        {"namespace=a&page=x", 422, "Internal server error: Failed to convert argument [page]"},
        {"namespace=a&sort=id", 422, "Unprocessable Entity: Invalid sort parameter"},
        {"namespace=a&sort=id:asc:x", 422, "Invalid sort parameter"},
        {"namespace=a&state=GONE", 422, "Failed to convert argument [state]"},
        {"namespace=a&labels=alone", 422, "Unprocessable Entity: Invalid queryString parameter"},
        {"namespace=a&startDate=soon", 422, "Failed to convert argument [startDate]"},
        {"namespace=a&timeRange=long", 422, "Failed to convert argument [timeRange]"},
        {"namespace=a&minLevel=LOUD", 422, "Failed to convert argument [minLevel]"},
        {"namespace=a&scope=ALL", 422, "Failed to convert argument [scope]"},
        {"namespace=a&childFilter=X", 422, "Failed to convert argument [childFilter]"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *target = xasprintf("/api/v1/executions/search?%s", cases[i].query);
        _cleanup_(http_request_freep) HttpRequest *request = http_request_new("GET", target);
        HttpResponse response = {};
        const Route *route = router_match(router, request, &response);
        ck_assert_ptr_nonnull(route);
        ck_assert_msg(router_check_query(route, request, &response) == (cases[i].status == 0), "%s", target);
        ck_assert_int_eq(response.status, cases[i].status);
        if (cases[i].text)
            ck_assert_msg(strstr(buffer_text(&response.body), cases[i].text), "%s", buffer_text(&response.body));
        http_response_done(&response);
        free(target);
    }
}
END_TEST

START_TEST(what_is_no_filter_is_refused)
{
    static const struct {
        const char *method, *target;
        bool fits;
    } cases[] = {
        {"GET", "/api/v1/executions/search?namespace=a&filters[state][EQUALS]=FAILED", true},
        {"GET", "/api/v1/executions/search?namespace=a&filters[labels][EQUALS][a]=b", true},
        {"GET", "/api/v1/executions/search?namespace=a&filters%5Bstate%5D%5BEQUALS%5D=FAILED", true},
        {"GET", "/api/v1/executions/search?namespace=a&unknown=1", true},
        {"GET", "/api/v1/executions/search?namespace=a&filters[state]=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&filters[state]EQUALS=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&filters[state][EQUALS][a][b]=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&filters[state][EQUALS]x=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&filters[][EQUALS]=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&filters=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&Filters[state][EQUALS]=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&filter[state][EQUALS]=FAILED", false},
        {"GET", "/api/v1/executions/search?namespace=a&state[EQUALS]=FAILED", false},
        {"DELETE", "/api/v1/executions/by-query?namespace=a&page=1&size=5&sort=id:asc", true},
        {"DELETE", "/api/v1/executions/by-query?namespace=a&namespce=b", false},
        {"DELETE", "/api/v1/executions/abc?filters[state][EQUALS]=FAILED", false},
        {"POST", "/api/v1/webhook/a?filters[state]=FAILED", true},
        {"GET", "/ui/flows?filters[state]=FAILED", true},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_(http_request_freep) HttpRequest *request = http_request_new(cases[i].method, cases[i].target);
        HttpResponse response = {};
        const Route *route = router_match(router, request, &response);
        ck_assert_ptr_nonnull(route);
        ck_assert_msg(router_check_query(route, request, &response) == cases[i].fits, "%s", cases[i].target);
        ck_assert_int_eq(response.status, cases[i].fits ? 0 : 422);
        http_response_done(&response);
    }
}
END_TEST

START_TEST(a_context_path_is_stripped)
{
    _cleanup_(router_freep) Router *below = router_new(tables, ELEMENTS(tables), "/kestra");
    _cleanup_(http_request_freep) HttpRequest *inside = http_request_new("GET", "/kestra/ui/x");
    _cleanup_(http_request_freep) HttpRequest *outside = http_request_new("GET", "/kestrax/ui/x");
    HttpResponse response = {};
    ck_assert_ptr_nonnull(router_match(below, inside, &response));
    ck_assert_ptr_null(router_match(below, outside, &response));
    http_response_done(&response);
}
END_TEST

START_TEST(openapi_shows_every_row)
{
    json_t *document = router_openapi(tables, ELEMENTS(tables));
    json_t *paths = json_object_get(document, "paths");
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        const json_t *path = json_object_get(paths, rows[i].pattern);
        ck_assert_int_eq(path != NULL, starts_with(rows[i].pattern, "/api/"));
    }
    const json_t *find = json_object_get(json_object_get(paths, "/api/v1/executions/search"), "get");
    ck_assert_uint_eq(json_array_size(json_object_get(find, "parameters")), ELEMENTS(search_query) - 1);
    ck_assert_ptr_nonnull(json_object_get(json_object_get(paths, "/api/v1/executions/{executionId}"), "delete"));
    json_decref(document);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *all = tcase_create("all");
    suite_add_tcase(suite, all);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, the_most_exact_pattern_wins);
    tcase_add_test(all, content_decides_between_patterns);
    tcase_add_test(all, a_body_without_a_type_is_for_the_unix_socket);
    tcase_add_test(all, what_does_not_match_is_refused);
    tcase_add_test(all, accept_and_content_type_are_read_leniently);
    tcase_add_test(all, parameters_are_checked);
    tcase_add_test(all, what_is_no_filter_is_refused);
    tcase_add_test(all, a_context_path_is_stripped);
    tcase_add_test(all, openapi_shows_every_row);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
