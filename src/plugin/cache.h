/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The property cache {patterns, ttl} of a WorkingDirectory: a ZIP archive in internal storage,
 * kestra:///<namespace>/<flow>/<task>/cache/[<hash of the ForEach value>/]cache.zip, as Kestra has it. It is only a
 * cache: what goes wrong with it is a warning in the log of the task, never a failure.
 */
#include "plugin/run.h"

/* Both with the context of the WorkingDirectory; `value` is its ForEach value, or NULL. `scratch`: where temporary
 * files go. */
/* Unpacks what an earlier execution kept, unless it is older than ttl: then it is deleted. */
int cache_restore(RunContext *run, const char *scratch, const char *value) _must_check_;
/* Keeps what matches the patterns, if that has changed. */
int cache_keep(RunContext *run, const char *scratch, const char *value) _must_check_;
