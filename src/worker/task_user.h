/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The user that tasks run as (worker.task-user): one that no socket, no database role, no credential and no file of the
 * roles knows. The worker needs the right to change to it: the capabilities of its unit, or to be root.
 */
#include <sys/types.h>

#include "doc/conf.h"

/* Sets base/identity as the settings say. Logged and 0 when the default user is not there or cannot be changed to:
 * tasks then have our user. An outage (logged): the settings name one that cannot be. */
int task_user_set(const Conf *conf) _must_check_;
/* Its home directory; ours without one. Caller frees. */
char *task_user_home(void);
/* Its supplementary groups, as administrators give them; caller frees. */
gid_t *task_user_groups(size_t *ret_count);

/* Whether who connected is one of the roles: not the user of tasks, nor, where tasks have our user, a process that
 * descends from a worker. */
bool task_user_admits(int connection);
