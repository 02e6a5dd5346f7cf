/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters go in PostgreSQL's binary format: no quoting, no escaping, and an array is one memcpy per element. All
 * texts pass through clean_text(), so that no byte sequence of a user makes a statement fail: a statement that always
 * fails would stop the whole batch that it is part of.
 */
#include <arpa/inet.h>

#include "pg/pg_private.h"

/* The object ids of built-in types never change (src/include/catalog/pg_type.dat). */
typedef struct TypeRow {
    Oid element, array;
} TypeRow;
static const TypeRow types[] = {
    [PG_TEXT] = {25, 1009},      [PG_BIGINT] = {20, 1016},  [PG_INTEGER] = {23, 1007},
    [PG_SMALLINT] = {21, 1005},  [PG_BOOLEAN] = {16, 1000}, [PG_REAL] = {701, 1022},
    [PG_INSTANT] = {1184, 1185}, [PG_JSON] = {114, 199},    [PG_JSONB] = {3802, 3807},
};
/* Seconds from 1970 to 2000, where PostgreSQL's instants begin. */
#define EPOCH_OFFSET_USEC (INT64_C(946684800) * (int64_t)USEC_PER_SEC)
/* Dimensions, null flag, element type, length, lower bound: 4 bytes each. */
#define ARRAY_HEADER_BYTES 20
/* What a buffer keeps over resets. */
#define KEPT_BYTES_MAX ((size_t)64 * 1024)

struct PgArray {
    PgType element;
    uint32_t count;
    bool has_null;
    Buffer bytes;
};

typedef struct Parameter {
    Oid type;
    bool is_null;
    PgArray *array; /* or NULL: a scalar at offset */
    size_t offset, length;
} Parameter;

struct PgParameters {
    VEC(Parameter) items;
    VEC(PgArray *) arrays; /* kept over resets, with their memory */
    size_t arrays_used;
    Buffer scalars;
    VEC(Oid) types;
    VEC(const char *) values;
    VEC(int) lengths;
    VEC(int) formats;
};

PgParameters *pg_parameters_new(void)
{
    return xnew(PgParameters);
}

void pg_parameters_reset(PgParameters *parameters)
{
    parameters->items.count = 0;
    parameters->arrays_used = 0;
    buffer_clear(&parameters->scalars);
}

PgParameters *pg_parameters_free(PgParameters *parameters)
{
    if (!parameters)
        return NULL;
    for (size_t i = 0; i < parameters->arrays.count; i++) {
        buffer_done(&parameters->arrays.items[i]->bytes);
        free(parameters->arrays.items[i]);
    }
    vec_free(&parameters->arrays);
    vec_free(&parameters->items);
    vec_free(&parameters->types);
    vec_free(&parameters->values);
    vec_free(&parameters->lengths);
    vec_free(&parameters->formats);
    buffer_done(&parameters->scalars);
    free(parameters);
    return NULL;
}

size_t pg_parameters_bytes(const PgParameters *parameters)
{
    size_t bytes = parameters ? parameters->scalars.length : 0;
    for (size_t i = 0; parameters && i < parameters->arrays_used; i++)
        bytes += parameters->arrays.items[i]->bytes.length;
    return bytes;
}

static void shrink(Buffer *buffer)
{
    if (buffer->allocated > KEPT_BYTES_MAX)
        buffer_done(buffer);
}

void pg_parameters_shrink(PgParameters *parameters)
{
    pg_parameters_reset(parameters);
    shrink(&parameters->scalars);
    for (size_t i = 0; i < parameters->arrays.count; i++)
        shrink(&parameters->arrays.items[i]->bytes);
}

static void append_u32(Buffer *buffer, uint32_t value)
{
    uint32_t network = htonl(value);
    buffer_append_n(buffer, (const char *)&network, sizeof(network));
}

static void append_number(Buffer *buffer, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0;)
        buffer_append_char(buffer, (char)(value >> (8 * i)));
}

/* jsonb cannot hold U+0000, even written as an escape: it becomes U+FFFD. */
static void append_jsonb(Buffer *buffer, const char *text)
{
    buffer_append_char(buffer, 1); /* version of the format */
    while (*text) {
        if (text[0] == '\\' && starts_with(text, "\\u0000")) {
            buffer_append(buffer, "\\ufffd");
            text += 6;
        } else if (text[0] == '\\' && text[1]) {
            buffer_append_n(buffer, text, 2);
            text += 2;
        } else {
            size_t plain = strcspn(text, "\\");
            plain += plain == 0; /* a lone backslash at the end */
            buffer_append_n(buffer, text, plain);
            text += plain;
        }
    }
}

static void append_clean(Buffer *buffer, PgType type, const char *text)
{
    if (type != PG_JSONB) {
        buffer_append_utf8(buffer, text);
        return;
    }
    _cleanup_buffer_ Buffer valid = {};
    buffer_append_utf8(&valid, text);
    append_jsonb(buffer, buffer_text(&valid));
}

static void append_integer(Buffer *buffer, PgType type, int64_t value)
{
    static const unsigned bytes[] = {[PG_BIGINT] = 8, [PG_INTEGER] = 4, [PG_SMALLINT] = 2, [PG_BOOLEAN] = 1};
    append_number(buffer, (uint64_t)value, bytes[type]);
}

static void append_real(Buffer *buffer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    append_number(buffer, bits, sizeof(bits));
}

static void append_instant(Buffer *buffer, usec_t value)
{
    append_number(buffer, (uint64_t)((int64_t)value - EPOCH_OFFSET_USEC), 8);
}

static size_t begin_scalar(PgParameters *parameters)
{
    return parameters->scalars.length;
}

static void end_scalar(PgParameters *parameters, PgType type, size_t offset, bool is_null)
{
    vec_push(&parameters->items, (Parameter){.type = types[type].element,
                                             .is_null = is_null,
                                             .offset = offset,
                                             .length = parameters->scalars.length - offset});
}

void pg_add_typed_text(PgParameters *parameters, PgType type, const char *value)
{
    size_t offset = begin_scalar(parameters);
    if (value)
        append_clean(&parameters->scalars, type, value);
    end_scalar(parameters, type, offset, !value);
}

void pg_add_text(PgParameters *parameters, const char *value)
{
    pg_add_typed_text(parameters, PG_TEXT, value);
}

void pg_add_integer(PgParameters *parameters, int64_t value)
{
    size_t offset = begin_scalar(parameters);
    append_integer(&parameters->scalars, PG_BIGINT, value);
    end_scalar(parameters, PG_BIGINT, offset, false);
}

void pg_add_boolean(PgParameters *parameters, bool value)
{
    size_t offset = begin_scalar(parameters);
    append_integer(&parameters->scalars, PG_BOOLEAN, value);
    end_scalar(parameters, PG_BOOLEAN, offset, false);
}

void pg_add_real(PgParameters *parameters, double value)
{
    size_t offset = begin_scalar(parameters);
    append_real(&parameters->scalars, value);
    end_scalar(parameters, PG_REAL, offset, false);
}

void pg_add_instant(PgParameters *parameters, usec_t value)
{
    size_t offset = begin_scalar(parameters);
    append_instant(&parameters->scalars, value);
    end_scalar(parameters, PG_INSTANT, offset, value == 0);
}

PgArray *pg_add_array(PgParameters *parameters, PgType element)
{
    if (parameters->arrays_used == parameters->arrays.count)
        vec_push(&parameters->arrays, xnew(PgArray));
    PgArray *array = parameters->arrays.items[parameters->arrays_used++];
    array->element = element;
    array->count = 0;
    array->has_null = false;
    buffer_clear(&array->bytes);
    for (unsigned i = 0; i < ARRAY_HEADER_BYTES / 4; i++)
        append_u32(&array->bytes, 0); /* patched when bound */
    vec_push(&parameters->items, (Parameter){.type = types[element].array, .array = array});
    return array;
}

static void array_null(PgArray *array)
{
    append_u32(&array->bytes, UINT32_MAX);
    array->has_null = true;
    array->count++;
}

/* The element's length comes before it and is known only after it. */
static size_t array_begin(PgArray *array)
{
    append_u32(&array->bytes, 0);
    return array->bytes.length;
}

static void array_end(PgArray *array, size_t start)
{
    uint32_t length = htonl((uint32_t)(array->bytes.length - start));
    memcpy(array->bytes.text + start - sizeof(length), &length, sizeof(length));
    array->count++;
}

void pg_array_text(PgArray *array, const char *value)
{
    if (!value) {
        array_null(array);
        return;
    }
    size_t start = array_begin(array);
    append_clean(&array->bytes, array->element, value);
    array_end(array, start);
}

void pg_array_integer(PgArray *array, int64_t value)
{
    size_t start = array_begin(array);
    append_integer(&array->bytes, array->element, value);
    array_end(array, start);
}

void pg_array_real(PgArray *array, double value)
{
    size_t start = array_begin(array);
    append_real(&array->bytes, value);
    array_end(array, start);
}

void pg_array_instant(PgArray *array, usec_t value)
{
    if (!value) {
        array_null(array);
        return;
    }
    size_t start = array_begin(array);
    append_instant(&array->bytes, value);
    array_end(array, start);
}

unsigned pg_parameters_count(const PgParameters *parameters)
{
    return (unsigned)parameters->items.count;
}

static void patch_header(PgArray *array)
{
    uint32_t header[ARRAY_HEADER_BYTES / 4] = {
        htonl(array->count ? 1 : 0),
        htonl(array->has_null),
        htonl(types[array->element].element),
        htonl(array->count),
        htonl(1),
    };
    memcpy(array->bytes.text, header, sizeof(header));
}

PgBound pg_parameters_bind(PgParameters *parameters)
{
    if (!parameters)
        return (PgBound){};
    parameters->types.count = parameters->values.count = parameters->lengths.count = parameters->formats.count = 0;
    for (size_t i = 0; i < parameters->items.count; i++) {
        Parameter *item = &parameters->items.items[i];
        const char *value = buffer_text(&parameters->scalars) + item->offset;
        size_t length = item->length;
        if (item->array) {
            patch_header(item->array);
            value = item->array->bytes.text;
            /* An array of no dimensions ends after the element type. */
            length = item->array->count ? item->array->bytes.length : 12;
        }
        vec_push(&parameters->types, item->type);
        vec_push(&parameters->values, item->is_null ? NULL : value);
        vec_push(&parameters->lengths, (int)length);
        vec_push(&parameters->formats, 1);
    }
    return (PgBound){.count = (int)parameters->items.count,
                     .types = parameters->types.items,
                     .values = parameters->values.items,
                     .lengths = parameters->lengths.items,
                     .formats = parameters->formats.items};
}
