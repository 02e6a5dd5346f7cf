/* SPDX-License-Identifier: Apache-2.0 */
/* Which instances of the roles run, on any machine, and what waits between them: an addition to Kestra's API, for the
 * UI and `kestractl status`. */
#include "base/clock.h"
#include "store/instance_store.h"
#include "web/routes/routes.h"

static json_t *instance_json(InstanceRecord *record)
{
    char started[INSTANT_BYTES], heartbeat[INSTANT_BYTES];
    record->host[strcspn(record->host, "/")] = 0; /* behind it: the boot that it belongs to */
    instant_format(record->started, started);
    instant_format(record->heartbeat, heartbeat);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", record->id, "role", record->role, "host",
                     record->host, "state", record->state, "startDate", started, "heartbeatDate", heartbeat, "shards",
                     (json_int_t)record->shards, "jobs", (json_int_t)record->jobs);
}

static int list(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_instance_records_ InstanceRecords records = {};
    int r = store_instance_list(session->pg, &records);
    if (r < 0)
        return trace(r);
    json_t *answer = json_array();
    for (size_t i = 0; i < records.count; i++)
        json_array_append_new(answer, instance_json(&records.items[i]));
    return http_json(response, 200, answer);
}

static void set_date(json_t *object, const char *name, usec_t date)
{
    if (date)
        json_object_set_new(object, name, http_date_value(date));
}

static int queue(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_queue_depth_ QueueDepth depth = {};
    int r = store_queue_depth(session->pg, &depth);
    if (r < 0)
        return trace(r);
    json_t *groups = json_array(), *answer = json_pack("{s:I, s:I, s:o}", "events", (json_int_t)depth.events,
                                                       "setAside", (json_int_t)depth.poison, "groups", groups);
    set_date(answer, "oldestEventDate", depth.oldest_event);
    for (size_t i = 0; i < depth.groups.count; i++) {
        const QueueGroup *group = &depth.groups.items[i];
        json_t *item = json_pack("{s:s, s:I, s:I}", "name", group->name, "waiting", (json_int_t)group->waiting,
                                 "running", (json_int_t)group->running);
        set_date(item, "oldestDate", group->oldest);
        json_array_append_new(groups, item);
    }
    return http_json(response, 200, answer);
}

static const Route rows[] = {
    {HTTP_GET, "/api/v1/cluster/instances", list, PERMISSION_SETTING_READ, NULL, "listInstances"},
    {HTTP_GET, "/api/v1/cluster/queue", queue, PERMISSION_SETTING_READ, NULL, "queueDepth"},
};
const RouteTable routes_cluster = ROUTE_TABLE("Cluster", rows);
