/* The Dockerfile that an engine gets: ids for names, and nothing that it could read otherwise than we did. */
#include "runner/dockerfile_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Each image's id is "id-" and its repository's name, then its platform. */
static char *pin(const char *text, const char *target, bool documents, dd_error **err)
{
    dd_auto(dd_deps) deps = NULL;
    dd_auto(dd_buf) pinned = dd_buf_new();
    dd_image_uses uses = {0};
    size_t length = strlen(text);
    int ret = dd_dockerfile_scan(text, length, NULL, target, &deps, &uses, err);

    for (size_t i = 0; i < uses.count; i++)
        if (uses.items[i].reference) {
            const char *slash = strrchr(uses.items[i].reference->repository, '/');
            uses.items[i].id = dd_sprintf("id-%s", slash ? slash + 1 : uses.items[i].reference->repository);
        }
    if (ret == 0)
        ret = dd_dockerfile_pin(text, length, &uses, documents, pinned, err);
    dd_image_uses_done(&uses);
    return ret == 0 ? dd_buf_steal(pinned) : NULL;
}

static void assert_pinned(const char *text, const char *target, const char *expected)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str pinned = pin(text, target, true, &error);

    if (!pinned)
        fail_msg("%s\n%s", error->message, text);
    assert_string_equal(pinned, expected);
}

static void assert_refused(const char *text, const char *part)
{
    dd_auto(dd_error) error = NULL;
    dd_auto_str pinned = pin(text, NULL, false, &error);

    if (pinned)
        fail_msg("taken: %s", pinned);
    if (!strstr(error->message, part))
        fail_msg("'%s' does not say '%s'", error->message, part);
}

static void every_name_becomes_an_id(void **state)
{
    (void)state;
    assert_pinned(
        "ARG V=1\nFROM r.example.com/a:${V} AS one\nRUN x\nFROM one AS two\nFROM b\n"
        "COPY --chown=1 --from=r.example.com/tool:2 /x /y\nCOPY --from=one /x /z\nCOPY --from=0 /x /q\n"
        "RUN --mount=type=bind,from=c,source=/ --network=none echo  a\nCOPY --from=two a b\n",
        NULL,
        "ARG V=1\nFROM id-a AS one\nRUN x\nFROM one AS two\nFROM id-b\n"
        "COPY --chown=1 --from=id-tool /x /y\nCOPY --from=one /x /z\nCOPY --from=0 /x /q\n"
        "RUN --mount=type=bind,from=id-c,source=/ --network=none echo  a\nCOPY --from=two a b\n");
}

static void a_stage_that_nothing_needs_has_no_image(void **state)
{
    (void)state;
    assert_pinned(
        "FROM never.example.com/x AS unused\nRUN x\nFROM oci:/etc AS archive\nFROM a AS b\nFROM c\n", "b",
        "FROM scratch AS unused\nRUN x\nFROM scratch AS archive\nFROM id-a AS b\nFROM scratch\n");
    assert_pinned("FROM scratch\nCOPY a /\n", NULL, "FROM scratch\nCOPY a /\n");
}

static void a_platform_is_kept_when_it_is_another_one(void **state)
{
    (void)state;
    assert_pinned("FROM --platform=$BUILDPLATFORM a AS x\nFROM --platform=linux/s390x b\nCOPY --from=x / /\n",
                  NULL, "FROM id-a AS x\nFROM --platform=linux/s390x id-b\nCOPY --from=x / /\n");
}

static void what_a_build_is_for_is_known_to_its_dockerfile(void **state)
{
    static const char text[] = "FROM --platform=$BUILDPLATFORM a-$TARGETOS-$TARGETARCH AS x\n"
                               "FROM --platform=$TARGETPLATFORM b-$TARGETVARIANT\nCOPY --from=x / /\n";
    dd_auto(dd_strv) options = dd_strv_new();
    dd_auto(dd_strv) args = dd_strv_new();
    dd_auto(dd_deps) deps = NULL;
    dd_image_uses uses = {0};

    (void)state;
    dd_dockerfile_target_args(options, args);
    assert_int_equal(args->count, 0); /* the machine's own */
    dd_strv_add(options, "--platform=linux/s390x,linux/arm64");
    dd_strv_add(options, "--variant=z9");
    dd_dockerfile_target_args(options, args);
    dd_strv_add(args, "TARGETOS=given");
    assert_int_equal(dd_dockerfile_scan(text, strlen(text), args, NULL, &deps, &uses, NULL), 0);
    assert_string_equal(uses.items[0].name, "a-given-s390x");
    assert_non_null(uses.items[0].platform); /* not what is built for: to be fetched as it says */
    assert_string_equal(uses.items[1].name, "b-z9");
    assert_null(uses.items[1].platform);
    dd_image_uses_done(&uses);
}

static void lines_stay_where_they_were(void **state)
{
    (void)state;
    assert_pinned("# syntax=docker/dockerfile:1\n\n# from\nFROM \\\n  # comment\n  a\nRUN one && \\\n\n    "
                  "two\n\nRUN three",
                  NULL, "\n\n\nFROM id-a\n\n\nRUN one &&     two\n\n\n\nRUN three\n");
    assert_pinned("# syntax=x\n# escape=`\nFROM a\nRUN one `\n two \\\n", NULL,
                  "# escape=`\n\nFROM id-a\nRUN one  two \\\n");
}

static void here_documents_are_kept_where_they_are_known(void **state)
{
    (void)state;
    assert_pinned("FROM a\nRUN <<EOF\nFROM evil\n# x\nEOF\nRUN y\n", NULL,
                  "FROM id-a\nRUN <<EOF\nFROM evil\n# x\nEOF\nRUN y\n");
    assert_refused("FROM a\nRUN <<EOF\nFROM evil\nEOF\n", "here-documents");
}

static void what_only_an_engine_might_take_for_an_instruction_is_refused(void **state)
{
    (void)state;
    assert_refused("FROM a\n\xe2\x81\xa0"
                   "FROM evil\n",
                   "not an instruction");
    assert_refused("FROM a\nRUN:x\n", "not an instruction");
    assert_refused("FROM oci:/etc\n", "not an image of a registry");
    assert_refused("FROM docker-archive:/x.tar AS a\nFROM a\n", "not an image of a registry");
    dd_auto(dd_buf) text = dd_buf_new();
    dd_buf_add_str(text, "FROM a\nRUN ");
    for (int i = 0; i < 70000; i++)
        dd_buf_add_char(text, 'x');
    dd_buf_add_str(text, "\nFROM evil\n");
    assert_refused(text->data, "more than 65000 bytes");
}

/* One that an engine takes for a blank ends no line here that goes on there. */
static void blanks_of_all_kinds_are_written_as_one(void **state)
{
    (void)state;
    assert_pinned("FROM a\n\v\fRUN x\n\xc2\xa0"
                  "FROM\tb\n",
                  NULL, "FROM scratch\nRUN x\nFROM id-b\n");
}

static void a_trigger_is_one_instruction_without_mounts(void **state)
{
    static const char *const refused[] = {"RUN --mount=type=bind,source=/,target=/x ls /x",
                                          "RUN --mount=type=cache,id=../../x,target=/x ls",
                                          "RUN true\nRUN --mount=type=tmpfs,target=/x true",
                                          "\xc2\xa0RUN true",
                                          "RUN --mo$x true",
                                          "",
                                          "RUN"};
    static const char *const taken[] = {"RUN echo hello", "COPY . /app",
                                        "run --mount=type=tmpfs,target=/x true", "ENV A=b"};

    (void)state;
    for (size_t i = 0; i < DD_COUNT(refused); i++)
        assert_int_equal(dd_dockerfile_check_trigger(refused[i], strlen(refused[i]), NULL), -1);
    for (size_t i = 0; i < DD_COUNT(taken); i++)
        assert_int_equal(dd_dockerfile_check_trigger(taken[i], strlen(taken[i]), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_becomes_an_id),
        cmocka_unit_test(a_stage_that_nothing_needs_has_no_image),
        cmocka_unit_test(a_platform_is_kept_when_it_is_another_one),
        cmocka_unit_test(what_a_build_is_for_is_known_to_its_dockerfile),
        cmocka_unit_test(lines_stay_where_they_were),
        cmocka_unit_test(here_documents_are_kept_where_they_are_known),
        cmocka_unit_test(what_only_an_engine_might_take_for_an_instruction_is_refused),
        cmocka_unit_test(blanks_of_all_kinds_are_written_as_one),
        cmocka_unit_test(a_trigger_is_one_instruction_without_mounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
