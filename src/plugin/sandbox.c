/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names are those of systemd's unit files where it has one, since who administers the host knows them. Every property
 * is off unless it is said; true is tighter than false, more hidden or read-only paths are tighter than fewer, fewer
 * writable ones than more. So "only tighten" is a comparison, and what loosens is refused instead of ignored: the
 * author of the flow would otherwise look for the mistake in the script.
 */
#include "plugin/sandbox.h"

#include <pwd.h>

#include "base/buffer.h"

static const struct {
    const char *name, *setting, *option;
} flags[] = {
    {"readOnlyRoot", "worker.sandbox.read-only-root", "--read-only-root"},
    {"privateTmp", "worker.sandbox.private-tmp", "--private-tmp"},
    {"privateNetwork", "worker.sandbox.private-network", "--private-network"},
    {"privatePids", "worker.sandbox.private-pids", "--private-pids"},
    {"noNewPrivileges", "worker.sandbox.no-new-privileges", "--no-new-privileges"},
};

enum { HIDDEN, READ_ONLY, READ_WRITE };
static const struct {
    const char *name, *setting, *option;
} lists[] = {
    [HIDDEN] = {"hiddenPaths", "worker.sandbox.hidden-paths", "--hide"},
    [READ_ONLY] = {"readOnlyPaths", "worker.sandbox.read-only-paths", "--read-only"},
    [READ_WRITE] = {"readWritePaths", "worker.sandbox.read-write-paths", "--read-write"},
};

const Field fields_sandbox[] = {
    {"readOnlyRoot", FIELD_BOOLEAN, FIELD_DYNAMIC,
     .doc = "The file system is read-only but for the working directory, a private /tmp and readWritePaths."},
    {"privateTmp", FIELD_BOOLEAN, FIELD_DYNAMIC,
     .doc = "Empty /tmp, /var/tmp and /dev/shm, gone with the task; they count as its memory."},
    {"privateNetwork", FIELD_BOOLEAN, FIELD_DYNAMIC,
     .doc = "No network but a loopback of its own. Unix sockets stay: hide their directories."},
    {"privatePids", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Processes of others can neither be signalled nor traced."},
    {"noNewPrivileges", FIELD_BOOLEAN, FIELD_DYNAMIC,
     .doc = "Programs like sudo give no privileges; so it is in any sandbox."},
    {"user", FIELD_STRING, FIELD_DYNAMIC,
     .doc = "User of the process. Where the worker is root a real change; otherwise the name that it sees of itself: "
            "outside it stays "
            "the worker's user."},
    {"hiddenPaths", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,
     .doc = "Directories that are empty for it, and files."},
    {"readOnlyPaths", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,
     .doc = "Read-only; visible also below a hidden path."},
    {"readWritePaths", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,
     .doc = "Visible below a hidden path, writable in spite of readOnlyRoot, as file permissions allow."},
    {},
};

/* --- settings --- */

json_t *sandbox_policy(const Conf *conf)
{
    json_t *policy = json_object();
    for (size_t i = 0; i < ELEMENTS(flags); i++)
        json_object_set_new(policy, flags[i].name, json_boolean(conf_boolean(conf, flags[i].setting)));
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        json_object_set_new(policy, lists[i].name, json_deep_copy(conf_value(conf, lists[i].setting)));
    json_set_text(policy, "user", conf_text(conf, "worker.sandbox.user"));
    return policy;
}

/* --- paths --- */

static bool is_below(const char *path, const char *above)
{
    size_t length = strlen(above);
    while (length > 1 && above[length - 1] == '/')
        length--;
    return strncmp(path, above, length) == 0 && (length == 1 || path[length] == '/' || path[length] == '\0');
}

static bool is_below_any(const char *path, const json_t *paths)
{
    size_t i;
    json_t *item;
    json_array_foreach (paths, i, item)
        if (is_below(path, json_string_value(item)))
            return true;
    return false;
}

static int read_paths(RunContext *run, const json_t *object, unsigned kind, json_t **ret)
{
    const json_t *given = json_object_get(object, lists[kind].name);
    *ret = given && !json_is_null(given) ? json_array() : NULL;
    size_t i;
    json_t *item;
    if (*ret && !json_is_array(given))
        return run_fail(run, "sandbox.%s must be a list of paths", lists[kind].name);
    json_array_foreach (given, i, item) {
        const char *path = json_string_value(item);
        if (!conf_is_plain_path(path) || !path[1])
            return run_fail(run, "sandbox.%s: a path is absolute, not the root, and has no '.' or '..'; found '%s'",
                            lists[kind].name, path ? path : "a value that is no text");
        json_array_append(*ret, item);
    }
    return 0;
}

/* --- tightening --- */

static int refuse(RunContext *run, const char *name, const char *setting, const char *what)
{
    return run_fail(run, "sandbox.%s%s loosens %s of this worker; flows can only tighten it", name, what, setting);
}

static int decide_flag(RunContext *run, const json_t *policy, const json_t *asked, unsigned i, json_t *decided)
{
    const json_t *value = json_object_get(asked, flags[i].name);
    const char *text = json_string_value(value);
    bool is_given = value && !json_is_null(value) && !(text && !*text);
    bool wanted = json_is_true(value) || (text && strcasecmp(text, "true") == 0);
    bool required = json_is_true(json_object_get(policy, flags[i].name));
    if (is_given && !wanted && required)
        return refuse(run, flags[i].name, flags[i].setting, ": false");
    json_object_set_new(decided, flags[i].name, json_boolean(wanted || required));
    return 0;
}

/* Whether the policy keeps `path` from being seen, or from being written, unless it allows it itself. */
static const char *policy_against(const json_t *policy, const json_t *always, const char *path, unsigned kind)
{
    const json_t *writable = json_object_get(policy, "readWritePaths"),
                 *readable = json_object_get(policy, "readOnlyPaths");
    if (is_below_any(path, writable))
        return NULL;
    if (kind == READ_WRITE && json_is_true(json_object_get(policy, "readOnlyRoot")))
        return "worker.sandbox.read-only-root";
    if (kind == READ_WRITE && is_below_any(path, readable))
        return "worker.sandbox.read-only-paths";
    if (is_below_any(path, readable))
        return NULL;
    if (is_below_any(path, always))
        return "what is always hidden";
    return is_below_any(path, json_object_get(policy, "hiddenPaths")) ? "worker.sandbox.hidden-paths" : NULL;
}

static int check_exposed(RunContext *run, const json_t *policy, const json_t *always, const json_t *paths,
                         unsigned kind)
{
    size_t i;
    json_t *item;
    json_array_foreach (paths, i, item) {
        const char *path = json_string_value(item), *setting = policy_against(policy, always, path, kind);
        _cleanup_free_ char *what = xasprintf(": %s", path);
        if (setting)
            return refuse(run, lists[kind].name, setting, what);
    }
    return 0;
}

/* The policy's own that the task has not hidden from itself. */
static void add_policy_paths(const json_t *policy, unsigned kind, const json_t *hidden, json_t *paths)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(policy, lists[kind].name), i, item)
        if (!is_below_any(json_string_value(item), hidden))
            json_array_append(paths, item);
}

static int decide_paths(RunContext *run, const json_t *policy, const json_t *always, const json_t *asked,
                        json_t *decided)
{
    _cleanup_json_ json_t *hidden = NULL, *readable = NULL, *writable = NULL;
    int r = read_paths(run, asked, HIDDEN, &hidden);
    if (r == 0)
        r = read_paths(run, asked, READ_ONLY, &readable);
    if (r == 0)
        r = read_paths(run, asked, READ_WRITE, &writable);
    if (r == 0)
        r = check_exposed(run, policy, always, readable, READ_ONLY);
    if (r == 0)
        r = check_exposed(run, policy, always, writable, READ_WRITE);
    if (r != 0)
        return r;
    json_t *all[] = {json_array(), json_array(), json_array()};
    add_policy_paths(policy, HIDDEN, NULL, all[HIDDEN]);
    add_policy_paths(policy, READ_ONLY, hidden, all[READ_ONLY]);
    if (!writable) /* a list of its own is the shorter one */
        add_policy_paths(policy, READ_WRITE, hidden, all[READ_WRITE]);
    json_array_extend(all[HIDDEN], hidden); /* nothing when NULL */
    json_array_extend(all[READ_ONLY], readable);
    json_array_extend(all[READ_WRITE], writable);
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        json_object_set_new(decided, lists[i].name, all[i]);
    return 0;
}

/* By number or by name: what the kernel knows as the superuser, or who looks at names does. */
static bool is_superuser(const char *name)
{
    const struct passwd *user = getpwnam(name);
    return user ? user->pw_uid == 0 : name[strspn(name, "0")] == '\0';
}

static int decide_user(RunContext *run, const json_t *policy, const json_t *asked, json_t *decided)
{
    const json_t *value = json_object_get(asked, "user");
    _cleanup_free_ char *text = json_is_string(value)    ? xstrdup(json_string_value(value))
                                : json_is_integer(value) ? json_text(value)
                                                         : NULL;
    const char *required = json_get_text(policy, "user", NULL), *wanted = text && *text ? text : NULL;
    if (required && wanted && !streq(required, wanted))
        return refuse(run, "user", "worker.sandbox.user", "");
    if (!required && wanted && is_superuser(wanted))
        return run_fail(run, "sandbox.user: '%s' is the superuser, whom only worker.sandbox.user of this worker allows",
                        wanted);
    if (wanted || required)
        json_set_text(decided, "user", wanted ? wanted : required);
    return 0;
}

static bool confines(const json_t *decided)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)decided, name, value)
        if (json_is_true(value) || json_array_size(value) > 0 || json_is_string(value))
            return true;
    return false;
}

int sandbox_decide(RunContext *run, const json_t *policy, const json_t *hidden, const json_t *asked, json_t **ret)
{
    _cleanup_json_ json_t *decided = json_object();
    int r = 0;
    for (unsigned i = 0; r == 0 && i < ELEMENTS(flags); i++)
        r = decide_flag(run, policy, asked, i, decided);
    if (r == 0)
        r = decide_paths(run, policy, hidden, asked, decided);
    if (r == 0)
        r = decide_user(run, policy, asked, decided);
    if (r != 0)
        return r;
    *ret = confines(decided) ? json_incref(decided) : NULL;
    return 0;
}

/* --- the command --- */

typedef struct Words {
    Arena *arena;
    VEC(const char *) items;
} Words;

static void add_option(Words *words, const char *option, const char *value)
{
    vec_push(&words->items, arena_printf(words->arena, "%s=%s", option, value));
}

static void add_options(Words *words, const char *option, const json_t *values)
{
    size_t i;
    json_t *value;
    json_array_foreach (values, i, value)
        add_option(words, option, json_string_value(value));
}

const char *const *sandbox_command(const json_t *sandbox, const char *program, const json_t *hidden, char **argv,
                                   Arena *arena)
{
    Words words = {.arena = arena};
    vec_push(&words.items, program);
    for (size_t i = 0; i < ELEMENTS(flags); i++)
        if (json_is_true(json_object_get(sandbox, flags[i].name)))
            vec_push(&words.items, flags[i].option);
    const char *user = json_get_text(sandbox, "user", NULL);
    if (user)
        add_option(&words, "--user", user);
    add_options(&words, lists[HIDDEN].option, hidden);
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        add_options(&words, lists[i].option, json_object_get(sandbox, lists[i].name));
    vec_push(&words.items, "--");
    for (; *argv; argv++)
        vec_push(&words.items, *argv);
    vec_push(&words.items, NULL);
    const char **command = arena_new_n(arena, const char *, words.items.count);
    memcpy(command, words.items.items, words.items.count * sizeof *command);
    vec_free(&words.items);
    return command;
}
