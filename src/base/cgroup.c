/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Works with the unified hierarchy, at /sys/fs/cgroup or, beside version 1 controllers, at /sys/fs/cgroup/unified: killing
 * needs no controller.
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

static bool is_delegated(const char *directory)
{
    char value[2];
    if (getxattr(directory, "user.delegate", value, sizeof(value)) >= 1 && value[0] == '1')
        return true;
    if (getxattr(directory, "trusted.delegate", value, sizeof(value)) >= 1 && value[0] == '1')
        return true;
    return sd_booted() <= 0 && access(directory, W_OK) == 0;
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
    if (!is_delegated(directory))
        return CGROUP_E_NONE;
    *ret_directory = TAKE_PTR(directory);
    return 0;
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
