/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers cron cases: JSON lines {cron, withSeconds, zone, from} in, {next, previous} or {error} out. The comparison is
 * made by the script tests/conformance/cron.
 */
#include <jansson.h>

#include "base/clock.h"
#include "base/diag.h"
#include "when/cron.h"
#include "when/duration.h"

#define NEXT_DATES     12
#define PREVIOUS_DATES 2

static void append_dates(json_t *list, const Cron *cron, const char *zone, usec_t from, bool forward, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if ((forward ? cron_next(cron, from, &from) : cron_previous(cron, from, &from)) != 0)
            return;
        _cleanup_free_ char *text = zoned_format(from, zone);
        json_array_append_new(list, json_string(text));
    }
}

static json_t *answer(const json_t *question)
{
    const char *text = json_string_value(json_object_get(question, "cron"));
    const char *zone = json_string_value(json_object_get(question, "zone"));
    const char *from = json_string_value(json_object_get(question, "from"));
    bool with_seconds = json_is_true(json_object_get(question, "withSeconds"));
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(cron_freep) Cron *cron = NULL;
    if (!text || cron_parse(text, with_seconds, zone, &cron, &diag) != 0)
        return json_pack("{s:s}", "error", diag_first(&diag));
    usec_t instant;
    if (!from || instant_parse(from, &instant) != 0)
        return json_pack("{s:b}", "valid", 1);
    json_t *next = json_array(), *previous = json_array();
    append_dates(next, cron, zone, instant, true, NEXT_DATES);
    append_dates(previous, cron, zone, instant, false, PREVIOUS_DATES);
    return json_pack("{s:b,s:o,s:o}", "valid", 1, "next", next, "previous", previous);
}

int main(void)
{
    char *line = NULL;
    size_t allocated = 0;
    while (getline(&line, &allocated, stdin) > 0) {
        json_t *question = json_loads(line, 0, NULL), *reply = answer(question);
        char *text = json_dumps(reply, JSON_COMPACT);
        puts(text);
        free(text);
        json_decref(reply);
        json_decref(question);
    }
    free(line);
    return 0;
}
