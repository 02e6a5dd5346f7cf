/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/conf.h"
#include "doc/json.h"

static char root[64];

static void write_file(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void)
{
    char path[128];
    (void)snprintf(root, sizeof(root), "%s", "/tmp/kestra-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    (void)snprintf(path, sizeof(path), "%s/d", root);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void tear_down(void)
{
    static const char *const names[] = {
        "kestra.yaml", "d/10-a.yaml", "d/20-b.yaml", "d/.hidden.yaml", "d/no.txt", "d", ""};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        (void)remove(path); /* most tests make only some of them */
    }
}

static int load(Conf **ret, Diag *diag)
{
    char file[128], directory[128];
    (void)snprintf(file, sizeof(file), "%s/kestra.yaml", root);
    (void)snprintf(directory, sizeof(directory), "%s/d", root);
    return conf_load(file, directory, ret, diag);
}

static Conf *loaded(const char *text)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Conf *conf = NULL;
    write_file("kestra.yaml", text);
    int r = load(&conf, &diag);
    ck_assert_msg(r == 0, "%d %s", r, diag_first(&diag));
    return conf;
}

START_TEST(test_defaults)
{
    _cleanup_(conf_freep) Conf *conf = loaded("");
    ck_assert_str_eq(conf_text(conf, "server.listen"), "127.0.0.1:8080");
    ck_assert_ptr_null(conf_text(conf, "encryption.secret-key"));
    ck_assert(conf_boolean(conf, "flows.watch"));
    ck_assert_uint_eq(conf_usec(conf, "heartbeat.interval"), 5 * USEC_PER_SEC);
    ck_assert_int_eq(conf_integer(conf, "limits.flow-source"), 1 << 20);
    ck_assert_uint_eq(json_object_size(conf_value(conf, "variables.globals")), 0);
    ck_assert_uint_eq(json_array_size(conf_value(conf, "plugins.defaults")), 0);
    ck_assert(!conf_is_set(conf, "server.listen"));
}
END_TEST

START_TEST(test_forms)
{
    static const char *const texts[] = {
        "kestra:\n  server:\n    listen: 1.2.3.4:5\n    basic-auth: {enabled: false}\n  storage:\n    local:\n      "
        "base-path: /x\n",
        "server.listen: 1.2.3.4:5\nserver.basic-auth.enabled: 'false'\nstorage.local.basePath: /x\n",
        "{\"server\": {\"listen\": \"1.2.3.4:5\", \"basic_auth\": {\"enabled\": false}}, \"storage\": {\"local\": "
        "{\"basePath\": \"/x\"}}}",
    };
    _cleanup_(conf_freep) Conf *conf = loaded(texts[_i]);
    ck_assert_str_eq(conf_text(conf, "server.listen"), "1.2.3.4:5");
    ck_assert(!conf_boolean(conf, "server.basic-auth.enabled"));
    ck_assert_str_eq(conf_text(conf, "storage.local.base-path"), "/x");
    ck_assert(conf_is_set(conf, "server.listen"));
}
END_TEST

static const struct {
    const char *text;
    usec_t usec;
} durations[] = {
    {"250ms", 250000}, {"3s", 3000000}, {"1.5s", 1500000}, {"2 m", 120000000},
    {"4", 4000000},    {"0.5", 500000}, {"PT3S", 3000000}, {"PT1M0.5S", 60500000},
};

START_TEST(test_durations)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "lease.time: 10m\nheartbeat.interval: %s\n", durations[_i].text);
    if (durations[_i].usec > 60 * USEC_PER_SEC) {
        (void)snprintf(text, sizeof(text), "shutdown.grace: %s\n", durations[_i].text);
        _cleanup_(conf_freep) Conf *conf = loaded(text);
        ck_assert_uint_eq(conf_usec(conf, "shutdown.grace"), durations[_i].usec);
        return;
    }
    _cleanup_(conf_freep) Conf *conf = loaded(text);
    ck_assert_uint_eq(conf_usec(conf, "heartbeat.interval"), durations[_i].usec);
}
END_TEST

START_TEST(test_later_files_win)
{
    write_file(
        "d/20-b.yaml",
        "server: {listen: '127.0.0.1:2'}\nvariables: {globals: {b: {d: 4}}}\nplugins: {defaults: [{type: y}]}\n");
    write_file("d/10-a.yaml", "server.listen: 127.0.0.1:1\nserver.threads: 7\n");
    write_file("d/.hidden.yaml", "server.threads: 9\n");
    write_file("d/no.txt", "server.threads: 9\n");
    _cleanup_(conf_freep) Conf *conf = loaded(
        "server.listen: 127.0.0.1:0\nvariables: {globals: {a: 1, b: {c: 3}}}\nplugins: {defaults: [{type: x}]}\n");
    ck_assert_str_eq(conf_text(conf, "server.listen"), "127.0.0.1:2");
    ck_assert_int_eq(conf_integer(conf, "server.threads"), 7);
    _cleanup_free_ char *globals = json_text(conf_value(conf, "variables.globals"));
    ck_assert_str_eq(globals, "{\"a\":1,\"b\":{\"c\":3,\"d\":4}}");
    _cleanup_free_ char *defaults = json_text(conf_value(conf, "plugins.defaults"));
    ck_assert_str_eq(defaults, "[{\"type\":\"y\"}]");
}
END_TEST

START_TEST(test_all_errors_with_places)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Conf *conf = NULL;
    char expected[4096];
    write_file("kestra.yaml",
               "server:\n  listn: x\n  threads: many\n  basic-auth: yes\nlog.level: loud\n"
               "heartbeat:\n  interval: 3 parsecs\nlimits: {request: 1}\ndatasources: {}\nvariables: {globals: []}\n");
    write_file("d/10-a.yaml", "- a\n");
    write_file("d/20-b.yaml", "a: {\n");
    ck_assert_int_eq(load(&conf, &diag), CONF_E_INVALID);
    ck_assert_ptr_null(conf);
    _cleanup_free_ char *text = diag_format(&diag, NULL);
    (void)snprintf(expected, sizeof(expected),
                   "%1$s/kestra.yaml:2:10: server.listn: no such setting\n"
                   "%1$s/kestra.yaml:3:12: server.threads: must be a whole number\n"
                   "%1$s/kestra.yaml:4:15: server.basic-auth: must be a map\n"
                   "%1$s/kestra.yaml:5:12: log.level: must be one of error, warning, notice, info, debug\n"
                   "%1$s/kestra.yaml:7:13: heartbeat.interval: must be a duration such as 3s, 5m or PT3S\n"
                   "%1$s/kestra.yaml:8:19: limits.request: must be between 64KiB and 16GiB\n"
                   "%1$s/kestra.yaml:9:14: datasources: is a setting of Kestra on Java; here the database is set by "
                   "postgresql.dsn\n"
                   "%1$s/kestra.yaml:10:22: variables.globals: must be a map\n"
                   "%1$s/d/10-a.yaml:1:1: must be a map of settings\n"
                   "%1$s/d/20-b.yaml:",
                   root);
    ck_assert_msg(starts_with(text, expected), "%s\n--- expected\n%s", text, expected);
}
END_TEST

START_TEST(test_missing_file_is_an_error)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Conf *conf = NULL;
    ck_assert_int_eq(load(&conf, &diag), CONF_E_INVALID);
    ck_assert_str_eq(diag_first(&diag), "cannot be read: No such file or directory");
    ck_assert_int_eq(conf_load(NULL, "/nowhere", &conf, &diag), 0);
    conf_free(conf);
}
END_TEST

START_TEST(test_relation)
{
    Conf *conf = NULL;
    write_file("kestra.yaml", "lease.time: 5s\n");
    ck_assert_int_eq(load(&conf, NULL), CONF_E_INVALID);
}
END_TEST

START_TEST(test_credential)
{
    write_file("d/no.txt", "");
    setenv("CREDENTIALS_DIRECTORY", root, 1);
    write_file("encryption.secret-key", "c2VjcmV0\n");
    Conf *conf = loaded("");
    ck_assert_str_eq(conf_text(conf, "encryption.secret-key"), "c2VjcmV0");
    conf_free(conf);
    conf = loaded("encryption.secret-key: other");
    ck_assert_str_eq(conf_text(conf, "encryption.secret-key"), "other");
    conf_free(conf);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/encryption.secret-key", root);
    ck_assert_int_eq(remove(path), 0);
}
END_TEST

/* A secret in a file that everybody may read is told, and nothing else is. */
START_TEST(test_exposed)
{
    static const struct {
        const char *text;
        mode_t mode;
        bool exposed;
    } files[] = {
        {"encryption.secret-key: c2VjcmV0", 0644, true}, {"encryption.secret-key: c2VjcmV0", 0640, false},
        {"encryption.secret-key: ''", 0644, false},      {"postgresql: {dsn: 'host=db password=x'}", 0604, true},
        {"postgresql: {dsn: 'host=db'}", 0644, false},   {"server.threads: 7", 0644, false},
    };
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/d/10-a.yaml", root);
    for (size_t i = 0; i < ELEMENTS(files); i++) {
        write_file("d/10-a.yaml", files[i].text);
        ck_assert_int_eq(chmod(path, files[i].mode), 0);
        _cleanup_(conf_freep) Conf *conf = loaded("storage.s3.secret-key: in-a-file-before\n");
        const char *said = conf_exposed(conf);
        /* the main file of this test is one, too */
        ck_assert_msg((said && strstr(said, path)) == files[i].exposed, "%zu: %s", i, said ? said : "nothing");
        ck_assert(said && strstr(said, "kestra.yaml holds storage.s3.secret-key"));
        ck_assert_ptr_null(strstr(said, "in-a-file-before"));
    }
}
END_TEST

START_TEST(test_not_reloadable)
{
    _cleanup_(conf_freep) Conf *before = loaded("server.threads: 4\n");
    _cleanup_(conf_freep) Conf *after = loaded("server.threads: 5\nlog.level: debug\nworker.group: x\n");
    _cleanup_buffer_ Buffer names = {};
    conf_not_reloadable(before, after, &names);
    ck_assert_str_eq(buffer_text(&names), "server.threads, worker.group");
}
END_TEST

START_TEST(test_printed_yaml_is_the_default)
{
    _cleanup_buffer_ Buffer yaml = {}, plain = {}, names = {};
    conf_print_yaml(&yaml);
    for (const char *line = yaml.text; *line; line += strcspn(line, "\n") + 1)
        if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z')
            buffer_append_n(&plain, line + 1, strcspn(line, "\n"));
    _cleanup_(conf_freep) Conf *defaults = conf_new(), *read = loaded(plain.text);
    for (const ConfKey *key = conf_keys; key->name; key++) {
        const json_t *a = conf_value(defaults, key->name), *b = conf_value(read, key->name);
        bool is_package_path = key->fallback && starts_with(key->fallback, PKGDATADIR "/");
        ck_assert_msg(a == b || json_equal(a, b) || is_package_path, "%s", key->name);
    }
}
END_TEST

/* The checked-in texts were made from the table as it is now: `make conf-files` writes them. */
static void check_file(const char *name, const char *expected)
{
    char path[512], text[65536] = "";
    const char *source = getenv("srcdir");
    (void)snprintf(path, sizeof(path), "%s/%s", source ? source : ".", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s: %m", path);
    ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
    close_fd(fd);
    ck_assert_msg(streq(text, expected), "%s is old: run make conf-files", name);
}

START_TEST(test_files_are_current)
{
    _cleanup_buffer_ Buffer yaml = {}, man = {};
    conf_print_yaml(&yaml);
    conf_print_man(&man);
    check_file("etc/kestra/kestra.yaml", yaml.text);
    check_file("man/kestra.yaml.5", man.text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conf");
    TCase *tests = tcase_create("conf");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_defaults);
    tcase_add_loop_test(tests, test_forms, 0, 3);
    tcase_add_loop_test(tests, test_durations, 0, (int)ELEMENTS(durations));
    tcase_add_test(tests, test_later_files_win);
    tcase_add_test(tests, test_all_errors_with_places);
    tcase_add_test(tests, test_missing_file_is_an_error);
    tcase_add_test(tests, test_relation);
    tcase_add_test(tests, test_credential);
    tcase_add_test(tests, test_exposed);
    tcase_add_test(tests, test_not_reloadable);
    tcase_add_test(tests, test_printed_yaml_is_the_default);
    tcase_add_test(tests, test_files_are_current);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
