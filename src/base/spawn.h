/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Child processes and the whole tree that grows out of each of them.
 *
 * A Spawner makes this process the reaper of everything that its children leave behind (PR_SET_CHILD_SUBREAPER). With a
 * cgroup v2 subtree of our own every child gets a cgroup below it, which no process leaves; without, each child is a
 * reaper too, and the tree is found in /proc: what descends from the child, is in its session, carries its mark in the
 * environment, or was left to us when it ended, so that a double-forked process in a session of its own is still found.
 *
 * Not thread safe: one Spawner a process, used from one thread.
 */
#include "base/cgroup.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

typedef struct Spawner Spawner;
typedef struct Spawned Spawned;

/* Starts nothing. Groups left by processes that are gone are removed with what is in them. cgroup: directory under
 * which children get cgroups; NULL: as cgroup_delegated() finds,
 * "" for none. */
int spawner_new(const char *cgroup, Spawner **ret) _must_check_;
/* The children must be gone; cgroups that are empty are removed. */
Spawner *spawner_free(Spawner *spawner);
DEFINE_CLEANUP(Spawner *, spawner_free);
/* Reaps zombies that were handed to us by children and are nobody's; call it when a child ended. Returns how many such
 * orphans still run, UINT_MAX when the kernel does not tell: what a child left behind is among them, or below. */
unsigned spawner_reap(Spawner *spawner);
bool spawner_has_cgroup(const Spawner *spawner);
/* Which controllers the cgroups of children have, one bit a CgroupController. */
unsigned spawner_controllers(const Spawner *spawner);
/* Why not all of them, in words; NULL when nothing lacks. Borrowed. */
const char *spawner_lack(const Spawner *spawner);

/* Where the groups of children are; NULL: none. Borrowed. */
const char *spawner_cgroup(const Spawner *spawner);

enum {
    SPAWN_NULL = -1, /* /dev/null */
    SPAWN_PIPE = -2, /* a pipe; our end by spawn_stdin, spawn_stdout, spawn_stderr */
};

/* One file of the child's cgroup, written before it starts; needs the controller. */
typedef struct SpawnLimit {
    const char *file, *value; /* "memory.max", "67108864" */
} SpawnLimit;

typedef struct SpawnOptions {
    const char *const *arguments;    /* [0] is the program: a path, or a name looked up in PATH of `environment` */
    int program_fd;                  /* this program in place of arguments[0], wherever it lies; 0: none */
    const char *const *environment;  /* "NAME=value"; ends with NULL; NULL: ours */
    const char *directory;           /* working directory; NULL: ours */
    int input, output, error;        /* a descriptor (stays the caller's), SPAWN_NULL or SPAWN_PIPE */
    const int *listen_fds;           /* handed over as 3, 4, … with LISTEN_PID and LISTEN_FDS; may be NULL */
    const char *const *listen_names; /* LISTEN_FDNAMES of them */
    size_t listen_count;
    int death_signal;     /* sent to the child when the thread that spawned it ends; 0: none */
    bool login_limits;    /* resource limits as a login has them: 1024 files (the hard limit stays), no core files */
    int oom_score_adjust; /* added to ours; 0: none */
    bool ignore_hangup; /* SIGHUP is ignored from its first instruction on: what is sent to our whole unit does not end
                           it */
    bool keep_session;  /* no session of its own: for a program that uses our terminal */
    bool change_user;   /* to user, group and groups, without new privileges; needs the right to */
    uid_t user;
    gid_t group;
    const gid_t *groups; /* supplementary ones; may be NULL */
    size_t group_count;
    bool keep_capabilities;   /* that we have as an ordinary user; otherwise the program gets none */
    const SpawnLimit *limits; /* `limit_count` of them; may be NULL */
    size_t limit_count;
    const char *name; /* of the cgroup kestra-PID-NAME, unique among living children; NULL: made up */
} SpawnOptions;

enum {
    SPAWN_E_NOT_FOUND = 1, /* no such program or directory */
    SPAWN_E_REFUSED,       /* not executable, no permission, not a program of this machine */
    SPAWN_E_LIMIT,         /* a limit could not be set; spawner_refused() says which */
};

/* "memory.max = 1: Permission denied" after SPAWN_E_LIMIT. Borrowed until the next start. */
const char *spawner_refused(const Spawner *spawner);
/* Starts the program in a session of its own, signals at their defaults (but see ignore_hangup). errno tells which
 * after an outcome. */
int spawn_start(Spawner *spawner, const SpawnOptions *options, Spawned **ret) _must_check_;
/* Closes descriptors, forgets the child (it may live on) and removes its cgroup if that is empty. */
Spawned *spawn_free(Spawned *child);
DEFINE_CLEANUP(Spawned *, spawn_free);
pid_t spawn_pid(const Spawned *child);
/* Readable when the child has ended (not its tree). Borrowed. */
int spawn_pidfd(const Spawned *child);
/* Our end of a pipe, non-blocking and close-on-exec, or -1. Ownership moves to the caller. */
int spawn_stdin(Spawned *child);
int spawn_stdout(Spawned *child);
int spawn_stderr(Spawned *child);
/* Reaps the child if it has ended: true and the details. Not for children watched by loop_add_child, which reaps. */
bool spawn_ended(Spawned *child, siginfo_t *ret_info);
/*
 * What the child, once it has ended, and its tree have used. The cgroup counts exactly; what it does not count (no
 * cgroup, no controller) comes from wait4: of the child and what it has waited for, and the memory of the largest
 * single process, which is never less than ours was when we started it; *ret_exact_memory tells the two apart.
 */
void spawn_usage(const Spawned *child, CgroupUsage *ret, bool *ret_exact_memory);
/* The child was reaped by someone else (loop_add_child). */
void spawn_was_reaped(Spawned *child);
/* Sends the signal to every process of the tree; returns how many there were. SIGKILL is repeated until no new process
 * appears. 0: the tree is gone. With signal 0 only counts. */
unsigned spawn_signal_tree(Spawned *child, int signal);
/* SIGTERM, up to `grace` for the tree to end, then SIGKILL; blocks until nothing is left, and reaps. For tools and
 * tests: in a loop use spawn_signal_tree and a timer. */
void spawn_kill_tree(Spawned *child, usec_t grace);

/* What a program that takes this process over (base/handover.h) has to know of a child that goes on. Texts are
 * borrowed. */
typedef struct SpawnState {
    pid_t pid;
    int pidfd;
    bool reaped;
    const char *mark, *cgroup; /* cgroup: or NULL */
    struct rusage rusage;      /* when reaped */
} SpawnState;
SpawnState spawn_state(const Spawned *child);
/* The child of our predecessor; takes the pidfd. NULL: these are not words of spawn_state. */
Spawned *spawn_adopt(Spawner *spawner, const SpawnState *state);
/* What children that have ended have left to us: the i-th, and the pid of that child if it is still held here, else 0.
 * False: there are no more. Those of all children are adopted after the children. */
bool spawner_orphan(const Spawner *spawner, size_t i, pid_t *ret_orphan, pid_t *ret_left_by);
void spawner_adopt_orphan(Spawner *spawner, pid_t orphan, pid_t left_by);
