/* SPDX-License-Identifier: Apache-2.0 */
/* Rows come in text format: every column of ours is a text, a number or a document that is passed on as text. */
#include <math.h>

#include "base/clock.h"
#include "pg/pg_private.h"

/* A PgRows is a PGresult under another name, so that libpq stays in this room. */
PgRows *pg_rows_from(PGresult *result)
{
    return (PgRows *)result;
}

static const PGresult *result_of(const PgRows *rows)
{
    return (const PGresult *)rows;
}

PgRows *pg_rows_free(PgRows *rows)
{
    PQclear((PGresult *)rows);
    return NULL;
}

size_t pg_rows_count(const PgRows *rows)
{
    return rows ? (size_t)PQntuples(result_of(rows)) : 0;
}

/* Digits at the start of text; 0 when there are none. */
static uint64_t leading_number(const char *text)
{
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

uint64_t pg_rows_affected(const PgRows *rows)
{
    return rows ? leading_number(PQcmdTuples((PGresult *)(uintptr_t)rows)) : 0;
}

const char *pg_value(const PgRows *rows, size_t row, unsigned column)
{
    const PGresult *result = result_of(rows);
    return PQgetisnull(result, (int)row, (int)column) ? NULL : PQgetvalue(result, (int)row, (int)column);
}

size_t pg_value_length(const PgRows *rows, size_t row, unsigned column)
{
    return (size_t)PQgetlength(result_of(rows), (int)row, (int)column);
}

int64_t pg_value_integer(const PgRows *rows, size_t row, unsigned column)
{
    const char *text = pg_value(rows, row, column);
    if (!text)
        return 0;
    return (int64_t)(*text == '-' ? -(uint64_t)leading_number(text + 1) : (uint64_t)leading_number(text));
}

bool pg_value_boolean(const PgRows *rows, size_t row, unsigned column)
{
    const char *text = pg_value(rows, row, column);
    return text && *text == 't';
}

double pg_value_real(const PgRows *rows, size_t row, unsigned column)
{
    const char *text = pg_value(rows, row, column);
    return text ? strtod(text, NULL) : 0;
}

usec_t pg_value_instant(const PgRows *rows, size_t row, unsigned column)
{
    const char *text = pg_value(rows, row, column);
    usec_t instant;
    return text && instant_parse(text, &instant) == 0 ? instant : 0;
}
