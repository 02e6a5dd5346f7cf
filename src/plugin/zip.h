/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ZIP archives of files, written to and read from a descriptor that can seek; deflated. Without ZIP64: 65535 entries
 * and 4 GiB at most. Blocking. */
#include "base/buffer.h"

enum {
    ZIP_E_BROKEN = 1, /* not an archive, or not one that we read (encrypted, other methods) */
    ZIP_E_LIMIT = 2,  /* more than the format holds */
};

typedef struct ZipWriter {
    int fd;           /* borrowed; stands at the end */
    Buffer directory; /* private */
    uint64_t offset;
    unsigned count;
} ZipWriter;
/* The content of `from` from its start as entry `name` (UTF-8, with '/'); mode: permissions. */
int zip_writer_add(ZipWriter *zip, const char *name, int from, unsigned mode) _must_check_;
int zip_writer_end(ZipWriter *zip) _must_check_;
void zip_writer_done(ZipWriter *zip);

typedef struct ZipEntry {
    char *name; /* as it is in the archive: check it before it becomes a path */
    uint32_t crc, packed_bytes, bytes, offset;
    unsigned method, mode, type; /* 0: not given; type: S_IFREG, S_IFDIR, S_IFLNK … */
    bool encrypted;
} ZipEntry;
typedef VEC(ZipEntry) ZipEntries;
void zip_entries_done(ZipEntries *entries);
/* What the archive holds; directories too, their names end with '/'. */
int zip_list(int fd, ZipEntries *ret) _must_check_;
int zip_extract(int fd, const ZipEntry *entry, int to) _must_check_;
/* CRC of a file from its start, as the archive has it. */
int zip_crc(int fd, uint32_t *ret_crc, uint64_t *ret_bytes) _must_check_;
