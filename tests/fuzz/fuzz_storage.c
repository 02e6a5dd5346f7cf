/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for what object stores answer to a list: the text goes through all three readers, that of deletions, and
 * the search for an error.
 */
#include "fuzz.h"

#include "blob/azure.h"
#include "blob/gcs.h"
#include "blob/s3.h"
#include "blob/xml.h"

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
