/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "cli/command.h"
#include "model/state.h"

#define RECONNECT_MSEC 1000

static void show_executions(const json_t *answer)
{
    static const char *const columns[] = {"ID", "STATE", "FLOW", "STARTED", "DURATION", NULL};
    json_t *rows = json_array(), *execution;
    size_t index;
    json_array_foreach (json_object_get(answer, "results"), index, execution) {
        const json_t *state = json_object_get(execution, "state");
        _cleanup_free_ char *started = age_text(json_get_text(state, "startDate", NULL));
        _cleanup_free_ char *flow =
            xasprintf("%s.%s", json_get_text(execution, "namespace", "?"), json_get_text(execution, "flowId", "?"));
        json_array_append_new(rows, json_pack("[s, s, s, s, s]", json_get_text(execution, "id", "?"),
                                              json_get_text(state, "current", "?"), flow, started,
                                              json_get_text(state, "duration", "-")));
    }
    print_table(columns, rows);
}

/* True, or the message is printed. */
static bool is_state(const char *text)
{
    if (state_from_string(text) >= 0)
        return true;
    (void)fprintf(stderr, "kestractl: %s is no state; states are", text);
    for (State state = 0; state < _STATE_MAX; state++)
        (void)fprintf(stderr, "%s %s", state ? "," : "", state_to_string(state));
    (void)fputc('\n', stderr);
    return false;
}

static int execution_list(Client *client, const Options *options)
{
    if (options->state && !is_state(options->state))
        return EXIT_USAGE;
    _cleanup_free_ char *query = client_escape(options->query ? options->query : "");
    _cleanup_free_ char *namespace = client_escape(options->namespace ? options->namespace : "");
    _cleanup_free_ char *state = client_escape(options->state ? options->state : "");
    _cleanup_free_ char *path = xasprintf(
        "/api/v1/executions/search?size=%" PRId64 "&sort=state.startDate:desc%s%s%s%s%s%s", options->limit,
        *query ? "&q=" : "", query, *namespace ? "&namespace=" : "", namespace, *state ? "&state=" : "", state);
    return show_get(client, options, path, show_executions);
}

static void show_execution(const json_t *execution)
{
    static const char *const columns[] = {"TASK", "VALUE", "STATE", "DURATION", NULL};
    const json_t *state = json_object_get(execution, "state");
    (void)printf("%s  %s.%s revision %" PRId64 "\n%s after %s\n\n", json_get_text(execution, "id", "?"),
                 json_get_text(execution, "namespace", "?"), json_get_text(execution, "flowId", "?"),
                 json_get_integer(execution, "flowRevision", 0), json_get_text(state, "current", "?"),
                 json_get_text(state, "duration", "?"));
    json_t *rows = json_array(), *run;
    size_t index;
    json_array_foreach (json_object_get(execution, "taskRunList"), index, run) {
        const json_t *run_state = json_object_get(run, "state");
        json_array_append_new(
            rows, json_pack("[s, s, s, s]", json_get_text(run, "taskId", "?"), json_get_text(run, "value", "-"),
                            json_get_text(run_state, "current", "?"), json_get_text(run_state, "duration", "-")));
    }
    print_table(columns, rows);
    const json_t *outputs = json_object_get(execution, "outputs");
    if (json_object_size(outputs)) {
        (void)printf("\nOutputs\n");
        print_json(outputs);
    }
}

static int execution_get(Client *client, const Options *options)
{
    _cleanup_free_ char *id = client_escape(options->arguments[0]);
    _cleanup_free_ char *path = xasprintf("/api/v1/executions/%s", id);
    return show_get(client, options, path, show_execution);
}

/* Server-sent events as they come: lines until an empty one make an event. */
typedef struct Stream {
    Buffer line;
    bool ended; /* the event "end" came */
    bool json;
    size_t seen;                         /* events with data, of this connection */
    size_t shown;                        /* of all connections: a new one begins with the first again */
    void (*on_data)(const json_t *data); /* NULL: nothing is shown */
} Stream;

static void on_line(Stream *stream, const char *line)
{
    json_t *data = NULL;
    if (streq(line, "id: end"))
        stream->ended = true;
    if (stream->ended || !stream->on_data || !starts_with(line, "data: ") || ++stream->seen <= stream->shown)
        return;
    stream->shown = stream->seen;
    if (json_parse(line + 6, strlen(line + 6), 0, &data, NULL) != 0)
        return;
    if (stream->json)
        print_json(data);
    else
        stream->on_data(data);
    json_decref(data);
    (void)fflush(stdout); /* looked at when the program ends */
}

static bool on_stream(void *userdata, const char *bytes, size_t length)
{
    Stream *stream = userdata;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            buffer_append_char(&stream->line, bytes[i]);
            continue;
        }
        bool between = stream->line.length == 0;
        on_line(stream, buffer_text(&stream->line));
        buffer_clear(&stream->line);
        if (stream->ended && between)
            return false;
    }
    return true;
}

/* Follows a stream to its end, over as many connections as it takes: a webserver that restarts ends nothing. */
static int follow(Client *client, const Options *options, const char *path, Stream *stream)
{
    _cleanup_buffer_ Buffer body = {};
    int r = 0;
    for (bool connected = false; r == 0 && !stream->ended;) {
        long status = 0;
        stream->seen = 0;
        buffer_clear(&stream->line);
        r = client_send(
            client,
            &(ClientRequest){
                .method = "GET", .path = path, .on_data = on_stream, .userdata = stream, .deadline = options->deadline},
            &status, &body);
        if (r == 0 && status >= 400) {
            (void)fprintf(stderr, "kestractl: status %ld\n", status);
            r = CLIENT_E_REFUSED;
        }
        if (r < 0 && connected)
            r = 0; /* it was there before */
        connected |= r == 0 && status == 200;
        if (r == 0 && !stream->ended)
            (void)poll(NULL, 0, RECONNECT_MSEC); /* a signal may end it early */
    }
    buffer_done(&stream->line);
    return r;
}

static void print_log(const json_t *entry)
{
    (void)printf("%s %-5s %s%s%s\n", json_get_text(entry, "timestamp", ""), json_get_text(entry, "level", ""),
                 json_get_text(entry, "taskId", ""), json_object_get(entry, "taskId") ? ": " : "",
                 json_get_text(entry, "message", ""));
}

static int follow_logs(Client *client, const Options *options, const char *id)
{
    _cleanup_free_ char *path = xasprintf("/api/v1/logs/%s/follow?minLevel=%s&untilEnd=true", id, options->level);
    Stream stream = {.json = options->json, .on_data = print_log};
    return follow(client, options, path, &stream);
}

static void show_logs(const json_t *answer)
{
    size_t index;
    json_t *entry;
    json_array_foreach (answer, index, entry)
        print_log(entry);
}

static int execution_logs(Client *client, const Options *options)
{
    _cleanup_free_ char *id = client_escape(options->arguments[0]);
    if (options->follow)
        return exit_of(follow_logs(client, options, id));
    _cleanup_free_ char *path = xasprintf("/api/v1/logs/%s?minLevel=%s", id, options->level);
    return show_get(client, options, path, show_logs);
}

static int exit_of_state(const char *state)
{
    static const struct {
        const char *state;
        int code;
    } codes[] = {{"SUCCESS", EXIT_OK},    {"SKIPPED", EXIT_OK},     {"WARNING", EXIT_WARNING},
                 {"FAILED", EXIT_FAILED}, {"RETRIED", EXIT_FAILED}, {"CANCELLED", EXIT_KILLED},
                 {"KILLED", EXIT_KILLED}};
    for (size_t i = 0; i < ELEMENTS(codes); i++)
        if (streq(codes[i].state, state))
            return codes[i].code;
    return EXIT_TIMED_OUT; /* not ended */
}

/* Waits for the end over the execution's event stream, or over that of its log, then tells how it went. */
static int wait_for(Client *client, const Options *options, const char *id)
{
    _cleanup_free_ char *path = xasprintf("/api/v1/executions/%s", id), *stream_path = xasprintf("%s/follow", path);
    _cleanup_json_ json_t *execution = NULL;
    Stream stream = {};
    int r = options->follow ? follow_logs(client, options, id) : follow(client, options, stream_path, &stream);
    bool timed_out = r == CLIENT_E_TIMED_OUT;
    if (r == 0 || timed_out)
        r = client_json(client, &(ClientRequest){.method = "GET", .path = path}, &execution);
    if (r != 0)
        return exit_of(r);
    const char *state = json_get_text(json_object_get(execution, "state"), "current", "");
    if (options->follow)
        (void)fprintf(stderr, "%s %s\n", id, state);
    else if (options->json)
        print_json(execution);
    else
        show_execution(execution);
    return exit_of_state(state);
}

/* "namespace.of.the.flow.id" or two arguments. */
static char *run_path(const Options *options)
{
    const char *whole = options->arguments[0], *dot = strrchr(whole, '.');
    _cleanup_free_ char *namespace = options->argument_count == 2 ? client_escape(whole) : NULL;
    if (!namespace && !dot)
        return NULL;
    if (!namespace) {
        _cleanup_free_ char *part = xstrndup(whole, (size_t)(dot - whole));
        namespace = client_escape(part);
    }
    _cleanup_free_ char *id = client_escape(options->argument_count == 2 ? options->arguments[1] : dot + 1);
    _cleanup_buffer_ Buffer path = {};
    buffer_printf(&path, "/api/v1/executions/%s/%s", namespace, id);
    char separator = '?';
    for (size_t i = 0; i < options->labels.count; i++, separator = '&') {
        _cleanup_free_ char *label = client_escape(options->labels.items[i]);
        buffer_printf(&path, "%clabels=%s", separator, label);
    }
    if (options->revision)
        buffer_printf(&path, "%crevision=%" PRId64, separator, options->revision);
    return buffer_take(&path);
}

static int execution_run(Client *client, const Options *options)
{
    _cleanup_free_ char *path = run_path(options);
    _cleanup_json_ json_t *execution = NULL;
    if (!path) {
        (void)fprintf(stderr, "kestractl: %s: expected NAMESPACE.FLOW or NAMESPACE FLOW\n", options->arguments[0]);
        return EXIT_USAGE;
    }
    const char **fields = xnew_n(const char *, options->fields.count + 1);
    memcpy(fields, options->fields.items, options->fields.count * sizeof(char *));
    int r = client_json(client, &(ClientRequest){.method = "POST", .path = path, .fields = fields}, &execution);
    free(fields);
    if (r != 0)
        return exit_of(r);
    const char *id = json_get_text(execution, "id", "");
    if (options->wait || options->follow)
        return wait_for(client, options, id);
    if (options->json)
        print_json(execution);
    else
        (void)printf("%s\n", id);
    return EXIT_OK;
}

static int act(Client *client, const Options *options, const char *method, const char *suffix)
{
    int code = EXIT_OK;
    for (char *const *argument = options->arguments; *argument && code == EXIT_OK; argument++) {
        _cleanup_free_ char *id = client_escape(*argument);
        _cleanup_free_ char *path = xasprintf("/api/v1/executions/%s%s", id, suffix);
        _cleanup_json_ json_t *answer = NULL;
        code = exit_of(client_json(client, &(ClientRequest){.method = method, .path = path}, &answer));
        if (code == EXIT_OK && answer && options->json)
            print_json(answer);
    }
    return code;
}

static int execution_kill(Client *client, const Options *options)
{
    return act(client, options, "DELETE", "/kill");
}

static int execution_restart(Client *client, const Options *options)
{
    return act(client, options, "POST", "/restart");
}

static int execution_replay(Client *client, const Options *options)
{
    return act(client, options, "POST", "/replay");
}

static int execution_delete(Client *client, const Options *options)
{
    return act(client, options, "DELETE", "");
}

const Command commands_execution[] = {
    {"run", "NAMESPACE.FLOW", 1, 2, "Starts an execution (--input NAME=VALUE, --wait, --follow, --label K:V)",
     execution_run},
    {"logs", "EXECUTION", 1, 1, "The log of an execution (--follow, --level)", execution_logs},
    {"execution list", "", 0, 0, "Executions, newest first (--query, --namespace, --state, --limit)", execution_list},
    {"execution get", "EXECUTION", 1, 1, "An execution with its task runs", execution_get},
    {"execution kill", "EXECUTION…", 1, -1, "Kills executions and what they run", execution_kill},
    {"execution restart", "EXECUTION…", 1, -1, "Restarts failed executions where they failed", execution_restart},
    {"execution replay", "EXECUTION…", 1, -1, "Starts executions again from the beginning, as new ones",
     execution_replay},
    {"execution delete", "EXECUTION…", 1, -1, "Deletes executions with their logs", execution_delete},
    {},
};
