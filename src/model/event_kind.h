/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is said to the owner of an execution. Every sender (webserver, scheduler, worker, executor) and the one reader
 * use these names; a new kind is one row here and one row in executor/transitions.c. The key of an event is the
 * execution's id. Bodies are objects; members marked ? may be absent.
 *
 *   CREATED        {execution}: sent by unit_create_execution
 *   TASK_RUN       {taskRunId, attempt (from 0), state, startDate?, endDate?, outputs?, logFile?,
 *                  parentOutputs?: of the WorkingDirectory whose last task it was}: from the worker.
 *                  notes?: for the executor alone, kept with the flowable around the task.
 *                  State RUNNING once for a job that does not end at once, then the final one. A final one that comes
 *                  without an earlier RUNNING brings startDate, and the executor records both.
 *   KILL           {cascade?}
 *   KILL_TREE      {cascade: true}: the same to what an execution that is killed has started; fetched before all others
 *   RESTART        {revision?}
 *   RESUME         {inputs?}: the value of onResume, already resolved
 *   PAUSE          {}
 *   CHANGE_STATUS  {state}
 *   MARK_AS        {taskRunId, state}
 *   FORCE_RUN      {}
 *   UNQUEUE        {}
 *   LABELS         {labels: [{key, value}]}: replaces those with the same key
 *   FOLLOW         {instance}: that webserver is rung when the execution changes
 *   DELETE         {logs, metrics, storage?}: its files too, by a job for a worker
 *   CHILD_END      {taskRunId, executionId, startedAs, state, outputs?, iteration?, round?}: a subflow ended (or the
 *                  execution that followed it as a retry); the last two when it is one of many of a ForEachItem
 *   TIMER          {name, taskRunId?}: due timers; never sent, made by the owner from its heap
 *   SLOT_REQUEST   {executionId, flow {namespace, id, revision}, limit, behavior}: to key "slots:<namespace>.<flow>"
 *   SLOT_RELEASE   {executionId}: to the same key
 *   SLOT_ANSWER    {answer: granted | queued | refused}: back to the execution
 *   TRIGGER_WINDOW {windows: of flow_trigger_windows(), date (µs), execution?: to create when all has come true}: to
 * key "window:<namespace>.<flow>.<trigger>"
 */
#define EVENT_KILL_TREE_KIND "kill-tree" /* a macro for the statement that fetches it (queue/queue_pg_fetch.c) */
#define EVENT_KIND_LIST(X)                                                                                             \
    X(CREATED, "created")                                                                                              \
    X(TASK_RUN, "task_run")                                                                                            \
    X(KILL, "kill")                                                                                                    \
    X(KILL_TREE, EVENT_KILL_TREE_KIND)                                                                                 \
    X(RESTART, "restart")                                                                                              \
    X(RESUME, "resume")                                                                                                \
    X(PAUSE, "pause")                                                                                                  \
    X(CHANGE_STATUS, "change-status")                                                                                  \
    X(MARK_AS, "mark-as")                                                                                              \
    X(FORCE_RUN, "force-run")                                                                                          \
    X(UNQUEUE, "unqueue")                                                                                              \
    X(LABELS, "labels")                                                                                                \
    X(FOLLOW, "follow")                                                                                                \
    X(DELETE, "delete")                                                                                                \
    X(CHILD_END, "child-end")                                                                                          \
    X(TIMER, "timer")                                                                                                  \
    X(SLOT_REQUEST, "slot-request")                                                                                    \
    X(SLOT_RELEASE, "slot-release")                                                                                    \
    X(SLOT_ANSWER, "slot-answer")                                                                                      \
    X(TRIGGER_WINDOW, "trigger-window")

#define EVENT_KIND_ENUM(name, text) EVENT_##name,
typedef enum EventKind { EVENT_KIND_LIST(EVENT_KIND_ENUM) _EVENT_KIND_MAX, _EVENT_KIND_INVALID = -1 } EventKind;
#undef EVENT_KIND_ENUM

const char *event_kind_to_string(EventKind kind);
/* _EVENT_KIND_INVALID for anything else. */
EventKind event_kind_from_string(const char *text);
