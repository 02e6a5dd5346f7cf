/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ZIP archives in requests and answers. What a client sends is checked as a whole before anything of it is used. */
#include "plugin/zip.h"
#include "web/http.h"

/* An archive to be read, and a file that its entries are unpacked into one after another. */
typedef struct Archive {
    int fd, scratch;
    ZipEntries entries;
} Archive;
#define ARCHIVE_INIT                                                                                                   \
    {                                                                                                                  \
        .fd = -1, .scratch = -1                                                                                        \
    }
void archive_done(Archive *archive);
#define _cleanup_archive_ _cleanup_(archive_done)

enum {
    ARCHIVE_E_REFUSED = 1, /* the Diag names the entry and says why */
};
/* Lists it: every name is a relative path without "..", every entry a file or a directory, and sizes, their sum, their
 * ratio and their number are within the limits at the top of archive.c. */
int archive_open(const char *bytes, size_t length, Archive *ret, Diag *diag) _must_check_;
bool archive_is_file(const ZipEntry *entry);
/* Unpacks one into archive->scratch, which then stands at its beginning. */
int archive_unpack(Archive *archive, const ZipEntry *entry, Diag *diag) _must_check_;
#define ARCHIVE_FLOW_BYTES_MAX ((size_t)4 << 20) /* of a file of flows; each has its own limit */
/* The same as a text of at most bytes_max. Caller frees. */
int archive_read(Archive *archive, const ZipEntry *entry, size_t bytes_max, char **ret_text, Diag *diag) _must_check_;

/* An archive to be sent. */
typedef struct ArchiveWriter {
    ZipWriter zip;
    int fd, scratch;
} ArchiveWriter;
#define ARCHIVE_WRITER_INIT                                                                                            \
    {                                                                                                                  \
        .fd = -1, .scratch = -1                                                                                        \
    }
void archive_writer_done(ArchiveWriter *writer);
#define _cleanup_archive_writer_ _cleanup_(archive_writer_done)
int archive_add(ArchiveWriter *writer, const char *name, const char *text) _must_check_;
/* What the descriptor gives until its end. */
int archive_add_from(ArchiveWriter *writer, const char *name, int fd) _must_check_;
/* Ends it and makes it the answer. Returns 0 or an outage. */
int archive_answer(ArchiveWriter *writer, HttpResponse *response) _must_check_;
