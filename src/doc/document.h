/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A YAML (or JSON) text as a tree of json_t that remembers where every value stood. The only user of libyaml.
 * Core schema of YAML 1.1 as SnakeYAML reads it for Kestra: anchors and merge keys work, duplicate keys are errors,
 * timestamps stay text.
 */
#include <jansson.h>

#include "base/diag.h"

enum {
    DOCUMENT_E_INVALID = 1, /* not well-formed or beyond a limit; the Diag says where and why */
};

typedef struct DocumentLimits {
    size_t bytes_max;   /* length of the text; default 5 MiB */
    unsigned depth_max; /* nesting; default 64 */
    size_t nodes_max;   /* values after expansion of aliases; default 200,000 */
    bool empty_is_text; /* a value that is not written at all is "", as it is for Kestra; else null */
} DocumentLimits;
extern const DocumentLimits document_limits_default;
extern const DocumentLimits document_limits_flow; /* the same, with empty_is_text: flows and YAML inputs */

typedef struct Document Document;

/* Parses exactly one document (a second one is an error). An empty text gives JSON null. limits may be NULL. */
int document_parse(const char *text, size_t length, const DocumentLimits *limits, Document **ret,
                   Diag *diag) _must_check_;
/* What can be read of a text that document_parse refuses before the first error: the complete members of the root
 * mapping and, when the error is in a list that is a member, that list's complete items. False when there is nothing.
 */
bool document_parse_start(const char *text, size_t length, const DocumentLimits *limits, Document **ret);
Document *document_free(Document *document);
DEFINE_CLEANUP(Document *, document_free);
/* Borrowed; lives as long as the document (take a reference to keep it longer). */
json_t *document_root(const Document *document);
/* Where the value under `key` of `object` (or item `index` of `array` when key is NULL) begins. Gives 0,0 for a
 * container that is not part of the document. With parent NULL: the root. */
void document_position(const Document *document, const json_t *parent, const char *key, size_t index,
                       unsigned *ret_line, unsigned *ret_column);

/* How the plain scalar under `key` of `object` is written, when it is a boolean or a number for YAML: `yes`, `010`,
 * `1.10`. NULL when it is quoted, tagged, long or not part of the document. Borrowed from the document. */
const char *document_spelling(const Document *document, const json_t *object, const char *key);

/* One document of a file with several, separated by lines `---`; text is borrowed from the whole. */
typedef struct DocumentPart {
    const char *text;
    size_t length;
    unsigned first_line; /* line of the file where it begins, from 1 */
} DocumentPart;
typedef VEC(DocumentPart) DocumentParts;
/* Cuts without parsing; parts with nothing but comments and blanks are left out. */
void document_split(const char *text, size_t length, DocumentParts *ret_parts);
/* Cuts at every `---` that begins a line but the first, and keeps what has no content, as Java's split("\\n+---\\n*?")
 * does for Kestra's validation; empty parts at the end are left out. */
void document_split_literally(const char *text, size_t length, DocumentParts *ret_parts);
