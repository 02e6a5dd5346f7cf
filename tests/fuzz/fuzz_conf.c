/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kestra.yaml, a NUL byte, and the `sandbox` of a task as JSON. The settings are refused with a reason, or each has a
 * value of its kind; then the task's sandbox is refused, or confines as much as the settings do.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "doc/json.h"
#include "plugin/sandbox.h"

/* --- settings --- */

static int load(const char *text, size_t length, Conf **ret, Diag *diag)
{
    _cleanup_(close_fdp) int fd = memfd_create("fuzz", MFD_CLOEXEC);
    fuzz_check(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    _cleanup_free_ char *path = xasprintf("/proc/self/fd/%d", fd);
    int r = conf_load(path, NULL, ret, diag);
    fuzz_check(r >= 0 && (r == 0) == (diag->errors == 0));
    return r;
}

/* Numbers, sizes and times are kept as integers. */
static void check_values(const Conf *conf)
{
    for (const ConfKey *key = conf_keys; key->name; key++) {
        const json_t *value = conf_value(conf, key->name);
        if (!json_is_integer(value) || (!key->minimum && !key->maximum))
            continue;
        fuzz_check(json_integer_value(value) >= key->minimum && json_integer_value(value) <= key->maximum);
    }
}

/* --- sandbox --- */

static void ignore(void *userdata, int level, const char *message)
{
}

static void check_sandbox(const json_t *policy, const json_t *decided)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)policy, name, value)
        fuzz_check(!json_is_true(value) || json_is_true(json_object_get(decided, name)));
    const char *user = json_get_text(policy, "user", NULL);
    fuzz_check(!user || streq(user, json_get_text(decided, "user", "")));
}

static void check_command(const json_t *decided, const json_t *hidden)
{
    char *argv[] = {(char *)"true", NULL};
    Arena *arena = arena_new();
    const char *const *word = sandbox_command(decided, "kestra-sandbox", hidden, argv, arena);
    for (word++; !streq(*word, "--"); word++)
        fuzz_check(starts_with(*word, "--") && (!strstr(*word, "=/") || !strstr(*word, "/../")));
    fuzz_check(streq(word[1], "true") && !word[2]);
    arena_free(arena);
}

static void decide(const Conf *conf, const char *text, size_t length)
{
    static const RunOps ops = {.log = ignore};
    RunContext run = {.ops = &ops};
    _cleanup_json_ json_t *policy = sandbox_policy(conf), *hidden = json_pack("[s]", "/run/kestra"), *asked = NULL;
    _cleanup_json_ json_t *decided = NULL;
    if (json_parse(text, length, 0, &asked, NULL) != 0)
        return;
    if (sandbox_decide(&run, policy, hidden, asked, &decided) != 0)
        return;
    check_sandbox(policy, decided);
    if (decided)
        check_command(decided, hidden);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    _cleanup_free_ char *text = fuzz_text(data, size);
    size_t length = strlen(text);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(conf_freep) Conf *conf = NULL;
    if (load(text, length, &conf, &diag) == 0) {
        check_values(conf);
        if (length < size)
            decide(conf, text + length + 1, size - length - 1);
    }
    _cleanup_free_ char *problems = diag_format(&diag, "kestra.yaml");
    return 0;
}
