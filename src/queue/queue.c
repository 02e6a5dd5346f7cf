/* SPDX-License-Identifier: Apache-2.0 */
/* What all backends share: the dispatch, the lifetimes of what is handed out, and the decoding of bodies. */
#include "queue/queue_private.h"

#define BODY_BYTES_MAX (256 * 1024 * 1024)

void queue_event_done(QueueEvent *event)
{
    free(event->key);
    free(event->kind);
    free(event->reason);
    json_decref(event->body);
    *event = (QueueEvent){};
}

void queue_job_done(QueueJob *job)
{
    free(job->execution_id);
    free(job->task_run_id);
    json_decref(job->body);
    free(job->reason);
    *job = (QueueJob){};
}

void queue_timer_done(QueueTimer *timer)
{
    free(timer->key);
    free(timer->name);
    json_decref(timer->body);
    *timer = (QueueTimer){};
}

void queue_batch_done(QueueBatch *batch)
{
    for (size_t i = 0; i < batch->events.count; i++)
        queue_event_done(&batch->events.items[i]);
    for (size_t i = 0; i < batch->jobs.count; i++)
        queue_job_done(&batch->jobs.items[i]);
    vec_free(&batch->events);
    vec_free(&batch->jobs);
    batch->refused = 0;
    batch->cut = false;
}

json_t *queue_body_read(const char *body, char **ret_reason)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    json_t *value = NULL;
    int r = json_parse(body, strlen(body), BODY_BYTES_MAX, &value, &diag);
    if (r == 0 && json_is_object(value))
        return value;
    json_decref(value);
    *ret_reason = xasprintf("The body is not a JSON object: %s", r == 0 ? "it is of another type" : diag_first(&diag));
    return NULL;
}

static int decode_task_run(Execution *execution, const QueueTaskRunRow *row)
{
    _cleanup_json_ json_t *body = NULL, *internal = NULL;
    int r = json_parse(row->body, strlen(row->body), BODY_BYTES_MAX, &body, NULL);
    if (r == 0 && row->internal)
        r = json_parse(row->internal, strlen(row->internal), BODY_BYTES_MAX, &internal, NULL);
    TaskRun *task_run;
    if (r == 0)
        r = task_run_decode(execution, body, internal, &task_run, NULL);
    if (r != 0)
        return r < 0 ? r : QUEUE_E_UNREADABLE;
    task_run->position = row->position;
    return 0;
}

int queue_decode_execution(const char *body, const char *internal, const QueueTaskRunRow *rows, size_t count,
                           Execution **ret)
{
    _cleanup_json_ json_t *document = NULL;
    _cleanup_(execution_freep) Execution *execution = NULL;
    int r = json_parse(body, strlen(body), BODY_BYTES_MAX, &document, NULL);
    if (r == 0)
        r = execution_decode(document, &execution, NULL);
    if (r != 0)
        return r < 0 ? r : QUEUE_E_UNREADABLE;
    if (internal && json_parse(internal, strlen(internal), BODY_BYTES_MAX, &execution->internal, NULL) != 0)
        return QUEUE_E_UNREADABLE;
    execution->bytes = strlen(body);
    for (size_t i = 0; i < count; i++) {
        r = decode_task_run(execution, &rows[i]);
        if (r != 0)
            return r;
        execution->bytes += strlen(rows[i].body);
    }
    *ret = TAKE_PTR(execution);
    return 0;
}

Queue *queue_free(Queue *queue)
{
    if (!queue)
        return NULL;
    free(queue->role);
    free(queue->refusal);
    queue_forget_locked(queue);
    vec_free(&queue->locked);
    queue->ops->free(queue);
    return NULL;
}

int queue_join(Queue *queue, const char *role, const char *socket)
{
    char *own_role = xstrdup(role);
    free(queue->role);
    queue->role = own_role;
    queue->id[0] = 0;
    return queue->ops->join(queue, own_role, socket ? socket : "");
}

json_t *queue_hand_over(const Queue *queue)
{
    if (!*queue->id)
        return NULL;
    json_t *state = json_object();
    json_set_text(state, "id", queue->id);
    if (queue->ops->hand_over)
        queue->ops->hand_over(queue, state);
    return state;
}

int queue_take_over(Queue *queue, const char *role, const json_t *state)
{
    const char *id = json_get_text(state, "id", "");
    if (!*id || strlen(id) >= ID_BYTES) /* most ids have 22 characters, one in eight has fewer */
        return QUEUE_E_INVALID;
    char *own_role = xstrdup(role);
    free(queue->role);
    queue->role = own_role;
    memcpy(queue->id, id, strlen(id) + 1);
    if (queue->ops->take_over)
        queue->ops->take_over(queue, state);
    return 0;
}

const char *queue_instance_id(const Queue *queue)
{
    return queue->id;
}

int queue_heartbeat(Queue *queue, QueueMembership *ret, bool *ret_work)
{
    return queue->ops->heartbeat(queue, ret, ret_work);
}

int queue_leave(Queue *queue)
{
    return queue->ops->leave(queue);
}

int queue_commit(Queue *queue, Unit *unit, const QueueFetch *fetch, QueueBatch *ret_batch)
{
    QueueBatch batch = {};
    queue_forget_locked(queue);
    int r = queue->ops->commit(queue, unit, fetch, &batch);
    if (r != 0) {
        queue_batch_done(&batch);
        return r;
    }
    if (unit)
        unit_reset(unit);
    if (ret_batch)
        *ret_batch = batch;
    else
        queue_batch_done(&batch);
    return 0;
}

const char *queue_refusal(const Queue *queue)
{
    return queue->refusal ? queue->refusal : "";
}

void queue_forget_locked(Queue *queue)
{
    for (size_t i = 0; i < queue->locked.count; i++)
        free(queue->locked.items[i]);
    queue->locked.count = 0;
}

const char *const *queue_locked(const Queue *queue, size_t *ret_count)
{
    *ret_count = queue->locked.count;
    return (const char *const *)queue->locked.items;
}

int queue_are_locked(Queue *queue, const char *const *keys, size_t count, bool *ret)
{
    memset(ret, 0, count * sizeof(*ret));
    return queue->ops->are_locked && count ? queue->ops->are_locked(queue, keys, count, ret) : 0;
}

int queue_reclaim(Queue *queue, const int64_t *sequences, size_t count, QueueSequences *ret)
{
    *ret = (QueueSequences){};
    return queue->ops->reclaim && count ? queue->ops->reclaim(queue, sequences, count, ret) : 0;
}

int queue_wakeup_fd(const Queue *queue)
{
    return queue->ops->wakeup_fd ? queue->ops->wakeup_fd(queue) : -1;
}

void queue_dispatch(Queue *queue, void (*rung)(void *userdata, const char *body), void *userdata)
{
    if (queue->ops->dispatch)
        queue->ops->dispatch(queue, rung, userdata);
}

int queue_try(Queue *queue, const char *key, unsigned *ret_deaths)
{
    return queue->ops->try_key(queue, key, ret_deaths);
}

int queue_trust(Queue *queue)
{
    return queue->ops->trust(queue);
}

int queue_load_timers(Queue *queue, uint64_t shards, QueueTimers *ret)
{
    return queue->ops->load_timers(queue, shards, ret);
}

int queue_load_execution(Queue *queue, const char *id, Execution **ret)
{
    return queue->ops->load_execution(queue, id, ret);
}

int queue_jobs_to_kill(Queue *queue, QueueSequences *ret)
{
    return queue->ops->jobs_to_kill(queue, ret);
}

void queue_settle(Queue *queue)
{
    if (queue->ops->settle)
        queue->ops->settle(queue);
}
