/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Diag in the words of Kestra's API. Kestra stops at the first problem of form and knows nothing of the rest then;
 * its clients compare these texts, so the API says only that one, while the Diag (journal, CLI, UI) has all of them.
 */
#include "model/flow_private.h"

/* Texts that Kestra passes on as they are; every other problem of form is a failed mapping of the YAML. */
static const char *const own_texts[] = {"Invalid type: ", "Unrecognized field ", "Unable to validate the flow: "};

/* What Kestra throws after it has read the flow, in the order of its steps: its warnings, the defaults, the validation.
 */
static const char *const thrown_texts[] = {
    "Unable to validate the flow: class ",
    "Unable to validate the flow: Cannot found plugin ",
    "Unable to validate the flow: HV000028: ",
};

enum {
    STEP_READ,
    STEP_WARNINGS,
    STEP_DEFAULTS,
    STEP_VALIDATION,
};

static unsigned step_of(const DiagEntry *entry)
{
    for (size_t i = 0; i < ELEMENTS(thrown_texts); i++)
        if (starts_with(entry->message, thrown_texts[i]))
            return (unsigned)i + STEP_WARNINGS;
    return STEP_READ;
}

static bool stands_before(const DiagEntry *a, const DiagEntry *b)
{
    unsigned step = step_of(a), other = step_of(b);
    if (step != other)
        return step < other;
    return a->line < b->line || (a->line == b->line && a->column < b->column);
}

static const DiagEntry *first_form_error(const Diag *diag)
{
    const DiagEntry *first = NULL;
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        if (entry->level == DIAG_ERROR && entry->is_form && (!first || stands_before(entry, first)))
            first = entry;
    }
    return first;
}

static void append_form_error(Buffer *text, const DiagEntry *entry)
{
    for (size_t i = 0; i < ELEMENTS(own_texts); i++) {
        if (starts_with(entry->message, own_texts[i])) {
            buffer_append(text, entry->message);
            if (step_of(entry) != STEP_READ && entry->path && entry->line && strchr(entry->message, '('))
                buffer_printf(text, " at %s, line %u", entry->path, entry->line);
            return;
        }
    }
    buffer_printf(text, "Illegal flow yaml: %s", entry->message);
    if (entry->line)
        buffer_printf(text, "\n at [Source: (StringReader); line: %u, column: %u]", entry->line, entry->column);
}

static bool is_rule(const DiagEntry *entry)
{
    return entry->level == DIAG_ERROR && entry->name && !*entry->name;
}

/* `path: text` a line; all rules of the whole flow in one line. */
static void append_violations(Buffer *text, const Diag *diag)
{
    static const char rule_prefix[] = "Invalid Flow: ";
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        const char *path = entry->name ? entry->name : entry->path ? entry->path : "";
        if (entry->level == DIAG_ERROR && !is_rule(entry))
            buffer_printf(text, "%s: %s\n", path, entry->message);
    }
    bool any = false;
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        if (!is_rule(entry))
            continue;
        const char *message = entry->message;
        if (any && starts_with(message, rule_prefix))
            message += strlen(rule_prefix);
        buffer_printf(text, "%s%s", any ? ", " : ": ", message);
        any = true;
    }
    if (any)
        buffer_append_char(text, '\n');
}

const DiagEntry *flow_reading_error(const Diag *diag)
{
    const DiagEntry *first = first_form_error(diag);
    return first && step_of(first) == STEP_READ ? first : NULL;
}

char *flow_constraints(const Diag *diag)
{
    if (diag->errors == 0)
        return NULL;
    Buffer text = {};
    const DiagEntry *form = first_form_error(diag);
    if (form)
        append_form_error(&text, form);
    else
        append_violations(&text, diag);
    return buffer_take(&text);
}

char *flow_error_message(const Diag *diag)
{
    _cleanup_free_ char *constraints = flow_constraints(diag);
    return xasprintf("Invalid entity: %s", constraints ? constraints : "");
}

/* "6:14: tasks[0].message: …" */
static void append_position(json_t *list, const DiagEntry *entry)
{
    _cleanup_buffer_ Buffer text = {};
    buffer_printf(&text, "%u:%u: %s%s%s", entry->line, entry->column, entry->path ? entry->path : "",
                  entry->path ? ": " : "", entry->message);
    json_t *warning = json_string(buffer_text(&text));
    if (warning) /* NULL only for a text that is not UTF-8, which no source is */
        json_array_append_new(list, warning);
}

json_t *flow_validation(const Diag *diag)
{
    json_t *validation = json_object();
    _cleanup_free_ char *constraints = flow_constraints(diag);
    json_set_text(validation, "constraints", constraints);
    json_set_present(validation, "outdated", json_false());
    const DiagEntry *form = first_form_error(diag);
    unsigned step = form ? step_of(form) : STEP_VALIDATION;
    if (step == STEP_READ)
        return validation;
    json_t *paths = json_array(), *warnings = json_array(), *infos = json_array();
    json_t *positions = json_array(); /* Kestra does not look at expressions here: a property of ours, so that its own
                                         stay as they are */
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        if (entry->level != DIAG_WARNING)
            continue;
        if (streq(entry->message, "deprecated") && entry->path)
            (void)json_array_append_new(paths, json_string(entry->path)); /* our own text */
        else if (strstr(entry->message, " is replaced by "))
            (void)json_array_append_new(infos, json_string(entry->message)); /* valid UTF-8, as the source is */
        else if (starts_with(entry->message, "This flow will be triggered"))
            (void)json_array_append_new(warnings, json_string(entry->message)); /* our own text */
        else
            append_position(positions, entry);
    }
    json_set_present(validation, "deprecationPaths", paths);
    if (step == STEP_WARNINGS) {
        json_decref(warnings);
        json_decref(infos);
    } else {
        json_set_present(validation, "warnings", warnings);
        json_set_present(validation, "infos", infos);
    }
    if (json_array_size(positions))
        json_object_set_new(validation, "expressionWarnings", positions);
    else
        json_decref(positions);
    return validation;
}
