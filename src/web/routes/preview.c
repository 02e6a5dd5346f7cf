/* SPDX-License-Identifier: Apache-2.0 */
#include "web/routes/preview.h"

#include <iconv.h>
#include <openssl/evp.h>

#include "base/buffer.h"
#include "expr/expr.h"

/* One row a kind; the first extension that fits, the last row fits all. */
typedef struct Kind {
    const char *const *extensions; /* ends with NULL; NULL: any */
    const char *type;
    bool whole;
    int (*fill)(const PreviewRequest *request, json_t *preview);
} Kind;

static const char *extension_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash + 1 : name, '.');
    return dot ? dot + 1 : "";
}

static int fill_binary(const PreviewRequest *request, json_t *preview)
{
    _cleanup_free_ char *text = xmalloc((request->length + 2) / 3 * 4 + 1);
    (void)EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)request->bytes, (int)request->length);
    json_set_text(preview, "content", text);
    return 0;
}

/* To UTF-8; what is not of the encoding, and half a character at the cut, become question marks. */
static int convert(const PreviewRequest *request, Buffer *ret)
{
    iconv_t converter = iconv_open("UTF-8", request->encoding);
    if (converter == (iconv_t)-1)
        return PREVIEW_E_ENCODING;
    char *from = (char *)(uintptr_t)request->bytes, piece[4096];
    size_t left = request->length;
    while (left > 0) {
        char *to = piece;
        size_t room = sizeof(piece);
        size_t done = iconv(converter, &from, &left, &to, &room);
        buffer_append_n(ret, piece, (size_t)(to - piece));
        if (done != (size_t)-1 || errno == E2BIG)
            continue;
        if (errno == EINVAL && request->more)
            break;
        buffer_append_char(ret, '?');
        from++;
        left--;
    }
    (void)iconv_close(converter);
    return 0;
}

/* The first lines of the text, without the line break at their end. */
static int first_lines(const PreviewRequest *request, Buffer *ret, bool *ret_cut)
{
    unsigned lines = 0;
    size_t end = 0;
    int r = convert(request, ret);
    if (r != 0)
        return r;
    const char *text = buffer_text(ret);
    while (end < ret->length && lines < request->lines_max) {
        const char *line_break = memchr(text + end, '\n', ret->length - end);
        end = line_break ? (size_t)(line_break - text) + 1 : ret->length;
        lines++;
    }
    *ret_cut = end < ret->length || request->more;
    if (end > 0 && text[end - 1] == '\n')
        end--;
    if (ret->text) {
        ret->text[end] = 0;
        ret->length = end;
    }
    return 0;
}

static int fill_text(const PreviewRequest *request, json_t *preview)
{
    _cleanup_buffer_ Buffer text = {};
    bool cut;
    int r = first_lines(request, &text, &cut);
    if (r != 0)
        return r;
    json_set_text(preview, "content", buffer_text(&text));
    json_object_set_new(preview, "truncated", json_boolean(cut));
    return 0;
}

/* One record a line; one that is no Ion is shown as its text. */
static int fill_records(const PreviewRequest *request, json_t *preview)
{
    static const char source[] = "{{ fromIon(line) | toJson }}";
    _cleanup_buffer_ Buffer text = {};
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    bool cut;
    int r = first_lines(request, &text, &cut);
    if (r != 0)
        return r;
    if (expr_compile(source, strlen(source), &expr, NULL) != 0)
        return outage(-EPROTO);
    json_t *records = json_array();
    for (const char *at = buffer_text(&text); *at;) {
        size_t length = strcspn(at, "\n");
        _cleanup_json_ json_t *variables = json_pack("{s:s%}", "line", at, length);
        _cleanup_free_ char *rendered = NULL;
        json_t *record = NULL;
        if (!variables || expr_render(expr, &(ExprContext){.variables = variables}, &rendered, NULL) != 0 ||
            json_parse(rendered, strlen(rendered), 0, &record, NULL) != 0)
            record = json_stringn_nocheck(at, length);
        json_array_append_new(records, record);
        at += length + (at[length] == '\n');
    }
    json_object_set_new(preview, "content", records);
    json_object_set_new(preview, "truncated", json_boolean(cut));
    return 0;
}

static const Kind kinds[] = {
    {(const char *const[]){"ion", NULL}, "LIST", false, fill_records},
    {(const char *const[]){"md", NULL}, "MARKDOWN", false, fill_text},
    {(const char *const[]){"pdf", NULL}, "PDF", true, fill_binary},
    {(const char *const[]){"jpg", "jpeg", "png", "svg", "gif", "bmp", "webp", NULL}, "IMAGE", true, fill_binary},
    {NULL, "TEXT", false, fill_text},
};

static const Kind *kind_of(const char *name)
{
    const char *extension = extension_of(name);
    for (const Kind *kind = kinds;; kind++)
        for (const char *const *one = kind->extensions; !one || *one; one++)
            if (!one || strcasecmp(*one, extension) == 0)
                return kind;
}

bool preview_is_whole(const char *name)
{
    return kind_of(name)->whole;
}

int preview_make(const PreviewRequest *request, json_t **ret)
{
    const Kind *kind = kind_of(request->name);
    json_t *preview = json_object();
    json_set_text(preview, "extension", extension_of(request->name));
    json_set_text(preview, "type", kind->type);
    json_object_set_new(preview, "maxLine", json_integer(request->lines_max));
    json_object_set_new(preview, "truncated", json_false());
    int r = kind->fill(request, preview);
    if (r == 0)
        *ret = preview;
    else
        json_decref(preview);
    return r;
}
