/* Deliveries for tests. No test framework here: the fuzz targets use it too. */
#include "tests/support/deliveries.h"
#include "triggers/senders.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void require(bool kept, const char *rule)
{
    if (kept)
        return;
    fprintf(stderr, "broken: %s\n", rule);
    abort();
}

/* ---- Making them ---- */

void test_delivery_done(test_delivery *delivery)
{
    for (size_t i = 0; i < delivery->delivery.header_count; i++) {
        free(delivery->delivery.headers[i].name);
        free(delivery->delivery.headers[i].value);
    }
    free(delivery->delivery.headers);
    free(delivery->body);
    free(delivery->url_token);
    *delivery = (test_delivery){0};
}

void test_delivery_header(test_delivery *delivery, const char *name, const char *value)
{
    dd_delivery *to = &delivery->delivery;
    to->headers = dd_reallocarray(to->headers, to->header_count + 1, sizeof(*to->headers));
    to->headers[to->header_count++] = (dd_header){dd_strdup(name), dd_strdup(value)};
}

void test_delivery_set_header(test_delivery *delivery, const char *name, const char *value)
{
    for (size_t i = 0; i < delivery->delivery.header_count; i++) {
        dd_header *header = &delivery->delivery.headers[i];
        if (strcasecmp(header->name, name) != 0)
            continue;
        free(header->value);
        header->value = dd_strdup(value);
        return;
    }
    test_delivery_header(delivery, name, value);
}

void test_delivery_body(test_delivery *delivery, const char *body, size_t length)
{
    free(delivery->body);
    delivery->body = dd_strndup("", 0);
    delivery->body = dd_reallocarray(delivery->body, length + 1, 1);
    memcpy(delivery->body, body, length);
    delivery->delivery.body = delivery->body;
    delivery->delivery.body_length = length;
    delivery->delivery.at_ms = TEST_AT_MS;
    if (!delivery->url_token)
        delivery->delivery.url_token = TEST_URL_TOKEN;
}

/* The hex of the code of these bytes, behind the scheme. */
static void set_code(test_delivery *delivery, const char *header, const char *scheme, const char *secret,
                     const char *text, size_t length)
{
    uint8_t mac[DD_SHA256_BYTES];
    char hex[DD_SHA256_HEX];
    dd_hmac_sha256(secret, strlen(secret), text, length, mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    dd_auto_str value = dd_sprintf("%s%s", scheme, hex);
    test_delivery_set_header(delivery, header, value);
}

void test_delivery_sign(test_delivery *delivery, const char *secret)
{
    set_code(delivery, "X-Hub-Signature-256", "sha256=", secret, delivery->delivery.body,
             delivery->delivery.body_length);
}

static void prove_hub(test_delivery *delivery, const char *header)
{
    set_code(delivery, header, "sha256=", TEST_GITHUB_SECRET, delivery->delivery.body,
             delivery->delivery.body_length);
}

/* The text in a form is what is signed; of a broken form, nothing that could be. */
static void prove_gitea(test_delivery *delivery, const char *header)
{
    dd_auto(dd_buf) form = NULL;
    const char *text = delivery->delivery.body;
    size_t length = delivery->delivery.body_length;
    if (dd_delivery_is(&delivery->delivery, "application/x-www-form-urlencoded") &&
        dd_form_field(text, length, "payload", &form, NULL) == 0) {
        text = form->data;
        length = form->length;
    }
    set_code(delivery, header, "", TEST_GITHUB_SECRET, text, length);
}

static void prove_whole(test_delivery *delivery, const char *header)
{
    set_code(delivery, header, "", TEST_GITHUB_SECRET, delivery->delivery.body,
             delivery->delivery.body_length);
}

static void prove_sha1(test_delivery *delivery, const char *header)
{
    uint8_t mac[DD_SHA1_BYTES];
    char hex[DD_SHA1_HEX];
    dd_hmac_sha1(TEST_GITHUB_SECRET, strlen(TEST_GITHUB_SECRET), delivery->delivery.body,
                 delivery->delivery.body_length, mac);
    dd_hex_encode(mac, sizeof(mac), hex);
    test_delivery_set_header(delivery, header, hex);
}

static void prove_standard(test_delivery *delivery, const char *prefix)
{
    bool twice;
    uint8_t mac[DD_SHA256_BYTES];
    dd_auto(dd_buf) key = dd_buf_new();
    dd_auto_str id_name = dd_sprintf("%sid", prefix);
    dd_auto_str time_name = dd_sprintf("%stimestamp", prefix);
    dd_auto_str code_name = dd_sprintf("%ssignature", prefix);
    const char *id = dd_delivery_header(&delivery->delivery, id_name, &twice);
    const char *at = dd_delivery_header(&delivery->delivery, time_name, &twice);
    if (!id || !at)
        return;
    const char *secret = strchr(TEST_SIGNING_KEY, '_') + 1;
    require(dd_base64_decode(secret, strlen(secret), key), "the test's key is base64");
    dd_auto(dd_buf) text = dd_buf_new();
    dd_buf_printf(text, "%s.%s.", id, at);
    dd_buf_add(text, delivery->delivery.body, delivery->delivery.body_length);
    dd_hmac_sha256(key->data, key->length, text->data, text->length, mac);
    dd_auto_str code = dd_base64_encode(mac, sizeof(mac));
    dd_auto_str value = dd_sprintf("v1,%s", code);
    test_delivery_set_header(delivery, code_name, value);
}

/* Each kind's way; a token or a password proves any body. */
static const struct proof {
    const char *kind;
    void (*prove)(test_delivery *delivery, const char *name);
    const char *name;
} proofs[] = {
    {"github", prove_hub, "X-Hub-Signature-256"},
    {"gitlab", prove_standard, "webhook-"},
    {"gitea", prove_gitea, "X-Gitea-Signature"},
    {"forgejo", prove_gitea, "X-Forgejo-Signature"},
    {"forgejo", prove_gitea, "X-Gitea-Signature"}, /* of old releases */
    {"gogs", prove_gitea, "X-Gogs-Signature"},
    {"bitbucket", prove_hub, "X-Hub-Signature"},
    {"bitbucket-datacenter", prove_hub, "X-Hub-Signature"},
    {"standard-webhooks", prove_standard, "webhook-"},
    {"standard-webhooks", prove_standard, "svix-"},
    {"ghcr", prove_hub, "X-Hub-Signature-256"},
    {"artifactory", prove_whole, "X-JFrog-Event-Auth"},
    {"nexus", prove_sha1, "X-Nexus-Webhook-Signature"},
};

void test_delivery_prove(test_delivery *delivery, const char *kind)
{
    for (size_t i = 0; i < DD_COUNT(proofs); i++)
        if (dd_str_eq(proofs[i].kind, kind))
            proofs[i].prove(delivery, proofs[i].name);
}

json_t *test_load_json(const char *folder, const char *file)
{
    json_error_t why;
    dd_auto_str path = dd_path_join(folder, file);
    json_t *json = json_load_file(path, 0, &why);
    if (!json)
        fprintf(stderr, "%s: %s (line %d)\n", path, why.text, why.line);
    require(json != NULL, "a fixture is readable JSON");
    return json;
}

void test_delivery_load(test_delivery *delivery, const char *folder)
{
    json_t *pair;
    size_t i;
    json_auto_t *headers = test_load_json(folder, "headers.json");
    dd_auto_str path = dd_path_join(folder, "body");
    dd_auto(dd_buf) body = NULL;
    require(dd_buf_read_file(path, 32 * 1024 * 1024, &body, NULL) == 0, "a fixture has a body");
    json_array_foreach(headers, i, pair) test_delivery_header(
        delivery, json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1)));
    dd_auto_str token_path = dd_path_join(folder, "token");
    dd_auto(dd_buf) token = NULL;
    if (dd_path_exists(token_path)) {
        require(dd_buf_read_file(token_path, 1024, &token, NULL) == 0, "a fixture's token is readable");
        delivery->url_token = dd_strndup(token->data ? token->data : "", token->length);
        delivery->delivery.url_token = token->length ? delivery->url_token : NULL;
    }
    test_delivery_body(delivery, body->data, body->length);
}

/* What the registries' settings say in the tests, beside the secrets. */
static struct registry {
    char kind[32], host[64], auth_header[32], docker_repository[32];
} registries[] = {
    {"distribution", TEST_REGISTRY, "", ""},
    {"gitlab-registry", TEST_REGISTRY, "", ""},
    {"harbor", "harbor.example.com", "", ""},
    {"acr", "example.azurecr.io", "", ""},
    {"quay", "quay.io", "", ""},
    {"ecr", "111122223333.dkr.ecr.us-west-2.amazonaws.com", "x-api-key", ""},
    {"gar", "us-central1-docker.pkg.dev", "", ""},
    {"artifactory", "example.jfrog.io", "", ""},
    {"nexus", TEST_REGISTRY, "", "docker-hosted"},
    {"zot", TEST_REGISTRY, "", ""},
    {"cloudevents", TEST_REGISTRY, "", ""},
};

static char *text_or_null(char *text)
{
    return *text ? text : NULL;
}

static void set_registry(dd_sender_settings *settings)
{
    static char type[] = "com.example.image.pushed";
    static char *types[] = {type, NULL};
    for (size_t i = 0; i < DD_COUNT(registries); i++) {
        if (!dd_str_eq(registries[i].kind, settings->kind))
            continue;
        settings->registry = registries[i].host;
        settings->auth_header = text_or_null(registries[i].auth_header);
        settings->docker_repository = text_or_null(registries[i].docker_repository);
    }
    if (dd_str_eq(settings->kind, "cloudevents"))
        settings->types = (dd_strv){types, 1, 2};
}

dd_sender_settings *test_sender(const char *kind)
{
    static char secret[] = TEST_GITHUB_SECRET, key[] = TEST_SIGNING_KEY;
    static char *secrets[] = {secret, key, NULL};
    static char registry[] = "registry", value[] = TEST_DISTRIBUTION_HEADER;
    static char *values[] = {value, NULL};
    static char names[64][32]; /* a copy of the settings outlives the next call */
    static dd_sender_settings settings;
    size_t count, row = 0;
    const char *const *kinds = dd_sender_kinds(&count);
    while (row < count && !dd_str_eq(kinds[row], kind))
        row++;
    require(row < count && count <= DD_COUNT(names), "a kind that there is");
    char *name = names[row];
    snprintf(name, sizeof(names[row]), "%s", kind);
    settings = (dd_sender_settings){.name = name, .kind = name, .secrets = {secrets, 1, 2}};
    if (dd_str_eq(kind, "gitlab"))
        settings.secrets = (dd_strv){secrets, 2, 3};
    if (dd_str_eq(kind, "standard-webhooks"))
        settings.secrets = (dd_strv){secrets + 1, 1, 2};
    if (dd_str_eq(kind, "distribution"))
        settings = (dd_sender_settings){.name = registry, .kind = name, .auth_values = {values, 1, 2}};
    set_registry(&settings);
    return &settings;
}

/* ---- Judging what comes out ---- */

/* An old Bitbucket Data Center may not say where its repositories are; nobody can mistake that for one. */
static void check_repository(const dd_event *event)
{
    require(event->repository && dd_is_plain_word(event->repository), "a repository");
    require((event->clone_url != NULL) == (event->repository_key != NULL),
            "an address and its key, or neither");
    require(event->clone_url || dd_str_eq(event->sender_kind, "bitbucket-datacenter"), "an address");
    dd_auto_str key = NULL;
    require(!event->clone_url || (dd_repository_key(event->clone_url, &key, NULL) == 0 &&
                                  dd_str_eq(key, event->repository_key)),
            "the key is that of the address");
}

static void check_push(const dd_event *event)
{
    require(event->ref && dd_ref_is_valid(event->ref) && dd_str_starts(event->ref, "refs/"),
            "a valid full ref");
    require(event->after && dd_commit_is_valid(event->after), "after is a commit id");
    require(!event->before || dd_commit_is_valid(event->before), "before is a commit id");
    require((event->branch != NULL) != (event->tag != NULL), "a branch or a tag");
    require(dd_commit_is_zero(event->after) == (event->kind == DD_EVENT_DELETE), "zero exactly when deleted");
    for (size_t i = 1; i < event->changed_paths.count; i++)
        require(strcmp(event->changed_paths.items[i - 1], event->changed_paths.items[i]) < 0,
                "changed paths are sorted, each once");
    check_repository(event);
}

/* Bitbucket's may be shortened to 12 digits. */
static void check_request(const dd_event *event)
{
    bool is_short = dd_str_eq(event->sender_kind, "bitbucket");
    require(event->ref && dd_ref_is_valid(event->ref) && dd_str_starts(event->ref, "refs/"),
            "a valid full ref");
    require(event->branch && event->head_branch && event->number, "two branches and a number");
    require(event->after && (dd_commit_is_valid(event->after) || (is_short && strlen(event->after) >= 12)),
            "after is a commit id");
    require(!is_short || !event->fork, "no ref of a fork that would be one of another branch");
    check_repository(event);
}

/* The others' digests are asked of the registry. */
static bool has_digests(const char *kind)
{
    static const char *const without[] = {"dockerhub", "quay", "gar", "nexus", "cloudevents"};
    for (size_t i = 0; i < DD_COUNT(without); i++)
        if (dd_str_eq(without[i], kind))
            return false;
    return true;
}

static void check_image(const dd_event *event)
{
    require(event->tag && dd_tag_is_valid(event->tag), "a valid tag");
    require(!event->digest || dd_digest_is_valid(event->digest), "a valid digest");
    require(event->digest || !has_digests(event->sender_kind), "a digest, where the kind sends them");
    require(event->repository && dd_repository_is_valid(event->repository), "a valid repository");
    require(event->media_type || !dd_str_eq(event->sender_kind, "distribution"), "a manifest's media type");
    const char *own = dd_sender_find(event->sender_kind)->registry;
    require(dd_str_eq(event->registry, own ? own : test_sender(event->sender_kind)->registry),
            "the registry is the settings'");
}

static void check_event(const dd_event *event)
{
    require(event->sender && event->sender_kind, "a sender");
    require(event->delivery && dd_name_is_valid(event->delivery), "a delivery id that can stand in a key");
    require((event->kind == DD_EVENT_IGNORED) == (event->why != NULL), "a reason exactly when ignored");
    require(event->paths_known || event->changed_paths.count == 0, "no paths where they are unknown");
    json_auto_t *why = event->why ? json_string(event->why) : json_null();
    require(why != NULL, "a reason that can be answered");
    require(!event->message || !strpbrk(event->message, "\n\r\x1b"), "a message of one plain line");
    switch (event->kind) {
    case DD_EVENT_PUSH:
    case DD_EVENT_TAG:
    case DD_EVENT_DELETE:
        check_push(event);
        break;
    case DD_EVENT_IMAGE_PUSH:
        check_image(event);
        break;
    case DD_EVENT_PULL_REQUEST:
        check_request(event);
        break;
    case DD_EVENT_PING:
    case DD_EVENT_IGNORED:
        break;
    case DD_EVENT_SCHEDULE:
    case DD_EVENT_MANUAL:
    case DD_EVENT_KINDS:
        require(false, "a kind that deliveries have");
    }
}

void test_check_events(const dd_events *events)
{
    require(events->count > 0, "one event at least");
    for (size_t i = 0; i < events->count; i++) {
        check_event(events->items[i]);
        dd_auto(dd_fields) fields = dd_event_to_fields(events->items[i]);
        dd_auto(dd_event) again = NULL;
        require(dd_event_from_fields(fields, &again, NULL) == 0, "the stream's fields are readable");
        dd_auto_str one = dd_event_to_json(events->items[i]);
        dd_auto_str other = dd_event_to_json(again);
        require(strcmp(one, other) == 0, "an event is the same after the stream");
    }
}

/* ---- Fuzzing ---- */

/* One header line taken off; false at the empty line or the end. */
static bool take_line(test_delivery *delivery, const char **data, size_t *size)
{
    const char *end = memchr(*data, '\n', *size);
    if (!end)
        return false;
    size_t length = (size_t)(end - *data);
    const char *colon = memchr(*data, ':', length);
    const char *value = colon ? colon + 1 + (colon + 1 < end && colon[1] == ' ') : end;
    dd_auto_str name = dd_strndup(*data, colon ? (size_t)(colon - *data) : length);
    dd_auto_str text = dd_strndup(value, (size_t)(end - value));
    *data += length + 1;
    *size -= length + 1;
    if (length == 0 || delivery->delivery.header_count == 64)
        return false;
    test_delivery_header(delivery, name, text);
    return true;
}

void test_fuzz_delivery(const char *kind, const uint8_t *data, size_t size)
{
    test_delivery delivery = {0};
    const dd_sender *sender = dd_sender_find(kind);
    const dd_sender_settings *settings = test_sender(kind);
    const char *text = (const char *)data;
    dd_auto(dd_events) events = NULL;
    dd_auto(dd_events) read = NULL;
    dd_auto(dd_error) why = NULL;
    int status = 0;
    while (size > 0 && take_line(&delivery, &text, &size))
        ;
    test_delivery_body(&delivery, text, size);
    int verified = dd_sender_verify(settings, &delivery.delivery, NULL);
    int result = dd_delivery_read(settings, &delivery.delivery, &events, &status, &why);
    require(verified == 0 || (result < 0 && status == 401), "what is not authentic gets 401");
    require(result == 0 || (why && *why->message), "a refusal says why");
    if (sender->normalise(settings, &delivery.delivery, &read, NULL) == 0)
        test_check_events(read);
    test_delivery_done(&delivery);
}

int test_each_case(const char *fixtures, void (*each)(const char *kind, const char *folder))
{
    size_t count;
    int cases = 0;
    const char *const *kinds = dd_sender_kinds(&count);
    for (size_t i = 0; i < count; i++) {
        dd_auto_str top = dd_path_join(fixtures, kinds[i]);
        DIR *directory = opendir(top);
        require(directory != NULL, "every kind of sender has fixtures");
        for (const struct dirent *entry; (entry = readdir(directory));) {
            dd_auto_str folder = dd_path_join(top, entry->d_name);
            dd_auto_str body = dd_path_join(folder, "body");
            if (entry->d_name[0] == '.' || !dd_path_exists(body))
                continue;
            each(kinds[i], folder);
            cases++;
        }
        closedir(directory);
    }
    return cases;
}
