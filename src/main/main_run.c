/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-run [storage]: started by the worker only, with their socket as descriptor 3. Runs tasks, or answers requests
 * for storage. */
#include <jansson.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/private_env.h"
#include "runner/runner.h"
#include "runner/storage_server.h"

int main(int argc, char **argv)
{
    struct stat st;
    mem_use_for_jansson(json_set_alloc_funcs);
    mem_return_large();
    log_open("run", LOG_INFO);
    private_env_take();
    (void)prctl(PR_SET_DUMPABLE, 0); /* as in every role: secrets and the storage are here */
    bool is_storage = argc == 2 && streq(argv[1], "storage");
    if ((argc != 1 && !is_storage) || fstat(SD_LISTEN_FDS_START, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fputs("kestra-run is started by kestra-worker\n", stderr);
        return 64;
    }
    return (is_storage ? storage_server_run(SD_LISTEN_FDS_START) : runner_serve(SD_LISTEN_FDS_START)) < 0;
}
