/* Values with all that is in them: compared and copied. Sprig 2.22, its behaviour. */
#include "runner/lang/functions/functions.h"

static int same_lists(dd_evaluation *e, const dd_list *a, const dd_list *b, bool *ret)
{
    *ret = a->node.none == b->node.none && a->count == b->count;
    for (size_t i = 0; *ret && i < a->count; i++)
        if (dd_value_same(e, &a->items[i], &b->items[i], ret) < 0)
            return -1;
    return 0;
}

static int same_maps(dd_evaluation *e, const dd_map *a, const dd_map *b, bool *ret)
{
    *ret = a->node.none == b->node.none && a->count == b->count;
    for (size_t i = 0; *ret && i < a->count; i++) {
        const dd_value *other = dd_map_get(b, a->pairs[i].key);

        *ret = other != NULL;
        if (other && dd_value_same(e, &a->pairs[i].value, other, ret) < 0)
            return -1;
    }
    return 0;
}

/* Of one kind and type, and neither list nor map. */
static bool same_scalars(const dd_value *a, const dd_value *b)
{
    if (a->kind == DD_VALUE_BOOL)
        return a->boolean == b->boolean;
    if (a->kind == DD_VALUE_INT)
        return a->integer == b->integer;
    if (a->kind == DD_VALUE_FLOAT)
        return a->real <= b->real && a->real >= b->real;
    if (a->kind == DD_VALUE_OBJECT)
        return a->object->class == b->object->class && a->object->class->equal(a, b);
    return a->kind == DD_VALUE_NIL || dd_text_compare(a->text, b->text) == 0;
}

int dd_value_same(dd_evaluation *e, const dd_value *a, const dd_value *b, bool *ret)
{
    *ret = false;
    if (dd_evaluation_work(e, 1) < 0)
        return -1;
    if (a->kind != b->kind || (a->type != b->type && a->kind != DD_VALUE_NIL))
        return 0;
    *ret = dd_value_node(a) && dd_value_node(a) == dd_value_node(b);
    if (a->kind == DD_VALUE_LIST)
        return *ret ? 0 : same_lists(e, a->list, b->list, ret);
    if (a->kind == DD_VALUE_MAP)
        return *ret ? 0 : same_maps(e, a->map, b->map, ret);
    *ret = same_scalars(a, b);
    return 0;
}

CALL(deepEqual)
{
    bool same = false;

    if (dd_value_same(e, &arguments[0], &arguments[1], &same) < 0)
        return -1;
    *ret = dd_value_bool(same);
    return 0;
}

CALL(deepCopy)
{
    size_t size = dd_value_size(&arguments[0], DD_TEMPLATE_MAX_WORK);

    if (arguments[0].kind == DD_VALUE_NIL)
        return dd_evaluation_fail(e, "there is no value to copy");
    if (dd_evaluation_work(e, size) < 0 || dd_evaluation_room(e, size * 4 * sizeof(dd_pair)) < 0)
        return -1;
    *ret = dd_value_copy(dd_evaluation_arena(e), &arguments[0]);
    return 0;
}

static const dd_function rows[] = {
    {"deepEqual", "aa", call_deepEqual},
    {"deepCopy", "a", call_deepCopy},
};
const dd_function_family dd_functions_trees = DD_FAMILY("trees", rows);
