/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Whose files we touch. Tasks run as a user of their own, who knows none of ours; their directories are that user's. A
 * worker, and kestra-run, go into them as that user (setfsuid): the kernel then refuses whatever the task could not do
 * itself, so that no link of a task leads us to what is ours, and all that we make there is the task's.
 *
 * Without a second user all of this does nothing. The user is one of the process, who we are at the moment one of the
 * thread.
 */
#include <sys/types.h>

#include "base/base.h"

typedef enum Identity {
    IDENTITY_OWN,
    IDENTITY_TASK,
} Identity;

/* From here on there is a second user; needs the right to change to it. Supplementary groups are left. */
int identity_set(uid_t user, gid_t group) _must_check_;
/* The same for a program that needs the files only: an ordinary user keeps no right but to change between the two. */
int identity_adopt(uid_t user, gid_t group) _must_check_;
/* False: tasks have our user. */
bool identity_is_set(void);
uid_t identity_task_user(void);
gid_t identity_task_group(void);

/* Changes; returns what was before. Who cannot change back ends at once: nothing may go on as the wrong one. */
Identity identity_enter(Identity wanted);
void identity_leave(Identity *before);
/* In a block: `_as_(IDENTITY_TASK)`. */
#define _as_(identity) _cleanup_(identity_leave) Identity identity_before _unused_ = identity_enter(identity)
/* A directory of ours in which the task's user may make entries, and nobody may list or remove those of others. */
int identity_share_directory(const char *path) _must_check_;
