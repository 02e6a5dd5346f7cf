/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request of a row: the task's properties are rendered with the flow's variables, the row's templates with those
 * alone, so that nothing that a property holds is ever rendered twice.
 */
#include "plugin/service/service.h"

#include <unistd.h>

#include "base/buffer.h"
#include "blob/blob.h"
#include "blob/digest.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/script_files.h"
#include "plugin/service/service_private.h"

enum { FILE_BYTES_MAX = 32 * 1024 * 1024 };

const Field service_option_fields[] = {
    {"headers", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_STRING, .doc = "More headers."},
    {"timeout", FIELD_OBJECT, 0, .fields = http_timeout_fields, .doc = "Timeouts."},
    {"proxy", FIELD_OBJECT, 0, .fields = http_proxy_fields, .doc = "Proxy."},
    {"ssl", FIELD_OBJECT, 0, .fields = http_ssl_fields, .doc = "How the server's certificate is checked."},
    {"connectTimeout", FIELD_DURATION, FIELD_EXPRESSION, .doc = "Longest time to connect; 10 s when it is not given."},
    {"readTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT10S\"", .doc = "Longest silence of the server."},
    {"readIdleTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT5M\"",
     .doc = "Longest silence inside of the answer; the shorter one counts."},
    {"connectionPoolIdleTimeout", FIELD_DURATION, FIELD_EXPRESSION, .fallback = "\"PT0S\"",
     .doc = "Accepted; connections are not kept."},
    {"maxContentLength", FIELD_INTEGER, FIELD_EXPRESSION, .fallback = "10485760",
     .doc = "Longest body of the answer, in bytes."},
    {"defaultCharset", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"UTF-8\"",
     .doc = "Charset of answers that name none."},
    {},
};

/* --- JSON with templates --- */

typedef struct Filling {
    RunContext *run;
    ExprContext context;
} Filling;

static int fill(const Filling *filling, const json_t *template, json_t **ret);

static int fill_text(const Filling *filling, const char *text, size_t length, json_t **ret)
{
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = expr_compile(text, length, &expr, &diag);
    if (r == 0)
        r = expr_render_value(expr, &filling->context, ret, &diag);
    return r > 0 ? run_fail(filling->run, "%s", diag_first(&diag)) : r;
}

static int append_filled(const Filling *filling, const json_t *template, json_t *list)
{
    _cleanup_json_ json_t *value = NULL;
    int r = fill(filling, template, &value);
    if (r == 0 && !json_is_null(value))
        json_array_append(list, value);
    return r;
}

/* A map as list of {key, value}; other values as they are. New. */
static json_t *as_list(json_t *value)
{
    const char *name;
    json_t *member;
    if (!json_is_object(value))
        return json_incref(value);
    json_t *list = json_array();
    json_object_foreach (value, name, member)
        json_array_append_new(list, json_pack("{s:s,s:O}", "key", name, "value", member));
    return list;
}

static int append_each(const Filling *filling, const json_t *template, json_t *list)
{
    json_t *variables = (json_t *)filling->context.variables, *item;
    _cleanup_json_ json_t *value = NULL, *items = NULL;
    size_t i;
    int r = fill(filling, json_object_get(template, "for"), &value);
    items = as_list(value);
    json_array_foreach (items, i, item) {
        if (r != 0)
            return r;
        json_object_set(variables, "item", item);
        json_object_set_new(variables, "index", json_integer((json_int_t)i));
        r = append_filled(filling, template, list);
    }
    return r;
}

static int fill_list(const Filling *filling, const json_t *template, json_t **ret)
{
    _cleanup_json_ json_t *list = json_array();
    size_t i;
    const json_t *item;
    json_array_foreach (template, i, item) {
        int r = json_object_get(item, "for") ? append_each(filling, item, list) : append_filled(filling, item, list);
        if (r != 0)
            return r;
    }
    *ret = TAKE_PTR(list);
    return 0;
}

static bool is_true(const json_t *value)
{
    return json_is_true(value) || (json_is_string(value) && expr_is_truthy(json_string_value(value)));
}

static int fill_object(const Filling *filling, const json_t *template, json_t **ret)
{
    _cleanup_json_ json_t *object = json_object();
    const char *name;
    json_t *member;
    json_object_foreach ((json_t *)template, name, member) {
        _cleanup_json_ json_t *value = NULL;
        int r = streq(name, "for") ? 0 : fill(filling, member, &value);
        if (r != 0)
            return r;
        if (streq(name, "if") && !is_true(value)) {
            *ret = json_null();
            return 0;
        }
        if (streq(name, "..."))
            (void)json_object_update(object, value); /* nothing when it is no map */
        else if (value && !streq(name, "if") && !json_is_null(value))
            json_object_set(object, name, value);
    }
    *ret = TAKE_PTR(object);
    return 0;
}

static int fill(const Filling *filling, const json_t *template, json_t **ret)
{
    if (json_is_object(template))
        return fill_object(filling, template, ret);
    if (json_is_array(template))
        return fill_list(filling, template, ret);
    if (json_is_string(template))
        return fill_text(filling, json_string_value(template), json_string_length(template), ret);
    *ret = json_incref((json_t *)template);
    return 0;
}

/* source: JSON with templates, of a row. */
static int fill_json(const Filling *filling, const char *source, json_t **ret)
{
    _cleanup_json_ json_t *template = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (json_parse(source, strlen(source), 0, &template, &diag) != 0)
        return run_fail(filling->run, "The row of this type is broken: %s", diag_first(&diag));
    return fill(filling, template, ret);
}

/* source: one template; NULL gives NULL. */
static int fill_line(const Filling *filling, const char *source, char **ret)
{
    _cleanup_json_ json_t *value = NULL, *text = NULL;
    if (!source)
        return 0;
    int r = fill_text(filling, source, strlen(source), &value);
    if (r != 0)
        return r;
    text = json_is_null(value) ? json_string("") : run_text_of(value);
    *ret = xstrdup(json_string_value(text));
    return 0;
}

/* --- properties --- */

static int render_default(RunContext *run, const Field *field, json_t **ret)
{
    if (field->fallback && json_parse(field->fallback, strlen(field->fallback), 0, ret, NULL) != 0)
        return run_fail(run, "The default of '%s' is broken", field->name);
    return 0;
}

static int render_own(RunContext *run, const Field *field, json_t **ret)
{
    if (field->kind != FIELD_STRING && field->kind != FIELD_ENUM)
        return run_typed(run, field->name, ret);
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, field->name, &text);
    if (r != 0 || !text)
        return r;
    bool known = field->kind != FIELD_ENUM;
    for (size_t i = 0; !known && field->values[i]; i++)
        known = streq(field->values[i], text);
    if (!known)
        return run_fail(run, "Property '%s' cannot be '%s'", field->name, text);
    *ret = json_string(text);
    return 0;
}

int service_own(RunContext *run, json_t **ret)
{
    _cleanup_json_ json_t *own = json_object();
    for (const Field *field = run->task->type->fields; field->name; field++) {
        _cleanup_json_ json_t *value = NULL;
        if (streq(field->name, "options") || streq(field->name, "executionId"))
            continue;
        int r = render_own(run, field, &value);
        if (r == 0 && !value)
            r = render_default(run, field, &value);
        if (r != 0)
            return r;
        json_object_set_new(own, field->name, value ? TAKE_PTR(value) : json_null());
    }
    *ret = TAKE_PTR(own);
    return 0;
}

/* --- files --- */

static int load_file(RunContext *run, json_t *file)
{
    const char *uri = json_get_text(file, "uri", "");
    _cleanup_free_ char *bytes = NULL, *text = NULL;
    size_t length = 0;
    int r = script_files_read(run, uri, FILE_BYTES_MAX, &bytes, &length);
    if (r != 0)
        return r;
    text = digest_base64(bytes, length);
    json_object_set_new(file, "content", json_string(text));
    return 0;
}

static int load_files(RunContext *run, const char *property, json_t *own)
{
    size_t i;
    json_t *file;
    json_array_foreach (json_object_get(own, property), i, file) {
        int r = load_file(run, file);
        if (r != 0)
            return r;
    }
    return 0;
}

/* --- the exchange --- */

static int check_raw(RunContext *run, const Service *row, const char *text)
{
    _cleanup_json_ json_t *value = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (row->content_type || row->is_form || json_parse(text, strlen(text), 0, &value, &diag) == 0)
        return 0;
    return run_fail(run, "Property '%s' is not JSON: %s", row->raw, diag_first(&diag));
}

/* *ret: a text, or an object for a form. NULL: the request has no body. */
static int make_body(const Filling *filling, const Service *row, json_t **ret)
{
    const json_t *own = json_object_get(filling->context.variables, "own");
    const char *raw = row->raw ? json_get_text(own, row->raw, NULL) : NULL;
    if (raw && raw[strspn(raw, " \t\r\n")]) {
        int r = check_raw(filling->run, row, raw);
        if (r == 0 && row->is_form)
            return json_parse(raw, strlen(raw), 0, ret, NULL) == 0 && json_is_object(*ret)
                       ? 0
                       : run_fail(filling->run, "Property '%s' is not a JSON object", row->raw);
        *ret = json_string(raw);
        return r;
    }
    int r = row->body ? fill_json(filling, row->body, ret) : 0;
    if (r != 0)
        return r;
    bool is_empty = !*ret || json_is_null(*ret) || (json_is_string(*ret) && json_string_length(*ret) == 0);
    return is_empty && row->nothing ? run_fail(filling->run, "%s", row->nothing) : 0;
}

static int make_headers(const Filling *filling, const Service *row, bool has_body, json_t **ret)
{
    _cleanup_json_ json_t *options = NULL;
    int r = row->headers ? fill_json(filling, row->headers, ret) : 0;
    if (r == 0 && !*ret)
        *ret = json_object();
    if (r == 0 && has_body)
        json_set_text(*ret, "Content-Type",
                      row->is_form        ? "application/x-www-form-urlencoded"
                      : row->content_type ? row->content_type
                                          : "application/json");
    if (r == 0)
        r = run_value(filling->run, "options", &options);
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(options, "headers"), name, value)
        json_object_set_new(*ret, name, run_text_of(value));
    return r;
}

/* Puts answer, code and headers into the variables. */
static int judge(const Filling *filling, const Service *row, const HttpFetched *fetched)
{
    json_t *variables = (json_t *)filling->context.variables, *answer = NULL;
    if (json_parse(fetched->body, strlen(fetched->body), 0, &answer, NULL) != 0)
        answer = json_string(fetched->body);
    json_object_set_new(variables, "answer", answer);
    json_object_set_new(variables, "code", json_integer(fetched->answer.code));
    json_object_set(variables, "headers", fetched->answer.headers);
    run_log(filling->run, LOG_LEVEL_DEBUG, "Response: %s", fetched->body);
    _cleanup_free_ char *refusal = NULL;
    int r = fill_line(filling, row->refused, &refusal);
    if (r == 0 && refusal && *refusal)
        return run_fail(filling->run, "The service refused the request: %s", refusal);
    if (r == 0)
        run_log(filling->run, LOG_LEVEL_INFO, "Request succeeded");
    return r;
}

static int exchange(const Filling *filling, const Service *row)
{
    _cleanup_free_ char *uri = NULL, *text = NULL;
    _cleanup_json_ json_t *body = NULL, *headers = NULL;
    _cleanup_(http_fetched_done) HttpFetched fetched = {};
    int r = make_body(filling, row, &body);
    if (r == 0)
        r = fill_line(filling, row->uri, &uri);
    if (r == 0)
        r = make_headers(filling, row, body != NULL, &headers);
    if (r != 0)
        return r;
    if (body)
        text = row->is_form           ? http_form_encode(body)
               : json_is_string(body) ? xstrdup(json_string_value(body))
                                      : json_text(body);
    if (text)
        run_log(filling->run, LOG_LEVEL_DEBUG, "Request body: %s", text);
    _cleanup_free_ char *seconds = NULL;
    r = fill_line(filling, row->timeout_seconds, &seconds);
    if (r != 0)
        return r;
    const HttpOwnRequest request = {
        .method = row->method ? row->method : "POST",
        .uri = uri,
        .headers = headers,
        .body = text,
        .answer_timeout_usec = seconds ? (usec_t)MAX(strtoimax(seconds, NULL, 10), 0) * USEC_PER_SEC : 0,
    };
    r = http_send(filling->run, &request, &fetched);
    return r == 0 ? judge(filling, row, &fetched) : r;
}

static int exchange_each(const Filling *filling, const Service *row)
{
    _cleanup_json_ json_t *items = NULL;
    if (!row->each)
        return exchange(filling, row);
    int r = fill_text(filling, row->each, strlen(row->each), &items);
    if (r == 0 && json_array_size(items) == 0)
        return run_fail(filling->run, "There is nobody to send it to");
    for (size_t i = 0; r == 0 && i < json_array_size(items); i++) {
        json_object_set((json_t *)filling->context.variables, "item", json_array_get(items, i));
        r = exchange(filling, row);
    }
    return r;
}

static int give_counters(const Filling *filling, const Service *row)
{
    _cleanup_json_ json_t *counters = NULL;
    const char *name;
    json_t *value;
    int r = row->counters ? fill_json(filling, row->counters, &counters) : 0;
    json_object_foreach (counters, name, value)
        if (json_is_number(value))
            run_counter(filling->run, name, json_number_value(value), NULL);
    return r;
}

int service_run(RunContext *run)
{
    const Service *row = run->task->type->row;
    _cleanup_json_ json_t *variables = json_object(), *own = NULL, *it = NULL, *outputs = NULL;
    const Filling filling = {.run = run, .context = {.variables = variables}};
    int r = service_own(run, &own);
    for (size_t i = 0; r == 0 && row->files && row->files[i]; i++)
        r = load_files(run, row->files[i], own);
    if (r == 0 && row->of_execution)
        r = service_execution(run, own, &it);
    if (r != 0)
        return r;
    json_object_set(variables, "own", own);
    json_set_present(variables, "it", json_incref(it));
    json_object_set_new(variables, "item", json_null());
    r = exchange_each(&filling, row);
    if (r == 0)
        r = give_counters(&filling, row);
    if (r == 0 && row->outputs)
        r = fill_json(&filling, row->outputs, &outputs);
    if (r == 0 && outputs)
        json_object_update(run->outputs, outputs);
    return r;
}
