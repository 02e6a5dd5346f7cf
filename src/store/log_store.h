/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Logs and metrics, partitioned by time. Written by units of work only. Bodies are the API's LogEntry and MetricEntry.
 */
#include "model/log_entry.h"
#include "store/store.h"

typedef struct LogQuery {
    const char *execution_id, *task_run_id, *task_id, *trigger_id; /* NULL: any */
    int attempt;                                                   /* LOG_ANY_ATTEMPT: any */
    int level_min;                                                 /* LOG_LEVEL_TRACE: all */
    const char *q, *namespace;                                     /* namespace: equal or prefix + "." */
    bool namespace_exact;
    const char *flow_id;
    usec_t start_date, end_date; /* inclusive; 0: none */
    const StoreFilter *filters;  /* fields: q namespace flowId triggerId executionId taskId taskRunId level minLevel
                                   startDate endDate timeRange */
    size_t filter_count;
    usec_t now;         /* for filters on timeRange */
    StorePaging paging; /* sorts: timestamp level namespace flowId taskId executionId taskRunId triggerId */
} LogQuery;
#define LOG_ANY_ATTEMPT (-2)

/* Oldest first without sorts when execution_id is given, else newest first. */
int store_log_search(Pg *pg, const LogQuery *query, StorePage *ret, Diag *diag) _must_check_;
/* All that match, oldest first (paging is ignored): a JSON list, and lines "<timestamp> <LEVEL> <message>". */
int store_log_write_list(Pg *pg, const LogQuery *query, const StoreSink *sink) _must_check_;
int store_log_write_lines(Pg *pg, const LogQuery *query, const StoreSink *sink) _must_check_;
/*
 * What was committed since the last read, nothing twice and nothing left out, in order of time: for followers. cursor
 * is what the last call gave (NULL or "": from the beginning); *ret_cursor: caller frees. total is not set.
 */
int store_log_after(Pg *pg, const LogQuery *query, const char *cursor, StorePage *ret, char **ret_cursor) _must_check_;
/* At least one of execution_id, (namespace and flow_id) or end_date must be given. paging.size bounds how many go. */
int store_log_delete(Pg *pg, const LogQuery *query, uint64_t *ret_count) _must_check_;

typedef struct LogCount {
    usec_t date;
    int level;
    int64_t count;
} LogCount;
typedef VEC(LogCount) LogCounts;
/* By level in buckets ("day" …). Caller frees with vec_free. */
int store_log_counts(Pg *pg, const LogQuery *query, const char *bucket, LogCounts *ret, Diag *diag) _must_check_;

typedef struct MetricQuery {
    const char *execution_id, *task_run_id, *task_id; /* NULL: any */
    const char *namespace, *flow_id, *name;
    usec_t start_date, end_date;
    StorePaging paging; /* sorts: namespace flowId taskId executionId taskrunId name timestamp value */
} MetricQuery;
int store_metric_search(Pg *pg, const MetricQuery *query, StorePage *ret, Diag *diag) _must_check_;
int store_metric_names(Pg *pg, const MetricQuery *query, Texts *ret) _must_check_;
int store_metric_tasks(Pg *pg, const MetricQuery *query, Texts *ret) _must_check_;
typedef struct MetricBucket {
    usec_t date;
    double value;
} MetricBucket;
typedef VEC(MetricBucket) MetricBuckets;
/* aggregation: sum, avg, min, max (else STORE_E_QUERY). Caller frees with vec_free. */
int store_metric_aggregate(Pg *pg, const MetricQuery *query, const char *aggregation, const char *bucket,
                           MetricBuckets *ret) _must_check_;
int store_metric_delete(Pg *pg, const MetricQuery *query, uint64_t *ret_count) _must_check_;
