/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece that is cut by bytes or rows is kept as soon as it is full, so that one file is open at a time; partitions
 * are all open until the end, because lines go to them in turn.
 */
#include "plugin/core/storage/pieces.h"

#include "doc/json.h"
#include "plugin/script_files.h"

int64_t pieces_size(const char *text)
{
    static const struct {
        const char *unit;
        int64_t factor;
    } units[] = {{"", 1},         {"B", 1},         {"KB", 1024},    {"KIB", 1024},
                 {"MB", 1 << 20}, {"MIB", 1 << 20}, {"GB", 1 << 30}, {"GIB", 1 << 30}};
    char *end;
    intmax_t number = strtoimax(text, &end, 10);
    end += strspn(end, " ");
    for (size_t i = 0; i < ELEMENTS(units) && end != text && number > 0; i++)
        if (strcasecmp(end, units[i].unit) == 0)
            return number * units[i].factor;
    return -1;
}

static int keep(Pieces *pieces, StorageWriter *writer)
{
    _cleanup_free_ char *uri = NULL, *name = NULL;
    const char *extension = storage_task_extension(pieces->from);
    if (pieces->numbered)
        name = xasprintf("%zu%s", json_array_size(pieces->uris) + 1, extension);
    int r = name ? storage_task_keep_as(pieces->run, writer, name, &uri)
                 : storage_task_keep(pieces->run, writer, extension, &uri);
    if (r == 0)
        json_array_append_new(pieces->uris, json_string(uri));
    return r;
}

static int start_piece(Pieces *pieces)
{
    StorageWriter writer;
    int r = storage_task_create(pieces->run, &writer);
    if (r == 0)
        vec_push(&pieces->writers, writer);
    pieces->written_bytes = pieces->written_rows = 0;
    return r;
}

/* Ends the only open piece. */
static int end_piece(Pieces *pieces)
{
    int r = keep(pieces, &pieces->writers.items[0]);
    storage_writer_done(&pieces->writers.items[0]);
    pieces->writers.count = 0;
    return r;
}

static int take_line(Pieces *pieces, const char *line, size_t length)
{
    size_t at = pieces->bytes == 0 && pieces->partitions > 0 ? (size_t)(pieces->line++ % pieces->partitions) : 0;
    while (pieces->writers.count <= at) {
        int r = start_piece(pieces);
        if (r != 0)
            return r;
    }
    FILE *file = pieces->writers.items[at].file;
    (void)fwrite(line, 1, length, file);  /* storage_task_keep() looks */
    (void)fputs(pieces->separator, file); /* the same */
    pieces->written_bytes += (int64_t)(length + strlen(pieces->separator));
    pieces->written_rows++;
    bool is_full = pieces->bytes > 0 ? pieces->written_bytes >= pieces->bytes
                                     : pieces->partitions == 0 && pieces->written_rows >= pieces->rows;
    return is_full ? end_piece(pieces) : 0;
}

static int cut_file(Pieces *pieces, FILE *from)
{
    _cleanup_free_ char *line = NULL;
    size_t allocated = 0;
    int r = 0;
    for (ssize_t n; r == 0 && (n = getline(&line, &allocated, from)) >= 0;) {
        if (run_is_killed(pieces->run))
            return RUN_E_FAILED;
        if (n > 0 && line[n - 1] == '\n')
            n--;
        if (n > 0 && line[n - 1] == '\r')
            n--;
        r = take_line(pieces, line, (size_t)n);
    }
    for (size_t i = 0; r == 0 && i < pieces->writers.count; i++)
        r = keep(pieces, &pieces->writers.items[i]);
    return r;
}

static int cut(RunContext *run, void *userdata)
{
    Pieces *pieces = userdata;
    int r = cut_file(pieces, pieces->file);
    for (size_t i = 0; i < pieces->writers.count; i++)
        storage_writer_done(&pieces->writers.items[i]);
    vec_free(&pieces->writers);
    return r;
}

static int check_sizes(const Pieces *pieces)
{
    if (pieces->partitions < 0 || pieces->partitions > PIECES_PARTITIONS_MAX || pieces->rows < 0)
        return run_fail(pieces->run, "partitions must be 1 to %d, rows at least 1", PIECES_PARTITIONS_MAX);
    if (pieces->bytes == 0 && pieces->partitions == 0 && pieces->rows == 0)
        return run_fail(pieces->run, "Invalid configuration with no size, count, nor rows");
    return 0;
}

int pieces_cut(Pieces *pieces, json_t **ret_uris)
{
    _cleanup_(storage_task_close) FILE *file = NULL;
    _cleanup_json_ json_t *uris = json_array();
    pieces->uris = uris;
    int r = check_sizes(pieces);
    if (r == 0)
        r = storage_task_open(pieces->run, pieces->from, &file);
    pieces->file = file;
    if (r == 0)
        r = script_files_batch(pieces->run, cut, pieces);
    if (r == 0)
        *ret_uris = TAKE_PTR(uris);
    return r;
}
