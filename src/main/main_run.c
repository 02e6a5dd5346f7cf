/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-run: started by the worker only, with their socket as descriptor 3. */
#include <jansson.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "runner/runner.h"

int main(int argc, char **argv)
{
    struct stat st;
    mem_use_for_jansson(json_set_alloc_funcs);
    log_open("run", LOG_INFO);
    if (argc != 1 || fstat(SD_LISTEN_FDS_START, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fputs("kestra-run is started by kestra-worker\n", stderr);
        return 64;
    }
    return runner_serve(SD_LISTEN_FDS_START) < 0;
}
