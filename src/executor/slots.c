/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/slots.h"

#include "base/map.h"
#include "doc/json.h"
#include "model/event_kind.h"

/* Rows of a key never fire: their date lies beyond any timer's (year 3000). */
#define NEVER (UINT64_C(32503680000) * USEC_PER_SEC)

typedef struct Waiter {
    char execution_id[ID_BYTES];
    unsigned limit; /* of the flow revision that asked */
    usec_t date;
} Waiter;

typedef struct SlotKey {
    char *key;
    Map *holders;        /* execution id → the key itself (a set) */
    VEC(Waiter) waiters; /* by date */
} SlotKey;

struct Slots {
    Map *keys;
};

Slots *slots_new(void)
{
    Slots *slots = xnew(Slots);
    slots->keys = map_new();
    return slots;
}

static void key_free(void *value)
{
    SlotKey *key = value;
    map_destroy(key->holders, NULL);
    vec_free(&key->waiters);
    free(key->key);
    free(key);
}

Slots *slots_free(Slots *slots)
{
    if (!slots)
        return NULL;
    map_destroy(slots->keys, key_free);
    free(slots);
    return NULL;
}

bool slots_is_key(const char *key)
{
    return starts_with(key, SLOTS_PREFIX);
}

char *slots_key(const char *namespace, const char *flow_id)
{
    return xasprintf(SLOTS_PREFIX "%s.%s", namespace, flow_id);
}

static SlotKey *get_key(Slots *slots, const char *name)
{
    SlotKey *key = map_get(slots->keys, name);
    if (key)
        return key;
    key = xnew(SlotKey);
    key->key = xstrdup(name);
    key->holders = map_new();
    map_put(slots->keys, name, key);
    return key;
}

void slots_forget(Slots *slots, uint64_t shards)
{
    size_t position = 0;
    const char *name;
    void *value;
    while (map_next(slots->keys, &position, &name, &value))
        if ((shards >> shard_of(name)) & 1) {
            map_remove(slots->keys, name);
            key_free(value);
        }
}

/* --- rows --- */

static char *holder_name(const char *execution_id)
{
    return xasprintf("holds %s", execution_id);
}

static char *waiter_name(const Waiter *waiter)
{
    return xasprintf("waits %020" PRIu64 " %s", waiter->date, waiter->execution_id);
}

static void insert_waiter(SlotKey *key, Waiter waiter)
{
    vec_push(&key->waiters, waiter);
    for (size_t i = key->waiters.count - 1; i > 0 && key->waiters.items[i - 1].date > waiter.date; i--) {
        key->waiters.items[i] = key->waiters.items[i - 1];
        key->waiters.items[i - 1] = waiter;
    }
}

void slots_load(Slots *slots, const char *key_name, const char *name, const json_t *body)
{
    SlotKey *key = get_key(slots, key_name);
    const char *id = json_get_text(body, "executionId", "");
    if (starts_with(name, "holds "))
        map_put(key->holders, id, key);
    if (!starts_with(name, "waits "))
        return;
    Waiter waiter = {.limit = (unsigned)json_get_integer(body, "limit", 1),
                     .date = (usec_t)json_get_integer(body, "date", 0)};
    snprintf(waiter.execution_id, sizeof(waiter.execution_id), "%s", id);
    insert_waiter(key, waiter);
}

/* --- what happens --- */

static void answer(Unit *unit, const char *execution_id, const char *text)
{
    unit_send_event(unit, execution_id, event_kind_to_string(EVENT_SLOT_ANSWER), json_pack("{s:s}", "answer", text));
}

static void hold(SlotKey *key, Unit *unit, const char *execution_id)
{
    _cleanup_free_ char *name = holder_name(execution_id);
    map_put(key->holders, execution_id, key);
    unit_set_timer(unit, key->key, name, NEVER, json_pack("{s:s}", "executionId", execution_id));
}

static void wait(SlotKey *key, Unit *unit, const char *execution_id, unsigned limit, usec_t now)
{
    Waiter waiter = {.limit = limit, .date = now};
    snprintf(waiter.execution_id, sizeof(waiter.execution_id), "%s", execution_id);
    insert_waiter(key, waiter);
    _cleanup_free_ char *name = waiter_name(&waiter);
    unit_set_timer(
        unit, key->key, name, NEVER,
        json_pack("{s:s,s:i,s:I}", "executionId", execution_id, "limit", (int)limit, "date", (json_int_t)now));
}

static bool remove_waiter(SlotKey *key, Unit *unit, const char *execution_id)
{
    for (size_t i = 0; i < key->waiters.count; i++) {
        if (!streq(key->waiters.items[i].execution_id, execution_id))
            continue;
        _cleanup_free_ char *name = waiter_name(&key->waiters.items[i]);
        unit_clear_timer(unit, key->key, name);
        key->waiters.count--;
        memmove(&key->waiters.items[i], &key->waiters.items[i + 1], (key->waiters.count - i) * sizeof(Waiter));
        return true;
    }
    return false;
}

/* The first in line gets a slot as long as there are free ones. */
static void pop(SlotKey *key, Unit *unit)
{
    while (key->waiters.count && map_count(key->holders) < key->waiters.items[0].limit) {
        char id[ID_BYTES];
        memcpy(id, key->waiters.items[0].execution_id, sizeof(id));
        remove_waiter(key, unit, id);
        hold(key, unit, id);
        answer(unit, id, "granted");
    }
}

static void request(SlotKey *key, const json_t *body, const char *execution_id, usec_t now, Unit *unit)
{
    unsigned limit = (unsigned)MAX(json_get_integer(body, "limit", 1), (json_int_t)1);
    bool forced = json_get_boolean(body, "forced", false), waited = forced && remove_waiter(key, unit, execution_id);
    if (map_get(key->holders, execution_id))
        return;
    if (forced && !waited)
        return; /* it holds none and waits for none: it has ended */
    if (forced || (map_count(key->holders) < limit && !key->waiters.count)) {
        hold(key, unit, execution_id);
        answer(unit, execution_id, "granted");
    } else if (streq(json_get_text(body, "behavior", ""), "QUEUE")) {
        wait(key, unit, execution_id, limit, now);
        answer(unit, execution_id, "queued");
    } else {
        answer(unit, execution_id, "refused");
    }
}

static void release(SlotKey *key, const char *execution_id, Unit *unit)
{
    remove_waiter(key, unit, execution_id);
    if (map_remove(key->holders, execution_id)) {
        _cleanup_free_ char *name = holder_name(execution_id);
        unit_clear_timer(unit, key->key, name);
    }
    pop(key, unit);
}

int slots_apply(Slots *slots, const QueueEvent *event, usec_t now, Unit *unit, Diag *diag)
{
    EventKind kind = event_kind_from_string(event->kind);
    const char *execution_id = json_get_text(event->body, "executionId", NULL);
    if (!execution_id || strlen(execution_id) >= ID_BYTES ||
        (kind != EVENT_SLOT_REQUEST && kind != EVENT_SLOT_RELEASE)) {
        diag_error(diag, NULL, 0, 0, "slots are asked for or given back for an execution");
        return SLOTS_E_INVALID;
    }
    SlotKey *key = get_key(slots, event->key);
    if (kind == EVENT_SLOT_REQUEST)
        request(key, event->body, execution_id, now, unit);
    else
        release(key, execution_id, unit);
    if (!map_count(key->holders) && !key->waiters.count) {
        map_remove(slots->keys, key->key);
        key_free(key);
    }
    return 0;
}
