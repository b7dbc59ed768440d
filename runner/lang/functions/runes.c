/* Runes as Go's unicode package sees them: the case by the C library's tables, the category by PCRE2's.
 *
 * Both know newer editions of Unicode than Go 1.19, whose is 13: they find a case in forty letters of 2021
 * (Vithkuqi and a few Latin and Glagolitic ones) where Go finds none. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "runner/lang/functions/functions.h"
#include <ctype.h>
#include <locale.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

/* Each category is the group of its number. */
typedef enum category { OTHER, UPPER, LOWER, TITLE, LETTER, DIGIT, NUMBER, PUNCTUATION } category;
#define CATEGORIES "(\\p{Lu})|(\\p{Ll})|(\\p{Lt})|(\\p{L})|(\\p{Nd})|(\\p{N})|(\\p{P})"

#define PAGE_RUNES 256

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t locale;
static pcre2_code *categories;
/* What was asked for so far, a category a byte. */
static _Atomic(uint8_t *) pages[0x110000 / PAGE_RUNES];

static void prepare(void)
{
    int error;
    size_t at;

    locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    categories = pcre2_compile((PCRE2_SPTR)CATEGORIES, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_ANCHORED,
                               &error, &at, NULL);
    dd_assert(categories != NULL);
}

/* ---- Categories ---- */

static category ascii_category(uint32_t rune)
{
    static const char symbols[] = "$+<=>^`|~"; /* Unicode calls them symbols, not punctuation */
    int c = (int)rune;

    return isupper(c)                                               ? UPPER
           : islower(c)                                             ? LOWER
           : isdigit(c)                                             ? DIGIT
           : ispunct(c) && !memchr(symbols, c, sizeof(symbols) - 1) ? PUNCTUATION
                                                                    : OTHER;
}

static uint8_t *make_page(uint32_t first)
{
    uint8_t *page = dd_calloc(PAGE_RUNES, 1);
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(categories, NULL);

    dd_assert(match != NULL);
    for (uint32_t i = 0; i < PAGE_RUNES; i++) {
        char text[4];
        size_t length = dd_utf8_encode(first + i, text);
        int groups = pcre2_match(categories, (PCRE2_SPTR)text, length, 0, 0, match, NULL);

        page[i] = groups > 1 ? (uint8_t)(groups - 1) : OTHER;
    }
    pcre2_match_data_free(match);
    return page;
}

static category category_of(uint32_t rune)
{
    _Atomic(uint8_t *) *place = &pages[rune / PAGE_RUNES];
    uint8_t *page = NULL, *made;

    if (rune < 0x80)
        return ascii_category(rune);
    page = atomic_load(place);
    if (page)
        return (category)page[rune % PAGE_RUNES];
    pthread_once(&once, prepare);
    made = make_page(rune - rune % PAGE_RUNES);
    if (atomic_compare_exchange_strong(place, &page, made))
        return (category)made[rune % PAGE_RUNES];
    free(made); /* another thread was first */
    return (category)page[rune % PAGE_RUNES];
}

bool dd_rune_is_upper(uint32_t rune)
{
    return category_of(rune) == UPPER;
}

bool dd_rune_is_lower(uint32_t rune)
{
    return category_of(rune) == LOWER;
}

bool dd_rune_is_title(uint32_t rune)
{
    return category_of(rune) == TITLE;
}

bool dd_rune_is_letter(uint32_t rune)
{
    category is = category_of(rune);

    return is == UPPER || is == LOWER || is == TITLE || is == LETTER;
}

bool dd_rune_is_digit(uint32_t rune)
{
    return category_of(rune) == DIGIT;
}

bool dd_rune_is_number(uint32_t rune)
{
    category is = category_of(rune);

    return is == DIGIT || is == NUMBER;
}

bool dd_rune_is_punctuation(uint32_t rune)
{
    return category_of(rune) == PUNCTUATION;
}

bool dd_rune_is_space(uint32_t rune)
{
    return (rune >= '\t' && rune <= '\r') || rune == ' ' || rune == 0x85 || rune == 0xa0 || rune == 0x1680 ||
           (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 || rune == 0x2029 || rune == 0x202f ||
           rune == 0x205f || rune == 0x3000;
}

/* ---- Case ---- */

uint32_t dd_rune_upper(uint32_t rune)
{
    if (rune < 0x80)
        return (uint32_t)toupper((int)rune);
    pthread_once(&once, prepare);
    return locale ? (uint32_t)towupper_l((wint_t)rune, locale) : rune;
}

uint32_t dd_rune_lower(uint32_t rune)
{
    if (rune < 0x80)
        return (uint32_t)tolower((int)rune);
    pthread_once(&once, prepare);
    return locale ? (uint32_t)towlower_l((wint_t)rune, locale) : rune;
}

/* As upper, but for digraphs, whose second letter stays small, and Georgian, which has no title case. */
uint32_t dd_rune_title(uint32_t rune)
{
    static const uint32_t digraphs[] = {0x1c5, 0x1c8, 0x1cb, 0x1f2};

    for (size_t i = 0; i < DD_COUNT(digraphs); i++)
        if (rune + 1 >= digraphs[i] && rune <= digraphs[i] + 1)
            return digraphs[i];
    return rune >= 0x10d0 && rune <= 0x10ff ? rune : dd_rune_upper(rune);
}

/* ---- In texts ---- */

void dd_rune_add(dd_buf *into, uint32_t rune)
{
    char bytes[4];

    dd_buf_add(into, bytes, dd_utf8_encode(rune, bytes));
}

uint32_t dd_rune_take(dd_text *text)
{
    size_t used;
    uint32_t rune = dd_utf8_decode(text->data, text->length, &used);

    *text = dd_text_skip(*text, used);
    return rune;
}
