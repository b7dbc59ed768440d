/* Go's fmt for one template value: each verb's meaning for each kind, flags, width and precision, and what is
 * said of a verb that does not fit: %!d(string=x). */
#include "runner/lang/template_private.h"
#include <stdlib.h>
#include <string.h>

/* ---- Padding ---- */

static size_t rune_count(const char *data, size_t length)
{
    size_t count = 0;

    for (size_t i = 0, used; i < length; count++, i += used)
        dd_utf8_decode(data + i, length - i, &used);
    return count;
}

/* A list's members are padded each, so what would be too long is not padded. */
static void add_padding(dd_buf *into, const dd_verb *v, size_t count)
{
    for (size_t i = 0; i < count && into->length <= DD_VALUE_PRINT_MAX; i++)
        dd_buf_add_char(into, v->zero ? '0' : ' ');
}

static void pad(dd_buf *into, const dd_verb *v, const char *data, size_t length)
{
    size_t runes = v->has_width ? rune_count(data, length) : 0;
    size_t missing = v->has_width && v->width > runes ? v->width - runes : 0;

    if (!v->minus)
        add_padding(into, v, missing);
    dd_buf_add(into, data, length);
    if (v->minus)
        add_padding(into, v, missing);
}

static void pad_spaces(dd_buf *into, const dd_verb *v, const char *data, size_t length)
{
    dd_verb plain = *v;

    plain.zero = false;
    pad(into, &plain, data, length);
}

/* ---- What does not fit ---- */

static void bad_verb(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    dd_verb again = *v;
    char letter[4];

    dd_buf_add_str(into, "%!");
    dd_buf_add(into, letter, dd_utf8_encode(v->letter, letter));
    if (value->kind == DD_VALUE_NIL) {
        dd_buf_add_str(into, "(<nil>)");
        return;
    }
    again.letter = 'v';
    dd_buf_printf(into, "(%s=", dd_value_type_name(value));
    dd_format_value(into, again, value);
    dd_buf_add_char(into, ')');
}

/* ---- Integers ---- */

static const char *sign_of(const dd_verb *v, bool negative)
{
    return negative ? "-" : v->plus ? "+" : v->space ? " " : "";
}

static size_t digits_of(uint64_t magnitude, unsigned base, bool upper, char into[72])
{
    char *at = into + 71;

    *at = '\0';
    do {
        *--at = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % base];
        magnitude /= base;
    } while (magnitude);
    memmove(into, at, strlen(at) + 1);
    return strlen(into);
}

static const char *prefix_of(const dd_verb *v, unsigned base, char first)
{
    if (base == 8 && v->letter == 'O')
        return v->sharp && first != '0' ? "0o0" : "0o";
    if (!v->sharp || base == 10)
        return "";
    if (base == 8)
        return first == '0' ? "" : "0";
    return base == 2 ? "0b" : v->letter == 'X' ? "0X" : "0x";
}

/* Zeros in front come from a precision, or from '0' and a width, sign counted in. */
static void format_digits(dd_buf *into, const dd_verb *v, uint64_t magnitude, bool negative, unsigned base)
{
    char digits[72];
    const char *sign = sign_of(v, negative);
    size_t length = digits_of(magnitude, base, v->letter == 'X', digits), wanted = 0;
    dd_buf text = {0};

    if (v->has_precision)
        wanted = v->precision;
    else if (v->zero && v->has_width)
        wanted = v->width > strlen(sign) ? v->width - strlen(sign) : 0;
    if (v->has_precision && wanted == 0 && magnitude == 0) {
        pad_spaces(into, v, "", 0);
        return;
    }
    dd_buf_add_str(&text, sign);
    dd_buf_add_str(&text, prefix_of(v, base, wanted > length ? '0' : digits[0]));
    for (; length < wanted; wanted--)
        dd_buf_add_char(&text, '0');
    dd_buf_add_str(&text, digits);
    pad_spaces(into, v, text.data, text.length);
    dd_buf_done(&text);
}

static void format_code_point(dd_buf *into, const dd_verb *v, uint64_t value)
{
    dd_buf text = {0};
    char digits[72], encoded[4];
    size_t length = digits_of(value, 16, true, digits);
    size_t wanted = v->has_precision && v->precision > 4 ? v->precision : 4;

    dd_buf_add_str(&text, "U+");
    for (; length < wanted; wanted--)
        dd_buf_add_char(&text, '0');
    dd_buf_add_str(&text, digits);
    if (v->sharp && value <= 0x10FFFF && dd_rune_is_printable((uint32_t)value)) {
        dd_buf_add_str(&text, " '");
        dd_buf_add(&text, encoded, dd_utf8_encode((uint32_t)value, encoded));
        dd_buf_add_char(&text, '\'');
    }
    pad_spaces(into, v, text.data, text.length);
    dd_buf_done(&text);
}

static void format_rune(dd_buf *into, const dd_verb *v, uint64_t value)
{
    uint32_t rune = value > 0x10FFFF ? 0xFFFD : (uint32_t)value;
    dd_buf quoted = {0};
    char encoded[4];

    if (v->letter == 'c') {
        pad(into, v, encoded, dd_utf8_encode(rune, encoded));
        return;
    }
    dd_quote_rune(&quoted, rune, v->plus);
    pad(into, v, quoted.data, quoted.length);
    dd_buf_done(&quoted);
}

static bool is_unsigned(const dd_value *value)
{
    return value->type == DD_TYPE_UINT8 || value->type == DD_TYPE_UINT32 || value->type == DD_TYPE_UINT64;
}

static void format_integer(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    static const struct {
        char letter;
        unsigned char base;
    } bases[] = {{'v', 10}, {'d', 10}, {'b', 2}, {'o', 8}, {'O', 8}, {'x', 16}, {'X', 16}};
    bool negative = value->integer < 0 && !is_unsigned(value);
    uint64_t bits = (uint64_t)value->integer, magnitude = negative ? 0 - bits : bits;

    if (v->letter == 'v' && v->sharp_v && is_unsigned(value)) {
        dd_verb hex = *v;

        hex.sharp = true;
        format_digits(into, &hex, magnitude, false, 16);
        return;
    }
    for (size_t i = 0; i < DD_COUNT(bases); i++)
        if (v->letter == (unsigned char)bases[i].letter) {
            format_digits(into, v, magnitude, negative, bases[i].base);
            return;
        }
    if (v->letter == 'U')
        format_code_point(into, v, bits);
    else if (v->letter == 'c' || v->letter == 'q')
        format_rune(into, v, bits);
    else
        bad_verb(into, v, value);
}

/* ---- Floats ---- */

/* "+12.5e+03", as `text` from its sign on: '#' keeps the point, and for %v, %g and %x the digits behind it.
 */
static void add_sharp(dd_buf *text, uint32_t letter, size_t digits)
{
    const char *tail = strpbrk(text->data + 1, letter == 'x' || letter == 'X' ? "pP" : "eE");
    dd_auto_str kept = dd_strdup(tail ? tail : "");
    size_t length = text->length - strlen(kept);
    bool point = memchr(text->data, '.', length) != NULL, counting = false;

    text->length = length;
    text->data[length] = '\0';
    for (size_t i = 1; i < length; i++) {
        if (text->data[i] == '.')
            continue;
        counting = counting || text->data[i] != '0';
        if (counting && digits > 0)
            digits--;
    }
    if (!point) {
        if (length == 2 && text->data[1] == '0' && digits > 0)
            digits--;
        dd_buf_add_char(text, '.');
    }
    for (; digits > 0; digits--)
        dd_buf_add_char(text, '0');
    dd_buf_add_str(text, kept);
}

/* Verb in lower case or as it is ('E', 'G', 'X'); 0 when it is none of a float's. */
static char float_letter(uint32_t letter)
{
    if (letter == 'v')
        return 'g';
    if (letter == 'F')
        return 'f';
    return letter && letter < 0x80 && strchr("beEfgGxX", (int)letter) ? (char)letter : '\0';
}

static void sharpen(dd_buf *text, const dd_verb *v, char letter)
{
    bool keeps = strchr("gGx", letter) != NULL;

    if (letter != 'b')
        add_sharp(text, (unsigned char)letter, !keeps ? 0 : v->has_precision ? v->precision : 6);
}

static void format_float(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    char letter = float_letter(v->letter), *text;
    dd_buf number = {0};
    size_t length;

    if (!letter) {
        bad_verb(into, v, value);
        return;
    }
    dd_float_format(&number, value->real, letter,
                    v->has_precision        ? (int)v->precision
                    : strchr("eEf", letter) ? 6
                                            : -1);
    if (number.data[0] == '+' && v->space && !v->plus)
        number.data[0] = ' ';
    if (number.data[1] == 'I' || number.data[1] == 'N') {
        bool bare = number.data[1] == 'N' && !v->space && !v->plus;

        pad_spaces(into, v, number.data + bare, number.length - bare);
        dd_buf_done(&number);
        return;
    }
    if (v->sharp)
        sharpen(&number, v, letter);
    text = number.data;
    length = number.length;
    if (!v->plus && text[0] == '+') {
        pad(into, v, text + 1, length - 1);
    } else if (v->zero && v->has_width && v->width > length) {
        dd_buf_add_char(into, text[0]);
        add_padding(into, v, v->width - length);
        dd_buf_add(into, text + 1, length - 1);
    } else {
        pad(into, v, text, length);
    }
    dd_buf_done(&number);
}

/* ---- Strings ---- */

static void format_hex(dd_buf *into, const dd_verb *v, dd_text text)
{
    dd_buf hex = {0};
    size_t length = v->has_precision && v->precision < text.length ? v->precision : text.length;

    for (size_t i = 0; i < length; i++) {
        if (v->space && i)
            dd_buf_add_char(&hex, ' ');
        if (v->sharp && (v->space || i == 0))
            dd_buf_add_str(&hex, v->letter == 'x' ? "0x" : "0X");
        dd_buf_printf(&hex, v->letter == 'x' ? "%02x" : "%02X", (unsigned char)text.data[i]);
    }
    pad(into, v, hex.data ? hex.data : "", hex.length);
    dd_buf_done(&hex);
}

static dd_text cut(dd_text text, size_t runes)
{
    size_t at = 0;

    for (size_t used; at < text.length && runes > 0; runes--, at += used)
        dd_utf8_decode(text.data + at, text.length - at, &used);
    return (dd_text){text.data, at};
}

static void format_quoted(dd_buf *into, const dd_verb *v, dd_text text)
{
    dd_buf quoted = {0};

    if (v->sharp && dd_quote_can_be_raw(text)) {
        dd_buf_add_char(&quoted, '`');
        dd_buf_add(&quoted, text.data, text.length);
        dd_buf_add_char(&quoted, '`');
    } else {
        dd_quote_text(&quoted, text, v->plus);
    }
    pad(into, v, quoted.data, quoted.length);
    dd_buf_done(&quoted);
}

static void format_string(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    dd_text text = v->has_precision ? cut(value->text, v->precision) : value->text;

    if (v->letter == 'x' || v->letter == 'X')
        format_hex(into, v, value->text);
    else if (v->letter == 'q' || (v->letter == 'v' && v->sharp_v))
        format_quoted(into, v, text);
    else if (v->letter == 'v' || v->letter == 's')
        pad(into, v, text.data, text.length);
    else
        bad_verb(into, v, value);
}

/* ---- Lists and maps: the verb goes to each member ---- */

/* A nil inside is "<nil>" whatever the verb. */
static void format_member(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    if (value->kind == DD_VALUE_NIL)
        dd_buf_add_str(into, v->sharp_v ? "interface {}(nil)" : "<nil>");
    else
        dd_format_value(into, *v, value);
}

static void format_list(dd_buf *into, const dd_verb *v, const dd_list *list)
{
    for (size_t i = 0; i < list->count && into->length < DD_VALUE_PRINT_MAX; i++) {
        if (i)
            dd_buf_add_str(into, v->sharp_v ? ", " : " ");
        format_member(into, v, &list->items[i]);
    }
}

static void format_map(dd_buf *into, const dd_verb *v, dd_map *map)
{
    const dd_pair *pairs = dd_map_sorted(map);

    for (size_t i = 0; i < map->count && into->length < DD_VALUE_PRINT_MAX; i++) {
        dd_value key = dd_value_text(pairs[i].key);

        if (i)
            dd_buf_add_str(into, v->sharp_v ? ", " : " ");
        dd_format_value(into, *v, &key);
        dd_buf_add_char(into, ':');
        format_member(into, v, &pairs[i].value);
    }
}

/* Values that print themselves are text to these verbs. */
static void format_printed(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    dd_buf text = {0};
    dd_value printed;

    dd_value_print(&text, value);
    printed = dd_value_text((dd_text){text.data ? text.data : "", text.length});
    format_string(into, v, &printed);
    dd_buf_done(&text);
}

static void format_container(dd_buf *into, const dd_verb *v, const dd_value *value)
{
    const dd_node *node = dd_value_node(value);

    if (v->letter == 'w' || v->letter == 'p') { /* an error's and an address's: there is none of both */
        bad_verb(into, v, value);
        return;
    }
    if (v->sharp_v)
        dd_buf_add_str(into, dd_value_type_name(value));
    if (v->sharp_v && node->none) {
        dd_buf_add_str(into, "(nil)");
        return;
    }
    dd_buf_add_str(into, v->sharp_v ? "{" : value->kind == DD_VALUE_LIST ? "[" : "map[");
    if (value->kind == DD_VALUE_LIST)
        format_list(into, v, value->list);
    else
        format_map(into, v, value->map);
    dd_buf_add_char(into, v->sharp_v ? '}' : ']');
}

/* ---- One value ---- */

/* %v alone is how values print themselves, and much quicker than by way of every flag. */
static bool is_plain(const dd_verb *v)
{
    return v->letter == 'v' && !v->minus && !v->plus && !v->sharp && !v->space && !v->zero && !v->plus_v &&
           !v->sharp_v && !v->has_width && !v->has_precision;
}

void dd_format_value(dd_buf *into, dd_verb verb, const dd_value *value)
{
    const dd_verb *v = &verb;

    if (is_plain(v)) {
        dd_value_print(into, value);
        return;
    }
    if (v->letter == 'T' || (v->letter == 'v' && value->kind == DD_VALUE_NIL)) {
        dd_text name = dd_text_of(value->kind == DD_VALUE_NIL ? "<nil>" : dd_value_type_name(value));

        if (v->has_precision && value->kind != DD_VALUE_NIL)
            name = cut(name, v->precision);
        pad(into, v, name.data, name.length);
        return;
    }
    if (dd_value_class(value) && !v->sharp_v && v->letter && v->letter < 0x80 &&
        strchr("vsqxX", (int)v->letter)) {
        format_printed(into, v, value);
        return;
    }
    switch (value->kind) {
    case DD_VALUE_NIL:
        bad_verb(into, v, value);
        break;
    case DD_VALUE_BOOL:
        if (v->letter == 'v' || v->letter == 't')
            pad(into, v, value->boolean ? "true" : "false", value->boolean ? 4 : 5);
        else
            bad_verb(into, v, value);
        break;
    case DD_VALUE_INT:
        format_integer(into, v, value);
        break;
    case DD_VALUE_FLOAT:
        format_float(into, v, value);
        break;
    case DD_VALUE_STRING:
        format_string(into, v, value);
        break;
    case DD_VALUE_LIST:
    case DD_VALUE_MAP:
        format_container(into, v, value);
        break;
    case DD_VALUE_OBJECT:
        bad_verb(into, v, value);
        break;
    }
}
