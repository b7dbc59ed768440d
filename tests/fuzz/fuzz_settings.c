/* A settings file of any bytes; what stands behind a zero byte is the environment, a variable a line. */
#include "config/config.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t length = zero ? (size_t)(zero - data) : size;
    dd_auto_str text = dd_strndup((const char *)data, length);
    dd_auto_str lines = zero ? dd_strndup((const char *)zero + 1, size - length - 1) : NULL;
    dd_auto(dd_strv) env = dd_strv_new();
    dd_auto(dd_settings) settings = NULL;
    dd_auto(dd_error) err = NULL;
    char *rest = NULL;

    for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line; line = strtok_r(NULL, "\n", &rest))
        dd_strv_add(env, line);
    if (dd_settings_parse(text, length, "fuzz", "/nonexistent", env->items, &settings, &err) < 0) {
        dd_auto_str message = dd_error_text(err);

        dd_assert(err->code == DD_ERR_INVALID || err->code == DD_ERR_LIMIT || err->code == DD_ERR_NOT_FOUND ||
                  err->code == DD_ERR_INTERNAL);
        dd_assert(message[0] != '\0');
        return 0;
    }
    dd_assert(settings->server.threads > 0 && settings->worker.lease_s >= 2);
    for (size_t i = 0; i < settings->sender_count; i++)
        dd_assert(dd_settings_sender(settings, settings->senders[i].name) == &settings->senders[i]);
    for (size_t i = 0; i < settings->registry_count; i++)
        dd_assert(dd_settings_registry(settings, settings->registries[i].host) == &settings->registries[i]);
    return 0;
}
