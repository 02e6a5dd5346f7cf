/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cutting rules are Pebble's to the letter, because error messages and the odd corners ("{{-1}}" is a minus,
 * "is  not" with two blanks is not the operator) follow from them: a stack of states, operators tried before names, a
 * stack of open brackets that keeps "}}" inside a map literal from ending the expression.
 */
#include "expr/lexer.h"

#include <ctype.h>
#include <unicode/uchar.h>

#include "expr/utf16.h"

#define STATE_MAX   256
#define BRACKET_MAX 1024

typedef enum LexerState { DATA, PRINT, EXECUTE, COMMENT, STRING, INTERPOLATION } LexerState;

typedef struct Bracket {
    char kind; /* ( [ { " # */
    unsigned line;
} Bracket;

typedef struct Lexer {
    Arena *arena;
    const char *start, *at, *end;
    const char *line_start;
    unsigned line;
    bool trim_next; /* the last delimiter had a trailing '-' */
    LexerState states[STATE_MAX];
    size_t depth;
    Bracket brackets[BRACKET_MAX];
    size_t bracket_count;
    Tokens tokens;
    SyntaxError *error;
} Lexer;

static const char *const kind_names[_TOKEN_MAX] = {
    [TOKEN_TEXT] = "TEXT",
    [TOKEN_EXECUTE_START] = "EXECUTE_START",
    [TOKEN_EXECUTE_END] = "EXECUTE_END",
    [TOKEN_PRINT_START] = "PRINT_START",
    [TOKEN_PRINT_END] = "PRINT_END",
    [TOKEN_NAME] = "NAME",
    [TOKEN_NUMBER] = "NUMBER",
    [TOKEN_LONG] = "LONG",
    [TOKEN_STRING] = "STRING",
    [TOKEN_STRING_PART] = "STRING",
    [TOKEN_STRING_INTERPOLATION_START] = "STRING_INTERPOLATION_START",
    [TOKEN_STRING_INTERPOLATION_END] = "STRING_INTERPOLATION_END",
    [TOKEN_OPERATOR] = "OPERATOR",
    [TOKEN_PUNCTUATION] = "PUNCTUATION",
    [TOKEN_EOF] = "EOF",
};

const char *token_kind_name(TokenKind kind)
{
    return kind_names[kind];
}

/* Longest first; one that ends with a letter must not be followed by what could go on a name. */
static const char *const operators[] = {
    "is not", "contains", "equals", "???", "not", "and", "==", "!=", "<=", ">=", "??", "..",
    "or",     "is",       "+",      "-",   "*",   "/",   "%",  "~",  "|",  "<",  ">",
};

static bool fail(Lexer *lexer, unsigned line, const char *format, const char *detail)
{
    lexer->error->message = arena_printf(lexer->arena, format, detail);
    lexer->error->line = line;
    lexer->error->column = (unsigned)(lexer->at - lexer->line_start) + 1;
    return false;
}

static void push(Lexer *lexer, TokenKind kind, const char *text, size_t length)
{
    Tokens *tokens = &lexer->tokens;
    if (tokens->count == tokens->allocated) {
        size_t allocated = tokens->allocated ? tokens->allocated * 2 : 16;
        Token *items = arena_new_n(lexer->arena, Token, allocated);
        if (tokens->count)
            memcpy(items, tokens->items, tokens->count * sizeof(Token));
        tokens->items = items;
        tokens->allocated = allocated;
    }
    tokens->items[tokens->count++] = (Token){
        .kind = kind,
        .text = text ? arena_strndup(lexer->arena, text, length) : NULL,
        .length = length,
        .line = lexer->line,
        .column = (unsigned)(lexer->at - lexer->line_start) + 1,
    };
}

static void advance_to(Lexer *lexer, const char *to)
{
    for (; lexer->at < to; lexer->at++)
        if (*lexer->at == '\n') {
            lexer->line++;
            lexer->line_start = lexer->at + 1;
        }
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *skip_blanks(const Lexer *lexer, const char *at)
{
    while (at < lexer->end && is_blank(*at))
        at++;
    return at;
}

static bool looking_at(const Lexer *lexer, const char *at, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(lexer->end - at) >= length && memcmp(at, word, length) == 0;
}

static const char *find(const Lexer *lexer, const char *at, const char *word)
{
    return memmem(at, (size_t)(lexer->end - at), word, strlen(word));
}

/* "-" followed by at least one blank, right after an opening delimiter: the text before loses its trailing blanks. */
static void leading_trim(Lexer *lexer, bool has_text)
{
    if (lexer->at + 1 >= lexer->end || *lexer->at != '-' || !is_blank(lexer->at[1]))
        return;
    if (has_text) {
        Token *text = &lexer->tokens.items[lexer->tokens.count - 1];
        while (text->length && is_blank(text->text[text->length - 1]))
            text->length--;
    }
    advance_to(lexer, skip_blanks(lexer, lexer->at + 1));
}

/* Blanks, optional '-', delimiter; NULL when that is not what stands here. */
static const char *close_end(const Lexer *lexer, const char *delimiter, bool *ret_trim)
{
    const char *at = skip_blanks(lexer, lexer->at);
    *ret_trim = at < lexer->end && *at == '-';
    at += *ret_trim;
    return looking_at(lexer, at, delimiter) ? at + strlen(delimiter) : NULL;
}

/* {% verbatim [-]%} … {%[-] endverbatim [-]%}: returns the end of the opening tag, or NULL. */
static const char *verbatim_start(const Lexer *lexer)
{
    const char *at = skip_blanks(lexer, lexer->at);
    if (!looking_at(lexer, at, "verbatim"))
        return NULL;
    at = skip_blanks(lexer, at + strlen("verbatim"));
    at += at < lexer->end && *at == '-';
    return looking_at(lexer, at, "%}") ? at + 2 : NULL;
}

static const char *verbatim_end(const Lexer *lexer, const char *from, const char **ret_end, bool *ret_trim_before,
                                bool *ret_trim_after)
{
    for (const char *tag = from; (tag = find(lexer, tag, "{%")); tag += 2) {
        const char *at = tag + 2;
        *ret_trim_before = at < lexer->end && *at == '-';
        at = skip_blanks(lexer, at + *ret_trim_before);
        if (!looking_at(lexer, at, "endverbatim"))
            continue;
        at = skip_blanks(lexer, at + strlen("endverbatim"));
        *ret_trim_after = at < lexer->end && *at == '-';
        at += *ret_trim_after;
        if (!looking_at(lexer, at, "%}"))
            continue;
        *ret_end = at + 2;
        return tag;
    }
    return NULL;
}

/* Blanks at the start go, with or without a '-' in the opening tag: so it is in Pebble. */
static bool lex_verbatim(Lexer *lexer, const char *text)
{
    const char *after;
    bool trim_before, trim_after;
    advance_to(lexer, text);
    const char *end = verbatim_end(lexer, text, &after, &trim_before, &trim_after);
    if (!end)
        return fail(lexer, lexer->line, "Unclosed verbatim tag.", "");
    const char *from = text, *to = end;
    while (from < to && is_blank(*from))
        from++;
    while (trim_before && to > from && is_blank(to[-1]))
        to--;
    lexer->trim_next = trim_after;
    advance_to(lexer, after);
    if (to > from)
        push(lexer, TOKEN_TEXT, from, (size_t)(to - from));
    return true;
}

static bool enter(Lexer *lexer, LexerState state)
{
    if (lexer->depth == STATE_MAX)
        return fail(lexer, lexer->line, "The expression is nested too deeply", "");
    lexer->states[lexer->depth++] = state;
    return true;
}

static bool lex_execute_start(Lexer *lexer)
{
    const char *verbatim = verbatim_start(lexer);
    if (verbatim)
        return lex_verbatim(lexer, verbatim);
    push(lexer, TOKEN_EXECUTE_START, NULL, 0);
    return enter(lexer, EXECUTE);
}

static const char *find_start(const Lexer *lexer)
{
    for (const char *at = lexer->at; (at = memchr(at, '{', (size_t)(lexer->end - at))); at++)
        if (at + 1 < lexer->end && (at[1] == '{' || at[1] == '%' || at[1] == '#'))
            return at;
    return NULL;
}

static bool lex_data(Lexer *lexer)
{
    const char *start = find_start(lexer), *from = lexer->at, *to = start ? start : lexer->end;
    while (lexer->trim_next && from < to && is_blank(*from))
        from++;
    lexer->trim_next = false;
    bool has_text = from < to;
    if (!start) {
        advance_to(lexer, lexer->end);
        if (has_text)
            push(lexer, TOKEN_TEXT, from, (size_t)(to - from));
        return true;
    }
    advance_to(lexer, start + 2);
    if (has_text)
        push(lexer, TOKEN_TEXT, from, (size_t)(to - from));
    char kind = start[1];
    leading_trim(lexer, has_text);
    if (has_text && lexer->tokens.items[lexer->tokens.count - 1].length == 0)
        lexer->tokens.count--;
    if (kind == '#')
        return enter(lexer, COMMENT);
    if (kind == '%')
        return lex_execute_start(lexer);
    push(lexer, TOKEN_PRINT_START, NULL, 0);
    return enter(lexer, PRINT);
}

static bool lex_comment(Lexer *lexer)
{
    const char *end = find(lexer, lexer->at, "#}");
    if (!end)
        return fail(lexer, lexer->line, "Unclosed comment.", "");
    if (end - lexer->at >= 2 && end[-1] == '-' && is_blank(end[-2]))
        lexer->trim_next = true;
    advance_to(lexer, end + 2);
    lexer->depth--;
    return true;
}

static bool open_bracket(Lexer *lexer, char kind)
{
    if (lexer->bracket_count == BRACKET_MAX)
        return fail(lexer, lexer->line, "The expression is nested too deeply", "");
    lexer->brackets[lexer->bracket_count++] = (Bracket){kind, lexer->line};
    return true;
}

static bool lex_punctuation(Lexer *lexer)
{
    static const char opening[] = "([{", closing[] = ")]}";
    char c = *lexer->at, text[2] = {c};
    if (strchr(opening, c) && !open_bracket(lexer, c))
        return false;
    if (strchr(closing, c)) {
        if (!lexer->bracket_count)
            return fail(lexer, lexer->line, "Unexpected \"%s\"", text);
        char open = lexer->brackets[--lexer->bracket_count].kind;
        const char *match = strchr(opening, open);
        char expected[3] = {match ? closing[match - opening] : open};
        if (open == '#')
            memcpy(expected, "#{", 3);
        if (expected[0] != c)
            return fail(lexer, lexer->line, "Unclosed \"%s\"", expected);
    }
    push(lexer, TOKEN_PUNCTUATION, &c, 1);
    lexer->at++;
    return true;
}

/* A string without #{…}: the end of it, or NULL. */
static const char *plain_string_end(const Lexer *lexer)
{
    char quote = *lexer->at;
    for (const char *at = lexer->at + 1; at < lexer->end; at++) {
        if (*at == '\\' && at + 1 < lexer->end)
            at++;
        else if (*at == quote)
            return at + 1;
        else if (*at == '#' && quote == '"')
            return NULL;
    }
    return NULL;
}

static void lex_plain_string(Lexer *lexer, const char *end)
{
    char quote = *lexer->at;
    size_t length = 0;
    char *text = arena_alloc(lexer->arena, (size_t)(end - lexer->at));
    for (const char *at = lexer->at + 1; at < end - 1; at++) {
        if (*at == '\\' && at[1] == quote && at + 1 < end - 1)
            at++;
        text[length++] = *at;
    }
    advance_to(lexer, end);
    push(lexer, TOKEN_STRING, text, length);
}

static size_t operator_length(const Lexer *lexer)
{
    for (size_t i = 0; i < ELEMENTS(operators); i++) {
        size_t length = strlen(operators[i]);
        if (!looking_at(lexer, lexer->at, operators[i]))
            continue;
        bool word = isalpha((unsigned char)operators[i][length - 1]);
        unsigned char next = lexer->at + length == lexer->end ? '\0' : (unsigned char)lexer->at[length];
        if (!word || !(isalnum(next) || next == '_'))
            return length;
    }
    return 0;
}

static size_t name_length(const Lexer *lexer)
{
    const char *at = lexer->at;
    while (at < lexer->end) {
        const char *next = at;
        uint32_t c = utf8_next(&next, lexer->end);
        bool letter = c == '_' || (c < 0x80 ? isalpha((int)c) : u_isalpha((UChar32)c));
        if (!letter && (at == lexer->at || !(c < 0x80 ? isdigit((int)c) : u_isdigit((UChar32)c))))
            break;
        at = next;
    }
    return (size_t)(at - lexer->at);
}

static size_t digits_length(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && isdigit((unsigned char)*at))
        at++;
    return (size_t)(at - start);
}

static bool lex_number(Lexer *lexer)
{
    size_t whole = digits_length(lexer->at, lexer->end);
    if (!whole)
        return false;
    const char *at = lexer->at + whole;
    if (at < lexer->end && *at == 'L') {
        push(lexer, TOKEN_LONG, lexer->at, whole);
        lexer->at = at + 1;
        return true;
    }
    size_t fraction = at < lexer->end && *at == '.' ? digits_length(at + 1, lexer->end) : 0;
    size_t length = whole + (fraction ? fraction + 1 : 0);
    push(lexer, TOKEN_NUMBER, lexer->at, length);
    lexer->at += length;
    return true;
}

static bool lex_string(Lexer *lexer)
{
    const char *end = plain_string_end(lexer);
    if (end) {
        lex_plain_string(lexer, end);
        return true;
    }
    if (*lexer->at != '"')
        return fail(lexer, lexer->line, "Unexpected character [%s]", "'");
    if (!open_bracket(lexer, '"'))
        return false;
    lexer->at++;
    return enter(lexer, STRING);
}

static bool lex_expression(Lexer *lexer)
{
    advance_to(lexer, skip_blanks(lexer, lexer->at));
    if (lexer->at == lexer->end)
        return true;
    size_t length = operator_length(lexer);
    if (length) {
        push(lexer, TOKEN_OPERATOR, lexer->at, length);
        lexer->at += length;
        return true;
    }
    length = name_length(lexer);
    if (length) {
        push(lexer, TOKEN_NAME, lexer->at, length);
        lexer->at += length;
        return true;
    }
    if (lex_number(lexer))
        return true;
    if (*lexer->at && strchr("()[]{}?:.,|=", *lexer->at))
        return lex_punctuation(lexer);
    if (*lexer->at == '"' || *lexer->at == '\'')
        return lex_string(lexer);
    const char *next = lexer->at;
    (void)utf8_next(&next, lexer->end); /* for its side effect: the length of the character */
    return fail(lexer, lexer->line, "Unexpected character [%s]",
                arena_strndup(lexer->arena, lexer->at, (size_t)(next - lexer->at)));
}

static bool lex_tag(Lexer *lexer, const char *delimiter, TokenKind kind)
{
    bool trim;
    const char *end = close_end(lexer, delimiter, &trim);
    if (end && trim)
        lexer->trim_next = true;
    if (!end || lexer->bracket_count)
        return lex_expression(lexer);
    push(lexer, kind, delimiter, 2);
    advance_to(lexer, end);
    lexer->depth--;
    return true;
}

static bool lex_string_state(Lexer *lexer)
{
    if (looking_at(lexer, lexer->at, "#{")) {
        if (!open_bracket(lexer, '#'))
            return false;
        push(lexer, TOKEN_STRING_INTERPOLATION_START, NULL, 0);
        lexer->at += 2;
        return enter(lexer, INTERPOLATION);
    }
    const char *at = lexer->at;
    while (at < lexer->end && *at != '"' && !looking_at(lexer, at, "#{"))
        at += *at == '\\' && at + 1 < lexer->end ? 2 : 1;
    if (at > lexer->at) {
        push(lexer, TOKEN_STRING_PART, lexer->at, (size_t)(at - lexer->at));
        advance_to(lexer, at);
        return true;
    }
    lexer->bracket_count--;
    lexer->depth--;
    lexer->at++;
    return true;
}

static bool lex_interpolation(Lexer *lexer)
{
    const char *at = skip_blanks(lexer, lexer->at);
    if (lexer->bracket_count && lexer->brackets[lexer->bracket_count - 1].kind == '#' && at < lexer->end &&
        *at == '}') {
        lexer->bracket_count--;
        push(lexer, TOKEN_STRING_INTERPOLATION_END, "}", 1);
        advance_to(lexer, at + 1);
        lexer->depth--;
        return true;
    }
    return lex_expression(lexer);
}

static bool lex_step(Lexer *lexer)
{
    switch (lexer->states[lexer->depth - 1]) {
    case DATA:
        return lex_data(lexer);
    case PRINT:
        return lex_tag(lexer, "}}", TOKEN_PRINT_END);
    case EXECUTE:
        return lex_tag(lexer, "%}", TOKEN_EXECUTE_END);
    case COMMENT:
        return lex_comment(lexer);
    case STRING:
        return lex_string_state(lexer);
    case INTERPOLATION:
        return lex_interpolation(lexer);
    }
    return false;
}

bool lexer_run(Arena *arena, const char *source, size_t length, Tokens *ret, SyntaxError *error)
{
    /* On the stack: its 9 KiB would stay in the arena of each compiled expression. */
    Lexer state = {.arena = arena,
                   .start = source,
                   .at = source,
                   .end = source + length,
                   .line_start = source,
                   .line = 1,
                   .error = error};
    Lexer *lexer = &state;
    lexer->states[lexer->depth++] = DATA;
    while (lexer->at < lexer->end)
        if (!lex_step(lexer))
            return false;
    push(lexer, TOKEN_EOF, NULL, 0);
    if (lexer->states[lexer->depth - 1] == COMMENT)
        return fail(lexer, lexer->line, "Unclosed comment.", "");
    if (lexer->bracket_count) {
        Bracket last = lexer->brackets[lexer->bracket_count - 1];
        char expected[3] = {last.kind};
        if (last.kind == '#')
            memcpy(expected, "#{", 3);
        return fail(lexer, last.line, "Unclosed \"%s\"", expected);
    }
    *ret = lexer->tokens;
    return true;
}
