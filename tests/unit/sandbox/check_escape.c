/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks from inside: for every combination of options, as root and as an ordinary user, this program runs itself
 * below kestra-sandbox and tries to undo what was done to it. Whatever succeeds is named on standard output.
 */
#include <check.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"

enum { NOBODY = 65534, FLAGS = 5 };
static const char *const flags[FLAGS] = {"--read-only-root", "--private-tmp", "--private-network", "--private-pids",
                                         "--no-new-privileges"};
static const char *const users[] = {NULL, "--user=0", "--user=nobody"};
static char directory[] = "/var/tmp/kestra-escape-XXXXXX";

/* --- inside --- */

static unsigned found;

static void try(bool succeeded, const char *what)
{
    if (succeeded)
        (void)printf("%s; ", what);
    found += succeeded;
}

static bool is_empty(const char *set)
{
    char line[128];
    FILE *file = fopen("/proc/self/status", "re");
    bool empty = false;
    while (file && fgets(line, sizeof line, file))
        if (starts_with(line, set))
            empty = strspn(line + strlen(set), "\t 0\n") == strlen(line + strlen(set));
    if (file)
        fclose(file);
    return empty;
}

static void try_mounts(const char *where)
{
    char text[128];
#define TRY(succeeds, what)                                                                                            \
    do {                                                                                                               \
        (void)snprintf(text, sizeof text, "%s, %s", what, where);                                                      \
        try(succeeds, text);                                                                                           \
    } while (0)
    struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
    TRY(umount2("hidden", MNT_DETACH) == 0 || umount2("hidden", 0) == 0, "umount of what is hidden");
    TRY(access("hidden/secret", F_OK) == 0, "the hidden file");
    TRY(mount(NULL, "hidden", NULL, MS_REMOUNT | MS_BIND, NULL) == 0, "remount of what is hidden");
    TRY(mount(NULL, "shown", NULL, MS_REMOUNT | MS_BIND, NULL) == 0, "remount of what is read-only");
    TRY(syscall(SYS_mount_setattr, AT_FDCWD, "shown", 0, &writable, sizeof writable) == 0, "mount_setattr");
    TRY(syscall(SYS_mount_setattr, AT_FDCWD, "shown", AT_RECURSIVE, &writable, sizeof writable) == 0, "all of it");
    TRY(open("shown/made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0, "a file in what is read-only");
    TRY(mknod("device", S_IFBLK | 0600, makedev(8, 0)) == 0 || mknod("/dev/shm/d", S_IFCHR | 0600, makedev(1, 1)) == 0,
        "a device");
}

/* In a namespace of its own it may mount, but not what was there before. */
static void try_nested(void)
{
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        unsigned before = found;
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
            try_mounts("in a namespace of its own");
        (void)fflush(stdout);
        _exit(found != before);
    }
    int status = 0;
    try(pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0, "nested namespaces");
}

static void try_trace(pid_t pid, const char *what)
{
    char path[64], bytes[1];
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    try(fd >= 0 && pread(fd, bytes, 1, (off_t)(uintptr_t)&found & ~4095L) == 1, what);
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
        try(true, what);
}

static int attack(void)
{
    static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
    for (size_t i = 0; i < ELEMENTS(sets); i++)
        try(!is_empty(sets[i]), sets[i]);
    try(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1, "set-user-ID programs");
    try(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) == 0, "an ambient capability");
    try(unshare(CLONE_NEWNS) == 0, "a mount namespace");
    try(chroot("/") == 0, "chroot");
    try_trace(getppid(), "trace of the parent");
    try_trace(1, "trace of the first process");
    try_mounts("at once");
    try_nested();
    (void)fflush(stdout);
    return found != 0;
}

/* --- outside --- */

static const char *helper;

/* A line of shell; its status. */
static int execute(const char *command)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static void be_ordinary(void)
{
    if (syscall(SYS_setgroups, 0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0)
        _exit(99);
}

/* What the attack said; *ret_status is its end. */
static char *run(const char *const *arguments, bool ordinary, int *ret_status)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        if (ordinary)
            be_ordinary();
        if (chdir(directory) == 0)
            execv(helper, (char *const *)(uintptr_t)arguments);
        _exit(98);
    }
    close(ends[1]);
    Buffer said = {};
    char bytes[4096];
    for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;)
        buffer_append_n(&said, bytes, (size_t)n);
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, ret_status, 0), pid);
    return buffer_take(&said);
}

static void check(unsigned mask, const char *user, bool ordinary)
{
    const char *arguments[FLAGS + 8];
    size_t count = 0;
    int status;
    _cleanup_free_ char *hide = xasprintf("--hide=%s/hidden", directory),
                        *show = xasprintf("--read-only=%s/shown", directory);
    _cleanup_free_ char *self = xasprintf("%s/attack", directory);
    arguments[count++] = "kestra-sandbox";
    for (unsigned i = 0; i < FLAGS; i++)
        if (mask & 1U << i)
            arguments[count++] = flags[i];
    if (user)
        arguments[count++] = user;
    const char *const rest[] = {hide, show, "--", self, "attack", NULL};
    for (size_t i = 0; i < ELEMENTS(rest); i++)
        arguments[count++] = rest[i];
    _cleanup_free_ char *said = run(arguments, ordinary, &status);
    if (strstr(said, "The sandbox cannot be set up: namespaces")) {
        printf("skipped: %s\n", said); /* the kernel forbids, as on some build hosts */
        return;
    }
    ck_assert_msg(status == 0, "options %#x, user %s, %s: %s (status %d)", mask, user ? user : "none",
                  ordinary ? "as an ordinary user" : "as it is", said, status);
}

START_TEST(test_every_combination)
{
    const char *user = users[_i % (int)ELEMENTS(users)];
    for (unsigned mask = 0; mask < 1U << FLAGS; mask++) {
        check(mask, user, false);
        if (geteuid() == 0)
            check(mask, user, true);
    }
}
END_TEST

/* The attack itself works where nothing confines it: otherwise it would prove nothing. */
START_TEST(test_attack_works)
{
    int status;
    const char *saved = helper;
    const char *const arguments[] = {"check_escape", "attack", NULL};
    helper = "/proc/self/exe";
    _cleanup_free_ char *said = run(arguments, false, &status);
    helper = saved;
    ck_assert_int_ne(status, 0);
    ck_assert_msg(strstr(said, "the hidden file, at once") != NULL, "%s", said);
    ck_assert_msg(strstr(said, "a file in what is read-only, at once") != NULL, "%s", said);
}
END_TEST

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    _cleanup_free_ char *command =
        xasprintf("cd %s && chmod 777 . && mkdir -m 777 hidden shown && echo x > hidden/secret && "
                  "cp /proc/%d/exe attack && chmod 755 attack",
                  directory, (int)getpid());
    ck_assert_int_eq(execute(command), 0);
}

static void teardown(void)
{
    _cleanup_free_ char *command = xasprintf("rm -rf %s", directory);
    ck_assert_int_eq(execute(command), 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && streq(argv[1], "attack"))
        return attack();
    helper = BUILD_DIRECTORY "/kestra-sandbox";
    Suite *suite = suite_create("escape");
    TCase *tests = tcase_create("escape");
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, test_attack_works);
    tcase_add_loop_test(tests, test_every_combination, 0, ELEMENTS(users));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
