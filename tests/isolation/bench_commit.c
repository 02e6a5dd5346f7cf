/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_commit DSN [EXECUTIONS [BATCH]]: how many one-task executions a second pass through queue_commit, with no
 * executor and no worker around it: created in batches, stepped (execution, task run, job), claimed, finished with a
 * log line, stepped to the end. One process does all in turn; the database has to be migrated and idle.
 */
#include "base/clock.h"
#include "queue/queue_pg.h"

#define NAMESPACE "bench"
#define FLOW      "log"

typedef struct Bench {
    Queue *web, *executor, *worker;
    Unit *unit;
    unsigned batch;
    usec_t spent[5];
} Bench;

static void must(int r, const char *what)
{
    if (r != 0) {
        (void)fprintf(stderr, "bench_commit: %s: %d\n", what, r);
        exit(EXIT_FAILURE);
    }
}

static Queue *new_queue(const char *dsn, const char *role)
{
    PgSettings settings = {.conninfo = dsn, .session_sql = QUEUE_PG_SESSION_SQL};
    QueueSettings queue_settings = {};
    Pg *pg;
    Queue *queue;
    must(pg_new(&settings, &pg, NULL), "settings");
    must(queue_pg_new(pg, NULL, &queue_settings, &queue), "queue");
    if (!role)
        return queue;
    must(queue_join(queue, role, ""), "join");
    QueueMembership membership;
    bool work;
    must(queue_heartbeat(queue, &membership, &work), "heartbeat");
    return queue;
}

static Execution *make_execution(const char *id, State state)
{
    static usec_t start; /* the same at each step, as for a real execution */
    usec_t now = clock_realtime();
    start = start ? start : now;
    Execution *execution = execution_new(id, NAMESPACE, FLOW, 1, start);
    json_decref(execution->labels);
    execution->labels = json_pack("[{s:s, s:s}]", "key", "system.correlationId", "value", id);
    execution->inputs = json_pack("{s:s}", "a", "some value of a common length");
    if (state != STATE_CREATED)
        state_set(&execution->state, STATE_RUNNING, now);
    if (state == STATE_SUCCESS)
        state_set(&execution->state, STATE_SUCCESS, now);
    return execution;
}

static void create(Bench *bench, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char id[ID_BYTES];
        id_new(id);
        _cleanup_(execution_freep) Execution *execution = make_execution(id, STATE_CREATED);
        unit_create_execution(bench->unit, execution, clock_realtime());
    }
    must(queue_commit(bench->web, bench->unit, NULL, NULL), "create");
}

/* The executor's step for each event, with the batch's acks. */
static void step(Bench *bench, State state)
{
    QueueFetch fetch = {.events_max = bench->batch};
    QueueBatch batch;
    must(queue_commit(bench->executor, NULL, &fetch, &batch), "fetch");
    for (size_t i = 0; i < batch.events.count; i++) {
        const QueueEvent *event = &batch.events.items[i];
        _cleanup_(execution_freep) Execution *execution = make_execution(event->key, state);
        char run_id[ID_BYTES + 2];
        (void)snprintf(run_id, sizeof(run_id), "%.20sT", event->key);
        TaskRun *run = execution_add_task_run(execution, run_id, "task", NULL, NULL, NULL, clock_realtime());
        if (state == STATE_SUCCESS)
            state_set(&run->state, STATE_SUCCESS, clock_realtime());
        else
            unit_dispatch_job(bench->unit, "", event->key, run_id, 0,
                              json_pack("{s:s, s:s}", "type", "io.kestra.plugin.core.log.Log", "message", "hello"));
        unit_ack_event(bench->unit, event->sequence);
        unit_save_execution(bench->unit, execution, clock_realtime());
        unit_save_task_run(bench->unit, execution, run, clock_realtime());
    }
    queue_batch_done(&batch);
    must(queue_commit(bench->executor, bench->unit, NULL, NULL), "step");
}

static void work(Bench *bench)
{
    QueueFetch fetch = {.jobs_max = bench->batch, .worker_group = ""};
    QueueBatch batch;
    must(queue_commit(bench->worker, NULL, &fetch, &batch), "claim");
    for (size_t i = 0; i < batch.jobs.count; i++) {
        const QueueJob *job = &batch.jobs.items[i];
        unit_log(bench->unit, &(LogEntry){.namespace = NAMESPACE,
                                          .flow_id = FLOW,
                                          .execution_id = job->execution_id,
                                          .task_run_id = job->task_run_id,
                                          .task_id = "task",
                                          .timestamp = clock_realtime(),
                                          .level = LOG_LEVEL_INFO,
                                          .message = "hello"});
        unit_finish_job(bench->unit, job->sequence, job->execution_id, "task_run",
                        json_pack("{s:s, s:s}", "taskRunId", job->task_run_id, "state", "SUCCESS"));
    }
    queue_batch_done(&batch);
    must(queue_commit(bench->worker, bench->unit, NULL, NULL), "finish");
}

static void run_batch(Bench *bench)
{
    usec_t at = clock_monotonic();
    for (unsigned phase = 0; phase < 4; phase++) {
        if (phase == 0)
            create(bench, bench->batch);
        else if (phase == 2)
            work(bench);
        else
            step(bench, phase == 1 ? STATE_RUNNING : STATE_SUCCESS);
        usec_t now = clock_monotonic();
        bench->spent[phase] += now - at;
        at = now;
    }
}

static unsigned number(const char *text, unsigned fallback)
{
    unsigned value = 0;
    for (; text && *text >= '0' && *text <= '9'; text++)
        value = value * 10 + (unsigned)(*text - '0');
    return value ? value : fallback;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "Usage: bench_commit DSN [EXECUTIONS [BATCH]]\n");
        return 64;
    }
    unsigned executions = number(argc > 2 ? argv[2] : NULL, 20000);
    Bench bench = {.unit = unit_new(), .batch = number(argc > 3 ? argv[3] : NULL, 100)};
    bench.web = new_queue(argv[1], NULL);
    bench.executor = new_queue(argv[1], "executor");
    bench.worker = new_queue(argv[1], "worker");
    usec_t begin = clock_monotonic();
    for (unsigned done = 0; done < executions; done += bench.batch)
        run_batch(&bench);
    double seconds = (double)(clock_monotonic() - begin) / (double)USEC_PER_SEC;
    static const char *const names[] = {"create", "step 1", "claim and finish", "step 2"};
    for (unsigned i = 0; i < ELEMENTS(names); i++)
        (void)printf("%-17s %6.1f us an execution\n", names[i], (double)bench.spent[i] / executions);
    (void)printf("%.0f executions/s\n", executions / seconds);
    must(queue_leave(bench.executor), "leave");
    must(queue_leave(bench.worker), "leave");
    queue_free(bench.web);
    queue_free(bench.executor);
    queue_free(bench.worker);
    unit_free(bench.unit);
    return 0;
}
