/* SPDX-License-Identifier: Apache-2.0 */
/* Sandbox of tasks: what is asked for, what the administrator requires, and the command line that comes of it. */
#include <check.h>

#include "base/buffer.h"
#include "doc/json.h"
#include "plugin/sandbox.h"

static Buffer said;

static void take_log(void *userdata, int level, const char *message)
{
    buffer_append(&said, message);
}

static const RunOps ops = {.log = take_log};

#define STRICT                                                                                                         \
    "{'readOnlyRoot':true,'privateNetwork':true,'hiddenPaths':['/home','/srv'],'readOnlyPaths':['/srv/"                \
    "data'],'readWritePaths':['/srv/out']}"

static const struct {
    const char *policy, *asked, *command; /* command: "" when nothing is confined */
    const char *error;                    /* instead of it */
} cases[] = {
    {"{}", "{}", "", NULL},
    {"{}", "{'privateTmp':false,'user':'','hiddenPaths':[]}", "", NULL},
    {"{}", "{'noNewPrivileges':true}", "helper --no-new-privileges --hide=/store -- sh -c true", NULL},
    {"{}", "{'privateNetwork':'true','user':'nobody'}",
     "helper --private-network --user=nobody --hide=/store -- sh -c true", NULL},
    /* what is always hidden is shown by nobody but the administrator */
    {"{}", "{'readOnlyPaths':['/store/others']}", NULL,
     "sandbox.readOnlyPaths: /store/others loosens what is always hidden of this worker; flows can only tighten it"},
    {"{}", "{'readWritePaths':['/store']}", NULL,
     "sandbox.readWritePaths: /store loosens what is always hidden of this worker; flows can only tighten it"},
    {"{'readOnlyPaths':['/store']}", "{'readOnlyPaths':['/store/mine']}",
     "helper --hide=/store --read-only=/store --read-only=/store/mine -- sh -c true", NULL},
    /* nor is the superuser, under any of its names */
    {"{}", "{'user':'0'}", NULL,
     "sandbox.user: '0' is the superuser, whom only worker.sandbox.user of this worker allows"},
    {"{}", "{'user':0}", NULL,
     "sandbox.user: '0' is the superuser, whom only worker.sandbox.user of this worker allows"},
    {"{}", "{'user':'000'}", NULL,
     "sandbox.user: '000' is the superuser, whom only worker.sandbox.user of this worker allows"},
    {"{}", "{'user':'root'}", NULL,
     "sandbox.user: 'root' is the superuser, whom only worker.sandbox.user of this worker allows"},
    {"{'user':'0'}", "{}", "helper --user=0 --hide=/store -- sh -c true", NULL},
    {"{'user':'0'}", "{'user':0}", "helper --user=0 --hide=/store -- sh -c true", NULL},
    {"{}", "{'readOnlyRoot':true,'readWritePaths':['/srv/a']}",
     "helper --read-only-root --hide=/store --read-write=/srv/a -- sh -c true", NULL},
    {"{'privateTmp':true}", "{}", "helper --private-tmp --hide=/store -- sh -c true", NULL},
    {STRICT, "{}",
     "helper --read-only-root --private-network --hide=/store --hide=/home --hide=/srv --read-only=/srv/data "
     "--read-write=/srv/out -- sh -c true",
     NULL},
    {STRICT, "{'readWritePaths':['/srv/out/mine'],'privateTmp':true}",
     "helper --read-only-root --private-tmp --private-network --hide=/store --hide=/home --hide=/srv "
     "--read-only=/srv/data "
     "--read-write=/srv/out/mine -- sh -c true",
     NULL},
    {STRICT, "{'readWritePaths':[],'hiddenPaths':['/srv/data/private','/srv/data']}",
     "helper --read-only-root --private-network --hide=/store --hide=/home --hide=/srv --hide=/srv/data/private "
     "--hide=/srv/data "
     "-- sh -c true",
     NULL},
    {STRICT, "{'readOnlyPaths':['/srv/out']}",
     "helper --read-only-root --private-network --hide=/store --hide=/home --hide=/srv --read-only=/srv/data "
     "--read-only=/srv/out --read-write=/srv/out -- sh -c true",
     NULL},
    {STRICT, "{'readOnlyRoot':false}", NULL,
     "sandbox.readOnlyRoot: false loosens worker.sandbox.read-only-root of this worker; flows can only tighten it"},
    {STRICT, "{'privateNetwork':'false'}", NULL,
     "sandbox.privateNetwork: false loosens worker.sandbox.private-network of this worker; flows can only tighten it"},
    {STRICT, "{'readWritePaths':['/var']}", NULL,
     "sandbox.readWritePaths: /var loosens worker.sandbox.read-only-root of this worker; flows can only tighten it"},
    {STRICT, "{'readWritePaths':['/srv/output']}", NULL,
     "sandbox.readWritePaths: /srv/output loosens worker.sandbox.read-only-root of this worker; flows can only tighten "
     "it"},
    {STRICT, "{'readOnlyPaths':['/home/alice']}", NULL,
     "sandbox.readOnlyPaths: /home/alice loosens worker.sandbox.hidden-paths of this worker; flows can only tighten "
     "it"},
    {STRICT, "{'readOnlyPaths':['/']}", NULL,
     "sandbox.readOnlyPaths: a path is absolute, not the root, and has no '.' or '..'; found '/'"},
    {"{'readOnlyPaths':['/etc']}", "{'readWritePaths':['/etc/x']}", NULL,
     "sandbox.readWritePaths: /etc/x loosens worker.sandbox.read-only-paths of this worker; flows can only tighten it"},
    {"{'user':'nobody'}", "{'user':'root'}", NULL,
     "sandbox.user loosens worker.sandbox.user of this worker; flows can only tighten it"},
    {"{'user':'nobody'}", "{'user':'nobody'}", "helper --user=nobody --hide=/store -- sh -c true", NULL},
    {"{}", "{'hiddenPaths':['home']}", NULL,
     "sandbox.hiddenPaths: a path is absolute, not the root, and has no '.' or '..'; found 'home'"},
    {"{}", "{'readWritePaths':['/srv/../etc']}", NULL,
     "sandbox.readWritePaths: a path is absolute, not the root, and has no '.' or '..'; found '/srv/../etc'"},
    {"{}", "{'readWritePaths':[3]}", NULL,
     "sandbox.readWritePaths: a path is absolute, not the root, and has no '.' or '..'; found 'a value that is no "
     "text'"},
    {"{}", "{'hiddenPaths':'/home'}", NULL, "sandbox.hiddenPaths must be a list of paths"},
};

static json_t *parse(const char *text)
{
    _cleanup_free_ char *copy = xstrdup(text);
    json_t *value;
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    ck_assert_int_eq(json_parse(copy, strlen(copy), 0, &value, NULL), 0);
    return value;
}

static char *command_of(const json_t *sandbox)
{
    _cleanup_json_ json_t *hidden = parse("['/store']");
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"true", NULL};
    _cleanup_(arena_freep) Arena *arena = arena_new();
    Buffer text = {};
    if (!sandbox)
        return buffer_take(&text);
    for (const char *const *word = sandbox_command(sandbox, "helper", hidden, argv, arena); *word; word++)
        buffer_printf(&text, "%s%s", text.length ? " " : "", *word);
    return buffer_take(&text);
}

START_TEST(test_decide)
{
    RunContext run = {.ops = &ops};
    _cleanup_json_ json_t *policy = parse(cases[_i].policy), *asked = parse(cases[_i].asked),
                          *hidden = parse("['/store']"), *decided = NULL;
    buffer_clear(&said);
    int r = sandbox_decide(&run, policy, hidden, asked, &decided);
    if (cases[_i].error) {
        ck_assert_int_eq(r, RUN_E_FAILED);
        ck_assert_str_eq(buffer_text(&said), cases[_i].error);
        return;
    }
    ck_assert_msg(r == 0, "%s", buffer_text(&said));
    _cleanup_free_ char *command = command_of(decided);
    ck_assert_str_eq(command, cases[_i].command);
}
END_TEST

START_TEST(test_nothing_is_asked)
{
    RunContext run = {.ops = &ops};
    json_t *decided = NULL;
    _cleanup_(conf_freep) Conf *conf = conf_new();
    _cleanup_json_ json_t *policy = sandbox_policy(conf);
    ck_assert_int_eq(sandbox_decide(&run, NULL, NULL, NULL, &decided), 0);
    ck_assert_ptr_null(decided);
    ck_assert_int_eq(sandbox_decide(&run, policy, NULL, NULL, &decided), 0); /* by default nothing is confined */
    ck_assert_ptr_null(decided);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tests = tcase_create("sandbox");
    tcase_add_loop_test(tests, test_decide, 0, ELEMENTS(cases));
    tcase_add_test(tests, test_nothing_is_asked);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    buffer_done(&said);
    return failed != 0;
}
