/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "cli/command.h"

#define SOURCE_BYTES_MAX (16 << 20)

static json_t *cell(const char *text)
{
    json_t *value = json_string(text ? text : "-");
    return value ? value : json_string("?"); /* not UTF-8 */
}

static void show_flows(const json_t *answer)
{
    static const char *const columns[] = {"NAMESPACE", "ID", "REVISION", "DISABLED", "TRIGGERS", NULL};
    json_t *rows = json_array(), *flow;
    size_t index;
    json_array_foreach (json_object_get(answer, "results"), index, flow) {
        _cleanup_free_ char *revision = xasprintf("%" PRId64, json_get_integer(flow, "revision", 0));
        _cleanup_buffer_ Buffer triggers = {};
        json_t *trigger;
        size_t at;
        json_array_foreach (json_object_get(flow, "triggers"), at, trigger)
            buffer_printf(&triggers, "%s%s", at ? "," : "", json_get_text(trigger, "id", "?"));
        json_array_append_new(rows, json_pack("[o, o, s, s, o]", cell(json_get_text(flow, "namespace", NULL)),
                                              cell(json_get_text(flow, "id", NULL)), revision,
                                              json_get_boolean(flow, "disabled", false) ? "yes" : "no",
                                              cell(triggers.length ? triggers.text : "-")));
    }
    print_table(columns, rows);
}

static int flow_list(Client *client, const Options *options)
{
    _cleanup_free_ char *query = client_escape(options->query ? options->query : "");
    _cleanup_free_ char *namespace = client_escape(options->namespace ? options->namespace : "");
    _cleanup_free_ char *path =
        xasprintf("/api/v1/flows/search?size=%" PRId64 "&sort=namespace:asc&sort=id:asc%s%s%s%s", options->limit,
                  *query ? "&q=" : "", query, *namespace ? "&namespace=" : "", namespace);
    return show_get(client, options, path, show_flows);
}

/* "/api/v1/flows/NAMESPACE/ID" from two arguments. */
static char *flow_path(const Options *options, const char *suffix)
{
    _cleanup_free_ char *namespace = client_escape(options->arguments[0]);
    _cleanup_free_ char *id = client_escape(options->arguments[1]);
    return xasprintf("/api/v1/flows/%s/%s%s", namespace, id, suffix);
}

static void show_source(const json_t *answer)
{
    (void)fputs(json_get_text(answer, "source", ""), stdout);
}

static int flow_get(Client *client, const Options *options)
{
    _cleanup_free_ char *revision =
        options->revision ? xasprintf("&revision=%" PRId64, options->revision) : xstrdup("");
    _cleanup_free_ char *suffix = xasprintf("?source=true%s", revision);
    _cleanup_free_ char *path = flow_path(options, suffix);
    return show_get(client, options, path, show_source);
}

/* Prints what is wrong, as `file: text` lines. True when the flow is valid. */
static bool print_constraints(const char *file, const json_t *results)
{
    bool valid = true;
    size_t index;
    json_t *result;
    json_array_foreach (results, index, result) {
        const char *constraints = json_get_text(result, "constraints", NULL);
        if (constraints) {
            (void)fprintf(stderr, "%s: %s\n", file, constraints);
            valid = false;
        } else {
            (void)printf("%s: %s.%s is valid\n", file, json_get_text(result, "namespace", "?"),
                         json_get_text(result, "flow", "?"));
        }
        size_t at;
        json_t *warning;
        json_array_foreach (json_object_get(result, "warnings"), at, warning)
            (void)fprintf(stderr, "%s: warning: %s\n", file, json_string_value(warning));
        json_array_foreach (json_object_get(result, "expressionWarnings"), at, warning)
            (void)fprintf(stderr, "%s:%s\n", file, json_string_value(warning));
    }
    return valid;
}

static int flow_validate(Client *client, const Options *options)
{
    int code = EXIT_OK;
    for (char *const *file = options->arguments; *file; file++) {
        _cleanup_buffer_ Buffer source = {};
        _cleanup_json_ json_t *results = NULL;
        if (read_source(*file, SOURCE_BYTES_MAX, &source) != 0)
            return EXIT_FAILED;
        int r = client_json(client,
                            &(ClientRequest){.method = "POST",
                                             .path = "/api/v1/flows/validate",
                                             .body = buffer_text(&source),
                                             .content_type = "application/x-yaml"},
                            &results);
        if (r != 0)
            return exit_of(r);
        if (options->json)
            print_json(results);
        else if (!print_constraints(*file, results))
            code = EXIT_FAILED;
    }
    return code;
}

static int send_source(Client *client, const Options *options, const char *method, const char *path, const char *file)
{
    _cleanup_buffer_ Buffer source = {};
    _cleanup_json_ json_t *flow = NULL;
    if (read_source(file, SOURCE_BYTES_MAX, &source) != 0)
        return EXIT_FAILED;
    int r = client_json(
        client,
        &(ClientRequest){
            .method = method, .path = path, .body = buffer_text(&source), .content_type = "application/x-yaml"},
        &flow);
    if (r != 0)
        return exit_of(r);
    if (options->json)
        print_json(flow);
    else
        (void)printf("%s.%s revision %" PRId64 "\n", json_get_text(flow, "namespace", "?"),
                     json_get_text(flow, "id", "?"), json_get_integer(flow, "revision", 0));
    return EXIT_OK;
}

static int flow_create(Client *client, const Options *options)
{
    int code = EXIT_OK;
    for (char *const *file = options->arguments; *file && code == EXIT_OK; file++)
        code = send_source(client, options, "POST", "/api/v1/flows", *file);
    return code;
}

static int flow_update(Client *client, const Options *options)
{
    _cleanup_free_ char *path = flow_path(options, "");
    return send_source(client, options, "PUT", path, options->arguments[2]);
}

static int flow_delete(Client *client, const Options *options)
{
    _cleanup_free_ char *path = flow_path(options, "");
    _cleanup_json_ json_t *nothing = NULL;
    return exit_of(client_json(client, &(ClientRequest){.method = "DELETE", .path = path}, &nothing));
}

static void show_revisions(const json_t *answer)
{
    static const char *const columns[] = {"REVISION", "DELETED", NULL};
    json_t *rows = json_array(), *flow;
    size_t index;
    json_array_foreach (answer, index, flow) {
        _cleanup_free_ char *revision = xasprintf("%" PRId64, json_get_integer(flow, "revision", 0));
        json_array_append_new(rows,
                              json_pack("[s, s]", revision, json_get_boolean(flow, "deleted", false) ? "yes" : "no"));
    }
    print_table(columns, rows);
}

static int flow_revisions(Client *client, const Options *options)
{
    _cleanup_free_ char *path = flow_path(options, "/revisions");
    return show_get(client, options, path, show_revisions);
}

static void show_files(const json_t *answer)
{
    static const char *const columns[] = {"FILE", "STATE", "FLOWS", "PROBLEM", NULL};
    json_t *rows = json_array(), *file;
    size_t index;
    json_array_foreach (answer, index, file) {
        _cleanup_buffer_ Buffer flows = {};
        json_t *flow;
        size_t at;
        json_array_foreach (json_object_get(file, "flows"), at, flow)
            buffer_printf(&flows, "%s%s", at ? "," : "", json_string_value(flow));
        const char *error = json_get_text(file, "error", NULL);
        json_array_append_new(rows, json_pack("[o, s, o, o]", cell(json_get_text(file, "path", NULL)),
                                              error ? "broken" : "loaded", cell(flows.length ? flows.text : NULL),
                                              cell(error)));
    }
    print_table(columns, rows);
}

static int flow_status(Client *client, const Options *options)
{
    _cleanup_json_ json_t *files = NULL;
    int r = client_json(client, &(ClientRequest){.method = "GET", .path = "/api/v1/flow-files"}, &files);
    if (r != 0)
        return exit_of(r);
    if (options->json)
        print_json(files);
    else
        show_files(files);
    size_t index;
    json_t *file;
    json_array_foreach (files, index, file)
        if (json_get_text(file, "error", NULL))
            return EXIT_FAILED;
    return EXIT_OK;
}

const Command commands_flow[] = {
    {"flow list", "", 0, 0, "Flows with their revisions and triggers (--query, --namespace)", flow_list},
    {"flow get", "NAMESPACE ID", 2, 2, "The source of a flow (--revision N)", flow_get},
    {"flow revisions", "NAMESPACE ID", 2, 2, "All stored revisions", flow_revisions},
    {"flow validate", "FILE…", 1, -1, "Checks files without storing them; - is standard input", flow_validate},
    {"flow create", "FILE…", 1, -1, "Stores new flows", flow_create},
    {"flow update", "NAMESPACE ID FILE", 3, 3, "Stores a new revision", flow_update},
    {"flow delete", "NAMESPACE ID", 2, 2, "Deletes a flow; its executions stay", flow_delete},
    {"flow status", "", 0, 0, "The flow directory as the scheduler sees it; exits with 1 when a file is broken",
     flow_status},
    {},
};
