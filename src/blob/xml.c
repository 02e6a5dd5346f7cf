/* SPDX-License-Identifier: Apache-2.0 */
/* `open` holds the names of the elements that are open, joined by slashes; an element that ends has to match the last.
 */
#include "blob/xml.h"

void xml_begin(Xml *xml, const char *bytes, size_t length)
{
    *xml = (Xml){.at = bytes, .end = bytes + length};
}

void xml_done(Xml *xml)
{
    buffer_done(&xml->text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-_.:", c));
}

static bool at_text(const Xml *xml, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(xml->end - xml->at) >= length && memcmp(xml->at, text, length) == 0;
}

/* Where `text` begins, at or behind xml->at; NULL when it does not come. */
static const char *find(const Xml *xml, const char *text)
{
    return memmem(xml->at, (size_t)(xml->end - xml->at), text, strlen(text));
}

/* Moves behind the next `text`. */
static int skip_past(Xml *xml, const char *text)
{
    const char *found = find(xml, text);
    if (!found)
        return XML_E_INVALID;
    xml->at = found + strlen(text);
    return 0;
}

/* --- text --- */

static void append_utf8(Buffer *text, uint32_t c)
{
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else if (c < 0x800) {
        bytes[n++] = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            bytes[n++] = (char)(0xe0 | c >> 12);
        } else {
            bytes[n++] = (char)(0xf0 | c >> 18);
            bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        }
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80)
        bytes[n++] = (char)(0x80 | (c & 0x3f));
    buffer_append_n(text, bytes, n);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* "#65" or "#x41" between & and ; */
static int append_numbered(Buffer *text, const char *name, size_t length)
{
    uint32_t base = length > 1 && name[1] == 'x' ? 16 : 10, c = 0;
    size_t i = base == 16 ? 2 : 1;
    if (i == length)
        return XML_E_INVALID;
    for (; i < length; i++) {
        uint32_t digit = (uint32_t)digit_of(name[i]);
        if (digit >= base || (c = c * base + digit) > 0x10ffff)
            return XML_E_INVALID;
    }
    if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
        return XML_E_INVALID;
    append_utf8(text, c);
    return 0;
}

static int take_entity(Xml *xml)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    const char *name = xml->at + 1, *end = memchr(name, ';', MIN((size_t)(xml->end - name), (size_t)12));
    if (!end)
        return XML_E_INVALID;
    size_t length = (size_t)(end - name);
    xml->at = end + 1;
    if (length > 0 && *name == '#')
        return append_numbered(&xml->text, name, length);
    for (size_t i = 0; i < ELEMENTS(entities); i++)
        if (strlen(entities[i].name) == length && memcmp(entities[i].name, name, length) == 0) {
            buffer_append_char(&xml->text, entities[i].c);
            return 0;
        }
    return XML_E_INVALID;
}

/* Up to the next tag. */
static int take_text(Xml *xml)
{
    while (xml->at < xml->end && *xml->at != '<') {
        const char *from = xml->at;
        while (xml->at < xml->end && *xml->at != '<' && *xml->at != '&')
            xml->at++;
        buffer_append_n(&xml->text, from, (size_t)(xml->at - from));
        if (memchr(from, '\0', (size_t)(xml->at - from)))
            return XML_E_INVALID;
        if (xml->at < xml->end && *xml->at == '&' && take_entity(xml) != 0)
            return XML_E_INVALID;
    }
    return 0;
}

static int take_cdata(Xml *xml)
{
    xml->at += strlen("<![CDATA[");
    const char *end = find(xml, "]]>");
    if (!end || memchr(xml->at, '\0', (size_t)(end - xml->at)))
        return XML_E_INVALID;
    buffer_append_n(&xml->text, xml->at, (size_t)(end - xml->at));
    xml->at = end + 3;
    return 0;
}

/* --- tags --- */

static const char *last_open(const Xml *xml)
{
    const char *slash = strrchr(xml->open, '/');
    return slash ? slash + 1 : xml->open;
}

/* The name of the innermost element ends: it becomes `path`. */
static void close_last(Xml *xml)
{
    memcpy(xml->path, xml->open, sizeof xml->path);
    char *slash = strrchr(xml->open, '/');
    *(slash ? slash : xml->open) = '\0';
    xml->depth--;
}

static int open_element(Xml *xml, const char *name, size_t length)
{
    size_t used = strlen(xml->open);
    if (xml->depth == XML_DEPTH_MAX || used + length + 2 > sizeof xml->open || (xml->depth == 0 && xml->was_open))
        return XML_E_INVALID;
    if (used > 0)
        xml->open[used++] = '/';
    memcpy(xml->open + used, name, length);
    xml->open[used + length] = '\0';
    xml->depth++;
    xml->was_open = true;
    buffer_clear(&xml->text);
    return 0;
}

/* Attributes, up to the end of the tag; *ret_empty: it was "/>". */
static int skip_attributes(Xml *xml, bool *ret_empty)
{
    while (xml->at < xml->end) {
        char c = *xml->at++;
        if (c == '>') {
            *ret_empty = xml->at[-2] == '/';
            return 0;
        }
        if (c == '<')
            return XML_E_INVALID;
        if (c == '"' || c == '\'') {
            const char quote[] = {c, '\0'};
            if (skip_past(xml, quote) != 0)
                return XML_E_INVALID;
        }
    }
    return XML_E_INVALID;
}

/* *ret_ended: an element has ended. */
static int take_tag(Xml *xml, bool *ret_ended)
{
    bool closes = at_text(xml, "</"), is_empty = false;
    xml->at += closes ? 2 : 1;
    const char *name = xml->at;
    while (xml->at < xml->end && is_name(*xml->at))
        xml->at++;
    size_t length = (size_t)(xml->at - name);
    if (length == 0)
        return XML_E_INVALID;
    if (!closes) {
        int r = open_element(xml, name, length);
        if (r == 0)
            r = skip_attributes(xml, &is_empty);
        if (r != 0)
            return r;
    } else {
        while (xml->at < xml->end && is_blank(*xml->at))
            xml->at++;
        if (xml->at == xml->end || *xml->at++ != '>' || xml->depth == 0 || strlen(last_open(xml)) != length ||
            memcmp(last_open(xml), name, length) != 0)
            return XML_E_INVALID;
    }
    *ret_ended = closes || is_empty;
    if (*ret_ended)
        close_last(xml);
    return 0;
}

/* What stands between "<" and the next text. */
static int take_markup(Xml *xml, bool *ret_ended)
{
    *ret_ended = false;
    if (at_text(xml, "<?"))
        return skip_past(xml, "?>");
    if (at_text(xml, "<!--"))
        return skip_past(xml, "-->");
    if (at_text(xml, "<![CDATA[") && xml->depth > 0)
        return take_cdata(xml);
    return take_tag(xml, ret_ended);
}

static int take_outside(Xml *xml)
{
    if (at_text(xml, "\xef\xbb\xbf")) /* Azure begins with a byte order mark */
        xml->at += 3;
    while (xml->at < xml->end && is_blank(*xml->at))
        xml->at++;
    if (xml->at == xml->end)
        return xml->was_open ? XML_E_END : XML_E_INVALID;
    return *xml->at == '<' ? 0 : XML_E_INVALID;
}

int xml_next(Xml *xml)
{
    buffer_clear(&xml->text);
    for (bool ended = false; !ended;) {
        int r = xml->depth == 0 ? take_outside(xml) : take_text(xml);
        if (r == 0 && xml->at == xml->end)
            r = XML_E_INVALID;
        if (r == 0)
            r = take_markup(xml, &ended);
        if (r != 0)
            return r;
    }
    return 0;
}

char *xml_find(const char *bytes, size_t length, const char *path)
{
    Xml xml;
    char *found = NULL;
    xml_begin(&xml, bytes, length);
    while (!found && xml_next(&xml) == 0)
        if (streq(xml.path, path))
            found = buffer_take(&xml.text);
    xml_done(&xml);
    return found;
}
