/* SPDX-License-Identifier: Apache-2.0 */
/* Local file header and data of each entry, then the central directory, then its end record (APPNOTE.TXT 4.3). */
#include "web/routes/zip.h"

#define ZIP_UTF8    0x0800
#define ZIP_VERSION 20
#define DATE_1980   0x21 /* 1 January 1980: archives of the same flows are the same bytes */

static uint32_t crc32_of(const char *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (UINT32_C(0xEDB88320) & (0 - (crc & 1)));
    }
    return ~crc;
}

/* Little endian. */
static void put(Buffer *buffer, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        buffer_append_char(buffer, (char)(value >> (8 * i) & 0xFF));
}

/* What local header and directory entry have in common, from "version needed" on. */
static void put_common(Buffer *buffer, const char *name, uint32_t crc, size_t length)
{
    put(buffer, ZIP_VERSION, 2);
    put(buffer, ZIP_UTF8, 2);
    put(buffer, 0, 2); /* stored */
    put(buffer, 0, 2); /* time */
    put(buffer, DATE_1980, 2);
    put(buffer, crc, 4);
    put(buffer, (uint32_t)length, 4);
    put(buffer, (uint32_t)length, 4);
    put(buffer, (uint32_t)strlen(name), 2);
    put(buffer, 0, 2); /* extra field */
}

void zip_add(ZipWriter *zip, const char *name, const char *bytes, size_t length)
{
    uint32_t crc = crc32_of(bytes, length), offset = (uint32_t)zip->body.length;
    put(&zip->body, 0x04034B50, 4);
    put_common(&zip->body, name, crc, length);
    buffer_append(&zip->body, name);
    buffer_append_n(&zip->body, bytes, length);
    put(&zip->directory, 0x02014B50, 4);
    put(&zip->directory, ZIP_VERSION, 2);
    put_common(&zip->directory, name, crc, length);
    put(&zip->directory, 0, 2); /* comment */
    put(&zip->directory, 0, 2); /* disk */
    put(&zip->directory, 0, 2); /* internal attributes */
    put(&zip->directory, 0, 4); /* external attributes */
    put(&zip->directory, offset, 4);
    buffer_append(&zip->directory, name);
    zip->count++;
}

void zip_finish(ZipWriter *zip, Buffer *ret)
{
    uint32_t offset = (uint32_t)zip->body.length, size = (uint32_t)zip->directory.length;
    if (size > 0)
        buffer_append_n(&zip->body, zip->directory.text, size);
    put(&zip->body, 0x06054B50, 4);
    put(&zip->body, 0, 2); /* disk */
    put(&zip->body, 0, 2); /* disk of the directory */
    put(&zip->body, zip->count, 2);
    put(&zip->body, zip->count, 2);
    put(&zip->body, size, 4);
    put(&zip->body, offset, 4);
    put(&zip->body, 0, 2); /* comment */
    buffer_done(&zip->directory);
    *ret = zip->body;
    *zip = (ZipWriter){};
}
