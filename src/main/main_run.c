/* SPDX-License-Identifier: Apache-2.0 */
/* kestra-run storage | [UID GID]: started by the worker only, with their socket as descriptor 3. Answers requests for
 * storage, or runs tasks, whose files are those of the given user. */
#include <jansson.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/identity.h"
#include "base/log.h"
#include "base/private_env.h"
#include "runner/runner.h"
#include "runner/storage_server.h"

static bool parse_id(const char *text, unsigned *ret)
{
    uint64_t value = 0;
    for (const char *digit = text; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || value > UINT32_MAX)
            return false;
        value = value * 10 + (uint64_t)(*digit - '0');
    }
    *ret = (unsigned)value;
    return *text && value < UINT32_MAX; /* the last one means none */
}

int main(int argc, char **argv)
{
    struct stat st;
    unsigned user = 0, group = 0;
    mem_use_for_jansson(json_set_alloc_funcs);
    mem_return_large();
    log_open("run", LOG_INFO);
    private_env_take();
    bool is_storage = argc == 2 && streq(argv[1], "storage");
    bool has_user = argc == 3 && parse_id(argv[1], &user) && parse_id(argv[2], &group);
    if ((argc != 1 && !is_storage && !has_user) || fstat(SD_LISTEN_FDS_START, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fputs("kestra-run is started by kestra-worker\n", stderr);
        return 64;
    }
    if (has_user && identity_adopt(user, group) < 0) {
        log_error("Cannot take on user %u of tasks: %m", user);
        return 1;
    }
    (void)prctl(PR_SET_DUMPABLE, 0); /* as in every role: secrets and the storage are here */
    return (is_storage ? storage_server_run(SD_LISTEN_FDS_START) : runner_serve(SD_LISTEN_FDS_START)) < 0;
}
