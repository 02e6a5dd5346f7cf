/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Working directories of task runs. */
#include "base/base.h"

#define DIRECTORY_LOG_PREFIX "log-"

/* Makes `parent` itself, when it is missing. */
int directory_prepare(const char *parent) _must_check_;
/* Makes a fresh directory below `parent` (made when missing), readable by its owner only. Caller frees the path. */
int directory_make(const char *parent, char **ret_path) _must_check_;
/* Makes `path`, directly below `parent`, unless it is there. */
int directory_share(const char *parent, const char *path, bool *ret_is_new) _must_check_;
/* Removes it with all that is in it; symbolic links are not followed. Best effort: what cannot be removed stays. */
void directory_remove(const char *path);
/* Removes what workers that are gone left below `parent`, which several of one host may share: own directories of task
 * runs, shared ones and log files that were not touched for a day, and Python packages that were not for 30. */
void directory_sweep(const char *parent);
