/* Maps. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

CALL(dict)
{
    *ret = dd_value_map(dd_map_new(dd_evaluation_arena(e)));
    for (size_t i = 0; i < count; i += 2)
        dd_map_put(dd_evaluation_arena(e), ret->map, dd_text_from(e, &arguments[i]),
                   i + 1 < count ? arguments[i + 1] : dd_value_text((dd_text){"", 0}));
    return 0;
}

CALL(get)
{
    const dd_value *found = dd_map_get(arguments[0].map, arguments[1].text);

    *ret = found ? *found : dd_value_text((dd_text){"", 0});
    return 0;
}

CALL(hasKey)
{
    *ret = dd_value_bool(dd_map_get(arguments[0].map, arguments[1].text) != NULL);
    return 0;
}

/* Sorted, where Sprig has no order: a file renders the same each time. */
CALL(keys)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < arguments[i].map->count; k++)
            dd_list_add(dd_evaluation_arena(e), ret->list,
                        dd_value_text(dd_map_sorted(arguments[i].map)[k].key));
    return 0;
}

CALL(values)
{
    *ret = dd_value_list(dd_list_new(dd_evaluation_arena(e)));
    for (size_t k = 0; k < arguments[0].map->count; k++)
        dd_list_add(dd_evaluation_arena(e), ret->list, dd_map_sorted(arguments[0].map)[k].value);
    return 0;
}

static const dd_function rows[] = {
    {"dict", "a*", call_dict}, {"get", "ms", call_get},      {"hasKey", "ms", call_hasKey},
    {"keys", "m*", call_keys}, {"values", "m", call_values},
};
const dd_function_family dd_functions_maps = DD_FAMILY("maps", rows);
