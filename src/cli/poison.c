/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that were set aside because nobody could handle them. */
#include "cli/command.h"

#define BODY_BYTES_MAX (64 << 20)

static void show_list(const json_t *answer)
{
    static const char *const columns[] = {"ID", "AGE", "KIND", "OF", "REASON", NULL};
    json_t *rows = json_array(), *message;
    size_t index;
    json_array_foreach (json_object_get(answer, "results"), index, message) {
        _cleanup_free_ char *age = age_text(json_get_text(message, "setAside", NULL));
        json_array_append_new(rows, json_pack("[s, s, s, s, s]", json_get_text(message, "id", "?"), age,
                                              json_get_text(message, "kind", "?"), json_get_text(message, "key", "?"),
                                              json_get_text(message, "reason", "?")));
    }
    print_table(columns, rows);
}

static int poison_list(Client *client, const Options *options)
{
    _cleanup_free_ char *path = xasprintf("/api/v1/poison?size=%" PRId64, options->limit);
    return show_get(client, options, path, show_list);
}

static char *path_of(const char *id, const char *suffix)
{
    _cleanup_free_ char *escaped = client_escape(id);
    return xasprintf("/api/v1/poison/%s%s", escaped, suffix);
}

static int poison_show(Client *client, const Options *options)
{
    _cleanup_free_ char *path = path_of(options->arguments[0], "");
    return show_get(client, options, path, NULL);
}

/* Every id of the arguments, or with `all` of all that is set aside. New; NULL: no answer or refused, *ret_code says
 * which. */
static json_t *chosen(Client *client, const Options *options, int *ret_code)
{
    json_t *ids = json_array(), *message;
    _cleanup_json_ json_t *answer = NULL;
    size_t index;
    for (int i = 0; i < options->argument_count; i++)
        json_array_append_new(ids, json_string(options->arguments[i]));
    if (!options->all)
        return ids;
    int r = client_json(client, &(ClientRequest){.method = "GET", .path = "/api/v1/poison?size=100000"}, &answer);
    if (r != 0) {
        *ret_code = exit_of(r);
        json_decref(ids);
        return NULL;
    }
    json_array_foreach (json_object_get(answer, "results"), index, message)
        json_array_append(ids, json_object_get(message, "id"));
    return ids;
}

static int change(Client *client, const Options *options, const char *method, const char *path, const char *done)
{
    int code = EXIT_OK;
    _cleanup_json_ json_t *ids = chosen(client, options, &code), *answer = NULL;
    if (!ids)
        return code;
    if (json_array_size(ids) == 0 && !options->all) {
        (void)fprintf(stderr, "kestractl: which? Give ids, or --all\n");
        return EXIT_USAGE;
    }
    _cleanup_free_ char *text = json_text(ids);
    int r = client_json(
        client, &(ClientRequest){.method = method, .path = path, .body = text, .content_type = "application/json"},
        &answer);
    if (r != 0)
        return exit_of(r);
    int64_t count = json_get_integer(answer, "count", 0);
    if (options->json)
        print_json(answer);
    else
        (void)printf("%" PRId64 " %s\n", count, done);
    if ((size_t)count == json_array_size(ids))
        return EXIT_OK;
    (void)fprintf(stderr, "kestractl: %zu of the ids are not there\n", json_array_size(ids) - (size_t)count);
    return EXIT_FAILED;
}

/* One message with another body. */
static int replay_with_body(Client *client, const Options *options)
{
    _cleanup_buffer_ Buffer body = {};
    if (options->argument_count != 1 || options->all) {
        (void)fprintf(stderr, "kestractl: --body is for one id\n");
        return EXIT_USAGE;
    }
    int r = read_source(options->body, BODY_BYTES_MAX, &body);
    if (r != 0)
        return EXIT_FAILED;
    _cleanup_free_ char *path = path_of(options->arguments[0], "/replay");
    _cleanup_json_ json_t *answer = NULL;
    return exit_of(
        client_json(client,
                    &(ClientRequest){
                        .method = "POST", .path = path, .body = buffer_text(&body), .content_type = "application/json"},
                    &answer));
}

static int poison_replay(Client *client, const Options *options)
{
    return options->body ? replay_with_body(client, options)
                         : change(client, options, "POST", "/api/v1/poison/replay/by-ids", "replayed");
}

static int poison_discard(Client *client, const Options *options)
{
    return change(client, options, "DELETE", "/api/v1/poison/by-ids", "discarded");
}

const Command commands_poison[] = {
    {"poison list", "", 0, 0, "Messages that were set aside because nobody could handle them", poison_list},
    {"poison show", "ID", 1, 1, "One of them, with its body", poison_show},
    {"poison replay", "[ID…]", 0, -1, "Handles them again (--all; --body FILE: with another body)", poison_replay},
    {"poison discard", "[ID…]", 0, -1, "Forgets them (--all)", poison_discard},
    {},
};
