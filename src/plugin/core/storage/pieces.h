/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A file cut into pieces of whole lines, by bytes, by number of pieces or by rows; the first that is given counts. */
#include "plugin/core/storage/storage_task.h"

enum { PIECES_PARTITIONS_MAX = 1000 };

typedef struct Pieces {
    RunContext *run;
    const char *from;                /* URI */
    const char *separator;           /* written after each line */
    int64_t bytes, partitions, rows; /* one is not 0 */
    bool numbered; /* their names are 1, 2, 3 … with the extension of `from`; otherwise nobody can guess them */
    VEC(StorageWriter) writers; /* private from here on */
    int64_t written_bytes, written_rows, line;
    json_t *uris;
    FILE *file;
} Pieces;

/* "10MB", "512KiB", "100": bytes; -1 when it is none. */
int64_t pieces_size(const char *text);
/* Their URIs, in order; new. RUN_E_FAILED (logged). */
int pieces_cut(Pieces *pieces, json_t **ret_uris) _must_check_;
