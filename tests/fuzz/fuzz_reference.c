/* Image references, repository addresses and contexts from any bytes: what is taken has one spelling, and
 * that is taken again. */
#include "config/config.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reference(const char *text)
{
    dd_auto(dd_reference) once = NULL;
    dd_auto(dd_reference) twice = NULL;

    if (dd_reference_parse(text, &once, NULL) < 0)
        return;
    dd_assert(dd_reference_parse(once->text, &twice, NULL) == 0);
    dd_assert(dd_str_eq(once->text, twice->text) && dd_str_eq(once->digest, twice->digest));
    dd_assert(once->tag || once->digest);
    dd_assert(dd_repository_is_valid(once->repository));
}

static void check_key(const char *text)
{
    dd_auto_str key = NULL;
    dd_auto_str address = NULL;
    dd_auto_str again = NULL;

    if (dd_repository_key(text, &key, NULL) < 0)
        return;
    dd_assert(key[0] != '-' && !strpbrk(key, " '\"`$;&|<>\\\n\r#?") && !strstr(key, "/../"));
    address = dd_sprintf("https://%s", key);
    dd_assert(dd_repository_key(address, &again, NULL) == 0);
}

static void check_context(const char *text)
{
    dd_auto(dd_context_ref) context = NULL;
    dd_auto_str key = NULL;

    if (dd_context_ref_parse(text, &context, NULL) < 0)
        return;
    dd_assert(dd_repository_key(context->url, &key, NULL) == 0 && dd_str_eq(key, context->key));
    dd_assert(!context->ref || dd_ref_is_valid(context->ref));
    dd_assert(!context->folder ||
              (context->folder[0] != '/' && context->folder[0] != '-' &&
               !dd_str_starts(context->folder, "../") && !strstr(context->folder, "/../")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dd_auto_str text = dd_strndup((const char *)data, size);

    check_reference(text);
    check_key(text);
    check_context(text);
    return 0;
}
