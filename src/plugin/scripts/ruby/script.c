/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.ruby.Script: the script becomes a file of the working directory. */
#include "plugin/script.h"
#include "plugin/fields.h"

static const Field fields[] = {
    {"script", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "A whole Ruby script."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ruby\""),
    {},
};

const Type task_ruby_script = {
    .name = "io.kestra.plugin.scripts.ruby.Script",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run a Ruby script.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.scripts.ruby.Script\n"
                                      "script: |\n"
                                      "  puts \"hello\"\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_file,
};
