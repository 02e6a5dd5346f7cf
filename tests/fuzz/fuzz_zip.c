/* SPDX-License-Identifier: Apache-2.0 */
/* An archive that is sent to us: it is refused with a reason, or each of its files has the length and sum it says. */
#include "fuzz.h"

#include <sys/stat.h>

#include "web/routes/archive.h"

enum { UNPACK_BYTES_MAX = 1 << 20, UNPACK_MAX = 16 };

static void check_name(const char *name)
{
    _cleanup_free_ char *path = xasprintf("/%s/", name);
    fuzz_check(*name && *name != '/' && !strstr(path, "/../") && !strstr(path, "/./"));
}

static void unpack(Archive *archive, const ZipEntry *entry)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *text = NULL;
    uint32_t crc;
    uint64_t bytes;
    int r = archive_read(archive, entry, UNPACK_BYTES_MAX, &text, &diag);
    fuzz_check(r >= 0 && (r == 0) == (diag.errors == 0) && (r == 0) == (text != NULL));
    if (r != 0)
        return;
    fuzz_check(zip_crc(archive->scratch, &crc, &bytes) == 0);
    fuzz_check(crc == entry->crc && bytes == entry->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    _cleanup_free_ char *bytes = fuzz_text(data, size);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_archive_ Archive archive = ARCHIVE_INIT;
    int r = archive_open(bytes, size, &archive, &diag);
    fuzz_check(r >= 0 && (r == 0) == (diag.errors == 0));
    for (size_t i = 0; r == 0 && i < archive.entries.count; i++) {
        const ZipEntry *entry = &archive.entries.items[i];
        check_name(entry->name);
        if (i < UNPACK_MAX && archive_is_file(entry))
            unpack(&archive, entry);
    }
    return 0;
}
