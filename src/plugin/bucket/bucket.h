/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Objects in buckets of users. The stores are spoken to by the drivers of internal storage (room blob), which are
 * opened by whoever runs the task: RunContext.open_store. What differs between stores is a row, `Type.row`.
 */
#include "blob/blob.h"
#include "plugin/run.h"

/* A property and the setting of storage that it becomes. */
typedef struct BucketSetting {
    const char *property, *setting;
} BucketSetting;

typedef struct BucketStore {
    const char *type;              /* of storage_open() */
    const char *scheme;            /* "s3" of s3://bucket/key */
    const char *bucket;            /* the setting that names the bucket */
    bool by_uri;                   /* objects are named by SCHEME://bucket/key, not by the properties bucket and key */
    const char *region;            /* the setting of the region, which must have a value; or NULL */
    const BucketSetting *settings; /* ends with {} */
} BucketStore;

/* Type.run */
int bucket_run_upload(RunContext *run) _must_check_;
int bucket_run_download(RunContext *run) _must_check_;
int bucket_run_list(RunContext *run) _must_check_;
int bucket_run_downloads(RunContext *run) _must_check_;
int bucket_run_delete(RunContext *run) _must_check_;
int bucket_run_trigger(RunContext *run) _must_check_;
