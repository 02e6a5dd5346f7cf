/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The queue on PostgreSQL, split into instances and reads (queue_pg.c), the commit (queue_pg_commit.c) with what it
 * fetches (queue_pg_fetch.c), and what is set aside. */
#include "queue/queue_peers.h"
#include "queue/queue_pg.h"
#include "queue/queue_private.h"

typedef struct QueuePg {
    Queue base;
    Pg *pg;
    PgPipeline *pipeline;
    QueuePeers *peers;
    bool owns_peers;
    char *host;
    usec_t lease_usec;
    uint64_t shards;     /* held, as of the last heartbeat; only our own heartbeat changes it while we live */
    bool has_shards;     /* the role is one with shards that it writes to: executor */
    bool newcomer;       /* no heartbeat since it joined: the others do not know yet that they are to share with it */
    int64_t last_number; /* of commits */
    char *worker_group;  /* of the last fetch, for the slow poll; or NULL */
    QueueSequences jobs; /* claimed and not finished */
    bool claims_unknown; /* the answer to a claim was lost: jobs may be ours in the table and unknown here */
    usec_t keep_logs_usec;
    usec_t partitions_due; /* monotonic */
    Pg *listener;          /* hears the rings of other hosts; NULL: nobody lives on another */
    unsigned heard;        /* generation of the listener's session that `wakeup` has */
    int wakeup;            /* epoll of the listener's socket; -1: a session that nobody rings */
    LoopSource *waking;    /* of queue_pg_open; or NULL */
    Daemon *daemon;
} QueuePg;

/* Slot of QueueOps. */
int queue_pg_commit(Queue *queue, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch);
/* queue_pg_fetch.c: the statements of a fetch, with their indices in the pipeline; then what they gave. */
void queue_pg_add_fetch(QueuePg *queue, const QueueFetch *fetch, unsigned *ret_events, unsigned *ret_claims);
void queue_pg_take_events(QueuePg *queue, unsigned index, QueueBatch *batch);
void queue_pg_take_jobs(QueuePg *queue, unsigned index, QueueBatch *batch);
/* queue_pg_wakeup.c: rings on this host, and those on others; outside of transactions, lost when it fails. */
void queue_pg_ring(QueuePg *queue, const QueueRing *ring);
/* Listens for rings while somebody lives on another host. *ret_new: only from now on, what came before was not heard.
 */
void queue_pg_keep_listening(QueuePg *queue, bool *ret_new);
int queue_pg_wakeup_fd(const Queue *queue);
void queue_pg_dispatch(Queue *queue, void (*rung)(void *userdata, const char *body), void *userdata);
/* queue_pg_locked.c: slot of QueueOps; and the keys of a unit that somebody holds, into base.locked. */
int queue_pg_are_locked(Queue *queue, const char *const *keys, size_t count, bool *ret) _must_check_;
int queue_pg_find_locked(QueuePg *queue, const Unit *unit) _must_check_;
/* queue_pg_aside.c: what the unit sets aside; the set aside jobs of task runs that it cancels or kills. */
void queue_pg_add_asides(QueuePg *queue, const Unit *unit);
void queue_pg_cancel_asides(QueuePg *queue, const Unit *unit);
/* Index in the pipeline: rows are jobs that are there again. */
unsigned queue_pg_kill_asides(QueuePg *queue, const Unit *unit);
/* The instance is gone: nothing is held any more. */
int queue_pg_fenced(QueuePg *queue);
#define KE_FENCED "KE001"
#define KE_DONE   "KE002"
