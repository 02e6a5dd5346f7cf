/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives of others are not trusted: a small one can unpack to anything ("zip bomb"), in one entry of zeros, in many,
 * or in many that share their bytes; a name may point outside. The central directory is checked before the first byte
 * is unpacked, and unpacking stops where an entry is longer than the directory says. Everything is unpacked into
 * unnamed files, so that no name is ever a path here.
 */
#include "web/routes/archive.h"

#include <sys/stat.h>
#include <unistd.h>

enum {
    ENTRIES_MAX = 10000,
    NAME_BYTES_MAX = 1024,
    DEPTH_MAX = 32,  /* directories */
    RATIO_MAX = 200, /* of what is longer than RATIO_FROM_BYTES; text seldom has more than 20 */
    RATIO_FROM_BYTES = 1 << 20,
    CHUNK_BYTES = 64 * 1024,
};
#define ENTRY_BYTES_MAX ((uint64_t)64 << 20)
#define TOTAL_BYTES_MAX ((uint64_t)256 << 20)

static int refused(Diag *diag, const char *name, const char *reason)
{
    _cleanup_buffer_ Buffer shown = {};
    buffer_append_utf8(&shown, name);
    diag_error(diag, NULL, 0, 0, "%s: %s", buffer_text(&shown), reason);
    return ARCHIVE_E_REFUSED;
}

static bool has_controls(const char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < ' ' || *name == 0x7F)
            return true;
    return false;
}

static bool is_utf8(const char *name)
{
    _cleanup_buffer_ Buffer valid = {};
    buffer_append_utf8(&valid, name);
    return streq(buffer_text(&valid), name);
}

/* Why a name is no path below the top, or NULL. */
static const char *wrong_path(const char *name)
{
    unsigned depth = 0;
    if (*name == '/' || !*name)
        return "the path is absolute or empty";
    for (const char *part = name; *part; depth++) {
        size_t length = strcspn(part, "/");
        if (length == 0 || (length <= 2 && strncmp(part, "..", length) == 0))
            return "the path has a part that is empty, '.' or '..'";
        part += length;
        part += *part == '/';
    }
    return depth > DEPTH_MAX + 1 ? "the path has too many directories" : NULL;
}

static const char *wrong_name(const char *name)
{
    if (strlen(name) > NAME_BYTES_MAX)
        return "the name is too long";
    if (strchr(name, '\\') || has_controls(name) || !is_utf8(name))
        return "the name has a backslash, a control character, or is not UTF-8";
    return wrong_path(name);
}

static const char *wrong_entry(const ZipEntry *entry)
{
    if (entry->type && entry->type != S_IFREG && entry->type != S_IFDIR)
        return "only files and directories are taken, no links or devices";
    if (entry->encrypted)
        return "it is encrypted";
    if (entry->bytes > ENTRY_BYTES_MAX)
        return "it is larger than 64 MiB";
    if (entry->bytes > RATIO_FROM_BYTES && entry->bytes / MAX(entry->packed_bytes, 1U) > RATIO_MAX)
        return "it is compressed more than 200 times";
    return NULL;
}

/* bytes: of the archive itself; entries that have more together share some. */
static int check_entries(const ZipEntries *entries, uint64_t bytes, Diag *diag)
{
    uint64_t packed = 0, unpacked = 0;
    if (entries->count > ENTRIES_MAX)
        return refused(diag, entries->items[ENTRIES_MAX].name, "the archive has more than 10000 entries");
    for (size_t i = 0; i < entries->count; i++) {
        const ZipEntry *entry = &entries->items[i];
        const char *wrong = wrong_name(entry->name);
        wrong = wrong ? wrong : wrong_entry(entry);
        packed += entry->packed_bytes;
        unpacked += entry->bytes;
        if (!wrong && packed > bytes)
            wrong = "it overlaps with other entries";
        if (!wrong && unpacked > TOTAL_BYTES_MAX)
            wrong = "with it the archive is larger than 256 MiB";
        if (wrong)
            return refused(diag, entry->name, wrong);
    }
    return 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EINTR)
            return outage(-errno);
        bytes += MAX(n, (ssize_t)0);
        length -= (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

/* An empty file to be written from its beginning; made when there is none yet. */
static int begin(int *fd)
{
    if (*fd < 0)
        *fd = http_scratch();
    return *fd < 0 || ftruncate(*fd, 0) < 0 || lseek(*fd, 0, SEEK_SET) < 0 ? outage(-errno) : 0;
}

void archive_done(Archive *archive)
{
    zip_entries_done(&archive->entries);
    close_fd(archive->fd);
    close_fd(archive->scratch);
}

int archive_open(const char *bytes, size_t length, Archive *ret, Diag *diag)
{
    _cleanup_archive_ Archive archive = ARCHIVE_INIT;
    int r = begin(&archive.fd);
    if (r == 0)
        r = write_all(archive.fd, bytes, length);
    if (r == 0 && zip_list(archive.fd, &archive.entries) != 0) {
        diag_error(diag, NULL, 0, 0, "it is not a ZIP archive, or one of another kind than is read here");
        return ARCHIVE_E_REFUSED;
    }
    if (r == 0)
        r = check_entries(&archive.entries, length, diag);
    if (r != 0)
        return r;
    *ret = archive;
    archive = (Archive)ARCHIVE_INIT;
    return 0;
}

bool archive_is_file(const ZipEntry *entry)
{
    return !ends_with(entry->name, "/") && entry->type != S_IFDIR;
}

int archive_unpack(Archive *archive, const ZipEntry *entry, Diag *diag)
{
    int r = begin(&archive->scratch);
    if (r == 0)
        r = zip_extract(archive->fd, entry, archive->scratch);
    if (r > 0)
        return refused(diag, entry->name, "it is damaged, or packed in another way than is read here");
    if (r == 0 && lseek(archive->scratch, 0, SEEK_SET) < 0)
        r = outage(-errno);
    return r;
}

int archive_read(Archive *archive, const ZipEntry *entry, size_t bytes_max, char **ret_text, Diag *diag)
{
    if (entry->bytes > bytes_max)
        return refused(diag, entry->name, "it is too large");
    int r = archive_unpack(archive, entry, diag);
    if (r != 0)
        return r;
    _cleanup_free_ char *text = xmalloc(entry->bytes + 1);
    ssize_t n = pread(archive->scratch, text, entry->bytes, 0);
    if (n != (ssize_t)entry->bytes)
        return outage(n < 0 ? -errno : -EIO);
    text[n] = '\0';
    *ret_text = TAKE_PTR(text);
    return 0;
}

/* --- writing --- */

void archive_writer_done(ArchiveWriter *writer)
{
    zip_writer_done(&writer->zip);
    close_fd(writer->fd);
    close_fd(writer->scratch);
}

static int add_scratch(ArchiveWriter *writer, const char *name)
{
    if (writer->fd < 0) {
        writer->fd = http_scratch();
        if (writer->fd < 0)
            return outage(-errno);
        writer->zip.fd = writer->fd;
    }
    return fold(zip_writer_add(&writer->zip, name, writer->scratch, 0644));
}

int archive_add(ArchiveWriter *writer, const char *name, const char *text)
{
    int r = begin(&writer->scratch);
    if (r == 0)
        r = write_all(writer->scratch, text, strlen(text));
    return r < 0 ? r : add_scratch(writer, name);
}

int archive_add_from(ArchiveWriter *writer, const char *name, int fd)
{
    _cleanup_free_ char *chunk = xmalloc(CHUNK_BYTES);
    int r = begin(&writer->scratch);
    while (r == 0) {
        ssize_t n = read(fd, chunk, CHUNK_BYTES);
        if (n == 0)
            return add_scratch(writer, name);
        if (n < 0 && errno != EINTR)
            r = outage(-errno);
        else if (n > 0)
            r = write_all(writer->scratch, chunk, (size_t)n);
    }
    return r;
}

int archive_answer(ArchiveWriter *writer, HttpResponse *response)
{
    int r = writer->fd < 0 ? begin(&writer->fd) : 0;
    writer->zip.fd = writer->fd;
    if (r == 0)
        r = fold(zip_writer_end(&writer->zip));
    if (r < 0)
        return r;
    struct stat st;
    if (fstat(writer->fd, &st) < 0 || lseek(writer->fd, 0, SEEK_SET) < 0)
        return outage(-errno);
    return http_file(response, 200, "application/octet-stream", TAKE_FD(writer->fd), st.st_size);
}
