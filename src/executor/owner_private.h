/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The owner, split into what it holds and steps (owner.c) and its batches (owner_batch.c). */
#include "base/heap.h"
#include "executor/locked.h"
#include "executor/owner.h"
#include "executor/slots.h"
#include "executor/windows.h"

typedef struct Held Held;
struct Held {
    char key[ID_BYTES];
    Live *live;
    Held *newer, *older;
    bool touched;   /* in this batch */
    usec_t used;    /* when it was last */
    size_t bytes;   /* about what it holds: what was read and said to it */
    size_t to_save; /* about what the next save writes */
};

typedef struct Timer {
    HeapEntry entry;
    char *name;
    char *id; /* "key name" */
    char *key;
} Timer;

struct Owner {
    Queue *queue;
    OwnerSettings settings;
    Unit *unit;
    Step step;
    QueueBatch batch; /* fetched, not yet stepped */
    Map *held;        /* key → Held */
    Held *newest, *oldest;
    VEC(Held *) touched;
    bool events_first;  /* the timers filled the last batch */
    size_t lives_bytes; /* of all held */
    size_t to_save;     /* of those that were touched */
    Heap heap;
    Map *timers; /* id → Timer */
    Slots *slots;
    Windows *windows;
    uint64_t shards;
    Execution *broken; /* the last one that could not be read: its flow is known, nothing else */
    unsigned careful;  /* batches of one message each that are still to come; see owner_be_careful() */
    Locked locked;     /* nothing of these keys is stepped */
    OwnerCounts counts;
};

/* date 0: the timer goes. */
void owner_set_timer(Owner *owner, const char *key, const char *name, usec_t date);
/* The event, or the timer, goes into the unit as poison, with the reason in journal and log. */
void owner_set_aside(Owner *owner, const QueueEvent *event, const char *reason);
void owner_set_timer_aside(Owner *owner, const char *key, const char *name, const char *reason);
/* What a failed call of the queue means: all is forgotten; OWNER_E_FENCED or an outage. */
int owner_fenced(Owner *owner, int r);
/* The next batches are of one message each. */
void owner_be_careful(Owner *owner);
/* Events, and timers, of a batch. */
unsigned owner_batch_max(const Owner *owner);
/* Those that the steps have set. */
void owner_take_timers(Owner *owner);
/* After a commit. */
void owner_settle(Owner *owner);
/* Due timers and the fetched events, into the unit. */
int owner_step_all(Owner *owner, unsigned max);
