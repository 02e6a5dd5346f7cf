/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A flow as it is run: parsed from its source, checked, its expressions compiled. Read-only after parsing,
 * reference-counted and shared; everything that changes is in Execution.
 */
#include "doc/conf.h"
#include "expr/expr.h"
#include "model/state.h"
#include "model/type.h"

enum {
    FLOW_E_INVALID = 1, /* the Diag lists every error */
};

typedef struct Task Task;
typedef struct Flow Flow;

typedef struct TaskList {
    Task **items;
    size_t count;
} TaskList;

typedef enum RetryType { RETRY_CONSTANT, RETRY_EXPONENTIAL, RETRY_RANDOM } RetryType;
typedef enum RetryBehavior { RETRY_FAILED_TASK, RETRY_CREATE_NEW_EXECUTION } RetryBehavior;
typedef struct Retry {
    RetryType type;
    RetryBehavior behavior;
    usec_t interval_usec, interval_max_usec; /* random: minimum and maximum */
    double delay_factor;                     /* exponential; 0: not given */
    unsigned attempts_max;                   /* 0: no bound */
    usec_t duration_max_usec;                /* 0: no bound */
    bool warning_on_retry;
} Retry;

/* A named list of child tasks: Switch cases. */
typedef struct TaskCase {
    const char *name;
    TaskList tasks;
} TaskCase;

/* One node of a Dag. */
typedef struct TaskDependency {
    Task *task;
    const char *const *depends_on; /* ends with NULL */
} TaskDependency;

struct Task {
    const char *id;
    const char *type_name; /* as written (an alias stays) */
    const Type *type;
    Task *parent;        /* NULL at flow level */
    const Flow *flow;    /* borrowed */
    json_t *properties;  /* the whole object with pluginDefaults merged in; owned */
    ExprTree *templates; /* `properties` compiled; owned */
    bool disabled, allow_failure, allow_warning, log_to_file;
    bool in_errors;        /* stands inside an `errors` (or `finally`) list, at any depth */
    const char *log_level; /* minimum level kept, or NULL */
    Retry *retry;          /* or NULL */
    TaskList tasks;        /* `tasks`; If: `then`; Switch: empty; Dag: the nodes' tasks */
    TaskList otherwise;    /* If: `else`; Switch: `defaults` */
    TaskList errors, finally;
    TaskCase *cases; /* Switch */
    size_t case_count;
    TaskDependency *dependencies; /* Dag */
    size_t dependency_count;
    unsigned line, column; /* in the flow's source */
};

typedef struct Trigger {
    const char *id, *type_name;
    const Type *type;
    json_t *properties; /* pluginDefaults merged in */
    ExprTree *templates;
    bool disabled;
} Trigger;

typedef struct FlowOutput {
    const char *id, *type;
    ExprTree *value;
} FlowOutput;

typedef enum ConcurrencyBehavior { CONCURRENCY_QUEUE, CONCURRENCY_CANCEL, CONCURRENCY_FAIL } ConcurrencyBehavior;

struct Flow {
    unsigned references; /* private */
    const char *id, *namespace;
    int revision; /* 0: not stored yet */
    bool disabled, deleted;
    char *source;       /* byte for byte */
    json_t *definition; /* as the API shows it: the source's object without defaults, labels as list; owned */
    json_t *effective;  /* with pluginDefaults injected; owned */
    json_t *labels;     /* [{key,value}], without system.* ones */
    json_t *variables;  /* object or NULL */
    json_t *inputs;     /* list or NULL: model/input.h works on it */
    TaskList tasks, errors, finally, after_execution;
    Trigger *triggers;
    size_t trigger_count;
    FlowOutput *outputs;
    size_t output_count;
    Retry *retry;
    unsigned concurrency_limit; /* 0: none */
    ConcurrencyBehavior concurrency_behavior;
    json_t *sla;             /* list or NULL */
    struct Map *tasks_by_id; /* every task at any depth; private: flow_task() */
    struct Arena *arena;     /* private: holds texts, tasks and lists */
};

typedef struct FlowParse {
    const TypeRegistry *registry;
    const json_t *plugin_defaults;  /* global ones of kestra.yaml: list of {type, forced, values}; may be NULL */
    const char *namespace_required; /* NULL, or the namespace the flow must be in */
    int revision;
    bool lenient;          /* stored flows: unknown types and properties do not fail; such a task fails when it runs */
    bool skip_expressions; /* do not compile (listing, search) */
} FlowParse;

/*
 * Parses and checks one flow. All problems go to diag, with paths like `tasks[0].message` and positions; syntax
 * errors of expressions and use of deprecated names are warnings. FLOW_E_INVALID when there was any error.
 */
int flow_parse(const char *source, size_t length, const FlowParse *options, Flow **ret, Diag *diag) _must_check_;
Flow *flow_ref(Flow *flow);
Flow *flow_unref(Flow *flow);
DEFINE_CLEANUP(Flow *, flow_unref);
/* At any depth; NULL when there is none. */
const Task *flow_task(const Flow *flow, const char *id);
/* The plugin defaults of kestra.yaml (FlowParse.plugin_defaults): the deprecated `tasks.defaults`, then
 * `plugins.defaults`, so that the first one that names a property wins. Every role takes them from here. New; NULL when
 * there are none. */
json_t *flow_global_defaults(const Conf *conf);
/* `tasks`-like list of a task as the API's TaskForExecution; FlowForExecution, spec/api.md 6.6. New. */
json_t *flow_encode_for_execution(const Flow *flow);
/* TaskForExecution: only what a client needs to draw a run. New. */
json_t *task_encode_for_execution(const Task *task);
/* The API's Flow (definition + revision, disabled, deleted; + source when asked). New. */
json_t *flow_encode(const Flow *flow, bool with_source);
/* True when both are the same flow for the revision rule (spec/api.md 5.2). */
bool flow_is_same(const Flow *a, const Flow *b);
/* The namespace and id of a source that does not parse, found leniently; NULL when absent. Caller frees. */
void flow_identify(const char *source, size_t length, char **ret_namespace, char **ret_id);
/* The API's text for a Diag with errors: one `path: text` a line, or the first problem of form alone, as Kestra words
 * it. NULL when there is no error. Caller frees. */
char *flow_constraints(const Diag *diag);
/* The same after "Invalid entity: ": the message of a 422. Embedded errors: the Diag's entries, path and message. */
char *flow_error_message(const Diag *diag);
/* The API's answer for one validated flow: {constraints?, outdated, deprecationPaths, warnings, infos}, and of ours
 * expressionWarnings? ["line:column: path: text"]. New. */
json_t *flow_validation(const Diag *diag);
