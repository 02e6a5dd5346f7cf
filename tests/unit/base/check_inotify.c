/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/inotify.h"
#include "base/log.h"

static char root[64];
static Loop *loop;
static Inotify *inotify;
static Buffer seen; /* " +path" without the root, or " overflow", " gone" */

static int on_change(void *userdata, InotifyChange change, const char *path)
{
    static const char *const words[] = {[INOTIFY_OVERFLOW] = "overflow", [INOTIFY_GONE] = "gone"};
    if (change == INOTIFY_PATH) {
        ck_assert(starts_with(path, root));
        buffer_printf(&seen, " %s", path + strlen(root) + 1);
    } else
        buffer_printf(&seen, " %s", words[change]);
    if (userdata)
        inotify = inotify_free(inotify);
    return 0;
}

static const char *changes(void)
{
    buffer_clear(&seen);
    while (sd_event_run(loop_event(loop), 0) > 0)
        ;
    return buffer_text(&seen);
}

static const char *at(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, 256, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close_fd(fd);
}

static bool mentions(const char *text, const char *name)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), " %s", name);
    for (const char *p = text; (p = strstr(p, wanted)); p++)
        if (p[strlen(wanted)] == 0 || p[strlen(wanted)] == ' ')
            return true;
    return false;
}

static void set_up(void)
{
    (void)snprintf(root, sizeof(root), "%s", "/tmp/kestra-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    ck_assert_int_eq(mkdir(at("old"), 0755), 0);
    ck_assert_int_eq(loop_new(&loop), 0);
    ck_assert_int_eq(inotify_new(loop, root, on_change, NULL, &inotify), 0);
}

static void tear_down(void)
{
    inotify_free(inotify);
    loop_free(loop);
    buffer_done(&seen);
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(test_files)
{
    write_file("a");
    write_file("old/b");
    const char *text = changes();
    ck_assert(mentions(text, "a") && mentions(text, "old/b"));
    ck_assert_int_eq(rename(at("a"), at("old/c")), 0);
    text = changes();
    ck_assert(mentions(text, "a") && mentions(text, "old/c"));
    ck_assert_int_eq(unlink(at("old/b")), 0);
    ck_assert(mentions(changes(), "old/b"));
    ck_assert_str_eq(changes(), "");
}
END_TEST

START_TEST(test_new_directories)
{
    ck_assert_int_eq(mkdir(at("n"), 0755), 0);
    ck_assert_int_eq(mkdir(at("n/m"), 0755), 0);
    write_file("n/m/deep"); /* before we could watch n */
    ck_assert(mentions(changes(), "n/m/deep"));
    ck_assert_uint_eq(inotify_directories(inotify), 4);
    write_file("n/m/later");
    ck_assert(mentions(changes(), "n/m/later"));
}
END_TEST

START_TEST(test_moved_directory)
{
    write_file("old/f");
    changes();
    ck_assert_int_eq(rename(at("old"), at("new")), 0);
    const char *text = changes();
    ck_assert(mentions(text, "old") && mentions(text, "new/f"));
    write_file("new/g");
    text = changes();
    ck_assert(mentions(text, "new/g") && !mentions(text, "old/g"));
    ck_assert_uint_eq(inotify_directories(inotify), 2);
}
END_TEST

START_TEST(test_root_gone)
{
    ck_assert_int_eq(rmdir(at("old")), 0);
    ck_assert_int_eq(rmdir(root), 0);
    const char *text = changes();
    ck_assert(mentions(text, "old") && mentions(text, "gone"));
    Inotify *other = NULL;
    ck_assert_int_eq(inotify_new(loop, root, on_change, NULL, &other), -ENOENT);
}
END_TEST

START_TEST(test_overflow)
{
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
    char text[32] = "";
    ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
    close_fd(fd);
    int limit = 0;
    ck_assert_int_eq(sscanf(text, "%d", &limit), 1);
    for (int i = 0; i < limit / 2 + 1; i++) { /* each pair is two different events, which are not merged */
        ck_assert_int_eq(mknod(at("x"), S_IFREG | 0644, 0), 0);
        ck_assert_int_eq(unlink(at("x")), 0);
    }
    ck_assert(mentions(changes(), "overflow"));
}
END_TEST

START_TEST(test_free_in_callback)
{
    inotify_free(inotify);
    ck_assert_int_eq(inotify_new(loop, root, on_change, &inotify, &inotify), 0);
    write_file("a");
    write_file("b");
    ck_assert_str_eq(changes(), " a");
    ck_assert_ptr_null(inotify);
}
END_TEST

int main(void)
{
    log_open("check", LOG_ERR);
    Suite *suite = suite_create("inotify");
    TCase *test_case = tcase_create("inotify");
    tcase_add_checked_fixture(test_case, set_up, tear_down);
    tcase_set_timeout(test_case, 30);
    tcase_add_test(test_case, test_files);
    tcase_add_test(test_case, test_new_directories);
    tcase_add_test(test_case, test_moved_directory);
    tcase_add_test(test_case, test_root_gone);
    tcase_add_test(test_case, test_overflow);
    tcase_add_test(test_case, test_free_in_callback);
    suite_add_tcase(suite, test_case);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
