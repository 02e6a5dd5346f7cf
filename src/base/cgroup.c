/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works with the unified hierarchy, at /sys/fs/cgroup or, beside version 1 controllers, at /sys/fs/cgroup/unified:
 * killing needs no controller.
 */
#include "base/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/buffer.h"

#define CGROUP2_MAGIC 0x63677270

static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

static int read_text(const char *path, Buffer *ret)
{
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    char bytes[4096];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        buffer_append_n(ret, bytes, (size_t)n);
    }
}

static const char *mount_point(void)
{
    for (size_t i = 0; i < ELEMENTS(mounts); i++) {
        struct statfs info;
        if (statfs(mounts[i], &info) == 0 && info.f_type == CGROUP2_MAGIC)
            return mounts[i];
    }
    return NULL;
}

static bool has_delegate_mark(const char *directory)
{
    char value[2];
    return (getxattr(directory, "user.delegate", value, sizeof(value)) >= 1 && value[0] == '1') ||
           (getxattr(directory, "trusted.delegate", value, sizeof(value)) >= 1 && value[0] == '1');
}

/* The mark may be above us: kestra-standalone has a delegated group, and each role a group below. */
static bool is_delegated(const char *directory, const char *mounted)
{
    if (sd_booted() <= 0)
        return access(directory, W_OK) == 0;
    _cleanup_free_ char *path = xstrdup(directory);
    while (strlen(path) > strlen(mounted)) {
        if (has_delegate_mark(path))
            return true;
        *strrchr(path, '/') = 0;
    }
    return false;
}

int cgroup_delegated(char **ret_directory)
{
    _cleanup_buffer_ Buffer text = {};
    const char *mounted = mount_point();
    int r = mounted ? read_text("/proc/self/cgroup", &text) : CGROUP_E_NONE;
    if (r != 0)
        return r < 0 ? outage(r) : r;
    char *line = buffer_text(&text)[0] == '0' ? text.text : strstr(buffer_text(&text), "\n0::");
    line = line ? strstr(line, "0::") : NULL;
    if (!line)
        return CGROUP_E_NONE;
    line += strlen("0::");
    line[strcspn(line, "\n")] = 0;
    _cleanup_free_ char *directory = xasprintf("%s%s", mounted, streq(line, "/") ? "" : line);
    char *last = strrchr(directory, '/');
    if (streq(last + 1, CGROUP_SUPERVISOR))
        *last = 0;
    if (!is_delegated(directory, mounted))
        return CGROUP_E_NONE;
    *ret_directory = TAKE_PTR(directory);
    return 0;
}

/* --- controllers --- */

static const char *const controllers[_CGROUP_CONTROLLER_MAX] = {
    [CGROUP_CPU] = "cpu", [CGROUP_MEMORY] = "memory", [CGROUP_PIDS] = "pids", [CGROUP_IO] = "io"};

static int read_file(const char *path, const char *file, Buffer *ret)
{
    _cleanup_free_ char *name = xasprintf("%s/%s", path, file);
    return read_text(name, ret);
}

/* The bits of those that the file lists. */
static unsigned read_controllers(const char *path, const char *file)
{
    _cleanup_buffer_ Buffer text = {};
    unsigned found = 0;
    if (read_file(path, file, &text) < 0)
        return 0;
    for (const char *word = buffer_text(&text); *word; word += strspn(word, " \n")) {
        size_t length = strcspn(word, " \n");
        for (unsigned i = 0; i < _CGROUP_CONTROLLER_MAX; i++)
            if (strlen(controllers[i]) == length && strncmp(word, controllers[i], length) == 0)
                found |= 1U << i;
        word += length;
    }
    return found;
}

int cgroup_set(const char *path, const char *file, const char *value)
{
    _cleanup_free_ char *name = xasprintf("%s/%s", path, file);
    _cleanup_(close_fdp) int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return -errno;
    return 0;
}

static int enable(const char *directory, CgroupController controller)
{
    char value[16];
    (void)snprintf(value, sizeof(value), "+%s", controllers[controller]); /* always fits */
    return cgroup_set(directory, "cgroup.subtree_control", value);
}

/* Before the first controller is enabled, not when the kernel complains: with processes in the group it takes cpu and
 * pids without a word, as controllers of threads, and then lets no process into the groups below. */
static int leave(const char *directory)
{
    _cleanup_free_ char *type = xasprintf("%s/cgroup.type", directory), *leaf = NULL;
    if (access(type, F_OK) < 0)
        return 0; /* the root of all, where processes may stay */
    int r = cgroup_make(directory, CGROUP_SUPERVISOR, &leaf);
    if (r == 0)
        r = cgroup_set(leaf, "cgroup.procs", "0");
    return r == 0 && cgroup_visit(directory, NULL, NULL) > 0 ? -EBUSY : r;
}

unsigned cgroup_divide(const char *directory, char **ret_reason)
{
    unsigned offered = read_controllers(directory, "cgroup.controllers");
    unsigned enabled = read_controllers(directory, "cgroup.subtree_control");
    int left = offered & ~enabled ? leave(directory) : 0;
    _cleanup_buffer_ Buffer absent = {};
    Buffer reason = {};
    for (unsigned i = 0; i < _CGROUP_CONTROLLER_MAX; i++) {
        bool is_offered = offered & 1U << i;
        int r = enabled & 1U << i ? 0 : !is_offered ? -ENOENT : left < 0 ? left : enable(directory, i);
        enabled |= r == 0 ? 1U << i : 0;
        errno = -r;
        if (r < 0 && !is_offered)
            buffer_printf(&absent, "%s%s", absent.length ? ", " : "", controllers[i]);
        else if (r == -EBUSY)
            buffer_printf(&reason, "%s: other processes are in the same group; ", controllers[i]);
        else if (r < 0)
            buffer_printf(&reason, "%s: %m; ", controllers[i]);
    }
    if (absent.length)
        buffer_printf(&reason, "%s: not delegated to this group", buffer_text(&absent));
    else if (reason.length)
        reason.text[reason.length -= 2] = '\0'; /* the last separator */
    *ret_reason = reason.length ? buffer_take(&reason) : NULL;
    return enabled;
}

/* --- counters --- */

static uint64_t read_number(const char *p)
{
    uint64_t value = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    return value;
}

/* The numbers that follow `name` and the separator, added up: a name stands at the beginning of a line or after a
 * space. */
static uint64_t sum_of(const char *text, const char *name, char separator)
{
    uint64_t sum = 0;
    size_t length = strlen(name);
    for (const char *p = text; (p = strstr(p, name)); p += length)
        if ((p == text || p[-1] == '\n' || p[-1] == ' ') && p[length] == separator)
            sum += read_number(p + length + 1);
    return sum;
}

/* A file that holds one number, 0 when it is not there. */
static uint64_t number_of(const char *path, const char *file)
{
    _cleanup_buffer_ Buffer text = {};
    return read_file(path, file, &text) < 0 ? 0 : read_number(buffer_text(&text));
}

static const struct {
    const char *file, *name;
    char separator;
    size_t offset;
} counters[] = {
    {"cpu.stat", "user_usec", ' ', offsetof(CgroupUsage, user_usec)},
    {"cpu.stat", "system_usec", ' ', offsetof(CgroupUsage, system_usec)},
    {"cpu.stat", "throttled_usec", ' ', offsetof(CgroupUsage, throttled_usec)},
    {"io.stat", "rbytes", '=', offsetof(CgroupUsage, read_bytes)},
    {"io.stat", "wbytes", '=', offsetof(CgroupUsage, written_bytes)},
    {"pids.events", "max", ' ', offsetof(CgroupUsage, pids_refused)},
    {"memory.events", "oom_kill", ' ', offsetof(CgroupUsage, oom_kills)},
};

bool cgroup_usage(const char *path, CgroupUsage *ret)
{
    _cleanup_buffer_ Buffer text = {};
    const char *file = "";
    *ret = (CgroupUsage){};
    if (access(path, F_OK) < 0)
        return false;
    for (size_t i = 0; i < ELEMENTS(counters); i++) {
        if (!streq(file, counters[i].file)) {
            file = counters[i].file;
            buffer_done(&text);
            (void)read_file(path, file, &text); /* a controller that is not there has counted nothing */
        }
        *(uint64_t *)((char *)ret + counters[i].offset) =
            sum_of(buffer_text(&text), counters[i].name, counters[i].separator);
    }
    ret->oom_here = sum_of(buffer_text(&text), "oom", ' ') > 0; /* memory.events is the last */
    ret->memory_peak_bytes = number_of(path, "memory.peak");
    ret->pids_peak = number_of(path, "pids.peak");
    return true;
}

int cgroup_make(const char *directory, const char *name, char **ret_path)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return outage(-errno);
    *ret_path = TAKE_PTR(path);
    return 0;
}

int cgroup_kill(const char *path)
{
    _cleanup_free_ char *file = xasprintf("%s/cgroup.kill", path);
    _cleanup_(close_fdp) int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) != 1)
        return errno == ENOENT ? 0 : outage(-errno);
    return 0;
}

unsigned cgroup_visit(const char *path, void (*visit)(void *userdata, int pid), void *userdata)
{
    _cleanup_free_ char *file = xasprintf("%s/cgroup.procs", path);
    _cleanup_buffer_ Buffer text = {};
    unsigned count = 0;
    if (read_text(file, &text) < 0)
        return 0;
    for (const char *p = buffer_text(&text); *p;) {
        int pid = 0;
        for (; *p >= '0' && *p <= '9'; p++)
            pid = pid * 10 + (*p - '0');
        if (pid > 0) {
            count++;
            if (visit)
                visit(userdata, pid);
        }
        if (*p)
            p++;
    }
    return count;
}

void cgroup_remove(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            _cleanup_free_ char *below = xasprintf("%s/%s", path, entry->d_name);
            cgroup_remove(below);
        }
    closedir(directory);
    (void)rmdir(path); /* one that is not empty stays, as documented */
}
