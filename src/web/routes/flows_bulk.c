/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several flows at once (spec/api.md 5.2). All documents are parsed before the first is stored, so that a wrong one
 * changes nothing. Flows that came from a file are left alone by deletions that only say "everything else".
 */
#include <ctype.h>

#include "web/multipart.h"
#include "web/routes/archive.h"
#include "web/routes/flow_body.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

typedef VEC(Flow *) Flows;

static void flows_done(Flows *flows)
{
    for (size_t i = 0; i < flows->count; i++)
        flow_unref(flows->items[i]);
    vec_free(flows);
}
#define _cleanup_flows_ _cleanup_(flows_done)

static void trim(DocumentPart *part)
{
    while (part->length > 0 && isspace((unsigned char)part->text[0])) {
        part->text++;
        part->length--;
    }
    while (part->length > 0 && isspace((unsigned char)part->text[part->length - 1]))
        part->length--;
}

static bool is_duplicate(const Flows *flows, const Flow *flow)
{
    for (size_t i = 0; i < flows->count; i++)
        if (streq(flows->items[i]->id, flow->id) && streq(flows->items[i]->namespace, flow->namespace))
            return true;
    return false;
}

/* Positive: answered. */
static int parse_one(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *namespace,
                     const DocumentPart *part, Flows *flows)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    int r = flow_body_parse(session, part->text, part->length, &flow, &diag);
    if (r > 0)
        flow_body_refused(request, response, &diag);
    else if (r == 0 && namespace && !streq(flow->namespace, namespace))
        r = 1, http_invalid(request, response, "flow.namespace", "Flow namespace is invalid");
    else if (r == 0 && is_duplicate(flows, flow))
        r = 1, http_invalid(request, response, "flow.id", "Duplicate flow id");
    if (r == 0)
        vec_push(flows, TAKE_PTR(flow));
    return r;
}

/* Each flow of a JSON list; its source is its text. Positive: answered. */
static int parse_list(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *namespace,
                      Flows *flows)
{
    _cleanup_json_ json_t *list = NULL;
    size_t i;
    const json_t *item;
    int r = 0;
    if (!query_body(request, response, &list))
        return 1;
    json_array_foreach (list, i, item) {
        _cleanup_free_ char *text = json_text(item);
        r = parse_one(session, request, response, namespace,
                      &(DocumentPart){.text = text, .length = strlen(text), .first_line = 1}, flows);
        if (r != 0)
            break;
    }
    return r;
}

/* Parses all documents of the body. Positive: answered. */
static int parse_all(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *namespace,
                     Flows *flows)
{
    if (flow_body_is_json(request) && request->body[strspn(request->body, " \t\r\n")] == '[')
        return parse_list(session, request, response, namespace, flows);
    DocumentParts parts = {};
    int r = 0;
    document_split(request->body, request->body_length, &parts);
    for (size_t i = 0; r == 0 && i < parts.count; i++) {
        trim(&parts.items[i]);
        r = parse_one(session, request, response, namespace, &parts.items[i], flows);
    }
    vec_free(&parts);
    return r;
}

static void append_separator(Buffer *body)
{
    if (body->length > 1)
        buffer_append_char(body, ',');
}

static bool is_wanted(const Flows *flows, const FlowRecord *record)
{
    for (size_t i = 0; i < flows->count; i++)
        if (streq(flows->items[i]->id, record->id) && streq(flows->items[i]->namespace, record->namespace))
            return true;
    return false;
}

/* Deletes what is in the namespace (NULL: anywhere) but not in flows, and appends it to the answer. */
static int delete_others(WebSession *session, const char *namespace, const Flows *flows, Buffer *body)
{
    _cleanup_flow_records_ FlowRecords records = {};
    int r = store_flow_list(session->pg, namespace, false, &records);
    for (size_t i = 0; r == 0 && i < records.count; i++) {
        FlowRecord *record = &records.items[i];
        if (is_wanted(flows, record) || (record->file_path && !session->settings->write_back))
            continue;
        r = flow_body_delete(session, record->namespace, record->id);
        if (r == STORE_E_NONE || r == STORE_E_FROM_FILE) {
            r = 0; /* somebody else was faster */
            continue;
        }
        append_separator(body);
        flow_body_append(body, record, true);
    }
    return fold(r);
}

static int replace(WebSession *session, const HttpRequest *request, HttpResponse *response, const char *namespace)
{
    _cleanup_flows_ Flows flows = {};
    _cleanup_buffer_ Buffer body = {};
    int r = parse_all(session, request, response, namespace, &flows);
    if (r != 0)
        return MIN(r, 0);
    buffer_append_char(&body, '[');
    if (http_query_boolean(request, "delete", true))
        r = delete_others(session, namespace, &flows, &body);
    for (size_t i = 0; r == 0 && i < flows.count; i++) {
        FlowSaved saved;
        r = flow_body_save(session, flows.items[i], FLOW_SAVE_PUT, &saved);
        if (r == STORE_E_FROM_FILE)
            return flow_body_from_file(session, request, response, flows.items[i]->namespace, flows.items[i]->id);
        if (r != 0)
            return fold(r);
        _cleanup_json_ json_t *encoded = flow_encode(flows.items[i], true);
        append_separator(&body);
        json_append(&body, encoded);
    }
    buffer_append_char(&body, ']');
    return r < 0 ? trace(r) : http_text(response, 200, "application/json", buffer_text(&body));
}

static int replace_namespace(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return replace(session, request, response, http_parameter(request, "namespace"));
}

static int replace_all(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return replace(session, request, response, NULL);
}

/* --- by-ids and by-query --- */

/* Records of [{namespace, id}] or of the query. Positive: answered. */
static int select_records(WebSession *session, const HttpRequest *request, HttpResponse *response, FlowRecords *records)
{
    if (ends_with(request->path, "/by-query")) {
        FlowQuery query;
        _cleanup_diag_ Diag diag = DIAG_INIT;
        if (!query_flows(session, request, response, false, &query))
            return 1;
        int r = store_flow_select(session->pg, &query, records, NULL, &diag);
        return r == STORE_E_QUERY ? query_refused(request, response, r, &diag), 1 : fold(r);
    }
    _cleanup_json_ json_t *ids = NULL;
    size_t i;
    const json_t *item;
    if (!query_body(request, response, &ids))
        return 1;
    json_array_foreach (ids, i, item) {
        FlowRecord record = {};
        int r = store_flow_get(session->pg, json_get_text(item, "namespace", ""), json_get_text(item, "id", ""), 0,
                               false, &record);
        if (r == STORE_E_NONE)
            return http_not_found(request, response), 1;
        if (r != 0)
            return fold(r);
        vec_push(records, record);
    }
    return 0;
}

static int export(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_records_ FlowRecords records = {};
    int r = select_records(session, request, response, &records);
    if (r != 0)
        return MIN(r, 0);
    _cleanup_archive_writer_ ArchiveWriter archive = ARCHIVE_WRITER_INIT;
    for (size_t i = 0; r == 0 && i < records.count; i++) {
        const FlowRecord *record = &records.items[i];
        _cleanup_free_ char *name = xasprintf("%s.%s.yml", record->namespace, record->id);
        r = archive_add(&archive, name, record->source);
    }
    if (r < 0)
        return trace(r);
    http_attachment(request, response, "flows.zip");
    return archive_answer(&archive, response);
}

static int delete_many(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_flow_records_ FlowRecords records = {};
    size_t count = 0;
    int r = select_records(session, request, response, &records);
    if (r != 0)
        return MIN(r, 0);
    for (size_t i = 0; i < records.count; i++) {
        const FlowRecord *record = &records.items[i];
        r = flow_body_delete(session, record->namespace, record->id);
        if (r == STORE_E_FROM_FILE)
            return flow_body_from_file(session, request, response, record->namespace, record->id);
        if (r < 0)
            return trace(r);
        count += r == 0;
    }
    return query_count(response, count);
}

/* The source with its line `disabled: …` set; appended when there is none. Caller frees. */
static char *source_with_disabled(const char *source, bool disabled)
{
    static const char key[] = "disabled:";
    const char *value = disabled ? "true" : "false";
    for (const char *line = source; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (starts_with(line, key)) {
            const char *rest = line + strcspn(line, "\r\n");
            return xasprintf("%.*sdisabled: %s%s", (int)(line - source), source, value, rest);
        }
    size_t length = strlen(source);
    return xasprintf("%s%sdisabled: %s", source, length > 0 && source[length - 1] == '\n' ? "" : "\n", value);
}

static int set_disabled(WebSession *session, const HttpRequest *request, HttpResponse *response, bool disabled)
{
    _cleanup_flow_records_ FlowRecords records = {};
    size_t count = 0;
    int r = select_records(session, request, response, &records);
    if (r != 0)
        return MIN(r, 0);
    for (size_t i = 0; i < records.count; i++) {
        const FlowRecord *record = &records.items[i];
        _cleanup_free_ char *source = source_with_disabled(record->source, disabled);
        _cleanup_(flow_unrefp) Flow *flow = NULL;
        _cleanup_diag_ Diag diag = DIAG_INIT;
        FlowSaved saved;
        if (record->disabled == disabled)
            continue;
        r = flow_body_parse(session, source, strlen(source), &flow, &diag);
        if (r > 0)
            return flow_body_refused(request, response, &diag);
        r = r < 0 ? r : flow_body_save(session, flow, FLOW_SAVE_UPDATE, &saved);
        if (r == STORE_E_FROM_FILE)
            return flow_body_from_file(session, request, response, record->namespace, record->id);
        if (r < 0)
            return trace(r);
        count += r == 0;
    }
    return query_count(response, count);
}

static int disable(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return set_disabled(session, request, response, true);
}

static int enable(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    return set_disabled(session, request, response, false);
}

/* --- import: creates or updates; the answer lists what failed --- */

/* Positive: it is no flow, or may not be stored. */
static int import_one(const WebSession *session, const char *source, size_t length)
{
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    FlowSaved saved;
    int r = flow_body_parse(session, source, length, &flow, NULL);
    return r == 0 ? flow_body_save(session, flow, FLOW_SAVE_PUT, &saved) : r;
}

/* Each document of a YAML file; failed ones by their indexes, or all by the name of the file. */
static int import_documents(const WebSession *session, const char *text, size_t length, const char *name,
                            json_t *failed)
{
    DocumentParts parts = {};
    int r = 0;
    bool named = false;
    document_split(text, length, &parts);
    for (size_t i = 0; r >= 0 && i < parts.count; i++) {
        trim(&parts.items[i]);
        r = import_one(session, parts.items[i].text, parts.items[i].length);
        if (r > 0 && !named)
            json_array_append_new(failed, name ? json_string(name) : json_sprintf("%zu", i));
        named = named || (r > 0 && name);
    }
    vec_free(&parts);
    return MIN(r, 0);
}

static bool is_yaml(const char *name)
{
    return ends_with(name, ".yaml") || ends_with(name, ".yml");
}

/* Every YAML file of the archive, in whatever directory. Positive: refused. */
static int import_archive(const WebSession *session, const MultipartPart *upload, json_t *failed, Diag *diag)
{
    _cleanup_archive_ Archive archive = ARCHIVE_INIT;
    int r = archive_open(upload->data, upload->length, &archive, diag);
    for (size_t i = 0; r == 0 && i < archive.entries.count; i++) {
        const ZipEntry *entry = &archive.entries.items[i];
        _cleanup_free_ char *text = NULL;
        if (!archive_is_file(entry) || !is_yaml(entry->name))
            continue;
        r = archive_read(&archive, entry, ARCHIVE_FLOW_BYTES_MAX, &text, diag);
        if (r == 0)
            r = import_documents(session, text, strlen(text), entry->name, failed);
    }
    return r;
}

static int import(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    MultipartParts uploads = {};
    if (multipart_parse(request, &uploads) != 0 || uploads.count == 0 || !uploads.items[0].file_name) {
        vec_free(&uploads);
        return http_reason(request, response, 400, "Required part [fileUpload] not specified");
    }
    MultipartPart upload = uploads.items[0];
    vec_free(&uploads);
    _cleanup_json_ json_t *failed = json_array();
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r;
    if (is_yaml(upload.file_name))
        r = import_documents(session, upload.data, upload.length, NULL, failed);
    else if (ends_with(upload.file_name, ".zip"))
        r = import_archive(session, &upload, failed, &diag);
    else
        return http_error(request, response, 422, "Illegal argument: Cannot import file of type %s",
                          strrchr(upload.file_name, '.') ? strrchr(upload.file_name, '.') + 1 : upload.file_name);
    if (r < 0)
        return trace(r);
    if (r > 0)
        return http_error(request, response, 422, "Illegal argument: %s: %s", upload.file_name, diag_first(&diag));
    return http_json(response, 200, TAKE_PTR(failed));
}

static const Parameter delete_parameters[] = {{"delete", PARAMETER_BOOLEAN}, {}};
static const Parameter query_parameters[] = {FLOW_PARAMETERS, {}};

#define FLOWS "/api/v1/flows"
#define WRITE PERMISSION_FLOW_WRITE
static const Route rows[] = {
    {HTTP_POST, FLOWS "/bulk", replace_all, WRITE, delete_parameters, "bulkUpdate", .large = true},
    {HTTP_POST, FLOWS "/{namespace}", replace_namespace, WRITE, delete_parameters, "updateNamespace", .large = true},
    {HTTP_GET, FLOWS "/export/by-query", export, PERMISSION_FLOW_READ, query_parameters, "exportByQuery", NULL,
     "application/octet-stream"},
    {HTTP_POST, FLOWS "/export/by-ids", export, PERMISSION_FLOW_READ, NULL, "exportByIds", NULL,
     "application/octet-stream"},
    {HTTP_DELETE, FLOWS "/delete/by-query", delete_many, WRITE, query_parameters, "deleteByQuery"},
    {HTTP_DELETE, FLOWS "/delete/by-ids", delete_many, WRITE, NULL, "deleteByIds"},
    {HTTP_POST, FLOWS "/disable/by-query", disable, WRITE, query_parameters, "disableByQuery"},
    {HTTP_POST, FLOWS "/disable/by-ids", disable, WRITE, NULL, "disableByIds"},
    {HTTP_POST, FLOWS "/enable/by-query", enable, WRITE, query_parameters, "enableByQuery"},
    {HTTP_POST, FLOWS "/enable/by-ids", enable, WRITE, NULL, "enableByIds"},
    {HTTP_POST, FLOWS "/import", import, WRITE, NULL, "importFlows", "multipart/form-data"},
};
const RouteTable routes_flows_bulk = ROUTE_TABLE("Flows", rows);
