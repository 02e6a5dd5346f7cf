/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/task_user.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/log.h"

#define SETTING "worker.task-user"
enum { GROUPS_MAX = 256, ANCESTORS_MAX = 256 };

static bool may_change(void)
{
    struct __user_cap_header_struct version = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {};
    const unsigned wanted = 1U << CAP_SETUID | 1U << CAP_SETGID;
    return syscall(SYS_capget, &version, data) == 0 && (data[0].effective & wanted) == wanted;
}

/* NULL: it can be used. */
static const char *why_not(const struct passwd *user)
{
    if (!user)
        return "there is no such user";
    if (user->pw_uid == 0)
        return "tasks do not run as root";
    if (user->pw_uid == geteuid())
        return "it is the worker's own";
    return may_change() ? NULL : "the worker may not change to it (AmbientCapabilities= of its unit)";
}

int task_user_set(const Conf *conf)
{
    const char *name = conf_text(conf, SETTING);
    if (!name || !*name)
        return 0;
    const struct passwd *user = getpwnam(name);
    const char *problem = why_not(user);
    if (!problem)
        return identity_set(user->pw_uid, user->pw_gid);
    if (conf_is_set(conf, SETTING)) {
        log_error("Setting " SETTING ": %s: %s", name, problem);
        return -EINVAL;
    }
    log_warning("Tasks run as the worker's own user, and can do all that it can: user %s: %s", name, problem);
    return 0;
}

static const struct passwd *find_user(void)
{
    return getpwuid(identity_is_set() ? identity_task_user() : geteuid());
}

char *task_user_home(void)
{
    const struct passwd *user = find_user();
    return xstrdup(user && user->pw_dir && *user->pw_dir ? user->pw_dir : "/");
}

gid_t *task_user_groups(size_t *ret_count)
{
    const struct passwd *user = find_user();
    int count = GROUPS_MAX;
    gid_t *groups = xnew_n(gid_t, GROUPS_MAX);
    if (!user || getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        count = 0; /* unknown, or in more groups than anybody is: none is the safe answer */
    *ret_count = (size_t)count;
    return groups;
}

/* --- who connects --- */

/* The parent of a process, and whether it is a worker. What it is called is nothing that a task could change: workers
 * do not let themselves be traced. */
static pid_t look_at(pid_t pid, bool *ret_is_worker)
{
    char path[64], line[256];
    pid_t parent = 0;
    *ret_is_worker = false;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid); /* always fits */
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (starts_with(line, "Name:\tkestra-worker\n"))
            *ret_is_worker = true;
        if (!starts_with(line, "PPid:\t"))
            continue;
        for (const char *digit = line + strlen("PPid:\t"); *digit >= '0' && *digit <= '9'; digit++)
            parent = parent * 10 + (*digit - '0');
    }
    if (file)
        fclose(file);
    return parent;
}

/* Who cannot be looked at any more is taken for one: a role waits for its answer. */
static bool descends_from_worker(pid_t pid)
{
    bool is_worker;
    pid_t parent = look_at(pid, &is_worker);
    for (unsigned i = 0; parent > 1 && i < ANCESTORS_MAX; i++) {
        if (parent == getpid())
            return true;
        parent = look_at(parent, &is_worker);
        if (is_worker)
            return true;
    }
    return parent == 0;
}

static bool is_in_our_group(int connection, const struct ucred *peer)
{
    gid_t groups[GROUPS_MAX];
    socklen_t length = sizeof groups;
    if (peer->gid == getegid())
        return true;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0)
        return false;
    for (size_t i = 0; i < length / sizeof *groups; i++)
        if (groups[i] == getegid())
            return true;
    return false;
}

bool task_user_admits(int connection)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return false;
    if (identity_is_set())
        return peer.uid != identity_task_user() &&
               (peer.uid == 0 || peer.uid == geteuid() || is_in_our_group(connection, &peer));
    if (peer.uid != 0 && peer.uid != geteuid())
        return is_in_our_group(connection, &peer);
    return !descends_from_worker(peer.pid);
}
