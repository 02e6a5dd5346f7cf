/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that were set aside: an addition to Kestra's API, for the UI and `kestractl poison`. */
#include "store/poison_store.h"
#include "web/routes/query.h"
#include "web/routes/routes.h"

static int search(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const PoisonQuery query = {.execution_id = http_query(request, "executionId"),
                               .queue = http_query(request, "queue"),
                               .paging = query_paging(request)};
    _cleanup_page_ StorePage page = {};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = store_poison_search(session->pg, &query, &page, &diag);
    return r != 0 ? query_refused(request, response, r, &diag) : query_page(response, &page);
}

static int get(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_free_ char *json = NULL;
    int r = store_poison_get(session->pg, http_parameter(request, "id"), &json);
    if (r != 0)
        return r == STORE_E_NONE ? http_not_found(request, response) : fold(r);
    return http_text(response, 200, "application/json", json);
}

typedef struct Ids {
    json_t *list; /* owns the texts */
    VEC(const char *) items;
} Ids;

static void ids_done(Ids *ids)
{
    vec_free(&ids->items);
    json_decref(ids->list);
}

/* The body's list of ids. False: answered. */
static bool read_ids(const HttpRequest *request, HttpResponse *response, Ids *ret)
{
    size_t i;
    const json_t *id;
    if (!query_body(request, response, &ret->list))
        return false;
    json_array_foreach (ret->list, i, id) {
        if (!json_is_string(id))
            break;
        vec_push(&ret->items, json_string_value(id));
    }
    if (json_is_array(ret->list) && ret->items.count == json_array_size(ret->list))
        return true;
    http_error(request, response, 422, "Invalid json mapping: the body is not a list of ids");
    return false;
}

static int replay_all(WebSession *session, const char *const *ids, size_t count, const char *body, uint64_t *ret_count)
{
    int r = store_poison_replay(session->pg, ids, count, body, ret_count);
    if (r == 0 && *ret_count > 0)
        queue_pg_tell_readers(session->queue);
    return r;
}

static int replay(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *id = http_parameter(request, "id");
    uint64_t count = 0;
    int r = replay_all(session, &id, 1, request->body_length ? request->body : NULL, &count);
    if (r < 0)
        return trace(r);
    return count ? http_empty(response, 204) : http_not_found(request, response);
}

static int discard(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *id = http_parameter(request, "id");
    uint64_t count = 0;
    int r = store_poison_discard(session->pg, &id, 1, &count);
    if (r < 0)
        return trace(r);
    return count ? http_empty(response, 204) : http_not_found(request, response);
}

static int replay_by_ids(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(ids_done) Ids ids = {};
    uint64_t count = 0;
    if (!read_ids(request, response, &ids))
        return 0;
    int r = replay_all(session, ids.items.items, ids.items.count, NULL, &count);
    return r < 0 ? trace(r) : query_count(response, count);
}

static int discard_by_ids(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    _cleanup_(ids_done) Ids ids = {};
    uint64_t count = 0;
    if (!read_ids(request, response, &ids))
        return 0;
    int r = store_poison_discard(session->pg, ids.items.items, ids.items.count, &count);
    return r < 0 ? trace(r) : query_count(response, count);
}

static const Parameter search_parameters[] = {
    PAGE_PARAMETERS, {"executionId", PARAMETER_TEXT}, {"queue", PARAMETER_TEXT}, {}};

#define POISON "/api/v1/poison"
static const Route rows[] = {
    {HTTP_GET, POISON, search, PERMISSION_EXECUTION_READ, search_parameters, "findPoison"},
    {HTTP_GET, POISON "/{id}", get, PERMISSION_EXECUTION_READ, NULL, "getPoison"},
    {HTTP_POST, POISON "/{id}/replay", replay, PERMISSION_EXECUTION_WRITE, NULL, "replayPoison"},
    {HTTP_DELETE, POISON "/{id}", discard, PERMISSION_EXECUTION_WRITE, NULL, "discardPoison"},
    {HTTP_POST, POISON "/replay/by-ids", replay_by_ids, PERMISSION_EXECUTION_WRITE, NULL, "replayPoisonByIds"},
    {HTTP_DELETE, POISON "/by-ids", discard_by_ids, PERMISSION_EXECUTION_WRITE, NULL, "discardPoisonByIds"},
};
const RouteTable routes_poison = ROUTE_TABLE("Messages set aside", rows);
