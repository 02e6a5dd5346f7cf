/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "database.h"
#include "queue_fixture.h"

static usec_t lease_usec;
static VEC(Queue *) queues;
static VEC(Pg *) sessions;
static Pg *observer;

static void pg_open(usec_t lease)
{
    lease_usec = lease;
    observer = database_fresh();
}

static void pg_close(void)
{
    for (size_t i = 0; i < queues.count; i++)
        queue_free(queues.items[i]);
    for (size_t i = 0; i < sessions.count; i++)
        pg_free(sessions.items[i]);
    vec_free(&queues);
    vec_free(&sessions);
    observer = pg_free(observer);
}

static Queue *pg_queue(void)
{
    Queue *queue;
    vec_push(&sessions, database_session(QUEUE_PG_SESSION_SQL));
    QueueSettings settings = {.lease_usec = lease_usec};
    ck_assert_int_eq(queue_pg_new(sessions.items[sessions.count - 1], NULL, &settings, &queue), 0);
    vec_push(&queues, queue);
    return queue;
}

/* Time goes by: whoever lives has been silent for longer. */
static void pg_pass(usec_t time)
{
    _cleanup_free_ char *sql =
        xasprintf("UPDATE instance SET heartbeat = heartbeat - interval '%" PRIu64 " microseconds',"
                  " steady = steady - interval '%" PRIu64 " microseconds'",
                  time, time);
    cluster_sql(observer, sql);
}

static size_t count(const char *table)
{
    _cleanup_free_ char *sql = xasprintf("SELECT count(*) FROM %s", table);
    return (size_t)cluster_number(observer, sql);
}

static QueueStoreCounts pg_counts(void)
{
    return (QueueStoreCounts){.executions = count("execution"),
                              .task_runs = count("task_run"),
                              .events = count("event"),
                              .jobs = count("job"),
                              .timers = count("timer"),
                              .triggers = count("trigger"),
                              .logs = count("log"),
                              .metrics = count("metric"),
                              .poison = count("poison")};
}

const Backend backend_pg = {"postgresql", pg_open, pg_close, pg_queue, pg_pass, pg_counts};
