/* Scalars of YAML 1.1 as go-yaml v2 reads them: nulls, booleans, numbers, and what tags make of them. */
#include "yaml_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct scalar {
    dd_yaml_type type;
    bool truth;
    int64_t whole;
    double real;
} scalar;

/* ---- Words ---- */

static const struct {
    const char *text;
    scalar is;
} words[] = {
    {"", {.type = DD_YAML_NULL}},
    {"~", {.type = DD_YAML_NULL}},
    {"null", {.type = DD_YAML_NULL}},
    {"Null", {.type = DD_YAML_NULL}},
    {"NULL", {.type = DD_YAML_NULL}},
    {"y", {.type = DD_YAML_BOOL, .truth = true}},
    {"Y", {.type = DD_YAML_BOOL, .truth = true}},
    {"yes", {.type = DD_YAML_BOOL, .truth = true}},
    {"Yes", {.type = DD_YAML_BOOL, .truth = true}},
    {"YES", {.type = DD_YAML_BOOL, .truth = true}},
    {"true", {.type = DD_YAML_BOOL, .truth = true}},
    {"True", {.type = DD_YAML_BOOL, .truth = true}},
    {"TRUE", {.type = DD_YAML_BOOL, .truth = true}},
    {"on", {.type = DD_YAML_BOOL, .truth = true}},
    {"On", {.type = DD_YAML_BOOL, .truth = true}},
    {"ON", {.type = DD_YAML_BOOL, .truth = true}},
    {"n", {.type = DD_YAML_BOOL}},
    {"N", {.type = DD_YAML_BOOL}},
    {"no", {.type = DD_YAML_BOOL}},
    {"No", {.type = DD_YAML_BOOL}},
    {"NO", {.type = DD_YAML_BOOL}},
    {"false", {.type = DD_YAML_BOOL}},
    {"False", {.type = DD_YAML_BOOL}},
    {"FALSE", {.type = DD_YAML_BOOL}},
    {"off", {.type = DD_YAML_BOOL}},
    {"Off", {.type = DD_YAML_BOOL}},
    {"OFF", {.type = DD_YAML_BOOL}},
    {".nan", {.type = DD_YAML_FLOAT, .real = (double)NAN}},
    {".NaN", {.type = DD_YAML_FLOAT, .real = (double)NAN}},
    {".NAN", {.type = DD_YAML_FLOAT, .real = (double)NAN}},
    {".inf", {.type = DD_YAML_FLOAT, .real = (double)INFINITY}},
    {".Inf", {.type = DD_YAML_FLOAT, .real = (double)INFINITY}},
    {".INF", {.type = DD_YAML_FLOAT, .real = (double)INFINITY}},
    {"+.inf", {.type = DD_YAML_FLOAT, .real = (double)INFINITY}},
    {"+.Inf", {.type = DD_YAML_FLOAT, .real = (double)INFINITY}},
    {"+.INF", {.type = DD_YAML_FLOAT, .real = (double)INFINITY}},
    {"-.inf", {.type = DD_YAML_FLOAT, .real = -(double)INFINITY}},
    {"-.Inf", {.type = DD_YAML_FLOAT, .real = -(double)INFINITY}},
    {"-.INF", {.type = DD_YAML_FLOAT, .real = -(double)INFINITY}},
};

#define LONGEST_WORD 5

static bool read_word(const char *text, size_t length, scalar *ret)
{
    if (length > LONGEST_WORD)
        return false;
    for (size_t i = 0; i < DD_COUNT(words); i++)
        if (words[i].text[0] == text[0] && strcmp(words[i].text, text) == 0) {
            *ret = words[i].is;
            return true;
        }
    return false;
}

/* ---- Numbers ---- */

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                  : 99U;
}

/* What the digits' prefix says ("0x1f", "0b1", "0o17", and "017" as well); *ret_digits stands behind it. */
static unsigned base_of(const char *text, const char **ret_digits)
{
    static const struct {
        char letters[3];
        unsigned base;
    } prefixes[] = {{"xX", 16}, {"bB", 2}, {"oO", 8}};

    *ret_digits = text;
    if (text[0] != '0' || !text[1])
        return 10;
    for (size_t i = 0; i < DD_COUNT(prefixes); i++)
        if (strchr(prefixes[i].letters, text[1])) {
            *ret_digits = text + 2;
            return prefixes[i].base;
        }
    *ret_digits = text + 1;
    return 8;
}

/* Go's ParseInt with base 0, of a text without underscores. */
static bool parse_int(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    uint64_t number = 0, limit = (uint64_t)INT64_MAX + negative;

    if (*text == '-' || *text == '+')
        text++;
    unsigned base = base_of(text, &text);
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = digit_of(*text);
        if (digit >= base || number > (limit - digit) / base)
            return false;
        number = number * base + digit;
    }
    *ret = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool looks_like_float(const char *text)
{
    size_t before, after = 0;
    if (*text == '-' || *text == '+')
        text++;
    before = strspn(text, "0123456789");
    text += before;
    if (*text == '.') {
        text++;
        after = strspn(text, "0123456789");
        text += after;
    }
    if (before + after == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '-' || *text == '+')
            text++;
        size_t exponent = strspn(text, "0123456789");
        text += exponent;
        if (exponent == 0)
            return false;
    }
    return *text == '\0';
}

/* Out of range is a text to Go. */
static bool read_plain_number(const char *text, scalar *ret)
{
    if (parse_int(text, &ret->whole)) {
        ret->type = DD_YAML_INT;
        ret->real = (double)ret->whole;
        return true;
    }
    if (!looks_like_float(text))
        return false;
    ret->type = DD_YAML_FLOAT;
    ret->real = strtod(text, NULL);
    return !isinf(ret->real);
}

/* Underscores are skipped, but not where the text begins with a point. */
static bool read_number(const char *text, scalar *ret)
{
    if (!strchr("+-.0123456789", *text))
        return false;
    if (*text == '.' || !strchr(text, '_'))
        return read_plain_number(text, ret);
    dd_auto_str plain = dd_strdup(text);
    char *end = plain;
    for (const char *c = text; *c; c++)
        if (*c != '_')
            *end++ = *c;
    *end = '\0';
    return read_plain_number(plain, ret);
}

/* ---- Scalars ---- */

/* What the text is when nothing else is said of it. */
static scalar read_text(const char *text, size_t length)
{
    scalar ret = {.type = DD_YAML_STRING};
    /* Most texts are neither word nor number, and end here. */
    if (length && !strchr("+-.0123456789yYnNtTfFoO~", *text))
        return ret;
    if (!read_word(text, length, &ret) && !read_number(text, &ret))
        ret = (scalar){.type = DD_YAML_STRING};
    return ret;
}

static const struct {
    const char *tag;
    dd_yaml_type type;
} tags[] = {{YAML_TAG_PREFIX "null", DD_YAML_NULL},
            {YAML_TAG_PREFIX "bool", DD_YAML_BOOL},
            {YAML_TAG_PREFIX "int", DD_YAML_INT},
            {YAML_TAG_PREFIX "float", DD_YAML_FLOAT}};

/* Any other tag, also one that nobody knows, makes a text. */
static dd_yaml_type type_of_tag(const char *tag)
{
    for (size_t i = 0; i < DD_COUNT(tags); i++)
        if (strcmp(tag, tags[i].tag) == 0)
            return tags[i].type;
    return DD_YAML_STRING;
}

static scalar read_scalar(const dd_yaml_node *node)
{
    scalar ret = {.type = DD_YAML_STRING};
    if (!node->tag)
        return node->quoted ? ret : read_text(node->text, node->length);
    dd_yaml_type type = type_of_tag(node->tag);
    if (type == DD_YAML_STRING)
        return ret;
    ret = read_text(node->text, node->length);
    if (type == DD_YAML_FLOAT && ret.type == DD_YAML_INT)
        ret.type = DD_YAML_FLOAT;
    return ret;
}

bool dd_yaml_scalar_fits(const dd_yaml_node *node)
{
    if (!node->tag)
        return true;
    dd_yaml_type type = type_of_tag(node->tag);
    return type == DD_YAML_STRING || read_scalar(node).type == type;
}

dd_yaml_type dd_yaml_scalar_type(const dd_yaml_node *node)
{
    return read_scalar(node).type;
}

bool dd_yaml_scalar_bool(const dd_yaml_node *node, bool *ret)
{
    if (node->kind != DD_YAML_SCALAR)
        return false;
    scalar is = read_scalar(node);
    *ret = is.truth;
    return is.type == DD_YAML_BOOL;
}

bool dd_yaml_scalar_float(const dd_yaml_node *node, double *ret)
{
    if (node->kind != DD_YAML_SCALAR)
        return false;
    scalar is = read_scalar(node);
    *ret = is.real;
    return is.type == DD_YAML_INT || is.type == DD_YAML_FLOAT;
}

bool dd_yaml_scalar_int(const dd_yaml_node *node, int64_t *ret)
{
    if (node->kind != DD_YAML_SCALAR)
        return false;
    scalar is = read_scalar(node);
    *ret = is.whole;
    if (is.type == DD_YAML_INT)
        return true;
    /* 2^63 itself is no int64_t, hence "<". */
    if (is.type != DD_YAML_FLOAT || !(is.real >= -9223372036854775808.0 && is.real < 9223372036854775808.0))
        return false;
    *ret = (int64_t)is.real;
    return true;
}

const char *dd_yaml_node_words(const dd_yaml_node *node)
{
    static const char *const kinds[] = {[DD_YAML_LIST] = "a list", [DD_YAML_MAP] = "a map"};
    static const char *const types[] = {[DD_YAML_NULL] = "nothing",
                                        [DD_YAML_BOOL] = "a boolean",
                                        [DD_YAML_INT] = "a number",
                                        [DD_YAML_FLOAT] = "a number",
                                        [DD_YAML_STRING] = "a text"};
    return node->kind == DD_YAML_SCALAR ? types[dd_yaml_scalar_type(node)] : kinds[node->kind];
}
