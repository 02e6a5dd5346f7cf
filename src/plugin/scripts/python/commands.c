/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.python.Commands: shell commands beside Python files. */
#include "plugin/fields.h"
#include "plugin/script.h"
#include "plugin/scripts/python/environment.h"

static const Field fields[] = {
    {"commands", FIELD_LIST, FIELD_EXPRESSION | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,
     .doc = "Commands of one shell, in order."},
    PYTHON_FIELDS,
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ghcr.io/kestra-io/kestrapy:latest\""),
    {},
};

const Type task_python_commands = {
    .name = "io.kestra.plugin.scripts.python.Commands",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run Python programs from the command line.",
    .examples = (const char *const[]){"id: run\n"
                                      "type: io.kestra.plugin.scripts.python.Commands\n"
                                      "namespaceFiles:\n"
                                      "  enabled: true\n"
                                      "commands:\n"
                                      "  - python3 main.py\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_commands,
};
