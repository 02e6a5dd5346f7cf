/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the events that executions receive. */
#include "model/event_kind.h"

#include "base/base.h"

static const char *const names[_EVENT_KIND_MAX] = {
#define EVENT_KIND_ROW(name, text) [EVENT_##name] = text,
    EVENT_KIND_LIST(EVENT_KIND_ROW)
#undef EVENT_KIND_ROW
};

const char *event_kind_to_string(EventKind kind)
{
    return kind >= 0 && kind < _EVENT_KIND_MAX ? names[kind] : "invalid";
}

EventKind event_kind_from_string(const char *text)
{
    for (int kind = 0; text && kind < _EVENT_KIND_MAX; kind++)
        if (streq(names[kind], text))
            return (EventKind)kind;
    return _EVENT_KIND_INVALID;
}
