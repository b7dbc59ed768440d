/* Output to lines.
 *
 * Bytes go through three stages: a decoder that drops terminal sequences and replaces what is no text, a line
 * buffer, and the mask. The mask comes last and works on the cleaned text: a secret with a colour code in its
 * middle would otherwise become whole again after it. */
#include "output.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MASK        "***"
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* ---- Secrets ---- */

struct dd_secrets {
    dd_strv texts; /* longest first, so that a secret's longer form is masked as a whole */
    bool begins[256];
};

dd_secrets *dd_secrets_new(void)
{
    return dd_new(dd_secrets);
}

void dd_secrets_free(dd_secrets *secrets)
{
    if (!secrets)
        return;
    dd_strv_done(&secrets->texts);
    free(secrets);
}

static void collect(void *context, const char *text, size_t length)
{
    dd_buf *all = context;

    if (all->length > 0)
        dd_buf_add_char(all, ' ');
    dd_buf_add(all, text, length);
}

/* `text` after the decoder, as it would stand in a line. */
static char *clean(const char *text, const dd_secrets *secrets)
{
    dd_buf all = {0};
    dd_output *output = dd_output_new(secrets, collect, &all);

    dd_output_feed(output, text, strlen(text));
    dd_output_end(output);
    dd_output_free(output);
    return dd_buf_steal(&all);
}

static void add_form(dd_secrets *secrets, const char *text, size_t length)
{
    dd_auto_str raw = dd_strndup(text, length);
    dd_auto_str form = clean(raw, NULL);
    size_t form_length = strlen(form), at;

    if (form_length < DD_SECRET_MIN_BYTES || form_length > DD_SECRET_MAX_BYTES ||
        dd_strv_contains(&secrets->texts, form))
        return;
    secrets->begins[(unsigned char)form[0]] = true;
    dd_strv_take(&secrets->texts, dd_take(form));
    for (at = secrets->texts.count - 1; at > 0; at--) {
        char *before = secrets->texts.items[at - 1];
        if (strlen(before) >= form_length)
            break;
        secrets->texts.items[at - 1] = secrets->texts.items[at];
        secrets->texts.items[at] = before;
    }
}

/* The part of base64 text that stays the same whatever stands around the secret: at each of the three
 * alignments, without the digits that share bits with their neighbours. */
static void add_base64_forms(dd_secrets *secrets, const char *text, size_t length)
{
    static const size_t shared_before[3] = {0, 2, 3}, whole_after[3] = {4, 1, 2};
    char *shifted = dd_calloc(1, length + 3);

    for (size_t shift = 0; shift < 3; shift++) {
        size_t total = length + shift, digits, first = shared_before[shift];
        memset(shifted, 0, shift);
        memcpy(shifted + shift, text, length);
        dd_auto_str encoded = dd_base64_encode(shifted, total);
        digits = total / 3 * 4 + (total % 3 ? whole_after[total % 3] : 0);
        if (digits >= first + 8)
            add_form(secrets, encoded + first, digits - first);
    }
    free(shifted);
}

static void add_url_forms(dd_secrets *secrets, const char *text, size_t length)
{
    static const char *const formats[] = {"%%%02X", "%%%02x"};

    for (size_t f = 0; f < DD_COUNT(formats); f++) {
        dd_buf form = {0};
        for (size_t i = 0; i < length; i++) {
            unsigned char c = (unsigned char)text[i];
            if (isalnum(c) || strchr("-._~", c))
                dd_buf_add_char(&form, (char)c);
            else if (f == 0)
                dd_buf_printf(&form, "%%%02X", c);
            else
                dd_buf_printf(&form, "%%%02x", c);
        }
        add_form(secrets, form.data, form.length);
        dd_buf_done(&form);
    }
}

void dd_secrets_add(dd_secrets *secrets, const char *text)
{
    if (!text)
        return;
    /* Lines are masked one by one, so a secret of several lines is as many secrets. */
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\r\n");
        if (length >= DD_SECRET_MIN_BYTES) {
            add_form(secrets, line, length);
            add_base64_forms(secrets, line, length);
            add_url_forms(secrets, line, length);
        }
        line += length;
        line += strspn(line, "\r\n");
    }
    if (strpbrk(text, "\r\n"))
        add_base64_forms(secrets, text, strlen(text));
}

char *dd_secrets_mask(const dd_secrets *secrets, const char *text)
{
    return clean(text, secrets);
}

/* Length of the secret that begins at `at`, 0 for none. */
static size_t secret_at(const dd_secrets *secrets, const char *text, size_t length, size_t at)
{
    if (!secrets->begins[(unsigned char)text[at]])
        return 0;
    for (size_t i = 0; i < secrets->texts.count; i++) {
        size_t secret = strlen(secrets->texts.items[i]);
        if (secret <= length - at && memcmp(text + at, secrets->texts.items[i], secret) == 0)
            return secret;
    }
    return 0;
}

/* How many of the last bytes may be the beginning of a secret whose rest is still to come. */
static size_t secret_begun(const dd_secrets *secrets, const char *text, size_t length)
{
    for (size_t at = length > DD_SECRET_MAX_BYTES ? length - DD_SECRET_MAX_BYTES : 0; at < length; at++) {
        if (!secrets->begins[(unsigned char)text[at]])
            continue;
        for (size_t i = 0; i < secrets->texts.count; i++)
            if (strlen(secrets->texts.items[i]) > length - at &&
                memcmp(text + at, secrets->texts.items[i], length - at) == 0)
                return length - at;
    }
    return 0;
}

/* ---- Lines ---- */

enum decoder {
    IN_TEXT,
    IN_ESCAPE, /* behind ESC */
    IN_CSI,    /* ESC [ … up to its final byte */
    IN_STRING, /* OSC, DCS, …: up to BEL or ESC \, at the latest to the line's end */
};

struct dd_output {
    const dd_secrets *secrets;
    dd_line_cb *line;
    void *context;
    dd_buf text; /* the line begun, cleaned */
    enum decoder state;
    bool string_escape;   /* IN_STRING: the byte before was ESC */
    bool carriage_return; /* a CR came; LF may follow, which makes them one line end */
    bool shown;           /* a part of the line begun was shown: its end alone is no empty line */
    unsigned char pending[4];
    size_t pending_length, pending_wanted;
};

dd_output *dd_output_new(const dd_secrets *secrets, dd_line_cb *line, void *context)
{
    dd_output *output = dd_new(dd_output);

    output->secrets = secrets;
    output->line = line;
    output->context = context;
    return output;
}

void dd_output_free(dd_output *output)
{
    if (!output)
        return;
    dd_buf_done(&output->text);
    free(output);
}

static void mask(dd_output *output)
{
    dd_buf masked = {0};
    size_t from = 0;

    if (!output->secrets || output->secrets->texts.count == 0)
        return;
    for (size_t at = 0; at < output->text.length;) {
        size_t secret = secret_at(output->secrets, output->text.data, output->text.length, at);
        if (secret == 0) {
            at++;
            continue;
        }
        dd_buf_add(&masked, output->text.data + from, at - from);
        dd_buf_add_str(&masked, MASK);
        from = at += secret;
    }
    if (from > 0) {
        dd_buf_consume(&output->text, from);
        dd_buf_add(&masked, output->text.data, output->text.length);
        dd_buf_done(&output->text);
        output->text = masked;
    }
}

static void end_line(dd_output *output)
{
    mask(output);
    if (output->text.length > 0 || !output->shown)
        output->line(output->context, output->text.length ? output->text.data : "", output->text.length);
    dd_buf_clear(&output->text);
    output->shown = false;
}

static void show_part(dd_output *output)
{
    size_t held = 0, length;

    mask(output);
    if (output->secrets)
        held = secret_begun(output->secrets, output->text.data, output->text.length);
    length = output->text.length - held;
    if (length == 0)
        return;
    output->line(output->context, output->text.data, length);
    dd_buf_consume(&output->text, length);
    output->shown = true;
}

static void add_text(dd_output *output, const void *data, size_t length)
{
    if (output->text.length + length > DD_LINE_MAX_BYTES)
        show_part(output);
    dd_buf_add(&output->text, data, length);
}

static void replace(dd_output *output)
{
    add_text(output, REPLACEMENT, strlen(REPLACEMENT));
}

/* Characters that act on what shows them: C1 controls, line separators, direction marks and overrides. */
static bool acts(uint32_t code)
{
    return (code >= 0x80 && code <= 0x9F) || code == 0x200E || code == 0x200F ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

static void end_pending(dd_output *output)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char lead_bits[] = {0, 0, 0x1F, 0x0F, 0x07};
    size_t length = output->pending_length;
    uint32_t code;

    output->pending_length = 0;
    if (length < output->pending_wanted) {
        replace(output);
        return;
    }
    code = output->pending[0] & lead_bits[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (output->pending[i] & 0x3F);
    if (code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) || acts(code))
        replace(output);
    else
        add_text(output, output->pending, length);
}

static void begin_pending(dd_output *output, unsigned char c)
{
    size_t wanted = c >= 0xF0 && c <= 0xF4 ? 4 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xC2 && c < 0xE0 ? 2 : 0;

    if (wanted == 0) {
        replace(output);
        return;
    }
    output->pending[0] = c;
    output->pending_length = 1;
    output->pending_wanted = wanted;
}

static void text_byte(dd_output *output, unsigned char c)
{
    if (output->pending_length > 0) {
        if ((c & 0xC0) == 0x80) {
            output->pending[output->pending_length++] = c;
            if (output->pending_length == output->pending_wanted)
                end_pending(output);
            return;
        }
        end_pending(output);
    }
    if (c == 0x1B)
        output->state = IN_ESCAPE;
    else if (c >= 0x80)
        begin_pending(output, c);
    else if (c == '\t' || (c >= 0x20 && c < 0x7F))
        add_text(output, &c, 1);
    else
        replace(output);
}

static void escape_byte(dd_output *output, unsigned char c)
{
    if (c == '[')
        output->state = IN_CSI;
    else if (strchr("]PX^_", c) && c)
        output->state = IN_STRING;
    else if (c < 0x20 || c > 0x2F) /* 0x20 to 0x2F: an intermediate byte, the final one follows */
        output->state = IN_TEXT;
    output->string_escape = false;
}

static void string_byte(dd_output *output, unsigned char c)
{
    if (c == 0x07 || (output->string_escape && c == '\\'))
        output->state = IN_TEXT;
    output->string_escape = c == 0x1B;
}

static void line_end(dd_output *output)
{
    if (output->pending_length > 0)
        end_pending(output);
    output->state = IN_TEXT;
    end_line(output);
}

static void feed_byte(dd_output *output, unsigned char c)
{
    if (c == '\n') {
        output->carriage_return = false;
        line_end(output);
        return;
    }
    if (output->carriage_return && c != '\r') {
        /* A CR alone: a progress bar draws its line anew, so this one has ended. */
        output->carriage_return = false;
        if (output->text.length > 0)
            line_end(output);
    }
    if (c == '\r') {
        output->carriage_return = true;
        return;
    }
    switch (output->state) {
    case IN_TEXT:
        text_byte(output, c);
        break;
    case IN_ESCAPE:
        escape_byte(output, c);
        break;
    case IN_CSI:
        if (c >= 0x40 && c <= 0x7E)
            output->state = IN_TEXT;
        break;
    case IN_STRING:
        string_byte(output, c);
        break;
    }
}

/* How many of the bytes are plain printable ASCII, which needs no decoder: nearly all that ever comes. */
static size_t plain_run(const dd_output *output, const char *data, size_t length)
{
    size_t n = 0;

    if (output->state != IN_TEXT || output->pending_length > 0 || output->carriage_return)
        return 0;
    while (n < length && data[n] >= 0x20 && data[n] < 0x7F)
        n++;
    return n;
}

void dd_output_feed(dd_output *output, const char *data, size_t length)
{
    while (length > 0) {
        size_t run = plain_run(output, data, length);
        if (run > DD_LINE_MAX_BYTES / 2)
            run = DD_LINE_MAX_BYTES / 2;
        if (run > 0)
            add_text(output, data, run);
        else
            feed_byte(output, (unsigned char)data[0]);
        data += run ? run : 1;
        length -= run ? run : 1;
    }
}

bool dd_output_is_partial(const dd_output *output)
{
    return output->text.length > 0;
}

void dd_output_flush(dd_output *output)
{
    if (output->text.length > 0)
        show_part(output);
}

void dd_output_end(dd_output *output)
{
    if (output->pending_length > 0)
        end_pending(output);
    if (output->text.length > 0)
        end_line(output);
    output->shown = false;
    output->carriage_return = false;
    output->state = IN_TEXT;
}
