/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.LocalFiles: files into a working directory, and out of it. */
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/run.h"
#include "plugin/script_files.h"

static int write_inputs(RunContext *run)
{
    _cleanup_json_ json_t *inputs = NULL, *parsed = NULL;
    int r = run_value(run, "inputs", &inputs);
    if (r != 0 || !inputs)
        return r;
    const json_t *files = inputs;
    if (json_is_string(inputs)) {
        if (json_parse(json_string_value(inputs), json_string_length(inputs), 0, &parsed, NULL) != 0)
            return run_fail(run, "inputs must be a map, or a JSON text that holds a map");
        files = parsed;
    }
    run_log(run, LOG_LEVEL_TRACE, "Provided %zu input(s).", json_object_size(files));
    return script_files_write_map(run, files);
}

static int run_local_files(RunContext *run)
{
    _cleanup_json_ json_t *globs = NULL;
    json_t *uris;
    if (!run->working_directory)
        return run_fail(run, "There is no working directory");
    int r = write_inputs(run);
    if (r == 0)
        r = run_texts(run, "outputs", &globs);
    if (r == 0)
        r = script_files_collect(run, run->working_directory, globs, &uris);
    if (r != 0)
        return r;
    if (globs)
        run_log(run, LOG_LEVEL_TRACE, "Captured %zu output(s).", json_object_size(uris));
    run_output(run, "uris", uris);
    return 0;
}

static const Field fields[] = {
    {"inputs", FIELD_ANY, FIELD_DYNAMIC, .doc = "Files to write: path to text or kestra:// URI."},
    {"outputs", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING,
     .doc = "Globs of files to keep in internal storage."},
    {},
};

static const Field outputs[] = {
    {"uris", FIELD_MAP, .item = FIELD_STRING, .doc = "Path of each kept file to its kestra:// URI."},
    {},
};

const Type task_core_local_files = {
    .name = "io.kestra.plugin.core.storage.LocalFiles",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.LocalFiles", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Bring files into a working directory, and keep files of it.",
    .examples = (const char *const[]){"id: files\n"
                                      "type: io.kestra.plugin.core.storage.LocalFiles\n"
                                      "inputs:\n"
                                      "  hello.txt: \"Hello {{ inputs.name }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_local_files,
};
