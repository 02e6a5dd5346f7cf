/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPNOTE.TXT 4.3: local header and data of each entry, the central directory, its end record. Sizes stand in the local
 * header, written when they are known: readers that stream, as Java's ZipInputStream, want them there.
 */
#include "plugin/zip.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CHUNK_BYTES = 64 * 1024,
    FORMAT = 20,
    UNIX = 3 << 8, /* "made by": modes are those of Unix */
    UTF8 = 0x0800,
    STORED = 0,
    DEFLATED = 8,
    DATE_1980 = 0x21,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    COMMENT_BYTES_MAX = 65535,
};
#define LOCAL_MAGIC   0x04034B50
#define CENTRAL_MAGIC 0x02014B50
#define END_MAGIC     0x06054B50

/* --- descriptors --- */

static int write_all(int fd, const void *bytes, size_t length, off_t at)
{
    for (const char *c = bytes; length > 0;) {
        ssize_t n = pwrite(fd, c, length, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return outage(-errno);
        c += n;
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

static int read_some(int fd, void *bytes, size_t length, off_t at, size_t *ret)
{
    ssize_t n;
    do
        n = pread(fd, bytes, length, at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return outage(-errno);
    *ret = (size_t)n;
    return 0;
}

static int read_all(int fd, void *bytes, size_t length, off_t at)
{
    for (char *c = bytes; length > 0;) {
        size_t n;
        int r = read_some(fd, c, length, at, &n);
        if (r < 0)
            return trace(r);
        if (n == 0)
            return ZIP_E_BROKEN;
        c += n;
        at += (off_t)n;
        length -= n;
    }
    return 0;
}

/* --- writing --- */

/* Little endian. */
static void put(Buffer *buffer, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buffer_append_char(buffer, (char)(value >> (8 * i) & 0xFF));
}

/* What local header and directory entry have in common, from "version needed" on. */
static void put_common(Buffer *buffer, const ZipEntry *entry)
{
    put(buffer, FORMAT, 2);
    put(buffer, UTF8, 2);
    put(buffer, DEFLATED, 2);
    put(buffer, 0, 2);
    put(buffer, DATE_1980, 2);
    put(buffer, entry->crc, 4);
    put(buffer, entry->packed_bytes, 4);
    put(buffer, entry->bytes, 4);
    put(buffer, (uint32_t)strlen(entry->name), 2);
    put(buffer, 0, 2); /* extra field */
}

static void put_central(Buffer *buffer, const ZipEntry *entry)
{
    put(buffer, CENTRAL_MAGIC, 4);
    put(buffer, UNIX | FORMAT, 2);
    put_common(buffer, entry);
    put(buffer, 0, 2); /* comment */
    put(buffer, 0, 2); /* disk */
    put(buffer, 0, 2); /* internal attributes */
    put(buffer, (S_IFREG | entry->mode) << 16, 4);
    put(buffer, entry->offset, 4);
    buffer_append(buffer, entry->name);
}

typedef struct Deflate {
    z_stream stream;
    int from, to;
    off_t read_at, write_at;
    uint32_t crc;
} Deflate;

/* Everything that the compressor has to give now. */
static int drain(Deflate *job, int flush)
{
    unsigned char out[CHUNK_BYTES];
    int state;
    do {
        job->stream.next_out = out;
        job->stream.avail_out = sizeof out;
        state = deflate(&job->stream, flush);
        size_t n = sizeof out - job->stream.avail_out;
        int r = write_all(job->to, out, n, job->write_at);
        if (r < 0)
            return trace(r);
        job->write_at += (off_t)n;
    } while (job->stream.avail_out == 0 && state != Z_STREAM_END);
    return 0;
}

static int deflate_all(Deflate *job)
{
    unsigned char in[CHUNK_BYTES];
    size_t n;
    do {
        int r = read_some(job->from, in, sizeof in, job->read_at, &n);
        if (r < 0)
            return trace(r);
        job->read_at += (off_t)n;
        job->crc = (uint32_t)crc32(job->crc, in, (uInt)n);
        job->stream.next_in = in;
        job->stream.avail_in = (uInt)n;
        r = drain(job, n == 0 ? Z_FINISH : Z_NO_FLUSH);
        if (r < 0)
            return trace(r);
    } while (n > 0);
    return 0;
}

int zip_writer_add(ZipWriter *zip, const char *name, int from, unsigned mode)
{
    size_t header_bytes = LOCAL_BYTES + strlen(name);
    Deflate job = {.from = from, .to = zip->fd, .write_at = (off_t)(zip->offset + header_bytes)};
    if (zip->count == UINT16_MAX || strlen(name) > UINT16_MAX)
        return ZIP_E_LIMIT;
    if (deflateInit2(&job.stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return outage(-ENOMEM);
    int r = deflate_all(&job);
    deflateEnd(&job.stream);
    if (r < 0)
        return trace(r);
    if (job.read_at > UINT32_MAX || job.write_at > UINT32_MAX)
        return ZIP_E_LIMIT;
    const ZipEntry entry = {.name = (char *)name,
                            .crc = job.crc,
                            .bytes = (uint32_t)job.read_at,
                            .mode = mode & 0777,
                            .packed_bytes = (uint32_t)((uint64_t)job.write_at - zip->offset - header_bytes),
                            .offset = (uint32_t)zip->offset};
    _cleanup_buffer_ Buffer header = {};
    put(&header, LOCAL_MAGIC, 4);
    put_common(&header, &entry);
    buffer_append(&header, name);
    r = write_all(zip->fd, header.text, header.length, (off_t)zip->offset);
    if (r < 0)
        return trace(r);
    put_central(&zip->directory, &entry);
    zip->offset = (uint64_t)job.write_at;
    zip->count++;
    return 0;
}

int zip_writer_end(ZipWriter *zip)
{
    size_t directory_bytes = zip->directory.length;
    put(&zip->directory, END_MAGIC, 4);
    put(&zip->directory, 0, 2); /* disk */
    put(&zip->directory, 0, 2); /* disk of the directory */
    put(&zip->directory, zip->count, 2);
    put(&zip->directory, zip->count, 2);
    put(&zip->directory, (uint32_t)directory_bytes, 4);
    put(&zip->directory, (uint32_t)zip->offset, 4);
    put(&zip->directory, 0, 2); /* comment */
    return write_all(zip->fd, zip->directory.text, zip->directory.length, (off_t)zip->offset);
}

void zip_writer_done(ZipWriter *zip)
{
    buffer_done(&zip->directory);
}

/* --- reading --- */

static uint32_t get(const unsigned char *bytes, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

/* The central directory of the archive, and how many entries it has. */
static int find_directory(int fd, Buffer *ret, unsigned *ret_count)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return outage(-errno);
    size_t length = (size_t)MIN(st.st_size, (off_t)(END_BYTES + COMMENT_BYTES_MAX));
    if (length < END_BYTES || st.st_size > UINT32_MAX)
        return ZIP_E_BROKEN;
    _cleanup_free_ unsigned char *tail = xmalloc(length);
    int r = read_all(fd, tail, length, st.st_size - (off_t)length);
    if (r != 0)
        return r;
    size_t at = length - END_BYTES;
    while (get(tail + at, 4) != END_MAGIC && at > 0)
        at--;
    size_t directory_bytes = get(tail + at + 12, 4), offset = get(tail + at + 16, 4);
    if (get(tail + at, 4) != END_MAGIC || offset + directory_bytes > (size_t)st.st_size)
        return ZIP_E_BROKEN;
    *ret_count = get(tail + at + 10, 2);
    _cleanup_free_ char *directory = xmalloc(directory_bytes + 1);
    r = read_all(fd, directory, directory_bytes, (off_t)offset);
    if (r == 0)
        buffer_append_n(ret, directory, directory_bytes);
    return r;
}

/* The entry at *at, which moves on. */
static int take_entry(const Buffer *directory, size_t *at, ZipEntry *ret)
{
    const unsigned char *entry = (const unsigned char *)buffer_text(directory) + *at;
    if (directory->length - *at < CENTRAL_BYTES || get(entry, 4) != CENTRAL_MAGIC)
        return ZIP_E_BROKEN;
    size_t name_bytes = get(entry + 28, 2), all = CENTRAL_BYTES + name_bytes + get(entry + 30, 2) + get(entry + 32, 2);
    if (directory->length - *at < all || memchr(entry + CENTRAL_BYTES, '\0', name_bytes))
        return ZIP_E_BROKEN;
    *ret = (ZipEntry){
        .name = xstrndup((const char *)entry + CENTRAL_BYTES, name_bytes),
        .method = get(entry + 10, 2),
        .crc = get(entry + 16, 4),
        .packed_bytes = get(entry + 20, 4),
        .bytes = get(entry + 24, 4),
        .offset = get(entry + 42, 4),
        .mode = entry[5] == UNIX >> 8 ? get(entry + 38, 4) >> 16 & 0777 : 0,
        .type = entry[5] == UNIX >> 8 ? get(entry + 38, 4) >> 16 & S_IFMT : 0,
        .encrypted = get(entry + 8, 2) & 1,
    };
    *at += all;
    return 0;
}

int zip_list(int fd, ZipEntries *ret)
{
    _cleanup_buffer_ Buffer directory = {};
    _cleanup_(zip_entries_done) ZipEntries entries = {};
    unsigned count;
    size_t at = 0;
    int r = find_directory(fd, &directory, &count);
    for (unsigned i = 0; r == 0 && i < count; i++) {
        ZipEntry entry;
        r = take_entry(&directory, &at, &entry);
        if (r == 0)
            vec_push(&entries, entry);
    }
    if (r != 0)
        return r;
    *ret = entries;
    entries = (ZipEntries){};
    return 0;
}

void zip_entries_done(ZipEntries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->items[i].name);
    vec_free(entries);
}

typedef struct Inflate {
    z_stream stream;
    const ZipEntry *entry;
    int to;
    off_t written;
    uint32_t crc;
    bool ended;
} Inflate;

/* What the archive says of its size is believed only up to what comes. */
static int give(Inflate *job, const unsigned char *bytes, size_t length)
{
    if ((uint64_t)job->written + length > job->entry->bytes)
        return ZIP_E_BROKEN;
    int r = write_all(job->to, bytes, length, job->written);
    job->crc = (uint32_t)crc32(job->crc, bytes, (uInt)length);
    job->written += (off_t)length;
    return r;
}

static int inflate_chunk(Inflate *job, unsigned char *bytes, size_t length)
{
    unsigned char out[CHUNK_BYTES];
    if (job->entry->method == STORED)
        return give(job, bytes, length);
    job->stream.next_in = bytes;
    job->stream.avail_in = (uInt)length;
    do {
        job->stream.next_out = out;
        job->stream.avail_out = sizeof out;
        int state = inflate(&job->stream, Z_NO_FLUSH);
        if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
            return ZIP_E_BROKEN;
        int r = give(job, out, sizeof out - job->stream.avail_out);
        if (r != 0)
            return r;
        job->ended = state == Z_STREAM_END;
    } while (!job->ended && job->stream.avail_out == 0);
    return 0;
}

static int inflate_all(int fd, Inflate *job)
{
    unsigned char header[LOCAL_BYTES], in[CHUNK_BYTES];
    int r = read_all(fd, header, sizeof header, job->entry->offset);
    if (r != 0)
        return r;
    off_t at = (off_t)job->entry->offset + LOCAL_BYTES + get(header + 26, 2) + get(header + 28, 2);
    for (size_t left = job->entry->packed_bytes; r == 0 && left > 0;) {
        size_t n = MIN(left, sizeof in);
        r = read_all(fd, in, n, at);
        if (r == 0)
            r = inflate_chunk(job, in, n);
        at += (off_t)n;
        left -= n;
    }
    if (r != 0)
        return r;
    bool whole = (uint64_t)job->written == job->entry->bytes && job->crc == job->entry->crc;
    return get(header, 4) == LOCAL_MAGIC && whole ? 0 : ZIP_E_BROKEN;
}

int zip_extract(int fd, const ZipEntry *entry, int to)
{
    Inflate job = {.entry = entry, .to = to};
    if ((entry->method != STORED && entry->method != DEFLATED) || entry->encrypted)
        return ZIP_E_BROKEN;
    if (inflateInit2(&job.stream, -MAX_WBITS) != Z_OK)
        return outage(-ENOMEM);
    int r = inflate_all(fd, &job);
    inflateEnd(&job.stream);
    return r;
}

int zip_crc(int fd, uint32_t *ret_crc, uint64_t *ret_bytes)
{
    unsigned char in[CHUNK_BYTES];
    uint32_t crc = 0;
    uint64_t bytes = 0;
    size_t n;
    do {
        int r = read_some(fd, in, sizeof in, (off_t)bytes, &n);
        if (r < 0)
            return trace(r);
        crc = (uint32_t)crc32(crc, in, (uInt)n);
        bytes += n;
    } while (n > 0);
    *ret_crc = crc;
    *ret_bytes = bytes;
    return 0;
}
