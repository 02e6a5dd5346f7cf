/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What kestra-sandbox does between the worker and a task: namespaces, mounts, then exec. It links libc only, runs for
 * milliseconds, and whatever cannot be done ends it with a reason: a task never runs with less than was asked for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    SANDBOX_PATHS_MAX = 256,
    SANDBOX_EXIT = 226, /* as systemd's EXIT_NAMESPACE: it could not be set up */
    SANDBOX_EXIT_EXEC = 127,
};

typedef enum SandboxPathKind {
    SANDBOX_HIDE,       /* an empty directory or file is seen instead */
    SANDBOX_READ_ONLY,  /* seen, also where something above is hidden */
    SANDBOX_READ_WRITE, /* the same, and writable where something above is read-only */
} SandboxPathKind;

typedef struct SandboxPath {
    SandboxPathKind kind;
    const char *path; /* absolute */
    int fd;           /* private: what is to be seen there */
} SandboxPath;

typedef struct Sandbox {
    bool read_only_root;    /* all of the file system, but for what is said otherwise, and the working directory */
    bool private_tmp;       /* empty /tmp, /var/tmp, /dev/shm that end with the task */
    bool private_network;   /* no network but a loopback of its own */
    bool private_pids;      /* other processes cannot be seen by number, traced or killed */
    bool no_new_privileges; /* set-user-id programs give nothing: holds in any sandbox, and may be asked for alone */
    const char *user;       /* name or number; NULL: who we are */
    SandboxPath paths[SANDBOX_PATHS_MAX];
    size_t path_count;
} Sandbox;

/* Does not return: executes the program with our environment, or says why not on standard error. */
void sandbox_run(Sandbox *sandbox, char **arguments) __attribute__((noreturn));

/* --- between the files of this room --- */

/* "kestra-sandbox: WHAT: reason", and the end. Reads errno. A refusal by the kernel is explained. */
void sandbox_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The root of this mount namespace is changed; the working directory is entered again. */
void sandbox_mount(Sandbox *sandbox);
/* Makes the child that is the first process of the new pid namespace; returns in its child. The others wait and hand on
 * how that one ended. */
void sandbox_enter_pids(void);
/* No exec and no change of user gives a capability from here on: by user id 0, by a file, by inheritance. Without
 * privileges there is nothing to lock. */
void sandbox_lock_capabilities(void);
/* The ones that we have ourselves are gone too. */
void sandbox_empty_capabilities(void);
