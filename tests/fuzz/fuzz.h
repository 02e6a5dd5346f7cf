/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the fuzz targets share. Each is a function of one input, which aborts when something that always holds does not.
 * Built with -DFUZZER and -fsanitize=fuzzer (tests/fuzz/run) libFuzzer calls it; otherwise main.c runs the files that
 * it is given: `make check` does so with the corpus.
 */
#include "base/buffer.h"

enum { FUZZ_INPUT_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy that ends where the input does, so that a step too far is seen; terminated. Caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* Cuts the first line off; *text moves behind it, `end` is the end of the text. */
static inline char *fuzz_line(char **text, const char *end)
{
    char *line = *text, *feed = memchr(line, '\n', (size_t)(end - line));
    *text = feed ? feed + 1 : line + (end - line);
    if (feed)
        *feed = '\0';
    return line;
}

static inline void fuzz_check(bool holds)
{
    if (!holds)
        abort();
}
