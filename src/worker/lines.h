/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Cuts the bytes of a stream into lines. */
#include "base/buffer.h"

typedef struct Lines {
    Buffer rest;       /* private: what came after the last line break */
    bool after_return; /* a "\n" that comes now belongs to the "\r" before it */
    bool is_cut;       /* pieces of this line were given */
} Lines;
/* Where a piece stands in its line. */
typedef enum LinePart {
    LINE_WHOLE,
    LINE_FIRST, /* it was too long: others follow */
    LINE_MIDDLE,
    LINE_LAST,
} LinePart;
typedef struct LineTaker {
    /* A line or a piece of one, terminated, without its break; borrowed for the call. */
    void (*take)(void *userdata, const char *line, size_t length, LinePart part);
    /* How many bytes at the end of `text` must stay together with what follows: less than a character, or a secret, is
     * not cut in two. NULL: none. */
    size_t (*keep)(void *userdata, const char *text, size_t length);
    void *userdata;
    size_t bytes_max; /* of a line */
} LineTaker;
/* Gives every whole line; "\n", "\r\n" and "\r" end it. A line is cut at bytes_max, or up to half of that before. NULs
 * become U+FFFD, because lines travel as texts. */
void lines_feed(Lines *lines, const char *bytes, size_t length, const LineTaker *taker);
/* The stream ended: what is left is a line too. */
void lines_end(Lines *lines, const LineTaker *taker);
void lines_done(Lines *lines);
/* What came after the last line break, borrowed; and the same put back, with the two flags. */
const Buffer *lines_rest(const Lines *lines);
void lines_restore(Lines *lines, const char *bytes, size_t length, bool after_return, bool is_cut);
