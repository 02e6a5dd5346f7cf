/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What no sandboxed task sees, whatever its sandbox says: what lies around it that belongs to the roles. */
#include "worker/worker.h"

/* Absolute paths without symbolic links, of what is there now: internal storage, the directories of other tasks,
 * secrets, the sockets of roles (`socket` is ours) and of the database. New. */
json_t *hidden_paths(const WorkerSettings *settings, const char *socket);
