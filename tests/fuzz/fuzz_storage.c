/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for what object stores answer to a list: the text goes through all three readers, that of deletions, and
 * the search for an error. Built with -fsanitize=fuzzer it is a libFuzzer target; otherwise main() runs the files it is
 * given.
 */
#include <fcntl.h>
#include <unistd.h>

#include "blob/azure.h"
#include "blob/gcs.h"
#include "blob/s3.h"
#include "blob/xml.h"

enum { INPUT_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const readers[])(const char *text, size_t length, BlobEntries *ret,
                                  char **ret_next) = {s3_parse_list, azure_parse_list, gcs_parse_list};
    char *text = xmalloc(size + 1); /* ends where the input does, so that a step too far is seen */
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < ELEMENTS(readers); i++) {
        BlobEntries entries = {};
        char *next = NULL;
        int r = readers[i](text, size, &entries, &next);
        for (size_t e = 0; e < entries.count; e++)
            if (!starts_with(entries.items[e].uri, "kestra:///"))
                abort();
        if (r != 0 && next)
            abort();
        free(next);
        blob_entries_done(&entries);
    }
    char *key, *code;
    if (!s3_parse_deletion(text, size, &key, &code) && (key || code))
        abort();
    free(key);
    free(code);
    free(xml_find(text, size, "Error/Code"));
    free(text);
    return 0;
}

#ifndef FUZZER
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        static uint8_t bytes[INPUT_MAX];
        _cleanup_(close_fdp) int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;
        if (n < 0)
            return 1;
        (void)LLVMFuzzerTestOneInput(bytes, (size_t)n); /* always 0 */
    }
    return 0;
}
#endif
