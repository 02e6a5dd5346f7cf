/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States and their histories. The predicates come out of STATE_LIST, so that a new state is one line there. A trail
 * never goes back in time: machines disagree about the clock, and a client that subtracts two entries must not see a
 * negative duration.
 */
#include "model/state.h"

#include "doc/json.h"

enum {
    STATE_E_INVALID = 1,
};

static const struct {
    const char *name;
    bool created, running, terminated;
} states[_STATE_MAX] = {
#define STATE_ROW(name, created, running, terminated) [STATE_##name] = {#name, created, running, terminated},
    STATE_LIST(STATE_ROW)
#undef STATE_ROW
};

static bool state_is_valid(State state)
{
    return state >= 0 && state < _STATE_MAX;
}

const char *state_to_string(State state)
{
    return state_is_valid(state) ? states[state].name : "INVALID";
}

State state_from_string(const char *text)
{
    if (!text)
        return _STATE_INVALID;
    for (State state = 0; state < _STATE_MAX; state++)
        if (streq(states[state].name, text))
            return state;
    return _STATE_INVALID;
}

bool state_is_created(State state)
{
    return state_is_valid(state) && states[state].created;
}

bool state_is_running(State state)
{
    return state_is_valid(state) && states[state].running;
}

bool state_is_terminated(State state)
{
    return state_is_valid(state) && states[state].terminated;
}

void state_trail_init(StateTrail *trail, State state, usec_t now)
{
    *trail = (StateTrail){};
    vec_push(&trail->histories, (StateEntry){.state = state, .date = now});
}

void state_trail_done(StateTrail *trail)
{
    vec_free(&trail->histories);
}

void state_trail_copy(StateTrail *to, const StateTrail *from)
{
    *to = (StateTrail){};
    for (size_t i = 0; i < from->histories.count; i++)
        vec_push(&to->histories, from->histories.items[i]);
}

static const StateEntry *trail_last(const StateTrail *trail)
{
    return &trail->histories.items[trail->histories.count - 1];
}

State state_current(const StateTrail *trail)
{
    return trail->histories.count ? trail_last(trail)->state : _STATE_INVALID;
}

void state_set(StateTrail *trail, State state, usec_t now)
{
    if (!trail->histories.count) {
        state_trail_init(trail, state, now);
        return;
    }
    const StateEntry *last = trail_last(trail);
    if (last->state == state)
        return;
    usec_t date = MAX(now, last->date); /* before the list grows and moves */
    vec_push(&trail->histories, (StateEntry){.state = state, .date = date});
}

usec_t state_start_date(const StateTrail *trail)
{
    return trail->histories.count ? trail->histories.items[0].date : 0;
}

usec_t state_end_date(const StateTrail *trail)
{
    State current = state_current(trail);
    return state_is_terminated(current) || current == STATE_PAUSED ? trail_last(trail)->date : 0;
}

bool state_has_been(const StateTrail *trail, State state)
{
    for (size_t i = 0; i < trail->histories.count; i++)
        if (trail->histories.items[i].state == state)
            return true;
    return false;
}

static json_t *encode_instant(usec_t instant)
{
    char text[INSTANT_BYTES];
    instant_format(instant, text);
    return json_string(text);
}

json_t *state_encode(const StateTrail *trail, usec_t now)
{
    json_t *histories = json_array();
    for (size_t i = 0; i < trail->histories.count; i++) {
        const StateEntry *entry = &trail->histories.items[i];
        json_t *object = json_object();
        json_object_set_new_nocheck(object, "state", json_string(state_to_string(entry->state)));
        json_object_set_new_nocheck(object, "date", encode_instant(entry->date));
        json_array_append_new(histories, object);
    }
    usec_t start = state_start_date(trail);
    usec_t until = trail->histories.count > 1 ? trail_last(trail)->date : now;
    char duration[DURATION_BYTES];
    /* as milliseconds on both sides, so that the duration is the difference of the dates that the client sees */
    duration_format(until > start ? (until / USEC_PER_MSEC - start / USEC_PER_MSEC) * USEC_PER_MSEC : 0, duration);

    json_t *state = json_object();
    json_object_set_new_nocheck(state, "current", json_string(state_to_string(state_current(trail))));
    json_object_set_new_nocheck(state, "histories", histories);
    json_object_set_new_nocheck(state, "duration", json_string(duration));
    if (state_end_date(trail))
        json_object_set_new_nocheck(state, "endDate", encode_instant(state_end_date(trail)));
    json_object_set_new_nocheck(state, "startDate", encode_instant(start));
    return state;
}

int state_decode(const json_t *value, StateTrail *ret)
{
    StateTrail trail = {};
    size_t index;
    json_t *entry;
    json_array_foreach (json_object_get(value, "histories"), index, entry) {
        State state = state_from_string(json_get_text(entry, "state", NULL));
        usec_t date;
        if (state < 0 || instant_parse(json_get_text(entry, "date", ""), &date) != 0) {
            state_trail_done(&trail);
            return STATE_E_INVALID;
        }
        /* not state_set: a stored history is kept as it is, repeated states included */
        vec_push(&trail.histories, (StateEntry){.state = state, .date = date});
    }
    if (!trail.histories.count || state_from_string(json_get_text(value, "current", NULL)) != state_current(&trail)) {
        state_trail_done(&trail);
        return STATE_E_INVALID;
    }
    *ret = trail;
    return 0;
}
