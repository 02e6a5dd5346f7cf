/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three processes: we, whom the worker waits for; the first of the new namespace, with which the kernel ends all
 * others; and the task. The first collects orphans, and stays as long as any process of the task does: what a script
 * has left in the background and still writes belongs to it. We end as soon as the task itself has ended, in the same
 * way.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whoever ends the tree signals each process of it: these two end with the task. */
static void ignore_kind_signals(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &(struct sigaction){.sa_handler = SIG_IGN}, NULL); /* cannot fail with these */
}

static void default_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &(struct sigaction){.sa_handler = SIG_DFL},
                        NULL); /* KILL and STOP refuse, as they should */
}

/* Those who wait have the task's user: it must find nothing in them that it has not itself. */
static void be_nothing(void)
{
    sandbox_lock_capabilities();
    sandbox_empty_capabilities();
    (void)prctl(PR_SET_DUMPABLE, 0); /* cannot fail with this argument */
}

static void end_as(int status)
{
    if (WIFSIGNALED(status)) {
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit){}); /* the core is the task's, if any */
        default_signals();
        (void)raise(WTERMSIG(status)); /* otherwise by status */
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void __attribute__((noreturn)) collect(pid_t task, int report)
{
    int status;
    ignore_kind_signals();
    be_nothing();
    for (pid_t pid; (pid = wait(&status)) > 0 || errno == EINTR;) {
        if (pid != task)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, 0); /* the one outside ends now */
        if (write(report, &status, sizeof status) != sizeof status)
            _exit(EXIT_FAILURE); /* nobody waits any more */
        for (int fd = 0; fd <= report; fd++)
            (void)close(fd); /* the pipes end with those who use them */
    }
    _exit(EXIT_SUCCESS);
}

void sandbox_enter_pids(void)
{
    int report[2], status = 0;
    if (pipe2(report, O_CLOEXEC) < 0)
        sandbox_fail("pipe");
    pid_t first = fork();
    if (first < 0)
        sandbox_fail("process namespace");
    if (first > 0) {
        ignore_kind_signals();
        be_nothing();
        (void)close(report[1]); /* so that its end is seen */
        if (read(report[0], &status, sizeof status) != sizeof status)
            while (waitpid(first, &status, 0) < 0 && errno == EINTR)
                ;
        end_as(status);
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail */
    /* A host whose /proc is covered in part (a service's ProtectKernel…=, a container) does not allow a fresh one. The
     * old one shows numbers of outside, which mean nothing in here. */
    (void)mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    pid_t task = fork();
    if (task < 0)
        sandbox_fail("process");
    if (task > 0)
        collect(task, report[1]);
}
