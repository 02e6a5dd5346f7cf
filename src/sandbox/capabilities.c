/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving up capabilities for good. Emptying the sets is not enough: exec by user id 0 fills them again from the
 * bounding set, in a user namespace as outside. So the bounding set is emptied, which is what exec can give at most,
 * and the kernel is told not to treat user id 0 in any special way (SECBIT_NOROOT), nor to let anybody change that.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NUMBERS_MAX = 64 };
#define LOCKED                                                                                                         \
    (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED |         \
     SECBIT_KEEP_CAPS_LOCKED)

static struct __user_cap_header_struct header(void)
{
    return (struct __user_cap_header_struct){.version = _LINUX_CAPABILITY_VERSION_3};
}

static bool may_lock(void)
{
    struct __user_cap_header_struct version = header();
    struct __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &version, data) < 0)
        sandbox_fail("capabilities");
    return data[0].effective & 1U << CAP_SETPCAP;
}

void sandbox_lock_capabilities(void)
{
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        sandbox_fail("ambient capabilities");
    if (!may_lock())
        return; /* an ordinary user, and no namespace of its own: what it never had */
    for (int number = 0; number < NUMBERS_MAX; number++)
        if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0 && errno != EINVAL)
            sandbox_fail("bounding set"); /* EINVAL: the kernel has no such number */
    if (prctl(PR_SET_SECUREBITS, LOCKED, 0, 0, 0) < 0)
        sandbox_fail("secure bits");
}

void sandbox_empty_capabilities(void)
{
    struct __user_cap_header_struct version = header();
    const struct __user_cap_data_struct none[2] = {};
    if (syscall(SYS_capset, &version, none) < 0)
        sandbox_fail("capabilities");
}
