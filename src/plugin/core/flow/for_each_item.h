/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ForEachItem is three tasks: `_split` (worker) cuts a file into pieces, `_items` (executor/items.c) starts an
 * execution for each, `_merge` (worker) joins their outputs. What they tell each other is in the notes of the flowable
 * around them: splits: {count, prefix, suffix}: piece k, from 1, is <prefix><k><suffix> items: {taskRunId, round, wait,
 * prefix}: who started the children, and the URI below which their outputs go
 */
#include "base/id.h"

/* The child for piece `number` of this attempt of `_items`: it follows from them, so that nobody keeps 10,000 ids. */
void for_each_item_child_id(const char *task_run_id, int64_t round, int64_t number, char ret_id[static ID_BYTES]);
