/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Concurrency limits. The slots of a flow are a key of their own ("slots:<namespace>.<flow>") with one owner, so that
 * the count is exact whatever executors there are: an execution asks by an event, the key answers by one.
 *
 * What is kept of a key are rows among the timers of its shard: "holds <execution>", "waits <date> <execution>". They
 * never fire; the owner reads them when it gains the shard.
 */
#include "queue/queue.h"

#define SLOTS_PREFIX "slots:"

enum {
    SLOTS_E_INVALID = 1, /* not an event for slots; the Diag says why */
};

typedef struct Slots Slots;
Slots *slots_new(void);
Slots *slots_free(Slots *slots);
DEFINE_CLEANUP(Slots *, slots_free);
bool slots_is_key(const char *key);
/* "slots:<namespace>.<flow>"; caller frees. */
char *slots_key(const char *namespace, const char *flow_id);
/* A row read when its shard was gained. */
void slots_load(Slots *slots, const char *key, const char *name, const json_t *body);
/* Forgets the keys of these shards. */
void slots_forget(Slots *slots, uint64_t shards);
/* Applies a request or a release; answers and rows go into the unit. */
int slots_apply(Slots *slots, const QueueEvent *event, usec_t now, Unit *unit, Diag *diag) _must_check_;
