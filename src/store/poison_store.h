/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Messages that were set aside (unit_set_aside), for people: to be looked at, replayed once the cause is mended, or
 * discarded. */
#include "store/store.h"

typedef struct PoisonQuery {
    const char *execution_id; /* or NULL: all */
    const char *queue;        /* "event", "job"; or NULL */
    StorePaging paging; /* sorts: setAside created kind executionId; without: the order in which they were set aside */
} PoisonQuery;
/* Bodies: {id, queue, kind, key, executionId?, taskRunId?, attempt?, workerGroup?, reason, created, setAside, bytes}.
 */
int store_poison_search(Pg *pg, const PoisonQuery *query, StorePage *ret, Diag *diag) _must_check_;
/* The same and {body}: its text as it is; STORE_E_NONE. Caller frees. */
int store_poison_get(Pg *pg, const char *id, char **ret_json) _must_check_;
/* Puts them back at the end of their queue, in the order in which they were set aside; unknown ids are left out. body:
 * instead of what stands in the (one) message; NULL: as it is. Readers are to be told by the caller
 * (queue_pg_tell_readers). */
int store_poison_replay(Pg *pg, const char *const *ids, size_t count, const char *body,
                        uint64_t *ret_count) _must_check_;
int store_poison_discard(Pg *pg, const char *const *ids, size_t count, uint64_t *ret_count) _must_check_;
