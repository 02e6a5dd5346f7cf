/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text properties that were written as something else for YAML: `id: yes`, `defaults: 1.10`. Kestra reads the flow, its
 * inputs and its outputs straight from the source, so such a text is what is written. Tasks and triggers, and what
 * stands in an input before its `type`, go through a tree of values first: there `on` is the text "true".
 *
 * Source: Jackson's StringDeserializer, behind AsPropertyTypeDeserializer and PluginDeserializer.
 */
#include "model/flow_private.h"

/* The text of a boolean or a number that stands where a text belongs; NULL: it stays as it is. New. */
static json_t *text_for(const Document *document, const json_t *object, const char *key, const Field *field,
                        const json_t *value, bool as_written)
{
    if (!field || field->kind != FIELD_STRING || (!json_is_boolean(value) && !json_is_number(value)))
        return NULL;
    const char *spelling = as_written ? document_spelling(document, object, key) : NULL;
    _cleanup_free_ char *text = spelling ? NULL : json_text(value);
    return json_string(spelling ? spelling : text);
}

/* The object with texts; shares what does not change. New. */
static json_t *with_texts(const Document *document, json_t *object, const Field *table, const Field *common,
                          bool as_written)
{
    json_t *copy = NULL;
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        const Field *field = field_find(common, key);
        json_t *text = text_for(document, object, key, field ? field : field_find(table, key), value, as_written);
        as_written = as_written || streq(key, "type");
        if (!text)
            continue;
        if (!copy)
            copy = json_copy(object);
        (void)json_object_set_new_nocheck(copy, key, text); /* the key was read from a checked text */
    }
    return copy ? copy : json_incref(object);
}

static json_t *input_with_texts(const Document *document, json_t *input)
{
    const char *type = json_get_text(input, "type", "");
    const Variant *variant = input_variants;
    while (variant->type && !streq(variant->type, type))
        variant++;
    return with_texts(document, input, variant->fields, fields_of_every_input, false);
}

static json_t *output_with_texts(const Document *document, json_t *output)
{
    return with_texts(document, output, fields_of_output, NULL, true);
}

static json_t *list_with_texts(const Document *document, const json_t *list,
                               json_t *(*item_with_texts)(const Document *document, json_t *item))
{
    json_t *copy = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) /* no failure but memory */
        (void)json_array_append_new(copy, json_is_object(item) ? item_with_texts(document, item) : json_incref(item));
    return copy;
}

json_t *flow_with_texts(const Document *document)
{
    static const struct {
        const char *property;
        json_t *(*item_with_texts)(const Document *document, json_t *item);
    } lists[] = {{"inputs", input_with_texts}, {"outputs", output_with_texts}};
    json_t *root = document_root(document);
    _cleanup_json_ json_t *shared = with_texts(document, root, fields_of_flow, NULL, true);
    json_t *flow = json_copy(shared);
    for (size_t i = 0; i < ELEMENTS(lists); i++) {
        const json_t *list = json_object_get(root, lists[i].property);
        if (json_is_array(list))
            json_set_present(flow, lists[i].property, list_with_texts(document, list, lists[i].item_with_texts));
    }
    return flow;
}
