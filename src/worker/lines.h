/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Cuts the bytes of a stream into lines. */
#include "base/buffer.h"

enum { LINE_BYTES_MAX = 4 * 1024 * 1024 };

typedef struct Lines {
    Buffer rest; /* private: what came after the last line break */
} Lines;
typedef void (*LineTaker)(void *userdata, const char *line, size_t length);
/* Calls `take` for every whole line, without its break ("\n" or "\r\n"). A line is cut at LINE_BYTES_MAX. NULs become
 * U+FFFD, because lines travel as texts. The line is terminated and borrowed for the call. */
void lines_feed(Lines *lines, const char *bytes, size_t length, LineTaker take, void *userdata);
/* The stream ended: what is left is a line too. */
void lines_end(Lines *lines, LineTaker take, void *userdata);
void lines_done(Lines *lines);
