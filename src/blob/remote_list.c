/* SPDX-License-Identifier: Apache-2.0 */
/* S3 and Azure list in XML of the same shape: an element for each object, with its key, size and date inside. */
#include "blob/remote_list.h"

#include "base/clock.h"
#include "blob/xml.h"

/* The object that is read, and what the page says beside its objects. */
typedef struct Page {
    BlobEntries *entries;
    char *key, *next;
    int64_t size;
    usec_t modified;
    bool is_encoded, is_page;
} Page;

static void take_object(Page *page)
{
    if (page->key && page->is_encoded)
        remote_decode(page->key);
    if (page->key)
        remote_blob_add_entry(page->entries, page->key, page->size, page->modified);
    free(TAKE_PTR(page->key));
    page->size = 0;
    page->modified = 0;
}

/* ISO 8601 in S3, that of HTTP in Azure; 0: neither. */
static usec_t parse_date(const char *text)
{
    usec_t instant;
    return instant_parse(text, &instant) == 0 ? instant : remote_parse_date(text);
}

static void replace_text(char **text, const char *with)
{
    free(*text);
    *text = *with ? xstrdup(with) : NULL;
}

static void take_element(Page *page, const RemoteListNames *names, const char *path, const char *text)
{
    if (streq(path, names->key))
        replace_text(&page->key, text);
    else if (streq(path, names->size))
        page->size = strtoimax(text, NULL, 10);
    else if (streq(path, names->modified))
        page->modified = parse_date(text);
    else if (streq(path, names->object))
        take_object(page);
    else if (streq(path, names->next))
        replace_text(&page->next, text);
    else if (streq(path, names->page))
        page->is_page = true;
}

int remote_list_parse(const RemoteListNames *names, bool is_encoded, const RemoteListText *text, BlobEntries *ret,
                      char **ret_next)
{
    Page page = {.entries = ret, .is_encoded = is_encoded};
    Xml xml;
    int r;
    xml_begin(&xml, text->bytes, text->length);
    while ((r = xml_next(&xml)) == 0)
        take_element(&page, names, xml.path, buffer_text(&xml.text));
    xml_done(&xml);
    free(page.key);
    if (r != XML_E_END || !page.is_page) {
        free(page.next);
        return BLOB_E_INVALID;
    }
    *ret_next = page.next;
    return 0;
}

int remote_list_page(const RemoteBlob *blob, RemoteRequest *request, RemoteListParser parse, char **marker,
                     BlobEntries *ret)
{
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    char *next;
    int r = remote_exchange(blob->remote, request, &answer);
    if (r != 0)
        return r;
    if (parse(buffer_text(&answer.body), answer.body.length, ret, &next) != 0) {
        blob_set_reason("%s gave a list that cannot be read", blob->driver->http.name);
        return outage(-EPROTO);
    }
    free(*marker);
    *marker = next;
    return 0;
}

/* --- many at once: HTTP requests as the parts of one --- */

/* "HTTP/1.1 202 Accepted", the status of a part */
static bool says_gone(const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length);
    if (!starts_with(line, "HTTP/") || !blank || length < (size_t)(blank - line) + 4)
        return false;
    return blank[1] == '2' || memcmp(blank + 1, "404", 3) == 0;
}

size_t remote_batch_gone(const char *text)
{
    size_t gone = 0;
    for (const char *line = text; *line; line += strspn(line, "\r\n")) {
        size_t length = strcspn(line, "\r\n");
        gone += says_gone(line, length);
        line += length;
    }
    return gone;
}

static int delete_singly(const RemoteBlob *blob, const char *const *keys, size_t count)
{
    int r = 0;
    bool existed;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = blob->driver->delete (blob, keys[i], &existed);
    return r;
}

/* A server that does not know batches refuses them in one way or another, and one that does may refuse some of the
 * parts: what is deleted singly needs no batch, is tried again where it was only busy, and else says why it cannot be
 * deleted. */
int remote_batch_delete(const RemoteBlob *blob, RemoteRequest *request, const char *const *keys, size_t count)
{
    static const int accepts[] = {400, 401, 403, 404, 405, 411, 415, 501, 0};
    _cleanup_(remote_answer_done) RemoteAnswer answer = {};
    request->accepts = accepts;
    int r = remote_exchange(blob->remote, request, &answer);
    if (r != 0 || (answer.status / 100 == 2 && remote_batch_gone(buffer_text(&answer.body)) == count))
        return r;
    return delete_singly(blob, keys, count);
}
