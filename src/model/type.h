/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a task, trigger, condition or task-runner type is: one const descriptor, at the end of one file in
 * src/plugin/. Out of the field table come validation, JSON Schema and the plugin's documentation page.
 */
#include "doc/field.h"

typedef enum TypeKind {
    TYPE_TASK,
    TYPE_TRIGGER,
    TYPE_CONDITION,
    TYPE_TASK_RUNNER,
} TypeKind;

/* Kestra's checks of a flow use what may not be there, and then say only this; the reason follows in parentheses. */
#define TYPE_CHECK_THROWS "Unable to validate the flow: HV000028: Unexpected exception during isValid call. "

/* Where and how a task runs. */
typedef enum TypeWhere {
    RUN_NOWHERE,  /* triggers that no worker evaluates, conditions, task runners */
    RUN_INLINE,   /* runnable, pure and instant: in the worker's own process */
    RUN_CHILD,    /* runnable, may block: in a kestra-run child */
    RUN_WAIT,     /* runnable: nothing but time passes (Sleep); the worker keeps a timer */
    RUN_PROCESS,  /* runnable: a script, spawned by the worker in its own process group / cgroup */
    RUN_FLOWABLE, /* its children are created by the executor */
    RUN_EXECUTOR, /* carried out by the executor itself (Subflow, Pause, Labels, …) */
} TypeWhere;

/* How a flowable's tasks are drawn (spec/api.md 6.9, FlowGraph). */
typedef enum TypeShape {
    SHAPE_SEQUENCE,
    SHAPE_PARALLEL,
    SHAPE_DAG,
    SHAPE_CHOICE, /* branches: `then` and `else`, or cases */
    SHAPE_LOOP,   /* one after another for each value */
    SHAPE_LOOP_PARALLEL,
    _SHAPE_MAX,
} TypeShape;

struct RunContext;       /* plugin/run.h */
struct ScriptContext;    /* plugin/run.h */
struct FlowableContext;  /* plugin/flowable.h */
struct FlowablePlan;     /* plugin/flowable.h */
struct ConditionContext; /* plugin/condition.h */
struct FlowableRepeat;   /* plugin/flowable.h */
struct ExecutorAction;   /* plugin/flowable.h */
struct Task;
struct Type;

/* A task that another brings with it. */
typedef struct TypePart {
    const char *suffix;      /* its id: that of the other, and this */
    const struct Type *type; /* stands in no registry: it cannot be written in a flow */
} TypePart;

typedef struct Type {
    const char *name;           /* "io.kestra.plugin.core.log.Log" */
    const char *const *aliases; /* older names; ends with NULL; may be NULL */
    TypeKind kind;
    TypeWhere where;
    const char *title;           /* one line */
    const char *doc;             /* Markdown; may be NULL */
    const char *const *examples; /* YAML, ends with NULL; may be NULL */
    bool deprecated;
    const Field *fields;  /* own properties; the common ones are added by the model */
    const Field *outputs; /* may be NULL: no outputs */
    const void *row;      /* a type of a family: what the family's function needs to know of it; otherwise NULL */
    /* Cross-field checks after field_check; may be NULL. path: "tasks[0]". */
    void (*check)(const FieldCheck *check, const json_t *properties, const char *path);
    /* RUN_INLINE, RUN_CHILD: one attempt; see plugin/run.h for outcomes. Of a polling trigger: one evaluation. */
    int (*run)(struct RunContext *context);
    /* RUN_INLINE instead of run: the task that runs in its place (job_task_new); new. May be NULL. */
    int (*become)(struct RunContext *context, struct Task **ret);
    /* RUN_PROCESS: gives the command to spawn. */
    int (*prepare)(struct RunContext *context, struct ScriptContext *ret);
    /* RUN_WAIT: how long; outcomes as run. */
    int (*wait)(struct RunContext *context, usec_t *ret_delay);
    /* RUN_FLOWABLE: tasks that it runs besides those written in it; ends with {}; may be NULL. Each gets those
     * properties of its owner that its own field table names. */
    const TypePart *parts;
    bool shares_directory; /* RUN_FLOWABLE: all its tasks run in one working directory of one host */
    /* RUN_FLOWABLE: what children, in which order; pure. */
    int (*open)(struct FlowableContext *context, struct FlowablePlan *ret);
    /* TYPE_CONDITION: whether it is true; see plugin/condition.h. */
    int (*holds)(const struct ConditionContext *context, const json_t *condition, bool *ret, Diag *diag);
    TypeShape shape;   /* RUN_FLOWABLE */
    bool starts_flow;  /* TYPE_TASK: `namespace` and `flowId` name the flow of which it starts executions */
    bool follows_flow; /* TYPE_TRIGGER: starts when executions of other flows change state */
    bool by_flow;      /* TYPE_CONDITION: about the namespace and flow of the execution alone */
    bool by_date; /* TYPE_CONDITION: about the slot's date alone, so that schedules look ahead for slots where it is
                     true */
    /* RUN_FLOWABLE: all children have ended well: again? May be NULL: no. */
    int (*repeat)(struct FlowableContext *context, struct FlowableRepeat *ret);
    bool for_each_item; /* RUN_EXECUTOR: done once for each piece of its owner's items (executor/items.c) */
    /* RUN_EXECUTOR: what the executor is to do. */
    int (*carry_out)(struct FlowableContext *context, struct ExecutorAction *ret);
} Type;

/* All types; made of src/plugin/list.h. The model gets it passed in because plugins stand above it. */
typedef struct TypeRegistry {
    const Type *const *types;
    size_t count;
} TypeRegistry;
/* By name or alias; NULL when unknown. ret_is_alias may be NULL. */
const Type *type_find(const TypeRegistry *registry, TypeKind kind, const char *name, bool *ret_is_alias);
/* Whether it is a trigger that workers evaluate at intervals. type may be NULL. */
bool type_is_polling(const Type *type);
/* A task or a part of one; NULL when unknown. */
const Type *type_find_runnable(const TypeRegistry *registry, const char *name);

/* Properties of every task / trigger (spec/api.md 6.6, spec/semantics.md 3.1). */
extern const Field fields_of_every_task[];
extern const Field fields_of_every_trigger[];
