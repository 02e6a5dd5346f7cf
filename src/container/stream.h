/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The output of a container: frames of an engine (a head of 8 bytes: stream, three zeros, length) become our own two
 * outputs. */
#include <sys/types.h>

#include "base/base.h"

typedef struct Stream {
    int cancel_fd; /* readable: nothing is written any more; -1: none */
    unsigned char head[8];
    size_t head_length;
    uint32_t left; /* bytes of the frame */
    bool in_line;  /* standard output has not ended its line */
} Stream;

/* EngineRequest.take; userdata: a Stream. */
bool stream_take(void *userdata, const char *bytes, size_t length);
/* Writes all of it, however slowly it is read. False: cancelled, or nobody reads. */
bool stream_write(int fd, int cancel_fd, const char *bytes, size_t length);
/* Reads what there is, waiting for it: as read(2). -1 also when cancelled. */
ssize_t stream_read(int fd, int cancel_fd, char *bytes, size_t size);
