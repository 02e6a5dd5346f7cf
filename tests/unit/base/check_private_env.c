/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets leave the environment: nobody finds them in /proc, no child inherits them, and who asks by name gets them. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/private_env.h"

static char program[4096];

static bool shown(const char *text)
{
    char bytes[64 * 1024];
    int fd = open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    close_fd(fd);
    ck_assert_int_gt(n, 0);
    return memmem(bytes, (size_t)n, text, strlen(text)) != NULL;
}

START_TEST(test_take)
{
    ck_assert(shown("hidden-value"));
    private_env_take();
    ck_assert(!shown("hidden-value"));
    ck_assert(!shown("hidden-key"));
    ck_assert(shown("plain-value"));
    ck_assert_ptr_null(getenv("SECRET_CHECK"));
    ck_assert_str_eq(getenv("AWS_REGION"), "plain-value");
    ck_assert_str_eq(private_env_get("SECRET_CHECK"), "hidden-value");
    ck_assert_str_eq(private_env_get("AWS_SECRET_ACCESS_KEY"), "hidden-key");
    ck_assert_str_eq(private_env_get("AWS_REGION"), "plain-value");
    ck_assert_ptr_null(private_env_get("SECRET"));
    ck_assert_ptr_null(private_env_get("SECRET_CHEC"));
    private_env_set("SECRET_CHECK", "other");
    private_env_set("SECRET_MORE", "more");
    ck_assert_str_eq(private_env_get("SECRET_CHECK"), "other");
    ck_assert_str_eq(private_env_get("SECRET_MORE"), "more");
}
END_TEST

START_TEST(test_whole)
{
    private_env_take();
    char **whole = private_env_whole();
    bool secret = false, plain = false;
    for (char **entry = whole; *entry; entry++) {
        secret = secret || strcmp(*entry, "SECRET_CHECK=hidden-value") == 0;
        plain = plain || strcmp(*entry, "AWS_REGION=plain-value") == 0;
    }
    free(whole);
    ck_assert(secret && plain);
}
END_TEST

int main(int argc, char **argv)
{
    if (!getenv("SECRET_CHECK")) { /* of the first environment, as the kernel gives it */
        setenv("SECRET_CHECK", "hidden-value", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "hidden-key", 1);
        setenv("AWS_REGION", "plain-value", 1);
        if (readlink("/proc/self/exe", program, sizeof program - 1) > 0)
            (void)execv(program, argv); /* returns only when it failed */
        return 1;
    }
    Suite *suite = suite_create("private_env");
    TCase *tests = tcase_create("private_env");
    tcase_add_test(tests, test_take);
    tcase_add_test(tests, test_whole);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK); /* each begins with the whole environment */
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
