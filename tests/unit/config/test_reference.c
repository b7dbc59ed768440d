/* References, repository addresses and contexts: one thing, one spelling; nothing else gets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"
#include <stdlib.h>
#include <string.h>

#define HEX32  "0123456789abcdef0123456789abcdef"
#define DIGEST "sha256:" HEX32 HEX32

typedef struct pair {
    const char *text;
    const char *normal;
} pair;

static void a_reference_has_one_spelling(void **state)
{
    static const pair pairs[] = {
        {"busybox", "docker.io/library/busybox:latest"},
        {"busybox:1", "docker.io/library/busybox:1"},
        {"library/busybox:1", "docker.io/library/busybox:1"},
        {"docker.io/busybox", "docker.io/library/busybox:latest"},
        {"index.docker.io/library/busybox", "docker.io/library/busybox:latest"},
        {"registry-1.docker.io/org/x:2", "docker.io/org/x:2"},
        {"registry.hub.docker.com/org/x", "docker.io/org/x:latest"},
        {"org/x", "docker.io/org/x:latest"},
        {"localhost/x", "localhost/x:latest"},
        {"localhost:5000/x", "localhost:5000/x:latest"},
        {"localhost:5000/x:1", "localhost:5000/x:1"},
        {"Registry.Example.COM/a/b/c:V1", "registry.example.com/a/b/c:V1"},
        {"127.0.0.1:5000/base/busybox:1", "127.0.0.1:5000/base/busybox:1"},
        {"[::1]:5000/x", "[::1]:5000/x:latest"},
        {"x@" DIGEST, "docker.io/library/x@" DIGEST},
        {"r.io/x:1@" DIGEST, "r.io/x:1@" DIGEST},
        {"a/b__c.d-e---f", "docker.io/a/b__c.d-e---f:latest"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(pairs); i++) {
        dd_auto(dd_reference) once = NULL;
        dd_auto(dd_reference) twice = NULL;

        assert_int_equal(dd_reference_parse(pairs[i].text, &once, NULL), 0);
        assert_string_equal(once->text, pairs[i].normal);
        assert_int_equal(dd_reference_parse(once->text, &twice, NULL), 0);
        assert_string_equal(twice->text, once->text);
    }
}

static void a_reference_with_only_a_digest_has_no_tag(void **state)
{
    dd_auto(dd_reference) reference = NULL;

    (void)state;
    assert_int_equal(dd_reference_parse("r.io:5000/a/b@" DIGEST, &reference, NULL), 0);
    assert_string_equal(reference->registry, "r.io:5000");
    assert_string_equal(reference->repository, "a/b");
    assert_null(reference->tag);
    assert_string_equal(reference->digest, DIGEST);
}

static void what_is_no_reference_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      " ",
                                      "Busybox",
                                      "a b",
                                      "a:",
                                      "a:-x",
                                      "a:.x",
                                      "a@",
                                      "a@sha256:00",
                                      "a@" DIGEST "0",
                                      "a@md5:00",
                                      "a@sha256:" HEX32 "0123456789ABCDEF0123456789abcdef",
                                      "/a",
                                      "a/",
                                      "a//b",
                                      "a/../b",
                                      "-a",
                                      "a-",
                                      "a..b",
                                      "a___b",
                                      "_a",
                                      "r.io:/x",
                                      "r.io:0/x",
                                      "r.io:70000/x",
                                      "r.io:05000/x",
                                      "-r.io/x",
                                      "r-.io/x",
                                      "r..io/x",
                                      "[::1/x",
                                      "[]:1/x",
                                      "r.io/",
                                      "https://r.io/x",
                                      "a\nb",
                                      "a;b",
                                      "a$(b)",
                                      "a:b:c",
                                      "x@" DIGEST ":tag",
                                      "x@" DIGEST "@" DIGEST};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++) {
        dd_auto(dd_reference) reference = NULL;
        dd_auto(dd_error) err = NULL;

        assert_int_equal(dd_reference_parse(bad[i], &reference, &err), -1);
        assert_null(reference);
        assert_int_equal(err->code, DD_ERR_INVALID);
    }
    assert_int_equal(dd_reference_parse(NULL, NULL, NULL), -1);
}

/* "library/" counts too: the whole name has 255 bytes at most. */
static void a_name_of_the_hub_is_bounded_as_it_is_kept(void **state)
{
    char name[249];
    dd_auto(dd_reference) reference = NULL;

    (void)state;
    memset(name, 'a', sizeof(name));
    name[248] = '\0';
    assert_int_equal(dd_reference_parse(name, &reference, NULL), -1);
    name[247] = '\0';
    assert_int_equal(dd_reference_parse(name, &reference, NULL), 0);
}

static void parts_have_their_grammar(void **state)
{
    char tag[130];

    (void)state;
    memset(tag, 'a', sizeof(tag));
    tag[128] = '\0';
    assert_true(dd_tag_is_valid(tag));
    tag[128] = 'a';
    tag[129] = '\0';
    assert_false(dd_tag_is_valid(tag));
    assert_false(dd_tag_is_valid(DIGEST));
    assert_false(dd_tag_is_valid(NULL));
    assert_true(dd_digest_is_valid(DIGEST));
    assert_true(dd_digest_is_valid("sha512:" HEX32 HEX32 HEX32 HEX32));
    assert_false(dd_digest_is_valid("sha512:" HEX32 HEX32));
    assert_false(dd_digest_is_valid("SHA256:" HEX32 HEX32));
    assert_false(dd_digest_is_valid(NULL));
    assert_true(dd_repository_is_valid("a/b/c"));
    assert_false(dd_repository_is_valid("a/B"));
    assert_false(dd_repository_is_valid(NULL));
}

static void a_repository_has_one_key(void **state)
{
    static const pair pairs[] = {
        {"https://github.com/org/hello.git", "github.com/org/hello"},
        {"https://GitHub.com/org/hello", "github.com/org/hello"},
        {"HTTPS://github.com:443/org/hello/", "github.com/org/hello"},
        {"https://github.com/org/hello.git/", "github.com/org/hello"},
        {"https://user@github.com/org/hello", "github.com/org/hello"},
        {"git@github.com:org/hello.git", "github.com/org/hello"},
        {"git@github.com:/org/hello.git", "github.com/org/hello"},
        {"ssh://git@github.com/org/hello.git", "github.com/org/hello"},
        {"ssh://git@github.com:22/org/hello.git", "github.com/org/hello"},
        {"ssh://git@host:2222/org/hello.git", "host:2222/org/hello"},
        {"http://127.0.0.1:8080/hello-world.git", "127.0.0.1:8080/hello-world"},
        {"http://host:80/a/b", "host/a/b"},
        {"https://host:80/a/b", "host:80/a/b"},
        {"https://[::1]:8443/a/b", "[::1]:8443/a/b"},
        {"https://git.example.com/~user/c++/x", "git.example.com/~user/c++/x"},
        {"https://dev.azure.com/org/My%20Project/_git/x", "dev.azure.com/org/My%20Project/_git/x"},
        {"https://host/caf%c3%a9/x", "host/caf%C3%A9/x"},
        {"https://host/Org/Hello", "host/Org/Hello"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(pairs); i++) {
        dd_auto_str key = NULL;

        assert_int_equal(dd_repository_key(pairs[i].text, &key, NULL), 0);
        assert_string_equal(key, pairs[i].normal);
    }
}

static void threats_11_23_30_only_harmless_addresses_are_read(void **state)
{
    static const char *const bad[] = {"",
                                      "ext::sh -c id",
                                      "EXT::sh -c id",
                                      "a@ext::sh -c id",
                                      "file:///etc",
                                      "FILE:///etc/passwd",
                                      "/etc",
                                      "git://host/a",
                                      "Git://host/a",
                                      "ftp://host/a",
                                      "git+ssh://host/a",
                                      "https:/host/a",
                                      "https://",
                                      "https:///a",
                                      "https://host",
                                      "https://host/",
                                      "host:org/a",
                                      "../a",
                                      "-oProxyCommand=id",
                                      "--upload-pack=id",
                                      "ssh://-oProxyCommand=id/a",
                                      "ssh://git@-oProxyCommand=id/a",
                                      "-x@host:a",
                                      "git@-host:a",
                                      "git@host:-x",
                                      "ssh://host/-x",
                                      "ssh://git@host/a'b",
                                      "ssh://git@host/a;id",
                                      "ssh://git@host/$(id)",
                                      "ssh://git@host/a`id`",
                                      "ssh://git@host/a\nb",
                                      "ssh://git@host/a b",
                                      "ssh://git@host/a\"b",
                                      "ssh://git@host/a%20b",
                                      "ssh://git@host/a|b",
                                      "git@host:a&b",
                                      "https://host/a?b=c",
                                      "https://host/a#b",
                                      "https://host/a/../b",
                                      "https://host/./a",
                                      "https://host/a//b",
                                      "https://host/...git",
                                      "https://host/.git",
                                      "https://host/a/.git",
                                      "https://host/a%2e%2e/b",
                                      "https://host/%2F",
                                      "https://host/a%",
                                      "https://host/a%2",
                                      "https://host/a%0ab",
                                      "https://host:0/a",
                                      "https://host:99999/a",
                                      "https://host:x/a",
                                      "https://host:/a",
                                      "https://ho st/a",
                                      "https://host\n/a",
                                      "https://host./a",
                                      "https://.host/a",
                                      "https://a@b@c:d/a",
                                      "https://@host/a",
                                      "https://host/\xc3\xa9",
                                      " https://host/a",
                                      "https://host/a ",
                                      "https://u\n@host/a",
                                      "https://host\\@evil/a"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++) {
        dd_auto_str key = NULL;
        dd_auto(dd_error) err = NULL;

        assert_int_equal(dd_repository_key(bad[i], &key, &err), -1);
        assert_null(key);
        assert_int_equal(err->code, DD_ERR_INVALID);
    }
    assert_int_equal(dd_repository_key(NULL, NULL, NULL), -1);
}

static void a_password_in_an_address_is_refused_and_not_repeated(void **state)
{
    dd_auto_str key = NULL;
    dd_auto_str text = NULL;
    dd_auto(dd_error) err = NULL;

    (void)state;
    assert_int_equal(dd_repository_key("https://me:hunter2@github.com/org/hello", &key, &err), -1);
    text = dd_error_text(err);
    assert_non_null(strstr(text, "password"));
    assert_null(strstr(text, "hunter2"));
}

static void a_context_is_repository_ref_and_folder(void **state)
{
    static const struct {
        const char *text, *url, *ref, *folder;
    } contexts[] = {
        {"https://github.com/org/hello.git#main:src", "https://github.com/org/hello.git", "main", "src"},
        {"https://github.com/org/hello.git", "https://github.com/org/hello.git", NULL, NULL},
        {"https://github.com/org/hello.git#", "https://github.com/org/hello.git", NULL, NULL},
        {"https://github.com/org/hello.git#feature/x", "https://github.com/org/hello.git", "feature/x", NULL},
        {"https://github.com/org/hello.git#:a/b", "https://github.com/org/hello.git", NULL, "a/b"},
        {"https://github.com/org/hello.git#main:/a//./b/", "https://github.com/org/hello.git", "main", "a/b"},
        {"https://github.com/org/hello.git#main:.", "https://github.com/org/hello.git", "main", NULL},
        {"git@github.com:org/hello.git#v1:x", "git@github.com:org/hello.git", "v1", "x"},
    };

    (void)state;
    for (size_t i = 0; i < DD_COUNT(contexts); i++) {
        dd_auto(dd_context_ref) context = NULL;

        assert_int_equal(dd_context_ref_parse(contexts[i].text, &context, NULL), 0);
        assert_string_equal(context->url, contexts[i].url);
        assert_string_equal(context->key, "github.com/org/hello");
        assert_true(dd_str_eq(context->ref, contexts[i].ref));
        assert_true(dd_str_eq(context->folder, contexts[i].folder));
    }
}

static void threat_13_a_context_stays_inside_its_repository(void **state)
{
    static const char *const bad[] = {"https://h/a#main:..",
                                      "https://h/a#main:a/../../b",
                                      "https://h/a#main:/..",
                                      "https://h/a#main:.git",
                                      "https://h/a#main:a/.GIT/x",
                                      "https://h/a#main:a\\b",
                                      "https://h/a#main:a\nb",
                                      "https://h/a#main:-x",
                                      "https://h/a#-x",
                                      "https://h/a#a..b",
                                      "https://h/a#a@{1}",
                                      "https://h/a#a b",
                                      "#main",
                                      ""};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(bad); i++) {
        dd_auto(dd_context_ref) context = NULL;
        dd_auto(dd_error) err = NULL;

        assert_int_equal(dd_context_ref_parse(bad[i], &context, &err), -1);
        assert_null(context);
        assert_int_equal(err->code, DD_ERR_INVALID);
    }
    assert_int_equal(dd_context_ref_parse(NULL, NULL, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_has_one_spelling),
        cmocka_unit_test(a_reference_with_only_a_digest_has_no_tag),
        cmocka_unit_test(what_is_no_reference_is_refused),
        cmocka_unit_test(a_name_of_the_hub_is_bounded_as_it_is_kept),
        cmocka_unit_test(parts_have_their_grammar),
        cmocka_unit_test(a_repository_has_one_key),
        cmocka_unit_test(threats_11_23_30_only_harmless_addresses_are_read),
        cmocka_unit_test(a_password_in_an_address_is_refused_and_not_repeated),
        cmocka_unit_test(a_context_is_repository_ref_and_folder),
        cmocka_unit_test(threat_13_a_context_stays_inside_its_repository),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
