/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups, played by directories: what is read and written, not what the kernel makes of it
 * (tests/system/limits). */
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/spawn.h"

static char directory[] = "/tmp/kestra-check-cgroup-XXXXXX";

static void set_up(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void tear_down(void)
{
    _cleanup_free_ char *command = xasprintf("exec rm -rf %s", directory);
    const char *const arguments[] = {"sh", "-c", command, NULL};
    Spawner *spawner;
    Spawned *child;
    ck_assert_int_eq(spawner_new("", &spawner), 0);
    ck_assert_int_eq(spawn_start(spawner,
                                 &(SpawnOptions){.arguments = arguments, .input = SPAWN_NULL, .output = 1, .error = 2},
                                 &child),
                     0);
    spawn_kill_tree(child, 10 * USEC_PER_SEC);
    spawn_free(child);
    spawner_free(spawner);
}

static void put(const char *file, const char *text)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", directory, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static const char *get(const char *file)
{
    static char text[256];
    _cleanup_free_ char *path = xasprintf("%s/%s", directory, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[MAX(n, (ssize_t)0)] = '\0';
    close_fd(fd);
    return text;
}

START_TEST(test_usage)
{
    CgroupUsage usage;
    put("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 2\nthrottled_usec 5\n");
    put("io.stat", "254:0 rbytes=4096 wbytes=100 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=4 wbytes=0 rios=1 wios=0\n");
    put("memory.events", "low 0\nhigh 0\nmax 17\noom 1\noom_kill 3\noom_group_kill 1\n");
    put("memory.peak", "67108864\n");
    put("pids.peak", "12\n");
    put("pids.events", "max 2\n");
    ck_assert(cgroup_usage(directory, &usage));
    ck_assert_uint_eq(usage.user_usec, 20);
    ck_assert_uint_eq(usage.system_usec, 10);
    ck_assert_uint_eq(usage.throttled_usec, 5);
    ck_assert_uint_eq(usage.read_bytes, 4100);
    ck_assert_uint_eq(usage.written_bytes, 100);
    ck_assert_uint_eq(usage.memory_peak_bytes, 67108864);
    ck_assert_uint_eq(usage.pids_peak, 12);
    ck_assert_uint_eq(usage.pids_refused, 2);
    ck_assert_uint_eq(usage.oom_kills, 3);
    ck_assert(usage.oom_here);
}
END_TEST

/* Killed because a group above ran out of memory; and an old kernel, without the newer files. */
START_TEST(test_usage_elsewhere)
{
    CgroupUsage usage;
    put("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
    ck_assert(cgroup_usage(directory, &usage));
    ck_assert_uint_eq(usage.oom_kills, 1);
    ck_assert(!usage.oom_here);
    ck_assert_uint_eq(usage.memory_peak_bytes, 0);
    ck_assert_uint_eq(usage.pids_peak, 0);
    ck_assert(!cgroup_usage("/nonexistent/group", &usage));
}
END_TEST

START_TEST(test_divide)
{
    _cleanup_free_ char *reason = NULL, *none = NULL;
    put("cgroup.controllers", "cpuset cpu memory pids hugetlb\n");
    put("cgroup.subtree_control", "");
    unsigned found = cgroup_divide(directory, &reason);
    ck_assert_uint_eq(found, 1U << CGROUP_CPU | 1U << CGROUP_MEMORY | 1U << CGROUP_PIDS);
    ck_assert_str_eq(reason, "io: not delegated to this group");
    _cleanup_free_ char *busy = NULL;
    put("cgroup.type", "domain\n"); /* not the root of all: we have to leave it, and nobody else may be in it */
    put("cgroup.procs", "1\n");
    _cleanup_free_ char *leaf = xasprintf("%s/supervisor", directory);
    ck_assert_int_eq(mkdir(leaf, 0700), 0);
    put("supervisor/cgroup.procs", "");
    put("cgroup.subtree_control", "");
    ck_assert_uint_eq(cgroup_divide(directory, &busy), 0);
    ck_assert_ptr_nonnull(strstr(busy, "cpu: other processes are in the same group"));
    ck_assert_str_eq(get("supervisor/cgroup.procs"), "0");
    ck_assert_str_eq(get("cgroup.subtree_control"), "");
    put("cgroup.procs", "");
    free(reason);
    (void)cgroup_divide(directory, &reason);
    ck_assert(starts_with(get("cgroup.subtree_control"), "+pids")); /* the last of them; a file keeps what was longer */
    put("cgroup.controllers", "cpu io memory pids\n");
    put("cgroup.subtree_control", "cpu io memory pids\n"); /* we are the successor of one who did it */
    ck_assert_uint_eq(cgroup_divide(directory, &none), (1U << _CGROUP_CONTROLLER_MAX) - 1);
    ck_assert_ptr_null(none);
}
END_TEST

START_TEST(test_limits_are_written_first)
{
    static const SpawnLimit limits[] = {{"memory.max", "67108864"}, {"pids.max", "10"}};
    const char *const arguments[] = {"true", NULL};
    _cleanup_(spawner_freep) Spawner *spawner = NULL;
    _cleanup_(spawn_freep) Spawned *child = NULL;
    SpawnOptions options = {.arguments = arguments,
                            .input = SPAWN_NULL,
                            .output = SPAWN_NULL,
                            .error = SPAWN_NULL,
                            .name = "a",
                            .limits = limits,
                            .limit_count = 2};
    _cleanup_free_ char *group = xasprintf("kestra-%d-a", (int)getpid()), *path = xasprintf("%s/%s", directory, group);
    ck_assert_int_eq(spawner_new(directory, &spawner), 0);
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_LIMIT); /* the directory has no such files */
    ck_assert_str_eq(spawner_refused(spawner), "memory.max = 67108864: No such file or directory");
    ck_assert_int_eq(access(path, F_OK), -1);
    ck_assert_int_eq(mkdir(path, 0700), 0); /* an existing group is taken */
    _cleanup_free_ char *memory = xasprintf("%s/memory.max", group), *pids = xasprintf("%s/pids.max", group),
                        *procs = xasprintf("%s/cgroup.procs", group);
    put(memory, "");
    put(pids, "");
    put(procs, "");
    ck_assert_int_eq(spawn_start(spawner, &options, &child), 0);
    ck_assert_str_eq(get(memory), "67108864");
    ck_assert_str_eq(get(pids), "10");
    ck_assert_str_eq(get(procs), "0");
    spawn_kill_tree(child, USEC_PER_SEC);
}
END_TEST

START_TEST(test_without_group_a_limit_is_refused)
{
    static const SpawnLimit limits[] = {{"memory.max", "67108864"}};
    const char *const arguments[] = {"true", NULL};
    _cleanup_(spawner_freep) Spawner *spawner = NULL;
    Spawned *child = NULL;
    SpawnOptions options = {.arguments = arguments,
                            .input = SPAWN_NULL,
                            .output = SPAWN_NULL,
                            .error = SPAWN_NULL,
                            .limits = limits,
                            .limit_count = 1};
    ck_assert_int_eq(spawner_new("", &spawner), 0);
    ck_assert_ptr_nonnull(spawner_lack(spawner));
    ck_assert_uint_eq(spawner_controllers(spawner), 0);
    ck_assert_int_eq(spawn_start(spawner, &options, &child), SPAWN_E_LIMIT);
}
END_TEST

int main(void)
{
    log_open("check", LOG_CRIT);
    Suite *suite = suite_create("cgroup");
    TCase *tests = tcase_create("cgroup");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_usage);
    tcase_add_test(tests, test_usage_elsewhere);
    tcase_add_test(tests, test_divide);
    tcase_add_test(tests, test_limits_are_written_first);
    tcase_add_test(tests, test_without_group_a_limit_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
