/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Conversions of files to and from Ion, one value a line. All of them read and write as streams: what is in memory is
 * one record, and no record may be larger than SERDES_RECORD_BYTES_MAX.
 */
#include "expr/ion.h"
#include "plugin/core/storage/storage_task.h"

#define SERDES_RECORD_BYTES_MAX ((size_t)32 * 1024 * 1024)

typedef struct Serdes {
    RunContext *run;
    FILE *file; /* the source, UTF-8 when its text is asked for */
    StorageWriter writer;
    Arena *arena;  /* of one record */
    Buffer line;   /* of the source, without its line end */
    Buffer text;   /* of the result */
    char *charset; /* of the result; NULL: UTF-8 */
    int64_t records;
    uint64_t row; /* of the source, from 1; for messages */
} Serdes;

/* Opens the property "from" and a new file, has `convert` write it, and gives outputs {uri} and the metric `records`.
 * reads_text: the property charset is that of the source, otherwise of the result. */
int serdes_run(RunContext *run, bool reads_text, const char *extension, int (*convert)(Serdes *serdes)) _must_check_;
/* The next line that is not blank; *ret_more false at the end. */
int serdes_line(Serdes *serdes, bool *ret_more) _must_check_;
/* The next value of a file of Ion, in the arena. */
int serdes_value(Serdes *serdes, bool *ret_more, Value *ret) _must_check_;
/* Writes the value as a line of Ion and counts it. */
int serdes_put_ion(Serdes *serdes, const Value *value) _must_check_;
/* Writes `text` in the charset of the result, and empties it. */
int serdes_flush(Serdes *serdes) _must_check_;
/* Property of one ASCII character ("\t" may be written out); fallback when absent. */
int serdes_character(RunContext *run, const char *property, char fallback, char *ret) _must_check_;

#define SERDES_FROM                                                                                                    \
    {                                                                                                                  \
        "from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."                         \
    }
#define SERDES_CHARSET                                                                                                 \
    {                                                                                                                  \
        "charset", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"UTF-8\"", .doc = "Charset of the text."                 \
    }
#define SERDES_ZONE                                                                                                    \
    {                                                                                                                  \
        "timeZoneId", FIELD_STRING, FIELD_DYNAMIC,                                                                     \
            .doc = "Time zone of dates that have none; those of Ion always have one."                                  \
    }
extern const Field serdes_outputs[];
