/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON body is read by the same parser: JSON is YAML, and its text is kept as the source. */
#include "web/routes/flow_body.h"

bool flow_body_is_json(const HttpRequest *request)
{
    const char *type = http_media_type(request);
    return type && streq(type, "application/json");
}

int flow_body_parse(const WebSession *session, const char *source, size_t length, Flow **ret, Diag *diag)
{
    size_t longest = session->settings->flow_bytes_max ? session->settings->flow_bytes_max : (size_t)1024 * 1024;
    if (length > longest) {
        diag_error(diag, "yaml", 0, 0, "the source has %zu bytes, more than the limit of %zu (limits.flow-source)",
                   length, longest);
        diag_mark(diag, NULL, true);
        return FLOW_E_INVALID;
    }
    FlowParse options = {.registry = &plugin_registry, .plugin_defaults = session->settings->plugin_defaults};
    return flow_parse(source, length, &options, ret, diag);
}

int flow_body_refused(const HttpRequest *request, HttpResponse *response, const Diag *diag)
{
    _cleanup_free_ char *message = flow_error_message(diag);
    json_t *errors = json_array();
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        if (entry->level != DIAG_ERROR)
            continue;
        json_t *error = json_object();
        json_set_text(error, "message", entry->message);
        json_set_text(error, "path", entry->path ? entry->path : entry->name ? entry->name : "yaml");
        json_array_append_new(errors, error);
    }
    return http_invalid_list(request, response, message, errors);
}

int flow_body_missing(const HttpRequest *request, HttpResponse *response, const char *parameter)
{
    return http_error(request, response, 422, "Invalid route params: Required Body [%s] not specified", parameter);
}

int flow_body_read(const WebSession *session, const HttpRequest *request, HttpResponse *response, const char *parameter,
                   Flow **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    DocumentParts parts = {};
    const char *source = request->body;
    size_t length = request->body_length;
    if (length == 0)
        return flow_body_missing(request, response, parameter), FLOW_E_INVALID;
    document_split(source, length, &parts);
    if (parts.count > 1) {
        source = parts.items[0].text;
        length = parts.items[0].length;
    }
    vec_free(&parts);
    int r = flow_body_parse(session, source, length, ret, &diag);
    if (r > 0)
        flow_body_refused(request, response, &diag);
    return r;
}

int flow_body_save(const WebSession *session, Flow *flow, FlowSaveMode mode, FlowSaved *ret)
{
    FlowSave save = {.flow = flow, .mode = mode, .write_back = session->settings->write_back};
    int r = store_flow_save(session->pg, &save, ret);
    if (r != 0)
        return r;
    flow->revision = ret->revision; /* nobody else has seen this flow yet */
    flow_cache_put(session->flows, flow);
    if (ret->changed)
        queue_pg_tell_schedulers(session->queue);
    return 0;
}

int flow_body_delete(const WebSession *session, const char *namespace, const char *id)
{
    int revision;
    int r = store_flow_delete(session->pg, namespace, id, NULL, session->settings->write_back, &revision);
    if (r == 0)
        queue_pg_tell_schedulers(session->queue);
    return r;
}

int flow_body_from_file(const WebSession *session, const HttpRequest *request, HttpResponse *response,
                        const char *namespace, const char *id)
{
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_flow_get(session->pg, namespace, id, 0, true, &record);
    if (r < 0)
        return trace(r);
    return http_error(
        request, response, 409,
        "Illegal state: Flow %s.%s comes from file %s and is changed there only (setting flows.write-back)", namespace,
        id, r == 0 && record.file_path ? record.file_path : "of the flow directory");
}

void flow_body_append(Buffer *buffer, const FlowRecord *record, bool with_source)
{
    size_t length = strlen(record->body);
    if (!with_source || length < 2) {
        buffer_append_n(buffer, record->body, length);
        return;
    }
    buffer_append_n(buffer, record->body, length - 1); /* without the closing brace */
    buffer_append(buffer, length > 2 ? ",\"source\":" : "\"source\":");
    buffer_append_json(buffer, record->source);
    buffer_append_char(buffer, '}');
}
