/* SPDX-License-Identifier: Apache-2.0 */
#include "container/archive.h"

#include <poll.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/identity.h"
#include "container/stream.h"

struct Archive {
    Spawned *tar;
    int fd, cancel_fd;
};

static int start(Spawner *spawner, const char *const *arguments, bool packs, int cancel_fd, Archive **ret)
{
    static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    const SpawnOptions options = {
        .arguments = arguments,
        .environment = environment,
        .input = packs ? SPAWN_NULL : SPAWN_PIPE,
        .output = packs ? SPAWN_PIPE : SPAWN_NULL,
        .error = STDERR_FILENO,
        .change_user = identity_is_set(),
        .user = identity_task_user(),
        .group = identity_task_group(),
        .death_signal = SIGKILL,
    };
    _cleanup_(archive_freep) Archive *archive = xnew(Archive);
    archive->fd = -1;
    archive->cancel_fd = cancel_fd;
    int r = spawn_start(spawner, &options, &archive->tar);
    if (r != 0)
        return r < 0 ? trace(r) : outage(-errno);
    archive->fd = packs ? spawn_stdout(archive->tar) : spawn_stdin(archive->tar);
    *ret = TAKE_PTR(archive);
    return 0;
}

/* The right side of tar's s,,,: what is special there is escaped. */
static char *transform_to(const char *prefix)
{
    _cleanup_buffer_ Buffer text = {};
    buffer_append(&text, "--transform=flags=rh;s,^\\.,");
    for (const char *c = prefix; *c; c++) {
        if (strchr(",\\&;", *c))
            buffer_append_char(&text, '\\');
        buffer_append_char(&text, *c);
    }
    buffer_append(&text, ",");
    return buffer_take(&text);
}

int archive_pack(Spawner *spawner, const char *directory, const char *prefix, bool is_open, int cancel_fd,
                 Archive **ret)
{
    _cleanup_free_ char *transform = transform_to(prefix);
    const char *mode = is_open ? "--mode=a+rwX" : "--numeric-owner";
    const char *arguments[] = {
        "tar", "-C", directory, "--format=gnu", transform, "--owner=+0", "--group=+0", mode, "-cf", "-", ".", NULL};
    return start(spawner, arguments, true, cancel_fd, ret);
}

int archive_unpack(Spawner *spawner, const char *directory, int cancel_fd, Archive **ret)
{
    static const char *const options[] = {"--strip-components=1", "--no-same-owner", "--delay-directory-restore"};
    const char *arguments[] = {"tar", "-C", directory, options[0], options[1], options[2], "-xf", "-", NULL};
    return start(spawner, arguments, false, cancel_fd, ret);
}

ssize_t archive_give(void *userdata, char *bytes, size_t size)
{
    const Archive *archive = userdata;
    return stream_read(archive->fd, archive->cancel_fd, bytes, size);
}

bool archive_take(void *userdata, const char *bytes, size_t length)
{
    const Archive *archive = userdata;
    return stream_write(archive->fd, archive->cancel_fd, bytes, length);
}

bool archive_end(Archive *archive)
{
    siginfo_t info = {};
    archive->fd = close_fd(archive->fd);
    struct pollfd ended = {.fd = spawn_pidfd(archive->tar), .events = POLLIN};
    while (poll(&ended, 1, -1) < 0 && errno == EINTR)
        ;
    return spawn_ended(archive->tar, &info) && info.si_code == CLD_EXITED && info.si_status == 0;
}

Archive *archive_free(Archive *archive)
{
    if (!archive)
        return NULL;
    close_fd(archive->fd);
    if (archive->tar)
        spawn_kill_tree(archive->tar, 0);
    spawn_free(archive->tar);
    free(archive);
    return NULL;
}
