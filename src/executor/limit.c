/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The execution's side of a concurrency limit: it asks before it begins, takes the answer, gives the slot back when it
 * ends in whatever way. `internal.slot` says that it has asked.
 */
#include "executor/live.h"
#include "executor/slots.h"

#include "doc/json.h"

static const char *const behaviors[] = {
    [CONCURRENCY_QUEUE] = "QUEUE", [CONCURRENCY_CANCEL] = "CANCEL", [CONCURRENCY_FAIL] = "FAIL"};

static void send(Step *step, const Live *live, EventKind kind, json_t *body)
{
    const Execution *execution = live->execution;
    _cleanup_free_ char *key = slots_key(execution->namespace, execution->flow_id);
    json_set_text(body, "executionId", execution->id);
    unit_send_event(step->unit, key, event_kind_to_string(kind), body);
}

static bool has_asked(const Live *live)
{
    return json_object_get(live->execution->internal, "slot") != NULL;
}

static void set_asked(Live *live, bool asked)
{
    Execution *execution = live->execution;
    if (!execution->internal)
        execution->internal = json_object();
    json_set_present(execution->internal, "slot", asked ? json_true() : NULL);
    execution->dirty = true;
}

bool limit_ask(Step *step, Live *live)
{
    const Flow *flow = live->execution->flow;
    if (!flow->concurrency_limit || has_asked(live))
        return false;
    set_asked(live, true);
    send(step, live, EVENT_SLOT_REQUEST,
         json_pack("{s:i,s:s}", "limit", (int)flow->concurrency_limit, "behavior",
                   behaviors[flow->concurrency_behavior]));
    return true;
}

void limit_force(Step *step, Live *live)
{
    if (has_asked(live))
        send(step, live, EVENT_SLOT_REQUEST, json_pack("{s:b}", "forced", 1));
}

void limit_release(Step *step, Live *live)
{
    if (!has_asked(live))
        return;
    set_asked(live, false);
    send(step, live, EVENT_SLOT_RELEASE, json_object());
}

/* Not granted and not queued: what the flow says about executions beyond its limit. */
static void refused(Step *step, Live *live)
{
    bool fails = live->execution->flow->concurrency_behavior == CONCURRENCY_FAIL;
    change_log(step, live, NULL, fails ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
               "Flow is %s due to concurrency limit exceeded", fails ? "FAILED" : "CANCELLED");
    set_asked(live, false); /* there is nothing to give back */
    end_at_once(step, live, fails ? STATE_FAILED : STATE_CANCELLED);
}

int act_slot_answer(Step *step, Live *live, const json_t *body)
{
    const char *answer = json_get_text(body, "answer", "");
    if (streq(answer, "granted")) {
        act_start(step, live);
        return 0;
    }
    if (streq(answer, "queued"))
        change_execution(step, live, STATE_QUEUED);
    else
        refused(step, live);
    return 0;
}
