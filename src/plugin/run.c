/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs that task code uses. A property is rendered when the task asks for it and not before: a task that fails
 * early has then read nothing that it did not need, and a broken expression is reported by the one who needed it.
 */
#include "plugin/run.h"

#include "base/clock.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "when/duration.h"

static const ExprTree *property_of(const RunContext *run, const char *property)
{
    return run->task->templates ? expr_tree_get(run->task->templates, property) : NULL;
}

static bool is_absent(const ExprTree *tree)
{
    const json_t *source = tree ? expr_tree_source(tree) : NULL;
    return !source || json_is_null(source);
}

/* Kestra logs an unknown variable by its message, and every other failure of the engine by class and message. */
static int fail_with(RunContext *run, const Diag *diag)
{
    const char *text = diag_first(diag);
    if (starts_with(text, "Illegal character in")) { /* an exception within an exception, both of the same words */
        run_log(run, LOG_LEVEL_ERROR, "%s", text);
        return run_fail(run, "%s", text);
    }
    bool is_plain = *text == '\0' || starts_with(text, "Unable to find");
    const char *class_name = is_plain ? "" : "io.pebbletemplates.pebble.error.PebbleException: ";
    return run_fail(run, "%s%s", class_name, *text ? text : "the expression cannot be rendered");
}

int run_text(RunContext *run, const char *property, char **ret)
{
    const ExprTree *tree = property_of(run, property);
    if (is_absent(tree)) {
        *ret = NULL;
        return 0;
    }
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = expr_tree_render_text(tree, run->render, ret, &diag);
    if (r < 0)
        return trace(r);
    return r > 0 ? fail_with(run, &diag) : 0;
}

int run_value(RunContext *run, const char *property, json_t **ret)
{
    const ExprTree *tree = property_of(run, property);
    if (is_absent(tree)) {
        *ret = NULL;
        return 0;
    }
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = expr_tree_render(tree, run->render, ret, &diag);
    if (r < 0)
        return trace(r);
    return r > 0 ? fail_with(run, &diag) : 0;
}

int run_typed(RunContext *run, const char *property, json_t **ret)
{
    const ExprTree *tree = property_of(run, property);
    if (is_absent(tree)) {
        *ret = NULL;
        return 0;
    }
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = expr_tree_render_typed(tree, run->render, ret, &diag);
    if (r < 0)
        return trace(r);
    return r > 0 ? fail_with(run, &diag) : 0;
}

int run_boolean(RunContext *run, const char *property, bool fallback, bool *ret)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, property, &text);
    if (r != 0)
        return r;
    *ret = text ? strcasecmp(text, "true") == 0 : fallback;
    return 0;
}

int run_integer(RunContext *run, const char *property, int64_t fallback, int64_t *ret)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, property, &text);
    if (r != 0)
        return r;
    if (!text) {
        *ret = fallback;
        return 0;
    }
    char *end;
    errno = 0;
    intmax_t value = strtoimax(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return run_fail(run, "Property '%s' is not an integer: '%s'", property, text);
    *ret = value;
    return 0;
}

int run_duration(RunContext *run, const char *property, usec_t fallback, usec_t *ret)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(run, property, &text);
    if (r != 0)
        return r;
    if (!text) {
        *ret = fallback;
        return 0;
    }
    if (duration_parse(text, ret) != 0)
        return run_fail(run, "Property '%s' is not a duration: '%s'", property, text);
    return 0;
}

int run_date(RunContext *run, const char *property, json_t *object)
{
    _cleanup_free_ char *text = NULL;
    char normal[INSTANT_BYTES];
    usec_t date;
    int r = run_text(run, property, &text);
    if (r != 0 || !text)
        return r;
    if (instant_parse(text, &date) != 0)
        return run_fail(run, "Property '%s' is not a date: '%s'", property, text);
    instant_format_usec(date, normal);
    json_set_text(object, property, normal);
    return 0;
}

int run_texts(RunContext *run, const char *property, json_t **ret)
{
    _cleanup_json_ json_t *value = NULL;
    int r = run_value(run, property, &value);
    if (r != 0)
        return r;
    if (!value) {
        *ret = NULL;
        return 0;
    }
    _cleanup_json_ json_t *parsed = NULL;
    json_t *items = value;
    if (json_is_string(value) && *json_string_value(value) == '[' &&
        json_parse(json_string_value(value), json_string_length(value), 0, &parsed, NULL) == 0)
        items = parsed;
    *ret = json_array();
    if (!json_is_array(items)) {
        json_array_append_new(*ret, run_text_of(items));
        return 0;
    }
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item)
        json_array_append_new(*ret, run_text_of(item));
    return 0;
}

json_t *run_text_of(json_t *value)
{
    if (json_is_string(value))
        return json_incref(value);
    _cleanup_free_ char *text = json_text(value);
    return json_string(text);
}

static void log_message(RunContext *run, int level, const char *format, va_list arguments)
{
    _cleanup_free_ char *message = NULL;
    if (vasprintf(&message, format, arguments) < 0)
        abort(); /* out of memory */
    run->ops->log(run->userdata, level, message);
}

void run_log(RunContext *run, int level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_message(run, level, format, arguments);
    va_end(arguments);
}

int run_fail(RunContext *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_message(run, LOG_LEVEL_ERROR, format, arguments);
    va_end(arguments);
    return RUN_E_FAILED;
}

void run_output(RunContext *run, const char *name, json_t *value)
{
    json_object_set_new(run->outputs, name, value);
}

void run_note(RunContext *run, const char *name, json_t *value)
{
    if (!run->notes)
        run->notes = json_object();
    json_object_set_new(run->notes, name, value);
}

void run_counter(RunContext *run, const char *name, double value, const json_t *tags)
{
    run->ops->metric(run->userdata, name, false, value, tags);
}

void run_timer(RunContext *run, const char *name, usec_t duration, const json_t *tags)
{
    run->ops->metric(run->userdata, name, true, (double)duration / (double)USEC_PER_MSEC, tags);
}

bool run_is_killed(RunContext *run)
{
    return run->ops->is_killed && run->ops->is_killed(run->userdata);
}

int run_ask(RunContext *run, const char *what, json_t *arguments, json_t **ret)
{
    _cleanup_json_ json_t *question = arguments, *answer = NULL;
    if (!run->ops->ask)
        return run_fail(run, "Executions and logs are not available here");
    json_set_text(question, "what", what);
    int r = run->ops->ask(run->userdata, question, &answer);
    if (r < 0) {
        errno = -r;
        return run_fail(run, "Executions and logs cannot be read now: %m");
    }
    const char *error = json_get_text(answer, "error", NULL);
    if (error)
        return run_fail(run, "%s", error);
    if (ret)
        *ret = TAKE_PTR(answer);
    return 0;
}

void script_context_done(ScriptContext *script)
{
    for (char **argument = script->argv; argument && *argument; argument++)
        free(*argument);
    free(script->argv);
    json_decref(script->environment);
    json_decref(script->output_files);
    json_decref(script->limits);
    json_decref(script->sandbox);
    json_decref(script->container);
    *script = (ScriptContext){};
}
