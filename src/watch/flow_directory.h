/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The flow directory: what is in the store equals what is in the files. Reads files and writes the store; when to do
 * that is watch.c's business.
 */
#include "model/flow.h"
#include "pg/pg.h"

typedef struct FlowDirectory FlowDirectory;

typedef struct FlowDirectorySettings {
    const char *path; /* /etc/kestra/flows */
    const TypeRegistry *registry;
    const json_t *plugin_defaults; /* may be NULL; borrowed */
    size_t source_bytes_max;       /* of one file */
} FlowDirectorySettings;

FlowDirectory *flow_directory_new(const FlowDirectorySettings *settings);
FlowDirectory *flow_directory_free(FlowDirectory *directory);
DEFINE_CLEANUP(FlowDirectory *, flow_directory_free);

/*
 * Compares every file with what was seen last and brings the store in line: new and changed documents are stored, flows
 * that no file declares any more are deleted. A file or document that cannot be used is reported (journal, store's
 * flow-file records) and leaves the last good revision running. A directory that cannot be read changes nothing.
 *
 * Thousands of files are work for seconds: a call works for budget_usec and a file more. *ret_more: it is not through,
 * call again; what changes meanwhile is for the sync after this one. *ret_changed: flows were stored or deleted. An
 * outage of the store: nothing seen is remembered, call again.
 */
int flow_directory_sync(FlowDirectory *directory, Pg *pg, usec_t budget_usec, bool *ret_changed,
                        bool *ret_more) _must_check_;
/* Forgets what was seen: the next sync looks at every file again. */
void flow_directory_forget(FlowDirectory *directory);
/* True for the names of files that hold flows: *.yaml, *.yml, not hidden, not an editor's backup or swap file. */
bool flow_directory_is_flow_file(const char *name);
