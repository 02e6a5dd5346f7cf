/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_fixture.h"

#include <check.h>

static QueueStore *store;
static VEC(Queue *) queues;

static void mem_open(usec_t lease)
{
    store = queue_store_new(lease);
}

static void mem_close(void)
{
    for (size_t i = 0; i < queues.count; i++)
        queue_free(queues.items[i]);
    vec_free(&queues);
    store = queue_store_free(store);
}

static Queue *mem_queue(void)
{
    vec_push(&queues, queue_mem_new(store));
    return queues.items[queues.count - 1];
}

static void mem_pass(usec_t time)
{
    queue_store_advance(store, time);
}

static QueueStoreCounts mem_counts(void)
{
    return queue_store_counts(store);
}

const Backend backend_mem = {"memory", mem_open, mem_close, mem_queue, mem_pass, mem_counts};

Execution *fixture_execution(const char *id)
{
    Execution *execution = execution_new(id, "test.team", "flow", 1, TEST_NOW);
    json_decref(execution->labels);
    execution->labels = json_pack("[{s:s, s:s}]", "key", "env", "value", "test");
    return execution;
}

void fixture_id_in_shard(unsigned shard, char ret_id[static ID_BYTES])
{
    do
        id_new(ret_id);
    while (shard_of(ret_id) != shard);
}

void fixture_commit(Queue *queue, Unit *unit, const QueueFetch *fetch, QueueBatch *ret)
{
    ck_assert_int_eq(queue_commit(queue, unit, fetch, ret), 0);
}

QueueMembership fixture_heartbeat(Queue *queue, bool *ret_work)
{
    QueueMembership membership;
    bool work;
    ck_assert_int_eq(queue_heartbeat(queue, &membership, &work), 0);
    if (ret_work)
        *ret_work = work;
    return membership;
}

QueueMembership fixture_join(Queue *queue, const char *role, const char *socket)
{
    ck_assert_int_eq(queue_join(queue, role, socket), 0);
    ck_assert_str_ne(queue_instance_id(queue), "");
    return fixture_heartbeat(queue, NULL);
}

json_t *fixture_body(const char *text)
{
    json_t *body;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &body, NULL), 0);
    return body;
}
