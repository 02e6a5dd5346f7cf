/* SPDX-License-Identifier: Apache-2.0 */
#include "worker_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "doc/json.h"
#include "model/event_kind.h"
#include "plugin/registry.h"
#include "worker/directory.h"

#define DEADLINE (20 * USEC_PER_SEC)

char directory[] = "/tmp/kestra-check-worker-XXXXXX";
QueueStore *store;
Queue *executor_queue;
Worker *worker;
bool drained;
const char *parent_of_jobs;
json_t *ended;
unsigned running_events;
static Queue *worker_queue;
static Loop *loop;
static Flow *flow;
static unsigned jobs_sent;

static int load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret)
{
    if (!flow || !streq(id, "test"))
        return WORKER_E_NO_FLOW;
    *ret = flow_ref(flow);
    return 0;
}

static int error_logs(void *userdata, const char *execution_id, json_t **ret)
{
    *ret = json_pack("[{s:s}]", "message", execution_id);
    return 0;
}

static const WorkerBackend backend = {.load_flow = load_flow, .error_logs = error_logs};

static void take_event(const QueueEvent *event)
{
    ck_assert_str_eq(event->kind, "task_run");
    const char *id = json_get_text(event->body, "taskRunId", "");
    bool is_running = streq(json_get_text(event->body, "state", ""), "RUNNING");
    running_events += is_running;
    if (!is_running || !json_object_get(ended, id)) /* within one commit they may come in any order */
        json_object_set(ended, id, event->body);
}

void read_events(void)
{
    Unit *unit = unit_new();
    QueueBatch batch = {};
    ck_assert_int_eq(queue_commit(executor_queue, unit, &(QueueFetch){.events_max = 10000}, &batch), 0);
    for (size_t i = 0; i < batch.events.count; i++) {
        take_event(&batch.events.items[i]);
        unit_ack_event(unit, batch.events.items[i].sequence);
    }
    queue_batch_done(&batch);
    ck_assert_int_eq(queue_commit(executor_queue, unit, NULL, &batch), 0);
    queue_batch_done(&batch);
    unit_free(unit);
}

void run_until(bool (*condition)(void))
{
    usec_t deadline = clock_monotonic() + DEADLINE;
    for (;;) {
        read_events();
        if (condition())
            return;
        ck_assert_msg(clock_monotonic() < deadline, "nothing happened in time: %zu jobs", worker_job_count(worker));
        ck_assert_int_ge(sd_event_run(loop_event(loop), 5 * USEC_PER_MSEC), 0);
    }
}

const char *state_of(const char *task_run)
{
    return json_get_text(json_object_get(ended, task_run), "state", "none");
}

bool all_ended(void)
{
    size_t count = 0;
    const char *id;
    json_t *body;
    json_object_foreach (ended, id, body)
        count += !streq(json_get_text(body, "state", ""), "RUNNING");
    return count == jobs_sent;
}

bool has_log(const char *text)
{
    const char *message;
    for (size_t i = 0; (message = queue_store_log(store, i)); i++)
        if (strstr(message, text))
            return true;
    return false;
}

void parse_flow(const char *tasks)
{
    _cleanup_free_ char *source = xasprintf("id: test\nnamespace: check.worker\ntasks:\n%s", tasks);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = flow_parse(source, strlen(source),
                       &(FlowParse){.registry = &plugin_registry, .revision = 1, .lenient = true}, &flow, &diag);
    _cleanup_free_ char *text = diag_format(&diag, "flow");
    ck_assert_msg(r == 0, "%s", text);
}

void send_job(const char *task_id, const char *task_run_id)
{
    Unit *unit = unit_new();
    QueueBatch batch = {};
    json_t *body = json_pack("{s:{s:s,s:s,s:i},s:s,s:s,s:s,s:i,s:{}}", "flow", "namespace", "check.worker", "id",
                             "test", "revision", 1, "executionId", "execution1", "taskId", task_id, "taskRunId",
                             task_run_id, "attempt", 0, "variables");
    if (parent_of_jobs)
        json_object_set_new(json_object_get(body, "variables"), "taskrun",
                            json_pack("{s:s}", "parentId", parent_of_jobs));
    unit_dispatch_job(unit, "", "execution1", task_run_id, 0, body);
    ck_assert_int_eq(queue_commit(executor_queue, unit, NULL, &batch), 0);
    queue_batch_done(&batch);
    unit_free(unit);
    jobs_sent++;
    if (worker)
        worker_wake(worker);
}

void send_jobs(const char *task_id, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        _cleanup_free_ char *run = xasprintf("run%u", i);
        send_job(task_id, run);
    }
}

void kill_job(const char *task_run_id)
{
    Unit *unit = unit_new();
    QueueBatch batch = {};
    unit_kill_job(unit, task_run_id);
    ck_assert_int_eq(queue_commit(executor_queue, unit, NULL, &batch), 0);
    queue_batch_done(&batch);
    unit_free(unit);
    worker_wake(worker);
}

void start_worker(const WorkerSettings *extra)
{
    WorkerSettings settings = *extra;
    settings.temporary_directory = directory;
    settings.sandbox_program = BUILD_DIRECTORY "/kestra-sandbox";
    settings.run_program = BUILD_DIRECTORY "/kestra-run";
    settings.cgroup = "";
    settings.oom_score_adjust = 100;
    settings.limits = (LimitPolicy)LIMIT_POLICY_NONE;
    ck_assert_int_eq(worker_new(loop, &settings, worker_queue, "/nonexistent/worker.sock", &backend, NULL, &worker), 0);
    worker_start(worker);
}

static void setup(void)
{
    QueueMembership membership;
    bool work;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    store = queue_store_new(3600 * USEC_PER_SEC);
    executor_queue = queue_mem_new(store);
    worker_queue = queue_mem_new(store);
    ck_assert_int_eq(queue_join(executor_queue, "executor", "/nonexistent/executor.sock"), 0);
    ck_assert_int_eq(queue_heartbeat(executor_queue, &membership, &work), 0);
    ck_assert_int_eq(loop_new(&loop), 0);
    ended = json_object();
    jobs_sent = running_events = 0;
    drained = false;
    parent_of_jobs = NULL;
}

static void teardown(void)
{
    worker = worker_free(worker);
    flow_unref(flow);
    flow = NULL;
    json_decref(ended);
    loop_free(loop);
    queue_free(worker_queue);
    queue_free(executor_queue);
    queue_store_free(store);
    directory_remove(directory);
}

void run_one(const char *task)
{
    parse_flow(task);
    start_worker(&(WorkerSettings){});
    send_job("t", "run1");
    run_until(all_ended);
    ck_assert_uint_eq(queue_store_counts(store).jobs, 0);
    ck_assert_uint_eq(worker_job_count(worker), 0);
}

size_t directories_left(void)
{
    struct stat st;
    ck_assert_int_eq(stat(directory, &st), 0);
    return st.st_nlink - 2;
}

bool is_idle(void)
{
    return worker_job_count(worker) == 0;
}

bool runs(void)
{
    return running_events == jobs_sent;
}

int listen_silently(int *ret_fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_fd = fd;
    return ntohs(address.sin_port);
}

unsigned crash_children(void)
{
    char path[64], text[4096] = "";
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    for (char *rest = text; *rest;) {
        pid_t pid = (pid_t)strtoimax(rest, &rest, 10);
        if (pid > 0 && kill(pid, SIGKILL) == 0)
            count++;
        rest += strspn(rest, " ");
    }
    return count;
}

void on_drained(void *userdata)
{
    drained = true;
}

bool is_drained(void)
{
    return drained;
}

char *pid_path(unsigned n)
{
    return xasprintf("%s/pid%u", directory, n);
}

pid_t read_pid(unsigned n)
{
    _cleanup_free_ char *path = pid_path(n);
    FILE *file = fopen(path, "r");
    int pid = 0;
    if (file) {
        if (fscanf(file, "%d", &pid) != 1)
            pid = 0;
        fclose(file);
    }
    return pid;
}

bool is_alive(pid_t pid)
{
    char path[64], text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    const char *parenthesis = n > 0 ? strrchr(text, ')') : NULL;
    return parenthesis && parenthesis[2] != 'Z';
}

int fixture_run(const char *name, void (*add)(TCase *tests))
{
    mem_use_for_jansson(json_set_alloc_funcs);
    log_open("check", LOG_WARNING);
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    add(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
