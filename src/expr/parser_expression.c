/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions by precedence climbing, after io.pebbletemplates.pebble.parser.ExpressionParser: the same order of checks
 * gives the same messages. All nodes live in the arena of the compiled template.
 */
#include "expr/parser.h"

#include <stdarg.h>

#define UNARY_PRECEDENCE 500

static Node *parse_from(Parser *parser, int precedence);

Node *node_new(Parser *parser, NodeEval eval, unsigned line)
{
    Node *node = arena_new_n(parser->arena, Node, 1);
    node->eval = eval;
    node->line = line;
    return node;
}

void nodes_push(Parser *parser, NodeList *list, Node *node)
{
    if (list->count == list->allocated) {
        size_t allocated = list->allocated ? list->allocated * 2 : 4;
        Node **items = arena_new_n(parser->arena, Node *, allocated);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof(Node *));
        list->items = items;
        list->allocated = allocated;
    }
    list->items[list->count++] = node;
}

Node *parser_fail(Parser *parser, unsigned line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    parser->error->message = arena_vprintf(parser->arena, format, arguments);
    va_end(arguments);
    parser->error->line = line;
    parser->error->column = current(parser)->line == line ? current(parser)->column : 0;
    return NULL;
}

bool expect(Parser *parser, TokenKind kind, const char *text)
{
    const Token *token = current(parser);
    if (token->kind == kind && (!text || streq(token->text, text))) {
        next_token(parser);
        return true;
    }
    parser_fail(parser, token->line, "Unexpected token of value \"%s\" and type %s, expected token of type %s",
                token->text ? token->text : "null", token_kind_name(token->kind), token_kind_name(kind));
    return false;
}

static bool same_name(Name a, Name b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

void define_name(Parser *parser, Name name)
{
    if (parser->defined_count == parser->defined_allocated) {
        parser->defined_allocated = parser->defined_allocated ? parser->defined_allocated * 2 : 8;
        Name *names = arena_new_n(parser->arena, Name, parser->defined_allocated);
        if (parser->defined_count)
            memcpy(names, parser->defined, parser->defined_count * sizeof(Name));
        parser->defined = names;
    }
    parser->defined[parser->defined_count++] = name;
}

void record_read(Parser *parser, Name root, Name step)
{
    for (size_t i = 0; i < parser->defined_count; i++)
        if (same_name(parser->defined[i], root))
            return;
    Expr *expr = parser->expr;
    const char *path = arena_printf(parser->arena, step.text ? "%.*s.%.*s" : "%.*s", (int)root.length, root.text,
                                    (int)step.length, step.text);
    for (size_t i = 0; i < expr->read_count; i++)
        if (streq(expr->reads[i], path))
            return;
    if (expr->read_count == parser->reads_allocated) {
        parser->reads_allocated = parser->reads_allocated ? parser->reads_allocated * 2 : 4;
        const char **reads = arena_new_n(parser->arena, const char *, parser->reads_allocated);
        if (expr->read_count)
            memcpy(reads, expr->reads, expr->read_count * sizeof(char *));
        expr->reads = reads;
    }
    expr->reads[expr->read_count++] = path;
}

static void record_call_reads(Parser *parser, const CallRow *row)
{
    if (!row)
        return;
    parser->expr->reads_all |= (row->flags & CALL_READS_ALL) != 0;
    for (const char *at = row->reads; at && *at;) {
        size_t length = strcspn(at, " ");
        record_read(parser, (Name){at, (uint32_t)length}, (Name){});
        at += length + strspn(at + length, " ");
    }
}

static Name token_name(const Token *token)
{
    return (Name){token->text, (uint32_t)token->length};
}

bool parse_new_name(Parser *parser, Name *ret)
{
    static const char *const reserved[] = {"true", "false", "null", "none"};
    const Token *token = current(parser);
    if (!expect(parser, TOKEN_NAME, NULL))
        return false;
    for (size_t i = 0; i < ELEMENTS(reserved); i++)
        if (streq(token->text, reserved[i])) {
            parser_fail(parser, token->line, "Can not assign a value to %s", token->text);
            return false;
        }
    *ret = token_name(token);
    return true;
}

static void arguments_push(Parser *parser, Arguments *list, Argument argument)
{
    if (list->count == list->allocated) {
        size_t allocated = list->allocated ? list->allocated * 2 : 4;
        Argument *items = arena_new_n(parser->arena, Argument, allocated);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof(Argument));
        list->items = items;
        list->allocated = allocated;
    }
    list->items[list->count++] = argument;
}

static bool parse_argument(Parser *parser, bool of_macro, bool after_named, Argument *ret)
{
    *ret = (Argument){};
    if (of_macro) {
        if (!parse_new_name(parser, &ret->name))
            return false;
        if (!token_is(current(parser), TOKEN_PUNCTUATION, "="))
            return true;
        next_token(parser);
        return (ret->value = parse_expression(parser)) != NULL;
    }
    if (token_is(peek(parser), TOKEN_PUNCTUATION, "=") &&
        (!parse_new_name(parser, &ret->name) || !expect(parser, TOKEN_PUNCTUATION, "=")))
        return false;
    ret->value = parse_expression(parser);
    if (ret->value && !ret->name.text && after_named) {
        parser_fail(parser, current(parser)->line, "Positional arguments must be declared before any named arguments.");
        return false;
    }
    return ret->value != NULL;
}

bool parse_arguments(Parser *parser, bool of_macro, Arguments *ret)
{
    *ret = (Arguments){};
    if (!expect(parser, TOKEN_PUNCTUATION, "("))
        return false;
    bool named = false;
    while (!token_is(current(parser), TOKEN_PUNCTUATION, ")")) {
        Argument argument;
        if (ret->count && !expect(parser, TOKEN_PUNCTUATION, ","))
            return false;
        if (!parse_argument(parser, of_macro, named, &argument))
            return false;
        named |= argument.name.text != NULL;
        arguments_push(parser, ret, argument);
    }
    return expect(parser, TOKEN_PUNCTUATION, ")");
}

static Node *parse_list(Parser *parser)
{
    Node *node = node_new(parser, eval_list_literal, current(parser)->line);
    next_token(parser);
    if (token_is(current(parser), TOKEN_PUNCTUATION, "]")) {
        next_token(parser);
        return node;
    }
    for (;;) {
        Node *item = parse_expression(parser);
        if (!item)
            return NULL;
        nodes_push(parser, &node->list, item);
        if (token_is(current(parser), TOKEN_PUNCTUATION, "]"))
            break;
        if (!expect(parser, TOKEN_PUNCTUATION, ","))
            return NULL;
    }
    next_token(parser);
    return node;
}

static Node *parse_map(Parser *parser)
{
    Node *node = node_new(parser, eval_map_literal, current(parser)->line);
    next_token(parser);
    if (token_is(current(parser), TOKEN_PUNCTUATION, "}")) {
        next_token(parser);
        return node;
    }
    for (;;) {
        Node *key = parse_expression(parser);
        if (!key || !expect(parser, TOKEN_PUNCTUATION, ":"))
            return NULL;
        Node *value = parse_expression(parser);
        if (!value)
            return NULL;
        nodes_push(parser, &node->list, key);
        nodes_push(parser, &node->list, value);
        if (token_is(current(parser), TOKEN_PUNCTUATION, "}"))
            break;
        if (!expect(parser, TOKEN_PUNCTUATION, ","))
            return NULL;
    }
    next_token(parser);
    return node;
}

/* `root.name` and `root['name']` are read paths of two steps; any other use of the root reads all of it. */
static void record_attribute(Parser *parser, const Node *object, const Node *key)
{
    if (object->eval != eval_name)
        return;
    Name step = {};
    if (key->eval == eval_literal && key->literal.kind == VALUE_TEXT)
        step = (Name){key->literal.text, key->literal.length};
    record_read(parser, object->name, step);
}

/* A variable is recorded when it is known what follows it. */
static Node *finish_variable(Parser *parser, Node *node)
{
    if (node && node->eval == eval_name)
        record_read(parser, node->name, (Name){});
    return node;
}

static Node *parse_attribute(Parser *parser, Node *object)
{
    unsigned line = current(parser)->line;
    Node *node = node_new(parser, eval_attribute, line);
    node->attribute.object = object;
    if (token_is(current(parser), TOKEN_PUNCTUATION, ".")) {
        next_token(parser);
        const Token *name = current(parser);
        if (!expect(parser, TOKEN_NAME, NULL))
            return NULL;
        Node *key = node->attribute.key = node_new(parser, eval_literal, name->line);
        key->literal = value_text(name->text, name->length);
        if (token_is(current(parser), TOKEN_PUNCTUATION, "(")) {
            Arguments arguments;
            if (!parse_arguments(parser, false, &arguments))
                return NULL;
            for (size_t i = 0; i < arguments.count; i++) {
                if (arguments.items[i].name.text)
                    return parser_fail(parser, line, "Can not use named arguments when calling a bean method");
                nodes_push(parser, &node->attribute.arguments, arguments.items[i].value);
            }
            node->attribute.is_call = true;
        }
    } else {
        next_token(parser);
        node->attribute.key = parse_expression(parser);
        if (!node->attribute.key || !expect(parser, TOKEN_PUNCTUATION, "]"))
            return NULL;
    }
    if (node->attribute.is_call)
        finish_variable(parser, object);
    else
        record_attribute(parser, object, node->attribute.key);
    return node;
}

static Node *parse_call(Parser *parser, const Token *name)
{
    Node *node = node_new(parser, eval_function, name->line);
    node->call.name = token_name(name);
    if (!parse_arguments(parser, false, &node->call.arguments))
        return NULL;
    if (streq(name->text, "block"))
        node->eval = eval_block_function;
    else if (streq(name->text, "parent"))
        node->eval = eval_parent_function;
    node->call.row = function_find(name->text);
    record_call_reads(parser, node->call.row);
    return node;
}

static Node *parse_postfix(Parser *parser, Node *node)
{
    while (node) {
        const Token *token = current(parser);
        if (token_is(token, TOKEN_PUNCTUATION, ".") || token_is(token, TOKEN_PUNCTUATION, "["))
            node = parse_attribute(parser, node);
        else if (token_is(token, TOKEN_PUNCTUATION, "("))
            node = parser_fail(parser, token->line, "Only a name can be called");
        else
            return finish_variable(parser, node);
    }
    return NULL;
}

static Node *parse_name(Parser *parser, const Token *token)
{
    static const struct {
        const char *name;
        Value value;
    } constants[] = {
        {"true", {.kind = VALUE_BOOLEAN, .boolean = true}},
        {"TRUE", {.kind = VALUE_BOOLEAN, .boolean = true}},
        {"false", {.kind = VALUE_BOOLEAN}},
        {"FALSE", {.kind = VALUE_BOOLEAN}},
        {"null", {}},
        {"NULL", {}},
        {"none", {}},
        {"NONE", {}},
    };
    for (size_t i = 0; i < ELEMENTS(constants); i++)
        if (streq(token->text, constants[i].name)) {
            Node *node = node_new(parser, eval_literal, token->line);
            node->literal = constants[i].value;
            next_token(parser);
            return node;
        }
    bool is_call = token_is(peek(parser), TOKEN_PUNCTUATION, "(");
    next_token(parser);
    if (is_call)
        return parse_call(parser, token);
    Node *node = node_new(parser, eval_name, token->line);
    node->name = token_name(token);
    return node;
}

static Node *parse_number(Parser *parser, const Token *token)
{
    Node *node = node_new(parser, eval_literal, token->line);
    if (token->kind == TOKEN_NUMBER && strchr(token->text, '.')) {
        node->literal = value_double(strtod(token->text, NULL));
    } else {
        int64_t integer = 0;
        for (const char *c = token->text; *c; c++)
            if (__builtin_mul_overflow(integer, 10, &integer) || __builtin_add_overflow(integer, *c - '0', &integer))
                return parser_fail(parser, token->line, "For input string: \"%s\"", token->text);
        node->literal = value_long(integer);
    }
    next_token(parser);
    return node;
}

static Node *parse_string(Parser *parser, const Token *token)
{
    Node *node = node_new(parser, eval_literal, token->line);
    if (token->kind == TOKEN_STRING) {
        node->literal = value_text(token->text, token->length);
        next_token(parser);
        return node;
    }
    node->eval = eval_join;
    node->list = (NodeList){};
    for (;; token = current(parser)) {
        Node *part;
        if (token->kind == TOKEN_STRING_PART) {
            part = node_new(parser, eval_literal, token->line);
            part->literal = value_text(token->text, token->length);
            next_token(parser);
        } else if (token->kind == TOKEN_STRING_INTERPOLATION_START) {
            next_token(parser);
            part = parse_expression(parser);
            if (!part || !expect(parser, TOKEN_STRING_INTERPOLATION_END, NULL))
                return NULL;
        } else {
            return node;
        }
        nodes_push(parser, &node->list, part);
    }
}

static Node *parse_primary(Parser *parser)
{
    const Token *token = current(parser);
    switch (token->kind) {
    case TOKEN_NAME:
        return parse_postfix(parser, parse_name(parser, token));
    case TOKEN_NUMBER:
    case TOKEN_LONG:
        return parse_postfix(parser, parse_number(parser, token));
    case TOKEN_STRING:
    case TOKEN_STRING_PART:
    case TOKEN_STRING_INTERPOLATION_START:
        return parse_postfix(parser, parse_string(parser, token));
    case TOKEN_TEXT:
    case TOKEN_EXECUTE_START:
    case TOKEN_EXECUTE_END:
    case TOKEN_PRINT_START:
    case TOKEN_PRINT_END:
    case TOKEN_STRING_INTERPOLATION_END:
    case TOKEN_OPERATOR:
    case TOKEN_PUNCTUATION:
    case TOKEN_EOF:
    case _TOKEN_MAX:
        break;
    }
    return parser_fail(parser, token->line, "Unexpected token \"%s\" of value \"%s\"", token_kind_name(token->kind),
                       token->text ? token->text : "null");
}

static Node *parse_unary(Parser *parser, NodeEval eval)
{
    unsigned line = current(parser)->line;
    next_token(parser);
    Node *operand = parse_from(parser, UNARY_PRECEDENCE);
    if (!operand)
        return NULL;
    Node *node = node_new(parser, eval, line);
    node->operands.left = operand;
    return node;
}

static Node *parse_operand(Parser *parser)
{
    static const struct {
        const char *symbol;
        NodeEval eval;
    } unary[] = {{"not", eval_not}, {"+", eval_plus}, {"-", eval_minus}};
    const Token *token = current(parser);
    for (size_t i = 0; i < ELEMENTS(unary); i++)
        if (token_is(token, TOKEN_OPERATOR, unary[i].symbol))
            return parse_unary(parser, unary[i].eval);
    if (token_is(token, TOKEN_PUNCTUATION, "(")) {
        next_token(parser);
        Node *node = parse_expression(parser);
        if (!node || !expect(parser, TOKEN_PUNCTUATION, ")"))
            return NULL;
        return parse_postfix(parser, node);
    }
    if (token_is(token, TOKEN_PUNCTUATION, "["))
        return parse_list(parser);
    if (token_is(token, TOKEN_PUNCTUATION, "{"))
        return parse_map(parser);
    return parse_primary(parser);
}

static bool parse_optional_arguments(Parser *parser, Node *node)
{
    return !token_is(current(parser), TOKEN_PUNCTUATION, "(") || parse_arguments(parser, false, &node->call.arguments);
}

Node *parse_filter_call(Parser *parser, Node *input)
{
    const Token *name = current(parser);
    if (!expect(parser, TOKEN_NAME, NULL))
        return NULL;
    Node *node = node_new(parser, eval_filter, name->line);
    node->call.name = token_name(name);
    node->call.input = input;
    node->call.row = filter_find(name->text);
    record_call_reads(parser, node->call.row);
    if (!parse_optional_arguments(parser, node))
        return NULL;
    node->line = current(parser)->line;
    return node;
}

static Node *parse_test_call(Parser *parser, Node *input, bool negated)
{
    const Token *name = current(parser);
    if (!expect(parser, TOKEN_NAME, NULL))
        return NULL;
    Node *node = node_new(parser, eval_test, name->line);
    node->call.name = token_name(name);
    node->call.input = input;
    node->call.negated = negated;
    node->call.row = test_find(name->text);
    if (!parse_optional_arguments(parser, node))
        return NULL;
    return node;
}

static Node *parse_binary(Parser *parser, Node *left, const BinaryRow *row)
{
    next_token(parser);
    if (streq(row->symbol, "|"))
        return parse_filter_call(parser, left);
    if (streq(row->symbol, "is") || streq(row->symbol, "is not"))
        return parse_test_call(parser, left, row->symbol[2] != 0);
    Node *right = parse_from(parser, row->precedence + 1);
    if (!right)
        return NULL;
    Node *node = node_new(parser, row->eval, current(parser)->line);
    node->operands.left = left;
    node->operands.right = right;
    node->operands.row = row;
    return node;
}

static Node *parse_ternary(Parser *parser, Node *condition)
{
    if (!token_is(current(parser), TOKEN_PUNCTUATION, "?"))
        return condition;
    Node *node = node_new(parser, eval_ternary, current(parser)->line);
    next_token(parser);
    node->operands.left = condition;
    node->operands.right = parse_expression(parser);
    if (!node->operands.right || !expect(parser, TOKEN_PUNCTUATION, ":"))
        return NULL;
    node->operands.third = parse_expression(parser);
    return node->operands.third ? node : NULL;
}

static Node *parse_from_inner(Parser *parser, int precedence)
{
    Node *node = parse_operand(parser);
    while (node) {
        const Token *token = current(parser);
        const BinaryRow *row = token->kind == TOKEN_OPERATOR ? binary_find(token->text) : NULL;
        if (!row || row->precedence < precedence)
            break;
        node = parse_binary(parser, node, row);
    }
    return node && precedence == 0 ? parse_ternary(parser, node) : node;
}

static Node *parse_from(Parser *parser, int precedence)
{
    if (parser->depth == PARSER_DEPTH_MAX)
        return parser_fail(parser, current(parser)->line, "The expression is nested too deeply");
    parser->depth++;
    Node *node = parse_from_inner(parser, precedence);
    parser->depth--;
    return node;
}

Node *parse_expression(Parser *parser)
{
    return parse_from(parser, 0);
}
