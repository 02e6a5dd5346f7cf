/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over a flow's source that finds what is wrong with it. field_check does the plain properties; it calls back
 * here for what only the model knows: tasks, triggers, conditions, task runners and inputs, each by its type.
 *
 * The source's tree is checked, not the one with plugin defaults merged in, because only the source has positions; a
 * missing property that a default supplies is no error (has_default).
 */
#include "model/flow_private.h"

static void visit(void *userdata, const Field *field, const json_t *parent, json_t *value, const char *path);

static bool has_default(void *userdata, const json_t *object, const char *property)
{
    const FlowChecker *checker = userdata;
    return defaults_have(checker->defaults, json_get_text(object, "type", NULL), property);
}

FieldCheck flow_field_check(const FlowChecker *checker, const char *class_name, const char *name)
{
    FlowChecker *mutable = (FlowChecker *)(uintptr_t)checker;
    return (FieldCheck){
        .document = checker->document,
        .diag = checker->diag,
        .visit = visit,
        .userdata = mutable,
        .class_name = class_name,
        .name = name,
        .patterns = &mutable->patterns,
        .has_default = checker->defaults ? has_default : NULL,
        .lenient = checker->injected,
    };
}

/* Warns at a value; the text is what the API lists among `infos` or, when it is "deprecated", a deprecation path. */
static void warn(const FlowChecker *checker, const json_t *object, const char *key, const char *path, const char *text)
{
    unsigned line, column;
    document_position(checker->document, object, key, 0, &line, &column);
    diag_warning(checker->diag, path, line, column, "%s", text);
}

static void warn_deprecated_fields(const FlowChecker *checker, const Field *table, const json_t *object,
                                   const char *path)
{
    for (const Field *field = table; field && field->name; field++) {
        const json_t *value = json_object_get(object, field->name);
        if (!(field->flags & FIELD_DEPRECATED) || !value || json_is_null(value))
            continue;
        _cleanup_free_ char *full = *path ? xasprintf("%s.%s", path, field->name) : xstrdup(field->name);
        warn(checker, object, field->name, full, "deprecated");
    }
}

static void warn_ignored_fields(const FlowChecker *checker, const Field *table, const json_t *object, const char *path)
{
    for (const Field *field = table; field && field->name; field++) {
        if (!(field->flags & FIELD_IGNORED) || !json_object_get(object, field->name))
            continue;
        _cleanup_free_ char *full = xasprintf("%s.%s", path, field->name);
        _cleanup_free_ char *text = xasprintf("%s has no effect here (%s)", full, field->doc);
        warn(checker, object, field->name, full, text);
    }
}

/* Gives the entries that a type's own check has added the name and place of the object. */
static void name_entries(const FlowChecker *checker, size_t first, const FieldCheck *check, const json_t *object,
                         const char *path)
{
    unsigned line, column;
    document_position(checker->document, object, NULL, 0, &line, &column);
    for (size_t i = first; i < checker->diag->entries.count; i++) {
        DiagEntry *entry = &checker->diag->entries.items[i];
        if (!entry->line) {
            entry->line = line;
            entry->column = column;
        }
        if (!entry->path)
            entry->path = xstrdup(path);
        if (!entry->name && check->name && starts_with(entry->path, path))
            entry->name = xasprintf("%s%s", check->name, entry->path + strlen(path));
    }
}

/* Own and common properties of an object with a type, then the type's own check when the object could be read. */
static void check_typed(FlowChecker *checker, const Type *type, const Field *common, const json_t *object,
                        const char *path, bool named)
{
    FieldCheck check = flow_field_check(checker, type->name, named ? json_get_text(object, "id", NULL) : NULL);
    unsigned errors = checker->diag->errors;
    field_check(&check, type->fields, common, object, path);
    warn_deprecated_fields(checker, type->fields, object, path);
    warn_ignored_fields(checker, type->fields, object, path);
    warn_ignored_fields(checker, common, object, path);
    if (type->deprecated)
        warn(checker, object, "type", path, "deprecated");
    bool readable = true;
    for (size_t i = 0; checker->diag->errors != errors && i < checker->diag->entries.count; i++)
        readable = readable && !checker->diag->entries.items[i].is_form;
    size_t first = checker->diag->entries.count;
    if (type->check && readable)
        type->check(&check, object, path);
    name_entries(checker, first, &check, object, path);
}

static const Field *common_fields(TypeKind kind)
{
    static const Field type_only[] = {{"type", FIELD_STRING, FIELD_REQUIRED, .doc = "What it is."}, {}};
    if (kind == TYPE_TASK)
        return fields_of_every_task;
    return kind == TYPE_TRIGGER ? fields_of_every_trigger : type_only;
}

static const char *const names_of_kinds[] = {
    [TYPE_TASK] = "task",
    [TYPE_TRIGGER] = "trigger",
    [TYPE_CONDITION] = "condition",
    [TYPE_TASK_RUNNER] = "task runner",
};

/* Kestra's lists take whatever has a type; it stumbles over what is no task or trigger only when it uses the list. */
static bool is_misplaced(const FlowChecker *checker, TypeKind kind, const Type *found, const json_t *object,
                         const char *path)
{
    static const char trigger_class[] = "io.kestra.core.models.triggers.AbstractTrigger";
    FieldCheck check = flow_field_check(checker, NULL, NULL);
    const char *class = found->name;
    if (kind == TYPE_TASK)
        field_report_form(&check, object, NULL, path, TYPE_CHECK_THROWS "(class %s is a %s, not a task)", class,
                          names_of_kinds[found->kind]);
    else if (kind == TYPE_TRIGGER)
        field_report_form(&check, object, NULL, path,
                          "Unable to validate the flow: class %s cannot be cast to class %s (%s and %s are in unnamed "
                          "module of loader 'app') (class %s is a %s, not a trigger)",
                          class, trigger_class, class, trigger_class, class, names_of_kinds[found->kind]);
    return kind == TYPE_TASK || kind == TYPE_TRIGGER;
}

/* An object of a type, whatever stands there: a condition in place of a task is told what it lacks to be one. */
static void check_by_type(FlowChecker *checker, TypeKind kind, json_t *object, const char *path)
{
    FieldCheck check = flow_field_check(checker, NULL, NULL);
    const char *name = json_get_text(object, "type", "");
    const TypeRegistry *registry = checker->options->registry;
    bool is_alias = false;
    const Type *type = type_find(registry, kind, name, &is_alias);
    const Type *found = NULL;
    for (TypeKind other = TYPE_TASK; !type && !found && other <= TYPE_TASK_RUNNER; other++)
        found = type_find(registry, other, name, NULL);
    unsigned before = checker->diag->errors;
    if (found)
        check_typed(checker, found, common_fields(found->kind), object, path, kind == TYPE_TASK);
    if (found && (is_misplaced(checker, kind, found, object, path) || checker->diag->errors != before))
        return;
    if (!type) {
        field_report_form(&check, object, "type", path, "Invalid type: %s", *name ? name : "<null>");
        return;
    }
    if (is_alias) {
        _cleanup_free_ char *text = xasprintf("%s is replaced by %s", name, type->name);
        warn(checker, object, "type", path, text);
    }
    check_typed(checker, type, common_fields(kind), object, path, kind == TYPE_TASK);
}

/* An object whose `type` chooses a row of variants. */
static void check_variant(FlowChecker *checker, const Variant *variants, const Field *common, json_t *object,
                          const char *path, const char *name)
{
    const json_t *written = json_object_get(object, "type");
    bool is_word = json_is_boolean(written) || json_is_number(written);
    const char *spelling = is_word ? document_spelling(checker->document, object, "type") : NULL;
    const char *type = spelling ? spelling : json_get_text(object, "type", NULL);
    const Variant *variant = variants;
    while (variant->type && (!type || !streq(type, variant->type)))
        variant++;
    FieldCheck check = flow_field_check(checker, variant->class_name, name);
    if (!variant->type) {
        field_report_form(&check, object, "type", path, "Invalid type: %s", type ? type : "null");
        return;
    }
    unsigned errors = checker->diag->errors;
    field_check(&check, variant->fields, common, object, path);
    if (variant->check && checker->diag->errors == errors)
        variant->check(&check, object, path);
    warn_deprecated_fields(checker, variant->fields, object, path);
    if (variant->deprecated)
        warn(checker, object, NULL, path, "deprecated");
}

static void check_retry(FlowChecker *checker, const json_t *owner, const char *path)
{
    json_t *retry = json_object_get(owner, "retry");
    if (!json_is_object(retry))
        return; /* field_check has said so */
    _cleanup_free_ char *retry_path = *path ? xasprintf("%s.retry", path) : xstrdup("retry");
    check_variant(checker, retry_variants, NULL, retry, retry_path, NULL);
}

/* The ids of its parts are taken, too. */
static void note_task_id(FlowChecker *checker, const json_t *id, json_t *task)
{
    (void)json_array_append_new(checker->task_ids,
                                json_pack("{s:O,s:O}", "id", id, "task", task)); /* no failure but memory */
    const Type *type = type_find(checker->options->registry, TYPE_TASK, json_get_text(task, "type", ""), NULL);
    for (const TypePart *part = type ? type->parts : NULL; part && part->suffix && json_is_string(id); part++) {
        _cleanup_free_ char *own = xasprintf("%s%s", json_string_value(id), part->suffix);
        (void)json_array_append_new(checker->task_ids, json_pack("{s:s,s:O}", "id", own, "task", task)); /* the same */
    }
}

static void check_task(FlowChecker *checker, json_t *task, const char *path)
{
    const json_t *id = json_object_get(task, "id");
    if (id && !json_is_null(id))
        note_task_id(checker, id, task);
    check_by_type(checker, TYPE_TASK, task, path);
    check_retry(checker, task, path);
}

static void check_input(FlowChecker *checker, json_t *input, const char *path)
{
    const char *name = json_get_text(input, "id", json_get_text(input, "name", NULL));
    check_variant(checker, input_variants, fields_of_every_input, input, path, name);
    const json_t *old_name = json_object_get(input, "name");
    if (!old_name || json_is_null(old_name))
        return;
    _cleanup_free_ char *full = xasprintf("%s.name", path);
    warn(checker, input, "name", full, "deprecated");
}

static void visit_task(FlowChecker *checker, json_t *value, const char *path)
{
    if (json_is_object(value)) {
        check_task(checker, value, path);
        return;
    }
    /* Kestra reads such an item as no task at all and goes on. */
    diag_warning(checker->diag, path, 0, 0, "this is not a task and is left out");
}

/* A property that is one task is typed: Kestra cannot read anything else there. */
static void visit_one_task(FlowChecker *checker, json_t *value, const char *path)
{
    const char *name = json_get_text(value, "type", "");
    const Type *found = type_find(checker->options->registry, TYPE_TASK, name, NULL);
    for (TypeKind kind = TYPE_TRIGGER; !found && kind <= TYPE_TASK_RUNNER; kind++)
        found = type_find(checker->options->registry, kind, name, NULL);
    FieldCheck check = flow_field_check(checker, NULL, NULL);
    if (found && found->kind != TYPE_TASK)
        field_report_form(&check, value, "type", path, "class %s is a %s, not a task", found->name,
                          names_of_kinds[found->kind]);
    else
        visit_task(checker, value, path);
}

static void visit_dag_node(FlowChecker *checker, json_t *value, const char *path)
{
    FieldCheck check = flow_field_check(checker, "io.kestra.plugin.core.flow.Dag$DagTask", NULL);
    field_check(&check, fields_of_dag_node, NULL, value, path);
    if (!json_is_object(json_object_get(value, "task")))
        field_report_form(&check, value, NULL, path, TYPE_CHECK_THROWS "(class %s has no task)", check.class_name);
}

static void visit_condition(FlowChecker *checker, json_t *value, const char *path)
{
    check_by_type(checker, TYPE_CONDITION, value, path);
}

static void visit_trigger(FlowChecker *checker, json_t *value, const char *path)
{
    if (!json_is_object(value))
        diag_warning(checker->diag, path, 0, 0, "this is not a trigger and is left out");
    else
        check_by_type(checker, TYPE_TRIGGER, value, path);
}

static void visit_task_runner(FlowChecker *checker, json_t *value, const char *path)
{
    check_by_type(checker, TYPE_TASK_RUNNER, value, path);
}

typedef void (*Visitor)(FlowChecker *checker, json_t *value, const char *path);

static void visit_list(FlowChecker *checker, const json_t *list, const char *path, Visitor visitor, bool objects_only)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        _cleanup_free_ char *item_path = xasprintf("%s[%zu]", path, i);
        if (json_is_object(item) || !objects_only) {
            visitor(checker, item, item_path);
            continue;
        }
        unsigned line, column;
        document_position(checker->document, list, NULL, i, &line, &column);
        bool is_input = visitor == check_input; /* which has a type that cannot be found */
        diag_error(checker->diag, item_path, line, column, is_input ? "Invalid type: null" : "expected a map");
        diag_mark(checker->diag, NULL, true);
    }
}

static void visit_cases(FlowChecker *checker, json_t *cases, const char *path)
{
    const char *key;
    json_t *tasks;
    json_object_foreach (cases, key, tasks) {
        _cleanup_free_ char *case_path = xasprintf("%s.%s", path, key);
        if (json_is_array(tasks)) {
            visit_list(checker, tasks, case_path, visit_task, false);
            continue;
        }
        unsigned line, column;
        document_position(checker->document, cases, key, 0, &line, &column);
        diag_error(checker->diag, case_path, line, column, "expected a list of tasks");
        diag_mark(checker->diag, NULL, true);
    }
}

/* The API's forms of labels: a map of texts, numbers and booleans, or a list of {key, value} with texts. */
static void visit_labels(FlowChecker *checker, json_t *labels, const char *path)
{
    FieldCheck check = flow_field_check(checker, NULL, NULL);
    size_t i;
    const char *key;
    json_t *item;
    json_object_foreach (labels, key, item)
        if (json_is_object(item) || json_is_array(item) || json_is_null(item))
            field_report_form(&check, labels, key, path, "expected a text as value of the label");
    json_array_foreach (labels, i, item) {
        const json_t *name = json_object_get(item, "key"), *value = json_object_get(item, "value");
        bool fits = json_is_object(item) && (!name || json_is_null(name) || json_is_string(name)) &&
                    (!value || json_is_null(value) || json_is_string(value));
        if (!fits)
            field_report_form(&check, labels, NULL, path, "expected labels as {key, value} with texts (item %zu)", i);
    }
}

static const struct {
    Visitor visitor;
    bool is_list, objects_only;
} visitors[_FIELD_KIND_MAX] = {
    [FIELD_TASK] = {visit_one_task, false, false},      [FIELD_TASKS] = {visit_task, true, false},
    [FIELD_TASK_CASES] = {visit_cases, false, false},   [FIELD_DAG_TASKS] = {visit_dag_node, true, true},
    [FIELD_CONDITIONS] = {visit_condition, true, true}, [FIELD_TRIGGERS] = {visit_trigger, true, false},
    [FIELD_INPUTS] = {check_input, true, true},         [FIELD_TASK_RUNNER] = {visit_task_runner, false, false},
    [FIELD_MAP_OR_LIST] = {visit_labels, false, false},
};

static void visit(void *userdata, const Field *field, const json_t *parent, json_t *value, const char *path)
{
    FlowChecker *checker = userdata;
    Visitor visitor = visitors[field->kind].visitor;
    if (visitor && visitors[field->kind].is_list)
        visit_list(checker, value, path, visitor, visitors[field->kind].objects_only);
    else if (visitor)
        visitor(checker, value, path);
}

static void check_sla(FlowChecker *checker)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(checker->root, "sla"), i, item) {
        _cleanup_free_ char *path = xasprintf("sla[%zu]", i);
        if (json_is_object(item))
            check_variant(checker, sla_variants, fields_of_every_sla, item, path, NULL);
    }
}

/* The values of a plugin default must be properties of its type, when it names one. */
static void check_default(FlowChecker *checker, const json_t *item, const char *path)
{
    FieldCheck check = flow_field_check(checker, NULL, NULL);
    const char *name = json_get_text(item, "type", NULL);
    if (!name) {
        field_report_form(&check, item, NULL, path,
                          "Unable to validate the flow: Cannot found plugin for null identifier");
        return;
    }
    const Type *type = NULL;
    for (TypeKind kind = TYPE_TASK; !type && kind <= TYPE_TASK_RUNNER; kind++)
        type = type_find(checker->options->registry, kind, name, NULL);
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(item, "values"), key, value) {
        if (type && !json_is_null(value) && !field_find(type->fields, key) &&
            !field_find(common_fields(type->kind), key))
            field_report(&check, item, NULL, path, "Invalid Plugin Default: No property '%s' exists in plugin '%s'",
                         key, name);
    }
}

static void check_defaults(FlowChecker *checker)
{
    static const char *const names[] = {"pluginDefaults", "taskDefaults"};
    for (size_t k = 0; k < ELEMENTS(names); k++) {
        size_t i;
        const json_t *item;
        json_array_foreach (json_object_get(checker->root, names[k]), i, item) {
            /* The deprecated name sets the other one. */
            _cleanup_free_ char *path = xasprintf("pluginDefaults[%zu]", i);
            if (json_is_object(item))
                check_default(checker, item, path);
        }
    }
}

void flow_check(FlowChecker *checker)
{
    if (!json_is_object(checker->root)) {
        unsigned line, column;
        document_position(checker->document, NULL, NULL, 0, &line, &column);
        diag_error(checker->diag, NULL, line ? line : 1, column ? column : 1,
                   "a flow must be a map with id, namespace and tasks");
        diag_mark(checker->diag, NULL, true);
        return;
    }
    checker->task_ids = json_array();
    FieldCheck check = flow_field_check(checker, "io.kestra.core.models.flows.Flow", NULL);
    check.has_default = NULL;
    check.spelled = true;
    field_check(&check, fields_of_flow, NULL, checker->root, "");
    warn_deprecated_fields(checker, fields_of_flow, checker->root, "");
    check_retry(checker, checker->root, "");
    check_sla(checker);
    check_defaults(checker);
    flow_check_rules(checker);
    json_decref(checker->task_ids);
    field_patterns_done(&checker->patterns);
}
