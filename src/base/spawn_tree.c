/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of a child, and its end. With a cgroup the kernel knows the tree. Without, it is a walk over /proc: a
 * process belongs to the tree if it descends from the child, or if it descends from us (we are the subreaper, so
 * orphans do) and is in the child's session, carries its mark, or was left to us by it.
 *
 * Each child is a subreaper itself, so that as long as it lives nothing below can leave it: neither by a double fork,
 * nor with a session and an environment of its own. What it has left when it ends becomes ours at that moment, and is
 * noted before the child is reaped.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/identity.h"
#include "base/spawn_private.h"

#define KILL_ROUNDS        200
#define ERRAND_STACK_BYTES ((size_t)64 * 1024)

int spawn_take_int(const char **p)
{
    int value = 0;
    while (**p == ' ')
        (*p)++;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        value = value * 10 + (**p - '0');
    return value;
}

typedef struct Entry {
    pid_t pid, parent, session;
    bool ended, ours, in_tree;
} Entry;
typedef VEC(Entry) Entries;

ssize_t spawn_read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name); /* always fits */
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    text[MAX(n, (ssize_t)0)] = 0;
    return n;
}

static bool read_entry(pid_t pid, Entry *ret)
{
    char text[1024];
    if (spawn_read_proc(pid, "stat", text, sizeof(text)) <= 0)
        return false;
    const char *p = strrchr(text, ')'); /* the name before it may hold anything */
    if (!p || !p[1] || !p[2])
        return false;
    char state = p[2];
    p += 3;
    *ret = (Entry){.pid = pid, .ended = state == 'Z' || state == 'X'};
    ret->parent = spawn_take_int(&p);
    (void)spawn_take_int(&p); /* process group */
    ret->session = spawn_take_int(&p);
    return true;
}

static int compare_pids(const void *a, const void *b)
{
    const Entry *first = a, *second = b;
    return (first->pid > second->pid) - (first->pid < second->pid);
}

static bool has_entry(const Entries *entries, size_t count, pid_t pid)
{
    Entry wanted = {.pid = pid};
    return count > 0 && bsearch(&wanted, entries->items, count, sizeof(Entry), compare_pids) != NULL;
}

/* Adds what is seen by who we are, and is not there yet. */
static int read_visible(Entries *ret)
{
    size_t before = ret->count;
    DIR *directory = opendir("/proc");
    if (!directory)
        return outage(-errno);
    for (struct dirent *item; (item = readdir(directory));) {
        const char *p = item->d_name;
        Entry entry;
        pid_t pid = spawn_take_int(&p);
        if (pid > 0 && !*p && !has_entry(ret, before, pid) && read_entry(pid, &entry))
            vec_push(ret, entry);
    }
    closedir(directory);
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(Entry), compare_pids);
    return 0;
}

/* /proc may show us our own processes only (hidepid=): then those of the tasks' user are seen by being that one. */
static int read_entries(Entries *ret)
{
    int r = read_visible(ret);
    if (r < 0 || !identity_is_set())
        return r;
    _as_(IDENTITY_TASK);
    return read_visible(ret);
}

static bool carries_mark(pid_t pid, const char *token)
{
    _cleanup_free_ char *text = xmalloc((size_t)128 * 1024);
    ssize_t n = spawn_read_proc(pid, "environ", text, (size_t)128 * 1024);
    if (n < 0 && identity_is_set()) {
        _as_(IDENTITY_TASK);
        n = spawn_read_proc(pid, "environ", text, (size_t)128 * 1024);
    }
    for (const char *entry = text; n > 0 && entry < text + n; entry += strlen(entry) + 1)
        if (starts_with(entry, SPAWN_MARK))
            return strstr(entry, token) != NULL;
    return false;
}

static bool is_other_child(const Spawned *child, pid_t pid)
{
    const Spawner *spawner = child->spawner;
    for (size_t i = 0; i < spawner->children.count; i++) {
        const Spawned *other = spawner->children.items[i];
        if (other != child && !other->reaped && other->pid == pid)
            return true;
    }
    return false;
}

/* Marks with `flag` everything below what is marked already. Parents may come later in the list: until nothing changes,
 * which is after as many rounds as the tree is deep, at most. */
static void spread(Entries *entries, size_t flag)
{
#define FLAG(entry) (*(bool *)((char *)(entry) + flag))
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < entries->count; i++) {
            Entry *entry = &entries->items[i], wanted = {.pid = entry->parent};
            if (FLAG(entry))
                continue;
            const Entry *parent = bsearch(&wanted, entries->items, entries->count, sizeof(Entry), compare_pids);
            if (parent && FLAG(parent))
                changed = FLAG(entry) = true;
        }
    }
#undef FLAG
}

static bool was_left_by(const Spawned *child, pid_t pid)
{
    const Spawner *spawner = child->spawner;
    for (size_t i = 0; i < spawner->orphans.count; i++)
        if (spawner->orphans.items[i].pid == pid)
            return spawner->orphans.items[i].left_by == child;
    return false;
}

static void find_tree(const Spawned *child, Entries *entries)
{
    pid_t self = getpid();
    for (size_t i = 0; i < entries->count; i++) {
        Entry *entry = &entries->items[i];
        entry->ours = entry->pid == self;
        entry->in_tree = entry->pid == child->pid && entry->parent == self && !child->reaped;
    }
    spread(entries, offsetof(Entry, ours));
    spread(entries, offsetof(Entry, in_tree));
    bool session_is_other = is_other_child(child, child->pid);
    for (size_t i = 0; i < entries->count; i++) {
        Entry *entry = &entries->items[i];
        if (entry->in_tree || !entry->ours || entry->pid == self || entry->ended || is_other_child(child, entry->pid))
            continue;
        entry->in_tree = (entry->session == child->pid && !session_is_other) || was_left_by(child, entry->pid) ||
                         carries_mark(entry->pid, child->token);
    }
    spread(entries, offsetof(Entry, in_tree));
}

typedef struct Errand {
    uid_t user;
    pid_t pid;
    int signal;
} Errand;

/* Shares our memory, and until it ends we wait: only system calls. */
static int run_errand(void *argument)
{
    const Errand *errand = argument;
    if (syscall(SYS_setresuid, errand->user, errand->user, errand->user) == 0)
        (void)kill(errand->pid, errand->signal); /* it may just have ended */
    _exit(0);
}

/* Whoever may change to another user need not have the right to signal those of all users: a child that is that user
 * does it. */
void spawn_signal(pid_t pid, int signal)
{
    if (kill(pid, signal) == 0 || errno != EPERM || !identity_is_set())
        return;
    Errand errand = {.user = identity_task_user(), .pid = pid, .signal = signal};
    _cleanup_free_ char *stack = xmalloc(ERRAND_STACK_BYTES);
    sigset_t all, saved;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &saved); /* cannot fail with these arguments */
    pid_t child = clone(run_errand, stack + ERRAND_STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &errand);
    if (child > 0)
        (void)waitpid(child, NULL, 0);            /* it has ended: nothing to wait for */
    (void)sigprocmask(SIG_SETMASK, &saved, NULL); /* cannot fail with these arguments */
}

/* The child itself, which /proc does not show: by its descriptor. */
static unsigned signal_unseen(const Spawned *child, int signal)
{
    struct pollfd poll_fd = {.fd = child->pidfd, .events = POLLIN};
    if (child->reaped || poll(&poll_fd, 1, 0) != 0)
        return 0;                                                        /* it has ended */
    (void)syscall(SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0); /* it may just have ended */
    return 1;
}

static unsigned signal_by_proc(const Spawned *child, int signal)
{
    Entries entries = {};
    unsigned count = 0;
    if (read_entries(&entries) >= 0)
        find_tree(child, &entries);
    for (size_t i = 0; i < entries.count; i++)
        if (entries.items[i].in_tree && !entries.items[i].ended) {
            count++;
            spawn_signal(entries.items[i].pid, signal);
        }
    if (!has_entry(&entries, entries.count, child->pid))
        count += signal_unseen(child, signal);
    vec_free(&entries);
    return count;
}

static void send_signal(void *userdata, int pid)
{
    spawn_signal(pid, *(int *)userdata);
}

static unsigned signal_once(Spawned *child, int signal)
{
    if (!child->cgroup)
        return signal_by_proc(child, signal);
    if (signal != SIGKILL)
        return cgroup_visit(child->cgroup, send_signal, &signal);
    unsigned count = cgroup_visit(child->cgroup, NULL, NULL);
    if (count > 0 && cgroup_kill(child->cgroup) < 0)
        return cgroup_visit(child->cgroup, send_signal, &signal); /* Linux before 5.14 */
    return count;
}

unsigned spawn_signal_tree(Spawned *child, int signal)
{
    unsigned count = signal_once(child, signal);
    if (signal == SIGKILL && !child->cgroup)
        for (unsigned round = 0, again = count; again > 0 && round < KILL_ROUNDS; round++)
            again = signal_by_proc(child, SIGKILL);
    if (count > 0)
        spawner_reap(child->spawner);
    return count;
}

static bool is_waited_for(const Spawner *spawner, pid_t pid)
{
    for (size_t i = 0; i < spawner->children.count; i++)
        if (spawner->children.items[i]->pid == pid && !spawner->children.items[i]->reaped)
            return true;
    return false;
}

/* --- what children have left to us --- */

typedef VEC(pid_t) Pids;

/* Our children that no one waits for; false when the kernel does not tell. */
static bool read_orphans(const Spawner *spawner, Pids *ret)
{
    char name[48], text[16 * 1024];
    (void)snprintf(name, sizeof(name), "task/%d/children", (int)getpid()); /* always fits */
    ssize_t n = spawn_read_proc(getpid(), name, text, sizeof(text));
    if (n < 0)
        return false;
    for (const char *p = text; n > 0 && *p; p += *p == ' ') {
        const char *before = p;
        pid_t pid = spawn_take_int(&p);
        if (p == before)
            break;
        if (pid > 0 && !is_waited_for(spawner, pid))
            vec_push(ret, pid);
    }
    return true;
}

static Spawned *owner_of(Spawned *ended, pid_t pid)
{
    const Spawner *spawner = ended->spawner;
    for (size_t i = 0; i < spawner->orphans.count; i++)
        if (spawner->orphans.items[i].pid == pid)
            return spawner->orphans.items[i].left_by;
    for (size_t i = 0; i < spawner->children.count; i++) /* another may have ended at the same time */
        if (carries_mark(pid, spawner->children.items[i]->token))
            return spawner->children.items[i];
    return ended;
}

void spawn_note_orphans(Spawned *child)
{
    Spawner *spawner = child->spawner;
    Pids pids = {};
    if (!read_orphans(spawner, &pids) || (pids.count == 0 && spawner->orphans.count == 0))
        return;
    typeof(spawner->orphans) orphans = {};
    for (size_t i = 0; i < pids.count; i++)
        vec_push(&orphans, (Orphan){.pid = pids.items[i], .left_by = owner_of(child, pids.items[i])});
    vec_free(&pids);
    vec_free(&spawner->orphans);
    spawner->orphans = orphans;
}

void spawn_forget_orphans(const Spawned *child)
{
    Spawner *spawner = child->spawner;
    for (size_t i = 0; i < spawner->orphans.count; i++)
        if (spawner->orphans.items[i].left_by == child)
            spawner->orphans.items[i].left_by = NULL;
}

bool spawner_orphan(const Spawner *spawner, size_t i, pid_t *ret_orphan, pid_t *ret_left_by)
{
    if (i >= spawner->orphans.count)
        return false;
    const Orphan *orphan = &spawner->orphans.items[i];
    *ret_orphan = orphan->pid;
    *ret_left_by = orphan->left_by ? orphan->left_by->pid : 0;
    return true;
}

void spawner_adopt_orphan(Spawner *spawner, pid_t orphan, pid_t left_by)
{
    Spawned *child = NULL;
    for (size_t i = 0; left_by > 0 && i < spawner->children.count; i++)
        if (spawner->children.items[i]->pid == left_by)
            child = spawner->children.items[i];
    vec_push(&spawner->orphans, (Orphan){.pid = orphan, .left_by = child});
}

static void forget_orphan(Spawner *spawner, pid_t pid)
{
    for (size_t i = 0; i < spawner->orphans.count; i++)
        if (spawner->orphans.items[i].pid == pid)
            spawner->orphans.items[i] = spawner->orphans.items[--spawner->orphans.count];
}

unsigned spawner_reap(Spawner *spawner)
{
    Pids pids = {};
    if (!read_orphans(spawner, &pids))
        return UINT_MAX;
    unsigned orphans = 0;
    for (size_t i = 0; i < pids.count; i++)
        if (waitpid(pids.items[i], NULL, WNOHANG) == 0)
            orphans++; /* one that still runs is left alone */
        else
            forget_orphan(spawner, pids.items[i]);
    vec_free(&pids);
    return orphans;
}

/* Waits for the tree to end until the deadline, reaping. */
static bool wait_for_tree(Spawned *child, usec_t deadline)
{
    siginfo_t info;
    for (;;) {
        bool ended = spawn_ended(child, &info);
        if (spawn_signal_tree(child, 0) == 0 && ended)
            return true;
        usec_t now = clock_monotonic();
        if (now >= deadline)
            return false;
        /* orphans have no descriptor to wait on */
        usec_t wait = MIN(deadline - now, (ended ? 10 : 50) * USEC_PER_MSEC);
        struct pollfd poll_fd = {.fd = ended ? -1 : child->pidfd, .events = POLLIN};
        (void)poll(&poll_fd, 1, (int)MAX(wait / USEC_PER_MSEC, (usec_t)1)); /* the state is looked at in any case */
    }
}

void spawn_kill_tree(Spawned *child, usec_t grace)
{
    (void)spawn_signal_tree(child, SIGTERM); /* counted below */
    if (wait_for_tree(child, clock_monotonic() + grace))
        return;
    do
        (void)spawn_signal_tree(child, SIGKILL); /* counted below */
    while (!wait_for_tree(child, clock_monotonic() + 100 * USEC_PER_MSEC));
}
