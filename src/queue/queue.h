/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The queue: events by shard, jobs by worker group, leases, instances, and the commit of a unit of work. Implemented by
 * queue_pg.c (PostgreSQL), queue_mem.c (tests, simulator); Kafka later as a module. See README.md for the contract.
 *
 * Every call may fail with an outage (negative): nothing of it happened, try again after reconnecting. All calls block.
 */
#include "queue/unit.h"

enum {
    QUEUE_E_FENCED = 1,  /* this instance was declared dead or lost a shard: forget everything in memory, join again */
    QUEUE_E_REFUSED = 2, /* something in the unit can never be stored (out of range, too large); queue_refusal() */
    QUEUE_E_LOCKED = 5,  /* somebody else holds rows of some keys for long: nothing was done; queue_locked() */
    QUEUE_E_UNREADABLE = 3, /* the rows of this execution are not those of an execution */
};

/* Body of a ring to an instance of a role with shards: some are free or wanted, so queue_heartbeat now and not at its
 * time. */
#define QUEUE_RING_SHARDS "shards"

typedef struct Queue Queue;
typedef VEC(int64_t) QueueSequences;

typedef struct QueueInstance {
    char id[ID_BYTES];
    char *role; /* "executor" … */
    char *host;
    char *socket; /* unix socket on that host */
} QueueInstance;

typedef struct QueueEvent {
    int64_t sequence;
    unsigned shard;
    char *key;
    char *kind;
    json_t *body; /* NULL when it could not be read: the event is poison, .reason says why */
    char *reason;
    size_t bytes; /* of the body's text */
} QueueEvent;
void queue_event_done(QueueEvent *event);

typedef struct QueueJob {
    int64_t sequence;
    char *execution_id, *task_run_id;
    int attempt;  /* counting the lost ones */
    int lost;     /* how many workers that had it died: it may have run */
    int64_t turn; /* private: the order of a batch */
    bool killed;  /* unit_kill_job came before the claim: report KILLED without running it */
    json_t *body; /* NULL when it could not be read: the job is poison, .reason says why */
    char *reason;
    size_t bytes; /* of the body's text */
} QueueJob;
void queue_job_done(QueueJob *job);

typedef struct QueueTimer {
    char *key, *name;
    usec_t date;
    json_t *body; /* or NULL */
} QueueTimer;
void queue_timer_done(QueueTimer *timer);

/* What to fetch in the same transaction as a commit, so that a busy role needs one transaction a batch. Of bodies no
 * more than UNIT_BYTES_MAX, or one that is larger. */
typedef struct QueueFetch {
    unsigned events_max; /* events of the shards this instance holds */
    unsigned jobs_max;   /* jobs to claim from worker_group */
    const char *worker_group;
    const char *const *keys_left; /* their events stay where they are */
    size_t keys_left_count;
} QueueFetch;
typedef struct QueueBatch {
    /* Those of kind "kill-tree" first, each kind in order of sequence; never one that is in the unit just committed. */
    VEC(QueueEvent) events;
    VEC(QueueJob) jobs; /* in order of their turns */
    unsigned refused;   /* results of unit_finish_job that came too late */
    bool cut;           /* the bodies were too much: there may be more jobs than these */
    int64_t flow_stamp; /* of the flows that were stored when the events were fetched; 0: not told */
} QueueBatch;
void queue_batch_done(QueueBatch *batch);

/* After a heartbeat. */
typedef struct QueueMembership {
    uint64_t shards;       /* bit s set: this instance holds shard s (roles with shards) */
    uint64_t gained, lost; /* since the last heartbeat */
    uint64_t suspects;     /* of shards: their former owner died, perhaps by one of their messages; until queue_trust */
    bool jobs_released;    /* a dead worker's jobs went back: workers were rung */
} QueueMembership;

Queue *queue_free(Queue *queue);
DEFINE_CLEANUP(Queue *, queue_free);

/* Registers this process under a new instance id. `socket` is where it can be rung. */
int queue_join(Queue *queue, const char *role, const char *socket) _must_check_;
/* What a program that takes this process over needs to go on as the same instance, with the jobs that it holds: new.
 * NULL: this instance has not joined. Nothing that was not committed is in it. */
json_t *queue_hand_over(const Queue *queue);
/* The other side of it, in place of queue_join: the lease is the one that the predecessor kept alive. */
enum {
    QUEUE_E_INVALID = 2, /* this is not what queue_hand_over gives */
};
int queue_take_over(Queue *queue, const char *role, const json_t *state) _must_check_;
/* Borrowed; "" before join. */
const char *queue_instance_id(const Queue *queue);
/* One transaction: renews the heartbeat and the leases, takes shards nobody holds (fair share among live instances of
 * the role), gives surplus away, declares instances dead whose heartbeat is older than the lease time, gives a dead
 * worker's jobs back, reads who is alive, and looks for work (the slow poll): *ret_work is true when there is some. */
int queue_heartbeat(Queue *queue, QueueMembership *ret, bool *ret_work) _must_check_;
/* Orderly end: leases and claimed jobs are given back, the instance row goes. */
int queue_leave(Queue *queue) _must_check_;
/* Commits the unit (may be empty or NULL) and fetches (may be NULL). Rings the readers of what it wrote, after the
 * commit. The unit is reset on success. After an outage nobody knows whether it happened: commit the same unit again
 * unchanged, and what had happened already is not done twice (for a joined instance). */
int queue_commit(Queue *queue, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch) _must_check_;
/* Why the backend refused the last commit. Borrowed. */
const char *queue_refusal(const Queue *queue);
/* The keys that made the last commit QUEUE_E_LOCKED. Borrowed until the next commit. */
const char *const *queue_locked(const Queue *queue, size_t *ret_count);
/* Which of these keys have rows that somebody holds now: *ret has a flag for each. Waits for nobody. */
int queue_are_locked(Queue *queue, const char *const *keys, size_t count, bool *ret) _must_check_;
/* After a fence and a new queue_join: jobs that were held, and that nobody has claimed since, are held again. *ret is
 * which; caller frees. */
int queue_reclaim(Queue *queue, const int64_t *sequences, size_t count, QueueSequences *ret) _must_check_;
/*
 * Rings of other hosts. The descriptor can be read when there are some, and is the same for the queue's life; -1: this
 * backend has none. queue_dispatch calls `rung` with the body of each (as POST /wake has it; "" means: look at all)
 * and waits for nothing. What gets lost is found by the slow poll of queue_heartbeat.
 */
int queue_wakeup_fd(const Queue *queue);
void queue_dispatch(Queue *queue, void (*rung)(void *userdata, const char *body), void *userdata);
/* A message of this key is stepped next, alone: if this executor dies before its next commit, that is counted.
 * *ret_deaths: how often that has happened since the shard became suspect. */
int queue_try(Queue *queue, const char *key, unsigned *ret_deaths) _must_check_;
/* All that the former owners of the suspect shards can have tried was handled: nothing is suspect, no death is counted.
 */
int queue_trust(Queue *queue) _must_check_;
/* All timers of the given shards (after gaining them). ret is a vector; caller frees. */
typedef VEC(QueueTimer) QueueTimers;
int queue_load_timers(Queue *queue, uint64_t shards, QueueTimers *ret) _must_check_;
/* An execution with all its task runs, as its owner last committed it; *ret NULL when there is none.
 * QUEUE_E_UNREADABLE: then *ret knows its flow, and nothing else. */
int queue_load_execution(Queue *queue, const char *id, Execution **ret) _must_check_;
/* Worker: of the jobs this instance holds, which are to be killed or are gone. Sequences; caller frees. */
int queue_jobs_to_kill(Queue *queue, QueueSequences *ret) _must_check_;
/* Nothing has been done for a while: the backend's statistics are brought up to date (pg_settle). */
void queue_settle(Queue *queue);
