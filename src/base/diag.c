/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"

#include <stdarg.h>

#include "base/buffer.h"

void diag_done(Diag *diag)
{
    for (size_t i = 0; i < diag->entries.count; i++) {
        free(diag->entries.items[i].path);
        free(diag->entries.items[i].message);
        free(diag->entries.items[i].source);
        free(diag->entries.items[i].name);
    }
    vec_free(&diag->entries);
    diag->errors = 0;
}

bool diag_is_full(const Diag *diag)
{
    return !diag || diag->entries.count >= DIAG_ENTRIES_MAX;
}

static void add(Diag *diag, DiagEntry entry, const char *format, va_list arguments)
{
    if (!diag)
        return;
    diag->last_dropped = diag_is_full(diag);
    if (diag->last_dropped)
        return;
    Arena *arena = arena_new();
    entry.message = xstrdup(arena_vprintf(arena, format, arguments));
    arena_free(arena);
    entry.path = xstrdup_null(entry.path);
    if (entry.level == DIAG_ERROR)
        diag->errors++;
    vec_push(&diag->entries, entry);
}

void diag_error(Diag *diag, const char *path, unsigned line, unsigned column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(diag, (DiagEntry){.level = DIAG_ERROR, .path = (char *)(uintptr_t)path, .line = line, .column = column}, format,
        arguments);
    va_end(arguments);
}

void diag_warning(Diag *diag, const char *path, unsigned line, unsigned column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(diag, (DiagEntry){.level = DIAG_WARNING, .path = (char *)(uintptr_t)path, .line = line, .column = column},
        format, arguments);
    va_end(arguments);
}

void diag_mark(Diag *diag, const char *name, bool is_form)
{
    if (!diag || diag->last_dropped || diag->entries.count == 0)
        return;
    DiagEntry *entry = &diag->entries.items[diag->entries.count - 1];
    free(entry->name);
    entry->name = xstrdup_null(name);
    entry->is_form = is_form;
}

void diag_set_source(Diag *diag, size_t first, const char *source)
{
    for (size_t i = first; diag && i < diag->entries.count; i++)
        if (!diag->entries.items[i].source)
            diag->entries.items[i].source = xstrdup(source);
}

const char *diag_first(const Diag *diag)
{
    for (size_t i = 0; i < diag->entries.count; i++)
        if (diag->entries.items[i].level == DIAG_ERROR)
            return diag->entries.items[i].message;
    return "";
}

char *diag_format(const Diag *diag, const char *source)
{
    _cleanup_buffer_ Buffer buffer = {};
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        if (entry->level != DIAG_ERROR)
            continue;
        if (buffer.length)
            buffer_append_char(&buffer, '\n');
        const char *file = entry->source ? entry->source : source;
        if (file)
            buffer_printf(&buffer, "%s:", file);
        if (entry->line)
            buffer_printf(&buffer, "%u:%u:", entry->line, entry->column);
        if (file || entry->line)
            buffer_append_char(&buffer, ' ');
        if (entry->path)
            buffer_printf(&buffer, "%s: ", entry->path);
        buffer_append(&buffer, entry->message);
    }
    return buffer_take(&buffer);
}

void diag_move(Diag *to, Diag *from)
{
    for (size_t i = 0; i < from->entries.count; i++)
        vec_push(&to->entries, from->entries.items[i]);
    to->errors += from->errors;
    vec_free(&from->entries);
    from->errors = 0;
}
