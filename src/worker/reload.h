/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reload of the worker: the program that lies on disk now is tried (`--check`, which reads the settings too), and takes
 * this process over with all that runs (worker_save). Is it refused, the old one goes on, and journal and status say
 * why.
 */
#include "worker/worker.h"

typedef struct Reload Reload;

/* Both are borrowed. */
int reload_new(Worker *worker, Daemon *daemon, Reload **ret) _must_check_;
Reload *reload_free(Reload *reload);
DEFINE_CLEANUP(Reload *, reload_free);
/* DaemonOps.reload. */
int reload_begin(Reload *reload) _must_check_;
/* What our predecessor left, new; NULL: there was none. */
int reload_take(json_t **ret) _must_check_;
