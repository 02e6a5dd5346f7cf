/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the flow_*.c files of this room share. Not for others. */
#include "base/map.h"
#include "doc/json.h"
#include "model/flow.h"

/* One kind of retry, SLA or input: `type` chooses the row. */
typedef struct Variant {
    const char *type;
    const char *class_name;
    const Field *fields;
    void (*check)(const FieldCheck *check, const json_t *object, const char *path); /* may be NULL */
    bool deprecated;
} Variant;

extern const char *const names_of_log_levels[];
extern const char *const names_of_value_types[];
extern const Field fields_of_flow[];
extern const Field fields_of_output[];
extern const Field fields_of_dag_node[];
extern const Variant retry_variants[]; /* each list ends with an empty row */
extern const Variant sla_variants[];
extern const Field fields_of_every_sla[];
extern const Variant input_variants[];
extern const Field fields_of_every_input[];

/* ---- plugin defaults (flow_defaults.c) */
typedef struct Defaults Defaults;
/* The flow's own ones, then the global ones; borrows both. NULL when there is none. */
Defaults *defaults_new(const TypeRegistry *registry, const json_t *flow, const json_t *global);
Defaults *defaults_free(Defaults *defaults);
DEFINE_CLEANUP(Defaults *, defaults_free);
/* The flow with every matching default merged in; shares what did not change. New; NULL when it would be too large.
 * defaults may be NULL. */
json_t *defaults_inject(Defaults *defaults, json_t *flow);
/* Whether a default gives `property` to an object of this type. defaults may be NULL. */
bool defaults_have(const Defaults *defaults, const char *type, const char *property);

/* ---- checks (flow_check.c, flow_rules.c) */
typedef struct FlowChecker {
    const FlowParse *options;
    const Document *document;
    Diag *diag;
    FieldPatterns patterns;
    const Defaults *defaults; /* may be NULL */
    const json_t *root;
    bool injected;    /* root has the plugin defaults merged in: it has no positions, unknown properties are no error */
    json_t *task_ids; /* list of every task's id in the order of the checks */
} FlowChecker;
/* Everything that can be wrong with a flow. */
void flow_check(FlowChecker *checker);
/* Rules about the flow as a whole: duplicates, recursion, system labels, inputs that need each other. */
void flow_check_rules(FlowChecker *checker);
/* The first problem of reading the source as a flow; NULL when it could be read. Borrowed from diag. */
const DiagEntry *flow_reading_error(const Diag *diag);
/* A problem of the whole flow, at a place inside it. */
void flow_report(const FlowChecker *checker, const json_t *parent, const char *key, size_t index, const char *format,
                 ...) _printf_(5, 6);
/* A check of one object inside the flow, for field_check. */
FieldCheck flow_field_check(const FlowChecker *checker, const char *class_name, const char *name);
/* Reads the `retry` of a checked task or flow; NULL when there is none. In arena. */
Retry *retry_decode(Arena *arena, const json_t *value);

/* ---- building (flow_text.c, flow_build.c, flow_encode.c) */
/* The document's root, a map, with the names and texts of the flow, its inputs and outputs as texts. New; shares what
 * does not change. */
json_t *flow_with_texts(const Document *document);
/* Fills tasks, triggers, outputs and the rest from flow->effective. */
void flow_build(Flow *flow, const FlowParse *options, const Document *document, Diag *diag);
/* The source's object as the API shows it. New. */
json_t *flow_definition(const TypeRegistry *registry, const json_t *root);
/* A declaration of an input as the API shows it, with its type's defaults. New. */
json_t *input_encode(json_t *input);
/* Truth of a boolean property, which may be written as text. */
bool property_is_true(const json_t *object, const char *key);
/* A scalar as text, or NULL; in arena. */
const char *property_text(Arena *arena, const json_t *object, const char *key);
