/* A task file's steps for Graphviz. */
#include "runner/runner.h"

/* In a quoted string only \" is special to DOT's reader, and a label's reader takes \\ for one '\': written
 * so, a name is the same wherever it stands. */
static char *escaped(const char *text)
{
    dd_auto_str safe = dd_text_safe(text);
    dd_buf into = {0};

    for (const char *c = safe; *c; c++) {
        if (*c == '"' || *c == '\\')
            dd_buf_add_char(&into, '\\');
        dd_buf_add_char(&into, *c);
    }
    return dd_buf_steal(&into);
}

static void add_node(dd_buf *into, const dd_step *step)
{
    static const char *const shapes[] = {
        [DD_STEP_CMD] = "box",
        [DD_STEP_BUILD] = "box3d",
        [DD_STEP_PUSH] = "cds",
    };
    dd_auto_str id = escaped(step->id);

    dd_buf_printf(into, "  \"%s\" [label=\"%s\\n%s\", shape=%s];\n", id, id, dd_step_kind_name(step->kind),
                  shapes[step->kind]);
}

char *dd_taskfile_to_dot(const dd_taskfile *taskfile)
{
    dd_buf into = {0};

    dd_buf_add_str(&into, "digraph task {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for (size_t i = 0; i < taskfile->step_count; i++)
        add_node(&into, &taskfile->steps[i]);
    for (size_t i = 0; i < taskfile->step_count; i++) {
        const dd_step *step = &taskfile->steps[i];
        dd_auto_str id = escaped(step->id);

        for (size_t j = 0; j < step->need_count; j++) {
            dd_auto_str need = escaped(taskfile->steps[step->needs[j]].id);

            dd_buf_printf(&into, "  \"%s\" -> \"%s\";\n", need, id);
        }
    }
    dd_buf_add_str(&into, "}\n");
    return dd_buf_steal(&into);
}
