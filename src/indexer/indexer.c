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
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(conf_freep) Conf *conf = NULL;
    int r = conf_reload(indexer->conf, &conf, &diag);
    if (r == 0)
        log_set_level(log_level_parse(conf_text(conf, "log.level")));
    else {
        _cleanup_free_ char *text = diag_format(&diag, NULL);
        log_event(SETTINGS_INVALID, "Settings are wrong and stay as they were: %s", text);
    }
    return 0; /* wrong settings do not end a role that runs */
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
