/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls, not glibc's functions: those change all threads, or cannot fail visibly. A change of identity makes
 * the kernel forget the death signal, so it is armed again.
 *
 * An ordinary user may set its file system id to any of its three user ids without a capability. So kestra-run makes
 * the task's user its real one and gives the capabilities up: it reads what strangers send.
 */
#include "base/identity.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    bool is_set;
    uid_t users[2];
    gid_t groups[2];
    int death_signal;
} identities;
static _Thread_local Identity current;

int identity_set(uid_t user, gid_t group)
{
    (void)prctl(PR_GET_PDEATHSIG, &identities.death_signal); /* cannot fail */
    if (syscall(SYS_setgroups, 0, NULL) < 0)
        return outage(-errno);
    identities.users[IDENTITY_OWN] = geteuid();
    identities.groups[IDENTITY_OWN] = getegid();
    identities.users[IDENTITY_TASK] = user;
    identities.groups[IDENTITY_TASK] = group;
    identities.is_set = true;
    return 0;
}

int identity_adopt(uid_t user, gid_t group)
{
    struct __user_cap_header_struct version = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {};
    int r = identity_set(user, group);
    if (r < 0 || geteuid() == 0)
        return trace(r);
    if (syscall(SYS_setresgid, group, -1, -1) < 0 || syscall(SYS_setresuid, user, -1, -1) < 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || syscall(SYS_capset, &version, none) < 0)
        return outage(-errno);
    return 0;
}

bool identity_is_set(void)
{
    return identities.is_set;
}

uid_t identity_task_user(void)
{
    return identities.users[IDENTITY_TASK];
}

gid_t identity_task_group(void)
{
    return identities.groups[IDENTITY_TASK];
}

Identity identity_enter(Identity wanted)
{
    Identity before = current;
    if (!identities.is_set || before == wanted)
        return before;
    int saved = errno;
    (void)syscall(SYS_setfsgid, identities.groups[wanted]); /* both return what was before, and are asked below */
    (void)syscall(SYS_setfsuid, identities.users[wanted]);
    if ((uid_t)syscall(SYS_setfsuid, -1) != identities.users[wanted] ||
        (gid_t)syscall(SYS_setfsgid, -1) != identities.groups[wanted])
        abort();
    if (identities.death_signal)
        (void)prctl(PR_SET_PDEATHSIG, identities.death_signal); /* it was one */
    current = wanted;
    errno = saved;
    return before;
}

void identity_leave(Identity *before)
{
    (void)identity_enter(*before);
}

int identity_share_directory(const char *path)
{
    struct stat st;
    if (!identities.is_set)
        return 0;
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return outage(-errno);
    if (st.st_uid != identities.users[IDENTITY_OWN])
        return 0; /* the administrator's, with a mode that he has chosen */
    /* An owner may give a file to a group that he is in; by this one we are in the task's. */
    (void)syscall(SYS_setfsgid, identities.groups[IDENTITY_TASK]);
    int r = fchown(fd, (uid_t)-1, identities.groups[IDENTITY_TASK]) < 0 ? -errno : 0;
    (void)syscall(SYS_setfsgid, identities.groups[IDENTITY_OWN]);
    if (r == 0 && fchmod(fd, 01730) < 0)
        r = -errno;
    return r < 0 ? outage(r) : 0;
}
