/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Writing ZIP archives (stored, not compressed: sources are small) into memory. */
#include "base/buffer.h"

typedef struct ZipWriter {
    Buffer body, directory;
    unsigned count;
} ZipWriter;
/* name is UTF-8. Limits of the format: 65535 entries, 4 GiB. */
void zip_add(ZipWriter *zip, const char *name, const char *bytes, size_t length);
/* Ends the archive; its bytes move to ret. */
void zip_finish(ZipWriter *zip, Buffer *ret);
