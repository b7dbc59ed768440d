/* Sprig's regular expressions: RE2's syntax (re2.h). */
#include "runner/lang/functions/functions.h"
#include "runner/lang/re2.h"

#define BYTES_PER_SPAN (sizeof(dd_value) + sizeof(dd_re2_span))

/* The error's message as the function's. */
static int fail_by(dd_evaluation *e, const dd_error *error)
{
    return dd_evaluation_fail(e, "%s", error->message);
}

static int compile(dd_evaluation *e, const dd_value *pattern, dd_re2 **ret)
{
    dd_auto(dd_error) error = NULL;

    return dd_re2_compile(pattern->text, ret, &error) < 0 ? fail_by(e, error) : 0;
}

static int give_spans(dd_evaluation *e, dd_text text, const dd_re2_spans *spans, dd_value *ret)
{
    if (dd_evaluation_room(e, spans->count * BYTES_PER_SPAN) < 0)
        return -1;
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    ret->type = DD_TYPE_STRINGS;
    ret->list->node.none = spans->count == 0;
    for (size_t i = 0; i < spans->count; i++)
        dd_list_add(dd_evaluation_arena(e), ret->list,
                    dd_value_text((dd_text){text.data + spans->items[i].from,
                                            spans->items[i].to - spans->items[i].from}));
    return 0;
}

typedef int spans_of(dd_re2 *re, dd_text text, int64_t limit, dd_re2_spans *ret, dd_error **err);

static int find_spans(dd_evaluation *e, const dd_value *arguments, int64_t limit, spans_of *find,
                      dd_re2_spans *ret)
{
    dd_auto(dd_error) error = NULL;
    dd_auto(dd_re2) re = NULL;

    *ret = (dd_re2_spans){0};
    if (compile(e, &arguments[0], &re) < 0)
        return -1;
    if (find(re, arguments[1].text, limit, ret, &error) < 0)
        return fail_by(e, error);
    if (dd_evaluation_work(e, dd_re2_work(re)) == 0)
        return 0;
    dd_re2_spans_done(ret);
    return -1;
}

static int give_list(dd_evaluation *e, const dd_value *arguments, spans_of *find, dd_value *ret)
{
    dd_re2_spans spans;
    int result;

    if (find_spans(e, arguments, arguments[2].integer, find, &spans) < 0)
        return -1;
    result = give_spans(e, arguments[1].text, &spans, ret);
    dd_re2_spans_done(&spans);
    return result;
}

CALL(regexFindAll)
{
    return give_list(e, arguments, dd_re2_find_all, ret);
}

CALL(regexSplit)
{
    return give_list(e, arguments, dd_re2_split, ret);
}

CALL(regexFind)
{
    dd_re2_spans spans;
    dd_text text = arguments[1].text;

    if (find_spans(e, arguments, 1, dd_re2_find_all, &spans) < 0)
        return -1;
    if (spans.count)
        text = (dd_text){text.data + spans.items[0].from, spans.items[0].to - spans.items[0].from};
    else
        text = (dd_text){"", 0};
    dd_re2_spans_done(&spans);
    return dd_give_text(text.data, text.length, ret);
}

/* A pattern that is wrong matches nothing, where the others fail. */
CALL(regexMatch)
{
    dd_auto(dd_error) error = NULL;
    dd_auto(dd_re2) re = NULL;
    dd_re2_spans spans;

    *ret = dd_value_bool(false);
    if (dd_re2_compile(arguments[0].text, &re, &error) < 0)
        return error->code == DD_ERR_INVALID ? 0 : fail_by(e, error);
    if (dd_re2_find_all(re, arguments[1].text, 1, &spans, &error) < 0)
        return fail_by(e, error);
    *ret = dd_value_bool(spans.count > 0);
    dd_re2_spans_done(&spans);
    return dd_evaluation_work(e, dd_re2_work(re));
}

static int replace(dd_evaluation *e, const dd_value *arguments, bool literal, dd_value *ret)
{
    dd_auto(dd_error) error = NULL;
    dd_auto(dd_re2) re = NULL;
    dd_buf text = {0};
    int result;

    if (compile(e, &arguments[0], &re) < 0)
        return -1;
    result = dd_re2_replace(re, arguments[1].text, arguments[2].text, literal, DD_TEMPLATE_MAX_OUTPUT, &text,
                            &error);
    if (result < 0)
        result = fail_by(e, error);
    else if (dd_evaluation_work(e, dd_re2_work(re)) < 0 || dd_evaluation_room(e, text.length) < 0)
        result = -1;
    if (result == 0)
        return dd_give_buf(e, &text, ret);
    dd_buf_done(&text);
    return result;
}

CALL(regexReplaceAll)
{
    return replace(e, arguments, false, ret);
}

CALL(regexReplaceAllLiteral)
{
    return replace(e, arguments, true, ret);
}

static const dd_function rows[] = {
    {"regexMatch", "ss", call_regexMatch},
    {"regexFindAll", "ssi", call_regexFindAll},
    {"regexFind", "ss", call_regexFind},
    {"regexReplaceAll", "sss", call_regexReplaceAll},
    {"regexReplaceAllLiteral", "sss", call_regexReplaceAllLiteral},
    {"regexSplit", "ssi", call_regexSplit},
};
const dd_function_family dd_functions_regex = DD_FAMILY("regex", rows);
