/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row a limit: its name in flows, the setting, how it is read, the file of the control group that it becomes. The
 * names are those of Kestra's Docker runner where it has one (memory, cpus); swap is what the kernel limits, swap
 * alone, while Docker's memorySwap is the sum of both.
 *
 * Disks: the kernel limits each disk by its number. A task does not know on which disk its files are, so a bandwidth is
 * set for every disk of the host.
 */
#include "plugin/limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "model/log_entry.h"

#define SIZE_LIMIT ((int64_t)1 << 50)
enum { CPU_PERIOD_USEC = 100000, FILES_MAX = 64 };

static const struct {
    const char *name, *setting;
    ConfKind kind;
    CgroupController controller;
    int64_t minimum, maximum;
    int64_t natural;  /* what holds when nothing is said: of weights the kernel's 100 */
    const char *file; /* NULL: io.max */
} rows[_LIMIT_MAX] = {
    [LIMIT_MEMORY] = {"memory", "memory", CONF_SIZE, CGROUP_MEMORY, 1 << 20, SIZE_LIMIT, LIMIT_NONE, "memory.max"},
    [LIMIT_SWAP] = {"swap", "swap", CONF_SIZE, CGROUP_MEMORY, 0, SIZE_LIMIT, LIMIT_NONE, "memory.swap.max"},
    [LIMIT_CPUS] = {"cpus", "cpus", CONF_THOUSANDTHS, CGROUP_CPU, 10, 1000000, LIMIT_NONE, "cpu.max"},
    [LIMIT_CPU_WEIGHT] = {"cpuWeight", "cpu-weight", CONF_INTEGER, CGROUP_CPU, 1, 10000, 100, "cpu.weight"},
    [LIMIT_PIDS] = {"pids", "pids", CONF_INTEGER, CGROUP_PIDS, 1, 4194304, LIMIT_NONE, "pids.max"},
    [LIMIT_IO_WEIGHT] = {"ioWeight", "io-weight", CONF_INTEGER, CGROUP_IO, 1, 10000, 100, "io.weight"},
    [LIMIT_IO_READ] = {"ioReadBandwidth", "io-read-bandwidth", CONF_SIZE, CGROUP_IO, 4096, SIZE_LIMIT, LIMIT_NONE,
                       NULL},
    [LIMIT_IO_WRITE] = {"ioWriteBandwidth", "io-write-bandwidth", CONF_SIZE, CGROUP_IO, 4096, SIZE_LIMIT, LIMIT_NONE,
                        NULL},
};

const Field fields_limits[] = {
    {"memory", FIELD_STRING, FIELD_DYNAMIC,
     .doc = "Most memory of the whole process tree, such as 512MiB; beyond it the tree is killed."},
    {"swap", FIELD_STRING, FIELD_DYNAMIC, .doc = "Most swap, beside memory; 0 for none."},
    {"cpus", FIELD_NUMBER, FIELD_DYNAMIC, .doc = "Most CPU time a second of time, in processors: 0.5, 2."},
    {"cpuWeight", FIELD_INTEGER, FIELD_DYNAMIC,
     .doc = "Share of the CPU against others when it is short, 1 to 10000; 100 is usual."},
    {"pids", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Most processes and threads at once."},
    {"ioWeight", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Share of the disks against others, 1 to 10000; 100 is usual."},
    {"ioReadBandwidth", FIELD_STRING, FIELD_DYNAMIC, .doc = "Most bytes a second read from each disk, such as 10MiB."},
    {"ioWriteBandwidth", FIELD_STRING, FIELD_DYNAMIC, .doc = "Most bytes a second written to each disk."},
    {},
};

/* --- the settings --- */

static void from_conf(const Conf *conf, const char *prefix, Limits *ret)
{
    for (unsigned i = 0; i < _LIMIT_MAX; i++) {
        _cleanup_free_ char *name = xasprintf("%s.%s", prefix, rows[i].setting);
        const json_t *value = conf_value(conf, name);
        ret->values[i] = value ? json_integer_value(value) : LIMIT_NONE;
    }
}

LimitPolicy limits_policy(const Conf *conf)
{
    LimitPolicy policy = {.refuse = streq(conf_text(conf, "worker.limits-missing"), "refuse")};
    from_conf(conf, "worker.limits", &policy.defaults);
    from_conf(conf, "worker.limits-maximum", &policy.maxima);
    return policy;
}

static bool is_enforced(const LimitPolicy *policy, unsigned i)
{
    return policy->controllers & 1U << rows[i].controller;
}

char *limits_not_enforced(const LimitPolicy *policy)
{
    Buffer text = {};
    for (unsigned i = 0; i < _LIMIT_MAX; i++) {
        if (is_enforced(policy, i))
            continue;
        if (policy->defaults.values[i] != LIMIT_NONE)
            buffer_printf(&text, "%sworker.limits.%s", text.length ? ", " : "", rows[i].setting);
        if (policy->maxima.values[i] != LIMIT_NONE)
            buffer_printf(&text, "%sworker.limits-maximum.%s", text.length ? ", " : "", rows[i].setting);
    }
    return text.length ? buffer_take(&text) : NULL;
}

/* --- one task --- */

static void append_quantity(Buffer *text, unsigned i, int64_t value)
{
    if (rows[i].kind == CONF_SIZE)
        buffer_append_size(text, (uint64_t)value);
    else if (rows[i].kind == CONF_THOUSANDTHS)
        buffer_printf(text, "%g", (double)value / 1000);
    else
        buffer_printf(text, "%" PRIi64, value);
}

static int read_one(RunContext *run, unsigned i, const json_t *value, int64_t *ret)
{
    const char *text = json_string_value(value);
    if (!value || json_is_null(value) || (text && !*text)) {
        *ret = LIMIT_NONE;
        return 0;
    }
    if (conf_read(rows[i].kind, value, ret) && *ret >= rows[i].minimum && *ret <= rows[i].maximum)
        return 0;
    _cleanup_free_ char *shown = json_text(value);
    _cleanup_buffer_ Buffer least = {};
    append_quantity(&least, i, rows[i].minimum);
    return run_fail(run, "limits.%s must be %s of at least %s, but is %s", rows[i].name, conf_kind_word(rows[i].kind),
                    buffer_text(&least), shown);
}

static int refuse_excess(RunContext *run, const LimitPolicy *policy, unsigned i, int64_t asked)
{
    _cleanup_buffer_ Buffer text = {};
    append_quantity(&text, i, asked);
    buffer_append(&text, " is more than worker.limits-maximum allows: ");
    append_quantity(&text, i, policy->maxima.values[i]);
    return run_fail(run, "limits.%s: %s", rows[i].name, buffer_text(&text));
}

/* A limit that is asked for and not kept is worse than none: the flow's author relies on it. */
static int miss(RunContext *run, const LimitPolicy *policy, unsigned i)
{
    if (policy->refuse)
        return run_fail(run,
                        "limits.%s cannot be enforced here: %s; worker.limits-missing: warn runs such tasks without",
                        rows[i].name, policy->lack ? policy->lack : "no controller");
    run_log(run, LOG_LEVEL_WARN, "limits.%s is not enforced here: %s", rows[i].name,
            policy->lack ? policy->lack : "no controller");
    return 0;
}

static int decide_one(RunContext *run, const LimitPolicy *policy, unsigned i, int64_t asked, int64_t *ret)
{
    int64_t maximum = policy->maxima.values[i];
    *ret = LIMIT_NONE;
    if (asked != LIMIT_NONE && maximum != LIMIT_NONE && asked > maximum)
        return refuse_excess(run, policy, i, asked);
    if (!is_enforced(policy, i))
        return asked != LIMIT_NONE ? miss(run, policy, i) : 0;
    int64_t wanted = asked != LIMIT_NONE ? asked : policy->defaults.values[i];
    if (maximum != LIMIT_NONE && wanted == LIMIT_NONE)
        wanted = rows[i].natural != LIMIT_NONE ? MIN(rows[i].natural, maximum) : maximum;
    *ret = maximum != LIMIT_NONE ? MIN(wanted, maximum) : wanted;
    return 0;
}

int limits_decide(RunContext *run, const LimitPolicy *policy, const json_t *asked, Limits *ret)
{
    for (unsigned i = 0; i < _LIMIT_MAX; i++) {
        int64_t value;
        int r = read_one(run, i, json_object_get(asked, rows[i].name), &value);
        if (r == 0)
            r = decide_one(run, policy, i, value, &ret->values[i]);
        if (r != 0)
            return r;
    }
    return 0;
}

/* --- files --- */

typedef struct Files {
    Arena *arena;
    SpawnLimit *items;
    size_t count;
} Files;

static void add(Files *files, const char *file, const char *value)
{
    if (files->count < FILES_MAX)
        files->items[files->count++] = (SpawnLimit){file, value};
}

static const char *format_value(Arena *arena, unsigned i, int64_t value)
{
    if (i == LIMIT_CPUS)
        return arena_printf(arena, "%" PRIi64 " %d", value * CPU_PERIOD_USEC / 1000, CPU_PERIOD_USEC);
    return arena_printf(arena, "%" PRIi64, value);
}

/* "8:0", or false for what is no disk. */
static bool read_disk(const char *name, char *ret, size_t size)
{
    static const char *const others[] = {"loop", "ram", "zram", "sr", "fd", "nbd", "."};
    for (size_t i = 0; i < ELEMENTS(others); i++)
        if (starts_with(name, others[i]))
            return false;
    _cleanup_free_ char *path = xasprintf("/sys/block/%s/dev", name);
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : -1;
    ret[MAX(n, (ssize_t)0)] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    return *ret != '\0';
}

static void add_bandwidths(Files *files, const Limits *limits)
{
    static const char *const names[] = {[LIMIT_IO_READ] = "rbps", [LIMIT_IO_WRITE] = "wbps"};
    DIR *directory = opendir("/sys/block");
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char number[32];
        if (!read_disk(entry->d_name, number, sizeof number))
            continue;
        for (unsigned i = LIMIT_IO_READ; i <= LIMIT_IO_WRITE; i++)
            if (limits->values[i] != LIMIT_NONE)
                add(files, "io.max", arena_printf(files->arena, "%s %s=%" PRIi64, number, names[i], limits->values[i]));
    }
    if (directory)
        closedir(directory);
}

const SpawnLimit *limits_files(const Limits *limits, Arena *arena, size_t *ret_count)
{
    Files files = {.arena = arena, .items = arena_new_n(arena, SpawnLimit, FILES_MAX)};
    for (unsigned i = 0; i < _LIMIT_MAX; i++)
        if (rows[i].file && limits->values[i] != LIMIT_NONE)
            add(&files, rows[i].file, format_value(arena, i, limits->values[i]));
    if (limits->values[LIMIT_MEMORY] != LIMIT_NONE)
        add(&files, "memory.oom.group", "1"); /* the tree dies as a whole: half a pipeline would look like success */
    if (limits->values[LIMIT_IO_READ] != LIMIT_NONE || limits->values[LIMIT_IO_WRITE] != LIMIT_NONE)
        add_bandwidths(&files, limits);
    *ret_count = files.count;
    return files.items;
}
