/* SPDX-License-Identifier: Apache-2.0 */
/* The flow directory as the scheduler's watcher sees it: an addition to Kestra's API, for the UI and `kestractl flow
 * status`. */
#include "store/flow_file_store.h"
#include "web/routes/routes.h"

/* {path, flows: ["namespace.id"], error?, line?, column?}: one entry a file, the first error of its documents. New. */
static json_t *file_entry(const FlowFileRecord *record)
{
    json_t *entry = json_object();
    json_set_text(entry, "path", record->path);
    json_object_set_new(entry, "flows", json_array());
    return entry;
}

static void add_document(json_t *entry, const FlowFileRecord *record)
{
    if (record->namespace && record->id) {
        _cleanup_free_ char *name = xasprintf("%s.%s", record->namespace, record->id);
        json_array_append_new(json_object_get(entry, "flows"), json_string(name));
    }
    if (record->error && !json_object_get(entry, "error")) {
        json_set_text(entry, "error", record->error);
        json_object_set_new(entry, "line", json_integer(record->line));
        json_object_set_new(entry, "column", json_integer(record->column));
    }
}

static int list(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    (void)request;
    _cleanup_flow_file_records_ FlowFileRecords records = {};
    int r = store_flow_file_list(session->pg, false, &records);
    if (r != 0)
        return fold(r);
    json_t *files = json_array(), *entry = NULL;
    for (size_t i = 0; i < records.count; i++) { /* ordered by path: the documents of a file follow each other */
        if (!entry || !streq(json_get_text(entry, "path", ""), records.items[i].path)) {
            entry = file_entry(&records.items[i]);
            json_array_append_new(files, entry);
        }
        add_document(entry, &records.items[i]);
    }
    return http_json(response, 200, files);
}

static const Route rows[] = {
    {.method = HTTP_GET,
     .pattern = "/api/v1/flow-files",
     .handler = list,
     .permission = PERMISSION_FLOW_READ,
     .operation = "flowFiles"},
};
const RouteTable routes_flow_files = ROUTE_TABLE("Flow files", rows);
