/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio_ext.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"
#include "doc/conf.h"
#include "expr/expr.h"

#define RUN_DIRECTORY "/run/kestra"

/* --- status --- */

static const char *const roles[] = {"webserver", "scheduler", "executor", "worker", "indexer", NULL};

/* What a role says of itself on its socket. Steals health; 0 when it is UP. */
static int role_answered(const char *role, bool is_up, json_t *health, json_t *rows, json_t *all)
{
    _cleanup_buffer_ Buffer words = {};
    const char *name;
    json_t *component;
    json_object_foreach (json_object_get(health, "components"), name, component) {
        const json_t *details = json_object_get(component, "details");
        const char *word = json_get_text(component, "description", json_get_text(details, "description", ""));
        buffer_printf(&words, "%s%s: %s%s%s", words.length ? ", " : "", name, json_get_text(component, "status", "?"),
                      *word ? " " : "", word);
    }
    json_array_append_new(rows,
                          json_pack("[s, s, s]", role, json_get_text(health, "status", "?"), buffer_text(&words)));
    json_object_set_new(all, role, health);
    return !is_up;
}

/* The sockets of the roles are theirs and root's; others hear what the webserver knows. 0 when it is UP, or not known.
 */
static int role_by_webserver(Client *client, const char *role, json_t **instances, json_t *rows, json_t *all)
{
    if (!*instances &&
        client_json(client, &(ClientRequest){.method = "GET", .path = "/api/v1/cluster/instances"}, instances) != 0)
        *instances = json_array(); /* the reason was printed */
    char host[HOST_NAME_MAX + 1] = "";
    (void)gethostname(host, sizeof(host) - 1); /* without a name nothing is found */
    size_t index;
    json_t *instance, *found = NULL;
    json_array_foreach (*instances, index, instance)
        if (streq(json_get_text(instance, "role", ""), role) && streq(json_get_text(instance, "host", ""), host) &&
            (!found || streq(json_get_text(instance, "state", ""), "ALIVE")))
            found = instance;
    bool is_up = found && streq(json_get_text(found, "state", ""), "ALIVE");
    _cleanup_free_ char *age = age_text(json_get_text(found, "heartbeatDate", NULL));
    _cleanup_free_ char *words = found ? xasprintf("heartbeat %s; root sees more", age) : xstrdup("only root sees it");
    json_array_append_new(rows, json_pack("[s, s, s]", role, is_up ? "UP" : found ? "DOWN" : "?", words));
    if (found)
        json_object_set(all, role, found);
    return found && !is_up;
}

/* One role's row; 0 when it is UP. */
static int status_row(Client *webserver, const char *role, json_t **instances, json_t *rows, json_t *all)
{
    _cleanup_free_ char *path = xasprintf(RUN_DIRECTORY "/%s.sock", role);
    if (access(path, F_OK) != 0) {
        json_array_append_new(rows, json_pack("[s, s, s]", role, "absent", "no socket: not installed, or not started"));
        return 1;
    }
    if (access(path, W_OK) != 0 && errno == EACCES)
        return role_by_webserver(webserver, role, instances, rows, all);
    _cleanup_(client_freep) Client *client = client_new(&(ClientSettings){.server = path});
    _cleanup_buffer_ Buffer body = {};
    json_t *health = NULL;
    long status = 0;
    if (client_send(client, &(ClientRequest){.method = "GET", .path = "/health"}, &status, &body) != 0 ||
        json_parse(buffer_text(&body), body.length, 0, &health, NULL) != 0) {
        json_array_append_new(rows, json_pack("[s, s, s]", role, "DOWN", "no answer: journalctl -u kestra-*"));
        return 1;
    }
    return role_answered(role, status == 200, health, rows, all);
}

static int status(Client *client, const Options *options)
{
    static const char *const columns[] = {"ROLE", "STATE", "COMPONENTS", NULL};
    json_t *rows = json_array();
    _cleanup_json_ json_t *all = json_object(), *instances = NULL;
    int down = 0;
    for (const char *const *role = roles; *role; role++)
        down |= status_row(client, *role, &instances, rows, all);
    if (options->json) {
        print_json(all);
        json_decref(rows);
    } else {
        print_table(columns, rows);
    }
    return down ? EXIT_KILLED : EXIT_OK;
}

/* --- plugins --- */

static void show_plugins(const json_t *answer)
{
    static const char *const sections[] = {"tasks", "triggers", "conditions", "taskRunners"};
    size_t index, at;
    json_t *plugin, *type;
    json_array_foreach (answer, index, plugin)
        for (size_t i = 0; i < ELEMENTS(sections); i++)
            json_array_foreach (json_object_get(plugin, sections[i]), at, type)
                (void)puts(json_is_string(type) ? json_string_value(type) : json_get_text(type, "cls", "?"));
}

static int plugin_list(Client *client, const Options *options)
{
    return show_get(client, options, "/api/v1/plugins", show_plugins);
}

static void show_markdown(const json_t *answer)
{
    (void)puts(json_get_text(answer, "markdown", ""));
}

static int plugin_doc(Client *client, const Options *options)
{
    _cleanup_free_ char *type = client_escape(options->arguments[0]);
    _cleanup_free_ char *path = xasprintf("/api/v1/plugins/%s", type);
    return show_get(client, options, path, show_markdown);
}

/* --- configuration --- */

static int config_check(Client *client, const Options *options)
{
    (void)client;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Conf *conf = NULL;
    const char *file = options->config ? options->config : CONF_FILE;
    const char *slash = strrchr(file, '/');
    _cleanup_free_ char *directory =
        xasprintf("%.*skestra.d", slash ? (int)(slash - file + 1) : 0, file); /* its neighbour, as the roles read it */
    int r = conf_load(file, directory, &conf, &diag);
    _cleanup_free_ char *text = diag_format(&diag, NULL);
    if (r != 0) {
        (void)fprintf(stderr, "%s\n", *text ? text : strerrordesc_np(-r));
        return EXIT_FAILED;
    }
    (void)printf("%s is valid\n", file);
    conf_free(conf);
    return EXIT_OK;
}

/* --- expressions --- */

static int load_json(const char *path, json_t **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_buffer_ Buffer text = {};
    FILE *file = streq(path, "-") ? stdin : fopen(path, "re");
    if (!file) {
        (void)fprintf(stderr, "kestractl: %s: %m\n", path);
        return 1;
    }
    char piece[65536];
    size_t length;
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
        buffer_append_n(&text, piece, length);
    if (file != stdin)
        (void)fclose(file); /* only read */
    if (json_parse(buffer_text(&text), text.length, 0, ret, &diag) != 0) {
        _cleanup_free_ char *problem = diag_format(&diag, path);
        (void)fprintf(stderr, "kestractl: %s\n", problem);
        return 1;
    }
    return 0;
}

static int expression_eval(Client *client, const Options *options)
{
    (void)client;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *variables = NULL;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_free_ char *text = NULL;
    if (options->context && load_json(options->context, &variables) != 0)
        return EXIT_FAILED;
    if (!variables)
        variables = json_object();
    const char *source = options->arguments[0];
    int r = expr_compile(source, strlen(source), &expr, &diag);
    if (r == 0)
        r = expr_render(expr, &(ExprContext){.variables = variables}, &text, &diag);
    if (r != 0) {
        (void)fprintf(stderr, "kestractl: %s\n", diag_first(&diag));
        return EXIT_FAILED;
    }
    (void)puts(text);
    return EXIT_OK;
}

/* --- the administrator's password --- */

#define PASSWORD_LENGTH 20

/* Letters and digits that are not taken for each other. 54 of them: 20 make 115 bits. */
static void make_password(char ret[static PASSWORD_LENGTH + 1])
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789";
    unsigned filled = 0;
    while (filled < PASSWORD_LENGTH) {
        unsigned char byte;
        if (getrandom(&byte, 1, 0) != 1)
            abort();
        if (byte < 256 / (sizeof(letters) - 1) * (sizeof(letters) - 1)) /* no letter more likely than another */
            ret[filled++] = letters[byte % (sizeof(letters) - 1)];
    }
    ret[filled] = 0;
}

/* Without echo from a terminal, else a line of standard input. */
static char *ask_password(void)
{
    struct termios terminal, silent;
    bool is_terminal = tcgetattr(STDIN_FILENO, &terminal) == 0;
    if (is_terminal) {
        (void)fputs("New password (empty: a random one): ", stderr);
        silent = terminal;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent); /* echoing it is the worst that can happen */
    }
    char *line = NULL;
    size_t allocated = 0;
    ssize_t length = getline(&line, &allocated, stdin);
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal); /* as above */
        (void)fputc('\n', stderr);
    }
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        line[--length] = 0;
    if (length <= 0) {
        free(line);
        return NULL;
    }
    return line;
}

static int user_password(Client *client, const Options *options)
{
    const char *user = options->argument_count ? options->arguments[0] : "admin@kestra.local";
    char made[PASSWORD_LENGTH + 1];
    _cleanup_free_ char *asked = ask_password();
    if (!asked)
        make_password(made);
    _cleanup_json_ json_t *body = json_pack("{s:s, s:s}", "username", user, "password", asked ? asked : made);
    _cleanup_free_ char *text = json_text(body);
    _cleanup_json_ json_t *answer = NULL;
    int r = client_json(
        client,
        &(ClientRequest){
            .method = "POST", .path = "/api/v1/basicAuth", .body = text, .content_type = "application/json"},
        &answer);
    if (r == 0 && !asked)
        (void)printf("user:     %s\npassword: %s\n", user, made);
    explicit_bzero(made, sizeof(made));
    explicit_bzero(text, strlen(text));
    return exit_of(r);
}

const Command commands_other[] = {
    {"status", "", 0, 0, "Health of every role on this machine", status},
    {"plugin list", "", 0, 0, "Task, trigger, condition and task-runner types", plugin_list},
    {"plugin doc", "TYPE", 1, 1, "Documentation of a type", plugin_doc},
    {"config check", "", 0, 0, "Checks kestra.yaml and kestra.d/*.yaml (--config FILE)", config_check},
    {"expression eval", "TEXT", 1, 1, "Renders an expression (--context FILE: its variables as JSON)", expression_eval},
    {"user password", "[NAME]", 0, 1, "Sets the administrator's password: asked for, or a random one", user_password},
    {},
};
