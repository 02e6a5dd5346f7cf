/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What became of each document of each file in the flow directory, for `kestractl flow status`, the UI and the next
 * start. */
#include "store/store.h"

typedef struct FlowFileRecord {
    char *path;        /* relative to the directory */
    unsigned document; /* from 0 */
    char *hash;        /* of the whole file: unchanged files are not parsed again */
    usec_t modified;
    char *namespace, *id; /* NULL when it could not be read */
    int revision;         /* 0: not stored */
    char *error;          /* NULL: fine */
    unsigned line, column;
    usec_t updated;
} FlowFileRecord;
typedef VEC(FlowFileRecord) FlowFileRecords;
void flow_file_record_done(FlowFileRecord *record);
void flow_file_records_done(FlowFileRecords *records);
#define _cleanup_flow_file_records_ _cleanup_(flow_file_records_done)
/* All, by path and document; only those with errors when errors_only. */
int store_flow_file_list(Pg *pg, bool errors_only, FlowFileRecords *ret) _must_check_;
/* Replaces all records of one path, in one transaction; count 0 removes it. `updated` is set here. */
int store_flow_file_replace(Pg *pg, const char *path, const FlowFileRecord *records, size_t count) _must_check_;
