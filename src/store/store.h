/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What all record kinds share: outcomes, pages, filters, lists of texts. Every call blocks and runs in the session
 * given. */
#include "base/base.h"
#include "base/buffer.h"
#include "doc/json.h"
#include "pg/pg.h"

enum {
    STORE_E_NONE = 1,      /* there is no such record */
    STORE_E_CONFLICT = 2,  /* it exists already, or another writer was faster */
    STORE_E_FROM_FILE = 3, /* the flow came from a file of the flow directory: read-only here */
    STORE_E_QUERY = 4,     /* a sort column or filter that does not exist; store_error() style text in the Diag */
};

typedef VEC(char *) Texts;
void texts_done(Texts *texts);
#define _cleanup_texts_ _cleanup_(texts_done)

typedef struct StoreFilter {
    const char *field; /* filters[field][OP]=value */
    const char *op;    /* EQUALS, NOT_EQUALS, IN, NOT_IN, STARTS_WITH, ENDS_WITH, CONTAINS, REGEX, PREFIX,
                          GREATER_THAN(_OR_EQUAL_TO), LESS_THAN(_OR_EQUAL_TO) */
    const char *key;   /* third bracket: filters[labels][EQUALS][key]=value; or NULL */
    const char *value; /* IN: comma separated */
} StoreFilter;
typedef struct StoreLabel {
    const char *key, *value;
} StoreLabel;

typedef enum StoreScope {
    STORE_SCOPE_ALL,
    STORE_SCOPE_USER, /* namespace differs from system_namespace */
    STORE_SCOPE_SYSTEM,
} StoreScope;

/* Sorts are "column:asc"; the column is looked up in the record kind's table. Unknown → STORE_E_QUERY. */
typedef struct StorePaging {
    unsigned page;            /* from 1; 0: 1 */
    unsigned size;            /* 0: everything */
    const char *const *sorts; /* sort_count of them; none: newest first where there is a date, else by name */
    size_t sort_count;
} StorePaging;

/* Where a long text goes. `full` is called when `text` has grown long and leaves it empty (an outage passes through);
 * NULL: it grows. */
typedef struct StoreSink {
    Buffer *text;
    int (*full)(void *userdata, Buffer *text);
    void *userdata;
} StoreSink;
#define STORE_SINK_BYTES ((size_t)256 * 1024)
/* After a piece was appended. */
int store_sink_check(const StoreSink *sink) _must_check_;

/* One page of JSON bodies, in order, and the exact number of all matches (also past the last page). */
typedef struct StorePage {
    Texts bodies;
    int64_t total;
} StorePage;
void store_page_done(StorePage *page);
#define _cleanup_page_ _cleanup_(store_page_done)
/* {"results":[…],"total":n} */
void store_page_json(const StorePage *page, Buffer *buffer);
/* […] */
void store_page_list(const StorePage *page, Buffer *buffer);
