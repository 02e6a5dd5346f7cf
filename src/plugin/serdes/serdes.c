/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/serdes/serdes.h"

#include <ctype.h>
#include <fcntl.h>
#include <iconv.h>
#include <unistd.h>

#include "base/id.h"
#include "doc/json.h"
#include "plugin/charset.h"

enum { KILL_CHECK_RECORDS = 4096 };

const Field serdes_outputs[] = {
    {"uri", FIELD_STRING, .doc = "The new file."},
    {},
};

/* --- charsets --- */

static bool is_utf8(const char *charset)
{
    return !charset || strcasecmp(charset, "UTF-8") == 0 || strcasecmp(charset, "UTF8") == 0;
}

/* All of `from`, in charset, to `to`, in UTF-8; a piece at a time. */
static int transcode(RunContext *run, iconv_t converter, FILE *from, FILE *to)
{
    char bytes[16384], text[sizeof bytes * 4];
    size_t left = 0;
    for (;;) {
        size_t n = fread(bytes + left, 1, sizeof bytes - left, from);
        char *in = bytes, *out = text;
        size_t in_left = left + n, out_left = sizeof text;
        bool ends = n == 0;
        while (in_left > 0 && iconv(converter, &in, &in_left, &out, &out_left) == (size_t)-1) {
            if (errno == EINVAL && !ends)
                break; /* a character goes on in the next piece */
            if (out_left < 3)
                break;
            memcpy(out, "\xEF\xBF\xBD", 3); /* U+FFFD for what is no text */
            out += 3, out_left -= 3, in++, in_left--;
        }
        if (fwrite(text, 1, sizeof text - out_left, to) != sizeof text - out_left)
            return run_fail(run, "The working directory cannot be written: %m");
        left = in_left;
        memmove(bytes, in, left);
        if (ends)
            return 0;
    }
}

static int open_scratch(RunContext *run, FILE **ret)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *path = xasprintf("%s/%s", run->working_directory, id);
    *ret = fopen(path, "w+xe");
    if (!*ret)
        return run_fail(run, "The working directory cannot be written: %m");
    (void)unlink(path); /* goes with the directory otherwise */
    return 0;
}

/* Puts a copy in UTF-8 in the place of serdes->file. */
static int read_charset(Serdes *serdes, const char *charset)
{
    FILE *copy = NULL;
    if (is_utf8(charset))
        return 0;
    iconv_t converter = iconv_open("UTF-8", charset);
    if (converter == (iconv_t)-1)
        return run_fail(serdes->run, "Property 'charset' is not a known charset: '%s'", charset);
    int r = open_scratch(serdes->run, &copy);
    if (r == 0)
        r = transcode(serdes->run, converter, serdes->file, copy);
    (void)iconv_close(converter);
    if (r == 0 && fseek(copy, 0, SEEK_SET) != 0)
        r = run_fail(serdes->run, "The file cannot be read: %m");
    if (r != 0) {
        storage_task_close(&copy);
        return r;
    }
    storage_task_close(&serdes->file);
    serdes->file = copy;
    return 0;
}

/* Java begins UTF-16 with a mark, once. */
static int write_charset(Serdes *serdes, const char *charset)
{
    if (is_utf8(charset))
        return 0;
    iconv_t converter = iconv_open(charset, "UTF-8");
    if (converter == (iconv_t)-1)
        return run_fail(serdes->run, "Property 'charset' is not a known charset: '%s'", charset);
    (void)iconv_close(converter);
    bool has_mark = strcasecmp(charset, "UTF-16") == 0;
    serdes->charset = xstrdup(has_mark ? "UTF-16BE" : charset);
    if (has_mark)
        (void)fwrite("\xFE\xFF", 1, 2, serdes->writer.file); /* storage_task_keep() looks */
    return 0;
}

/* --- pieces --- */

static void skip_mark(FILE *file)
{
    unsigned char mark[3];
    size_t n = fread(mark, 1, sizeof mark, file);
    if (n != sizeof mark || memcmp(mark, "\xEF\xBB\xBF", 3) != 0)
        (void)fseek(file, 0, SEEK_SET); /* storage_task_open() gives what can be read twice */
}

int serdes_line(Serdes *serdes, bool *ret_more)
{
    bool is_blank = true;
    buffer_clear(&serdes->line);
    serdes->row++;
    for (int c; (c = getc_unlocked(serdes->file)) != EOF;) {
        if (c == '\n' && !is_blank)
            break;
        if (c == '\n') {
            serdes->row++;
            buffer_clear(&serdes->line);
            continue;
        }
        is_blank = is_blank && isspace(c);
        buffer_append_char(&serdes->line, (char)c);
        if (serdes->line.length > SERDES_RECORD_BYTES_MAX)
            return run_fail(serdes->run, "Line %" PRIu64 " is longer than %zu bytes", serdes->row,
                            SERDES_RECORD_BYTES_MAX);
    }
    *ret_more = !is_blank;
    return ferror(serdes->file) ? run_fail(serdes->run, "The file cannot be read: %m") : 0;
}

int serdes_value(Serdes *serdes, bool *ret_more, Value *ret)
{
    bool is_empty = true;
    do {
        int r = serdes_line(serdes, ret_more);
        if (r != 0 || !*ret_more)
            return r;
        arena_reset(serdes->arena);
        if (!ion_read(serdes->arena, serdes->line.text, serdes->line.length, &is_empty, ret))
            return run_fail(serdes->run, "Line %" PRIu64 " of the file is not Ion", serdes->row);
    } while (is_empty);
    return 0;
}

int serdes_flush(Serdes *serdes)
{
    _cleanup_free_ char *encoded = NULL;
    const char *bytes = buffer_text(&serdes->text);
    size_t length = serdes->text.length;
    if (serdes->charset) {
        int r = charset_encode(serdes->charset, bytes, &encoded, &length);
        if (r < 0)
            return trace(r);
        if (r > 0)
            return run_fail(serdes->run, "Property 'charset' is not a known charset: '%s'", serdes->charset);
        bytes = encoded;
    }
    if (fwrite(bytes, 1, length, serdes->writer.file) != length)
        return run_fail(serdes->run, "A new file cannot be written: %m");
    buffer_clear(&serdes->text);
    if (serdes->records % KILL_CHECK_RECORDS == 0 && run_is_killed(serdes->run))
        return RUN_E_FAILED;
    return 0;
}

int serdes_put_ion(Serdes *serdes, const Value *value)
{
    ion_write(&serdes->text, value);
    buffer_append_char(&serdes->text, '\n');
    serdes->records++;
    return serdes_flush(serdes);
}

int serdes_character(RunContext *run, const char *property, char fallback, char *ret)
{
    _cleanup_free_ char *text = NULL, *plain = NULL;
    *ret = fallback;
    int r = run_text(run, property, &text);
    if (r != 0 || !text)
        return r;
    plain = storage_task_unescape(text);
    if (strlen(plain) != 1 || (unsigned char)*plain >= 0x80)
        return run_fail(run, "Property '%s' is not one ASCII character: '%s'", property, text);
    *ret = *plain;
    return 0;
}

/* --- the whole --- */

static int prepare(Serdes *serdes, bool reads_text)
{
    RunContext *run = serdes->run;
    _cleanup_free_ char *from = NULL, *charset = NULL;
    int r = storage_task_uri(run, "from", &from);
    if (r == 0)
        r = run_text(run, "charset", &charset);
    if (r == 0)
        r = storage_task_open(run, from, &serdes->file);
    if (r == 0 && reads_text)
        r = read_charset(serdes, charset);
    if (r == 0)
        skip_mark(serdes->file);
    if (r == 0)
        r = storage_task_create(run, &serdes->writer);
    if (r == 0 && !reads_text)
        r = write_charset(serdes, charset);
    return r;
}

int serdes_run(RunContext *run, bool reads_text, const char *extension, int (*convert)(Serdes *serdes))
{
    Serdes serdes = {.run = run, .arena = arena_new()};
    _cleanup_free_ char *uri = NULL;
    int r = prepare(&serdes, reads_text);
    if (r == 0)
        r = convert(&serdes);
    if (r == 0)
        r = storage_task_keep(run, &serdes.writer, extension, &uri);
    if (r == 0) {
        run_counter(run, "records", (double)serdes.records, NULL);
        run_output(run, "uri", json_string(uri));
    }
    storage_task_close(&serdes.file);
    storage_writer_done(&serdes.writer);
    buffer_done(&serdes.line);
    buffer_done(&serdes.text);
    arena_free(serdes.arena);
    free(serdes.charset);
    return r;
}
