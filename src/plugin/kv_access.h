/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Which namespaces' keys a flow may reach (KVStoreService): its own and those above it always; another one when it
 * exists, which is when a flow is in it or below it, or when it has keys.
 */
#include "plugin/run.h"

/* *ret: why not, caller frees; NULL: it may. */
int kv_access(RunContext *run, const char *namespace, char **ret) _must_check_;
