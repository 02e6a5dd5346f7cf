/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of things. Namespaces come first, with a user namespace when we have no privileges: in it we may mount, and
 * outside it we are who we were. As root there is no user namespace. Either way all capabilities are given up before
 * the program runs, by a way that no exec and no user id leads back from (capabilities.c): what was mounted stays as it
 * is.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct Ids {
    uid_t user;
    gid_t group;
} Ids;

static Ids read_user(const char *name)
{
    uint64_t number = 0;
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user)
        return (Ids){user->pw_uid, user->pw_gid};
    const char *digit = name;
    for (; *digit >= '0' && *digit <= '9' && number < (uid_t)-1; digit++)
        number = number * 10 + (uint64_t)(*digit - '0');
    if (digit == name || *digit || number >= (uid_t)-1) {
        errno = errno ? errno : ENOENT;
        sandbox_fail("user '%s'", name);
    }
    user = getpwuid((uid_t)number);
    return (Ids){(uid_t)number, user ? user->pw_gid : (gid_t)number};
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        sandbox_fail("%s", path);
    (void)close(fd); /* written */
}

/* Inside we are `inside`, outside who we were. A group can only be mapped by who cannot drop groups that forbid. */
static void map_ids(Ids outside, Ids inside)
{
    char text[64];
    write_file("/proc/self/setgroups", "deny");
    (void)snprintf(text, sizeof text, "%u %u 1", (unsigned)inside.user, (unsigned)outside.user); /* always fits */
    write_file("/proc/self/uid_map", text);
    (void)snprintf(text, sizeof text, "%u %u 1", (unsigned)inside.group, (unsigned)outside.group); /* always fits */
    write_file("/proc/self/gid_map", text);
}

static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        sandbox_fail("loopback interface");
    (void)close(fd); /* nothing was written */
}

static bool needs_mounts(const Sandbox *sandbox)
{
    return sandbox->read_only_root || sandbox->private_tmp || sandbox->path_count > 0 || sandbox->private_pids;
}

static void unshare_all(const Sandbox *sandbox, Ids own, Ids wanted)
{
    bool is_root = own.user == 0;
    int flags = (needs_mounts(sandbox) ? CLONE_NEWNS : 0) | (sandbox->private_network ? CLONE_NEWNET : 0) |
                (sandbox->private_pids ? CLONE_NEWPID : 0);
    bool needs_user = !is_root && (flags || wanted.user != own.user);
    if (needs_user)
        flags |= CLONE_NEWUSER;
    if (flags && unshare(flags) < 0)
        sandbox_fail("namespaces");
    if (needs_user)
        map_ids(own, wanted);
}

static void change_user(Ids own, Ids wanted)
{
    if (own.user != 0 || wanted.user == 0)
        return;
    if (setgroups(0, NULL) < 0 || setresgid(wanted.group, wanted.group, wanted.group) < 0 ||
        setresuid(wanted.user, wanted.user, wanted.user) < 0)
        sandbox_fail("user %u", (unsigned)wanted.user);
}

void sandbox_run(Sandbox *sandbox, char **arguments)
{
    Ids own = {geteuid(), getegid()}, wanted = sandbox->user ? read_user(sandbox->user) : own;
    int death_signal = 0;
    (void)prctl(PR_GET_PDEATHSIG, &death_signal); /* changes of identity clear it */
    unshare_all(sandbox, own, wanted);
    if (sandbox->private_network)
        raise_loopback();
    if (needs_mounts(sandbox))
        sandbox_mount(sandbox);
    if (sandbox->private_pids)
        sandbox_enter_pids();
    sandbox_lock_capabilities();
    change_user(own, wanted);
    sandbox_empty_capabilities();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        sandbox_fail("no new privileges");
    if (!sandbox->private_pids)
        (void)prctl(PR_SET_PDEATHSIG, death_signal); /* cannot fail: it was one */
    execvp(arguments[0], arguments);
    (void)fprintf(stderr, "Cannot run '%s': %m\n", arguments[0]);
    _exit(SANDBOX_EXIT_EXEC);
}
