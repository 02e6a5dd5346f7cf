/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The child of the worker that answers other roles' requests for storage. */
#include "worker/worker.h"

/* At a reload: those that are there, and in the next program: what they still do is waited for. */
void storage_children_save(Worker *worker, json_t *ret);
void storage_children_restore(Worker *worker, const json_t *saved);
/* They have a moment to end what they do. */
void storage_children_free(Worker *worker);
