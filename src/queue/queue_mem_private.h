/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The rows of the store in memory (queue_mem_store.c), as the commit and the reads (queue_mem.c) see them. */
#include "queue/queue_mem.h"
#include "queue/queue_private.h"
#include "queue/unit_private.h"

typedef struct MemInstance {
    char id[ID_BYTES], *role, *socket;
    bool alive;
    usec_t heartbeat, steady;
    char *trying; /* key; or NULL */
} MemInstance;
typedef struct MemSuspicion {
    char *trying; /* key that a dead owner tried last; or NULL */
    unsigned deaths;
} MemSuspicion;
typedef struct MemEvent {
    int64_t sequence;
    unsigned shard;
    char *key, *kind, *body;
    char *reason; /* in poison only */
} MemEvent;
typedef struct MemJob {
    int64_t sequence; /* 0: it went in this commit */
    char *worker_group, *execution_id, *task_run_id, *body;
    char instance[ID_BYTES]; /* "": open */
    int64_t turn;
    int attempt, lost;
    bool killed;
} MemJob;
typedef struct MemTaskRun {
    char *execution_id, *id, *body, *internal;
    unsigned position;
    json_t *document; /* read when asked for */
} MemTaskRun;
typedef struct MemExecution {
    char *body, *internal;
    json_t *document; /* read when asked for */
} MemExecution;
typedef struct MemTimer {
    char *key, *name, *body;
    unsigned shard;
    usec_t date;
} MemTimer;

typedef struct MemMetric {
    char *name;
    double value;
} MemMetric;

struct QueueStore {
    usec_t now, lease;
    int64_t sequence;
    VEC(MemInstance) instances;
    char owners[2][SHARD_COUNT][ID_BYTES]; /* executor, scheduler */
    uint64_t suspects;                     /* shards of dead executors */
    MemSuspicion suspicions[SHARD_COUNT];
    VEC(MemEvent) events;
    VEC(MemEvent) poison;
    VEC(MemJob) jobs, poison_jobs; /* jobs: in order of turn and sequence */
    bool jobs_removed;             /* by the commit that is going on */
    Map *executions;               /* id → MemExecution */
    Map *task_runs;                /* "execution/id" → MemTaskRun */
    Map *timers;                   /* "key\nname" → MemTimer */
    Map *triggers;                 /* key → body */
    VEC(char *) logs;
    VEC(MemMetric) metrics;
};

typedef struct QueueMem {
    Queue base;
    QueueStore *store;
    char *worker_group;
    uint64_t shards;
    QueueSequences jobs;
} QueueMem;

/* What a row holds; the rows of maps go with it. */
void mem_event_done(MemEvent *event);
void mem_job_done(MemJob *job);
void mem_execution_free(void *value);
void mem_task_run_free(void *value);
void mem_timer_free(void *value);
/* NULL when it is not JSON. New. */
json_t *mem_parsed(const char *text);
