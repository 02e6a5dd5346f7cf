/* SPDX-License-Identifier: Apache-2.0 */
#include "indexer/indexer.h"

#include "base/daemon.h"
#include "base/log.h"

typedef struct Indexer {
    Daemon *daemon;
    const Conf *conf; /* as at start */
} Indexer;

static int on_reload(void *userdata)
{
    Indexer *indexer = userdata;
    _cleanup_(conf_freep) Conf *conf = NULL;
    (void)!conf_reload(indexer->conf, &conf); /* it is said; nothing but the level of the log concerns this role */
    return 0;
}

static const DaemonOps operations = {.role = "indexer", .reload = on_reload};

int indexer_run(const Conf *conf, const char *socket_path)
{
    Indexer indexer = {.conf = conf};
    _cleanup_(daemon_freep) Daemon *daemon = NULL;
    int r = daemon_new(&operations, &indexer, socket_path, &daemon);
    if (r < 0)
        return trace(r);
    indexer.daemon = daemon;
    r = daemon_turning(daemon); /* nothing else ever wakes this role */
    if (r < 0)
        return trace(r);
    daemon_health(daemon, "loop", HEALTH_UP, "nothing to do");
    daemon_status(daemon, "nothing to do: PostgreSQL is searchable as soon as the queue commits");
    daemon_ready(daemon);
    return daemon_run(daemon);
}
