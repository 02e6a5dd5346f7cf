/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The little of cgroup v2 that children need: a subtree of our own, a group for each child, an end for all in it. */
#include "base/base.h"

enum {
    CGROUP_E_NONE = 1, /* no subtree was delegated to us */
};

/* The cgroup of this process, when it is ours to divide: systemd says so (Delegate=yes), or systemd does not run here and
 * the directory is writable. Caller frees. */
int cgroup_delegated(char **ret_directory) _must_check_;
/* Makes directory/name; an existing one is taken. Caller frees. */
int cgroup_make(const char *directory, const char *name, char **ret_path) _must_check_;
/* Sends SIGKILL to all in it at once. */
int cgroup_kill(const char *path) _must_check_;
/* Calls visit for every process in it; returns how many, 0 also when it is gone. */
unsigned cgroup_visit(const char *path, void (*visit)(void *userdata, int pid), void *userdata);
/* Removes it and the empty ones below it; what is not empty stays. */
void cgroup_remove(const char *path);
