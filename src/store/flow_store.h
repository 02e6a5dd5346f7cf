/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Flows: one row a revision, never changed (spec/api.md 5.2), and the current one marked. Deleting stores a revision
 * with deleted = true. Writers of the same flow are serialised by a lock on its key.
 */
#include "model/flow.h"
#include "store/store.h"

typedef struct FlowRecord {
    char *namespace, *id;
    int revision;
    bool deleted, disabled;
    char *source;    /* byte for byte */
    char *body;      /* JSON text of the API's Flow, without source */
    char *file_path; /* where it came from in the flow directory, or NULL */
    usec_t updated;
} FlowRecord;
void flow_record_done(FlowRecord *record);
#define _cleanup_flow_record_ _cleanup_(flow_record_done)
typedef VEC(FlowRecord) FlowRecords;
void flow_records_done(FlowRecords *records);
#define _cleanup_flow_records_ _cleanup_(flow_records_done)

typedef enum FlowSaveMode {
    FLOW_SAVE_CREATE, /* STORE_E_CONFLICT when it exists (and is not deleted) */
    FLOW_SAVE_UPDATE, /* STORE_E_NONE when it does not */
    FLOW_SAVE_PUT,    /* either */
} FlowSaveMode;
typedef struct FlowSave {
    const Flow *flow; /* checked; ->source is what is stored */
    FlowSaveMode mode;
    const char *file_path; /* by the flow directory: its file; NULL otherwise, and then a flow that has one gives
                              STORE_E_FROM_FILE … */
    bool write_back;       /* … unless the setting flows.write-back is on (the record keeps its file_path) */
} FlowSave;
typedef struct FlowSaved {
    int revision;
    bool changed; /* false: the same source was there already; revision is the current one */
    bool created; /* there was none, or a deleted one */
} FlowSaved;
/* In one transaction: the revision rule, the removal of trigger rows that the flow no longer declares, what it says of
 * other flows (topology_store.h), the change stamp. */
int store_flow_save(Pg *pg, const FlowSave *save, FlowSaved *ret) _must_check_;
/* STORE_E_NONE, STORE_E_FROM_FILE as above (file_path: the deleting directory's file, or NULL). Trigger rows go too. */
int store_flow_delete(Pg *pg, const char *namespace, const char *id, const char *file_path, bool write_back,
                      int *ret_revision) _must_check_;
/* revision 0: the current one, which must not be deleted unless allow_deleted. An explicit revision shows deleted ones
 * too. */
int store_flow_get(Pg *pg, const char *namespace, const char *id, int revision, bool allow_deleted,
                   FlowRecord *ret) _must_check_;
/* All revisions, ascending, deleted ones included; empty when unknown. */
int store_flow_revisions(Pg *pg, const char *namespace, const char *id, FlowRecords *ret) _must_check_;
/* Current flows of one namespace (exact), or of all when namespace is NULL; with_deleted adds deleted ones. By
 * namespace, id. */
int store_flow_list(Pg *pg, const char *namespace, bool with_deleted, FlowRecords *ret) _must_check_;

/* Keys and revisions (nothing else is filled) of the current flows that are not disabled and have a trigger of one of
 * these types (names and aliases). */
int store_flow_with_trigger(Pg *pg, const char *const *types, size_t count, FlowRecords *ret) _must_check_;

typedef struct FlowQuery {
    const char *q;         /* full text over namespace and id; NULL, "" or "*": all */
    const char *source_q;  /* GET /flows/source: full text over the source; NULL: not used */
    const char *namespace; /* equal, or prefix + "." */
    StoreScope scope;
    const char *system_namespace; /* NULL: "system" */
    const StoreLabel *labels;     /* all must match */
    size_t label_count;
    const StoreFilter *filters;
    size_t filter_count;
    StorePaging paging;
} FlowQuery;
/* Bodies are the API's Flow. */
int store_flow_search(Pg *pg, const FlowQuery *query, StorePage *ret, Diag *diag) _must_check_;
/* The same as records (export, bulk changes, source search); *ret_total may be NULL. */
int store_flow_select(Pg *pg, const FlowQuery *query, FlowRecords *ret, int64_t *ret_total, Diag *diag) _must_check_;
/* Sorted; of flows that are not deleted unless with_deleted. prefix: case-sensitive, NULL for all. */
int store_flow_namespaces(Pg *pg, const char *prefix, bool with_deleted, Texts *ret) _must_check_;
/* Grows with every save and delete of any flow: what a cache compares. One cheap statement. */
int store_flow_stamp(Pg *pg, int64_t *ret) _must_check_;
