/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task writes: two bytes say how long a line may be and where the stream is cut, the rest is its output. It
 * gives the same lines however it is cut, also over a handover; then each line is what a script says.
 */
#include "fuzz.h"

#include <math.h>

#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/script.h"
#include "worker/lines.h"

enum { LINE_BYTES_MIN = 8, OUTPUTS_BYTES_MAX = 4096 };

/* --- lines --- */

typedef struct Taken {
    Buffer text;
    size_t bytes_max;
    ScriptOutput *output; /* NULL: nobody reads them */
    RunContext *run;
} Taken;

static void take(void *userdata, const char *line, size_t length, LinePart part)
{
    Taken *taken = userdata;
    fuzz_check(length <= taken->bytes_max && strlen(line) == length);
    fuzz_check(!strpbrk(line, "\r\n"));
    buffer_printf(&taken->text, "%d %zu ", (int)part, length);
    buffer_append_n(&taken->text, line, length);
    if (!taken->output)
        return;
    if (part == LINE_WHOLE)
        script_line(taken->run, taken->output, length % 2, line, length);
    else if (part == LINE_FIRST)
        script_line_too_long(taken->run, taken->output, line, taken->bytes_max);
}

/* As if a secret began with the last "s". */
static size_t keep(void *userdata, const char *text, size_t length)
{
    const char *secret = memrchr(text, 's', length);
    return secret ? (size_t)(text + length - secret) : 0;
}

/* piece: bytes that come at once. */
static void feed(Taken *taken, const char *text, size_t length, size_t piece, bool handed_over)
{
    const LineTaker taker = {.take = take, .keep = keep, .userdata = taken, .bytes_max = taken->bytes_max};
    Lines lines = {};
    for (size_t at = 0; at < length; at += piece) {
        lines_feed(&lines, text + at, MIN(piece, length - at), &taker);
        if (handed_over) {
            Lines next = {};
            const Buffer *rest = lines_rest(&lines);
            lines_restore(&next, buffer_text(rest), rest->length, lines.after_return, lines.is_cut);
            lines_done(&lines);
            lines = next;
        }
    }
    lines_end(&lines, &taker);
    lines_done(&lines);
}

/* --- scripts --- */

static void check_log(void *userdata, int level, const char *message)
{
    fuzz_check(level >= LOG_LEVEL_TRACE && level <= LOG_LEVEL_ERROR && message);
}

static void check_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
    fuzz_check(name && isfinite(value) && (!tags || json_is_object(tags)));
}

static const RunOps ops = {.log = check_log, .metric = check_metric};

static void check_outputs(RunContext *run, const ScriptOutput *output)
{
    static const ScriptContext script = {};
    _cleanup_free_ char *text = NULL;
    _cleanup_json_ json_t *again = NULL;
    int r = script_end(run, &script, output, 0, NULL);
    fuzz_check(r == (output->lost ? RUN_E_FAILED : 0));
    fuzz_check(!output->lost || json_object_size(output->vars) == 0);
    text = json_text(run->outputs);
    fuzz_check(json_parse(text, strlen(text), 0, &again, NULL) == 0 && json_equal(run->outputs, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FUZZ_INPUT_MAX)
        return 0;
    _cleanup_free_ char *text = fuzz_text(data + 2, size - 2);
    _cleanup_json_ json_t *outputs = json_object();
    static const Type type = {.outputs = script_outputs};
    const Task task = {.type = &type};
    RunContext run = {.task = &task, .outputs = outputs, .ops = &ops};
    ScriptOutput output = {.bytes_max = OUTPUTS_BYTES_MAX};
    Taken whole = {.bytes_max = LINE_BYTES_MIN + (size_t)data[0] * 16, .output = &output, .run = &run},
          pieces = {.bytes_max = whole.bytes_max};
    feed(&whole, text, size - 2, FUZZ_INPUT_MAX, false);
    feed(&pieces, text, size - 2, 1 + (size_t)data[1], data[1] % 2);
    fuzz_check(streq(buffer_text(&whole.text), buffer_text(&pieces.text)));
    check_outputs(&run, &output);
    script_output_done(&output);
    buffer_done(&whole.text);
    buffer_done(&pieces.text);
    return 0;
}
