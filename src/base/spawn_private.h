/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the module spawn share. */
#include <sys/resource.h>

#include "base/id.h"
#include "base/spawn.h"

#define SPAWN_MARK "SPAWN_TREE=" /* not KESTRA_…: expressions see those */

/* A process that was left by a child which has ended, without a cgroup: now ours. */
typedef struct Orphan {
    pid_t pid;
    Spawned *left_by; /* NULL: that child is forgotten */
} Orphan;

struct Spawner {
    char *cgroup;          /* or NULL */
    unsigned controllers;  /* that children's groups have, one bit each */
    char *lack;            /* why there are not all; or NULL */
    char *refused;         /* the limit that could not be set; or NULL */
    int oom_fd, oom_score; /* ours */
    VEC(Spawned *) children;
    VEC(Orphan) orphans;
};

struct Spawned {
    Spawner *spawner;
    pid_t pid;
    int pidfd, input, output, error;
    bool reaped;
    char token[ID_BYTES];
    char *mark;           /* SPAWN_MARK, the tokens of the processes above us, our token */
    char *cgroup;         /* or NULL */
    struct rusage rusage; /* when reaped */
};

/* To one process of a tree, which may be of the user of a change_user. It may just have ended. */
void spawn_signal(pid_t pid, int signal);
/* /proc/PID/NAME, at most size - 1 bytes and a 0; the length, or -1. */
ssize_t spawn_read_proc(pid_t pid, const char *name, char *text, size_t size);
/* Reads digits and moves on; 0 when there are none. */
int spawn_take_int(const char **p);
/* Before the child is reaped: what it has left to us is remembered as its own. */
void spawn_note_orphans(Spawned *child);
/* The child is forgotten: its orphans are nobody's. */
void spawn_forget_orphans(const Spawned *child);
