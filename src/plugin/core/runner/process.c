/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.runner.Process: script tasks run as processes of the worker's host. */
#include "plugin/isolation.h"

static const Field fields[] = {
    ISOLATION_FIELDS,
    {},
};

const Type runner_core_process = {
    .name = "io.kestra.plugin.core.runner.Process",
    .kind = TYPE_TASK_RUNNER,
    .where = RUN_NOWHERE,
    .title = "Run the script as a process on the worker's host.",
    .doc =
        "Each task run is a process group of its own in a fresh working directory; in its own control group where "
        "systemd delegates one. Killing the task or reaching its timeout ends the whole tree. Its limits are those of "
        "the whole tree; what it has used is in the metrics process.* of the task run.",
    .examples = (const char *const[]){"id: disk\n"
                                      "type: io.kestra.plugin.scripts.shell.Commands\n"
                                      "taskRunner:\n"
                                      "  type: io.kestra.plugin.core.runner.Process\n"
                                      "commands:\n"
                                      "  - df -h\n",
                                      "id: convert\n"
                                      "type: io.kestra.plugin.scripts.shell.Commands\n"
                                      "taskRunner:\n"
                                      "  type: io.kestra.plugin.core.runner.Process\n"
                                      "  limits:\n"
                                      "    memory: 512MiB\n"
                                      "    cpus: 1.5\n"
                                      "    pids: 100\n"
                                      "commands:\n"
                                      "  - convert {{ inputs.picture }} small.png\n",
                                      NULL},
    .fields = fields,
};
