/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/windows.h"

#include "base/map.h"
#include "doc/json.h"
#include "model/event_kind.h"

struct Windows {
    Map *keys; /* → object: condition → {start, end, made} */
};

Windows *windows_new(void)
{
    Windows *windows = xnew(Windows);
    windows->keys = map_new();
    return windows;
}

static void rows_free(void *value)
{
    json_decref(value);
}

Windows *windows_free(Windows *windows)
{
    if (!windows)
        return NULL;
    map_destroy(windows->keys, rows_free);
    free(windows);
    return NULL;
}

bool windows_is_key(const char *key)
{
    return starts_with(key, WINDOWS_PREFIX);
}

char *windows_key(const char *namespace, const char *flow_id, const char *trigger_id)
{
    return xasprintf(WINDOWS_PREFIX "%s.%s.%s", namespace, flow_id, trigger_id);
}

static json_t *get_rows(Windows *windows, const char *key)
{
    json_t *rows = map_get(windows->keys, key);
    if (!rows) {
        rows = json_object();
        map_put(windows->keys, key, rows);
    }
    return rows;
}

static void drop_empty(Windows *windows, const char *key)
{
    json_t *rows = map_get(windows->keys, key);
    if (rows && !json_object_size(rows)) {
        map_remove(windows->keys, key);
        json_decref(rows);
    }
}

void windows_load(Windows *windows, const char *key, const char *name, const json_t *body)
{
    if (json_is_object(body))
        json_object_set_new(get_rows(windows, key), name, json_deep_copy(body));
}

void windows_forget(Windows *windows, uint64_t shards)
{
    size_t position = 0;
    const char *name;
    void *value;
    while (map_next(windows->keys, &position, &name, &value))
        if ((shards >> shard_of(name)) & 1) {
            map_remove(windows->keys, name);
            json_decref(value);
        }
}

void windows_expire(Windows *windows, const char *key, const char *name, Unit *unit)
{
    json_t *rows = map_get(windows->keys, key);
    if (rows)
        json_object_del(rows, name);
    unit_clear_timer(unit, key, name);
    drop_empty(windows, key);
}

/* --- what happens --- */

typedef struct Applying {
    const char *key;
    json_t *rows;
    usec_t date; /* of the change of state */
    Unit *unit;
    WindowTimer timer;
    void *userdata;
} Applying;

static void remove_row(const Applying *applying, const char *name)
{
    if (json_object_del(applying->rows, name) != 0)
        return;
    unit_clear_timer(applying->unit, applying->key, name);
    applying->timer(applying->userdata, applying->key, name, 0);
}

/* Whether the moment lies in it. */
static bool is_open(const json_t *window, usec_t date)
{
    return (usec_t)json_get_integer(window, "start", 0) <= date && date < (usec_t)json_get_integer(window, "end", 0);
}

/* The window that is open at the moment: the kept one, or the one that would begin now. NULL: none is. */
static json_t *open_row(const Applying *applying, const json_t *window)
{
    const char *name = json_get_text(window, "id", "");
    json_t *row = json_object_get(applying->rows, name);
    if (row && (usec_t)json_get_integer(row, "end", 0) <= applying->date) {
        remove_row(applying, name);
        row = NULL;
    }
    if (row)
        return is_open(row, applying->date) ? row : NULL;
    if (!is_open(window, applying->date))
        return NULL;
    row = json_pack("{s:O,s:O,s:{}}", "start", json_object_get(window, "start"), "end", json_object_get(window, "end"),
                    "made");
    json_object_set_new(applying->rows, name, row);
    return row;
}

/* Whether everything it wants has come true now. */
static bool take_in(const Applying *applying, const json_t *window)
{
    json_t *row = open_row(applying, window);
    if (!row)
        return false;
    json_t *made = json_object_get(row, "made");
    size_t i, before = json_object_size(made);
    const json_t *name;
    json_array_foreach (json_object_get(window, "made"), i, name)
        json_object_set_new(made, json_string_value(name), json_true());
    const char *id = json_get_text(window, "id", "");
    usec_t end = (usec_t)json_get_integer(row, "end", 0);
    if (!before && !json_object_size(made)) {
        json_object_del(applying->rows, id); /* nothing to keep */
        return false;
    }
    if (json_object_size(made) > before) {
        unit_set_timer(applying->unit, applying->key, id, end, json_deep_copy(row));
        applying->timer(applying->userdata, applying->key, id, end);
    }
    json_array_foreach (json_object_get(window, "wanted"), i, name)
        if (!json_object_get(made, json_string_value(name)))
            return false;
    return true;
}

static void fire(const Applying *applying, const json_t *windows, const Execution *execution)
{
    if (execution)
        unit_create_execution(applying->unit, execution, applying->date);
    size_t i;
    const json_t *window;
    json_array_foreach (windows, i, window)
        if (json_get_boolean(window, "reset", true))
            remove_row(applying, json_get_text(window, "id", ""));
}

int windows_apply(Windows *windows, const QueueEvent *event, Unit *unit, WindowTimer timer, void *userdata, Diag *diag)
{
    const json_t *list = json_object_get(event->body, "windows"), *encoded = json_object_get(event->body, "execution");
    _cleanup_(execution_freep) Execution *execution = NULL;
    if (event_kind_from_string(event->kind) != EVENT_TRIGGER_WINDOW || !json_array_size(list)) {
        diag_error(diag, NULL, 0, 0, "a window is told what came true");
        return WINDOWS_E_INVALID;
    }
    if (encoded && execution_decode(encoded, &execution, diag) != 0)
        return WINDOWS_E_INVALID;
    const Applying applying = {.key = event->key,
                               .rows = get_rows(windows, event->key),
                               .date = (usec_t)json_get_integer(event->body, "date", 0),
                               .unit = unit,
                               .timer = timer,
                               .userdata = userdata};
    bool all = true;
    size_t i;
    const json_t *window;
    json_array_foreach (list, i, window)
        if (!take_in(&applying, window))
            all = false;
    if (all)
        fire(&applying, list, execution);
    drop_empty(windows, event->key);
    return 0;
}
