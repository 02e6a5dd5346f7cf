/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of tasks: what is asked for, what the administrator says, and the files that come of it. */
#include <check.h>
#include <unistd.h>

#include "base/buffer.h"
#include "doc/json.h"
#include "plugin/limits.h"

#define ALL_CONTROLLERS ((1U << _CGROUP_CONTROLLER_MAX) - 1)

static Buffer said;

static void take_log(void *userdata, int level, const char *message)
{
    buffer_append(&said, message);
}

static const RunOps ops = {.log = take_log};

static const struct {
    const char *settings, *asked, *files; /* files: "file=value;…" */
    const char *error;                    /* instead of files */
} cases[] = {
    {"{}", "{}", "", NULL},
    {"{}", "{'memory':'64MiB'}", "memory.max=67108864;memory.oom.group=1;", NULL},
    {"{}", "{'memory':67108864,'swap':0}", "memory.max=67108864;memory.swap.max=0;memory.oom.group=1;", NULL},
    {"{}", "{'cpus':1.5,'cpuWeight':50}", "cpu.max=150000 100000;cpu.weight=50;", NULL},
    {"{}", "{'cpus':'0.25','pids':'20','ioWeight':200}", "cpu.max=25000 100000;pids.max=20;io.weight=200;", NULL},
    {"{}", "{'memory':''}", "", NULL}, /* an expression that gave nothing */
    {"{}", "{'memory':'much'}", NULL, "limits.memory must be size of at least 1 MiB, but is \"much\""},
    {"{}", "{'memory':'4K'}", NULL, "limits.memory must be size of at least 1 MiB, but is \"4K\""},
    {"{}", "{'cpus':-1}", NULL, "limits.cpus must be number of at least 0.01, but is -1"},
    {"{}", "{'pids':0}", NULL, "limits.pids must be number of at least 1, but is 0"},
    {"{}", "{'pids':{}}", NULL, "limits.pids must be number of at least 1, but is {}"},
    {"{limits: {memory: 1GiB, pids: 100}}", "{'pids':200}", "memory.max=1073741824;pids.max=200;memory.oom.group=1;",
     NULL},
    {"{limits-maximum: {memory: 1GiB, cpus: 2}}", "{}",
     "memory.max=1073741824;cpu.max=200000 100000;memory.oom.group=1;", NULL},
    {"{limits-maximum: {memory: 1GiB}}", "{'memory':'2GiB'}", NULL,
     "limits.memory: 2 GiB is more than worker.limits-maximum allows: 1 GiB"},
    {"{limits-maximum: {cpus: 0.5}}", "{'cpus':0.75}", NULL,
     "limits.cpus: 0.75 is more than worker.limits-maximum allows: 0.5"},
    {"{limits: {pids: 500}, limits-maximum: {pids: 50}}", "{}", "pids.max=50;", NULL},
    {"{limits-maximum: {cpu-weight: 500, io-weight: 20}}", "{}", "cpu.weight=100;io.weight=20;", NULL},
};

static LimitPolicy policy_of(const char *settings)
{
    char path[] = "/tmp/kestra-check-limits-XXXXXX";
    _cleanup_free_ char *text = xasprintf("worker: %s\n", settings);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Conf *conf;
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ck_assert_msg(conf_load(path, NULL, &conf, &diag) == 0, "%s", diag_first(&diag));
    LimitPolicy policy = limits_policy(conf);
    conf_free(conf);
    unlink(path);
    return policy;
}

static json_t *asked_of(const char *text)
{
    json_t *asked;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &asked, NULL), 0);
    return asked;
}

static char *in_json(const char *text)
{
    char *copy = xstrdup(text);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static int decide(const LimitPolicy *policy, const char *text, Limits *ret)
{
    RunContext run = {.ops = &ops};
    _cleanup_free_ char *json = in_json(text);
    _cleanup_json_ json_t *asked = asked_of(json);
    buffer_clear(&said);
    return limits_decide(&run, policy, asked, ret);
}

static char *files_of(const Limits *limits)
{
    _cleanup_(arena_freep) Arena *arena = arena_new();
    size_t count;
    const SpawnLimit *files = limits_files(limits, arena, &count);
    Buffer text = {};
    for (size_t i = 0; i < count; i++)
        buffer_printf(&text, "%s=%s;", files[i].file, files[i].value);
    return buffer_take(&text);
}

START_TEST(test_decide)
{
    LimitPolicy policy = policy_of(cases[_i].settings);
    policy.controllers = ALL_CONTROLLERS;
    Limits limits;
    int r = decide(&policy, cases[_i].asked, &limits);
    if (cases[_i].error) {
        ck_assert_int_eq(r, RUN_E_FAILED);
        ck_assert_str_eq(buffer_text(&said), cases[_i].error);
        return;
    }
    ck_assert_msg(r == 0, "%s", buffer_text(&said));
    _cleanup_free_ char *files = files_of(&limits);
    ck_assert_str_eq(files, cases[_i].files);
}
END_TEST

START_TEST(test_bandwidth_is_set_for_every_disk)
{
    LimitPolicy policy = policy_of("{}");
    policy.controllers = ALL_CONTROLLERS;
    Limits limits;
    ck_assert_int_eq(decide(&policy, "{'ioWriteBandwidth':'1MiB'}", &limits), 0);
    _cleanup_free_ char *files = files_of(&limits);
    ck_assert(*files == '\0' ||
              (starts_with(files, "io.max=") && strstr(files, " wbps=1048576;"))); /* a host without disks */
}
END_TEST

START_TEST(test_not_enforced)
{
    LimitPolicy policy = policy_of("{limits: {memory: 1GiB}, limits-maximum: {cpus: 2}}");
    policy.controllers = 1U << CGROUP_CPU;
    policy.lack = "memory: not delegated to this group";
    Limits limits;
    _cleanup_free_ char *settings = limits_not_enforced(&policy);
    ck_assert_str_eq(settings, "worker.limits.memory");
    ck_assert_int_eq(decide(&policy, "{}", &limits), 0); /* the administrator's own limits do not stop every task */
    _cleanup_free_ char *files = files_of(&limits);
    ck_assert_str_eq(files, "cpu.max=200000 100000;");
    ck_assert_int_eq(decide(&policy, "{'memory':'2MiB'}", &limits), RUN_E_FAILED);
    ck_assert_str_eq(buffer_text(&said), "limits.memory cannot be enforced here: memory: not delegated to this group; "
                                         "worker.limits-missing: warn runs such tasks without");
    policy.refuse = false;
    ck_assert_int_eq(decide(&policy, "{'memory':'2MiB'}", &limits), 0);
    ck_assert_str_eq(buffer_text(&said), "limits.memory is not enforced here: memory: not delegated to this group");
    ck_assert_int_eq(limits.values[LIMIT_MEMORY], LIMIT_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tests = tcase_create("limits");
    tcase_add_loop_test(tests, test_decide, 0, ELEMENTS(cases));
    tcase_add_test(tests, test_bandwidth_is_set_for_every_disk);
    tcase_add_test(tests, test_not_enforced);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    buffer_done(&said);
    return failed != 0;
}
