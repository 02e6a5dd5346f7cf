/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.flow.Sleep: a pause that occupies the worker with a timer only. */
#include "base/clock.h"
#include "model/log_entry.h"
#include "plugin/run.h"

static int wait_sleep(RunContext *run, usec_t *ret_delay)
{
    usec_t delay;
    int r = run_duration(run, "duration", 0, &delay);
    if (r != 0)
        return r;
    char text[DURATION_BYTES];
    duration_format(delay, text);
    run_log(run, LOG_LEVEL_INFO, "Waiting for %s", text);
    *ret_delay = delay;
    return 0;
}

static const Field fields[] = {
    {"duration", FIELD_DURATION, FIELD_REQUIRED, .doc = "How long to wait."},
    {},
};

const Type task_core_sleep = {
    .name = "io.kestra.plugin.core.flow.Sleep",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Sleep", NULL},
    .kind = TYPE_TASK,
    .where = RUN_WAIT,
    .title = "Wait for a time, then go on.",
    .examples = (const char *const[]){"id: settle\n"
                                      "type: io.kestra.plugin.core.flow.Sleep\n"
                                      "duration: PT5S\n",
                                      NULL},
    .fields = fields,
    .wait = wait_sleep,
};
