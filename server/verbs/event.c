/* drydock event parse: what a saved delivery says, as a receiver would take it. */
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX    ((size_t)25 * 1024 * 1024)
#define HEADERS_MAX ((size_t)1024 * 1024)

/* [["Name", "value"], …], or an object with such a list under "headers". */
static int read_headers(const char *path, dd_delivery *ret, dd_error **err)
{
    dd_auto(dd_buf) text = NULL;
    json_error_t where;
    if (dd_buf_read_file(path, HEADERS_MAX, &text, err) < 0)
        return -1;
    json_t *json = json_loadb(text->data, text->length, 0, &where);
    const json_t *list = json_is_object(json) ? json_object_get(json, "headers") : json;
    int result =
        json_is_array(list) ? 0 : dd_fail(err, DD_ERR_INVALID, "%s: not a list of [name, value]", path);
    ret->headers = dd_calloc(json_array_size(list) + 1, sizeof(*ret->headers));
    for (size_t i = 0; result == 0 && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(json_array_get(list, i), 0));
        const char *value = json_string_value(json_array_get(json_array_get(list, i), 1));
        if (name && value)
            ret->headers[ret->header_count++] =
                (dd_header){.name = dd_strdup(name), .value = dd_strdup(value)};
        else
            result = dd_fail(err, DD_ERR_INVALID, "%s: entry %zu is not [name, value]", path, i);
    }
    json_decref(json);
    return result;
}

static void free_headers(dd_delivery *delivery)
{
    for (size_t i = 0; i < delivery->header_count; i++) {
        free(delivery->headers[i].name);
        free(delivery->headers[i].value);
    }
    free(delivery->headers);
}

/* {"error": {"status": 401, "message": "…"}} */
static int refused(int status, const dd_error *error)
{
    json_t *json = json_pack("{s:{s:i, s:s}}", "error", "status", status, "message", error->message);
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    puts(text);
    free(text);
    json_decref(json);
    return 2;
}

/* Without a secret nothing can be verified: the delivery is only read, and that is said. */
static int read_unverified(const dd_sender_settings *sender, const dd_delivery *delivery, dd_events **ret,
                           int *ret_status, dd_error **err)
{
    *ret_status = 400;
    fprintf(stderr, "not verified: no --secret was given\n");
    return dd_sender_find(sender->kind)->normalise(sender, delivery, ret, err);
}

static int print_events(const dd_sender_settings *sender, const dd_delivery *delivery, bool is_verified)
{
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_error) error = NULL;
    int status = 0;
    int result = is_verified ? dd_delivery_read(sender, delivery, &events, &status, &error)
                             : read_unverified(sender, delivery, &events, &status, &error);
    if (result < 0)
        return refused(status, error);
    for (size_t i = 0; i < events->count; i++) {
        char *line = dd_event_to_json(events->items[i]);
        puts(line);
        free(line);
    }
    return 0;
}

/* The one that is asked for; else what the kind or the delivery says, and where neither does, an example's.
 */
static const char *registry_of(const dd_sender *kind, const char *registry)
{
    if (!kind->is_registry || registry)
        return kind->is_registry ? registry : NULL;
    return kind->registry || kind->names_registry ? NULL : "registry.example.com";
}

/* A sender with these secrets and nothing else. */
static int parse_as_kind(const dd_args *args, const dd_sender *kind, const dd_delivery *delivery)
{
    const dd_strv *secrets = dd_args_values(args, "secret");
    const char *registry = dd_args_value(args, "registry");
    dd_sender_settings settings = {.name = dd_strdup(kind->kind), .kind = dd_strdup(kind->kind)};
    for (size_t i = 0; i < secrets->count; i++)
        dd_strv_add(&settings.secrets, secrets->items[i]);
    settings.auth_header = dd_strdup(dd_args_value(args, "auth-header"));
    settings.registry = dd_strdup(registry_of(kind, registry));
    int code = print_events(&settings, delivery, secrets->count > 0);
    free(settings.name);
    free(settings.kind);
    free(settings.auth_header);
    free(settings.registry);
    dd_strv_done(&settings.secrets);
    return code;
}

/* A sender of the settings, with all that they say of it. */
static int parse_as_sender(const dd_args *args, const char *name, const dd_delivery *delivery)
{
    dd_auto(dd_settings) settings = NULL;
    dd_error *error = NULL;
    if (dd_settings_load(dd_args_value(args, "config"), &settings, &error) < 0 ||
        dd_senders_check(settings, &error) < 0)
        return dd_verb_fail(args, error);
    const dd_sender_settings *sender = dd_settings_sender(settings, name);
    if (!sender)
        return dd_verb_misuse(args, "the settings have no sender '%s'", name);
    return print_events(sender, delivery, true);
}

/* When the delivery came: seconds since 1970, or as "2026-11-24T01:02:03Z". */
static bool read_time(const char *text, int64_t *ret_ms)
{
    int64_t seconds;
    if (!text)
        *ret_ms = dd_wall_ms();
    else if (dd_str_to_int(text, &seconds) && seconds >= 0 && seconds < ((int64_t)1 << 40))
        *ret_ms = seconds * 1000;
    else
        return dd_time_parse(text, ret_ms);
    return true;
}

static int misuse_kind(const dd_args *args, const char *kind)
{
    size_t count;
    const char *const *kinds = dd_sender_kinds(&count);
    const char *nearest = dd_str_nearest(kind, kinds, count);
    return dd_verb_misuse(args, "no sender of kind '%s'%s%s", kind, nearest ? "; is this meant: " : "",
                          nearest ? nearest : "");
}

static int parse(const dd_args *args)
{
    const char *kind = dd_args_value(args, "kind"), *headers = dd_args_value(args, "headers");
    const char *body = dd_args_value(args, "body"), *name = dd_args_value(args, "sender");
    const dd_sender *sender = kind ? dd_sender_find(kind) : NULL;
    dd_auto(dd_buf) text = NULL;
    dd_delivery delivery = {.url_token = dd_args_value(args, "token")};
    dd_error *error = NULL;
    int code;
    if (!kind == !name || !headers || !body)
        return dd_verb_misuse(args, "--kind or --sender, and --headers and --body are needed");
    if (kind && !sender)
        return misuse_kind(args, kind);
    if (!read_time(dd_args_value(args, "at"), &delivery.at_ms))
        return dd_verb_misuse(args,
                              "--at: neither seconds since 1970 nor a time such as 2026-11-24T01:02:03Z");
    if (read_headers(headers, &delivery, &error) < 0 || dd_buf_read_file(body, BODY_MAX, &text, &error) < 0) {
        code = dd_verb_fail(args, error);
    } else {
        delivery.body = text->data;
        delivery.body_length = text->length;
        code = sender ? parse_as_kind(args, sender, &delivery) : parse_as_sender(args, name, &delivery);
    }
    free_headers(&delivery);
    return code;
}

static const dd_option options[] = {
    {"kind", 0, "KIND", "the sender's kind, as in the settings"},
    {"headers", 0, "FILE", "JSON: [[\"Name\", \"value\"], …]"},
    {"body", 0, "FILE", "the body's bytes"},
    {"secret", 0, "SECRET", "what the sender signs or proves itself with; may be repeated"},
    {"auth-header", 0, "NAME", "the header that a secret comes in (Authorization)"},
    {"registry", 0, "HOST", "the registry that the sender speaks for"},
    {"sender", 0, "NAME", "as this sender of the settings, instead of --kind and what belongs to it"},
    {"config", 'c', "FILE", "the settings file"},
    {"token", 0, "TOKEN", "the token that stood in the address"},
    {"at", 0, "TIME", "when it came, for signatures that hold for some minutes (now)"},
    {"output", 'o', "FORMAT", "json"},
    {0}};
const dd_verb dd_verb_event_parse = {
    .name = "event parse",
    .summary = "what a saved delivery says",
    .usage = "--kind KIND --headers FILE --body FILE",
    .help = "  Verifies and reads the delivery as a receiver with that secret would, and prints its events "
            "as JSON, one a\n"
            "  line; without --secret it is read but not verified. Refused: {\"error\": {\"status\", "
            "\"message\"}} with the HTTP status it would get, and "
            "exit status 2.\n",
    .examples = "  drydock event parse --kind github --headers push.headers.json --body push.json --secret "
                "dev-secret\n",
    .options = options,
    .main = parse,
};
