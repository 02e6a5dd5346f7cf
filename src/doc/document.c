/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events become a json_t tree. The scalar rules are those of SnakeYAML's YAML 1.1 resolver as Jackson narrows
 * them: base-60 numbers, timestamps and the not-a-numbers stay text, everything quoted is text.
 *
 * An alias shares the anchored value by reference, so that memory is bounded by the length of the text; what the tree
 * would hold when written out is counted against nodes_max, because later steps walk all of it.
 *
 * Positions stand in a side table keyed by container: json_t has no room for them. They are in insertion order, which
 * jansson keeps; that is why merged keys are added only after the mapping's own ones.
 */
#include "doc/document.h"

#include <yaml.h>

#include "base/buffer.h"
#include "base/map.h"
#include "doc/scalar.h"

const DocumentLimits document_limits_flow = {
    .bytes_max = 5 * 1024 * 1024,
    .depth_max = 64,
    .nodes_max = 200000,
    .empty_is_text = true,
};

const DocumentLimits document_limits_default = {
    .bytes_max = 5 * 1024 * 1024,
    .depth_max = 64,
    .nodes_max = 200000,
};

typedef struct Place {
    unsigned line, column; /* from 1 */
    const char *spelling;  /* of a plain scalar that is no text; in the document's arena; or NULL */
} Place;

typedef struct Container Container;
struct Container {
    const json_t *value;
    VEC(Place) children;
};

struct Document {
    json_t *root;
    Place root_place;
    Container *containers; /* open addressing, a power of two */
    size_t count, allocated;
    Arena *arena; /* spellings */
};

typedef struct Anchor {
    json_t *value; /* owned; NULL while the anchored value is still being read */
    size_t nodes;
} Anchor;

typedef struct Builder {
    yaml_parser_t parser;
    const char *text;
    size_t length;
    const DocumentLimits *limits;
    Document *document;
    Map *anchors;
    Diag *diag;
    size_t nodes;
    unsigned depth;
    bool failed;
    bool keep_start; /* an unfinished root, and a list in it, are given out when the text ends in an error */
} Builder;

enum {
    SPELLING_BYTES = 64, /* words and numbers; longer ones are text, but for a few digits more */
    DEPTH_OF_ROOT = 1,
    DEPTH_OF_MEMBERS,
};

static int build_value(Builder *builder, yaml_event_t *event, json_t **ret);

static size_t container_slot(const Container *containers, size_t allocated, const json_t *value)
{
    size_t slot = ((uintptr_t)value >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20 & (allocated - 1);
    while (containers[slot].value && containers[slot].value != value)
        slot = (slot + 1) & (allocated - 1);
    return slot;
}

/* Remembers where the members of a finished container stand. Steals places. */
static void container_add(Document *document, const json_t *value, Place *places, size_t count)
{
    if (document->count * 2 >= document->allocated) {
        size_t allocated = document->allocated ? document->allocated * 2 : 64;
        Container *containers = xnew_n(Container, allocated);
        for (size_t i = 0; i < document->allocated; i++)
            if (document->containers[i].value)
                containers[container_slot(containers, allocated, document->containers[i].value)] =
                    document->containers[i];
        free(document->containers);
        document->containers = containers;
        document->allocated = allocated;
    }
    Container *container = &document->containers[container_slot(document->containers, document->allocated, value)];
    container->value = value;
    container->children.items = places;
    container->children.count = count;
    document->count++;
}

static Place place_of(yaml_mark_t mark)
{
    return (Place){.line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

/* Where the value of an event begins, and how it is spelled when it becomes a boolean or a number. */
static Place place_of_value(Builder *builder, const yaml_event_t *event)
{
    Place place = place_of(event->start_mark);
    bool is_plain = event->type == YAML_SCALAR_EVENT && event->data.scalar.plain_implicit && !event->data.scalar.tag;
    if (is_plain && event->data.scalar.length < SPELLING_BYTES)
        place.spelling = arena_strdup(builder->document->arena, (const char *)event->data.scalar.value);
    return place;
}

_printf_(3, 4) static int refuse(Builder *builder, Place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char message[512];
    (void)vsnprintf(message, sizeof(message), format, arguments); /* cut when longer */
    va_end(arguments);
    diag_error(builder->diag, NULL, place.line, place.column, "%s", message);
    builder->failed = true;
    return DOCUMENT_E_INVALID;
}

static int refuse_syntax(Builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    Place place = place_of(parser->problem_mark);
    size_t at = parser->problem_mark.index; /* counts characters: equal to bytes in the common case only */
    bool tab = at < builder->length && builder->text[at] == '\t' && parser->error == YAML_SCANNER_ERROR;
    if (tab)
        return refuse(builder, place, "found a tab character that cannot start any token; indent with spaces");
    const char *problem = parser->problem ? parser->problem : "not a YAML document";
    if (parser->context && parser->context_mark.line != parser->problem_mark.line)
        return refuse(builder, place, "%s (%s that began in line %zu)", problem, parser->context,
                      parser->context_mark.line + 1);
    if (parser->context)
        return refuse(builder, place, "%s (%s)", problem, parser->context);
    return refuse(builder, place, "%s", problem);
}

static int next_event(Builder *builder, yaml_event_t *event)
{
    if (yaml_parser_parse(&builder->parser, event))
        return 0;
    return refuse_syntax(builder);
}

static int count_nodes(Builder *builder, size_t nodes, Place place)
{
    builder->nodes += nodes;
    if (builder->nodes <= builder->limits->nodes_max)
        return 0;
    return refuse(builder, place, "the document has more than %zu values with its aliases written out",
                  builder->limits->nodes_max);
}

static void anchor_free(void *pointer)
{
    Anchor *anchor = pointer;
    json_decref(anchor->value);
    free(anchor);
}

/* Announces an anchor before its value is read, so that a cycle is seen. */
static Anchor *anchor_open(Builder *builder, const yaml_char_t *name)
{
    if (!name)
        return NULL;
    Anchor *anchor = xnew(Anchor);
    Anchor *before = map_put(builder->anchors, (const char *)name, anchor);
    if (before)
        anchor_free(before);
    return anchor;
}

static int build_alias(Builder *builder, const yaml_event_t *event, json_t **ret)
{
    Place place = place_of(event->start_mark);
    const char *name = (const char *)event->data.alias.anchor;
    const Anchor *anchor = map_get(builder->anchors, name);
    if (!anchor)
        return refuse(builder, place, "found undefined alias '%s'", name);
    if (!anchor->value)
        return refuse(builder, place, "the value of anchor '%s' contains itself", name);
    int r = count_nodes(builder, anchor->nodes, place);
    if (r != 0)
        return r;
    *ret = json_incref(anchor->value);
    return 0;
}

static int build_scalar(Builder *builder, const yaml_event_t *event, json_t **ret)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, '\0', length))
        return refuse(builder, place_of(event->start_mark), "the NUL character is not allowed");
    const char *tag = (const char *)event->data.scalar.tag;
    if (!tag && event->data.scalar.plain_implicit && length == 0 && builder->limits->empty_is_text)
        *ret = json_string("");
    else if (!tag && event->data.scalar.plain_implicit)
        *ret = scalar_decode(text, length);
    else if (tag && !streq(tag, "!"))
        *ret = scalar_decode_tagged(tag, text, length);
    else
        *ret = json_stringn_nocheck(text, length);
    return 0;
}

static int build_sequence(Builder *builder, json_t **ret)
{
    _cleanup_(json_decrefp) json_t *array = json_array();
    VEC(Place) places = {};
    int r;
    for (;;) {
        yaml_event_t event;
        r = next_event(builder, &event);
        if (r != 0)
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            container_add(builder->document, array, places.items, places.count);
            *ret = TAKE_PTR(array);
            return 0;
        }
        vec_push(&places, place_of_value(builder, &event));
        json_t *item = NULL;
        r = build_value(builder, &event, &item);
        yaml_event_delete(&event);
        if (r != 0) {
            json_decref(item); /* the start of a list, which only a mapping keeps */
            break;
        }
        (void)json_array_append_new(array, item); /* fails without memory only */
    }
    if (builder->keep_start && builder->depth == DEPTH_OF_MEMBERS) {
        container_add(builder->document, array, places.items, places.count);
        *ret = TAKE_PTR(array);
    } else {
        vec_free(&places);
    }
    return r;
}

/* What one mapping has so far. */
typedef struct Mapping {
    json_t *object;
    VEC(Place) places;
    json_t *merged; /* values of its merge keys, or NULL */
    Place merged_place;
} Mapping;

static int mapping_take_merge(Builder *builder, Mapping *mapping, json_t *value, Place place)
{
    _cleanup_(json_decrefp) json_t *owned = value;
    bool fits = json_is_object(value);
    if (json_is_array(value)) {
        fits = true;
        size_t i;
        const json_t *item;
        json_array_foreach (value, i, item)
            fits = fits && json_is_object(item);
    }
    if (!fits)
        return refuse(builder, place, "a merge key needs a mapping or a list of mappings");
    if (!mapping->merged)
        mapping->merged = json_array();
    mapping->merged_place = place;
    if (json_is_array(value))
        (void)json_array_extend(mapping->merged, value);
    else
        (void)json_array_append(mapping->merged, value);
    return 0;
}

/* Keys of merged mappings that the mapping does not have itself; the first one that brings a key wins. */
static void mapping_apply_merges(Mapping *mapping)
{
    size_t i;
    json_t *from, *value;
    const char *key;
    json_array_foreach (mapping->merged, i, from) {
        json_object_foreach (from, key, value) {
            if (json_object_get(mapping->object, key))
                continue;
            (void)json_object_set_nocheck(mapping->object, key, value);
            vec_push(&mapping->places, mapping->merged_place);
        }
    }
}

/* The key as text; *ret_is_merge when it is a plain `<<`. The text is owned by the caller. */
static int build_key(Builder *builder, const yaml_event_t *event, char **ret, bool *ret_is_merge)
{
    Place place = place_of(event->start_mark);
    if (event->type == YAML_ALIAS_EVENT) {
        _cleanup_(json_decrefp) json_t *value = NULL;
        int r = build_alias(builder, event, &value);
        if (r != 0)
            return r;
        if (!json_is_string(value))
            return refuse(builder, place, "a key must be a text");
        *ret = xstrdup(json_string_value(value));
        *ret_is_merge = false;
        return 0;
    }
    if (event->type != YAML_SCALAR_EVENT)
        return refuse(builder, place, "a key must be a text; an expression in braces must be quoted");
    const char *text = (const char *)event->data.scalar.value;
    if (memchr(text, '\0', event->data.scalar.length))
        return refuse(builder, place, "the NUL character is not allowed");
    Anchor *anchor = anchor_open(builder, event->data.scalar.anchor);
    if (anchor)
        *anchor = (Anchor){json_string_nocheck(text), 1};
    *ret = xstrdup(text);
    *ret_is_merge = event->data.scalar.plain_implicit && streq(text, "<<");
    return 0;
}

/* One `key: value` whose key's event was read. */
static int build_member(Builder *builder, Mapping *mapping, const yaml_event_t *key_event)
{
    _cleanup_free_ char *key = NULL;
    bool is_merge = false;
    int r = build_key(builder, key_event, &key, &is_merge);
    if (r != 0)
        return r;
    if (!is_merge && json_object_get(mapping->object, key))
        (void)refuse(builder, place_of(key_event->start_mark), "Duplicate field '%s'", key); /* and go on */
    yaml_event_t event;
    r = next_event(builder, &event);
    if (r != 0)
        return r;
    Place place = place_of_value(builder, &event);
    json_t *value = NULL;
    r = build_value(builder, &event, &value);
    yaml_event_delete(&event);
    if (!value)
        return r;
    if (is_merge && r != 0) {
        json_decref(value);
        return r;
    }
    if (is_merge)
        return mapping_take_merge(builder, mapping, value, place);
    if (!json_object_get(mapping->object, key))
        vec_push(&mapping->places, place);
    (void)json_object_set_new_nocheck(mapping->object, key, value);
    return r;
}

static int build_mapping(Builder *builder, json_t **ret)
{
    Mapping mapping = {.object = json_object()};
    int r = 0;
    bool ended = false;
    while (r == 0 && !ended) {
        yaml_event_t event;
        r = next_event(builder, &event);
        if (r != 0)
            break;
        ended = event.type == YAML_MAPPING_END_EVENT;
        if (!ended)
            r = build_member(builder, &mapping, &event);
        yaml_event_delete(&event);
    }
    if (r == 0 || (builder->keep_start && builder->depth == DEPTH_OF_ROOT)) {
        mapping_apply_merges(&mapping);
        container_add(builder->document, mapping.object, mapping.places.items, mapping.places.count);
        *ret = TAKE_PTR(mapping.object);
    } else {
        vec_free(&mapping.places);
    }
    json_decref(mapping.object);
    json_decref(mapping.merged);
    return r;
}

static const yaml_char_t *event_anchor(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor;
    return event->data.mapping_start.anchor;
}

static int build_value(Builder *builder, yaml_event_t *event, json_t **ret)
{
    if (event->type == YAML_ALIAS_EVENT)
        return build_alias(builder, event, ret);
    Place place = place_of(event->start_mark);
    size_t nodes_before = builder->nodes;
    int r = count_nodes(builder, 1, place);
    if (r != 0)
        return r;
    Anchor *anchor = anchor_open(builder, event_anchor(event));
    if (event->type == YAML_SCALAR_EVENT) {
        r = build_scalar(builder, event, ret);
    } else {
        if (builder->depth == builder->limits->depth_max)
            return refuse(builder, place, "nested deeper than %u levels", builder->limits->depth_max);
        builder->depth++;
        r = event->type == YAML_SEQUENCE_START_EVENT ? build_sequence(builder, ret) : build_mapping(builder, ret);
        builder->depth--;
    }
    /* An inner value may have taken the name over; then the outer anchor is gone already. */
    if (r == 0 && anchor && map_get(builder->anchors, (const char *)event_anchor(event)) == anchor)
        *anchor = (Anchor){json_incref(*ret), builder->nodes - nodes_before};
    return r;
}

/* Reads events up to the end of the stream. */
static int build_document(Builder *builder)
{
    Document *document = builder->document;
    bool seen = false, ended = false;
    int r = 0;
    while (r == 0 && !ended) {
        yaml_event_t event;
        r = next_event(builder, &event);
        if (r != 0)
            break;
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
        case YAML_NO_EVENT:
            break;
        case YAML_STREAM_END_EVENT:
            ended = true;
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (seen)
                r = refuse(builder, place_of(event.start_mark), "a second document begins here; one is expected");
            seen = true;
            break;
        default:
            document->root_place = place_of(event.start_mark);
            r = build_value(builder, &event, &document->root);
        }
        yaml_event_delete(&event);
    }
    if (r == 0 && !document->root)
        document->root = json_null();
    return r != 0 || builder->failed ? DOCUMENT_E_INVALID : 0;
}

static int refuse_size(size_t length, const DocumentLimits *limits, Diag *diag)
{
    diag_error(diag, NULL, 0, 0, "the text has %zu bytes; at most %zu are allowed", length, limits->bytes_max);
    return DOCUMENT_E_INVALID;
}

static int parse(const char *text, size_t length, const DocumentLimits *limits, bool keep_start, Document **ret,
                 Diag *diag)
{
    if (!limits)
        limits = &document_limits_default;
    if (length > limits->bytes_max)
        return refuse_size(length, limits, diag);
    unsigned line, column;
    const char *problem = text_problem(text, length, &line, &column);
    if (problem) {
        diag_error(diag, NULL, line, column, "%s", problem);
        return DOCUMENT_E_INVALID;
    }
    static const char mark[] = "\xEF\xBB\xBF";
    if (length >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0) {
        text += strlen(mark);
        length -= strlen(mark);
    }
    Builder builder = {.text = text, .length = length, .limits = limits, .diag = diag, .keep_start = keep_start};
    if (!yaml_parser_initialize(&builder.parser))
        abort();
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    _cleanup_(document_freep) Document *document = xnew(Document);
    document->arena = arena_new();
    builder.document = document;
    builder.anchors = map_new();
    int r = build_document(&builder);
    map_destroy(builder.anchors, anchor_free);
    yaml_parser_delete(&builder.parser);
    if (r == 0 || (keep_start && document->root))
        *ret = TAKE_PTR(document);
    return r;
}

int document_parse(const char *text, size_t length, const DocumentLimits *limits, Document **ret, Diag *diag)
{
    return parse(text, length, limits, false, ret, diag);
}

bool document_parse_start(const char *text, size_t length, const DocumentLimits *limits, Document **ret)
{
    Document *document = NULL;
    (void)parse(text, length, limits, true, &document, NULL); /* the reader knows already that the text is refused */
    if (document)
        *ret = document;
    return document;
}

Document *document_free(Document *document)
{
    if (!document)
        return NULL;
    for (size_t i = 0; i < document->allocated; i++)
        vec_free(&document->containers[i].children);
    free(document->containers);
    json_decref(document->root);
    arena_free(document->arena);
    free(document);
    return NULL;
}

json_t *document_root(const Document *document)
{
    return document->root;
}

static Place find_place(const Document *document, const json_t *parent, const char *key, size_t index)
{
    if (!document)
        return (Place){};
    if (!parent)
        return document->root_place;
    if (!document->allocated)
        return (Place){};
    const Container *container =
        &document->containers[container_slot(document->containers, document->allocated, parent)];
    if (key) {
        index = 0;
        const char *name;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)parent, name, value) {
            if (streq(name, key))
                break;
            index++;
        }
    }
    return container->value && index < container->children.count ? container->children.items[index] : (Place){};
}

void document_position(const Document *document, const json_t *parent, const char *key, size_t index,
                       unsigned *ret_line, unsigned *ret_column)
{
    Place place = find_place(document, parent, key, index);
    *ret_line = place.line;
    *ret_column = place.column;
}

const char *document_spelling(const Document *document, const json_t *object, const char *key)
{
    return find_place(document, object, key, 0).spelling;
}

static bool line_is_marker(const char *line, size_t length)
{
    if (length < 3 || memcmp(line, "---", 3) != 0)
        return false;
    return length == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r';
}

static bool line_is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return line[i] == '#';
    return true;
}

void document_split(const char *text, size_t length, DocumentParts *ret_parts)
{
    DocumentPart part = {.text = text, .first_line = 1};
    bool content = false, directives = false; /* `%YAML 1.2` belongs to the document after the marker */
    unsigned line_number = 1;
    const char *end = text + length;
    for (const char *line = text; line < end; line_number++) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        const char *next = line_end ? line_end + 1 : end;
        size_t line_length = (size_t)((line_end ? line_end : end) - line);
        bool is_marker = line_is_marker(line, line_length);
        if (is_marker && directives) {
            directives = false;
            content = !line_is_blank(line + 3, line_length - 3);
        } else if (is_marker) {
            part.length = (size_t)(line - part.text);
            if (content)
                vec_push(ret_parts, part);
            /* What follows the marker in its own line belongs to the new document, marker included. */
            content = !line_is_blank(line + 3, line_length - 3);
            part = (DocumentPart){content ? line : next, 0, content ? line_number : line_number + 1};
        } else if (!content && *line == '%') {
            directives = true;
        } else {
            content = content || !line_is_blank(line, line_length);
            directives = directives && !content;
        }
        line = next;
    }
    part.length = (size_t)(end - part.text);
    if (content)
        vec_push(ret_parts, part);
}

/* The next `---` after a line's end; NULL when there is none. *ret_end: where the part before it ends. */
static const char *find_marker(const char *from, const char *end, const char **ret_end)
{
    for (const char *at = from; (at = memchr(at, '\n', (size_t)(end - at)));) {
        const char *stop = at;
        while (at < end && *at == '\n')
            at++;
        if (end - at >= 3 && memcmp(at, "---", 3) == 0) {
            *ret_end = stop;
            return at;
        }
    }
    return NULL;
}

void document_split_literally(const char *text, size_t length, DocumentParts *ret_parts)
{
    const char *end = text + length, *stop = end, *marker;
    unsigned line = 1;
    for (const char *from = text; from; from = marker ? marker + 3 : NULL) {
        stop = end;
        marker = find_marker(from, end, &stop);
        vec_push(ret_parts, (DocumentPart){from, (size_t)(stop - from), line});
        for (const char *at = from; marker && at < marker; at++)
            line += *at == '\n';
    }
    while (ret_parts->count && ret_parts->items[ret_parts->count - 1].length == 0)
        ret_parts->count--;
}
