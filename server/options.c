/* The command line's options, by each verb's table; and the manual made of it. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dd_args {
    const dd_verb *verb;
    dd_strv *values; /* one vector per row of the options' table */
    dd_strv words;
    bool help;
};

static size_t option_count(const dd_verb *verb)
{
    size_t count = 0;
    while (verb->options && verb->options[count].name)
        count++;
    return count;
}

void dd_args_free(dd_args *args)
{
    if (!args)
        return;
    for (size_t i = 0; i < option_count(args->verb); i++)
        dd_strv_done(&args->values[i]);
    free(args->values);
    dd_strv_done(&args->words);
    free(args);
}

static int unknown_option(const dd_verb *verb, const char *text, size_t length, dd_error **err)
{
    const char *names[64];
    size_t count = option_count(verb);
    dd_auto_str name = dd_strndup(text, length);
    for (size_t i = 0; i < count && i < DD_COUNT(names); i++)
        names[i] = verb->options[i].name;
    dd_fail(err, DD_ERR_INVALID, "no option --%s", name);
    const char *nearest = dd_str_nearest(name, names, count < DD_COUNT(names) ? count : DD_COUNT(names));
    return nearest ? dd_hint(err, "is --%s meant?", nearest) : -1;
}

/* --name, --name VALUE, --name=VALUE; moves *index over a value. */
static int read_long(dd_args *args, int argc, char **argv, int *index, dd_error **err)
{
    const char *text = argv[*index] + 2;
    size_t length = strcspn(text, "=");
    if (strcmp(text, "help") == 0) {
        args->help = true;
        return 0;
    }
    for (size_t i = 0; i < option_count(args->verb); i++) {
        const dd_option *option = &args->verb->options[i];
        if (strlen(option->name) != length || strncmp(option->name, text, length) != 0)
            continue;
        if (!option->value && text[length])
            return dd_fail(err, DD_ERR_INVALID, "--%s takes no value", option->name);
        if (option->value && !text[length] && *index + 1 >= argc)
            return dd_fail(err, DD_ERR_INVALID, "--%s needs a value (%s)", option->name, option->value);
        dd_strv_add(&args->values[i], !option->value ? ""
                                      : text[length] ? text + length + 1
                                                     : argv[++*index]);
        return 0;
    }
    return unknown_option(args->verb, text, length, err);
}

/* -x, -xVALUE, -x VALUE, and switches together: -ab. */
static int read_letters(dd_args *args, int argc, char **argv, int *index, dd_error **err)
{
    for (const char *letter = argv[*index] + 1; *letter; letter++) {
        size_t i = 0, count = option_count(args->verb);
        if (*letter == 'h') {
            args->help = true;
            continue;
        }
        while (i < count && args->verb->options[i].letter != *letter)
            i++;
        if (i == count)
            return dd_fail(err, DD_ERR_INVALID, "no option -%c", *letter);
        if (!args->verb->options[i].value) {
            dd_strv_add(&args->values[i], "");
            continue;
        }
        if (!letter[1] && *index + 1 >= argc)
            return dd_fail(err, DD_ERR_INVALID, "-%c needs a value (%s)", *letter,
                           args->verb->options[i].value);
        dd_strv_add(&args->values[i], letter[1] ? letter + 1 : argv[++*index]);
        return 0;
    }
    return 0;
}

int dd_args_parse(const dd_verb *verb, int argc, char **argv, dd_args **ret, dd_error **err)
{
    dd_args *args = *ret = dd_new(dd_args);
    args->verb = verb;
    args->values = dd_calloc(option_count(verb) + 1, sizeof(*args->values));
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        int result = 0;
        if (only_words || argv[i][0] != '-' || !argv[i][1])
            dd_strv_add(&args->words, argv[i]);
        else if (strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (argv[i][1] == '-')
            result = read_long(args, argc, argv, &i, err);
        else
            result = read_letters(args, argc, argv, &i, err);
        if (result < 0)
            return -1;
    }
    if (args->help)
        return 0;
    if (args->words.count < verb->least)
        return dd_fail(err, DD_ERR_INVALID, "an argument is missing: drydock %s %s", verb->name, verb->usage);
    if (args->words.count > verb->most)
        return dd_fail(err, DD_ERR_INVALID, "one argument too many: '%s'", args->words.items[verb->most]);
    return 0;
}

bool dd_args_help(const dd_args *args)
{
    return args->help;
}

/* ---- Looking ---- */

const dd_strv *dd_args_values(const dd_args *args, const char *option)
{
    size_t count = option_count(args->verb), i = 0;
    while (i < count && strcmp(args->verb->options[i].name, option) != 0)
        i++;
    dd_assert(i < count); /* a verb asks only for what its table has */
    return &args->values[i];
}

const char *dd_args_value(const dd_args *args, const char *option)
{
    const dd_strv *values = dd_args_values(args, option);
    return values->count ? values->items[values->count - 1] : NULL;
}

bool dd_args_has(const dd_args *args, const char *option)
{
    return dd_args_values(args, option)->count > 0;
}

const dd_strv *dd_args_words(const dd_args *args)
{
    return &args->words;
}

const char *dd_args_word(const dd_args *args, size_t index)
{
    return index < args->words.count ? args->words.items[index] : NULL;
}

int dd_args_int(const dd_args *args, const char *option, int64_t least, int64_t most, int64_t *ret,
                dd_error **err)
{
    int64_t number;
    const char *text = dd_args_value(args, option);
    if (!text)
        return 0;
    if (!dd_str_to_int(text, &number) || number < least || number > most)
        return dd_fail(err, DD_ERR_INVALID, "--%s: '%s' is not a number from %lld to %lld", option, text,
                       (long long)least, (long long)most);
    *ret = number;
    return 0;
}

int dd_args_output(const dd_args *args, bool *ret_json, dd_error **err)
{
    const char *format = dd_args_value(args, "output");
    *ret_json = format && strcmp(format, "json") == 0;
    if (format && !*ret_json && strcmp(format, "table") != 0)
        return dd_fail(err, DD_ERR_INVALID, "--output: '%s' is neither table nor json", format);
    return 0;
}

int dd_verb_fail(const dd_args *args, dd_error *error)
{
    dd_auto_str text = dd_error_text(error);
    int code = dd_error_exit_code(error);
    dd_auto_str safe = dd_text_safe(text);
    fprintf(stderr, "drydock %s: %s\n", args->verb->name, safe);
    dd_error_free(error);
    return code;
}

int dd_verb_misuse(const dd_args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    dd_auto_str text = dd_vsprintf(format, list);
    va_end(list);
    fprintf(stderr, "drydock %s: %s\nSee drydock %s --help.\n", args->verb->name, text, args->verb->name);
    return 2;
}

/* ---- The manual ---- */

void dd_verb_manual(const dd_verb *verb)
{
    printf("NAME\n  drydock %s - %s\n\nSYNOPSIS\n  drydock %s%s%s%s\n", verb->name, verb->summary, verb->name,
           verb->options ? " [OPTION]…" : "", *verb->usage ? " " : "", verb->usage);
    if (*verb->help)
        printf("\nDESCRIPTION\n%s", verb->help);
    printf("\nOPTIONS\n");
    for (const dd_option *option = verb->options; option && option->name; option++) {
        char letter[5] = "    ";
        if (option->letter)
            snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        dd_auto_str left = dd_sprintf("%s--%s%s%s", letter, option->name, option->value ? " " : "",
                                      option->value ? option->value : "");
        printf("  %-28s %s\n", left, option->help);
    }
    printf("  -h, --help                   this text\n\n"
           "EXIT STATUS\n"
           "  0 well; 1 the run or check failed; 2 wrong usage or invalid input; 3 a service could not be "
           "reached\n");
    if (verb->examples)
        printf("\nEXAMPLES\n%s", verb->examples);
}
