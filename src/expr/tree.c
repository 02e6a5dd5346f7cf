/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values with templates inside. A subtree without any template is rendered by taking a reference to its source,
 * and most texts of a flow are such literals: they keep no compiled expression, whose arena is 4 KiB.
 */
#include "expr/expr.h"

#include "doc/json.h"

typedef struct Template {
    Expr *expr;          /* NULL: not a text, literal or broken */
    const char *literal; /* a text that is its own result, borrowed from the source; else NULL */
    char *broken;        /* the syntax error, given again by each render */
    unsigned line;
} Template;

struct ExprTree {
    json_t *source;
    Template text; /* of a text node */
    bool is_dynamic;
    size_t count;
    ExprTree **children;
    Template *keys; /* of an object */
};

static void template_compile(Template *template, const char *text, size_t length, const char *path, Diag *diag)
{
    _cleanup_diag_ Diag own = DIAG_INIT;
    if (expr_compile(text, length, &template->expr, &own) == 0) {
        if (expr_is_literal(template->expr)) {
            template->expr = expr_unref(template->expr);
            template->literal = text;
        }
        return;
    }
    template->broken = xstrdup(diag_first(&own));
    template->line = own.entries.count ? own.entries.items[0].line : 0;
    unsigned column = own.entries.count ? own.entries.items[0].column : 0;
    diag_error(diag, path, template->line, column, "%s", template->broken);
}

static bool template_is_dynamic(const Template *template)
{
    return template->broken || template->expr;
}

static ExprTree *compile(json_t *value, const char *path, Diag *diag);

static void compile_object(ExprTree *tree, const char *path, Diag *diag)
{
    const char *key;
    json_t *member;
    tree->children = xnew_n(ExprTree *, json_object_size(tree->source));
    tree->keys = xnew_n(Template, json_object_size(tree->source));
    json_object_foreach (tree->source, key, member) {
        _cleanup_free_ char *child_path = xasprintf(*path ? "%s.%s" : "%s%s", path, key);
        template_compile(&tree->keys[tree->count], key, strlen(key), child_path, diag);
        tree->children[tree->count] = compile(member, child_path, diag);
        tree->is_dynamic |= template_is_dynamic(&tree->keys[tree->count]) || tree->children[tree->count]->is_dynamic;
        tree->count++;
    }
}

static void compile_array(ExprTree *tree, const char *path, Diag *diag)
{
    size_t index;
    json_t *item;
    tree->children = xnew_n(ExprTree *, json_array_size(tree->source));
    json_array_foreach (tree->source, index, item) {
        _cleanup_free_ char *child_path = xasprintf("%s[%zu]", path, index);
        tree->children[index] = compile(item, child_path, diag);
        tree->is_dynamic |= tree->children[index]->is_dynamic;
        tree->count++;
    }
}

static ExprTree *compile(json_t *value, const char *path, Diag *diag)
{
    ExprTree *tree = xnew(ExprTree);
    tree->source = json_incref(value);
    if (json_is_string(value)) {
        template_compile(&tree->text, json_string_value(value), json_string_length(value), path, diag);
        tree->is_dynamic = template_is_dynamic(&tree->text);
    } else if (json_is_object(value)) {
        compile_object(tree, path, diag);
    } else if (json_is_array(value)) {
        compile_array(tree, path, diag);
    }
    return tree;
}

ExprTree *expr_tree_compile(json_t *value, Diag *diag)
{
    return compile(value, "", diag);
}

static void template_done(Template *template)
{
    expr_unref(template->expr);
    free(template->broken);
}

ExprTree *expr_tree_unref(ExprTree *tree)
{
    if (!tree)
        return NULL;
    for (size_t i = 0; i < tree->count; i++) {
        expr_tree_unref(tree->children[i]);
        if (tree->keys)
            template_done(&tree->keys[i]);
    }
    template_done(&tree->text);
    free(tree->children);
    free(tree->keys);
    json_decref(tree->source);
    free(tree);
    return NULL;
}

const ExprTree *expr_tree_get(const ExprTree *tree, const char *key)
{
    if (!tree || !json_is_object(tree->source))
        return NULL;
    size_t index = 0;
    const char *name;
    json_t *member;
    json_object_foreach (tree->source, name, member) {
        if (streq(name, key))
            return tree->children[index];
        index++;
    }
    return NULL;
}

const json_t *expr_tree_source(const ExprTree *tree)
{
    return tree->source;
}

static int template_broken(const Template *template, Diag *diag)
{
    diag_error(diag, NULL, template->line, 0, "%s", template->broken);
    return EXPR_E_RENDER;
}

static int template_render(const Template *template, const ExprContext *context, char **ret, Diag *diag)
{
    if (template->broken)
        return template_broken(template, diag);
    if (template->expr)
        return expr_render(template->expr, context, ret, diag);
    *ret = xstrdup(template->literal);
    return 0;
}

/* The first of several keys that render to the same text wins. */
static int render_object(const ExprTree *tree, const ExprContext *context, json_t **ret, Diag *diag)
{
    _cleanup_json_ json_t *object = json_object();
    for (size_t i = 0; i < tree->count; i++) {
        _cleanup_free_ char *key = NULL;
        json_t *value;
        int r = template_render(&tree->keys[i], context, &key, diag);
        if (!r)
            r = expr_tree_render(tree->children[i], context, &value, diag);
        if (r)
            return r;
        if (json_object_get(object, key))
            json_decref(value);
        else
            json_object_set_new_nocheck(object, key, value);
    }
    *ret = TAKE_PTR(object);
    return 0;
}

static int render_array(const ExprTree *tree, const ExprContext *context, json_t **ret, Diag *diag)
{
    _cleanup_json_ json_t *array = json_array();
    for (size_t i = 0; i < tree->count; i++) {
        json_t *value;
        int r = expr_tree_render(tree->children[i], context, &value, diag);
        if (r)
            return r;
        json_array_append_new(array, value);
    }
    *ret = TAKE_PTR(array);
    return 0;
}

int expr_tree_render(const ExprTree *tree, const ExprContext *context, json_t **ret, Diag *diag)
{
    if (!tree->is_dynamic) {
        *ret = json_incref(tree->source);
        return 0;
    }
    if (tree->keys)
        return render_object(tree, context, ret, diag);
    if (tree->children)
        return render_array(tree, context, ret, diag);
    _cleanup_free_ char *text = NULL;
    int r = template_render(&tree->text, context, &text, diag);
    if (!r)
        *ret = json_string_nocheck(text);
    return r;
}

int expr_tree_render_text(const ExprTree *tree, const ExprContext *context, char **ret_text, Diag *diag)
{
    *ret_text = NULL;
    if (!tree || json_is_null(tree->source))
        return 0;
    if (json_is_string(tree->source))
        return template_render(&tree->text, context, ret_text, diag);
    _cleanup_json_ json_t *value = NULL;
    int r = expr_tree_render(tree, context, &value, diag);
    if (!r)
        *ret_text = json_text(value);
    return r;
}

int expr_tree_render_typed(const ExprTree *tree, const ExprContext *context, json_t **ret, Diag *diag)
{
    if (!tree->is_dynamic || !json_is_string(tree->source))
        return expr_tree_render(tree, context, ret, diag);
    return tree->text.broken ? template_broken(&tree->text, diag)
                             : expr_render_typed(tree->text.expr, context, ret, diag);
}

static bool template_reads(const Template *template, json_t *paths)
{
    if (!template->expr)
        return false;
    const char *const *reads;
    size_t count;
    bool all;
    expr_reads(template->expr, &reads, &count, &all);
    for (size_t i = 0; i < count; i++) {
        size_t index;
        json_t *path;
        bool known = false;
        json_array_foreach (paths, index, path)
            known |= streq(json_string_value(path), reads[i]);
        if (!known)
            json_array_append_new(paths, json_string_nocheck(reads[i]));
    }
    return all;
}

bool expr_tree_reads(const ExprTree *tree, json_t *paths)
{
    if (!tree || !tree->is_dynamic)
        return false;
    bool all = template_reads(&tree->text, paths);
    for (size_t i = 0; i < tree->count; i++) {
        all |= expr_tree_reads(tree->children[i], paths);
        if (tree->keys)
            all |= template_reads(&tree->keys[i], paths);
    }
    return all;
}
