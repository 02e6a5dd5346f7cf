/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which event does what in which state of the execution. Complete: an event that has no row for a state is stale there,
 * and is forgotten with a line in the journal. Order does not matter: (event, state) is unique.
 */
#include "executor/live.h"

#define IN(state)    (UINT32_C(1) << STATE_##state)
#define CREATED_ONES (IN(CREATED) | IN(RESTARTED))
#define AT_WORK      (IN(RUNNING) | IN(PAUSED) | IN(RETRYING) | IN(RESTARTED))
#define ENDED        (IN(SUCCESS) | IN(WARNING) | IN(FAILED) | IN(KILLED) | IN(CANCELLED) | IN(RETRIED) | IN(SKIPPED))
#define ANY          (ENDED | AT_WORK | CREATED_ONES | IN(QUEUED) | IN(KILLING))

const Transition transitions[] = {
    {EVENT_CREATED, CREATED_ONES, act_begin, "waits for its date or its slot, or begins: RUNNING"},
    {EVENT_TASK_RUN, AT_WORK | IN(KILLING), result_apply, "the task run goes on; what follows it begins"},
    {EVENT_CHILD_END, AT_WORK | IN(KILLING), act_child_end, "the Subflow task ends with the child's state"},
    {EVENT_TIMER, ANY, act_timer, "a retry, a pause, a date is due"},
    {EVENT_KILL, AT_WORK | IN(CREATED) | IN(QUEUED), act_kill, "KILLING until all that runs has ended, then KILLED"},
    {EVENT_KILL, IN(RETRIED), act_kill_retried, "the execution that follows is killed, or none follows"},
    {EVENT_KILL_TREE, AT_WORK | IN(CREATED) | IN(QUEUED), act_kill, "as by KILL"},
    {EVENT_KILL_TREE, IN(RETRIED), act_kill_retried, "as by KILL"},
    {EVENT_KILL_TREE, ENDED & ~IN(RETRIED), act_kill_ended, "what it has started is killed"},
    {EVENT_RESTART, ENDED | IN(PAUSED), act_restart, "RESTARTED, RUNNING: what FAILED or is PAUSED runs again"},
    {EVENT_RESUME, IN(PAUSED), act_resume, "RESTARTED, RUNNING: the first PAUSED task run goes on"},
    {EVENT_PAUSE, IN(RUNNING), act_pause, "PAUSED: what runs may end, nothing begins"},
    {EVENT_CHANGE_STATUS, ENDED, act_change_status, "another final state"},
    {EVENT_MARK_AS, ENDED | AT_WORK, act_mark_as, "the task run has that state; the flow goes on from there"},
    {EVENT_FORCE_RUN, AT_WORK | IN(CREATED) | IN(QUEUED), act_force_run, "RUNNING, whatever it waited for"},
    {EVENT_UNQUEUE, IN(QUEUED), act_unqueue, "RUNNING without waiting for a slot"},
    {EVENT_SLOT_ANSWER, CREATED_ONES | IN(QUEUED), act_slot_answer,
     "RUNNING, QUEUED, or the flow's behaviour beyond its limit"},
    {EVENT_LABELS, ANY, act_labels, "new labels"},
    {EVENT_FOLLOW, ANY, act_follow, "followers are told once more"},
    {EVENT_DELETE, ANY, act_delete, "the execution goes with all that belongs to it"},
};
const size_t transition_count = ELEMENTS(transitions);
