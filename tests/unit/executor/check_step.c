/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays every file of tests/data/step: flows, a script, and the states that must come of it. To see what a case gives:
 * check_step FILE. A case has sections "=== flow" (one or more), "=== script", "=== expected", "=== logs" and
 * "=== labels" (optional).
 *
 * Script lines: start [JSON inputs] | run | fail TASK [ATTEMPT] | warn TASK | outputs TASK JSON | hold TASK | answer
 * TASK STATE | notes TASK JSON | advance DURATION | send KIND [JSON] | send-child KIND [JSON] | replay [TASK
 * [REVISION]] | takeover | lose-worker | depth MAX (of subflows) | timers [COUNT] | with-outputs | start-as JSON | post
 * KIND [JSON] (send, and do not run) | stale KIND [JSON] (send, and it is of no effect) | invalid KIND [JSON] (send,
 * and it is set aside) | tell KEY KIND [JSON] (to a line for slots or a window) | limits BYTES TASK-RUNS [BYTES] (of a
 * message; begun in a batch; of a batch) | drop-flow ID | outage TIMES
 */
#include "base/buffer.h"
#include "doc/json.h"
#include "sim/play.h"
#include "when/duration.h"

#include <check.h>
#include <glob.h>

#define SECTIONS_MAX 16

typedef struct Case {
    char *text;
    VEC(char *) flows;
    char *script, *expected, *logs, *labels;
} Case;

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    Buffer text = {};
    char block[4096];
    size_t length;
    while ((length = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append_n(&text, block, length);
    fclose(file);
    return buffer_take(&text);
}

_noreturn_ static void refuse(const char *what, const char *text)
{
    fprintf(stderr, "'%s' %s\n", text, what);
    abort();
}

static void take_section(Case *c, const char *name, char *body)
{
    if (starts_with(name, "flow"))
        vec_push(&c->flows, body);
    else if (starts_with(name, "script"))
        c->script = body;
    else if (starts_with(name, "expected"))
        c->expected = body;
    else if (starts_with(name, "logs"))
        c->logs = body;
    else if (starts_with(name, "labels"))
        c->labels = body;
}

static Case read_case(const char *path)
{
    Case c = {.text = read_file(path)};
    if (!c.text)
        refuse("cannot be read", path);
    char *mark = strstr(c.text, "=== ");
    while (mark) {
        char *body = strchr(mark, '\n') + 1;
        char *next = strstr(body, "=== ");
        if (next)
            next[-1] = '\0';
        take_section(&c, mark + 4, body);
        mark = next;
    }
    return c;
}

static json_t *json_of(const char *text)
{
    return text && *text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
}

typedef struct Player {
    Play *play;
    bool with_outputs;
} Player;

static void do_start(Player *player, const char *word, const char *rest)
{
    play_start(player->play, json_of(word ? rest : NULL));
}
static void do_run(Player *player, const char *word, const char *rest)
{
    play_run(player->play);
}
static void do_fail(Player *player, const char *word, const char *rest)
{
    play_rule(player->play, word, *rest ? rest[0] - '0' : -1, STATE_FAILED, NULL);
}
static void do_warn(Player *player, const char *word, const char *rest)
{
    play_rule(player->play, word, -1, STATE_WARNING, NULL);
}
static void do_outputs(Player *player, const char *word, const char *rest)
{
    play_rule(player->play, word, -1, STATE_SUCCESS, json_of(rest));
}
static void do_notes(Player *player, const char *word, const char *rest)
{
    play_notes(player->play, word, json_of(rest));
}
static void do_hold(Player *player, const char *word, const char *rest)
{
    play_rule(player->play, word, -1, STATE_CREATED, NULL);
}
static void do_answer(Player *player, const char *word, const char *rest)
{
    play_answer(player->play, word, state_from_string(rest));
    play_run(player->play);
}
static void do_advance(Player *player, const char *word, const char *rest)
{
    usec_t by;
    if (duration_parse(word, &by) != 0)
        refuse("is no duration", word);
    play_advance(player->play, by);
}
static void do_send(Player *player, const char *word, const char *rest)
{
    play_send(player->play, word, json_of(rest));
    play_run(player->play);
}
static void do_start_as(Player *player, const char *word, const char *rest)
{
    play_start_as(player->play, json_of(rest));
}
static void do_post(Player *player, const char *word, const char *rest)
{
    play_send(player->play, word, json_of(rest));
}
static void do_stale(Player *player, const char *word, const char *rest)
{
    uint64_t before = owner_counts(play_owner(player->play)).stale;
    do_send(player, word, rest);
    if (owner_counts(play_owner(player->play)).stale == before)
        refuse("is not stale", word);
}
static void do_invalid(Player *player, const char *word, const char *rest)
{
    uint64_t before = owner_counts(play_owner(player->play)).set_aside;
    do_send(player, word, rest);
    if (owner_counts(play_owner(player->play)).set_aside == before)
        refuse("is not set aside", word);
}
static void do_limits(Player *player, const char *word, const char *rest)
{
    char *end;
    unsigned begun = (unsigned)strtoul(rest, &end, 10);
    play_limits(player->play, strtoul(word, NULL, 10), begun, strtoul(end, NULL, 10));
}
static void do_drop_flow(Player *player, const char *word, const char *rest)
{
    play_drop_flow(player->play, word);
}
static void do_outage(Player *player, const char *word, const char *rest)
{
    play_outage(player->play, (unsigned)strtoul(word, NULL, 10));
}
static void do_tell(Player *player, const char *word, const char *rest)
{
    size_t length = strcspn(rest, " ");
    _cleanup_free_ char *kind = xasprintf("%.*s", (int)length, rest);
    play_send_to(player->play, word, kind, json_of(rest + length));
    play_run(player->play);
}
static void do_send_child(Player *player, const char *word, const char *rest)
{
    play_send_child(player->play, word, json_of(rest));
    play_run(player->play);
}
static void do_replay(Player *player, const char *word, const char *rest)
{
    play_replay(player->play, word && !streq(word, "all") ? word : NULL, (int)strtol(rest, NULL, 10));
    play_run(player->play);
}
static void do_timers(Player *player, const char *word, const char *rest)
{
    size_t timers = queue_store_counts(play_store(player->play)).timers;
    if (timers != (size_t)(word ? word[0] - '0' : 0))
        refuse("timers are set", word ? word : "other than 0");
}
static void do_depth(Player *player, const char *word, const char *rest)
{
    play_depth(player->play, (unsigned)(word[0] - '0'));
}
static void do_lose_worker(Player *player, const char *word, const char *rest)
{
    play_lose_worker(player->play);
}
static void do_takeover(Player *player, const char *word, const char *rest)
{
    play_takeover(player->play);
}
static void do_with_outputs(Player *player, const char *word, const char *rest)
{
    player->with_outputs = true;
}

static const struct {
    const char *name;
    void (*run)(Player *player, const char *word, const char *rest);
} commands[] = {
    {"start", do_start},
    {"start-as", do_start_as},
    {"run", do_run},
    {"fail", do_fail},
    {"warn", do_warn},
    {"outputs", do_outputs},
    {"notes", do_notes},
    {"hold", do_hold},
    {"answer", do_answer},
    {"advance", do_advance},
    {"send", do_send},
    {"send-child", do_send_child},
    {"post", do_post},
    {"stale", do_stale},
    {"invalid", do_invalid},
    {"tell", do_tell},
    {"limits", do_limits},
    {"drop-flow", do_drop_flow},
    {"outage", do_outage},
    {"replay", do_replay},
    {"takeover", do_takeover},
    {"lose-worker", do_lose_worker},
    {"depth", do_depth},
    {"timers", do_timers},
    {"with-outputs", do_with_outputs},
};

static void run_line(Player *player, char *line)
{
    char *save, *name = strtok_r(line, " ", &save);
    if (!name)
        return;
    char *all = save ? save : line + strlen(line);
    if (streq(name, "start") || streq(name, "start-as")) { /* the JSON may have blanks */
        (streq(name, "start") ? do_start : do_start_as)(player, "", all);
        return;
    }
    char *word = strtok_r(NULL, " ", &save);
    const char *rest = word && save ? save : "";
    for (size_t i = 0; i < ELEMENTS(commands); i++)
        if (streq(commands[i].name, name)) {
            commands[i].run(player, word, rest);
            return;
        }
    refuse("is no command", name);
}

static char *play_case(const Case *c, char **ret_logs, char **ret_labels)
{
    Player player = {.play = play_new(1)};
    for (size_t i = 0; i < c->flows.count; i++)
        play_add_flow(player.play, c->flows.items[i]);
    char *save;
    for (char *line = strtok_r(c->script, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        run_line(&player, line);
    char *trace = play_trace(player.play, player.with_outputs);
    *ret_logs = play_logs(player.play);
    *ret_labels = play_labels(player.play);
    play_free(player.play);
    return trace;
}

/* Each expected log line must be there, in this order. */
static const char *missing_log(char *expected, const char *logs)
{
    char *save;
    for (char *line = strtok_r(expected, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        logs = strstr(logs, line);
        if (!logs)
            return line;
    }
    return NULL;
}

static glob_t files;

START_TEST(every_case)
{
    const char *path = files.gl_pathv[_i];
    Case c = read_case(path);
    ck_assert_msg(c.script && c.expected && c.flows.count, "%s lacks a section", path);
    char *logs, *labels, *trace = play_case(&c, &logs, &labels);
    ck_assert_msg(streq(trace, c.expected), "%s gave:\n%s\ninstead of:\n%s", path, trace, c.expected);
    const char *missing = c.logs ? missing_log(c.logs, logs) : NULL;
    ck_assert_msg(!missing, "%s did not log '%s' but:\n%s", path, missing, logs);
    free(trace);
    ck_assert_msg(!c.labels || streq(labels, c.labels), "%s has the labels\n%s", path, labels);
    free(labels);
    free(logs);
    vec_free(&c.flows);
    free(c.text);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1) {
        Case c = read_case(argv[1]);
        char *logs, *labels, *trace = play_case(&c, &logs, &labels);
        fprintf(stdout, "%s---\n%s---\n%s", trace, logs, labels);
        return EXIT_SUCCESS;
    }
    glob(STEP_CASES "/*.case", 0, NULL, &files);
    Suite *suite = suite_create("step");
    TCase *tcase = tcase_create("cases");
    tcase_add_loop_test(tcase, every_case, 0, (int)files.gl_pathc);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner) || files.gl_pathc == 0;
    srunner_free(runner);
    globfree(&files);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
