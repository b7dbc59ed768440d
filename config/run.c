/* What a run takes from its task. */
#include "run.h"

void dd_run_fields_of_task(dd_fields *fields, const dd_task *task)
{
    dd_fields_set(fields, "task", task->name);
    dd_fields_set(fields, "clone_url", task->context->url);
    dd_fields_set(fields, "repository", task->context->key);
    dd_fields_set(fields, "context", task->context_text);
    dd_fields_set(fields, "folder", task->context->folder);
    dd_fields_set(fields, "file", task->file);
    dd_fields_set(fields, "values", task->values);
    dd_fields_set(fields, "registry", task->registry);
    dd_fields_set_int(fields, "timeout_s", task->timeout_s);
    if (!task->context->ref)
        return;
    bool full = dd_str_starts(task->context->ref, "refs/");
    dd_auto_str ref = full ? dd_strdup(task->context->ref) : dd_sprintf("refs/heads/%s", task->context->ref);
    dd_fields_set(fields, "ref", ref);
    dd_fields_set(fields, "branch", dd_str_starts(ref, "refs/heads/") ? ref + 11 : NULL);
}
