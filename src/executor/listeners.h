/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which current flows have a Flow trigger: compiled, and read again when the change stamp of the cache has moved. */
#include "store/flow_cache.h"

typedef struct Listeners Listeners;
Listeners *listeners_new(void);
Listeners *listeners_free(Listeners *listeners);
DEFINE_CLEANUP(Listeners *, listeners_free);
/* The flows (borrowed until the next call). Negative: an outage. A flow that cannot be read is left out. */
int listeners_get(Listeners *listeners, Pg *pg, FlowCache *cache, Flow *const **ret, size_t *ret_count) _must_check_;
/* They are read again at the next get. */
void listeners_forget(Listeners *listeners);
