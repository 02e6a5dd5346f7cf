/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances, leases and reads. What has to be decided over several rows (who is dead, who gets which shard) is done by
 * functions in the database (schema/0003-queue.sql), in one statement: one transaction and one round trip a heartbeat.
 *
 * The shards that an instance holds change only by its own heartbeat or by its death, so the mask kept here is right
 * whenever the fence of a commit lets it pass.
 */
#include "queue/queue_pg_private.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define PARTITIONS_EVERY_USEC (3600 * USEC_PER_SEC)
#define RETRIES_MAX           5

static const PgStatement sql_join = {"queue_join",
                                     "SELECT queue_join($1, $2, $3, $4, make_interval(secs => $5::float8 / 1000000))"};
static const PgStatement sql_heartbeat = {
    "queue_heartbeat", "SELECT shards, released, work, peers, suspects, queue_probe() FROM queue_heartbeat($1, $2)"};
static const PgStatement sql_leave = {"queue_leave", "SELECT queue_leave($1)"};
static const PgStatement sql_try = {"queue_try", "SELECT queue_try($1, $2::smallint, $3)"};
static const PgStatement sql_trust = {"queue_trust", "SELECT queue_trust($1)"};
static const PgStatement sql_partitions = {"queue_partitions",
                                           "SELECT kestra_partitions_prepare()::text, kestra_partitions_expire($1)"};
/* Primary key. Jobs that were held before, and that nobody has taken since. */
static const PgStatement sql_reclaim = {
    "queue_reclaim", "UPDATE job SET instance = $1 WHERE sequence = ANY ($2) AND instance IS NULL RETURNING sequence"};
/* Index timer_shard. */
static const PgStatement sql_timers = {"queue_timers",
                                       "SELECT key, name, date, body FROM timer WHERE shard = ANY ($1)"};
/* Primary keys. */
static const PgStatement sql_execution = {"queue_execution", "SELECT body, internal, namespace, flow_id,"
                                                             " flow_revision FROM execution WHERE id = $1"};
static const PgStatement sql_task_runs = {
    "queue_task_runs", "SELECT body, internal, position FROM task_run WHERE execution_id = $1 ORDER BY position"};
/* Primary key: the jobs that we know to hold. */
static const PgStatement sql_jobs_held = {
    "queue_jobs_held", "SELECT sequence, killed FROM job WHERE sequence = ANY ($1) AND instance = $2"};

/* Host name and boot: two machines that carry the same name (clones) are told apart. */
static char *own_host(void)
{
    char name[256] = "localhost", boot[9] = "";
    if (gethostname(name, sizeof(name) - 1) < 0)
        (void)snprintf(name, sizeof(name), "localhost");
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, boot, sizeof(boot) - 1);
    close_fd(fd);
    boot[MAX(length, 0)] = 0;
    return xasprintf("%s/%s", name, boot);
}

/* Runs one statement, again when it only collided with another. */
static int run(QueuePg *queue, const PgStatement *statement, const PgParameters *parameters, PgRows **ret)
{
    int r = PG_E_RETRY;
    for (unsigned i = 0; i < RETRIES_MAX && r == PG_E_RETRY; i++)
        r = pg_run(queue->pg, statement, parameters, ret);
    if (r == PG_E_RAISED && streq(pg_sqlstate(queue->pg), KE_FENCED))
        return queue_pg_fenced(queue);
    return fold(r);
}

int queue_pg_fenced(QueuePg *queue)
{
    queue->base.id[0] = 0;
    queue->shards = 0;
    vec_free(&queue->jobs);
    return QUEUE_E_FENCED;
}

static void pg_queue_free(Queue *base)
{
    QueuePg *queue = (QueuePg *)base;
    loop_source_free(queue->waking);
    pg_free(queue->listener);
    close_fd(queue->wakeup);
    pg_pipeline_free(queue->pipeline);
    if (queue->owns_peers)
        queue_peers_free(queue->peers);
    vec_free(&queue->jobs);
    free(queue->worker_group);
    free(queue->host);
    free(queue);
}

static int pg_queue_join(Queue *base, const char *role, const char *socket)
{
    QueuePg *queue = (QueuePg *)base;
    (void)queue_pg_fenced(queue); /* whatever an earlier instance held is not ours */
    char id[ID_BYTES];
    id_new(id);
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, id);
    pg_add_text(parameters, role);
    pg_add_text(parameters, queue->host);
    pg_add_text(parameters, socket);
    pg_add_integer(parameters, (int64_t)queue->lease_usec);
    int r = run(queue, &sql_join, parameters, NULL);
    if (r != 0)
        return r;
    memcpy(base->id, id, sizeof(id));
    queue->last_number = 0;
    queue->has_shards = streq(role, "executor");
    queue->newcomer = queue->has_shards || streq(role, "scheduler");
    return 0;
}

static void pg_queue_hand_over(const Queue *base, json_t *state)
{
    const QueuePg *queue = (const QueuePg *)base;
    json_t *jobs = json_array();
    for (size_t i = 0; i < queue->jobs.count; i++)
        json_array_append_new(jobs, json_integer(queue->jobs.items[i]));
    json_object_set_new(state, "jobs", jobs);
    json_object_set_new(state, "lastNumber", json_integer(queue->last_number));
    json_object_set_new(state, "claimsUnknown", json_boolean(queue->claims_unknown));
}

static void pg_queue_take_over(Queue *base, const json_t *state)
{
    QueuePg *queue = (QueuePg *)base;
    size_t i;
    const json_t *sequence;
    vec_free(&queue->jobs);
    json_array_foreach (json_object_get(state, "jobs"), i, sequence)
        vec_push(&queue->jobs, json_integer_value(sequence));
    queue->last_number = json_get_integer(state, "lastNumber", 0);
    queue->claims_unknown = json_get_boolean(state, "claimsUnknown", true);
}

static int take_membership(QueuePg *queue, const PgRows *rows, QueueMembership *ret, bool *ret_work)
{
    uint64_t shards = (uint64_t)pg_value_integer(rows, 0, 0);
    const char *peers = pg_value(rows, 0, 3);
    _cleanup_json_ json_t *list = NULL;
    if (!peers || json_parse(peers, strlen(peers), 0, &list, NULL) != 0)
        return outage(-EBADMSG);
    queue_peers_update(queue->peers, list, queue->base.id);
    *ret = (QueueMembership){.shards = shards,
                             .gained = shards & ~queue->shards,
                             .lost = queue->shards & ~shards,
                             .suspects = (uint64_t)pg_value_integer(rows, 0, 4),
                             .jobs_released = pg_value_boolean(rows, 0, 1)};
    *ret_work = pg_value_boolean(rows, 0, 2);
    queue->shards = shards;
    return 0;
}

/* A failure here is found again an hour later; rows go to the default partition meanwhile. */
static int prepare_partitions(QueuePg *queue)
{
    usec_t now = clock_monotonic();
    if (!queue->has_shards || now < queue->partitions_due)
        return 0;
    queue->partitions_due = now + PARTITIONS_EVERY_USEC;
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_integer(parameters, (int64_t)(queue->keep_logs_usec / USEC_PER_SEC));
    int r = pg_run(queue->pg, &sql_partitions, parameters, NULL);
    return r < 0 ? r : 0;
}

static int pg_queue_heartbeat(Queue *base, QueueMembership *ret, bool *ret_work)
{
    QueuePg *queue = (QueuePg *)base;
    if (!*base->id)
        return QUEUE_E_FENCED;
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, base->id);
    pg_add_text(parameters, queue->worker_group ? queue->worker_group : "");
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run(queue, &sql_heartbeat, parameters, &rows);
    if (r == 0)
        r = take_membership(queue, rows, ret, ret_work);
    if (r != 0)
        return r;
    /* Who comes is given shards, and who is given up shards takes them, without waiting. */
    queue_pg_ring(queue, &(QueueRing){.workers = ret->jobs_released,
                                      .shards_role = queue->newcomer || ret->lost ? base->role : NULL});
    queue->newcomer = false;
    bool listens = false;
    queue_pg_keep_listening(queue, &listens);
    *ret_work |= listens;
    r = prepare_partitions(queue);
    /* What is updated in place works on a full disk: that the heartbeat did tells nothing of a commit. */
    const char *full = pg_value(rows, 0, 5);
    return full && r == 0 ? pg_failed_with(queue->pg, "53100", full) : r;
}

static int pg_queue_leave(Queue *base)
{
    QueuePg *queue = (QueuePg *)base;
    if (!*base->id)
        return 0;
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, base->id);
    int r = run(queue, &sql_leave, parameters, NULL);
    if (r < 0)
        return r;
    bool worker = streq(base->role, "worker"), sharing = queue->has_shards || streq(base->role, "scheduler");
    const QueueRing ring = {.workers = worker, .shards_role = sharing ? base->role : NULL}; /* the others take over */
    (void)queue_pg_fenced(queue);
    queue_pg_ring(queue, &ring);
    return 0;
}

static int pg_queue_try(Queue *base, const char *key, unsigned *ret_deaths)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, base->id);
    pg_add_integer(parameters, shard_of(key));
    pg_add_text(parameters, key);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run((QueuePg *)base, &sql_try, parameters, &rows);
    if (r == 0)
        *ret_deaths = (unsigned)pg_value_integer(rows, 0, 0);
    return r;
}

static int pg_queue_trust(Queue *base)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, base->id);
    return run((QueuePg *)base, &sql_trust, parameters, NULL);
}

static void add_shards(PgParameters *parameters, uint64_t shards)
{
    PgArray *array = pg_add_array(parameters, PG_SMALLINT);
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        if (shards >> shard & 1)
            pg_array_integer(array, shard);
}

static int pg_queue_load_timers(Queue *base, uint64_t shards, QueueTimers *ret)
{
    QueuePg *queue = (QueuePg *)base;
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    add_shards(parameters, shards);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run(queue, &sql_timers, parameters, &rows);
    if (r != 0)
        return fold(r);
    QueueTimers timers = {};
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const char *body = pg_value(rows, i, 3);
        QueueTimer timer = {.key = xstrdup(pg_value(rows, i, 0)),
                            .name = xstrdup(pg_value(rows, i, 1)),
                            .date = pg_value_instant(rows, i, 2)};
        if (body && json_parse(body, strlen(body), 0, &timer.body, NULL) != 0)
            timer.body = NULL; /* a timer without its body still fires */
        vec_push(&timers, timer);
    }
    *ret = timers;
    return 0;
}

static int pg_queue_load_execution(Queue *base, const char *id, Execution **ret)
{
    QueuePg *queue = (QueuePg *)base;
    pg_pipeline_reset(queue->pipeline);
    pg_add_text(pg_pipeline_parameters(queue->pipeline), id);
    unsigned execution = pg_pipeline_add(queue->pipeline, &sql_execution);
    pg_add_text(pg_pipeline_parameters(queue->pipeline), id);
    unsigned task_runs = pg_pipeline_add(queue->pipeline, &sql_task_runs);
    int r = fold(pg_pipeline_run(queue->pipeline));
    if (r < 0)
        return r;
    const PgRows *head = pg_pipeline_rows(queue->pipeline, execution),
                 *rows = pg_pipeline_rows(queue->pipeline, task_runs);
    *ret = NULL;
    if (pg_rows_count(head) == 0)
        return 0;
    size_t count = pg_rows_count(rows);
    _cleanup_free_ QueueTaskRunRow *decoded = xnew_n(QueueTaskRunRow, count + 1);
    for (size_t i = 0; i < count; i++)
        decoded[i] = (QueueTaskRunRow){.body = pg_value(rows, i, 0),
                                       .internal = pg_value(rows, i, 1),
                                       .position = (unsigned)pg_value_integer(rows, i, 2)};
    r = queue_decode_execution(pg_value(head, 0, 0), pg_value(head, 0, 1), decoded, count, ret);
    if (r == QUEUE_E_UNREADABLE)
        *ret = execution_new(id, pg_value(head, 0, 2), pg_value(head, 0, 3), (int)pg_value_integer(head, 0, 4), 0);
    return r;
}

/* Whether the row of a job that we hold is there; *ret_killed when it is. */
static bool find_job(const PgRows *rows, int64_t sequence, bool *ret_killed)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (pg_value_integer(rows, i, 0) == sequence) {
            *ret_killed = pg_value_boolean(rows, i, 1);
            return true;
        }
    return false;
}

static void pg_queue_settle(Queue *base)
{
    pg_settle(((QueuePg *)base)->pg);
}

static int pg_queue_reclaim(Queue *base, const int64_t *sequences, size_t count, QueueSequences *ret)
{
    QueuePg *queue = (QueuePg *)base;
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, base->id);
    PgArray *array = pg_add_array(parameters, PG_BIGINT);
    for (size_t i = 0; i < count; i++)
        pg_array_integer(array, sequences[i]);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run(queue, &sql_reclaim, parameters, &rows);
    if (r != 0)
        return r;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        vec_push(ret, pg_value_integer(rows, i, 0));
        vec_push(&queue->jobs, pg_value_integer(rows, i, 0));
    }
    return 0;
}

static int pg_queue_jobs_to_kill(Queue *base, QueueSequences *ret)
{
    QueuePg *queue = (QueuePg *)base;
    *ret = (QueueSequences){};
    if (queue->jobs.count == 0)
        return 0;
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    PgArray *sequences = pg_add_array(parameters, PG_BIGINT);
    for (size_t i = 0; i < queue->jobs.count; i++)
        pg_array_integer(sequences, queue->jobs.items[i]);
    pg_add_text(parameters, base->id);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run(queue, &sql_jobs_held, parameters, &rows);
    if (r != 0)
        return fold(r);
    size_t kept = 0;
    for (size_t i = 0; i < queue->jobs.count; i++) {
        int64_t sequence = queue->jobs.items[i];
        bool killed = false, there = find_job(rows, sequence, &killed);
        if (!there || killed)
            vec_push(ret, sequence);
        if (there)
            queue->jobs.items[kept++] = sequence; /* one that is gone is told once */
    }
    queue->jobs.count = kept;
    return 0;
}

void queue_pg_tell_schedulers(Queue *base)
{
    queue_pg_ring((QueuePg *)base, &(QueueRing){.schedulers = true});
}

void queue_pg_tell_readers(Queue *base)
{
    queue_pg_ring((QueuePg *)base, &(QueueRing){.event_shards = UINT64_MAX, .workers = true});
}

static const QueueOps queue_pg_ops = {
    .free = pg_queue_free,
    .join = pg_queue_join,
    .heartbeat = pg_queue_heartbeat,
    .leave = pg_queue_leave,
    .commit = queue_pg_commit,
    .try_key = pg_queue_try,
    .trust = pg_queue_trust,
    .load_timers = pg_queue_load_timers,
    .load_execution = pg_queue_load_execution,
    .jobs_to_kill = pg_queue_jobs_to_kill,
    .settle = pg_queue_settle,
    .reclaim = pg_queue_reclaim,
    .are_locked = queue_pg_are_locked,
    .wakeup_fd = queue_pg_wakeup_fd,
    .dispatch = queue_pg_dispatch,
    .hand_over = pg_queue_hand_over,
    .take_over = pg_queue_take_over,
};

static QueuePg *new_queue(Pg *pg)
{
    QueuePg *queue = xnew(QueuePg);
    queue->base.ops = &queue_pg_ops;
    queue->pg = pg;
    queue->pipeline = pg_pipeline_new(pg);
    queue->wakeup = -1;
    return queue;
}

int queue_pg_new(Pg *pg, Bell *bell, const QueueSettings *settings, Queue **ret)
{
    int wakeup = epoll_create1(EPOLL_CLOEXEC);
    if (wakeup < 0)
        return outage(-errno);
    QueuePg *queue = new_queue(pg);
    queue->wakeup = wakeup;
    queue->host = settings->host ? xstrdup(settings->host) : own_host();
    queue->keep_logs_usec = settings->keep_logs_usec;
    queue->lease_usec = settings->lease_usec ? settings->lease_usec : QUEUE_LEASE_USEC;
    queue->peers = queue_peers_new(bell, queue->host, settings->socket_path);
    queue->owns_peers = true;
    *ret = &queue->base;
    return 0;
}

int queue_pg_session(Queue *joined, Pg *pg, Queue **ret)
{
    QueuePg *from = (QueuePg *)joined;
    QueuePg *queue = new_queue(pg);
    queue->host = xstrdup(from->host);
    queue->lease_usec = from->lease_usec;
    queue->peers = from->peers;
    *ret = &queue->base;
    return 0;
}
