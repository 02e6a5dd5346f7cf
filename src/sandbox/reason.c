/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the kernel said no. Namespaces for users without privileges are switched off in five places, all of which answer
 * with the same errno; who reads the log of a task has to know which one to change.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the first line of the file is this text; a file that is not there says nothing. */
static bool says(const char *path, const char *text)
{
    char line[32] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool same =
        fgets(line, sizeof line, file) && strcspn(line, "\n") == strlen(text) && strncmp(line, text, strlen(text)) == 0;
    (void)fclose(file); /* read only */
    return same;
}

static bool has_filter(void)
{
    char line[256];
    bool found = false;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "Seccomp:\t2", 10) == 0;
    if (file)
        (void)fclose(file); /* read only */
    return found;
}

static const struct {
    const char *path;
    const char *value;
    const char *advice;
} settings[] = {
    {"/proc/sys/kernel/unprivileged_userns_clone", "0",
     "kernel.unprivileged_userns_clone is 0 on this host; a file in /etc/sysctl.d can set it to 1"},
    {"/proc/sys/user/max_user_namespaces", "0",
     "user.max_user_namespaces is 0 on this host; a file in /etc/sysctl.d can raise it"},
    {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
     "kernel.apparmor_restrict_unprivileged_userns is 1 on this host; kestra-sandbox needs an AppArmor profile with "
     "`userns,`, or "
     "set it to 0"},
};

static const char *find_reason(void)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (geteuid() != 0 && says(settings[i].path, settings[i].value))
            return settings[i].advice;
    if (has_filter())
        return "a system call filter forbids it: RestrictNamespaces= or SystemCallFilter= of kestra-worker.service "
               "(`systemctl edit "
               "kestra-worker`), or the filter of the container that the worker runs in";
    return geteuid() == 0 ? "the worker runs as root without CAP_SYS_ADMIN, or in a chroot"
                          : "the limit of namespaces is reached, or the worker runs in a chroot";
}

void sandbox_fail(const char *format, ...)
{
    int error = errno;
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("The sandbox cannot be set up: ", stderr); /* nothing can be done when it is closed */
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    errno = error;
    (void)fprintf(stderr, ": %m");
    if (error == EPERM || error == ENOSPC || error == EACCES)
        (void)fprintf(stderr, " (%s)", find_reason());
    (void)fputs("\n", stderr);
    _exit(SANDBOX_EXIT);
}
