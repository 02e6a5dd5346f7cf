/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reads the XML that object stores answer: elements, text, the five named entities and numbered characters, comments,
 * CDATA. Attributes and namespaces are skipped. Document types are refused, so that nothing can expand or refer to the
 * outside. A library for this would bring a hundred times what three answers need.
 */
#include "base/buffer.h"

enum {
    XML_E_END = 1,     /* the root has ended and nothing but blanks is left */
    XML_E_INVALID = 2, /* not well-formed, or deeper than XML_DEPTH_MAX */
};
enum { XML_DEPTH_MAX = 16, XML_PATH_BYTES = 512 };

typedef struct Xml {
    /* of the element that xml_next gave: names from the root down, "List/Contents/Key", and its own text, unescaped;
     * borrowed until the next call */
    char path[XML_PATH_BYTES];
    Buffer text;
    /* private */
    const char *at, *end;
    char open[XML_PATH_BYTES];
    unsigned depth;
    bool was_open;
} Xml;

/* `bytes` is borrowed until xml_done. */
void xml_begin(Xml *xml, const char *bytes, size_t length);
void xml_done(Xml *xml);
/* The next element that ends; inner ones come before outer ones. The text of an element that holds others is only what
 * stands behind the last of them. 0, XML_E_END, XML_E_INVALID. */
int xml_next(Xml *xml) _must_check_;
/* The text of the first element with this path; NULL when there is none. Caller frees. */
char *xml_find(const char *bytes, size_t length, const char *path);
