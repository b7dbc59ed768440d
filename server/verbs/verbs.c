/* The list of verbs, and the way to one. */
#include "verbs.h"

#include "../options.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const dd_verb *const verbs[] = {
    &dd_verb_dev,         &dd_verb_server,      &dd_verb_worker,     &dd_verb_run,
    &dd_verb_task_apply,  &dd_verb_task_list,   &dd_verb_task_show,  &dd_verb_task_delete,
    &dd_verb_task_run,    &dd_verb_runs_list,   &dd_verb_runs_show,  &dd_verb_runs_logs,
    &dd_verb_runs_cancel, &dd_verb_runs_wait,   &dd_verb_queue,      &dd_verb_workers_list,
    &dd_verb_events_list, &dd_verb_events_show, &dd_verb_events_why, &dd_verb_events_replay,
    &dd_verb_event_parse, &dd_verb_lint,        &dd_verb_render,     &dd_verb_graph,
    &dd_verb_deps,        &dd_verb_version,     &dd_verb_run_child,  &dd_verb_run_clean,
    &dd_verb_dev_hook,    &dd_verb_exec_tied,
};

static void print_overview(FILE *to)
{
    fprintf(to, "drydock rebuilds container images when their source or their base changes.\n\n"
                "usage: drydock VERB [OPTION]… [ARGUMENT]…\n\n");
    for (size_t i = 0; i < DD_COUNT(verbs); i++)
        if (!verbs[i]->hidden)
            fprintf(to, "  %-14s %s\n", verbs[i]->name, verbs[i]->summary);
    fprintf(
        to,
        "\ndrydock VERB --help says more. Service logs go to standard error; DRYDOCK_LOG_LEVEL is debug,\n"
        "info (default), warning or error.\n");
}

/* The verb that the words begin with; *ret_words is how many of them are its name. */
static const dd_verb *find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < DD_COUNT(verbs); i++) {
        const char *name = verbs[i]->name, *space = strchr(name, ' ');
        size_t first = space ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
            continue;
        if (space && (argc < 2 || strcmp(argv[1], space + 1) != 0))
            continue;
        *ret_words = space ? 2 : 1;
        return verbs[i];
    }
    return NULL;
}

/* "task" of "task apply": prints the group's verbs; false when there is no such group. */
static bool print_group(FILE *to, const char *word)
{
    bool any = false;
    dd_auto_str start = dd_sprintf("%s ", word);
    for (size_t i = 0; i < DD_COUNT(verbs); i++) {
        if (!dd_str_starts(verbs[i]->name, start) || verbs[i]->hidden)
            continue;
        fprintf(to, "  drydock %-14s %s\n", verbs[i]->name, verbs[i]->summary);
        any = true;
    }
    return any;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* Nearest to what was said: a whole verb, or the first word of a group. */
static void print_nearest(const char *said)
{
    dd_auto(dd_strv) names = dd_strv_new();
    for (size_t i = 0; i < DD_COUNT(verbs); i++) {
        if (verbs[i]->hidden)
            continue;
        dd_strv_add(names, verbs[i]->name);
        dd_strv_add_n(names, verbs[i]->name, strcspn(verbs[i]->name, " "));
    }
    const char *nearest = dd_str_nearest(said, (const char *const *)names->items, names->count);
    if (nearest)
        fprintf(stderr, "; is '%s' meant?", nearest);
}

static int unknown(int argc, char **argv)
{
    char *group = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&group, &length);
    bool is_group = print_group(to, argv[0]);
    fclose(to);
    bool asks_help = is_group && argc > 1 && is_help(argv[1]);
    if (asks_help) {
        fputs(group, stdout);
    } else {
        dd_auto_str said = is_group && argc > 1 ? dd_sprintf("%s %s", argv[0], argv[1]) : dd_strdup(argv[0]);
        fprintf(stderr, "drydock: no verb '%s'", said);
        print_nearest(said);
        fprintf(stderr, "\n%sdrydock --help lists the verbs.\n", group);
    }
    free(group);
    return asks_help ? 0 : 2;
}

static int set_log_level(void)
{
    const char *word = getenv("DRYDOCK_LOG_LEVEL");
    dd_level level;
    if (!word || !*word)
        return 0;
    if (!dd_log_level_parse(word, &level)) {
        fprintf(stderr, "drydock: DRYDOCK_LOG_LEVEL: '%s' is none of debug, info, warning, error\n", word);
        return -1;
    }
    dd_log_set_level(level);
    return 0;
}

static int call(const dd_verb *verb, int argc, char **argv)
{
    dd_args *args = NULL;
    dd_auto(dd_error) error = NULL;
    int code;
    if (dd_args_parse(verb, argc, argv, &args, &error) < 0) {
        code = dd_verb_misuse(args, "%s%s%s", error->message, error->hint ? "; " : "",
                              error->hint ? error->hint : "");
    } else if (dd_args_help(args)) {
        dd_verb_manual(verb);
        code = 0;
    } else {
        code = verb->main(args);
    }
    dd_args_free(args);
    return code;
}

int dd_main(int argc, char **argv)
{
    int words;
    if (set_log_level() < 0)
        return 2;
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    if (is_help(argv[1])) {
        const dd_verb *verb = argc > 2 ? find(argc - 2, argv + 2, &words) : NULL;
        if (verb)
            dd_verb_manual(verb);
        else if (argc < 3 || !print_group(stdout, argv[2]))
            print_overview(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] += 2;
    const dd_verb *verb = find(argc - 1, argv + 1, &words);
    return verb ? call(verb, argc - 1 - words, argv + 1 + words) : unknown(argc - 1, argv + 1);
}
