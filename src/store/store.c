/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

void texts_done(Texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    vec_free(texts);
}

void store_page_done(StorePage *page)
{
    texts_done(&page->bodies);
    page->total = 0;
}

int store_sink_check(const StoreSink *sink)
{
    return sink->full && sink->text->length >= STORE_SINK_BYTES ? trace(sink->full(sink->userdata, sink->text)) : 0;
}

void store_page_list(const StorePage *page, Buffer *buffer)
{
    buffer_append_char(buffer, '[');
    for (size_t i = 0; i < page->bodies.count; i++) {
        if (i)
            buffer_append_char(buffer, ',');
        buffer_append(buffer, page->bodies.items[i]);
    }
    buffer_append_char(buffer, ']');
}

void store_page_json(const StorePage *page, Buffer *buffer)
{
    buffer_append(buffer, "{\"results\":");
    store_page_list(page, buffer);
    buffer_printf(buffer, ",\"total\":%" PRId64 "}", page->total);
}
