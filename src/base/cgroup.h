/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The little of cgroup v2 that children need: a subtree of our own, a group for each child with limits and counters, an
 * end for all in it. */
#include "base/base.h"

#define CGROUP_SUPERVISOR "supervisor" /* the leaf that holds ourselves */

typedef enum CgroupController {
    CGROUP_CPU,
    CGROUP_MEMORY,
    CGROUP_PIDS,
    CGROUP_IO,
    _CGROUP_CONTROLLER_MAX,
} CgroupController;

enum {
    CGROUP_E_NONE = 1, /* no subtree was delegated to us */
};

/* The cgroup of this process, when it is ours to divide: systemd says so (Delegate=yes) of it or of one above, or
 * systemd does not run here and the directory is writable. The leaf that cgroup_divide() made for us is not it. Caller
 * frees. */
int cgroup_delegated(char **ret_directory) _must_check_;
/*
 * Lets the groups below have controllers. The kernel gives controllers only to groups below one that holds no process
 * itself, so this process moves to the group `supervisor` when it has to. Returns those that groups below have, one bit
 * a CgroupController; *ret_reason says in words why others are missing, NULL when none is. Caller frees.
 */
unsigned cgroup_divide(const char *directory, char **ret_reason);
/* Makes directory/name; an existing one is taken. Caller frees. */
int cgroup_make(const char *directory, const char *name, char **ret_path) _must_check_;
/* Writes `value` to one of its files ("memory.max"). Negative errno as the kernel answered it. */
int cgroup_set(const char *path, const char *file, const char *value) _must_check_;

/* What a group has used until now. */
typedef struct CgroupUsage {
    usec_t user_usec, system_usec, throttled_usec; /* CPU; throttled: kept waiting by cpu.max */
    uint64_t memory_peak_bytes;         /* 0: the kernel does not tell (before 5.19, or without the controller) */
    uint64_t read_bytes, written_bytes; /* from and to disks, of all devices */
    uint64_t pids_peak;                 /* 0: the kernel does not tell */
    uint64_t pids_refused;              /* processes that could not be started because of pids.max */
    uint64_t oom_kills;                 /* processes that were killed because memory ran out, here or above */
    bool oom_here;                      /* it was the limit of this group that was reached */
} CgroupUsage;
/* False when the group is gone. */
bool cgroup_usage(const char *path, CgroupUsage *ret);
/* Sends SIGKILL to all in it at once. */
int cgroup_kill(const char *path) _must_check_;
/* Calls visit for every process in it; returns how many, 0 also when it is gone. */
unsigned cgroup_visit(const char *path, void (*visit)(void *userdata, int pid), void *userdata);
/* Removes it and the empty ones below it; what is not empty stays. */
void cgroup_remove(const char *path);
