/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a flow: parsed, shared by reference, freed. The work is in flow_check.c (what is wrong), flow_defaults.c
 * (plugin defaults), flow_build.c (the structs) and flow_encode.c (the API's form).
 */
#include "model/flow.h"

#include "model/flow_private.h"

static Flow *flow_new(const char *source, size_t length)
{
    Flow *flow = xnew(Flow);
    flow->references = 1;
    flow->source = xstrndup(source, length);
    flow->arena = arena_new();
    flow->tasks_by_id = map_new();
    return flow;
}

static void task_done(Task *task);

static void tasks_done(const TaskList *list)
{
    for (size_t i = 0; i < list->count; i++)
        task_done(list->items[i]);
}

/* The parts of a task that do not live in the flow's arena. */
static void task_done(Task *task)
{
    tasks_done(&task->tasks);
    tasks_done(&task->otherwise);
    tasks_done(&task->errors);
    tasks_done(&task->finally);
    for (size_t i = 0; i < task->case_count; i++)
        tasks_done(&task->cases[i].tasks);
    json_decref(task->properties);
    if (task->templates)
        expr_tree_unref(task->templates);
}

static void flow_free(Flow *flow)
{
    tasks_done(&flow->tasks);
    tasks_done(&flow->errors);
    tasks_done(&flow->finally);
    tasks_done(&flow->after_execution);
    for (size_t i = 0; i < flow->trigger_count; i++) {
        json_decref(flow->triggers[i].properties);
        if (flow->triggers[i].templates)
            expr_tree_unref(flow->triggers[i].templates);
    }
    for (size_t i = 0; i < flow->output_count; i++)
        if (flow->outputs[i].value)
            expr_tree_unref(flow->outputs[i].value);
    json_decref(flow->definition);
    json_decref(flow->effective);
    json_decref(flow->labels);
    json_decref(flow->variables);
    json_decref(flow->inputs);
    json_decref(flow->sla);
    map_destroy(flow->tasks_by_id, NULL);
    arena_free(flow->arena);
    free(flow->source);
    free(flow);
}

Flow *flow_ref(Flow *flow)
{
    __atomic_add_fetch(&flow->references, 1, __ATOMIC_RELAXED);
    return flow;
}

Flow *flow_unref(Flow *flow)
{
    if (flow && __atomic_sub_fetch(&flow->references, 1, __ATOMIC_ACQ_REL) == 0)
        flow_free(flow);
    return NULL;
}

static void check(const FlowParse *options, const Document *document, const Defaults *defaults, Diag *diag)
{
    FlowChecker checker = {
        .options = options,
        .document = document,
        .diag = diag,
        .defaults = defaults,
        .root = document_root(document),
    };
    flow_check(&checker);
}

/*
 * Kestra reads a flow while it parses the text, so that what makes no flow is found before an error further on. The
 * syntax error itself is in diag already.
 */
static void check_start(const char *source, size_t length, const FlowParse *options, Diag *diag)
{
    _cleanup_(document_freep) Document *document = NULL;
    if (!document_parse_start(source, length, &document_limits_flow, &document) ||
        !json_is_object(document_root(document)))
        return;
    _cleanup_diag_ Diag found = DIAG_INIT;
    check(options, document, NULL, &found);
    const DiagEntry *first = flow_reading_error(&found);
    if (!first)
        return;
    diag_error(diag, first->path, first->line, first->column, "%s", first->message);
    diag_mark(diag, first->name, true);
}

/* Values of plugin defaults are checked where they end up, as Kestra does: in the tasks and triggers of their types. */
static bool check_injected(const FlowParse *options, const json_t *effective, Diag *diag)
{
    _cleanup_diag_ Diag found = DIAG_INIT;
    FlowChecker checker = {.options = options, .diag = &found, .root = effective, .injected = true};
    flow_check(&checker);
    for (size_t i = 0; i < found.entries.count; i++) {
        const DiagEntry *entry = &found.entries.items[i];
        if (entry->level != DIAG_ERROR)
            continue;
        diag_error(diag, entry->path, 0, 0, "%s", entry->message);
        diag_mark(diag, entry->name, entry->is_form);
    }
    return found.errors == 0;
}

/* Reads the text; what libyaml or a limit refuses is a problem of form. */
static int read_document(const char *source, size_t length, const FlowParse *options, Document **ret, Diag *diag)
{
    size_t first = diag->entries.count;
    int r = document_parse(source, length, &document_limits_flow, ret, diag);
    for (size_t i = first; i < diag->entries.count; i++)
        diag->entries.items[i].is_form = true;
    if (r != 0)
        check_start(source, length, options, diag);
    return r == 0 ? 0 : FLOW_E_INVALID;
}

static int parse(const char *source, size_t length, const FlowParse *options, Flow **ret, Diag *diag)
{
    _cleanup_(document_freep) Document *document = NULL;
    unsigned errors = diag->errors;
    int r = read_document(source, length, options, &document, diag);
    if (r != 0)
        return r;
    json_t *root = document_root(document);
    _cleanup_(defaults_freep) Defaults *defaults =
        json_is_object(root) ? defaults_new(options->registry, root, options->plugin_defaults) : NULL;
    if (!options->lenient || !json_is_object(root))
        check(options, document, defaults, diag);
    if (diag->errors != errors)
        return FLOW_E_INVALID;
    _cleanup_json_ json_t *with_texts = flow_with_texts(document);
    json_t *effective = defaults_inject(defaults, with_texts);
    if (!effective) {
        diag_error(diag, "pluginDefaults", 0, 0, "the plugin defaults are too many, or make the flow too large");
        diag_mark(diag, NULL, true);
        return FLOW_E_INVALID;
    }
    if (defaults && !options->lenient && !check_injected(options, effective, diag)) {
        json_decref(effective);
        return FLOW_E_INVALID;
    }
    Flow *flow = flow_new(source, length);
    flow->effective = effective;
    flow->definition = flow_definition(options->registry, with_texts);
    flow_build(flow, options, document, diag);
    *ret = flow;
    return 0;
}

int flow_parse(const char *source, size_t length, const FlowParse *options, Flow **ret, Diag *diag)
{
    _cleanup_diag_ Diag unseen = DIAG_INIT;
    return parse(source, length, options, ret, diag ? diag : &unseen);
}

const Task *flow_task(const Flow *flow, const char *id)
{
    return map_get(flow->tasks_by_id, id);
}

/* The source without a first line `revision: N`, which the store ignores. */
static const char *source_of_content(const char *source)
{
    if (!starts_with(source, "revision:"))
        return source;
    const char *rest = source + strlen("revision:");
    rest += strspn(rest, " \t");
    size_t digits = strspn(rest, "0123456789");
    rest += digits;
    return digits && *rest == '\n' ? rest + 1 : source;
}

bool flow_is_same(const Flow *a, const Flow *b)
{
    return streq(source_of_content(a->source), source_of_content(b->source)) &&
           json_equal(a->definition, b->definition);
}

/* The value of `key: value` at the start of a line, without quotes and comment; NULL when there is none. */
static char *find_value(const char *source, size_t length, const char *key)
{
    size_t key_length = strlen(key);
    const char *end = source + length;
    for (const char *line = source; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        const char *stop = line_end ? line_end : end;
        if ((size_t)(stop - line) > key_length && memcmp(line, key, key_length) == 0 && line[key_length] == ':') {
            const char *from = line + key_length + 1;
            while (from < stop && (*from == ' ' || *from == '\t' || *from == '"' || *from == '\''))
                from++;
            const char *to = from;
            while (to < stop && *to && !strchr(" \t\r\"'#", *to))
                to++;
            return to > from ? xstrndup(from, (size_t)(to - from)) : NULL;
        }
        line = line_end ? line_end + 1 : end;
    }
    return NULL;
}

void flow_identify(const char *source, size_t length, char **ret_namespace, char **ret_id)
{
    *ret_namespace = find_value(source, length, "namespace");
    *ret_id = find_value(source, length, "id");
}
