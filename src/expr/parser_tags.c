/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, prints and tags, after io.pebbletemplates.pebble.parser.ParserImpl and its token parsers. */
#include "expr/parser.h"

typedef Node *(*TagParser)(Parser *parser, unsigned line);

static bool end_of_tag(Parser *parser)
{
    return expect(parser, TOKEN_EXECUTE_END, NULL);
}

static Node *run_node_new(Parser *parser, NodeRun run, unsigned line)
{
    Node *node = node_new(parser, NULL, line);
    node->run = run;
    return node;
}

static Node *parse_if(Parser *parser, unsigned line)
{
    static const char *const stops[] = {"else", "elseif", "endif", NULL};
    Node *node = run_node_new(parser, run_if, line);
    bool has_else = false;
    for (;;) {
        next_token(parser);
        Node *condition = has_else ? NULL : parse_expression(parser);
        if ((!has_else && !condition) || !end_of_tag(parser))
            return NULL;
        size_t defined = parser->defined_count;
        Node *body = parse_body(parser, stops, "endif");
        if (!body)
            return NULL;
        parser->defined_count = defined;
        if (condition)
            nodes_push(parser, &node->branches.conditions, condition);
        nodes_push(parser, &node->branches.bodies, body);
        const Token *stop = current(parser);
        if (streq(stop->text, "endif"))
            break;
        if (has_else)
            return parser_fail(parser, stop->line, "Unexpected tag name \"%s\"", stop->text);
        has_else = streq(stop->text, "else");
    }
    next_token(parser);
    return end_of_tag(parser) ? node : NULL;
}

static Node *parse_for(Parser *parser, unsigned line)
{
    static const char *const stops[] = {"else", "endfor", NULL};
    static const char *const end[] = {"endfor", NULL};
    Node *node = run_node_new(parser, run_for, line);
    next_token(parser);
    if (!parse_new_name(parser, &node->tag.name) || !expect(parser, TOKEN_NAME, "in"))
        return NULL;
    node->tag.value = parse_expression(parser);
    if (!node->tag.value || !end_of_tag(parser))
        return NULL;
    size_t defined = parser->defined_count;
    define_name(parser, node->tag.name);
    define_name(parser, (Name){"loop", 4});
    node->tag.body = parse_body(parser, stops, "endfor");
    parser->defined_count = defined;
    if (!node->tag.body)
        return NULL;
    if (streq(current(parser)->text, "else")) {
        next_token(parser);
        if (!end_of_tag(parser) || !(node->tag.otherwise = parse_body(parser, end, "endfor")))
            return NULL;
        parser->defined_count = defined;
    }
    next_token(parser);
    return end_of_tag(parser) ? node : NULL;
}

static Node *parse_set(Parser *parser, unsigned line)
{
    Node *node = run_node_new(parser, run_set, line);
    next_token(parser);
    if (!parse_new_name(parser, &node->tag.name) || !expect(parser, TOKEN_PUNCTUATION, "="))
        return NULL;
    node->tag.value = parse_expression(parser);
    if (!node->tag.value || !end_of_tag(parser))
        return NULL;
    define_name(parser, node->tag.name);
    return node;
}

static Node *parse_macro(Parser *parser, unsigned line)
{
    static const char *const stops[] = {"endmacro", NULL};
    Macro *macro = arena_new_n(parser->arena, Macro, 1);
    next_token(parser);
    if (!parse_new_name(parser, &macro->name) || !parse_arguments(parser, true, &macro->arguments) ||
        !end_of_tag(parser))
        return NULL;
    size_t defined = parser->defined_count;
    for (size_t i = 0; i < macro->arguments.count; i++)
        define_name(parser, macro->arguments.items[i].name);
    macro->body = parse_body(parser, stops, "endmacro");
    parser->defined_count = defined;
    if (!macro->body)
        return NULL;
    next_token(parser);
    if (!end_of_tag(parser))
        return NULL;
    for (const Macro *other = parser->expr->macros; other; other = other->next)
        if (streq(other->name.text, macro->name.text))
            return parser_fail(parser, 0, "More than one macro can not share the same name: %s", macro->name.text);
    macro->next = parser->expr->macros;
    parser->expr->macros = macro;
    return run_node_new(parser, run_body, line); /* nothing to run where it is defined */
}

static Node *parse_block(Parser *parser, unsigned line)
{
    static const char *const stops[] = {"endblock", NULL};
    Block2 *block = arena_new_n(parser->arena, Block2, 1);
    next_token(parser);
    const Token *token = current(parser);
    if (token->kind != TOKEN_NAME && token->kind != TOKEN_STRING) {
        (void)expect(parser, TOKEN_NAME, NULL); /* words the error */
        return NULL;
    }
    block->name = (Name){token->text, (uint32_t)token->length};
    next_token(parser);
    if (!end_of_tag(parser) || !(block->body = parse_body(parser, stops, NULL)))
        return NULL;
    if (current(parser)->kind == TOKEN_EOF)
        return parser_fail(parser, line, "endblock tag should be present with block tag starting line number ");
    next_token(parser);
    if (token_is(current(parser), TOKEN_NAME, block->name.text) ||
        token_is(current(parser), TOKEN_STRING, block->name.text))
        next_token(parser);
    if (!end_of_tag(parser))
        return NULL;
    block->next = parser->expr->blocks;
    parser->expr->blocks = block;
    Node *node = run_node_new(parser, run_block, line);
    node->tag.name = block->name;
    node->tag.body = block->body;
    return node;
}

static Node *parse_filter_tag(Parser *parser, unsigned line)
{
    static const char *const stops[] = {"endfilter", NULL};
    next_token(parser);
    Node *captured = node_new(parser, eval_captured_body, line), *filter = captured;
    do {
        filter = parse_filter_call(parser, filter);
        if (!filter)
            return NULL;
        filter->line = 0; /* Pebble knows no line here */
    } while (token_is(current(parser), TOKEN_OPERATOR, "|") && (next_token(parser), true));
    if (!end_of_tag(parser) || !(captured->tag.body = parse_body(parser, stops, "endfilter")))
        return NULL;
    next_token(parser);
    if (!end_of_tag(parser))
        return NULL;
    Node *node = run_node_new(parser, run_print, line);
    node->operands.left = filter;
    return node;
}

static const struct {
    const char *name;
    TagParser parse;
} tags[] = {
    {"if", parse_if},       {"for", parse_for},     {"set", parse_set},
    {"macro", parse_macro}, {"block", parse_block}, {"filter", parse_filter_tag},
};

static Node *parse_tag(Parser *parser)
{
    const Token *name = current(parser);
    for (size_t i = 0; i < ELEMENTS(tags); i++)
        if (streq(tags[i].name, name->text))
            return tags[i].parse(parser, name->line);
    return parser_fail(parser, name->line, "Unexpected tag name \"%s\"", name->text);
}

static Node *parse_print(Parser *parser)
{
    Node *node = run_node_new(parser, run_print, current(parser)->line);
    next_token(parser);
    node->operands.left = parse_expression(parser);
    return node->operands.left && expect(parser, TOKEN_PRINT_END, NULL) ? node : NULL;
}

static bool is_stop(const Token *token, const char *const *stops)
{
    for (; stops && *stops; stops++)
        if (streq(token->text, *stops))
            return true;
    return false;
}

static Node *parse_statement(Parser *parser, const char *const *stops, bool *ret_stopped)
{
    const Token *token = current(parser);
    *ret_stopped = false;
    if (token->kind == TOKEN_TEXT) {
        Node *node = run_node_new(parser, eval_text_node, token->line);
        node->literal = value_text(token->text, token->length);
        next_token(parser);
        return node;
    }
    if (token->kind == TOKEN_PRINT_START)
        return parse_print(parser);
    if (token->kind != TOKEN_EXECUTE_START)
        return parser_fail(parser, token->line, "Parser ended in undefined state.");
    next_token(parser);
    token = current(parser);
    if (token->kind != TOKEN_NAME)
        return parser_fail(parser, token->line, "A block must start with a tag name.");
    *ret_stopped = is_stop(token, stops);
    return *ret_stopped ? NULL : parse_tag(parser);
}

Node *parse_body(Parser *parser, const char *const *stops, const char *wanted)
{
    if (parser->depth == PARSER_DEPTH_MAX)
        return parser_fail(parser, current(parser)->line, "The expression is nested too deeply");
    parser->depth++;
    Node *body = run_node_new(parser, run_body, current(parser)->line);
    while (current(parser)->kind != TOKEN_EOF) {
        bool stopped;
        Node *node = parse_statement(parser, stops, &stopped);
        if (stopped || !node) {
            parser->depth--;
            return stopped ? body : NULL;
        }
        nodes_push(parser, &body->list, node);
    }
    parser->depth--;
    if (wanted)
        return parser_fail(parser, current(parser)->line,
                           "Unexpected end of template. Pebble was looking for the \"%s\" tag", wanted);
    return body;
}

bool parser_run(Expr *expr, const Tokens *tokens, SyntaxError *error)
{
    Parser parser = {.arena = expr->arena, .expr = expr, .tokens = *tokens, .error = error};
    expr->body = parse_body(&parser, NULL, NULL);
    if (!expr->body)
        return false;
    expr->is_single_print = expr->body->list.count == 1 && expr->body->list.items[0]->run == run_print;
    return true;
}
