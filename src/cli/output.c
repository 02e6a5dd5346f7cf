/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"

int exit_of(int r)
{
    return r == 0 ? EXIT_OK : r < 0 ? EXIT_UNAVAILABLE : r == CLIENT_E_TIMED_OUT ? EXIT_TIMED_OUT : EXIT_FAILED;
}

void print_json(const json_t *value)
{
    if (!value)
        return;
    size_t flags = JSON_ENCODE_ANY | (isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);
    (void)json_dumpf(value, stdout, flags); /* a closed pipe shows at exit */
    (void)putchar('\n');
}

/* Columns a text takes on a terminal: code points, which is right for the ids and messages shown here. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void print_cell(const char *text, size_t width, bool last)
{
    (void)fputs(text, stdout);
    if (last) {
        (void)putchar('\n');
        return;
    }
    for (size_t i = width_of(text); i < width + 2; i++)
        (void)putchar(' ');
}

void print_table(const char *const *columns, json_t *rows)
{
    size_t widths[16] = {}, count = 0, index;
    json_t *row;
    for (; count < ELEMENTS(widths) && columns[count]; count++)
        widths[count] = width_of(columns[count]);
    json_array_foreach (rows, index, row)
        for (size_t i = 0; i < count; i++)
            widths[i] = MAX(widths[i], width_of(json_string_value(json_array_get(row, i))));
    for (size_t i = 0; i < count; i++)
        print_cell(columns[i], widths[i], i + 1 == count);
    json_array_foreach (rows, index, row)
        for (size_t i = 0; i < count; i++)
            print_cell(json_string_value(json_array_get(row, i)), widths[i], i + 1 == count);
    json_decref(rows);
}

char *age_text(const char *instant)
{
    usec_t date, now = clock_realtime();
    if (!instant || instant_parse(instant, &date) != 0)
        return xstrdup("-");
    bool future = date > now;
    uint64_t seconds = (future ? date - now : now - date) / USEC_PER_SEC;
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    size_t i = 0;
    while (i + 1 < ELEMENTS(units) && seconds < units[i].unit)
        i++;
    const char *format = future ? "in %" PRIu64 " %s" : "%" PRIu64 " %s ago";
    return xasprintf(format, seconds / units[i].unit, units[i].name);
}

int read_source(const char *path, size_t bytes_max, Buffer *ret)
{
    FILE *file = streq(path, "-") ? stdin : fopen(path, "re");
    if (!file) {
        (void)fprintf(stderr, "kestractl: %s: %m\n", path);
        return 1;
    }
    char piece[65536];
    size_t length;
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0 && ret->length < bytes_max)
        buffer_append_n(ret, piece, length);
    bool failed = ferror(file) || ret->length >= bytes_max;
    if (failed)
        (void)fprintf(stderr, "kestractl: %s: cannot be read, or is larger than %zu MiB\n", path, bytes_max >> 20);
    if (file != stdin)
        (void)fclose(file); /* only read */
    return failed;
}

int show_get(Client *client, const Options *options, const char *path, void (*show)(const json_t *answer))
{
    _cleanup_json_ json_t *answer = NULL;
    int r = client_json(client, &(ClientRequest){.method = "GET", .path = path}, &answer);
    if (r != 0)
        return exit_of(r);
    if (options->json || !show)
        print_json(answer);
    else
        show(answer);
    return EXIT_OK;
}
