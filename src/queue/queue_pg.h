/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The queue on PostgreSQL. */
#include "base/bell.h"
#include "base/daemon.h"
#include "doc/conf.h"
#include "pg/pg.h"
#include "queue/queue.h"

/* Goes into PgSettings.session_sql of a queue's session: plans by index, whatever the statistics of a queue table say.
 */
#define QUEUE_PG_SESSION_SQL                                                                                           \
    "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; "                 \
    "SET plan_cache_mode = force_generic_plan; SET lock_timeout = '2s'"

#define QUEUE_HEARTBEAT_USEC (5 * USEC_PER_SEC)  /* how often a role calls queue_heartbeat */
#define QUEUE_LEASE_USEC     (10 * USEC_PER_SEC) /* silent for so long: dead */
/* A ring between hosts is a notification on this channel with the instance's id behind it; its payload is the body. */
#define QUEUE_CHANNEL "kestra_"
/* The name under which a role's health tells of the database. */
#define QUEUE_PG_COMPONENT "postgresql"

typedef struct QueueSettings {
    const char *host; /* NULL: gethostname */
    /* Where this process is rung; the well-known sockets of the other roles, <role>.sock, lie beside it. NULL: no role
     * is rung that is not known to be alive. */
    const char *socket_path;
    usec_t lease_usec;     /* 0: QUEUE_LEASE_USEC */
    usec_t keep_logs_usec; /* days of logs and metrics that are older are dropped; 0: none */
} QueueSettings;

/*
 * All that a role with one thread needs of PostgreSQL, as the settings say: a session that serves the daemon's socket
 * while it waits, and the queue on it, whose rings from other hosts wake the daemon. bell is borrowed. The caller frees
 * the queue, then the session, then the daemon; also after a failure, which is logged.
 */
int queue_pg_open(const Conf *conf, Daemon *daemon, const char *name, Bell *bell, Pg **ret_pg,
                  Queue **ret_queue) _must_check_;
/* pg and bell are borrowed (bell may be NULL: nobody is rung). */
int queue_pg_new(Pg *pg, Bell *bell, const QueueSettings *settings, Queue **ret) _must_check_;
/*
 * A second session of the same process (a handler thread of the webserver): commits under no instance, so it may create
 * executions and send events but holds neither shards nor jobs; who is alive is learnt from `joined`. Free it before.
 */
int queue_pg_session(Queue *joined, Pg *pg, Queue **ret) _must_check_;
/* Flows were stored or deleted (which is not a unit's doing): the schedulers look now and not at their next slow poll.
 */
void queue_pg_tell_schedulers(Queue *queue);
/* The same for executors and workers: events and jobs came back that were set aside. */
void queue_pg_tell_readers(Queue *queue);
