/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the storage tasks share. */
#include <stdio.h>

#include "blob/blob.h"
#include "plugin/run.h"

/* The property as a kestra:// URI; caller frees. RUN_E_FAILED (logged), also where there is no storage. */
int storage_task_uri(RunContext *run, const char *property, char **ret) _must_check_;
/* Opens it for reading by lines. RUN_E_FAILED (logged). */
int storage_task_open(RunContext *run, const char *uri, FILE **ret) _must_check_;
void storage_task_close(FILE **file);
/* An upload that becomes an object by storage_task_keep; otherwise it is given up. */
typedef struct StorageWriter {
    const Blob *storage;
    char *part;
    FILE *file;
} StorageWriter;
int storage_task_create(RunContext *run, StorageWriter *ret) _must_check_;
/* Closes it and gives it a new name with that extension; its URI, caller frees. */
int storage_task_keep(RunContext *run, StorageWriter *writer, const char *extension, char **ret_uri) _must_check_;
/* The same under this name, which takes the place of a file of that name. */
int storage_task_keep_as(RunContext *run, StorageWriter *writer, const char *name, char **ret_uri) _must_check_;
void storage_writer_done(StorageWriter *writer);
/* Logs what blob outcome r means. */
int storage_task_fail(RunContext *run, const char *uri, int r) _must_check_;
/* The text with \n, \t and \\ undone. Caller frees. */
char *storage_task_unescape(const char *text);
/* The property, unescaped; fallback when absent. Caller frees. */
int storage_task_separator(RunContext *run, const char *fallback, char **ret) _must_check_;
/* ".csv" of the URI's name, or "". Borrowed from it. */
const char *storage_task_extension(const char *uri);
