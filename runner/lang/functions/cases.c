/* Strings: upper and lower case, and words joined in one way or another. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

/* ---- Rune by rune ---- */

static int map_runes(dd_evaluation *e, dd_text text, uint32_t (*change)(uint32_t), dd_value *ret)
{
    dd_buf into = {0};

    if (dd_text_charge(e, text.length) < 0)
        return -1;
    while (text.length)
        dd_rune_add(&into, change(dd_rune_take(&text)));
    return dd_give_buf(e, &into, ret);
}

CALL(upper)
{
    return map_runes(e, arguments[0].text, dd_rune_upper, ret);
}

CALL(lower)
{
    return map_runes(e, arguments[0].text, dd_rune_lower, ret);
}

/* Go's strings.Title: letters, digits and '_' make words, ASCII else ends them, and beyond ASCII spaces do.
 */
static bool separates(uint32_t rune)
{
    if (rune == '_' || dd_rune_is_letter(rune) || dd_rune_is_digit(rune))
        return false;
    return rune < 0x80 || dd_rune_is_space(rune);
}

CALL(title)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};
    uint32_t previous = ' ';

    if (dd_text_charge(e, text.length) < 0)
        return -1;
    while (text.length) {
        uint32_t rune = dd_rune_take(&text);

        dd_rune_add(&into, separates(previous) ? dd_rune_title(rune) : rune);
        previous = rune;
    }
    return dd_give_buf(e, &into, ret);
}

CALL(untitle)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};
    bool begins = true;

    if (dd_text_charge(e, text.length) < 0)
        return -1;
    while (text.length) {
        uint32_t rune = dd_rune_take(&text);
        bool space = dd_rune_is_space(rune);

        dd_rune_add(&into, begins && !space ? dd_rune_lower(rune) : rune);
        begins = space;
    }
    return dd_give_buf(e, &into, ret);
}

CALL(swapcase)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};
    bool begins = true;

    if (dd_text_charge(e, text.length) < 0)
        return -1;
    while (text.length) {
        uint32_t rune = dd_rune_take(&text);

        if (dd_rune_is_upper(rune) || dd_rune_is_title(rune)) {
            rune = dd_rune_lower(rune);
            begins = false;
        } else if (dd_rune_is_lower(rune)) {
            rune = begins ? dd_rune_title(rune) : dd_rune_upper(rune);
            begins = false;
        } else {
            begins = dd_rune_is_space(rune);
        }
        dd_rune_add(&into, rune);
    }
    return dd_give_buf(e, &into, ret);
}

/* ---- Joined words ---- */

static bool connects(uint32_t rune)
{
    return rune == '-' || rune == '_' || dd_rune_is_space(rune);
}

/* Connectors at the start stay; of those between words the last goes, and the next letter is a capital. */
CALL(camelcase)
{
    dd_text text = arguments[0].text;
    dd_buf into = {0};
    uint32_t previous = 0, rune = 0;

    if (!text.length)
        return dd_give_text("", 0, ret);
    if (dd_text_charge(e, text.length) < 0)
        return -1;
    while (text.length) {
        rune = dd_rune_take(&text);
        if (!connects(rune)) {
            rune = dd_rune_upper(rune);
            break;
        }
        dd_rune_add(&into, rune);
    }
    while (text.length) {
        previous = rune;
        rune = dd_rune_take(&text);
        if (connects(rune) && connects(previous)) {
            dd_rune_add(&into, previous);
        } else if (connects(previous)) {
            rune = dd_rune_upper(rune);
        } else {
            rune = dd_rune_lower(rune);
            dd_rune_add(&into, previous);
        }
    }
    dd_rune_add(&into, rune);
    return dd_give_buf(e, &into, ret);
}

/* INVALID is the end of the text, too. */
typedef enum word_kind { INVALID, NUMBER, CAPITALS, LETTERS, CONNECTORS, PUNCTUATION, OTHER } word_kind;

typedef struct words {
    dd_text rest;
    dd_text word; /* the current one */
    word_kind kind;
} words;

/* Han is no alphabet: it has no case and stands like symbols. */
static bool is_alphabet(uint32_t rune)
{
    return dd_rune_is_letter(rune) && !(rune >= 0x4e00 && rune <= 0x9fcc) &&
           !(rune >= 0x3400 && rune <= 0x4d85) && !(rune >= 0x20000 && rune <= 0x2b81d);
}

/* Bytes that are no UTF-8 belong to the rune behind them; at the end of the text, to the one before. */
static uint32_t valid_rune(dd_text text, uint32_t previous, size_t *ret_size)
{
    *ret_size = 0;
    while (text.length) {
        dd_text from = text;
        uint32_t rune = dd_rune_take(&text);

        *ret_size += from.length - text.length;
        if (rune != 0xfffd)
            return rune;
    }
    return previous;
}

static bool is_lower_alphabet(uint32_t rune)
{
    return is_alphabet(rune) && !dd_rune_is_upper(rune);
}

static bool is_other(uint32_t rune)
{
    return !connects(rune) && !is_alphabet(rune) && !dd_rune_is_number(rune) && !dd_rune_is_punctuation(rune);
}

/* Takes runes into the word while they belong to it. *rune is the last looked at; returns its size. */
static size_t extend(dd_text whole, size_t *length, bool (*belongs)(uint32_t), uint32_t *rune)
{
    size_t size = 0, last = 0;

    while (*length < whole.length) {
        *rune = valid_rune(dd_text_skip(whole, *length), *rune, &size);
        if (!belongs(*rune))
            break;
        *length += size;
        last = size;
    }
    return last;
}

/* "HTTPStatus" is "HTTP" and "Status": the last capital goes with the small letters. */
static size_t capitals(dd_text whole, size_t length, uint32_t rune)
{
    size_t size, last;

    if (length == whole.length)
        return length;
    rune = valid_rune(dd_text_skip(whole, length), rune, &size);
    if (!dd_rune_is_upper(rune)) {
        if (is_alphabet(rune)) {
            length += size;
            extend(whole, &length, is_lower_alphabet, &rune);
        }
        return length;
    }
    length += size;
    last = extend(whole, &length, dd_rune_is_upper, &rune);
    if (last == 0)
        last = size;
    return length < whole.length && is_alphabet(rune) ? length - last : length;
}

static void next_word(words *w)
{
    static const struct {
        word_kind kind;
        bool (*begins)(uint32_t), (*belongs)(uint32_t);
    } kinds[] = {
        {CONNECTORS, connects, connects},
        {PUNCTUATION, dd_rune_is_punctuation, dd_rune_is_punctuation},
        {CAPITALS, dd_rune_is_upper, NULL},
        {LETTERS, is_alphabet, is_lower_alphabet},
        {NUMBER, dd_rune_is_number, dd_rune_is_number},
        {OTHER, is_other, is_other},
    };
    dd_text whole = w->rest;
    size_t length, i = 0;
    uint32_t rune = valid_rune(whole, 0xfffd, &length);

    w->kind = INVALID;
    if (rune != 0xfffd) {
        while (!kinds[i].begins(rune))
            i++;
        w->kind = kinds[i].kind;
        if (kinds[i].belongs)
            extend(whole, &length, kinds[i].belongs, &rune);
        else
            length = capitals(whole, length, rune);
    }
    w->word = (dd_text){whole.data, length};
    w->rest = dd_text_skip(whole, length);
}

static void add_word(dd_buf *into, const words *w, char connector)
{
    dd_text text = w->word;

    if (w->kind != CAPITALS && w->kind != CONNECTORS) {
        dd_buf_add(into, text.data, text.length);
        return;
    }
    while (text.length) {
        uint32_t rune = dd_rune_take(&text);

        dd_rune_add(into, connects(rune)           ? (uint32_t)connector
                          : dd_rune_is_upper(rune) ? dd_rune_lower(rune)
                                                   : rune);
    }
}

static bool has_own_mark(word_kind kind)
{
    return kind == CONNECTORS || kind == PUNCTUATION;
}

static void add_run(dd_buf *into, words *w, char connector)
{
    while (w->kind == LETTERS || w->kind == NUMBER) {
        add_word(into, w, connector);
        next_word(w);
    }
}

/* A number behind letters: one at their end belongs to them ("bld4_floor"), one with small letters behind it
 * is a word with those ("http_2xx"). */
static void add_number(dd_buf *into, words *w, char connector)
{
    words number = *w;

    next_word(w);
    if (w->kind != LETTERS) {
        add_word(into, &number, connector);
        if (!has_own_mark(w->kind))
            dd_buf_add_char(into, connector);
        return;
    }
    dd_buf_add_char(into, connector);
    add_word(into, &number, connector);
    add_run(into, w, connector);
    if (w->kind != INVALID && !has_own_mark(w->kind))
        dd_buf_add_char(into, connector);
}

/* What stands between a word and the next. */
static void add_joint(dd_buf *into, words *w, const words *previous, char connector)
{
    switch (previous->kind) {
    case NUMBER:
        add_run(into, w, connector);
        if (w->kind != INVALID && w->kind != PUNCTUATION)
            dd_buf_add_char(into, connector);
        break;
    case CONNECTORS:
        add_word(into, previous, connector);
        break;
    case PUNCTUATION:
        break;
    case INVALID:
    case CAPITALS:
    case LETTERS:
    case OTHER:
        if (w->kind == NUMBER && w->rest.length)
            add_number(into, w, connector);
        else if (w->kind != NUMBER && !has_own_mark(w->kind))
            dd_buf_add_char(into, connector);
        break;
    }
}

static int join_words(dd_evaluation *e, dd_text text, char connector, dd_value *ret)
{
    words w = {.rest = text};
    dd_buf into = {0};

    if (dd_text_charge(e, 2 * text.length) < 0)
        return -1;
    next_word(&w);
    while (w.rest.length) {
        words previous = w;

        if (w.kind != CONNECTORS)
            add_word(&into, &w, connector);
        next_word(&w);
        add_joint(&into, &w, &previous, connector);
    }
    add_word(&into, &w, connector);
    return dd_give_buf(e, &into, ret);
}

CALL(snakecase)
{
    return join_words(e, arguments[0].text, '_', ret);
}

CALL(kebabcase)
{
    return join_words(e, arguments[0].text, '-', ret);
}

static const dd_function rows[] = {
    {"upper", "s", call_upper},         {"lower", "s", call_lower},
    {"title", "s", call_title},         {"untitle", "s", call_untitle},
    {"swapcase", "s", call_swapcase},   {"camelcase", "s", call_camelcase},
    {"snakecase", "s", call_snakecase}, {"kebabcase", "s", call_kebabcase},
};
const dd_function_family dd_functions_cases = DD_FAMILY("cases", rows);
