/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.ruby.Commands: shell commands beside Ruby files. */
#include "plugin/fields.h"
#include "plugin/script.h"

static const Field fields[] = {
    {"commands", FIELD_LIST, FIELD_EXPRESSION | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,
     .doc = "Commands of one shell, in order."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ruby\""),
    {},
};

const Type task_ruby_commands = {
    .name = "io.kestra.plugin.scripts.ruby.Commands",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run Ruby programs from the command line.",
    .examples = (const char *const[]){"id: run\n"
                                      "type: io.kestra.plugin.scripts.ruby.Commands\n"
                                      "namespaceFiles:\n"
                                      "  enabled: true\n"
                                      "commands:\n"
                                      "  - ruby main.rb\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_commands,
};
