/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child is made as posix_spawn makes it, by clone with CLONE_VM and CLONE_VFORK on a stack of its own: the cost
 * does not grow with our memory, and the child reports why it failed by writing to a variable. Until exec it may only
 * call what is safe after a fork; everything it needs is computed before. setresuid and friends are called as system
 * calls: glibc's versions would try to change the other threads of the parent.
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/spawn_private.h"

#define STACK_BYTES     ((size_t)64 * 1024)
#define LOGIN_FILES_MAX 1024

#define CGROUP_PREFIX "kestra-"

/* Groups that a process which is gone has left: those of a worker that was killed, when no systemd cleans up. */
static void remove_stale_cgroups(const char *parent)
{
    DIR *directory = opendir(parent);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (!starts_with(entry->d_name, CGROUP_PREFIX))
            continue;
        const char *p = entry->d_name + strlen(CGROUP_PREFIX);
        pid_t pid = spawn_take_int(&p);
        if (pid == getpid() || kill(pid, 0) == 0 || errno != ESRCH)
            continue;
        _cleanup_free_ char *path = xasprintf("%s/%s", parent, entry->d_name);
        if (cgroup_kill(path) >= 0)
            cgroup_remove(path);
    }
    if (directory)
        closedir(directory);
}

/* Opened once. Our own files in /proc belong to root while others must not look into our memory. */
static void open_oom_score(Spawner *spawner)
{
    char text[16] = "";
    int dumpable = prctl(PR_GET_DUMPABLE);
    (void)prctl(PR_SET_DUMPABLE, 1); /* cannot fail with these arguments */
    spawner->oom_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    (void)prctl(PR_SET_DUMPABLE, dumpable == 1);
    if (spawner->oom_fd < 0 || pread(spawner->oom_fd, text, sizeof(text) - 1, 0) <= 0)
        return; /* no /proc: nobody can adjust */
    const char *p = text + (*text == '-');
    int score = spawn_take_int(&p);
    spawner->oom_score = *text == '-' ? -score : score;
}

int spawner_new(const char *cgroup, Spawner **ret)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return outage(-errno);
    Spawner *spawner = xnew(Spawner);
    if (cgroup)
        spawner->cgroup = *cgroup ? xstrdup(cgroup) : NULL;
    else if (cgroup_delegated(&spawner->cgroup) != 0)
        spawner->cgroup = NULL;
    if (spawner->cgroup)
        spawner->controllers = cgroup_divide(spawner->cgroup, &spawner->lack);
    else
        spawner->lack = xstrdup("no control group of version 2 was delegated");
    open_oom_score(spawner);
    if (spawner->cgroup)
        remove_stale_cgroups(spawner->cgroup);
    *ret = spawner;
    return 0;
}

Spawner *spawner_free(Spawner *spawner)
{
    if (!spawner)
        return NULL;
    while (spawner->children.count)
        spawn_free(spawner->children.items[0]);
    vec_free(&spawner->children);
    vec_free(&spawner->orphans);
    close_fd(spawner->oom_fd);
    free(spawner->cgroup);
    free(spawner->lack);
    free(spawner->refused);
    free(spawner);
    return NULL;
}

bool spawner_has_cgroup(const Spawner *spawner)
{
    return spawner->cgroup != NULL;
}

unsigned spawner_controllers(const Spawner *spawner)
{
    return spawner->controllers;
}

const char *spawner_lack(const Spawner *spawner)
{
    return spawner->lack;
}

const char *spawner_refused(const Spawner *spawner)
{
    return spawner->refused;
}

const char *spawner_cgroup(const Spawner *spawner)
{
    return spawner->cgroup;
}

/* --- the child's side --- */

typedef struct Birth {
    const SpawnOptions *options;
    char **environment;
    const char *path; /* PATH to search */
    char *listen_pid; /* digits are written here, in the environment */
    int standard[3];
    int cgroup_procs;
    bool adopts; /* becomes the reaper of its tree: without a cgroup */
    pid_t parent;
    int error; /* errno of what failed, 0 if exec worked */
} Birth;

static void write_number(char *text, unsigned number)
{
    char digits[12];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10));
    while (count)
        *text++ = digits[--count];
    *text = 0;
}

static void reset_signals(bool ignore_hangup)
{
    /* The kernel's structure: the handler, then zeros. glibc's own function refuses 32 and 33, which may be ignored as
     * well. */
    const unsigned long by_default[8] = {(unsigned long)(uintptr_t)SIG_DFL},
                        ignore[8] = {(unsigned long)(uintptr_t)SIG_IGN};
    for (int number = 1; number < NSIG; number++)
        (void)syscall(SYS_rt_sigaction, number, ignore_hangup && number == SIGHUP ? ignore : by_default, NULL,
                      (size_t)NSIG / 8); /* KILL and STOP refuse, as they should */
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail with these arguments */
}

static bool place_descriptors(const Birth *birth)
{
    const SpawnOptions *options = birth->options;
    unsigned first_free = 3 + (unsigned)options->listen_count;
    for (int i = 0; i < 3; i++)
        if (dup2(birth->standard[i], i) < 0)
            return false;
    /* all sources are above what is filled here: move_up saw to it */
    for (size_t i = 0; i < options->listen_count; i++)
        if (dup2(options->listen_fds[i], 3 + (int)i) < 0)
            return false;
    (void)syscall(SYS_close_range, first_free, ~0U, CLOSE_RANGE_CLOEXEC); /* a second line: ours are close-on-exec */
    return true;
}

/* Of an ordinary user nothing is left to exec, the sets that it would look at included. Root has them by being root. */
static void drop_capabilities(void)
{
    struct __user_cap_header_struct version = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* cannot fail with these arguments */
    if (geteuid() != 0)
        (void)syscall(SYS_capset, &version, none); /* less is always allowed */
}

static bool change_user(const SpawnOptions *options)
{
    bool changed =
        !options->change_user || (syscall(SYS_setgroups, options->group_count, options->groups) == 0 &&
                                  syscall(SYS_setresgid, options->group, options->group, options->group) == 0 &&
                                  syscall(SYS_setresuid, options->user, options->user, options->user) == 0 &&
                                  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (changed && !options->keep_capabilities)
        drop_capabilities();
    return changed;
}

static bool join_cgroup(const Birth *birth)
{
    return birth->cgroup_procs < 0 || write(birth->cgroup_procs, "0", 1) == 1;
}

static bool set_death_signal(const Birth *birth)
{
    if (!birth->options->death_signal)
        return true;
    if (prctl(PR_SET_PDEATHSIG, birth->options->death_signal) < 0)
        return false;
    if (getppid() != birth->parent) {
        errno = ESRCH; /* it died before we asked */
        return false;
    }
    return true;
}

/* A service's limit on files is raised for what it holds itself; programs that use select() break with it. The hard
 * limit stays: who needs more takes it by ulimit. */
static void take_login_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > LOGIN_FILES_MAX) {
        limit.rlim_cur = LOGIN_FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* lowering is always allowed */
    }
    if (getrlimit(RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &limit);
    }
}

/* As execvpe, which glibc declares unsafe here. */
static void execute(const Birth *birth)
{
    char *const *arguments = (char *const *)(uintptr_t)birth->options->arguments;
    const char *name = arguments[0];
    char candidate[4096];
    if (birth->options->program_fd > 0) {
        (void)syscall(SYS_execveat, birth->options->program_fd, "", arguments, birth->environment, AT_EMPTY_PATH);
        return;
    }
    if (strchr(name, '/')) {
        execve(name, arguments, birth->environment);
        return;
    }
    int error = ENOENT;
    for (const char *p = birth->path; *p;) {
        size_t length = strcspn(p, ":"), name_length = strlen(name);
        if (length && length + name_length + 2 <= sizeof(candidate)) {
            memcpy(candidate, p, length);
            candidate[length] = '/';
            memcpy(candidate + length + 1, name, name_length + 1);
            execve(candidate, arguments, birth->environment);
            if (errno != ENOENT && errno != ENOTDIR)
                error = errno;
        }
        p += length + (p[length] == ':');
    }
    errno = error;
}

static int child_main(void *argument)
{
    Birth *birth = argument;
    const SpawnOptions *options = birth->options;
    reset_signals(options->ignore_hangup);
    if (birth->adopts)
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* cannot fail */
    if (join_cgroup(birth) && (options->keep_session || setsid() >= 0) && place_descriptors(birth) &&
        change_user(options) && set_death_signal(birth) && (!options->directory || chdir(options->directory) == 0)) {
        if (birth->listen_pid)
            write_number(birth->listen_pid, (unsigned)getpid());
        if (options->login_limits)
            take_login_limits();
        execute(birth);
    }
    birth->error = errno ? errno : EINVAL;
    _exit(127);
}

/* --- the parent's side --- */

/* The child's end of a stream; *ret_ours is set for a pipe. The result is always a new descriptor. */
static int open_stream(int wanted, bool child_reads, int *ret_ours)
{
    if (wanted >= 0)
        return fcntl(wanted, F_DUPFD_CLOEXEC, 3);
    if (wanted == SPAWN_NULL)
        return open("/dev/null", (child_reads ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    int ours = ends[child_reads ? 1 : 0];
    (void)fcntl(ours, F_SETFL, O_NONBLOCK | (child_reads ? O_WRONLY : O_RDONLY)); /* cannot fail on a pipe */
    *ret_ours = ours;
    return ends[child_reads ? 0 : 1];
}

/* Replaces *fd by a descriptor that is not below `lowest`. */
static bool move_up(int *fd, int lowest)
{
    if (*fd >= lowest)
        return true;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, lowest);
    if (moved < 0)
        return false;
    close_fd(*fd);
    *fd = moved;
    return true;
}

static bool is_replaced(const SpawnOptions *options, const char *entry)
{
    if (starts_with(entry, SPAWN_MARK) || starts_with(entry, "LISTEN_"))
        return true;
    /* what systemd told us is not meant for our children */
    return !options->environment && (starts_with(entry, "NOTIFY_SOCKET=") || starts_with(entry, "WATCHDOG_"));
}

/* The environment with the mark and LISTEN_*; strings that are ours are in the arena. */
static char **make_environment(Arena *arena, const SpawnOptions *options, Spawned *child, Birth *birth)
{
    const char *const *from = options->environment ? options->environment : (const char *const *)environ;
    size_t count = 0;
    while (from[count])
        count++;
    char **environment = arena_new_n(arena, char *, count + 5);
    size_t used = 0;
    birth->path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (size_t i = 0; i < count; i++) {
        if (is_replaced(options, from[i]))
            continue;
        if (starts_with(from[i], "PATH="))
            birth->path = from[i] + 5;
        environment[used++] = (char *)(uintptr_t)from[i];
    }
    environment[used++] = child->mark;
    if (options->listen_count) {
        Buffer names = {};
        for (size_t i = 0; i < options->listen_count; i++)
            buffer_printf(&names, "%s%s", i ? ":" : "", options->listen_names[i]);
        environment[used++] = arena_printf(arena, "LISTEN_FDS=%zu", options->listen_count);
        environment[used++] = arena_printf(arena, "LISTEN_FDNAMES=%s", buffer_text(&names));
        environment[used] = arena_printf(arena, "LISTEN_PID=0000000000");
        birth->listen_pid = environment[used++] + strlen("LISTEN_PID=");
        buffer_done(&names);
    }
    environment[used] = NULL;
    return environment;
}

static int refuse_limit(Spawner *spawner, const SpawnLimit *limit, int r)
{
    errno = -r;
    free(spawner->refused);
    spawner->refused = xasprintf("%s = %s: %m", limit->file, limit->value);
    return SPAWN_E_LIMIT;
}

/* Makes the child's cgroup with its limits; *ret_procs stays -1 without one, and /proc does it then. */
static int enter_cgroup(Spawner *spawner, const SpawnOptions *options, Spawned *child, int *ret_procs)
{
    _cleanup_free_ char *name =
        xasprintf(CGROUP_PREFIX "%d-%s", (int)getpid(), options->name ? options->name : child->token);
    if (!spawner->cgroup)
        return options->limit_count ? refuse_limit(spawner, options->limits, -EOPNOTSUPP) : 0;
    int r = cgroup_make(spawner->cgroup, name, &child->cgroup);
    for (size_t i = 0; i < options->limit_count; i++) {
        if (r == 0)
            r = cgroup_set(child->cgroup, options->limits[i].file, options->limits[i].value);
        if (r < 0)
            return refuse_limit(spawner, &options->limits[i], r);
    }
    if (r < 0)
        return 0;
    _cleanup_free_ char *procs = xasprintf("%s/cgroup.procs", child->cgroup);
    *ret_procs = open(procs, O_WRONLY | O_CLOEXEC);
    if (*ret_procs >= 0)
        return 0;
    cgroup_remove(child->cgroup);
    child->cgroup = (free(child->cgroup), NULL);
    return 0;
}

static int clone_child(Birth *birth, Spawned *child)
{
    /* From the heap: a mapping would come back with what AddressSanitizer still thinks of the child that left by exec.
     */
    _cleanup_free_ char *stack = xmalloc(STACK_BYTES);
    /* no handler of ours may run in the child, which shares our memory */
    sigset_t all, saved;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &saved); /* cannot fail with these arguments */
    pid_t pid =
        clone(child_main, stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, birth, &child->pidfd);
    int r = pid < 0 ? -errno : 0;
    (void)sigprocmask(SIG_SETMASK, &saved, NULL); /* cannot fail with these arguments */
    if (r < 0)
        return outage(r);
    child->pid = pid;
    if (birth->error) {
        (void)waitpid(pid, NULL, 0); /* it has ended: nothing to wait for */
        child->reaped = true;
    }
    return 0;
}

/* What the child could not do, as this module's result; errno says it exactly. */
static int failure_of(int error)
{
    errno = error;
    switch (error) {
    case 0:
        return 0;
    case ENOENT:
    case ENOTDIR:
        return SPAWN_E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case ENOEXEC:
    case ELIBBAD:
    case E2BIG:
        return SPAWN_E_REFUSED;
    default:
        return outage(-error);
    }
}

static int open_streams(const SpawnOptions *options, Birth *birth, Spawned *child)
{
    int *ours[] = {&child->input, &child->output, &child->error};
    int wanted[] = {options->input, options->output, options->error};
    for (int i = 0; i < 3; i++) {
        birth->standard[i] = open_stream(wanted[i], i == 0, ours[i]);
        if (birth->standard[i] < 0 || !move_up(&birth->standard[i], 3 + (int)options->listen_count))
            return outage(-errno);
    }
    return 0;
}

/* The listening descriptors, copied above the places where they go. */
static int lift_listen_fds(SpawnOptions *options, Arena *arena)
{
    int *lifted = arena_new_n(arena, int, options->listen_count + 1);
    for (size_t i = 0; i < options->listen_count; i++) {
        lifted[i] = fcntl(options->listen_fds[i], F_DUPFD_CLOEXEC, 3 + (int)options->listen_count);
        if (lifted[i] < 0) {
            int r = -errno;
            while (i > 0)
                close_fd(lifted[--i]);
            return outage(r);
        }
    }
    options->listen_fds = lifted;
    return 0;
}

/* A child inherits our score, which who may not lower it may still raise and take back. It cannot write its own before
 * exec: until then its files in /proc are those of our memory, which may not be dumpable. */
static void shift_oom_score(const Spawner *spawner, int by)
{
    char score[16];
    if (spawner->oom_fd < 0)
        return;
    (void)snprintf(score, sizeof(score), "%d", MIN(spawner->oom_score + by, 1000)); /* always fits */
    (void)(pwrite(spawner->oom_fd, score, strlen(score), 0) < 0);                   /* then it stays as it is */
}

int spawn_start(Spawner *spawner, const SpawnOptions *wanted, Spawned **ret)
{
    _cleanup_(arena_freep) Arena *arena = arena_new();
    _cleanup_(spawn_freep) Spawned *child = xnew(Spawned);
    child->pidfd = child->input = child->output = child->error = -1;
    child->reaped = true; /* until there is something to reap */
    child->spawner = spawner;
    const char *above = getenv("SPAWN_TREE");
    id_new(child->token);
    child->mark = xasprintf("%s%s%s%s", SPAWN_MARK, above ? above : "", above ? ":" : "", child->token);
    vec_push(&spawner->children, child);
    SpawnOptions options = *wanted;
    int r = lift_listen_fds(&options, arena);
    if (r < 0)
        return trace(r);
    Birth birth = {.options = &options, .standard = {-1, -1, -1}, .cgroup_procs = -1, .parent = getpid()};
    birth.environment = make_environment(arena, &options, child, &birth);
    r = open_streams(&options, &birth, child);
    if (r >= 0) {
        r = enter_cgroup(spawner, &options, child, &birth.cgroup_procs);
        birth.adopts = birth.cgroup_procs < 0;
    }
    if (r == 0) {
        child->reaped = false;
        if (options.oom_score_adjust)
            shift_oom_score(spawner, options.oom_score_adjust);
        r = clone_child(&birth, child);
        if (options.oom_score_adjust)
            shift_oom_score(spawner, 0);
    }
    for (int i = 0; i < 3; i++)
        close_fd(birth.standard[i]);
    for (size_t i = 0; i < options.listen_count; i++)
        close_fd(options.listen_fds[i]);
    close_fd(birth.cgroup_procs);
    if (r == 0)
        r = failure_of(birth.error);
    if (r != 0)
        return trace(r);
    *ret = TAKE_PTR(child);
    return 0;
}

Spawned *spawn_free(Spawned *child)
{
    if (!child)
        return NULL;
    int saved = errno;
    Spawner *spawner = child->spawner;
    for (size_t i = 0; i < spawner->children.count; i++)
        if (spawner->children.items[i] == child) {
            spawner->children.items[i] = spawner->children.items[--spawner->children.count];
            break;
        }
    spawn_forget_orphans(child);
    if (child->cgroup)
        cgroup_remove(child->cgroup);
    free(child->cgroup);
    free(child->mark);
    close_fd(child->pidfd);
    close_fd(child->input);
    close_fd(child->output);
    close_fd(child->error);
    free(child);
    errno = saved;
    return NULL;
}

SpawnState spawn_state(const Spawned *child)
{
    return (SpawnState){.pid = child->pid,
                        .pidfd = child->pidfd,
                        .reaped = child->reaped,
                        .mark = child->mark,
                        .cgroup = child->cgroup,
                        .rusage = child->rusage};
}

Spawned *spawn_adopt(Spawner *spawner, const SpawnState *state)
{
    if (state->pid <= 0 || !starts_with(state->mark, SPAWN_MARK))
        return NULL;
    const char *above = strrchr(state->mark, ':'); /* our token is the last in the mark */
    const char *token = above ? above + 1 : state->mark + strlen(SPAWN_MARK);
    if (!*token || strlen(token) >= ID_BYTES)
        return NULL;
    Spawned *child = xnew(Spawned);
    child->spawner = spawner;
    child->pid = state->pid;
    child->pidfd = state->pidfd;
    child->input = child->output = child->error = -1;
    child->reaped = state->reaped;
    child->rusage = state->rusage;
    child->mark = xstrdup(state->mark);
    memcpy(child->token, token, strlen(token) + 1);
    child->cgroup = xstrdup_null(state->cgroup);
    vec_push(&spawner->children, child);
    return child;
}

pid_t spawn_pid(const Spawned *child)
{
    return child->pid;
}

int spawn_pidfd(const Spawned *child)
{
    return child->pidfd;
}

int spawn_stdin(Spawned *child)
{
    return TAKE_FD(child->input);
}

int spawn_stdout(Spawned *child)
{
    return TAKE_FD(child->output);
}

int spawn_stderr(Spawned *child)
{
    return TAKE_FD(child->error);
}

void spawn_was_reaped(Spawned *child)
{
    child->reaped = true;
}

/* The system call, which unlike glibc's function also tells what was used. */
static bool wait_for(Spawned *child, int options, siginfo_t *ret_info)
{
    *ret_info = (siginfo_t){};
    return syscall(SYS_waitid, P_PIDFD, child->pidfd, ret_info, WEXITED | WNOHANG | options, &child->rusage) == 0 &&
           ret_info->si_pid != 0;
}

bool spawn_ended(Spawned *child, siginfo_t *ret_info)
{
    siginfo_t info;
    if (child->reaped)
        return true;
    if (!child->cgroup && wait_for(child, WNOWAIT, &info))
        spawn_note_orphans(child);
    if (!wait_for(child, 0, &info))
        return false;
    child->reaped = true;
    *ret_info = info;
    return true;
}

static usec_t usec_of(struct timeval time)
{
    return (usec_t)time.tv_sec * USEC_PER_SEC + (usec_t)time.tv_usec;
}

void spawn_usage(const Spawned *child, CgroupUsage *ret, bool *ret_exact_memory)
{
    const struct rusage *rusage = &child->rusage;
    if (!child->cgroup || !cgroup_usage(child->cgroup, ret))
        *ret = (CgroupUsage){.user_usec = usec_of(rusage->ru_utime), .system_usec = usec_of(rusage->ru_stime)};
    if (!child->cgroup || !(child->spawner->controllers & 1U << CGROUP_IO)) {
        ret->read_bytes = (uint64_t)rusage->ru_inblock * 512;
        ret->written_bytes = (uint64_t)rusage->ru_oublock * 512;
    }
    *ret_exact_memory = ret->memory_peak_bytes > 0;
    if (!*ret_exact_memory)
        ret->memory_peak_bytes = (uint64_t)rusage->ru_maxrss * 1024;
}
