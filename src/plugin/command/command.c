/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/command/command.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/identity.h"
#include "doc/json.h"
#include "plugin/script_files.h"

static bool is_there(const RunContext *run, const char *path)
{
    _cleanup_free_ char *whole = xasprintf("%s/%s", run->working_directory, path);
    _as_(IDENTITY_TASK);
    return access(whole, F_OK) == 0;
}

static int write_file(RunContext *run, const CommandFile *file, const char *content)
{
    _cleanup_(close_fdp) int fd = -1;
    int r = is_there(run, file->path) ? 0 : script_files_create(run, file->path, &fd);
    if (r != 0 || fd < 0)
        return r;
    _as_(IDENTITY_TASK);
    (void)fchmod(fd, 0600); /* it may hold credentials; the directory is closed to others anyway */
    for (size_t length = strlen(content), n; length > 0; length -= n, content += n) {
        ssize_t written = write(fd, content, length);
        if (written < 0 && errno != EINTR)
            return run_fail(run, "File '%s' cannot be written: %m", file->path);
        n = (size_t)MAX(written, (ssize_t)0);
    }
    return 0;
}

static void append_command(Buffer *text, const char *command)
{
    if (text->length > 0)
        buffer_append_char(text, '\n');
    buffer_append(text, command);
}

/* The property as text; a default of the type counts. *ret NULL: neither. */
static int property_text(RunContext *run, const char *property, char **ret)
{
    int r = run_text(run, property, ret);
    const Field *field = r == 0 && !*ret ? field_find(run->task->type->fields, property) : NULL;
    _cleanup_json_ json_t *fallback = NULL, *text = NULL;
    if (!field || !field->fallback || json_parse(field->fallback, strlen(field->fallback), 0, &fallback, NULL) != 0)
        return r;
    text = run_text_of(fallback);
    *ret = xstrdup(json_string_value(text));
    return 0;
}

int command_begin(RunContext *run, const CommandLine *line, Buffer *text)
{
    for (const CommandFile *file = line->files; file && file->property; file++) {
        _cleanup_free_ char *content = NULL;
        int r = property_text(run, file->property, &content);
        if (r == 0 && content)
            r = write_file(run, file, content);
        if (r != 0)
            return r;
        if (content && file->before)
            append_command(text, file->before);
    }
    for (const CommandStep *step = line->steps; step && step->command; step++) {
        _cleanup_free_ char *value = NULL;
        int r = step->property ? property_text(run, step->property, &value) : 0;
        if (r != 0)
            return r;
        if (!step->property || (value && strcasecmp(value, "false") != 0))
            append_command(text, step->command);
    }
    return 0;
}

static int add_variables(RunContext *run, const CommandVariable *variable, json_t *environment)
{
    for (; variable && variable->property; variable++) {
        _cleanup_free_ char *value = NULL;
        int r = property_text(run, variable->property, &value);
        if (r != 0)
            return r;
        for (char *c = value; c && *c && variable->is_lower; c++)
            *c = (char)tolower((unsigned char)*c);
        json_set_text(environment, variable->name, value);
    }
    return 0;
}

int command_prepare(RunContext *run, const CommandLine *line, json_t *environment, json_t **output_files)
{
    _cleanup_free_ char *wanted = NULL;
    int r = add_variables(run, line->variables, environment);
    if (r == 0 && line->output_property)
        r = property_text(run, line->output_property, &wanted);
    bool keeps = !line->output_property || (wanted && strcasecmp(wanted, "true") == 0);
    for (const char *const *glob = line->output_files; r == 0 && keeps && glob && *glob; glob++) {
        if (!*output_files)
            *output_files = json_array();
        json_array_append_new(*output_files, json_string(*glob));
    }
    return r;
}
