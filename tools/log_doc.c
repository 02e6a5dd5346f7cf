/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the journal catalog of log_events.h (https://systemd.io/CATALOG). */
#include <stdio.h>
#include <string.h>

#include "base/log_events.h"

enum { WIDTH = 80 };

/* Words in lines of WIDTH; a line break of the text stays. */
static void print_wrapped(const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (column > 0 && column + 1 + length > WIDTH) {
            (void)putchar('\n');
            column = 0;
        }
        (void)printf("%s%.*s", column > 0 ? " " : "", (int)length, text);
        column += (column > 0) + length;
        text += length;
        for (; *text == ' ' || *text == '\n'; text++)
            if (*text == '\n') {
                (void)putchar('\n');
                column = 0;
            }
    }
    (void)putchar('\n');
}

int main(void)
{
    static const struct {
        const char *id, *subject, *text;
    } events[] = {
#define LOG_EVENT_ROW(name, id, priority, subject, text) {id, subject, text},
        LOG_EVENTS(LOG_EVENT_ROW)
#undef LOG_EVENT_ROW
    };
    for (int i = 0; i < (int)_LOG_EVENT_MAX; i++) {
        (void)printf("%s-- %s\nSubject: %s\nDefined-By: kestra\nDocumentation: man:kestractl(1)\n\n", i ? "\n" : "",
                     events[i].id, events[i].subject);
        print_wrapped(events[i].text);
    }
    return fflush(stdout) != 0;
}
