/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators, after io.pebbletemplates.pebble.utils.OperatorUtils: an operation on numbers is made in BigDecimal if one
 * side is, else in double, else in long, else in int, and wraps as Java does. Comparisons are made in double.
 */
#include "expr/engine.h"

#include <math.h>

#include "expr/decimal.h"
#include "expr/utf16.h"

typedef enum Operation { ADD, SUBTRACT, MULTIPLY, DIVIDE, REMAINDER } Operation;
typedef enum Comparison { GREATER, GREATER_EQUAL, LESS, LESS_EQUAL } Comparison;

static const char *const operation_names[] = {"ADD", "SUBTRACT", "MULTIPLICATION", "DIVIDE", "MODULUS"};

static double double_operation(double a, double b, Operation operation)
{
    switch (operation) {
    case ADD:
        return a + b;
    case SUBTRACT:
        return a - b;
    case MULTIPLY:
        return a * b;
    case DIVIDE:
        return a / b;
    case REMAINDER:
        return fmod(a, b);
    }
    return 0;
}

/* False: division by zero. Overflow wraps. */
static bool long_operation(int64_t a, int64_t b, Operation operation, int64_t *ret)
{
    switch (operation) {
    case ADD:
        *ret = (int64_t)((uint64_t)a + (uint64_t)b);
        return true;
    case SUBTRACT:
        *ret = (int64_t)((uint64_t)a - (uint64_t)b);
        return true;
    case MULTIPLY:
        *ret = (int64_t)((uint64_t)a * (uint64_t)b);
        return true;
    case DIVIDE:
    case REMAINDER:
        if (b == 0)
            return false;
        if (b == -1)
            *ret = operation == DIVIDE ? (int64_t)(0 - (uint64_t)a) : 0;
        else
            *ret = operation == DIVIDE ? a / b : a % b;
        return true;
    }
    return false;
}

static bool is_real(const Value *value)
{
    return value->kind == VALUE_DOUBLE || value->kind == VALUE_FLOAT;
}

static int number_operation(Eval *eval, const Value *a, const Value *b, Operation operation, Value *ret)
{
    if (!value_is_number(a) || !value_is_number(b))
        return eval_fail_plain(eval, "invalid operands for mathematical operation [%s]", operation_names[operation]);
    if (a->kind == VALUE_DECIMAL || b->kind == VALUE_DECIMAL)
        return decimal_operation(eval->arena, value_as_double(a), value_as_double(b), "+-*/%"[operation], ret)
                   ? 0
                   : eval_fail_plain(eval, "/ by zero");
    if (is_real(a) || is_real(b)) {
        *ret = value_double(double_operation(value_as_double(a), value_as_double(b), operation));
        return 0;
    }
    bool wide = a->kind == VALUE_LONG || b->kind == VALUE_LONG;
    int64_t x = value_as_long(a), y = value_as_long(b), result;
    if (!wide) {
        x = (int32_t)x;
        y = (int32_t)y;
    }
    if (!long_operation(x, y, operation, &result))
        return eval_fail_plain(eval, "/ by zero");
    *ret = value_long(wide ? result : (int32_t)result); /* int arithmetic, but Pebble boxes it as a Long */
    return 0;
}

static bool list_has(const Value *list, const Value *item)
{
    for (size_t i = 0; i < value_count(list); i++) {
        Value candidate = value_item(list, i);
        if (value_equal(&candidate, item))
            return true;
    }
    return false;
}

/* List + list, list + item, list - list (every item of it), list - item (the first such): always a new list. */
static int list_operation(Eval *eval, const Value *a, const Value *b, Operation operation, Value *ret)
{
    List *list = list_new(eval->arena, value_count(a) + 1);
    bool is_done = operation == ADD, all = b->kind == VALUE_LIST;
    for (size_t i = 0; i < value_count(a); i++) {
        Value item = value_item(a, i);
        bool dropped = !is_done && (all ? list_has(b, &item) : value_equal(b, &item));
        is_done |= dropped && !all;
        if (!dropped)
            list_push(eval->arena, list, item);
    }
    for (size_t i = 0; operation == ADD && b->kind == VALUE_LIST && i < value_count(b); i++)
        list_push(eval->arena, list, value_item(b, i));
    if (operation == ADD && b->kind != VALUE_LIST)
        list_push(eval->arena, list, *b);
    *ret = value_list(list);
    return 0;
}

static int concatenate(Eval *eval, const Value *a, const Value *b, bool null_is_empty, Value *ret)
{
    if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT) {
        char *text = eval_text(eval, (size_t)a->length + b->length);
        if (!text)
            return EVAL_E_ERROR;
        memcpy(text, a->text, a->length);
        memcpy(text + a->length, b->text, b->length);
        *ret = value_text(text, (size_t)a->length + b->length);
        return 0;
    }
    _cleanup_buffer_ Buffer buffer = {};
    if (a->kind != VALUE_NULL || !null_is_empty)
        java_append(&buffer, a);
    if (b->kind != VALUE_NULL || !null_is_empty)
        java_append(&buffer, b);
    return eval_buffer_value(eval, &buffer, ret);
}

static int operate(Eval *eval, const Value *a, const Value *b, Operation operation, Value *ret)
{
    if (operation == ADD && (a->kind == VALUE_TEXT || b->kind == VALUE_TEXT))
        return concatenate(eval, a, b, false, ret);
    if (a->kind == VALUE_LIST && a->class_ != CLASS_TEXT_ARRAY && (operation == ADD || operation == SUBTRACT))
        return list_operation(eval, a, b, operation, ret);
    return number_operation(eval, a, b, operation, ret);
}

static int both(Eval *eval, const Node *node, Value *ret_left, Value *ret_right)
{
    int r = eval_node(eval, node->operands.left, ret_left);
    if (!r)
        r = eval_node(eval, node->operands.right, ret_right);
    return r ? r : eval_spend(eval, value_cost(ret_left) + value_cost(ret_right) - 1);
}

static int eval_arithmetic(Eval *eval, const Node *node, Value *ret)
{
    Value left, right;
    int r = both(eval, node, &left, &right);
    if (!r)
        r = operate(eval, &left, &right, (Operation)node->operands.row->detail, ret);
    return r ? eval_fail(eval, node->line, "%s", node->operands.row->failure) : 0;
}

static int eval_comparison(Eval *eval, const Node *node, Value *ret)
{
    Value left, right;
    int r = both(eval, node, &left, &right);
    bool null = !r && (left.kind == VALUE_NULL || right.kind == VALUE_NULL);
    if (r || (!null && (!value_is_number(&left) || !value_is_number(&right))))
        return eval_fail(eval, node->line, "%s", node->operands.row->failure);
    bool result = false;
    if (!null) {
        double a = value_as_double(&left), b = value_as_double(&right);
        Comparison comparison = (Comparison)node->operands.row->detail;
        result = comparison == GREATER         ? a > b
                 : comparison == GREATER_EQUAL ? a >= b
                 : comparison == LESS          ? a < b
                                               : a <= b;
    }
    *ret = value_boolean(result);
    return 0;
}

bool values_loosely_equal(const Value *a, const Value *b)
{
    if (value_is_number(a) && value_is_number(b))
        return value_as_double(a) == value_as_double(b);
    return value_equal(a, b);
}

static int eval_equals(Eval *eval, const Node *node, Value *ret)
{
    Value left, right;
    int r = both(eval, node, &left, &right);
    if (r)
        return eval_fail(eval, node->line, "%s", node->operands.row->failure);
    *ret = value_boolean(values_loosely_equal(&left, &right) == node->operands.row->detail);
    return 0;
}

static int eval_concatenation(Eval *eval, const Node *node, Value *ret)
{
    Value left, right;
    int r = both(eval, node, &left, &right);
    return r ? r : concatenate(eval, &left, &right, true, ret);
}

/* Boolean as it is, a text is true unless empty, a number unless zero. */
int eval_truth(Eval *eval, unsigned line, const Value *value, bool *ret)
{
    if (value->kind == VALUE_BOOLEAN)
        *ret = value->boolean;
    else if (value->kind == VALUE_TEXT)
        *ret = value->length > 0;
    else if (value_is_number(value))
        *ret = value_as_double(value) != 0;
    else
        return eval_fail(eval, line, "Unsupported value type %s. Expected Boolean, String, Number in \"if\" statement",
                         value_class_simple(value));
    return 0;
}

static int eval_logical(Eval *eval, const Node *node, Value *ret)
{
    bool is_and = node->operands.row->detail, truth = false;
    const Node *sides[] = {node->operands.left, node->operands.right};
    for (size_t i = 0; i < ELEMENTS(sides); i++) {
        Value value;
        int r = eval_node(eval, sides[i], &value);
        if (r)
            return r;
        if (value.kind == VALUE_NULL)
            return eval_fail(eval, node->line, "null value used in and operator and strict variables is set to true");
        r = eval_truth(eval, node->line, &value, &truth);
        if (r)
            return r;
        if (truth != is_and)
            break;
    }
    *ret = value_boolean(truth);
    return 0;
}

int eval_not(Eval *eval, const Node *node, Value *ret)
{
    Value value;
    bool truth;
    int r = eval_node(eval, node->operands.left, &value);
    if (r)
        return r;
    if (value.kind == VALUE_NULL)
        return eval_fail(eval, node->line, "null value given to not() and strict variables is set to true");
    r = eval_truth(eval, node->line, &value, &truth);
    if (!r)
        *ret = value_boolean(!truth);
    return r;
}

static int multiply_by(Eval *eval, const Node *node, int64_t factor, Value *ret)
{
    Value value, by = value_integer(factor);
    int r = eval_node(eval, node->operands.left, &value);
    return r ? r : number_operation(eval, &value, &by, MULTIPLY, ret);
}

int eval_plus(Eval *eval, const Node *node, Value *ret)
{
    return multiply_by(eval, node, 1, ret);
}

int eval_minus(Eval *eval, const Node *node, Value *ret)
{
    return multiply_by(eval, node, -1, ret);
}

int eval_ternary(Eval *eval, const Node *node, Value *ret)
{
    Value condition;
    bool truth = false;
    int r = eval_node(eval, node->operands.left, &condition);
    if (!r && condition.kind != VALUE_NULL)
        r = eval_truth(eval, node->line, &condition, &truth);
    return r ? r : eval_node(eval, truth ? node->operands.right : node->operands.third, ret);
}

/* `??` replaces null and undefined, `???` only undefined. */
static int eval_coalesce(Eval *eval, const Node *node, Value *ret)
{
    int r = eval_node(eval, node->operands.left, ret);
    if (r == EVAL_E_UNDEFINED || (!r && ret->kind == VALUE_NULL && node->operands.row->detail))
        return eval_node(eval, node->operands.right, ret);
    return r;
}

static bool text_contains(const Value *text, const Value *part)
{
    return part->length == 0 || memmem(text->text, text->length, part->text, part->length) != NULL;
}

static int eval_contains(Eval *eval, const Node *node, Value *ret)
{
    Value left, right, ignored;
    int r = both(eval, node, &left, &right);
    if (r)
        return r;
    bool found = false;
    if (left.kind == VALUE_LIST) {
        found = right.kind == VALUE_LIST && left.class_ != CLASS_TEXT_ARRAY;
        for (size_t i = 0; found && i < value_count(&right); i++) {
            Value item = value_item(&right, i);
            found = list_has(&left, &item);
        }
        found = found || (right.kind != VALUE_LIST && list_has(&left, &right));
    } else if (left.kind == VALUE_MAP) {
        found = value_find(&left, &right, &ignored);
    } else if (left.kind == VALUE_TEXT) {
        Value part = java_text(eval->arena, &right);
        found = text_contains(&left, &part);
    } else if (left.kind != VALUE_NULL) {
        return eval_fail(eval, node->line,
                         "Contains operator can only be used on Collections, Maps and arrays. Actual type was: %s",
                         value_class_name(&left));
    }
    *ret = value_boolean(found);
    return 0;
}

static bool range_bound(const Value *value, int64_t *ret, bool *ret_character)
{
    *ret_character = value->kind == VALUE_TEXT;
    if (value_is_number(value)) {
        *ret = value_as_long(value);
        return true;
    }
    if (value->kind != VALUE_TEXT || utf16_length(value->text, value->length) != 1)
        return false;
    const char *at = value->text;
    *ret = utf8_next(&at, value->text + value->length);
    return true;
}

int eval_range_values(Eval *eval, unsigned line, const Value *from, const Value *to, int64_t step, Value *ret)
{
    int64_t first, last;
    bool first_character, last_character;
    if (!range_bound(from, &first, &first_character) || !range_bound(to, &last, &last_character) ||
        first_character != last_character)
        return eval_fail(eval, line, "Arguments of range function must be of type Number or String with a length of 1");
    List *list = list_new(eval->arena, 0);
    for (int64_t i = first; step > 0 ? i <= last : step < 0 && i >= last; i += step) {
        int r = eval_spend(eval, 1);
        if (r)
            return r;
        char *text = first_character ? arena_alloc(eval->arena, 8) : NULL;
        Value item = text ? value_text(text, utf8_put((uint32_t)i, text)) : value_long(i);
        if (text)
            item.class_ = CLASS_CHARACTER;
        list_push(eval->arena, list, item);
    }
    *ret = value_list(list);
    return 0;
}

static int eval_range(Eval *eval, const Node *node, Value *ret)
{
    Value from, to;
    int r = both(eval, node, &from, &to);
    return r ? r : eval_range_values(eval, node->line, &from, &to, 1, ret);
}

/* The precedence numbers are Pebble's; `|`, `is` and `is not` are parsed in their own way and have no function here. */
static const BinaryRow rows[] = {
    {"or", 10, eval_logical, NULL, false},
    {"and", 15, eval_logical, NULL, true},
    {"is", 20, NULL, NULL, 0},
    {"is not", 20, NULL, NULL, 0},
    {"contains", 20, eval_contains, NULL, 0},
    {"==", 30, eval_equals, "Could not perform equals comparison", true},
    {"equals", 30, eval_equals, "Could not perform equals comparison", true},
    {"!=", 30, eval_equals, "Could not perform not equals comparison", false},
    {">", 30, eval_comparison, "Could not perform greater than comparison", GREATER},
    {"<", 30, eval_comparison, "Could not perform greater modulus", LESS},
    {">=", 30, eval_comparison, "Could not perform greater than or equals comparison", GREATER_EQUAL},
    {"<=", 30, eval_comparison, "Could not perform less than or equals comparison", LESS_EQUAL},
    {"+", 40, eval_arithmetic, "Could not perform addition", ADD},
    {"-", 40, eval_arithmetic, "Could not perform subtraction", SUBTRACT},
    {"*", 60, eval_arithmetic, "Could not perform multiplication", MULTIPLY},
    {"/", 60, eval_arithmetic, "Could not perform division", DIVIDE},
    {"%", 60, eval_arithmetic, "Could not perform greater modulus", REMAINDER},
    {"|", 100, NULL, NULL, 0},
    {"~", 110, eval_concatenation, NULL, 0},
    {"..", 120, eval_range, NULL, 0},
    {"??", 120, eval_coalesce, NULL, true},
    {"???", 120, eval_coalesce, NULL, false},
};

const BinaryRow *binary_find(const char *symbol)
{
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        if (streq(rows[i].symbol, symbol))
            return &rows[i];
    return NULL;
}
