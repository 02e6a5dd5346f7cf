/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts: the properties become one command line, `interpreter… "set -e\nbefore…\ncommands…"`, so that no shell stands
 * between the worker and the interpreter. Lines of the form ::{JSON}:: on either stream are how a script, in any
 * language, gives outputs and metrics back without talking to any service.
 */
#include "plugin/script.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/command/command.h"
#include "plugin/fields.h"
#include "plugin/script_files.h"
#include "when/duration.h"

#define PATH_USUAL "/usr/local/bin:/usr/bin:/bin"
enum {
    COMMAND_NOT_FOUND = 127, /* as every shell says it */
    SHOWN_BYTES_MAX = 1000,
};

const char *const script_runners[] = {"PROCESS", "DOCKER", NULL};
const char *const script_target_systems[] = {"LINUX", "WINDOWS", "AUTO", NULL};
const Field script_outputs[] = {
    {"vars", FIELD_MAP, .item = FIELD_ANY, .doc = "What the script gave in ::{\"outputs\":{…}}:: lines."},
    {"exitCode", FIELD_INTEGER, FIELD_REQUIRED, .fallback = "0", .doc = "Exit status of the process."},
    {"outputFiles", FIELD_MAP, .item = FIELD_STRING, .doc = "Path of each kept file to its kestra:// URI."},
    {"taskRunner", FIELD_ANY, .doc = "Of a container: its containerId."},
    {},
};

/* --- {{ outputDir }} --- */

/* In the working directory; the name says whose it is, because a WorkingDirectory is shared. */
static char *output_directory_name(const RunContext *run)
{
    return xasprintf(".output-%s/", json_get_text(run->job, "taskRunId", ""));
}

static int make_output_directory(RunContext *run, ScriptContext *ret)
{
    bool wanted;
    int r = run_boolean(run, "outputDirectory", false, &wanted);
    if (r != 0 || !wanted)
        return r;
    _cleanup_free_ char *name = output_directory_name(run), *path = xasprintf("%s/%s", run->working_directory, name);
    path[strlen(path) - 1] = '\0';
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return run_fail(run, "The output directory cannot be made: %m");
    json_set_text((json_t *)run->render->variables, "outputDir", path);
    ret->output_files = json_pack("[o]", json_sprintf("%s**", name));
    return 0;
}

/* What was in the output directory is known by its name there. New. */
static json_t *named_files(const RunContext *run, json_t *files)
{
    _cleanup_free_ char *prefix = output_directory_name(run);
    json_t *named = json_object();
    const char *path;
    json_t *uri;
    json_object_foreach (files, path, uri)
        if (starts_with(path, prefix))
            json_object_set(named, path + strlen(prefix), uri);
    json_object_foreach (files, path, uri)
        if (!starts_with(path, prefix))
            json_object_set(named, path, uri);
    return named;
}

/* --- command line --- */

static int append_commands(RunContext *run, const char *property, Buffer *text)
{
    _cleanup_json_ json_t *commands = NULL;
    int r = run_texts(run, property, &commands);
    if (r != 0)
        return r;
    size_t i;
    json_t *command;
    json_array_foreach (commands, i, command) {
        if (text->length > 0)
            buffer_append_char(text, '\n');
        _cleanup_free_ char *local = NULL;
        r = script_files_localize(run, json_string_value(command), &local);
        if (r != 0)
            return r;
        buffer_append(text, local);
    }
    return 0;
}

/* Whether the command is read by a shell. */
static int is_for_shell(RunContext *run, bool *ret)
{
    static const char *const shells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh"};
    _cleanup_json_ json_t *interpreter = NULL;
    int r = run_texts(run, "interpreter", &interpreter);
    const char *program = json_string_value(json_array_get(interpreter, 0));
    const char *slash = program ? strrchr(program, '/') : NULL;
    *ret = !program;
    for (size_t i = 0; program && i < ELEMENTS(shells); i++)
        *ret = *ret || streq(slash ? slash + 1 : program, shells[i]);
    return r;
}

static int begin_language(RunContext *run, Buffer *text)
{
    bool for_shell;
    const ScriptLanguage *language = script_language(run);
    if (!run->working_directory)
        return 0;
    if (run->task->type->row)
        return command_begin(run, run->task->type->row, text);
    if (!language->begin)
        return 0;
    int r = is_for_shell(run, &for_shell);
    if (r != 0 || !for_shell)
        return r;
    if (text->length > 0)
        buffer_append_char(text, '\n');
    return language->begin(run, text);
}

static int begin_command(RunContext *run, Buffer *text)
{
    bool fail_fast;
    int r = run_boolean(run, "failFast", true, &fail_fast);
    if (r != 0)
        return r;
    if (fail_fast)
        buffer_append(text, script_language(run)->fail_fast);
    r = begin_language(run, text);
    return r == 0 ? append_commands(run, "beforeCommands", text) : r;
}

/* interpreter… + text; NULL-terminated. */
static int make_argv(RunContext *run, const Buffer *text, ScriptContext *ret)
{
    _cleanup_json_ json_t *interpreter = NULL;
    int r = run_texts(run, "interpreter", &interpreter);
    if (r != 0)
        return r;
    const char *const *usual = script_language(run)->interpreter;
    size_t count = json_array_size(interpreter), words = count;
    while (count == 0 && usual[words])
        words++;
    ret->argv = xnew_n(char *, words + 2);
    for (size_t i = 0; i < words; i++)
        ret->argv[i] = xstrdup(count ? json_string_value(json_array_get(interpreter, i)) : usual[i]);
    ret->argv[words] = xstrdup(buffer_text(text));
    return 0;
}

static int make_environment(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *declared = NULL;
    int r = run_value(run, "env", &declared);
    if (r != 0)
        return r;
    ret->environment = json_object();
    if (run->task->type->row)
        r = command_prepare(run, run->task->type->row, ret->environment, &ret->output_files);
    if (r != 0)
        return r;
    const char *name;
    json_t *value;
    json_object_foreach (declared, name, value) {
        if (*name == '\0' || strchr(name, '='))
            return run_fail(run, "'%s' cannot be the name of an environment variable", name);
        json_object_set_new(ret->environment, name, run_text_of(value));
    }
    if (run->working_directory)
        json_object_set_new(ret->environment, "WORKING_DIR", json_string(run->working_directory));
    json_set_text(ret->environment, "OUTPUT_DIR", json_get_text(run->render->variables, "outputDir", NULL));
    return 0;
}

static int refuse_foreign_systems(RunContext *run)
{
    _cleanup_free_ char *target = NULL;
    int r = run_text(run, "targetOS", &target);
    if (r != 0)
        return r;
    if (target && streq(target, "WINDOWS"))
        return run_fail(run, "targetOS WINDOWS cannot run on a Linux worker");
    return 0;
}

/* Globs of the property, besides what is there. */
static int add_output_files(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *globs = NULL;
    int r = run_texts(run, "outputFiles", &globs);
    if (r != 0 || !globs)
        return r;
    if (!ret->output_files)
        ret->output_files = json_array();
    json_array_extend(ret->output_files, globs);
    return 0;
}

/* Everything but the command's text. */
static int prepare_rest(RunContext *run, const Buffer *text, ScriptContext *ret)
{
    int r = make_argv(run, text, ret);
    if (r == 0)
        r = make_environment(run, ret);
    if (r == 0)
        r = run_boolean(run, "warningOnStdErr", true, &ret->warning_on_stderr);
    if (r == 0)
        r = add_output_files(run, ret);
    if (r == 0)
        r = isolation_read(run, ret);
    if (r == 0)
        r = container_read(run, ret);
    return r;
}

static int prepare(RunContext *run, const char *property, ScriptContext *ret)
{
    _cleanup_buffer_ Buffer text = {};
    int r = refuse_foreign_systems(run);
    if (r == 0)
        r = make_output_directory(run, ret);
    if (r == 0)
        r = script_files_write(run);
    if (r == 0)
        r = begin_command(run, &text);
    if (r == 0)
        r = append_commands(run, property, &text);
    if (r == 0)
        r = prepare_rest(run, &text, ret);
    if (r != 0)
        script_context_done(ret);
    return r;
}

int script_prepare_commands(RunContext *run, ScriptContext *ret)
{
    *ret = (ScriptContext){};
    return prepare(run, "commands", ret);
}

int script_prepare_script(RunContext *run, ScriptContext *ret)
{
    *ret = (ScriptContext){};
    return prepare(run, "script", ret);
}

int script_prepare_file(RunContext *run, ScriptContext *ret)
{
    const ScriptLanguage *language = script_language(run);
    *ret = (ScriptContext){};
    _cleanup_free_ char *script = NULL, *local = NULL, *path = NULL;
    _cleanup_buffer_ Buffer text = {};
    int r = refuse_foreign_systems(run);
    if (r == 0)
        r = make_output_directory(run, ret);
    if (r == 0)
        r = script_files_write(run);
    if (r == 0)
        r = run_text(run, "script", &script);
    if (r == 0)
        r = script_files_localize(run, script ? script : "", &local);
    if (r == 0)
        r = script_files_temporary(run, local, strlen(local), language->extension, &path);
    if (r == 0)
        r = begin_command(run, &text);
    if (r == 0) {
        buffer_printf(&text, "%s%s%s", text.length ? "\n" : "", language->command ? language->command : "", path);
        r = prepare_rest(run, &text, ret);
    }
    if (r != 0 && path)
        (void)unlink(path); /* it may be prepared again, with a name of its own (worker/stage.c) */
    if (r != 0)
        script_context_done(ret);
    return r;
}

static int words_of_commands(RunContext *run, ScriptContext *ret)
{
    _cleanup_json_ json_t *commands = NULL;
    int r = run_texts(run, "commands", &commands);
    size_t count = json_array_size(commands);
    ret->argv = xnew_n(char *, count + 1);
    for (size_t i = 0; i < count; i++)
        ret->argv[i] = xstrdup(json_string_value(json_array_get(commands, i)));
    return r;
}

int script_prepare_container(RunContext *run, ScriptContext *ret)
{
    *ret = (ScriptContext){};
    int r = script_files_write(run);
    if (r == 0)
        r = words_of_commands(run, ret);
    if (r == 0)
        r = make_environment(run, ret);
    if (r == 0)
        r = run_boolean(run, "warningOnStdErr", true, &ret->warning_on_stderr);
    if (r == 0)
        r = add_output_files(run, ret);
    if (r == 0)
        r = container_read_own(run, ret);
    if (r != 0)
        script_context_done(ret);
    return r;
}

/* --- lines --- */

/* Milliseconds of a timer; NAN: it is no number. */
static double metric_value(const json_t *value, bool is_timer)
{
    usec_t duration;
    if (json_is_number(value))
        return json_number_value(value) * (is_timer ? 1000 : 1);
    if (is_timer && json_is_string(value) && duration_parse(json_string_value(value), &duration) == 0)
        return (double)duration / (double)USEC_PER_MSEC;
    return NAN;
}

/* A time that is too long for a number in milliseconds is none. */
static void take_metric(RunContext *run, const json_t *metric)
{
    const char *name = json_get_text(metric, "name", NULL), *type = json_get_text(metric, "type", "");
    bool is_timer = streq(type, "timer");
    double value = metric_value(json_object_get(metric, "value"), is_timer);
    const json_t *tags = json_object_get(metric, "tags");
    tags = json_is_object(tags) ? tags : NULL;
    if (name && isfinite(value) && (is_timer ? value >= 0 : streq(type, "counter")))
        run->ops->metric(run->userdata, name, is_timer, value, tags);
    else
        run_log(run, LOG_LEVEL_WARN, "A metric needs name, type counter or timer, and value");
}

/* Nothing is kept any more: the task fails when it ends, and holds no memory until then. */
static void lose_outputs(RunContext *run, ScriptOutput *output, char *reason)
{
    if (output->lost) {
        free(reason);
        return;
    }
    output->lost = reason;
    json_object_clear(output->vars);
    run_log(run, LOG_LEVEL_ERROR, "%s", reason);
}

/* length: of the line that gave them. What a key had before counts too, until the sum is far too much: then it is
 * measured. What is a little too much is found when the task ends. */
static void add_outputs(RunContext *run, ScriptOutput *output, json_t *outputs, size_t length)
{
    if (output->lost)
        return;
    json_object_update(output->vars, outputs);
    output->bytes += length;
    if (!output->bytes_max || output->bytes <= output->bytes_max + output->bytes_max / 4)
        return;
    output->bytes = json_size(output->vars, output->bytes_max + 1);
    if (output->bytes > output->bytes_max)
        lose_outputs(run, output,
                     xasprintf("Unable to emit the worker task result to the queue: the outputs have more than %zu "
                               "bytes (limits.message)",
                               output->bytes_max));
}

static void take_message(RunContext *run, ScriptOutput *output, const json_t *message, size_t length)
{
    json_t *outputs = json_object_get(message, "outputs"), *runner = json_object_get(message, "taskRunner");
    if (json_is_object(runner)) {
        json_decref(output->runner);
        output->runner = json_incref(runner);
    }
    if (json_is_object(outputs))
        add_outputs(run, output, outputs, length);
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(message, "metrics"), i, item)
        take_metric(run, item);
    json_array_foreach (json_object_get(message, "logs"), i, item) {
        int level = log_level_from_string(json_get_text(item, "level", "INFO"));
        run_log(run, level < 0 ? LOG_LEVEL_INFO : level, "%s", json_get_text(item, "message", ""));
    }
}

/* What is cut is cut at the end of the entry: there a piece of a secret is known as one (mask.h). */
static void warn_of_line(RunContext *run, const char *line, size_t length, const char *why)
{
    if (length <= SHOWN_BYTES_MAX)
        run_log(run, LOG_LEVEL_WARN, "Invalid outputs '%.*s': %s", (int)length, line, why);
    else
        run_log(run, LOG_LEVEL_WARN, "Invalid outputs, %s: %.*s", why, SHOWN_BYTES_MAX, line);
}

static bool is_message(const char *line, size_t length)
{
    return length >= 6 && strncmp(line, "::{", 3) == 0 && strncmp(line + length - 3, "}::", 3) == 0;
}

void script_line(RunContext *run, ScriptOutput *output, bool is_stderr, const char *line, size_t length)
{
    if (!output->vars)
        output->vars = json_object();
    if (is_stderr)
        output->stderr_lines++;
    else
        output->stdout_lines++;
    if (!is_message(line, length)) {
        run_log(run, is_stderr ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%.*s", (int)MIN(length, (size_t)INT32_MAX), line);
        return;
    }
    _cleanup_json_ json_t *message = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (json_parse(line + 2, length - 4, 0, &message, &diag) != 0 || !json_is_object(message)) {
        warn_of_line(run, line, length, diag_first(&diag));
        return;
    }
    take_message(run, output, message, length);
}

bool script_line_too_long(RunContext *run, ScriptOutput *output, const char *line, size_t bytes_max)
{
    if (!starts_with(line, "::{"))
        return false;
    if (!output->vars)
        output->vars = json_object();
    lose_outputs(run, output,
                 xasprintf("A line ::{…}:: has more than %zu bytes (limits.line), what it gives is lost: %.*s…",
                           bytes_max, SHOWN_BYTES_MAX, line));
    return true;
}

void script_output_done(ScriptOutput *output)
{
    json_decref(output->vars);
    json_decref(output->runner);
    free(output->lost);
    *output = (ScriptOutput){};
}

char *script_missing(const RunContext *run, const ScriptContext *script)
{
    const char *own = getenv("PATH");
    const char *path = json_get_text(script->environment, "PATH", own ? own : PATH_USUAL);
    return script_language_missing(script_language(run), path);
}

/* The outputs are those that were said, and nothing else. */
static int end_plainly(RunContext *run, const ScriptOutput *output, int exit_code)
{
    const char *name;
    json_t *value;
    json_object_foreach (output->vars, name, value)
        run_output(run, name, json_incref(value));
    if (exit_code != 0 || output->lost)
        return RUN_E_FAILED; /* logged when it happened */
    run->final_state = STATE_SUCCESS;
    return 0;
}

int script_end(RunContext *run, const ScriptContext *script, const ScriptOutput *output, int exit_code,
               json_t *output_files)
{
    if (!field_find(run->task->type->outputs, "exitCode")) /* a type with outputs of its own */
        return end_plainly(run, output, exit_code);
    run_output(run, "vars", output->vars ? json_incref(output->vars) : json_object());
    run_output(run, "exitCode", json_integer(exit_code));
    run_output(run, "outputFiles", output_files ? named_files(run, output_files) : json_object());
    json_decref(output_files);
    if (output->runner)
        run_output(run, "taskRunner", json_incref(output->runner));
    _cleanup_free_ char *missing =
        exit_code == COMMAND_NOT_FOUND && !output->runner ? script_missing(run, script) : NULL;
    if (missing)
        run_log(run, LOG_LEVEL_ERROR, "%s", missing);
    if (exit_code != 0) {
        run_log(run, LOG_LEVEL_ERROR,
                "io.kestra.core.models.tasks.runners.TaskException: Command failed with exit code %d",
                exit_code); /* both lines, as in Kestra: the exception and its cause */
        return run_fail(run, "Command failed with exit code %d", exit_code);
    }
    if (output->lost)
        return RUN_E_FAILED; /* logged when it happened */
    run->final_state = script->warning_on_stderr && output->stderr_lines > 0 ? STATE_WARNING : STATE_SUCCESS;
    return 0;
}
