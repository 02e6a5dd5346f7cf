/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-scheduler: schedules, and the watcher of the flow directory. */
#include "main/role.h"
#include "scheduler/scheduler.h"
#include "watch/watch.h"

static int start_watch(Loop *loop, const Conf *conf, Pg *pg, void (*flows_changed)(void *userdata), void *userdata,
                       void **ret)
{
    Watch *watch;
    int r = watch_new(loop, conf, pg, flows_changed, userdata, &watch);
    if (r == 0)
        *ret = watch;
    return r;
}

static int connected(void *watch)
{
    return watch_connected(watch);
}

static void stop_watch(void *watch)
{
    watch_free(watch);
}

static int run(const Conf *conf, const char *socket_path)
{
    static const SchedulerCompanion watch = {.start = start_watch, .connected = connected, .stop = stop_watch};
    return scheduler_run(conf, socket_path, &watch);
}

int main(int argc, char **argv)
{
    return role_main(argc, argv, &(Role){.name = "scheduler", .run = run});
}
