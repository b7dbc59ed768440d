/* Chance, from the kernel's generator: what is made with it is often a password. */
#include "runner/lang/functions/functions.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"
#define MARKS   " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

static void fill(void *into, size_t length)
{
    char *at = into;

    while (length) {
        ssize_t got = getrandom(at, length, 0);

        dd_assert(got > 0 || errno == EINTR);
        at += got > 0 ? got : 0;
        length -= got > 0 ? (size_t)got : 0;
    }
}

typedef struct source {
    uint32_t numbers[256];
    size_t left;
} source;

/* 0 to below - 1, each as likely: numbers of the last, partial round are drawn again. */
static uint32_t draw(source *from, uint32_t below)
{
    uint32_t number, partial = (uint32_t)(-below) % below;

    do {
        if (!from->left) {
            fill(from->numbers, sizeof(from->numbers));
            from->left = DD_COUNT(from->numbers);
        }
        number = from->numbers[--from->left];
    } while (number < partial);
    return number % below;
}

/* A negative number is none, as in Sprig. */
static int choose(dd_evaluation *e, int64_t wanted, const char *set, dd_value *ret)
{
    size_t length = wanted > 0 ? (size_t)wanted : 0;
    uint32_t choices = (uint32_t)strlen(set);
    source from = {.left = 0};
    char *text;

    if (dd_evaluation_room(e, length) < 0 || dd_text_charge(e, length) < 0)
        return -1;
    text = dd_arena_alloc(dd_evaluation_arena(e), length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = set[draw(&from, choices)];
    return dd_give_text(text, length, ret);
}

CALL(randAlphaNum)
{
    return choose(e, arguments[0].integer, LETTERS DIGITS, ret);
}

CALL(randAlpha)
{
    return choose(e, arguments[0].integer, LETTERS, ret);
}

CALL(randNumeric)
{
    return choose(e, arguments[0].integer, DIGITS, ret);
}

CALL(randAscii)
{
    return choose(e, arguments[0].integer, LETTERS DIGITS MARKS, ret);
}

/* The text's runes in another order. */
CALL(shuffle)
{
    dd_text text = arguments[0].text;
    source from = {.left = 0};
    dd_buf into = {0};
    uint32_t *runes;
    size_t count_of = 0;

    if (text.length > UINT32_MAX || dd_evaluation_room(e, text.length * sizeof(*runes)) < 0 ||
        dd_text_charge(e, text.length) < 0)
        return -1;
    runes = dd_arena_alloc(dd_evaluation_arena(e), (text.length + 1) * sizeof(*runes));
    while (text.length)
        runes[count_of++] = dd_rune_take(&text);
    for (size_t left = count_of; left > 0; left--) {
        uint32_t at = draw(&from, (uint32_t)left);

        dd_rune_add(&into, runes[at]);
        runes[at] = runes[left - 1];
    }
    return dd_give_buf(e, &into, ret);
}

CALL(uuidv4)
{
    uint8_t bytes[16];
    dd_buf text = {0};

    fill(bytes, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 */
    bytes[8] = (bytes[8] & 0x3f) | 0x80; /* of RFC 4122 */
    for (size_t i = 0; i < sizeof(bytes); i++)
        dd_buf_printf(&text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return dd_give_buf(e, &text, ret);
}

static const dd_function rows[] = {
    {"randAlphaNum", "i", call_randAlphaNum}, {"randAlpha", "i", call_randAlpha},
    {"randNumeric", "i", call_randNumeric},   {"randAscii", "i", call_randAscii},
    {"shuffle", "s", call_shuffle},           {"uuidv4", "", call_uuidv4},
};
const dd_function_family dd_functions_random = DD_FAMILY("random", rows);
