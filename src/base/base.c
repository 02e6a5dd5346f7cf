/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <unistd.h>

#include "base/log.h"

int outage_at(int r, const char *file, int line)
{
    if (r == 0)
        r = -EIO;
    errno = -r;
    log_write(LOG_DEBUG, file, line, "Outage: %m");
    return r;
}

bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), end = strlen(suffix);
    return length >= end && streq(text + length - end, suffix);
}

int close_fd(int fd)
{
    if (fd >= 0) {
        int saved = errno;
        (void)close(fd); /* the descriptor is gone whatever close says */
        errno = saved;
    }
    return -1;
}
